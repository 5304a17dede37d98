//! Which names of a part COPY takes as they are, and which commands must put together first.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{EntryKind, ImagePath, NodeId, Tree};

use super::is_plain;
use crate::commands::minimize::kept::Kept;

/// The most COPY lines of a part. Each makes a layer, of which Docker takes 127 (moby, `MaxLayerDepth` in
/// layer/layer_store.go), and who reads the file wants fewer.
const MOST_LINES: usize = 20;

/// Names that a builder mounts its own over while a command runs.
const MOUNTED: [&[u8]; 6] = [
    b"dev",
    b"etc/hostname",
    b"etc/hosts",
    b"etc/resolv.conf",
    b"proc",
    b"sys",
];

/// A part's names by how they are copied.
#[derive(Default)]
pub(super) struct Selection {
    /// Folders that COPY takes with all that is in them.
    pub(super) whole: BTreeSet<NodeId>,
    /// Files that COPY takes, by their folder.
    pub(super) files: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// What commands copy: files, links and whole folders.
    pub(super) staged: BTreeSet<NodeId>,
    /// Folders that commands make.
    pub(super) folders: BTreeSet<NodeId>,
    /// Devices in `/dev`, which are left out: BuildKit of Docker 20.10 makes empty files of them, and every engine
    /// mounts its own over them (OCI runtime specification, "Default Devices").
    pub(super) devices: BTreeSet<NodeId>,
}

impl Selection {
    pub(super) fn new(
        tree: &Tree<'_>,
        kept: &Kept,
        names: &BTreeSet<NodeId>,
        can_run: bool,
    ) -> Self {
        let whole = whole(tree, kept, names);
        let mut out = Self::default();
        for name in names {
            let top = topmost(tree, &whole, *name);
            match (top, tree.leaf_of(*name)) {
                (Some(top), _) => {
                    out.whole.insert(top);
                }
                (None, None) => {
                    out.folders.insert(*name);
                }
                (None, Some(_)) if is_direct(tree, kept, *name) => {
                    out.files
                        .entry(tree.parent(*name))
                        .or_default()
                        .insert(*name);
                }
                (None, Some(_)) if is_device(tree, *name) => {
                    out.devices.insert(*name);
                }
                (None, Some(_)) => {
                    out.staged.insert(*name);
                }
            }
        }
        if can_run && out.whole.len() + out.files.len() > MOST_LINES {
            out.stage_all(tree);
        }
        out.add_folders(tree, names);
        out
    }

    /// Leaves to COPY only what commands would not do right.
    fn stage_all(&mut self, tree: &Tree<'_>) {
        self.staged.append(&mut self.whole);
        for files in self.files.values_mut() {
            let (keep, stage) = files
                .iter()
                .partition(|file| has_xattrs(tree, **file) || is_mounted(&tree.path(**file)));
            *files = keep;
            self.staged.extend::<BTreeSet<NodeId>>(stage);
        }
        self.files.retain(|_, files| !files.is_empty());
    }

    /// The folders above what is copied that COPY would make with other attributes.
    fn add_folders(&mut self, tree: &Tree<'_>, names: &BTreeSet<NodeId>) {
        self.folders.retain(|folder| {
            !is_usual(tree, *folder) || tree.children(*folder).all(|child| !names.contains(&child))
        });
        let special = |folder: &NodeId| !is_usual(tree, *folder);
        let files = self.files.keys().copied();
        let tops: Vec<NodeId> = files.chain(self.whole.iter().copied()).collect();
        let above = tops
            .iter()
            .flat_map(|top| upwards(tree, *top))
            .filter(special);
        self.folders.extend(above);
        let made = self.staged.iter().chain(&self.folders);
        let parents: Vec<NodeId> = made
            .flat_map(|name| upwards(tree, tree.parent(*name)))
            .collect();
        self.folders.extend(parents);
    }

    pub(super) fn is_all_direct(&self) -> bool {
        self.staged.is_empty() && self.folders.is_empty()
    }

    /// Something that commands would have to make.
    pub(super) fn first_staged(&self, tree: &Tree<'_>) -> Option<ImagePath> {
        let special = self.folders.iter().find(|folder| !is_usual(tree, **folder));
        let first = self.staged.first().or(special).or(self.folders.first());
        first.map(|name| tree.path(*name))
    }
}

/// Whether a folder is as COPY makes one.
pub(super) fn is_usual(tree: &Tree<'_>, folder: NodeId) -> bool {
    tree.attributes(folder).is_none_or(|entry| {
        (entry.mode & 0o7777, entry.uid, entry.gid) == (0o755, 0, 0) && entry.xattrs.is_empty()
    })
}

pub(super) fn has_xattrs(tree: &Tree<'_>, name: NodeId) -> bool {
    tree.attributes(name)
        .is_some_and(|entry| !entry.xattrs.is_empty())
}

pub(super) fn is_mounted(path: &ImagePath) -> bool {
    let is_below = |top: &&[u8]| {
        let rest = path.as_bytes().strip_prefix(*top);
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
    };
    MOUNTED.iter().any(is_below)
}

/// Whether this is neither a file nor a link nor a folder: BuildKit does not copy it as it is.
pub(super) fn is_special(tree: &Tree<'_>, name: NodeId) -> bool {
    tree.leaf_of(name).is_some() && !tree.is_file(name) && tree.symlink(name).is_none()
}

fn is_device(tree: &Tree<'_>, name: NodeId) -> bool {
    is_special(tree, name) && tree.path(name).as_bytes().starts_with(b"dev/")
}

/// Whether a file has other names that stay.
fn is_linked(tree: &Tree<'_>, kept: &Kept, name: NodeId) -> bool {
    let leaf = tree.leaf_of(name).map(|leaf| tree.leaf(leaf));
    leaf.is_some_and(|leaf| {
        leaf.names
            .iter()
            .any(|other| *other != name && kept.names.contains(other))
    })
}

/// Whether COPY takes a file as it is.
fn is_direct(tree: &Tree<'_>, kept: &Kept, name: NodeId) -> bool {
    let kind = tree.attributes(name).map(|entry| &entry.kind);
    matches!(kind, Some(EntryKind::File))
        && !kept.contents.contains_key(&name)
        && !is_linked(tree, kept, name)
        && is_plain(&tree.path(name))
}

/// The folders of which all is among the names, and nothing needs care.
fn whole(tree: &Tree<'_>, kept: &Kept, names: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut out = BTreeSet::new();
    let mut good = BTreeSet::new();
    // What lies in a folder comes after it in a walk.
    let all: Vec<NodeId> = tree.walk(Tree::ROOT).collect();
    for node in all.into_iter().rev().filter(|node| *node != Tree::ROOT) {
        let is_folder = tree.is_directory(node);
        let mut children = tree.children(node).peekable();
        let is_here = names.contains(&node)
            || (is_folder && kept.names.contains(&node))
            || (is_folder && children.peek().is_some());
        let needs_care = has_xattrs(tree, node)
            || is_special(tree, node)
            || kept.contents.contains_key(&node)
            || is_linked(tree, kept, node)
            || is_mounted(&tree.path(node));
        if is_here && !needs_care && children.all(|child| good.contains(&child)) {
            good.insert(node);
            if is_folder && tree.children(node).next().is_some() && is_plain(&tree.path(node)) {
                out.insert(node);
            }
        }
    }
    out
}

/// The highest of these folders that a name lies in, or is.
fn topmost(tree: &Tree<'_>, folders: &BTreeSet<NodeId>, name: NodeId) -> Option<NodeId> {
    upwards(tree, name)
        .filter(|above| folders.contains(above))
        .last()
}

/// A name and the folders above it, without the root.
pub(super) fn upwards<'a>(tree: &'a Tree<'_>, name: NodeId) -> impl Iterator<Item = NodeId> + 'a {
    let start = (name != Tree::ROOT).then_some(name);
    std::iter::successors(start, |at| {
        Some(tree.parent(*at)).filter(|above| *above != Tree::ROOT)
    })
}
