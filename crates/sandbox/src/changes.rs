//! What a command left behind: the upper folder of the overlay, compared with what lies below it.
//!
//! A file that was written back as it was is no change. Times and owners do not count: two runs always differ
//! in the ones, and users that cannot be mapped in the others.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::outcome::{Change, Now};

/// How much of a file is hashed: more would let a file of nothing but a hole take hours.
const HASHED: u64 = 16 << 30;
/// The head of a compiled Python module: interpreter, and time and size or hash of the source (PEP 552).
const BYTECODE_HEAD: u64 = 16;

/// What is at a path of merged folders, topmost first; links above it are not followed.
pub(crate) fn look_up(layers: &[PathBuf], path: &Path) -> io::Result<Option<Now>> {
    match find(layers, path) {
        Some((path, metadata)) => Ok(Some(now(&path, &metadata)?)),
        None => Ok(None),
    }
}

/// Where a path lies, in the topmost folder that has it and is not hidden there.
pub(crate) fn find(layers: &[PathBuf], path: &Path) -> Option<(PathBuf, Metadata)> {
    'layers: for layer in layers {
        let mut at = layer.clone();
        let mut metadata = fs::symlink_metadata(&at).ok()?;
        for part in path.components() {
            let Component::Normal(name) = part else {
                continue;
            };
            if !metadata.is_dir() {
                return None;
            }
            let is_opaque = is_opaque(&at);
            at.push(name);
            metadata = match fs::symlink_metadata(&at) {
                Ok(metadata) => metadata,
                Err(_) if is_opaque => return None,
                Err(_) => continue 'layers,
            };
        }
        return (!is_whiteout(&metadata)).then_some((at, metadata));
    }
    None
}

fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// Whether a folder hides what layers below have under its name (Documentation/filesystems/overlayfs.rst).
fn is_opaque(folder: &Path) -> bool {
    let mut value = [0; 1];
    let len = rustix::fs::lgetxattr(folder, "user.overlay.opaque", &mut value[..]);
    len == Ok(1) && value == *b"y"
}

fn now(path: &Path, metadata: &Metadata) -> io::Result<Now> {
    let kind = metadata.file_type();
    let mode = metadata.mode() & 0o7777;
    Ok(if kind.is_dir() {
        Now::Folder { mode }
    } else if kind.is_symlink() {
        Now::Symlink {
            target: fs::read_link(path)?,
        }
    } else if kind.is_file() {
        let (size, hashed) = match is_bytecode(path) {
            true => (metadata.len().min(BYTECODE_HEAD), BYTECODE_HEAD),
            false => (metadata.len(), HASHED),
        };
        Now::File {
            mode,
            size,
            digest: digest(path, hashed)?,
        }
    } else {
        Now::Other
    })
}

/// Whether a file is one that Python makes of a source by itself. The same source gives other bytes each time: what is
/// interned or referred to twice is marked, or written twice, which depends on what ran before (CPython, Python/marshal.c,
/// `w_object`).
fn is_bytecode(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    let ending = path.extension();
    folder.is_some_and(|name| name == "__pycache__") && ending.is_some_and(|ending| ending == "pyc")
}

/// The digest of the first `len` bytes.
fn digest(path: &Path, len: u64) -> io::Result<[u8; 32]> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let mut file = file.take(len);
    let mut sum = Sha256::new();
    let mut buf = vec![0; 64 << 10];
    loop {
        match file.read(&mut buf)? {
            0 => return Ok(sum.finalize().into()),
            len => sum.update(&buf[..len]),
        }
    }
}

/// Everything in `upper` that is not as in the layers below, sorted by path.
pub(crate) fn list(upper: &Path, layers: &[PathBuf]) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    // A stack, not recursion: the depth is the command's choice.
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        let below = || find(layers, &folder).filter(|(_, metadata)| metadata.is_dir());
        if is_opaque(&inside(upper, &folder)) && below().is_some() {
            hidden(upper, layers, &folder, &mut changes)?;
        }
        for entry in fs::read_dir(inside(upper, &folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let now = match is_whiteout(&metadata) {
                true => Now::Removed,
                false => now(&entry.path(), &metadata)?,
            };
            if look_up(layers, &path)?.unwrap_or(Now::Removed) != now {
                changes.push(Change { path, now });
            }
        }
    }
    changes.sort();
    Ok(changes)
}

/// What a folder that was removed and made again no longer has.
fn hidden(
    upper: &Path,
    layers: &[PathBuf],
    folder: &Path,
    changes: &mut Vec<Change>,
) -> io::Result<()> {
    for layer in layers {
        let Ok(names) = fs::read_dir(inside(layer, folder)) else {
            continue;
        };
        for name in names {
            let path = folder.join(name?.file_name());
            let is_gone = fs::symlink_metadata(inside(upper, &path)).is_err();
            let is_new = !changes.iter().any(|change| change.path == path);
            if is_gone && is_new && find(layers, &path).is_some() {
                changes.push(Change {
                    path,
                    now: Now::Removed,
                });
            }
        }
    }
    Ok(())
}

/// An absolute path in a folder that stands for `/`.
pub(crate) fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// What became different between two lists.
pub(crate) fn since(before: &[Change], after: Vec<Change>) -> Vec<Change> {
    let old: BTreeMap<&Path, &Now> = before.iter().map(|c| (c.path.as_path(), &c.now)).collect();
    let mut changes: Vec<Change> = Vec::new();
    for change in &after {
        if old.get(change.path.as_path()) != Some(&&change.now) {
            changes.push(change.clone());
        }
    }
    let left: std::collections::BTreeSet<&Path> =
        after.iter().map(|change| change.path.as_path()).collect();
    for change in before {
        if !left.contains(change.path.as_path()) {
            changes.push(Change {
                path: change.path.clone(),
                now: Now::Removed,
            });
        }
    }
    changes.sort();
    changes
}

/// Writes a list for another process of ours.
pub(crate) fn encode(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in changes {
        text(&mut out, change.path.as_os_str().as_bytes());
        match &change.now {
            Now::Removed => out.push(b'-'),
            Now::Folder { mode } => {
                out.push(b'd');
                out.extend(mode.to_le_bytes());
            }
            Now::File { mode, size, digest } => {
                out.push(b'f');
                out.extend(mode.to_le_bytes());
                out.extend(size.to_le_bytes());
                out.extend(digest);
            }
            Now::Symlink { target } => {
                out.push(b'l');
                text(&mut out, target.as_os_str().as_bytes());
            }
            Now::Other => out.push(b'o'),
        }
    }
    out
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text);
}

/// What [`encode`] wrote; `None` when it is cut short.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let path = take_path(&mut bytes)?;
        let now = match take::<1>(&mut bytes)? {
            [b'-'] => Now::Removed,
            [b'd'] => Now::Folder {
                mode: u32::from_le_bytes(take(&mut bytes)?),
            },
            [b'f'] => Now::File {
                mode: u32::from_le_bytes(take(&mut bytes)?),
                size: u64::from_le_bytes(take(&mut bytes)?),
                digest: take(&mut bytes)?,
            },
            [b'l'] => Now::Symlink {
                target: take_path(&mut bytes)?,
            },
            _ => Now::Other,
        };
        changes.push(Change { path, now });
    }
    Some(changes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(*head)
}

fn take_path(bytes: &mut &[u8]) -> Option<PathBuf> {
    let len = u32::from_le_bytes(take(bytes)?) as usize;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_modules_are_told_apart_by_what_they_were_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let is_same = |path: &str, one: &[u8], other: &[u8]| {
            let [first, second] = [("1", one), ("2", other)].map(|(side, content)| {
                let path = folder.path().join(side).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, content).unwrap();
                let side = [folder.path().join(side)];
                let path = path.strip_prefix(&side[0]).unwrap().to_owned();
                look_up(&side, &path).unwrap()
            });
            first == second
        };
        let head = b"\xa7\r\r\n\0\0\0\0time\x07\0\0\0";
        let with = |code: &[u8]| [&head[..], code].concat();
        let path = "x/__pycache__/a.cpython-311.pyc";
        assert!(is_same(path, &with(b"\xdacode"), &with(b"\xfacode")));
        assert!(!is_same(
            path,
            &with(b"code"),
            b"\xa7\r\r\n\0\0\0\0timf\x07\0\0\0code"
        ));
        assert!(is_same(path, &with(b"code"), &with(b"longer")));
        assert!(!is_same(path, &with(b"code"), &head[..9]));
        assert!(!is_same("x/a.pyc", &with(b"\xdacode"), &with(b"\xfacode")));
    }
}
