//! A RUN that removes what an earlier instruction put into the image. The layer that has the files stays as it
//! is: the RUN hides them and frees nothing.
//!
//! **Fix.** None here: the removal belongs into the RUN that made the files; rules for caches put it there. What a
//! COPY brought can be mounted for the RUN that needs it, `RUN --mount=type=bind,source=...`.
//!
//! **Example.**
//!
//! ```dockerfile
//! COPY wheels /wheels
//! RUN pip install --no-cache-dir /wheels/*.whl
//! RUN rm -rf /wheels
//! ```
//!
//! is better written as
//!
//! ```dockerfile
//! RUN --mount=type=bind,source=wheels,target=/wheels pip install --no-cache-dir /wheels/*.whl
//! ```

use super::apt_lists_left::APT;
use super::{Context, Finding, Rule, conda};
use crate::dockerfile::model::{Call, Script};
use crate::dockerfile::parse::words;

pub(super) static RULE: Rule = Rule {
    id: "late-removal",
    title: "Files of an earlier layer removed",
    others: &[],
    cost: "all that it seems to free",
    source: include_str!("late_removal.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let mut calls = script.calls.iter();
        let only_cleans = script.list.is_some() && !script.calls.is_empty() && calls.all(cleans);
        let copied = script
            .calls
            .iter()
            .find(|call| removes_copied(context, *at, call));
        let has_earlier = context.model.stage_of(*at).is_some_and(|stage| {
            context.model.file.instructions[stage.instructions.start..*at]
                .iter()
                .any(|one| one.name == "RUN" || one.name == "COPY")
        });
        let ships = context.model.ships(*at, "/");
        let message = match (only_cleans && has_earlier && is_real(script), copied) {
            (true, _) => "this hides files of earlier layers and frees nothing",
            (_, Some(_)) => "this hides files that a COPY brought and frees nothing",
            _ => continue,
        };
        if ships && !script.is_trigger {
            let range = copied.map_or_else(
                || context.model.file.instructions[*at].range.clone(),
                |call| call.range.clone(),
            );
            out.push(Finding::new(&RULE, *at, range, message));
        }
    }
    out
}

/// Whether a call only removes something.
fn cleans(call: &Call) -> bool {
    let is_apt = call.is(
        APT,
        &["clean", "autoclean", "autoremove", "purge", "remove"],
    );
    let is_other = call.is(
        &[
            "yum", "dnf", "microdnf", "npm", "yarn", "pip", "pip3", "gem", "go",
        ],
        &["clean", "cache", "cleanup"],
    );
    let is_conda = call.is(conda::PROGRAMS, &["clean"]);
    let is_find = call.program == "find" && call.has(&["-delete"]);
    is_apt
        || is_other
        || is_conda
        || is_find
        || ["rm", "cd", "sync", "set", "true", "echo"].contains(&call.program.as_str())
}

fn is_real(script: &Script) -> bool {
    script
        .calls
        .iter()
        .any(|call| !["cd", "sync", "set", "true", "echo"].contains(&call.program.as_str()))
}

/// Whether a call removes what a COPY or ADD of the same stage brought.
fn removes_copied(context: &Context<'_>, at: usize, call: &Call) -> bool {
    let Some(stage) = context.model.stage_of(at).filter(|_| call.program == "rm") else {
        return false;
    };
    let copies = context.model.file.instructions[stage.instructions.start..at].iter();
    let copies = copies.filter(|copy| copy.name == "COPY" || copy.name == "ADD");
    let targets: Vec<String> = copies
        .filter_map(|copy| {
            Some(
                words::plain(copy)
                    .last()?
                    .text
                    .trim_end_matches('/')
                    .to_owned(),
            )
        })
        .collect();
    let removed = call
        .arguments()
        .map(|word| word.trim_end_matches('/'))
        .filter(|word| word.starts_with('/') && word.len() > 1);
    removed
        .into_iter()
        .any(|word| targets.iter().any(|target| target == word))
}
