//! What the programs of an image can reach, learned from the files themselves.
//!
//! [`Graph::build`] starts at [`roots`]: what the image starts, and what any process needs. Each file that
//! is reached is read once for what it leads to; every [`Edge`] says how and where it says so. Nothing is
//! decided here: a [`Closure`] says what is reached, and by which way.
//!
//! What is not understood leads to more, never to less: a folder that is named is reached with all that it
//! holds, an interpreter with all its packages. Such edges are marked as guesses, for reports.

mod build;
mod closure;
mod code;
mod collect;
mod companions;
mod content;
mod elf;
mod installs;
mod interpreters;
mod literals;
mod loader;
mod memory;
mod patterns;
mod programs;
pub mod roots;
mod scope;
mod scripts;
mod start;
mod stems;
mod tables;
#[cfg(test)]
mod tests;
mod units;
mod why;
mod words;
mod world;

use std::collections::BTreeSet;
use std::fmt;

use ounce_image::{NodeId, display};

use crate::finding::Problem;
use crate::packages::Ecosystem;

pub use closure::Closure;
pub use memory::Memory;
pub use roots::{Root, RootsError, Touch, Usage};
pub use start::Lack;

/// Everything that was found on the way from the roots.
#[derive(Debug, Default)]
pub struct Graph {
    /// Where it begins, in a stable order.
    pub roots: Vec<Root>,
    /// All edges in a stable order: those of the roots, then those of files in the order in which they were reached.
    pub edges: Vec<Edge>,
    /// What is asked for and not there.
    pub missing: Vec<Missing>,
    /// What could not be resolved, so that more was kept.
    pub doubts: Vec<Doubt>,
    /// Files that could not be understood.
    pub problems: Vec<Problem>,
    /// Programs of a machine that are named by what declares no need of them, and so are not reached.
    pub outside: BTreeSet<NodeId>,
    /// Ecosystems from which the image installs packages when it runs.
    pub installs: BTreeSet<Ecosystem>,
}

/// That something leads to a file, link or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// What leads there.
    pub from: Origin,
    /// What it leads to.
    pub to: NodeId,
    /// How.
    pub kind: Kind,
    /// Where it says so.
    pub proof: Proof,
    /// Whether a folder is meant with all that it holds.
    pub extent: Extent,
    /// Whether it is kept only because there is no telling that it is not needed.
    pub is_guess: bool,
}

/// Where an edge begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The root of this number.
    Root(u32),
    /// A name in the tree.
    Node(NodeId),
}

/// How one file leads to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The image starts it, or is told to.
    Starts,
    /// Any process needs it.
    Needs,
    /// A symbolic link leads there.
    Symlink,
    /// An ELF file needs the library (`DT_NEEDED`).
    Needed,
    /// The kernel starts it to run the file (`PT_INTERP`, `#!`).
    Interpreter,
    /// The name of a library is written out.
    Dlopens,
    /// The path is written out.
    NamesPath,
    /// A function that it takes, or what it is, opens the file (a row of the table).
    Opens,
    /// It starts the program.
    Calls,
    /// The shell script reads the other one.
    Sources,
    /// The folder is meant with all that it holds.
    Holds,
    /// An interpreter finds modules there by names that are made when it runs.
    Modules,
    /// It belongs to a package that is kept whole.
    Package,
    /// Another name of the same program.
    Alias,
    /// Another program of the same package.
    Companion,
    /// A recorded run touched it.
    Traced,
    /// A check missed it when it was not there.
    Healed,
}

impl Kind {
    /// Its name in output for programs.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Needs => "needs",
            Self::Symlink => "symlink",
            Self::Needed => "needed",
            Self::Interpreter => "interpreter",
            Self::Dlopens => "dlopens",
            Self::NamesPath => "names-path",
            Self::Opens => "opens",
            Self::Calls => "calls",
            Self::Sources => "sources",
            Self::Holds => "holds",
            Self::Modules => "modules",
            Self::Package => "package",
            Self::Alias => "alias",
            Self::Companion => "companion",
            Self::Traced => "traced",
            Self::Healed => "healed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starts => "starts",
            Self::Needs | Self::Needed => "needs",
            Self::Symlink => "is a link to",
            Self::Interpreter => "is run by",
            Self::Dlopens => "may load",
            Self::NamesPath => "names",
            Self::Opens => "opens",
            Self::Calls => "calls",
            Self::Sources => "reads",
            Self::Holds => "holds",
            Self::Modules => "may load modules of",
            Self::Package => "is of the same package as",
            Self::Alias => "is also called",
            Self::Companion => "comes with",
            Self::Traced => "touched",
            Self::Healed => "puts back",
        })
    }
}

/// Where a file says that it leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// What was found is the proof: a link's target, a folder's name.
    Itself,
    /// At this byte of the file.
    Offset(u64),
    /// On this line, counted from 1.
    Line(u32),
    /// In the dynamic section, or the `#!` line.
    Header,
    /// In this entry of the archive that the file is, shown safely.
    Entry(String),
    /// It takes this symbol, or is this library; what that opens is known from the source.
    Row {
        /// The symbol or the name of the file.
        key: String,
        /// What it is for.
        why: &'static str,
        /// Where that is written down.
        source: &'static str,
    },
    /// A program did it in a run that was recorded.
    Run {
        /// The program.
        program: String,
        /// The run.
        run: String,
    },
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => Ok(()),
            Self::Offset(at) => write!(f, "byte {at}"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Header => write!(f, "in its header"),
            Self::Entry(name) => write!(f, "in {name}"),
            Self::Row { key, why, source } => write!(f, "{key}: {why} ({source})"),
            Self::Run { program, run } => write!(f, "{program} in {run:?}"),
        }
    }
}

/// How much of a folder is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// The folder alone.
    Name,
    /// With all that it holds.
    Whole,
}

/// Something that is asked for and not in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What asks for it.
    pub from: Origin,
    /// How.
    pub kind: Kind,
    /// What it is called there.
    pub what: Vec<u8>,
}

/// Something that could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What says so.
    pub from: Origin,
    /// Where.
    pub proof: Proof,
    /// What it is, for people.
    pub text: String,
}

impl Doubt {
    /// A doubt about something that the image has written, shown safely.
    fn about(from: Origin, proof: Proof, what: &str, written: &[u8]) -> Self {
        let text = format!("{what}: {}", display(written));
        Self { from, proof, text }
    }
}
