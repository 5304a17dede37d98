//! The units that could go, indexed for every way in which something may point at them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ounce_image::{LeafId, NodeId, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Claim, Unit};
use crate::inspect::paths::Scanner;
use crate::modules;

/// A unit by the number of its claim and its own in the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId {
    /// The claim.
    pub claim: u32,
    /// The unit in the claim.
    pub unit: u32,
}

/// Folders below which documents are named without their prefix, as `share/doc/tool/usage.txt`. What
/// lies in a hidden folder is named so too, behind `~` or `$HOME`.
const RELATIVE: [&[u8]; 5] = [
    b"share/doc/",
    b"share/gtk-doc/",
    b"share/man/",
    b"share/info/",
    b"share/help/",
];

/// An index of what could go.
pub struct Targets {
    units: FxHashMap<NodeId, UnitId>,
    nodes: BTreeMap<UnitId, Vec<NodeId>>,
    /// For every folder at or below an area that holds units without being part of one: the units.
    above: FxHashMap<NodeId, Vec<UnitId>>,
    /// Areas whose path ends in one of [`RELATIVE`], or holds a hidden folder: the path from there on.
    relative: Vec<(Vec<u8>, NodeId)>,
    prefixes: Vec<Vec<u8>>,
    /// Names of programs and other words, in order, and for each what it means.
    names: Vec<Vec<u8>>,
    meanings: Vec<Vec<Meaning>>,
    /// The units that Python code may import.
    modules: FxHashSet<UnitId>,
    /// Every part of a dotted name that may lead to one of them.
    module_names: FxHashSet<Vec<u8>>,
}

/// What kind of name speaks for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// Of a program.
    Program,
    /// Another word.
    Word,
    /// Of a Python module.
    Module,
}

/// What a name of a program or another word means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    /// The unit that it speaks for.
    pub(super) unit: UnitId,
    /// The program, or the unit's first name.
    pub(super) to: NodeId,
    /// What kind of name it is.
    pub(super) kind: NameKind,
    /// The folder whose files alone mean this by it.
    pub(super) within: Option<NodeId>,
}

impl Targets {
    /// The number of a name, if it is a program's.
    pub(super) fn program(&self, name: &[u8]) -> Option<usize> {
        let number = self
            .names
            .binary_search_by(|known| known.as_slice().cmp(name));
        number.ok().filter(|number| self.is_program(*number))
    }

    /// The lengths of the names of programs, in bytes, without those that are too often something else; empty when there
    /// are none.
    pub(super) fn lengths(&self) -> RangeInclusive<u64> {
        let programs = (0..self.names.len()).filter(|number| self.is_program(*number));
        let longest = programs.map(|number| self.names[number].len()).max();
        3..=longest.unwrap_or_default() as u64
    }

    fn is_program(&self, number: usize) -> bool {
        let mut meanings = self.meanings[number].iter();
        meanings.any(|meaning| meaning.kind == NameKind::Program)
    }

    /// Indexes the units for which `stays` says no; `owner` gives each claimed name its unit.
    pub fn new(
        tree: &Tree<'_>,
        claims: &[Claim],
        owner: &FxHashMap<NodeId, UnitId>,
        stays: impl Fn(UnitId) -> bool,
    ) -> Self {
        let mut out = Self {
            units: FxHashMap::default(),
            nodes: BTreeMap::new(),
            above: FxHashMap::default(),
            relative: Vec::new(),
            prefixes: Vec::new(),
            names: Vec::new(),
            meanings: Vec::new(),
            modules: FxHashSet::default(),
            module_names: FxHashSet::default(),
        };
        let mut names: BTreeMap<Vec<u8>, Vec<Meaning>> = BTreeMap::new();
        for (number, claim) in claims.iter().enumerate() {
            for (unit_number, unit) in claim.units.iter().enumerate() {
                let id = UnitId {
                    claim: number as u32,
                    unit: unit_number as u32,
                };
                if stays(id) {
                    continue;
                }
                let mine: Vec<NodeId> = unit
                    .nodes()
                    .iter()
                    .copied()
                    .filter(|node| owner.get(node) == Some(&id))
                    .collect();
                for node in &mine {
                    out.units.insert(*node, id);
                    if let Some(area) = claim.area {
                        out.mark_above(tree, *node, area, id);
                    }
                }
                for (name, meaning) in meanings(tree, unit, id) {
                    names.entry(name).or_default().push(meaning);
                }
                if !unit.modules.is_empty() {
                    out.modules.insert(id);
                }
                out.nodes.insert(id, mine);
            }
            if let Some(area) = claim.area {
                let path = [tree.path(area).as_bytes(), b"/"].concat();
                out.relative
                    .extend(ending(&path).map(|ending| (ending.to_vec(), area)));
            }
        }
        (out.names, out.meanings) = names.into_iter().unzip();
        out.module_names = out.names_of_modules(tree);
        if !out.units.is_empty() {
            // Any absolute path may lead to a unit through links, so all of the root's names count.
            // One that could go itself, or holds what could, may be named without more behind it.
            let prefix = |top| {
                let may_end = out.units.contains_key(&top) || out.above.contains_key(&top);
                let end: &[u8] = if may_end { b"" } else { b"/" };
                [b"/", tree.name(top), end].concat()
            };
            out.prefixes = tree.children(Tree::ROOT).map(prefix).collect();
            let endings: std::collections::BTreeSet<_> = out
                .relative
                .iter()
                .map(|(ending, _)| ending.clone())
                .collect();
            out.prefixes.extend(endings);
        }
        out
    }

    /// Notes a unit at every folder from its area down to it.
    fn mark_above(&mut self, tree: &Tree<'_>, node: NodeId, area: NodeId, unit: UnitId) {
        let mut at = node;
        while at != area && at != Tree::ROOT {
            at = tree.parent(at);
            if self.units.get(&at) == Some(&unit) || !tree.is_within(at, area) {
                return;
            }
            let list = self.above.entry(at).or_default();
            if list.last() == Some(&unit) {
                return;
            }
            list.push(unit);
        }
    }

    fn names_of_modules(&self, tree: &Tree<'_>) -> FxHashSet<Vec<u8>> {
        if self.modules.is_empty() {
            return FxHashSet::default();
        }
        let is_module = |node: &NodeId| {
            let mut meant = modules::followed(tree, *node).into_iter().chain([*node]);
            meant.any(|node| self.module(node).is_some())
        };
        let nodes = tree.walk(Tree::ROOT).filter(is_module);
        let names = nodes.flat_map(|node| modules::names(tree.name(node)));
        names.map(<[u8]>::to_vec).collect()
    }

    /// Whether a dotted name or path of these parts may lead to what Python code may import.
    pub(super) fn may_be_module<'p>(&self, mut parts: impl Iterator<Item = &'p [u8]>) -> bool {
        parts.any(|part| self.module_names.contains(part))
    }

    /// A scanner for everything that may point here; `None` when nothing could go.
    pub(super) fn scanner(&self) -> Option<Scanner> {
        Scanner::new(&self.prefixes, &self.names)
    }

    /// The unit that a name is part of.
    pub(super) fn unit_of(&self, node: NodeId) -> Option<UnitId> {
        self.units.get(&node).copied()
    }

    /// The units that a reference to a name speaks for.
    pub(super) fn units_at(&self, tree: &Tree<'_>, node: NodeId) -> Vec<UnitId> {
        // A folder that is a unit's own, or one that holds units.
        match self.unit_of(node) {
            Some(unit) => vec![unit],
            None if tree.is_directory(node) => self.above.get(&node).cloned().unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Whether a file keeps a name when every unit goes.
    pub(super) fn leaf_stays(&self, tree: &Tree<'_>, leaf: LeafId) -> bool {
        tree.leaf(leaf)
            .names
            .iter()
            .any(|name| self.unit_of(*name).is_none())
    }

    /// The files of a unit.
    pub(super) fn leaves(&self, tree: &Tree<'_>, unit: UnitId) -> Vec<LeafId> {
        let nodes = self.nodes.get(&unit).map(Vec::as_slice).unwrap_or_default();
        nodes
            .iter()
            .filter_map(|node| tree.leaf_of(*node))
            .collect()
    }

    /// Whether Python code may import anything of what could go.
    pub(super) fn has_modules(&self) -> bool {
        !self.modules.is_empty()
    }

    /// The unit that Python code imports with a name.
    pub(super) fn module(&self, node: NodeId) -> Option<UnitId> {
        self.unit_of(node).filter(|unit| self.is_module(*unit))
    }

    /// Whether Python code may import a unit.
    pub(super) fn is_module(&self, unit: UnitId) -> bool {
        self.modules.contains(&unit)
    }

    /// What a name that the scanner found means.
    pub(super) fn meanings(&self, number: usize) -> &[Meaning] {
        self.meanings
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The files that a path relative to some prefix may mean.
    pub(super) fn relative(&self, tree: &Tree<'_>, path: &[u8]) -> Vec<NodeId> {
        let areas = self
            .relative
            .iter()
            .filter_map(|(ending, area)| Some((path.strip_prefix(ending.as_slice())?, *area)));
        // The bare folder (`share/doc/`) is named wherever prefixes are put together.
        areas
            .filter(|(rest, _)| !rest.is_empty())
            .flat_map(|(rest, area)| resolve(tree, area, rest))
            .collect()
    }

    /// The units' files that have this name.
    pub(super) fn named(&self, tree: &Tree<'_>) -> FxHashMap<Vec<u8>, Vec<NodeId>> {
        let mut out: FxHashMap<Vec<u8>, Vec<NodeId>> = FxHashMap::default();
        for node in self
            .nodes
            .values()
            .flatten()
            .filter(|node| tree.leaf_of(**node).is_some())
        {
            out.entry(tree.name(*node).to_vec())
                .or_default()
                .push(*node);
        }
        out
    }
}

/// The names and words that speak for a unit.
fn meanings<'t>(
    tree: &'t Tree<'_>,
    unit: &'t Unit,
    id: UnitId,
) -> impl Iterator<Item = (Vec<u8>, Meaning)> + 't {
    let programs = unit.programs.iter().map(move |node| {
        let meaning = Meaning {
            unit: id,
            to: *node,
            kind: NameKind::Program,
            within: None,
        };
        (tree.name(*node).to_vec(), meaning)
    });
    let first = unit.nodes().first().copied();
    let words = first.into_iter().flat_map(move |to| {
        unit.words.iter().map(move |word| {
            let meaning = Meaning {
                unit: id,
                to,
                kind: NameKind::Word,
                within: word.within,
            };
            (word.text.clone(), meaning)
        })
    });
    let modules = first.into_iter().flat_map(move |to| {
        unit.modules.iter().map(move |name| {
            let meaning = Meaning {
                unit: id,
                to,
                kind: NameKind::Module,
                within: None,
            };
            (name.clone(), meaning)
        })
    });
    programs.chain(words).chain(modules)
}

/// The part of an area's path by which it is named without the folders above it.
fn ending(path: &[u8]) -> Option<&[u8]> {
    let known = RELATIVE
        .iter()
        .find(|ending| path.ends_with(ending))
        .copied();
    known.or_else(|| Some(&path[memchr::memmem::find(path, b"/.")? + 1..]))
}

/// The names that a written path may mean, starting from `base`: what is exactly there (links
/// followed). Where nothing is, what begins so (the path was cut short, or its ending left out), and
/// the longest name that it begins with (in binaries the next text may follow without a gap).
pub(super) fn resolve(tree: &Tree<'_>, base: NodeId, path: &[u8]) -> Vec<NodeId> {
    let mut out = Vec::new();
    if let Some(end) = tree.resolve_from(base, path, |node| out.push(node)) {
        out.push(end);
        // The last name is what is meant; names before it count only as links on the way.
        out.retain(|node| *node == end || tree.symlink(*node).is_some());
        return out;
    }
    let mut folder = if path.starts_with(b"/") {
        Tree::ROOT
    } else {
        base
    };
    let mut parts = path
        .split(|&b| b == b'/')
        .filter(|part| !part.is_empty())
        .peekable();
    while let Some(part) = parts.next() {
        match tree.resolve_from(folder, part, |_| {}) {
            Some(next) => folder = next,
            None => return nearest(tree, folder, part, parts.peek().is_none()),
        }
    }
    vec![folder]
}

/// The names in a folder that begin with `part` (when nothing follows it), and the longest one that
/// `part` begins with.
fn nearest(tree: &Tree<'_>, folder: NodeId, part: &[u8], is_last: bool) -> Vec<NodeId> {
    // Sentences end in full stops.
    let start = part.strip_suffix(b".").unwrap_or(part);
    let longer = tree
        .children(folder)
        .filter(|child| is_last && tree.name(*child).starts_with(start));
    let shorter = tree
        .children(folder)
        .filter(|child| part.starts_with(tree.name(*child)));
    let longest = shorter.max_by_key(|child| tree.name(*child).len());
    longer.chain(longest).collect()
}
