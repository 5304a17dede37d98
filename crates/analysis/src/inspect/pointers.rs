//! Where the code and data of an ELF file point to.
//!
//! A linker stores a text that another one ends with as the end of that one, `bzip2` in `lbzip2` (System V ABI,
//! "Section Attribute Flags": `SHF_MERGE` with `SHF_STRINGS`). Only what points to it tells it from the end of a word.

use std::collections::BTreeSet;
use std::io;

use object::elf::{EM_AARCH64, EM_X86_64};
use ounce_image::Blob;
use rustc_hash::FxHashMap;

use super::sections::{self, Sections};

/// How much is searched at a time; a multiple of the length of an instruction of AArch64.
const WINDOW: u64 = 1 << 20;
/// The longest instruction or value that is looked for, in bytes.
const LONGEST: u64 = 8;
/// `lea`, behind a prefix that says where to.
const LEA: u8 = 0x8d;
/// Programs that are not loaded where the kernel likes begin no lower (the linker's `-Ttext-segment`).
const LEAST_FIXED: u64 = 0x1_0000;
/// The table of functions of a program of Go (Go's `src/debug/gosym/pclntab.go`).
const GO: &[u8] = b".gopclntab";

/// Those of these places, offsets in the file, that something in it points to. What code points to is known for x86-64
/// and AArch64 only. None in a program of Go, whose texts have a length and no zero behind them.
pub fn pointed_at(content: &Blob, machine: u16, places: &BTreeSet<u64>) -> BTreeSet<u64> {
    let sections = sections::read(content).filter(|_| !places.is_empty());
    let Some(sections) = sections.filter(|sections| sections.get(GO).is_none()) else {
        return BTreeSet::new();
    };
    let mut search = Search::new(&sections, places);
    // What cannot be read points nowhere.
    let _ = search.all(content, machine, &sections);
    search.found
}

struct Search {
    /// The places by their addresses.
    wanted: FxHashMap<u64, u64>,
    /// The lowest address of them, and the highest.
    span: (u64, u64),
    /// Whether addresses are known when the program is linked, so that code may have them as they are.
    is_fixed: bool,
    /// The page that each register of AArch64 had last.
    pages: [Option<u64>; 32],
    found: BTreeSet<u64>,
}

impl Search {
    fn new(sections: &Sections, places: &BTreeSet<u64>) -> Self {
        let address = |place: &u64| Some((sections.address(*place)?, *place));
        let wanted: FxHashMap<u64, u64> = places.iter().filter_map(address).collect();
        let lowest = wanted.keys().min().copied();
        let highest = wanted.keys().max().copied();
        let begin = sections.loaded().map(|(_, address, _)| address).min();
        Self {
            span: (lowest.unwrap_or(u64::MAX), highest.unwrap_or_default()),
            wanted,
            is_fixed: begin.is_some_and(|begin| begin >= LEAST_FIXED),
            pages: [None; 32],
            found: BTreeSet::new(),
        }
    }

    fn all(&mut self, content: &Blob, machine: u16, sections: &Sections) -> io::Result<()> {
        let mut buf = vec![0; (WINDOW + LONGEST).min(content.len()) as usize];
        for (part, address, is_code) in sections.loaded() {
            let end = part.offset.saturating_add(part.size).min(content.len());
            let mut at = part.offset;
            while at < end {
                let len = (end - at).min(buf.len() as u64) as usize;
                let window = &mut buf[..len];
                content.read_exact_at(at, window)?;
                let here = address.wrapping_add(at - part.offset);
                self.data(window, here);
                match machine {
                    machine if is_code && machine == EM_X86_64.0 => self.x86_64(window, here),
                    machine if is_code && machine == EM_AARCH64.0 => self.aarch64(window, here),
                    _ => {}
                }
                at += WINDOW;
            }
        }
        Ok(())
    }

    fn note(&mut self, address: u64) {
        if address >= self.span.0
            && address <= self.span.1
            && let Some(place) = self.wanted.get(&address)
        {
            self.found.insert(*place);
        }
    }

    /// Addresses in data, and those that the loader adds where it loads the file to (`DT_RELA`, `DT_RELR`).
    fn data(&mut self, window: &[u8], here: u64) {
        let first = here.next_multiple_of(8) - here;
        let words = window.get(first as usize..).unwrap_or_default();
        for word in words.chunks_exact(8) {
            self.note(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
    }

    /// Distances from the end of an instruction, `lea` to a register of 64 bits, and addresses as they are, `mov` to
    /// one of 32 (Intel's manual, volume 2, 2.2.1.6, "RIP-Relative Addressing", and the two instructions' pages).
    fn x86_64(&mut self, window: &[u8], here: u64) {
        let value = |at: usize| {
            let bytes = window.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
        };
        for at in memchr::memchr_iter(LEA, window) {
            let prefix = at.checked_sub(1).map(|before| window[before]);
            let is_relative = window.get(at + 1).is_some_and(|to| to & 0xc7 == 5);
            if let (Some(0x48 | 0x4c), true, Some(distance)) = (prefix, is_relative, value(at + 2))
            {
                let next = here + at as u64 + 6;
                self.note(next.wrapping_add_signed(distance.cast_signed().into()));
            }
        }
        if self.is_fixed {
            let codes = window.iter().enumerate();
            for (at, _) in codes.filter(|(_, code)| (0xb8..=0xbf).contains(*code)) {
                value(at + 1)
                    .into_iter()
                    .for_each(|to| self.note(to.into()));
            }
        }
    }

    /// A page (`adrp`) and a place in it (`add`), each an instruction (Arm's architecture reference manual, C6.2).
    fn aarch64(&mut self, window: &[u8], here: u64) {
        for (at, code) in (here..).step_by(4).zip(window.chunks_exact(4)) {
            let code = u32::from_le_bytes(code.try_into().expect("four bytes"));
            let register = |lowest: u32| ((code >> lowest) & 31) as usize;
            if code & 0x9f00_0000 == 0x9000_0000 {
                let distance = (((code >> 5) & 0x7_ffff) << 2) | ((code >> 29) & 3);
                // Of 21 bits, in pages of 4096 bytes.
                let distance = i64::from((distance << 11).cast_signed() >> 11) << 12;
                self.pages[register(0)] = Some((at & !0xfff).wrapping_add_signed(distance));
            } else if code & 0xffc0_0000 == 0x9100_0000
                && let Some(page) = self.pages[register(5)]
            {
                self.note(page.wrapping_add(u64::from((code >> 10) & 0xfff)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        let mut search = Search {
            wanted: FxHashMap::from_iter([(0x41_2345, 1), (0x41_2346, 2), (0x3f_f345, 3)]),
            span: (0x3f_f345, 0x41_2346),
            is_fixed: false,
            pages: [None; 32],
            found: BTreeSet::new(),
        };
        // adrp x1, 0x412000; nop; add x0, x1, #0x345; adrp x2, 0x3ff000; add x2, x2, #0x345, as GNU as makes them.
        let code: [u32; 5] = [
            0xb000_0081,
            0xd503_201f,
            0x910d_1420,
            0xd0ff_ffe2,
            0x910d_1442,
        ];
        let code: Vec<u8> = code.iter().flat_map(|code| code.to_le_bytes()).collect();
        search.aarch64(&code, 0x40_1000);
        assert_eq!(search.found, BTreeSet::from([1, 3]));
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
}
