//! Laws of rewriting: what goes is what was asked for, and nothing else changes.

use std::collections::BTreeSet;

use ounce_image::{
    Edit, EntryId, Fate, Image, ImagePath, NodeId, Progress, Tree, leftover, rewrite,
};
use ounce_testkit::Packing;
use proptest::prelude::*;
use rustc_hash::FxHashSet;

use crate::contents::{Place, Seen, contents, open, write};
use crate::random;

/// Drops a choice of names: a folder only with everything in it. Of what is hidden a choice goes too,
/// and whatever would come to light because what hides it goes.
fn edit(tree: &Tree<'_>, choice: &[bool], with_leftover: bool) -> (Edit, BTreeSet<NodeId>) {
    let nodes: Vec<NodeId> = tree.walk(Tree::ROOT).skip(1).collect();
    let chosen = |index: usize| choice[index % choice.len()];
    let mut gone: BTreeSet<NodeId> = BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        if chosen(index) {
            gone.extend(tree.walk(*node));
        }
    }
    let mut drop: FxHashSet<EntryId> = gone
        .iter()
        .flat_map(|node| tree.entries_of(*node))
        .collect();
    let gone_paths: Vec<ImagePath> = gone.iter().map(|node| tree.path(*node)).collect();
    let lay_below = |entry: EntryId| {
        let path = &tree.entry(entry).path;
        gone_paths.iter().any(|folder| path.is_within(folder))
    };
    // In the place of a file folders would come to light that no layer lists.
    let stood_above = |entry: EntryId| {
        let path = &tree.entry(entry).path;
        let mut all = tree.layers().iter().flat_map(|layer| &layer.entries);
        all.any(|other| other.path != *path && other.path.is_within(path))
    };
    // What hides an entry comes after it.
    for (index, (entry, by)) in tree.hidden().into_iter().enumerate().rev() {
        let is_chosen = chosen(index) && !stood_above(entry);
        if is_chosen || drop.contains(&by) || lay_below(entry) {
            drop.insert(entry);
        }
    }
    if with_leftover {
        drop.extend(leftover(tree, &drop, 0));
    }
    (
        Edit {
            drop,
            ..Edit::default()
        },
        gone,
    )
}

/// The image that a rewriting made, read back from an archive.
fn read_back(image: &Image, fates: &[Fate]) -> Image {
    let place = Place::new();
    let to = place.reference("docker-archive", "out.tar");
    write(image, fates, &to);
    open(&to)
}

/// Two sights of a tree but for folders that nobody lists any more.
fn assert_same(old: &[(String, Seen)], new: &[(String, Seen)]) {
    for ((path, before), (also, after)) in old.iter().zip(new) {
        assert_eq!(path, also);
        if after.attributes.is_some() {
            assert_eq!(before.content, after.content, "{path}");
            assert_eq!(before.kind, after.kind, "{path}");
            assert_eq!(before.attributes, after.attributes, "{path}");
            assert_eq!(before.xattrs, after.xattrs, "{path}");
        }
    }
    assert_eq!(old.len(), new.len());
}

/// Which names share a file, each group by the first of them that stays.
fn groups(names: &[(String, Seen)]) -> Vec<Vec<&str>> {
    let firsts: BTreeSet<&str> = names
        .iter()
        .map(|(_, seen)| seen.first_name.as_str())
        .collect();
    let mut groups: Vec<Vec<&str>> = firsts
        .iter()
        .map(|first| {
            let same = names.iter().filter(|(_, seen)| seen.first_name == *first);
            same.map(|(path, _)| path.as_str()).collect()
        })
        .collect();
    groups.sort();
    groups
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dropping_names_gives_the_old_tree_minus_those(
        text in random::text(),
        choice in prop::collection::vec(prop::bool::weighted(0.3), 1..30),
        with_leftover: bool,
    ) {
        let image = ounce_testkit::image(&text);
        let image = Place::new().open_file("docker-archive", &image.docker_archive());
        let tree = Tree::build(&image.layers).unwrap();
        let (edit, gone) = edit(&tree, &choice, with_leftover);
        let fates = rewrite(&tree, &edit).unwrap();
        let slim = read_back(&image, &fates);
        let kept: BTreeSet<String> = tree
            .walk(Tree::ROOT)
            .filter(|node| !gone.contains(node))
            .map(|node| tree.path(node).to_string())
            .collect();
        // A folder that nobody listed is there only for what is in it.
        let new: Vec<_> = contents(&Tree::build(&slim.layers).unwrap()).into_iter().collect();
        let old: Vec<_> = contents(&tree)
            .into_iter()
            .filter(|(path, seen)| {
                kept.contains(path)
                    && (seen.attributes.is_some() || new.iter().any(|(other, _)| other == path))
            })
            .collect();
        assert_same(&old, &new);
        prop_assert_eq!(groups(&old), groups(&new));
    }

    #[test]
    fn rewriting_twice_gives_the_same_bytes(
        text in random::text(),
        choice in prop::collection::vec(prop::bool::weighted(0.3), 1..30),
    ) {
        let image = ounce_testkit::image(&text);
        let place = Place::new();
        let image = place.open_file("docker-archive", &image.docker_archive());
        let bytes = |threads: usize, name: &str| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let tree = Tree::build(&image.layers).unwrap();
                let fates = rewrite(&tree, &edit(&tree, &choice, true).0).unwrap();
                write(&image, &fates, &place.reference("oci-archive", name));
                std::fs::read(place.path(name)).unwrap()
            })
        };
        prop_assert!(bytes(1, "one") == bytes(2, "two"));
    }

    #[test]
    fn dropping_nothing_changes_no_digest(text in random::text()) {
        let image = ounce_testkit::image(&text);
        for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
            let place = Place::new();
            let files = image.oci(packing);
            let opened = place.open_folder(&files);
            let tree = Tree::build(&opened.layers).unwrap();
            let fates = rewrite(&tree, &Edit::default()).unwrap();
            prop_assert!(fates.iter().all(|fate| matches!(fate, Fate::Same)));
            let to = place.reference("oci", "out");
            let written = write(&opened, &fates, &to);
            // Every blob of the source but its manifest is there under its name.
            let manifest = files.len() - 3;
            for (name, bytes) in &files[..manifest] {
                prop_assert!(&std::fs::read(place.path("out").join(name)).unwrap() == bytes);
            }
            let digest = written.manifest.unwrap();
            let old: serde_json::Value = serde_json::from_slice(&files[manifest].1).unwrap();
            let new = std::fs::read(place.path("out/blobs/sha256").join(digest.hex())).unwrap();
            let new: serde_json::Value = serde_json::from_slice(&new).unwrap();
            prop_assert_eq!(digests(&old["layers"]), digests(&new["layers"]));
            prop_assert_eq!(&old["config"], &new["config"]);
        }
    }

    #[test]
    fn what_is_left_over_means_nothing(
        text in random::text(),
        choice in prop::collection::vec(prop::bool::weighted(0.3), 1..30),
    ) {
        let image = ounce_testkit::image(&text);
        let image = Place::new().open_file("docker-archive", &image.docker_archive());
        let tree = Tree::build(&image.layers).unwrap();
        let outcome = |with_leftover| {
            let fates = rewrite(&tree, &edit(&tree, &choice, with_leftover).0).unwrap();
            contents(&Tree::build(&read_back(&image, &fates).layers).unwrap())
        };
        prop_assert_eq!(outcome(false), outcome(true));
    }
}

fn digests(layers: &serde_json::Value) -> Vec<(&str, u64)> {
    let layers = layers.as_array().unwrap().iter();
    layers
        .map(|l| (l["digest"].as_str().unwrap(), l["size"].as_u64().unwrap()))
        .collect()
}

#[test]
fn work_that_is_stopped_ends() {
    let image = crate::contents::image("[A]\na *5000");
    let progress = Progress::default();
    progress.stop();
    let error = image.verify(&progress).unwrap_err();
    assert!(matches!(error, ounce_image::Error::Cancelled));
}
