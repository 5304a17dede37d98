//! What an ELF file leads to: what the loader and the kernel take for it, what it names, and what is known of
//! the functions that it takes.

mod said;

use std::collections::BTreeSet;
use std::sync::Arc;

use ounce_image::{Blob, ImagePath, LeafId, NodeId, Tree};

use super::collect::Collector;
use super::loader::Chain;
use super::memory::Text;
use super::world::World;
use super::{Kind, Proof, code, content, literals};
use crate::inspect::elf::{self, Elf};
use crate::inspect::packed::packer;
use said::Starts;

/// Everything that an ELF file leads to.
pub(super) fn all(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    leaf: LeafId,
    chain: &Arc<Chain>,
) {
    let file = world.tree.read(leaf);
    let path = world.tree.path(node);
    if let Some(packer) = packer(&file) {
        content::unreadable(world, collector, packer.as_bytes());
    }
    let elf = match elf::inspect(&file) {
        Ok(Some(elf)) => elf,
        Ok(None) => return,
        Err(reason) => {
            content::problem(world, collector, node, reason);
            return literals::all(world, collector, &path, &file, None);
        }
    };
    let chain = own_chain(world, &elf, chain);
    if elf.interpreter.is_some() {
        let below = world.loader.descend(&chain, &elf, node);
        code::program(world, collector, node, &file, &below);
    }
    read(world, collector, node, &path, &file, &elf, &chain);
}

/// What the headers of a file, its texts and what is known of its functions lead to.
fn read(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    path: &ImagePath,
    file: &Blob,
    elf: &Elf,
    chain: &Arc<Chain>,
) {
    needed(world, collector, node, elf, chain);
    if let Some(interpreter) = &elf.interpreter
        && collector
            .path(Tree::ROOT, interpreter, Kind::Interpreter, &Proof::Header)
            .is_none()
    {
        collector.miss(Kind::Interpreter, interpreter);
    }
    if world.tables.says_all(path) {
        return;
    }
    let imports = elf::imports(file).unwrap_or_else(|reason| {
        content::problem(world, collector, node, reason);
        BTreeSet::new()
    });
    world
        .tables
        .elf(world, collector, path, elf, &imports, node, chain);
    let starts = Starts {
        path,
        names: elf.names.clone(),
        is_program: elf.interpreter.is_some(),
        may: world.tables.may_start(path, &imports) || is_static(elf, path.file_name()),
    };
    written(world, collector, node, file, elf, &starts, chain);
}

/// The libraries that a file needs, when it was reached in one more way.
pub(super) fn libraries(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    leaf: LeafId,
    chain: &Arc<Chain>,
) {
    // A program is looked at in its own way whatever led to it.
    if let Ok(Some(elf)) = elf::inspect(&world.tree.read(leaf))
        && elf.interpreter.is_none()
    {
        needed(world, collector, node, &elf, chain);
    }
}

/// Everything that an ELF file leads to which lies inside of another one, under this path, and is unpacked when the program
/// runs. One for another system may lie beside it, so none is missed.
pub(super) fn inside(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    path: &ImagePath,
    file: &Blob,
    chain: &Arc<Chain>,
) {
    if let Ok(Some(elf)) = elf::inspect(file) {
        read(world, collector, node, path, file, &elf, chain);
        collector.missing.clear();
    }
}

fn own_chain(world: &World<'_>, elf: &Elf, chain: &Arc<Chain>) -> Arc<Chain> {
    match &elf.interpreter {
        Some(interpreter) => world.loader.start(interpreter),
        None => chain.clone(),
    }
}

fn needed(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    elf: &Elf,
    chain: &Arc<Chain>,
) {
    let below = world.loader.descend(chain, elf, node);
    for library in &elf.needed {
        if world.loader.is_own(chain, library) {
            continue;
        }
        let found = world.loader.find(chain, elf, node, library);
        if found.is_empty() {
            collector.miss(Kind::Needed, library);
        }
        for (links, end) in found {
            for link in links {
                collector.name(link, Kind::Needed, Proof::Header);
            }
            collector.name(end, Kind::Needed, Proof::Header).chain = Some(below.clone());
        }
    }
}

/// Leads to what is written out in a file.
fn written(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    file: &Blob,
    elf: &Elf,
    starts: &Starts<'_>,
    chain: &Arc<Chain>,
) {
    let below = world.loader.descend(chain, elf, node);
    let path = starts.path;
    said::each(world, file, elf, starts, |said| {
        let proof = Proof::Offset(said.at);
        match &said.text {
            Text::Path(text, _) if world.tables.is_unused(path, text) => {}
            Text::Path(text, is_whole) => {
                let own = literals::below_prefix(world.tree, collector, node, text, &proof);
                if own.is_none() {
                    literals::path_at(world.tree, collector, text, &proof, *is_whole);
                }
            }
            Text::Relative(text) => {
                let _ = literals::below_prefix(world.tree, collector, node, text, &proof);
            }
            Text::Program(number) => {
                let name = &world.programs.names()[*number];
                if world.tables.is_unused(path, name) {
                    return;
                }
                let _ = world
                    .programs
                    .call(collector, Tree::ROOT, name, Kind::Calls, &proof);
            }
            Text::Library(name)
                if world.tables.is_unused(path, name) || world.loader.is_own(chain, name) => {}
            Text::Library(name) => {
                for (links, end) in world.loader.find(chain, elf, node, name) {
                    for link in links {
                        collector.name(link, Kind::Dlopens, proof.clone());
                    }
                    collector.name(end, Kind::Dlopens, proof.clone()).chain = Some(below.clone());
                }
                if name.ends_with(b".so") || name.ends_with(b".so.") {
                    world.stems.versions(collector, name, &proof);
                }
            }
        }
    });
}

/// Whether a file may be a program without libraries; a library without any holds data.
fn is_static(elf: &Elf, name: &[u8]) -> bool {
    elf.needed.is_empty() && memchr::memmem::find(name, b".so").is_none()
}
