//! Whether the dynamic loader could pick a library out of what could go (ld.so(8)).
//!
//! The search is wider than the loader's: every folder that it may look into counts, in whatever
//! order, so that a library is held back rather than lost.

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::targets::Targets;
use crate::inspect::elf::Elf;
use crate::rules::Context;

/// The loader's own folders on the distributions in use (glibc's `slibdir` and `libdir`, Debian's
/// multiarch folders, musl's default path).
const DEFAULT_FOLDERS: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];

/// Folders that every program's libraries are looked for in.
pub(super) struct Loader {
    folders: BTreeSet<NodeId>,
    /// Filled on first use.
    libraries: std::sync::OnceLock<Libraries>,
}

impl Loader {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let tree = context.tree;
        let mut folders: BTreeSet<NodeId> = DEFAULT_FOLDERS
            .iter()
            .filter_map(|path| tree.resolve(path.as_bytes()))
            .collect();
        let multiarch: Vec<_> = folders
            .iter()
            .flat_map(|folder| tree.children(*folder))
            .collect();
        folders.extend(
            multiarch.into_iter().filter(|node| {
                tree.is_directory(*node) && tree.name(*node).ends_with(b"-linux-gnu")
            }),
        );
        let listed = context.config.env("LD_LIBRARY_PATH").unwrap_or_default();
        folders.extend(
            listed
                .split(':')
                .filter(|path| !path.is_empty())
                .filter_map(|path| tree.resolve(path.as_bytes())),
        );
        folders.extend(configured(tree));
        Self {
            folders,
            libraries: std::sync::OnceLock::new(),
        }
    }

    /// The files among the targets that an ELF file may load: those that it needs and that lie in a
    /// folder of its search, or that are to be had nowhere else.
    pub(super) fn candidates(
        &self,
        tree: &Tree<'_>,
        elf: &Elf,
        origin: NodeId,
        targets: &Targets,
    ) -> Vec<NodeId> {
        let libraries = self.libraries.get_or_init(|| Libraries::new(tree, targets));
        let mut out = Vec::new();
        for library in &elf.needed {
            let Some(nodes) = libraries.targets.get(library) else {
                continue;
            };
            let own: Vec<_> = elf
                .rpath
                .iter()
                .chain(&elf.runpath)
                .filter_map(|folder| expand(tree, folder, origin))
                .collect();
            let searched = |node: &NodeId| {
                self.folders.contains(&tree.parent(*node)) || own.contains(&tree.parent(*node))
            };
            let found: Vec<NodeId> = nodes.iter().copied().filter(searched).collect();
            match found.is_empty() && !libraries.elsewhere.contains(library) {
                true => out.extend(nodes),
                false => out.extend(found),
            }
        }
        out
    }
}

/// The names of libraries: those that could go with their files, and which of them are outside too.
struct Libraries {
    targets: FxHashMap<Vec<u8>, Vec<NodeId>>,
    elsewhere: FxHashSet<Vec<u8>>,
}

impl Libraries {
    fn new(tree: &Tree<'_>, targets: &Targets) -> Self {
        let mine = targets.named(tree);
        let outside = tree
            .walk(Tree::ROOT)
            .filter(|node| targets.unit_of(*node).is_none());
        let elsewhere = outside
            .map(|node| tree.name(node))
            .filter(|name| mine.contains_key(*name))
            .map(<[u8]>::to_vec)
            .collect();
        Self {
            targets: mine,
            elsewhere,
        }
    }
}

/// The folders in `/etc/ld.so.conf` and the files that it includes.
fn configured(tree: &Tree<'_>) -> Vec<NodeId> {
    let main = tree.resolve(b"/etc/ld.so.conf");
    let parts = tree
        .resolve(b"/etc/ld.so.conf.d")
        .map(|folder| tree.children(folder).collect::<Vec<_>>())
        .unwrap_or_default();
    let files = main
        .into_iter()
        .chain(parts)
        .filter_map(|node| tree.leaf_of(node));
    let texts = files.filter_map(|leaf| tree.read(leaf).read_all(1 << 20).ok());
    texts
        .flat_map(|text| {
            text.split(|&b| b == b'\n')
                .filter_map(|line| tree.resolve(line.trim_ascii()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// `$ORIGIN` is the folder of the file itself (ld.so(8), "Dynamic string tokens").
fn expand(tree: &Tree<'_>, folder: &[u8], origin: NodeId) -> Option<NodeId> {
    let rest = folder
        .strip_prefix(b"$ORIGIN")
        .or_else(|| folder.strip_prefix(b"${ORIGIN}"));
    match rest {
        Some(rest) => tree.resolve_from(origin, rest.strip_prefix(b"/").unwrap_or(rest), |_| {}),
        None => tree.resolve(folder),
    }
}
