//! Applies layers one over the other.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{EntryId, Leaf, LeafId, Node, NodeId, NodeKind, Tree};
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::path::ImagePath;
use crate::tar::EntryKind;

/// The most folders that may be made because a path leads through them though no layer lists them:
/// a name of 4 KiB can ask for 2,000, and memory must not grow with what costs no entry.
const MAX_UNLISTED: usize = 1 << 20;
const UNLISTED: &str = "there are more than 1048576 folders that no layer lists";

impl<'a> Tree<'a> {
    /// Merges layers, the lowest first.
    ///
    /// # Errors
    /// Entries that do not describe a file system: a file as the parent of another, a hard link to
    /// nothing or to a folder, symbolic links in a path that form a loop.
    pub fn build(layers: &'a [Layer]) -> Result<Self> {
        let root = Node {
            parent: Self::ROOT,
            name: Box::default(),
            entry: None,
            kind: NodeKind::Directory(BTreeMap::new()),
            is_gone: false,
            place: 0..0,
        };
        let mut tree = Self {
            layers,
            nodes: vec![root],
            order: Vec::new(),
            leaves: Vec::new(),
            leaf_of: FxHashMap::default(),
            link_target: FxHashMap::default(),
            previous: FxHashMap::default(),
            hidden: FxHashMap::default(),
            disputed: FxHashSet::default(),
            unlisted: 0,
            partial: FxHashSet::default(),
            asked: Default::default(),
        };
        for index in 0..layers.len() {
            tree.apply(index)?;
        }
        for path in layers.iter().flat_map(|layer| &layer.partial) {
            let node = tree.get(path);
            tree.partial.extend(node);
        }
        // Once at the end: a file with many names, each of which is replaced, is met only once.
        for leaf in &mut tree.leaves {
            leaf.names
                .retain(|name| !tree.nodes[name.0 as usize].is_gone);
        }
        tree.put_in_order();
        Ok(tree)
    }

    /// Notes the order of all names, so that dozens of rules need not find it again.
    fn put_in_order(&mut self) {
        self.order = self.below(Self::ROOT);
        for (start, node) in (0..).zip(&self.order) {
            self.nodes[node.0 as usize].place = start..start + 1;
        }
        // What is below a folder stands behind it.
        for &node in self.order.iter().rev() {
            let (end, parent) = (self.nodes[node.0 as usize].place.end, self.parent(node));
            let place = &mut self.nodes[parent.0 as usize].place;
            place.end = place.end.max(end);
        }
    }

    /// A name and everything below it, folders before what they hold, while the tree still changes.
    fn below(&self, from: NodeId) -> Vec<NodeId> {
        let (mut out, mut stack) = (Vec::new(), vec![from]);
        while let Some(node) = stack.pop() {
            out.push(node);
            let below = stack.len();
            stack.extend(self.children(node));
            stack[below..].reverse();
        }
        out
    }

    fn apply(&mut self, layer: usize) -> Result<()> {
        let layers = self.layers;
        let entries = || {
            (0..)
                .map(move |index| EntryId {
                    layer: layer as u32,
                    index,
                })
                .zip(&layers[layer].entries)
        };
        for (id, entry) in entries() {
            let hidden: Vec<_> = match (&entry.kind, self.get(&entry.path)) {
                (EntryKind::Whiteout, Some(node)) => vec![node],
                (EntryKind::Opaque, Some(folder)) => self.children(folder).collect(),
                (EntryKind::Whiteout | EntryKind::Opaque, None) => {
                    if self.crosses_link(&entry.path) {
                        self.disputed.insert(id);
                    }
                    continue;
                }
                _ => continue,
            };
            for node in hidden {
                self.remove(node, id, false);
            }
        }
        for (id, entry) in entries() {
            match &entry.kind {
                EntryKind::Whiteout | EntryKind::Opaque | EntryKind::Meta => {}
                EntryKind::Directory => self.add_folder(id)?,
                EntryKind::Hardlink(target) => self.add_link(id, target)?,
                _ => self.add_leaf(id)?,
            }
        }
        Ok(())
    }

    fn add_folder(&mut self, id: EntryId) -> Result<()> {
        let path = &self.entry(id).path;
        if path.is_root() {
            self.set_folder(Self::ROOT, id);
            return Ok(());
        }
        let (parent, disputed) = self.parent_of(id)?;
        match self.child(parent, path.file_name()) {
            Some(node) if self.is_directory(node) => self.set_folder(node, id),
            _ => {
                let kind = NodeKind::Directory(BTreeMap::new());
                self.put(parent, path.file_name(), id, kind, disputed);
            }
        }
        Ok(())
    }

    fn set_folder(&mut self, node: NodeId, id: EntryId) {
        if let Some(old) = self.nodes[node.0 as usize].entry.replace(id) {
            self.previous.insert(id, old);
        }
    }

    fn add_leaf(&mut self, id: EntryId) -> Result<()> {
        let path = &self.entry(id).path;
        let (parent, disputed) = self.parent_of(id)?;
        let leaf = LeafId(self.leaves.len() as u32);
        self.leaves.push(Leaf {
            data: id,
            names: Vec::new(),
        });
        self.leaf_of.insert(id, leaf);
        let node = self.put(parent, path.file_name(), id, NodeKind::Leaf(leaf), disputed);
        self.leaves[leaf.0 as usize].names.push(node);
        Ok(())
    }

    fn add_link(&mut self, id: EntryId, target: &ImagePath) -> Result<()> {
        let path = &self.entry(id).path;
        let nothing = |tree: &Self| {
            tree.wrong(
                id,
                &format!("it is a hard link to {target}, which is not there"),
            )
        };
        let mut passed = Vec::new();
        let folder = self
            .resolve_from(Self::ROOT, target.parent().as_bytes(), |node| {
                passed.push(node);
            })
            .ok_or_else(|| nothing(self))?;
        self.dispute(&passed);
        let original = self
            .child(folder, target.file_name())
            .ok_or_else(|| nothing(self))?;
        let Some(leaf) = self.leaf_of(original) else {
            return Err(self.wrong(
                id,
                &format!("it is a hard link to {target}, which is a folder"),
            ));
        };
        let target_entry = self
            .node_entry(original)
            .expect("only folders lack an entry");
        let (parent, disputed) = self.parent_of(id)?;
        if self.child(parent, path.file_name()) == Some(original) {
            return Err(self.wrong(id, "it is a hard link to itself"));
        }
        self.leaf_of.insert(id, leaf);
        self.link_target.insert(id, target_entry);
        let node = self.put(parent, path.file_name(), id, NodeKind::Leaf(leaf), disputed);
        self.leaves[leaf.0 as usize].names.push(node);
        Ok(())
    }

    /// The folder that an entry goes into, made when no layer lists it; and whether the way there
    /// led through a symbolic link.
    fn parent_of(&mut self, id: EntryId) -> Result<(NodeId, bool)> {
        let path = &self.entry(id).path;
        if path.is_root() {
            return Err(self.wrong(id, "the root is not a folder"));
        }
        let parent = path.parent();
        let (mut at, mut disputed) = (Self::ROOT, false);
        let mut links = 0;
        for name in parent.components() {
            at = match self.child(at, name) {
                Some(node) if self.is_directory(node) => node,
                Some(node) if self.symlink(node).is_some() => {
                    disputed = true;
                    let folder = self.follow(node, &mut links);
                    let folder = folder.filter(|n| self.is_directory(*n));
                    folder.ok_or_else(|| {
                        self.wrong(
                            id,
                            &format!(
                                "its parent {} is a symbolic link that leads to no folder",
                                self.path(node)
                            ),
                        )
                    })?
                }
                Some(node) => {
                    return Err(
                        self.wrong(id, &format!("its parent {} is a file", self.path(node)))
                    );
                }
                None => {
                    self.unlisted += 1;
                    if self.unlisted > MAX_UNLISTED {
                        return Err(self.wrong(id, UNLISTED));
                    }
                    self.insert(at, name, None, NodeKind::Directory(BTreeMap::new()))
                }
            };
        }
        Ok((at, disputed))
    }

    /// Whether a path leads through a symbolic link.
    fn crosses_link(&self, path: &ImagePath) -> bool {
        let mut at = Self::ROOT;
        for name in path.parent().components() {
            match self.child(at, name) {
                Some(node) if self.symlink(node).is_some() => return true,
                Some(node) => at = node,
                None => return false,
            }
        }
        false
    }

    /// Where a symbolic link in the path of an entry leads; `links` counts those of the whole path,
    /// as the kernel does. What the entry is depends on every link on the way, so none may go.
    fn follow(&mut self, link: NodeId, links: &mut usize) -> Option<NodeId> {
        let target = self.symlink(link)?;
        *links += 1;
        let mut passed = vec![link];
        let found = self.resolve_counting(self.parent(link), target, links, |node| {
            passed.push(node);
        });
        self.dispute(&passed);
        found
    }

    fn dispute(&mut self, passed: &[NodeId]) {
        for node in passed {
            if self.symlink(*node).is_some() {
                self.disputed.extend(self.node_entry(*node));
            }
        }
    }

    /// Puts a name into a folder in place of what was there.
    fn put(
        &mut self,
        parent: NodeId,
        name: &[u8],
        id: EntryId,
        kind: NodeKind,
        disputed: bool,
    ) -> NodeId {
        if let Some(old) = self.child(parent, name) {
            self.remove(old, id, disputed);
        }
        self.insert(parent, name, Some(id), kind)
    }

    fn insert(
        &mut self,
        parent: NodeId,
        name: &[u8],
        entry: Option<EntryId>,
        kind: NodeKind,
    ) -> NodeId {
        let node = NodeId(
            u32::try_from(self.nodes.len())
                .expect("a layer of 2^32 entries does not fit into memory"),
        );
        self.nodes.push(Node {
            parent,
            name: name.into(),
            entry,
            kind,
            is_gone: false,
            place: 0..0,
        });
        if let NodeKind::Directory(children) = &mut self.nodes[parent.0 as usize].kind {
            children.insert(name.into(), node);
        }
        node
    }

    /// Takes a name and what is below it out of the tree.
    fn remove(&mut self, node: NodeId, by: EntryId, disputed: bool) {
        for node in self.below(node) {
            let entries: Vec<_> = self.entries_of(node).collect();
            for entry in entries {
                self.hidden.insert(entry, by);
                if disputed {
                    self.disputed.insert(entry);
                }
            }
            self.nodes[node.0 as usize].is_gone = true;
        }
        let (parent, name) = (self.parent(node), self.name(node).to_vec());
        if let NodeKind::Directory(children) = &mut self.nodes[parent.0 as usize].kind {
            children.remove(name.as_slice());
        }
    }

    fn wrong(&self, id: EntryId, reason: &str) -> Error {
        Error::Tree {
            layer: self.layers[id.layer as usize].place.to_string(),
            path: self.entry(id).path.clone(),
            reason: reason.to_owned(),
        }
    }
}
