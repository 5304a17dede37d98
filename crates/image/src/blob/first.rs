//! The first bytes of a file, kept when the header before them was read.
//!
//! Many ask what kind of file each one is: together hundreds of thousands of reads, of which few go further.

/// How many bytes are kept: the head of compiled Python (PEP 552) is the longest that is asked for often.
const MOST: usize = 16;

/// What is known of the first bytes; by default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct First {
    bytes: [u8; MOST],
    len: u8,
}

impl First {
    /// From what stands behind a header, of which the file has `len` bytes.
    pub(crate) fn of(rest: &[u8], len: u64) -> Self {
        let known = rest.len().min(MOST).min(len as usize);
        let mut bytes = [0; MOST];
        bytes[..known].copy_from_slice(&rest[..known]);
        Self {
            bytes,
            len: known as u8,
        }
    }

    /// So many bytes from an offset on, if all are known.
    pub(super) fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        let known = &self.bytes[..self.len.into()];
        known.get(start..start.checked_add(len)?)
    }
}
