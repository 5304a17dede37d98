//! Tar entries as container layers use them: where each one lies and what it says.
//!
//! Reading finds the headers and never touches the content between them. Names are checked here;
//! what a sequence of entries means is the [`tree`](crate::tree)'s business.

use std::ops::Range;

use tar_core::builder::EntryBuilder;
use tar_core::parse::{Limits, ParseEvent, ParsedEntry, Parser};
use tar_core::{EntryType, HEADER_SIZE, PaxExtensions, SparseEntry};

use crate::blob::{Blob, Piece};
use crate::error::{Error, IoContext as _, Result};
use crate::path::{ImagePath, MAX_PATH, display};

/// The prefix of whiteout names (OCI image specification, layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// The name of an opaque whiteout (layer.md, "Opaque Whiteout").
const OPAQUE: &[u8] = b".wh..wh..opq";
/// The prefix of AUFS' own metadata, which no reader of layers shows.
const AUFS: &[u8] = b".wh..wh.";

/// How much is read at a header; enough for most headers with their extensions.
const WINDOW: usize = 4096;
/// The longest headers of one entry: four times what the parser takes as extensions (1 MiB), since
/// a map of 10,000 holes stands outside of them. Without a bound a hole map that never ends would
/// be read into memory as a whole.
const MAX_HEADERS: usize = 4 << 20;
/// The most that the files of one layer may sum up to, 64 TiB: holes cost nothing to claim, and
/// sums over any number of layers must not overflow.
const MAX_CONTENT: u64 = 1 << 46;

/// The name and value of an extended attribute.
pub type Xattr = (Box<[u8]>, Box<[u8]>);

/// One entry of a layer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path; for a whiteout the path that it hides, for an opaque one the folder.
    pub path: ImagePath,
    /// What the entry is.
    pub kind: EntryKind,
    /// Permission bits with set-uid, set-gid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Modification time.
    pub mtime: Mtime,
    /// Extended attributes, sorted by name.
    pub xattrs: Box<[Xattr]>,
    /// Where the first header of the entry begins, in bytes of the uncompressed layer.
    pub start: u64,
    /// Where the content begins; the end of the headers.
    pub content: u64,
    /// Stored content in bytes, without padding.
    pub stored: u64,
    /// The file's size in bytes; larger than `stored` for a sparse file, the length of the target
    /// for a symbolic link, otherwise 0.
    pub size: u64,
    /// The data regions of a sparse file.
    pub sparse: Option<Box<[SparseEntry]>>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link with its target.
    Symlink(Box<[u8]>),
    /// One more name of the file at this path.
    Hardlink(ImagePath),
    /// A character device with major and minor number.
    CharDevice(u32, u32),
    /// A block device with major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// Hides a path of the layers below.
    Whiteout,
    /// Hides everything that the layers below have in a folder.
    Opaque,
    /// Carries no file: a global PAX header or AUFS metadata. Kept where it stands.
    Meta,
}

/// A modification time as tar records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mtime {
    /// Whole seconds since 1970, rounded down.
    pub secs: i64,
    /// Nanoseconds after that.
    pub nanos: u32,
}

impl Entry {
    /// The end of the entry with its padding, in bytes of the uncompressed layer.
    pub fn end(&self) -> u64 {
        self.content + self.stored.next_multiple_of(HEADER_SIZE as u64)
    }

    /// The stored content, holes of sparse files filled with zeros.
    pub fn read(&self, tar: &Blob) -> Blob {
        let stored = tar.slice(self.content..self.content + self.stored);
        let Some(sparse) = &self.sparse else {
            return stored;
        };
        let (mut logical, mut taken, mut pieces) = (0, 0, Vec::new());
        for part in sparse {
            pieces.push(Piece::Zeros(part.offset.saturating_sub(logical)));
            pieces.push(Piece::Slice(stored.slice(taken..taken + part.length)));
            taken += part.length;
            logical = part.offset + part.length;
        }
        pieces.push(Piece::Zeros(self.size.saturating_sub(logical)));
        Blob::splice(pieces)
    }
}

/// Reads the entries of an uncompressed tar archive; `archive` names it in errors.
///
/// # Errors
/// A damaged or cut-off archive, a name that leaves the image, an entry type that no container
/// tool can unpack.
pub fn read_entries(tar: &Blob, archive: &str) -> Result<Vec<Entry>> {
    let limits = Limits {
        max_path_len: Some(MAX_PATH as u32),
        ..Limits::default()
    };
    let mut parser = Parser::new(limits);
    // A negative time (Go's zero time) is no reason to refuse an image; the numbers that matter
    // are checked again in `pax_numbers`.
    parser.set_ignore_pax_errors(true);
    let mut window = vec![0; WINDOW];
    let mut want = WINDOW;
    let mut offset = 0;
    let mut entries: Vec<Entry> = Vec::new();
    let mut claimed = 0u64;
    loop {
        let wrong = |reason: String| Error::Tar {
            archive: archive.to_owned(),
            offset,
            reason,
        };
        if offset == tar.len() {
            // GNU tar, Docker and Go accept an archive that ends without zero blocks.
            return Ok(entries);
        }
        if window.len() < want {
            window.resize(want, 0);
        }
        let read = tar.read_at(offset, &mut window[..want]).in_layer(archive)?;
        match parser
            .parse(&window[..read])
            .map_err(|e| wrong(e.to_string()))?
        {
            ParseEvent::NeedData { min_bytes } if read as u64 == tar.len() - offset => {
                return match window[..read].iter().all(|&b| b == 0) {
                    true => Ok(entries),
                    false => Err(wrong(format!(
                        "the archive ends inside a header ({min_bytes} bytes needed)"
                    ))),
                };
            }
            ParseEvent::NeedData { .. } if want >= MAX_HEADERS => {
                return Err(wrong(format!(
                    "the headers of one entry are longer than {MAX_HEADERS} bytes"
                )));
            }
            // Doubled, because a long map of holes is asked for line by line.
            ParseEvent::NeedData { min_bytes } => want = min_bytes.max(2 * want).min(MAX_HEADERS),
            ParseEvent::End { .. } => return Ok(entries),
            ParseEvent::GlobalExtensions { consumed, .. } => {
                entries.push(meta(offset, offset + consumed as u64));
                offset += consumed as u64;
                want = WINDOW;
            }
            ParseEvent::Entry { consumed, entry } => {
                let place = Place {
                    archive,
                    start: offset,
                    content: offset + consumed as u64,
                };
                entries.push(convert(&entry, None, place)?);
                offset = next(&entries, &mut claimed, tar, archive)?;
                want = WINDOW;
            }
            ParseEvent::SparseEntry {
                consumed,
                entry,
                sparse_map,
                real_size,
            } => {
                let place = Place {
                    archive,
                    start: offset,
                    content: offset + consumed as u64,
                };
                entries.push(convert(&entry, Some((sparse_map, real_size)), place)?);
                offset = next(&entries, &mut claimed, tar, archive)?;
                want = WINDOW;
            }
        }
    }
}

/// The offset after the last entry, which must lie inside the archive and not claim too much.
fn next(entries: &[Entry], claimed: &mut u64, tar: &Blob, archive: &str) -> Result<u64> {
    let entry = entries.last().expect("called after an entry was pushed");
    let wrong = |reason: String| Error::Tar {
        archive: archive.to_owned(),
        offset: entry.start,
        reason,
    };
    *claimed = claimed.saturating_add(entry.size);
    if *claimed > MAX_CONTENT {
        return Err(wrong(format!(
            "{} claims {} bytes, and all files together more than {MAX_CONTENT}",
            entry.path, entry.size
        )));
    }
    let end = entry.content.checked_add(entry.stored);
    match end.is_some_and(|end| end <= tar.len()) {
        true => Ok(entry.end().min(tar.len())),
        false => Err(wrong(format!(
            "{} should hold {} bytes, but the archive ends after {}",
            entry.path,
            entry.stored,
            tar.len().saturating_sub(entry.content)
        ))),
    }
}

#[derive(Clone, Copy)]
struct Place<'a> {
    archive: &'a str,
    start: u64,
    content: u64,
}

fn meta(start: u64, end: u64) -> Entry {
    Entry {
        path: ImagePath::default(),
        kind: EntryKind::Meta,
        mode: 0,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        xattrs: Box::default(),
        start,
        content: end,
        stored: 0,
        size: 0,
        sparse: None,
    }
}

fn convert(
    entry: &ParsedEntry<'_>,
    sparse: Option<(Vec<SparseEntry>, u64)>,
    place: Place<'_>,
) -> Result<Entry> {
    let wrong = |reason: String| Error::Tar {
        archive: place.archive.to_owned(),
        offset: place.start,
        reason,
    };
    let name = |bytes: &[u8]| {
        ImagePath::parse(bytes).map_err(|source| Error::Name {
            archive: place.archive.to_owned(),
            offset: place.start,
            source,
        })
    };
    let path = name(&entry.path)?;
    let target = entry.link_target.as_deref().unwrap_or_default();
    let device = (entry.dev_major.unwrap_or(0), entry.dev_minor.unwrap_or(0));
    // A regular file whose name ends in a slash is a folder (POSIX, pax: "typeflag", for old archives).
    let old_folder = entry.path.ends_with(b"/");
    let kind = match entry.entry_type {
        EntryType::Regular | EntryType::Continuous if old_folder => EntryKind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GnuSparse => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink(target.into()),
        EntryType::Link => EntryKind::Hardlink(name(target)?),
        EntryType::Char => EntryKind::CharDevice(device.0, device.1),
        EntryType::Block => EntryKind::BlockDevice(device.0, device.1),
        EntryType::Fifo => EntryKind::Fifo,
        other => {
            return Err(wrong(format!(
                "{path}: entries of type {:?} are not part of images",
                char::from(other.as_byte())
            )));
        }
    };
    let (path, kind) = whiteout(path, kind).map_err(wrong)?;
    let numbers = pax_numbers(entry.pax.unwrap_or_default()).map_err(wrong)?;
    // Only files carry content; the size of other entries is not followed by data
    // (Go's archive/tar, isHeaderOnly).
    let stored = if kind == EntryKind::File || entry.entry_type.is_file() {
        entry.size
    } else {
        0
    };
    let size = match (&kind, &sparse) {
        (EntryKind::File, Some((map, real))) => {
            check_sparse(map, *real, stored)
                .map_err(|reason| wrong(format!("{path}: {reason}")))?;
            *real
        }
        (EntryKind::File, None) => stored,
        (EntryKind::Symlink(target), _) => target.len() as u64,
        _ => 0,
    };
    let mut xattrs: Vec<Xattr> = entry
        .xattrs
        .iter()
        .map(|(key, value)| (key.as_ref().into(), value.as_ref().into()))
        .collect();
    xattrs.sort();
    Ok(Entry {
        path,
        kind,
        mode: entry.mode & 0o7777,
        uid: entry.uid,
        gid: entry.gid,
        mtime: numbers.unwrap_or(Mtime {
            secs: entry.mtime as i64,
            nanos: 0,
        }),
        xattrs: xattrs.into(),
        start: place.start,
        content: place.content,
        stored,
        size,
        sparse: sparse.map(|(map, _)| map.into()),
    })
}

/// Recognises the names that hide what lower layers have.
fn whiteout(path: ImagePath, kind: EntryKind) -> Result<(ImagePath, EntryKind), String> {
    let name = path.file_name();
    if !name.starts_with(WHITEOUT) {
        return Ok((path, kind));
    }
    if name == OPAQUE {
        return Ok((path.parent(), EntryKind::Opaque));
    }
    if name.starts_with(AUFS) {
        return Ok((path, EntryKind::Meta));
    }
    match &name[WHITEOUT.len()..] {
        b"" | b"." | b".." => Err(format!("{path} is a whiteout that names nothing")),
        hidden => Ok((path.parent().join(hidden), EntryKind::Whiteout)),
    }
}

/// A sparse map must be in order, inside the file, and cover what is stored.
fn check_sparse(map: &[SparseEntry], real: u64, stored: u64) -> Result<(), String> {
    let (mut at, mut data) = (0u64, 0u64);
    for part in map {
        let end = part.offset.checked_add(part.length);
        match end {
            Some(end) if part.offset >= at && end <= real => at = end,
            _ => return Err("the map of its holes is out of order".to_owned()),
        }
        data += part.length;
    }
    match data <= stored {
        true => Ok(()),
        false => Err(format!(
            "the map of its holes covers {data} bytes, but {stored} are stored"
        )),
    }
}

/// Checks the numbers of a PAX header that decide where the next entry begins and who owns the
/// file, and reads the time with its fraction.
fn pax_numbers(pax: &[u8]) -> Result<Option<Mtime>, String> {
    let mut mtime = None;
    for record in PaxExtensions::new(pax) {
        let record = record.map_err(|e| e.to_string())?;
        let value = record.value_bytes();
        match record.key_bytes() {
            b"size" | b"uid" | b"gid" => {
                let number = std::str::from_utf8(value)
                    .ok()
                    .and_then(|s| s.parse::<u64>().ok());
                number.ok_or_else(|| {
                    format!(
                        "the PAX record {} is {:?}, not a number",
                        display(record.key_bytes()),
                        display(value)
                    )
                })?;
            }
            b"mtime" => mtime = parse_mtime(value),
            _ => {}
        }
    }
    Ok(mtime)
}

/// `[-]seconds[.fraction]`, POSIX pax, "mtime".
fn parse_mtime(value: &[u8]) -> Option<Mtime> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let secs: i64 = whole.parse().ok()?;
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let nanos: u32 = digits.parse().ok()?;
    match whole.starts_with('-') && nanos > 0 {
        true => Some(Mtime {
            secs: secs.checked_sub(1)?,
            nanos: 1_000_000_000 - nanos,
        }),
        false => Some(Mtime { secs, nanos }),
    }
}

/// The header of a folder that engines make where no layer lists it: 0755, root's.
pub(crate) fn folder_header(path: &ImagePath) -> Vec<u8> {
    let mut entry = EntryBuilder::new_ustar();
    entry
        .path([path.as_bytes(), b"/"].concat())
        .entry_type(EntryType::Directory);
    entry.mode(0o755).expect("the mode fits its field");
    entry.finish_bytes()
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
