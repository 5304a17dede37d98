//! Programs of .NET in one file: assemblies, libraries and settings that lie behind the program which starts them
//! (dotnet/designs, accepted/2020/single-file; dotnet/runtime, src/native/corehost/bundle: `header.h`, `file_entry.h`,
//! `apphost/bundle_marker.cpp`).

use std::io::{self, Read as _};
use std::ops::{ControlFlow, Range};

use flate2::read::DeflateDecoder;
use ounce_image::Blob;

use super::needles;

/// What stands in a program that may have a list, behind the place of it: the SHA-256 of `.net core bundle` and a line feed.
const MARK: [u8; 32] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32,
    0x13, 0xf5, 0xb9, 0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
];
/// The place, a number of eight bytes.
const PLACE: usize = 8;
/// The longest list that is read, in bytes: a line takes some 60.
const MAX_LIST: u64 = 16 << 20;
/// What the second form of the list has behind its name: places of two settings, and flags.
const SETTINGS: usize = 40;

/// A part of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path below the folder of the program.
    pub name: Vec<u8>,
    /// Bytes of its content, as the list says.
    pub size: u64,
    place: Range<u64>,
    is_packed: bool,
}

/// The parts of a program; none if it has no list.
///
/// # Errors
/// The list is damaged, or the program cannot be read.
pub fn entries(program: &Blob) -> io::Result<Vec<Entry>> {
    let Some(start) = place(program)? else {
        return Ok(Vec::new());
    };
    let end = program.len();
    let list = program.slice(start..start.saturating_add(MAX_LIST).min(end));
    list_of(&list.read_all(MAX_LIST)?, end).ok_or_else(damaged)
}

/// Where the list begins: 0 in a program that could have one, and anything in one that only knows of such programs.
fn place(program: &Blob) -> io::Result<Option<u64>> {
    let mut found = None;
    needles::windows(program, PLACE + MARK.len(), |window| {
        let mut marks = memchr::memmem::find_iter(window, &MARK);
        found = marks.find_map(|at| window.get(at.checked_sub(PLACE)?..).and_then(long));
        match found {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    })?;
    Ok(found.filter(|place| (1..program.len()).contains(place)))
}

fn list_of(list: &[u8], end: u64) -> Option<Vec<Entry>> {
    let (form, count) = (number(list)?, number(list.get(8..)?)?);
    let (_, mut rest) = text(list.get(12..)?)?;
    if form >= 2 {
        rest = rest.get(SETTINGS..)?;
    }
    let mut out = Vec::new();
    for _ in 0..count {
        let (place, size) = (long(rest)?, long(rest.get(8..)?)?);
        rest = rest.get(16..)?;
        let packed = match form {
            6.. => {
                let packed = long(rest)?;
                rest = rest.get(8..)?;
                packed
            }
            _ => 0,
        };
        // What kind of file it is.
        let (name, behind) = text(rest.get(1..)?)?;
        rest = behind;
        let len = if packed > 0 { packed } else { size };
        let place = place..place.checked_add(len).filter(|last| *last <= end)?;
        out.push(Entry {
            name: name.to_vec(),
            size,
            place,
            is_packed: packed > 0,
        });
    }
    Some(out)
}

/// The content of a part.
///
/// # Errors
/// It is damaged, or larger than the list says.
pub fn read(program: &Blob, entry: &Entry) -> io::Result<Blob> {
    let content = program.slice(entry.place.clone());
    if !entry.is_packed {
        return Ok(content);
    }
    let packed = content.read_all(content.len())?;
    let mut out = Vec::new();
    DeflateDecoder::new(packed.as_slice())
        .take(entry.size.saturating_add(1))
        .read_to_end(&mut out)?;
    match out.len() as u64 == entry.size {
        true => Ok(Blob::from_bytes(out)),
        false => Err(damaged()),
    }
}

/// A text with its length before it, seven bits to a byte (`BinaryWriter.Write(String)`).
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let len = usize::from(first & 0x7f);
    if *first < 0x80 {
        return rest.split_at_checked(len);
    }
    let (second, rest) = rest.split_first().filter(|(second, _)| **second < 0x80)?;
    rest.split_at_checked(len | usize::from(*second) << 7)
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

fn long(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

fn damaged() -> io::Error {
    io::Error::other("its list of assemblies is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bundle::behind;

    const PARTS: [(&str, &[u8]); 2] = [("a.dll", b"MZ code"), ("b/a.json", b"{}{}{}{}{}")];

    fn read_all(program: &Blob) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let read = |entry: Entry| {
            let content = read(program, &entry)?.read_all(1 << 20)?;
            Ok((entry.name, content))
        };
        entries(program)?.into_iter().map(read).collect()
    }

    #[test]
    fn parts_are_read_in_each_form() {
        let wanted = PARTS.map(|(name, content)| (name.into(), content.to_vec()));
        for form in [1, 2, 6] {
            let program = Blob::from_bytes(behind(b"\x7fELF", form, &PARTS));
            assert_eq!(read_all(&program).unwrap(), wanted, "{form}");
        }
    }

    #[test]
    fn a_program_that_could_have_parts_has_none() {
        let program = [b"\x7fELF".as_slice(), &[0; PLACE], &MARK, b"more"].concat();
        for program in [program, MARK.to_vec(), b"\x7fELF".to_vec()] {
            assert_eq!(entries(&Blob::from_bytes(program)).unwrap(), []);
        }
    }

    #[test]
    fn damage_is_told() {
        for form in [1, 6] {
            let good = behind(b"\x7fELF", form, &PARTS);
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0xff;
                let _ = read_all(&Blob::from_bytes(bad));
            }
            let cut = good[..good.len() - 1].to_vec();
            assert!(read_all(&Blob::from_bytes(cut)).is_err());
        }
    }
}
