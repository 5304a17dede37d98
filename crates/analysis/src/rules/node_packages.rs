//! Where installed Node.js packages are, for the rules about them.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree};

use super::Context;
use crate::finding::Guard;

/// The folders of installed packages: with a `package.json`, in `node_modules` or, as Debian does, in
/// `/usr/share/nodejs` (`@scope/name` is one deeper).
pub(super) fn roots(context: &Context<'_>) -> Vec<NodeId> {
    let tree = context.tree;
    let debian = context.folder("/usr/share/nodejs");
    let is_home = |folder: NodeId| tree.name(folder) == b"node_modules" || Some(folder) == debian;
    let manifests = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"package.json" && tree.is_file(*node));
    let folders = manifests.map(|node| tree.parent(node));
    folders
        .filter(|folder| {
            let above = tree.parent(*folder);
            is_home(above) || (tree.name(above).starts_with(b"@") && is_home(tree.parent(above)))
        })
        .collect()
}

/// The regular files of a package, without those of packages inside it.
pub(super) fn files(tree: &Tree<'_>, package: NodeId) -> Vec<NodeId> {
    let (mut folders, mut out) = (vec![package], Vec::new());
    while let Some(folder) = folders.pop() {
        for node in tree.children(folder) {
            if tree.is_file(node) {
                out.push(node);
            } else if tree.is_directory(node) && tree.name(node) != b"node_modules" {
                folders.push(node);
            }
        }
    }
    out
}

/// The name under which code requires a package: `name` or `@scope/name`.
pub(super) fn name(tree: &Tree<'_>, package: NodeId) -> Vec<u8> {
    let scope = tree.name(tree.parent(package));
    match scope.starts_with(b"@") {
        true => [scope, b"/", tree.name(package)].concat(),
        false => tree.name(package).to_vec(),
    }
}

/// What is larger is no source, or was made of sources and names files only.
const MAX_SOURCE: u64 = 1 << 20;
/// Endings of what may serve folders: code, templates and the settings of web servers.
const SOURCES: [&[u8]; 9] = [
    b".js", b".cjs", b".mjs", b".ts", b".mts", b".jsx", b".tsx", b".conf", b".toml",
];

/// For each folder of an application whose own code has a folder in `node_modules` as a text: the file
/// that has. All that is there may be served (`express.static('node_modules/x')`).
pub(super) fn served(tree: &Tree<'_>, roots: &[NodeId]) -> BTreeMap<NodeId, NodeId> {
    let apps: BTreeSet<NodeId> = roots.iter().filter_map(|root| app(tree, *root)).collect();
    let mut out = BTreeMap::new();
    for app in apps.into_iter().filter(|app| *app != Tree::ROOT) {
        let mut own = files(tree, app).into_iter();
        if let Some(file) = own.find(|file| names_folder(tree, *file)) {
            out.insert(app, file);
        }
    }
    out
}

/// Refused where a package may be served.
pub(super) fn guard(tree: &Tree<'_>, served: &BTreeMap<NodeId, NodeId>, package: NodeId) -> Guard {
    let by = app(tree, package).and_then(|app| served.get(&app));
    Guard::refused(by.map(|file| {
        let path = tree.path(*file);
        format!("{path} names a folder in node_modules, whose files it may serve")
    }))
}

/// The folder that holds the outermost `node_modules` above a package or a file of one.
pub(super) fn app(tree: &Tree<'_>, package: NodeId) -> Option<NodeId> {
    let above = std::iter::successors(Some(package), |at| {
        (*at != Tree::ROOT).then(|| tree.parent(*at))
    });
    let homes = above.filter(|node| tree.name(*node) == b"node_modules");
    homes.last().map(|home| tree.parent(home))
}

fn names_folder(tree: &Tree<'_>, file: NodeId) -> bool {
    let name = tree.name(file);
    let leaf = tree
        .leaf_of(file)
        .filter(|_| SOURCES.iter().any(|ending| name.ends_with(ending)));
    let text = leaf.and_then(|leaf| tree.read(leaf).read_all(MAX_SOURCE).ok());
    let text = text.unwrap_or_default();
    memchr::memmem::find_iter(&text, b"node_modules").any(|at| {
        // A file that is named is what is meant, and nothing beside it.
        let rest = &text[at..];
        let end = rest
            .iter()
            .position(|b| b"'\"`;,) \n".contains(b))
            .unwrap_or(rest.len());
        let last = rest[..end]
            .rsplit(|&b| b == b'/')
            .next()
            .unwrap_or_default();
        let is_text = rest.get(end).is_some_and(|b| b"'\"`;".contains(b));
        is_text && !last.contains(&b'.')
    })
}

/// An installed package of one of these names.
pub(super) fn find<'r>(tree: &Tree<'_>, roots: &'r [NodeId], names: &[&str]) -> Option<&'r NodeId> {
    roots.iter().find(|root| {
        let found = name(tree, **root);
        names.iter().any(|name| name.as_bytes() == found)
    })
}
