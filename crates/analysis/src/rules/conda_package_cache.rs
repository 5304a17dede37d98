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

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, installers};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "conda-package-cache",
    title: "conda package cache",
    tier: Tier::Safe,
    why: "read by conda when it installs, never by what is installed",
    source: include_str!("conda_package_cache.rs"),
    find,
};

/// The folders of caches.
pub(crate) fn caches<'a>(context: &'a Context<'_>) -> impl Iterator<Item = NodeId> + 'a {
    let tree = context.tree;
    let prefixes = &context.conda_prefixes;
    let is_cache = move |node: &NodeId| {
        tree.name(*node) == b"pkgs"
            && (prefixes.contains(&tree.parent(*node)) || has_marks(tree, *node))
    };
    tree.walk(Tree::ROOT).filter(is_cache)
}

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let claim = |cache| {
        let guard = installers::guard(context, "conda", cache);
        let cached = tree.children(cache).filter(|child| is_cached(tree, *child));
        let units = cached.map(|child| Unit {
            guard: guard.clone(),
            ..context.whole(child)
        });
        Claim::new(&RULE, Some(cache), units.collect())
    };
    caches(context)
        .map(claim)
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

/// What conda and mamba leave in a cache that lies outside of an environment.
fn has_marks(tree: &Tree<'_>, folder: NodeId) -> bool {
    ["urls", "urls.txt"].iter().any(|name| {
        tree.child(folder, name.as_bytes())
            .is_some_and(|node| tree.is_file(node))
    }) || tree.children(folder).any(|child| is_extracted(tree, child))
}

/// Archives, extracted packages, the index of a channel and the lists of where all came from; what
/// else lies there is not conda's.
fn is_cached(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    let is_archive = name.ends_with(b".conda") || name.ends_with(b".tar.bz2");
    let is_list = matches!(name, b"urls" | b"urls.txt") && tree.is_file(node);
    (is_archive && tree.is_file(node))
        || is_list
        || (name == b"cache" && tree.is_directory(node))
        || is_extracted(tree, node)
}

/// `NAME-VERSION-BUILD/info/index.json` (conda-build's documentation, "Package metadata").
fn is_extracted(tree: &Tree<'_>, node: NodeId) -> bool {
    let index = tree
        .child(node, b"info")
        .and_then(|info| tree.child(info, b"index.json"));
    index.is_some_and(|index| tree.is_file(index))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[conda]\nc/conda-meta/a-1.json = {\"name\":\"a\",\"version\":\"1\",\"files\":[\"lib/a\"]}\nc/pkgs/a-1.conda = zip\nc/pkgs/a-1/info/index.json = {}\nc/pkgs/a-1/lib/a = data\nc/lib/a == c/pkgs/a-1/lib/a\n";

    #[test]
    fn archives_and_extracted_folders_go_and_linked_files_live_on() {
        let found = decide_text(CACHE);
        assert!(
            found.gone.contains("/c/pkgs/a-1.conda") && found.gone.contains("/c/pkgs/a-1/lib/a")
        );
        assert!(!found.gone.contains("/c/lib/a"));
    }

    #[test]
    fn a_package_that_a_script_names_stays() {
        let found = decide_text(&format!(
            "{CACHE}usr/bin/t (0755) = #!/bin/sh\\n. /c/pkgs/a-1/lib/a\n"
        ));
        assert_eq!(found.gone, set(&["/c/pkgs/a-1.conda"]));
        assert_eq!(
            found.held["/c/pkgs/a-1/lib/a"],
            "/usr/bin/t names /c/pkgs/a-1/lib/a"
        );
    }

    #[test]
    fn what_is_not_of_conda_stays_in_the_cache_and_elsewhere() {
        let found = decide_text(&format!(
            "{CACHE}c/pkgs/setup.sh = x\nopt/pkgs/foo.tar.bz2 = z\nopt/pkgs/install.sh = y\n"
        ));
        for path in [
            "/c/pkgs/setup.sh",
            "/opt/pkgs/foo.tar.bz2",
            "/opt/pkgs/install.sh",
        ] {
            assert!(!found.gone.contains(path), "{path}");
        }
    }

    #[test]
    fn a_folder_that_is_only_called_so_stays() {
        assert_eq!(
            decide_text("[a]\nsrv/pkgs/readme = x\nsrv/pkgs/data.zip = y").gone,
            set(&[])
        );
    }
}
