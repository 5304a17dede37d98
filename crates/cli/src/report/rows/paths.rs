//! Folders as rows.

use std::collections::BTreeMap;

use ounce_analysis::ledger::Item;
use ounce_image::{NodeId, Tree};

use super::{Group, add, count};
use crate::report::model::{Row, Size};

/// Folders and files, `wanted` rows at most: each of the largest has a row of its own, without what
/// has another.
pub(in crate::report) fn paths(
    tree: &Tree<'_>,
    items: &[(&Item<'_>, Size)],
    wanted: usize,
) -> Vec<Group> {
    let mut own: BTreeMap<NodeId, Row> = BTreeMap::new();
    let mut hidden = Row::new("hidden", "(hidden by later layers)");
    let mut structure = Row::new("structure", "(names, owners and modes)");
    for (item, size) in items {
        let row = match item.node {
            Some(node) => own.entry(node).or_insert_with(|| Row::new("", "")),
            None if item.size.disk > 0 => &mut hidden,
            None => &mut structure,
        };
        count(row, item, *size);
    }
    let open = |node: NodeId| Folder::new(tree, &own, node);
    let mut folders = vec![open(Tree::ROOT)];
    while folders.len() + 2 < wanted {
        // Of all names that have no row of their own, the largest gets one.
        let next = |at: usize| folders[at].parts.last().map_or(0, |part| part.1.size.disk);
        let Some(at) = (0..folders.len())
            .rev()
            .max_by_key(|at| next(*at))
            .filter(|at| next(*at) > 0)
        else {
            break;
        };
        let folder = &mut folders[at];
        let Some((node, part)) = folder.parts.pop() else {
            break;
        };
        subtract(&mut folder.row, &part);
        folder.row.title = format!("{} (the rest)", folder.row.id);
        if folder.row.size.disk == 0 {
            add(&mut structure, &folder.row);
            folders.remove(at);
        }
        folders.push(open(node));
    }
    let rows = folders
        .into_iter()
        .map(|folder| folder.row)
        .chain([hidden, structure]);
    rows.filter(|row| row.size.disk + row.size.pull > 0)
        .map(Group::of)
        .collect()
}

/// A folder or file of the path view.
struct Folder {
    row: Row,
    /// Its children that have no row of their own, the largest last.
    parts: Vec<(NodeId, Row)>,
}

impl Folder {
    fn new(tree: &Tree<'_>, own: &BTreeMap<NodeId, Row>, node: NodeId) -> Self {
        let sum = |node: NodeId| {
            let path = tree.path(node).to_string();
            let mut row = Row::new(&path, &path);
            tree.walk(node)
                .filter_map(|below| own.get(&below))
                .for_each(|part| add(&mut row, part));
            (node, row)
        };
        let mut parts: Vec<_> = tree.children(node).map(sum).collect();
        parts.sort_by(|(_, a), (_, b)| a.size.disk.cmp(&b.size.disk).then_with(|| b.id.cmp(&a.id)));
        Self {
            row: sum(node).1,
            parts,
        }
    }
}

fn subtract(row: &mut Row, part: &Row) {
    row.size.disk -= part.size.disk;
    row.size.pull -= part.size.pull;
    row.size.files -= part.size.files;
    row.gone -= part.gone;
    row.hidden -= part.hidden;
}
