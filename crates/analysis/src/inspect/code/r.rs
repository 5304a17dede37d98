//! Code of R packages, which lies in data bases that are loaded lazily: the texts in it (R Internals, "Serialization Formats";
//! R, src/library/base/makebasedb.R and src/main/serialize.c).
//!
//! Objects are packed one by one, each behind its size. Names of functions and variables are texts as well, and are told
//! apart by the mark before them.

use std::borrow::Cow;
use std::io::{self, Read as _};

use flate2::bufread::ZlibDecoder;
use ounce_image::Blob;

use super::Code;

/// The most that the objects of one data base take, in bytes.
const MAX_SIZE: usize = 512 << 20;
/// Types of objects, in the last byte of their flags: a name, a text, and a vector of texts.
const SYMBOL: u8 = 1;
const TEXT: u8 = 9;
const TEXTS: u8 = 16;

/// The objects of a data base, one behind the other. What is not packed as code is by itself (`bzip2` or `xz`, which
/// packages choose for data) is left out with what follows it.
///
/// # Errors
/// It is too large, or cannot be read.
pub(super) fn open(content: &Blob) -> io::Result<Blob> {
    let bytes = content.read_all(MAX_SIZE as u64)?;
    let mut rest = bytes.as_slice();
    let mut out = Vec::new();
    while let Some((size, packed)) = rest.split_first_chunk() {
        let size = u32::from_be_bytes(*size) as usize;
        if size > MAX_SIZE - out.len() {
            return Err(io::Error::other("it is too large to be read as a whole"));
        }
        let mut decoder = ZlibDecoder::new(packed);
        if decoder
            .by_ref()
            .take(size as u64 + 1)
            .read_to_end(&mut out)
            .is_err()
        {
            break;
        }
        rest = packed
            .get(decoder.total_in() as usize..)
            .unwrap_or_default();
    }
    Ok(Blob::from_bytes(out))
}

/// The texts of objects.
pub(super) fn read(bytes: &[u8]) -> Code<'_> {
    let marks = memchr::memchr_iter(TEXT, bytes);
    let texts = marks.filter_map(|mark| {
        let is_name = mark.checked_sub(7).is_some_and(|at| is_symbol(bytes, at));
        text(&bytes[mark + 1..]).filter(|_| !is_name)
    });
    let texts: Vec<_> = texts.map(Cow::Borrowed).collect();
    Code {
        libraries: texts.clone(),
        texts,
        others: Vec::new(),
        // Any package may hand them to another one.
        starts: true,
    }
}

/// Whether the four bytes from here are the flags of a name, and not the length of a vector of one text.
fn is_symbol(bytes: &[u8], at: usize) -> bool {
    let is_vector = at.checked_sub(1).is_some_and(|last| bytes[last] == TEXTS);
    bytes[at..].starts_with(&[0, 0, 0, SYMBOL]) && !is_vector
}

/// The text behind the flags, of more than one letter.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let (len, rest) = bytes.split_first_chunk()?;
    let len = u32::from_be_bytes(*len) as usize;
    let text = rest.get(..len).filter(|_| len > 1)?;
    (!text.contains(&0)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::r::{base, name, vector};

    #[test]
    fn texts_are_those_of_the_code() {
        let objects = [
            [name("system"), vector(&["jq -n 1"])].concat(),
            [vector(&["bc", "dot"]), name("figlet")].concat(),
        ];
        let opened = open(&Blob::from_bytes(base(&objects))).unwrap();
        let bytes = opened.read_all(1 << 20).unwrap();
        assert_eq!(bytes, objects.concat());
        let wanted: Vec<&[u8]> = vec![b"jq -n 1", b"bc", b"dot"];
        assert_eq!(read(&bytes).texts, wanted);
    }

    #[test]
    fn what_is_packed_otherwise_is_left_out() {
        let objects = [vector(&["jq"]), vector(&["dot"])];
        let mut bytes = base(&objects[..1]);
        bytes.extend(b"\0\0\0\x08Z\xfd7zXZ");
        let opened = open(&Blob::from_bytes(bytes)).unwrap();
        assert_eq!(opened.read_all(1 << 20).unwrap(), objects[0]);
        let bomb = [b"\xff\xff\xff\xff".as_slice(), &[0; 9]].concat();
        assert!(open(&Blob::from_bytes(bomb)).is_err());
        for len in 0..base(&objects).len() {
            let _ = open(&Blob::from_bytes(base(&objects)[..len].to_vec())).unwrap();
        }
    }

    #[test]
    fn damage_says_nothing() {
        for bytes in [
            b"\x09".as_slice(),
            b"\x09\xff\xff\xff\xffdot",
            b"\0\0\0\x01\0\x04\0\x09",
            b"\x09\0\0\0\x03d\0t",
        ] {
            assert_eq!(read(bytes).texts, Vec::<&[u8]>::new(), "{bytes:?}");
        }
    }
}
