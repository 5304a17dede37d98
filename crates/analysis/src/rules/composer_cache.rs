//! Composer's cache of downloads, `~/.composer/cache` and `~/.cache/composer` of any user, and what
//! `$COMPOSER_HOME` and `$COMPOSER_CACHE_DIR` say.
//!
//! **Why it is safe.** Composer reads it when it installs; `vendor` holds copies. `composer clear-cache`
//! removes it.
//!
//! **Evidence.** Anything that stays and names a file in it. The cache stays when the image starts
//! Composer to install, when it may not use the network, or a COPY put it there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/root/.composer/cache/files`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "composer-cache",
    title: "Composer cache",
    tier: Tier::Safe,
    why: "read by Composer when it installs, never by what is installed",
    source: include_str!("composer_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// Composer's documentation, "Config", cache-dir and the settings after it.
const CACHE: Cache = Cache {
    tool: "composer",
    places: &[
        Place::UserCache("composer"),
        Place::Home(".composer/cache"),
        Place::Variable("COMPOSER_HOME", "cache"),
        Place::Variable("COMPOSER_CACHE_DIR", ""),
    ],
    marks: &[".htaccess", "repo/http*"],
    parts: &["files", "repo", "vcs"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN composer install]\nroot/.composer/cache/.htaccess = x\nroot/.cache/composer/.htaccess = x\nroot/.composer/cache/files/a/b/c.zip = x\nroot/.composer/cache/repo/https---repo/p.json = x\nroot/.cache/composer/vcs/x/HEAD = x\nroot/.composer/auth.json = x\nroot/.composer/vendor/bin/tool = x\n";

    #[test]
    fn downloads_go_and_what_was_installed_stays() {
        let found = decide_text(CACHE);
        for path in [
            "/root/.composer/cache/files/a/b/c.zip",
            "/root/.composer/cache/repo/https---repo/p.json",
            "/root/.cache/composer/vcs/x/HEAD",
        ] {
            assert!(found.gone.contains(path), "{path}");
        }
        assert!(
            !found
                .gone
                .iter()
                .any(|path| path.contains("auth") || path.contains("vendor"))
        );
    }

    #[test]
    fn a_script_that_sources_a_file_of_the_cache_keeps_it() {
        let found = decide_text(&format!(
            "{CACHE}app/t.sh = . \"$HOME\"/.composer/cache/files/a/b/c.zip\n"
        ));
        assert!(!found.gone.contains("/root/.composer/cache/files/a/b/c.zip"));
        assert_ne!(found.gone, set(&[]));
    }

    #[test]
    fn a_folder_of_data_that_a_variable_names_stays() {
        let text = "[RUN x]\ndata/files/a = x\ndata/repo/b = x\n";
        let config = serde_json::json!({ "Env": ["COMPOSER_CACHE_DIR=/data"] });
        let found = crate::testing::decide(&ounce_testkit::image(text).with_config(config));
        assert_eq!(found.gone, set(&[]));
    }
}
