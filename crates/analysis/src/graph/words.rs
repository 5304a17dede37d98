//! Programs that sources of other languages than the shell, and settings, name: `["samtools", "view"]`,
//! `"bwa mem ref.fa | samtools sort"`, `command: gunicorn app:app`.
//!
//! No language is parsed for that. A word counts where it stands as the name of a program does, and what stands there
//! may be something else: more is kept then.

use std::collections::BTreeSet;

use ounce_image::{Blob, ImagePath, Tree};

use super::collect::Collector;
use super::programs::starts_others;
use super::world::World;
use super::{Kind, Proof, installs};
use crate::inspect::near::Near;

/// How far a line is looked at to each side of a word, in bytes.
const AROUND: u64 = 240;
/// Ends of the names of sources (the languages' own conventions), and of files for tools that run commands.
const SOURCES: [&[u8]; 40] = [
    b"py", b"pyw", b"pl", b"pm", b"plx", b"cgi", b"t", b"rb", b"rake", b"ru", b"js", b"mjs",
    b"cjs", b"ts", b"R", b"r", b"Rmd", b"lua", b"tcl", b"tk", b"php", b"phar", b"jl", b"groovy",
    b"gradle", b"kts", b"nf", b"wdl", b"cwl", b"smk", b"awk", b"scm", b"el", b"lisp", b"java",
    b"scala", b"clj", b"bsh", b"qmd", b"ipynb",
];
/// Ends of the names of settings.
const SETTINGS: [&[u8]; 10] = [
    b"json",
    b"yml",
    b"yaml",
    b"toml",
    b"ini",
    b"cfg",
    b"conf",
    b"config",
    b"service",
    b"properties",
];
/// Files without an ending that name commands.
const NAMED: [&[u8]; 6] = [
    b"Snakefile",
    b"Rakefile",
    b"Procfile",
    b"Justfile",
    b"justfile",
    b"crontab",
];
/// Folders of modules that many programs use (PEP 370; the manuals of the languages): what stands at the beginning of a
/// line there is the language's.
const MODULES: [&[u8]; 12] = [
    b"site-packages",
    b"dist-packages",
    b"node_modules",
    b"nodejs",
    b"gems",
    b"ruby",
    b"perl",
    b"perl5",
    b"perl-base",
    b"library",
    b"php",
    b"share",
];
/// What says that a program is meant, also where its name has two letters.
const STARTS: [&[u8]; 9] = [
    b"which", b"exec", b"spawn", b"open", b"run", b"call", b"system", b"command", b"shell",
];

/// What a file of text is to the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A part of the image's own program.
    Source,
    /// What it is told: names of settings begin its lines.
    Settings,
    /// A module for any program.
    Module,
    /// A script of execline, in which every word may be a program (skarnet.org/software/execline).
    Chain,
}

impl Role {
    /// What a file is that names programs; `interpreter` is started for it, if it is a script.
    fn of(path: &ImagePath, interpreter: Option<&[u8]>) -> Option<Self> {
        if interpreter.is_some_and(|interpreter| interpreter.ends_with(b"/execlineb")) {
            return Some(Self::Chain);
        }
        let name = path.file_name();
        let ending = name.rsplit(|byte| *byte == b'.').next();
        let ending = ending
            .filter(|ending| ending.len() < name.len())
            .unwrap_or_default();
        let is_source = interpreter.is_some() || SOURCES.contains(&ending) || NAMED.contains(&name);
        // Who runs the tests of a module has what they need.
        let is_test = || {
            path.components()
                .any(|part| matches!(part, b"tests" | b"test"))
        };
        match path.components().any(is_of_modules) {
            true => (is_source && !is_test()).then_some(Self::Module),
            false if is_source => Some(Self::Source),
            false => SETTINGS.contains(&ending).then_some(Self::Settings),
        }
    }
}

/// Whether a file names programs, by its path alone.
pub(super) fn names_programs(path: &ImagePath) -> bool {
    Role::of(path, None).is_some()
}

/// Whether modules lie in a folder of this name; Python's has its version.
fn is_of_modules(folder: &[u8]) -> bool {
    let is_version = |rest: &[u8]| {
        !rest.is_empty()
            && rest
                .iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.')
    };
    MODULES.contains(&folder) || folder.strip_prefix(b"python").is_some_and(is_version)
}

/// The words of a file.
pub(super) struct Words<'w> {
    world: &'w World<'w>,
    path: &'w ImagePath,
    role: Role,
    near: Near<'w>,
    /// Programs that were found, each once.
    found: BTreeSet<usize>,
}

impl<'w> Words<'w> {
    /// Those of a file that names programs; `interpreter` is started for it, if it is a script.
    pub(super) fn of(
        world: &'w World<'w>,
        path: &'w ImagePath,
        content: &'w Blob,
        interpreter: Option<&[u8]>,
    ) -> Option<Self> {
        Some(Self {
            world,
            path,
            role: Role::of(path, interpreter)?,
            near: Near::new(content),
            found: BTreeSet::new(),
        })
    }

    /// Leads to the program of this number, if its name at `at`, in bytes, is meant.
    pub(super) fn program(&mut self, collector: &mut Collector<'_>, at: u64, number: usize) {
        let world = self.world;
        let name = &world.programs.names()[number];
        let is_known = self.found.contains(&number) && !installs::is_tool(name);
        if is_known || world.tables.is_unused(self.path, name) {
            return;
        }
        let line = Line::around(&mut self.near, at, name.len());
        let calls = |line: Line<'_>| {
            line.calls(self.role, name.len()) && !(name.ends_with(b"++") && line.is_counted())
        };
        let Some(line) = line.filter(|line| calls(*line)) else {
            return;
        };
        let proof = Proof::Offset(at);
        if self.role != Role::Module && line.is_done() {
            installs::in_source(world, collector, name, line.after, &proof);
        }
        if !self.found.insert(number) {
            return;
        }
        let before = collector.targets.len();
        let programs = &world.programs;
        let _ = programs.call(collector, Tree::ROOT, name, Kind::Calls, &proof);
        let new = collector.targets[before..].iter_mut();
        new.for_each(|target| target.is_guess = true);
    }
}

/// Whether what follows a word is no sentence.
pub(super) fn has_arguments(after: &[u8]) -> bool {
    let marks: [&[u8]; 8] = [b" -", b"/", b"{", b"$", b"<", b">", b"|", b"\\"];
    let holds = |mark: &[u8]| memchr::memmem::find(after, mark).is_some();
    marks.into_iter().any(holds)
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// What stands on the line of a word.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    before: &'a [u8],
    after: &'a [u8],
}

impl<'a> Line<'a> {
    fn around(near: &'a mut Near<'_>, at: u64, len: usize) -> Option<Self> {
        let start = at.saturating_sub(AROUND);
        let bytes = near.up_to(start, (at - start) as usize + len + AROUND as usize);
        let (before, rest) = bytes.split_at_checked((at - start) as usize)?;
        let after = rest.get(len..)?;
        let from = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let to = memchr::memchr(b'\n', after).unwrap_or(after.len());
        Some(Self {
            before: &before[from..],
            after: after[..to].trim_ascii_end(),
        })
    }

    /// Whether a name of so many letters may be that of a program that is started.
    fn calls(self, role: Role, len: usize) -> bool {
        if self.is_comment() {
            return false;
        }
        let is_quoted = self.before.last().is_some_and(|byte| is_quote(*byte));
        match role {
            Role::Chain => true,
            _ if self.is_launched(role) => true,
            _ if is_quoted => self.is_text(role, len),
            Role::Module => self.is_joined(role, len) || self.is_listed() && len > 2,
            Role::Source => {
                let is_first = self.before.trim_ascii_end().is_empty();
                let begins = is_first && self.is_command() && has_arguments(self.after);
                self.is_joined(role, len)
                    || (self.is_listed() || begins) && len > 2
                    || self.is_value(len)
            }
            Role::Settings => self.is_joined(role, len) || self.is_value(len),
        }
    }

    /// Whether a command ends here or has arguments; in a text something may follow behind a backslash.
    fn is_command(self) -> bool {
        let next = self.after.first();
        next.is_none_or(|byte| b" \t\\|;<>".contains(byte))
    }

    /// A text that is the name, or begins with it.
    fn is_text(self, role: Role, len: usize) -> bool {
        let is_short = len == 2 && (role != Role::Module || self.has_option() || self.says_start());
        match self.after.first() == self.before.last() {
            true => len > 2 || is_short,
            // `" as "` is more often a word than a program.
            false => self.is_command() && (len > 2 || is_short && has_arguments(self.after)),
        }
    }

    /// A command behind another one; in a module within a text.
    fn is_joined(self, role: Role, len: usize) -> bool {
        let before = self.before.trim_ascii_end();
        let is_own = role != Role::Module;
        // Notebooks hand lines that begin so to a shell (IPython, "System shell access").
        let joins = before.ends_with(b"$(")
            || before.ends_with(b"\"!")
            || matches!(before.last(), Some(b'|' | b';' | b'&' | b'`'));
        let next = self.after.first().copied();
        let ends = self.is_command() || next.is_some_and(|byte| is_quote(byte) || byte == b')');
        let is_in_text = is_own || before.iter().any(|byte| is_quote(*byte));
        joins && ends && is_in_text && (len > 2 || is_own && len > 1)
    }

    /// Behind a program that starts what it is given: `nohup tool`, `run: mpirun -n 4 tool`.
    fn is_launched(self, role: Role) -> bool {
        let is_apart = self.before.last().is_some_and(u8::is_ascii_whitespace);
        let launches = |marks: &[u8]| {
            let mark = self.before.iter().rposition(|byte| marks.contains(byte));
            let from = mark.map_or(0, |at| at + 1);
            let words = self.before[from..].split(u8::is_ascii_whitespace);
            let words = words.filter(|word| !word.is_empty());
            let mut words = words.skip_while(|word| *word == b"-" || word.ends_with(b":"));
            words.next().is_some_and(starts_others)
        };
        // Modules tell their users what to do before they use them.
        let is_advice = role == Role::Module && self.before.trim_ascii_start().starts_with(b"sudo");
        is_apart
            && !is_advice
            && self.is_command()
            && (launches(b"\"'`|;&(") || launches(b"\"'`|;&(="))
    }

    /// Whether what ends in `++` is a variable that is counted up (`for (; c < n; c++)`), which takes no arguments.
    fn is_counted(self) -> bool {
        let is_quoted = self.before.last().is_some_and(|byte| is_quote(*byte));
        let next = self.after.trim_ascii_start().first();
        !is_quoted && next.is_none_or(|byte| b");,}".contains(byte))
    }

    /// `run: tool`, `command=tool`, and `- tool` in a list of YAML.
    fn is_value(self, len: usize) -> bool {
        let before = self.before.trim_ascii();
        let is_value = matches!(before.last(), Some(b'=' | b':')) || before == b"-";
        is_value && self.is_command() && len > 1
    }

    /// Whether the line says nothing to a program (`#` in most languages and settings, `//` in others).
    fn is_comment(self) -> bool {
        let line = self.before.trim_ascii_start();
        line.starts_with(b"#") || line.starts_with(b"//") || line.starts_with(b"* ")
    }

    /// Whether a text with an option follows: `"gs", "-q"`.
    fn has_option(self) -> bool {
        let mut rest = self.after.iter().skip(1).filter(|byte| **byte != b' ');
        let mut next = || rest.next().copied();
        next() == Some(b',') && matches!(next(), Some(b'"' | b'\'')) && next() == Some(b'-')
    }

    /// Whether a command is more than spoken of: it is no text, a list of words, or given to what starts it.
    fn is_done(self) -> bool {
        let quote = self.before.last().filter(|byte| is_quote(**byte));
        quote.is_none() || self.after.first() == quote || self.says_start()
    }

    fn says_start(self) -> bool {
        let line = self.before.to_ascii_lowercase();
        let holds = |word: &&[u8]| memchr::memmem::find(&line, word).is_some();
        STARTS.iter().any(holds)
    }

    /// Whether it stands in a list of words without quotes, as Perl's `qw(a b)` and Ruby's `%w[a b]`.
    fn is_listed(self) -> bool {
        let holds = |mark: &[u8]| memchr::memmem::find(self.before, mark).is_some();
        let is_between = |byte: Option<&u8>| {
            byte.is_none_or(|byte| byte.is_ascii_whitespace() || b"()[]{}<>/|".contains(byte))
        };
        (holds(b"qw") || holds(b"%w"))
            && is_between(self.before.last())
            && is_between(self.after.first())
    }
}
