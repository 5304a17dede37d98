//! Tries a result before it is written: checks run in the original and in what would be written.

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::Packages;
use ounce_image::{Layer, NodeId, Tree};

use super::command_line;
use crate::checks::Check;
use crate::error::CommandError;
use crate::report::model::Image;
use crate::report::verify::Verification;
use crate::report::verify::found::Origins;
use crate::report::verify::model::Answer;
use crate::roots::{Roots, Unpacked};
use crate::session::Session;
use crate::verify::{Case, Coverage, Place, Rebuilt, Removed, Suite};

/// What is tried with, and how.
pub(super) struct Trial<'a> {
    pub(super) session: &'a Session,
    pub(super) tree: &'a Tree<'a>,
    pub(super) packages: &'a Packages,
    pub(super) checks: &'a [Check],
    pub(super) roots: &'a Roots,
    /// Whether what checks miss shall stay.
    pub(super) heal: bool,
}

/// A result that is not written yet.
pub(super) trait Candidate: Sized {
    /// Its layers.
    ///
    /// # Errors
    /// They cannot be made.
    fn layers(&self) -> Result<Vec<Layer>, CommandError>;

    /// Names of the original that it has with other content, which checks may notice.
    fn changed(&self) -> Vec<NodeId>;

    /// The rule that takes each name away, where a rule does.
    fn rules(&self) -> BTreeMap<NodeId, &'static str>;

    /// Its files, by those of the original and what of them it lacks.
    ///
    /// # Errors
    /// They cannot be laid out.
    fn unpacked(
        &self,
        roots: &Roots,
        original: &Unpacked,
        removed: &Removed<'_>,
    ) -> Result<Unpacked, CommandError>;

    /// The same with these names of the original, each with the check that missed it.
    ///
    /// # Errors
    /// It cannot be made.
    fn with(&self, missed: &BTreeMap<NodeId, &Check>) -> Result<Self, CommandError>;
}

impl<'a> Trial<'a> {
    /// Runs all checks. The candidate comes back as it was, or as it has to be for the checks.
    ///
    /// # Errors
    /// The sandbox cannot be made, or Ctrl-C was pressed.
    pub(super) fn prove<C: Candidate>(&self, first: C) -> Result<(C, Verification), CommandError> {
        let original = Place::new(self.session, self.roots)?;
        let removed = self.removed(&first)?;
        let suite = Suite {
            checks: self.checks,
            jobs: 1,
        };
        let case = Case {
            suite,
            original: &original,
            removed: &removed,
            packages: self.packages,
        };
        let place = original.with(first.unpacked(self.roots, original.unpacked(), &removed)?);
        let mut verified = case.verify(&place)?;
        let rules = first.rules();
        let mut candidate = first;
        let mut healed = None;
        if self.heal {
            let rebuild = |back: &BTreeMap<NodeId, usize>| {
                let missed = back
                    .iter()
                    .map(|(node, check)| (*node, &self.checks[*check]));
                candidate = candidate.with(&missed.collect())?;
                let removed = self.removed(&candidate)?;
                let unpacked = candidate.unpacked(self.roots, original.unpacked(), &removed)?;
                let place = original.with(unpacked);
                Ok(Rebuilt { place, removed })
            };
            healed = case.heal(&mut verified, rebuild)?;
        }
        let slim_layers = candidate.layers()?;
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
        let names = self.checks.iter().map(|check| check.name.clone());
        let judged = names.zip(verified.judged.into_values()).collect();
        let image = Image::of(self.session);
        let slim = Image {
            reference: format!("{} without what goes", image.reference),
            ..image.clone()
        };
        let notes = notes.into_iter().collect();
        let report = Verification::new(command_line(), [image, slim], judged, notes);
        let report = report.with_files(&origins, &missed, &verified.back, &coverage);
        Ok((candidate, report))
    }

    fn removed<C: Candidate>(&self, candidate: &C) -> Result<Removed<'a>, CommandError> {
        let layers = candidate.layers()?;
        let removed = Removed::between(self.tree, &Tree::build(&layers)?);
        Ok(removed.with_changed(candidate.changed()))
    }
}

/// Says that no image was written where a check differs.
pub(super) fn same(verification: &Verification, heal: bool) -> Result<(), CommandError> {
    let why = "a check differs, so no image was written".to_owned();
    Err(match (verification.answer, heal) {
        (Answer::Same, _) => return Ok(()),
        (Answer::Broken, _) => CommandError::input("a check fails in the original already")
            .hint("correct the check, or leave it out; no image was written"),
        (Answer::Different, true) => CommandError::no(&[why]),
        (Answer::Different, false) => {
            CommandError::no(&[why]).hint("--heal keeps what the checks miss")
        }
    })
}
