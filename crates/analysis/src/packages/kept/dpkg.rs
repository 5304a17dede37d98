//! dpkg's database when only some files stay: `status` or `status.d`, and the lists of files (dpkg(1); dpkg-query(1);
//! github.com/GoogleContainerTools/distroless, "Package Metadata").

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree};

use super::{Databases, Stays, of_packages, value};
use crate::packages::locate;

const KEY: &[u8] = b"Package:";

/// Keeps what is said of these packages.
pub(super) fn keep(
    tree: &Tree<'_>,
    names: &BTreeSet<&str>,
    stays: &Stays<'_>,
    out: &mut Databases,
) {
    let Some(folder) = out.follow(tree, b"/var/lib/dpkg") else {
        return;
    };
    if let Some(status) = tree.child(folder, b"status") {
        out.text(tree, status, |text| of_packages(text, KEY, names));
    }
    let children = |name: &[u8]| {
        let folder = tree.child(folder, name);
        folder.into_iter().flat_map(|folder| tree.children(folder))
    };
    for node in children(b"status.d") {
        if !tree.name(node).ends_with(b".md5sums") && is_about(tree, node, names) {
            out.text(tree, node, <[u8]>::to_vec);
        }
    }
    for node in children(b"status.d").chain(children(b"info")) {
        let ending = [b".list".as_slice(), b".md5sums"];
        let mut stems = ending
            .iter()
            .filter_map(|end| tree.name(node).strip_suffix(*end));
        if stems.next().is_some_and(|stem| is_of(stem, names)) {
            out.text(tree, node, |text| list(tree, text, stays));
        }
    }
}

/// Whether a description of one package is of these.
fn is_about(tree: &Tree<'_>, node: NodeId, names: &BTreeSet<&str>) -> bool {
    let leaf = tree.leaf_of(node).filter(|_| tree.is_file(node));
    let text = leaf.and_then(|leaf| tree.read(leaf).read_all(1 << 20).ok());
    let name = text.as_deref().and_then(|text| value(text, KEY));
    name.is_none_or(|name| names.contains(name.as_str()))
}

/// Whether a list is of one of these packages: `NAME` or `NAME:ARCHITECTURE`.
fn is_of(stem: &[u8], names: &BTreeSet<&str>) -> bool {
    let name = stem.split(|byte| *byte == b':').next();
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    name.is_some_and(|name| names.contains(name))
}

/// The lines about what stays: a path, or a digest, two spaces and a path without its slash.
fn list(tree: &Tree<'_>, text: &[u8], stays: &Stays<'_>) -> Vec<u8> {
    let is_there = |line: &&[u8]| {
        let line = line.trim_ascii_end();
        let path = match line.starts_with(b"/") {
            true => Some(line),
            false => memchr::memmem::find(line, b"  ").map(|at| &line[at + 2..]),
        };
        let node = path.and_then(|path| locate(tree, Tree::ROOT, path));
        path == Some(b"/.") || node.is_some_and(|node| stays.has(node))
    };
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.filter(is_there).flatten().copied().collect()
}
