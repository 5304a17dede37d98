//! Entries of a layer made of files on this machine: headers in memory, content read where it lies.
//!
//! Sockets are left out, as no archive can hold them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use tar_core::EntryType;
use tar_core::HEADER_SIZE;
use tar_core::builder::EntryBuilder;

use crate::blob::{Blob, Piece};
use crate::error::{Error, IoContext as _, Result, shown};
use crate::layer::Layer;
use crate::path::{ImagePath, display};

/// The PAX record of an extended attribute; star's convention, which all tools follow.
const XATTR: &str = "SCHILY.xattr.";

/// The entries of a layer, one after the other.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    root: &'a Path,
    /// The first name of each file that has several.
    links: BTreeMap<(u64, u64), Vec<u8>>,
    pieces: Vec<Piece>,
    headers: Option<&'a Headers>,
}

/// Headers of files that have one name, and have not changed since.
pub(super) type Headers = FxHashMap<PathBuf, Vec<u8>>;

/// What becomes of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// It is read when it is needed.
    Own,
    /// It is never read: zeros stand for it.
    Hidden,
}

impl<'a> Entries<'a> {
    /// None yet; `root` is the folder that becomes the root of the image.
    pub(super) fn new(root: &'a Path) -> Self {
        Self {
            root,
            links: BTreeMap::new(),
            pieces: Vec::new(),
            headers: None,
        }
    }

    /// The same, with headers that were made before.
    pub(super) fn with_headers(root: &'a Path, headers: &'a Headers) -> Self {
        Self {
            headers: Some(headers),
            ..Self::new(root)
        }
    }

    /// The archive.
    pub(super) fn finish(mut self) -> Blob {
        self.pieces.push(Piece::Inline(vec![0; 2 * HEADER_SIZE]));
        Blob::splice(self.pieces)
    }

    /// The archive as a layer. No content is read for that.
    pub(super) fn layer(self, place: &str) -> Result<Layer> {
        let hollow = |piece: &Piece| match piece {
            Piece::File { len, .. } => Piece::Zeros(*len),
            other => other.clone(),
        };
        let headers = Blob::splice(self.pieces.iter().map(hollow));
        let mut layer = Layer::plain(headers, place)?;
        layer.tar = self.finish();
        layer.stored.blob = layer.tar.clone();
        Ok(layer)
    }

    /// Adds a file, link or folder as it is; a folder alone.
    ///
    /// # Errors
    /// What no archive can hold: names that begin with `.wh.`; attributes that cannot be read.
    pub(super) fn push(
        &mut self,
        path: &Path,
        metadata: &Metadata,
        content: Content,
    ) -> Result<()> {
        let kind = metadata.file_type();
        if kind.is_socket() {
            return Ok(());
        }
        let inode = (metadata.dev(), metadata.ino());
        if !has_one_name(metadata) {
            if let Some(first) = self.links.get(&inode) {
                let header = new_header(self.root, path, metadata, Some(first))?;
                self.pieces.push(Piece::Inline(header));
                return Ok(());
            }
            self.links.insert(inode, name(self.root, path));
        }
        let known = self.headers.and_then(|known| known.get(path));
        self.pieces.push(Piece::Inline(match known {
            Some(header) => header.clone(),
            None => new_header(self.root, path, metadata, None)?,
        }));
        if kind.is_file() {
            let len = metadata.len();
            self.pieces.push(match content {
                Content::Own => Piece::File {
                    path: Arc::from(path),
                    offset: 0,
                    len,
                },
                Content::Hidden => Piece::Zeros(len),
            });
            self.pieces
                .push(Piece::Zeros(len.next_multiple_of(HEADER_SIZE as u64) - len));
        }
        Ok(())
    }

    /// Adds an empty file that everybody may read.
    pub(super) fn push_empty(&mut self, path: &ImagePath) {
        let mut entry = EntryBuilder::new_ustar();
        entry.path(path.as_bytes()).entry_type(EntryType::Regular);
        entry.mode(0o644).expect("a mode fits into a header");
        self.pieces.push(Piece::Inline(entry.finish_bytes()));
    }
}

/// Makes those headers that are not known yet, of files that have one name.
///
/// # Errors
/// As [`Entries::push`].
pub(super) fn prepare<'m>(
    root: &Path,
    files: impl ParallelIterator<Item = (PathBuf, &'m Metadata)>,
    known: &mut Headers,
) -> Result<()> {
    let is_new = |(path, metadata): &(PathBuf, &Metadata)| {
        has_one_name(metadata) && !metadata.file_type().is_socket() && !known.contains_key(path)
    };
    let header = |(path, metadata): (PathBuf, &Metadata)| {
        let header = new_header(root, &path, metadata, None)?;
        Ok((path, header))
    };
    let headers: Vec<_> = files.filter(is_new).map(header).collect::<Result<_>>()?;
    known.extend(headers);
    Ok(())
}

/// Whether it is no hard link.
fn has_one_name(metadata: &Metadata) -> bool {
    metadata.is_dir() || metadata.nlink() < 2
}

/// The path inside of the image whose root is a folder.
fn name(root: &Path, path: &Path) -> Vec<u8> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    match inside.as_os_str().as_bytes() {
        b"" => b"./".to_vec(),
        inside => inside.to_vec(),
    }
}

/// The headers of an entry; `first` is the first name of a hard link.
fn new_header(
    root: &Path,
    path: &Path,
    metadata: &Metadata,
    first: Option<&Vec<u8>>,
) -> Result<Vec<u8>> {
    let wrong = |reason: String| Error::Tar {
        archive: shown(path),
        offset: 0,
        reason,
    };
    let file_name = path.file_name().unwrap_or_default();
    if file_name.as_bytes().starts_with(b".wh.") {
        return Err(wrong(
            "a name that begins with .wh. would hide files in a layer".to_owned(),
        ));
    }
    let kind = match first {
        Some(_) => EntryType::Link,
        None => entry_type(metadata),
    };
    let mut name = name(root, path);
    if kind == EntryType::Directory && !name.ends_with(b"/") {
        name.push(b'/');
    }
    let mut entry = EntryBuilder::new_ustar();
    entry.path(&name).entry_type(kind);
    if let Some(first) = first {
        entry.link_name(first);
    } else if kind == EntryType::Symlink {
        let target = fs::read_link(path).doing("reading", path)?;
        entry.link_name(target.as_os_str().as_bytes());
    }
    let size = match kind {
        EntryType::Regular => metadata.len(),
        _ => 0,
    };
    let set = |entry: &mut EntryBuilder| -> Result<(), tar_core::HeaderError> {
        entry
            .mode(metadata.mode() & 0o7777)?
            .uid(metadata.uid().into())?
            .gid(metadata.gid().into())?;
        entry
            .size(size)?
            .mtime(metadata.mtime().try_into().unwrap_or(0))?;
        if matches!(kind, EntryType::Char | EntryType::Block) {
            let device = metadata.rdev();
            entry.device(rustix::fs::major(device), rustix::fs::minor(device))?;
        }
        Ok(())
    };
    set(&mut entry).map_err(|e| wrong(e.to_string()))?;
    if metadata.mtime_nsec() != 0 || metadata.mtime() < 0 {
        entry.add_pax("mtime", mtime(metadata.mtime(), metadata.mtime_nsec()));
    }
    if kind != EntryType::Link {
        for (key, value) in xattrs(path)? {
            let key = String::from_utf8(key).map_err(|e| {
                wrong(format!(
                    "the name of its extended attribute {} is not UTF-8",
                    display(e.as_bytes())
                ))
            })?;
            entry.add_pax(&format!("{XATTR}{key}"), value);
        }
    }
    Ok(entry.finish_bytes())
}

/// What an entry says that a file is. Sockets are none of them.
fn entry_type(metadata: &Metadata) -> EntryType {
    let kind = metadata.file_type();
    if kind.is_dir() {
        EntryType::Directory
    } else if kind.is_symlink() {
        EntryType::Symlink
    } else if kind.is_file() {
        EntryType::Regular
    } else if kind.is_fifo() {
        EntryType::Fifo
    } else if kind.is_char_device() {
        EntryType::Char
    } else {
        EntryType::Block
    }
}

/// `[-]seconds.nanoseconds` as POSIX pax writes it; the kernel counts nanoseconds upwards from a
/// negative second.
fn mtime(secs: i64, nanos: i64) -> String {
    match secs < 0 && nanos > 0 {
        true => {
            let whole = secs + 1;
            format!("-{}.{:09}", -whole, 1_000_000_000 - nanos)
        }
        false => format!("{secs}.{nanos:09}"),
    }
}

/// The extended attributes of a file, of a symbolic link its own, sorted by name.
fn xattrs(path: &Path) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let read =
        |fill: &dyn Fn(&mut Vec<u8>) -> rustix::io::Result<usize>| -> Result<Option<Vec<u8>>> {
            let mut buf = vec![0; 64 << 10];
            match fill(&mut buf) {
                Ok(len) => {
                    buf.truncate(len);
                    Ok(Some(buf))
                }
                Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NODATA) => Ok(None),
                Err(e) => {
                    Err(std::io::Error::from(e)).doing("reading the extended attributes of", path)
                }
            }
        };
    // Most files have none; one byte is too little for any name.
    let mut little = [0; 1];
    if rustix::fs::llistxattr(path, &mut little[..]) == Ok(0) {
        return Ok(Vec::new());
    }
    let names = read(&|buf| rustix::fs::llistxattr(path, buf.as_mut_slice()))?.unwrap_or_default();
    let mut out = Vec::new();
    for name in names.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        if let Some(value) =
            read(&|buf| rustix::fs::lgetxattr(path, OsStr::from_bytes(name), buf.as_mut_slice()))?
        {
            out.push((name.to_vec(), value));
        }
    }
    out.sort();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_read_back_as_written() {
        assert_eq!(mtime(12, 5), "12.000000005");
        assert_eq!(mtime(-1, 750_000_000), "-0.250000000");
        assert_eq!(mtime(-2, 0), "-2.000000000");
    }
}
