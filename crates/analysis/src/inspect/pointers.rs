//! Where the code and data of an ELF file point to.
//!
//! A linker stores a text that another one ends with as the end of that one, `bzip2` in `lbzip2` (System V ABI,
//! "Section Attribute Flags": `SHF_MERGE` with `SHF_STRINGS`). Only what points to it tells it from the end of a word.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use object::elf::{EM_AARCH64, EM_X86_64};
use ounce_image::Blob;
use rustc_hash::FxHashMap;

use super::go;
use super::sections::{self, Part, Sections};

/// How much is searched at a time; a multiple of the length of an instruction of AArch64.
const WINDOW: u64 = 1 << 20;
/// How far around an instruction others belong to it, in bytes.
const AROUND: u64 = 48;
/// `lea`, behind a prefix that says where to.
const LEA: u8 = 0x8d;
/// Programs that are not loaded where the kernel likes begin no lower (the linker's `-Ttext-segment`).
const LEAST_FIXED: u64 = 0x1_0000;
/// What the loader adds where it loaded a file to (psABI of x86-64, `R_X86_64_RELATIVE`; of AArch64, `R_AARCH64_RELATIVE`).
const RELATIVE: [u64; 2] = [8, 1027];

/// Something that holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder<'a> {
    /// Code, with what stands around it.
    Code(&'a [u8]),
    /// Data, with the value behind it.
    Data(u64),
    /// Data at another address, into which the loader writes it.
    Loaded(u64),
}

/// Those of these places, offsets in the file, that something in it points to. What code points to is known for x86-64
/// and AArch64 only. None in a program of Go, whose texts have a length and no zero behind them.
pub fn pointed_at(content: &Blob, machine: u16, places: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let sections = sections::read(content).filter(|_| !places.is_empty());
    let Some(sections) = sections.filter(|sections| go::functions(sections).is_none()) else {
        return found;
    };
    let address = |place: &u64| Some((sections.address(*place)?, *place));
    let wanted: FxHashMap<u64, u64> = places.iter().filter_map(address).collect();
    // What cannot be read points nowhere.
    let _ = each(content, machine, &sections, |to, _| {
        found.extend(wanted.get(&to).copied());
    });
    found
}

/// Calls `found` for every address in the file of what is loaded, and for values that are taken for one.
///
/// # Errors
/// The content cannot be read.
pub fn each(
    content: &Blob,
    machine: u16,
    sections: &Sections,
    mut found: impl FnMut(u64, Holder<'_>),
) -> io::Result<()> {
    let begin = sections.loaded().map(|(_, address, _)| address).min();
    let ends = sections.loaded();
    let ends = ends.map(|(part, address, _)| address.saturating_add(part.size));
    let span = begin.unwrap_or_default()..ends.max().unwrap_or_default();
    let mut search = Search {
        is_fixed: span.start >= LEAST_FIXED,
        pages: [None; 32],
        note: |to, holder: Holder<'_>| {
            if span.contains(&to) {
                found(to, holder);
            }
        },
    };
    let mut buf = vec![0; (WINDOW + 2 * AROUND).min(content.len()) as usize];
    let data = content.data_ranges();
    // Segments share pages at their ends; a file that loads itself again and again is hostile.
    let mut left = 2 * data
        .iter()
        .map(|range| range.end - range.start)
        .sum::<u64>();
    for (part, address, is_code) in sections.loaded() {
        for stretch in stretches(&data, part, content.len()) {
            let len = (stretch.end - stretch.start).min(left);
            left -= len;
            let (mut at, end) = (stretch.start, stretch.start + len);
            while at < end {
                let before = AROUND.min(at - stretch.start);
                let len = (end - at + before).min(buf.len() as u64) as usize;
                let window = &mut buf[..len];
                content.read_exact_at(at - before, window)?;
                let own = before as usize..len.min((before + WINDOW) as usize);
                let here = address.wrapping_add(at - before - part.offset);
                search.window(
                    machine,
                    is_code,
                    &Window {
                        bytes: window,
                        own,
                        here,
                    },
                );
                at += WINDOW;
            }
        }
    }
    Ok(())
}

/// The stretches of a part that are no holes, which cost nothing to claim, each with the zeros that a value may begin or
/// end with.
fn stretches(data: &[Range<u64>], part: Part, len: u64) -> impl Iterator<Item = Range<u64>> {
    let end = part.offset.saturating_add(part.size).min(len);
    let first = data.partition_point(|range| range.end <= part.offset);
    let inside = data[first..]
        .iter()
        .take_while(move |range| range.start < end);
    inside.map(move |range| {
        let start = range.start.saturating_sub(AROUND).max(part.offset);
        start..range.end.saturating_add(AROUND).min(end)
    })
}

/// A part of what is loaded.
struct Window<'a> {
    bytes: &'a [u8],
    /// What is searched; the rest stands around it.
    own: Range<usize>,
    /// The address of the first byte.
    here: u64,
}

impl<'a> Window<'a> {
    fn around(&self, at: usize) -> Holder<'a> {
        let from = at.saturating_sub(AROUND as usize);
        let to = self.bytes.len().min(at + AROUND as usize);
        Holder::Code(&self.bytes[from..to])
    }

    /// Four bytes as a number.
    fn value(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    /// Eight bytes as a number.
    fn word(&self, at: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
    }
}

struct Search<F> {
    /// Whether addresses are known when the program is linked, so that code may have them as they are.
    is_fixed: bool,
    /// The page that each register of AArch64 had last.
    pages: [Option<u64>; 32],
    note: F,
}

impl<F: FnMut(u64, Holder<'_>)> Search<F> {
    fn window(&mut self, machine: u16, is_code: bool, window: &Window<'_>) {
        self.data(window);
        match machine {
            machine if is_code && machine == EM_X86_64.0 => self.x86_64(window),
            machine if is_code && machine == EM_AARCH64.0 => self.aarch64(window),
            _ => {}
        }
    }

    /// Addresses in data, and those that the loader adds where it loads the file to (`DT_RELA`, `DT_RELR`).
    fn data(&mut self, window: &Window<'_>) {
        let own = &window.own;
        let odd = window.here.wrapping_add(own.start as u64) % 8;
        let first = own.start + ((8 - odd) % 8) as usize;
        for at in (first..own.end).step_by(8) {
            let Some(word) = window.word(at) else {
                return;
            };
            (self.note)(word, Holder::Data(window.word(at + 8).unwrap_or_default()));
            // An entry of `DT_RELA`: where, what kind, and the address.
            let kind = at.checked_sub(8).and_then(|at| window.word(at));
            let place = at.checked_sub(16).and_then(|at| window.word(at));
            if let (Some(kind), Some(place)) = (kind, place)
                && RELATIVE.contains(&kind)
            {
                (self.note)(word, Holder::Loaded(place));
            }
        }
    }

    /// Distances from the end of an instruction, `lea` to a register of 64 bits, and addresses as they are, `mov` to
    /// one of 32 (Intel's manual, volume 2, 2.2.1.6, "RIP-Relative Addressing", and the two instructions' pages).
    fn x86_64(&mut self, window: &Window<'_>) {
        let own = &window.bytes[window.own.clone()];
        for at in memchr::memchr_iter(LEA, own).map(|at| window.own.start + at) {
            let prefix = at.checked_sub(1).map(|before| window.bytes[before]);
            let is_relative = window.bytes.get(at + 1).is_some_and(|to| to & 0xc7 == 5);
            if let (Some(0x48 | 0x4c), true, Some(distance)) =
                (prefix, is_relative, window.value(at + 2))
            {
                let next = window.here.wrapping_add(at as u64 + 6);
                let to = next.wrapping_add_signed(distance.cast_signed().into());
                (self.note)(to, window.around(at));
            }
        }
        if self.is_fixed {
            let codes = window.own.clone();
            for at in codes.filter(|at| (0xb8..=0xbf).contains(&window.bytes[*at])) {
                if let Some(to) = window.value(at + 1) {
                    (self.note)(to.into(), window.around(at));
                }
            }
        }
    }

    /// A page (`adrp`) and a place in it (`add`), each an instruction (Arm's architecture reference manual, C6.2).
    fn aarch64(&mut self, window: &Window<'_>) {
        for at in window.own.clone().step_by(4) {
            let Some(code) = window.value(at) else {
                return;
            };
            let register = |lowest: u32| ((code >> lowest) & 31) as usize;
            if code & 0x9f00_0000 == 0x9000_0000 {
                let distance = (((code >> 5) & 0x7_ffff) << 2) | ((code >> 29) & 3);
                // Of 21 bits, in pages of 4096 bytes.
                let distance = i64::from((distance << 11).cast_signed() >> 11) << 12;
                let here = window.here.wrapping_add(at as u64) & !0xfff;
                self.pages[register(0)] = Some(here.wrapping_add_signed(distance));
            } else if code & 0xffc0_0000 == 0x9100_0000
                && let Some(page) = self.pages[register(5)]
            {
                let to = page.wrapping_add(u64::from((code >> 10) & 0xfff));
                (self.note)(to, window.around(at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ounce_image::Piece;

    use super::*;
    use crate::testing::elf;

    /// The texts of a file's data that something in its code points to. The file is loaded at 0x10000.
    fn found(data: &[u8], code: impl Fn(u64, u64) -> Vec<u8>, texts: &[&str]) -> Vec<String> {
        let part = |file: &[u8], name: &[u8]| {
            let content = Blob::from_bytes(file.to_vec());
            sections::read(&content).unwrap().get(name).unwrap().offset
        };
        // Its parts lie in the same places whatever the code says.
        let empty = elf(&[(".rodata", data), (".text", &code(0, 0))]);
        let (rodata, text) = (part(&empty, b".rodata"), part(&empty, b".text"));
        let code = code(0x10000 + rodata, 0x10000 + text);
        let file = elf(&[(".rodata", data), (".text", &code)]);
        let machine = u16::from_le_bytes([file[18], file[19]]);
        let offset = |text: &&str| memchr::memmem::find(data, text.as_bytes()).unwrap() as u64;
        let places = texts.iter().map(|text| rodata + offset(text)).collect();
        let found = pointed_at(&Blob::from_bytes(file), machine, &places);
        let is_found = |text: &&&str| found.contains(&(rodata + offset(text)));
        texts
            .iter()
            .filter(is_found)
            .map(|text| (*text).to_owned())
            .collect()
    }

    const DATA: &[u8] = b"\0lbzip2\0unable to sort\0";
    const TEXTS: [&str; 3] = ["bzip2\0", "zip2\0", "sort\0"];

    #[test]
    fn code_says_how_far_away_a_text_is() {
        // lea rdi, [rip + distance] to the third byte of the data, at one place of the code after another.
        for before in 0..9 {
            let code = |data: u64, text: u64| {
                let mut code = vec![0x90; before];
                code.extend([0x48, 0x8d, 0x3d]);
                let next = text + code.len() as u64 + 4;
                code.extend(((data + 2).wrapping_sub(next) as u32).to_le_bytes());
                code
            };
            assert_eq!(found(DATA, code, &TEXTS), ["bzip2\0"]);
        }
    }

    #[test]
    fn code_and_data_have_addresses() {
        let code = |data: u64, _: u64| {
            let address = ((data + 2) as u32).to_le_bytes();
            [[0xbf].as_slice(), &address].concat()
        };
        assert_eq!(found(DATA, code, &TEXTS), ["bzip2\0"]);
        let table = |data: u64, _: u64| [data + 18, 0].map(u64::to_le_bytes).concat();
        assert_eq!(found(DATA, table, &TEXTS), ["sort\0"]);
        assert_eq!(found(DATA, |_, _| vec![0; 64], &TEXTS), [""; 0]);
    }

    #[test]
    fn two_instructions_of_aarch64_make_an_address() {
        // adrp x1, 0x412000; nop; add x0, x1, #0x345; adrp x2, 0x3ff000; add x2, x2, #0x345, as GNU as makes them.
        let code: [u32; 5] = [
            0xb000_0081,
            0xd503_201f,
            0x910d_1420,
            0xd0ff_ffe2,
            0x910d_1442,
        ];
        let code: Vec<u8> = code.iter().flat_map(|code| code.to_le_bytes()).collect();
        let mut found = Vec::new();
        let mut search = Search {
            is_fixed: false,
            pages: [None; 32],
            note: |to, _: Holder<'_>| found.push(to),
        };
        search.aarch64(&Window {
            bytes: &code,
            own: 0..code.len(),
            here: 0x40_1000,
        });
        assert_eq!(found, [0x41_2345, 0x3f_f345]);
    }

    #[test]
    fn what_is_damaged_points_nowhere() {
        let places = BTreeSet::from([0, 3, u64::MAX]);
        for len in [0, 4, 64, 100] {
            let file = elf(&[(".rodata", DATA)]);
            let content = Blob::from_bytes(file[..len].to_vec());
            assert_eq!(pointed_at(&content, 62, &places), BTreeSet::new());
        }
    }

    #[test]
    fn a_file_that_loads_itself_again_and_again_is_searched_once() {
        // The header of the one segment is at byte 64, and its address 16 bytes behind that.
        let mut file = elf(&[(".rodata", DATA)]);
        for address in [0, u64::MAX - 64, u64::MAX] {
            file[80..88].copy_from_slice(&address.to_le_bytes());
            let content = Blob::from_bytes(file.clone());
            let _ = pointed_at(&content, 62, &BTreeSet::from([130, 140]));
        }
        let (header, count) = (file[64..120].to_vec(), 1000_u16);
        let at = file.len() as u64;
        file[32..40].copy_from_slice(&at.to_le_bytes());
        file[56..58].copy_from_slice(&count.to_le_bytes());
        file.extend(header.repeat(count.into()));
        let content = Blob::from_bytes(file);
        let sections = sections::read(&content).unwrap();
        assert_eq!(sections.loaded().count(), 1000);
        let mut words = 0;
        each(&content, 62, &sections, |_, _| words += 1).unwrap();
        assert!(words < content.len() / 4, "{words}");
    }

    #[test]
    fn holes_are_not_searched() {
        let mut file = elf(&[(".rodata", DATA)]);
        let hole = 1_u64 << 60;
        // The length of the one segment in the file is at byte 96.
        let whole = (file.len() as u64 + hole).to_le_bytes();
        file[96..104].copy_from_slice(&whole);
        let text = Piece::Slice(Blob::from_bytes(file.clone()));
        let content = Blob::splice([text, Piece::Zeros(hole)]);
        let sections = sections::read(&content).unwrap();
        let mut words = 0;
        each(&content, 62, &sections, |_, _| words += 1).unwrap();
        assert!((1..file.len()).contains(&words), "{words}");
    }
}
