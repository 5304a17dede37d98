//! Tar entries as container layers use them: where each one lies and what it says.
//!
//! Reading finds the headers and never touches the content between them. Names are checked here;
//! what a sequence of entries means is the [`tree`](crate::tree)'s business.

mod headers;

pub(crate) use tar_core::HEADER_SIZE;
use tar_core::parse::{Limits, ParseEvent, ParsedEntry, Parser};
use tar_core::{EntryType, PaxExtensions, SparseEntry};

use crate::blob::{Blob, First, Piece};
use crate::error::{Error, IoContext as _, Result};
use crate::path::{ImagePath, MAX_PATH, display};

pub(crate) use headers::{Rename, folder_header, link_header, with_names, with_size};

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
    /// The first bytes that are stored.
    first: First,
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
        let stored = stored.beginning_with(self.first).opened();
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
                    rest: &window[consumed..read],
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
                    rest: &window[consumed..read],
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
    /// What was read behind the headers.
    rest: &'a [u8],
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
        first: First::default(),
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
        first: First::of(place.rest, stored),
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
