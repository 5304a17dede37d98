//! `pip install` with its cache: each package is there twice, once as the wheel it came in.
//!
//! **Fix.** `--no-cache-dir` is added behind the verb. *Safe* where the base image is known for a pip that
//! has the option, since 6.0 of 2014; else *unsafe*, as where a COPY takes the cache from this stage. Nothing is found where the cache is a mount, where
//! `PIP_NO_CACHE_DIR` is set, or where the same RUN empties the cache.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM python:3.12
//! RUN pip install numpy
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM python:3.12
//! RUN pip install --no-cache-dir numpy
//! ```

use super::{Context, Finding, Rule, bases, cleaning};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "pip-cache-left",
    title: "pip's cache left in a layer",
    others: &["DL3042"],
    cost: "about as much as the packages, compressed",
    source: include_str!("pip_cache_left.rs"),
    find,
};

const CACHE: &str = "/root/.cache/pip";

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let calls = script
            .calls
            .iter()
            .filter(|call| fills_cache(call))
            .collect::<Vec<_>>();
        if calls.is_empty() || keeps_none(context, *at, script) {
            continue;
        }
        let safety = Safety::safe_if(
            bases::pip_is_recent(context, *at)
                && !edits::defines_functions(script)
                && !cleaning::is_copied(context, &[CACHE]),
        );
        for call in calls {
            let finding = Finding::new(
                &RULE,
                *at,
                call.range.clone(),
                "pip's cache stays in this layer",
            );
            let verb = call.verb().map(|(verb, _)| &call.words[verb].range);
            out.push(
                match verb.filter(|_| script.list.is_some() && !script.is_trigger) {
                    Some(range) => {
                        let edit = edits::insert_after(range, " --no-cache-dir");
                        finding.with_fix(safety, "add `--no-cache-dir`", vec![edit])
                    }
                    None => finding,
                },
            );
        }
    }
    out
}

fn is_pip(call: &Call) -> bool {
    let version = call.program.strip_prefix("pip");
    version.is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

fn fills_cache(call: &Call) -> bool {
    let has_verb = call
        .verb()
        .is_some_and(|(_, verb)| ["install", "wheel", "download"].contains(&verb));
    let is_off = call.has(&["--no-cache-dir", "--no-cache", "--cache-dir", "--no-index"]);
    let is_set = call
        .assigned
        .iter()
        .chain(&call.wrappers)
        .any(|word| word.contains("PIP_"));
    is_pip(call) && has_verb && !is_off && !is_set
}

/// Whether the cache is off, elsewhere, or emptied in the same script.
fn keeps_none(context: &Context<'_>, at: usize, script: &Script) -> bool {
    let state = context.model.state(at);
    let is_set = |name: &str| state.variables.contains_key(name);
    let text = script.text.bytes();
    let names = |name: &str| memchr::memmem::find(text, name.as_bytes()).is_some();
    let empties = |call: &Call| {
        let names_cache = call
            .words
            .iter()
            .any(|word| word.pattern.contains(".cache") || word.pattern == "/root");
        let is_unknown = call
            .words
            .iter()
            .any(|word| word.value.is_none() && word.pattern.is_empty());
        call.program == "rm" && (names_cache || is_unknown)
            || is_pip(call) && call.is(&[&call.program], &["cache"])
    };
    let is_mounted = script
        .mounts
        .iter()
        .any(|mount| mount.kind == "cache" || mount.kind == "tmpfs");
    let is_off = is_set("PIP_NO_CACHE_DIR")
        || is_set("PIP_CACHE_DIR")
        || names("PIP_NO_CACHE_DIR")
        || names("pip config");
    is_off || is_mounted || script.calls.iter().any(empties) || !context.model.ships(at, CACHE)
}
