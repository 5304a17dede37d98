//! Source maps of Node.js packages: `x.js.map` beside `x.js`.
//!
//! **Why it is safe.** Node.js reads a map only when it is told to translate stack traces
//! (nodejs.org/api/cli.html, `--enable-source-maps`); otherwise the line that names the map is a comment.
//!
//! **Evidence.** They stay where the image's environment or command turns translation on, where a package that
//! reads maps is installed, where a browser may be sent them (a package's `dist` that the image serves by
//! path), and where anything that stays says `--enable-source-maps` or `setSourceMapsEnabled`.
//!
//! **Example.** `/app/node_modules/luxon/build/node/luxon.js.map`.

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, node_packages};
use crate::finding::{Claim, Guard, Unit, Word};

pub(super) const RULE: Rule = Rule {
    id: "node-source-maps",
    title: "Source maps of Node.js packages",
    tier: Tier::Safe,
    why: "read to translate stack traces, which nothing in the image turns on",
    source: include_str!("node_source_maps.rs"),
    find,
};

/// Packages that read the maps of others: stack traces, coverage, bundling of what is installed.
const READERS: [&str; 22] = [
    "source-map-support",
    "@cspotcode/source-map-support",
    "source-map-loader",
    "ts-node",
    "tsx",
    "jest",
    "vitest",
    "vite",
    "webpack",
    "rollup",
    "esbuild",
    "parcel",
    "c8",
    "nyc",
    "v8-to-istanbul",
    "@babel/core",
    "postcss",
    "@sentry/node",
    "next",
    "source-map-explorer",
    "trace",
    "deno",
];

/// What turns it on, in scripts and in code (nodejs.org/api/module.html).
const SWITCHES: [&str; 3] = [
    "--enable-source-maps",
    "setSourceMapsEnabled",
    "setSourceMapsSupport",
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let roots = node_packages::roots(context);
    let nodes: Vec<NodeId> = roots
        .iter()
        .flat_map(|package| node_packages::files(tree, *package))
        .filter(|node| is_map(tree, *node))
        .collect();
    if nodes.is_empty() {
        return Vec::new();
    }
    let served = node_packages::served(tree, &roots);
    let reason = reason_to_keep(context, &roots);
    let mut units: BTreeMap<Option<NodeId>, Vec<NodeId>> = BTreeMap::new();
    for node in nodes {
        units
            .entry(node_packages::app(tree, node))
            .or_default()
            .push(node);
    }
    let unit = |(_, nodes): (_, Vec<NodeId>)| Unit {
        guard: match &reason {
            Some(reason) => Guard::Refused(reason.clone()),
            None => node_packages::guard(tree, &served, nodes[0]),
        },
        words: SWITCHES
            .map(|text| Word {
                text: text.into(),
                within: None,
            })
            .into(),
        ..Unit::names(nodes)
    };
    vec![Claim::new(
        &RULE,
        None,
        units.into_iter().map(unit).collect(),
    )]
}

/// Whether it is the map of the program beside it.
fn is_map(tree: &Tree<'_>, node: NodeId) -> bool {
    let Some(program) = tree.name(node).strip_suffix(b".map") else {
        return false;
    };
    let is_program = [b".js".as_slice(), b".cjs", b".mjs"]
        .iter()
        .any(|ending| program.ends_with(ending));
    is_program && tree.child(tree.parent(node), program).is_some()
}

fn reason_to_keep(context: &Context<'_>, roots: &[NodeId]) -> Option<String> {
    let texts = context.config.run_time_texts();
    if texts
        .values()
        .flatten()
        .any(|text| text.contains("source-map"))
    {
        return Some("the image's environment or command speaks of source maps".to_owned());
    }
    let reader = node_packages::find(context.tree, roots, &READERS)?;
    Some(format!("{} reads source maps", context.tree.path(*reader)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const APP: &str = "[RUN npm install]\napp/run.sh = node a.js\napp/node_modules/p/package.json = {}\napp/node_modules/p/dist/a.js = 1\napp/node_modules/p/dist/a.js.map = {}\napp/node_modules/p/data/b.map = {}\n";
    const MAP: &str = "/app/node_modules/p/dist/a.js.map";

    #[test]
    fn maps_go_and_other_files_of_the_ending_stay() {
        assert_eq!(decide_text(APP).gone, set(&[MAP]));
    }

    #[test]
    fn maps_that_are_turned_on_stay() {
        let env = serde_json::json!({ "Env": ["NODE_OPTIONS=--enable-source-maps"] });
        let found = decide(&ounce_testkit::image(APP).with_config(env));
        assert_eq!(
            found.held[MAP],
            "the image's environment or command speaks of source maps"
        );
        let found = decide_text(&APP.replace("node a.js", "node --enable-source-maps a.js"));
        assert_eq!(found.held[MAP], format!("/app/run.sh asks for {MAP}"));
    }

    #[test]
    fn a_package_that_reads_maps_keeps_them() {
        let found = decide_text(&format!(
            "{APP}app/node_modules/source-map-support/package.json = {{}}\n"
        ));
        assert_eq!(
            found.held[MAP],
            "/app/node_modules/source-map-support reads source maps"
        );
    }
}
