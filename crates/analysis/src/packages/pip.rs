//! Python distributions: `*.dist-info/RECORD` (PEP 376, PEP 627) and `*.egg-info` of older tools.

use ounce_image::{NodeId, Tree, display};

use super::{Ecosystem, Package, locate, text};
use crate::finding::Problem;

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let mut packages = Vec::new();
    for node in tree.walk(Tree::ROOT) {
        let name = tree.name(node);
        if let Some(stem) = name
            .strip_suffix(b".dist-info")
            .filter(|_| tree.is_directory(node))
        {
            packages.extend(dist_info(tree, node, stem, problems));
        } else if let Some(stem) = name.strip_suffix(b".egg-info") {
            packages.extend(egg_info(tree, node, stem, problems));
        }
    }
    packages
}

fn dist_info(
    tree: &Tree<'_>,
    folder: NodeId,
    stem: &[u8],
    problems: &mut Vec<Problem>,
) -> Option<Package> {
    let record = tree.child(folder, b"RECORD");
    let metadata = tree.child(folder, b"METADATA");
    let (name, version) = identity(tree, metadata, stem, problems);
    let site = tree.parent(folder);
    let mut files: Vec<_> = below(tree, folder);
    if let Some(content) = record.and_then(|record| text(tree, record, problems)) {
        files.extend(
            content
                .lines()
                .filter_map(first_field)
                .filter_map(|path| file(tree, site, path.as_bytes())),
        );
    }
    Some(Package {
        ecosystem: Ecosystem::Pip,
        name,
        version,
        prefix: site,
        record: record.or(metadata)?,
        files: unique(files),
        depends: Vec::new(),
        provides: Vec::new(),
        requested: None,
    })
}

fn egg_info(
    tree: &Tree<'_>,
    node: NodeId,
    stem: &[u8],
    problems: &mut Vec<Problem>,
) -> Option<Package> {
    let site = tree.parent(node);
    let child = |name: &[u8]| tree.child(node, name);
    let metadata = if tree.is_directory(node) {
        child(b"PKG-INFO")
    } else {
        Some(node)
    };
    let (name, version) = identity(tree, metadata, stem, problems);
    let mut files = if tree.is_directory(node) {
        below(tree, node)
    } else {
        vec![node]
    };
    if let Some(content) = child(b"installed-files.txt").and_then(|list| text(tree, list, problems))
    {
        files.extend(
            content
                .lines()
                .filter_map(|path| file(tree, node, path.as_bytes())),
        );
    } else if let Some(content) =
        child(b"top_level.txt").and_then(|list| text(tree, list, problems))
    {
        // distutils and Debian record only the modules' names.
        for module in content
            .lines()
            .map(str::trim)
            .filter(|module| !module.is_empty() && !module.contains(".."))
        {
            files.extend(
                tree.child(site, module.as_bytes())
                    .map(|package| below(tree, package))
                    .unwrap_or_default(),
            );
            files.extend(file(tree, site, format!("{module}.py").as_bytes()));
        }
    }
    Some(Package {
        ecosystem: Ecosystem::Pip,
        name,
        version,
        prefix: site,
        record: metadata?,
        files: unique(files),
        depends: Vec::new(),
        provides: Vec::new(),
        requested: None,
    })
}

/// Name and version from the metadata (PEP 566), else from the folder's name.
fn identity(
    tree: &Tree<'_>,
    metadata: Option<NodeId>,
    stem: &[u8],
    problems: &mut Vec<Problem>,
) -> (String, String) {
    let content = metadata
        .and_then(|node| text(tree, node, problems))
        .unwrap_or_default();
    let header = |key: &str| {
        let lines = content.lines().take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_once(':'))
            .find(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.trim().to_owned())
    };
    let stem = display(stem);
    let mut parts = stem.split('-');
    let name = parts.next().unwrap_or_default().to_owned();
    let version = parts.next().unwrap_or_default().to_owned();
    (
        header("Name").unwrap_or(name),
        header("Version").unwrap_or(version),
    )
}

fn unique(mut files: Vec<NodeId>) -> Vec<NodeId> {
    files.sort_unstable();
    files.dedup();
    files
}

fn below(tree: &Tree<'_>, folder: NodeId) -> Vec<NodeId> {
    tree.walk(folder)
        .filter(|node| tree.leaf_of(*node).is_some())
        .collect()
}

fn file(tree: &Tree<'_>, base: NodeId, path: &[u8]) -> Option<NodeId> {
    locate(tree, base, path).filter(|node| tree.leaf_of(*node).is_some())
}

/// The first field of a line of CSV, which is quoted when the path holds a comma or a quote.
fn first_field(line: &str) -> Option<String> {
    match line.strip_prefix('"') {
        None => line
            .split(',')
            .next()
            .map(str::to_owned)
            .filter(|path| !path.is_empty()),
        Some(rest) => {
            let mut out = String::new();
            let mut chars = rest.chars().peekable();
            while let Some(c) = chars.next() {
                match (c, chars.peek()) {
                    ('"', Some('"')) => {
                        chars.next();
                        out.push('"');
                    }
                    ('"', _) => return Some(out),
                    (c, _) => out.push(c),
                }
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_commas_are_quoted_in_records() {
        assert_eq!(first_field("a/b.py,sha256=x,12"), Some("a/b.py".into()));
        assert_eq!(
            first_field("\"a,\"\"b\"\".py\",,"),
            Some("a,\"b\".py".into())
        );
        assert_eq!(first_field(""), None);
    }
}
