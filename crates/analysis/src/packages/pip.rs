//! Python distributions: `*.dist-info/RECORD` (PEP 376, PEP 627) and `*.egg-info` of older tools.
//!
//! pip marks what it was told to install with a file `REQUESTED` (PEP 376); others do not, and what
//! they leave out says nothing.

mod requirement;

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree, display};

use super::{Ecosystem, Package, Strength, below, file, text, unique};
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
    mark_requests(tree, &mut packages);
    packages
}

/// Says of each distribution whether it was asked for. Only pip says so, and only since 20.2: where it
/// marked nothing, nothing is known.
fn mark_requests(tree: &Tree<'_>, packages: &mut [Package]) {
    let child = |package: &Package, name: &[u8]| tree.child(tree.parent(package.record), name);
    let by_pip = |package: &Package| installer(tree, package).is_none_or(|name| name == "pip");
    let is_marked = |package: &Package| child(package, b"REQUESTED").is_some() && by_pip(package);
    let marking: BTreeSet<NodeId> = packages
        .iter()
        .filter(|package| is_marked(package))
        .map(|package| package.prefix)
        .collect();
    for package in packages {
        // Conda packages are built with pip, whose marks are left in some.
        if installer(tree, package).is_some_and(|name| name == "conda") {
            continue;
        }
        let marks = [&b"REQUESTED"[..], b"direct_url.json"];
        if marks.iter().any(|name| child(package, name).is_some()) {
            package.requested = Some(true);
        } else if marking.contains(&package.prefix) && installer(tree, package).is_some() {
            package.requested = by_pip(package).then_some(false);
        }
    }
}

/// The program that installed a distribution (PEP 376, "INSTALLER").
fn installer(tree: &Tree<'_>, package: &Package) -> Option<String> {
    let node = tree.child(tree.parent(package.record), b"INSTALLER")?;
    Some(text(tree, node, &mut Vec::new())?.trim().to_owned())
}

/// The words that asked for a distribution: its address where it had one (PEP 610).
pub(super) fn words(tree: &Tree<'_>, package: &Package) -> Option<String> {
    let origin = tree
        .child(tree.parent(package.record), b"direct_url.json")
        .and_then(|node| text(tree, node, &mut Vec::new()))
        .and_then(|content| serde_json::from_str::<serde_json::Value>(&content).ok());
    match origin.as_ref().and_then(|origin| origin["url"].as_str()) {
        Some(url) => Some(url.to_owned()),
        None => Some(format!("by name, with {}", installer(tree, package)?)),
    }
}

fn dist_info(
    tree: &Tree<'_>,
    folder: NodeId,
    stem: &[u8],
    problems: &mut Vec<Problem>,
) -> Option<Package> {
    let record = tree.child(folder, b"RECORD");
    let metadata = tree.child(folder, b"METADATA");
    let site = tree.parent(folder);
    let metadata_text = metadata.and_then(|node| text(tree, node, problems));
    let metadata_text = metadata_text.unwrap_or_default();
    let (name, version) = identity(&metadata_text, stem);
    let mut files: Vec<_> = below(tree, folder).collect();
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
        strength: match record {
            Some(_) => Strength::Digest,
            None => Strength::Inside,
        },
        files: unique(files),
        depends: depends(headers(&metadata_text, "Requires-Dist"), tree, site),
        provides: Vec::new(),
        source: None,
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
    let metadata_text = metadata.and_then(|node| text(tree, node, problems));
    let metadata_text = metadata_text.unwrap_or_default();
    let (name, version) = identity(&metadata_text, stem);
    // Sections are for extras and markers.
    let requires = child(b"requires.txt").and_then(|list| text(tree, list, problems));
    let requires = requires.unwrap_or_default();
    let requires = requires.lines().take_while(|line| !line.starts_with('['));
    let mut files = if tree.is_directory(node) {
        below(tree, node).collect()
    } else {
        vec![node]
    };
    let mut strength = Strength::Inside;
    if let Some(content) = child(b"installed-files.txt").and_then(|list| text(tree, list, problems))
    {
        strength = Strength::Listed;
        files.extend(
            content
                .lines()
                .filter_map(|path| file(tree, node, path.as_bytes())),
        );
    } else if let Some(content) =
        child(b"top_level.txt").and_then(|list| text(tree, list, problems))
    {
        // distutils and Debian record only the modules' names.
        strength = Strength::Inferred;
        for module in content
            .lines()
            .map(str::trim)
            .filter(|module| !module.is_empty() && !module.contains(".."))
        {
            let folder = tree.child(site, module.as_bytes());
            files.extend(folder.into_iter().flat_map(|folder| below(tree, folder)));
            files.extend(file(tree, site, format!("{module}.py").as_bytes()));
        }
    }
    Some(Package {
        ecosystem: Ecosystem::Pip,
        name,
        version,
        prefix: site,
        record: metadata?,
        strength,
        files: unique(files),
        depends: depends(requires, tree, site),
        provides: Vec::new(),
        source: None,
        requested: None,
    })
}

/// Name and version from the metadata (PEP 566), else from the folder's name.
fn identity(metadata: &str, stem: &[u8]) -> (String, String) {
    let header = |key| headers(metadata, key).next().map(str::to_owned);
    let stem = display(stem);
    let mut parts = stem.split('-');
    let name = parts.next().unwrap_or_default().to_owned();
    let version = parts.next().unwrap_or_default().to_owned();
    (
        header("Name").unwrap_or(name),
        header("Version").unwrap_or(version),
    )
}

/// The values of a header, which stands before the first empty line.
fn headers<'a>(metadata: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let lines = metadata.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(':'))
        .filter(move |(k, _)| k.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.trim())
}

/// The names in requirements that count for a folder `lib/python3.12/site-packages`.
fn depends<'a>(
    requirements: impl Iterator<Item = &'a str>,
    tree: &Tree<'_>,
    site: NodeId,
) -> Vec<String> {
    let python = python(tree.name(tree.parent(site)));
    let names = requirements.filter_map(|text| requirement::name(text, python));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn python(folder: &[u8]) -> requirement::Python {
    let version = std::str::from_utf8(folder).ok()?.strip_prefix("python")?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
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
