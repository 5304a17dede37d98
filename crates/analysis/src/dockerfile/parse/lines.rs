//! From lines to instructions: directives, comments, continuations and heredocs.

use std::ops::Range;

use super::{Dockerfile, Heredoc, Instruction, Kind, Problem, Token, heredoc, instruction};
use crate::dockerfile::joined::Joined;

/// Reads a file.
pub(super) fn read(text: &[u8]) -> Dockerfile<'_> {
    let mut reader = Reader {
        file: Dockerfile {
            text,
            tokens: Vec::new(),
            instructions: Vec::new(),
            escape: b'\\',
            problems: Vec::new(),
        },
        at: 0,
    };
    if text.starts_with(b"\xEF\xBB\xBF") {
        reader.token(Kind::ByteOrderMark, 3);
    }
    reader.directives();
    while reader.at < text.len() {
        reader.item();
    }
    if reader.file.instructions.is_empty() {
        reader.problem("no instructions", 0..text.len());
    }
    reader.file
}

struct Reader<'a> {
    file: Dockerfile<'a>,
    /// Where the next token begins.
    at: usize,
}

/// A line of the file.
struct Line {
    /// What stands in it, without the end of the line.
    text: Range<usize>,
    /// Where the next line begins.
    next: usize,
}

impl<'a> Reader<'a> {
    fn line(&self) -> Line {
        let rest = &self.file.text[self.at..];
        let next = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let ends = rest[..next]
            .iter()
            .rev()
            .take_while(|byte| matches!(**byte, b'\n' | b'\r'));
        let text = self.at..self.at + next - ends.count();
        Line {
            text,
            next: self.at + next,
        }
    }

    /// Makes a token of everything up to a place.
    fn token(&mut self, kind: Kind, end: usize) {
        if end > self.at {
            self.file.tokens.push(Token {
                kind,
                range: self.at..end,
            });
            self.at = end;
        }
    }

    fn problem(&mut self, reason: impl Into<String>, range: Range<usize>) {
        self.file.problems.push(Problem {
            reason: reason.into(),
            range,
        });
    }

    /// The directives, which come before everything else (`directives.go`).
    fn directives(&mut self) {
        let mut seen = Vec::new();
        while self.at < self.file.text.len() {
            let line = self.line();
            let Some((name, value)) = directive(&self.file.text[line.text.clone()]) else {
                return;
            };
            if seen.contains(&name) {
                self.problem(format!("a second directive {name}"), line.text.clone());
            }
            match (name.as_str(), value) {
                ("escape", b"\\" | b"`") => self.file.escape = value[0],
                ("escape", _) => self.problem(
                    "the escape character is neither \\ nor `",
                    line.text.clone(),
                ),
                _ => {}
            }
            seen.push(name);
            self.token(Kind::Directive, line.text.end);
            self.token(Kind::Newline, line.next);
        }
    }

    /// A comment, an empty line or an instruction.
    fn item(&mut self) {
        let line = self.line();
        let start = line.text.start + blanks(&self.file.text[line.text.clone()]);
        if start == line.text.end {
            self.token(Kind::Blank, line.text.end);
            self.token(Kind::Newline, line.next);
        } else if self.file.text[start] == b'#' {
            self.comment(&line, start);
        } else {
            self.instruction(line, start);
        }
    }

    fn comment(&mut self, line: &Line, start: usize) {
        self.token(Kind::Blank, start);
        self.token(Kind::Comment, line.text.end);
        self.token(Kind::Newline, line.next);
    }

    fn instruction(&mut self, first: Line, start: usize) {
        let begin = first.text.start;
        let mut logical = Joined::default();
        self.token(Kind::Blank, start);
        let mut end = self.part(&mut logical, start..first.text.end, first.next);
        while end.is_none() && self.at < self.file.text.len() {
            let line = self.line();
            let blank = blanks(&self.file.text[line.text.clone()]);
            let start = line.text.start + blank;
            if start == line.text.end {
                self.token(Kind::Blank, line.text.end);
                self.token(Kind::Newline, line.next);
            } else if self.file.text[start] == b'#' {
                self.comment(&line, start);
            } else {
                end = self.part(&mut logical, line.text, line.next);
            }
        }
        let is_empty = logical.bytes().trim_ascii().is_empty();
        let end = end.unwrap_or(self.at);
        if is_empty {
            // Nothing but the escape character. Builders see an instruction without a name.
            return self.problem("an instruction without a name", begin..end);
        }
        let read = instruction::read(logical, self.file.escape);
        self.file.problems.extend(read.problems);
        let mut found = read.instruction;
        found.heredocs = self.heredocs(&found);
        found.range.end = found
            .heredocs
            .last()
            .map_or(found.range.end, |_| self.end_of_last());
        found.lines = begin..self.at;
        self.file.instructions.push(found);
    }

    /// Adds a line to an instruction; gives its end when the line ends the instruction.
    fn part(&mut self, logical: &mut Joined, line: Range<usize>, next: usize) -> Option<usize> {
        let text = self.file.text;
        match continuation(&text[line.clone()], self.file.escape) {
            Some(length) => {
                let end = line.start + length;
                logical.push(text, line.start..end);
                self.token(Kind::Text, end);
                self.token(Kind::Continuation, next);
                None
            }
            None => {
                logical.push(text, line.clone());
                self.token(Kind::Text, line.end);
                self.token(Kind::Newline, next);
                Some(line.end)
            }
        }
    }

    /// Where the last line that was read ends, without its newline.
    fn end_of_last(&self) -> usize {
        let mut tokens = self.file.tokens.iter().rev();
        let last = tokens.find(|token| token.kind != Kind::Newline);
        last.map_or(self.at, |token| token.range.end)
    }

    /// The lines of the heredocs that an instruction announces.
    fn heredocs(&mut self, instruction: &Instruction) -> Vec<Heredoc> {
        let announced = heredoc::announced(instruction);
        let mut out = Vec::new();
        for mut heredoc in announced {
            let start = self.at;
            let mut end = None;
            while end.is_none() && self.at < self.file.text.len() {
                let line = self.line();
                let text = &self.file.text[line.text.clone()];
                let tabs = text.iter().take_while(|byte| **byte == b'\t').count();
                let name = if heredoc.chomps { &text[tabs..] } else { text };
                if name == heredoc.name.as_bytes() {
                    end = Some(line.text.start);
                    self.token(Kind::HeredocEnd, line.text.end);
                    self.token(Kind::Newline, line.next);
                } else {
                    self.token(Kind::Heredoc, line.next);
                }
            }
            if end.is_none() {
                let reason = format!("nothing ends the heredoc {}", heredoc.name);
                self.problem(reason, instruction.range.clone());
            }
            heredoc.body = start..end.unwrap_or(self.at);
            out.push(heredoc);
        }
        out
    }
}

/// The name and the value of a directive.
fn directive(line: &[u8]) -> Option<(String, &[u8])> {
    let line = line[blanks(line)..].strip_prefix(b"#")?;
    let equals = memchr::memchr(b'=', line)?;
    let name = line[..equals].trim_ascii();
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    let value = line[equals + 1..].trim_ascii();
    let is_known = ["syntax", "escape", "check"].contains(&name.as_str());
    (is_known && !value.is_empty()).then_some((name, value))
}

/// How long a line is without the escape character that continues it. An escape character before it
/// takes that meaning away; blanks may follow (`lineContinuationRegex`).
fn continuation(line: &[u8], escape: u8) -> Option<usize> {
    let blanks = line
        .iter()
        .rev()
        .take_while(|byte| matches!(**byte, b' ' | b'\t'));
    let line = &line[..line.len() - blanks.count()];
    let before = line.strip_suffix(&[escape])?;
    (before.last() != Some(&escape)).then_some(before.len())
}

/// How many bytes of white space, in the sense of Unicode, a text begins with.
pub(super) fn blanks(text: &[u8]) -> usize {
    let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.len() - valid.trim_start().len()
}
