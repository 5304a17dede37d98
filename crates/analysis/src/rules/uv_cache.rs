//! uv's cache of wheels, source builds and the index, `~/.cache/uv` of any user and `$UV_CACHE_DIR`.
//!
//! **Why it is safe.** uv reads it when it installs; what is installed does not. `uv cache clean` removes
//! it, `--no-cache` never makes it. Files that are hard-linked into an environment live on there:
//! only their name in the cache goes.
//!
//! **Evidence.** What uv was told to link (`--link-mode symlink`) is a link into the cache that stays,
//! and keeps the wheel. The environments of `uvx` and of scripts (`environments-v2`), which lie in the
//! same folder, are not touched, and keep what they link to. The cache stays when the image starts uv,
//! or a COPY put it there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.cache/uv/archive-v0/IgGkLylGDldcpVHo/six.py`, one more name of the file in
//! `site-packages`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "uv-cache",
    title: "uv cache",
    tier: Tier::Safe,
    why: "read by uv when it installs, never by what is installed",
    source: include_str!("uv_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// The buckets of the cache (uv's documentation, "Caching"; crates/uv-cache/src/lib.rs, `CacheBucket`).
const CACHE: Cache = Cache {
    tool: "uv",
    places: &[Place::UserCache("uv"), Place::Variable("UV_CACHE_DIR", "")],
    marks: &["CACHEDIR.TAG"],
    parts: &[
        "archive-v*/*",
        "builds-v*",
        "built-wheels-v*",
        "flat-index-v*",
        "git-v*",
        "interpreter-v*",
        "sdists-v*",
        "simple-v*",
        "wheels-v*",
    ],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    /// As uv 0.9 leaves it: archives, links to them, and an index.
    const CACHE: &str = "[RUN uv pip install six]\nroot/.cache/uv/CACHEDIR.TAG = x\nroot/.cache/uv/archive-v0/Ig/six.py = six\nroot/.cache/uv/simple-v18/pypi/six.rkyv = x\nroot/.cache/uv/wheels-v5/pypi/six/1.17 -> /root/.cache/uv/archive-v0/Ig\n";

    #[test]
    fn the_buckets_go_and_hard_linked_files_live_on() {
        let found = decide_text(&format!(
            "{CACHE}opt/v/lib/six.py == root/.cache/uv/archive-v0/Ig/six.py\n"
        ));
        for path in [
            "archive-v0/Ig/six.py",
            "simple-v18/pypi/six.rkyv",
            "wheels-v5/pypi/six/1.17",
        ] {
            assert!(
                found.gone.contains(&format!("/root/.cache/uv/{path}")),
                "{path}"
            );
        }
        assert!(!found.gone.contains("/opt/v/lib/six.py"));
    }

    #[test]
    fn an_environment_of_links_keeps_the_wheels_it_links_to() {
        let found = decide_text(&format!(
            "{CACHE}opt/v/lib/six.py -> /root/.cache/uv/archive-v0/Ig/six.py\n"
        ));
        assert!(!found.gone.contains("/root/.cache/uv/archive-v0/Ig/six.py"));
        assert!(
            found
                .gone
                .contains("/root/.cache/uv/simple-v18/pypi/six.rkyv")
        );
    }

    #[test]
    fn environments_of_uvx_stay_with_what_they_link_to() {
        let found = decide_text(&format!(
            "{CACHE}root/.cache/uv/environments-v2/tool -> ../archive-v0/Ig\n"
        ));
        assert!(!found.gone.contains("/root/.cache/uv/archive-v0/Ig/six.py"));
    }

    #[test]
    fn other_caches_of_the_user_stay() {
        let text = "[RUN x]\nroot/.cache/huggingface/hub/m.bin = x\nroot/.cache/torch/hub/m.pt = x\nroot/.cache/matplotlib/fontlist.json = x\nroot/.cache/ms-playwright/chromium/chrome = x\nroot/.cache/pre-commit/r/py_env/bin/x = x\nroot/.cache/deno/deps/x = x\nroot/.cache/R/renv/cache/v5/x = x\nroot/.cache/fontconfig/x = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
    }
}
