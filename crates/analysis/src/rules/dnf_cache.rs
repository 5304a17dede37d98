//! What dnf, yum and microdnf downloaded: `/var/cache/dnf`, `/var/cache/libdnf5`, `/var/cache/yum`.
//!
//! **Why it is safe.** They read it when they install or search; `dnf clean all` removes it. The history
//! of what was installed (`/var/lib/dnf`) and the package database stay.
//!
//! **Evidence.** Anything that stays and names a file in it, but for dnf's own programs and settings.
//! The cache stays when the image starts one of these programs, or may use only the cache, or the last
//! step that calls them only downloads, or a COPY put it there: see
//! `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/var/cache/dnf/baseos-044cae74d71fe9ea/repodata`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "dnf-cache",
    title: "dnf and yum cache",
    tier: Tier::Safe,
    why: "metadata and packages of repositories; dnf fetches them again",
    source: include_str!("dnf_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// dnf.conf(5), cachedir; dnf5.conf(5), system_cachedir; yum.conf(5), cachedir (by processor and
/// version); microdnf keeps its metadata beside.
const CACHE: Cache = Cache {
    tool: "dnf",
    places: &[
        Place::Path("/var/cache/dnf"),
        Place::Path("/var/cache/libdnf5"),
        Place::Path("/var/cache/yum"),
    ],
    marks: &["*"],
    parts: &[
        "*-????????????????",
        "*.solv",
        "*.solvx",
        "packages.db*",
        "expired_repos.json",
        "tempfiles.json",
        "last_makecache",
        "metadata",
        "x86_64",
        "aarch64",
    ],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN dnf install -y tool]\nvar/cache/dnf/baseos-044cae74d71fe9ea/repodata/p.xml.gz = x\nvar/cache/dnf/baseos.solv = x\nvar/cache/dnf/mine/data = x\nvar/cache/yum/x86_64/7/base/p.sqlite = x\nvar/lib/dnf/history.sqlite = x\nusr/lib/python3.9/site-packages/dnf/const.py = SYSTEM_CACHEDIR='/var/cache/dnf'\n";

    #[test]
    fn downloads_go_and_history_stays() {
        let found = decide_text(CACHE);
        for path in [
            "/var/cache/dnf/baseos-044cae74d71fe9ea/repodata/p.xml.gz",
            "/var/cache/dnf/baseos.solv",
            "/var/cache/yum/x86_64/7/base/p.sqlite",
        ] {
            assert!(found.gone.contains(path), "{path} {:?}", found.held);
        }
        assert!(
            !found.gone.contains("/var/cache/dnf/mine/data")
                && !found.gone.contains("/var/lib/dnf/history.sqlite")
        );
    }

    #[test]
    fn packages_that_were_only_downloaded_stay() {
        let text = CACHE.replace("install -y", "install -y --downloadonly");
        assert_eq!(
            decide_text(&format!("{text}usr/bin/dnf (0755) = x\n")).gone,
            set(&[])
        );
    }
}
