//! What an ELF file has written out: paths, programs that it may start, and libraries that it may load.
//!
//! Nothing is looked up in the image here: what a file says depends on its content, and on the words that are looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use ounce_image::{Blob, ImagePath};

use super::super::literals;
use super::super::memory::{Notes, Said, Text};
use super::super::programs::starts_others;
use super::super::world::World;
use crate::inspect::counted;
use crate::inspect::elf::Elf;
use crate::inspect::near::Near;
use crate::inspect::paths::Hit;
use crate::inspect::pointers::pointed_at;
use crate::inspect::sections::{self, Sections};

/// How long names of programs and libraries are, in bytes; programs of two letters are too often something else.
const LENGTHS: RangeInclusive<u64> = 3..=64;
/// Of so many words of one file it is asked whether something points to them; further ones count.
const MAX_ENDS: usize = 1 << 20;
/// The longest record of a build that is looked at, to each side of a path.
const MAX_RECORD: u64 = 8 << 10;

/// The longest name of a launcher that is looked for before a word, with the byte before it.
const MAX_LAUNCHER: u64 = 20;
/// The longest command that is looked at for places to fill in, in bytes.
const MAX_COMMAND: usize = 1 << 10;
/// What stands between two commands, and in no sentence (POSIX.1-2024, Shell Command Language, "Lists" and "Pipelines").
const JOINTS: [&[u8]; 4] = [b"| ", b"&& ", b"$(", b"exec "];

/// What is known of a file that may start programs.
pub(super) struct Starts<'a> {
    /// Where it is.
    pub(super) path: &'a ImagePath,
    /// Where the names of its symbols are, which start nothing.
    pub(super) names: Range<u64>,
    /// Whether it is a program, which may tell its users of others of its family.
    pub(super) is_program: bool,
    /// Whether it may.
    pub(super) may: bool,
}

/// Calls `found` for everything that a file says, each library once and none that its headers name.
pub(super) fn each(
    world: &World<'_>,
    file: &Blob,
    elf: &Elf,
    starts: &Starts<'_>,
    mut found: impl FnMut(&Said),
) {
    if let Some(known) = world.memory.and_then(|memory| memory.recall(starts.path)) {
        return known.iter().for_each(found);
    }
    let mut notes = world.memory.map(|_| Notes::default());
    let mut tell = |at, text| {
        let said = Said { at, text };
        if let Some(notes) = &mut notes {
            notes.add(&said);
        }
        found(&said);
    };
    let counted = Counted::of(world, file, elf.machine.1, starts);
    texts(
        world,
        file,
        elf.machine.1,
        starts,
        counted.programs,
        &mut tell,
    );
    let mut seen: BTreeSet<Vec<u8>> = elf.needed.iter().chain(&elf.soname).cloned().collect();
    let mut library = |at, name: &[u8]| {
        if seen.insert(name.to_vec()) {
            tell(at, Text::Library(name.into()));
        }
    };
    literals::libraries(file, &mut library);
    for (name, at) in counted.libraries {
        library(at, &name);
    }
    if let Some((memory, notes)) = world.memory.zip(notes) {
        memory.keep(starts.path.clone(), notes);
    }
}

/// Paths and programs.
fn texts(
    world: &World<'_>,
    file: &Blob,
    machine: u16,
    starts: &Starts<'_>,
    mut called: BTreeMap<usize, u64>,
    tell: &mut impl FnMut(u64, Text),
) {
    let looks_for_names = starts.may || starts.is_program;
    // Builders in commands that are filled in when they run, which are no records.
    let mut templates = BTreeSet::new();
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
    let names = world.programs.names();
    let mut near = Near::new(file);
    // What may be the name of a program that is called, if something points to it.
    let mut ends = BTreeMap::new();
    let called_at = |called: &mut BTreeMap<usize, u64>, number, at: u64| {
        let first = called.entry(number).or_insert(at);
        *first = at.min(*first);
    };
    let _ = scanner.scan(
        file,
        |_| Ok(()),
        |at, hit| match hit {
            _ if is_debugging(at) => {}
            Hit::Path(_) if is_build_option(world, file, &mut near, at) => {}
            Hit::Path(path) => {
                let next = near.bytes(at + path.len() as u64, 1);
                // Go and Rust put texts together without an end.
                let is_whole = next == Some(&[0]);
                tell(at, Text::Path(path.into(), is_whole));
            }
            Hit::Name(number) if starts.calls(&mut near, at, &names[number]) => {
                called_at(&mut called, number, at);
                if world.tables.is_builder(&names[number]) && is_template(&mut near, at) {
                    templates.insert(number);
                }
            }
            Hit::End(number)
                if !called.contains_key(&number)
                    && starts.may_end(&mut near, at, &names[number]) =>
            {
                if ends.len() < MAX_ENDS {
                    ends.insert(at, number);
                } else {
                    called_at(&mut called, number, at);
                }
            }
            Hit::Relative(path) if begins_text(&mut near, at) => {
                tell(at, Text::Relative(path.into()));
            }
            Hit::Name(_) | Hit::End(_) | Hit::Relative(_) => {}
        },
    );
    let places = ends.keys().copied().collect();
    for place in pointed_at(file, machine, &places) {
        called_at(&mut called, ends[&place], place);
    }
    let mut is_record = None;
    let mut is_record = || {
        *is_record.get_or_insert_with(|| {
            !world.tables.is_building(starts.path) && world.tables.is_record(file)
        })
    };
    for (number, at) in called {
        let may_be_record = world.tables.is_builder(&names[number]) && !templates.contains(&number);
        if !(may_be_record && is_record()) {
            tell(at, Text::Program(number));
        }
    }
}

/// What is written out in a program of Go or Rust, where no zero ends a text, each with where it is first.
#[derive(Default)]
struct Counted {
    /// By their numbers.
    programs: BTreeMap<usize, u64>,
    /// By their names.
    libraries: BTreeMap<Vec<u8>, u64>,
}

impl Counted {
    fn of(world: &World<'_>, file: &Blob, machine: u16, starts: &Starts<'_>) -> Self {
        let mut out = Self::default();
        let is_counted = |sections: &Sections| counted::is_counted(file, sections);
        let Some(sections) = sections::read(file).filter(is_counted) else {
            return out;
        };
        let names = world.programs.names();
        let may_start = counted::may_start(file, &sections, starts.may);
        // What cannot be read says nothing.
        let _ = counted::each(file, machine, &sections, LENGTHS, |at, text| {
            let number = names.binary_search_by(|name| name.as_slice().cmp(text));
            if let (Ok(number), true) = (number, may_start) {
                out.programs.entry(number).or_insert(at);
            } else if literals::is_library(text) {
                out.libraries.entry(text.to_vec()).or_insert(at);
            }
        });
        out
    }
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
fn is_build_option(world: &World<'_>, file: &Blob, near: &mut Near<'_>, at: u64) -> bool {
    if at == 0 || near.bytes(at - 1, 1) != Some(b"=") {
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

impl Starts<'_> {
    /// Whether a word is a program's name rather than a word of a sentence: it is a text of its own, or the
    /// first word of one (a command line), or the program is of the same family, as its own words tell.
    fn calls(&self, near: &mut Near<'_>, at: u64, name: &[u8]) -> bool {
        if self.names.contains(&at) {
            return false;
        }
        let begins = at > 0 && near.bytes(at - 1, 1) == Some(&[0]);
        let begins = begins || self.may && stands_in_command(near, at);
        match near.bytes(at + name.len() as u64, 1) {
            Some(b" ") if self.may && begins && name.len() > 1 => true,
            // Codes of languages and the like have two letters.
            Some([0]) if self.may && begins && name.len() > 2 => true,
            _ => name.contains(&b'-') && family(name) == family(self.path.file_name()),
        }
    }

    /// Whether a word may be a text of its own that the linker stored as the end of another one.
    fn may_end(&self, near: &mut Near<'_>, at: u64, name: &[u8]) -> bool {
        self.may
            && name.len() > 2
            && !self.names.contains(&at)
            && near.bytes(at + name.len() as u64, 1) == Some(&[0])
    }
}

/// Whether no path goes on at `at`.
fn begins_text(near: &mut Near<'_>, at: u64) -> bool {
    at > 0 && near.bytes(at - 1, 1) == Some(&[0])
}

/// Whether what stands before a word makes it a command: a launcher that begins the text (`exec gcc -c %s`), or what
/// joins commands (`%s | gzip`, `cd %s && tar`).
fn stands_in_command(near: &mut Near<'_>, at: u64) -> bool {
    let start = at.saturating_sub(MAX_LAUNCHER);
    let Some(before) = near.bytes(start, (at - start) as usize) else {
        return false;
    };
    let from = memchr::memrchr(0, before).map(|nul| nul + 1);
    let launcher = from.and_then(|from| before[from..].strip_suffix(b" "));
    JOINTS.iter().any(|joint| before.ends_with(joint)) || launcher.is_some_and(starts_others)
}

/// Whether the text from `at` on is a command with places for what it is to be told when it runs (`cc -o %o %s`).
fn is_template(near: &mut Near<'_>, at: u64) -> bool {
    let text = near.up_to(at, MAX_COMMAND);
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    let mut marks = text.windows(2).filter(|pair| pair[0] == b'%');
    memchr::memmem::find(text, b" -").is_some() && marks.any(|mark| mark[1].is_ascii_alphabetic())
}

/// The first part of a program's name: `redis` of `redis-cli`.
fn family(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'-' || *byte == b'_')
        .next()
        .unwrap_or_default()
}
