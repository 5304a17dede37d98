//! Gives every byte of an image one cause, one owner, one layer and one place, so that the rows of
//! a report add up to the whole.
//!
//! A size is given twice: on disk (sizes of files and lengths of links, as Docker counts) and
//! compressed (the entry's share of its layer's blob, headers included).

use std::collections::BTreeMap;
use std::io;
use std::ops::AddAssign;

use ounce_image::{EntryId, EntryKind, Image, NodeId, Tree};

use crate::evidence::UnitId;
use crate::kinds::{self, Kind};
use crate::packages::{Package, Packages};
use crate::plan::{Decision, Plan};
use crate::rules::{RULES, Rule};

/// A size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size {
    /// Uncompressed bytes of content.
    pub disk: u64,
    /// Compressed bytes.
    pub pull: u64,
    /// Files, links and devices; a file with several names counts once.
    pub files: u64,
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.disk += other.disk;
        self.pull += other.pull;
        self.files += other.files;
    }
}

/// What becomes of a byte and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// A rule takes it away; the unit says what its guard found.
    Gone(&'static Rule, Option<UnitId>),
    /// A rule found it, but it stays; the unit says why.
    Held(&'static Rule, UnitId),
    /// A rule of a higher tier than was asked for would take it away.
    Offered(&'static Rule, UnitId),
    /// A rule found it to be of use; the unit says what it would cost to go without.
    OptIn(&'static Rule, UnitId),
    /// No rule found it.
    Kept(Kind),
}

/// A part of the image that is accounted for as one.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The layer that carries it.
    pub layer: usize,
    /// What becomes of it.
    pub cause: Cause,
    /// A name of it in the merged view, the one that its cause and owner are taken from; `None`
    /// when no container sees it.
    pub node: Option<NodeId>,
    /// The package that brought it.
    pub owner: Option<&'a Package>,
    /// Its size.
    pub size: Size,
}

/// Every entry of every layer once, in order.
///
/// # Errors
/// A layer cannot be read to estimate its compressed size.
pub fn items<'a>(
    image: &Image,
    tree: &Tree<'_>,
    packages: &'a Packages,
    plan: &Plan,
) -> io::Result<Vec<Item<'a>>> {
    let names = living_names(tree);
    let mut out = Vec::new();
    for (number, layer) in image.layers.iter().enumerate() {
        let map = layer.map()?;
        let mut end = 0;
        for (index, entry) in layer.entries.iter().enumerate() {
            let id = EntryId {
                layer: number as u32,
                index: index as u32,
            };
            let pull = map.share(end..entry.end());
            end = entry.end();
            let carries = carries_content(&entry.kind);
            // The content of a file belongs to the name that it stays with, if there is one.
            let node = match tree.entry_leaf(id).filter(|_| carries) {
                Some(leaf) => best_name(tree, plan, &tree.leaf(leaf).names),
                None => names.get(&id).copied(),
            };
            let mut item = Item {
                layer: number,
                cause: cause(tree, plan, id, node),
                node,
                owner: node.and_then(|node| packages.owner(node)),
                size: Size {
                    disk: entry.size,
                    pull,
                    files: carries.into(),
                },
            };
            if let Some(content) = plan.edit.replace.get(&id) {
                let part = split(&mut item, plan, content.len() as u64);
                out.push(part);
            }
            out.push(item);
        }
        let pull = map.total() - map.share(0..end);
        let cause = Cause::Kept(kinds::STRUCTURE);
        let size = Size {
            disk: 0,
            pull,
            files: 0,
        };
        out.push(Item {
            layer: number,
            cause,
            node: None,
            owner: None,
            size,
        });
    }
    Ok(out)
}

/// Takes from a file that gets other content what it loses, which goes with the packages that it speaks
/// of; compressed, so much of it as of the content.
fn split<'a>(item: &mut Item<'a>, plan: &Plan, kept: u64) -> Item<'a> {
    let before = item.size;
    item.size.disk = kept;
    item.size.pull = (u128::from(before.pull) * u128::from(kept))
        .checked_div(u128::from(before.disk))
        .map_or(0, |pull| pull as u64);
    let database = |unit: &&UnitId| {
        let package = plan.unit(**unit).1.package.as_ref();
        package.is_some_and(|package| Some(package.database) == item.node)
    };
    let gone = plan
        .decisions
        .iter()
        .filter(|(_, decision)| **decision == Decision::Gone);
    let unit = gone.map(|(unit, _)| unit).filter(database).min();
    Item {
        cause: unit.map_or(item.cause, |unit| of_unit(plan, *unit)),
        size: Size {
            disk: before.disk.saturating_sub(kept),
            pull: before.pull - item.size.pull,
            files: 0,
        },
        ..*item
    }
}

/// Whether an entry is a file, link or device of its own; folders, further names of a file and
/// whiteouts are not.
fn carries_content(kind: &EntryKind) -> bool {
    use EntryKind::{Directory, Hardlink, Meta, Opaque, Whiteout};
    !matches!(kind, Directory | Hardlink(_) | Whiteout | Opaque | Meta)
}

fn cause(tree: &Tree<'_>, plan: &Plan, id: EntryId, node: Option<NodeId>) -> Cause {
    match (node, plan.unit_of_hidden.get(&id)) {
        (Some(node), _) => match plan.unit_of.get(&node) {
            Some(unit) => of_unit(plan, *unit),
            None if carries_content(&tree.entry(id).kind) => {
                Cause::Kept(kinds::of(&tree.path(node)))
            }
            None => Cause::Kept(kinds::STRUCTURE),
        },
        (None, Some(unit)) if !plan.edit.drop.contains(&id) => of_unit(plan, *unit),
        // What would come to light when others go, and whiteouts and folders with nothing left.
        (None, _) if plan.edit.drop.contains(&id) => Cause::Gone(RULES[0], None),
        (None, _) => Cause::Kept(kinds::STRUCTURE),
    }
}

fn of_unit(plan: &Plan, unit: UnitId) -> Cause {
    let rule = plan.unit(unit).0.rule;
    match plan.decisions.get(&unit) {
        Some(Decision::Gone) => Cause::Gone(rule, Some(unit)),
        Some(Decision::Offered) => Cause::Offered(rule, unit),
        Some(Decision::OptIn(_)) => Cause::OptIn(rule, unit),
        _ => Cause::Held(rule, unit),
    }
}

/// The name that decides what becomes of a file's content: one that no rule found, else one that
/// is held back. When all go, the rule furthest down the list has it: a compiler that is linked into
/// the package cache is a compiler.
fn best_name(tree: &Tree<'_>, plan: &Plan, names: &[NodeId]) -> Option<NodeId> {
    let rank = |node: &NodeId| match plan.unit_of.get(node).map(|unit| of_unit(plan, *unit)) {
        None => 0,
        Some(Cause::Held(..) | Cause::Offered(..) | Cause::OptIn(..) | Cause::Kept(_)) => 1,
        Some(Cause::Gone(rule, _)) => {
            2 + RULES.len() - RULES.iter().position(|known| *known == rule).unwrap_or(0)
        }
    };
    names
        .iter()
        .copied()
        .min_by_key(|node| (rank(node), tree.path(*node)))
}

/// The name that each entry put into the merged view.
fn living_names(tree: &Tree<'_>) -> BTreeMap<EntryId, NodeId> {
    tree.walk(Tree::ROOT)
        .flat_map(|node| tree.entries_of(node).map(move |entry| (entry, node)))
        .collect()
}
