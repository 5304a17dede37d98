//! `apt-get install` without `--no-install-recommends`: what the packages recommend is installed too.
//!
//! **Fix.** The option is added, and what is known to be needed of the recommended packages is named: `ca-certificates` for
//! curl, wget and git, `libc6-dev` for gcc. *Unsafe*: something else that was recommended may be what makes a
//! program work; build and test the image. No fix where the file sets
//! `APT::Install-Recommends` itself.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN apt-get update && apt-get install --no-install-recommends -y git ca-certificates && rm -rf /var/lib/apt/lists/*
//! ```

use std::collections::BTreeSet;

use super::{Context, Finding, Rule};
use crate::dockerfile::edits;
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::Call;
use crate::dockerfile::model::call::Argument;

pub(super) static RULE: Rule = Rule {
    id: "apt-recommends",
    title: "Recommended packages installed by apt",
    others: &["DL3015"],
    cost: "often as much as what was asked for",
    source: include_str!("apt_recommends.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let text = context.model.file.text;
    if memchr::memmem::find(text, b"Install-Recommends").is_some() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let calls = script
            .calls
            .iter()
            .filter(|call| call.is(&["apt-get", "apt"], &["install"]));
        for call in calls.filter(|call| {
            !call.has(&["--no-install-recommends"]) && context.model.ships(*at, "/usr")
        }) {
            let message = "what the packages recommend is installed too";
            let finding = Finding::new(&RULE, *at, call.range.clone(), message);
            let verb = call.verb().map(|(verb, _)| &call.words[verb].range);
            let place = verb.filter(|_| script.list.is_some() && !script.is_trigger);
            out.push(match place {
                Some(range) => {
                    let mut changes = vec![edits::insert_after(range, " --no-install-recommends")];
                    changes.extend(needed(context, *at, call));
                    finding.with_fix(Safety::Unsafe, "add `--no-install-recommends`", changes)
                }
                None => finding,
            });
        }
    }
    out
}

/// Packages that only recommend what they are hardly of use without: certificates for `https`, the C library's headers,
/// R's own packages. Source: the field Recommends of Debian's and Ubuntu's packages, in all releases since Debian 8.
const NEEDED: [(&str, &str); 5] = [
    ("curl", "ca-certificates"),
    ("gcc", "libc6-dev"),
    ("git", "ca-certificates"),
    ("r-base", "r-recommended"),
    ("wget", "ca-certificates"),
];

/// Names what is needed of the recommended packages, where nothing up to here names it.
fn needed(context: &Context<'_>, at: usize, call: &Call) -> Vec<Edit> {
    let model = context.model;
    let before: Vec<usize> = model.history(at).into_iter().chain([at]).collect();
    let speaks = |package: &str| {
        let mut texts = before
            .iter()
            .map(|at| model.file.instructions[*at].line.bytes());
        texts.any(|text| memchr::memmem::find(text, package.as_bytes()).is_some())
    };
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let of = |word: &Argument| {
        let name = word.value.as_deref()?.split('=').next()?;
        let (_, needed) = NEEDED.iter().find(|row| row.0 == name)?;
        let is_new = !speaks(needed) && named.insert(needed);
        is_new.then(|| edits::insert_after(&word.range, format!(" {needed}")))
    };
    call.words.iter().skip(2).filter_map(of).collect()
}
