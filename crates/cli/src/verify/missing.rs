//! Which files of the original a run missed in the slim image.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ounce_analysis::Packages;
use ounce_image::{NodeId, Tree};
use ounce_sandbox::{Access, How, Trace};
use rustc_hash::FxHashSet;

/// The names of the original that the slim image lacks.
pub(crate) struct Removed<'a> {
    original: &'a Tree<'a>,
    names: FxHashSet<NodeId>,
}

/// What a run missed, the surest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    /// The run in the slim image looked for these and got an error.
    pub(crate) asked: BTreeSet<NodeId>,
    /// The run in the original used these.
    pub(crate) used: BTreeSet<NodeId>,
    /// These lie in folders that the run in the original listed.
    pub(crate) listed: BTreeSet<NodeId>,
}

impl Missed {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.used.is_empty() && self.listed.is_empty()
    }
}

impl<'a> Removed<'a> {
    /// Compares two merged views.
    pub(crate) fn between(original: &'a Tree<'a>, slim: &Tree<'_>) -> Self {
        let names = original
            .walk(Tree::ROOT)
            .filter(|node| slim.get(&original.path(*node)).is_none())
            .collect();
        Self { original, names }
    }

    /// The same with names that are there and have other content.
    pub(crate) fn with_changed(mut self, names: impl IntoIterator<Item = NodeId>) -> Self {
        self.names.extend(names);
        self
    }

    /// Those of the names that are back where only `now` is removed.
    pub(crate) fn back(&self, now: &Self) -> BTreeSet<NodeId> {
        self.names.difference(&now.names).copied().collect()
    }

    /// The paths of the removed names inside; what lies in a removed folder is left out.
    pub(crate) fn topmost(&self) -> BTreeSet<PathBuf> {
        let is_topmost = |node: &&NodeId| !self.names.contains(&self.original.parent(**node));
        let names = self.names.iter().filter(is_topmost);
        let paths = names.map(|node| self.original.path(*node));
        paths
            .map(|path| Path::new("/").join(OsStr::from_bytes(path.as_bytes())))
            .collect()
    }

    /// What a run missed, by what it touched in both images; there is no trace of a command that could not be started.
    pub(crate) fn missed(&self, original: Option<&Trace>, slim: Option<&Trace>) -> Missed {
        let mut missed = Missed::default();
        for access in slim.into_iter().flat_map(|trace| &trace.accesses) {
            if access.error.is_some() {
                missed.asked.extend(self.on_the_way(&access.path));
            }
        }
        for access in original.into_iter().flat_map(|trace| &trace.accesses) {
            if access.error.is_none() {
                missed.used.extend(self.on_the_way(&access.path));
                missed.listed.extend(self.listed(access));
            }
        }
        missed
    }

    /// The removed names that a path leads over, if it leads to something.
    fn on_the_way(&self, path: &Path) -> Vec<NodeId> {
        let tree = self.original;
        let mut visited = Vec::new();
        let bytes = path.as_os_str().as_bytes();
        if tree
            .resolve_from(Tree::ROOT, bytes, |node| visited.push(node))
            .is_none()
        {
            // A link that leads nowhere is there all the same.
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return Vec::new();
            };
            visited.clear();
            let folder = folder.as_os_str().as_bytes();
            let folder = tree.resolve_from(Tree::ROOT, folder, |node| visited.push(node));
            let Some(link) = folder.and_then(|folder| tree.child(folder, name.as_bytes())) else {
                return Vec::new();
            };
            visited.push(link);
        }
        visited.retain(|node| self.names.contains(node));
        visited
    }

    /// The removed names in a folder that was listed.
    fn listed(&self, access: &Access) -> Vec<NodeId> {
        let path = access.path.as_os_str().as_bytes();
        let folder = match access.how {
            How::Folder => self.original.resolve(path),
            _ => None,
        };
        let children = folder
            .into_iter()
            .flat_map(|folder| self.original.children(folder));
        children.filter(|node| self.names.contains(node)).collect()
    }

    /// What to put back next, when `back` is back already: what was asked for; if that is all there, what the original used;
    /// then what it listed; then the rest of the packages that any of it belongs to. Nothing when all of that is back.
    pub(crate) fn next(
        &self,
        missed: &Missed,
        back: &BTreeSet<NodeId>,
        packages: &Packages,
    ) -> BTreeSet<NodeId> {
        let rest = |names: &BTreeSet<NodeId>| names - back;
        let surest = [&missed.asked, &missed.used, &missed.listed].map(rest);
        if let Some(names) = surest.into_iter().find(|names| !names.is_empty()) {
            return self.without_folders_above(names);
        }
        let all = missed
            .asked
            .iter()
            .chain(&missed.used)
            .chain(&missed.listed);
        let owners: BTreeSet<_> = all
            .filter_map(|node| packages.owner(*node))
            .map(|package| (package.ecosystem.name(), &package.name))
            .collect();
        let is_theirs = |node: &&NodeId| {
            let owner = packages.owner(**node);
            owner.is_some_and(|package| owners.contains(&(package.ecosystem.name(), &package.name)))
        };
        let theirs = self.names.iter().filter(is_theirs).copied().collect();
        rest(&theirs)
    }

    /// Folders come back with what lies in them.
    fn without_folders_above(&self, mut names: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let folders: BTreeSet<NodeId> = names
            .iter()
            .map(|node| self.original.parent(*node))
            .collect();
        names.retain(|node| !folders.contains(node));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ounce_image::{Blob, Layer};
    use ounce_testkit::image;

    fn layers(text: &str) -> Vec<Layer> {
        let tars = image(text).layers.into_iter();
        tars.map(|tar| Layer::plain(Blob::from_bytes(tar), "a layer").unwrap())
            .collect()
    }

    const ORIGINAL: &str = "[base]
        usr/lib/libz.so -> libz.so.1
        usr/lib/libz.so.1 = library
        usr/lib/libother.so = other
        lib -> usr/lib
        opt/plugins/a = plugin
        opt/plugins/b = plugin
        etc/broken -> nowhere";

    /// `Open ok /path`, `Stat no /path`, ... a line.
    fn trace(text: &str) -> Trace {
        let access = |line: &str| {
            let [how, result, path] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            Access {
                path: path.into(),
                real: None,
                how: match how {
                    "open" => How::Open,
                    "list" => How::Folder,
                    "link" => How::Link,
                    _ => How::Stat,
                },
                error: (result == "no").then_some(2),
                program: "/bin/tool".into(),
            }
        };
        Trace {
            accesses: text.lines().map(access).collect(),
        }
    }

    fn paths(tree: &Tree<'_>, names: &BTreeSet<NodeId>) -> Vec<String> {
        names
            .iter()
            .map(|node| tree.path(*node).to_string())
            .collect()
    }

    #[test]
    fn what_was_asked_for_in_vain_and_is_in_the_original_was_missed() {
        let (original, slim) = (layers(ORIGINAL), layers("[base]\n lib -> usr/lib"));
        let (original, slim) = (Tree::build(&original).unwrap(), Tree::build(&slim).unwrap());
        let removed = Removed::between(&original, &slim);
        let missed = removed.missed(
            Some(&trace("open ok /lib/libz.so\nlist ok /opt/plugins")),
            Some(&trace(
                "open no /lib/libz.so\nstat no /lib/absent\nlink no /etc/broken",
            )),
        );
        let asked = paths(&original, &missed.asked);
        for path in [
            "/usr/lib/libz.so",
            "/usr/lib/libz.so.1",
            "/usr/lib",
            "/etc/broken",
        ] {
            assert!(asked.contains(&path.to_owned()), "{path}: {asked:?}");
        }
        assert!(!asked.contains(&"/usr/lib/libother.so".to_owned()));
        assert_eq!(
            paths(&original, &missed.listed),
            ["/opt/plugins/a", "/opt/plugins/b"]
        );
    }

    #[test]
    fn the_surest_comes_back_first() {
        let (original, slim) = (
            layers(ORIGINAL),
            layers("[base]\n lib -> usr/lib\n usr/lib/"),
        );
        let (original, slim) = (Tree::build(&original).unwrap(), Tree::build(&slim).unwrap());
        let removed = Removed::between(&original, &slim);
        let missed = removed.missed(
            Some(&trace(
                "open ok /lib/libz.so\nopen ok /usr/lib/libother.so\nlist ok /opt/plugins",
            )),
            Some(&trace("open no /lib/libz.so")),
        );
        let packages = Packages::load(&original, &mut Vec::new());
        let mut back = BTreeSet::new();
        let mut rounds = Vec::new();
        loop {
            let next = removed.next(&missed, &back, &packages);
            if next.is_empty() {
                break;
            }
            rounds.push(paths(&original, &next));
            back.extend(next);
        }
        assert_eq!(rounds[0], ["/usr/lib/libz.so", "/usr/lib/libz.so.1"]);
        assert!(rounds[1].contains(&"/usr/lib/libother.so".to_owned()));
        assert_eq!(
            rounds.last().unwrap(),
            &["/opt/plugins/a", "/opt/plugins/b"]
        );
    }

    #[test]
    fn a_folder_comes_back_with_what_was_asked_for_in_it() {
        let (original, slim) = (layers(ORIGINAL), layers("[base]\n usr/lib/"));
        let (original, slim) = (Tree::build(&original).unwrap(), Tree::build(&slim).unwrap());
        let removed = Removed::between(&original, &slim);
        let missed = removed.missed(None, Some(&trace("open no /opt/plugins/a")));
        assert_eq!(missed.asked.len(), 3);
        let packages = Packages::load(&original, &mut Vec::new());
        let next = removed.next(&missed, &BTreeSet::new(), &packages);
        assert_eq!(paths(&original, &next), ["/opt/plugins/a"]);
    }

    #[test]
    fn what_came_back_by_itself_is_known_and_changed_content_counts_as_removed() {
        let (original, slim) = (layers(ORIGINAL), layers("[base]\n usr/lib/"));
        let (original, slim) = (Tree::build(&original).unwrap(), Tree::build(&slim).unwrap());
        let now = layers("[base]\n usr/lib/libz.so.1 = another");
        let now = Tree::build(&now).unwrap();
        let changed = original.resolve(b"/usr/lib/libz.so.1").unwrap();
        let removed = Removed::between(&original, &slim);
        let back = |now: &Removed<'_>| paths(&original, &removed.back(now));
        assert_eq!(
            back(&Removed::between(&original, &now)),
            ["/usr/lib/libz.so.1"]
        );
        let now = Removed::between(&original, &now).with_changed([changed]);
        assert!(back(&now).is_empty());
        let missed = now.missed(Some(&trace("open ok /usr/lib/libz.so.1")), None);
        assert_eq!(missed.used, BTreeSet::from([changed]));
    }

    #[test]
    fn a_removed_folder_stands_for_what_is_in_it() {
        let (original, slim) = (layers(ORIGINAL), layers("[base]\n usr/lib/"));
        let (original, slim) = (Tree::build(&original).unwrap(), Tree::build(&slim).unwrap());
        let removed = Removed::between(&original, &slim);
        let topmost = removed.topmost();
        assert!(topmost.contains(Path::new("/opt")) && topmost.contains(Path::new("/lib")));
        assert!(!topmost.contains(Path::new("/opt/plugins")));
    }
}
