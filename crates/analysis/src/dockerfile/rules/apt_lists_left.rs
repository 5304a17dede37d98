//! `apt-get update` without `rm -rf /var/lib/apt/lists/*` in the same RUN. A later RUN cannot take the lists
//! out of the layer that has them. Stages of which nobody gets the lists are left alone, and so are RUNs
//! with a cache mount over them.
//!
//! **Fix.** The removal is added to the end of the RUN, behind `&&`. *Safe* where nothing after it needs
//! the lists: every later command of the stage, and of stages that build on it, is known not to install
//! packages, or updates the lists first. Else *unsafe*: a script of the project may install packages,
//! or a package of the file works with the lists, as apt-file does. No fix where a later RUN installs from these lists
//! (`apt-update-alone`) or what containers start names apt, where the end may not be reached (`exit`, a command in the background), where the update stands in a
//! condition, or in ONBUILD.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN apt-get update && apt-get install -y curl
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//! ```

use super::cleaning::{self, Cleaning, Uses};
use super::{Context, Finding, Rule};
use crate::dockerfile::model::Script;

pub(super) const APT: &[&str] = &["apt-get", "apt", "aptitude"];

/// Programs, and packages of these names, that work with the lists (their manual pages; apt-file(1) keeps the lists
/// of packages' files there).
const READERS: &[&str] = &[
    "apt",
    "apt-cache",
    "apt-file",
    "apt-get",
    "apt-rdepends",
    "apt-show-versions",
    "apt-xapian-index",
    "apticron",
    "aptitude",
    "dctrl-tools",
    "debtree",
    "grep-aptavail",
    "how-can-i-help",
    "nala",
    "packagekit",
    "python3-apt",
    "synaptic",
    "unattended-upgrade",
    "unattended-upgrades",
    "wajig",
];

pub(super) static RULE: Rule = Rule {
    id: "apt-lists-left",
    title: "apt's package lists left in a layer",
    others: &["DL3009"],
    cost: "20 to 50 MB",
    source: include_str!("apt_lists_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| call.is(APT, &["update"]),
    cleans: |call| {
        cleaning::removes(call, "/var/lib/apt/lists") || call.is(APT, &["distclean", "dist-clean"])
    },
    paths: &["/var/lib/apt/lists"],
    mounted_as: &[],
    moved_by: &[],
    command: |call| cleaning::wrapped(call, "rm -rf /var/lib/apt/lists/*"),
    needs_program: false,
    uses: Some(Uses {
        call: uses,
        programs: READERS,
    }),
    feeds: None,
    is_known: cleaning::always,
    what: "apt's package lists stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut found = CLEANING.find(context);
    // What such a RUN brings is for the next ones: `apt-update-alone`.
    let only_updates = |script: &Script| script.calls.iter().all(|call| call.is(APT, &["update"]));
    for finding in &mut found {
        let script = context.model.scripts.get(&finding.instruction);
        if script.is_some_and(only_updates) {
            finding.fix = None;
        }
    }
    found
}

/// Whether a call looks things up in the lists without updating them in the same script before.
fn uses(script: &Script, at: usize) -> Option<bool> {
    let call = &script.calls[at];
    let is_updated = script.calls[..at]
        .iter()
        .any(|call| call.is(APT, &["update"]) && call.place.is_plain);
    let needs_none = [
        "update",
        "clean",
        "autoclean",
        "autoremove",
        "remove",
        "purge",
    ];
    match call.program.as_str() {
        "apt-get" | "apt" | "aptitude" => Some(
            !is_updated
                && call
                    .verb()
                    .is_none_or(|(_, verb)| !needs_none.contains(&verb)),
        ),
        "apt-key"
        | "apt-mark"
        | "dpkg"
        | "debconf-set-selections"
        | "add-apt-repository"
        | "apt-add-repository" => Some(false),
        _ => None,
    }
}
