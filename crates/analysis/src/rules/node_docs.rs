//! Documents of Node.js packages: `README.md`, `CHANGELOG.md` and their like, and Markdown in `docs/`.
//!
//! **Why it is safe.** They are the page that a registry shows and the notes of developers. Node.js
//! loads `.js`, `.json`, `.node`, `.wasm`. Licences and credits stay, and so does Markdown of other
//! names and places: that may be the content of a program.
//!
//! **Evidence.** The documents of a package stay where a file of the package says one of their names, the name
//! of their folder, or `.md`; where anything that stays names one as `package/README.md` or by its path; and
//! where the application has a folder in `node_modules` as a text, whose files it may serve.
//! `package.json` and the lists of package managers do not count.
//!
//! **Example.** `/app/node_modules/express/History.md`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier, docs, node_packages};
use crate::finding::{Claim, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "node-docs",
    title: "Documents of Node.js packages",
    tier: Tier::Safe,
    why: "for developers to read; no program in the image asks for them",
    source: include_str!("node_docs.rs"),
    find,
};

/// Beginnings, up to the first full stop, of the names of documents in a package's own folder
/// (docs.npmjs.com, "package.json", files; GitHub's "community health files").
const NAMES: [&str; 14] = [
    "readme",
    "changelog",
    "changes",
    "history",
    "contributing",
    "security",
    "code_of_conduct",
    "upgrading",
    "upgrade",
    "migration",
    "migrating",
    "release-notes",
    "releases",
    "governance",
];

const FOLDERS: [&[u8]; 2] = [b"docs", b"doc"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let roots = node_packages::roots(context);
    let served = node_packages::served(context.tree, &roots);
    let units: Vec<Unit> = roots
        .into_iter()
        .map(|package| Unit {
            guard: node_packages::guard(context.tree, &served, package),
            ..unit(context, package)
        })
        .filter(|unit| !unit.nodes().is_empty())
        .collect();
    match units.is_empty() {
        true => Vec::new(),
        false => vec![Claim::new(&RULE, None, units)],
    }
}

fn unit(context: &Context<'_>, package: NodeId) -> Unit {
    let tree = context.tree;
    let name = node_packages::name(tree, package);
    let mut words = vec![b".md".to_vec()];
    let mut outside = Vec::new();
    let mut documents = Vec::new();
    for node in tree.children(package) {
        if tree.is_file(node) && is_document(tree.name(node)) {
            words.push(tree.name(node).to_vec());
            outside.push([&name, b"/".as_slice(), tree.name(node)].concat());
            documents.push(node);
        }
    }
    for folder in FOLDERS.iter().filter_map(|name| tree.child(package, name)) {
        let below: Vec<NodeId> = tree.walk(folder).collect();
        // A folder that holds code is not one of documents.
        if below.iter().any(|node| is_code(tree.name(*node))) {
            continue;
        }
        let is_text = |node: &NodeId| {
            tree.is_file(*node)
                && tree.name(*node).ends_with(b".md")
                && !docs::is_licence(context, *node)
        };
        let before = documents.len();
        documents.extend(below.into_iter().filter(is_text));
        if documents.len() > before {
            words.push(tree.name(folder).to_vec());
            outside.push([&name, b"/".as_slice(), tree.name(folder)].concat());
        }
    }
    let inside = words.into_iter().map(|text| Word {
        text,
        within: Some(package),
    });
    let outside = outside.into_iter().map(|text| Word { text, within: None });
    Unit {
        words: inside.chain(outside).collect(),
        ..Unit::names(documents)
    }
}

fn is_document(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    (name.ends_with(".md") || name.ends_with(".markdown")) && NAMES.contains(&stem)
}

fn is_code(name: &[u8]) -> bool {
    [b".js".as_slice(), b".cjs", b".mjs", b".node"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const APP: &str = "[RUN npm install]\napp/server.js = require('p')\napp/README.md = mine\napp/node_modules/p/package.json = {\"files\":[\"README.md\",\"*.md\"]}\napp/node_modules/p/index.js = 1\napp/node_modules/p/README.md = x\napp/node_modules/p/LICENSE.md = x\napp/node_modules/p/docs/a.md = x\napp/node_modules/p/templates/page.md = x\n";
    const README: &str = "/app/node_modules/p/README.md";

    #[test]
    fn documents_go_and_licences_and_content_stay() {
        assert_eq!(
            decide_text(APP).gone,
            set(&[README, "/app/node_modules/p/docs/a.md"])
        );
    }

    #[test]
    fn an_app_that_serves_its_readme_keeps_it() {
        let found = decide_text(&APP.replace("require('p')", "send(readFileSync('README.md'))"));
        assert!(!found.gone.contains("/app/README.md"));
    }

    #[test]
    fn an_app_that_serves_a_packages_readme_keeps_it() {
        let found = decide_text(&APP.replace("require('p')", "require.resolve('p/README.md')"));
        assert_eq!(
            found.held[README],
            format!("/app/server.js asks for {README}")
        );
    }

    #[test]
    fn a_package_that_shows_its_own_documents_keeps_them() {
        for code in [
            "join(__dirname, 'README.md')",
            "readdirSync('./docs')",
            "name + '.md'",
        ] {
            let found = decide_text(&APP.replace("index.js = 1", &format!("index.js = {code}")));
            assert_eq!(found.gone, set(&[]), "{code}");
        }
    }
}
