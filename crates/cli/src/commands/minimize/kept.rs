//! What stays of an image: names, files with new content, and the layers that they go in.

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::accounts::{self, Accounts};
use ounce_analysis::arrange::{Part, arrange};
use ounce_image::{Config, NodeId, Tree};

use crate::commands::reach::Reach;

/// What stays.
pub(crate) struct Kept {
    /// The names, without the folders above them.
    pub(crate) names: BTreeSet<NodeId>,
    /// Files that get other content: they would tell of what goes.
    pub(crate) contents: BTreeMap<NodeId, Vec<u8>>,
    /// The names by layer.
    pub(crate) parts: BTreeMap<Part, BTreeSet<NodeId>>,
    /// Users and groups that go.
    pub(crate) users: BTreeSet<String>,
}

impl Kept {
    /// What is reached, and lists of packages and users that are true of it.
    pub(crate) fn new(config: &Config, tree: &Tree<'_>, reach: &Reach) -> Self {
        let mut names = reach.closure.names();
        let databases = reach
            .packages
            .databases(tree, &names, &reach.graph.installs);
        names.extend(&databases.names);
        let parts = arrange(tree, &reach.packages, &reach.graph, &databases, &names);
        let Accounts { contents, gone } = accounts::cut(tree, config, &reach.graph, &names);
        Self {
            contents: databases.contents.into_iter().chain(contents).collect(),
            names,
            parts,
            users: gone,
        }
    }

    /// The size of a file as it will be.
    pub(crate) fn size(&self, tree: &Tree<'_>, node: NodeId) -> u64 {
        let cut = self.contents.get(&node).map(|content| content.len() as u64);
        let own = || tree.attributes(node).map_or(0, |entry| entry.size);
        cut.unwrap_or_else(own)
    }
}
