//! Writes headers: of entries that get another name, link target or size, and of folders.

use std::ops::Range;

use tar_core::builder::EntryBuilder;
use tar_core::{EntryType, HEADER_SIZE, PaxExtensions};

use super::Entry;
use crate::path::ImagePath;

/// The header of a folder that engines make where no layer lists it: 0755, root's.
pub(crate) fn folder_header(path: &ImagePath) -> Vec<u8> {
    let mut entry = EntryBuilder::new_ustar();
    entry
        .path([path.as_bytes(), b"/"].concat())
        .entry_type(EntryType::Directory);
    entry.mode(0o755).expect("the mode fits its field");
    entry.finish_bytes()
}

/// The header of one more name of the file that an earlier entry, `of`, holds. Docker gives the file the mode, owner
/// and time of each of its names' headers (moby, pkg/archive), so they say the same.
pub(crate) fn link_header(path: &ImagePath, target: &ImagePath, of: &Entry) -> Vec<u8> {
    let mut entry = EntryBuilder::new_ustar();
    entry
        .path(path.as_bytes())
        .link_name(target.as_bytes())
        .entry_type(EntryType::Link);
    describe(&mut entry, of);
    entry.finish_bytes()
}

/// Mode, owner and time; numbers that do not fit the header's fields take PAX records.
fn describe(entry: &mut EntryBuilder, of: &Entry) {
    entry
        .mode(of.mode)
        .expect("permission bits fit their field");
    if entry.uid(of.uid).is_err() {
        entry.add_pax("uid", of.uid.to_string());
    }
    if entry.gid(of.gid).is_err() {
        entry.add_pax("gid", of.gid.to_string());
    }
    let secs = u64::try_from(of.mtime.secs);
    if !secs.is_ok_and(|secs| entry.mtime(secs).is_ok()) {
        entry.add_pax("mtime", of.mtime.secs.to_string());
    }
}

/// What [`with_names`] changes in a header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rename<'a> {
    /// The entry's own name.
    Name(&'a ImagePath),
    /// The name that a hard link points to.
    Target(&'a ImagePath),
}

/// Writes an entry's headers anew with another name or link target; everything else they say is
/// kept to the bit.
pub(crate) fn with_names(headers: &[u8], rename: Rename<'_>) -> Vec<u8> {
    let (new, pax_key, gnu_type, field) = match rename {
        Rename::Name(path) => (path, "path", b'L', NAME),
        Rename::Target(path) => (path, "linkpath", b'K', LINK_NAME),
    };
    let mut out = Vec::with_capacity(headers.len());
    let mut rest = headers;
    let mut named_in_pax = false;
    // The extensions come first, each a header block and its padded content.
    while let Some(block) = rest.first_chunk::<HEADER_SIZE>() {
        let header = tar_core::Header::from_bytes(block);
        let kind = block[TYPE];
        if !matches!(kind, b'x' | b'L' | b'K') {
            break;
        }
        let size = header.entry_size().unwrap_or(0);
        let end = HEADER_SIZE + (size as usize).next_multiple_of(HEADER_SIZE);
        let (extension, tail) = rest.split_at(end.min(rest.len()));
        rest = tail;
        if kind == b'x' {
            let data = &extension[HEADER_SIZE..][..size as usize];
            let (mut records, had_name) = pax_records(data, pax_key, new);
            // Of two extended headers readers take the last one only.
            if !had_name && new.as_bytes().len() > field.len() {
                records.extend(pax_record(pax_key, new.as_bytes()));
            }
            named_in_pax |= had_name || new.as_bytes().len() > field.len();
            push_extension(&mut out, block, &records);
        } else if kind != gnu_type {
            out.extend_from_slice(extension);
        }
    }
    let Some((block, tail)) = rest.split_first_chunk::<HEADER_SIZE>() else {
        return headers.to_vec();
    };
    let mut block = *block;
    let is_gnu = &block[MAGIC] == b"ustar  \0";
    let name = new.as_bytes();
    if name.len() > field.len() && !named_in_pax {
        let mut extension = block;
        extension[NAME].fill(0);
        extension[LINK_NAME].fill(0);
        if is_gnu {
            extension[NAME][..13].copy_from_slice(b"././@LongLink");
            extension[TYPE] = gnu_type;
            push_extension(&mut out, &extension, &[name, b"\0"].concat());
        } else {
            extension[NAME][..10].copy_from_slice(b"PaxHeaders");
            extension[PREFIX].fill(0);
            extension[TYPE] = b'x';
            push_extension(&mut out, &extension, &pax_record(pax_key, name));
        }
    }
    let short = &name[..name.len().min(field.len())];
    block[field.clone()].fill(0);
    block[field][..short.len()].copy_from_slice(short);
    if matches!(rename, Rename::Name(_)) && !is_gnu {
        block[PREFIX].fill(0);
    }
    push_block(&mut out, block);
    out.extend_from_slice(tail);
    out
}

/// Writes the headers of a file that is not sparse anew with another size; everything else they say is
/// kept to the bit.
pub(crate) fn with_size(headers: &[u8], size: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(headers.len());
    let mut rest = headers;
    while let Some(block) = rest.first_chunk::<HEADER_SIZE>() {
        let kind = block[TYPE];
        if !matches!(kind, b'x' | b'L' | b'K') {
            break;
        }
        let len = tar_core::Header::from_bytes(block)
            .entry_size()
            .unwrap_or(0) as usize;
        let end = HEADER_SIZE + len.next_multiple_of(HEADER_SIZE);
        let (extension, tail) = rest.split_at(end.min(rest.len()));
        rest = tail;
        match kind {
            // The record would go before the field (POSIX pax, "pax Extended Header").
            b'x' => {
                let records = PaxExtensions::new(&extension[HEADER_SIZE..][..len]).flatten();
                let kept = records.filter(|record| record.key_bytes() != b"size");
                let kept = kept.flat_map(|record| {
                    let key = String::from_utf8_lossy(record.key_bytes()).into_owned();
                    pax_record(&key, record.value_bytes())
                });
                push_extension(&mut out, block, &kept.collect::<Vec<u8>>());
            }
            _ => out.extend_from_slice(extension),
        }
    }
    let Some((block, tail)) = rest.split_first_chunk::<HEADER_SIZE>() else {
        return headers.to_vec();
    };
    let mut block = *block;
    block[SIZE].copy_from_slice(format!("{size:011o}\0").as_bytes());
    push_block(&mut out, block);
    out.extend_from_slice(tail);
    out
}

/// Fields of a ustar header (POSIX pax, "ustar Interchange Format").
const NAME: Range<usize> = 0..100;
const SIZE: Range<usize> = 124..136;
const TYPE: usize = 156;
const LINK_NAME: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;
const PREFIX: Range<usize> = 345..500;

/// Copies PAX records, with `key` (and the name of a sparse file) set to `path` where present.
/// Tells whether `key` was there.
fn pax_records(data: &[u8], key: &str, path: &ImagePath) -> (Vec<u8>, bool) {
    let (mut out, mut found) = (Vec::with_capacity(data.len()), false);
    for record in PaxExtensions::new(data).flatten() {
        let name = String::from_utf8_lossy(record.key_bytes());
        let is_sparse_name = key == "path" && name == tar_core::PAX_GNU_SPARSE_NAME;
        if name == key || is_sparse_name {
            found |= name == key;
            out.extend(pax_record(&name, path.as_bytes()));
        } else {
            out.extend(pax_record(&name, record.value_bytes()));
        }
    }
    (out, found)
}

/// `length key=value\n`, where the length counts itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    let mut out = format!("{len} {key}=").into_bytes();
    out.extend_from_slice(value);
    out.push(b'\n');
    out
}

/// An extension header like `model`, with other content; nothing when there is no content.
fn push_extension(out: &mut Vec<u8>, model: &[u8; HEADER_SIZE], content: &[u8]) {
    if content.is_empty() {
        return;
    }
    let mut block = *model;
    block[SIZE].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    push_block(out, block);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(HEADER_SIZE), 0);
}

fn push_block(out: &mut Vec<u8>, mut block: [u8; HEADER_SIZE]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&block);
}
