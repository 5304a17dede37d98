//! Unpacks the merged view of an image into a new folder.
//!
//! The folder is ours alone while it is filled, and every name in the tree has real folders above
//! it, so no step follows a link that the image brought.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown, symlink,
};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mknodat,
    utimensat,
};

use crate::blob::{Blob, CHUNK};
use crate::codec;
use crate::error::{IoContext as _, Result};
use crate::format::Written;
use crate::format::output::Job;
use crate::layer::Layer;
use crate::progress::Progress;
use crate::tar::{Entry, EntryKind, read_entries};
use crate::tree::{LeafId, Tree};

pub(in crate::format) fn write(job: &Job<'_>, folder: &Path) -> Result<Written> {
    let mut layers = Vec::new();
    let mut sums = Vec::new();
    for (index, tar, same) in job.layers() {
        let old = &job.image.layers[index];
        let entries = if same.is_some() {
            old.entries.clone()
        } else {
            read_entries(&tar, &old.place)?
        };
        let streamed = codec::copy(&tar, &mut io::sink(), job.progress).in_layer(&old.place)?;
        sums.push((index, streamed));
        layers.push(Layer {
            tar,
            entries,
            ..old.clone()
        });
    }
    let tree = Tree::build(&layers)?;
    let owners = Owners {
        can_give_away: rustix::process::geteuid().is_root(),
    };
    unpack(&tree, folder, &owners, job.progress)?;
    let notes = match owners.can_give_away {
        true => Vec::new(),
        false => vec!["owners were not kept: only root can give files away".to_owned()],
    };
    Ok(Written {
        manifest: None,
        config: None,
        layers: sums,
        notes,
    })
}

struct Owners {
    can_give_away: bool,
}

fn unpack(tree: &Tree<'_>, root: &Path, owners: &Owners, progress: &Progress) -> Result<()> {
    let mut first: FxHashMap<LeafId, PathBuf> = FxHashMap::default();
    let mut folders = Vec::new();
    for node in tree.walk(Tree::ROOT) {
        let path = root.join(OsStr::from_bytes(tree.path(node).as_bytes()));
        let Some(leaf) = tree.leaf_of(node) else {
            if node != Tree::ROOT {
                fs::DirBuilder::new()
                    .mode(0o700)
                    .create(&path)
                    .doing("making the folder", &path)?;
            }
            folders.push((path, tree.attributes(node)));
            continue;
        };
        let Some(entry) = tree.attributes(node) else {
            continue;
        };
        if let Some(original) = first.get(&leaf) {
            fs::hard_link(original, &path).doing("linking", &path)?;
            continue;
        }
        make(tree, leaf, entry, &path, progress).doing("writing", &path)?;
        attributes(&path, entry, owners).doing("setting the attributes of", &path)?;
        if tree.leaf(leaf).names.len() > 1 {
            first.insert(leaf, path);
        }
    }
    // Deepest first: what is made in a folder changes its time, and its mode may forbid entering.
    for (path, entry) in folders.iter().rev() {
        match entry {
            Some(entry) => {
                attributes(path, entry, owners).doing("setting the attributes of", path)?
            }
            None => fs::set_permissions(path, Permissions::from_mode(0o755))
                .doing("setting the attributes of", path)?,
        }
    }
    Ok(())
}

fn make(
    tree: &Tree<'_>,
    leaf: LeafId,
    entry: &Entry,
    path: &Path,
    progress: &Progress,
) -> io::Result<()> {
    let node = |kind, device| {
        Ok(mknodat(
            CWD,
            path,
            kind,
            Mode::from_raw_mode(0o600),
            device,
        )?)
    };
    match &entry.kind {
        EntryKind::Symlink(target) => symlink(OsStr::from_bytes(target), path),
        EntryKind::CharDevice(major, minor) => {
            node(FileType::CharacterDevice, makedev(*major, *minor))
        }
        EntryKind::BlockDevice(major, minor) => {
            node(FileType::BlockDevice, makedev(*major, *minor))
        }
        EntryKind::Fifo => node(FileType::Fifo, 0),
        _ => {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            fill(&file, &tree.read(leaf), progress)
        }
    }
}

/// Writes the content; holes stay holes.
fn fill(file: &File, content: &Blob, progress: &Progress) -> io::Result<()> {
    file.set_len(content.len())?;
    let mut buf = vec![0; CHUNK.min(content.len() as usize)];
    for range in content.data_ranges() {
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(buf.len() as u64) as usize;
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
fn attributes(path: &Path, entry: &Entry, owners: &Owners) -> io::Result<()> {
    if owners.can_give_away {
        let id = |id: u64| {
            // The largest number means "leave it" to chown(2).
            let id = u32::try_from(id).ok().filter(|id| *id != u32::MAX);
            id.ok_or_else(|| io::Error::other("its owner is no number that Linux knows"))
        };
        lchown(path, Some(id(entry.uid)?), Some(id(entry.gid)?))?;
    }
    for (name, value) in &entry.xattrs {
        lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty())?;
    }
    if !matches!(entry.kind, EntryKind::Symlink(_)) {
        fs::set_permissions(path, Permissions::from_mode(entry.mode))?;
    }
    let time = Timespec {
        tv_sec: entry.mtime.secs,
        tv_nsec: entry.mtime.nanos.into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
