//! Small parts of a file that are asked for one after the other.

use ounce_image::Blob;

/// How much is read at a time.
const BLOCK: usize = 64 << 10;

/// Reads what stands around hits, which come in order, a block at a time.
pub struct Near<'a> {
    file: &'a Blob,
    start: u64,
    block: Vec<u8>,
}

impl<'a> Near<'a> {
    /// Nothing is read yet.
    pub fn new(file: &'a Blob) -> Self {
        Self {
            file,
            start: 0,
            block: Vec::new(),
        }
    }

    /// So many bytes, at most a block, from `at` on; `None` where the file has none.
    pub fn bytes(&mut self, at: u64, len: usize) -> Option<&[u8]> {
        let bytes = self.up_to(at, len);
        (bytes.len() == len).then_some(bytes)
    }

    /// The same, and fewer bytes where the file ends.
    pub fn up_to(&mut self, at: u64, len: usize) -> &[u8] {
        let end = at.saturating_add(len as u64).min(self.file.len());
        let known = self.start..self.start + self.block.len() as u64;
        if at < known.start || end > known.end {
            // What follows a hit is asked for before what stands before the next one.
            self.start = at.saturating_sub(ounce_image::MAX_PATH as u64);
            self.block.resize(BLOCK, 0);
            let read = self.file.read_at(self.start, &mut self.block);
            self.block.truncate(read.unwrap_or_default());
        }
        let known = self.start + self.block.len() as u64;
        match at < end && end <= known {
            true => &self.block[(at - self.start) as usize..(end - self.start) as usize],
            false => &[],
        }
    }
}
