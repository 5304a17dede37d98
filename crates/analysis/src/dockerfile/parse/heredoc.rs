//! Which heredocs an instruction announces: any word of RUN, COPY or ADD that begins with `<<`.
//!
//! The words are split as BuildKit's `shell.Lex` does it, which knows quotes and `${}`, but not commands
//! in `$()`. Where it cannot split them, there is no heredoc.

use super::{Heredoc, Instruction};

/// The heredocs of an instruction, in order; their lines are not read yet.
pub(super) fn announced(instruction: &Instruction) -> Vec<Heredoc> {
    let told = instruction.trigger.as_deref().unwrap_or(instruction);
    let takes = ["RUN", "COPY", "ADD"].contains(&told.name.as_str()) && told.list.is_none();
    let line = instruction.line.bytes();
    if !takes || memchr::memmem::find(line, b"<<").is_none() {
        return Vec::new();
    }
    let words = words(line).unwrap_or_default();
    words.iter().filter_map(|word| heredoc(word)).collect()
}

/// A heredoc by the word that announces it: `0<<-"EOF"`.
fn heredoc(word: &[u8]) -> Option<Heredoc> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = word[digits..].strip_prefix(b"<<")?;
    let (chomps, rest) = match rest.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_ascii_start();
    if rest.is_empty() || rest.contains(&b'<') {
        return None;
    }
    let name = unquoted(rest)?;
    Some(Heredoc {
        expands: count_quotes(rest) == count_quotes(&name),
        name: String::from_utf8(name).ok()?,
        chomps,
        body: 0..0,
    })
}

fn count_quotes(text: &[u8]) -> usize {
    text.iter()
        .filter(|byte| matches!(**byte, b'\'' | b'"'))
        .count()
}

/// A single word without its quotes and escapes.
fn unquoted(word: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut quote = None;
    let mut bytes = word.iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\'' | b'"', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            (b'\\', None) => out.extend(bytes.next()),
            (b'\\', Some(b'"')) => match bytes.next()? {
                escaped @ (b'"' | b'$' | b'\\') => out.push(escaped),
                other => out.extend([b'\\', other]),
            },
            (_, None) if byte.is_ascii_whitespace() => return None,
            _ => out.push(byte),
        }
    }
    quote.is_none().then_some(out)
}

/// The words of a line with their quotes, and `<<` with the white space behind it; `None` where quotes or
/// braces are not closed.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lexer = Lexer {
        line,
        at: 0,
        depth: 0,
    };
    let mut words = Vec::new();
    let mut word = Vec::new();
    while let Some(byte) = lexer.peek() {
        match byte {
            b'\'' => word.extend(lexer.single_quoted()?),
            b'"' => word.extend(lexer.double_quoted()?),
            b'$' => word.extend(lexer.dollar()?),
            b'\\' => word.extend(lexer.take(2)),
            b'<' if lexer.line[lexer.at..].starts_with(b"<<") => {
                word.extend(lexer.take(2));
                let blanks = lexer.line[lexer.at..].iter();
                let count = blanks
                    .take_while(|byte| matches!(**byte, b' ' | b'\t' | b'\n' | b'\r'))
                    .count();
                word.extend(lexer.take(count));
            }
            _ if byte.is_ascii_whitespace() || byte == 0x0B => {
                lexer.at += 1;
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.extend(lexer.take(1)),
        }
    }
    words.push(word);
    Some(words)
}

struct Lexer<'a> {
    line: &'a [u8],
    at: usize,
    /// How many braces are open.
    depth: usize,
}

/// More than anybody writes, and far less than the stack holds.
const MAX_DEPTH: usize = 100;

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let start = self.at;
        self.at = (start + count).min(self.line.len());
        &self.line[start..self.at]
    }

    fn single_quoted(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\'', &self.line[self.at + 1..])?;
        Some(self.take(end + 2))
    }

    fn double_quoted(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.line[start..self.at]);
                }
                b'$' => drop(self.dollar()?),
                b'\\' if matches!(self.line.get(self.at + 1), Some(b'"' | b'$' | b'\\')) => {
                    self.at += 2
                }
                _ => self.at += 1,
            }
        }
    }

    /// `$name`, or `${...}` with one of the operators that BuildKit knows.
    fn dollar(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.at += 1;
        if self.peek() == Some(b'{') {
            self.at += 1;
            self.depth += 1;
            (self.depth <= MAX_DEPTH).then_some(())?;
            self.braces()?;
            self.depth -= 1;
        }
        Some(&self.line[start..self.at])
    }

    /// What stands in braces, and the brace that closes them.
    fn braces(&mut self) -> Option<()> {
        self.name();
        let operator = self.peek()?;
        self.at += 1;
        match operator {
            b'}' => {}
            b':' => match self.peek()? {
                b'+' | b'-' | b'?' => self.until(b'}')?,
                _ => return None,
            },
            b'+' | b'-' | b'?' | b'#' | b'%' => self.until(b'}')?,
            b'/' => {
                self.at += usize::from(self.peek() == Some(b'/'));
                self.until(b'/')?;
                self.until(b'}')?;
            }
            _ => return None,
        }
        Some(())
    }

    /// A name, digits or one special character.
    fn name(&mut self) {
        let rest = &self.line[self.at..];
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let length = rest.iter().take_while(is_word).count();
        let special = rest.first().is_some_and(|byte| b"@*#?-$!0".contains(byte));
        self.at += if length == 0 {
            usize::from(special)
        } else {
            length
        };
    }

    /// Goes behind a character that stands outside quotes.
    fn until(&mut self, stop: u8) -> Option<()> {
        loop {
            match self.peek()? {
                byte if byte == stop => {
                    self.at += 1;
                    return Some(());
                }
                b'\'' => drop(self.single_quoted()?),
                b'"' => drop(self.double_quoted()?),
                b'$' => drop(self.dollar()?),
                b'\\' => drop(self.take(2)),
                _ => self.at += 1,
            }
        }
    }
}
