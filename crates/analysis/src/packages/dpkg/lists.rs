//! dpkg's lists of files: `info/PACKAGE[:ARCHITECTURE].list` and `.md5sums` (dpkg-query(1),
//! `--control-list`; deb-md5sums(5)), and the diversions (dpkg-divert(1)).

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};

use crate::finding::Problem;
use crate::packages::{bytes, file, unique};

/// A file that lists files.
pub(super) struct List {
    pub(super) node: NodeId,
    /// Whether it is an `.md5sums`.
    pub(super) has_digests: bool,
}

/// All lists, and what was put elsewhere.
pub(super) struct Lists {
    /// By `PACKAGE` or `PACKAGE:ARCHITECTURE`, the `.list` before the `.md5sums`.
    lists: BTreeMap<Vec<u8>, Vec<List>>,
    /// The real place of a path, for all but one package.
    diversions: BTreeMap<Vec<u8>, Diversion>,
}

struct Diversion {
    /// Where other packages' file of that path lies.
    to: Vec<u8>,
    /// The package whose own file lies at the path itself; `:` for none.
    by: Vec<u8>,
}

impl Lists {
    pub(super) fn load(tree: &Tree<'_>, folder: NodeId, problems: &mut Vec<Problem>) -> Self {
        let mut lists: BTreeMap<Vec<u8>, Vec<List>> = BTreeMap::new();
        let folders = [b"info".as_slice(), b"status.d"];
        let folders = folders.iter().filter_map(|name| tree.child(folder, name));
        for node in folders.flat_map(|folder| tree.children(folder)) {
            for (ending, has_digests) in [(b".list".as_slice(), false), (b".md5sums", true)] {
                if let Some(package) = tree.name(node).strip_suffix(ending) {
                    let lists = lists.entry(package.to_vec()).or_default();
                    lists.push(List { node, has_digests });
                }
            }
        }
        let diversions = tree.child(folder, b"diversions");
        let diversions = diversions.and_then(|node| bytes(tree, node, problems));
        Self {
            lists,
            diversions: parse_diversions(&diversions.unwrap_or_default()),
        }
    }

    /// The lists of a package. Those of packages that are there for several architectures at once
    /// carry the architecture in their names.
    pub(super) fn of(&self, name: &str, architecture: &str) -> &[List] {
        let qualified = format!("{name}:{architecture}").into_bytes();
        let lists = self.lists.get(&qualified);
        lists
            .or_else(|| self.lists.get(name.as_bytes()))
            .map_or(&[], Vec::as_slice)
    }

    /// The lists and the files in them that are there.
    pub(super) fn files(
        &self,
        tree: &Tree<'_>,
        package: &str,
        lists: &[List],
        problems: &mut Vec<Problem>,
    ) -> Vec<NodeId> {
        let mut out: Vec<_> = lists.iter().map(|list| list.node).collect();
        for list in lists {
            let content = bytes(tree, list.node, problems).unwrap_or_default();
            for line in content.split(|&b| b == b'\n') {
                let path = match list.has_digests {
                    true => digested_path(line),
                    false => line.strip_prefix(b"/"),
                };
                let path = path.map(|path| self.real_place(path, package));
                out.extend(path.and_then(|path| file(tree, Tree::ROOT, path)));
            }
        }
        unique(out)
    }

    /// Where a package's file of a path lies. All paths here are without their leading slash.
    fn real_place<'a>(&'a self, path: &'a [u8], package: &str) -> &'a [u8] {
        match self.diversions.get(path) {
            Some(diversion) if diversion.by != package.as_bytes() => &diversion.to,
            _ => path,
        }
    }
}

/// The path in a line of `.md5sums`: digest, two spaces, path.
fn digested_path(line: &[u8]) -> Option<&[u8]> {
    let space = line.iter().position(|&b| b == b' ')?;
    line[space..].strip_prefix(b"  ")
}

/// Three lines each: the path, where it was put, the package for which the path is kept free.
fn parse_diversions(content: &[u8]) -> BTreeMap<Vec<u8>, Diversion> {
    let lines: Vec<_> = content.split(|&b| b == b'\n').collect();
    let diversion = |lines: &[&[u8]]| {
        let [path, to, by] = lines else {
            return None;
        };
        let path = path.strip_prefix(b"/")?.to_vec();
        let to = to.strip_prefix(b"/")?.to_vec();
        let by = by.to_vec();
        Some((path, Diversion { to, by }))
    };
    lines.chunks_exact(3).filter_map(diversion).collect()
}
