//! pip's cache of downloads and built wheels, `~/.cache/pip` of any user and `$PIP_CACHE_DIR`.
//!
//! **Why it is safe.** pip reads it when it installs; what is installed does not. `pip cache purge`
//! removes it, `--no-cache-dir` never makes it.
//!
//! **Evidence.** Anything that stays and names a file in it by its path. The environment variable
//! that says where the cache is does not count. The cache stays when the image starts pip to install,
//! or is set to do without an index: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.cache/pip/http-v2`.

use ounce_image::NodeId;

use super::caches::{self, Place};
use super::{Context, Rule, Tier, installers};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "pip-cache",
    title: "pip cache",
    tier: Tier::Safe,
    why: "read by pip when it installs, never by what is installed",
    source: include_str!("pip_cache.rs"),
    find,
};

const PLACES: [Place; 2] = [
    Place::UserCache("pip"),
    Place::Variable("PIP_CACHE_DIR", ""),
];

/// What pip makes in its cache (pip's documentation, "Caching").
const FOLDERS: [&[u8]; 4] = [b"http", b"http-v2", b"wheels", b"selfcheck"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let claim = |cache| {
        let is_cached = |node: &NodeId| {
            FOLDERS.contains(&tree.name(*node)) && is_of_pip(context, *node, &made_by_run)
        };
        let unit = |node| Unit {
            guard: installers::guard(context, "pip", cache),
            ..context.whole(node)
        };
        let cached = tree.children(cache).filter(is_cached);
        Claim::new(&RULE, Some(cache), cached.map(unit).collect())
    };
    let caches = caches::folders(context, &PLACES);
    caches.into_iter().map(claim).collect()
}

/// Whether pip made all of it in a RUN step: wheels may be put there on purpose.
fn is_of_pip(context: &Context<'_>, folder: NodeId, made_by_run: impl Fn(NodeId) -> bool) -> bool {
    let mut files = context
        .tree
        .walk(folder)
        .filter(|node| context.tree.is_file(*node));
    context.tree.name(folder) != b"wheels" || files.all(made_by_run)
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn the_cache_of_every_user_goes() {
        let found = decide_text(
            "[RUN pip]\nroot/.cache/pip/http-v2/0/a = x\nhome/me/.cache/pip/wheels/b = y\nroot/.cache/other/c = z",
        );
        assert!(
            found.gone.contains("/root/.cache/pip/http-v2/0/a")
                && found.gone.contains("/home/me/.cache/pip/wheels/b")
        );
        assert!(!found.gone.contains("/root/.cache/other/c"));
    }

    #[test]
    fn wheels_that_a_script_installs_later_stay() {
        let found = decide_text(
            "[RUN pip]\nroot/.cache/pip/wheels/b.whl = y\napp/start.sh = pip install /root/.cache/pip/wheels/b.whl",
        );
        assert_eq!(found.gone, set(&[]));
    }
}
