//! Poetry's cache of downloads and the index, `~/.cache/pypoetry` of any user and `$POETRY_CACHE_DIR`.
//!
//! **Why it is safe.** Poetry reads it when it installs; `poetry cache clear` removes it. The virtual
//! environments, which Poetry keeps in the same folder, are not touched.
//!
//! **Evidence.** Anything that stays and names a file in it. The cache stays when the image starts
//! Poetry to install, or a COPY put it there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.cache/pypoetry/artifacts`, `/root/.cache/pypoetry/cache/repositories`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "poetry-cache",
    title: "Poetry cache",
    tier: Tier::Safe,
    why: "read by Poetry when it installs, never by what is installed",
    source: include_str!("poetry_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// `virtualenvs` is what Poetry installs (Poetry's documentation, "Configuration", cache-dir).
const CACHE: Cache = Cache {
    tool: "poetry",
    places: &[
        Place::UserCache("pypoetry"),
        Place::Variable("POETRY_CACHE_DIR", ""),
    ],
    marks: &["cache/repositories", "artifacts/[0-9a-f][0-9a-f]"],
    parts: &["artifacts", "cache"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn downloads_go_and_environments_stay() {
        let found = decide_text(
            "[RUN poetry install]\nroot/.cache/pypoetry/artifacts/a/six.whl = x\nroot/.cache/pypoetry/cache/repositories/PyPI/x = x\nroot/.cache/pypoetry/virtualenvs/app/CACHEDIR.TAG = x\nroot/.cache/pypoetry/virtualenvs/app/lib/six.py = x\n",
        );
        assert!(
            found
                .gone
                .contains("/root/.cache/pypoetry/artifacts/a/six.whl")
        );
        assert!(
            found
                .gone
                .contains("/root/.cache/pypoetry/cache/repositories/PyPI/x")
        );
        assert!(!found.gone.iter().any(|path| path.contains("virtualenvs")));
    }

    #[test]
    fn a_folder_of_that_name_elsewhere_stays() {
        let text = "[RUN x]\nsrv/pypoetry/artifacts/00/x = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
    }
}
