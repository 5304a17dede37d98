//! What is different between two merged views, name by name.
//!
//! Compared are kinds, content, link targets, permissions, owners, extended attributes and which
//! names share a file. Times are not: they differ between any two builds. A file that moved is one
//! name that is missing and one that is new; which went where is not guessed.

mod attributes;
mod content;

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::progress::Progress;
use crate::tree::{LeafId, NodeId, Tree};

pub use attributes::{Aspect, Change};

/// A name that at least one of two trees has.
#[derive(Debug)]
pub struct NamePair {
    /// The name in the first tree.
    pub before: Option<NodeId>,
    /// The name in the second tree.
    pub after: Option<NodeId>,
    /// How they differ, where both are there.
    pub changes: Vec<Change>,
    /// Whether one file is behind it in both, and this is the name at which both are counted: a file
    /// with several names is counted once. A file that has no partner in the other tree may be counted
    /// at any of its names; all of them differ.
    pub is_counted: bool,
}

impl NamePair {
    /// Whether one of the trees lacks the name, or something about it differs.
    pub fn differs(&self) -> bool {
        self.before.is_none() || self.after.is_none() || !self.changes.is_empty()
    }
}

/// Compares two trees: every name of either, folders before what they hold, in the order of names.
///
/// Content is read only where kind and size are equal and the file is not the same entry of a layer
/// with the same digest.
///
/// # Errors
/// Content cannot be read, or `progress` asks to stop.
pub fn compare(
    before: &Tree<'_>,
    after: &Tree<'_>,
    progress: &Progress,
) -> io::Result<Vec<NamePair>> {
    let mut pairs = pair_names(before, after);
    let partners = partners(before, after, &mut pairs);
    let differing = content::differing(before, after, &pairs, progress)?;
    for pair in &mut pairs {
        let (Some(old), Some(new)) = (pair.before, pair.after) else {
            continue;
        };
        pair.changes = attributes::changes((before, old), (after, new));
        if let (Some(a), Some(b)) = (before.leaf_of(old), after.leaf_of(new)) {
            if differing.contains(&(a, b)) {
                pair.changes.push(Change::of(Aspect::Content));
            }
            if partners.get(&a) != Some(&b) {
                pair.changes.push(Change::of(Aspect::Names));
            }
        }
    }
    Ok(pairs)
}

fn pair_names(before: &Tree<'_>, after: &Tree<'_>) -> Vec<NamePair> {
    let mut pairs = Vec::new();
    let mut stack = vec![(Some(Tree::ROOT), Some(Tree::ROOT))];
    while let Some((old, new)) = stack.pop() {
        pairs.push(NamePair {
            before: old,
            after: new,
            changes: Vec::new(),
            is_counted: false,
        });
        let mut below: BTreeMap<&[u8], (Option<NodeId>, Option<NodeId>)> = BTreeMap::new();
        for child in old.into_iter().flat_map(|node| before.children(node)) {
            below.entry(before.name(child)).or_default().0 = Some(child);
        }
        for child in new.into_iter().flat_map(|node| after.children(node)) {
            below.entry(after.name(child)).or_default().1 = Some(child);
        }
        stack.extend(below.into_values().rev());
    }
    pairs
}

/// Gives each file of the first tree the one of the second that it is compared with: the first that
/// shares a name with it and is still free.
fn partners(
    before: &Tree<'_>,
    after: &Tree<'_>,
    pairs: &mut [NamePair],
) -> FxHashMap<LeafId, LeafId> {
    let (mut partners, mut taken) = (FxHashMap::default(), FxHashSet::default());
    for pair in pairs {
        let old = pair.before.and_then(|node| before.leaf_of(node));
        let new = pair.after.and_then(|node| after.leaf_of(node));
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        if !partners.contains_key(&old) && taken.insert(new) {
            partners.insert(old, new);
            pair.is_counted = true;
        }
    }
    partners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blob, Layer};

    fn layers(text: &str) -> Vec<Layer> {
        let layers = ounce_testkit::image(text).layers;
        let open = |bytes| Layer::plain(Blob::from_bytes(bytes), "test").unwrap();
        layers.into_iter().map(open).collect()
    }

    /// The names that differ, as `- /path bytes` and the like.
    fn differences(before: &str, after: &str) -> Vec<String> {
        let (old_layers, new_layers) = (layers(before), layers(after));
        let old = Tree::build(&old_layers).unwrap();
        let new = Tree::build(&new_layers).unwrap();
        let pairs = compare(&old, &new, &Progress::default()).unwrap();
        let (a, b) = (
            counted(&old, &pairs, |pair| pair.before),
            counted(&new, &pairs, |pair| pair.after),
        );
        let mut shown = Vec::new();
        for (pair, (a, b)) in pairs.iter().zip(a.into_iter().zip(b)) {
            let changes: Vec<_> = pair.changes.iter().map(Change::to_string).collect();
            shown.push(match (pair.before, pair.after) {
                (Some(node), None) => format!("- {} {a}", old.path(node)),
                (None, Some(node)) => format!("+ {} {b}", new.path(node)),
                (Some(node), _) if pair.differs() => {
                    format!("{} {a} {b}: {}", old.path(node), changes.join("; "))
                }
                _ => {
                    assert_eq!(a, b, "what is the same has the same size");
                    continue;
                }
            });
        }
        shown
    }

    /// The bytes that are counted at each name of one tree, which are all that it has.
    fn counted(
        tree: &Tree<'_>,
        pairs: &[NamePair],
        name: impl Fn(&NamePair) -> Option<NodeId>,
    ) -> Vec<u64> {
        let size = |leaf: LeafId| tree.entry(tree.leaf(leaf).data).size;
        let leaf = |pair: &NamePair| name(pair).and_then(|node| tree.leaf_of(node));
        let (chosen, others): (Vec<usize>, _) =
            (0..pairs.len()).partition(|index| pairs[*index].is_counted);
        let (mut seen, mut out) = (FxHashSet::default(), vec![0; pairs.len()]);
        for index in chosen.into_iter().chain(others) {
            if let Some(leaf) = leaf(&pairs[index]).filter(|leaf| seen.insert(*leaf)) {
                out[index] = size(leaf);
            }
        }
        assert_eq!(
            out.iter().sum::<u64>(),
            tree.leaves().map(size).sum::<u64>()
        );
        out
    }

    #[test]
    fn each_kind_of_change_is_told() {
        let cases = [
            ("a = x", "a = y", "/a 1 1: content"),
            ("a = x", "a = xyz", "/a 1 3: content"),
            ("a = x", "a (0600) = x", "/a 1 1: mode 0644 -> 0600"),
            ("a = x", "a (4755) = x", "/a 1 1: mode 0644 -> 4755"),
            ("a = x", "a (7:8) = x", "/a 1 1: owner 0:0 -> 7:8"),
            ("a -> b", "a -> cd", "/a 1 2: link target b -> cd"),
            ("a = x", "a -> b", "/a 1 1: type file -> link"),
            (
                "n (char.1.3)",
                "n (char.1.5)",
                "/n 0 0: type character device 1:3 -> character device 1:5",
            ),
            (
                "a (xattr.user.k=1) = x",
                "a (xattr.user.k=2) = x",
                "/a 1 1: extended attributes user.k=1 -> user.k=2",
            ),
            ("d/ (0755)", "d/ (1777)", "/d 0 0: mode 0755 -> 1777"),
        ];
        for (before, after, expected) in cases {
            let shown = differences(&format!("[l]\n{before}"), &format!("[l]\n{after}"));
            assert_eq!(shown, [expected]);
        }
        assert_eq!(
            differences("[l]\na = x", "[l]\nb = x"),
            ["- /a 1", "+ /b 1"]
        );
    }

    #[test]
    fn what_means_the_same_is_no_difference() {
        // Folders that no layer lists are made as 0755; a link's permissions are never asked for
        // (symlink(7)); the layer that a file lies in, and whether holes are stored, do not show.
        let before = "[l]\nd/a = x\nl -> a\ns ^9 4:text\nt *200000";
        let after = "[l]\nt *200000\nd/\nl (0644) -> a\n[m]\nd/a = x\n\
                     s = \\x00\\x00\\x00\\x00text\\x00";
        assert_eq!(differences(before, after), [""; 0]);
        assert_eq!(
            differences("[l]\ns ^99999999999 4:text", "[l]\ns ^99999999999 4:tent"),
            ["/s 99999999999 99999999999: content"]
        );
    }

    #[test]
    fn reading_ends_when_it_is_asked_to() {
        let (old_layers, new_layers) = (layers("[l]\na *2000000"), layers("[l]\na *2000000"));
        let (old, new) = (Tree::build(&old_layers), Tree::build(&new_layers));
        let progress = Progress::default();
        progress.stop();
        let error = compare(&old.unwrap(), &new.unwrap(), &progress).unwrap_err();
        assert!(error.get_ref().unwrap().is::<crate::progress::Cancelled>());
    }

    #[test]
    fn a_folder_that_becomes_a_link_loses_what_it_held() {
        let shown = differences("[l]\nlib/a = x\nlib/b/c = yy", "[l]\nlib -> usr/lib");
        assert_eq!(
            shown,
            [
                "/lib 0 7: type folder -> link",
                "- /lib/a 1",
                "- /lib/b 0",
                "- /lib/b/c 2"
            ]
        );
    }

    #[test]
    fn a_file_is_counted_once_and_where_both_have_it() {
        let linked = "[l]\na/x = 12345\nb/x == a/x";
        assert_eq!(
            differences(linked, "[l]\nb/x = 12345"),
            ["- /a 0", "- /a/x 0"]
        );
        // One file becomes two, and two become one.
        let apart = "[l]\na/x = 12345\nb/x = 12345";
        assert_eq!(differences(linked, apart), ["/b/x 0 5: shared names"]);
        assert_eq!(differences(apart, linked), ["/b/x 5 0: shared names"]);
        assert_eq!(
            differences(linked, "[l]"),
            ["- /a 0", "- /a/x 5", "- /b 0", "- /b/x 0"]
        );
        let crossed = ("[l]\na = 1\nb == a\nc = 22", "[l]\nb = 1\na = 22\nc == a");
        assert_eq!(
            differences(crossed.0, crossed.1),
            [
                "/a 1 2: content",
                "/b 0 1: shared names",
                "/c 2 0: shared names"
            ]
        );
    }
}
