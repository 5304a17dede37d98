//! A text put together from stretches of a file, which knows where each of its bytes came from.
//!
//! Docker takes continuations and the comments between them out of an instruction before anybody
//! reads it, so what a shell sees is not a stretch of the file.

use std::ops::Range;

/// A text and where it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    text: Vec<u8>,
    /// Where a stretch begins: in the text, and in the file.
    stretches: Vec<(usize, usize)>,
}

impl Joined {
    /// Adds a stretch of the file.
    pub(super) fn push(&mut self, file: &[u8], range: Range<usize>) {
        if !range.is_empty() {
            self.stretches.push((self.text.len(), range.start));
            self.text.extend_from_slice(&file[range]);
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of a range as text; what is not UTF-8 is replaced.
    pub fn text(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(&self.text[range]).into_owned()
    }

    /// The part of the text.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut out = Self::default();
        for (at, stretch) in self.stretches.iter().enumerate() {
            let end = self
                .stretches
                .get(at + 1)
                .map_or(self.text.len(), |next| next.0);
            let (from, to) = (stretch.0.max(range.start), end.min(range.end));
            if from < to {
                out.stretches
                    .push((out.text.len(), stretch.1 + from - stretch.0));
                out.text.extend_from_slice(&self.text[from..to]);
            }
        }
        out
    }

    /// Where in the file a byte of the text is.
    pub fn place(&self, at: usize) -> usize {
        let after = self.stretches.partition_point(|stretch| stretch.0 <= at);
        match after.checked_sub(1).map(|before| self.stretches[before]) {
            Some((start, place)) => place + at - start,
            None => 0,
        }
    }

    /// The range of the file that begins and ends with the first and the last byte of a range of the
    /// text; an empty range lies behind the byte before it.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        match range.is_empty() {
            false => self.place(range.start)..self.place(range.end - 1) + 1,
            true => {
                let at = range
                    .start
                    .checked_sub(1)
                    .map_or(self.place(0), |at| self.place(at) + 1);
                at..at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lead_back_over_what_was_left_out() {
        let file = b"RUN ab\\\n  # note\ncd";
        let mut joined = Joined::default();
        joined.push(file, 4..6);
        joined.push(file, 17..19);
        assert_eq!(joined.bytes(), b"abcd");
        assert_eq!(joined.range(1..3), 5..18);
        assert_eq!(joined.range(2..2), 6..6);
        assert_eq!(joined.slice(1..4).range(1..3), 17..19);
        assert_eq!(joined.slice(1..4).text(0..3), "bcd");
    }
}
