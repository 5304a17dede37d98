//! Paths of a table in which `*` stands for what an image calls it: a version, an architecture.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use ounce_image::{NodeId, Tree};

use crate::globs;

/// What a pattern stands for below a folder: each path as it would be written from there, and where it leads.
pub(super) fn matching(tree: &Tree<'_>, base: NodeId, pattern: &[u8]) -> Vec<(Vec<u8>, NodeId)> {
    let mut at = vec![(Vec::new(), base)];
    let parts = pattern.split(|byte| *byte == b'/');
    for part in parts.filter(|part| !part.is_empty()) {
        let below = |(path, folder): (Vec<u8>, NodeId)| {
            let named = named(tree, folder, part);
            named
                .into_iter()
                .map(move |(name, node)| ([&path, b"/".as_slice(), name].concat(), node))
                .collect::<Vec<_>>()
        };
        at = at.into_iter().flat_map(below).collect();
    }
    at
}

/// What a folder has under names that a part of a pattern stands for, links followed.
fn named<'t>(tree: &'t Tree<'_>, folder: NodeId, part: &'t [u8]) -> Vec<(&'t [u8], NodeId)> {
    let resolved = |name: &'t [u8]| Some((name, tree.resolve_from(folder, name, |_| {})?));
    if !is_pattern(part) {
        return resolved(part).into_iter().collect();
    }
    let Some(glob) = std::str::from_utf8(part)
        .ok()
        .and_then(|part| globs::set([part]).ok())
    else {
        return Vec::new();
    };
    tree.ask_listing(folder);
    let names = tree.children(folder).map(|child| tree.name(child));
    names
        .filter(|name| glob.is_match(OsStr::from_bytes(name)))
        .filter_map(resolved)
        .collect()
}

/// Whether a path has parts that stand for several names.
pub(super) fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| b"*?[".contains(byte))
}
