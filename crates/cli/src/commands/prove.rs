//! Tries a plan before any image is written: checks run in the original and in its files without what would go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ounce_analysis::{Options, Packages, Plan};
use ounce_image::{Fate, Layer, NodeId, Tree, layers, rewrite};

use super::{analyse, command_line};
use crate::error::CommandError;
use crate::report::model::Image;
use crate::report::verify::Verification;
use crate::report::verify::found::Origins;
use crate::roots::{Roots, Unpacked};
use crate::session::Session;
use crate::verify::{Case, Coverage, Place, Removed, Suite};

/// What is tried, and how.
pub(super) struct Trial<'a> {
    pub(super) session: &'a Session,
    pub(super) tree: &'a Tree<'a>,
    pub(super) packages: &'a Packages,
    pub(super) options: &'a Options,
    pub(super) suite: Suite<'a>,
    pub(super) roots: &'a Roots,
    /// Whether what checks miss shall stay.
    pub(super) heal: bool,
}

/// A plan, and what becomes of each layer by it.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) fates: Vec<Fate>,
}

impl Outcome {
    /// Runs the rules and decides.
    pub(super) fn of(
        session: &Session,
        tree: &Tree<'_>,
        options: &Options,
    ) -> Result<Self, CommandError> {
        let (_, plan) = analyse(session, tree, options)?;
        let fates = rewrite(tree, &plan.edit)?;
        Ok(Self { plan, fates })
    }

    fn layers(&self, tree: &Tree<'_>) -> Result<Vec<Layer>, CommandError> {
        Ok(layers(tree, &self.fates)?)
    }
}

impl Trial<'_> {
    /// Runs all checks. The plan comes back as it was, or as it has to be for the checks.
    ///
    /// # Errors
    /// The sandbox cannot be made, or Ctrl-C was pressed.
    pub(super) fn prove(&self, first: Outcome) -> Result<(Outcome, Verification), CommandError> {
        let original = Place::new(self.session, self.roots)?;
        let slim_layers = first.layers(self.tree)?;
        let slim = Tree::build(&slim_layers)?;
        let removed = Removed::between(self.tree, &slim);
        let case = Case {
            suite: self.suite,
            original: &original,
            removed: &removed,
            packages: self.packages,
        };
        let place = original.with(self.without(&original, &removed)?);
        let mut verified = case.verify(&place)?;
        let mut outcome = first;
        let units = outcome.plan.unit_of.iter();
        let rules = units.map(|(node, unit)| (*node, outcome.plan.unit(*unit).0.rule.id));
        let rules = rules.collect();
        let mut healed = None;
        if self.heal {
            let mut rebuild = |names: &BTreeSet<NodeId>| {
                let paths = names.iter().map(|node| self.tree.path(*node)).collect();
                let options = self.options.clone().with_paths(paths);
                outcome = Outcome::of(self.session, self.tree, &options)?;
                let layers = outcome.layers(self.tree)?;
                let removed = Removed::between(self.tree, &Tree::build(&layers)?);
                Ok(original.with(self.without(&original, &removed)?))
            };
            healed = case.heal(&mut verified, &mut rebuild)?;
        }
        let slim_layers = outcome.layers(self.tree)?;
        let slim = Tree::build(&slim_layers)?;
        let of_slim = Packages::load(&slim, &mut Vec::new());
        let now_removed = Removed::between(self.tree, &slim);
        let coverage = Coverage::of(&slim, &of_slim, &now_removed, &verified.recorded);
        let different = verified.different().into_iter();
        let missed: BTreeMap<_, _> = different
            .map(|number| (number, case.missed(&verified, number)))
            .collect();
        let origins = Origins {
            tree: self.tree,
            packages: self.packages,
            rules,
        };
        let places = [&original, &place].into_iter().chain(&healed);
        let notes: BTreeSet<String> = places.flat_map(Place::notes).collect();
        let names = self.suite.checks.iter().map(|check| check.name.clone());
        let judged = names.zip(verified.judged.into_values()).collect();
        let image = Image::of(self.session);
        let slim = Image {
            reference: format!("{} without what goes", image.reference),
            ..image.clone()
        };
        let notes = notes.into_iter().collect();
        let report = Verification::new(command_line(), [image, slim], judged, notes);
        let report = report.with_files(&origins, &missed, &verified.back, &coverage);
        Ok((outcome, report))
    }

    fn without(
        &self,
        original: &Place<'_>,
        removed: &Removed<'_>,
    ) -> Result<Unpacked, CommandError> {
        let paths: BTreeSet<PathBuf> = removed.topmost();
        self.roots.without(&original.unpacked().root, &paths)
    }
}
