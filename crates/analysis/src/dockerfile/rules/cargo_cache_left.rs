//! `cargo build` or `cargo install` without removing the sources of the crates in the same RUN: cargo keeps each
//! crate twice, packed and unpacked, and the index of the registry.
//!
//! **Fix.** The folders `registry` and `git` of cargo's home are removed at the end of the RUN. *Safe* after `cargo
//! install`, and where all that containers start is named and cannot be cargo; else *unsafe*: a container may
//! call cargo where there is no network. No fix where a later RUN builds from what this one downloaded: mount
//! the cache there, `RUN --mount=type=cache,target=/usr/local/cargo/registry`.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN cargo install --locked ripgrep
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN cargo install --locked ripgrep && rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry" "${CARGO_HOME:-$HOME/.cargo}/git"
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule, started};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "cargo-cache-left",
    title: "Sources of crates left in a layer",
    others: &[],
    cost: "50 to 500 MB",
    source: include_str!("cargo_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        !cleaning::is_sudo(call) && (installs(call) || builds(call) || is(call, &["fetch"]))
    },
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        call.program == "rm" && (names("cargo") || names("registry")) || is(call, &["cache"])
    },
    paths: &["/usr/local/cargo/registry", "/root/.cargo/registry"],
    mounted_as: &["cargo"],
    moved_by: &[],
    command: |_| {
        let home = "${CARGO_HOME:-$HOME/.cargo}";
        format!("rm -rf \"{home}/registry\" \"{home}/git\"")
    },
    needs_program: false,
    uses: None,
    feeds: Some(builds),
    is_known,
    what: "the sources of crates stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}

fn is(call: &Call, verbs: &[&str]) -> bool {
    // A toolchain may stand first: `cargo +nightly build`.
    let verb = call.arguments().find(|word| !word.starts_with(['-', '+']));
    call.program == "cargo" && verb.is_some_and(|verb| verbs.contains(&verb))
}

fn installs(call: &Call) -> bool {
    is(call, &["install"])
}

fn builds(call: &Call) -> bool {
    is(
        call,
        &[
            "build", "b", "run", "r", "test", "t", "check", "c", "rustc", "chef",
        ],
    )
}

fn is_known(context: &Context<'_>, at: usize) -> bool {
    let script = context.model.scripts.get(&at);
    let builds = script.is_none_or(|script| script.calls.iter().any(builds));
    let is_offline = context
        .model
        .state(at)
        .variables
        .contains_key("CARGO_NET_OFFLINE");
    !is_offline && (!builds || started::starts_none(context, at, &["cargo"]))
}
