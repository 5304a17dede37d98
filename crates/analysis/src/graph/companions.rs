//! Programs that are made to be used together with one that the image starts, which only their users know:
//! the client of a server, the tools of a data base.
//!
//! They are those of the same package, and of the packages that were built from the same source. Of a program that
//! no package brought they are those that lie beside it, unless that is a folder of the distribution.

use ounce_image::{NodeId, Tree};

use super::collect::Collector;
use super::programs::is_executable;
use super::tables::is_told;
use super::units::{is_script, is_system};
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
        Some(package) => of_source(world, package, program),
        None => lying_beside(world, called),
    };
    for file in found.into_iter().filter(|file| *file != program) {
        match is_script(world.tree, file) {
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
        is_executable(tree, *file) && (is_beside || world.programs.is_found(tree, *file))
    };
    let kin = world.context.packages.iter().filter(is_kin);
    kin.flat_map(|package| package.files.iter().copied())
        .filter(is_program)
        .collect()
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
