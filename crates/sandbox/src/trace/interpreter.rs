//! What the kernel opens by itself when it executes a file: the program of a `#!` line (`fs/binfmt_script.c`) and
//! the interpreter that an ELF file names (`PT_INTERP`, `fs/binfmt_elf.c`).

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::place::{View, Walk};

/// How many interpreters may follow one another (`exec_binprm`, `fs/exec.c`), and the last one's own.
pub(super) const MAX_CHAIN: usize = 6;

/// How much of a `#!` line the kernel reads (`BINPRM_BUF_SIZE`, `linux/binfmts.h`).
const LINE: usize = 256;
/// The most program headers that are looked at; the kernel reads 64 KiB of them.
const MAX_HEADERS: u64 = 1170;
const PT_INTERP: u32 = 3;

/// The interpreter of what is at the end of a walk; `None` where it has none, or is no file that we may read.
pub(super) fn of(view: &View, walk: &Walk) -> io::Result<Option<PathBuf>> {
    let Ok(end) = &walk.end else {
        return Ok(None);
    };
    let Ok(file) = view.open(&end.path) else {
        return Ok(None);
    };
    let mut start = [0; LINE];
    let length = read(&file, &mut start, 0)?;
    let start = &start[..length];
    match start {
        [b'#', b'!', line @ ..] => Ok(script(line)),
        [0x7f, b'E', b'L', b'F', class, ..] => elf(&file, start, *class),
        _ => Ok(None),
    }
}

/// The first word of a `#!` line.
fn script(line: &[u8]) -> Option<PathBuf> {
    let line = line.split(|byte| *byte == b'\n' || *byte == 0).next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
    let word = words.find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(word)))
}

/// The path in the `PT_INTERP` header. The generic ABI gives the places: "ELF Header" and "Program Header".
fn elf(file: &File, header: &[u8], class: u8) -> io::Result<Option<PathBuf>> {
    let wide = class == 2;
    let (table, entry_size, count) = if wide {
        (
            number(header, 32, 8),
            number(header, 54, 2),
            number(header, 56, 2),
        )
    } else {
        (
            number(header, 28, 4),
            number(header, 42, 2),
            number(header, 44, 2),
        )
    };
    for index in 0..count.min(MAX_HEADERS) {
        let mut entry = [0; 56];
        let Some(place) = table.checked_add(index * entry_size) else {
            break;
        };
        let length = read(file, &mut entry, place)?;
        let entry = &entry[..length];
        if number(entry, 0, 4) != u64::from(PT_INTERP) {
            continue;
        }
        let (offset, size) = if wide {
            (number(entry, 8, 8), number(entry, 32, 8))
        } else {
            (number(entry, 4, 4), number(entry, 16, 4))
        };
        let mut path = vec![0; usize::try_from(size).map_or(4096, |size| size.min(4096))];
        let length = read(file, &mut path, offset)?;
        path.truncate(length);
        let end = memchr::memchr(0, &path).unwrap_or(path.len());
        let path = PathBuf::from(OsStr::from_bytes(&path[..end]));
        return Ok(Some(path).filter(|path| !path.as_os_str().is_empty()));
    }
    Ok(None)
}

/// A little-endian number, as on all machines that this runs on; 0 where the bytes end before it.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Reads as much as there is, but for what lies beyond the places that a file can have.
fn read(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match file.read_at(&mut into[done..], at.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
