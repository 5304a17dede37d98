//! One file, link or device of an image, made with all its names and attributes.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    FileExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown, lchown, symlink,
};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, fsetxattr, futimens, lsetxattr,
    makedev, mknodat, utimensat,
};

use super::path_of;
use crate::blob::{Blob, CHUNK};
use crate::error::{IoContext as _, Result};
use crate::progress::Progress;
use crate::tar::{Entry, EntryKind, Xattr};
use crate::tree::{LeafId, Tree};

/// What this user can do, and what was left out for want of it.
pub(super) struct Means {
    can_give_away: bool,
    /// Whether the folder serves to run programs: then what is not allowed is left out.
    is_for_running: bool,
    devices: AtomicUsize,
    attributes: AtomicUsize,
}

impl Means {
    /// All must be kept but owners, which only root can give.
    pub(super) fn all() -> Self {
        Self {
            can_give_away: rustix::process::geteuid().is_root(),
            is_for_running: false,
            devices: AtomicUsize::new(0),
            attributes: AtomicUsize::new(0),
        }
    }

    pub(super) fn for_running() -> Self {
        Self {
            is_for_running: true,
            ..Self::all()
        }
    }

    /// Lets the kernel's refusal pass where that is wanted, and counts it.
    fn allow(&self, done: io::Result<()>, left_out: &AtomicUsize) -> io::Result<()> {
        match done {
            Err(error)
                if self.is_for_running
                    && matches!(
                        error.kind(),
                        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
                    ) =>
            {
                left_out.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            done => done,
        }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.can_give_away {
            notes.push("owners were not kept: only root can give files away".to_owned());
        }
        let devices = self.devices.load(Ordering::Relaxed);
        if devices > 0 {
            notes.push(format!(
                "{devices} devices were left out: only root can make them"
            ));
        }
        let attributes = self.attributes.load(Ordering::Relaxed);
        if attributes > 0 {
            notes.push(format!(
                "{attributes} extended attributes were left out: only root can set them"
            ));
        }
        notes
    }
}

/// What all files have in common.
pub(super) struct Leaves<'a> {
    pub(super) tree: &'a Tree<'a>,
    pub(super) root: &'a Path,
    pub(super) means: &'a Means,
    pub(super) progress: &'a Progress,
}

impl Leaves<'_> {
    /// Makes a leaf under its first name and links the others to it; `buf` is scratch space.
    pub(super) fn make(&self, leaf: LeafId, entry: &Entry, buf: &mut Vec<u8>) -> Result<()> {
        let mut names = self.tree.leaf(leaf).names.iter();
        let Some(&first) = names.next() else {
            return Ok(());
        };
        let path = path_of(self.tree, self.root, first);
        match &entry.kind {
            EntryKind::Symlink(target) => {
                symlink(OsStr::from_bytes(target), &path).doing("writing", &path)?;
                attributes(&path, entry, self.means).doing("setting the attributes of", &path)?;
            }
            EntryKind::CharDevice(major, minor) => {
                self.device(&path, FileType::CharacterDevice, (*major, *minor), entry)?;
            }
            EntryKind::BlockDevice(major, minor) => {
                self.device(&path, FileType::BlockDevice, (*major, *minor), entry)?;
            }
            EntryKind::Fifo => self.device(&path, FileType::Fifo, (0, 0), entry)?,
            _ => {
                let file = create(&path).doing("writing", &path)?;
                fill(&file, &self.tree.read(leaf), self.progress, buf).doing("writing", &path)?;
                file_attributes(&file, entry, self.means)
                    .doing("setting the attributes of", &path)?;
            }
        }
        for &name in names {
            let link = path_of(self.tree, self.root, name);
            match fs::hard_link(&path, &link) {
                // A device that was left out.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                done => done.doing("linking", &link)?,
            }
        }
        Ok(())
    }

    fn device(
        &self,
        path: &Path,
        kind: FileType,
        (major, minor): (u32, u32),
        entry: &Entry,
    ) -> Result<()> {
        let mode = Mode::from_raw_mode(0o600);
        let made = mknodat(CWD, path, kind, mode, makedev(major, minor));
        let made = made.map_err(io::Error::from);
        let is_made = made.is_ok();
        // Every container has a /dev of its own over the image's.
        let is_covered = path.starts_with(self.root.join("dev"));
        let left_out = match is_covered {
            true => &AtomicUsize::new(0),
            false => &self.means.devices,
        };
        self.means.allow(made, left_out).doing("writing", path)?;
        match is_made {
            true => attributes(path, entry, self.means).doing("setting the attributes of", path),
            false => Ok(()),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Writes the content; holes stay holes.
fn fill(file: &File, content: &Blob, progress: &Progress, buf: &mut Vec<u8>) -> io::Result<()> {
    let ranges = content.data_ranges();
    let is_sparse = ranges.iter().map(|r| r.end - r.start).sum::<u64>() != content.len();
    if is_sparse {
        file.set_len(content.len())?;
    }
    for range in ranges {
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(CHUNK as u64) as usize;
            if buf.len() < len {
                buf.resize(len, 0);
            }
            content.read_exact_at(at, &mut buf[..len])?;
            file.write_all_at(&buf[..len], at)?;
            at += len as u64;
            progress.advance(len as u64)?;
        }
    }
    Ok(())
}

/// The order matters: giving a file away clears set-uid bits and capabilities, and a mode may forbid
/// even its owner to set attributes.
fn file_attributes(file: &File, entry: &Entry, means: &Means) -> io::Result<()> {
    if means.can_give_away {
        fchown(file, Some(id(entry.uid)?), Some(id(entry.gid)?))?;
    }
    for (name, value) in kept_xattrs(entry, means) {
        let name = OsStr::from_bytes(name);
        let set = fsetxattr(file, name, value, XattrFlags::empty());
        means.allow(set.map_err(io::Error::from), &means.attributes)?;
    }
    file.set_permissions(Permissions::from_mode(entry.mode))?;
    Ok(futimens(file, &times(entry))?)
}

/// As [`file_attributes`], for what is not opened.
pub(super) fn attributes(path: &Path, entry: &Entry, means: &Means) -> io::Result<()> {
    if means.can_give_away {
        lchown(path, Some(id(entry.uid)?), Some(id(entry.gid)?))?;
    }
    for (name, value) in kept_xattrs(entry, means) {
        let name = OsStr::from_bytes(name);
        let set = lsetxattr(path, name, value, XattrFlags::empty());
        means.allow(set.map_err(io::Error::from), &means.attributes)?;
    }
    if !matches!(entry.kind, EntryKind::Symlink(_)) {
        fs::set_permissions(path, Permissions::from_mode(entry.mode))?;
    }
    Ok(utimensat(
        CWD,
        path,
        &times(entry),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

fn id(id: u64) -> io::Result<u32> {
    // The largest number means "leave it" to chown(2).
    let id = u32::try_from(id).ok().filter(|id| *id != u32::MAX);
    id.ok_or_else(|| io::Error::other("its owner is no number that Linux knows"))
}

/// An image has no say in how layers are laid over each other here (overlayfs.rst, "userxattr").
fn kept_xattrs<'a>(entry: &'a Entry, means: &Means) -> impl Iterator<Item = &'a Xattr> {
    let hides_marks = means.is_for_running;
    let is_mark =
        |name: &[u8]| name.starts_with(b"user.overlay.") || name.starts_with(b"trusted.overlay.");
    let xattrs = entry.xattrs.iter();
    xattrs.filter(move |(name, _)| !(hides_marks && is_mark(name)))
}

fn times(entry: &Entry) -> Timestamps {
    let time = Timespec {
        tv_sec: entry.mtime.secs,
        tv_nsec: entry.mtime.nanos.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
