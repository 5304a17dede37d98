//! Collects what one file leads to.

use std::sync::Arc;

use ounce_image::{NodeId, Tree};

use super::code::Said;
use super::loader::Chain;
use super::units::Units;
use super::{Doubt, Extent, Kind, Missing, Origin, Proof};
use crate::finding::Problem;
use crate::packages::Ecosystem;

/// Where something leads.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) to: NodeId,
    pub(super) kind: Kind,
    pub(super) proof: Proof,
    pub(super) extent: Extent,
    pub(super) is_guess: bool,
    /// How libraries are looked for in what is reached so; `None` as in what leads there.
    pub(super) chain: Option<Arc<Chain>>,
}

/// What one file, or one root, leads to.
#[derive(Debug)]
pub(super) struct Collector<'w> {
    tree: &'w Tree<'w>,
    units: &'w Units,
    pub(super) from: Origin,
    pub(super) targets: Vec<Target>,
    pub(super) missing: Vec<Missing>,
    pub(super) doubts: Vec<Doubt>,
    pub(super) problems: Vec<Problem>,
    /// Scripts that stay when what runs them does.
    pub(super) companions: Vec<NodeId>,
    /// Packages that are meant with all their files, by their records, and whether with their programs.
    pub(super) packages: Vec<(NodeId, Proof, bool)>,
    /// Programs one of which reads the file; until it is reached nobody does.
    pub(super) readers: Option<&'static [String]>,
    /// What the folder holds for such programs alone.
    pub(super) held_for: Vec<(NodeId, &'static [String])>,
    /// What compiled code says.
    pub(super) code: Said,
    /// Whether it calls every program.
    pub(super) calls_all: bool,
    /// Ecosystems from which packages are installed, so that all installed ones are needed.
    pub(super) installs: Vec<(Ecosystem, Proof)>,
}

impl<'w> Collector<'w> {
    pub(super) fn new(tree: &'w Tree<'w>, units: &'w Units, from: Origin) -> Self {
        Self {
            tree,
            units,
            from,
            targets: Vec::new(),
            missing: Vec::new(),
            doubts: Vec::new(),
            problems: Vec::new(),
            companions: Vec::new(),
            packages: Vec::new(),
            readers: None,
            held_for: Vec::new(),
            code: Said::default(),
            calls_all: false,
            installs: Vec::new(),
        }
    }

    /// Leads to exactly this name.
    pub(super) fn name(&mut self, to: NodeId, kind: Kind, proof: Proof) -> &mut Target {
        self.push(to, kind, proof, Extent::Name)
    }

    /// Leads to this name, and a folder with what it holds.
    pub(super) fn whole(&mut self, to: NodeId, kind: Kind, proof: Proof) -> &mut Target {
        self.push(to, kind, proof, Extent::Whole)
    }

    fn push(&mut self, to: NodeId, kind: Kind, proof: Proof, extent: Extent) -> &mut Target {
        self.targets.push(Target {
            to,
            kind,
            proof,
            extent,
            is_guess: false,
            chain: None,
        });
        self.targets.last_mut().expect("pushed above")
    }

    /// Leads to a path as the kernel follows it: the links on the way and what is at its end; nothing when
    /// nothing is there.
    pub(super) fn path(
        &mut self,
        base: NodeId,
        path: &[u8],
        kind: Kind,
        proof: &Proof,
    ) -> Option<NodeId> {
        let (links, end) = follow(self.tree, base, path)?;
        for link in links {
            self.name(link, kind, proof.clone());
        }
        self.name(end, kind, proof.clone());
        Some(end)
    }

    /// As [`Collector::path`], for what is written somewhere: a folder is meant with all that it holds, and
    /// a file with the unit that it is part of, unless many share the folder.
    pub(super) fn written(
        &mut self,
        base: NodeId,
        path: &[u8],
        kind: Kind,
        proof: &Proof,
    ) -> Option<NodeId> {
        let end = self.path(base, path, kind, proof)?;
        self.unit(end, kind, proof);
        Some(end)
    }

    /// Leads to what a name that is written somewhere stands for.
    pub(super) fn unit(&mut self, node: NodeId, kind: Kind, proof: &Proof) {
        match self.units.meant(self.tree, node) {
            Some(folder) => {
                self.whole(folder, kind, proof.clone());
            }
            None => {
                self.name(node, kind, proof.clone());
            }
        }
    }

    /// Takes what a part of the file leads to, which `proof` names.
    pub(super) fn part(&mut self, part: Collector<'_>, proof: &Proof) {
        let is_place = |at: &Proof| matches!(at, Proof::Offset(_) | Proof::Line(_) | Proof::Header);
        let place = |at: Proof| match is_place(&at) {
            true => proof.clone(),
            false => at,
        };
        self.targets
            .extend(part.targets.into_iter().map(|target| Target {
                proof: place(target.proof),
                ..target
            }));
        self.doubts
            .extend(part.doubts.into_iter().map(|doubt| Doubt {
                proof: place(doubt.proof),
                ..doubt
            }));
        self.missing.extend(part.missing);
        self.problems.extend(part.problems);
    }

    /// Something is asked for that is not there.
    pub(super) fn miss(&mut self, kind: Kind, what: &[u8]) {
        let what = what.to_vec();
        self.missing.push(Missing {
            from: self.from,
            kind,
            what,
        });
    }

    /// Something could not be resolved.
    pub(super) fn doubt(&mut self, proof: Proof, what: &str, written: &[u8]) {
        self.doubts
            .push(Doubt::about(self.from, proof, what, written));
    }
}

/// The symbolic links on the way along a path, and what is at its end.
pub(super) fn follow(tree: &Tree<'_>, base: NodeId, path: &[u8]) -> Option<(Vec<NodeId>, NodeId)> {
    let mut links = Vec::new();
    let end = tree.resolve_from(base, path, |node| {
        if tree.symlink(node).is_some() {
            links.push(node);
        }
    })?;
    Some((links, end))
}
