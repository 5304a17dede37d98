//! apt's cache, `/var/cache/apt`: downloaded packages and the binary index of the lists.
//!
//! **Why it is safe.** It is a cache: apt makes it anew when it needs it (apt-get(8), "clean";
//! File Hierarchy Standard 5.5). Folders and locks stay.
//!
//! **Evidence.** Anything that stays and names a cached file by its path.
//!
//! **Example.** `/var/cache/apt/archives/libfoo_1.0_amd64.deb`, `/var/cache/apt/pkgcache.bin`.

use super::{Context, Rule, Tier};
use crate::finding::Claim;

pub(super) const RULE: Rule = Rule {
    id: "apt-package-cache",
    title: "apt package cache",
    tier: Tier::Safe,
    why: "packages that are installed already; apt can download them again",
    source: include_str!("apt_package_cache.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let is_cached = |name: &[u8]| name.ends_with(b".deb") || name.ends_with(b".bin");
    let cache = context.folder("/var/cache/apt");
    let claim = |area| {
        Claim::new(
            &RULE,
            Some(area),
            context.files(area, |node| is_cached(context.tree.name(node))),
        )
    };
    cache.map(claim).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn packages_and_indexes_go_and_locks_stay() {
        let found = decide_text(
            "[a]\nvar/cache/apt/archives/t.deb = d\nvar/cache/apt/archives/lock *0\nvar/cache/apt/pkgcache.bin = b",
        );
        assert_eq!(
            found.gone,
            set(&[
                "/var/cache/apt/archives/t.deb",
                "/var/cache/apt/pkgcache.bin"
            ])
        );
    }

    #[test]
    fn packages_that_a_script_installs_later_stay() {
        let found = decide_text(
            "[a]\nvar/cache/apt/archives/t.deb = d\nopt/setup.sh = dpkg -i /var/cache/apt/archives/*.deb",
        );
        assert_eq!(
            found.held["/var/cache/apt/archives/t.deb"],
            "/opt/setup.sh names /var/cache/apt/archives"
        );
    }
}
