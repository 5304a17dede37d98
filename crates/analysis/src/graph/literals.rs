//! Paths, programs and libraries that are written out in content of any kind.

use ounce_image::{Blob, ImagePath, NodeId, Tree};

use super::collect::Collector;
use super::units::is_shared;
use super::words::Words;
use super::world::World;
use super::{Kind, Proof};
use crate::inspect::paths::Hit;

/// The longest name of a library that is looked for (`NAME_MAX` of Linux).
const MAX_NAME: usize = 255;
/// How much is searched at a time for names of libraries.
const WINDOW: usize = 1 << 20;

/// What the paths that a file holds lead to, and where it is text the libraries and, if it names any, the programs.
/// `interpreter` is started for it, if it is a script.
pub(super) fn all(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    path: &ImagePath,
    content: &Blob,
    interpreter: Option<&[u8]>,
) {
    let is_text = is_text(content);
    let words = || Words::of(world, path, content, interpreter);
    let mut words = is_text.then(words).flatten();
    let scanner = match words {
        Some(_) => &world.scanner,
        None => &world.paths,
    };
    let Some(scanner) = scanner else {
        return;
    };
    // What cannot be read makes the whole image unreadable; verifying it says so.
    let _ = scanner.scan(
        content,
        |_| Ok(()),
        |at, hit| match (hit, &mut words) {
            (Hit::Path(text), _) => {
                path_at(world.tree, collector, text, &Proof::Offset(at), true);
            }
            (Hit::Name(number), Some(words)) => words.program(collector, at, number),
            _ => {}
        },
    );
    if !is_text {
        return;
    }
    if words.is_some() {
        world.stems.asked_for(collector, content);
    }
    libraries(content, |at, name| {
        let found = world.loader.anywhere(name);
        found.into_iter().for_each(|path| {
            let _ = collector.path(Tree::ROOT, &path, Kind::Dlopens, &Proof::Offset(at));
        });
    });
}

/// Whether content is for people too: what the first bytes of other files hold is no text.
fn is_text(content: &Blob) -> bool {
    let mut start = [b' '; 512];
    content.read_at(0, &mut start).is_ok() && !start.contains(&0)
}

/// The same of a text on one line.
pub(super) fn text(world: &World<'_>, collector: &mut Collector<'_>, text: &[u8], line: u32) {
    let Some(scanner) = &world.paths else {
        return;
    };
    let content = Blob::from_bytes(text.to_vec());
    let _ = scanner.scan(
        &content,
        |_| Ok(()),
        |_, hit| {
            if let Hit::Path(path) = hit {
                path_at(world.tree, collector, path, &Proof::Line(line), true);
            }
        },
    );
}

/// What a path that is written somewhere leads to: what is there, or else what may be meant. `is_whole` tells
/// that the path ends where it ends; otherwise what follows may be another text.
pub(super) fn path_at(
    tree: &Tree<'_>,
    collector: &mut Collector<'_>,
    path: &[u8],
    proof: &Proof,
    is_whole: bool,
) {
    if collector
        .written(Tree::ROOT, path, Kind::NamesPath, proof)
        .is_some()
    {
        return;
    }
    let (folder, guesses) = guesses(tree, path);
    // What is not there may be made there.
    collector.name(folder, Kind::NamesPath, proof.clone());
    let meant = (!is_whole && guesses.is_empty()).then_some(folder);
    for node in guesses.into_iter().chain(meant) {
        let before = collector.targets.len();
        collector.unit(node, Kind::NamesPath, proof);
        let new = collector.targets[before..].iter_mut();
        new.for_each(|target| target.is_guess = true);
    }
}

/// Leads to what a path means from a folder above the file that names it, where it means nothing from the root:
/// programs look for their data beside the folder in which they are (`/share/tool` of `/opt/bin/tool`).
pub(super) fn below_prefix(
    tree: &Tree<'_>,
    collector: &mut Collector<'_>,
    file: NodeId,
    path: &[u8],
    proof: &Proof,
) -> Option<NodeId> {
    if path.starts_with(b"/") && tree.resolve(path).is_some() {
        return None;
    }
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let above = std::iter::successors(Some(tree.parent(file)), |at| Some(tree.parent(*at)));
    let mut prefixes = above.skip(1).take_while(|at| *at != Tree::ROOT);
    let prefix = prefixes.find(|prefix| tree.resolve_from(*prefix, path, |_| {}).is_some())?;
    collector.written(prefix, path, Kind::NamesPath, proof)
}

/// The deepest folder of a path that is there, and what the path may mean where nothing is: the longest name that its first missing part begins with (in compiled
/// code texts follow each other without a gap), and names that begin with its last part and go on with an
/// ending (`.so`, `-1.2`) that is put behind it when the program runs.
fn guesses(tree: &Tree<'_>, path: &[u8]) -> (NodeId, Vec<NodeId>) {
    let mut folder = Tree::ROOT;
    let mut parts = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .peekable();
    while let Some(part) = parts.next() {
        match tree.resolve_from(folder, part, |_| {}) {
            Some(next) => folder = next,
            None => return (folder, nearest(tree, folder, part, parts.peek().is_none())),
        }
    }
    (folder, Vec::new())
}

fn nearest(tree: &Tree<'_>, folder: NodeId, part: &[u8], is_last: bool) -> Vec<NodeId> {
    // Sentences end in full stops.
    let start = part.strip_suffix(b".").unwrap_or(part);
    let goes_on = |name: &[u8]| {
        let rest = name.strip_prefix(start).filter(|rest| !rest.is_empty());
        let ends_in_mark = !start.last().is_some_and(u8::is_ascii_alphanumeric);
        rest.is_some_and(|rest| ends_in_mark || !rest[0].is_ascii_alphabetic())
    };
    let longer = tree
        .children(folder)
        .filter(|child| is_last && !start.is_empty() && goes_on(tree.name(*child)));
    let shorter = tree.children(folder).filter(|child| {
        let name = tree.name(*child);
        // One letter is no name.
        name.len() > 1 && part.starts_with(name)
    });
    let longest = shorter.max_by_key(|child| tree.name(*child).len());
    longer.chain(longest).collect()
}

/// Calls `found` for every `NAME.so` and `NAME.so.1` with its offset.
pub(super) fn libraries(content: &Blob, mut found: impl FnMut(u64, &[u8])) {
    let mut buf = vec![0; (WINDOW + 2 * MAX_NAME).min(content.len() as usize)];
    let finder = memchr::memmem::Finder::new(b".so");
    for range in content.data_ranges() {
        let mut at = range.start;
        while at < range.end {
            let before = (at - range.start).min(MAX_NAME as u64);
            let len = (range.end - at + before).min(buf.len() as u64) as usize;
            let window = &mut buf[..len];
            if content.read_exact_at(at - before, window).is_err() {
                return;
            }
            let end = before as usize + ((range.end - at).min(WINDOW as u64) as usize);
            for hit in finder
                .find_iter(window)
                .filter(|hit| (before as usize..end).contains(hit))
            {
                if let Some(name) = name_around(window, hit) {
                    found(at - before + name.start as u64, &window[name]);
                }
            }
            at += WINDOW as u64;
        }
    }
}

/// Whether a text is the name of a library and nothing else.
pub(super) fn is_library(text: &[u8]) -> bool {
    let suffixes = memchr::memmem::find_iter(text, b".so");
    let mut names = suffixes.filter_map(|suffix| name_around(text, suffix));
    names.any(|name| name == (0..text.len()))
}

fn name_around(window: &[u8], suffix: usize) -> Option<std::ops::Range<usize>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(byte);
    let head = window[..suffix]
        .iter()
        .rev()
        .take_while(|byte| is_name(byte))
        .count();
    let tail = &window[suffix + 3..];
    let len = tail
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let ends = tail.get(len).is_none_or(|byte| !is_name(byte));
    let start = suffix - head;
    // A path is found as such.
    let is_path = start > 0 && window[start - 1] == b'/';
    (head > 0 && head < MAX_NAME && ends && !is_path).then_some(start..suffix + 3 + len)
}

/// Leads to a folder that a program finds by itself, or a file.
pub(super) fn whole(
    tree: &Tree<'_>,
    collector: &mut Collector<'_>,
    path: &[u8],
    kind: Kind,
    proof: &Proof,
) -> bool {
    let Some(end) = collector.path(Tree::ROOT, path, kind, proof) else {
        return false;
    };
    if tree.is_directory(end) && !is_shared(tree, end) {
        collector.whole(end, kind, proof.clone());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(content: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        libraries(&Blob::from_bytes(content.to_vec()), |at, name| {
            out.push(format!("{at} {}", String::from_utf8_lossy(name)));
        });
        out
    }

    #[test]
    fn names_of_libraries_are_whole_words() {
        assert_eq!(
            names(
                b"\0libcuda.so.1\0pam_unix.so required /usr/lib/libx.so libfoo.sock .so a.so.1.2x"
            ),
            ["1 libcuda.so.1", "14 pam_unix.so"]
        );
    }

    #[test]
    fn names_across_windows_are_found_once() {
        let mut content = vec![0; WINDOW - 4];
        content.extend_from_slice(b"libcuda.so.1\0");
        assert_eq!(names(&content), [format!("{} libcuda.so.1", WINDOW - 4)]);
    }
}
