//! Who brought which file: the databases of package managers, read from the image itself.

mod binaries;
mod conda;
mod cran;
mod dpkg;
mod find;
mod gem;
mod jar;
mod npm;
mod pip;
pub mod requests;

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashMap;

use crate::finding::Problem;

pub use conda::prefixes as conda_prefixes;

/// A package manager's kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Debian and Ubuntu.
    Dpkg,
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
    /// The folder it is installed into: the root for dpkg, the environment for conda, the folder
    /// with its `dist-info` for pip, the library for R, the folder that holds the file or
    /// `node_modules` for others.
    pub prefix: NodeId,
    /// The file of the database that lists it.
    pub record: NodeId,
    /// Its files that are there, without folders.
    pub files: Vec<NodeId>,
    /// Names it depends on, in the ecosystem's words, without versions.
    pub depends: Vec<String>,
    /// Other names it answers to.
    pub provides: Vec<String>,
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

/// Each ecosystem's reader, the strongest claim first: a file that conda and pip both list is
/// conda's, because conda brought the wheel.
const READERS: [Reader; 8] = [
    dpkg::load,
    conda::load,
    pip::load,
    npm::load,
    gem::load,
    cran::load,
    jar::load,
    binaries::load,
];

impl Packages {
    /// Reads every database in the image.
    pub fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Self {
        let mut packages = Self::default();
        for load in READERS {
            for mut package in load(tree, problems) {
                // What a package brought, it asked for itself when it was built.
                if packages.owners.contains_key(&package.record) {
                    package.requested = None;
                }
                let index = packages.list.len();
                for file in &package.files {
                    packages.owners.entry(*file).or_insert(index);
                }
                packages.list.push(package);
            }
        }
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

/// The text of a small file of a database; a problem when it cannot be read.
fn text(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Option<String> {
    let leaf = tree.leaf_of(node)?;
    match tree.read(leaf).read_all(MAX_TEXT) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) => {
            problems.push(Problem {
                path: tree.path(node),
                reason: e.to_string(),
            });
            None
        }
    }
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
