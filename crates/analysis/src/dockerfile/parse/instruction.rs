//! From a logical line to an instruction: keyword, flags, form.

use std::ops::Range;

use super::lines::blanks;
use super::{Flag, Instruction, Problem};
use crate::dockerfile::joined::Joined;

/// An instruction, and why no builder takes it.
pub(super) struct Read {
    pub(super) instruction: Instruction,
    pub(super) problems: Vec<Problem>,
}

/// The instructions (`frontend/dockerfile/command`), and whether they may be in exec form.
const INSTRUCTIONS: [(&str, bool); 18] = [
    ("ADD", true),
    ("ARG", false),
    ("CMD", true),
    ("COPY", true),
    ("ENTRYPOINT", true),
    ("ENV", false),
    ("EXPOSE", false),
    ("FROM", false),
    ("HEALTHCHECK", true),
    ("LABEL", false),
    ("MAINTAINER", false),
    ("ONBUILD", false),
    ("RUN", true),
    ("SHELL", true),
    ("STOPSIGNAL", false),
    ("USER", false),
    ("VOLUME", true),
    ("WORKDIR", false),
];

/// Reads an instruction from its logical line, which is not empty.
pub(super) fn read(line: Joined, escape: u8) -> Read {
    let bytes = line.bytes();
    let start = blanks(bytes);
    let rest = &bytes[start..];
    let length = rest
        .iter()
        .position(|byte| is_blank(*byte))
        .unwrap_or(rest.len());
    let keyword = start..start + length;
    let name = line.text(keyword.clone()).to_ascii_uppercase();
    let (flags, after) = flags(bytes, keyword.end, escape);
    let arguments = trimmed(bytes, after..bytes.len());
    let mut problems = Vec::new();
    let range = line.range(start..trimmed(bytes, 0..bytes.len()).end);
    let mut problem = |reason: String| {
        problems.push(Problem {
            reason,
            range: range.clone(),
        })
    };
    let takes_list = match INSTRUCTIONS.iter().find(|row| row.0 == name) {
        Some((_, takes_list)) => *takes_list,
        None => {
            problem(format!("there is no instruction {name}"));
            false
        }
    };
    let list = match takes_list
        .then(|| list(&bytes[list_start(&name, bytes, &arguments)..arguments.end]))
    {
        Some(Form::List(list)) => Some(list),
        Some(Form::OtherList) => {
            problem("the list has other things than strings".to_owned());
            None
        }
        _ => None,
    };
    let is_pair = |text: &str| text.contains(['=', ' ', '\t']);
    if (name == "ENV" || name == "LABEL") && !is_pair(&line.text(arguments.clone())) {
        problem(format!("{name} without a value"));
    }
    let trigger = (name == "ONBUILD" && !arguments.is_empty()).then(|| {
        let inner = read_trigger(&line, arguments.clone(), escape);
        problems.extend(inner.problems);
        Box::new(inner.instruction)
    });
    let instruction = Instruction {
        name,
        lines: range.clone(),
        range,
        line,
        keyword,
        flags,
        arguments,
        list,
        heredocs: Vec::new(),
        trigger,
    };
    Read {
        instruction,
        problems,
    }
}

/// What ONBUILD keeps; an ONBUILD in it is none of its own, as builders refuse it.
fn read_trigger(line: &Joined, arguments: Range<usize>, escape: u8) -> Read {
    let inner = line.slice(arguments);
    let mut read = match inner
        .bytes()
        .get(..7)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"onbuild"))
    {
        // Not read any deeper, so that a file of nothing else does not exhaust the stack.
        true => read(inner.slice(0..7), escape),
        false => read(inner, escape),
    };
    if read.instruction.name == "ONBUILD" {
        let range = read.instruction.range.clone();
        let reason = "ONBUILD in ONBUILD".to_owned();
        read.problems.push(Problem { reason, range });
    }
    read
}

/// Where a list may begin: HEALTHCHECK has CMD before it.
fn list_start(name: &str, bytes: &[u8], arguments: &Range<usize>) -> usize {
    let text = &bytes[arguments.clone()];
    if name != "HEALTHCHECK" {
        return arguments.start;
    }
    let word = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    arguments.start + word + blanks(&text[word..])
}

enum Form {
    Shell,
    List(Vec<String>),
    /// A list that builders refuse.
    OtherList,
}

fn list(text: &[u8]) -> Form {
    if !text.starts_with(b"[") {
        return Form::Shell;
    }
    match serde_json::from_slice::<Vec<serde_json::Value>>(text) {
        Err(_) => Form::Shell,
        Ok(values) => {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let list: Option<Vec<String>> = values.iter().map(text).collect();
            list.map_or(Form::OtherList, Form::List)
        }
    }
}

/// The white space that ends a keyword (`reWhitespace`).
fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x0B | 0x0C | b'\r' | b' ')
}

/// White space in flags, which BuildKit tells byte by byte, so these two are among it.
fn is_space(byte: u8) -> bool {
    is_blank(byte) || byte == b'\n' || byte == 0x85 || byte == 0xA0
}

/// A range without the white space at its ends.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let start = range.start + blanks(&bytes[range.clone()]);
    let text = &bytes[start..range.end];
    let valid = text.utf8_chunks().last();
    let tail = valid
        .filter(|chunk| chunk.invalid().is_empty())
        .map_or("", |chunk| chunk.valid());
    let end = range.end - (tail.len() - tail.trim_end().len());
    start..end
}

/// The options behind a keyword, and where they end (`extractBuilderFlags`).
fn flags(bytes: &[u8], start: usize, escape: u8) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = start;
    loop {
        while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        if !bytes[at..].starts_with(b"--") {
            return (flags, at);
        }
        let (text, end) = flag(bytes, at, escape);
        if text == b"--" {
            return (flags, end);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        flags.push(Flag {
            text,
            range: at..end,
        });
        at = end;
    }
}

/// The text of one option, and where it ends.
fn flag(bytes: &[u8], start: usize, escape: u8) -> (Vec<u8>, usize) {
    let mut text = Vec::new();
    let mut quote = None;
    let mut at = start;
    while let Some(byte) = bytes.get(at).copied() {
        match (byte, quote) {
            (_, None) if is_space(byte) => break,
            (b'\'' | b'"', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            _ if byte == escape => {
                at += 1;
                text.extend(bytes.get(at));
            }
            _ => text.push(byte),
        }
        at += 1;
    }
    (text, at.min(bytes.len()))
}
