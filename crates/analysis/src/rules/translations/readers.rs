//! Who reads the translations of a domain (the name of a `.mo` file): programs that ask glibc, which
//! looks at the locale first, and programs that read the files by themselves.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::{Blob, ImagePath, LeafId, NodeId, Tree};
use rayon::prelude::*;

use crate::inspect::JOB;
use crate::inspect::elf::{self, Elf};
use crate::inspect::needles::{AnyOf, Needles};
use crate::inspect::script;
use crate::packages::{Ecosystem, Package};
use crate::rules::Context;

/// What programs in other languages than C say when they look a domain up by themselves: the calls
/// of Python's `gettext` and of `babel.support`, PHP's and Ruby's libraries, libintl-perl. Who only
/// takes a function out of `gettext`, as `argparse` does, gets the domain that another has chosen.
const BINDERS: [&str; 14] = [
    "textdomain(",
    "textdomain '",
    "textdomain \"",
    "\nimport gettext",
    "    import gettext",
    "\timport gettext",
    "gettext import translation",
    "gettext.translation",
    "gettext.find",
    "gettext.install",
    "GNUTranslations",
    "babel.support",
    "FastGettext",
    "gettext-parser",
];
/// A part of each of [`BINDERS`] and [`CATEGORY`]. These begin with what is rare, so that most files are
/// searched at the speed of memory; blanks are not.
const MARKS: [&str; 5] = [
    "ettext",
    "textdomain",
    "GNUTranslations",
    "babel.support",
    "LC_MESSAGES",
];
/// What they say who put the path together themselves: the folder and the ending.
const CATEGORY: [&str; 3] = ["'LC_MESSAGES'", "\"LC_MESSAGES\"", "LC_MESSAGES/"];
const ENDING: [&str; 5] = [".mo'", ".mo\"", ".mo`", "'mo'", "\"mo\""];
/// Modules of Perl that read translations without the C library (libintl-perl and
/// Locale::Maketext::Gettext on CPAN). Without them Perl's are looked up by glibc.
const PERL_READERS: [&[u8]; 2] = [b"gettext_pp.pm", b"Gettext.pm"];
/// Libraries that read translations without glibc, or set `LANGUAGE` for it, as the program that uses
/// them likes: Boost.Locale, wxWidgets (wxTranslations), KDE's KI18n.
const LIBRARIES: [&str; 4] = ["libboost_locale", "libwx_base", "libKF5I18n", "libKF6I18n"];
/// Functions with which glibc, or GLib on its behalf, is asked. A linker stores a name that another one
/// ends with as a part of that one.
const ASKS: [&str; 7] = [
    "\0gettext\0",
    "\0ngettext\0",
    "dgettext\0",
    "dcgettext\0",
    "dngettext\0",
    "dcngettext\0",
    "bindtextdomain\0",
];
/// Functions that set variables.
const SETS: [&str; 2] = ["setenv\0", "putenv\0"];
/// Libraries that set variables and ask for `LANGUAGE`, but do not set it: glibc itself, GLib
/// (`g_get_language_names`), apt (`APT::Configuration::getLanguages`).
const ONLY_ASK: [&str; 4] = ["libc.so.", "libglib-2.0.", "libapt-pkg.", "libapt-private."];

/// Who reads which domain.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// Domains that a program gives to glibc.
    through_libc: BTreeSet<usize>,
    /// Domains that something may read by itself, each with the first that may.
    directly: BTreeMap<usize, ImagePath>,
    /// Packages with a program that reads some domain by itself.
    own_ways: BTreeMap<Owner, ImagePath>,
}

/// A package; `None` for everything that none brought.
type Owner = Option<(Ecosystem, NodeId, String)>;

fn owner(package: Option<&Package>) -> Owner {
    package.map(|package| (package.ecosystem, package.prefix, package.name.clone()))
}

/// What one file has to do with domains.
enum Role {
    /// It gives them to glibc.
    AsksLibc(BTreeSet<usize>),
    /// It holds their names, and may read them without a locale.
    ReadsItself(BTreeSet<usize>),
    /// It is a script, which may name them, and may read them by itself.
    Script { reads: bool },
}

impl Readers {
    /// Looks through all programs of the image for these domains; `None` when they are too many.
    pub(super) fn find(context: &Context<'_>, domains: &[Vec<u8>]) -> Option<Self> {
        let tree = context.tree;
        let search = Search::new(context, domains)?;
        let leaves: Vec<LeafId> = tree.leaves().collect();
        let roles: Vec<(LeafId, NodeId, Role)> = leaves
            .par_iter()
            .with_max_len(JOB)
            .filter_map(|leaf| {
                let name = *tree.leaf(*leaf).names.first()?;
                Some((*leaf, name, search.role(tree, *leaf, name)?))
            })
            .collect();
        let mut out = Self::default();
        let mut scripts: Vec<(LeafId, NodeId, Owner)> = Vec::new();
        for (leaf, node, role) in roles {
            match role {
                Role::AsksLibc(domains) => out.through_libc.extend(domains),
                Role::ReadsItself(domains) => {
                    for domain in domains {
                        let path = || tree.path(node);
                        out.directly.entry(domain).or_insert_with(path);
                    }
                }
                Role::Script { reads } => {
                    let owner = owner(context.packages.owner(node));
                    if reads {
                        let path = || tree.path(node);
                        out.own_ways.entry(owner.clone()).or_insert_with(path);
                    }
                    scripts.push((leaf, node, owner));
                }
            }
        }
        // What a script names counts only where one of its package reads.
        scripts.retain(|(_, _, owner)| out.own_ways.contains_key(owner));
        let names = scripts
            .into_par_iter()
            .with_max_len(JOB)
            .filter_map(|(leaf, node, owner)| Some((owner, search.names(tree, leaf, node)?)));
        let mut named: BTreeMap<Owner, BTreeSet<usize>> = BTreeMap::new();
        for (owner, names) in names.collect::<Vec<_>>() {
            named.entry(owner).or_default().extend(names);
        }
        // A program may have the domain's name from another file of its package.
        for (owner, path) in &out.own_ways {
            for domain in named.get(owner).into_iter().flatten() {
                out.directly.entry(*domain).or_insert_with(|| path.clone());
            }
        }
        Some(out)
    }

    /// What may read a domain, brought by this package, without asking glibc.
    pub(super) fn direct(&self, domain: usize, package: &Package) -> Option<&ImagePath> {
        let of_package = self.own_ways.get(&owner(Some(package)));
        self.directly.get(&domain).or(of_package)
    }

    /// Whether a program looks a domain up through glibc.
    pub(super) fn ask_libc(&self, domain: usize) -> bool {
        self.through_libc.contains(&domain)
    }
}

/// What is looked for in each kind of file.
struct Search {
    /// Domains as strings of C.
    in_elf: Needles,
    /// [`ASKS`].
    asks: AnyOf,
    /// [`SETS`].
    sets: AnyOf,
    /// What a program that asks glibc could do to choose a language by itself.
    choice: AnyOf,
    /// The folder of translations, which only who reads them puts into a path.
    category: AnyOf,
    /// The folder of locales, which a glibc inside a program names.
    glibc: AnyOf,
    /// Domains as they are.
    anywhere: Needles,
    /// [`MARKS`].
    marks: AnyOf,
    /// [`BINDERS`].
    binders: AnyOf,
    /// [`CATEGORY`] and [`ENDING`].
    path: [AnyOf; 2],
    /// Domains in two kinds of quotes.
    in_script: Needles,
    /// What compiled Python says that reads translations.
    in_bytecode: AnyOf,
    perl_reads: bool,
}

impl Search {
    fn new(context: &Context<'_>, domains: &[Vec<u8>]) -> Option<Self> {
        let between = |before: u8, after: u8| {
            let between = move |domain: &Vec<u8>| [&[before], domain.as_slice(), &[after]].concat();
            domains.iter().map(between)
        };
        // A linker stores `tool` as a part of `GNU tool`.
        let strings = between(0, 0)
            .chain(between(b' ', 0))
            .chain(between(b'/', 0));
        let quoted = between(b'\'', b'\'').chain(between(b'"', b'"'));
        let tree = context.tree;
        Some(Self {
            in_elf: Needles::new(&strings.collect::<Vec<_>>())?,
            asks: AnyOf::new(&ASKS)?,
            sets: AnyOf::new(&SETS)?,
            choice: AnyOf::new(&["\0LANGUAGE\0"])?,
            category: AnyOf::new(&["LC_MESSAGES"])?,
            glibc: AnyOf::new(&["/usr/lib/locale"])?,
            anywhere: Needles::new(domains)?,
            marks: AnyOf::new(&MARKS)?,
            binders: AnyOf::new(&BINDERS)?,
            path: [AnyOf::new(&CATEGORY)?, AnyOf::new(&ENDING)?],
            in_script: Needles::new(&quoted.collect::<Vec<_>>())?,
            in_bytecode: AnyOf::new(&["gettext"])?,
            perl_reads: tree.walk(Tree::ROOT).any(|node| is_perl_reader(tree, node)),
        })
    }

    fn role(&self, tree: &Tree<'_>, leaf: LeafId, name: NodeId) -> Option<Role> {
        if !tree.is_file(name) {
            return None;
        }
        let content = tree.read(leaf);
        if let Ok(Some(elf)) = elf::inspect(&content) {
            return self.elf(&elf, tree.name(name), &content);
        }
        let kind = Language::of(tree, name, &content)?;
        if is_machinery(tree, name) {
            return None;
        }
        if kind == Language::Bytecode {
            let reads = self.in_bytecode.is_in(&content);
            return Some(Role::Script { reads });
        }
        // Few have either, so that most are read once.
        let may = self.marks.is_in(&content);
        let binds = may && self.binders.is_in(&content);
        let reads = may && self.path.iter().all(|part| part.is_in(&content));
        // Shells have `gettext`, the program, and Perl without a reader of its own has glibc.
        let through_libc = kind == Language::Shell || kind == Language::Perl && !self.perl_reads;
        match (through_libc && !reads, binds) {
            (true, true) => Some(Role::AsksLibc(self.names_in(kind, &content)?)),
            (true, false) => None,
            (false, _) => Some(Role::Script {
                reads: binds || reads,
            }),
        }
    }

    /// The domains that a script names.
    fn names(&self, tree: &Tree<'_>, leaf: LeafId, name: NodeId) -> Option<BTreeSet<usize>> {
        let content = tree.read(leaf);
        self.names_in(Language::of(tree, name, &content)?, &content)
    }

    fn names_in(&self, kind: Language, content: &Blob) -> Option<BTreeSet<usize>> {
        if kind == Language::Bytecode {
            return self.anywhere.held_by(content).ok();
        }
        let held = self.in_script.held_by(content).ok()?;
        Some(held.iter().map(|n| n % self.domains()).collect())
    }

    fn domains(&self) -> usize {
        self.anywhere.count()
    }

    fn elf(&self, elf: &Elf, name: &[u8], content: &Blob) -> Option<Role> {
        let is_own = |needed: &Vec<u8>| {
            LIBRARIES
                .iter()
                .any(|library| needed.starts_with(library.as_bytes()))
        };
        let calls = content.slice(elf.names.clone());
        let asks = self.asks.is_in(&calls);
        // A program linked with everything it needs, as Go's are, has its own way to read files.
        let is_alone = !asks
            && elf.needed.is_empty()
            && self.category.is_in(content)
            && !self.glibc.is_in(content);
        if is_alone || elf.needed.iter().any(is_own) {
            return Some(Role::ReadsItself(self.anywhere.held_by(content).ok()?));
        }
        if !asks {
            return None;
        }
        let strings = self.in_elf.held_by(content).ok()?;
        let domains: BTreeSet<usize> = strings.iter().map(|n| n % self.domains()).collect();
        let only_asks = ONLY_ASK
            .iter()
            .any(|library| name.starts_with(library.as_bytes()));
        let sets = !only_asks && self.sets.is_in(&calls);
        Some(
            match sets && !domains.is_empty() && self.choice.is_in(content) {
                true => Role::ReadsItself(domains),
                false => Role::AsksLibc(domains),
            },
        )
    }
}

/// Programming languages whose programs may read translations by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Perl,
    Shell,
    /// Compiled Python whose source is not there.
    Bytecode,
    Other,
}

impl Language {
    fn of(tree: &Tree<'_>, name: NodeId, content: &Blob) -> Option<Self> {
        let ending = tree.name(name).rsplit(|&b| b == b'.').next();
        match ending.unwrap_or_default() {
            b"pl" | b"pm" => return Some(Self::Perl),
            b"py" | b"rb" | b"php" | b"js" | b"mjs" | b"cjs" | b"ts" | b"lua" | b"tcl" => {
                return Some(Self::Other);
            }
            b"pyc" => return (!has_source(tree, name)).then_some(Self::Bytecode),
            _ => {}
        }
        if !content.begins_with(b"#!") {
            return None;
        }
        let mut start = [0; 256];
        let read = content.read_at(0, &mut start).ok()?;
        let line = script::shebang(&start[..read])?;
        let program = line.command.unwrap_or(line.interpreter);
        Some(match program.rsplit(|&b| b == b'/').next() {
            Some(program) if program.starts_with(b"perl") => Self::Perl,
            Some(b"sh" | b"bash" | b"dash" | b"ash" | b"ksh" | b"zsh") => Self::Shell,
            _ => Self::Other,
        })
    }
}

/// PEP 3147: `__pycache__/x.TAG.pyc` is compiled from `x.py` beside the folder.
fn has_source(tree: &Tree<'_>, compiled: NodeId) -> bool {
    let folder = tree.parent(compiled);
    let module = tree.name(compiled).split(|&b| b == b'.').next();
    let source = [module.unwrap_or_default(), b".py"].concat();
    tree.name(folder) == b"__pycache__" && tree.child(tree.parent(folder), &source).is_some()
}

/// Python's own module that reads translations for others, and its table of locales.
fn is_machinery(tree: &Tree<'_>, node: NodeId) -> bool {
    matches!(tree.name(node), b"gettext.py" | b"locale.py")
        && tree.name(tree.parent(node)).starts_with(b"python3")
}

fn is_perl_reader(tree: &Tree<'_>, node: NodeId) -> bool {
    PERL_READERS.contains(&tree.name(node))
        && !matches!(tree.name(tree.parent(node)), b"Debconf" | b"Dpkg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_reads_translations_has_a_mark() {
        for said in BINDERS.iter().chain(&CATEGORY) {
            assert!(MARKS.iter().any(|mark| said.contains(mark)), "{said}");
        }
    }
}
