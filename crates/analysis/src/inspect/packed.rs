//! Programs that are packed, so that what they need cannot be read: they unpack themselves when they start.

use std::sync::LazyLock;

use ounce_image::Blob;

use super::needles::AnyOf;

/// The fixed header of an ELF file of 64 bits, in bytes (elf(5)).
const HEADER: usize = 64;
/// How far behind the program headers UPX's own header may begin, in bytes.
const BEHIND: usize = 256;

/// What the programs have in them that unpack what Nuitka made (Nuitka, OnefileBootstrap.c).
static NUITKA: LazyLock<AnyOf> =
    LazyLock::new(|| AnyOf::new(&["NUITKA_ONEFILE_TIME_US"]).expect("one text"));

/// What packed a program, if something did that is known.
#[must_use]
pub fn packer(program: &Blob) -> Option<&'static str> {
    let mut start = vec![0; HEADER + BEHIND * 4];
    let read = program.read_at(0, &mut start).ok()?;
    start.truncate(read);
    if !start.starts_with(b"\x7fELF") {
        None
    } else if matches!(start.get(8..11), Some(b"AI\x01" | b"AI\x02")) {
        Some("AppImage")
    } else if is_upx(&start) {
        Some("UPX")
    } else {
        NUITKA.is_in(program).then_some("Nuitka")
    }
}

/// `l_info` follows the program headers (UPX, src/stub/src/include/linux.h).
fn is_upx(start: &[u8]) -> bool {
    let short = |at: usize| {
        let bytes = start.get(at..at + 2)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    // `e_phentsize` and `e_phnum`, of 64 and of 32 bits.
    let (header, sizes) = match start.get(4) {
        Some(2) => (64, 54),
        _ => (52, 42),
    };
    let headers = short(sizes).zip(short(sizes + 2));
    let end = headers.map_or(0, |(size, count)| header + size * count);
    let behind = start.get(end..).unwrap_or_default();
    let behind = &behind[..behind.len().min(BEHIND)];
    end > 0 && memchr::memmem::find(behind, b"UPX!").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::packed;

    #[test]
    fn packers_are_known_by_their_marks() {
        for name in ["UPX", "AppImage", "Nuitka"] {
            let program = packed::program(name);
            assert_eq!(packer(&Blob::from_bytes(program.clone())), Some(name));
            for len in 0..program.len() {
                let _ = packer(&Blob::from_bytes(program[..len].to_vec()));
            }
        }
    }

    #[test]
    fn other_programs_are_not_packed() {
        let far = [packed::program("none"), vec![0; 300], b"UPX!".to_vec()].concat();
        for program in [packed::program("none"), far, b"UPX!".to_vec(), Vec::new()] {
            assert_eq!(packer(&Blob::from_bytes(program)), None);
        }
    }
}
