//! The merged view of an image's layers: what a container sees, and which entry of which layer
//! each file comes from.
//!
//! Semantics (OCI image specification, layer.md): a whiteout hides what the layers *below* have,
//! wherever in its layer it stands; within a layer later entries replace earlier ones; a folder
//! over a folder keeps the children. A file with several names is one [`Leaf`]. What no name leads
//! to any more is remembered with the entry that hides it.

mod asked;
mod build;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::blob::Blob;
use crate::layer::Layer;
use crate::path::ImagePath;
use crate::tar::{Entry, EntryKind};

pub use asked::Asked;

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// A file, link or device; its names are nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(u32);

/// An entry of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The layer, 0 the lowest.
    pub layer: u32,
    /// The entry's place in the layer.
    pub index: u32,
}

/// A name in the tree.
#[derive(Debug)]
pub struct Node {
    parent: NodeId,
    name: Box<[u8]>,
    entry: Option<EntryId>,
    kind: NodeKind,
    /// Whether it was taken out of the tree again.
    is_gone: bool,
    /// Where it and what is below it stand in the order of [`Tree::walk`].
    place: Range<u32>,
}

/// What a name leads to.
#[derive(Debug)]
pub enum NodeKind {
    /// A folder with its children by name.
    Directory(BTreeMap<Box<[u8]>, NodeId>),
    /// Anything else.
    Leaf(LeafId),
}

/// A file, symbolic link, device or pipe.
#[derive(Debug)]
pub struct Leaf {
    /// The entry that carries content and attributes.
    pub data: EntryId,
    /// Every name that still leads here, in the order in which they came.
    pub names: Vec<NodeId>,
}

/// The longest chain of symbolic links that Linux follows (path_resolution(7)).
pub(crate) const MAX_LINKS: usize = 40;

/// The merged view of layers.
#[derive(Debug)]
pub struct Tree<'a> {
    layers: &'a [Layer],
    nodes: Vec<Node>,
    /// All names, folders before what they hold.
    order: Vec<NodeId>,
    leaves: Vec<Leaf>,
    /// What each entry of a file, link or device became a name of.
    leaf_of: FxHashMap<EntryId, LeafId>,
    /// For each hard link entry the entry of the name that it points to.
    link_target: FxHashMap<EntryId, EntryId>,
    /// For each folder entry the one of the same folder that it took the place of.
    previous: FxHashMap<EntryId, EntryId>,
    /// Entries without a name in the tree, with the entry that hides them.
    hidden: FxHashMap<EntryId, EntryId>,
    /// Entries hidden, and whiteouts standing, behind a symbolic link in a path: container engines
    /// differ there, so nothing is concluded from it.
    disputed: FxHashSet<EntryId>,
    /// How many folders were made without an entry.
    unlisted: usize,
    /// Folders of which not all names are known.
    partial: FxHashSet<NodeId>,
    asked: Mutex<Asked>,
}

impl<'a> Tree<'a> {
    /// The root folder.
    pub const ROOT: NodeId = NodeId(0);

    /// The layers that the tree was built from.
    pub fn layers(&self) -> &'a [Layer] {
        self.layers
    }

    /// The entry behind an id.
    pub fn entry(&self, id: EntryId) -> &'a Entry {
        &self.layers[id.layer as usize].entries[id.index as usize]
    }

    /// What a name leads to.
    pub fn kind(&self, node: NodeId) -> &NodeKind {
        &self.nodes[node.0 as usize].kind
    }

    /// The leaf behind a name that is not a folder.
    pub fn leaf_of(&self, node: NodeId) -> Option<LeafId> {
        match self.kind(node) {
            NodeKind::Leaf(leaf) => Some(*leaf),
            NodeKind::Directory(_) => None,
        }
    }

    /// A leaf.
    pub fn leaf(&self, leaf: LeafId) -> &Leaf {
        &self.leaves[leaf.0 as usize]
    }

    /// All leaves that have a name, in a stable order.
    pub fn leaves(&self) -> impl Iterator<Item = LeafId> {
        (0..self.leaves.len() as u32)
            .map(LeafId)
            .filter(|leaf| !self.leaf(*leaf).names.is_empty())
    }

    /// The leaf that an entry is or was a name of.
    pub fn entry_leaf(&self, entry: EntryId) -> Option<LeafId> {
        self.leaf_of.get(&entry).copied()
    }

    /// The entry of the name that a hard link entry points to.
    pub fn link_target(&self, entry: EntryId) -> Option<EntryId> {
        self.link_target.get(&entry).copied()
    }

    /// The entry that hides an entry without a name in the tree.
    pub(crate) fn hidden_by(&self, entry: EntryId) -> Option<EntryId> {
        self.hidden.get(&entry).copied()
    }

    /// Every entry of every layer, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryId> {
        let numbered = (0..).zip(self.layers);
        numbered.flat_map(|(layer, of)| {
            (0..of.entries.len() as u32).map(move |index| EntryId { layer, index })
        })
    }

    /// The entry that put a name (or the folder's attributes) where it is; `None` for a folder that
    /// no layer lists.
    pub fn node_entry(&self, node: NodeId) -> Option<EntryId> {
        self.nodes[node.0 as usize].entry
    }

    /// Attributes and content of what a name leads to; `None` for a folder that no layer lists.
    pub fn attributes(&self, node: NodeId) -> Option<&'a Entry> {
        match self.kind(node) {
            NodeKind::Leaf(leaf) => Some(self.entry(self.leaf(*leaf).data)),
            NodeKind::Directory(_) => self.node_entry(node).map(|entry| self.entry(entry)),
        }
    }

    /// The folder that holds a name; the root's is the root.
    pub fn parent(&self, node: NodeId) -> NodeId {
        self.nodes[node.0 as usize].parent
    }

    /// The last component of a name's path.
    pub fn name(&self, node: NodeId) -> &[u8] {
        &self.nodes[node.0 as usize].name
    }

    /// The path of a name.
    pub fn path(&self, node: NodeId) -> ImagePath {
        let mut names = Vec::new();
        let mut at = node;
        while at != Self::ROOT {
            names.push(self.name(at));
            at = self.parent(at);
        }
        names.reverse();
        ImagePath::from_components(&names)
    }

    /// The children of a folder in the order of their names; nothing for anything else.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let children = match self.kind(node) {
            NodeKind::Directory(children) => Some(children),
            NodeKind::Leaf(_) => None,
        };
        children
            .into_iter()
            .flat_map(|children| children.values().copied())
    }

    /// A child by name.
    pub fn child(&self, node: NodeId, name: &[u8]) -> Option<NodeId> {
        match self.kind(node) {
            NodeKind::Directory(children) => children.get(name).copied(),
            NodeKind::Leaf(_) => None,
        }
    }

    /// A name and everything below it, folders before what they hold, in the order of names.
    pub fn walk(&self, from: NodeId) -> impl Iterator<Item = NodeId> {
        let place = &self.nodes[from.0 as usize].place;
        self.order[place.start as usize..place.end as usize]
            .iter()
            .copied()
    }

    /// Whether `node` is `folder` or lies below it.
    pub fn is_within(&self, node: NodeId, folder: NodeId) -> bool {
        let start = self.nodes[node.0 as usize].place.start;
        self.nodes[folder.0 as usize].place.contains(&start)
    }

    /// The name at exactly this path; no symbolic link is followed.
    pub fn get(&self, path: &ImagePath) -> Option<NodeId> {
        path.components()
            .try_fold(Self::ROOT, |node, name| self.child(node, name))
    }

    /// The target of a symbolic link.
    pub fn symlink(&self, node: NodeId) -> Option<&'a [u8]> {
        match self.attributes(node).map(|entry| &entry.kind) {
            Some(EntryKind::Symlink(target)) => Some(target),
            _ => None,
        }
    }

    /// Whether a name leads to a regular file.
    pub fn is_file(&self, node: NodeId) -> bool {
        self.leaf_of(node).is_some()
            && self
                .attributes(node)
                .is_some_and(|entry| entry.kind == EntryKind::File)
    }

    /// Whether a name is a folder.
    pub fn is_directory(&self, node: NodeId) -> bool {
        matches!(self.kind(node), NodeKind::Directory(_))
    }

    /// Follows a path from `base` as the kernel does: `..`, symbolic links (also the last one),
    /// absolute ones from the image's root. `visit` is told every name on the way.
    ///
    /// Returns `None` when a component is missing or the links form a loop.
    pub fn resolve_from(
        &self,
        base: NodeId,
        path: &[u8],
        visit: impl FnMut(NodeId),
    ) -> Option<NodeId> {
        self.resolve_counting(base, path, &mut 0, visit)
    }

    /// Whether a path from `base` leads nowhere because symbolic links lead in a circle, or are more than Linux follows.
    pub fn loops_from(&self, base: NodeId, path: &[u8]) -> bool {
        let mut links = 0;
        let end = self.resolve_counting(base, path, &mut links, |_| {});
        end.is_none() && links > MAX_LINKS
    }

    fn resolve_counting(
        &self,
        base: NodeId,
        path: &[u8],
        links: &mut usize,
        mut visit: impl FnMut(NodeId),
    ) -> Option<NodeId> {
        let mut at = if path.starts_with(b"/") {
            Self::ROOT
        } else {
            base
        };
        let mut rest: Vec<&[u8]> = path.split(|&b| b == b'/').rev().collect();
        while let Some(part) = rest.pop() {
            match part {
                b"" | b"." => {}
                b".." => at = self.parent(at),
                part => {
                    let Some(next) = self.child(at, part) else {
                        self.ask_name(at, part, &rest);
                        return None;
                    };
                    visit(next);
                    match self.symlink(next) {
                        Some(target) => {
                            *links += 1;
                            if *links > MAX_LINKS {
                                return None;
                            }
                            if target.starts_with(b"/") {
                                at = Self::ROOT;
                            }
                            rest.extend(target.split(|&b| b == b'/').rev());
                        }
                        None => at = next,
                    }
                }
            }
        }
        Some(at)
    }

    /// Follows an absolute path; see [`Tree::resolve_from`].
    pub fn resolve(&self, path: &[u8]) -> Option<NodeId> {
        self.resolve_from(Self::ROOT, path, |_| {})
    }

    /// The content of a regular file, holes filled with zeros.
    pub fn read(&self, leaf: LeafId) -> Blob {
        let data = self.leaf(leaf).data;
        self.entry(data).read(&self.layers[data.layer as usize].tar)
    }

    /// Entries that no name leads to, each with the entry that hides it, in order.
    pub fn hidden(&self) -> Vec<(EntryId, EntryId)> {
        let mut out: Vec<_> = self
            .hidden
            .iter()
            .map(|(entry, by)| (*entry, *by))
            .collect();
        out.sort_unstable();
        out
    }

    /// Every entry that sets the attributes of a folder or is a name's own, the latest first.
    pub fn entries_of(&self, node: NodeId) -> impl Iterator<Item = EntryId> {
        std::iter::successors(self.node_entry(node), |entry| {
            self.previous.get(entry).copied()
        })
    }

    /// Whether container engines disagree on what an entry hides or is hidden by.
    pub fn is_disputed(&self, entry: EntryId) -> bool {
        self.disputed.contains(&entry)
    }
}
