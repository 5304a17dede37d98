//! What lines that vary have in common: the narrowest description that all runs of the original fulfil, and whether
//! another run fulfils it too.

use std::collections::BTreeSet;

use super::Extent;
use super::template::{Template, form};

/// Runs of the original from which on it is seen whether a description foretells a run that it was not made from.
const ENOUGH: usize = 3;

/// Whether lines fit to what varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// They do not.
    No,
    /// They do, compared so far.
    Yes(Extent),
}

impl Fit {
    /// How far the lines were compared.
    pub(super) fn extent(self) -> Extent {
        match self {
            Self::No => Extent::Reordered,
            Self::Yes(extent) => extent,
        }
    }

    fn when(fits: bool, extent: Extent) -> Self {
        if fits { Self::Yes(extent) } else { Self::No }
    }
}

/// Lines with their ends.
pub(super) type Lines<'a> = &'a [&'a [u8]];

/// A description of what runs have in common: nothing when they have not, else whether another run has it too.
type Description = fn(&[Lines<'_>], Lines<'_>) -> Option<bool>;

/// From the narrowest to the widest.
const DESCRIPTIONS: [(Description, Extent); 4] = [
    (reordered, Extent::Reordered),
    (masked, Extent::Masked),
    (same_forms, Extent::Masked),
    (known_forms, Extent::Masked),
];

/// Whether lines fit to those of the original's runs, which differ.
pub(super) fn fit(runs: &[Lines<'_>], other: Lines<'_>) -> Fit {
    for (description, extent) in DESCRIPTIONS {
        if let Some(fits) = description(runs, other).filter(|_| foretells(description, runs)) {
            return Fit::when(fits, extent);
        }
    }
    let is_there = !other.is_empty() || runs.iter().any(|run| run.is_empty());
    Fit::when(runs.len() >= ENOUGH && is_there, Extent::Presence)
}

/// Whether the description made from all runs but one always fits to that one; too few runs cannot tell.
fn foretells(description: Description, runs: &[Lines<'_>]) -> bool {
    runs.len() < ENOUGH
        || (0..runs.len()).all(|left_out| {
            let mut rest = runs.to_vec();
            let run = rest.remove(left_out);
            description(&rest, run) == Some(true)
        })
}

/// The same lines in another order.
pub(super) fn reordered(runs: &[Lines<'_>], other: Lines<'_>) -> Option<bool> {
    fn sorted<'a>(lines: Lines<'a>) -> Vec<&'a [u8]> {
        let mut lines = lines.to_vec();
        lines.sort_unstable();
        lines
    }
    same_in_all(runs, other, sorted)
}

/// Each line at its place, but for words and numbers in it.
fn masked(runs: &[Lines<'_>], other: Lines<'_>) -> Option<bool> {
    let (first, more) = runs.split_first()?;
    let is_even = !first.is_empty() && more.iter().all(|run| run.len() == first.len());
    is_even.then(|| {
        let fits = |(at, line): (usize, &&[u8])| {
            let lines: Vec<&[u8]> = runs.iter().map(|run| run[at]).collect();
            Template::new(&lines).fits(line)
        };
        other.len() == first.len() && other.iter().enumerate().all(fits)
    })
}

/// Lines of the same forms, each as often, in any order.
fn same_forms(runs: &[Lines<'_>], other: Lines<'_>) -> Option<bool> {
    same_in_all(runs, other, sorted_forms)
}

/// Lines of the same forms, each as often, in an order that varies in the original.
pub(super) fn reordered_forms(runs: &[Lines<'_>], other: Lines<'_>) -> Fit {
    let forms = |lines: Lines<'_>| lines.iter().map(|line| form(line)).collect::<Vec<_>>();
    let varies = runs.iter().any(|run| forms(run) != forms(runs[0]));
    Fit::when(
        varies && same_forms(runs, other) == Some(true),
        Extent::Masked,
    )
}

/// Lines of forms that the others have too.
fn known_forms(runs: &[Lines<'_>], other: Lines<'_>) -> Option<bool> {
    let forms: Vec<BTreeSet<_>> = runs
        .iter()
        .map(|run| run.iter().map(|line| form(line)).collect())
        .collect();
    let union: BTreeSet<_> = forms.iter().flatten().cloned().collect();
    // A form that one run alone has is not known of the others.
    let is_shared = |form: &Vec<u8>| forms.iter().filter(|run| run.contains(form)).count() > 1;
    let is_missing = other.is_empty() && !runs.iter().any(|run| run.is_empty());
    union
        .iter()
        .all(is_shared)
        .then(|| !is_missing && other.iter().all(|line| union.contains(&form(line))))
}

fn sorted_forms(lines: Lines<'_>) -> Vec<Vec<u8>> {
    let mut forms: Vec<_> = lines.iter().map(|line| form(line)).collect();
    forms.sort_unstable();
    forms
}

fn same_in_all<'a, T: Eq>(
    runs: &[Lines<'a>],
    other: Lines<'a>,
    view: fn(Lines<'a>) -> T,
) -> Option<bool> {
    let first = view(runs.first()?);
    let is_same = runs.iter().skip(1).all(|run| view(run) == first);
    is_same.then(|| view(other) == first)
}
