//! What the search knows of the image before it begins.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use ounce_image::{NodeId, Tree};

use super::collect::Collector;
use super::loader::Loader;
use super::programs::Programs;
use super::roots::Own;
use super::stems::Stems;
use super::tables::Tables;
use super::units::{Units, is_shared};
use super::{Memory, Origin};
use crate::inspect::paths::Scanner;
use crate::rules::{Context, translations};

/// The longest data base of the system that is read, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// The image, indexed for the search.
pub(super) struct World<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) tree: &'a Tree<'a>,
    pub(super) units: Units,
    pub(super) loader: Loader<'a>,
    /// What sources may ask the loader for.
    pub(super) stems: Stems,
    pub(super) programs: Programs,
    pub(super) tables: Tables,
    /// Finds paths, and names of programs by their number in `programs`.
    pub(super) scanner: Option<Scanner>,
    /// Finds paths alone.
    pub(super) paths: Option<Scanner>,
    /// The folders of messages in languages that a program can be asked to speak.
    pub(super) translations: BTreeSet<NodeId>,
    /// The scripts that the image's command runs.
    pub(super) own: Own,
    /// Where relative paths of the image's command begin.
    pub(super) workdir: NodeId,
    /// `/etc/passwd` and `/etc/nsswitch.conf`, which many files ask for.
    passwd: OnceLock<Option<Vec<u8>>>,
    nsswitch: OnceLock<Option<Vec<u8>>>,
    /// What files said in an earlier search.
    pub(super) memory: Option<&'a Memory>,
}

impl<'a> World<'a> {
    pub(super) fn new(context: &'a Context<'a>, memory: Option<&'a Memory>) -> Self {
        let tree = context.tree;
        let programs = Programs::new(context);
        let prefixes = prefixes(tree);
        if let Some(memory) = memory {
            memory.look_for([prefixes.as_slice(), programs.names()].concat());
        }
        let workdir = context.config.run_time_texts();
        let workdir = workdir
            .get("WorkingDir")
            .and_then(|list| tree.resolve(list.first()?.as_bytes()));
        let (units, translations) = rayon::join(
            || Units::new(context),
            || translations::selectable_folders(context),
        );
        let loader = Loader::new(context);
        Self {
            context,
            tree,
            units,
            stems: Stems::new(tree, loader.everywhere()),
            loader,
            scanner: Scanner::new(&prefixes, programs.names()),
            paths: Scanner::new(&prefixes, &[]),
            own: Own::new(context, &programs),
            programs,
            translations,
            memory,
            tables: Tables::new(),
            workdir: workdir.unwrap_or(Tree::ROOT),
            passwd: OnceLock::new(),
            nsswitch: OnceLock::new(),
        }
    }

    /// The text of `/etc/passwd`, if it can be read.
    pub(super) fn passwd(&self) -> Option<&[u8]> {
        let read = || self.text(b"/etc/passwd");
        self.passwd.get_or_init(read).as_deref()
    }

    /// The text of `/etc/nsswitch.conf`, if it can be read.
    pub(super) fn nsswitch(&self) -> Option<&[u8]> {
        let read = || self.text(b"/etc/nsswitch.conf");
        self.nsswitch.get_or_init(read).as_deref()
    }

    fn text(&self, path: &[u8]) -> Option<Vec<u8>> {
        let leaf = self.tree.leaf_of(self.tree.resolve(path)?)?;
        self.tree.read(leaf).read_all(MAX_TEXT).ok()
    }

    /// Begins to collect what something leads to.
    pub(super) fn collector(&self, from: Origin) -> Collector<'_> {
        Collector::new(self.tree, &self.units, from)
    }
}

/// What paths begin with that lead from the folder in which a program is installed, wherever that is (GNU Coding
/// Standards 7.2.5, "Variables for Installation Directories": below `prefix`).
const RELATIVE: [&[u8]; 4] = [b"/share/", b"share/", b"/libexec/", b"libexec/"];

/// What paths begin with. A folder in the root that is somebody's own may be named without more behind it.
fn prefixes(tree: &Tree<'_>) -> Vec<Vec<u8>> {
    let prefix = |top| {
        let end: &[u8] = if is_shared(tree, top) || tree.symlink(top).is_some() {
            b"/"
        } else {
            b""
        };
        [b"/", tree.name(top), end].concat()
    };
    let relative = RELATIVE.iter().map(|prefix| prefix.to_vec());
    tree.children(Tree::ROOT)
        .map(prefix)
        .chain(relative)
        .collect()
}
