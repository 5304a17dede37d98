//! What is reached from the roots.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ounce_image::{NodeId, Tree};
use rustc_hash::FxHashMap;

use super::{Edge, Extent, Graph, Kind, Origin};

/// The names that are reached.
#[derive(Debug, Default)]
pub struct Closure {
    by: BTreeMap<(NodeId, Extent), Last>,
}

/// The last step of a shortest way to a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    /// The number of the edge.
    pub(super) edge: u32,
    /// How much was reached of what it begins at.
    pub(super) from: Extent,
}

impl Closure {
    /// Follows all edges of a graph.
    pub fn of(graph: &Graph) -> Self {
        Self::follow(graph, |_| true)
    }

    /// Follows the edges that are no guesses: what is not in here is kept only for want of knowledge.
    pub fn without_guesses(graph: &Graph) -> Self {
        Self::follow(graph, |edge| !edge.is_guess)
    }

    fn follow(graph: &Graph, wanted: impl Fn(&Edge) -> bool) -> Self {
        let mut out: FxHashMap<Origin, Vec<u32>> = FxHashMap::default();
        for (number, edge) in (0..).zip(&graph.edges) {
            out.entry(edge.from).or_default().push(number);
        }
        let mut closure = Self::default();
        let is_of_runs = |root: &u32| graph.roots[*root as usize].is_of_runs();
        // What files say comes first, so that a way that begins at a run shows what they do not say.
        let (late, first): (Vec<u32>, Vec<u32>) =
            (0..graph.roots.len() as u32).partition(is_of_runs);
        for roots in [first, late] {
            let roots = roots
                .into_iter()
                .map(|root| (Origin::Root(root), Extent::Name));
            closure.follow_from(graph, &out, roots.collect(), &wanted);
        }
        closure
    }

    fn follow_from(
        &mut self,
        graph: &Graph,
        out: &FxHashMap<Origin, Vec<u32>>,
        mut queue: VecDeque<(Origin, Extent)>,
        wanted: impl Fn(&Edge) -> bool,
    ) {
        while let Some((from, reached)) = queue.pop_front() {
            for number in out.get(&from).into_iter().flatten() {
                let edge = &graph.edges[*number as usize];
                if !wanted(edge) || !leads_on(edge, reached) {
                    continue;
                }
                let to = (edge.to, edge.extent);
                if let std::collections::btree_map::Entry::Vacant(slot) = self.by.entry(to) {
                    slot.insert(Last {
                        edge: *number,
                        from: reached,
                    });
                    queue.push_back((Origin::Node(edge.to), edge.extent));
                }
            }
        }
    }

    /// The names, without the folders above them.
    pub fn names(&self) -> BTreeSet<NodeId> {
        self.by.keys().map(|(node, _)| *node).collect()
    }

    /// Takes names out again; what they lead to stays.
    pub fn leave_out(&mut self, names: &BTreeSet<NodeId>) {
        self.by.retain(|(node, _), _| !names.contains(node));
    }

    /// Whether a name is reached, or is a folder above one that is.
    pub fn holds(&self, tree: &Tree<'_>, node: NodeId) -> bool {
        let is_reached = |node| self.last(node).is_some();
        is_reached(node) || (tree.is_directory(node) && tree.walk(node).any(is_reached))
    }

    /// The last step of the way to a name, with as little of it as was reached.
    pub(super) fn last(&self, node: NodeId) -> Option<Last> {
        let by = |extent| self.last_to(node, extent);
        by(Extent::Name).or_else(|| by(Extent::Whole))
    }

    /// The last step of the way to so much of a name.
    pub(super) fn last_to(&self, node: NodeId, extent: Extent) -> Option<Last> {
        self.by.get(&(node, extent)).copied()
    }
}

/// Whether an edge leads on from a name of which so much is reached: a folder that is only named holds nothing.
fn leads_on(edge: &Edge, reached: Extent) -> bool {
    let needs_all = match edge.kind {
        Kind::Holds => true,
        Kind::Symlink => edge.extent == Extent::Whole,
        _ => false,
    };
    !needs_all || reached == Extent::Whole
}
