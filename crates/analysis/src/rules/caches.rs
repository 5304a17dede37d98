//! Caches of tools that install or build: where they lie, and which parts of them are the tool's own.
//! A rule for a cache is a [`Cache`] in a file of its own. Whether the tool is there to be used is
//! asked in [`installers`](super::installers).

use std::collections::BTreeSet;

use globset::Glob;
use ounce_image::{NodeId, Tree};

use super::{Context, Rule, installers};
use crate::finding::{Claim, Guard, Unit};

/// A tool's cache.
pub(super) struct Cache {
    /// The tool's row in `knowledge/installers.toml`.
    pub(super) tool: &'static str,
    /// Where the cache may be.
    pub(super) places: &'static [Place],
    /// Globs, relative to the place, one of which is there when the folder is the tool's: what a
    /// variable names may be anything.
    pub(super) marks: &'static [&'static str],
    /// Globs of what the tool makes there, relative to the place; each match is decided on by itself.
    /// What else lies there is not the tool's.
    pub(super) parts: &'static [&'static str],
}

/// Where a cache may be.
pub(super) enum Place {
    /// At this absolute path.
    Path(&'static str),
    /// At this path below every home.
    Home(&'static str),
    /// At this path below `$XDG_CACHE_HOME` and the `.cache` of every home (XDG Base Directory
    /// Specification).
    UserCache(&'static str),
    /// At this path below the folder that an environment variable of the image names.
    Variable(&'static str, &'static str),
}

/// Why what is not surely a leftover stays.
const COPIED: &str = "a COPY or ADD may have put it there on purpose";

/// The parts of a cache; only what RUN steps of the Dockerfile left behind may go.
pub(super) fn find(context: &Context<'_>, rule: &'static Rule, cache: &Cache) -> Vec<Claim> {
    let places = folders(context, cache.places);
    if places.is_empty() {
        return Vec::new();
    }
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let claim = |area: NodeId| {
        let parts: BTreeSet<NodeId> = cache
            .parts
            .iter()
            .flat_map(|glob| matching(tree, area, glob))
            .filter(|part| leaves(tree, *part).next().is_some())
            .collect();
        let guard = match parts.is_empty() {
            true => Guard::Evidence,
            false => installers::guard(context, cache.tool, area),
        };
        let unit = |part| Unit {
            guard: match (&guard, leaves(tree, part).all(&made_by_run)) {
                (Guard::Evidence, false) => Guard::Unknown(COPIED.to_owned()),
                _ => guard.clone(),
            },
            ..context.whole(part)
        };
        Claim::new(rule, Some(area), parts.into_iter().map(unit).collect())
    };
    let is_marked = |area: &NodeId| {
        let mut marks = cache.marks.iter();
        marks.any(|mark| !matching(tree, *area, mark).is_empty())
    };
    let claims = places.into_iter().filter(is_marked).map(claim);
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

/// Everything at and below a name that is not a folder.
pub(super) fn leaves(tree: &Tree<'_>, from: NodeId) -> impl Iterator<Item = NodeId> {
    tree.walk(from).filter(|node| tree.leaf_of(*node).is_some())
}

/// The folders at these places, links followed.
pub(super) fn folders(context: &Context<'_>, places: &[Place]) -> BTreeSet<NodeId> {
    let tree = context.tree;
    let homes = homes(context);
    let below = |folder: NodeId, path: &str| tree.resolve_from(folder, path.as_bytes(), |_| {});
    let below_homes = |path: &str| -> Vec<NodeId> {
        homes.iter().filter_map(|home| below(*home, path)).collect()
    };
    let below_variable = |name: &str, path: &str| below(variable(context, name)?, path);
    let found = places.iter().flat_map(|place| match place {
        Place::Path(path) => context.folder(path).into_iter().collect(),
        Place::Home(path) => below_homes(path),
        Place::UserCache(path) => {
            let mut found = below_homes(&format!(".cache/{path}"));
            found.extend(below_variable("XDG_CACHE_HOME", path));
            found
        }
        Place::Variable(name, path) => below_variable(name, path).into_iter().collect(),
    });
    found.filter(|node| tree.is_directory(*node)).collect()
}

/// The folder that an environment variable names.
fn variable(context: &Context<'_>, name: &str) -> Option<NodeId> {
    let path = context.config.env(name)?;
    context.folder(&path).filter(|_| path.starts_with('/'))
}

/// The homes of the image's users: root's, those in `/home` and `/etc/passwd`, `$HOME`, and the root
/// folder, which is the home of a user that `/etc/passwd` does not know.
fn homes(context: &Context<'_>) -> BTreeSet<NodeId> {
    let tree = context.tree;
    let mut homes = BTreeSet::from([Tree::ROOT]);
    let in_home = context.folder("/home").into_iter();
    homes.extend(in_home.flat_map(|home| tree.children(home)));
    homes.extend(context.folder("/root"));
    homes.extend(variable(context, "HOME"));
    homes.extend(
        passwd_homes(tree)
            .iter()
            .filter_map(|home| context.folder(home)),
    );
    homes
}

/// The homes in `/etc/passwd` (passwd(5), sixth field).
pub(super) fn passwd_homes(tree: &Tree<'_>) -> Vec<String> {
    let text = tree
        .resolve(b"/etc/passwd")
        .and_then(|node| tree.leaf_of(node))
        .and_then(|leaf| tree.read(leaf).read_all(1 << 20).ok())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let homes = text.lines().filter_map(|line| line.split(':').nth(5));
    homes.map(str::to_owned).collect()
}

/// The names below a folder that a relative glob matches. Links are not followed.
fn matching(tree: &Tree<'_>, folder: NodeId, glob: &str) -> Vec<NodeId> {
    let mut found = vec![folder];
    for part in glob.split('/') {
        let part = Glob::new(part).expect("the globs of caches are constants that can be read");
        let part = part.compile_matcher();
        let fits = |node: &NodeId| {
            std::str::from_utf8(tree.name(*node)).is_ok_and(|name| part.is_match(name))
        };
        found = found
            .iter()
            .flat_map(|folder| tree.children(*folder).filter(fits))
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text};

    fn cache(home: &str) -> String {
        format!("[RUN x]\n{home}/.cache/uv/simple-v1/a = x\n{home}/.cache/uv/CACHEDIR.TAG = x\n")
    }

    #[test]
    fn caches_are_looked_for_in_homes() {
        let goes = |text: &str, path: &str| decide_text(text).gone.contains(path);
        assert!(goes(&cache("home/me"), "/home/me/.cache/uv/simple-v1/a"));
        assert!(!goes(&cache("srv/me"), "/srv/me/.cache/uv/simple-v1/a"));
        let user = format!(
            "{}etc/passwd = svc:x:9:9::/srv/me:/bin/sh\n",
            cache("srv/me")
        );
        assert!(goes(&user, "/srv/me/.cache/uv/simple-v1/a"));
        assert!(goes(
            &cache("").replace("/.cache", ".cache"),
            "/.cache/uv/simple-v1/a"
        ));
    }

    #[test]
    fn variables_say_where_caches_are() {
        let text = "[RUN x]\ndata/uv/simple-v1/a = x\ndata/uv/CACHEDIR.TAG = x\n";
        let image = |env: &str| {
            let config = serde_json::json!({ "Env": [env] });
            decide(&ounce_testkit::image(text).with_config(config)).gone
        };
        assert!(image("XDG_CACHE_HOME=/data").contains("/data/uv/simple-v1/a"));
        assert!(image("UV_CACHE_DIR=/data/uv").contains("/data/uv/simple-v1/a"));
        assert!(image("UV_CACHE_DIR=data/uv").is_empty());
    }

    #[test]
    fn links_are_followed_and_loops_end() {
        let text = "[RUN x]\ndata/uv/simple-v1/a = x\ndata/uv/CACHEDIR.TAG = x\nroot/.cache -> /data\nhome/a/.cache -> /home/b/.cache\nhome/b/.cache -> /home/a/.cache\n";
        assert!(decide_text(text).gone.contains("/data/uv/simple-v1/a"));
    }

    #[test]
    fn a_part_that_a_copy_added_to_stays() {
        let text = format!(
            "{}[COPY wheels /root/.cache/uv # buildkit]\nroot/.cache/uv/simple-v1/b = x\nroot/.cache/uv/sdists-v1/a = x\n[RUN y]\nroot/.cache/uv/wheels-v1/a = x\n",
            cache("root")
        );
        let gone = decide_text(&text).gone;
        assert!(!gone.contains("/root/.cache/uv/simple-v1/a"));
        assert!(gone.contains("/root/.cache/uv/wheels-v1/a"));
    }
}
