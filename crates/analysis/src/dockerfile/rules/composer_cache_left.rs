//! `composer install` without emptying Composer's cache in the same RUN: each package is there twice, once as the
//! archive it came in.
//!
//! **Fix.** `composer clear-cache` is added to the end of the RUN, behind `&&`; every release has it. *Safe*: what is
//! missing later is downloaded again; *unsafe* where a later command works offline. No fix where the RUN may
//! succeed without having called Composer.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN composer install --no-dev --optimize-autoloader
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN composer install --no-dev --optimize-autoloader && composer clear-cache
//! ```

use super::cleaning::{self, Cleaning};
use super::{Context, Finding, Rule};

pub(super) static RULE: Rule = Rule {
    id: "composer-cache-left",
    title: "Composer's cache left in a layer",
    others: &[],
    cost: "about as much as the packages, compressed",
    source: include_str!("composer_cache_left.rs"),
    find,
};

const CLEANING: Cleaning = Cleaning {
    rule: &RULE,
    makes: |call| {
        let verbs = ["install", "i", "update", "u", "require", "create-project"];
        call.is(&["composer"], &verbs) && !call.has(&["--no-cache", "--dry-run"])
    },
    cleans: |call| {
        let names = |name: &str| call.words.iter().any(|word| word.pattern.contains(name));
        call.is(&["composer"], &["clear-cache", "clearcache", "cc"])
            || call.program == "rm" && (names("composer") || names(".cache"))
    },
    paths: &[
        "/root/.composer/cache",
        "/root/.cache/composer",
        "/tmp/cache",
    ],
    mounted_as: &["composer", "/tmp/cache"],
    moved_by: &["COMPOSER_CACHE_DIR", "COMPOSER_NO_CACHE"],
    command: |call| {
        let program = call.words.first().map_or("", |word| word.pattern.as_str());
        cleaning::wrapped(call, &format!("{program} clear-cache"))
    },
    needs_program: true,
    uses: None,
    feeds: None,
    is_known: cleaning::always,
    what: "Composer's cache stays in this layer",
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    CLEANING.find(context)
}
