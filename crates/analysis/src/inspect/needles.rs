//! Which of some byte strings a file holds, wherever they stand, and whether it holds any.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;

use aho_corasick::{AhoCorasick, packed};
use ounce_image::Blob;

use super::anchors::Anchors;

/// How much is searched at a time.
const WINDOW: usize = 1 << 20;

/// Byte strings that are told apart.
#[derive(Debug)]
pub struct Needles {
    searcher: AhoCorasick,
    /// Where the searcher is to look; everywhere when there are none.
    anchors: Option<Anchors>,
    longest: usize,
}

impl Needles {
    /// Prepares to look for these; `None` when they are too many to be looked for at once.
    pub fn new(needles: &[Vec<u8>]) -> Option<Self> {
        let texts: Vec<&[u8]> = needles.iter().map(Vec::as_slice).collect();
        Some(Self {
            searcher: AhoCorasick::new(needles).ok()?,
            anchors: Anchors::new(&texts),
            longest: longest(needles),
        })
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
        windows(content, self.longest, |window| {
            for stretch in Anchors::stretches_or_all(self.anchors.as_ref(), window, 0) {
                let hits = self.searcher.find_overlapping_iter(&window[stretch]);
                out.extend(hits.map(|hit| hit.pattern().as_usize()));
            }
            ControlFlow::Continue(())
        })?;
        Ok(out)
    }
}

/// Byte strings of which one is as good as another; a few are found at the speed of memory.
#[derive(Debug)]
pub struct AnyOf {
    /// Looks with vector instructions, if the machine has them and the texts are few.
    teddy: Option<packed::Searcher>,
    searcher: AhoCorasick,
    longest: usize,
}

impl AnyOf {
    /// Prepares to look for these; `None` when they are too many to be looked for at once.
    pub fn new<T: AsRef<[u8]>>(needles: &[T]) -> Option<Self> {
        Some(Self {
            teddy: packed::Searcher::new(needles),
            searcher: AhoCorasick::new(needles).ok()?,
            longest: longest(needles),
        })
    }

    /// Whether a file holds one; not when it cannot be read.
    pub fn is_in(&self, content: &Blob) -> bool {
        let mut found = false;
        let read = windows(content, self.longest, |window| {
            found = match &self.teddy {
                Some(teddy) => teddy.find(window).is_some(),
                None => self.searcher.is_match(window),
            };
            match found {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        read.is_ok() && found
    }
}

fn longest<T: AsRef<[u8]>>(needles: &[T]) -> usize {
    let lengths = needles.iter().map(|needle| needle.as_ref().len());
    lengths.max().unwrap_or_default()
}

/// Reads a file in windows that overlap by `longest`, until `each` has seen enough. Of holes, which cost nothing to claim,
/// only as much as a text may reach into them.
pub(super) fn windows(
    content: &Blob,
    longest: usize,
    mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut buf = vec![0; (WINDOW + longest).min(content.len() as usize)];
    for data in content.data_ranges() {
        let end = content.len().min(data.end.saturating_add(longest as u64));
        let mut at = data.start.saturating_sub(longest as u64);
        while at < end {
            let len = (end - at).min(buf.len() as u64) as usize;
            content.read_exact_at(at, &mut buf[..len])?;
            if each(&buf[..len]).is_break() {
                return Ok(());
            }
            at += WINDOW as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ounce_image::Piece;

    use super::*;

    /// A needle of zeros alone would be in holes.
    #[test]
    fn holes_are_not_searched() {
        let text = Blob::from_bytes(b"git\0tar".to_vec());
        let holes = || Piece::Zeros(1 << 60);
        let content = Blob::splice([holes(), Piece::Slice(text), holes()]);
        let texts = [b"\0git\0".to_vec(), b"tar\0".to_vec(), b"no".to_vec()];
        let held = Needles::new(&texts).unwrap().held_by(&content);
        assert_eq!(held.unwrap(), BTreeSet::from([0, 1]));
        assert!(!AnyOf::new(&texts[2..]).unwrap().is_in(&content));
    }

    #[test]
    fn needles_are_found_over_each_other_and_across_windows() {
        let texts = [b"\0git\0".to_vec(), b"\0tar\0".to_vec(), b"no".to_vec()];
        let mut content = vec![b' '; WINDOW - 2];
        content.extend_from_slice(b"\0git\0tar\0");
        let content = Blob::from_bytes(content);
        let held = Needles::new(&texts).unwrap().held_by(&content);
        assert_eq!(held.unwrap(), BTreeSet::from([0, 1]));
        assert!(AnyOf::new(&texts[..1]).unwrap().is_in(&content));
        assert!(AnyOf::new(&texts[1..]).unwrap().is_in(&content));
        assert!(!AnyOf::new(&texts[2..]).unwrap().is_in(&content));
    }
}
