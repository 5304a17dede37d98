//! Where installed Node.js packages are, for the rules about them.

use ounce_image::{NodeId, Tree};

use super::Context;

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

/// An installed package of one of these names.
pub(super) fn find<'r>(tree: &Tree<'_>, roots: &'r [NodeId], names: &[&str]) -> Option<&'r NodeId> {
    roots.iter().find(|root| {
        let found = name(tree, **root);
        names.iter().any(|name| name.as_bytes() == found)
    })
}
