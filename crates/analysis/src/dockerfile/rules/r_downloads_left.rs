//! R packages installed with littler's scripts (`install2.r` and its relatives of the rocker images) or with pak:
//! R itself removes its downloads when it ends, but littler leaves them in `/tmp/downloaded_packages`, and pak
//! keeps a cache.
//!
//! **Fix.** littler's downloads are removed at the end of the RUN. *Safe*: nothing looks for them, and what is
//! missing is downloaded again. pak's cache is reported.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM rocker/r-ver:4.4.1
//! RUN install2.r --error dplyr
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM rocker/r-ver:4.4.1
//! RUN install2.r --error dplyr && rm -rf /tmp/downloaded_packages
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "r-downloads-left",
    title: "Downloads of R packages left in a layer",
    others: &[],
    cost: "about as much as the packages, compressed",
    source: include_str!("r_downloads_left.rs"),
    find,
};

/// Scripts that come with littler (its folder `examples`) and install packages.
const SCRIPTS: &[&str] = &[
    "install.r",
    "install2.r",
    "installBioc.r",
    "installDeps.r",
    "installGithub.r",
    "installRSPM.r",
    "installRub.r",
];

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| SCRIPTS.contains(&call.program.as_str()),
    cleans: |call| cleaning::removes(call, "/tmp/downloaded_packages"),
    paths: &["/tmp/downloaded_packages"],
    mounted_as: &[],
    moved_by: &["TMPDIR"],
    command: |call| cleaning::wrapped(call, "rm -rf /tmp/downloaded_packages"),
    needs_program: false,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "the downloaded packages stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = CLEANING.find(context);
    for (at, script) in &context.model.scripts {
        let cleans = |call: &Call| {
            call.program == "rm"
                && call
                    .words
                    .iter()
                    .any(|word| word.pattern.contains(".cache"))
                || speaks(call, "pak_cleanup")
                || speaks(call, "cache_clean")
        };
        let is_mounted = script.mounts.iter().any(|mount| mount.kind == "cache");
        let call = script.calls.iter().find(|call| installs_with_pak(call));
        let ships = context.model.ships(*at, "/root/.cache/R");
        let is_kept = ships && !is_mounted && !script.calls.iter().any(cleans);
        if let Some(call) = call.filter(|_| is_kept) {
            let message = "pak's cache stays in this layer; `pak::cache_clean()` empties it";
            out.push(Finding::new(&RULE, *at, call.range.clone(), message));
        }
    }
    out
}

fn speaks(call: &Call, text: &str) -> bool {
    call.arguments().any(|word| word.contains(text))
}

fn installs_with_pak(call: &Call) -> bool {
    let names = ["pak::pkg_install", "pak::pak(", "pak::local_install"];
    ["R", "Rscript", "r"].contains(&call.program.as_str())
        && names.iter().any(|name| speaks(call, name))
}
