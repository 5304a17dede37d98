//! The same bound from bytes instead of tokens: never a smaller one, and for most sources small enough.
//!
//! Where a statement ends depends on brackets, texts and comments alone, so only those are followed
//! (The Python Language Reference, 2). What would need more of a lexer, as a text within a formatted
//! text, is left to the lexer.

use super::Levels;

/// Whether a tree may be deeper than `limit`.
pub(super) fn may_exceed(source: &[u8], limit: usize) -> bool {
    let mut levels = Levels::default();
    // The columns before a statement: it is indented no deeper.
    let (mut indent, mut is_start) = (0, true);
    // What the lexer does not know begins no statement, so that none ends with the line.
    let mut is_known = false;
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        let is_blank = matches!(byte, b' ' | b'\t' | b'\x0c' | b'\r');
        is_start = is_blank && (is_start || byte == b'\r');
        let mut len = 1;
        match byte {
            b'\t' if is_start => indent += 8,
            _ if is_blank => {
                len = run(&source[at..], |b| b == byte);
                indent += if is_start { len } else { 0 };
            }
            b'\n' if !levels.is_in_brackets() => {
                if std::mem::take(&mut is_known) {
                    levels = Levels::default();
                }
                (indent, is_start) = (0, true);
            }
            b'\n' => {}
            b'#' => len = line(&source[at..]),
            b'\\' if matches!(source.get(at + 1), Some(b'\n' | b'\r')) => {
                len = continuation(&source[at..]);
                // Not one where the file ends; and the indentation may still follow.
                levels.add(1);
                is_start = true;
            }
            b'\\' => return true,
            b',' => levels.comma(),
            b'(' | b'[' | b'{' => levels.open(),
            b')' | b']' | b'}' => levels.close(),
            b'"' | b'\'' => match text(&source[at..], prefix(&source[..at])) {
                Some(text) => {
                    levels.add(text.levels);
                    len = text.len;
                }
                None => return true,
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                len = run(&source[at..], |b| b.is_ascii_alphanumeric() || b == b'_');
                // Behind a number it may be several (`1j1j`).
                let follows = source[..at].last().is_some_and(u8::is_ascii_digit);
                levels.add(if follows { len } else { 1 });
                is_known |= !follows && !matches!(source.get(at + len), Some(b'"' | b'\''));
            }
            _ => levels.add(1),
        }
        // At the end the lexer may add one for brackets that are still open.
        if levels.sum() + indent >= limit {
            return true;
        }
        at += len;
    }
    false
}

/// The length of a comment.
fn line(rest: &[u8]) -> usize {
    memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
}

/// The length of a backslash and the end of the line behind it.
fn continuation(rest: &[u8]) -> usize {
    if rest.starts_with(b"\\\r\n") { 3 } else { 2 }
}

/// How many bytes from the beginning on are of a kind.
fn run(rest: &[u8], is_kind: impl Fn(u8) -> bool) -> usize {
    let end = rest.iter().position(|b| !is_kind(*b));
    end.unwrap_or(rest.len())
}

/// The letters before a text, which may say what kind it is.
fn prefix(before: &[u8]) -> &[u8] {
    let letters = before
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric());
    &before[before.len() - letters.take(3).count()..]
}

/// A text.
struct Text {
    len: usize,
    /// What it may add to the depth.
    levels: usize,
}

/// Reads a text from its first quote on; `None` when it does not end, or only the lexer can tell where.
fn text(rest: &[u8], prefix: &[u8]) -> Option<Text> {
    let quote = rest[0];
    let is_long = rest.starts_with(&[quote; 3]);
    let is_formatted = prefix.iter().any(|b| b"fFtT".contains(b));
    let mut text = Text {
        len: if is_long { 3 } else { 1 },
        levels: 2,
    };
    loop {
        if is_long && !is_formatted {
            text.len += memchr::memchr2(quote, b'\\', rest.get(text.len..)?)?;
        }
        let (byte, next) = (*rest.get(text.len)?, rest.get(text.len + 1).copied());
        text.len += match byte {
            b'\\' if is_formatted && matches!(next, Some(b'{' | b'}' | b'N')) => return None,
            b'\\' => 2,
            b'{' | b'}' if is_formatted && next == Some(byte) => 2,
            b'}' if is_formatted => return None,
            b'{' if is_formatted => {
                let field = field(&rest[text.len..])?;
                // What stands before it, and each byte in it.
                text.levels += 1 + field;
                field
            }
            b'\n' | b'\r' if !is_long => return None,
            _ if is_long && rest[text.len..].starts_with(&[quote; 3]) => {
                text.len += 3;
                return Some(text);
            }
            _ if !is_long && byte == quote => {
                text.len += 1;
                return Some(text);
            }
            _ => 1,
        };
    }
}

/// The length of what is filled into a formatted text, with its braces.
fn field(rest: &[u8]) -> Option<usize> {
    let is_special = |b: &u8| b"{}\"'\\\n\r#".contains(b);
    let end = rest.iter().skip(1).position(is_special)? + 1;
    (rest[end] == b'}').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::super::exceeds;
    use super::*;

    /// Whatever stands after whatever; each twice as likely to be followed by a space.
    const PARTS: [&str; 44] = [
        "a", "f", "rf", "1", "1j", "0x", ".", "if", "+", ",", "(", ")", "[", "]", "{", "}", "\"",
        "'", "\"\"\"", "'''", "\\", "\n", "\r", "\r\n", "\t", " ", "  ", "#", ":", ";", "é", "€",
        "f\"", "f'{", "}'", "{{", "\\N", "!r", "\\\n", "lambda", "\x0c", "$", "t'", "f'''{x",
    ];

    #[test]
    fn the_estimate_is_never_smaller_than_the_bound() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut deep = 0;
        for _ in 0..100_000 {
            let parts = 1 + random(30);
            let source: String = (0..parts).map(|_| PARTS[random(PARTS.len())]).collect();
            for limit in [2, 5, 9] {
                if exceeds(&source, limit) {
                    deep += 1;
                    assert!(may_exceed(source.as_bytes(), limit), "{limit}: {source:?}");
                }
            }
        }
        assert!(deep > 1000, "{deep}");
    }

    #[test]
    fn what_programs_say_is_no_reason_for_a_closer_look() {
        for source in [
            "def f(a, b):\n    return f'{a} and {b!r:>10}' + \"#(\" # (\n",
            "x = {\n    1: 'it\\'s', # (\n    2: \"\"\"a\n(\"\"\",\n}\n",
            "y = r'\\'' \\\n    + b'('\n",
        ] {
            assert!(!may_exceed(source.repeat(100).as_bytes(), 30), "{source}");
        }
        for source in ["x = f'{a['b']}'", "x = f'\\N{DASH}'", "x = 'a\n"] {
            assert!(may_exceed(source.as_bytes(), 30), "{source}");
        }
    }
}
