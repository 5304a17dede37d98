//! Dockerfiles as a tree that loses no byte of them.
//!
//! Every byte belongs to one [`Token`], so printing gives the file back. [`Instruction`]s lie over the
//! tokens: keyword, flags, arguments and heredocs, each with its place in the file. The rules are those
//! of BuildKit's parser (`frontend/dockerfile/parser` of moby/buildkit), which is what reads the
//! files in the end: a line ends an instruction unless the escape character ends the line, and comments
//! and empty lines may stand between continued lines.
//!
//! What a RUN hands to a shell is read by [`shell`](super::shell).

mod heredoc;
mod instruction;
mod lines;
pub mod words;

use std::ops::Range;

use super::joined::Joined;

/// A Dockerfile.
#[derive(Debug)]
pub struct Dockerfile<'a> {
    /// The file.
    pub text: &'a [u8],
    /// What the file consists of, in order and without a gap.
    pub tokens: Vec<Token>,
    /// The instructions, in order.
    pub instructions: Vec<Instruction>,
    /// What continues lines: a backslash, or a backtick where a directive says so.
    pub escape: u8,
    /// Why no builder takes the file.
    pub problems: Vec<Problem>,
}

/// A stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it is, in bytes.
    pub range: Range<usize>,
}

/// What a stretch of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The mark that editors of Windows put before UTF-8.
    ByteOrderMark,
    /// `# syntax=...`, `# escape=...` or `# check=...` at the start.
    Directive,
    /// A comment, also between continued lines.
    Comment,
    /// White space that nothing depends on.
    Blank,
    /// The end of a line.
    Newline,
    /// The escape character and the end of the line.
    Continuation,
    /// A part of an instruction.
    Text,
    /// A line of a heredoc.
    Heredoc,
    /// The line that ends a heredoc.
    HeredocEnd,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The keyword in capitals.
    pub name: String,
    /// From the keyword to the last byte of the instruction, heredocs among it.
    pub range: Range<usize>,
    /// From the start of its first line to the end of its last, the newline among it.
    pub lines: Range<usize>,
    /// The logical line, from the keyword on.
    pub line: Joined,
    /// Where in the logical line the keyword is.
    pub keyword: Range<usize>,
    /// The options of the instruction itself: `--from=build`.
    pub flags: Vec<Flag>,
    /// Where in the logical line the arguments are, without the white space around them.
    pub arguments: Range<usize>,
    /// The arguments in exec form.
    pub list: Option<Vec<String>>,
    /// The heredocs.
    pub heredocs: Vec<Heredoc>,
    /// What ONBUILD keeps for later.
    pub trigger: Option<Box<Instruction>>,
}

/// An option of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The whole option, without quotes.
    pub text: String,
    /// Where in the logical line it is.
    pub range: Range<usize>,
}

/// A text that follows an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// What ends it.
    pub name: String,
    /// Whether leading tabs are taken away, `<<-`.
    pub chomps: bool,
    /// Whether variables in it are expanded: nothing of the name was quoted.
    pub expands: bool,
    /// Its lines.
    pub body: Range<usize>,
}

/// Why no builder takes the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub reason: String,
    /// Where.
    pub range: Range<usize>,
}

impl<'a> Dockerfile<'a> {
    /// Reads a file; what no builder would take is a [`Problem`], and the rest is read all the same.
    pub fn parse(text: &'a [u8]) -> Self {
        lines::read(text)
    }

    /// The file, put together from its tokens.
    pub fn print(&self) -> Vec<u8> {
        let parts = self
            .tokens
            .iter()
            .map(|token| &self.text[token.range.clone()]);
        parts.collect::<Vec<_>>().concat()
    }
}

impl Instruction {
    /// The arguments as one text.
    pub fn argument(&self) -> String {
        self.line.text(self.arguments.clone())
    }

    /// The value of an option: `build` of `--from=build`.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let values = self.flags.iter().map(|flag| flag.text.as_str());
        let mut values = values.filter_map(|text| {
            text.strip_prefix("--")?
                .strip_prefix(name)?
                .strip_prefix('=')
        });
        values.next_back()
    }
}

#[cfg(test)]
mod tests;
