//! Programs that are made to be used together with one that the image starts, which only their users know:
//! the client of a server, the tools of a data base.
//!
//! They are those of the same package, and of the packages that were built from the same source. Of a program that
//! no package brought they are those that lie beside it, unless that is a folder of the distribution.
//!
//! So are the settings that its own package brought: a server may be told where they are by whoever starts it.

use ounce_image::{NodeId, Tree};

use super::collect::Collector;
use super::programs::is_executable;
use super::tables::is_told;
use super::units::{is_script, is_shared, is_system};
use super::world::World;
use super::{Kind, Origin, Proof};
use crate::packages::Package;

/// Leads to the companions of a program that is called `name`; `called` are the links on the way to it, and itself.
pub(super) fn of(
    world: &World<'_>,
    c: &mut Collector<'_>,
    name: &[u8],
    called: &[NodeId],
    program: NodeId,
) {
    // Launchers and utilities are started for the sake of something else.
    if is_told(name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)) {
        return;
    }
    // A package's link to another one's program makes nothing of that other one its own.
    let owner = |node: &NodeId| {
        world
            .context
            .packages
            .owner(*node)
            .filter(|_| world.context.packages.is_installed(*node))
    };
    let found = match called.iter().find_map(owner).or_else(|| owner(&program)) {
        Some(package) => {
            for file in settings(world.tree, package) {
                c.name(file, Kind::Package, Proof::Itself).is_guess = true;
            }
            of_source(world, package, program)
        }
        None => lying_beside(world, called),
    };
    for file in found.into_iter().filter(|file| *file != program) {
        match is_script(world.tree, end(world.tree, file).unwrap_or(file)) {
            true => c.companions.push(file),
            false => c.name(file, Kind::Companion, Proof::Itself).is_guess = true,
        }
    }
}

/// Whether what a file calls is what the image is for: its own command, and scripts that its author wrote.
pub(super) fn are_meant(world: &World<'_>, from: Origin) -> bool {
    match from {
        Origin::Root(_) => true,
        Origin::Node(script) => !world.context.packages.is_installed(script),
    }
}

/// A package's files below `/etc`, without the parts that it leaves there for other packages.
fn settings<'a>(tree: &'a Tree<'_>, package: &'a Package) -> impl Iterator<Item = NodeId> + 'a {
    let etc = tree.child(Tree::ROOT, b"etc");
    let is_own = move |file: &NodeId| {
        let folders = std::iter::successors(Some(tree.parent(*file)), |at| Some(tree.parent(*at)));
        let mut folders = folders.take_while(|at| *at != Tree::ROOT && Some(*at) != etc);
        !folders.any(|folder| is_shared(tree, folder))
    };
    let files = package.files.iter().copied();
    files.filter(move |file| {
        let is_setting = etc.is_some_and(|etc| tree.is_within(*file, etc));
        is_setting && tree.leaf_of(*file).is_some() && is_own(file)
    })
}

/// The programs of a package and of its source's other packages: what `PATH` finds, and what lies beside `program`.
fn of_source(world: &World<'_>, package: &Package, program: NodeId) -> Vec<NodeId> {
    let tree = world.tree;
    let is_kin = |other: &&Package| {
        other.record == package.record
            || (other.ecosystem == package.ecosystem
                && other.source.is_some()
                && other.source == package.source)
    };
    let is_program = |file: &NodeId| {
        let is_beside = tree.parent(*file) == tree.parent(program);
        let is_program = end(tree, *file).is_some_and(|end| is_executable(tree, end));
        is_program && (is_beside || world.programs.is_found(tree, *file))
    };
    let kin = world.context.packages.iter().filter(is_kin);
    kin.flat_map(|package| package.files.iter().copied())
        .filter(is_program)
        .collect()
}

/// What a name leads to: a package may bring links to programs of another one, as `gcc` to `gcc-12`.
fn end(tree: &Tree<'_>, name: NodeId) -> Option<NodeId> {
    tree.resolve_from(tree.parent(name), tree.name(name), |_| {})
}

/// The programs that no package brought in the folders of these names.
fn lying_beside(world: &World<'_>, called: &[NodeId]) -> Vec<NodeId> {
    let tree = world.tree;
    let folders = called.iter().map(|node| tree.parent(*node));
    let own = folders.filter(|folder| *folder != Tree::ROOT && !is_system(tree, *folder));
    own.flat_map(|folder| tree.children(folder))
        .filter(|file| is_executable(tree, *file) && !world.context.packages.is_installed(*file))
        .collect()
}
