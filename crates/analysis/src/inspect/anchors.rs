//! Where any of many texts may stand, told at the speed of memory.
//!
//! An automaton for hundreds of texts takes each byte by itself. Vector instructions look for some
//! dozens of short ones at once (Teddy, of the aho-corasick crate), so a few pieces are chosen that
//! every text holds one of, as `.tes` of `numpy.tests` and `scipy.tests`; only around them the
//! automaton is needed.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use rustc_hash::FxHashSet;

/// The length of a piece in bytes: as much as Teddy looks at.
const PIECE: usize = 4;
/// The most pieces that Teddy looks for at once.
const AT_ONCE: usize = 64;
/// So many more do not slow a search for short ones down much.
const FEW: usize = 16;
/// The most pieces in all: twice over a window is still many times as fast as the automaton.
const MAX_PIECES: usize = 2 * AT_ONCE;
/// By how much a piece is taken to be rarer that is not a part of a word.
const RARER: usize = 4;

/// Pieces of texts.
#[derive(Debug)]
pub(super) struct Anchors(Vec<Share>);

/// As many pieces as are looked for at once.
#[derive(Debug)]
struct Share {
    searcher: Searcher,
    /// For each piece how many bytes of a text stand before its beginning, and from there on, at most.
    reach: Vec<(usize, usize)>,
}

impl Anchors {
    /// Chooses pieces; `None` when too many would be needed, or the machine has no such instructions.
    pub(super) fn new(texts: &[&[u8]]) -> Option<Self> {
        let pieces = pieces(texts)?;
        let shares = shares(&pieces).map(|pieces| Share::new(pieces, texts));
        shares.collect::<Option<_>>().map(Self)
    }

    /// As [`Anchors::stretches`]; where there are no pieces, all of it.
    pub(super) fn stretches_or_all(
        anchors: Option<&Self>,
        window: &[u8],
        start: usize,
    ) -> Vec<Range<usize>> {
        anchors.map_or_else(
            || std::iter::once(start..window.len()).collect(),
            |anchors| anchors.stretches(window, start),
        )
    }

    /// The stretches of a window from `start` on that texts lie in: every one of them as a whole, and in
    /// one stretch with those that it overlaps.
    fn stretches(&self, window: &[u8], start: usize) -> Vec<Range<usize>> {
        let shares = self.0.iter().map(|share| share.stretches(window, start));
        match shares.collect::<Vec<_>>().as_mut_slice() {
            [all] => std::mem::take(all),
            shares => {
                let mut all = shares.concat();
                all.sort_unstable_by_key(|stretch| stretch.start);
                let mut out = Vec::new();
                for stretch in all {
                    join(&mut out, stretch);
                }
                out
            }
        }
    }
}

impl Share {
    fn new(pieces: &[&[u8]], texts: &[&[u8]]) -> Option<Self> {
        let searcher = Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .builder()
            .extend(pieces)
            .build()?;
        let reach = pieces.iter().map(|piece| reach(piece, texts)).collect();
        Some(Self { searcher, reach })
    }

    fn stretches(&self, window: &[u8], start: usize) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut from = start;
        // Pieces may overlap, so the search goes on behind the first byte of each.
        while let Some(hit) = self.searcher.find_in(window, (from..window.len()).into()) {
            from = hit.start() + 1;
            let (before, after) = self.reach[hit.pattern().as_usize()];
            let stretch = hit.start().saturating_sub(before).max(start)
                ..(hit.start() + after).min(window.len());
            join(&mut out, stretch);
        }
        out
    }
}

/// Pieces that are looked for at once. Teddy compares as many bytes as its shortest piece has, so short ones, which
/// come first, are by themselves or with what would be left over: 4.0 GB/s for 67 pieces and one of three
/// bytes, and 1.9 where that one is among 64.
fn shares<'p, 't>(pieces: &'p [&'t [u8]]) -> impl Iterator<Item = &'p [&'t [u8]]> {
    let short = pieces.partition_point(|piece| piece.len() < PIECE);
    let rest = (pieces.len() - short) % AT_ONCE;
    let with_short = if short > 0 && rest <= FEW { rest } else { 0 };
    let (first, others) = pieces.split_at(short + with_short);
    let first = std::iter::once(first).filter(|first| !first.is_empty());
    first.chain(others.chunks(AT_ONCE))
}

/// Adds a stretch, in one with those before it that it touches.
fn join(stretches: &mut Vec<Range<usize>>, mut new: Range<usize>) {
    while let Some(last) = stretches.pop_if(|last| last.end >= new.start) {
        new = last.start.min(new.start)..last.end.max(new.end);
    }
    stretches.push(new);
}

/// Pieces of which every text holds one, short ones first. No piece begins another one: texts that are too short for a
/// piece are taken as they are, and those that hold them need no other.
fn pieces<'t>(texts: &[&'t [u8]]) -> Option<Vec<&'t [u8]>> {
    let short = texts.iter().copied().filter(|text| text.len() < PIECE);
    let mut chosen: Vec<&[u8]> = short.collect();
    chosen.sort_unstable();
    chosen.dedup();
    if chosen.len() > MAX_PIECES || chosen.first().is_some_and(|text| text.is_empty()) {
        return None;
    }
    let holds = |text: &[u8], piece: &[u8]| memchr::memmem::find(text, piece).is_some();
    let mut open: Vec<&[u8]> = texts.to_vec();
    open.retain(|text| !chosen.iter().any(|piece| holds(text, piece)));
    let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
    for piece in open.iter().flat_map(|text| parts(text)) {
        *counts.entry(piece).or_default() += 1;
    }
    while !open.is_empty() {
        let (best, _) = counts
            .iter()
            .max_by_key(|(piece, count)| **count * rarity(piece))?;
        let best = *best;
        chosen.push(best);
        if chosen.len() > MAX_PIECES {
            return None;
        }
        let (done, left): (Vec<&[u8]>, _) = open.into_iter().partition(|text| holds(text, best));
        for piece in done.iter().flat_map(|text| parts(text)) {
            counts.entry(piece).and_modify(|count| *count -= 1);
        }
        open = left;
    }
    Some(chosen)
}

/// Every piece of a text once.
fn parts(text: &[u8]) -> FxHashSet<&[u8]> {
    text.windows(PIECE).collect()
}

fn rarity(piece: &[u8]) -> usize {
    match piece.iter().all(u8::is_ascii_alphabetic) {
        true => 1,
        false => RARER,
    }
}

fn reach(piece: &[u8], texts: &[&[u8]]) -> (usize, usize) {
    let mut reach = (0, 0);
    for text in texts {
        for (at, _) in text
            .windows(piece.len())
            .enumerate()
            .filter(|(_, part)| *part == piece)
        {
            reach = (reach.0.max(at), reach.1.max(text.len() - at));
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_found_whole_whatever_it_overlaps() {
        let texts: [&[u8]; 5] = [
            b"/a/",
            b"numpy.tests",
            b"x.tests.y",
            b"sts.other",
            b"/a/b/sts",
        ];
        let anchors = Anchors::new(&texts).unwrap();
        for text in texts {
            let window = [b"-- ", text, b" --"].concat();
            assert_eq!(anchors.stretches(&window, 0).len(), 1);
            let found = anchors.stretches(&window, 0).remove(0);
            assert!(found.start <= 3 && found.end >= 3 + text.len(), "{found:?}");
        }
        // The stretch of the last one begins before that of the ones before it.
        let window = b"-- /a/b/sts.other -- /a/ --";
        let found = anchors.stretches(window, 0);
        assert!(
            found.windows(2).all(|pair| pair[0].end < pair[1].start),
            "{found:?}"
        );
        assert!(found[0].start <= 3 && found[0].end >= 17, "{found:?}");
    }

    #[test]
    fn texts_are_found_in_every_share() {
        let texts: Vec<String> = (0..AT_ONCE + 3).map(|n| format!("{n:04}")).collect();
        let mut texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        texts.push(b"apt");
        let anchors = Anchors::new(&texts).unwrap();
        assert_eq!(anchors.0.len(), 2);
        for text in &texts {
            let window = [b"-- ", *text, b" --"].concat();
            let found = anchors.stretches(&window, 0);
            assert_eq!(found, vec![3..3 + text.len(); 1], "{text:?}");
        }
        // One stretch of pieces of both shares, and the window's beginning.
        let [first, .., last, _] = texts.as_slice() else {
            panic!("there are some")
        };
        let window = [*first, b"apt", *last, b" ", *first].concat();
        assert_eq!(anchors.stretches(&window, 1), [4..11, 12..16]);
        assert_eq!(anchors.stretches(&window, 0), [0..11, 12..16]);
    }

    #[test]
    fn texts_without_anything_in_common_are_too_many() {
        let texts: Vec<String> = (1000..1000 + MAX_PIECES + 1)
            .map(|n| n.to_string())
            .collect();
        let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        assert!(pieces(&texts).is_none());
        assert_eq!(
            pieces(&texts[1..]).map(|chosen| chosen.len()),
            Some(MAX_PIECES)
        );
        assert!(pieces(&[b""]).is_none());
    }
}
