//! Makes new layers out of old ones by leaving entries out. It knows nothing of why.
//!
//! An entry that stays is copied to the bit, headers and all. When the entry that carries a file's
//! content goes but another name of the file stays, the first such name (in the order of the
//! layers) takes the content over. A layer that loses nothing is the same layer; one that loses
//! everything is gone. The result is compared with the plan before anybody sees it.

mod faithful;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::blob::{Blob, Piece};
use crate::error::{IoContext as _, Result};
use crate::layer::Layer;
use crate::tar::{EntryKind, Rename, with_names};
use crate::tree::{EntryId, LeafId, Tree};

/// What to change.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Entries to leave out.
    pub drop: FxHashSet<EntryId>,
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
    let carriers = carriers(tree, edit);
    let fates = (0..tree.layers().len())
        .map(|layer| rewrite_layer(tree, edit, &carriers, layer))
        .collect::<Result<Vec<_>>>()?;
    faithful::check(tree, edit, &fates)?;
    Ok(fates)
}

/// For each leaf that loses the entry with its content, the name that takes it over.
fn carriers(tree: &Tree<'_>, edit: &Edit) -> FxHashMap<LeafId, EntryId> {
    let mut out: FxHashMap<LeafId, EntryId> = FxHashMap::default();
    for layer in 0..tree.layers().len() as u32 {
        for index in 0..tree.layers()[layer as usize].entries.len() as u32 {
            let id = EntryId { layer, index };
            if let Some(leaf) = tree.entry_leaf(id)
                && edit.drop.contains(&tree.leaf(leaf).data)
                && !edit.drop.contains(&id)
            {
                out.entry(leaf).or_insert(id);
            }
        }
    }
    out
}

fn rewrite_layer(
    tree: &Tree<'_>,
    edit: &Edit,
    carriers: &FxHashMap<LeafId, EntryId>,
    layer: usize,
) -> Result<Fate> {
    let source = &tree.layers()[layer];
    let mut pieces = Vec::new();
    let (mut changed, mut left) = (false, false);
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
        match moved(tree, edit, carriers, id)? {
            Some(moved) => {
                changed = true;
                pieces.extend(moved);
            }
            None => pieces.push(Piece::Slice(source.tar.slice(entry.start..entry.end()))),
        }
        // An archive may end without the padding of its last entry.
        let copied: u64 = source
            .tar
            .len()
            .saturating_sub(entry.start)
            .min(entry.end() - entry.start);
        pieces.push(Piece::Zeros((entry.end() - entry.start) - copied));
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
const END_OF_ARCHIVE: usize = 1024;

/// The pieces of a hard link entry that cannot stay as it is; `None` when it can.
fn moved(
    tree: &Tree<'_>,
    edit: &Edit,
    carriers: &FxHashMap<LeafId, EntryId>,
    id: EntryId,
) -> Result<Option<Vec<Piece>>> {
    let (Some(target), Some(leaf)) = (tree.link_target(id), tree.entry_leaf(id)) else {
        return Ok(None);
    };
    let carrier = carriers.get(&leaf).copied();
    if carrier == Some(id) {
        let data = tree.leaf(leaf).data;
        let (from, entry) = (&tree.layers()[data.layer as usize], tree.entry(data));
        let headers = headers(from, data)?;
        return Ok(Some(vec![
            Piece::Inline(with_names(&headers, Rename::Name(&tree.entry(id).path))),
            Piece::Slice(from.tar.slice(entry.content..entry.end())),
        ]));
    }
    if !edit.drop.contains(&target) {
        return Ok(None);
    }
    let anchor = tree.entry(carrier.unwrap_or(tree.leaf(leaf).data));
    let headers = headers(&tree.layers()[id.layer as usize], id)?;
    Ok(Some(vec![Piece::Inline(with_names(
        &headers,
        Rename::Target(&anchor.path),
    ))]))
}

fn headers(layer: &Layer, id: EntryId) -> Result<Vec<u8>> {
    let entry = &layer.entries[id.index as usize];
    let mut bytes = vec![0; (entry.content - entry.start) as usize];
    layer
        .tar
        .read_exact_at(entry.start, &mut bytes)
        .in_layer(&layer.place)?;
    Ok(bytes)
}
