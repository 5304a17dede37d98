//! npm: the packages below `node_modules`, as npm, yarn and pnpm lay them out (docs.npmjs.com,
//! "folders"; Node.js, "Loading from node_modules folders"; pnpm, "Symlinked `node_modules`
//! structure").
//!
//! A package owns its folder without the `node_modules` in it: those packages own theirs. Folders of
//! that name deeper inside a package (test data, bundles) are the package's own.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{NodeId, Tree, display};
use serde_json::Value;

use super::{Ecosystem, Package, Strength, below, text};
use crate::finding::Problem;

const MODULES: &[u8] = b"node_modules";
const MANIFEST: &[u8] = b"package.json";

/// The lists of `package.json` that are installed for a project (docs.npmjs.com, "package.json").
const ASKED: [&str; 4] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
];

/// What Node.js brings along in the folder of global installs (nodejs/node, `deps/`).
const BUNDLED: [&[u8]; 2] = [b"npm", b"corepack"];

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let mut packages = Vec::new();
    for top in tops(tree) {
        let asked = asked(tree, top, problems);
        let mut folders = vec![top];
        while let Some(modules) = folders.pop() {
            for folder in entries(tree, modules, &mut folders) {
                let package = package(tree, folder, modules, problems);
                packages.extend(package.map(|package| Package {
                    requested: asked.as_ref().map(|asked| asked.contains(&folder)),
                    ..package
                }));
                folders.extend(modules_of(tree, folder));
            }
        }
    }
    own_commands(tree, &mut packages);
    packages
}

/// The folders `node_modules` that are in no other.
fn tops(tree: &Tree<'_>) -> Vec<NodeId> {
    let mut tops: Vec<NodeId> = Vec::new();
    for node in tree.walk(Tree::ROOT) {
        let is_modules = tree.name(node) == MODULES && tree.is_directory(node);
        // A folder comes before what it holds, so only the last one can hold this one.
        if is_modules && !tops.last().is_some_and(|top| tree.is_within(node, *top)) {
            tops.push(node);
        }
    }
    tops
}

fn modules_of(tree: &Tree<'_>, folder: NodeId) -> Option<NodeId> {
    tree.child(folder, MODULES)
        .filter(|node| tree.is_directory(*node))
}

/// The folders of packages in a `node_modules`. Those of stores (`.pnpm/NAME@VERSION/node_modules`)
/// are added to `more`; links lead to packages that are found where they are.
fn entries(tree: &Tree<'_>, modules: NodeId, more: &mut Vec<NodeId>) -> Vec<NodeId> {
    let mut out = Vec::new();
    for child in tree.children(modules) {
        match tree.name(child).first() {
            Some(b'.') => more.extend(tree.children(child).filter_map(|s| modules_of(tree, s))),
            Some(b'@') => out.extend(tree.children(child)),
            _ => out.push(child),
        }
    }
    out.retain(|folder| manifest_of(tree, *folder).is_some());
    out
}

fn manifest_of(tree: &Tree<'_>, folder: NodeId) -> Option<NodeId> {
    tree.child(folder, MANIFEST)
        .filter(|node| tree.is_file(*node))
}

fn package(
    tree: &Tree<'_>,
    folder: NodeId,
    modules: NodeId,
    problems: &mut Vec<Problem>,
) -> Option<Package> {
    let record = manifest_of(tree, folder)?;
    let manifest = read(tree, record, problems)?;
    let nested = modules_of(tree, folder);
    let own = tree.children(folder).filter(|child| Some(*child) != nested);
    let field = |key: &str| manifest[key].as_str().map(str::to_owned);
    Some(Package {
        ecosystem: Ecosystem::Npm,
        name: field("name").unwrap_or_else(|| folder_name(tree, folder)),
        version: field("version").unwrap_or_default(),
        prefix: tree.parent(modules),
        record,
        strength: Strength::Inside,
        files: own.flat_map(|child| below(tree, child)).collect(),
        depends: depends(&manifest),
        provides: Vec::new(),
        source: None,
        requested: None,
    })
}

/// The name that a folder gives its package: `express`, `@babel/core`.
fn folder_name(tree: &Tree<'_>, folder: NodeId) -> String {
    let name = display(tree.name(folder));
    match display(tree.name(tree.parent(folder))) {
        scope if scope.starts_with('@') => format!("{scope}/{name}"),
        _ => name,
    }
}

/// What npm installs for a package: also its peers, unless it can do without.
fn depends(manifest: &Value) -> Vec<String> {
    let list = |key| manifest[key].as_object().into_iter().flatten();
    let names = |key| list(key).map(|(name, _)| name.clone());
    let optional = &manifest["peerDependenciesMeta"];
    let peers = names("peerDependencies").filter(|name| optional[name]["optional"] != true);
    let all: BTreeSet<String> = names("dependencies")
        .chain(names("optionalDependencies"))
        .chain(peers)
        .collect();
    all.into_iter().collect()
}

fn read(tree: &Tree<'_>, node: NodeId, problems: &mut Vec<Problem>) -> Option<Value> {
    let content = text(tree, node, problems)?;
    match serde_json::from_str(content.trim_start_matches('\u{feff}')) {
        Ok(manifest) => Some(manifest),
        Err(e) => {
            problems.push(Problem {
                path: tree.path(node),
                reason: e.to_string(),
            });
            None
        }
    }
}

/// The folders of the packages that somebody asked for; `None` when nothing tells.
fn asked(tree: &Tree<'_>, top: NodeId, problems: &mut Vec<Problem>) -> Option<BTreeSet<NodeId>> {
    let projects = projects(tree, top);
    if projects.is_empty() {
        return is_global(tree, top).then(|| global(tree, top).collect());
    }
    let mut out = BTreeSet::new();
    for project in projects {
        let manifest = read(tree, project, problems)?;
        for list in ASKED {
            let names = manifest[list].as_object().into_iter().flatten();
            out.extend(names.filter_map(|(name, _)| resolve(tree, tree.parent(project), name)));
        }
    }
    Some(out)
}

/// The `package.json` of the project beside a `node_modules`, and of its workspaces, which are
/// linked into it.
fn projects(tree: &Tree<'_>, top: NodeId) -> BTreeSet<NodeId> {
    let scopes = tree
        .children(top)
        .filter(|child| tree.name(*child).starts_with(b"@"));
    let links = std::iter::once(top)
        .chain(scopes)
        .flat_map(|folder| tree.children(folder));
    let linked = links.filter_map(|link| {
        let folder = tree.resolve_from(tree.parent(link), tree.symlink(link)?, |_| {})?;
        (!tree.is_within(folder, top)).then_some(folder)
    });
    let folders = std::iter::once(tree.parent(top)).chain(linked);
    folders
        .filter_map(|folder| manifest_of(tree, folder))
        .collect()
}

/// Whether this is where `npm install --global` puts things (docs.npmjs.com, "folders").
fn is_global(tree: &Tree<'_>, top: NodeId) -> bool {
    tree.name(tree.parent(top)) == b"lib"
}

fn global(tree: &Tree<'_>, top: NodeId) -> impl Iterator<Item = NodeId> {
    entries(tree, top, &mut Vec::new())
        .into_iter()
        .filter(|folder| !BUNDLED.contains(&tree.name(*folder)))
}

/// The folder that a module's name leads to from a folder: that of the nearest `node_modules`
/// (Node.js, "Loading from node_modules folders").
pub(super) fn resolve(tree: &Tree<'_>, from: NodeId, name: &str) -> Option<NodeId> {
    let mut at = from;
    loop {
        let found = modules_of(tree, at)
            .and_then(|modules| tree.resolve_from(modules, name.as_bytes(), |_| {}))
            .filter(|folder| manifest_of(tree, *folder).is_some());
        if found.is_some() || at == Tree::ROOT {
            return found;
        }
        at = tree.parent(at);
    }
}

/// The words of the project that asked for a package.
pub(super) fn words(tree: &Tree<'_>, package: &Package) -> Option<String> {
    let folder = tree.parent(package.record);
    let above = std::iter::successors(Some(folder), |at| {
        (*at != Tree::ROOT).then(|| tree.parent(*at))
    });
    let top = above.filter(|at| tree.name(*at) == MODULES).last()?;
    let projects = projects(tree, top);
    if projects.is_empty() {
        return is_global(tree, top).then(|| "npm install --global".to_owned());
    }
    projects.into_iter().find_map(|project| {
        let manifest = read(tree, project, &mut Vec::new())?;
        ASKED.iter().find_map(|list| {
            let mut names = manifest[list].as_object()?.iter();
            let (name, range) = names
                .find(|(name, _)| resolve(tree, tree.parent(project), name) == Some(folder))?;
            let range = range.as_str().unwrap_or_default();
            Some(format!("{name} {range} ({list} of {})", tree.path(project)))
        })
    })
}

/// Gives the links in `.bin` to the packages whose programs they start.
fn own_commands(tree: &Tree<'_>, packages: &mut [Package]) {
    let by_folder: BTreeMap<NodeId, usize> = packages
        .iter()
        .enumerate()
        .map(|(index, package)| (tree.parent(package.record), index))
        .collect();
    let folders: BTreeSet<NodeId> = packages.iter().map(|package| package.prefix).collect();
    let commands = folders
        .iter()
        .filter_map(|folder| tree.child(modules_of(tree, *folder)?, b".bin"));
    for link in commands.flat_map(|bin| tree.children(bin)) {
        let target = tree
            .symlink(link)
            .and_then(|target| tree.resolve_from(tree.parent(link), target, |_| {}));
        let above =
            std::iter::successors(target, |at| (*at != Tree::ROOT).then(|| tree.parent(*at)));
        if let Some(owner) = above.filter_map(|at| by_folder.get(&at)).next() {
            packages[*owner].files.push(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::packages;

    #[test]
    fn a_package_owns_its_folder_without_the_packages_in_it() {
        let found = packages(&[
            (
                "app/node_modules/a/package.json",
                b"{\"name\":\"a\",\"version\":\"1\"}",
            ),
            ("app/node_modules/a/lib/x.js", b""),
            (
                "app/node_modules/a/node_modules/@s/b/package.json",
                b"{\"version\":\"2\"}",
            ),
            (
                "app/node_modules/a/test/node_modules/t/package.json",
                b"no test is a package",
            ),
            ("app/node_modules/.package-lock.json", b"{}"),
            ("app/node_modules/no-manifest/x.js", b""),
            ("app/node_modules/bad/package.json", b"{"),
        ]);
        let a = "/app/node_modules/a";
        let wanted = [
            format!("a 1: {a}/lib/x.js {a}/package.json {a}/test/node_modules/t/package.json > "),
            format!("@s/b 2: {a}/node_modules/@s/b/package.json > "),
            "problem /app/node_modules/bad/package.json".to_owned(),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn peers_that_are_optional_are_not_needed() {
        let manifest = br#"{"name":"a","version":1,"dependencies":{"c":"1"},"peerDependencies":
            {"p":"*","q":"*"},"peerDependenciesMeta":{"q":{"optional":true}}}"#;
        let found = packages(&[("node_modules/a/package.json", manifest)]);
        assert_eq!(found, ["a : /node_modules/a/package.json > c p"]);
    }

    /// What the packages of an image written as text say of requests, by their folders.
    fn requests(text: &str) -> Vec<(String, Option<bool>)> {
        let layers = crate::testing::layers(&ounce_testkit::image(text));
        let tree = ounce_image::Tree::build(&layers).unwrap();
        let found = super::load(&tree, &mut Vec::new());
        let shown = |p: super::Package| (tree.path(tree.parent(p.record)).to_string(), p.requested);
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn links_lead_to_the_packages_of_a_store() {
        let text = "[pnpm]\n\
            app/package.json = {\"dependencies\":{\"a\":\"1\"}}\n\
            app/node_modules/a -> .pnpm/a@1/node_modules/a\n\
            app/node_modules/.pnpm/a@1/node_modules/a/package.json = {\"name\":\"a\"}\n\
            app/node_modules/.pnpm/a@1/node_modules/b -> ../../b@2/node_modules/b\n\
            app/node_modules/.pnpm/b@2/node_modules/b/package.json = {\"name\":\"b\"}\n";
        let store = "/app/node_modules/.pnpm";
        let wanted = [
            (format!("{store}/b@2/node_modules/b"), Some(false)),
            (format!("{store}/a@1/node_modules/a"), Some(true)),
        ];
        assert_eq!(requests(text), wanted);
    }

    #[test]
    fn workspaces_and_global_installs_ask_too() {
        let text = "[npm]\n\
            w/package.json = {\"workspaces\":[\"p\"]}\n\
            w/p/package.json = {\"name\":\"p\",\"dependencies\":{\"a\":\"1\"}}\n\
            w/node_modules/p -> ../p\n\
            w/node_modules/a/package.json = {\"name\":\"a\"}\n\
            usr/local/lib/node_modules/npm/package.json = {\"name\":\"npm\"}\n\
            usr/local/lib/node_modules/tool/package.json = {\"name\":\"tool\"}\n\
            srv/node_modules/x/package.json = {\"name\":\"x\"}\n";
        let folder = |name: &str| name.to_owned();
        let wanted = [
            (folder("/srv/node_modules/x"), None),
            (folder("/usr/local/lib/node_modules/npm"), Some(false)),
            (folder("/usr/local/lib/node_modules/tool"), Some(true)),
            (folder("/w/node_modules/a"), Some(true)),
        ];
        assert_eq!(requests(text), wanted);
    }
}
