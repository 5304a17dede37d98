//! What a container sees of an image, in a form that can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ounce_image::format::{self, Reference, Written};
use ounce_image::{
    EntryId, EntryKind, Fate, Image, LeafId, NodeId, Platform, Progress, Store, Tree,
};

/// A name's attributes, content and the first of the names that it shares them with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Mode, owner, group, time in seconds and nanoseconds; `None` for a folder that nobody listed.
    pub(crate) attributes: Option<(u32, u64, u64, i64, u32)>,
    pub(crate) kind: EntryKind,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) content: Vec<u8>,
    pub(crate) first_name: String,
}

/// Everything that a container sees, by path.
pub(crate) fn contents(tree: &Tree<'_>) -> BTreeMap<String, Seen> {
    let mut first: BTreeMap<LeafId, String> = BTreeMap::new();
    let seen = tree.walk(Tree::ROOT).map(|node| {
        let path = tree.path(node).to_string();
        let leaf = tree.leaf_of(node);
        let first_name = match leaf {
            Some(leaf) => first.entry(leaf).or_insert_with(|| path.clone()).clone(),
            None => path.clone(),
        };
        let entry = tree.attributes(node);
        let content = leaf
            .filter(|_| tree.is_file(node))
            .map(|leaf| tree.read(leaf).read_all(1 << 20).unwrap());
        let seen = Seen {
            attributes: entry.map(|e| (e.mode, e.uid, e.gid, e.mtime.secs, e.mtime.nanos)),
            kind: entry.map_or(EntryKind::Directory, |e| e.kind.clone()),
            xattrs: entry
                .map(|e| {
                    e.xattrs
                        .iter()
                        .map(|(k, v)| (k.to_vec(), v.to_vec()))
                        .collect()
                })
                .unwrap_or_default(),
            content: content.unwrap_or_default(),
            first_name,
        };
        (path, seen)
    });
    seen.collect()
}

/// A folder for one test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A reference to a name in this place.
    pub(crate) fn reference(&self, transport: &str, name: &str) -> Reference {
        Reference::parse(&format!("{transport}:{}", self.path(name).display())).unwrap()
    }

    /// Stores bytes and opens them.
    pub(crate) fn open_file(&self, transport: &str, bytes: &[u8]) -> Image {
        let name = format!("in-{}", fs::read_dir(self.0.path()).unwrap().count());
        fs::write(self.path(&name), bytes).unwrap();
        open(&self.reference(transport, &name))
    }

    /// Stores the files of a layout and opens it.
    pub(crate) fn open_folder(&self, files: &[(String, Vec<u8>)]) -> Image {
        let name = format!("in-{}", fs::read_dir(self.0.path()).unwrap().count());
        write_files(&self.path(&name), files);
        open(&self.reference("oci", &name))
    }
}

pub(crate) fn write_files(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

pub(crate) fn open(reference: &Reference) -> Image {
    try_open(reference, &Store::none()).unwrap()
}

pub(crate) fn try_open(reference: &Reference, store: &Store) -> ounce_image::Result<Image> {
    let platform = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
    };
    let progress = Progress::default();
    let image = format::open(reference, &platform, store, &progress)?;
    image.verify(&progress)?;
    Ok(image)
}

pub(crate) fn write(image: &Image, fates: &[Fate], to: &Reference) -> Written {
    format::write(image, fates, to, &[], &Progress::default(), || Ok(())).unwrap()
}

/// An image of this text, opened.
pub(crate) fn image(text: &str) -> Image {
    Place::new().open_file(
        "docker-archive",
        &ounce_testkit::image(text).docker_archive(),
    )
}

/// The entries of a layer that are called so, whiteouts by what they hide.
pub(crate) fn entry(image: &Image, layer: u32, path: &str) -> EntryId {
    let entries = &image.layers[layer as usize].entries;
    let index = entries
        .iter()
        .position(|entry| entry.path.as_bytes() == path.as_bytes());
    EntryId {
        layer,
        index: index.unwrap_or_else(|| panic!("no {path} in layer {layer}")) as u32,
    }
}

pub(crate) fn node(tree: &Tree<'_>, path: &str) -> Option<NodeId> {
    tree.get(&ounce_image::ImagePath::parse(path.as_bytes()).unwrap())
}
