//! conda: `conda-meta/*.json` of every environment in the image (conda's "PrefixData"; CEP 34 for
//! the folder's layout).

mod history;

use ounce_image::{NodeId, Tree};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Ecosystem, Package, Strength, locate, text};
use crate::finding::Problem;

use history::Requests;

/// The part of a record that is needed here.
#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    files: Vec<String>,
    /// The digests of the files, which records have since conda 4.4.
    paths_data: Option<IgnoredAny>,
    #[serde(default)]
    depends: Vec<String>,
    /// What the user wrote; newer tools write a list of all such texts.
    requested_spec: Option<String>,
    #[serde(default)]
    requested_specs: Vec<String>,
}

impl Record {
    /// The words that asked for the package; conda writes `None` for the others.
    fn words(&self) -> Option<&str> {
        let specs = self.requested_spec.iter().chain(&self.requested_specs);
        specs
            .map(String::as_str)
            .find(|spec| !spec.is_empty() && *spec != "None")
    }
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
        let history = history(tree, meta, problems);
        let records: Vec<_> = records(tree, meta)
            .filter_map(|node| Some((node, read(tree, node, problems)?)))
            .collect();
        let tells = !history.is_empty() || records.iter().any(|(_, r)| r.words().is_some());
        for (node, record) in records {
            let is_asked = history.words(&record.name).is_some() || record.words().is_some();
            packages.push(Package {
                requested: tells.then_some(is_asked),
                ..package(tree, prefix, node, record)
            });
        }
    }
    packages
}

fn history(tree: &Tree<'_>, meta: NodeId, problems: &mut Vec<Problem>) -> Requests {
    let content = tree
        .child(meta, b"history")
        .and_then(|node| text(tree, node, problems));
    content.map_or_else(Requests::default, |content| Requests::parse(&content))
}

fn read(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Option<Record> {
    let content = text(tree, node, problems)?;
    match serde_json::from_str(&content) {
        Ok(record) => Some(record),
        Err(e) => {
            problems.push(Problem {
                path: tree.path(node),
                reason: e.to_string(),
            });
            None
        }
    }
}

/// The words that asked for a package, with the command where it is known.
pub(super) fn words(tree: &Tree<'_>, package: &Package) -> Option<String> {
    let mut problems = Vec::new();
    let meta = tree.parent(package.record);
    let requests = history(tree, meta, &mut problems);
    requests.words(&package.name).or_else(|| {
        let record = read(tree, package.record, &mut problems)?;
        record.words().map(str::to_owned)
    })
}

/// The names in `python >=3.12,<3.13.0a0` and the like, without virtual packages such as `__glibc`,
/// which stand for the machine (CEP 26, "Virtual packages").
fn depends(specs: &[String]) -> Vec<String> {
    let names = specs.iter().map(|spec| history::name(spec));
    let mut out: Vec<String> = names
        .filter(|name| !name.is_empty() && !name.starts_with("__"))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
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
        strength: match record.paths_data {
            Some(_) => Strength::Digest,
            None => Strength::Listed,
        },
        files,
        depends: depends(&record.depends),
        provides: Vec::new(),
        source: None,
        requested: None,
    }
}
