//! The databases of package managers when only some files of an image stay: true of what stays, so that scanners
//! see it and nothing else.
//!
//! What cannot be read stays whole: a package too many is better than one that nobody sees.

mod apk;
mod dpkg;

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree};

use super::paragraphs::{paragraphs, without};
use super::{Ecosystem, MAX_TEXT, Package, Packages};

/// What is to be kept of databases.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Databases {
    /// Their files, and links on the way to them.
    pub names: BTreeSet<NodeId>,
    /// The new content of those of them that speak of more than what stays.
    pub contents: BTreeMap<NodeId, Vec<u8>>,
}

/// Folders with the databases of rpm, which are kept as they are: their forms are binary.
const RPM: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

/// What stays, with the folders above.
struct Stays<'a> {
    names: &'a BTreeSet<NodeId>,
    above: BTreeSet<NodeId>,
}

impl<'a> Stays<'a> {
    fn new(tree: &Tree<'_>, names: &'a BTreeSet<NodeId>) -> Self {
        let mut above = BTreeSet::from([Tree::ROOT]);
        for name in names {
            let mut at = tree.parent(*name);
            while above.insert(at) {
                at = tree.parent(at);
            }
        }
        Self { names, above }
    }

    fn has(&self, node: NodeId) -> bool {
        self.names.contains(&node) || self.above.contains(&node)
    }
}

impl Packages {
    /// The databases of the packages of which anything stays, and of all of the ecosystems that stay `whole`: also of those
    /// that only depend on others.
    pub fn databases(
        &self,
        tree: &Tree<'_>,
        kept: &BTreeSet<NodeId>,
        whole: &BTreeSet<Ecosystem>,
    ) -> Databases {
        // Lists of Debian name the links in the root as folders of every package.
        let is_own = |file: &NodeId| {
            let end = || tree.resolve_from(tree.parent(*file), tree.name(*file), |_| {});
            kept.contains(file) && !end().is_some_and(|end| tree.is_directory(end))
        };
        let is_kept = |package: &&Package| {
            whole.contains(&package.ecosystem) || package.files.iter().any(is_own)
        };
        let packages: Vec<&Package> = self.iter().filter(is_kept).collect();
        let names = |ecosystem: Ecosystem| -> BTreeSet<&str> {
            let packages = packages.iter();
            let own = packages.filter(|package| package.ecosystem == ecosystem);
            own.map(|package| package.name.as_str()).collect()
        };
        let stays = Stays::new(tree, kept);
        let mut out = Databases::default();
        let debian = names(Ecosystem::Dpkg);
        if !debian.is_empty() {
            dpkg::keep(tree, &debian, &stays, &mut out);
        }
        let alpine = names(Ecosystem::Apk);
        if !alpine.is_empty() {
            apk::keep(tree, &alpine, &stays, &mut out);
        }
        if !names(Ecosystem::Rpm).is_empty() {
            for path in RPM {
                if let Some(folder) = out.follow(tree, path.as_bytes()) {
                    out.names.extend(tree.walk(folder));
                }
            }
        }
        for package in packages {
            out.record(tree, package);
        }
        out
    }
}

impl Databases {
    /// What is at the end of a path; links on the way to it are kept.
    fn follow(&mut self, tree: &Tree<'_>, path: &[u8]) -> Option<NodeId> {
        let mut links = Vec::new();
        let end = tree.resolve_from(Tree::ROOT, path, |node| {
            if tree.symlink(node).is_some() {
                links.push(node);
            }
        })?;
        self.names.extend(links);
        Some(end)
    }

    /// Keeps a file with what `edit` makes of its content.
    fn text(&mut self, tree: &Tree<'_>, node: NodeId, edit: impl FnOnce(&[u8]) -> Vec<u8>) {
        let Some(leaf) = tree.leaf_of(node).filter(|_| tree.is_file(node)) else {
            return;
        };
        self.names.insert(node);
        let is_plain = |node| {
            tree.attributes(node)
                .is_some_and(|entry| entry.sparse.is_none())
        };
        let Some(old) = tree
            .read(leaf)
            .read_all(MAX_TEXT)
            .ok()
            .filter(|_| is_plain(node))
        else {
            return;
        };
        let new = edit(&old);
        if new != old {
            self.contents.insert(node, new);
        }
    }

    /// Keeps the record that a package has of its own.
    fn record(&mut self, tree: &Tree<'_>, package: &Package) {
        match package.ecosystem {
            Ecosystem::Dpkg | Ecosystem::Apk | Ecosystem::Rpm => {}
            // What a wheel says of itself lies in several files.
            Ecosystem::Pip if tree.name(tree.parent(package.record)).ends_with(b"-info") => {
                self.names.extend(tree.walk(tree.parent(package.record)));
            }
            _ => {
                self.names.insert(package.record);
            }
        }
    }
}

/// The text without paragraphs about other packages than these; `key` stands before a package's name.
fn of_packages(text: &[u8], key: &[u8], names: &BTreeSet<&str>) -> Vec<u8> {
    let is_other = |range: &std::ops::Range<usize>| {
        value(&text[range.clone()], key).is_some_and(|name| !names.contains(name.as_str()))
    };
    without(
        text,
        paragraphs(text).into_iter().filter(is_other).collect(),
    )
}

/// What stands behind a key at the beginning of a line; as names of packages are shown.
fn value(text: &[u8], key: &[u8]) -> Option<String> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(key))?;
    Some(ounce_image::display(
        String::from_utf8_lossy(value).trim().as_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layers;

    fn shown(text: &str, kept: &[&str]) -> Vec<String> {
        let layers = layers(&ounce_testkit::image(text));
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let kept = kept
            .iter()
            .map(|path| {
                tree.get(&ounce_image::ImagePath::parse(path.as_bytes()).unwrap())
                    .unwrap()
            })
            .collect();
        let databases = packages.databases(&tree, &kept, &BTreeSet::new());
        let show = |node: &NodeId| {
            let content = databases
                .contents
                .get(node)
                .map(|content| String::from_utf8_lossy(content).into_owned());
            format!("{} {}", tree.path(*node), content.unwrap_or_default())
                .trim_end()
                .to_owned()
        };
        databases.names.iter().map(show).collect()
    }

    #[test]
    fn a_text_speaks_of_what_stays_only() {
        let text = "[a]\nvar/lib/dpkg/status = Package: a\\nStatus: install ok installed\\nVersion: 1\\nDescription: x\\n y\\n\\nPackage: b\\nStatus: install ok installed\\nVersion: 2\\n\nvar/lib/dpkg/info/a.list = /usr/a\\n\nvar/lib/dpkg/info/b.list = /usr/b\\n/lib\\n/lib\\n\nlib -> usr/lib\nusr/lib/\nusr/a = x\nusr/b = x\nlib -> usr/lib\nusr/lib/";
        assert_eq!(
            shown(text, &["usr/a", "lib"]),
            [
                "/var/lib/dpkg/status Package: a\nStatus: install ok installed\nVersion: 1\nDescription: x\n y",
                "/var/lib/dpkg/info/a.list"
            ]
        );
        assert_eq!(shown(text, &[]), [""; 0]);
    }

    #[test]
    fn records_of_their_own_come_along() {
        let text = "[a]\nc/conda-meta/a.json = {\"name\":\"a\",\"version\":\"1\",\"build\":\"0\",\"files\":[\"bin/a\"]}\nc/conda-meta/history =\nc/bin/a = x\nlib/python3/site-packages/w-1.dist-info/METADATA = Name: w\\nVersion: 1\\n\nlib/python3/site-packages/w-1.dist-info/RECORD = w.py,,\\n\nlib/python3/site-packages/w.py = x";
        assert_eq!(
            shown(text, &["/c/bin/a", "/lib/python3/site-packages/w.py"]),
            [
                "/c/conda-meta/a.json",
                "/lib/python3/site-packages/w-1.dist-info",
                "/lib/python3/site-packages/w-1.dist-info/METADATA",
                "/lib/python3/site-packages/w-1.dist-info/RECORD"
            ]
        );
    }

    #[test]
    fn lists_name_what_stays_only() {
        let text = "[a]\nvar/lib/dpkg/status.d/a = Package: a\\nVersion: 1\\n\nvar/lib/dpkg/status.d/b = Package: b\\nVersion: 1\\n\nvar/lib/dpkg/status.d/a.md5sums = 0123  usr/a\\n4567  usr/gone\\n\nusr/a = x\nusr/b = x";
        assert_eq!(
            shown(text, &["usr/a"]),
            [
                "/var/lib/dpkg/status.d/a",
                "/var/lib/dpkg/status.d/a.md5sums 0123  usr/a"
            ]
        );
        let text = "[a]\nlib -> usr/lib\nusr/lib/apk/db/installed = P:a\\nV:1\\nF:usr\\nM:0:0:755\\nR:a\\nZ:Q1x\\nR:gone\\na:0:0:755\\nZ:Q1y\\nF:gone\\n\\nP:b\\nV:1\\n\nusr/a = x\nusr/gone = y\ngone/";
        assert_eq!(
            shown(text, &["usr/a"]),
            [
                "/lib",
                "/usr/lib/apk/db/installed P:a\nV:1\nF:usr\nM:0:0:755\nR:a\nZ:Q1x"
            ]
        );
    }

    #[test]
    fn what_cannot_be_cut_stays_whole() {
        let text = "[a]\nvar/lib/dpkg/status = Package: a\\nStatus: install ok installed\\n\nvar/lib/dpkg/info/a.list = /usr/a\\n\nvar/lib/dpkg/info/a.md5sums ^99 0:0123  usr/gone\nusr/a = x";
        assert_eq!(
            shown(text, &["usr/a"]),
            [
                "/var/lib/dpkg/status",
                "/var/lib/dpkg/info/a.list",
                "/var/lib/dpkg/info/a.md5sums"
            ]
        );
    }
}
