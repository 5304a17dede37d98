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

#[cfg(test)]
mod tests {
    use crate::blob::{Blob, Piece};
    use crate::tar::read_entries;

    #[test]
    fn what_is_kept_is_what_stands_there() {
        let files: [(&str, &[u8]); 3] =
            [("a", b"#!/bin/sh\n# and so on"), ("b", b"xy"), ("c", b"")];
        let bytes = ounce_testkit::archive(&files);
        let path = std::env::temp_dir().join(format!("ounce-first-{}", std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        let tar = Blob::from_file(std::fs::File::open(&path).unwrap(), &path).unwrap();
        let entries = read_entries(&tar, "a").unwrap();
        // Headers that were read with other content in between say nothing of what is spliced.
        let spliced = Blob::splice([Piece::Slice(tar.clone()), Piece::Zeros(1)]);
        let hollow = Blob::from_bytes(vec![0; bytes.len()]);
        for (entry, (_, content)) in entries.iter().zip(files) {
            for tar in [&tar, &spliced] {
                let file = entry.read(tar);
                for len in 0..=content.len() {
                    assert_eq!(
                        file.slice(0..len as u64).read_all(99).unwrap(),
                        content[..len]
                    );
                    assert_eq!(
                        file.slice(len as u64..99).read_all(99).unwrap(),
                        content[len..]
                    );
                }
                let mut more = vec![0; content.len() + 1];
                assert!(file.read_exact_at(0, &mut more).is_err());
                assert_eq!(file.begins_with(b"#!"), content.starts_with(b"#!"));
            }
            assert!(!entry.read(&hollow).begins_with(b"#!"));
        }
        // They are not read again, but what follows is.
        std::fs::write(&path, vec![0; bytes.len()]).unwrap();
        assert!(entries[0].read(&tar).begins_with(b"#!"));
        assert_eq!(
            entries[0].read(&tar).slice(1..3).read_all(2).unwrap(),
            [0; 2]
        );
        std::fs::remove_file(&path).unwrap();
    }
}
