//! dpkg: `/var/lib/dpkg/status` with `info/*.list`, and `status.d/` of distroless images
//! (dpkg(1), deb-control(5); github.com/GoogleContainerTools/distroless, "Package Metadata").

use std::collections::BTreeMap;

use deb822_fast::ParagraphReader;
use ounce_image::{NodeId, Tree};

use super::{Ecosystem, Package, locate, text};
use crate::finding::Problem;

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let Some(folder) = tree.resolve(b"/var/lib/dpkg") else {
        return Vec::new();
    };
    let lists = lists(tree, folder);
    let mut packages = Vec::new();
    if let Some(status) = tree.child(folder, b"status") {
        packages.extend(read(tree, status, &lists, problems));
    }
    for record in tree
        .child(folder, b"status.d")
        .into_iter()
        .flat_map(|d| tree.children(d))
    {
        if !tree.name(record).ends_with(b".md5sums") {
            packages.extend(read(tree, record, &lists, problems));
        }
    }
    packages
}

/// The file lists by the name of their package, without its architecture.
fn lists(tree: &Tree<'_>, folder: NodeId) -> BTreeMap<Vec<u8>, Vec<NodeId>> {
    let mut out: BTreeMap<Vec<u8>, Vec<NodeId>> = BTreeMap::new();
    let info = ["info", "status.d"]
        .iter()
        .filter_map(|name| tree.child(folder, name.as_bytes()));
    for node in info.flat_map(|info| tree.children(info)) {
        let name = tree.name(node);
        if let Some(stem) = name
            .strip_suffix(b".list")
            .or_else(|| name.strip_suffix(b".md5sums"))
        {
            let package = stem.split(|&b| b == b':').next().unwrap_or_default();
            out.entry(package.to_vec()).or_default().push(node);
        }
    }
    out
}

fn read(
    tree: &Tree<'_>,
    status: NodeId,
    lists: &BTreeMap<Vec<u8>, Vec<NodeId>>,
    problems: &mut Vec<Problem>,
) -> Vec<Package> {
    let Some(content) = text(tree, status, problems) else {
        return Vec::new();
    };
    let mut packages = Vec::new();
    for paragraph in ParagraphReader::new(content.as_bytes()) {
        let paragraph = match paragraph {
            Ok(paragraph) => paragraph,
            Err(e) => {
                problems.push(Problem {
                    path: tree.path(status),
                    reason: e.to_string(),
                });
                break;
            }
        };
        let Some(name) = paragraph.get("Package") else {
            continue;
        };
        // Removed packages stay listed until they are purged (dpkg(1), "Package states").
        let state = paragraph.get("Status").unwrap_or("install ok installed");
        if state.ends_with(" not-installed") || state.ends_with(" config-files") {
            continue;
        }
        let files = lists
            .get(name.as_bytes())
            .map(|lists| files(tree, lists, problems))
            .unwrap_or_default();
        packages.push(Package {
            ecosystem: Ecosystem::Dpkg,
            name: name.to_owned(),
            version: paragraph.get("Version").unwrap_or_default().to_owned(),
            prefix: Tree::ROOT,
            record: status,
            files,
            depends: Vec::new(),
            provides: Vec::new(),
            requested: None,
        });
    }
    packages
}

fn files(tree: &Tree<'_>, lists: &[NodeId], problems: &mut Vec<Problem>) -> Vec<NodeId> {
    let mut out = lists.to_vec();
    for list in lists {
        let Some(content) = text(tree, *list, problems) else {
            continue;
        };
        let is_md5 = tree.name(*list).ends_with(b".md5sums");
        for line in content.lines() {
            // md5sums: digest, two spaces, path without the leading slash.
            let path = if is_md5 {
                line.split_once("  ").map_or("", |(_, path)| path)
            } else {
                line
            };
            let path = path.trim_start_matches('/');
            out.extend(
                locate(tree, Tree::ROOT, path.as_bytes())
                    .filter(|node| tree.leaf_of(*node).is_some()),
            );
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}
