//! What is known of functions and libraries that open files by themselves: `knowledge/opens.toml`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, LazyLock};

use globset::GlobSet;
use ounce_image::{Blob, ImagePath, NodeId, Tree};
use serde::Deserialize;

use super::collect::Collector;
use super::loader::Chain;
use super::programs::is_launcher;
use super::world::World;
use super::{Kind, Proof, literals, patterns, roots};
use crate::globs;
use crate::inspect::elf::Elf;
use crate::inspect::needles::Needles;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    opens: Vec<Opens>,
    silent: Vec<Silent>,
    starts: Vec<Starts>,
    utilities: Vec<Utilities>,
    records: Vec<Records>,
}

/// Words of how a program was built.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    /// Globs of the names of programs that build others.
    names: Vec<String>,
    /// Texts that such a record has beside them.
    marks: Vec<String>,
    /// Globs of programs that start what builds others, so that their words are no record, and why.
    except: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    except_why: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    why: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

/// What files with certain symbols, or of certain names, open.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opens {
    /// Symbols that an ELF file takes.
    #[serde(default)]
    symbols: Vec<String>,
    /// Globs of libraries that an ELF file needs.
    #[serde(default)]
    needs: Vec<String>,
    /// Globs of the file itself, whatever it is.
    #[serde(default)]
    files: Vec<String>,
    /// Globs of files that take the symbols or libraries and of which the row does not speak, and why.
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    except_why: String,
    /// What is opened, folders as a whole; `{lib}` stands for each of the loader's own folders, `*` for any part
    /// of a name.
    #[serde(default)]
    paths: Vec<String>,
    /// Folders that are opened as a whole, also where many packages share them.
    #[serde(default)]
    folders: Vec<String>,
    /// Whether messages are read in the languages that can be asked for.
    #[serde(default)]
    translations: bool,
    /// Libraries that are loaded.
    #[serde(default)]
    libraries: Vec<String>,
    /// Programs that are started.
    #[serde(default)]
    programs: Vec<String>,
    /// Data bases of `nsswitch.conf` whose modules are loaded.
    #[serde(default)]
    nss: Vec<String>,
    /// Whether a shell is started, which may call any of the standard utilities.
    #[serde(default)]
    shell: bool,
    /// Files in the homes of users; `.` is the folder itself, without what it holds.
    #[serde(default)]
    homes: Vec<String>,
    /// Whether it lets people log in, who may type anything into their shell.
    #[serde(default)]
    login: bool,
    /// Whether the standard utilities are taken for granted by whoever uses it.
    #[serde(default)]
    utilities: bool,
    /// Whether no other programs are started, whatever the file has words for.
    #[serde(default)]
    says_all_programs: bool,
    /// Globs of libraries, programs and paths that the file names and that no process in a container loads, starts or
    /// opens for it.
    #[serde(default)]
    unused: Vec<String>,
    /// Whether the file's words are names of programs that are started.
    #[serde(default)]
    words: bool,
    why: String,
    source: String,
}

/// Files whose texts say nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Silent {
    files: Vec<String>,
    /// Whether that holds for an ELF file beyond what its headers say.
    #[serde(default)]
    elf: bool,
    /// Programs that do read them: their content counts from when one of these is reached.
    #[serde(default)]
    readers: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    why: String,
}

/// Symbols with which a file may start programs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Starts {
    symbols: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

/// Programs that any script takes for granted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Utilities {
    names: Vec<String>,
    source: String,
}

/// The table, compiled.
pub(super) struct Tables {
    opens: Vec<Compiled>,
    silent: GlobSet,
    silent_elf: GlobSet,
    read_by: Vec<(GlobSet, &'static [String])>,
    starts: BTreeSet<&'static [u8]>,
    builders: GlobSet,
    building: GlobSet,
    marks: Needles,
}

struct Compiled {
    files: GlobSet,
    needs: GlobSet,
    except: GlobSet,
    unused: GlobSet,
    row: &'static Opens,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/opens.toml")).expect("a test reads the table")
});

/// What names of functions hold by which libraries start programs for their own users: EMBOSS's `ajSysExecRedirectC`
/// (ajsys.c) looks a name up in PATH as `execvp` does. They vary; who is only called so has more kept.
const WRAPPERS: [&[u8]; 6] = [
    b"sysexec",
    b"spawn",
    b"run_command",
    b"runcommand",
    b"execvp",
    b"_popen",
];

/// Whether a library's function is one that starts programs, by its name.
fn is_wrapper(symbol: &[u8]) -> bool {
    let name = symbol.to_ascii_lowercase();
    let holds = |word: &[u8]| memchr::memmem::find(&name, word).is_some();
    // It takes a path, which is written out.
    !name.starts_with(b"posix_spawn") && WRAPPERS.iter().any(|word| holds(word))
}

/// Of files that name programs.
const MAX_TEXT: u64 = 1 << 20;

impl Tables {
    pub(super) fn new() -> Self {
        let set = |files: Vec<&'static String>| {
            globs::set(files.into_iter().map(String::as_str)).expect("a test builds the globs")
        };
        let silent = |elf| {
            let rows = TABLE.silent.iter();
            let rows = rows.filter(|row| row.elf == elf && row.readers.is_empty());
            set(rows.flat_map(|row| &row.files).collect())
        };
        let read_by = TABLE.silent.iter().filter(|row| !row.readers.is_empty());
        let compile = |row: &'static Opens| Compiled {
            files: set(row.files.iter().collect()),
            needs: set(row.needs.iter().collect()),
            except: set(row.except.iter().collect()),
            unused: set(row.unused.iter().collect()),
            row,
        };
        let marks = TABLE.records.iter().flat_map(|row| &row.marks);
        let marks: Vec<Vec<u8>> = marks.map(|mark| mark.clone().into_bytes()).collect();
        let starts = TABLE.starts.iter().flat_map(|row| &row.symbols);
        Self {
            opens: TABLE.opens.iter().map(compile).collect(),
            silent: silent(false),
            silent_elf: silent(true),
            read_by: read_by
                .map(|row| (set(row.files.iter().collect()), row.readers.as_slice()))
                .collect(),
            starts: starts.map(String::as_bytes).collect(),
            builders: set(TABLE.records.iter().flat_map(|row| &row.names).collect()),
            building: set(TABLE.records.iter().flat_map(|row| &row.except).collect()),
            marks: Needles::new(&marks).expect("a handful of texts"),
        }
    }

    /// Whether a file's content leads nowhere.
    pub(super) fn is_silent(&self, path: &ImagePath) -> bool {
        globs::matches(&self.silent, path)
    }

    /// The programs without which nobody reads a file; `None` where anybody may.
    pub(super) fn readers(&self, path: &ImagePath) -> Option<&'static [String]> {
        let mut rows = self.read_by.iter();
        let row = rows.find(|(files, _)| globs::matches(files, path));
        row.map(|(_, readers)| *readers)
    }

    /// Whether the table and the headers of an ELF file say all that it opens.
    pub(super) fn says_all(&self, path: &ImagePath) -> bool {
        globs::matches(&self.silent_elf, path)
    }

    /// Whether a file that takes these symbols may start programs that it has words for. Launchers and the
    /// standard utilities start what they are told by whoever calls them.
    pub(super) fn may_start(&self, path: &ImagePath, imports: &BTreeSet<Vec<u8>>) -> bool {
        !is_told(path.file_name())
            && !self.says_all_programs(path)
            && imports
                .iter()
                .any(|symbol| self.starts.contains(symbol.as_slice()) || is_wrapper(symbol))
    }

    /// Whether a row says all programs that a file starts.
    pub(super) fn says_all_programs(&self, path: &ImagePath) -> bool {
        let mut rows = self
            .opens
            .iter()
            .filter(|compiled| compiled.row.says_all_programs);
        rows.any(|compiled| globs::matches(&compiled.files, path))
    }

    /// Whether a program builds others: a file that was built with it may name it and not start it.
    pub(super) fn is_builder(&self, program: &[u8]) -> bool {
        self.builders.is_match(OsStr::from_bytes(program))
    }

    /// Whether a program builds others with programs that it names.
    pub(super) fn is_building(&self, path: &ImagePath) -> bool {
        globs::matches(&self.building, path)
    }

    /// Whether a file holds a record of how it was built.
    pub(super) fn is_record(&self, content: &Blob) -> bool {
        let held = self.marks.held_by(content);
        held.is_ok_and(|held| !held.is_empty())
    }

    /// Whether a text is a record of how a program was built.
    pub(super) fn is_record_text(&self, text: &[u8]) -> bool {
        self.is_record(&Blob::from_bytes(text.to_vec()))
    }

    /// Whether a library, program or path that a file names is never opened or started for it.
    pub(super) fn is_unused(&self, path: &ImagePath, name: &[u8]) -> bool {
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let named = |row: &Compiled| row.unused.is_match(OsStr::from_bytes(name));
        let mut rows = self.opens.iter();
        rows.any(|row| named(row) && globs::matches(&row.files, path))
    }

    /// What an ELF file opens by itself.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of the file, each once"
    )]
    pub(super) fn elf(
        &self,
        world: &World<'_>,
        collector: &mut Collector<'_>,
        path: &ImagePath,
        elf: &Elf,
        imports: &BTreeSet<Vec<u8>>,
        node: NodeId,
        chain: &Arc<Chain>,
    ) {
        for compiled in &self.opens {
            let row = compiled.row;
            let mut symbols = row.symbols.iter().map(String::as_bytes);
            let symbol = symbols.find(|symbol| imports.contains(*symbol));
            let taken = symbol.or_else(|| compiled.needed(elf));
            let Some(proof) = compiled.proof(taken, path) else {
                continue;
            };
            row.lead(world, collector, &proof);
            if row.login {
                roots::login(world, collector);
            }
            // What these start is up to whoever calls them.
            let calls_any =
                || row.shell && !is_told(path.file_name()) && !self.says_all_programs(path);
            if row.utilities || calls_any() {
                self.utilities(world, collector, &proof);
            }
            let modules = row.nss.iter().flat_map(|base| nss_modules(world, base));
            let libraries = row.libraries.iter().cloned().chain(modules);
            for library in libraries {
                for (links, end) in world.loader.find(chain, elf, node, library.as_bytes()) {
                    for link in links {
                        collector.name(link, Kind::Opens, proof.clone());
                    }
                    collector.name(end, Kind::Opens, proof.clone());
                }
            }
        }
    }

    /// What another file opens by itself, or names.
    pub(super) fn file(
        &self,
        world: &World<'_>,
        collector: &mut Collector<'_>,
        path: &ImagePath,
        content: &Blob,
    ) {
        for compiled in &self.opens {
            let row = compiled.row;
            let Some(proof) = compiled.proof(None, path) else {
                continue;
            };
            row.lead(world, collector, &proof);
            if row.login {
                roots::login(world, collector);
            }
            if row.words {
                words(world, collector, content);
            }
        }
    }

    /// Leads to the utilities that a command, which is not known, may be or call.
    pub(super) fn utilities(
        &self,
        world: &World<'_>,
        collector: &mut Collector<'_>,
        proof: &Proof,
    ) {
        for row in &TABLE.utilities {
            let proof = match proof {
                Proof::Row { key, .. } => Proof::Row {
                    key: key.clone(),
                    why: "a command that is not known may call any standard utility",
                    source: &row.source,
                },
                other => other.clone(),
            };
            for name in &row.names {
                let before = collector.targets.len();
                let _ = world.programs.call(
                    collector,
                    Tree::ROOT,
                    name.as_bytes(),
                    Kind::Calls,
                    &proof,
                );
                let new = collector.targets[before..].iter_mut();
                new.for_each(|target| target.is_guess = true);
            }
        }
    }
}

impl Compiled {
    /// The library of which the row speaks among those that a file needs.
    fn needed<'e>(&self, elf: &'e Elf) -> Option<&'e [u8]> {
        let mut needed = elf.needed.iter().map(Vec::as_slice);
        needed.find(|library| self.needs.is_match(OsStr::from_bytes(library)))
    }

    /// Why the row speaks of a file, which takes this symbol or library, if it does.
    fn proof(&self, taken: Option<&[u8]>, path: &ImagePath) -> Option<Proof> {
        let key = match taken {
            Some(taken) if !globs::matches(&self.except, path) => ounce_image::display(taken),
            _ if globs::matches(&self.files, path) => ounce_image::display(path.file_name()),
            _ => return None,
        };
        Some(Proof::Row {
            key,
            why: &self.row.why,
            source: &self.row.source,
        })
    }
}

impl Opens {
    fn lead(&self, world: &World<'_>, collector: &mut Collector<'_>, proof: &Proof) {
        for path in &self.paths {
            for path in world.loader.with_folders(path) {
                opened(world.tree, collector, &path, proof);
            }
        }
        for folder in &self.folders {
            let found = collector.path(Tree::ROOT, folder.as_bytes(), Kind::Opens, proof);
            if let Some(folder) = found {
                collector.whole(folder, Kind::Opens, proof.clone());
            }
        }
        for folder in world.translations.iter().filter(|_| self.translations) {
            collector.whole(*folder, Kind::Opens, proof.clone());
        }
        roots::startup_files(world, collector, &self.homes, proof);
        for program in &self.programs {
            let _ = world.programs.call(
                collector,
                Tree::ROOT,
                program.as_bytes(),
                Kind::Calls,
                proof,
            );
        }
    }
}

/// Leads to what is at a path of the table, or at each of those that a pattern stands for.
fn opened(tree: &Tree<'_>, collector: &mut Collector<'_>, path: &[u8], proof: &Proof) {
    if !patterns::is_pattern(path) {
        literals::whole(tree, collector, path, Kind::Opens, proof);
        return;
    }
    for (path, _) in patterns::matching(tree, Tree::ROOT, path) {
        literals::whole(tree, collector, &path, Kind::Opens, proof);
    }
}

/// Whether what a program starts is up to whoever calls it: launchers and the standard utilities.
pub(super) fn is_told(name: &[u8]) -> bool {
    is_launcher(name) || is_utility(name)
}

fn is_utility(name: &[u8]) -> bool {
    let names = TABLE.utilities.iter().flat_map(|row| &row.names);
    names.map(String::as_bytes).any(|known| known == name)
}

/// The modules that `nsswitch.conf` names for a data base (nsswitch.conf(5)).
fn nss_modules(world: &World<'_>, base: &str) -> Vec<String> {
    // Without the file glibc looks into files and asks DNS (nss/nss_database.c).
    let text = world.nsswitch().map(String::from_utf8_lossy);
    let text = text.unwrap_or_else(|| format!("{base}: files dns").into());
    let rows = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let row = rows
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == base);
    let words = row.map_or("", |(_, words)| words).split_whitespace();
    words
        .filter(|word| !word.starts_with('['))
        .map(|word| format!("libnss_{word}.so.2"))
        .collect()
}

/// Leads to the programs that a text has words for.
fn words(world: &World<'_>, collector: &mut Collector<'_>, content: &Blob) {
    let Ok(text) = content.read_all(MAX_TEXT) else {
        return;
    };
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(byte);
    for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        for word in text
            .split(|byte| !is_word(byte))
            .filter(|word| !word.is_empty())
        {
            let _ =
                world
                    .programs
                    .call(collector, Tree::ROOT, word, Kind::Calls, &Proof::Line(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::units::is_shared_path;

    #[test]
    fn shared_folders_are_opened_as_folders_only() {
        for path in TABLE.opens.iter().flat_map(|row| &row.paths) {
            let path = path.replace("{lib}", "/usr/lib/x86_64-linux-gnu");
            let path = ImagePath::parse(path.as_bytes()).unwrap();
            assert!(!is_shared_path(&path), "{path}: nothing in it would stay");
        }
    }

    #[test]
    fn every_row_gives_its_source() {
        Tables::new();
        for row in &TABLE.opens {
            assert!(
                row.source.len() > 5 && row.why.len() > 5,
                "{:?} {:?}",
                row.symbols,
                row.files
            );
            assert!(!(row.symbols.is_empty() && row.files.is_empty() && row.needs.is_empty()));
            assert_eq!(row.except.is_empty(), row.except_why.len() < 20);
        }
        assert!(TABLE.silent.iter().all(|row| row.why.len() > 10));
        assert!(TABLE.starts.iter().all(|row| row.source.len() > 5));
        assert!(
            TABLE
                .records
                .iter()
                .all(|row| row.why.len() > 10 && row.source.len() > 5 && row.except_why.len() > 10)
        );
    }
}
