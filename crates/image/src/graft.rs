//! Makes a layer that puts files of one image onto another.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::blob::{Blob, Piece};
use crate::error::Result;
use crate::path::ImagePath;
use crate::rewrite::{END_OF_ARCHIVE, headers, padded};
use crate::tar::{HEADER_SIZE, Rename, folder_header, link_header, with_names, with_size};
use crate::tree::{LeafId, NodeId, Tree};

/// The layer, an uncompressed tar archive, that gives `onto` these names of `from`, with the attributes, content and links
/// between them that they have there.
///
/// The folders above them are listed too, as engines do when they commit a layer: those that `onto` has as they are there, others
/// as in `from`. A folder among the names comes alone, without what lies in it. A file that `contents` names gets that content
/// and keeps all else.
///
/// # Errors
/// Headers cannot be read.
pub fn graft(
    from: &Tree<'_>,
    names: &BTreeSet<NodeId>,
    contents: &BTreeMap<NodeId, Vec<u8>>,
    onto: &Tree<'_>,
) -> Result<Blob> {
    // Paths sort before what lies below them, so folders come first.
    let mut all: BTreeMap<ImagePath, (&Tree<'_>, NodeId)> = BTreeMap::new();
    for name in names {
        all.insert(from.path(*name), (from, *name));
        let mut above = from.parent(*name);
        while above != Tree::ROOT {
            let path = from.path(above);
            let own = onto.get(&path).filter(|node| onto.is_directory(*node));
            let place = own.map_or((from, above), |node| (onto, node));
            all.entry(path).or_insert(place);
            above = from.parent(above);
        }
    }
    let mut first: FxHashMap<LeafId, ImagePath> = FxHashMap::default();
    let mut pieces = Vec::new();
    for (path, (tree, name)) in all {
        let leaf = tree.leaf_of(name);
        if let Some(target) = leaf.and_then(|leaf| first.get(&leaf)) {
            let entry = tree.attributes(name).expect("every leaf has an entry");
            pieces.push(Piece::Inline(link_header(&path, target, entry)));
            continue;
        }
        // Only names of `from` are files; numbers of folders may be those of the other tree.
        let content = leaf.and_then(|_| contents.get(&name));
        pieces.extend(copied(tree, name, &path, content)?);
        first.extend(leaf.map(|leaf| (leaf, path)));
    }
    pieces.push(Piece::Inline(vec![0; END_OF_ARCHIVE]));
    Ok(Blob::splice(pieces))
}

/// The entry of a name, under this very name, with other content where some is given.
fn copied(
    from: &Tree<'_>,
    name: NodeId,
    path: &ImagePath,
    content: Option<&Vec<u8>>,
) -> Result<Vec<Piece>> {
    let data = match from.leaf_of(name) {
        Some(leaf) => Some(from.leaf(leaf).data),
        None => from.node_entry(name),
    };
    let Some(data) = data else {
        return Ok(vec![Piece::Inline(folder_header(path))]);
    };
    let (layer, entry) = (&from.layers()[data.layer as usize], from.entry(data));
    let mut headers = headers(layer, data)?;
    // A file's content may lie under another of its names.
    if entry.path != *path {
        headers = with_names(&headers, Rename::Name(path));
    }
    let [content, padding] = match content {
        None => padded(&layer.tar, entry.content..entry.end()),
        Some(content) => {
            let size = content.len() as u64;
            headers = with_size(&headers, size);
            let padding = size.next_multiple_of(HEADER_SIZE as u64) - size;
            [Piece::Inline(content.clone()), Piece::Zeros(padding)]
        }
    };
    Ok(vec![Piece::Inline(headers), content, padding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Layer;
    use ounce_testkit::image;

    fn layers(text: &str) -> Vec<Layer> {
        let tars = image(text).layers.into_iter();
        tars.map(|tar| Layer::plain(Blob::from_bytes(tar), "a layer").unwrap())
            .collect()
    }

    /// The names of `from` that `paths` give, grafted onto `onto`: what the result has that differs from `from`.
    fn grafted(from: &str, paths: &[&str], onto: &str) -> Vec<Layer> {
        let (from, mut onto) = (layers(from), layers(onto));
        let tree = Tree::build(&from).unwrap();
        let names = paths.iter().map(|path| {
            let path = ImagePath::parse(path.as_bytes()).unwrap();
            tree.get(&path).unwrap()
        });
        let tar = graft(
            &tree,
            &names.collect(),
            &BTreeMap::new(),
            &Tree::build(&onto).unwrap(),
        )
        .unwrap();
        onto.push(Layer::plain(tar, "the graft").unwrap());
        onto
    }

    const WHOLE: &str = "[base]
        opt/ (0700 5:6)
        opt/deep/ (2755 0:7)
        opt/deep/file (0640 1:2 xattr.user.a=b) = text!
        opt/deep/again == opt/deep/file
        opt/link -> deep/file
        opt/hole ^9999 4096:text
        [RUN more]
        opt/deep/file (0600) = newer";

    #[test]
    fn files_come_with_all_that_they_are() {
        let new = grafted(
            WHOLE,
            &["opt/deep/again", "opt/link", "opt/hole"],
            "[base]\n etc/",
        );
        let new = Tree::build(&new).unwrap();
        let at = |path: &str| {
            new.get(&ImagePath::parse(path.as_bytes()).unwrap())
                .unwrap()
        };
        let entry = new.attributes(at("opt/deep/again")).unwrap();
        assert_eq!((entry.mode & 0o7777, entry.uid, entry.gid), (0o640, 1, 2));
        assert_eq!(entry.xattrs.len(), 1);
        let read = |path, buf: &mut [u8], offset| {
            let content = new.read(new.leaf_of(at(path)).unwrap());
            content.read_exact_at(offset, buf).unwrap();
            content.len()
        };
        let mut buf = [0; 4];
        assert_eq!(read("opt/deep/again", &mut buf, 0), 5);
        assert_eq!(&buf, b"text");
        assert_eq!(read("opt/hole", &mut buf, 4096), 9999);
        assert_eq!(&buf, b"text");
        assert_eq!(new.symlink(at("opt/link")), Some(b"deep/file".as_slice()));
        assert_eq!(new.attributes(at("opt")).unwrap().mode & 0o7777, 0o700);
        assert_eq!(new.attributes(at("opt/deep")).unwrap().gid, 7);
    }

    #[test]
    fn two_names_of_one_file_stay_two_names_of_one_file() {
        let twice = "[base]\n a/one (0750 7:8) = text\n a/two == a/one";
        let new = grafted(twice, &["a/one", "a/two"], "[base]\n etc/");
        let new = Tree::build(&new).unwrap();
        let leaves: Vec<_> = new.leaves().collect();
        assert_eq!(leaves.len(), 1);
        assert_eq!(new.leaf(leaves[0]).names.len(), 2);
        // Docker takes them from the link's header.
        let link = &new.layers()[1].entries[2];
        assert_eq!((link.mode & 0o7777, link.uid, link.gid), (0o750, 7, 8));
    }

    #[test]
    fn other_content_keeps_all_else() {
        let old = layers("[a]\n a/db (0640 7:8 xattr.user.a=b) = old");
        let tree = Tree::build(&old).unwrap();
        let db = tree.get(&ImagePath::parse(b"a/db").unwrap()).unwrap();
        let contents = BTreeMap::from([(db, b"newer".to_vec())]);
        let tar = graft(
            &tree,
            &BTreeSet::from([db]),
            &contents,
            &Tree::build(&[]).unwrap(),
        )
        .unwrap();
        let new = [Layer::plain(tar, "the graft").unwrap()];
        let new = Tree::build(&new).unwrap();
        let db = new.get(&ImagePath::parse(b"a/db").unwrap()).unwrap();
        let entry = new.attributes(db).unwrap();
        assert_eq!(
            (entry.mode & 0o7777, entry.uid, entry.gid, entry.size),
            (0o640, 7, 8, 5)
        );
        assert_eq!(entry.xattrs.len(), 1);
        assert_eq!(
            new.read(new.leaf_of(db).unwrap()).read_all(9).unwrap(),
            b"newer"
        );
    }

    #[test]
    fn folders_that_are_there_stay_as_they_are() {
        let new = grafted(WHOLE, &["opt/deep/file"], "[base]\n opt/ (0711)");
        let new = Tree::build(&new).unwrap();
        let opt = new.get(&ImagePath::parse(b"opt").unwrap()).unwrap();
        assert_eq!(new.attributes(opt).unwrap().mode & 0o7777, 0o711);
    }
}
