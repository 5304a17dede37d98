//! Modules of Python without their sources: the texts that their code has (CPython, Python/marshal.c and PEP 552).
//!
//! Names of functions and variables are texts too, and are told apart by where they stand. Where the code is of a version
//! that is not known, every text counts: one is where a mark and a length are, and that many letters.

mod marshal;

use std::borrow::Cow;

use ounce_image::Blob;

use super::Code;
use marshal::{is_long, is_short};

/// The longest text that is looked at, in bytes: a line of commands is shorter.
const MAX_TEXT: usize = 4 << 10;
/// The header of a module, in bytes (PEP 552).
const HEADER: usize = 16;

/// Whether content is a compiled module: a number of the version, which ends in `\r\n`, and flags (PEP 552).
pub(super) fn is_module(content: &Blob) -> bool {
    let mut start = [0; 8];
    content.read_exact_at(0, &mut start).is_ok() && is_header(&start)
}

fn is_header(start: &[u8]) -> bool {
    start.get(2..4) == Some(b"\r\n") && matches!(start.get(4..8), Some([0 | 1 | 3, 0, 0, 0]))
}

/// The texts of a module, or of the code of several one after another.
pub(super) fn read(bytes: &[u8]) -> Code<'_> {
    let code = match is_header(bytes) {
        true => bytes.get(HEADER..).unwrap_or_default(),
        false => bytes,
    };
    let texts = marshal::constants(code).unwrap_or_else(|| marked(code));
    let texts: Vec<_> = texts.into_iter().map(Cow::Borrowed).collect();
    Code {
        libraries: texts.clone(),
        texts,
        others: Vec::new(),
        // Any module may hand them to another one.
        starts: true,
    }
}

/// Whatever looks like a text.
fn marked(bytes: &[u8]) -> Vec<&[u8]> {
    (0..bytes.len())
        .filter_map(|at| text(&bytes[at..]))
        .collect()
}

/// The text that begins here.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let (mark, rest) = bytes.split_first()?;
    let (len, rest) = if is_short(*mark) {
        let (len, rest) = rest.split_first()?;
        (usize::from(*len), rest)
    } else if is_long(*mark) {
        let (len, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*len) as usize, rest)
    } else {
        return None;
    };
    let text = rest.get(..len).filter(|_| (2..=MAX_TEXT).contains(&len))?;
    let is_letter = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | 0x80..);
    text.iter().all(is_letter).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_marks() {
        for (bytes, wanted) in [
            (b"\xe3\0\0\0\xfa\x03jqx\0".as_slice(), &["jqx"][..]),
            (b"z\x02bcZ\x05a | b", &["bc", "a | b"]),
            (b"\xe1\x05\0\0\0\xc3\xa4 bc", &["ä bc"]),
            (b"s\x03\0\0\0a\0b", &[]),
            (b"z\x05bc", &[]),
            (b"z\x01b", &[]),
            (b"a\xff\xff\xff\xff", &[]),
        ] {
            let wanted: Vec<_> = wanted.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(marked(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn modules_are_known_by_their_header() {
        for (start, wanted) in [
            (b"\xa7\r\r\n\0\0\0\0".as_slice(), true),
            (b"\xa7\r\r\n\x03\0\0\0", true),
            (b"hi\r\nyou all", false),
            (b"hi\r\n", false),
        ] {
            assert_eq!(
                is_module(&Blob::from_bytes(start.to_vec())),
                wanted,
                "{start:?}"
            );
        }
    }
}
