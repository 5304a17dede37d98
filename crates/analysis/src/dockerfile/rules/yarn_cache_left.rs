//! `yarn install` without emptying Yarn's cache in the same RUN.
//!
//! **Fix.** None: with Yarn 1 it is `yarn cache clean` behind `&&`; with later ones the project may run from its
//! cache, and emptying it would break the program.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN yarn install --frozen-lockfile
//! ```
//!
//! with Yarn 1 is better written as
//!
//! ```dockerfile
//! RUN yarn install --frozen-lockfile && yarn cache clean
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "yarn-cache-left",
    title: "Yarn's cache left in a layer",
    others: &["DL3060"],
    cost: "about as much as the packages",
    source: include_str!("yarn_cache_left.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let installs = |call: &&Call| {
            call.is(&["yarn"], &["install", "add", "global"])
                || call.program == "yarn" && call.words.len() == 1
        };
        let cleans = |call: &Call| {
            let names_cache = call
                .words
                .iter()
                .any(|word| word.pattern.contains("yarn") || word.pattern.contains(".cache"));
            call.is(&["yarn"], &["cache"]) || call.program == "rm" && names_cache
        };
        let is_mounted = script.mounts.iter().any(|mount| mount.kind == "cache");
        let is_cleaned = script.calls.iter().any(cleans) || is_mounted;
        let call = script.calls.iter().find(installs);
        let ships =
            context.model.ships(*at, "/root") || context.model.ships(*at, "/usr/local/share");
        if let Some(call) =
            call.filter(|call| !is_cleaned && ships && !call.has(&["--cache-folder"]))
        {
            out.push(Finding::new(
                &RULE,
                *at,
                call.range.clone(),
                "Yarn's cache stays in this layer",
            ));
        }
    }
    out
}
