//! `npm install` or `npm ci` without emptying npm's cache in the same RUN: each package is there twice, once
//! as the archive it came in.
//!
//! **Fix.** `npm cache clean --force` is added to the end of the RUN, behind `&&`. *Safe*: what is missing later
//! is downloaded again; *unsafe* where a later command works offline. No fix where the RUN may succeed without
//! having called npm.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN npm ci --omit=dev
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN npm ci --omit=dev && npm cache clean --force
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "npm-cache-left",
    title: "npm's cache left in a layer",
    others: &[],
    cost: "about as much as the packages",
    source: include_str!("npm_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let keeps_none = call.has(&["--cache", "--help", "--dry-run"]);
        let is_apart = call
            .assigned
            .iter()
            .any(|name| name.eq_ignore_ascii_case("npm_config_cache"));
        call.is(&["npm"], &["install", "i", "ci", "add", "update"]) && !keeps_none && !is_apart
    },
    cleans: |call| {
        let names_cache = call.words.iter().any(|word| word.pattern.contains(".npm"));
        call.is(&["npm"], &["cache"]) || call.program == "rm" && names_cache
    },
    paths: &["/root/.npm"],
    mounted_as: &["npm"],
    moved_by: &["npm_config_cache"],
    command: |call| cleaning::wrapped(call, "npm cache clean --force"),
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "npm's cache stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
