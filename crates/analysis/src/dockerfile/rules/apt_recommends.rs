//! `apt-get install` without `--no-install-recommends`: what the packages recommend is installed too.
//!
//! **Fix.** The option is added. *Unsafe*: something recommended may be what makes a program work, as
//! `ca-certificates` does for `curl`; build and test the image. No fix where the file sets
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
//! RUN apt-get update && apt-get install --no-install-recommends -y git && rm -rf /var/lib/apt/lists/*
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;

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
                Some(range) => finding.with_fix(
                    Safety::Unsafe,
                    "add `--no-install-recommends`",
                    vec![edits::insert_after(range, " --no-install-recommends")],
                ),
                None => finding,
            });
        }
    }
    out
}
