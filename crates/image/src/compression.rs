//! Which compressed bytes of a layer hold which uncompressed ones, so that every file can be given
//! its share of what is pulled.

use std::io;
use std::ops::Range;

use rayon::prelude::*;

use crate::blob::Blob;
use crate::codec::Press;

/// One sample in so many bytes of a layer that is stored uncompressed.
const SAMPLE_EVERY: u64 = 4 << 20;
/// The length of a sample: twice the window of deflate.
const SAMPLE: u64 = 64 << 10;

/// A rising line from uncompressed to compressed offsets.
///
/// Shares are differences of the same rounded line, so the shares of parts that cover a layer add
/// up to its compressed size exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionMap {
    /// `(uncompressed, compressed)`, both rising, from `(0, 0)` to the ends.
    points: Vec<(u64, u64)>,
    measured: bool,
}

impl CompressionMap {
    /// A map to be filled while a stream is (de)compressed.
    pub(crate) fn start() -> Self {
        Self {
            points: vec![(0, 0)],
            measured: true,
        }
    }

    pub(crate) fn push(&mut self, uncompressed: u64, compressed: u64) {
        if self.points.last().is_some_and(|last| last.0 < uncompressed) {
            self.points.push((uncompressed, compressed));
        }
    }

    /// Sets the ends; read-ahead of a decoder may have pushed points beyond them.
    pub(crate) fn finish(&mut self, uncompressed: u64, compressed: u64) {
        self.points.retain(|&(at, _)| at < uncompressed || at == 0);
        for point in &mut self.points {
            point.1 = point.1.min(compressed);
        }
        self.points.push((uncompressed, compressed));
    }

    /// Estimates what a plain layer would measure as gzip: compresses a sample of 64 KiB in every
    /// 4 MiB, layers up to 4 MiB whole.
    ///
    /// # Errors
    /// The content cannot be read.
    pub fn estimate(tar: &Blob) -> io::Result<Self> {
        let windows: Vec<Range<u64>> = (0..tar.len())
            .step_by(SAMPLE_EVERY as usize)
            .map(|at| at..(at + SAMPLE_EVERY).min(tar.len()))
            .collect();
        let sizes: Vec<u64> = windows
            .par_iter()
            .map_init(Press::gzip, |press, window| {
                let sample = if tar.len() <= SAMPLE_EVERY {
                    window.clone()
                } else {
                    middle(window)
                };
                let mut bytes = vec![0; (sample.end - sample.start) as usize];
                tar.read_exact_at(sample.start, &mut bytes)?;
                let packed = press.stretch(&bytes)?.len() as u64;
                Ok(scale(
                    packed,
                    window.end - window.start,
                    sample.end - sample.start,
                ))
            })
            .collect::<io::Result<_>>()?;
        let mut map = Self {
            points: vec![(0, 0)],
            measured: false,
        };
        let mut total = 0;
        for (window, size) in windows.iter().zip(sizes) {
            total += size;
            map.points.push((window.end, total));
        }
        Ok(map)
    }

    /// Whether the line was measured on a real blob, not estimated.
    pub fn is_measured(&self) -> bool {
        self.measured
    }

    /// The compressed size of the whole in bytes.
    pub fn total(&self) -> u64 {
        self.points.last().map_or(0, |last| last.1)
    }

    /// The compressed share of a range of uncompressed bytes.
    pub fn share(&self, range: Range<u64>) -> u64 {
        self.at(range.end).saturating_sub(self.at(range.start))
    }

    fn at(&self, offset: u64) -> u64 {
        let next = self.points.partition_point(|&(at, _)| at <= offset);
        let before = self.points[next.saturating_sub(1)];
        match self.points.get(next) {
            Some(after) => {
                before.1
                    + scale(
                        after.1.saturating_sub(before.1),
                        offset - before.0,
                        after.0 - before.0,
                    )
            }
            None => before.1,
        }
    }

    /// The points as little-endian pairs, for the cache.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.points
            .iter()
            .flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat())
            .collect()
    }

    /// Reads what [`CompressionMap::to_bytes`] wrote; `None` when it is not that.
    pub(crate) fn from_bytes(bytes: &[u8], len: u64, size: u64) -> Option<Self> {
        let (pairs, []) = bytes.as_chunks::<16>() else {
            return None;
        };
        let word = |b: &[u8]| b.try_into().ok().map(u64::from_le_bytes);
        let points: Vec<_> = pairs
            .iter()
            .filter_map(|pair| Some((word(&pair[..8])?, word(&pair[8..])?)))
            .collect();
        let rising = points
            .windows(2)
            .all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        let whole = points.first() == Some(&(0, 0)) && points.last() == Some(&(len, size));
        (rising && whole).then_some(Self {
            points,
            measured: true,
        })
    }
}

fn middle(window: &Range<u64>) -> Range<u64> {
    let len = (window.end - window.start).min(SAMPLE);
    let start = window.start + (window.end - window.start - len) / 2;
    start..start + len
}

/// `value * numerator / denominator` without overflow.
fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    (u128::from(value) * u128::from(numerator) / u128::from(denominator.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_parts_add_up_to_the_whole() {
        let mut map = CompressionMap::start();
        map.push(1000, 333);
        map.push(2000, 340);
        map.finish(3001, 999);
        let parts: u64 = (0..3001).map(|at| map.share(at..at + 1)).sum();
        assert_eq!(parts, 999);
        assert_eq!(
            CompressionMap::from_bytes(&map.to_bytes(), 3001, 999),
            Some(map.clone())
        );
        assert_eq!(CompressionMap::from_bytes(&map.to_bytes(), 3002, 999), None);
    }

    #[test]
    fn an_estimate_tells_zeros_from_noise() {
        let mut seed = 1u64;
        let noise: Vec<u8> = (0..1 << 20)
            .map(|_| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            })
            .collect();
        let total = |bytes| {
            CompressionMap::estimate(&Blob::from_bytes(bytes))
                .unwrap()
                .total()
        };
        assert!(total(vec![0; 1 << 20]) < 2000);
        assert!(total(noise) > 1 << 20);
    }
}
