//! What zypper downloaded: `/var/cache/zypp`.
//!
//! **Why it is safe.** zypper reads it when it installs or searches; `zypper clean --all` removes it.
//!
//! **Evidence.** Anything that stays and names a file in it, but for zypper's own programs and settings.
//! The cache stays when the image starts zypper, the last step that calls it only downloads, or a COPY
//! put it there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/var/cache/zypp/raw/repo-oss`, `/var/cache/zypp/solv/repo-oss`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "zypper-cache",
    title: "zypper cache",
    tier: Tier::Safe,
    why: "metadata and packages of repositories; zypper fetches them again",
    source: include_str!("zypper_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// zypp.conf, cachedir and the settings after it.
const CACHE: Cache = Cache {
    tool: "zypper",
    places: &[Place::Path("/var/cache/zypp")],
    marks: &["*"],
    parts: &["packages/*", "raw/*", "solv/*"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN zypper in -y tool]\nvar/cache/zypp/packages/oss/t.rpm = x\nvar/cache/zypp/raw/oss/p.xml = x\nvar/cache/zypp/solv/@System/solv = x\nvar/cache/zypp/pubkeys/k = x\n";

    #[test]
    fn downloads_go_and_keys_stay() {
        let found = decide_text(CACHE);
        for path in ["packages/oss/t.rpm", "raw/oss/p.xml", "solv/@System/solv"] {
            assert!(
                found.gone.contains(&format!("/var/cache/zypp/{path}")),
                "{path}"
            );
        }
        assert!(!found.gone.contains("/var/cache/zypp/pubkeys/k"));
    }

    #[test]
    fn packages_that_a_script_installs_later_stay() {
        let script = "opt/setup.sh = rpm -i /var/cache/zypp/packages/oss/*.rpm";
        let found = decide_text(&format!("{CACHE}{script}"));
        assert!(!found.gone.contains("/var/cache/zypp/packages/oss/t.rpm"));
        assert_ne!(found.gone, set(&[]));
    }
}
