//! Programs that sources of other languages than the shell, and settings, name: `["samtools", "view"]`,
//! `"bwa mem ref.fa | samtools sort"`, `command: gunicorn app:app`.
//!
//! No language is parsed for that. A word counts where it stands as the name of a program does, and what stands there
//! may be something else: more is kept then.

use ounce_image::ImagePath;

use super::collect::Collector;
use super::world::World;
use super::{Kind, Proof};
use crate::inspect::near::Near;

/// How far a line is looked at to each side of a word, in bytes.
const AROUND: u64 = 240;
/// Ends of the names of sources (the languages' own conventions), and of files for tools that run commands.
const SOURCES: [&[u8]; 34] = [
    b"py", b"pyw", b"pl", b"pm", b"plx", b"cgi", b"t", b"rb", b"rake", b"ru", b"js", b"mjs",
    b"cjs", b"ts", b"R", b"r", b"Rmd", b"lua", b"tcl", b"tk", b"php", b"phar", b"jl", b"groovy",
    b"gradle", b"kts", b"nf", b"wdl", b"cwl", b"smk", b"awk", b"scm", b"el", b"lisp",
];
/// Ends of the names of settings.
const SETTINGS: [&[u8]; 9] = [
    b"json", b"yml", b"yaml", b"toml", b"ini", b"cfg", b"conf", b"config", b"service",
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
pub(super) enum Role {
    /// A part of the image's own program.
    Source,
    /// What it is told: names of settings begin its lines.
    Settings,
    /// A module for any program.
    Module,
    /// A script of execline, in which every word may be a program (skarnet.org/software/execline).
    Chain,
}

/// Whether a file names programs; `interpreter` is started for it, if it is a script.
pub(super) fn role(path: &ImagePath, interpreter: Option<&[u8]>) -> Option<Role> {
    if interpreter.is_some_and(|interpreter| interpreter.ends_with(b"/execlineb")) {
        return Some(Role::Chain);
    }
    let name = path.file_name();
    let ending = name.rsplit(|byte| *byte == b'.').next();
    let ending = ending
        .filter(|ending| ending.len() < name.len())
        .unwrap_or_default();
    let is_source = interpreter.is_some() || SOURCES.contains(&ending) || NAMED.contains(&name);
    let is_module = path.components().any(|part| {
        let is_python = part.strip_prefix(b"python").is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .iter()
                    .all(|byte| byte.is_ascii_digit() || *byte == b'.')
        });
        is_python || MODULES.contains(&part)
    });
    // Who runs the tests of a module has what they need.
    let is_test = path
        .components()
        .any(|part| part == b"tests" || part == b"test");
    match is_module {
        true => (is_source && !is_test).then_some(Role::Module),
        false if is_source => Some(Role::Source),
        false => SETTINGS.contains(&ending).then_some(Role::Settings),
    }
}

/// Leads to a program that a word of a file names.
pub(super) fn program(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    (path, near): (&ImagePath, &mut Near<'_>),
    role: Role,
    (at, number): (u64, usize),
) {
    let name = &world.programs.names()[number];
    let Some(line) = Line::around(near, at, name.len()) else {
        return;
    };
    if line.calls(role, name.len()) && !world.tables.is_unused(path, name) {
        let before = collector.targets.len();
        let proof = Proof::Offset(at);
        let _ = world.programs.call(
            collector,
            ounce_image::Tree::ROOT,
            name,
            Kind::Calls,
            &proof,
        );
        let new = collector.targets[before..].iter_mut();
        new.for_each(|target| target.is_guess = true);
    }
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
        let next = self.after.first().copied();
        let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`');
        // Something may follow, in a text behind a backslash.
        let is_command = matches!(
            next,
            None | Some(b' ' | b'\t' | b'\\' | b'|' | b';' | b'<' | b'>')
        );
        if self.is_comment() || role == Role::Chain {
            return !self.is_comment();
        }
        let is_own = role != Role::Module;
        let previous = self.before.last().copied();
        if let Some(quote) = previous.filter(|byte| is_quote(*byte)) {
            let is_short = len == 2 && (is_own || self.has_option() || self.says_start());
            return match next == Some(quote) {
                true => len > 2 || is_short,
                // `" as "` is more often a word than a program.
                false => is_command && (len > 2 || is_short && self.has_arguments()),
            };
        }
        let blank = self.before.trim_ascii_end();
        let has_quote = blank.iter().any(|byte| is_quote(*byte));
        let is_joined =
            blank.ends_with(b"$(") || matches!(blank.last(), Some(b'|' | b';' | b'&' | b'`'));
        let ends = is_command || next.is_some_and(|byte| is_quote(byte) || byte == b')');
        if is_joined && (is_own || has_quote) && ends {
            return len > 2 || is_own && len > 1;
        }
        if self.is_listed() {
            return len > 2;
        }
        if !is_own || !is_command {
            return false;
        }
        match blank.is_empty() {
            true => role == Role::Source && len > 2 && self.has_arguments(),
            false => {
                len > 1 && (matches!(blank.last(), Some(b'=' | b':')) || blank.trim_ascii() == b"-")
            }
        }
    }

    /// Whether the line says nothing to a program (`#` in most languages and settings, `//` in others).
    fn is_comment(self) -> bool {
        let line = self.before.trim_ascii_start();
        line.starts_with(b"#") || line.starts_with(b"//") || line.starts_with(b"* ")
    }

    /// Whether what follows is no sentence.
    fn has_arguments(self) -> bool {
        let marks: [&[u8]; 8] = [b" -", b"/", b"{", b"$", b"<", b">", b"|", b"\\"];
        let holds = |mark: &[u8]| memchr::memmem::find(self.after, mark).is_some();
        marks.into_iter().any(holds)
    }

    /// Whether a text with an option follows: `"gs", "-q"`.
    fn has_option(self) -> bool {
        let mut rest = self.after.iter().skip(1).filter(|byte| **byte != b' ');
        let mut next = || rest.next().copied();
        next() == Some(b',') && matches!(next(), Some(b'"' | b'\'')) && next() == Some(b'-')
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
