//! npm, Corepack and Yarn beside a Node.js whose application is installed.
//!
//! **Why it is opt-in.** `npm`, `npx` and `yarn` are gone, also for whoever opens a shell in the container, and
//! no image built upon this one can install with them. `node` runs without.
//!
//! **Evidence.** `lib/node_modules/npm` and its neighbours beside `bin/node`, where the image's command names none
//! of them.
//!
//! **Example.** `/usr/local/lib/node_modules/npm`, 12 MB.

use ounce_image::Tree;

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "node-installers",
    title: "npm and its like",
    tier: Tier::OptIn,
    why: "install packages; node runs without them",
    source: include_str!("node_installers.rs"),
    find,
};

/// Packages that come with Node.js or its images (github.com/nodejs/docker-node, Dockerfile), and the
/// programs by which they are started.
const INSTALLERS: [(&str, &[&str]); 4] = [
    ("npm", &["npm", "npx"]),
    ("corepack", &["corepack", "yarn", "pnpm"]),
    ("yarn", &["yarn", "yarnpkg"]),
    ("pnpm", &["pnpm", "pnpx"]),
];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let started = context.started();
    let homes = tree.walk(Tree::ROOT).filter(|node| {
        let lib = tree.parent(*node);
        let bin = tree.child(tree.parent(lib), b"bin");
        tree.name(*node) == b"node_modules"
            && tree.name(lib) == b"lib"
            && bin.is_some_and(|bin| tree.child(bin, b"node").is_some())
    });
    let mut out = Vec::new();
    for home in homes {
        for (name, programs) in INSTALLERS {
            let is_started = started.iter().any(|word| programs.contains(&word.as_str()));
            let Some(folder) = tree.child(home, name.as_bytes()).filter(|_| !is_started) else {
                continue;
            };
            let programs = programs.join(", ");
            let unit = Unit {
                guard: Guard::Refused(format!(
                    "the image starts none of {programs}; without it nobody can, and nothing built upon it either"
                )),
                ..context.whole(folder)
            };
            out.push(Claim::new(&RULE, None, vec![unit]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::testing::decide_image_guarded;

    fn is_named(command: &[&str]) -> bool {
        let text = "[a]\nusr/local/bin/node (0755) = x\nusr/local/lib/node_modules/npm/index.js = x\nsrv/lib/node_modules/npm/index.js = x\n";
        let config = serde_json::json!({ "Cmd": command });
        let found = decide_image_guarded(&ounce_testkit::image(text).with_config(config));
        assert!(
            found.gone.is_empty()
                && !found
                    .held
                    .contains_key("/srv/lib/node_modules/npm/index.js")
        );
        found
            .held
            .contains_key("/usr/local/lib/node_modules/npm/index.js")
    }

    #[test]
    fn npm_is_named_where_only_node_is_started() {
        assert!(is_named(&["node", "server.js"]));
        assert!(!is_named(&["npm", "start"]));
        assert!(!is_named(&["sh", "-c", "npx serve"]));
    }
}
