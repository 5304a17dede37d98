//! Packages that pacman downloaded: `/var/cache/pacman/pkg`.
//!
//! **Why it is safe.** pacman reads them when it installs; `pacman -Scc` removes them.
//!
//! **Evidence.** Anything that stays and names one, but for pacman's own programs and settings. The cache
//! stays when the image starts pacman, the last step that calls it only downloads, or a COPY put it
//! there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/var/cache/pacman/pkg/zlib-1:1.3-1-x86_64.pkg.tar.zst`.

use super::caches::{Cache, Place, find};
use super::{Rule, Tier};

pub(super) const RULE: Rule = Rule {
    id: "pacman-cache",
    title: "pacman package cache",
    tier: Tier::Safe,
    why: "downloaded packages that are installed; pacman fetches them again",
    source: include_str!("pacman_cache.rs"),
    find: |context| find(context, &RULE, &CACHE),
};

/// pacman.conf(5), CacheDir.
const CACHE: Cache = Cache {
    tool: "pacman",
    places: &[Place::Path("/var/cache/pacman/pkg")],
    marks: &["*.pkg.tar*"],
    parts: &["*.pkg.tar*"],
};

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const CACHE: &str = "[RUN pacman -S --noconfirm tool]\nvar/cache/pacman/pkg/tool-1-1-x86_64.pkg.tar.zst = x\nvar/cache/pacman/pkg/notes = x\netc/pacman.conf = #CacheDir = /var/cache/pacman/pkg/\\n\n";

    #[test]
    fn packages_go() {
        assert_eq!(
            decide_text(CACHE).gone,
            set(&["/var/cache/pacman/pkg/tool-1-1-x86_64.pkg.tar.zst"])
        );
    }

    #[test]
    fn packages_that_a_script_installs_later_stay() {
        let found = decide_text(&format!(
            "{CACHE}app/x.sh = pacman -U /var/cache/pacman/pkg/*\n"
        ));
        assert_eq!(found.gone, set(&[]));
    }
}
