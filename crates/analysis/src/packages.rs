//! Who brought which file: the databases of package managers, read from the image itself.

mod apk;
mod binaries;
mod claims;
mod conda;
mod cran;
mod dpkg;
mod find;
mod gem;
mod jar;
mod kept;
mod npm;
mod pages;
pub(crate) mod paragraphs;
mod pip;
pub mod requests;
mod rpm;
mod sqlite;

use ounce_image::{NodeId, Tree, display};
use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::finding::Problem;

pub use claims::Strength;
pub use conda::prefixes as conda_prefixes;
pub use dpkg::status;
pub use kept::Databases;

/// A package manager's kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// Debian and Ubuntu.
    Dpkg,
    /// Alpine, Wolfi.
    Apk,
    /// Fedora, Red Hat, SUSE and their kin.
    Rpm,
    /// conda, mamba, micromamba, pixi.
    Conda,
    /// Python wheels and eggs, whichever tool installed them.
    Pip,
    /// Node modules, whichever tool installed them.
    Npm,
    /// Ruby gems.
    Gem,
    /// R packages, from CRAN or elsewhere.
    Cran,
    /// Java archives, and what was packed into them.
    Jar,
    /// Go programs, and the modules that they were built from.
    Go,
    /// Rust programs, and the crates that they were built from.
    Rust,
}

impl Ecosystem {
    /// The name that users know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Conda => "conda",
            Self::Pip => "pip",
            Self::Npm => "npm",
            Self::Gem => "gem",
            Self::Cran => "cran",
            Self::Jar => "jar",
            Self::Go => "go",
            Self::Rust => "rust",
        }
    }

    /// Whether anybody publishes in it, so that no distribution's policy says what its files do.
    pub fn is_open(self) -> bool {
        use Ecosystem::{Cran, Gem, Go, Jar, Npm, Pip, Rust};
        matches!(self, Pip | Npm | Gem | Cran | Jar | Go | Rust)
    }
}

/// An installed package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its kind.
    pub ecosystem: Ecosystem,
    /// Its name.
    pub name: String,
    /// Its version, as its database writes it.
    pub version: String,
    /// The folder it is installed into: the root for dpkg, apk and rpm, the environment for conda, the folder
    /// with its `dist-info` for pip, the library for R, the folder that holds the file or
    /// `node_modules` for others.
    pub prefix: NodeId,
    /// The file of the database that was written when it was installed.
    pub record: NodeId,
    /// How well its database knows its files.
    pub strength: Strength,
    /// Its files that are there, without folders.
    pub files: Vec<NodeId>,
    /// Names it depends on, in the ecosystem's words, without versions.
    pub depends: Vec<String>,
    /// Other names it answers to.
    pub provides: Vec<String>,
    /// The source that it and other packages were built from, where the database tells.
    pub source: Option<String>,
    /// Whether somebody asked for it by name; `None` when nothing tells.
    pub requested: Option<bool>,
}

/// All packages of an image.
#[derive(Debug, Default)]
pub struct Packages {
    list: Vec<Package>,
    owners: FxHashMap<NodeId, usize>,
}

/// Reads the databases of one ecosystem; what cannot be understood becomes a problem.
type Reader = fn(&Tree<'_>, &mut Vec<Problem>) -> Vec<Package>;

/// Each ecosystem's reader; who has a file that several list is a matter of [`claims`].
const READERS: [Reader; 8] = [
    dpkg::load,
    apk::load,
    rpm::load,
    conda::load,
    pip::load,
    npm::load,
    gem::load,
    cran::load,
];

/// Readers of what files tell of themselves: all programs and archives are opened, which is too much of a machine.
const READERS_OF_FILES: [Reader; 2] = [jar::load, binaries::load];

impl Packages {
    /// Reads every database in the image.
    pub fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Self {
        let of_files = READERS_OF_FILES.iter().filter(|_| !tree.is_machine());
        let mut list: Vec<_> = READERS
            .iter()
            .chain(of_files)
            .flat_map(|load| load(tree, problems))
            .collect();
        for package in &mut list {
            // Names are printed, and may hold what a terminal obeys.
            package.name = display(package.name.as_bytes());
            package.version = display(package.version.as_bytes());
        }
        let owners = claims::owners(tree, &list);
        for (index, package) in list.iter_mut().enumerate() {
            // What a package brought, it asked for itself when it was built.
            if owners
                .get(&package.record)
                .is_some_and(|owner| *owner != index)
            {
                package.requested = None;
            }
        }
        let mut packages = Self { list, owners };
        packages.adopt_bytecode(tree);
        packages
    }

    /// All packages in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = &Package> {
        self.list.iter()
    }

    /// The package that a file belongs to; `None` when it is unowned.
    pub fn owner(&self, file: NodeId) -> Option<&Package> {
        self.owners.get(&file).map(|index| &self.list[*index])
    }

    /// Whether a package manager put a file there. A program or an archive that only tells what it
    /// was made of was put there by somebody.
    pub fn is_installed(&self, file: NodeId) -> bool {
        self.owner(file).is_some_and(|owner| owner.record != file)
    }

    /// Bytecode that was compiled after the installation belongs to the package of its source
    /// (PEP 3147: `x.py` is compiled to `__pycache__/x.TAG.pyc`).
    fn adopt_bytecode(&mut self, tree: &Tree<'_>) {
        for node in tree.walk(Tree::ROOT) {
            let folder = tree.parent(node);
            if self.owners.contains_key(&node) || tree.name(folder) != b"__pycache__" {
                continue;
            }
            let stem = tree
                .name(node)
                .split(|&b| b == b'.')
                .next()
                .unwrap_or_default();
            let source = tree.child(tree.parent(folder), &[stem, b".py"].concat());
            if let Some(owner) = source.and_then(|source| self.owners.get(&source)).copied() {
                self.owners.insert(node, owner);
            }
        }
    }
}

/// The files and links below a folder.
fn below(tree: &Tree<'_>, folder: NodeId) -> impl Iterator<Item = NodeId> {
    tree.walk(folder)
        .filter(|node| tree.leaf_of(*node).is_some())
}

/// The content of a file of a database; a problem when it cannot be read.
fn bytes(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Option<Vec<u8>> {
    let leaf = tree.leaf_of(node)?;
    match tree.read(leaf).read_all(MAX_TEXT) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            problems.push(Problem {
                path: tree.path(node),
                reason: e.to_string(),
            });
            None
        }
    }
}

/// As [`bytes`], as text.
fn text(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Option<String> {
    bytes(tree, node, problems).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The largest database files are dpkg's status and conda's records of packages with 100,000
/// files: some 30 MB.
const MAX_TEXT: u64 = 256 << 20;

/// The name at a path whose folders may be reached through links (dpkg lists `/lib/x` where `/lib`
/// is a link to `usr/lib`); the last component is not followed.
fn locate(tree: &Tree<'_>, base: NodeId, path: &[u8]) -> Option<NodeId> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let (folder, name) = match path.iter().rposition(|&b| b == b'/') {
        Some(at) => (&path[..at + 1], &path[at + 1..]),
        None => (&path[..0], path),
    };
    let folder = tree.resolve_from(base, folder, |_| {})?;
    tree.child(folder, name)
}

/// As [`locate`], when no folder is there.
fn file(tree: &Tree<'_>, base: NodeId, path: &[u8]) -> Option<NodeId> {
    locate(tree, base, path).filter(|node| tree.leaf_of(*node).is_some())
}

/// The names of a set, in order and each once.
fn unique<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::layers;

    #[test]
    fn names_cannot_write_to_the_terminal() {
        let image = "[a]\nvar/lib/dpkg/status = Package: a\\x1b[2J\\nVersion: 1\\x07\\n\n";
        let layers = layers(&ounce_testkit::image(image));
        let tree = Tree::build(&layers).unwrap();
        let packages = Packages::load(&tree, &mut Vec::new());
        let package = packages.iter().next().unwrap();
        assert_eq!(package.name, "a\\u{1b}[2J");
        assert_eq!(package.version, "1\\u{7}");
    }
}
