//! apk's cache, `/var/cache/apk` and where `/etc/apk/cache` leads: downloaded packages and the indexes of
//! repositories.
//!
//! **Why it is safe.** apk reads it when it installs (apk-cache(5)); `apk cache clean` removes it,
//! `--no-cache` never makes it. The folder stays.
//!
//! **Evidence.** Anything that stays and names a file in it; the link `/etc/apk/cache`, which says where
//! the cache is, does not count. The cache stays when the image starts apk, or a COPY put it there:
//! see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/var/cache/apk/APKINDEX.066df28d.tar.gz`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "apk-cache",
    title: "apk package cache",
    tier: Tier::Safe,
    why: "downloaded packages that are installed, and indexes; apk fetches them again",
    source: include_str!("apk_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// apk-cache(5).
const CACHE: Cache = Cache {
    tool: "apk",
    places: &[Place::Path("/var/cache/apk"), Place::Path("/etc/apk/cache")],
    marks: &["APKINDEX.*.tar.gz", "*.apk"],
    parts: &["APKINDEX.*.tar.gz", "*.apk"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN apk add tool]\nvar/cache/apk/APKINDEX.066df28d.tar.gz = x\nvar/cache/apk/tool-1.0-r0.0123abcd.apk = x\nvar/cache/apk/notes = x\nsbin/apk (0755) = \\x7fELF/var/cache/apk\netc/apk/cache -> /var/cache/apk\n";

    #[test]
    fn packages_and_indexes_go() {
        assert_eq!(
            decide_text(CACHE).gone,
            set(&[
                "/var/cache/apk/APKINDEX.066df28d.tar.gz",
                "/var/cache/apk/tool-1.0-r0.0123abcd.apk"
            ])
        );
    }

    #[test]
    fn a_user_who_lives_in_the_cache_keeps_it() {
        let home = format!("{CACHE}etc/passwd = svc:x:9:9::/var/cache/apk:/bin/sh\\n");
        assert_eq!(decide_text(&home).gone, set(&[]));
    }
}
