//! `go build` or `go install` without removing what it downloaded and compiled on the way in the same RUN: the sources
//! of all modules, and every package as an object.
//!
//! **Fix.** `go clean -cache -modcache` is added to the end of the RUN. *Safe* where the base image is known for a
//! release that does this without touching the program (Go 1.13), and where all that containers start is named
//! and cannot be Go; else *unsafe*. No fix where a later RUN builds from what this one downloaded: mount the
//! caches there, `RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build`.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN go install example.org/tool@v1.2.3
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM golang:1.24
//! RUN go install example.org/tool@v1.2.3 && go clean -cache -modcache
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule, bases, started};
use crate::dockerfile::model::Call;

pub(super) static RULE: Rule = Rule {
    id: "go-cache-left",
    title: "Go's caches left in a layer",
    others: &[],
    cost: "100 MB to 1 GB",
    source: include_str!("go_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| builds(call) || call.is(&["go"], &["get", "mod"]) && !call.has(&["-json"]),
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        let is_rm = call.program == "rm";
        call.is(&["go"], &["clean"])
            || is_rm && (names("go-build") || names("/go/pkg") || names("/go/*"))
            || is_rm && (names("/root/.cache") || names("/usr/local/go"))
    },
    paths: &["/go/pkg/mod", "/root/go/pkg/mod", "/root/.cache/go-build"],
    mounted_as: &["/go/", "go-build", "gocache", "/go"],
    moved_by: &["GOCACHE", "GOMODCACHE", "GOFLAGS"],
    command: |call| cleaning::wrapped(call, "go clean -cache -modcache"),
    needs_program: true,
    uses: None,
    feeds: Some(builds),
    is_known: |context, at| {
        bases::go_cleans_caches_alone(context, at) && started::starts_none(context, at, &["go"])
    },
    what: "Go's caches stay in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}

fn builds(call: &Call) -> bool {
    call.is(
        &["go"],
        &["build", "install", "test", "run", "generate", "vet"],
    )
}
