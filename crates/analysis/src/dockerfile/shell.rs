//! What a RUN hands to a POSIX shell, as a tree with places.
//!
//! The grammar is that of the Shell Command Language (POSIX.1-2024, chapter 2) with what bash adds and
//! Dockerfiles use: `[[ ]]`, `(( ))`, arrays, `<( )`, `&>`, `<<<`, `function`. Nothing is expanded. What does
//! not fit is an error and the text is left alone: of a script that is half understood nothing is known.

mod grammar;
mod word;

use std::ops::Range;

/// A script: statements that `;`, `&` or line ends part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The statements.
    pub statements: Vec<Statement>,
}

/// Pipelines that `&&` and `||` join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The first pipeline, and each other with what joins it to those before.
    pub first: Pipeline,
    /// What follows.
    pub rest: Vec<(Join, Pipeline)>,
    /// Whether it runs in the background, `&`.
    pub is_background: bool,
}

/// What joins a pipeline to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Whether it runs when those before fail, `||`; else when they succeed, `&&`.
    pub is_or: bool,
    /// Where the operator is.
    pub range: Range<usize>,
}

/// Commands that `|` joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Whether its status is turned round, `!`.
    pub is_negated: bool,
    /// The commands.
    pub commands: Vec<Command>,
    /// Where it is.
    pub range: Range<usize>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A program or builtin with its words.
    Simple(Simple),
    /// A group, subshell, loop or choice.
    Compound(Compound),
}

/// A command of words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// `NAME=value` before the words, or alone.
    pub assignments: Vec<Word>,
    /// The name and the arguments.
    pub words: Vec<Word>,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
    /// From its first to its last byte.
    pub range: Range<usize>,
}

/// A command made of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compound {
    /// What it is.
    pub kind: CompoundKind,
    /// The lists in it, conditions among them.
    pub lists: Vec<List>,
    /// The words of `for`, `case` or `[[`.
    pub words: Vec<Word>,
    /// Where its input and output go.
    pub redirects: Vec<Redirect>,
    /// From its first to its last byte.
    pub range: Range<usize>,
}

/// What a compound command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompoundKind {
    /// `{ }`: runs as if the braces were not there.
    Group,
    /// `( )`: runs in a shell of its own.
    Subshell,
    /// `for`, with the name of its variable.
    For(String),
    /// `while` or `until`.
    While,
    /// `if`.
    If,
    /// `case`.
    Case,
    /// `[[ ]]` or `(( ))`.
    Test,
    /// The definition of a function, with its name.
    Function(String),
}

/// Where input or output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// `>`, `>>`, `<<`, `2>&`, ... without the number.
    pub operator: String,
    /// The file, descriptor or name.
    pub target: Word,
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// What it consists of.
    pub parts: Vec<Part>,
    /// The commands in it: `$( )`, backticks, `<( )`.
    pub lists: Vec<List>,
    /// Where it is.
    pub range: Range<usize>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text without its quotes; what was not quoted may hold globs, braces and `~`.
    Text(String, Quoted),
    /// `$NAME` or `${NAME}`.
    Variable(String, Quoted),
    /// What only a shell can tell.
    Unknown,
}

/// Whether a part of a word stood in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoted {
    /// It did.
    Yes,
    /// It did not.
    No,
}

/// A text is no script that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// Where reading ended.
    pub at: usize,
}

/// Reads a script.
///
/// # Errors
/// A shell would refuse it, or it uses what is not read here.
pub fn parse(script: &[u8]) -> Result<List, Unread> {
    grammar::Parser::new(script).script()
}

impl Statement {
    /// All pipelines.
    pub fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        std::iter::once(&self.first).chain(self.rest.iter().map(|(_, pipeline)| pipeline))
    }
}

impl Command {
    /// Where it is.
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Simple(simple) => simple.range.clone(),
            Self::Compound(compound) => compound.range.clone(),
        }
    }
}

impl Word {
    /// The word when it is the same in every run: without variables, commands, globs and braces.
    pub fn constant(&self) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text, Quoted::No) if text.contains(['*', '?', '[', '{']) => return None,
                Part::Text(text, _) => out.push_str(text),
                Part::Variable(..) | Part::Unknown => return None,
            }
        }
        let starts_home = matches!(self.parts.first(), Some(Part::Text(text, Quoted::No)) if text.starts_with('~'));
        (!starts_home).then_some(out)
    }

    /// The word with its globs and braces as they stand there, where nothing else is unknown.
    pub fn pattern(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text(text, _) => Some(text.as_str()),
            Part::Variable(..) | Part::Unknown => None,
        });
        texts.collect()
    }

    /// How it begins, as far as that is known.
    pub fn start(&self) -> String {
        let texts = self.parts.iter().map_while(|part| match part {
            Part::Text(text, _) => Some(text.as_str()),
            Part::Variable(..) | Part::Unknown => None,
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests;
