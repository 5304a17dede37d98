//! `uv pip install`, `uv sync`, `uv add` or `uv tool install` with uv's cache: the archives' indexes, and every package
//! whose files could not be linked, are there twice.
//!
//! **Fix.** `--no-cache` is added. *Safe*: every release has it, and what is installed is the same; *unsafe* where a
//! later command works offline or a COPY takes the cache from this stage. Nothing is found where the cache is a mount, where
//! a variable turns it off, moves it or has packages linked into it, or where the same RUN empties it.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN uv pip install --system numpy
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN uv pip install --no-cache --system numpy
//! ```

use super::{Context, Finding, Rule, cleaning};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "uv-cache-left",
    title: "uv's cache left in a layer",
    others: &[],
    cost: "up to as much as the packages",
    source: include_str!("uv_cache_left.rs"),
    find,
};

const CACHE: &str = "/root/.cache/uv";

/// Commands that install, as the words they consist of (uv's reference of commands).
const INSTALLS: [&[&str]; 5] = [
    &["pip", "install"],
    &["pip", "sync"],
    &["tool", "install"],
    &["sync"],
    &["add"],
];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        if keeps_none(context, *at, script) {
            continue;
        }
        for call in &script.calls {
            let Some(last) = last_of_command(call).filter(|_| !has_other_cache(call)) else {
                continue;
            };
            let message = "uv's cache stays in this layer";
            let finding = Finding::new(&RULE, *at, call.range.clone(), message);
            let safety = Safety::safe_if(
                !cleaning::works_offline(context, *at)
                    && !edits::defines_functions(script)
                    && !cleaning::is_copied(context, &[CACHE]),
            );
            let edit = edits::insert_after(&call.words[last].range, " --no-cache");
            out.push(match script.list.is_some() && !script.is_trigger {
                true => finding.with_fix(safety, "add `--no-cache`", vec![edit]),
                false => finding,
            });
        }
    }
    out
}

/// The last word of a command that installs, among those of the call.
fn last_of_command(call: &Call) -> Option<usize> {
    if call.program != "uv" {
        return None;
    }
    let is = |words: &[&str]| {
        let own = call.words.get(1..=words.len())?;
        let mut pairs = own.iter().zip(words);
        pairs
            .all(|(own, word)| own.value.as_deref() == Some(word))
            .then_some(words.len())
    };
    INSTALLS.iter().find_map(|words| is(words))
}

fn has_other_cache(call: &Call) -> bool {
    let is_set = |name: &String| name.starts_with("UV_") || name.contains("UV_NO_CACHE");
    call.has(&[
        "-n",
        "--no-cache",
        "--cache-dir",
        "--offline",
        "--dry-run",
        "--link-mode",
    ]) || call.assigned.iter().chain(&call.wrappers).any(is_set)
}

/// Whether the cache is off, elsewhere, or emptied in the same script.
fn keeps_none(context: &Context<'_>, at: usize, script: &Script) -> bool {
    let empties = |call: &Call| {
        let mut words = call.words.iter().skip(1);
        let names_cache = words.any(|word| {
            let pattern = word.pattern.as_str();
            pattern.contains("cache") || pattern.contains("uv") || word.value.is_none()
        });
        call.is(&["uv"], &["cache"]) || call.program == "rm" && names_cache
    };
    let variables = context.model.state(at).variables;
    let is_set = ["UV_NO_CACHE", "UV_CACHE_DIR", "XDG_CACHE_HOME"]
        .iter()
        .any(|name| variables.contains_key(*name));
    // With soft links the cache is where the packages are.
    let links = variables.get("UV_LINK_MODE").is_some_and(|mode| {
        let others = ["clone", "copy", "hardlink"];
        mode.as_deref().is_none_or(|mode| !others.contains(&mode))
    });
    let names_variable = memchr::memmem::find(script.text.bytes(), b"UV_").is_some();
    is_set
        || links
        || names_variable
        || script
            .mounts
            .iter()
            .any(|mount| mount.kind == "cache" || mount.kind == "tmpfs")
        || script.calls.iter().any(empties)
        || !context.model.ships(at, CACHE)
}
