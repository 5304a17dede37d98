//! `conda`, `mamba` or `micromamba` install without emptying the package cache in the same RUN, or with
//! `clean --all` alone: that leaves every extracted package that an environment links to, and with them what
//! was not linked but copied. 456 MB stayed in one real image in this way.
//!
//! **Fix.** `clean --all --force-pkgs-dirs --yes` of the same program is added to the end of the RUN, or
//! `--force-pkgs-dirs` to the `clean` that is there. *Safe* where the base image is known for a release that
//! has the option; else *unsafe*, as where a later command works offline or clones an environment, or where the
//! file speaks of soft links, which packages may be instead of hard ones, or another user installs later. No fix where the cache is a mount.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM mambaorg/micromamba:2.0
//! RUN micromamba install -y -n base samtools && micromamba clean --all --yes
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM mambaorg/micromamba:2.0
//! RUN micromamba install -y -n base samtools && micromamba clean --all --force-pkgs-dirs --yes
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule, bases, conda};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "conda-cache-left",
    title: "conda's package cache left in a layer",
    others: &[],
    cost: "a third of the environment, and more",
    source: include_str!("conda_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: conda::installs,
    cleans: |call| removes_packages(call) || removes_folder(call),
    paths: conda::CACHES,
    mounted_as: &[],
    moved_by: &[],
    command: |call| {
        let program = call.words.first().map_or("", |word| word.pattern.as_str());
        cleaning::wrapped(
            call,
            &format!("{program} clean --all --force-pkgs-dirs --yes"),
        )
    },
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: |context, at| {
        bases::conda_cleans_by_force(context, at)
            && !speaks_of_links(context)
            && !installs_as_another(context, at)
    },
    what: "conda's package cache stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = CLEANING.find(context);
    out.retain(|finding| {
        context
            .model
            .scripts
            .get(&finding.instruction)
            .is_none_or(|script| !conda::is_mounted(script))
    });
    let scripts = context
        .model
        .scripts
        .iter()
        .filter(|(_, script)| !conda::is_mounted(script));
    out.extend(scripts.filter_map(|(at, script)| half_cleaned(context, *at, script)));
    out
}

fn removes_packages(call: &Call) -> bool {
    call.is(conda::PROGRAMS, &["clean"])
        && call.has(&["-a", "--all", "-p", "--packages", "-f", "--force-pkgs-dirs"])
}

fn removes_folder(call: &Call) -> bool {
    call.program == "rm" && call.words.iter().any(|word| word.pattern.contains("pkgs"))
}

fn speaks_of_links(context: &Context<'_>) -> bool {
    memchr::memmem::find(context.model.file.text, b"softlink").is_some()
}

/// Whether another user installs later, who may not be allowed to make the cache's folder anew.
fn installs_as_another(context: &Context<'_>, at: usize) -> bool {
    let model = context.model;
    let user = model.state(at).user;
    let later = model.after(at).into_iter().filter(|at| {
        let script = model.scripts.get(at);
        script.is_some_and(|script| script.calls.iter().any(conda::installs))
    });
    later.into_iter().any(|at| model.state(at).user != user)
}

/// A RUN that installs and then cleans, but not by force.
fn half_cleaned(context: &Context<'_>, at: usize, script: &Script) -> Option<Finding> {
    let last = script.calls.iter().rposition(conda::installs)?;
    let behind = &script.calls[last..];
    let is_whole = |call: &Call| {
        removes_folder(call)
            || call.is(conda::PROGRAMS, &["clean"]) && call.has(&["-f", "--force-pkgs-dirs"])
    };
    let ships = conda::CACHES
        .iter()
        .any(|path| context.model.ships(at, path));
    let clean = behind.iter().rfind(|call| removes_packages(call))?;
    if behind.iter().any(is_whole) || !ships {
        return None;
    }
    let message = "`clean` without `--force-pkgs-dirs` leaves the extracted packages";
    let finding = Finding::new(&RULE, at, clean.range.clone(), message);
    let is_option = |word: &&crate::dockerfile::model::call::Argument| {
        let text = word.pattern.as_str();
        ["--all", "--packages"].contains(&text)
            || !text.starts_with("--") && text.starts_with('-') && text.contains(['a', 'p'])
    };
    let option = clean
        .words
        .iter()
        .find(is_option)
        .filter(|_| script.list.is_some() && !script.is_trigger)?;
    let is_safe = (CLEANING.is_known)(context, at)
        && script.mounts.is_empty()
        && !cleaning::works_offline(context, at);
    // micromamba asks before it does this, and goes on asking where nobody answers (its `Console::prompt`).
    let added = match clean.has(&["-y", "--yes"]) {
        true => "--force-pkgs-dirs",
        false => "--force-pkgs-dirs --yes",
    };
    let edit = edits::insert_after(&option.range, format!(" {added}"));
    Some(finding.with_fix(
        Safety::safe_if(is_safe),
        format!("add `{added}`"),
        vec![edit],
    ))
}
