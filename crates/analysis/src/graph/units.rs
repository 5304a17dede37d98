//! What a name that is written somewhere stands for: the file, or the folder with all that it holds.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::{ImagePath, NodeId, Tree};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::Deserialize;

use super::collect::Collector;
use super::world::World;
use super::{Kind, Proof};
use crate::finding::Guard;
use crate::globs;
use crate::packages::{Ecosystem, Package};
use crate::rules::{Context, RULES, Tier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    shared: Vec<Row>,
    aside: Vec<Row>,
    built: Vec<Built>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(alias = "folders")]
    files: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

/// Folders that a build tool keeps beside what it makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Built {
    folder: String,
    /// A file beside the folder, which the same tool writes.
    beside: String,
    /// The programs that read the folder.
    readers: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/shared-folders.toml"))
        .expect("a test reads the table")
});

/// Folders that many packages share: the mention of one says nothing about what it holds.
static SHARED: LazyLock<GlobSet> = LazyLock::new(|| set(&TABLE.shared));

/// What nobody but people start or read.
static ASIDE: LazyLock<GlobSet> = LazyLock::new(|| set(&TABLE.aside));

fn set(rows: &[Row]) -> GlobSet {
    let files = rows.iter().flat_map(|row| &row.files);
    globs::set(files.map(String::as_str)).expect("a test builds the globs")
}

/// How folders are taken as a whole.
#[derive(Debug)]
pub(super) struct Units {
    /// What no program needs although its folder is kept: documents, caches and the like.
    litter: FxHashSet<NodeId>,
    /// Folders into which a distribution's packages put files, and those above.
    common: FxHashSet<NodeId>,
}

impl Units {
    /// Asks the rules of the safe tier what is of no use, where paths alone could say otherwise.
    pub(super) fn new(context: &Context<'_>) -> Self {
        let rules = RULES
            .par_iter()
            .with_max_len(1)
            .filter(|rule| rule.tier == Tier::Safe);
        let units = rules
            .flat_map_iter(|rule| (rule.find)(context))
            .flat_map_iter(|claim| claim.units)
            .filter(|unit| {
                let asked_by_name =
                    !unit.programs.is_empty() || !unit.words.is_empty() || !unit.modules.is_empty();
                matches!(unit.guard, Guard::Evidence | Guard::Proved(_)) && !asked_by_name
            });
        let litter = units.flat_map_iter(|unit| unit.nodes().to_vec()).collect();
        let (packages, mut common) = (context.packages.iter(), FxHashSet::default());
        let files = packages.filter(|package| !package.ecosystem.is_open());
        for file in files.flat_map(|package| &package.files) {
            add_above(context.tree, *file, &mut common);
        }
        Self { litter, common }
    }

    /// Whether a name goes although the folder that it is in is kept as a whole.
    pub(super) fn is_litter(&self, tree: &Tree<'_>, node: NodeId) -> bool {
        self.litter.contains(&node)
            || (tree.leaf_of(node).is_some() && globs::matches(&ASIDE, &tree.path(node)))
    }

    /// The programs without which nobody reads a folder that is kept because the one around it is: a build tool's
    /// objects and notes; `None` where anybody may.
    pub(super) fn readers(&self, tree: &Tree<'_>, node: NodeId) -> Option<&'static [String]> {
        let beside = |name: &str| tree.child(tree.parent(node), name.as_bytes());
        let row = TABLE.built.iter().find(|row| {
            tree.name(node) == row.folder.as_bytes()
                && tree.is_directory(node)
                && beside(&row.beside).is_some_and(|file| tree.is_file(file))
        })?;
        Some(&row.readers)
    }

    /// The folder that is meant as a whole when this name is written somewhere; `None` when the name alone is.
    ///
    /// That is the folder itself; for a file below a folder of its own in `/etc`, that folder, since
    /// settings lie in several files that name each other without their folder. A folder of a machine of which not
    /// all names are known holds the machine's data, not the program's: it is meant alone.
    pub(super) fn meant(&self, tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
        if tree.is_directory(node) {
            return (!is_shared(tree, node) && !tree.is_partial(node)).then_some(node);
        }
        let mut at = tree.parent(node);
        let etc = tree.child(Tree::ROOT, b"etc")?;
        let mut below = None;
        while at != Tree::ROOT && at != etc {
            below = Some(at);
            at = tree.parent(at);
        }
        below.filter(|folder| at == etc && !is_shared(tree, *folder))
    }
}

/// Adds the folders above a name.
fn add_above(tree: &Tree<'_>, node: NodeId, folders: &mut FxHashSet<NodeId>) {
    let mut at = tree.parent(node);
    while folders.insert(at) && at != Tree::ROOT {
        at = tree.parent(at);
    }
}

/// Whether many packages share a folder.
pub(super) fn is_shared(tree: &Tree<'_>, folder: NodeId) -> bool {
    folder == Tree::ROOT || is_shared_path(&tree.path(folder))
}

/// [`is_shared`] of the folder at a path.
pub(super) fn is_shared_path(folder: &ImagePath) -> bool {
    globs::matches(&SHARED, folder)
}

/// The most that is read of a script.
const MAX_TEXT: u64 = 1 << 20;

/// Folders in which programs lie; what they need may lie beside the folder.
const PROGRAMS: [&[u8]; 4] = [b"bin", b"sbin", b"libexec", b"scripts"];

/// Folders whose programs are the distribution's (FHS 3.0, 3.4, 3.16, 4.4 and 4.10).
const SYSTEM: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];

/// Whether the programs of a folder are the distribution's, also where no data base says so.
pub(super) fn is_system(tree: &Tree<'_>, folder: NodeId) -> bool {
    let path = tree.path(folder);
    SYSTEM
        .iter()
        .any(|system| path.as_bytes() == system.as_bytes())
}

/// Leads to what lies around a script or an application's file and may be loaded from there, and to the
/// package that brought it; to programs that `PATH` finds only where their names are not needed to read them.
pub(super) fn beside(
    world: &World<'_>,
    c: &mut Collector<'_>,
    file: NodeId,
    proof: &Proof,
    with_programs: bool,
) {
    around(world, c, file, proof);
    if let Some(package) = system_package(world, file) {
        c.packages
            .push((package.record, proof.clone(), with_programs));
    }
}

/// Leads to all files of a package; to those in folders that many share, which are named where they are read or
/// called, only where programs are asked for.
pub(super) fn package(
    world: &World<'_>,
    c: &mut Collector<'_>,
    record: NodeId,
    proof: &Proof,
    with_programs: bool,
) {
    let tree = world.tree;
    let packages = world.context.packages.iter();
    let files = packages
        .filter(|package| package.record == record)
        .flat_map(|package| &package.files)
        .filter(|file| !world.units.is_litter(tree, **file))
        .filter(|file| with_programs || !is_shared(tree, tree.parent(**file)));
    for file in files {
        // Another script is of use where what runs it is there for other reasons.
        match is_script(tree, *file) {
            true => c.companions.push(*file),
            false => c.name(*file, Kind::Package, proof.clone()).is_guess = true,
        }
    }
}

/// Leads to all files of all packages of an ecosystem.
pub(super) fn packages(
    world: &World<'_>,
    c: &mut Collector<'_>,
    ecosystem: Ecosystem,
    proof: &Proof,
) {
    let packages = world.context.packages.iter();
    let own = packages.filter(|package| package.ecosystem == ecosystem);
    let records: BTreeSet<NodeId> = own.map(|package| package.record).collect();
    for record in records {
        package(world, c, record, proof, true);
    }
}

/// Leads to what lies around an application's file: modules and data, which it may find by where it lies itself.
pub(super) fn around(world: &World<'_>, c: &mut Collector<'_>, file: NodeId, proof: &Proof) {
    let tree = world.tree;
    let folder = tree.parent(file);
    if is_system(tree, folder) {
        return;
    }
    let holds_programs = PROGRAMS.contains(&tree.name(folder)) && !is_shared(tree, folder);
    let above = holds_programs.then(|| tree.parent(folder));
    let before = c.targets.len();
    let text = tree
        .leaf_of(file)
        .map(|leaf| tree.read(leaf).read_all(MAX_TEXT));
    let text = text.and_then(Result::ok).unwrap_or_default();
    // In the root lies what belongs to nothing else; a folder there is meant by its name.
    let is_meant = |node: NodeId| {
        let is_named = || memchr::memmem::find(&text, tree.name(node)).is_some();
        folder != Tree::ROOT || !tree.is_directory(node) || is_named()
    };
    for folder in std::iter::once(folder).chain(above) {
        own(world, c, folder, Kind::Modules, proof, is_meant);
    }
    c.targets[before..]
        .iter_mut()
        .for_each(|target| target.is_guess = true);
}

/// Leads to a folder with all that it holds, or where a distribution's packages put files, to what it holds that is
/// none of theirs and `is_meant`.
pub(super) fn own(
    world: &World<'_>,
    c: &mut Collector<'_>,
    folder: NodeId,
    kind: Kind,
    proof: &Proof,
    is_meant: impl Fn(NodeId) -> bool,
) {
    let tree = world.tree;
    let is_own = |node: NodeId| {
        let is_common = world.units.common.contains(&node) || is_shared(tree, node);
        !is_common && system_package(world, node).is_none()
    };
    if is_own(folder) {
        c.whole(folder, kind, proof.clone());
        return;
    }
    let children = tree.children(folder);
    let children = children.filter(|child| !world.units.is_litter(tree, *child));
    for child in children.filter(|child| is_own(*child) && is_meant(*child)) {
        c.whole(child, kind, proof.clone());
    }
}

/// Folders of a distribution in the root, in which the image's author has folders of these names alone (FHS 3.0, 3 and 5).
const DISTRIBUTION: [(&str, &[&[u8]]); 17] = [
    ("bin", &[]),
    ("boot", &[]),
    ("dev", &[]),
    ("etc", &[]),
    ("lib", &[]),
    ("lib32", &[]),
    ("lib64", &[]),
    ("libx32", &[]),
    ("lost+found", &[]),
    ("nix", &[]),
    ("proc", &[]),
    ("run", &[]),
    ("sbin", &[]),
    ("sys", &[]),
    ("tmp", &[]),
    ("usr", &[b"local"]),
    ("var", &[b"opt", b"www"]),
];

/// Leads to what no distribution brought, where an image's author puts programs and data.
pub(super) fn local(world: &World<'_>, c: &mut Collector<'_>) {
    let tree = world.tree;
    let proof = Proof::Row {
        key: "what it is told".to_owned(),
        why: "may be anything that the image's author put there",
        source: "docker run(1), COMMAND",
    };
    // A machine's data is its own.
    if tree.is_machine() {
        return;
    }
    let before = c.targets.len();
    let mut folders = Vec::new();
    for top in tree
        .children(Tree::ROOT)
        .filter(|top| tree.is_directory(*top))
    {
        let row = DISTRIBUTION
            .iter()
            .find(|(name, _)| name.as_bytes() == tree.name(top));
        match row {
            Some((_, own)) => folders.extend(own.iter().filter_map(|name| tree.child(top, name))),
            None => folders.push(top),
        }
    }
    while let Some(folder) = folders.pop() {
        own(world, c, folder, Kind::Opens, &proof, |_| true);
        let is_mixed = |node: &NodeId| {
            let is_common = world.units.common.contains(node) || is_shared(tree, *node);
            is_common && tree.is_directory(*node)
        };
        folders.extend(tree.children(folder).filter(is_mixed));
    }
    for target in &mut c.targets[before..] {
        target.is_guess = true;
    }
}

/// Whether the kernel starts something else to run a file.
pub(super) fn is_script(tree: &Tree<'_>, file: NodeId) -> bool {
    let mut start = [0; 2];
    let content = tree.leaf_of(file).map(|leaf| tree.read(leaf));
    content.is_some_and(|content| content.read_exact_at(0, &mut start).is_ok()) && start == *b"#!"
}

/// The package of a distribution that brought a file.
fn system_package<'w>(world: &'w World<'_>, file: NodeId) -> Option<&'w Package> {
    let owner = world.context.packages.owner(file);
    owner.filter(|package| !package.ecosystem.is_open())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gives_its_source() {
        assert!(
            TABLE
                .shared
                .iter()
                .chain(&TABLE.aside)
                .all(|row| row.source.len() > 5)
        );
        assert!(
            TABLE
                .built
                .iter()
                .all(|row| row.source.len() > 5 && !row.readers.is_empty())
        );
        LazyLock::force(&SHARED);
        LazyLock::force(&ASIDE);
    }
}
