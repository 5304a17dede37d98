//! Unpacks the merged view of an image into a new folder.
//!
//! The folder is ours alone while it is filled, and every name in the tree has real folders above
//! it, so no step follows a link that the image brought. Folders are made first, one after the other,
//! then files by several threads, each with all of its names; folders get their attributes last.

mod leaf;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::codec;
use crate::error::{IoContext as _, Result};
use crate::format::Written;
use crate::format::output::Job;
use crate::image::Image;
use crate::layer::Layer;
use crate::progress::Progress;
use crate::tar::{Entry, read_entries};
use crate::tree::{LeafId, NodeId, Tree};

use leaf::{Leaves, Means};

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
    let notes = unpack_tree(&tree, folder, Means::all(), job.progress)?;
    Ok(Written {
        manifest: None,
        config: None,
        layers: sums,
        notes,
    })
}

/// Unpacks the merged view of an image into an empty folder, so that it can be the root of programs.
///
/// What this user may not make is left out: owners, devices, and extended attributes that ask for more rights;
/// so are the marks of an overlay file system, which would hide files there. The layers are not compared
/// with their digests, see [`Image::verify`]. Gives a sentence for each kind of thing that was left out.
///
/// # Errors
/// The folder cannot be written, a layer cannot be read, or an owner does not exist here.
pub fn unpack(image: &Image, folder: &Path, progress: &Progress) -> Result<Vec<String>> {
    let tree = Tree::build(&image.layers)?;
    unpack_tree(&tree, folder, Means::for_running(), progress)
}

fn unpack_tree(
    tree: &Tree<'_>,
    root: &Path,
    means: Means,
    progress: &Progress,
) -> Result<Vec<String>> {
    let folders: Vec<NodeId> = tree
        .walk(Tree::ROOT)
        .filter(|&node| tree.leaf_of(node).is_none())
        .collect();
    for &node in folders.iter().filter(|&&node| node != Tree::ROOT) {
        let path = path_of(tree, root, node);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.doing("making the folder", &path)?;
    }
    let leaves = Leaves {
        tree,
        root,
        means: &means,
        progress,
    };
    unpack_leaves(&leaves)?;
    // Deepest first: what is made in a folder changes its time, and its mode may forbid entering.
    for &node in folders.iter().rev() {
        let path = path_of(tree, root, node);
        match tree.attributes(node) {
            Some(entry) => leaf::attributes(&path, entry, &means),
            None => fs::set_permissions(&path, Permissions::from_mode(0o755)),
        }
        .doing("setting the attributes of", &path)?;
    }
    Ok(means.notes())
}

fn path_of(tree: &Tree<'_>, root: &Path, node: NodeId) -> PathBuf {
    root.join(OsStr::from_bytes(tree.path(node).as_bytes()))
}

/// How many files a thread takes at once, so that it reads neighbours from the layer.
const SHARE: usize = 64;

/// Threads of our own: the caller may be a process of one thread, which a pool does not survive.
fn unpack_leaves(leaves: &Leaves<'_>) -> Result<()> {
    let mut ids: Vec<(LeafId, &Entry)> = leaves
        .tree
        .leaves()
        .filter(|&id| !leaves.tree.leaf(id).names.is_empty())
        .map(|id| (id, leaves.tree.entry(leaves.tree.leaf(id).data)))
        .collect();
    ids.sort_by_key(|&(id, entry)| (leaves.tree.leaf(id).data.layer, entry.content));
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut buf = Vec::new();
        loop {
            let start = next.fetch_add(SHARE, Ordering::Relaxed);
            let Some(share) = ids.get(start..ids.len().min(start + SHARE)) else {
                return Ok(());
            };
            if share.is_empty() {
                return Ok(());
            }
            for &(leaf, entry) in share {
                let made = leaves.make(leaf, entry, &mut buf);
                // The others stop as well.
                made.inspect_err(|_| next.store(ids.len(), Ordering::Relaxed))?;
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for thread in running {
            done = done.and(thread.join().expect("unpacking does not panic"));
        }
        done
    })
}
