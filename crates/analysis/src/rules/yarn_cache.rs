//! Yarn's global cache: `~/.cache/yarn` and `/usr/local/share/.cache/yarn` (root's) of version 1,
//! `~/.yarn/berry` of later ones.
//!
//! **Why it is safe.** Yarn reads it when it installs; `node_modules` holds copies, or hard links, which
//! live on. `yarn cache clean` removes it. A project's own `.yarn/cache` is no such cache and is not
//! touched.
//!
//! **Evidence.** With Plug'n'Play there is no `node_modules`: programs run out of the cache. A `.pnp.cjs`
//! or `.pnp.js` anywhere keeps it all, and so does anything that names a file in it. The cache stays
//! when the image starts Yarn to install, or a COPY put it there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/usr/local/share/.cache/yarn/v6`, `/root/.yarn/berry/cache/is-odd-npm-3.0.1-93c3c3f41b-10c0.zip`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "yarn-cache",
    title: "Yarn cache",
    tier: Tier::Safe,
    why: "read by Yarn when it installs, never by what is installed",
    source: include_str!("yarn_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// Yarn 1: src/constants.js and src/util/user-home-dir.js. Later: Yarn's documentation, yarnrc,
/// `globalFolder` and `enableGlobalCache`.
const CACHE: Cache = Cache {
    tool: "yarn",
    places: &[
        Place::UserCache("yarn"),
        Place::Path("/usr/local/share/.cache/yarn"),
        Place::Variable("YARN_CACHE_FOLDER", ""),
        Place::Home(".yarn/berry"),
        Place::Variable("YARN_GLOBAL_FOLDER", ""),
    ],
    marks: &["v[0-9]*/npm-*", "cache/*-npm-*.zip", "metadata/npm"],
    parts: &["v[0-9]*/*", "cache/*-npm-*.zip", "index", "metadata"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const ONE: &str = "[RUN yarn install]\nusr/local/share/.cache/yarn/v6/npm-a-1-x-integrity/node_modules/a/index.js = x\n";
    const LATER: &str = "[RUN yarn install]\nroot/.yarn/berry/cache/a-npm-1-x-10c0.zip = x\nroot/.yarn/berry/index/00/a.dat = x\nroot/.yarn/berry/metadata/npm/a.json = x\n";

    #[test]
    fn the_caches_of_all_versions_go() {
        let found = decide_text(ONE);
        assert!(found.gone.contains(
            "/usr/local/share/.cache/yarn/v6/npm-a-1-x-integrity/node_modules/a/index.js"
        ));
        let found = decide_text(LATER);
        for path in [
            "cache/a-npm-1-x-10c0.zip",
            "index/00/a.dat",
            "metadata/npm/a.json",
        ] {
            assert!(
                found.gone.contains(&format!("/root/.yarn/berry/{path}")),
                "{path}"
            );
        }
    }

    #[test]
    fn plug_and_play_runs_out_of_the_cache() {
        // Yarn writes these paths relative to the project.
        for cache in [ONE, LATER] {
            let found = decide_text(&format!(
                "{cache}root/app/.pnp.cjs = \"../.yarn/berry/cache/\"\n"
            ));
            assert_eq!(found.gone, set(&[]));
        }
    }

    #[test]
    fn the_cache_of_a_project_stays() {
        let text = "[RUN yarn install]\napp/.yarn/cache/a-npm-1-x-10c0.zip = x\nroot/.yarn/releases/yarn-4.js = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
    }
}
