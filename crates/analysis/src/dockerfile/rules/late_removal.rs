//! A RUN that removes what an earlier instruction put into the image. The layer that has the files stays as it
//! is: the RUN hides them and frees nothing.
//!
//! **Fix.** The removal moves back into the RUN before it, where that made what is removed. *Safe* where that RUN
//! leaves nothing in its shell that could matter, and only settings stand between the two, or files that are copied
//! elsewhere; *unsafe* where it calls programs that ounce does not know, which may still run when it ends. No fix where
//! another RUN stands between them. What a COPY brought can be mounted for the RUN that needs it, `RUN --mount=type=bind,source=...`.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN wget -O /tmp/tool.tar.gz https://example.org/tool.tar.gz && tar -xzf /tmp/tool.tar.gz -C /opt
//! RUN rm /tmp/tool.tar.gz
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN wget -O /tmp/tool.tar.gz https://example.org/tool.tar.gz && tar -xzf /tmp/tool.tar.gz -C /opt && \
//!     rm /tmp/tool.tar.gz
//! ```

use super::apt_lists_left::APT;
use super::{Context, Finding, Rule, conda};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Edit;
use crate::dockerfile::model::{Call, Script};
use crate::dockerfile::parse::words;
use crate::dockerfile::runs::{self, Joining};

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
        let copied = script
            .calls
            .iter()
            .find(|call| removes_copied(context, *at, call));
        let has_earlier = context.model.stage_of(*at).is_some_and(|stage| {
            context.model.file.instructions[stage.instructions.start..*at]
                .iter()
                .any(|one| one.name == "RUN" || one.name == "COPY")
        });
        let ships = ships(context, *at, script);
        let only_cleans = only_cleans(script) && has_earlier;
        let message = match (only_cleans, copied) {
            (true, _) => "this hides files of earlier layers and frees nothing",
            (_, Some(_)) => "this hides files that a COPY brought and frees nothing",
            _ => continue,
        };
        if ships && !script.is_trigger {
            let range = copied.map_or_else(
                || context.model.file.instructions[*at].range.clone(),
                |call| call.range.clone(),
            );
            let finding = Finding::new(&RULE, *at, range, message);
            let back = back(context, *at).filter(|_| only_cleans && copied.is_none());
            out.push(match back {
                Some((_, joining)) => finding.with_fix(
                    joining.safety,
                    "remove them in the RUN before",
                    joining.edits,
                ),
                None => finding,
            });
        }
    }
    out
}

/// Whether anything that a script removes, where that is known, is in an image that somebody gets.
fn ships(context: &Context<'_>, at: usize, script: &Script) -> bool {
    let words = script
        .calls
        .iter()
        .flat_map(|call| call.words.iter().skip(1));
    let mut paths = words
        .map(|word| word.pattern.as_str())
        .filter(|word| !word.starts_with('-'));
    paths.any(|path| {
        let is_known = path.starts_with('/') && path.len() > 1;
        context.model.ships(at, if is_known { path } else { "/" })
    })
}

/// The RUN before one that only cleans up, and what moves the cleaning there, where that RUN made what is removed.
pub(super) fn back(context: &Context<'_>, at: usize) -> Option<(usize, Joining)> {
    let model = context.model;
    let script = model
        .scripts
        .get(&at)
        .filter(|script| only_cleans(script))?;
    let stage = model.stage_of(at)?;
    let before = (stage.instructions.start..at)
        .rev()
        .find(|at| model.file.instructions[*at].name == "RUN")?;
    if !script.calls.iter().any(|call| makes(context, before, call)) {
        return None;
    }
    if before + 1 == at {
        return Some((before, runs::join(model, before, at)?));
    }
    let is_free = runs::cleans_by_name(script)
        && script.calls.iter().all(|call| {
            call.program == "rm" && call.wrappers.is_empty() || call.is(&["apt-get"], &["clean"])
        });
    let mut between = before + 1..at;
    if !is_free || !between.all(|other| is_apart(context, other, script)) {
        return None;
    }
    Some((before, moved(context, before, at)?))
}

/// Whether a RUN made something that a call removes, as far as the file tells.
fn makes(context: &Context<'_>, run: usize, removal: &Call) -> bool {
    let model = context.model;
    let Some(script) = model.scripts.get(&run) else {
        return false;
    };
    let calls = |programs: &[&str]| {
        let mut calls = script.calls.iter();
        calls.any(|call| programs.contains(&call.program.as_str()))
    };
    if !["rm", "find"].contains(&removal.program.as_str()) {
        let is_apt = APT.contains(&removal.program.as_str());
        return calls(&[&removal.program]) || is_apt && calls(APT);
    }
    let only_files = script
        .calls
        .iter()
        .all(|call| FILE_PROGRAMS.contains(&call.program.as_str()));
    let mut words = removal
        .words
        .iter()
        .skip(1)
        .filter(|word| !word.pattern.starts_with('-'));
    words.any(|word| {
        let known = CACHES
            .iter()
            .find(|row| super::cleaning::overlap(row.0, &word.pattern));
        match known.filter(|_| word.pattern.starts_with('/')) {
            Some((_, programs)) => calls(programs),
            None => !only_files && !is_older(context, run, &model.text(word.range.clone())),
        }
    })
}

/// Caches, and the programs that fill them.
const CACHES: [(&str, &[&str]); 5] = [
    ("/var/lib/apt/lists", APT),
    ("/var/cache/apt", APT),
    ("/var/cache/yum", &["yum", "dnf", "microdnf"]),
    ("/var/cache/dnf", &["yum", "dnf", "microdnf"]),
    (
        "/root/.cache",
        &[
            "pip", "pip3", "uv", "poetry", "conda", "mamba", "go", "yarn", "R", "Rscript",
        ],
    ),
];

/// Programs that make no mess.
const FILE_PROGRAMS: [&str; 10] = [
    "chmod", "chown", "echo", "ln", "mkdir", "rm", "rmdir", "sed", "touch", "true",
];

/// Whether something before a RUN of the same stage names a path, so that it may be older.
fn is_older(context: &Context<'_>, run: usize, path: &str) -> bool {
    let path = path.trim_matches(['"', '\'']);
    let known = path.split(['*', '?', '[']).next().unwrap_or_default();
    let is_glob = known.len() < path.len();
    let path = known.trim_end_matches('/');
    let start = context
        .model
        .stage_of(run)
        .map_or(0, |stage| stage.instructions.start);
    let mut before = context.model.file.instructions[start..run].iter();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_apart = |c: char| !c.is_alphanumeric() && !"-_.${}".contains(c);
    let is_named = |argument: &str| {
        let mut words = argument.split(is_apart);
        words.any(|word| word == name || is_glob && word.starts_with(name))
    };
    name.is_empty()
        || before
            .any(|one| !["ENV", "ARG"].contains(&one.name.as_str()) && is_named(&one.argument()))
}

/// Whether what an instruction does is the same before and after a removal.
fn is_apart(context: &Context<'_>, at: usize, removal: &Script) -> bool {
    let one = &context.model.file.instructions[at];
    let overlaps = |path: &str| {
        let mut words = removal.calls.iter().flat_map(|call| &call.words);
        words.any(|word| super::cleaning::overlap(&word.pattern, path))
    };
    match one.name.as_str() {
        "LABEL" | "EXPOSE" | "CMD" | "ENTRYPOINT" | "STOPSIGNAL" | "HEALTHCHECK" | "MAINTAINER" => {
            true
        }
        "ENV" | "ARG" => !one.argument().contains("PATH"),
        "COPY" => {
            let target = words::plain(one).pop().map(|word| word.text);
            target.is_some_and(|path| {
                path.len() > 1 && path.starts_with('/') && !path.contains('$') && !overlaps(&path)
            })
        }
        _ => false,
    }
}

/// The removal added to an earlier RUN, and taken out where it stands.
fn moved(context: &Context<'_>, before: usize, at: usize) -> Option<Joining> {
    let model = context.model;
    let (early, late) = (
        &model.file.instructions[before],
        &model.file.instructions[at],
    );
    let is_plain = |flags: &[_]| flags.is_empty();
    let lines = model.text(late.lines.clone());
    let is_simple =
        late.heredocs.is_empty() && late.list.is_none() && lines.trim_end().lines().count() == 1;
    // Behind `&&` only a chain of it means the same, and a comment would hide what follows.
    let is_chain = edits::is_one_chain(model, at) && edits::end_of(model, at)? == late.range.end;
    if !is_simple || !is_chain || !is_plain(&early.flags) || !is_plain(&late.flags) {
        return None;
    }
    let safety = runs::safety_before_cleaning(model.scripts.get(&before)?)?;
    let append = edits::append(model, before, late.argument().trim())?;
    let removal = Edit {
        range: late.lines.clone(),
        text: String::new(),
    };
    Some(Joining {
        edits: vec![append, removal],
        safety,
    })
}

/// Whether a script does nothing but remove things.
fn only_cleans(script: &Script) -> bool {
    let echoes = script.calls.iter().any(|call| call.program == "echo");
    let writes = echoes && memchr::memchr(b'>', script.text.bytes()).is_some();
    script.list.is_some() && is_real(script) && !writes && script.calls.iter().all(cleans)
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
