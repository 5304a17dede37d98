//! What the fuzz targets share: layers from bytes, and reading all that content can say.

use ounce_analysis::Packages;
use ounce_image::{Blob, Layer, Tree};

/// The bytes as an uncompressed layer; `None` when they are no tar archive that images may hold.
pub fn layer(bytes: &[u8]) -> Option<Layer> {
    Layer::plain(Blob::from_bytes(bytes.to_vec()), "fuzz").ok()
}

/// The parts of a text between lines that hold nothing but `%`.
pub fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(3).position(|three| three == b"\n%\n") {
        out.push(&rest[..at + 1]);
        rest = &rest[at + 3..];
    }
    out.push(rest);
    out
}

/// Reads what every name of the tree leads to; holes are skipped, they may be larger than memory.
///
/// # Panics
/// Content that the headers promise cannot be read.
pub fn read_tree(tree: &Tree<'_>) {
    for node in tree.walk(Tree::ROOT) {
        let path = tree.path(node);
        assert_eq!(tree.get(&path), Some(node), "{path} does not lead back");
        if let Some(target) = tree.symlink(node) {
            let _ = tree.resolve_from(tree.parent(node), target, |_| {});
        }
        if let Some(leaf) = tree.leaf_of(node) {
            read_data(&tree.read(leaf));
        }
    }
}

/// Reads the parts of a blob that are not holes.
///
/// # Panics
/// A part cannot be read.
pub fn read_data(content: &Blob) {
    for range in content.data_ranges() {
        let part = content.slice(range);
        part.for_each_chunk(|_| Ok(()))
            .expect("data in memory can be read");
    }
    let _ = content.read_at(content.len().saturating_sub(1), &mut [0]);
}

/// Reads the packages of an image: one layer as text (see `ounce_testkit`), one with databases.
///
/// # Panics
/// A package lists what is not there, or a listed file has no owner.
pub fn read_packages(content: &str, databases: &[(&str, &[u8])]) {
    let content = ounce_testkit::image(content).layers.remove(0);
    let layers = [content, ounce_testkit::archive(databases)];
    let layers = layers.map(|tar| layer(&tar).expect("the test's own layers"));
    let tree = Tree::build(&layers).expect("the test's own layers");
    let packages = Packages::load(&tree, &mut Vec::new());
    for package in packages.iter() {
        assert!(tree.is_directory(package.prefix), "{package:?}");
        assert!(tree.leaf_of(package.record).is_some(), "{package:?}");
        for file in &package.files {
            assert!(tree.leaf_of(*file).is_some(), "{package:?}");
            assert!(packages.owner(*file).is_some(), "{package:?}");
        }
    }
}
