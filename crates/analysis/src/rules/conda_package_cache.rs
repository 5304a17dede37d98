//! conda's package cache: downloaded archives and their extracted folders under `pkgs/`.
//!
//! **Why it is safe.** conda, mamba and micromamba use the cache when they install, never when an
//! environment runs; `conda clean --all` exists to remove it. (`micromamba clean --all` leaves the
//! extracted folders, and without `--force-pkgs-dirs` everything that is linked.)
//!
//! **Evidence.** Anything that stays and names a file in the cache, or the cache itself, holds the
//! package back; conda's own records of where a package came from do not count. A file that is
//! hard-linked into an environment keeps its content: only its name in the cache goes, and its
//! bytes are not counted as saved.
//!
//! **Example.** `/opt/conda/pkgs/openjdk-17.0.15-h5ddf6bc_0/lib/jvm/lib/src.zip`, one more name of
//! the file in `/opt/conda/lib/jvm`, and `/opt/conda/pkgs/openjdk-17.0.15-h5ddf6bc_0.conda`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "conda-package-cache",
    title: "conda package cache",
    tier: Tier::Safe,
    why: "read by conda when it installs, never by what is installed",
    source: include_str!("conda_package_cache.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let caches = tree
        .walk(ounce_image::Tree::ROOT)
        .filter(|node| is_cache(context, *node));
    let claim = |cache| Claim {
        rule: &RULE,
        area: Some(cache),
        units: tree
            .children(cache)
            .map(|child| context.whole(child))
            .collect(),
    };
    caches.map(claim).collect()
}

/// A folder `pkgs` that holds archives or extracted packages.
fn is_cache(context: &Context<'_>, node: NodeId) -> bool {
    let tree = context.tree;
    tree.name(node) == b"pkgs"
        && tree.children(node).any(|child| {
            let name = tree.name(child);
            let is_archive = name.ends_with(b".conda") || name.ends_with(b".tar.bz2");
            let index = || {
                tree.child(child, b"info")
                    .and_then(|info| tree.child(info, b"index.json"))
            };
            (is_archive && tree.is_file(child)) || index().is_some()
        })
}
