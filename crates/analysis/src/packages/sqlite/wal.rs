//! SQLite's write-ahead log (sqlite.org, "Database File Format", section 4): pages that are newer
//! than those in the database.

use std::collections::BTreeMap;

use super::be32;

/// The length of the log's head and of the head in front of each page.
const HEAD: usize = 32;
const FRAME: usize = 24;

/// The last version of each page that a finished transaction wrote; none for a log that is empty or
/// was written back already.
pub(super) fn committed(log: &[u8]) -> BTreeMap<u32, &[u8]> {
    frames(log).unwrap_or_default()
}

fn frames(log: &[u8]) -> Option<BTreeMap<u32, &[u8]>> {
    let head = log.get(..HEAD)?;
    // The last bit of the mark tells the order of bytes in checksums; all else is big-endian.
    let big = match be32(head, 0)? {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return None,
    };
    let page_size = be32(head, 8)? as usize;
    if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
        return None;
    }
    let mut sum = checksum([0, 0], &head[..24], big);
    if sum != [be32(head, 24)?, be32(head, 28)?] {
        return None;
    }
    let (mut pages, mut pending) = (BTreeMap::new(), BTreeMap::new());
    for frame in log[HEAD..].chunks_exact(FRAME + page_size) {
        let (about, page) = frame.split_at(FRAME);
        sum = checksum(checksum(sum, &about[..8], big), page, big);
        // Frames of an earlier round carry another salt, and end what counts.
        if about[8..16] != head[16..24] || sum != [be32(about, 16)?, be32(about, 20)?] {
            break;
        }
        pending.insert(be32(about, 0)?, page);
        if be32(about, 4)? != 0 {
            pages.append(&mut pending);
        }
    }
    Some(pages)
}

/// Section 4.2, "Checksum Algorithm".
fn checksum(start: [u32; 2], bytes: &[u8], big: bool) -> [u32; 2] {
    let word = |four: &[u8]| {
        let four = four.first_chunk().copied().unwrap_or_default();
        match big {
            true => u32::from_be_bytes(four),
            false => u32::from_le_bytes(four),
        }
    };
    bytes.chunks_exact(8).fold(start, |[a, b], pair| {
        let a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
        let b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
        [a, b]
    })
}
