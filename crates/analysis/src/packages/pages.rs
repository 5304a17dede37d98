//! The pages of a database file, each of which is read once.
//!
//! In a sound database every page belongs to one thing. Reading none twice keeps a damaged one from
//! leading in circles, and from giving more bytes than it has.

use rustc_hash::FxHashSet;

/// The pages of a database, and which of them were read.
pub(super) struct Pages<'a> {
    file: &'a [u8],
    size: usize,
    taken: FxHashSet<u32>,
}

impl<'a> Pages<'a> {
    /// A file in pages of so many bytes.
    pub(super) fn new(file: &'a [u8], size: usize) -> Self {
        let taken = FxHashSet::default();
        Self { file, size, taken }
    }

    /// The page of a number, the first being 0; an error the second time.
    pub(super) fn take(&mut self, number: u32) -> Result<&'a [u8], String> {
        self.mark(number)?;
        let page = |number: usize| {
            let start = number.checked_mul(self.size)?;
            self.file.get(start..start.checked_add(self.size)?)
        };
        page(number as usize).ok_or_else(|| format!("page {number} is missing"))
    }

    /// Notes that a page is used; an error the second time.
    pub(super) fn mark(&mut self, number: u32) -> Result<(), String> {
        match self.taken.insert(number) {
            true => Ok(()),
            false => Err(format!("page {number} is used twice")),
        }
    }
}
