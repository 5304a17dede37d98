//! The units that could go, indexed for every way in which something may point at them.

use std::collections::BTreeMap;

use ounce_image::{LeafId, NodeId, Tree};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::Claim;
use crate::inspect::paths::Scanner;

/// A unit by the number of its claim and its own in the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId {
    /// The claim.
    pub claim: u32,
    /// The unit in the claim.
    pub unit: u32,
}

/// Folders below which documents are named without their prefix, as `share/doc/tool/usage.txt`.
const RELATIVE: [&[u8]; 4] = [
    b"share/doc/",
    b"share/gtk-doc/",
    b"share/man/",
    b"share/info/",
];

/// An index of what could go.
pub struct Targets {
    units: FxHashMap<NodeId, UnitId>,
    nodes: BTreeMap<UnitId, Vec<NodeId>>,
    /// For every folder at or below an area that holds units without being part of one: the units.
    above: FxHashMap<NodeId, Vec<UnitId>>,
    /// Areas whose path ends in one of [`RELATIVE`].
    relative: Vec<(&'static [u8], NodeId)>,
    prefixes: Vec<Vec<u8>>,
    /// Names of programs, in order, and for each the programs of this name with a unit they need.
    names: Vec<Vec<u8>>,
    programs: Vec<Vec<(NodeId, UnitId)>>,
    /// The units that Python code may import.
    modules: FxHashSet<UnitId>,
}

impl Targets {
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
            programs: Vec::new(),
            modules: FxHashSet::default(),
        };
        let mut programs: BTreeMap<Vec<u8>, Vec<(NodeId, UnitId)>> = BTreeMap::new();
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
                for node in &unit.programs {
                    let name = tree.name(*node).to_vec();
                    programs.entry(name).or_default().push((*node, id));
                }
                if let (Some(first), false) = (mine.first(), unit.modules.is_empty()) {
                    out.modules.insert(id);
                    for name in &unit.modules {
                        programs.entry(name.clone()).or_default().push((*first, id));
                    }
                }
                out.nodes.insert(id, mine);
            }
            if let Some(area) = claim.area {
                let path = [tree.path(area).as_bytes(), b"/"].concat();
                let ending = RELATIVE.iter().find(|ending| path.ends_with(ending));
                out.relative.extend(ending.map(|ending| (*ending, area)));
            }
        }
        (out.names, out.programs) = programs.into_iter().unzip();
        if !out.units.is_empty() {
            // Any absolute path may lead to a unit through links, so all of the root's names count.
            out.prefixes = tree
                .children(Tree::ROOT)
                .map(|top| [b"/", tree.name(top), b"/"].concat())
                .collect();
            let endings: std::collections::BTreeSet<_> = out
                .relative
                .iter()
                .map(|(ending, _)| ending.to_vec())
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

    /// The programs behind a name that the scanner found, with the units that they need.
    pub(super) fn programs(&self, number: usize) -> &[(NodeId, UnitId)] {
        self.programs
            .get(number)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The files that a path relative to some prefix may mean.
    pub(super) fn relative(&self, tree: &Tree<'_>, path: &[u8]) -> Vec<NodeId> {
        let areas = self
            .relative
            .iter()
            .filter_map(|(ending, area)| Some((path.strip_prefix(*ending)?, *area)));
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
