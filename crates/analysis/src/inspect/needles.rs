//! Which of some byte strings a file holds, wherever they stand.

use std::collections::BTreeSet;
use std::io;

use aho_corasick::{AhoCorasick, MatchKind};
use ounce_image::Blob;

/// How much is searched at a time.
const WINDOW: usize = 1 << 20;

/// Byte strings to look for.
#[derive(Debug)]
pub struct Needles {
    searcher: AhoCorasick,
    longest: usize,
}

impl Needles {
    /// Prepares to look for these; `None` when they are too many to be looked for at once.
    pub fn new(needles: &[Vec<u8>]) -> Option<Self> {
        let searcher = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(needles)
            .ok()?;
        let longest = needles.iter().map(Vec::len).max().unwrap_or_default();
        Some(Self { searcher, longest })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.searcher.patterns_len()
    }

    /// The numbers of those that a file holds.
    ///
    /// # Errors
    /// The content cannot be read.
    pub fn held_by(&self, content: &Blob) -> io::Result<BTreeSet<usize>> {
        let mut out = BTreeSet::new();
        let mut buf = vec![0; (WINDOW + self.longest).min(content.len() as usize)];
        let mut at = 0;
        while at < content.len() {
            let len = (content.len() - at).min(buf.len() as u64) as usize;
            content.read_exact_at(at, &mut buf[..len])?;
            let hits = self.searcher.find_overlapping_iter(&buf[..len]);
            out.extend(hits.map(|hit| hit.pattern().as_usize()));
            at += WINDOW as u64;
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_found_over_each_other_and_across_windows() {
        let needles = Needles::new(&[b"\0git\0".to_vec(), b"\0tar\0".to_vec(), b"no".to_vec()]);
        let mut content = vec![b' '; WINDOW - 2];
        content.extend_from_slice(b"\0git\0tar\0");
        let held = needles.unwrap().held_by(&Blob::from_bytes(content));
        assert_eq!(held.unwrap(), BTreeSet::from([0, 1]));
    }
}
