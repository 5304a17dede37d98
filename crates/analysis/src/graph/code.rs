//! What compiled code names: classes of Java, modules of Erlang and of Python without sources, and archives of them with what
//! else lies in these.
//!
//! Such code has texts of all kinds, and whoever starts a program may lie elsewhere: a word counts where it stands as a
//! program's name does, once something in use can start programs at all. The JDK's own classes are in the tables.

mod parts;

use std::collections::BTreeSet;
use std::sync::Arc;

use ounce_image::{Blob, ImagePath, NodeId, Tree, display};
use rayon::prelude::*;

use super::collect::Collector;
use super::loader::Chain;
use super::words::has_arguments;
use super::world::World;
use super::{Kind, Origin, Proof, content, elf, literals};
use crate::harmless;
use crate::inspect::code::{Code, Form};
use crate::inspect::paths::Hit;
use crate::inspect::{bundle, pyinstaller};
use parts::{Part, Parts};

/// The most code that is read at once, in bytes: modules of Python lie one behind the other.
const MAX_CODE: u64 = 512 << 20;

/// What the code in a file says of programs.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Those that are named, by their numbers.
    programs: Vec<(usize, Proof)>,
    /// Whether one is started.
    starts: bool,
}

/// What the code in all files says.
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

/// What a file of compiled code, or an archive of some, leads to.
pub(super) fn file(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    content: &Blob,
    chain: &Arc<Chain>,
) {
    let path = world.tree.path(node);
    let parts = match is_code(&path, content) {
        true => Parts::single(content),
        false => Parts::of(content, &path, |name| is_wanted(world, &path, name)),
    };
    let file = File {
        world,
        path: &path,
        node,
        chain,
    };
    file.all(collector, &parts);
}

/// What lies in a program that unpacks itself leads to.
pub(super) fn program(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    node: NodeId,
    content: &Blob,
    chain: &Arc<Chain>,
) {
    let path = world.tree.path(node);
    let is_wanted = |name: &[u8]| is_wanted(world, &path, name);
    let mut libraries = BTreeSet::new();
    let parts = match pyinstaller::entries(content) {
        Ok(entries) if entries.is_empty() => match bundle::entries(content) {
            Ok(entries) if entries.is_empty() => return,
            Ok(entries) => {
                let is_code = |name: &[u8]| name.ends_with(b".dll") || name.ends_with(b".exe");
                Parts::bundled(content, entries, |name| is_code(name) || is_wanted(name))
            }
            Err(reason) => {
                content::problem(world, collector, node, reason.to_string());
                return content::unreadable(world, collector, b".NET");
            }
        },
        Ok(entries) => {
            let own = entries.iter().filter(|entry| entry.is_library);
            let names = own.filter_map(|entry| entry.name.rsplit(|byte| *byte == b'/').next());
            libraries.extend(names.map(<[u8]>::to_vec));
            Parts::packed(content, entries, is_wanted)
        }
        Err(reason) => {
            content::problem(world, collector, node, reason.to_string());
            return content::unreadable(world, collector, b"PyInstaller");
        }
    };
    let file = File {
        world,
        path: &path,
        node,
        chain: &world.loader.unpacking(chain, libraries),
    };
    file.all(collector, &parts);
}

/// Whether a file is compiled code by itself; what lies in `__pycache__` needs its source (PEP 3147).
fn is_code(path: &ImagePath, content: &Blob) -> bool {
    let is_cached = || path.components().any(|part| part == b"__pycache__");
    Form::of(path.as_bytes(), content).is_some() && !is_cached()
}

/// Whether an entry of an archive is looked at.
fn is_wanted(world: &World<'_>, archive: &ImagePath, name: &[u8]) -> bool {
    let Some(path) = inner(archive, name) else {
        return false;
    };
    let is_code = || {
        [b".class".as_slice(), b".beam", b".pyc"]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    let is_settings = || name.ends_with(b".xml") || content::names_programs(&path);
    let is_text = || is_settings() && !is_record(name) && !is_silent(world, &path);
    is_code() || is_native(&path) || is_text()
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

/// A file with code.
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
    fn all(&self, collector: &mut Collector<'_>, parts: &Parts) {
        let found = parts.all.par_iter().map(|part| (part, self.part(part)));
        self.collect(collector, found.collect());
        for reason in &parts.problems {
            // What is not read may start anything that others name.
            collector.code.starts = true;
            content::problem(self.world, collector, self.node, reason.clone());
        }
    }

    fn part(&self, part: &Part) -> Found<'a> {
        let world = self.world;
        let mut found = Found {
            collector: world.collector(Origin::Node(self.node)),
            programs: Vec::new(),
            starts: false,
        };
        match part.read() {
            Ok(content) if let Some(form) = part.form(self.path, &content) => {
                self.code(&mut found, form, &content)
            }
            Ok(content) if content.begins_with(b"\x7fELF") => {
                if let Some(path) = inner(self.path, &part.name) {
                    let collector = &mut found.collector;
                    elf::inside(world, collector, self.node, &path, &content, self.chain);
                }
            }
            Ok(content) => {
                if let Some(path) = inner(self.path, &part.name) {
                    let collector = &mut found.collector;
                    content::text(world, collector, self.node, &path, &content);
                    // The kernel runs the file, not what lies in it.
                    collector
                        .missing
                        .retain(|missing| missing.kind != Kind::Interpreter);
                }
            }
            Err(reason) => found.unread(self, format!("{}: {reason}", display(&part.name))),
        }
        found
    }

    fn code(&self, found: &mut Found<'_>, form: Form, content: &Blob) {
        let opened = form.open(content);
        let bytes = match opened.and_then(|content| content.read_all(MAX_CODE)) {
            Ok(bytes) => bytes,
            Err(reason) => return found.unread(self, reason.to_string()),
        };
        // Programs of another system begin with the same bytes.
        let Some(code) = form.read(&bytes) else {
            return;
        };
        self.paths(&mut found.collector, &code);
        self.libraries(&mut found.collector, &code);
        if self.world.tables.says_all_programs(self.path) {
            return;
        }
        found.starts = code.starts;
        let has_option = code.texts.iter().any(|text| is_option(text));
        let names = self.world.programs.names();
        for text in &code.texts {
            let programs = commands(text).chain(commands(given(text)));
            let programs = programs.filter_map(|name| {
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

    /// Libraries that code names, or asks for by the middle of their names.
    fn libraries(&self, collector: &mut Collector<'_>, code: &Code<'_>) {
        for text in &code.libraries {
            let stems = &self.world.stems;
            stems.named(collector, text, &Proof::Offset(0));
            if literals::is_library(text) && !self.world.loader.is_own(self.chain, text) {
                for path in self.world.loader.anywhere(text) {
                    let _ = collector.path(Tree::ROOT, &path, Kind::Dlopens, &Proof::Offset(0));
                }
            }
        }
    }

    /// What the paths that code names lead to; those of annotations begin with a slash, or have it behind the name
    /// of a setting (`${tool:/usr/bin/tool}`), as no name in a class does.
    fn paths(&self, collector: &mut Collector<'_>, code: &Code<'_>) {
        let Some(scanner) = &self.world.paths else {
            return;
        };
        let others = code.others.iter().filter(|other| {
            other.starts_with(b"/") || memchr::memmem::find(other, b":/").is_some()
        });
        let texts: Vec<&[u8]> = code
            .texts
            .iter()
            .chain(others)
            .map(|text| &**text)
            .collect();
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
        collector.code.starts |= !starting.is_empty();
        let mut seen = BTreeSet::new();
        for (part, found) in parts {
            let proof = match part.name.is_empty() {
                true => Proof::Itself,
                false => Proof::Entry(display(&part.name)),
            };
            let counts = |named: &&Named| {
                // What lies in a folder by itself says nothing of what is beside it.
                !named.is_short || part.name.is_empty() || starting.contains(&part.archive)
            };
            for named in found.programs.iter().filter(counts) {
                if seen.insert(named.number) {
                    let said = &mut collector.code;
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

/// What stands in a text as the names of programs do: alone, before arguments, and in a line of several commands. What is
/// written for people has more than words behind it.
fn commands(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_line = text.iter().any(u8::is_ascii_whitespace);
    let joins = move |byte: &u8| is_line && b"|;&(`\n".contains(byte);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\x01)<>`".contains(byte);
    let is_prose = is_prose(text);
    let mut at = 0_usize;
    text.split(joins).filter_map(move |command| {
        let before = at.checked_sub(1).map(|before| text[before]);
        at += command.len() + 1;
        let command = command.trim_ascii_start();
        let name = command.split(is_end).next()?;
        let is_joined = before.is_none_or(|byte| b"|;&".contains(&byte));
        let counts = is_joined || !is_prose || has_arguments(&command[name.len()..]);
        (!name.is_empty() && counts).then_some(name)
    })
}

/// The commands in a text of arguments that a shell is given (`-c "dot -Tpng"`); nothing if there are none.
fn given(text: &[u8]) -> &[u8] {
    let mut options = memchr::memmem::find_iter(text, b"c ");
    let behind = options.find_map(|at| {
        let option = text[..at].rsplit(u8::is_ascii_whitespace).next()?;
        let behind = text[at + 2..].trim_ascii_start();
        let quote = behind.first().filter(|first| b"\"'".contains(first));
        let text = quote.map_or(behind, |quote| {
            let text = &behind[1..];
            &text[..memchr::memrchr(*quote, text).unwrap_or(text.len())]
        });
        option.starts_with(b"-").then_some(text)
    });
    behind.unwrap_or_default()
}

/// Whether a text begins as sentences do, with a word whose first letter alone is large.
fn is_prose(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let (first, rest) = text.split_at(letters.count());
    let is_large = first.first().is_some_and(u8::is_ascii_uppercase);
    let is_apart = rest
        .first()
        .is_some_and(|byte| byte.is_ascii_whitespace() || b",.:".contains(byte));
    is_large && is_apart && first[1..].iter().all(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_given_to_a_shell() {
        for (text, wanted) in [
            ("-c \"dot -Tpng | gs\"", &["dot", "gs"][..]),
            ("/bin/sh -lc 'dot x'", &["dot"]),
            ("exec \"dot\"", &[]),
            ("-c dot", &["dot"]),
        ] {
            let found: Vec<_> = commands(given(text.as_bytes())).collect();
            let wanted: Vec<_> = wanted.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

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
            ("set -e\ncat a\ndot", &["set", "cat", "dot"]),
            (
                "Shows (cat does) and\nsort it.\n\n  dot -Tpng",
                &["Shows", "dot"],
            ),
            ("Rscript a.R | sort", &["Rscript", "sort"]),
            ("A=1 x | dot", &["A=1", "dot"]),
            (" ", &[]),
        ] {
            let found: Vec<_> = commands(text.as_bytes()).collect();
            let wanted: Vec<_> = wanted.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }
}
