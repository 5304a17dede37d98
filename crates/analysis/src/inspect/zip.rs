//! Zip archives: the list of entries, and the content of small ones (PKWARE, APPNOTE.TXT 6.3.10).
//!
//! Archives may begin with something else (a script that starts the jar): offsets are counted from
//! where the list says it is. Entries over 4 GB and other methods than deflate are not read.

use std::io::{self, Read as _};

use flate2::read::DeflateDecoder;
use ounce_image::Blob;

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, with slashes.
    pub name: Vec<u8>,
    method: u16,
    /// Bytes in the archive.
    packed: u64,
    /// Bytes of its content, as the list says.
    pub size: u64,
    /// Where its local header begins.
    header: u64,
}

/// The fixed parts of the records, in bytes (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16).
const LOCAL: usize = 30;
const CENTRAL: usize = 46;
const END: usize = 22;
const LOCATOR: u64 = 20;
const END_64: usize = 56;
/// The method of what is not compressed (APPNOTE 4.4.5).
const STORED: u16 = 0;
/// The longest comment behind the end, which the search for it has to pass.
const MAX_COMMENT: usize = 0xffff;
/// A list of a million entries takes some 100 MB.
const MAX_DIRECTORY: u64 = 256 << 20;

/// The entries that `wanted` says yes to by name, in the order of the list.
///
/// # Errors
/// It is no archive, or the list is damaged.
pub fn entries(content: &Blob, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<Entry>> {
    let (start, size, shift) = directory(content)?;
    let bytes = content
        .slice(start..start.saturating_add(size))
        .read_all(MAX_DIRECTORY)?;
    if bytes.len() as u64 != size {
        return Err(damaged());
    }
    let mut out = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((fixed, tail)) = rest.split_at_checked(CENTRAL) {
        if !fixed.starts_with(b"PK\x01\x02") {
            return Err(damaged());
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(short(fixed, at)));
        let (name, tail) = tail.split_at_checked(name).ok_or_else(damaged)?;
        rest = tail.get(extra + comment..).ok_or_else(damaged)?;
        if wanted(name) {
            out.push(Entry {
                name: name.to_vec(),
                method: short(fixed, 10),
                packed: long(fixed, 20),
                size: long(fixed, 24),
                header: long(fixed, 42).checked_add(shift).ok_or_else(damaged)?,
            });
        }
    }
    Ok(out)
}

/// The first `limit` bytes of an entry's content.
///
/// # Errors
/// The entry is damaged or packed in a way that is not known.
pub fn read(content: &Blob, entry: &Entry, limit: u64) -> io::Result<Vec<u8>> {
    let packed = packed(content, entry)?;
    let mut out = Vec::new();
    match entry.method {
        STORED => packed.reader().take(limit).read_to_end(&mut out)?,
        8 => DeflateDecoder::new(packed.reader())
            .take(limit)
            .read_to_end(&mut out)?,
        other => return Err(io::Error::other(format!("compression method {other}"))),
    };
    Ok(out)
}

/// An entry's content as a whole; what is not compressed is not read.
///
/// # Errors
/// As [`read`], and where the content has another size than the list says.
pub fn whole(content: &Blob, entry: &Entry) -> io::Result<Blob> {
    let whole = match entry.method {
        STORED => packed(content, entry)?,
        _ => Blob::from_bytes(read(content, entry, entry.size.saturating_add(1))?),
    };
    match whole.len() == entry.size {
        true => Ok(whole),
        false => Err(damaged()),
    }
}

/// What the archive has of an entry.
fn packed(content: &Blob, entry: &Entry) -> io::Result<Blob> {
    let mut local = [0; LOCAL];
    content.read_exact_at(entry.header, &mut local)?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(damaged());
    }
    let names = u64::from(short(&local, 26)) + u64::from(short(&local, 28));
    let start = entry.header + LOCAL as u64 + names;
    let end = start.saturating_add(entry.packed);
    if end > content.len() {
        return Err(damaged());
    }
    Ok(content.slice(start..end))
}

/// Where the list of entries begins, its size, and what its offsets are short of.
fn directory(content: &Blob) -> io::Result<(u64, u64, u64)> {
    let len = content.len();
    let from = len.saturating_sub((END + MAX_COMMENT) as u64);
    let tail = content.slice(from..len).read_all(len)?;
    let at = (0..tail.len().saturating_sub(END - 1))
        .rev()
        .find(|at| tail[*at..].starts_with(b"PK\x05\x06"))
        .ok_or_else(|| io::Error::other("it is no zip archive"))?;
    let end = from + at as u64;
    let (mut size, mut offset) = (long(&tail[at..], 12), long(&tail[at..], 16));
    let mut behind = end;
    let is_large = short(&tail[at..], 10) == u16::MAX || offset == u64::from(u32::MAX);
    if let Some(record) = end.checked_sub(LOCATOR).filter(|_| is_large)
        && let Some((record, large_size, large_offset)) = end_64(content, record)?
    {
        (behind, size, offset) = (record, large_size, large_offset);
    }
    let start = behind.checked_sub(size).ok_or_else(damaged)?;
    let shift = start.checked_sub(offset).ok_or_else(damaged)?;
    Ok((start, size, shift))
}

/// The end record of a large archive by its locator: its place, the list's size and offset.
fn end_64(content: &Blob, locator: u64) -> io::Result<Option<(u64, u64, u64)>> {
    let mut bytes = [0; END_64];
    content.read_exact_at(locator, &mut bytes[..LOCATOR as usize])?;
    if !bytes.starts_with(b"PK\x06\x07") {
        return Ok(None);
    }
    let record = very_long(&bytes, 8);
    content.read_exact_at(record, &mut bytes)?;
    if !bytes.starts_with(b"PK\x06\x06") {
        return Err(damaged());
    }
    Ok(Some((record, very_long(&bytes, 40), very_long(&bytes, 48))))
}

fn damaged() -> io::Error {
    io::Error::other("the list of entries of the archive is damaged")
}

/// Numbers are little-endian (APPNOTE 4.4.1.1); `at` is within the record's fixed part.
fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(short(bytes, at)) | u64::from(short(bytes, at + 2)) << 16
}

fn very_long(bytes: &[u8], at: usize) -> u64 {
    long(bytes, at) | long(bytes, at + 4) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one file `a`, with a comment behind it.
    fn archive(method: u16, content: &[u8]) -> Vec<u8> {
        let size = (content.len() as u32).to_le_bytes();
        let mut out = b"PK\x03\x04\x14\0\0\0".to_vec();
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend([size, size].concat());
        out.extend(b"\x01\0\0\0a");
        out.extend(content);
        let start = out.len() as u32;
        out.extend(b"PK\x01\x02\x14\0\x14\0\0\0");
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend([size, size].concat());
        out.extend(b"\x01\0");
        out.extend([0; 16]);
        out.extend(b"a");
        let list = out.len() as u32 - start;
        out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        out.extend([list.to_le_bytes(), start.to_le_bytes()].concat());
        out.extend(b"\x02\0hi");
        out
    }

    fn first(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let content = Blob::from_bytes(bytes);
        let entries = entries(&content, |name| name == b"a")?;
        read(&content, &entries[0], 5)
    }

    #[test]
    fn entries_are_read_whatever_stands_before_the_archive() {
        assert_eq!(first(archive(0, b"version")).unwrap(), b"versi");
        let script = [b"#!/bin/sh\n".to_vec(), archive(0, b"ver")].concat();
        assert_eq!(first(script).unwrap(), b"ver");
        // A stored block (RFC 1951, 3.2.4).
        let deflated = archive(8, b"\x01\x03\0\xfc\xffver");
        assert_eq!(first(deflated).unwrap(), b"ver");
    }

    #[test]
    fn an_entry_has_the_size_that_the_list_says() {
        let of = |bytes: Vec<u8>| {
            let content = Blob::from_bytes(bytes);
            let entry = &entries(&content, |_| true)?[0];
            whole(&content, entry)?.read_all(99)
        };
        assert_eq!(of(archive(0, b"version")).unwrap(), b"version");
        // It holds three bytes, where the list has the size of what is packed.
        assert!(of(archive(8, b"\x01\x03\0\xfc\xffver")).is_err());
    }

    #[test]
    fn damage_is_an_error() {
        let good = archive(0, b"version");
        assert!(first(archive(9, b"version")).is_err());
        assert!(first(b"PK\x05\x06".to_vec()).is_err());
        for at in [0, 38, good.len() - 12] {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            assert!(first(bad).is_err(), "{at}");
        }
    }
}
