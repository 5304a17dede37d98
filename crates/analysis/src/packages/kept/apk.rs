//! apk's database when only some files stay (wiki.alpinelinux.org, "Apk spec": a package's lines `F:` with a folder, `R:`
//! with a file in it, and behind each what is known of it).

use std::collections::BTreeSet;

use ounce_image::Tree;

use super::{Databases, Stays, of_packages};
use crate::packages::locate;

/// Keeps what is said of these packages.
pub(super) fn keep(
    tree: &Tree<'_>,
    names: &BTreeSet<&str>,
    stays: &Stays<'_>,
    out: &mut Databases,
) {
    for path in crate::packages::apk::DATABASES {
        if let Some(node) = out.follow(tree, path) {
            out.text(tree, node, |text| {
                present(tree, &of_packages(text, b"P:", names), stays)
            });
        }
    }
}

/// Leaves the lines about files and folders out that do not stay.
fn present(tree: &Tree<'_>, text: &[u8], stays: &Stays<'_>) -> Vec<u8> {
    let has = |path: &[u8]| {
        let node = locate(tree, Tree::ROOT, path);
        path.is_empty() || node.is_some_and(|node| stays.has(node))
    };
    let (mut out, mut folder, mut is_there) = (Vec::new(), &b""[..], true);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.trim_ascii_end() {
            [b'F', b':', path @ ..] => {
                folder = path;
                is_there = has(path);
            }
            [b'R', b':', name @ ..] => is_there = has(&[folder, b"/", name].concat()),
            // Mode and digest of what was named before.
            [b'M' | b'a' | b'Z', b':', ..] => {}
            _ => is_there = true,
        }
        if is_there {
            out.extend_from_slice(line);
        }
    }
    out
}
