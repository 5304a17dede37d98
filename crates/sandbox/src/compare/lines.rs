//! Lines of output: which ones all runs of the original have in common, and whether what stands between them fits.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::Extent;
use super::variation::{self, Fit, Lines};

/// Lines between the common beginning and end that are aligned one by one; more are one stretch. Aligning takes
/// time with the number of lines that differ times that of all.
const MAX_ALIGNED: usize = 5_000;

/// Lines of each side of a diff that are kept: more than anybody reads, however much a program prints.
const MAX_ROWS: usize = 500;

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub mark: Mark,
    /// The line, with its end.
    pub line: Vec<u8>,
}

/// Where a line of a diff stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In both.
    Both,
    /// In the original only.
    Original,
    /// In the other root only.
    Other,
    /// Lines are left out here.
    Gap,
}

/// What came out of a comparison of lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// How many lines vary in the original, and how far they were compared.
    pub(super) varies: Option<(usize, Extent)>,
    /// What differs; empty when nothing does.
    pub(super) rows: Vec<Row>,
}

/// Lines with their ends: `\n`, `\r\n`, or the `\r` of progress that is written over.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = match end {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, after) = rest.split_at(length);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// A line without its end.
pub(super) fn body(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    &line[..end.map_or(0, |at| at + 1)]
}

/// Holds the lines of another run against those of the original's runs.
pub(super) fn compare(originals: &[Lines<'_>], other: Lines<'_>) -> Found {
    let mut found = described(originals, other);
    let mut counts = [0; 2];
    found.rows.retain(|row| {
        let side = match row.mark {
            Mark::Original => 0,
            Mark::Other => 1,
            Mark::Both | Mark::Gap => return counts.iter().any(|count| *count < MAX_ROWS),
        };
        counts[side] += 1;
        counts[side] <= MAX_ROWS
    });
    match originals.contains(&other) {
        true => Found {
            rows: Vec::new(),
            ..found
        },
        false => found,
    }
}

fn described(originals: &[Lines<'_>], other: Lines<'_>) -> Found {
    let Some((first, more)) = originals.split_first() else {
        return Found::default();
    };
    if more.iter().all(|run| run == first) {
        let rows = if *first == other {
            Vec::new()
        } else {
            diff(first, other)
        };
        return Found { varies: None, rows };
    }
    // The order of all lines may be what varies, as with programs that work in parallel.
    if let Some(fits) = variation::reordered(originals, other) {
        let rows = if fits { Vec::new() } else { diff(first, other) };
        let lines = first.iter().zip(more[0]).filter(|(a, b)| a != b).count();
        return Found {
            varies: Some((lines, Extent::Reordered)),
            rows,
        };
    }
    between(originals, other)
}

/// Compares what stands between the lines that all runs of the original have in common.
fn between(originals: &[Lines<'_>], other: Lines<'_>) -> Found {
    let common = originals[1..]
        .iter()
        .fold(originals[0].to_vec(), |common, run| {
            let pairs = pairs(&common, run);
            let kept = pairs.into_iter().map(|(at, _)| common[at]);
            kept.collect()
        });
    if pairs(&common, other).len() < common.len() {
        return unordered(originals, other);
    }
    let of_runs: Vec<Vec<Lines<'_>>> = originals.iter().map(|run| gaps(&common, run)).collect();
    let mut varies: Option<(usize, Extent)> = None;
    let mut rows = Vec::new();
    for (number, other) in gaps(&common, other).into_iter().enumerate() {
        let runs: Vec<Lines<'_>> = of_runs.iter().map(|run| run[number]).collect();
        let longest = runs.iter().map(|run| run.len()).max().unwrap_or(0);
        if longest == 0 && other.is_empty() {
            continue;
        }
        let fit = variation::fit(&runs, other);
        if longest > 0 {
            let (lines, extent) = varies.unwrap_or((0, Extent::Reordered));
            varies = Some((lines + longest, extent.max(fit.extent())));
        }
        if fit == Fit::No {
            let before = number.checked_sub(1).map(|at| &common[at]);
            rows.extend(hunk(before, runs[0], other, common.get(number)));
        }
    }
    Found { varies, rows }
}

/// Compares a run that lacks a line that all runs of the original have, or has it elsewhere: lines whose order and whose
/// numbers vary at once.
fn unordered(originals: &[Lines<'_>], other: Lines<'_>) -> Found {
    let rows = match variation::reordered_forms(originals, other) {
        Fit::No => diff(originals[0], other),
        Fit::Yes(_) => Vec::new(),
    };
    let lines = originals[0]
        .iter()
        .zip(originals[1])
        .filter(|(a, b)| a != b);
    let varies = Some((lines.count(), Extent::Masked));
    Found { varies, rows }
}

/// A stretch of a diff with the common line before and behind it.
fn hunk(
    before: Option<&&[u8]>,
    original: Lines<'_>,
    other: Lines<'_>,
    after: Option<&&[u8]>,
) -> Vec<Row> {
    let context = |line: Option<&&[u8]>| line.map(|line| row(Mark::Both, line));
    let mut rows: Vec<Row> = context(before).into_iter().collect();
    let inner = diff(original, other);
    rows.extend(inner.into_iter().filter(|row| row.mark != Mark::Gap));
    rows.extend(context(after));
    rows.push(row(Mark::Gap, &[]));
    rows
}

fn row(mark: Mark, line: &[u8]) -> Row {
    Row {
        mark,
        line: line.to_vec(),
    }
}

/// What differs, with a line around each stretch.
fn diff(original: Lines<'_>, other: Lines<'_>) -> Vec<Row> {
    let pairs = pairs(original, other);
    let ends = pairs.iter().copied().chain([(original.len(), other.len())]);
    let mut rows = Vec::new();
    let mut next = (0, 0);
    for (old, new) in ends {
        if (old, new) != next {
            if next.0 > 0 && next.1 > 0 {
                rows.push(row(Mark::Both, original[next.0 - 1]));
            }
            rows.extend(
                original[next.0..old]
                    .iter()
                    .map(|line| row(Mark::Original, line)),
            );
            rows.extend(other[next.1..new].iter().map(|line| row(Mark::Other, line)));
            rows.extend(original.get(old).map(|line| row(Mark::Both, line)));
            rows.push(row(Mark::Gap, &[]));
        }
        next = (old + 1, new + 1);
    }
    rows
}

/// The lines of a run before, between and behind the common ones, which it has all of.
fn gaps<'a>(common: Lines<'_>, run: Lines<'a>) -> Vec<Lines<'a>> {
    let mut gaps = Vec::with_capacity(common.len() + 1);
    let mut next = 0;
    for (_, at) in pairs(common, run) {
        gaps.push(&run[next..at]);
        next = at + 1;
    }
    gaps.push(&run[next..]);
    // Where the alignment was cut short, all of it is one stretch at the end.
    gaps.resize(common.len() + 1, &[]);
    gaps
}

/// The places of a longest common subsequence.
pub(super) fn pairs<T: Eq + std::hash::Hash + Ord>(one: &[T], two: &[T]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&T, &T)| a == b;
    let before = one.iter().zip(two).take_while(same).count();
    let (rest_one, rest_two) = (&one[before..], &two[before..]);
    let after = rest_one
        .iter()
        .rev()
        .zip(rest_two.iter().rev())
        .take_while(same)
        .count();
    let rest_one = &rest_one[..rest_one.len() - after];
    let rest_two = &rest_two[..rest_two.len() - after];
    let mut pairs: Vec<_> = (0..before).map(|at| (at, at)).collect();
    if rest_one.len().max(rest_two.len()) <= MAX_ALIGNED {
        for op in capture_diff_slices(Algorithm::Myers, rest_one, rest_two) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            } = op
            {
                pairs.extend((0..len).map(|at| (before + old_index + at, before + new_index + at)));
            }
        }
    }
    pairs.extend((0..after).map(|at| (one.len() - after + at, two.len() - after + at)));
    pairs
}
