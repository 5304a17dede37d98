//! Whether two files hold the same bytes, read only where nothing else tells.

use std::io;
use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::NamePair;
use crate::blob::{Blob, CHUNK};
use crate::progress::Progress;
use crate::tar::EntryKind;
use crate::tree::{EntryId, LeafId, Tree};

/// The pairs of regular files at one name whose bytes differ.
pub(super) fn differing(
    before: &Tree<'_>,
    after: &Tree<'_>,
    pairs: &[NamePair],
    progress: &Progress,
) -> io::Result<FxHashSet<(LeafId, LeafId)>> {
    let mut out = FxHashSet::default();
    let (mut seen, mut unknown) = (FxHashSet::default(), Vec::new());
    for pair in pairs {
        let old = pair.before.and_then(|node| before.leaf_of(node));
        let new = pair.after.and_then(|node| after.leaf_of(node));
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        let (a, b) = (before.leaf(old).data, after.leaf(new).data);
        let (x, y) = (before.entry(a), after.entry(b));
        if (&x.kind, &y.kind) != (&EntryKind::File, &EntryKind::File) || !seen.insert((old, new)) {
            continue;
        }
        if x.size != y.size {
            out.insert((old, new));
        } else if !same_entry(before, a, after, b) {
            progress.expect(x.stored.max(y.stored));
            unknown.push((old, new));
        }
    }
    let read: Vec<_> = unknown
        .into_par_iter()
        .map(|(old, new)| {
            let same = same_bytes(&before.read(old), &after.read(new), progress)?;
            Ok((!same).then_some((old, new)))
        })
        .collect::<io::Result<_>>()?;
    out.extend(read.into_iter().flatten());
    Ok(out)
}

/// Whether two entries are one and the same in layers with the same digest.
fn same_entry(before: &Tree<'_>, a: EntryId, after: &Tree<'_>, b: EntryId) -> bool {
    let old = before.layers()[a.layer as usize].diff_id;
    let new = after.layers()[b.layer as usize].diff_id;
    old.is_some() && old == new && a.index == b.index
}

/// Compares two blobs of the same length. What is a hole in both is not read: sparse files may
/// claim terabytes.
fn same_bytes(a: &Blob, b: &Blob, progress: &Progress) -> io::Result<bool> {
    let mut ranges = [a.data_ranges(), b.data_ranges()].concat();
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges.dedup();
    for range in ranges {
        if !same_range(a, b, range, progress)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_range(a: &Blob, b: &Blob, range: Range<u64>, progress: &Progress) -> io::Result<bool> {
    let len = (range.end - range.start).min(CHUNK as u64) as usize;
    let (mut x, mut y) = (vec![0; len], vec![0; len]);
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(CHUNK as u64) as usize;
        a.read_exact_at(at, &mut x[..len])?;
        b.read_exact_at(at, &mut y[..len])?;
        progress.advance(len as u64)?;
        if x[..len] != y[..len] {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}
