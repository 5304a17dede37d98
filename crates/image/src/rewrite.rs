//! Makes new layers out of old ones by leaving entries out. It knows nothing of why.
//!
//! An entry that stays is copied to the bit, headers and all. When the entry that carries a file's
//! content goes but another name of the file stays, the first such name (in the order of the
//! layers) takes the content over; so does a later one when by then no other name is left to link
//! to. A layer that loses nothing is the same layer; one that loses
//! everything is gone. The result is compared with the plan before anybody sees it.

mod faithful;

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::blob::{Blob, Piece};
use crate::error::{IoContext as _, Result};
use crate::layer::Layer;
use crate::path::ImagePath;
use crate::tar::{EntryKind, Rename, folder_header, read_entries, with_names};
use crate::tree::{EntryId, LeafId, Tree};

/// What to change.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Entries to leave out.
    pub drop: FxHashSet<EntryId>,
    /// Folders to list in a layer, by its number: empty ones that no layer lists and that only what
    /// goes had brought about. They get the mode and owner that engines give them, 0755 and root.
    pub folders: BTreeMap<u32, Vec<ImagePath>>,
}

/// What becomes of a layer.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It stays bit for bit.
    Same,
    /// It has this content now, an uncompressed tar archive.
    Changed(Blob),
    /// Nothing of it is left.
    Gone,
}

/// Applies an edit to all layers; one fate for each, lowest first.
///
/// # Errors
/// Headers cannot be read; or the outcome is not what the edit asks for, which is a fault of this
/// crate and must never pass silently.
pub fn rewrite(tree: &Tree<'_>, edit: &Edit) -> Result<Vec<Fate>> {
    let moves = moves(tree, edit);
    let fates = (0..tree.layers().len())
        .map(|layer| rewrite_layer(tree, edit, &moves, layer))
        .collect::<Result<Vec<_>>>()?;
    faithful::check(tree, edit, &fates)?;
    Ok(fates)
}

/// The layers that are left, with what they hold now.
///
/// # Errors
/// A new layer cannot be read.
pub fn layers(tree: &Tree<'_>, fates: &[Fate]) -> Result<Vec<Layer>> {
    let pairs = tree.layers().iter().zip(fates);
    let left = pairs.filter_map(|(layer, fate)| match fate {
        Fate::Same => Some(Ok(layer.clone())),
        Fate::Changed(tar) => Some(read_entries(tar, &layer.place).map(|entries| Layer {
            tar: tar.clone(),
            entries,
            ..layer.clone()
        })),
        Fate::Gone => None,
    });
    left.collect()
}

/// What becomes of a hard link entry that cannot stay as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// It takes over attributes and content.
    Carry,
    /// It points to this name instead.
    Target(EntryId),
}

/// The hard link entries whose target goes, each with what becomes of it.
fn moves(tree: &Tree<'_>, edit: &Edit) -> FxHashMap<EntryId, Move> {
    let touched = edit.drop.iter().filter_map(|entry| tree.entry_leaf(*entry));
    let mut names: FxHashMap<LeafId, Vec<EntryId>> =
        touched.map(|leaf| (leaf, Vec::new())).collect();
    for id in tree.entries() {
        if let Some(leaf) = tree.entry_leaf(id)
            && let Some(names) = names.get_mut(&leaf)
            && !edit.drop.contains(&id)
        {
            names.push(id);
        }
    }
    names
        .values()
        .flat_map(|names| moves_of_leaf(tree, edit, names))
        .collect()
}

/// The same for one file; `kept` are the names of it that stay, in order.
fn moves_of_leaf(tree: &Tree<'_>, edit: &Edit, kept: &[EntryId]) -> Vec<(EntryId, Move)> {
    let (mut out, mut first) = (Vec::new(), 0);
    for (index, id) in kept.iter().enumerate() {
        if !tree
            .link_target(*id)
            .is_some_and(|target| edit.drop.contains(&target))
        {
            continue;
        }
        // Names that stay may be hidden by the time that this one comes; once hidden, always.
        while first < index && !stands_before(tree, kept[first], *id) {
            first += 1;
        }
        let anchor = kept[first..index].first();
        out.push((
            *id,
            anchor.map_or(Move::Carry, |anchor| Move::Target(*anchor)),
        ));
    }
    out
}

/// Whether a name is still there when a later entry is unpacked.
fn stands_before(tree: &Tree<'_>, name: EntryId, later: EntryId) -> bool {
    tree.hidden_by(name).is_none_or(|by| {
        let is_whiteout = matches!(tree.entry(by).kind, EntryKind::Whiteout | EntryKind::Opaque);
        // Whiteouts take effect before their layer.
        by.layer > later.layer || (by.layer == later.layer && !is_whiteout && by > later)
    })
}

fn rewrite_layer(
    tree: &Tree<'_>,
    edit: &Edit,
    moves: &FxHashMap<EntryId, Move>,
    layer: usize,
) -> Result<Fate> {
    let source = &tree.layers()[layer];
    let folders = edit
        .folders
        .get(&(layer as u32))
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut pieces: Vec<Piece> = folders
        .iter()
        .map(|path| Piece::Inline(folder_header(path)))
        .collect();
    let (mut changed, mut left) = (!folders.is_empty(), !folders.is_empty());
    for (index, entry) in source.entries.iter().enumerate() {
        let id = EntryId {
            layer: layer as u32,
            index: index as u32,
        };
        if edit.drop.contains(&id) {
            changed = true;
            continue;
        }
        left |= entry.kind != EntryKind::Meta;
        match moves.get(&id) {
            Some(step) => {
                changed = true;
                pieces.extend(moved(tree, id, *step)?);
            }
            None => pieces.extend(padded(&source.tar, entry.start..entry.end())),
        }
    }
    if !changed {
        return Ok(Fate::Same);
    }
    if !left {
        return Ok(Fate::Gone);
    }
    pieces.push(Piece::Inline(vec![0; END_OF_ARCHIVE]));
    Ok(Fate::Changed(Blob::splice(pieces)))
}

/// Two zero blocks end an archive (POSIX pax).
pub(crate) const END_OF_ARCHIVE: usize = 1024;

/// A part of an archive, which may end without the padding of its last entry.
pub(crate) fn padded(tar: &Blob, range: Range<u64>) -> [Piece; 2] {
    let slice = tar.slice(range.clone());
    let missing = (range.end - range.start) - slice.len();
    [Piece::Slice(slice), Piece::Zeros(missing)]
}

/// The pieces of a hard link entry that cannot stay as it is.
fn moved(tree: &Tree<'_>, id: EntryId, step: Move) -> Result<Vec<Piece>> {
    let path = &tree.entry(id).path;
    match step {
        Move::Carry => {
            let leaf = tree.entry_leaf(id).expect("only names of leaves move");
            let data = tree.leaf(leaf).data;
            let (from, entry) = (&tree.layers()[data.layer as usize], tree.entry(data));
            let headers = with_names(&headers(from, data)?, Rename::Name(path));
            let [content, padding] = padded(&from.tar, entry.content..entry.end());
            Ok(vec![Piece::Inline(headers), content, padding])
        }
        Move::Target(anchor) => {
            let headers = headers(&tree.layers()[id.layer as usize], id)?;
            let target = Rename::Target(&tree.entry(anchor).path);
            Ok(vec![Piece::Inline(with_names(&headers, target))])
        }
    }
}

/// The headers of an entry as they stand in the archive.
pub(crate) fn headers(layer: &Layer, id: EntryId) -> Result<Vec<u8>> {
    let entry = &layer.entries[id.index as usize];
    let mut bytes = vec![0; (entry.content - entry.start) as usize];
    layer
        .tar
        .read_exact_at(entry.start, &mut bytes)
        .in_layer(&layer.place)?;
    Ok(bytes)
}
