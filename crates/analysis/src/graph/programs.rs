//! The programs of an image by name, and what a command line starts.

mod launchers;

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashMap;

use super::collect::Collector;
use super::{Kind, Proof};
use crate::rules::Context;

pub(super) use launchers::{Started, is_launcher, started, starts_others};

/// Where container engines look when the image sets no `PATH` (moby, `DefaultPathEnv`), and where programs lie
/// whatever it says.
const STANDARD: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The programs of an image.
#[derive(Debug)]
pub(super) struct Programs {
    /// The folders of `PATH`, in order, as they are written there.
    path: Vec<Vec<u8>>,
    /// All programs by name, each with the path at which it is found first.
    by_name: BTreeMap<Vec<u8>, Vec<u8>>,
    names: Vec<Vec<u8>>,
    /// Links in these folders by the file that they lead to.
    aliases: FxHashMap<NodeId, Vec<Vec<u8>>>,
}

impl Programs {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let tree = context.tree;
        let set = context
            .config
            .env("PATH")
            .unwrap_or_else(|| STANDARD.to_owned());
        let mut path: Vec<Vec<u8>> = Vec::new();
        let all = set.split(':').chain(STANDARD.split(':'));
        for folder in all.filter(|folder| folder.starts_with('/')) {
            let folder = folder.as_bytes().to_vec();
            if !path.contains(&folder) {
                path.push(folder);
            }
        }
        let mut by_name = BTreeMap::new();
        let mut aliases: FxHashMap<NodeId, Vec<Vec<u8>>> = FxHashMap::default();
        for folder in &path {
            let node = tree.resolve(folder);
            for child in node.into_iter().flat_map(|node| tree.children(node)) {
                let full = [folder, b"/".as_slice(), tree.name(child)].concat();
                let Some(file) = tree.resolve(&full).filter(|file| tree.is_file(*file)) else {
                    continue;
                };
                if tree.symlink(child).is_some() {
                    aliases.entry(file).or_default().push(full.clone());
                }
                if is_executable(tree, file) {
                    by_name.entry(tree.name(child).to_vec()).or_insert(full);
                }
            }
        }
        Self {
            names: by_name.keys().cloned().collect(),
            path,
            by_name,
            aliases,
        }
    }

    /// The names of all, in order.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// The path of a program that is called by name.
    pub(super) fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.by_name.get(name).map(Vec::as_slice)
    }

    /// Whether a file, or a link to one, is what `PATH` finds under its name.
    pub(super) fn is_found(&self, tree: &Tree<'_>, file: NodeId) -> bool {
        let path = self.find(tree.name(file));
        let end = tree.resolve_from(tree.parent(file), tree.name(file), |_| {});
        end.is_some() && path.and_then(|path| tree.resolve(path)) == end
    }

    /// The folders that the image itself puts into `PATH`: those that no distribution has there.
    pub(super) fn own_folders(&self) -> impl Iterator<Item = &[u8]> {
        let standard = |folder: &&Vec<u8>| {
            STANDARD
                .split(':')
                .any(|known| known.as_bytes() == folder.as_slice())
        };
        self.path
            .iter()
            .filter(move |folder| !standard(folder))
            .map(Vec::as_slice)
    }

    /// Other paths of a program.
    pub(super) fn aliases(&self, file: NodeId) -> &[Vec<u8>] {
        self.aliases
            .get(&file)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Leads to a program by its name or path; whether there is one.
    pub(super) fn call(
        &self,
        collector: &mut Collector<'_>,
        base: NodeId,
        name: &[u8],
        kind: Kind,
        proof: &Proof,
    ) -> Option<NodeId> {
        match name.contains(&b'/') {
            true => collector.path(base, name, kind, proof),
            false => collector.path(Tree::ROOT, self.find(name)?, kind, proof),
        }
    }

    /// Leads to every program that `PATH` finds, as there is no telling which is called.
    pub(super) fn call_all(&self, collector: &mut Collector<'_>, proof: &Proof) {
        let before = collector.targets.len();
        for name in self.names() {
            let _ = self.call(collector, Tree::ROOT, name, Kind::Calls, proof);
        }
        collector.targets[before..]
            .iter_mut()
            .for_each(|target| target.is_guess = true);
    }
}

/// Whether anybody may execute a file.
pub(super) fn is_executable(tree: &Tree<'_>, file: NodeId) -> bool {
    tree.is_file(file)
        && tree
            .attributes(file)
            .is_some_and(|entry| entry.mode & 0o111 != 0)
}
