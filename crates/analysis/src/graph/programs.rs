//! The programs of an image by name, and what a command line starts.

mod launchers;

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{Blob, NodeId, Tree};
use rustc_hash::FxHashMap;

use super::collect::Collector;
use super::{Kind, Proof};
use crate::rules::{Context, conda_caches};

pub(super) use launchers::{Started, awaits_command, is_launcher, started, starts_others};

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
    /// The paths of those outside of `PATH` by name.
    elsewhere: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
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
        let elsewhere = elsewhere(context, &path, &by_name);
        let names: BTreeSet<_> = by_name.keys().chain(elsewhere.keys()).cloned().collect();
        Self {
            names: names.into_iter().collect(),
            path,
            by_name,
            elsewhere,
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

    /// Leads to a program by its name or path, and to those of its name outside of `PATH`; which one, if there is any.
    pub(super) fn call(
        &self,
        collector: &mut Collector<'_>,
        base: NodeId,
        name: &[u8],
        kind: Kind,
        proof: &Proof,
    ) -> Option<NodeId> {
        if name.contains(&b'/') {
            return collector.path(base, name, kind, proof);
        }
        let mut found = match self.find(name) {
            Some(path) => collector.path(Tree::ROOT, path, kind, proof),
            None => None,
        };
        let before = collector.targets.len();
        for path in self.elsewhere.get(name).into_iter().flatten() {
            let end = collector.path(Tree::ROOT, path, kind, proof);
            found = found.or(end);
        }
        for target in &mut collector.targets[before..] {
            target.is_guess = true;
        }
        found
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

/// Programs that something may put into `PATH` when it runs, or calls by a path that it joins: those that no package
/// brought, and those in a package's own folder of programs whose names `PATH` does not know.
fn elsewhere(
    context: &Context<'_>,
    path: &[Vec<u8>],
    by_name: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut out: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let tree = context.tree;
    // A machine is read only as far as something leads there.
    if tree.is_machine() {
        return out;
    }
    let path: BTreeSet<NodeId> = path
        .iter()
        .filter_map(|folder| tree.resolve(folder))
        .collect();
    let caches: Vec<NodeId> = conda_caches(context).collect();
    let is_cached = |node| caches.iter().any(|cache| tree.is_within(node, *cache));
    for node in tree.walk(Tree::ROOT) {
        let (name, folder) = (tree.name(node), tree.parent(node));
        let is_for_programs = matches!(tree.name(folder), b"bin" | b"sbin");
        let is_there = match context.packages.is_installed(node) {
            true => is_for_programs && !by_name.contains_key(name),
            false => is_for_programs || tree.is_file(node),
        };
        if !is_there || path.contains(&folder) || is_cached(node) {
            continue;
        }
        let end = tree.resolve_from(folder, name, |_| {});
        if end.is_some_and(|end| starts(tree, end)) {
            let full = [b"/", tree.path(node).as_bytes()].concat();
            out.entry(name.to_vec()).or_default().push(full);
        }
    }
    out
}

/// Whether a file can be started: an executable one of which the kernel knows the form, and no library.
fn starts(tree: &Tree<'_>, file: NodeId) -> bool {
    let is_library = memchr::memmem::find(tree.name(file), b".so").is_some();
    let is_known = |content: Blob| content.begins_with(b"#!") || content.begins_with(b"\x7fELF");
    let content = || tree.leaf_of(file).map(|leaf| tree.read(leaf));
    !is_library && is_executable(tree, file) && content().is_some_and(is_known)
}

/// Whether anybody may execute a file.
pub(super) fn is_executable(tree: &Tree<'_>, file: NodeId) -> bool {
    tree.is_file(file)
        && tree
            .attributes(file)
            .is_some_and(|entry| entry.mode & 0o111 != 0)
}
