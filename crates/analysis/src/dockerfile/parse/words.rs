//! The words of an instruction, with their places.

use std::ops::Range;

use super::Instruction;

/// A word of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word as it stands there, with its quotes.
    pub text: String,
    /// Where in the logical line it is.
    pub range: Range<usize>,
}

/// The words of FROM, COPY, ADD, EXPOSE and VOLUME: what white space separates, whatever the quotes
/// (`parseStringsWhitespaceDelimited`).
pub fn plain(instruction: &Instruction) -> Vec<Word> {
    split(instruction, |_| None)
}

/// The words of ENV, LABEL and ARG: white space in quotes or behind the escape character does not
/// separate them (`parseWords`).
pub fn quoted(instruction: &Instruction, escape: u8) -> Vec<Word> {
    let mut quote = None;
    let mut is_escaped = false;
    split(instruction, move |byte| {
        match (byte, quote) {
            _ if is_escaped => {
                is_escaped = false;
                return Some(());
            }
            (_, Some(open)) if byte == open => quote = None,
            (b'\'' | b'"', None) => quote = Some(byte),
            _ => {}
        }
        is_escaped = byte == escape && quote != Some(b'\'');
        quote.is_some().then_some(())
    })
}

/// Splits at white space, unless `holds` says of the byte that it belongs to a word.
fn split(instruction: &Instruction, mut holds: impl FnMut(u8) -> Option<()>) -> Vec<Word> {
    let bytes = instruction.line.bytes();
    let end = instruction.arguments.end;
    let mut words = Vec::new();
    let mut start = None;
    for at in instruction.arguments.clone() {
        let is_held = holds(bytes[at]).is_some();
        match (bytes[at].is_ascii_whitespace() || bytes[at] == 0x0B, start) {
            (true, Some(begin)) if !is_held => {
                words.push(begin..at);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|begin| begin..end));
    let word = |range: Range<usize>| Word {
        text: instruction.line.text(range.clone()),
        range,
    };
    words.into_iter().map(word).collect()
}

/// A word of ENV, LABEL or ARG without its quotes, as a builder reads it where no variable is in it.
pub fn unquoted(word: &str, escape: u8) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\'' | '"', None) => quote = Some(char),
            (_, Some(open)) if char == open => quote = None,
            _ if char == char::from(escape) && quote != Some('\'') => out.extend(chars.next()),
            _ => out.push(char),
        }
    }
    out
}
