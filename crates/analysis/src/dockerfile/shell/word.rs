//! Words: quotes, variables, and the commands in them.

use std::ops::Range;

use super::grammar::{Parser, Read};
use super::{Command, List, Part, Pipeline, Quoted, Simple, Statement, Word};

/// What ends a word outside quotes.
fn ends_word(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>'
    )
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A command of which nothing is known.
fn unknown(range: Range<usize>) -> List {
    let word = Word {
        parts: vec![Part::Unknown],
        range: range.clone(),
        ..Word::default()
    };
    let simple = Simple {
        words: vec![word],
        range: range.clone(),
        ..Simple::default()
    };
    let commands = vec![Command::Simple(simple)];
    let first = Pipeline {
        is_negated: false,
        commands,
        range,
    };
    List {
        statements: vec![Statement {
            first,
            rest: Vec::new(),
            is_background: false,
        }],
    }
}

impl Parser<'_> {
    /// A word, which is not empty.
    pub(super) fn word(&mut self) -> Read<Word> {
        let mut word = Word {
            range: self.at..self.at,
            ..Word::default()
        };
        while let Some(byte) = self.peek() {
            match byte {
                b'<' | b'>' if self.peek_at(1) == Some(b'(') => {
                    self.at += 2;
                    let list = self.nested(|parser| parser.list_until(b')'))?;
                    word.lists.push(list);
                    word.parts.push(Part::Unknown);
                }
                _ if ends_word(byte) => break,
                b'\'' => {
                    let text = self.single_quoted()?;
                    word.add(&text, Quoted::Yes);
                }
                b'"' => self.double_quoted(&mut word)?,
                b'\\' => {
                    self.at += 1;
                    match self.peek() {
                        // A line that is continued inside a heredoc.
                        Some(b'\n') => self.at += 1,
                        Some(_) => {
                            let text = self.char();
                            word.add(&text, Quoted::Yes);
                        }
                        None => word.add(b"\\", Quoted::Yes),
                    }
                }
                b'$' => self.dollar(&mut word, Quoted::No)?,
                b'`' => self.backticks(&mut word)?,
                _ => {
                    let text = self.char();
                    word.add(&text, Quoted::No);
                }
            }
        }
        if self.at == word.range.start {
            return self.unread();
        }
        word.range.end = self.at;
        Ok(word)
    }

    /// The bytes of the character here.
    fn char(&mut self) -> Vec<u8> {
        let start = self.at;
        self.at += 1;
        while self.peek().is_some_and(|byte| (0x80..0xC0).contains(&byte)) {
            self.at += 1;
        }
        self.text[start..self.at].to_vec()
    }

    fn single_quoted(&mut self) -> Read<Vec<u8>> {
        let start = self.at + 1;
        let Some(length) = memchr::memchr(b'\'', &self.text[start..]) else {
            return self.unread();
        };
        self.at = start + length + 1;
        Ok(self.text[start..start + length].to_vec())
    }

    fn double_quoted(&mut self, word: &mut Word) -> Read<()> {
        self.at += 1;
        word.add(b"", Quoted::Yes);
        loop {
            match self.peek() {
                None => return self.unread(),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'$') => self.dollar(word, Quoted::Yes)?,
                Some(b'`') => self.backticks(word)?,
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'\n') => self.at += 1,
                        Some(byte @ (b'"' | b'$' | b'`' | b'\\')) => {
                            word.add(&[byte], Quoted::Yes);
                            self.at += 1;
                        }
                        _ => word.add(b"\\", Quoted::Yes),
                    }
                }
                Some(_) => {
                    let text = self.char();
                    word.add(&text, Quoted::Yes);
                }
            }
        }
    }

    /// What begins with a dollar sign.
    fn dollar(&mut self, word: &mut Word, quoted: Quoted) -> Read<()> {
        self.at += 1;
        match self.peek() {
            Some(b'(') if self.peek_at(1) == Some(b'(') && self.skip_arithmetic(2) => {
                word.parts.push(Part::Unknown)
            }
            Some(b'(') => {
                self.at += 1;
                let list = self.nested(|parser| parser.list_until(b')'))?;
                word.lists.push(list);
                word.parts.push(Part::Unknown);
            }
            Some(b'{') => self.nested(|parser| parser.braces(word, quoted))?,
            // bash reads escapes in it, dash a dollar sign and a quoted text.
            Some(b'\'') if quoted == Quoted::No => {
                self.ansi_quoted()?;
                word.parts.push(Part::Unknown);
            }
            Some(b'"') if quoted == Quoted::No => word.parts.push(Part::Unknown),
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.at += 1;
                word.parts.push(Part::Unknown);
            }
            Some(byte) if is_name(byte) => {
                let start = self.at;
                while self.peek().is_some_and(is_name) {
                    self.at += 1;
                }
                let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
                word.parts.push(Part::Variable(name, quoted));
            }
            _ => word.add(b"$", Quoted::Yes),
        }
        Ok(())
    }

    fn ansi_quoted(&mut self) -> Read<()> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.unread(),
                Some(b'\\') => self.at += 2,
                Some(b'\'') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `${...}`.
    fn braces(&mut self, word: &mut Word, quoted: Quoted) -> Read<()> {
        self.at += 1;
        let start = self.at;
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        if self.peek() == Some(b'}') && self.at > start {
            let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
            word.parts.push(Part::Variable(name, quoted));
            self.at += 1;
            return Ok(());
        }
        // What stands in it is read for its commands and its end only.
        let mut inner = Word::default();
        loop {
            match self.peek() {
                None => return self.unread(),
                Some(b'}') => break self.at += 1,
                Some(b'\\') => self.at += 2,
                Some(b'\'') if quoted == Quoted::No => drop(self.single_quoted()?),
                Some(b'"') => self.double_quoted(&mut inner)?,
                Some(b'$') => self.dollar(&mut inner, quoted)?,
                Some(b'`') => self.backticks(&mut inner)?,
                Some(_) => self.at += 1,
            }
        }
        word.lists.append(&mut inner.lists);
        word.parts.push(Part::Unknown);
        Ok(())
    }

    /// A command in backticks. With escapes in it the places would not be right; then it is a command of
    /// which nothing is known.
    fn backticks(&mut self, word: &mut Word) -> Read<()> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.text.get(end) {
                None => return self.unread(),
                Some(b'`') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        let list = match memchr::memchr(b'\\', &self.text[start..end]) {
            Some(_) => unknown(start..end),
            None => {
                self.at = start;
                self.nested(|parser| parser.list_within(end))?
            }
        };
        self.at = end + 1;
        word.lists.push(list);
        word.parts.push(Part::Unknown);
        Ok(())
    }

    /// Goes behind `((...))` when it is closed in this way; `open` are the brackets to begin with.
    pub(super) fn skip_arithmetic(&mut self, open: usize) -> bool {
        let mut depth = 0_usize;
        for at in self.at..self.text.len() {
            match self.text[at] {
                b'(' => depth += 1,
                b')' if depth == open => {
                    let is_closed = self.text.get(at + 1) == Some(&b')');
                    if is_closed {
                        self.at = at + 2;
                    }
                    return is_closed;
                }
                b')' => depth -= 1,
                b'`' | b'\n' => return false,
                _ => {}
            }
        }
        false
    }
}

impl Word {
    /// Adds text, to the part before when that is of the same kind.
    fn add(&mut self, text: &[u8], quoted: Quoted) {
        let text = String::from_utf8_lossy(text);
        match self.parts.last_mut() {
            Some(Part::Text(before, kind)) if *kind == quoted => before.push_str(&text),
            _ => self.parts.push(Part::Text(text.into_owned(), quoted)),
        }
    }

    /// The name when the word is an assignment: `NAME=value`, `NAME+=value`.
    pub fn assigned(&self) -> Option<&str> {
        let Some(Part::Text(text, Quoted::No)) = self.parts.first() else {
            return None;
        };
        let name = text.split_once('=')?.0;
        let name = name.strip_suffix('+').unwrap_or(name);
        let is_valid = name.bytes().all(is_name)
            && name
                .bytes()
                .next()
                .is_some_and(|byte| !byte.is_ascii_digit());
        is_valid.then_some(name)
    }

    /// The text when the word is that, without any quote.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text, Quoted::No)] => Some(text),
            _ => None,
        }
    }
}
