//! Debian's package `adduser` installed to make a user: `useradd` is in every Debian and Ubuntu image, and
//! is what `adduser` calls.
//!
//! **Fix.** `adduser` becomes `useradd` with the same user id, group, home, shell and comment, and the package is no
//! longer installed; where it was the only one, apt is not called at all. *Unsafe*: newer releases of `adduser`
//! also put the user into the group `users`. No fix where an option has no counterpart, where a home
//! is made, or where something later calls `adduser` or its relatives.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN apt-get update && apt-get install -y adduser && \
//!     adduser --disabled-password --gecos "" --no-create-home --uid 1000 app && \
//!     rm -rf /var/lib/apt/lists/*
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN useradd --password '*' --comment "" --no-create-home --uid 1000 --user-group app && \
//!     rm -rf /var/lib/apt/lists/*
//! ```

use super::apt_lists_left::APT;
use super::{Context, Finding, Rule};
use crate::dockerfile::edits;
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "adduser-package",
    title: "adduser installed to make a user",
    others: &[],
    cost: "1 MB, or 50 MB where it brings perl",
    source: include_str!("adduser_package.rs"),
    find,
};

/// Options of `adduser` (adduser(8)) and those of `useradd` (useradd(8)) that do the same; whether a value follows.
const OPTIONS: [(&str, &str, bool); 8] = [
    ("--disabled-password", "--password '*'", false),
    ("--no-create-home", "--no-create-home", false),
    ("--gecos", "--comment", true),
    ("--comment", "--comment", true),
    ("--home", "--home-dir", true),
    ("--shell", "--shell", true),
    ("--uid", "--uid", true),
    ("--gid", "--gid", true),
];

/// Programs of the package.
const PROGRAMS: &[&str] = &["adduser", "addgroup", "deluser", "delgroup"];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let install = script.calls.iter().find_map(|call| {
            let word = packages(call)
                .into_iter()
                .find(|word| call.words[*word].value.as_deref() == Some("adduser"))?;
            Some((call, word))
        });
        let Some((call, word)) = install else {
            continue;
        };
        let finding = Finding::new(
            &RULE,
            *at,
            call.words[word].range.clone(),
            "`useradd` makes users without this package",
        );
        out.push(match edits_of(context, *at, script, call, word) {
            Some(edits) => finding.with_fix(Safety::Unsafe, "make the user with `useradd`", edits),
            None => finding,
        });
    }
    out
}

/// The words of an install that are packages, in so far as they are known.
fn packages(call: &Call) -> Vec<usize> {
    let verb = call.verb().filter(|_| call.is(APT, &["install"]));
    let from = verb.map_or(call.words.len(), |(verb, _)| verb + 1);
    (from..call.words.len())
        .filter(|at| !call.words[*at].pattern.starts_with('-'))
        .collect()
}

fn edits_of(
    context: &Context<'_>,
    at: usize,
    script: &Script,
    install: &Call,
    word: usize,
) -> Option<Vec<Edit>> {
    let model = context.model;
    let mut uses = script
        .calls
        .iter()
        .filter(|call| PROGRAMS.contains(&call.program.as_str()));
    let adduser = uses.next().filter(|call| {
        call.program == "adduser" && call.wrappers.is_empty() && call.place.is_plain
    })?;
    let later = model
        .after(at)
        .into_iter()
        .filter_map(|at| model.scripts.get(&at));
    let mut later = later.flat_map(|script| &script.calls);
    if uses.next().is_some()
        || later.any(|call| PROGRAMS.contains(&call.program.as_str()))
        || script.is_trigger
    {
        return None;
    }
    let mut edits = useradd(adduser)?;
    edits.extend(uninstall(context, at, script, install, word)?);
    Some(edits)
}

/// The call rewritten, word by word.
fn useradd(call: &Call) -> Option<Vec<Edit>> {
    let edit = |at: usize, text: &str| Edit {
        range: call.words[at].range.clone(),
        text: text.to_owned(),
    };
    let mut edits = vec![edit(0, "useradd")];
    let mut user = None;
    let mut at = 1;
    let (mut has_home, mut has_group) = (true, false);
    while at < call.words.len() {
        let word = &call.words[at];
        if !word.pattern.starts_with('-') {
            // A name that begins with a variable is one all the same; two names mean something else.
            if user.replace(at).is_some() {
                return None;
            }
        } else {
            let (_, own, has_value) = OPTIONS
                .iter()
                .find(|row| row.0 == word.pattern && word.value.is_some())?;
            has_home &= *own != "--no-create-home";
            has_group |= *own == "--gid";
            edits.push(edit(at, own));
            at += usize::from(*has_value);
        }
        at += 1;
    }
    if has_home || at > call.words.len() {
        return None;
    }
    if !has_group {
        let start = call.words[user?].range.start;
        edits.push(Edit {
            range: start..start,
            text: "--user-group ".to_owned(),
        });
    }
    user.map(|_| edits)
}

/// Takes the package out of the install, or the install and the update before it out of the chain.
fn uninstall(
    context: &Context<'_>,
    at: usize,
    script: &Script,
    install: &Call,
    word: usize,
) -> Option<Vec<Edit>> {
    let model = context.model;
    if packages(install).len() > 1 {
        return Some(vec![edits::remove_word(model, &install.words[word].range)?]);
    }
    let updates = |call: &&Call| {
        call.is(APT, &["update"])
            && call.place.is_plain
            && call.place.statement == install.place.statement
            && call.place.pipeline + 1 == install.place.pipeline
    };
    let other_installs = script
        .calls
        .iter()
        .filter(|call| call.is(APT, &["install", "upgrade", "dist-upgrade"]))
        .count()
        > 1;
    let calls: Vec<&Call> = match script
        .calls
        .iter()
        .find(updates)
        .filter(|_| !other_installs)
    {
        Some(update) => vec![update, install],
        None => vec![install],
    };
    Some(vec![edits::remove(model, at, &calls)?])
}
