//! The databases of package managers when only some files of an image stay: true of what stays, so that scanners
//! see it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree};

use super::{Ecosystem, MAX_TEXT, Package, Packages};

/// What is to be kept of databases.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Databases {
    /// Their files.
    pub names: BTreeSet<NodeId>,
    /// The new content of those of them that speak of more than what stays.
    pub contents: BTreeMap<NodeId, Vec<u8>>,
}

/// A database that is one text for all packages: its path, and what stands before a package's name (dpkg(1), status;
/// Alpine's wiki, "Apk spec", installed).
const TEXTS: [(Ecosystem, &str, &str); 3] = [
    (Ecosystem::Dpkg, "/var/lib/dpkg/status", "Package:"),
    (Ecosystem::Apk, "/lib/apk/db/installed", "P:"),
    (Ecosystem::Apk, "/usr/lib/apk/db/installed", "P:"),
];
/// Folders with the databases of rpm, which are kept as they are: their forms are binary.
const RPM: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

impl Packages {
    /// The databases of the packages of which anything stays.
    pub fn databases(&self, tree: &Tree<'_>, kept: &BTreeSet<NodeId>) -> Databases {
        // Lists of Debian name the links in the root as folders of every package.
        let is_own = |file: &NodeId| {
            let end = || tree.resolve_from(tree.parent(*file), tree.name(*file), |_| {});
            kept.contains(file) && !end().is_some_and(|end| tree.is_directory(end))
        };
        let is_kept = |package: &&Package| package.files.iter().any(is_own);
        let packages: Vec<&Package> = self.iter().filter(is_kept).collect();
        let mut out = Databases::default();
        for (ecosystem, path, key) in TEXTS {
            let names = packages
                .iter()
                .filter(|package| package.ecosystem == ecosystem);
            let names: BTreeSet<&str> = names.map(|package| package.name.as_str()).collect();
            if !names.is_empty() {
                cut(tree, path, key, &names, &mut out);
            }
        }
        if packages
            .iter()
            .any(|package| package.ecosystem == Ecosystem::Rpm)
        {
            let folders = RPM.iter().filter_map(|path| tree.resolve(path.as_bytes()));
            out.names
                .extend(folders.flat_map(|folder| tree.walk(folder)));
        }
        for package in packages {
            match package.ecosystem {
                Ecosystem::Dpkg | Ecosystem::Apk | Ecosystem::Rpm => {}
                // What a wheel says of itself lies in several files.
                Ecosystem::Pip if tree.name(tree.parent(package.record)).ends_with(b"-info") => {
                    out.names.extend(tree.walk(tree.parent(package.record)));
                }
                _ => {
                    out.names.insert(package.record);
                }
            }
        }
        out
    }
}

/// Leaves the paragraphs of other packages out of a database.
fn cut(tree: &Tree<'_>, path: &str, key: &str, names: &BTreeSet<&str>, out: &mut Databases) {
    let Some(node) = tree
        .resolve(path.as_bytes())
        .filter(|node| tree.is_file(*node))
    else {
        return;
    };
    let text = tree
        .leaf_of(node)
        .and_then(|leaf| tree.read(leaf).read_all(MAX_TEXT).ok());
    let Some(text) = text else {
        return;
    };
    let speaks_of = |paragraph: &[&[u8]]| {
        let name = paragraph
            .iter()
            .find_map(|line| line.strip_prefix(key.as_bytes()));
        name.is_some_and(|name| names.contains(String::from_utf8_lossy(name).trim()))
    };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let paragraphs = lines.split(|line| line.trim_ascii().is_empty());
    let stay = paragraphs.filter(|paragraph| speaks_of(paragraph));
    let content: Vec<u8> = stay
        .flat_map(|paragraph| [paragraph.join(&b'\n'), b"\n\n".to_vec()].concat())
        .collect();
    out.names.insert(node);
    out.contents.insert(node, content);
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
        let databases = packages.databases(&tree, &kept);
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
                "/var/lib/dpkg/status Package: a\nStatus: install ok installed\nVersion: 1\nDescription: x\n y"
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
}
