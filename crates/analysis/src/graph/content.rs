//! What one name leads to: a link, a folder that is meant as a whole, or a file by what it is.

use std::sync::Arc;

use ounce_image::{Blob, EntryKind, ImagePath, LeafId, NodeId, Tree};

use super::collect::{Collector, follow};
use super::loader::Chain;
use super::units::is_script;
use super::world::World;
use super::{Extent, Kind, Proof, code, elf, interpreters, literals, scripts, words};
use crate::finding::Problem;
use crate::harmless;
use crate::inspect::script::{self, Shebang};

/// What the kernel and this search look at to tell what a file is.
const START: usize = 512;

/// Everything that a name leads to; how many bytes were read of it.
pub(super) fn all(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    extent: Extent,
    chain: &Arc<Chain>,
) -> u64 {
    let tree = world.tree;
    if tree.is_directory(node) {
        if extent == Extent::Whole {
            tree.ask_whole(node);
            for child in tree
                .children(node)
                .filter(|child| !world.units.is_litter(tree, *child))
            {
                match world.units.readers(tree, child) {
                    Some(readers) => collector.held_for.push((child, readers)),
                    None => {
                        collector.whole(child, Kind::Holds, Proof::Itself);
                    }
                }
            }
        }
        return 0;
    }
    match tree.attributes(node).map(|entry| &entry.kind) {
        Some(EntryKind::Symlink(target)) => link(tree, collector, node, target, extent),
        Some(EntryKind::File) => {
            return tree
                .leaf_of(node)
                .map_or(0, |leaf| file(world, collector, node, leaf, chain));
        }
        _ => {}
    }
    0
}

/// The libraries that a file needs, looked for in one more way.
pub(super) fn libraries(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    chain: &Arc<Chain>,
) {
    if let Some(leaf) = world
        .tree
        .leaf_of(node)
        .filter(|_| world.tree.is_file(node))
    {
        elf::libraries(world, collector, node, leaf, chain);
    }
}

/// What a file leads to that a shell script reads into itself, whatever it is called.
pub(super) fn sourced(world: &World<'_>, collector: &mut Collector<'_>, node: NodeId) {
    if let Some(EntryKind::Symlink(target)) = world.tree.attributes(node).map(|entry| &entry.kind) {
        let folder = world.tree.parent(node);
        let _ = collector.path(folder, target, Kind::Sources, &Proof::Itself);
    } else if let Some(leaf) = world
        .tree
        .leaf_of(node)
        .filter(|_| world.tree.is_file(node))
    {
        scripts::file(world, collector, node, &world.tree.read(leaf));
    }
}

/// What a file leads to now that a program that reads such files is reached; how many bytes were read of it.
pub(super) fn by_reader(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    chain: &Arc<Chain>,
) -> u64 {
    let leaf = world.tree.leaf_of(node);
    leaf.map_or(0, |leaf| read(world, collector, node, leaf, chain))
}

/// What the kernel starts to run a script; `None` for anything else.
pub(super) fn runner(world: &World<'_>, node: NodeId) -> Option<NodeId> {
    let start = start(&world.tree.read(world.tree.leaf_of(node)?));
    let shebang = script::shebang(&start)?;
    let path = match &shebang.command {
        Some(command) => world.programs.find(command)?.to_vec(),
        None => shebang.interpreter,
    };
    world.tree.resolve(&path)
}

fn link(
    tree: &Tree<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    target: &[u8],
    extent: Extent,
) {
    let Some((links, end)) = follow(tree, tree.parent(node), target) else {
        return;
    };
    for link in links {
        collector.name(link, Kind::Symlink, Proof::Itself);
    }
    match extent {
        Extent::Whole => collector.whole(end, Kind::Symlink, Proof::Itself),
        Extent::Name => collector.name(end, Kind::Symlink, Proof::Itself),
    };
}

fn file(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    leaf: LeafId,
    chain: &Arc<Chain>,
) -> u64 {
    let path = world.tree.path(node);
    if harmless::is_silent(&path) || world.tables.is_silent(&path) {
        return 0;
    }
    // What the kernel starts is a program, whatever it is called.
    if let Some(readers) = world.tables.readers(&path)
        && !is_script(world.tree, node)
    {
        collector.readers = Some(readers);
        return 0;
    }
    read(world, collector, node, leaf, chain)
}

/// What the content of a file leads to, whoever reads it.
fn read(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    leaf: LeafId,
    chain: &Arc<Chain>,
) -> u64 {
    let path = world.tree.path(node);
    let content = world.tree.read(leaf);
    if content.begins_with(b"\x7fELF") {
        elf::all(world, collector, node, leaf, chain);
    } else {
        text(world, collector, node, &path, &content);
        code::file(world, collector, node, &content, chain);
    }
    interpreters::of(world, collector, node);
    for alias in world.programs.aliases(node) {
        let _ = collector.path(Tree::ROOT, alias, Kind::Alias, &Proof::Itself);
    }
    content.len()
}

/// What content leads to that is no ELF file, under a path that tells what it is.
pub(super) fn text(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    path: &ImagePath,
    content: &Blob,
) {
    if let Some(shebang) = script::shebang(&start(content)) {
        run_by(world, collector, &shebang);
        match scripts::is_shell(&shebang) {
            true => scripts::file(world, collector, node, content),
            false => {
                let interpreter = Some(shebang.interpreter.as_slice());
                literals::all(world, collector, path, content, interpreter);
            }
        }
    } else if scripts::is_named_so(path) {
        scripts::file(world, collector, node, content);
    } else {
        world.tables.file(world, collector, path, content);
        literals::all(world, collector, path, content, None);
    }
}

/// Whether a file is one that [`text`] finds programs in, by its path alone.
pub(super) fn names_programs(path: &ImagePath) -> bool {
    scripts::is_named_so(path) || words::names_programs(path)
}

fn run_by(world: &World<'_>, collector: &mut Collector<'_>, shebang: &Shebang) {
    let path = &shebang.interpreter;
    if collector
        .path(Tree::ROOT, path, Kind::Interpreter, &Proof::Header)
        .is_none()
    {
        collector.miss(Kind::Interpreter, path);
    }
    if let Some(command) = &shebang.command {
        let found = world.programs.call(
            collector,
            Tree::ROOT,
            command,
            Kind::Interpreter,
            &Proof::Header,
        );
        if found.is_none() {
            collector.miss(Kind::Interpreter, command);
        }
    }
}

fn start(content: &Blob) -> Vec<u8> {
    let mut start = vec![0; START];
    let read = content.read_at(0, &mut start).unwrap_or_default();
    start.truncate(read);
    start
}

/// A file that could not be understood.
pub(super) fn problem(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    reason: String,
) {
    collector.problems.push(Problem {
        path: world.tree.path(node),
        reason,
    });
}

/// A program that unpacks itself when it starts, so that nobody can tell what it needs: all of the image stays.
pub(super) fn unreadable(world: &World<'_>, collector: &mut Collector<'_>, packer: &[u8]) {
    let what = "starts a program that is packed, so that what it needs is not known";
    collector.doubt(Proof::Header, what, packer);
    if !world.tree.is_machine() {
        let root = collector.whole(Tree::ROOT, Kind::Needs, Proof::Header);
        root.is_guess = true;
    }
}
