//! `/etc/ld.so.cache`, which ldconfig writes (glibc, sysdeps/generic/dl-cache.h).
//!
//! Only the new form is read, alone or behind the old one; glibc has written it since 2.2.

use rustc_hash::FxHashMap;

/// A library of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub path: Vec<u8>,
    /// Whether it is for some processors only (`hwcap` is not 0).
    pub is_variant: bool,
}

/// The largest cache that is read; some 100 bytes a library.
pub const MAX: u64 = 32 << 20;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// `struct cache_file_new` up to the libraries.
const HEADER: usize = 48;
/// `struct file_entry_new`: flags, key, value, an unused word, hwcap.
const ENTRY: usize = 24;
/// `cache_file_new_flags_endian_big`.
const BIG_ENDIAN: u8 = 3;

/// Reads a cache: its entries by name, in their order. `None` when it is not one; entries that lead outside of
/// it are left out.
pub fn read(bytes: &[u8]) -> Option<FxHashMap<Vec<u8>, Vec<Entry>>> {
    let start = memchr::memmem::find(bytes, MAGIC)?;
    let cache = &bytes[start..];
    let is_big = cache.get(28)? & 3 == BIG_ENDIAN;
    let number = |at: usize| -> Option<usize> {
        let word: [u8; 4] = cache.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let number = if is_big {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        };
        Some(number as usize)
    };
    // The strings' offsets count from the beginning of the new form.
    let text = |at: usize| -> Option<Vec<u8>> {
        let rest = cache.get(at..)?;
        Some(rest[..memchr::memchr(0, rest)?].to_vec())
    };
    let count = number(20)?.min(cache.len().saturating_sub(HEADER) / ENTRY);
    let mut out: FxHashMap<Vec<u8>, Vec<Entry>> = FxHashMap::default();
    for at in (0..count).map(|index| HEADER + index * ENTRY) {
        let entry = || {
            let (name, path) = (text(number(at + 4)?)?, text(number(at + 8)?)?);
            let is_variant = (number(at + 16)?, number(at + 20)?) != (0, 0);
            Some((name, Entry { path, is_variant }))
        };
        if let Some((name, entry)) = entry() {
            out.entry(name).or_default().push(entry);
        }
    }
    Some(out)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A cache as ldconfig writes it on a little-endian machine: names, paths, hwcaps.
    pub(crate) fn written(entries: &[(&str, &str, u64)]) -> Vec<u8> {
        let mut strings = Vec::new();
        let mut table = Vec::new();
        let start = HEADER + entries.len() * ENTRY;
        for (name, path, hwcap) in entries {
            let mut put = |text: &str| {
                let at = (start + strings.len()) as u32;
                strings.extend([text.as_bytes(), b"\0"].concat());
                at.to_le_bytes()
            };
            let (name, path) = (put(name), put(path));
            table.extend(
                [
                    &0x303_u32.to_le_bytes()[..],
                    &name,
                    &path,
                    &[0; 4],
                    &hwcap.to_le_bytes(),
                ]
                .concat(),
            );
        }
        let counts = [entries.len() as u32, strings.len() as u32]
            .map(u32::to_le_bytes)
            .concat();
        let mut out = [MAGIC, &counts, &[2, 0, 0, 0]].concat();
        out.resize(HEADER, 0);
        [out, table, strings].concat()
    }

    #[test]
    fn entries_are_found_by_name() {
        let bytes = written(&[
            ("liba.so.1", "/x/v3/liba.so.1", 1 << 62),
            ("liba.so.1", "/x/liba.so.1", 0),
        ]);
        let cache = read(&bytes).unwrap();
        let paths: Vec<_> = cache[b"liba.so.1".as_slice()]
            .iter()
            .map(|e| (e.path.as_slice(), e.is_variant))
            .collect();
        assert_eq!(
            paths,
            [(&b"/x/v3/liba.so.1"[..], true), (b"/x/liba.so.1", false)]
        );
        // Behind the old form.
        assert_eq!(
            read(&[b"ld.so-1.7.0\0....", bytes.as_slice()].concat()),
            Some(cache)
        );
    }

    #[test]
    fn a_damaged_cache_gives_what_is_whole() {
        let bytes = written(&[("liba.so.1", "/x/liba.so.1", 0)]);
        for len in 0..bytes.len() {
            assert!(
                read(&bytes[..len]).is_none_or(|cache| cache.is_empty()),
                "{len}"
            );
        }
        let mut huge = bytes;
        huge[20..24].fill(0xff);
        assert_eq!(read(&huge).unwrap().len(), 1);
    }
}
