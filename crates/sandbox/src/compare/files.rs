//! What two runs left behind: each path that one of them changed is compared as it is in the end. A program that
//! writes what the other root had from the beginning, byte for byte, does nothing different.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::variation::{Fit, fit};
use super::{Before, Compared, Comparison, Difference, Variation};
use crate::{Now, Outcome};

/// What a run changed, by path.
type Changes<'a> = BTreeMap<&'a Path, &'a Now>;

/// Compares the paths that were changed.
pub(super) fn compare(compared: &Compared<'_>, comparison: &mut Comparison) {
    let runs: Vec<Changes<'_>> = compared.originals.iter().map(changes).collect();
    let run_of_other = changes(compared.other);
    let paths: BTreeSet<&Path> = runs
        .iter()
        .chain([&run_of_other])
        .flat_map(|run| run.keys().copied())
        .filter(|path| !(compared.ignored)(path.as_os_str().as_bytes()))
        .collect();
    let mut only_sometimes = BTreeSet::new();
    for path in paths {
        let ends: Vec<Option<Now>> = runs
            .iter()
            .map(|run| end(run, path, compared.before))
            .collect();
        let other = end(&run_of_other, path, compared.other_before);
        // Names that are made up at run time are looked at together.
        let is_new = (compared.before)(path).is_none() && (compared.other_before)(path).is_none();
        if is_new && ends.contains(&None) {
            only_sometimes.insert(path);
        } else {
            one(compared, path, &ends, other, comparison);
        }
    }
    names(&runs, &run_of_other, &only_sometimes, comparison);
}

fn changes(run: &Outcome) -> Changes<'_> {
    run.changes
        .iter()
        .map(|change| (change.path.as_path(), &change.now))
        .collect()
}

/// What is at a path after a run.
fn end(run: &Changes<'_>, path: &Path, before: Before<'_>) -> Option<Now> {
    match run.get(path) {
        Some(now) => Some((*now).clone()).filter(|now| *now != Now::Removed),
        None => before(path),
    }
}

fn one(
    compared: &Compared<'_>,
    path: &Path,
    ends: &[Option<Now>],
    other: Option<Now>,
    comparison: &mut Comparison,
) {
    let varies = ends.iter().any(|end| *end != ends[0]);
    let is_new_beginning = || {
        let before = (compared.before)(path);
        before.is_some() && before != ends[0] && (compared.other_before)(path).is_none()
    };
    let path = path.to_owned();
    if ends.contains(&other) {
        if varies {
            comparison.variations.push(Variation::File { path });
        }
    } else if ends
        .iter()
        .any(|end| is_alike(end.as_ref(), other.as_ref()))
        && varies
    {
        comparison.variations.push(Variation::File { path });
    } else if ends
        .iter()
        .any(|end| is_alike(end.as_ref(), other.as_ref()))
        && is_new_beginning()
    {
        comparison.variations.push(Variation::NewBeginning { path });
    } else {
        let original = ends[0].clone();
        comparison.differences.push(Difference::File {
            path,
            original,
            other,
        });
    }
}

/// Whether two are the same but for what is in them.
fn is_alike(one: Option<&Now>, two: Option<&Now>) -> bool {
    match (one, two) {
        (Some(Now::File { mode: one, .. }), Some(Now::File { mode: two, .. })) => one == two,
        (Some(Now::Symlink { .. }), Some(Now::Symlink { .. })) => true,
        (one, two) => one == two,
    }
}

/// Compares names of new paths that not every run of the original makes.
fn names(
    runs: &[Changes<'_>],
    other: &Changes<'_>,
    paths: &BTreeSet<&Path>,
    comparison: &mut Comparison,
) {
    let made = |run: &Changes<'_>| -> Vec<&[u8]> {
        let is_made = |path: &&&Path| end(run, path, &|_| None).is_some();
        let made = paths.iter().filter(is_made);
        made.map(|path| path.as_os_str().as_bytes()).collect()
    };
    let of_runs: Vec<_> = runs.iter().map(made).collect();
    let of_runs: Vec<&[&[u8]]> = of_runs.iter().map(Vec::as_slice).collect();
    let of_other = made(other);
    if of_runs.contains(&of_other.as_slice()) || fit(&of_runs, &of_other) != Fit::No {
        let varying = of_runs[0].iter().map(|path| to_path(path));
        comparison
            .variations
            .extend(varying.map(|path| Variation::File { path }));
        return;
    }
    let known: BTreeSet<&[u8]> = of_runs.iter().flat_map(|run| run.iter().copied()).collect();
    let lacking = of_runs[0].iter().filter(|path| !of_other.contains(path));
    let new = of_other.iter().filter(|path| !known.contains(*path));
    for path in lacking.chain(new).map(|path| to_path(path)) {
        let [original, other] = [&runs[0], other].map(|run| end(run, &path, &|_| None));
        comparison.differences.push(Difference::File {
            path,
            original,
            other,
        });
    }
}

fn to_path(bytes: &[u8]) -> PathBuf {
    std::ffi::OsStr::from_bytes(bytes).into()
}
