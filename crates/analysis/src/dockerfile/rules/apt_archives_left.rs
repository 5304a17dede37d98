//! `apt-get install` without `apt-get clean` in the same RUN, where apt keeps the packages that it downloads.
//! The images of Debian and Ubuntu, and what is built on them, are set to remove them after each installation
//! (`/etc/apt/apt.conf.d/docker-clean`), so this is found where the file takes that setting away, and where
//! the image at hand (`--image`) has such packages. RUNs with a cache mount over them are left alone.
//!
//! **Fix.** `apt-get clean` is added to the end of the RUN, behind `&&`. *Safe*: what is missing later is
//! downloaded again. No fix where the RUN may succeed without having called apt.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get update && apt-get install -y curl
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN rm /etc/apt/apt.conf.d/docker-clean && apt-get update && apt-get install -y curl && apt-get clean
//! ```

use super::apt_lists_left::APT;
use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "apt-archives-left",
    title: "Packages that apt downloaded left in a layer",
    others: &[],
    cost: "as much as was downloaded, a third of what was installed",
    source: include_str!("apt_archives_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let verbs = [
            "install",
            "reinstall",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "build-dep",
        ];
        call.is(APT, &verbs)
    },
    cleans: |call| {
        let is_clean = call.is(APT, &["clean", "distclean", "dist-clean"]);
        is_clean || cleaning::removes(call, "/var/cache/apt/archives")
    },
    paths: &["/var/cache/apt/archives"],
    mounted_as: &[],
    moved_by: &[],
    command: |call| cleaning::wrapped(call, "apt-get clean"),
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "packages that apt downloaded stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let is_kept = context.keeps_archives || keeps_them(context.model.file.text);
    match is_kept {
        true => CLEANING.find(context),
        false => Vec::new(),
    }
}

/// Whether a file changes what apt does with packages that it has installed.
/// Source: `docker-clean` of the scripts that make Debian's images, github.com/debuerreotype/debuerreotype.
fn keeps_them(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"apt.conf.d/docker-clean").is_some()
        || memchr::memmem::find_iter(text, b"Keep-Downloaded-Packages").any(|at| {
            let value = text[at..].split(|byte| *byte == b';').next();
            value.is_some_and(|value| memchr::memmem::find(value, b"true").is_some())
        })
}
