//! `pnpm install` without cleaning pnpm's store in the same RUN. What is installed shares its bytes with the store;
//! what the store has beyond that, and the descriptions of all packages that were looked at, stay.
//!
//! **Fix.** `pnpm store prune` is added to the end of the RUN: it removes what no project links to. *Safe*; *unsafe* where
//! a later command works offline. No fix where the RUN may succeed without having called pnpm.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN pnpm install --frozen-lockfile --prod
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN pnpm install --frozen-lockfile --prod && pnpm store prune
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "pnpm-cache-left",
    title: "pnpm's store left in a layer",
    others: &[],
    cost: "10 to 200 MB",
    source: include_str!("pnpm_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let elsewhere = call.has(&["--store-dir", "--virtual-store-dir", "--help"]);
        call.is(&["pnpm"], &["install", "i", "add", "update", "up"]) && !elsewhere
    },
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        call.is(&["pnpm"], &["store"]) || call.program == "rm" && (names("pnpm") || names(".cache"))
    },
    paths: &[
        "/root/.local/share/pnpm",
        "/root/.cache/pnpm",
        "/pnpm/store",
    ],
    mounted_as: &["pnpm"],
    moved_by: &["npm_config_store_dir"],
    command: |call| cleaning::wrapped(call, "pnpm store prune"),
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "what pnpm's store has beyond the packages stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
