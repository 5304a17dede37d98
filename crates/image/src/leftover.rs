//! What follows from dropping entries: whiteouts with nothing below them and folder entries that
//! only led to what went mean nothing any more; empty folders that only what went had brought about
//! must be listed.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::path::ImagePath;
use crate::tar::EntryKind;
use crate::tree::{EntryId, NodeId, NodeKind, Tree};

/// The entries that can follow those in `drop`, from layers numbered `frozen` and above.
///
/// A whiteout is left over when no entry that stays in a lower layer is at its path or below it. A
/// folder entry is left over when nothing that stays in its layer lies below it, a higher layer
/// sets the attributes of the same folder anew, and it hides nothing that stays.
pub fn leftover(tree: &Tree<'_>, drop: &FxHashSet<EntryId>, frozen: usize) -> Vec<EntryId> {
    let mut out = spent_whiteouts(tree, drop, frozen);
    out.extend(idle_folders(tree, drop, frozen));
    out
}

/// The folders that would vanish with the entries in `drop` because no layer lists them, by the layer
/// that can list them; those for which `may_vanish` says yes are left out.
pub fn lost_folders(
    tree: &Tree<'_>,
    drop: &FxHashSet<EntryId>,
    may_vanish: impl Fn(NodeId) -> bool,
) -> BTreeMap<u32, Vec<ImagePath>> {
    let nodes: Vec<NodeId> = tree.walk(Tree::ROOT).collect();
    let (mut alive, mut lost) = (FxHashSet::from_iter([Tree::ROOT]), BTreeMap::new());
    // From the end: what lies in a folder comes after it, and keeps it.
    for node in nodes.into_iter().rev() {
        let stays = tree.entries_of(node).any(|entry| !drop.contains(&entry));
        let is_lost =
            !alive.contains(&node) && tree.node_entry(node).is_none() && !may_vanish(node);
        if is_lost {
            lost.insert(tree.path(node), None);
        }
        if stays || is_lost || alive.contains(&node) {
            alive.insert(node);
            alive.insert(tree.parent(node));
        }
    }
    for id in drop {
        let mut path = tree.entry(*id).path.parent();
        while !path.is_root() && !lost.is_empty() {
            if let Some(layer) = lost.get_mut(&path) {
                *layer = (*layer).max(Some(id.layer));
            }
            path = path.parent();
        }
    }
    let mut out: BTreeMap<u32, Vec<ImagePath>> = BTreeMap::new();
    for (path, layer) in lost {
        if let Some(layer) = layer {
            out.entry(layer).or_default().push(path);
        }
    }
    out
}

fn entries<'t>(
    tree: &Tree<'t>,
    layer: usize,
) -> impl DoubleEndedIterator<Item = (EntryId, &'t crate::tar::Entry)> {
    let layers = tree.layers();
    layers[layer]
        .entries
        .iter()
        .enumerate()
        .map(move |(index, entry)| {
            (
                EntryId {
                    layer: layer as u32,
                    index: index as u32,
                },
                entry,
            )
        })
}

fn spent_whiteouts(tree: &Tree<'_>, drop: &FxHashSet<EntryId>, frozen: usize) -> Vec<EntryId> {
    // The paths of what stays in lower layers, and of every folder above them.
    let (mut below, mut above): (FxHashSet<&[u8]>, FxHashSet<&[u8]>) = Default::default();
    let mut out = Vec::new();
    for layer in 0..tree.layers().len() {
        for (id, entry) in entries(tree, layer) {
            let path = entry.path.as_bytes();
            let is_needed = match entry.kind {
                EntryKind::Whiteout => below.contains(path) || above.contains(path),
                EntryKind::Opaque => above.contains(path),
                _ => continue,
            };
            if layer >= frozen && !is_needed && !tree.is_disputed(id) && !drop.contains(&id) {
                out.push(id);
            }
        }
        for (id, entry) in entries(tree, layer) {
            let is_content = !matches!(
                entry.kind,
                EntryKind::Whiteout | EntryKind::Opaque | EntryKind::Meta
            );
            if is_content && !drop.contains(&id) {
                let path = entry.path.as_bytes();
                below.insert(path);
                let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
                above.extend(slashes.map(|(at, _)| &path[..at]));
                if !path.is_empty() {
                    above.insert(b"");
                }
            }
        }
    }
    out
}

fn idle_folders(tree: &Tree<'_>, drop: &FxHashSet<EntryId>, frozen: usize) -> Vec<EntryId> {
    let overridden = overridden_folders(tree);
    // A folder in the place of a file hides it.
    let hiding: FxHashSet<EntryId> = tree
        .hidden()
        .into_iter()
        .filter(|(entry, _)| !drop.contains(entry))
        .map(|(_, by)| by)
        .collect();
    let touched: FxHashSet<u32> = drop.iter().map(|id| id.layer).collect();
    let mut out = Vec::new();
    for layer in (frozen..tree.layers().len()).filter(|layer| touched.contains(&(*layer as u32))) {
        // From the end: what lies in a folder usually follows it.
        let mut in_use: FxHashSet<&[u8]> = FxHashSet::default();
        for (id, entry) in entries(tree, layer) {
            if entry.kind != EntryKind::Directory
                && entry.kind != EntryKind::Meta
                && !drop.contains(&id)
            {
                mark(&mut in_use, entry.path.as_bytes());
            }
        }
        for (id, entry) in entries(tree, layer).rev() {
            if entry.kind != EntryKind::Directory || drop.contains(&id) {
                continue;
            }
            let is_idle = overridden.contains(&id) && !hiding.contains(&id);
            if is_idle && !in_use.contains(entry.path.as_bytes()) {
                out.push(id);
            } else {
                mark(&mut in_use, entry.path.as_bytes());
            }
        }
    }
    out
}

/// Marks the folders above a path.
fn mark<'a>(in_use: &mut FxHashSet<&'a [u8]>, path: &'a [u8]) {
    for at in (0..path.len()).rev().filter(|at| path[*at] == b'/') {
        if !in_use.insert(&path[..at]) {
            return;
        }
    }
}

/// Folder entries of living folders whose attributes a higher layer sets anew.
fn overridden_folders(tree: &Tree<'_>) -> FxHashSet<EntryId> {
    let folders = tree
        .walk(Tree::ROOT)
        .filter(|node| matches!(tree.kind(*node), NodeKind::Directory(_)));
    let older = folders.flat_map(|node| {
        let top = tree.node_entry(node).map(|entry| entry.layer);
        tree.entries_of(node)
            .filter(move |entry| Some(entry.layer) != top)
    });
    older.collect()
}
