//! The names that differ, each with its bytes; whole folders as one.

use ounce_image::{Change, LeafId, NamePair, NodeId, Tree};
use rustc_hash::FxHashMap;

use super::model::{Amount, Became, Changes, Path, Sides, What};
use super::side::Side;

/// Sums of everything, and a row for each name that differs or folder that came or went as a whole.
pub(super) fn rows(
    before: &Side<'_>,
    after: &Side<'_>,
    pairs: &[NamePair],
) -> (Changes, Vec<Path>) {
    let (old, old_hidden) = weigh(before, pairs, |pair| pair.before);
    let (new, new_hidden) = weigh(after, pairs, |pair| pair.after);
    let mut changes = Changes {
        hidden: Sides {
            before: old_hidden,
            after: new_hidden,
        },
        ..Changes::default()
    };
    let mut rows: Vec<Path> = Vec::new();
    // The folder that the last row speaks of.
    let mut whole: Option<(&Tree<'_>, NodeId)> = None;
    for (pair, (before_bytes, after_bytes)) in pairs.iter().zip(old.into_iter().zip(new)) {
        let size = Sides {
            before: before_bytes,
            after: after_bytes,
        };
        let (became, place) = match (pair.before, pair.after) {
            (Some(node), None) => (Became::Removed, (before.tree, node)),
            (None, Some(node)) => (Became::Added, (after.tree, node)),
            (Some(node), _) if pair.differs() => (Became::Changed, (before.tree, node)),
            (Some(node), _) => (Became::Same, (before.tree, node)),
            (None, None) => unreachable!("a pair has a name"),
        };
        let sum = match became {
            Became::Added => &mut changes.added,
            Became::Removed => &mut changes.removed,
            Became::Changed => &mut changes.changed,
            Became::Same => &mut changes.same,
        };
        sum.names += 1;
        sum.size += size;
        if became == Became::Same {
            continue;
        }
        let (tree, node) = place;
        let is_inside = whole.is_some_and(|(of, folder)| {
            std::ptr::eq(of, tree) && became != Became::Changed && tree.is_within(node, folder)
        });
        if let Some(row) = rows.last_mut().filter(|_| is_inside) {
            row.names += 1;
            row.size += size;
            continue;
        }
        whole = (became != Became::Changed).then_some(place);
        rows.push(Path {
            path: tree.path(node).to_string(),
            became,
            names: 1,
            size,
            what: pair.changes.iter().map(what).collect(),
        });
    }
    (changes, rows)
}

fn what(change: &Change) -> What {
    let (before, after) = change.values.clone().unzip();
    What {
        aspect: change.aspect.name(),
        before,
        after,
    }
}

/// The size of each pair's name in one image, and of what has no name there. A file that both images
/// have is counted at the name that the comparison chose, any other where its cause and owner are
/// taken from.
fn weigh(
    side: &Side<'_>,
    pairs: &[NamePair],
    name: impl Fn(&NamePair) -> Option<NodeId>,
) -> (Vec<Amount>, Amount) {
    let mut places: FxHashMap<NodeId, usize> = FxHashMap::default();
    let mut counted: FxHashMap<LeafId, usize> = FxHashMap::default();
    for (index, pair) in pairs.iter().enumerate() {
        if let Some(node) = name(pair) {
            places.insert(node, index);
            let leaf = side.tree.leaf_of(node).filter(|_| pair.is_counted);
            counted.extend(leaf.map(|leaf| (leaf, index)));
        }
    }
    let mut out = vec![Amount::default(); pairs.len()];
    let mut hidden = Amount::default();
    for item in &side.items {
        let place = item.node.and_then(|node| {
            // An item without a file is a header: of a folder or of one more name.
            let leaf = side.tree.leaf_of(node).filter(|_| item.size.files > 0);
            leaf.and_then(|leaf| counted.get(&leaf))
                .or_else(|| places.get(&node))
        });
        match place {
            Some(index) => out[*index] += item.size.into(),
            None => hidden += item.size.into(),
        }
    }
    (out, hidden)
}
