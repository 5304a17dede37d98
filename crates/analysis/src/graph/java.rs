//! What programs of Java name: class files, and archives of them with what else lies in these.
//!
//! A class has texts of all kinds, and whoever starts a program may be another one, in another archive: a word counts where it
//! stands as a program's name does, once some class in use can start programs at all. The JDK's own classes are in the tables.

mod parts;

use std::collections::BTreeSet;
use std::sync::Arc;

use ounce_image::{Blob, ImagePath, NodeId, Tree, display};
use rayon::prelude::*;

use super::collect::Collector;
use super::loader::Chain;
use super::world::World;
use super::{Kind, Origin, Proof, content, elf, literals};
use crate::harmless;
use crate::inspect::class::{self, Class};
use crate::inspect::paths::Hit;
use parts::{Part, Parts};

/// The largest class that is read, in bytes: 65,535 constants are some 2 MB, and the code of all methods is as much.
const MAX_CLASS: u64 = 16 << 20;

/// What the classes of a file say of programs.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Those that are named, by their numbers.
    programs: Vec<(usize, Proof)>,
    /// Whether one is started.
    starts: bool,
}

/// What the classes of all files say.
#[derive(Debug, Default)]
pub(super) struct AllSaid {
    programs: Vec<(Origin, usize, Proof)>,
    starts: bool,
}

impl AllSaid {
    pub(super) fn add(&mut self, from: Origin, said: Said) {
        self.starts |= said.starts;
        let programs = said.programs.into_iter();
        self.programs
            .extend(programs.map(|(number, proof)| (from, number, proof)));
    }

    /// Leads to the programs that were named since it was asked for the last time, if any is started.
    pub(super) fn called<'w>(&mut self, world: &'w World<'_>) -> Vec<Collector<'w>> {
        if !self.starts {
            return Vec::new();
        }
        let call = |(from, number, proof): (Origin, usize, Proof)| {
            let mut collector = world.collector(from);
            let programs = &world.programs;
            let name = &programs.names()[number];
            let _ = programs.call(&mut collector, Tree::ROOT, name, Kind::Calls, &proof);
            let targets = collector.targets.iter_mut();
            targets.for_each(|target| target.is_guess = true);
            collector
        };
        self.programs.drain(..).map(call).collect()
    }
}

/// What a class file, or an archive of some, leads to.
pub(super) fn file(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    content: &Blob,
    chain: &Arc<Chain>,
) {
    let path = world.tree.path(node);
    let parts = match content.begins_with(&class::MAGIC) {
        true => Parts::single(content),
        false => Parts::of(content, &path, |name| is_wanted(world, &path, name)),
    };
    let file = File {
        world,
        path: &path,
        node,
        chain,
    };
    let found = parts.all.par_iter().map(|part| (part, file.part(part)));
    file.collect(collector, found.collect());
    for reason in parts.problems {
        // What is not read may start anything that others name.
        collector.classes.starts = true;
        content::problem(world, collector, node, reason);
    }
}

/// Whether an entry of an archive is looked at.
fn is_wanted(world: &World<'_>, archive: &ImagePath, name: &[u8]) -> bool {
    let Some(path) = inner(archive, name) else {
        return false;
    };
    let is_class = || name.ends_with(b".class");
    let is_settings = || name.ends_with(b".xml") || content::names_programs(&path);
    let is_text = || is_settings() && !is_record(name) && !is_silent(world, &path);
    is_class() || is_native(&path) || is_text()
}

/// Whether an entry tells what the others were made of: sources, which run from folders alone (JEP 330), and Maven's notes
/// (Apache Maven Archiver, "addMavenDescriptor").
fn is_record(name: &[u8]) -> bool {
    name.ends_with(b".java") || name.ends_with(b".scala") || name.starts_with(b"META-INF/maven/")
}

/// The path of an entry, as if the archive were a folder.
fn inner(archive: &ImagePath, name: &[u8]) -> Option<ImagePath> {
    ImagePath::parse(&[archive.as_bytes(), b"/", name].concat()).ok()
}

fn is_silent(world: &World<'_>, path: &ImagePath) -> bool {
    harmless::is_silent(path) || world.tables.is_silent(path)
}

/// Whether an entry is a library, which is unpacked and loaded when the program runs.
fn is_native(path: &ImagePath) -> bool {
    memchr::memmem::find(path.file_name(), b".so").is_some()
}

/// A file with classes.
struct File<'a> {
    world: &'a World<'a>,
    path: &'a ImagePath,
    node: NodeId,
    chain: &'a Arc<Chain>,
}

/// What a part of it leads to.
struct Found<'a> {
    collector: Collector<'a>,
    programs: Vec<Named>,
    starts: bool,
}

/// A program that is named.
struct Named {
    number: usize,
    /// Whether that counts only where the same archive starts programs: names of two letters are codes of languages, too.
    is_short: bool,
}

impl Found<'_> {
    /// What is not read may start anything that others name.
    fn unread(&mut self, file: &File<'_>, reason: String) {
        self.starts = true;
        content::problem(file.world, &mut self.collector, file.node, reason);
    }
}

impl<'a> File<'a> {
    fn part(&self, part: &Part) -> Found<'a> {
        let world = self.world;
        let mut found = Found {
            collector: world.collector(Origin::Node(self.node)),
            programs: Vec::new(),
            starts: false,
        };
        match part.read() {
            Ok(content) if content.begins_with(&class::MAGIC) => {
                self.class(&mut found, &content);
            }
            Ok(content) if content.begins_with(b"\x7fELF") => {
                elf::inside(world, &mut found.collector, self.node, &content, self.chain);
            }
            Ok(content) => {
                if let Some(path) = inner(self.path, &part.name) {
                    content::text(world, &mut found.collector, self.node, &path, &content);
                }
            }
            Err(reason) => found.unread(self, format!("{}: {reason}", display(&part.name))),
        }
        found
    }

    fn class(&self, found: &mut Found<'_>, content: &Blob) {
        let bytes = match content.read_all(MAX_CLASS) {
            Ok(bytes) => bytes,
            Err(reason) => return found.unread(self, reason.to_string()),
        };
        // Programs of another system begin with the same bytes.
        let Some(class) = class::read(&bytes) else {
            return;
        };
        self.paths(&mut found.collector, &class);
        for text in class.texts.iter().filter(|_| class.loads) {
            let stems = &self.world.stems;
            stems.named(&mut found.collector, text, &Proof::Offset(0));
        }
        if self.world.tables.says_all_programs(self.path) {
            return;
        }
        found.starts = class.starts;
        let has_option = class.texts.iter().any(|text| is_option(text));
        let names = self.world.programs.names();
        for text in &class.texts {
            let programs = commands(text).filter_map(|name| {
                let number = names.binary_search_by(|known| known.as_slice().cmp(name));
                number.ok().filter(|_| name.len() > 1)
            });
            let is_unused =
                |number: &usize| self.world.tables.is_unused(self.path, &names[*number]);
            found
                .programs
                .extend(
                    programs
                        .filter(|number| !is_unused(number))
                        .map(|number| Named {
                            number,
                            is_short: names[number].len() == 2 && !has_option,
                        }),
                );
        }
    }

    /// What the paths that a class names lead to; those of annotations begin with a slash, or have it behind the name
    /// of a setting (`${tool:/usr/bin/tool}`), as no name in a class does.
    fn paths(&self, collector: &mut Collector<'_>, class: &Class<'_>) {
        let Some(scanner) = &self.world.paths else {
            return;
        };
        let others = class.others.iter().filter(|other| {
            other.starts_with(b"/") || memchr::memmem::find(other, b":/").is_some()
        });
        let texts: Vec<&[u8]> = class.texts.iter().chain(others).copied().collect();
        let texts = Blob::from_bytes(texts.join(&0));
        let _ = scanner.scan(
            &texts,
            |_| Ok(()),
            |at, hit| match hit {
                Hit::Path(text) if !self.world.tables.is_unused(self.path, text) => {
                    let tree = self.world.tree;
                    literals::path_at(tree, collector, text, &Proof::Offset(at), true);
                }
                _ => {}
            },
        );
    }

    /// Puts together what the parts lead to, each program once.
    fn collect(&self, collector: &mut Collector<'_>, parts: Vec<(&Part, Found<'_>)>) {
        let starting = parts.iter().filter(|(_, found)| found.starts);
        let starting: BTreeSet<usize> = starting.map(|(part, _)| part.archive).collect();
        collector.classes.starts |= !starting.is_empty();
        let mut seen = BTreeSet::new();
        for (part, found) in parts {
            let proof = match part.name.is_empty() {
                true => Proof::Itself,
                false => Proof::Entry(display(&part.name)),
            };
            let counts = |named: &&Named| {
                // A class that lies in a folder says nothing of those beside it.
                !named.is_short || part.name.is_empty() || starting.contains(&part.archive)
            };
            for named in found.programs.iter().filter(counts) {
                if seen.insert(named.number) {
                    let said = &mut collector.classes;
                    said.programs.push((named.number, proof.clone()));
                }
            }
            collector.part(found.collector, &proof);
        }
    }
}

/// `-v` and the like.
fn is_option(text: &[u8]) -> bool {
    matches!(text, [b'-', next, ..] if next.is_ascii_alphabetic() || *next == b'-')
}

/// What stands in a text as the names of programs do: alone, before arguments, and in a line of several commands.
fn commands(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_line = text.iter().any(u8::is_ascii_whitespace);
    let joins = move |byte: &u8| is_line && b"|;&(`\n".contains(byte);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\x01)<>`".contains(byte);
    text.split(joins).filter_map(move |command| {
        let command = command.trim_ascii_start();
        command.split(is_end).next().filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_lines() {
        for (text, wanted) in [
            ("dot", &["dot"][..]),
            ("dot -Tpng", &["dot"]),
            ("dot -T\u{1}", &["dot"]),
            (
                "cat \u{1} | dot > x; (cd /x && gs)",
                &["cat", "dot", "cd", "gs"],
            ),
            // An expression, not a line.
            ("cat|dot", &["cat|dot"]),
            (" ", &[]),
        ] {
            let found: Vec<_> = commands(text.as_bytes()).collect();
            let wanted: Vec<_> = wanted.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }
}
