//! Compares what a rewriting made with what it was asked for, name by name.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Edit, Fate, layers};
use crate::error::{Error, Result};
use crate::tar::Entry;
use crate::tree::{LeafId, NodeId, Tree};

/// Reads the new layers back and compares the merged views.
///
/// # Errors
/// [`Error::Unfaithful`] at the first path that is missing, left over or changed.
pub(super) fn check(old: &Tree<'_>, edit: &Edit, fates: &[Fate]) -> Result<()> {
    let layers = layers(old, fates)?;
    let new = Tree::build(&layers)?;
    let mut links: FxHashMap<LeafId, LeafId> = FxHashMap::default();
    let (mut expected, staying) = (0, staying(old, edit));
    for node in old.walk(Tree::ROOT) {
        let path = || old.path(node);
        let fail = |reason| {
            Err(Error::Unfaithful {
                path: path(),
                reason,
            })
        };
        let found = new.get(&path());
        match (staying.contains(&node), found) {
            (false, None) => continue,
            // No layer lists it, and what made it may be hidden and stay: engines make it again.
            (false, Some(_)) if old.node_entry(node).is_none() => expected += 1,
            (false, Some(_)) => return fail("it should be gone"),
            (true, None) => return fail("it is missing"),
            (true, Some(found)) => {
                expected += 1;
                if !same_attributes(old, edit, node, &new, found) {
                    return fail("its attributes changed");
                }
                if let (Some(before), Some(after)) = (old.leaf_of(node), new.leaf_of(found)) {
                    if *links.entry(before).or_insert(after) != after {
                        return fail("it lost its other names");
                    }
                    if !old.read(before).same_source(&new.read(after)) {
                        return fail("its content changed");
                    }
                }
            }
        }
    }
    match new.walk(Tree::ROOT).count() == expected {
        true => Ok(()),
        false => Err(Error::Unfaithful {
            path: crate::ImagePath::default(),
            reason: "it has files that were not there",
        }),
    }
}

/// The names that are still there after the edit: those with an entry that stays, and the folders
/// above them.
fn staying(tree: &Tree<'_>, edit: &Edit) -> FxHashSet<NodeId> {
    let mut out = FxHashSet::from_iter([Tree::ROOT]);
    let nodes: Vec<NodeId> = tree.walk(Tree::ROOT).collect();
    // From the end: what lies in a folder comes after it.
    for node in nodes.into_iter().rev() {
        let mut entries = tree.entries_of(node);
        if out.contains(&node) || entries.any(|entry| !edit.drop.contains(&entry)) {
            out.insert(node);
            out.insert(tree.parent(node));
        }
    }
    out
}

fn same_attributes(
    old: &Tree<'_>,
    edit: &Edit,
    node: NodeId,
    new: &Tree<'_>,
    found: NodeId,
) -> bool {
    match (old.attributes(node), new.attributes(found)) {
        (Some(a), Some(b)) => attributes(a) == attributes(b) && a.kind == b.kind,
        (None, None) => old.is_directory(node) && new.is_directory(found),
        // A folder whose entry was dropped with everything but what keeps it alive.
        (Some(_), None) => old
            .node_entry(node)
            .is_some_and(|entry| edit.drop.contains(&entry)),
        (None, Some(_)) => false,
    }
}

fn attributes(entry: &Entry) -> impl PartialEq {
    (
        entry.mode,
        entry.uid,
        entry.gid,
        entry.mtime,
        entry.xattrs.clone(),
        entry.size,
        entry.sparse.clone(),
    )
}
