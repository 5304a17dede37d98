//! What an ELF file leads to: what the loader and the kernel take for it, what it names, and what is known of
//! the functions that it takes.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use ounce_image::{Blob, LeafId, NodeId, Tree};

use super::collect::Collector;
use super::loader::Chain;
use super::world::World;
use super::{Kind, Proof, content, literals};
use crate::inspect::elf::{self, Elf};
use crate::inspect::paths::Hit;
use crate::inspect::sections::{self, Sections};

/// Everything that an ELF file leads to.
pub(super) fn all(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    leaf: LeafId,
    chain: &Arc<Chain>,
) {
    let file = world.tree.read(leaf);
    let elf = match elf::inspect(&file) {
        Ok(Some(elf)) => elf,
        Ok(None) => return,
        Err(reason) => {
            content::problem(world, collector, node, reason);
            return literals::paths(world, collector, &file);
        }
    };
    let chain = own_chain(world, &elf, chain);
    needed(world, collector, node, &elf, &chain);
    if let Some(interpreter) = &elf.interpreter
        && collector
            .path(Tree::ROOT, interpreter, Kind::Interpreter, &Proof::Header)
            .is_none()
    {
        collector.miss(Kind::Interpreter, interpreter);
    }
    let path = world.tree.path(node);
    if world.tables.says_all(&path) {
        return;
    }
    let imports = elf::imports(&file).unwrap_or_else(|reason| {
        content::problem(world, collector, node, reason);
        BTreeSet::new()
    });
    world
        .tables
        .elf(world, collector, &path, &elf, &imports, node, &chain);
    let starts = Starts {
        program: path.file_name().to_vec(),
        names: elf.names.clone(),
        is_program: elf.interpreter.is_some(),
        may: world.tables.may_start(&path, &imports) || is_static(&elf, path.file_name()),
    };
    written(world, collector, &file, &starts);
    loaded(world, collector, node, &file, &elf, &chain);
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

/// The longest record of a build that is looked at, to each side of a path.
const MAX_RECORD: u64 = 8 << 10;

/// What is known of a file that may start programs.
struct Starts {
    /// Its own name.
    program: Vec<u8>,
    /// Where the names of its symbols are, which start nothing.
    names: Range<u64>,
    /// Whether it is a program, which may tell its users of others of its family.
    is_program: bool,
    /// Whether it may.
    may: bool,
}

/// Paths and programs that are written out.
fn written(world: &World<'_>, collector: &mut Collector<'_>, file: &Blob, starts: &Starts) {
    let looks_for_names = starts.may || starts.is_program;
    let scanner = if looks_for_names {
        &world.scanner
    } else {
        &world.paths
    };
    let Some(scanner) = scanner else {
        return;
    };
    let debugging = debugging(file);
    let is_debugging = |at: u64| debugging.iter().any(|range| range.contains(&at));
    let _ = scanner.scan(
        file,
        |_| Ok(()),
        |at, hit| match hit {
            _ if is_debugging(at) => {}
            Hit::Path(_) if is_build_option(world, file, at) => {}
            Hit::Path(path) => {
                let mut next = [1];
                let is_read = file
                    .read_exact_at(at + path.len() as u64, &mut next)
                    .is_ok();
                // Go and Rust put texts together without an end.
                let is_whole = is_read && next[0] == 0;
                literals::path_at(world.tree, collector, path, &Proof::Offset(at), is_whole);
            }
            Hit::Name(number) => {
                let name = &world.programs.names()[number];
                if starts.calls(file, at, name) && !world.tables.is_record(file, name) {
                    let _ = world.programs.call(
                        collector,
                        Tree::ROOT,
                        name,
                        Kind::Calls,
                        &Proof::Offset(at),
                    );
                }
            }
            Hit::Relative(_) => {}
        },
    );
}

/// The parts of a file that only debuggers read: names of its sources, of the compiler's headers (DWARF 5, 7.5;
/// System V ABI, "Special Sections"). No process has them in memory.
fn debugging(file: &Blob) -> Vec<Range<u64>> {
    let sections = sections::read(file);
    let of_debuggers = |name: &[u8]| name.starts_with(b".debug_") || name == b".strtab";
    let parts = sections.iter().flat_map(Sections::iter);
    parts
        .filter(|(name, _)| of_debuggers(name))
        .map(|(_, part)| part.offset..part.offset.saturating_add(part.size))
        .collect()
}

/// Whether a path is the value of an option of the program's build, which the program keeps as a record
/// (`PROVE=/usr/bin/prove` beside `CFLAGS=`). What is opened stands alone too.
fn is_build_option(world: &World<'_>, file: &Blob, at: u64) -> bool {
    let mut before = [0];
    if at == 0 || file.read_exact_at(at - 1, &mut before).is_err() || before[0] != b'=' {
        return false;
    }
    let start = at.saturating_sub(MAX_RECORD);
    let mut around = vec![0; (2 * MAX_RECORD).min(file.len() - start) as usize];
    if file.read_exact_at(start, &mut around).is_err() {
        return false;
    }
    let (head, tail) = around.split_at((at - start) as usize);
    let from = memchr::memrchr(0, head).map_or(0, |nul| nul + 1);
    let to = memchr::memchr(0, tail).unwrap_or(tail.len());
    world
        .tables
        .is_record_text(&[&head[from..], &tail[..to]].concat())
}

impl Starts {
    /// Whether a word is a program's name rather than a word of a sentence: it is a text of its own, or the
    /// first word of one (a command line), or the program is of the same family, as its own words tell.
    fn calls(&self, file: &Blob, at: u64, name: &[u8]) -> bool {
        if self.names.contains(&at) {
            return false;
        }
        let mut around = vec![0; name.len() + 2];
        let is_read = at > 0 && file.read_exact_at(at - 1, &mut around).is_ok();
        let begins = is_read && around[0] == 0;
        match around.last() {
            Some(b' ') if self.may && begins && name.len() > 1 => true,
            // Codes of languages and the like have two letters.
            Some(0) if self.may && begins && name.len() > 2 => true,
            _ => name.contains(&b'-') && family(name) == family(&self.program),
        }
    }
}

/// Whether a file may be a program without libraries; a library without any holds data.
fn is_static(elf: &Elf, name: &[u8]) -> bool {
    elf.needed.is_empty() && memchr::memmem::find(name, b".so").is_none()
}

/// The first part of a program's name: `redis` of `redis-cli`.
fn family(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'-' || *byte == b'_')
        .next()
        .unwrap_or_default()
}

/// Libraries whose names are written out.
fn loaded(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    file: &Blob,
    elf: &Elf,
    chain: &Arc<Chain>,
) {
    let below = world.loader.descend(chain, elf, node);
    let path = world.tree.path(node);
    let mut seen: BTreeSet<Vec<u8>> = elf.needed.iter().chain(&elf.soname).cloned().collect();
    literals::libraries(file, |at, name| {
        if !seen.insert(name.to_vec()) || world.tables.is_unused(&path, name) {
            return;
        }
        for (links, end) in world.loader.find(chain, elf, node, name) {
            for link in links {
                collector.name(link, Kind::Dlopens, Proof::Offset(at));
            }
            collector.name(end, Kind::Dlopens, Proof::Offset(at)).chain = Some(below.clone());
        }
    });
}
