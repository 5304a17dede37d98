//! By which way a file is reached.

use ounce_image::{NodeId, Tree};

use super::closure::Closure;
use super::{Edge, Graph, Origin};

impl Closure {
    /// How many steps a name is from a root; `None` when nothing leads there.
    pub fn distance(&self, graph: &Graph, node: NodeId) -> Option<usize> {
        let mut last = self.last(node)?;
        let mut steps = 1;
        while let Origin::Node(from) = graph.edges[last.edge as usize].from {
            last = self.last_to(from, last.from)?;
            steps += 1;
        }
        Some(steps)
    }

    /// A shortest way from a root to a name, from one that runs alone tell of only where there is no other; for a folder that is there only for what it holds, to the first of
    /// that. Empty when nothing leads there.
    pub fn way<'g>(&self, graph: &'g Graph, tree: &Tree<'_>, node: NodeId) -> Vec<&'g Edge> {
        let reached = |node: &NodeId| self.last(*node).is_some();
        let below = || {
            tree.walk(node)
                .find(reached)
                .filter(|_| tree.is_directory(node))
        };
        let Some(end) = Some(node).filter(reached).or_else(below) else {
            return Vec::new();
        };
        let mut way = Vec::new();
        let mut next = self.last(end);
        while let Some(last) = next {
            let edge = &graph.edges[last.edge as usize];
            way.push(edge);
            next = match edge.from {
                Origin::Root(_) => None,
                Origin::Node(from) => self.last_to(from, last.from),
            };
        }
        way.reverse();
        way
    }
}
