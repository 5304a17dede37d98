//! RubyGems' copies of the archives it installed, `cache/*.gem`, and Bundler's copy of the index.
//!
//! **Why it is safe.** Ruby loads gems from `gems/`, where they are unpacked; the archive is read again
//! only by `gem pristine`, which fetches it where it is missing. A project's own `vendor/cache`, from
//! which Bundler installs, is no such folder and is not touched.
//!
//! **Evidence.** An archive goes only when its unpacked copy and its specification lie beside the
//! folder. Anything that stays and names the archive keeps it. All stay when the image starts `gem` or
//! Bundler to install, or a COPY put them there: see `crates/analysis/src/knowledge/installers.toml`.
//!
//! **Example.** `/usr/local/bundle/cache/nokogiri-1.16.0-x86_64-linux.gem`.

use ounce_image::{NodeId, Tree};

use super::caches::{self, Cache, Place};
use super::{Context, Rule, Tier, installers};
use crate::finding::{Claim, Unit};

pub(super) const RULE: Rule = Rule {
    id: "gem-cache",
    title: "RubyGems cache",
    tier: Tier::Safe,
    why: "archives of gems that are unpacked beside them",
    source: include_str!("gem_cache.rs"),
    find,
};

/// Bundler's documentation, "bundle config", BUNDLE_USER_CACHE.
const BUNDLER: Cache = Cache {
    tool: "gem",
    places: &[
        Place::Home(".bundle/cache"),
        Place::Variable("BUNDLE_USER_CACHE", ""),
    ],
    marks: &["compact_index"],
    parts: &["compact_index"],
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let folders = tree
        .walk(Tree::ROOT)
        .filter(|node| tree.name(*node) == b"cache" && tree.is_directory(*node));
    let claim = |folder| {
        let is_leftover = |node: &NodeId| is_unpacked(tree, folder, *node) && made_by_run(*node);
        let archives: Vec<NodeId> = tree.children(folder).filter(is_leftover).collect();
        if archives.is_empty() {
            return None;
        }
        let guard = installers::guard(context, "gem", folder);
        let unit = |node| Unit {
            guard: guard.clone(),
            ..Unit::names(vec![node])
        };
        let units = archives.into_iter().map(unit).collect();
        Some(Claim::new(&RULE, Some(folder), units))
    };
    let mut claims: Vec<Claim> = folders.filter_map(claim).collect();
    claims.extend(caches::find(context, &RULE, &BUNDLER));
    claims
}

/// Whether this is the archive of a gem that is installed beside the folder (rubygems' `Gem` module,
/// `REPOSITORY_SUBDIRECTORIES`).
fn is_unpacked(tree: &Tree<'_>, folder: NodeId, archive: NodeId) -> bool {
    let Some(gem) = tree.name(archive).strip_suffix(b".gem") else {
        return false;
    };
    let beside = |area: &[u8], name: &[u8]| {
        tree.child(tree.parent(folder), area)
            .and_then(|area| tree.child(area, name))
    };
    let specification = [gem, b".gemspec"].concat();
    tree.is_file(archive)
        && beside(b"gems", gem).is_some_and(|unpacked| tree.is_directory(unpacked))
        && beside(b"specifications", &specification).is_some()
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const GEMS: &str = "[RUN gem install a]\nvar/lib/gems/3.1.0/cache/a-1.gem = x\nvar/lib/gems/3.1.0/cache/b-1.gem = x\nvar/lib/gems/3.1.0/gems/a-1/lib/a.rb = x\nvar/lib/gems/3.1.0/specifications/a-1.gemspec = x\n";

    #[test]
    fn archives_of_unpacked_gems_go() {
        assert_eq!(
            decide_text(GEMS).gone,
            set(&["/var/lib/gems/3.1.0/cache/a-1.gem"])
        );
        let index = "[RUN bundle]\nroot/.bundle/cache/compact_index/r/versions = x\n";
        let found = decide_text(index);
        assert!(
            found
                .gone
                .contains("/root/.bundle/cache/compact_index/r/versions")
        );
    }

    #[test]
    fn the_cache_of_a_project_stays() {
        let text = "[RUN bundle cache]\napp/vendor/cache/a-1.gem = x\napp/vendor/gems/x = x\n";
        assert_eq!(decide_text(text).gone, set(&[]));
    }
}
