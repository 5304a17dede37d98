//! `dnf`, `yum` or `microdnf` without `clean all` in the same RUN: metadata and downloaded packages stay.
//!
//! **Fix.** `clean all` of the same program is added to the end of the RUN, behind `&&`. *Safe*: what is missing
//! later is downloaded again. No fix where the RUN may succeed without having called the program.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN dnf install -y gcc
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN dnf install -y gcc && dnf clean all
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

const PROGRAMS: &[&str] = &["dnf", "yum", "microdnf"];

pub(super) static RULE: Rule = Rule {
    id: "dnf-cache-left",
    title: "Caches of dnf or yum left in a layer",
    others: &["DL3032", "DL3040"],
    cost: "20 to 300 MB",
    source: include_str!("dnf_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let verbs = [
            "install",
            "update",
            "upgrade",
            "groupinstall",
            "localinstall",
            "reinstall",
            "makecache",
        ];
        call.is(PROGRAMS, &verbs)
    },
    cleans: |call| {
        let removes = |path| cleaning::removes(call, path);
        call.is(PROGRAMS, &["clean"]) || removes("/var/cache/dnf") || removes("/var/cache/yum")
    },
    paths: &["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5"],
    mounted_as: &[],
    moved_by: &[],
    command: |call| {
        let program = call.words.first().map_or("", |word| word.pattern.as_str());
        cleaning::wrapped(call, &format!("{program} clean all"))
    },
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "metadata and packages stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
