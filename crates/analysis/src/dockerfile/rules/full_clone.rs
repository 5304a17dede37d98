//! `git clone` of a whole history where only the newest state is used.
//!
//! **Fix.** `--depth 1` is added. *Unsafe*: what is built may ask git for tags or older states. No fix, and nothing
//! found, where the file itself goes on to check something out, or removes the folder `.git` again.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN git clone https://example.org/tool.git && make -C tool install
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN git clone --depth 1 https://example.org/tool.git && make -C tool install
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "full-clone",
    title: "A clone with all of its history",
    others: &[],
    cost: "often more than the sources",
    source: include_str!("full_clone.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let calls = || {
        context
            .model
            .scripts
            .values()
            .flat_map(|script| &script.calls)
    };
    let uses_history = |call: &Call| {
        let verbs = [
            "checkout",
            "reset",
            "fetch",
            "describe",
            "log",
            "submodule",
            "pull",
            "switch",
            "rev-list",
            "merge",
            "cherry-pick",
        ];
        call.program == "git" && call.arguments().any(|word| verbs.contains(&word))
    };
    if calls().any(uses_history) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let clones = script.calls.iter().filter(|call| {
            call.is(&["git"], &["clone"])
                && !call.arguments().any(|word| {
                    word.starts_with("--depth")
                        || word.starts_with("--shallow")
                        || word == "--mirror"
                        || word == "--bare"
                })
        });
        let stays = |call: &&Call| !removes(script, call) && context.model.ships(*at, "/");
        for call in clones.filter(stays) {
            let finding = Finding::new(
                &RULE,
                *at,
                call.range.clone(),
                "all of the history is cloned",
            );
            let verb = call.verb().map(|(verb, _)| &call.words[verb].range);
            out.push(
                match verb.filter(|_| script.list.is_some() && !script.is_trigger) {
                    Some(range) => finding.with_fix(
                        Safety::Unsafe,
                        "add `--depth 1`",
                        vec![edits::insert_after(range, " --depth 1")],
                    ),
                    None => finding,
                },
            );
        }
    }
    out
}

/// Whether a script may remove what it cloned, or its history.
fn removes(script: &Script, clone: &Call) -> bool {
    let mut words = clone
        .words
        .iter()
        .skip(2)
        .filter(|word| !word.pattern.starts_with('-'));
    let target = words
        .next_back()
        .map_or("", |word| word.pattern.trim_end_matches('/'));
    let name = target.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(name);
    // The lists of apt are no clone.
    let may_mean = |pattern: &str| {
        let is_system = pattern.starts_with("/var/lib/apt") || pattern.starts_with("/var/cache");
        pattern.contains(name)
            || pattern.contains(".git")
            || !is_system && !pattern.starts_with('-')
    };
    let mut calls = script.calls.iter();
    calls.any(|call| {
        let is_rm = call.program == "rm" && call.has(&["-r", "-R", "--recursive"]);
        is_rm
            && call
                .words
                .iter()
                .skip(1)
                .any(|word| may_mean(&word.pattern))
    })
}
