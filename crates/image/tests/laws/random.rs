//! Random layers: few names, so that they meet often.

use proptest::prelude::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// One line of an image's text, more or less.
#[derive(Debug, Clone)]
enum Line {
    Folder(String, u32),
    File(String, u32, usize),
    Link(String, usize),
    Symlink(String, String),
    Whiteout(String),
    Opaque(String),
    Fifo(String),
    Sparse(String, u32),
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&NAMES[..]), 1..4).prop_map(|names| names.join("/"))
}

fn line() -> impl Strategy<Value = Line> {
    let folder_mode = prop::sample::select(&[0o755_u32, 0o1777, 0o2750, 0o700][..]);
    let mode = prop::sample::select(&[0o644_u32, 0o755, 0o4755, 0o600][..]);
    prop_oneof![
        2 => (path(), folder_mode).prop_map(|(path, mode)| Line::Folder(path, mode)),
        5 => (path(), mode.clone(), 0..900_usize).prop_map(|(path, mode, len)| Line::File(path, mode, len)),
        4 => (path(), any::<usize>()).prop_map(|(path, target)| Line::Link(path, target)),
        // Below `s` nothing is put, because engines disagree on what stands behind a link.
        1 => (path(), path()).prop_map(|(path, target)| Line::Symlink(format!("s-{path}").replace('/', "-"), target)),
        2 => path().prop_map(Line::Whiteout),
        1 => path().prop_map(Line::Opaque),
        1 => path().prop_map(Line::Fifo),
        1 => (path(), 0..2000_u32).prop_map(|(path, hole)| Line::Sparse(path, hole)),
    ]
}

/// What stands while the text is made, so that it describes a file system: each name with whether
/// it is a folder.
#[derive(Default)]
struct Standing(std::collections::BTreeMap<String, bool>);

impl Standing {
    fn remove(&mut self, path: &str, itself: bool) {
        let below = format!("{path}/");
        self.0
            .retain(|name, _| !(name.starts_with(&below) || (itself && name == path)));
    }

    /// Whether a name can be put here: no file is above it.
    fn has_room(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        above
            .into_iter()
            .all(|folder| self.0.get(folder) != Some(&false))
    }

    fn put(&mut self, path: &str, is_folder: bool) {
        let stays = is_folder && self.0.get(path) == Some(&true);
        if !stays {
            self.remove(path, true);
        }
        let above: Vec<_> = path
            .match_indices('/')
            .map(|(at, _)| path[..at].to_owned())
            .collect();
        for folder in above {
            self.0.entry(folder).or_insert(true);
        }
        self.0.insert(path.to_owned(), is_folder);
    }

    fn files(&self) -> Vec<String> {
        let files = self.0.iter().filter(|(_, is_folder)| !**is_folder);
        files.map(|(name, _)| name.clone()).collect()
    }
}

/// Writes a layer's lines, leaving out those that make no sense where they stand.
fn layer(lines: &[Line], standing: &mut Standing) -> String {
    // Whiteouts hide lower layers only, so they take effect first, wherever they stand.
    for line in lines {
        match line {
            Line::Whiteout(path) => standing.remove(path, true),
            Line::Opaque(path) => standing.remove(path, false),
            _ => {}
        }
    }
    let mut out = String::from("[RUN step]\n");
    for line in lines {
        let text = match line {
            Line::Whiteout(path) => {
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
                format!("{folder}/.wh.{name}")
            }
            Line::Opaque(path) => format!("{path}/.wh..wh..opq"),
            Line::Folder(path, mode) if standing.has_room(path) => {
                standing.put(path, true);
                format!("{path}/ ({mode:o})")
            }
            Line::File(path, mode, len) if standing.has_room(path) => {
                standing.put(path, false);
                format!("{path} ({mode:o} {mode}:5 xattr.user.mode={mode}) *{len}")
            }
            Line::Sparse(path, hole) if standing.has_room(path) => {
                standing.put(path, false);
                format!("{path} ^{} {hole}:data", hole + 1000)
            }
            Line::Fifo(path) if standing.has_room(path) => {
                standing.put(path, false);
                format!("{path} (fifo)")
            }
            Line::Symlink(path, target) => {
                standing.put(path, false);
                format!("{path} -> {target}")
            }
            Line::Link(path, target) if standing.has_room(path) => {
                let files = standing.files();
                let Some(target) = files.get(target % files.len().max(1)).cloned() else {
                    continue;
                };
                // What the link replaces must not be, or hold, what it links to.
                let below = format!("{path}/");
                if target == *path || target.starts_with(&below) || target.is_empty() {
                    continue;
                }
                standing.put(path, false);
                format!("{path} == {target}")
            }
            _ => continue,
        };
        out.push_str(text.trim_start_matches('/'));
        out.push('\n');
    }
    out
}

/// The text of a random image that describes a file system.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 0..12);
    prop::collection::vec(lines, 1..5).prop_map(|layers| {
        let mut standing = Standing::default();
        layers
            .iter()
            .map(|lines| layer(lines, &mut standing))
            .collect()
    })
}

#[test]
fn a_random_image_has_content() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts: String = (0..50)
        .map(|_| text().new_tree(&mut runner).unwrap().current())
        .collect();
    // The laws would hold for nothing, too.
    for mark in [
        " == ",
        " -> ",
        ".wh.",
        ".wh..wh..opq",
        "/ (",
        " *",
        " ^",
        "(fifo)",
    ] {
        assert!(texts.matches(mark).count() > 10, "{mark}");
    }
}
