//! Whether somebody asked for a package, as far as apt's marks and the layers tell.

use ounce_image::NodeId;

use crate::packages::Package;
use crate::rules::Context;

pub(super) struct Asked<'c> {
    context: &'c Context<'c>,
    /// The lowest layer with a database, when packages were installed later too.
    base: Option<u32>,
}

impl<'c> Asked<'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        let tree = context.tree;
        let layers = tree.layers().iter().enumerate().filter(|(_, layer)| {
            layer
                .entries
                .iter()
                .any(|entry| entry.path.as_bytes() == b"var/lib/dpkg/status")
        });
        let layers: Vec<u32> = layers.map(|(number, _)| number as u32).collect();
        Self {
            context,
            base: layers.first().copied().filter(|_| layers.len() > 1),
        }
    }

    /// Whether somebody may have asked for a package. What makes a system out of nothing (debootstrap) marks
    /// all its packages as asked for, so of those in the lowest layer the marks say nothing.
    pub(super) fn for_package(&self, package: &Package) -> bool {
        let is_marked = package.requested != Some(false);
        is_marked && (self.layer(package.record) != self.base || self.is_named(&package.name))
    }

    fn layer(&self, node: NodeId) -> Option<u32> {
        self.context.tree.node_entry(node).map(|entry| entry.layer)
    }

    /// Whether a step of the image's history names a package.
    fn is_named(&self, name: &str) -> bool {
        let history = self.context.config.history();
        history.iter().any(|step| {
            let words = step
                .created_by
                .split(|c: char| c.is_whitespace() || "'\";|&=,()".contains(c));
            words.into_iter().any(|word| word == name)
        })
    }
}
