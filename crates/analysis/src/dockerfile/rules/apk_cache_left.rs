//! `apk update` or `apk add --update` without removing the index again: `apk add --no-cache` alone would do.
//!
//! **Fix.** `rm -rf /var/cache/apk/*` is added to the end of the RUN, which every release understands. *Safe*
//! where nothing after it installs from that index; else *unsafe*. None where what containers start names apk.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN apk update && apk add curl
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN apk update && apk add curl && rm -rf /var/cache/apk/*
//! ```

use super::cleaning::{self, Cleaning, Uses};
use super::{Context, Finding, Rule};
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "apk-cache-left",
    title: "apk's index left in a layer",
    others: &["DL3019"],
    cost: "2 to 3 MB",
    source: include_str!("apk_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: updates,
    cleans: |call| cleaning::removes(call, "/var/cache/apk") || call.is(&["apk"], &["cache"]),
    paths: &["/var/cache/apk", "/etc/apk/cache"],
    mounted_as: &[],
    moved_by: &[],
    command: |call| cleaning::wrapped(call, "rm -rf /var/cache/apk/*"),
    needs_program: false,
    uses: Some(Uses {
        call: uses,
        programs: &["apk"],
    }),
    feeds: None,
    is_known: cleaning::always,
    what: "apk's index stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}

fn updates(call: &Call) -> bool {
    let asks = call.has(&["-U", "--update", "--update-cache"]);
    let is_update =
        call.is(&["apk"], &["update"]) || call.is(&["apk"], &["add", "upgrade"]) && asks;
    is_update && !call.has(&["--no-cache"])
}

/// Whether a call installs from an index that it does not bring itself.
fn uses(script: &Script, at: usize) -> Option<bool> {
    let call = &script.calls[at];
    let brings = call.has(&["--no-cache"]) || script.calls[..=at].iter().any(updates);
    let needs = !call.is(&["apk"], &["del", "info", "fix", "cache", "update"]) && !brings;
    (call.program == "apk").then_some(needs)
}
