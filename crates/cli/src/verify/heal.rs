//! Puts back what checks missed, until they do the same or nothing helps.

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::Packages;
use ounce_image::NodeId;

use super::missing::{Missed, Removed};
use super::suite::{Recorded, Suite};
use super::{Judgement, Place, Verdict};
use crate::error::CommandError;

/// The most rounds: a program may stop at the first file that it misses, so each may bring to light only one more.
const MAX_ROUNDS: usize = 50;

/// Two images and the checks that both shall do alike.
pub(crate) struct Case<'a, 'p> {
    /// The checks.
    pub(crate) suite: Suite<'a>,
    /// The image that is right by definition.
    pub(crate) original: &'a Place<'p>,
    /// What the other one lacks.
    pub(crate) removed: &'a Removed<'a>,
    /// The packages of the original.
    pub(crate) packages: &'a Packages,
}

/// The other image with more names of the original.
pub(crate) struct Rebuilt<'a, 'p> {
    /// Where checks run in it.
    pub(crate) place: Place<'p>,
    /// What it still lacks.
    pub(crate) removed: Removed<'a>,
}

/// What came out.
pub(crate) struct Verified {
    /// For each check, by number.
    pub(crate) judged: BTreeMap<usize, Judgement>,
    /// What each touched.
    pub(crate) recorded: BTreeMap<usize, Recorded>,
    /// The names of the original that were put back, with the number of the first check that missed them.
    pub(crate) back: BTreeMap<NodeId, usize>,
}

impl Verified {
    /// The numbers of the checks that differ.
    pub(crate) fn different(&self) -> Vec<usize> {
        let is_different =
            |judgement: &Judgement| matches!(judgement.verdict, Verdict::Different(_));
        let judged = self.judged.iter();
        judged
            .filter(|(_, judgement)| is_different(judgement))
            .map(|(number, _)| *number)
            .collect()
    }
}

impl<'a, 'p> Case<'a, 'p> {
    /// Runs all checks.
    ///
    /// # Errors
    /// The sandbox cannot be made, or Ctrl-C was pressed.
    pub(crate) fn verify(&self, slim: &Place<'p>) -> Result<Verified, CommandError> {
        let numbers: Vec<usize> = (0..self.suite.checks.len()).collect();
        Ok(Verified {
            judged: self.suite.judge(&numbers, self.original, slim)?,
            recorded: self.suite.record(&numbers, self.original, slim)?,
            back: BTreeMap::new(),
        })
    }

    /// What a check missed.
    pub(crate) fn missed(&self, verified: &Verified, number: usize) -> Missed {
        let [original, slim] = &verified.recorded[&number];
        self.removed
            .missed(original.as_ref().ok(), slim.as_ref().ok())
    }

    /// Puts back what checks that differ missed. `rebuild` makes the slim image with these names of the original, each with the
    /// number of the check that missed it first, and with what they need. At the end all checks have run in the last image that it made, which is returned; there is none when nothing was put back.
    ///
    /// # Errors
    /// As [`Case::verify`]; what `rebuild` gives.
    pub(crate) fn heal(
        &self,
        verified: &mut Verified,
        mut rebuild: impl FnMut(&BTreeMap<NodeId, usize>) -> Result<Rebuilt<'a, 'p>, CommandError>,
    ) -> Result<Option<Place<'p>>, CommandError> {
        let mut healed = None;
        let mut there = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let different = verified.different();
            let more = self.next(verified, &different, &there);
            if more.is_empty() {
                break;
            }
            verified.back.extend(more);
            let Rebuilt { place, removed } = rebuild(&verified.back)?;
            there = self.removed.back(&removed);
            there.extend(verified.back.keys());
            verified
                .judged
                .extend(self.suite.judge(&different, self.original, &place)?);
            verified
                .recorded
                .extend(self.suite.record(&different, self.original, &place)?);
            healed = Some(place);
        }
        if let Some(place) = &healed {
            let back = std::mem::take(&mut verified.back);
            *verified = Verified {
                back,
                ..self.verify(place)?
            };
        }
        Ok(healed)
    }

    /// What to put back for the checks that differ, with the check, when some names are there again.
    fn next(
        &self,
        verified: &Verified,
        different: &[usize],
        there: &BTreeSet<NodeId>,
    ) -> BTreeMap<NodeId, usize> {
        let mut out = BTreeMap::new();
        for number in different {
            let missed = self.missed(verified, *number);
            for node in self.removed.next(&missed, there, self.packages) {
                out.entry(node).or_insert(*number);
            }
        }
        out
    }
}
