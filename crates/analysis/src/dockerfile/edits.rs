//! Changes of scripts: where a command is added to a RUN or taken out of it.

use std::ops::Range;

use super::finding::Edit;
use super::model::{Call, Model, Script};
use super::parse::Kind;
use super::shell::{Command, CompoundKind, Pipeline, Statement};

/// What ends a script before a command that is added to it.
const ENDINGS: [&str; 5] = ["exit", "exec", "return", "trap", "break"];

/// Puts text behind a word.
pub fn insert_after(range: &Range<usize>, text: impl Into<String>) -> Edit {
    Edit {
        range: range.end..range.end,
        text: text.into(),
    }
}

/// Adds a command to the end of a script, to run when all that decides on its status has succeeded.
///
/// `None` where it might not run, or change what the script says: behind `exit`, in the background, in a
/// script that is not understood or that ONBUILD keeps for another build.
pub fn append(model: &Model<'_>, instruction: usize, command: &str) -> Option<Edit> {
    let script = model.scripts.get(&instruction)?;
    let last = last_statement(script)?;
    let end = end_of(model, instruction)?;
    let text = match style(model, instruction, script, last) {
        Style::OneLine => format!(" && {command}"),
        Style::OperatorLast(indent, newline) => format!(" && \\{newline}{indent}{command}"),
        Style::OperatorFirst(indent, newline) => format!(" \\{newline}{indent}&& {command}"),
    };
    Some(Edit {
        range: end..end,
        text,
    })
}

/// The end of the last command of a script; `None` where nothing can be added there, as [`append`] says.
pub fn end_of(model: &Model<'_>, instruction: usize) -> Option<usize> {
    let script = model.scripts.get(&instruction)?;
    let last = last_statement(script)?;
    if script.is_trigger || last.is_background || ends_early(script) {
        return None;
    }
    let pipeline = last.pipelines().last()?;
    Some(script.range(pipeline.range.clone()).end)
}

/// What joins a command in a line of its own to the end of a script, with comments between them.
pub fn continued(model: &Model<'_>, instruction: usize, comments: &[String]) -> Option<String> {
    let script = model.scripts.get(&instruction)?;
    let newline = newline(model.file.text);
    let comments: String = comments
        .iter()
        .map(|text| format!("{text}{newline}"))
        .collect();
    Some(
        match style(model, instruction, script, last_statement(script)?) {
            Style::OneLine => format!(" && \\{newline}{comments}    "),
            Style::OperatorLast(indent, _) => format!(" && \\{newline}{comments}{indent}"),
            Style::OperatorFirst(indent, _) => format!(" \\{newline}{comments}{indent}&& "),
        },
    )
}

fn newline(text: &[u8]) -> &'static str {
    match text.windows(2).any(|two| two == b"\r\n") {
        true => "\r\n",
        false => "\n",
    }
}

fn last_statement(script: &Script) -> Option<&Statement> {
    script.list.as_ref()?.statements.last()
}

/// Whether a script may end before its end with a status of success, other than in a shell of its own.
fn ends_early(script: &Script) -> bool {
    let ends = |call: &Call| {
        let is_exec = call.wrappers.iter().any(|word| word == "exec");
        ENDINGS.contains(&call.program.as_str()) || is_exec
    };
    script.calls.iter().any(ends)
}

/// Whether a command that is added to the end of a script runs only if a call has succeeded: both are
/// joined by `&&`.
pub fn is_joined_to_end(script: &Script, call: &Call) -> bool {
    let last = script.list.as_ref().map(|list| list.statements.len());
    call.place.is_plain && last == Some(call.place.statement + 1)
}

/// Whether a call runs in every build, and its failure is either the build's or of no account.
pub fn is_sure(script: &Script, call: &Call) -> bool {
    is_joined_to_end(script, call) || call.place.is_plain && call.place.pipeline == 0
}

enum Style {
    OneLine,
    /// `a && \` and the next line; indent and newline.
    OperatorLast(String, &'static str),
    /// `a \` and `&& b` in the next line.
    OperatorFirst(String, &'static str),
}

/// How the commands of a script are laid out.
fn style(model: &Model<'_>, instruction: usize, script: &Script, last: &Statement) -> Style {
    let file = model.file;
    let own = &file.instructions[instruction];
    let end = own
        .heredocs
        .first()
        .map_or(own.lines.end, |heredoc| heredoc.body.start);
    let lines = own.lines.start..end;
    let text = &file.text[lines.clone()];
    let is_one_line = memchr::memchr(b'\n', text.trim_ascii_end()).is_none();
    if script.is_heredoc || is_one_line {
        return Style::OneLine;
    }
    let newline = newline(text);
    let start = |pipeline: &Pipeline| script.range(pipeline.range.clone()).start;
    let line_of = |at: usize| {
        file.text[..at]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1)
    };
    // The indent of the last command that begins a line of its own.
    let joins = last.rest.iter().rev();
    let own_line =
        joins.map(|(join, pipeline)| (script.range(join.range.clone()), start(pipeline)));
    let mut own_line = own_line.filter(|(_, start)| line_of(*start) > lines.start);
    let (is_first, indent) = match own_line.next() {
        Some((join, start)) => (
            line_of(join.start) == line_of(start),
            indent(file.text, line_of(start)),
        ),
        None => {
            let last = script
                .range(
                    last.pipelines()
                        .last()
                        .map_or(0..0, |line| line.range.clone()),
                )
                .end;
            let own = indent(file.text, line_of(last));
            (
                false,
                if line_of(last) > lines.start && !own.is_empty() {
                    own
                } else {
                    "    ".to_owned()
                },
            )
        }
    };
    match is_first {
        true => Style::OperatorFirst(indent, newline),
        false => Style::OperatorLast(indent, newline),
    }
}

fn indent(text: &[u8], line: usize) -> String {
    let blanks = text[line..]
        .iter()
        .take_while(|byte| matches!(**byte, b' ' | b'\t'));
    blanks.map(|byte| char::from(*byte)).collect()
}

/// Whether all of a script is one chain of `&&`, each command of which runs only if those before succeed.
pub fn is_one_chain(model: &Model<'_>, instruction: usize) -> bool {
    let list = model
        .scripts
        .get(&instruction)
        .and_then(|script| script.list.as_ref());
    match list.map(|list| list.statements.as_slice()) {
        Some([one]) => !one.is_background && one.rest.iter().all(|(join, _)| !join.is_or),
        _ => false,
    }
}

/// Takes calls that follow each other, and what joins them to the others, out of a chain of `&&`; `None` where
/// they are not simply a part of one, are all of it, or a comment stands among them.
pub fn remove(model: &Model<'_>, instruction: usize, calls: &[&Call]) -> Option<Edit> {
    let script = model.scripts.get(&instruction)?;
    let (first, last) = (&calls.first()?.place, &calls.last()?.place);
    let follows = |two: &[&Call]| {
        two[0].place.statement == two[1].place.statement
            && two[0].place.pipeline + 1 == two[1].place.pipeline
    };
    if !calls.iter().all(|call| call.place.is_plain) || !calls.windows(2).all(follows) {
        return None;
    }
    let statement = script.list.as_ref()?.statements.get(first.statement)?;
    let ranges: Vec<Range<usize>> = statement
        .pipelines()
        .map(|line| script.range(line.range.clone()))
        .collect();
    let range = match (first.pipeline.checked_sub(1), ranges.get(last.pipeline + 1)) {
        (Some(before), _) => ranges.get(before)?.end..ranges.get(last.pipeline)?.end,
        (None, Some(next)) => ranges.first()?.start..next.start,
        (None, None) => return None,
    };
    let mut tokens = model.file.tokens.iter();
    let has_comment =
        tokens.any(|token| token.kind == Kind::Comment && range.contains(&token.range.start));
    (!has_comment).then(|| Edit {
        range,
        text: String::new(),
    })
}

/// Takes a word and the white space before it out; a continuation that only it needed goes with it.
pub fn remove_word(model: &Model<'_>, range: &Range<usize>) -> Option<Edit> {
    let text = &model.file.text[..range.start];
    let mut start = range.start;
    loop {
        let blanks = text[..start]
            .iter()
            .rev()
            .take_while(|byte| matches!(**byte, b' ' | b'\t'));
        start -= blanks.count();
        let line = text[..start]
            .strip_suffix(b"\n")
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        match line.and_then(|line| line.strip_suffix(&[model.file.escape])) {
            Some(line) => start = line.len(),
            None => break,
        }
    }
    let is_parted = text
        .get(start)
        .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == model.file.escape);
    is_parted.then(|| Edit {
        range: start..range.end,
        text: String::new(),
    })
}

/// Whether a script defines functions, whose names then mean something else.
pub fn defines_functions(script: &Script) -> bool {
    let is_function = |command: &Command| matches!(command, Command::Compound(compound) if matches!(compound.kind, CompoundKind::Function(_)));
    let statements = script.list.iter().flat_map(|list| &list.statements);
    statements
        .flat_map(Statement::pipelines)
        .flat_map(|line| &line.commands)
        .any(is_function)
}
