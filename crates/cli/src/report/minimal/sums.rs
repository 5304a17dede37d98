//! Adds up what stays and what goes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::graph::{Edge, Graph, Kind, Origin};
use ounce_analysis::kinds;
use ounce_image::{LeafId, NodeId, Tree};

use super::{Guess, Kept, Reason, Stays, Step, Sum};
use crate::commands::reach::Reach;

/// What is kept so that scanners see what stays.
const DATABASE: &str = "package-database";
/// How many of the largest are listed with their ways.
const LARGEST: usize = 20;

/// What was added up so far.
#[derive(Default)]
pub(super) struct Sums<'a> {
    pub(super) after: Sum,
    kept: BTreeMap<&'static str, Sum>,
    guesses: BTreeMap<(Origin, Kind), Guessed<'a>>,
    sizes: Vec<(u64, NodeId)>,
    seen: BTreeSet<LeafId>,
}

/// What one name may lead to in one way.
#[derive(Default)]
struct Guessed<'a> {
    /// Each with what stays for it.
    targets: BTreeMap<NodeId, (Sum, Option<&'a Edge>)>,
    sum: Sum,
}

impl<'a> Sums<'a> {
    /// Counts a name that stays; a file with several names once.
    pub(super) fn keep(&mut self, tree: &Tree<'_>, reach: &'a Reach, stays: &Stays, node: NodeId) {
        let leaf = tree.leaf_of(node).filter(|_| is_counted(tree, node));
        if !leaf.is_some_and(|leaf| self.seen.insert(leaf)) {
            return;
        }
        let size = stays.size(tree, node);
        self.after.add(size);
        self.sizes.push((size, node));
        let way = reach.closure.way(&reach.graph, tree, node);
        let kind = way.last().map_or(DATABASE, |edge| edge.kind.id());
        self.kept.entry(kind).or_default().add(size);
        let is_sure = || reach.certain.holds(tree, node);
        let guess = way.into_iter().find(|edge| edge.is_guess);
        if let Some(edge) = guess.filter(|_| !is_sure()) {
            let guessed = self.guesses.entry((edge.from, edge.kind)).or_default();
            let (sum, first) = guessed.targets.entry(edge.to).or_default();
            sum.add(size);
            first.get_or_insert(edge);
            guessed.sum.add(size);
        }
    }

    /// What stays, by the last step to it.
    pub(super) fn kept(&self) -> Vec<Reason> {
        sorted(
            self.kept
                .iter()
                .map(|(kind, sum)| ((*kind).to_owned(), *sum)),
        )
    }

    /// What goes, by what it is; `before` is all there was.
    pub(super) fn dropped(&self, tree: &Tree<'_>, stays: &Stays, before: Sum) -> Vec<Reason> {
        let mut rows: BTreeMap<&str, Sum> = BTreeMap::new();
        let (mut cut, mut seen) = (Sum::default(), BTreeSet::new());
        let mut hidden = before;
        for node in tree.walk(Tree::ROOT) {
            let leaf = tree.leaf_of(node).filter(|_| is_counted(tree, node));
            if !leaf.is_some_and(|leaf| seen.insert(leaf)) {
                continue;
            }
            let size = tree.attributes(node).map_or(0, |entry| entry.size);
            hidden.disk = hidden.disk.saturating_sub(size);
            hidden.files = hidden.files.saturating_sub(1);
            if leaf.is_some_and(|leaf| self.seen.contains(&leaf)) {
                if stays.contents.contains_key(&node) {
                    cut.disk += size.saturating_sub(stays.size(tree, node));
                }
                continue;
            }
            rows.entry(kinds::of(&tree.path(node)).title)
                .or_default()
                .add(size);
        }
        let rest = [
            ("Content that later layers hide", hidden),
            ("Lists of packages and users, cut to what stays", cut),
        ];
        let rest = rest.into_iter().filter(|(_, sum)| *sum != Sum::default());
        sorted(
            rows.into_iter()
                .chain(rest)
                .map(|(title, sum)| (title.to_owned(), sum)),
        )
    }

    /// What was kept for want of knowledge.
    pub(super) fn uncertain(&self, tree: &Tree<'_>, graph: &Graph) -> Vec<Guess> {
        let rows = self.guesses.values().filter_map(|guessed| {
            // The largest, the first of several.
            let largest = guessed.targets.values().rev().max_by_key(|(sum, _)| *sum);
            Some(Guess {
                step: Step::new(tree, graph, largest?.1?),
                others: guessed.targets.len() as u64 - 1,
                sum: guessed.sum,
            })
        });
        let mut rows: Vec<Guess> = rows.collect();
        rows.sort_by(|a, b| {
            b.sum
                .cmp(&a.sum)
                .then_with(|| a.step.from.cmp(&b.step.from))
        });
        rows
    }

    /// The largest files with the way to each.
    pub(super) fn largest(&mut self, tree: &Tree<'_>, reach: &Reach) -> Vec<Kept> {
        self.sizes
            .sort_by_cached_key(|(size, node)| (Reverse(*size), tree.path(*node)));
        let step = |edge| Step::new(tree, &reach.graph, edge);
        let rows = self.sizes.iter().take(LARGEST).map(|(disk, node)| Kept {
            path: tree.path(*node).to_string(),
            disk: *disk,
            way: reach
                .closure
                .way(&reach.graph, tree, *node)
                .into_iter()
                .map(step)
                .collect(),
        });
        rows.collect()
    }
}

/// Files and links count; devices and pipes are not what an image is large of.
fn is_counted(tree: &Tree<'_>, node: NodeId) -> bool {
    tree.is_file(node) || tree.symlink(node).is_some()
}

fn sorted(rows: impl Iterator<Item = (String, Sum)>) -> Vec<Reason> {
    let mut rows: Vec<Reason> = rows.map(|(name, sum)| Reason { name, sum }).collect();
    rows.sort_by(|a, b| b.sum.cmp(&a.sum).then_with(|| a.name.cmp(&b.name)));
    rows
}
