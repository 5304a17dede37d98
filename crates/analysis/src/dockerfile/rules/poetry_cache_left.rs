//! `poetry install` without removing Poetry's downloads in the same RUN: each package is there twice, once as the wheel
//! it came in. Poetry's virtual environments lie beside them and stay.
//!
//! **Fix.** The folders `cache` and `artifacts` of Poetry's cache are removed at the end of the RUN. *Safe*: what is
//! missing later is downloaded again; *unsafe* where a later command works offline.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN poetry install --only main --no-root
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN poetry install --only main --no-root && rm -rf "${POETRY_CACHE_DIR:-$HOME/.cache/pypoetry}/cache" "${POETRY_CACHE_DIR:-$HOME/.cache/pypoetry}/artifacts"
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "poetry-cache-left",
    title: "Poetry's downloads left in a layer",
    others: &[],
    cost: "about as much as the packages, compressed",
    source: include_str!("poetry_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let is_dry = call.has(&["--dry-run", "--help"]);
        call.is(&["poetry"], &["install", "add", "update", "sync"])
            && !is_dry
            && !cleaning::is_sudo(call)
    },
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        call.is(&["poetry"], &["cache"])
            || call.program == "rm" && (names("poetry") || names(".cache") || names("POETRY"))
    },
    paths: &["/root/.cache/pypoetry"],
    mounted_as: &["poetry", ".cache"],
    moved_by: &["XDG_CACHE_HOME"],
    command: |_| {
        let home = "${POETRY_CACHE_DIR:-$HOME/.cache/pypoetry}";
        format!("rm -rf \"{home}/cache\" \"{home}/artifacts\"")
    },
    needs_program: false,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "Poetry's downloads stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
