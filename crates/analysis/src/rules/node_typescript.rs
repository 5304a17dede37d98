//! TypeScript of Node.js packages: declarations (`.d.ts`) and the sources that the package was compiled
//! from.
//!
//! **Why it is safe.** Node.js runs the JavaScript beside it, and refuses TypeScript below `node_modules`
//! (nodejs.org/api/typescript.html, "Type stripping in dependencies"). Declarations are read by compilers and
//! editors.
//!
//! **Evidence.** It stays where anything is in the image that compiles TypeScript or runs it: `typescript`,
//! `ts-node`, `tsx`, bundlers, Deno, Bun. A source stays unless its JavaScript is in the same package under the
//! same name, and everything stays where a file of the application, or of the package itself, says `.ts` or `.d.ts`.
//!
//! **Example.** `/app/node_modules/ajv/lib/core.ts`, `/app/node_modules/@types/node/fs.d.ts`.

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashSet;

use super::{Context, Rule, Tier, node_packages};
use crate::finding::{Claim, Guard, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "node-typescript",
    title: "TypeScript of Node.js packages",
    tier: Tier::Safe,
    why: "read by compilers and editors; Node.js runs the JavaScript beside it",
    source: include_str!("node_typescript.rs"),
    find,
};

/// Packages that compile or run TypeScript, or read declarations.
const READERS: [&str; 24] = [
    "typescript",
    "@typescript/native-preview",
    "ts-node",
    "tsx",
    "tsimp",
    "jiti",
    "esbuild",
    "esbuild-register",
    "@swc/core",
    "@swc/register",
    "sucrase",
    "@babel/preset-typescript",
    "@babel/plugin-transform-typescript",
    "vite",
    "vitest",
    "rollup",
    "webpack",
    "parcel",
    "bun",
    "deno",
    "ts-morph",
    "monaco-editor",
    "next",
    "amaro",
];

/// Programs that do.
const PROGRAMS: [&[u8]; 6] = [b"tsc", b"deno", b"bun", b"tsx", b"ts-node", b"esbuild"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let roots = node_packages::roots(context);
    let served = node_packages::served(tree, &roots);
    let reason = reason_to_keep(context, &roots);
    let guard = |package| match &reason {
        Some(reason) => Guard::Refused(reason.clone()),
        None => node_packages::guard(tree, &served, package),
    };
    let units: Vec<Unit> = roots
        .iter()
        .map(|package| unit(tree, *package, guard(*package)))
        .filter(|unit| !unit.nodes().is_empty())
        .collect();
    match units.is_empty() {
        true => Vec::new(),
        false => vec![Claim::new(&RULE, None, units)],
    }
}

fn unit(tree: &Tree<'_>, package: NodeId, guard: Guard) -> Unit {
    let files = node_packages::files(tree, package);
    let compiled: FxHashSet<&[u8]> = files
        .iter()
        .filter_map(|node| stem(tree.name(*node), &[b".js", b".mjs", b".cjs"]))
        .collect();
    let goes = |node: &NodeId| {
        let name = tree.name(*node);
        let source = stem(name, &[b".ts", b".mts", b".cts", b".tsx"]);
        is_declaration(name) || source.is_some_and(|stem| compiled.contains(stem))
    };
    let nodes = files.iter().copied().filter(goes).collect();
    let name = node_packages::name(tree, package);
    let mut words: Vec<Word> = [b".ts".as_slice(), b".d.ts"]
        .map(|text| Word {
            text: text.to_vec(),
            within: Some(package),
        })
        .into();
    words.push(Word {
        text: [name, b"/index.d.ts".to_vec()].concat(),
        within: None,
    });
    Unit {
        guard,
        words,
        ..Unit::names(nodes)
    }
}

fn is_declaration(name: &[u8]) -> bool {
    let endings = [".d.ts", ".d.mts", ".d.cts", ".d.ts.map"];
    endings
        .iter()
        .any(|ending| name.ends_with(ending.as_bytes()))
}

fn stem<'n>(name: &'n [u8], endings: &[&[u8]]) -> Option<&'n [u8]> {
    endings.iter().find_map(|ending| name.strip_suffix(*ending))
}

fn reason_to_keep(context: &Context<'_>, roots: &[NodeId]) -> Option<String> {
    let tree = context.tree;
    if let Some(reader) = node_packages::find(tree, roots, &READERS) {
        return Some(format!("{} reads TypeScript", tree.path(*reader)));
    }
    let program = PROGRAMS
        .iter()
        .find(|name| context.has_program(|found| found == **name))?;
    let program = String::from_utf8_lossy(program);
    Some(format!("{program} is in the image, which reads TypeScript"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const APP: &str = "[RUN npm ci]\napp/node_modules/p/package.json = {\"types\":\"index.d.ts\"}\napp/node_modules/p/index.js = 1\napp/node_modules/p/index.d.ts = x\napp/node_modules/p/src/index.ts = x\napp/node_modules/p/src/other.ts = x\n";

    #[test]
    fn declarations_and_compiled_sources_go() {
        let gone = set(&[
            "/app/node_modules/p/index.d.ts",
            "/app/node_modules/p/src/index.ts",
        ]);
        assert_eq!(decide_text(APP).gone, gone);
    }

    #[test]
    fn a_compiler_keeps_them() {
        for reader in [
            "node_modules/typescript/package.json",
            "node_modules/tsx/package.json",
        ] {
            let found = decide_text(&format!("{APP}app/{reader} = {{}}\n"));
            assert_eq!(found.gone, set(&[]), "{reader}");
        }
        assert_eq!(
            decide_text(&format!("{APP}usr/local/bin/deno (0755) = x\n")).gone,
            set(&[])
        );
    }

    #[test]
    fn a_package_that_reads_its_own_declarations_keeps_them() {
        let found = decide_text(&APP.replace("index.js = 1", "index.js = read(name + '.d.ts')"));
        assert_eq!(found.gone, set(&[]));
    }
}
