//! Programs that PyInstaller made: an archive behind an ELF file, with modules, libraries and data that are unpacked
//! when the program runs (PyInstaller manual, "Advanced Topics", "`CArchive`" and "`ZlibArchive`").

use std::io::{self, Read as _};
use std::ops::Range;

use flate2::bufread::ZlibDecoder;
use ounce_image::Blob;

/// What the record at the archive's end begins with (bootloader/src/pyi_archive.h, `MAGIC`), and its size.
const MAGIC: &[u8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
const COOKIE: usize = 88;
/// How far before the end of the file the record is looked for; headers of the ELF file follow it.
const TAIL: u64 = 64 << 10;
/// The longest list of parts that is read, in bytes.
const MAX_LIST: u64 = 64 << 20;
/// The fixed part of a line of the list, in bytes.
const LINE: usize = 18;
/// What an archive of modules begins with, and where the first of them is.
const MODULES: &[u8] = b"PYZ\0";
const FIRST_MODULE: usize = 17;
/// The most that the modules of one archive take, in bytes.
const MAX_MODULES: usize = 512 << 20;

/// A part of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path below the folder into which it is unpacked.
    pub name: Vec<u8>,
    /// Whether it is code of Python without the header of a module.
    pub is_code: bool,
    /// Whether it is a library.
    pub is_library: bool,
    /// Bytes of its content, as the list says.
    pub size: u64,
    place: Range<u64>,
    packing: Packing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Zlib,
    /// Modules, each of which is packed.
    Modules,
}

/// The parts of a program; none if PyInstaller did not make it.
///
/// # Errors
/// The archive is damaged.
pub fn entries(program: &Blob) -> io::Result<Vec<Entry>> {
    let from = program.len().saturating_sub(TAIL);
    let tail = program.slice(from..program.len()).read_all(TAIL)?;
    let Some(at) = memchr::memmem::rfind(&tail, MAGIC) else {
        return Ok(Vec::new());
    };
    let Some(cookie) = tail.get(at..at + COOKIE) else {
        // A program that knows such archives.
        return Ok(Vec::new());
    };
    let end = from + (at + COOKIE) as u64;
    let [len, list, list_len] = [8, 12, 16].map(|at| u64::from(number(&cookie[at..])));
    let start = end.checked_sub(len).ok_or_else(damaged)?;
    let archive = program.slice(start..end);
    if list + list_len > len || list_len > MAX_LIST {
        return Err(damaged());
    }
    let list = archive.slice(list..list + list_len).read_all(MAX_LIST)?;
    let mut rest = list.as_slice();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let line = rest.get(..LINE).ok_or_else(damaged)?;
        let end = number(line) as usize;
        let name = rest.get(LINE..end).ok_or_else(damaged)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        rest = &rest[end..];
        let [place, packed, size] = [4, 8, 12].map(|at| u64::from(number(&line[at..])));
        let kind = line[17];
        let packing = match (kind, line[16]) {
            (b'z', _) => Packing::Modules,
            (_, 0) => Packing::None,
            _ => Packing::Zlib,
        };
        if place + packed > len {
            return Err(damaged());
        }
        // Options of the bootloader, and what lies in another program's archive, have no content.
        if !matches!(kind, b'o' | b'n' | b'd') {
            out.push(Entry {
                name: name.to_vec(),
                is_code: matches!(kind, b's' | b'm' | b'M' | b'z'),
                is_library: kind == b'b',
                size,
                place: start + place..start + place + packed,
                packing,
            });
        }
    }
    Ok(out)
}

/// The content of a part; that of all modules of an archive of them, one behind the other.
///
/// # Errors
/// It is damaged, or larger than the list says.
pub fn read(program: &Blob, entry: &Entry) -> io::Result<Blob> {
    let packed = program.slice(entry.place.clone());
    match entry.packing {
        Packing::None => Ok(packed),
        Packing::Zlib => {
            let packed = packed.read_all(packed.len())?;
            let mut out = Vec::new();
            ZlibDecoder::new(packed.as_slice())
                .take(entry.size + 1)
                .read_to_end(&mut out)?;
            match out.len() as u64 == entry.size {
                true => Ok(Blob::from_bytes(out)),
                false => Err(damaged()),
            }
        }
        Packing::Modules => modules(&packed.read_all(packed.len())?).map(Blob::from_bytes),
    }
}

/// Modules follow each other up to the list of them, which is not needed.
fn modules(archive: &[u8]) -> io::Result<Vec<u8>> {
    let list = archive.get(8..12).filter(|_| archive.starts_with(MODULES));
    let end = number(list.ok_or_else(damaged)?) as usize;
    let mut rest = archive.get(FIRST_MODULE..end).ok_or_else(damaged)?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let mut decoder = ZlibDecoder::new(rest);
        let left = (MAX_MODULES - out.len()) as u64;
        decoder.by_ref().take(left).read_to_end(&mut out)?;
        if out.len() == MAX_MODULES {
            return Err(io::Error::other("it is too large to be read as a whole"));
        }
        let read = decoder.total_in() as usize;
        rest = rest.get(read..).filter(|_| read > 0).ok_or_else(damaged)?;
    }
    Ok(out)
}

/// The first four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn damaged() -> io::Error {
    io::Error::other("the archive of PyInstaller is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pyinstaller::{modules as packed_modules, program};

    fn made() -> Vec<u8> {
        let modules = packed_modules(&[b"\xfa\x03jqx", b"z\x02bc"]);
        program(&[
            ("start", b's', b"code"),
            ("liba.so.1", b'b', b"library"),
            ("PYZ.pyz", b'z', &modules),
            ("pyi-contents-directory _internal", b'o', b""),
        ])
    }

    #[test]
    fn parts_are_read() {
        let program = Blob::from_bytes(made());
        let entries = entries(&program).unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|entry| {
                let content = read(&program, entry).unwrap().read_all(1 << 20).unwrap();
                (
                    entry.name.as_slice(),
                    entry.is_code,
                    entry.is_library,
                    content,
                )
            })
            .collect();
        let wanted: [(&[u8], bool, bool, Vec<u8>); 3] = [
            (b"start", true, false, b"code".to_vec()),
            (b"liba.so.1", false, true, b"library".to_vec()),
            (b"PYZ.pyz", true, false, b"\xfa\x03jqxz\x02bc".to_vec()),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn other_programs_have_none() {
        for program in [&b"\x7fELF"[..], &[b"\x7fELF", MAGIC].concat()] {
            assert_eq!(entries(&Blob::from_bytes(program.to_vec())).unwrap(), []);
        }
    }

    #[test]
    fn damage_is_told() {
        let good = made();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let program = Blob::from_bytes(bad);
            for entry in entries(&program).unwrap_or_default() {
                let _ = read(&program, &entry);
            }
        }
        let mut bad = good.clone();
        let cookie = good.len() - COOKIE;
        bad[cookie + 8..cookie + 12].fill(0xff);
        assert!(entries(&Blob::from_bytes(bad)).is_err());
        let modules = packed_modules(&[b"code"]);
        assert!(super::modules(&modules[..20]).is_err());
    }
}
