//! `zypper` without `clean --all` in the same RUN: metadata and downloaded packages stay.
//!
//! **Fix.** `zypper clean --all` is added to the end of the RUN, behind `&&`. *Safe*: what is missing later is
//! downloaded again. No fix where the RUN may succeed without having called the program.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN zypper install -y gcc
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN zypper install -y gcc && zypper clean --all
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "zypper-cache-left",
    title: "Caches of zypper left in a layer",
    others: &["DL3036"],
    cost: "20 to 200 MB",
    source: include_str!("zypper_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let verbs = [
            "install",
            "in",
            "update",
            "up",
            "dist-upgrade",
            "dup",
            "refresh",
            "ref",
            "patch",
        ];
        call.is(&["zypper"], &verbs)
    },
    cleans: |call| {
        call.is(&["zypper"], &["clean", "cc"]) || cleaning::removes(call, "/var/cache/zypp")
    },
    paths: &["/var/cache/zypp"],
    mounted_as: &[],
    moved_by: &[],
    command: |call| cleaning::wrapped(call, "zypper clean --all"),
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "metadata and packages stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
