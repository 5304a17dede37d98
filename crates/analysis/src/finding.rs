//! What a rule found, and what speaks against it.

use std::fmt;
use std::ops::Range;

use ounce_image::{EntryId, ImagePath, NodeId};

use crate::rules::Rule;

/// What one rule found in one place.
#[derive(Debug)]
pub struct Claim {
    /// The rule.
    pub rule: &'static Rule,
    /// The folder whose mention speaks against every unit below it, as does the mention of a folder
    /// between it and a unit. `None` when only what names a unit itself counts.
    pub area: Option<NodeId>,
    /// The environment that it belongs to, for claims that depend on each other.
    pub prefix: Option<NodeId>,
    /// Rules with an environment each: where one's finding stays, this one stays too.
    pub follows: Vec<(&'static str, NodeId)>,
    /// What could go, in parts that stay or go as one.
    pub units: Vec<Unit>,
}

impl Claim {
    /// A claim that depends on no other.
    pub fn new(rule: &'static Rule, area: Option<NodeId>, units: Vec<Unit>) -> Self {
        Self {
            rule,
            area,
            prefix: None,
            follows: Vec::new(),
            units,
        }
    }
}

/// The smallest part of a claim that is decided on.
#[derive(Debug)]
pub struct Unit {
    /// What would go.
    pub content: Content,
    /// What the rule itself looked at.
    pub guard: Guard,
    /// Programs, of the unit or not, that need the unit: the name of one as a whole word anywhere in
    /// what stays speaks against it.
    pub programs: Vec<NodeId>,
    /// Words that ask for the unit without its path.
    pub words: Vec<Word>,
    /// For Python packages: dotted names and paths under which what stays may know the unit; one
    /// written out anywhere speaks against it, as does an import of any name of the unit.
    pub modules: Vec<Vec<u8>>,
    /// For an installed package that goes as a whole or not at all.
    pub package: Option<Installed>,
}

/// An installed package, for a unit that takes it away with what its database says of it.
#[derive(Debug)]
pub struct Installed {
    /// All its names, also those that other rules found; while one stays, the package stays.
    pub names: Vec<NodeId>,
    /// The file that says that it is installed.
    pub database: NodeId,
    /// Where that file speaks of it, in bytes.
    pub entry: Range<usize>,
}

/// A word that speaks against a unit wherever what stays has it, as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// The word, as an option or a file's bare name.
    pub text: Vec<u8>,
    /// The folder whose files alone mean this unit by it; `None` when every file does.
    pub within: Option<NodeId>,
}

/// The answer to a rule's own question. Whatever it is, evidence is still looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Guard {
    /// There is no question; evidence alone decides.
    #[default]
    Evidence,
    /// Nothing needs it: a sentence that says what was looked at.
    Proved(String),
    /// Something needs it: a sentence that says what.
    Refused(String),
    /// There is no telling: a sentence that says what is not understood.
    Unknown(String),
}

impl Guard {
    /// Refused for this reason, if there is one.
    pub fn refused(reason: Option<String>) -> Self {
        reason.map_or(Self::Evidence, Self::Refused)
    }

    /// Why the unit stays although nothing points at it.
    pub fn reason_to_keep(&self) -> Option<&str> {
        match self {
            Self::Evidence | Self::Proved(_) => None,
            Self::Refused(reason) | Self::Unknown(reason) => Some(reason),
        }
    }
}

/// What a unit consists of.
#[derive(Debug)]
pub enum Content {
    /// Names in the merged view; folders only with everything below them.
    Names(Vec<NodeId>),
    /// Entries that no name leads to.
    Hidden(Vec<EntryId>),
}

impl Unit {
    /// A unit of names without anything special about it.
    pub fn names(names: Vec<NodeId>) -> Self {
        Self {
            content: Content::Names(names),
            guard: Guard::Evidence,
            programs: Vec::new(),
            words: Vec::new(),
            modules: Vec::new(),
            package: None,
        }
    }

    /// The names in the merged view.
    pub fn nodes(&self) -> &[NodeId] {
        match &self.content {
            Content::Names(names) => names,
            Content::Hidden(_) => &[],
        }
    }
}

/// Something that stays and points at something that could go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// What points.
    pub from: Referrer,
    /// What it points at.
    pub to: ImagePath,
    /// How.
    pub how: How,
}

/// What points at a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referrer {
    /// The image config, under this key.
    Config(String),
    /// A file or symbolic link that stays.
    File(ImagePath),
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(key) => write!(f, "the image's {key}"),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// How something points at a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A symbolic link.
    Symlink,
    /// An ELF file needs the library.
    Needed,
    /// The path is written out at this byte of the file.
    Path(u64),
    /// The program's name is written out at this byte of the file.
    Command(u64),
    /// A word that asks for it is at this byte of the file.
    Word(u64),
    /// Python code imports it, or runs it as a module.
    Import,
    /// Python code has its name or path in a text.
    Text,
    /// The name of a Python module is written out at this byte of the file.
    Module(u64),
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symlink => write!(f, "is a link to"),
            Self::Needed => write!(f, "needs"),
            Self::Path(_) | Self::Text | Self::Module(_) => write!(f, "names"),
            Self::Command(_) => write!(f, "calls"),
            Self::Word(_) => write!(f, "asks for"),
            Self::Import => write!(f, "imports"),
        }
    }
}

/// Something in the image that could not be understood. What is not understood is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub path: ImagePath,
    /// What is wrong with it.
    pub reason: String,
}
