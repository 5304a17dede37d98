//! rpm's own database form, `Packages.db` (SUSE): slots that say where each package's header lies.
//!
//! Numbers are little-endian, blocks are of 16 bytes. The file begins with a head of two blocks:
//! `RpmP`, the version, the generation, the number of slot pages. Slots fill the rest of these pages
//! of 4096 bytes: `Slot`, the package's number, the block where its header begins (0: a free slot),
//! how many blocks. The header stands between `BlbS`, the package's number, a time and its length,
//! and a checksum. (rpm 4.18, `lib/backend/ndb/rpmpkg.c`.)

use super::Each;

const BLOCK: usize = 16;
const PAGE: usize = 4096;
const HEAD: usize = 2 * BLOCK;

/// Gives each package's header, or why one cannot be read.
pub(super) fn headers(file: &[u8], each: &mut Each<'_>) {
    let slots = match slots(file) {
        Ok(slots) => slots,
        Err(reason) => return each(Err(reason)),
    };
    // Headers that lie over each other would make a small file a large one.
    let mut room = file.len();
    for slot in slots.chunks_exact(BLOCK) {
        let [magic, package, block] = [0, 4, 8].map(|at| le32(slot, at).unwrap_or_default());
        if magic != u32::from_le_bytes(*b"Slot") {
            each(Err("a slot without its mark".to_owned()));
        } else if block != 0 {
            let header = header(file, package, block as usize);
            let header = header.filter(|header| match room.checked_sub(header.len()) {
                Some(left) => {
                    room = left;
                    true
                }
                None => false,
            });
            each(header.ok_or_else(|| format!("the header of package {package} is damaged")));
        }
    }
}

fn slots(file: &[u8]) -> Result<&[u8], String> {
    if le32(file, 0) != Some(u32::from_le_bytes(*b"RpmP")) {
        return Err("not a database of rpm".to_owned());
    }
    match le32(file, 4) {
        Some(0) => {}
        version => return Err(format!("version {} is not known", version.unwrap_or(0))),
    }
    let end = le32(file, 12).and_then(|pages| (pages as usize).checked_mul(PAGE));
    end.and_then(|end| file.get(HEAD..end))
        .ok_or_else(|| "the file is cut short".to_owned())
}

fn header(file: &[u8], package: u32, block: usize) -> Option<&[u8]> {
    let blob = file.get(block.checked_mul(BLOCK)?..)?;
    let is_start = le32(blob, 0)? == u32::from_le_bytes(*b"BlbS") && le32(blob, 4)? == package;
    let len = le32(blob, 12)? as usize;
    is_start.then(|| blob[BLOCK..].get(..len))?
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*four))
}
