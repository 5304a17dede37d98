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

/// The parts of a cache that a RUN step of the Dockerfile left behind.
pub(super) fn find(context: &Context<'_>, rule: &'static Rule, cache: &Cache) -> Vec<Claim> {
    let places = folders(context, cache.places);
    if places.is_empty() {
        return Vec::new();
    }
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let is_leftover = |node: &NodeId| {
        let mut files = tree
            .walk(*node)
            .filter(|node| tree.leaf_of(*node).is_some());
        files.all(&made_by_run)
    };
    let claim = |area: NodeId| {
        let parts: BTreeSet<NodeId> = cache
            .parts
            .iter()
            .flat_map(|glob| matching(tree, area, glob))
            .filter(is_leftover)
            .collect();
        let guard = match parts.is_empty() {
            true => Guard::Evidence,
            false => installers::guard(context, cache.tool, area),
        };
        let unit = |node| Unit {
            guard: guard.clone(),
            ..context.whole(node)
        };
        Claim::new(rule, Some(area), parts.into_iter().map(unit).collect())
    };
    let claims = places.into_iter().map(claim);
    claims.filter(|claim| !claim.units.is_empty()).collect()
}

/// The folders at these places, links followed.
pub(super) fn folders(context: &Context<'_>, places: &[Place]) -> BTreeSet<NodeId> {
    let homes = homes(context);
    let below_homes = |path: &str| homes.iter().map(|home| format!("{home}/{path}")).collect();
    let variable = |name: &str| {
        context
            .config
            .env(name)
            .filter(|path| path.starts_with('/'))
    };
    let paths = |place: &Place| -> Vec<String> {
        match place {
            Place::Path(path) => vec![(*path).to_owned()],
            Place::Home(path) => below_homes(path),
            Place::UserCache(path) => {
                let named = variable("XDG_CACHE_HOME").map(|folder| format!("{folder}/{path}"));
                let mut paths: Vec<String> = below_homes(&format!(".cache/{path}"));
                paths.extend(named);
                paths
            }
            Place::Variable(name, path) => variable(name)
                .map(|folder| format!("{folder}/{path}"))
                .into_iter()
                .collect(),
        }
    };
    let found = places.iter().flat_map(paths);
    found.filter_map(|path| context.folder(&path)).collect()
}

/// The homes of the image's users: root's, those in `/home` and `/etc/passwd`, `$HOME`, and the root
/// folder, which is the home of a user that `/etc/passwd` does not know.
fn homes(context: &Context<'_>) -> BTreeSet<String> {
    let tree = context.tree;
    let in_home = context.folder("/home").into_iter();
    let in_home = in_home.flat_map(|home| tree.children(home));
    let mut homes: BTreeSet<String> = in_home
        .filter_map(|home| String::from_utf8(tree.name(home).to_vec()).ok())
        .map(|name| format!("/home/{name}"))
        .collect();
    homes.extend(["/root".to_owned(), String::new()]);
    homes.extend(context.config.env("HOME"));
    homes.extend(passwd_homes(tree));
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
        let part = Glob::new(part).expect("a test builds the globs of every cache");
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
        format!("[RUN x]\n{home}/.cache/uv/simple-v1/a = x\n")
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
            "[RUN x]\n.cache/uv/simple-v1/a = x",
            "/.cache/uv/simple-v1/a"
        ));
    }

    #[test]
    fn variables_say_where_caches_are() {
        let text = "[RUN x]\ndata/uv/simple-v1/a = x\n";
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
        let text = "[RUN x]\ndata/uv/simple-v1/a = x\nroot/.cache -> /data\nhome/a/.cache -> /home/b/.cache\nhome/b/.cache -> /home/a/.cache\n";
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
