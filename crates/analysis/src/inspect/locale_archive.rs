//! glibc's `locale-archive`: which locales it holds.
//!
//! The file begins with a `struct locarhead` of 14 numbers, among them the place and size of a hash
//! table of `struct namehashent` (glibc, `locale/locarchive.h`). Numbers have the byte order of the
//! machine. Only the names are read; what the locales say is not.

use std::collections::BTreeSet;

use ounce_image::Blob;

/// `AR_MAGIC`, with which the file begins.
const MAGIC: u32 = 0xde02_0109;
/// Where the head says at which byte the hash table of names begins (`namehash_offset`).
const TABLE_OFFSET: usize = 8;
/// Where the head says how many rows the table has (`namehash_size`).
const TABLE_ROWS: usize = 16;
/// The bytes of a row: hash, place of the name, place of the locale.
const ROW: usize = 12;
/// Debian's archive of all locales has some 1,500 rows; more than this is hostile.
const MAX_ROWS: u32 = 1 << 18;
/// The longest name that is read, in bytes.
const MAX_NAME: usize = 128;

/// The names of the locales in an archive, such as `de_DE.utf8`.
///
/// # Errors
/// What is wrong with the file.
pub fn names(content: &Blob) -> Result<BTreeSet<Vec<u8>>, String> {
    let read = |at: u64, len: usize| {
        let mut bytes = vec![0; len];
        content
            .read_exact_at(at, &mut bytes)
            .map_err(|e| e.to_string())?;
        Ok::<_, String>(bytes)
    };
    let head = read(0, TABLE_ROWS + 4)?;
    let number: fn([u8; 4]) -> u32 = match four(&head, 0) {
        magic if u32::from_le_bytes(magic) == MAGIC => u32::from_le_bytes,
        magic if u32::from_be_bytes(magic) == MAGIC => u32::from_be_bytes,
        _ => return Err("it does not begin as an archive of locales".to_owned()),
    };
    let rows = number(four(&head, TABLE_ROWS));
    if rows > MAX_ROWS {
        return Err(format!("a table of {rows} names is too large"));
    }
    let table = read(
        number(four(&head, TABLE_OFFSET)).into(),
        rows as usize * ROW,
    )?;
    // Rows without a name are free; those without a locale were removed, and count all the same.
    let places = table
        .chunks_exact(ROW)
        .map(|row| u64::from(number(four(row, 4))))
        .filter(|at| *at != 0);
    places
        .map(|at| {
            let room = content.len().saturating_sub(at).min(MAX_NAME as u64);
            let bytes = read(at, room as usize)?;
            let end = bytes.iter().position(|&b| b == 0);
            end.map(|end| bytes[..end].to_vec())
                .ok_or_else(|| "a locale's name has no end".to_owned())
        })
        .collect()
}

/// Four bytes of a part that is long enough.
fn four(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> Result<Vec<String>, String> {
        let names = names(&Blob::from_bytes(bytes))?.into_iter();
        Ok(names.map(|name| String::from_utf8(name).unwrap()).collect())
    }

    #[test]
    fn names_are_read_in_either_byte_order() {
        let archive = crate::testing::locale_archive(&["de_DE.utf8", "fr_FR"]);
        assert_eq!(read(archive.clone()).unwrap(), ["de_DE.utf8", "fr_FR"]);
        let (head, names) = archive.split_at(56 + 3 * ROW);
        let swapped = head
            .chunks_exact(4)
            .flat_map(|number| number.iter().rev().copied());
        let big = swapped.chain(names.iter().copied()).collect();
        assert_eq!(read(big).unwrap(), ["de_DE.utf8", "fr_FR"]);
    }

    #[test]
    fn damaged_archives_are_errors() {
        let archive = crate::testing::locale_archive(&["de_DE.utf8"]);
        assert!(read(b"text".to_vec()).is_err());
        assert!(read(vec![0; 100]).is_err());
        assert!(read(archive[..archive.len() - 1].to_vec()).is_err());
        let mut huge = archive;
        huge[TABLE_ROWS..TABLE_ROWS + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read(huge).is_err());
    }
}
