//! What a name that is written somewhere stands for: the file, or the folder with all that it holds.

use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashSet;
use serde::Deserialize;

use crate::finding::Guard;
use crate::globs;
use crate::rules::{Context, RULES, Tier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    shared: Vec<Row>,
    aside: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(alias = "folders")]
    files: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/shared-folders.toml"))
        .expect("a test reads the table")
});

/// Folders that many packages share: the mention of one says nothing about what it holds.
static SHARED: LazyLock<GlobSet> = LazyLock::new(|| set(&TABLE.shared));

/// What nobody but people start or read.
static ASIDE: LazyLock<GlobSet> = LazyLock::new(|| set(&TABLE.aside));

fn set(rows: &[Row]) -> GlobSet {
    let files = rows.iter().flat_map(|row| &row.files);
    globs::set(files.map(String::as_str)).expect("a test builds the globs")
}

/// How folders are taken as a whole.
#[derive(Debug)]
pub(super) struct Units {
    /// What no program needs although its folder is kept: documents, caches and the like.
    litter: FxHashSet<NodeId>,
}

impl Units {
    /// Asks the rules of the safe tier what is of no use, where paths alone could say otherwise.
    pub(super) fn new(context: &Context<'_>) -> Self {
        let rules = RULES.iter().filter(|rule| rule.tier == Tier::Safe);
        let units = rules
            .flat_map(|rule| (rule.find)(context))
            .flat_map(|claim| claim.units)
            .filter(|unit| {
                let asked_by_name =
                    !unit.programs.is_empty() || !unit.words.is_empty() || !unit.modules.is_empty();
                matches!(unit.guard, Guard::Evidence | Guard::Proved(_)) && !asked_by_name
            });
        let litter = units.flat_map(|unit| unit.nodes().to_vec()).collect();
        Self { litter }
    }

    /// Whether a name goes although the folder that it is in is kept as a whole.
    pub(super) fn is_litter(&self, tree: &Tree<'_>, node: NodeId) -> bool {
        self.litter.contains(&node)
            || (tree.leaf_of(node).is_some() && globs::matches(&ASIDE, &tree.path(node)))
    }

    /// The folder that is meant as a whole when this name is written somewhere; `None` when the name alone is.
    ///
    /// That is the folder itself; for a file below a folder of its own in `/etc`, that folder, since
    /// settings lie in several files that name each other without their folder. A folder of a machine of which not
    /// all names are known holds the machine's data, not the program's: it is meant alone.
    pub(super) fn meant(&self, tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
        if tree.is_directory(node) {
            return (!is_shared(tree, node) && !tree.is_partial(node)).then_some(node);
        }
        let mut at = tree.parent(node);
        let etc = tree.child(Tree::ROOT, b"etc")?;
        let mut below = None;
        while at != Tree::ROOT && at != etc {
            below = Some(at);
            at = tree.parent(at);
        }
        below.filter(|folder| at == etc && !is_shared(tree, *folder))
    }
}

/// Whether many packages share a folder.
pub(super) fn is_shared(tree: &Tree<'_>, folder: NodeId) -> bool {
    folder == Tree::ROOT || globs::matches(&SHARED, &tree.path(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gives_its_source() {
        assert!(
            TABLE
                .shared
                .iter()
                .chain(&TABLE.aside)
                .all(|row| row.source.len() > 5)
        );
        LazyLock::force(&SHARED);
        LazyLock::force(&ASIDE);
    }
}
