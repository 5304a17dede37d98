//! What names of the merged view cover: entries of lower layers that would come to light if a name
//! were taken away, and hidden content below a folder that would bring the folder back.

use ounce_image::{EntryId, NodeId, Tree};
use rustc_hash::FxHashMap;

/// An index of hidden entries.
pub(crate) struct Covered {
    /// By the entry that hides them.
    by_entry: FxHashMap<EntryId, Vec<EntryId>>,
    /// By the lowest folder above them that is still there.
    by_folder: FxHashMap<NodeId, Vec<EntryId>>,
}

impl Covered {
    pub(crate) fn new(tree: &Tree<'_>) -> Self {
        let mut out = Self {
            by_entry: FxHashMap::default(),
            by_folder: FxHashMap::default(),
        };
        for (entry, by) in tree.hidden() {
            out.by_entry.entry(by).or_default().push(entry);
            let mut path = tree.entry(entry).path.parent();
            let folder = loop {
                match tree.get(&path) {
                    Some(node) => break node,
                    None => path = path.parent(),
                }
            };
            out.by_folder.entry(folder).or_default().push(entry);
        }
        out
    }

    /// The entries of a name, and all that must go with them so that the name goes.
    pub(crate) fn entries_of(&self, tree: &Tree<'_>, node: NodeId) -> Vec<EntryId> {
        let mut out: Vec<EntryId> = tree.entries_of(node).collect();
        out.extend(self.by_folder.get(&node).into_iter().flatten());
        let mut at = 0;
        while let Some(entry) = out.get(at) {
            let below = self.by_entry.get(entry).into_iter().flatten().copied();
            let below: Vec<EntryId> = below.filter(|entry| !out.contains(entry)).collect();
            out.extend(below);
            at += 1;
        }
        out
    }
}
