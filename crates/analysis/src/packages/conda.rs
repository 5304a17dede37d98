//! conda: `conda-meta/*.json` of every environment in the image (conda's "PrefixData"; CEP 34 for
//! the folder's layout).

use ounce_image::{NodeId, Tree};
use serde::Deserialize;

use super::{Ecosystem, Package, locate, text};
use crate::finding::Problem;

/// The part of a record that is needed here.
#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    files: Vec<String>,
}

/// The environments: every folder that holds a `conda-meta` with records.
pub fn prefixes(tree: &Tree<'_>) -> Vec<NodeId> {
    let metas = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"conda-meta" && records(tree, *node).next().is_some());
    metas.map(|meta| tree.parent(meta)).collect()
}

fn records(tree: &Tree<'_>, meta: NodeId) -> impl Iterator<Item = NodeId> {
    tree.children(meta)
        .filter(|node| tree.name(*node).ends_with(b".json") && tree.is_file(*node))
}

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let mut packages = Vec::new();
    for prefix in prefixes(tree) {
        let Some(meta) = tree.child(prefix, b"conda-meta") else {
            continue;
        };
        for node in records(tree, meta) {
            let Some(content) = text(tree, node, problems) else {
                continue;
            };
            match serde_json::from_str::<Record>(&content) {
                Ok(record) => packages.push(package(tree, prefix, node, record)),
                Err(e) => problems.push(Problem {
                    path: tree.path(node),
                    reason: e.to_string(),
                }),
            }
        }
    }
    packages
}

fn package(tree: &Tree<'_>, prefix: NodeId, node: NodeId, record: Record) -> Package {
    let mut files = vec![node];
    files.extend(
        record
            .files
            .iter()
            .filter(|path| !path.starts_with('/'))
            .filter_map(|path| locate(tree, prefix, path.as_bytes()))
            .filter(|file| tree.leaf_of(*file).is_some() && tree.is_within(*file, prefix)),
    );
    let version = if record.build.is_empty() {
        record.version
    } else {
        format!("{}-{}", record.version, record.build)
    };
    Package {
        ecosystem: Ecosystem::Conda,
        name: record.name,
        version,
        prefix,
        record: node,
        files,
        depends: Vec::new(),
        provides: Vec::new(),
        requested: None,
    }
}
