//! Texts that are stored with their lengths, and without a zero behind them, as Go and Rust do.
//!
//! They stand side by side, so nothing in them says where one begins and ends. What takes one has its address and
//! its length: code in instructions close to each other, data in one value behind the other (`StringHeader` of Go's
//! `src/reflect/value.go`; a slice in Rust). Short ones may be a part of the code.

use std::io;
use std::ops::RangeInclusive;

use object::elf::EM_AARCH64;
use ounce_image::Blob;

use super::go;
use super::near::Near;
use super::needles::AnyOf;
use super::pointers::{self, Holder};
use super::sections::Sections;

/// What every program with Rust's standard library asks the environment for (`std::panic::get_backtrace_style`).
const RUST: &str = "RUST_BACKTRACE";
/// How many are read at once: 16 MB.
const AT_ONCE: usize = 1 << 20;
/// The functions of Go that start a program, by the names in the table of functions (Go's `src/syscall/exec_unix.go`).
const GO_STARTS: [&str; 2] = ["syscall.forkExec", "syscall.Exec"];

/// Whether a file stores texts so.
pub fn is_counted(content: &Blob, sections: &Sections) -> bool {
    go::functions(sections).is_some() || holds(content, &[RUST])
}

/// Whether a file that stores texts so may start programs; `calls` says whether it takes a function of the C library
/// that does, which programs of Go do without.
pub fn may_start(content: &Blob, sections: &Sections, calls: bool) -> bool {
    go::functions(sections).map_or(calls, |part| {
        let end = part.offset.saturating_add(part.size);
        holds(&content.slice(part.offset..end), &GO_STARTS)
    })
}

fn holds(content: &Blob, texts: &[&str]) -> bool {
    AnyOf::new(texts).is_some_and(|search| search.is_in(content))
}

/// Calls `tell` for every text whose length, in bytes, is in a range, with its offset; also for what only may be one.
///
/// # Errors
/// The content cannot be read.
pub fn each(
    content: &Blob,
    machine: u16,
    sections: &Sections,
    lengths: RangeInclusive<u64>,
    mut tell: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut found = Found {
        near: Near::new(content),
        sections,
        lengths,
        texts: Vec::new(),
        loaded: Vec::new(),
    };
    pointers::each(content, machine, sections, |to, holder| {
        match holder {
            Holder::Code(code) => {
                let near = in_code(code, machine).filter(|len| found.lengths.contains(len));
                found.texts.extend(near.map(|len| (to, len)));
            }
            Holder::Data(len) if found.lengths.contains(&len) => found.texts.push((to, len)),
            Holder::Data(_) => {}
            Holder::Loaded(place) => found.loaded.push((place, to)),
        }
        if found.texts.len() + found.loaded.len() >= AT_ONCE {
            found.tell(&mut tell);
        }
    })?;
    found.tell(&mut tell);
    Ok(())
}

/// What may be texts, until they are read.
struct Found<'a> {
    near: Near<'a>,
    sections: &'a Sections,
    lengths: RangeInclusive<u64>,
    /// Addresses with lengths.
    texts: Vec<(u64, u64)>,
    /// Where the loader puts addresses, each before its length.
    loaded: Vec<(u64, u64)>,
}

impl Found<'_> {
    fn tell(&mut self, tell: &mut impl FnMut(u64, &[u8])) {
        self.loaded.sort_unstable();
        for (place, to) in self.loaded.drain(..) {
            let offset = place
                .checked_add(8)
                .and_then(|place| self.sections.offset(place));
            let len = offset.and_then(|offset| self.near.bytes(offset, 8));
            let len = len.map(|len| u64::from_le_bytes(len.try_into().expect("eight bytes")));
            self.texts.extend(
                len.filter(|len| self.lengths.contains(len))
                    .map(|len| (to, len)),
            );
        }
        self.texts.sort_unstable();
        self.texts.dedup();
        for (to, len) in self.texts.drain(..) {
            if let Some(offset) = self.sections.offset(to)
                && let Some(text) = self.near.bytes(offset, len as usize)
            {
                tell(offset, text);
            }
        }
    }
}

/// The small numbers in code, each of which may be a length.
fn in_code(code: &[u8], machine: u16) -> impl Iterator<Item = u64> {
    let is_arm = machine == EM_AARCH64.0;
    let every = if is_arm { 4 } else { 1 };
    let values = code
        .windows(4)
        .step_by(every)
        .map(|value| u32::from_le_bytes(value.try_into().expect("four bytes")));
    values.filter_map(move |value| match is_arm {
        // `movz` (Arm's architecture reference manual, C6.2).
        true => (value & 0x7fe0_0000 == 0x5280_0000).then_some(((value >> 5) & 0xffff).into()),
        false => Some(value.into()),
    })
}

#[cfg(test)]
mod tests {
    use object::elf::EM_X86_64;

    use super::*;
    use crate::inspect::sections;
    use crate::testing::elf;

    const DATA: &[u8] = b"gitless.tarRUST_BACKTRACE";

    /// Where a part of a file is loaded.
    fn place(file: &[u8], name: &[u8]) -> u64 {
        let content = Blob::from_bytes(file.to_vec());
        0x10000 + sections::read(&content).unwrap().get(name).unwrap().offset
    }

    /// The texts of three and four bytes in a file with this code or data, which is told where the texts are and where
    /// it is itself.
    fn found(part: &str, content: impl Fn(u64, u64) -> Vec<u8>) -> Vec<String> {
        let file = |content: &[u8]| elf(&[(".rodata", DATA), (part, content)]);
        let empty = file(&content(0, 0));
        let content = content(place(&empty, b".rodata"), place(&empty, part.as_bytes()));
        let content = Blob::from_bytes(file(&content));
        let sections = sections::read(&content).unwrap();
        assert!(is_counted(&content, &sections));
        let mut out = Vec::new();
        let note = |_, text: &[u8]| out.push(String::from_utf8_lossy(text).into_owned());
        each(&content, EM_X86_64.0, &sections, 3..=4, note).unwrap();
        out
    }

    /// `lea rax, [rip + distance]`.
    fn lea(to: u64, here: u64) -> Vec<u8> {
        let distance = to.wrapping_sub(here + 7) as u32;
        [&[0x48, 0x8d, 5], distance.to_le_bytes().as_slice()].concat()
    }

    #[test]
    fn code_has_the_address_and_the_length() {
        let before = |data: u64, here: u64| {
            let len = [0xba, 4, 0, 0, 0];
            [len.to_vec(), lea(data + 3, here + 5)].concat()
        };
        assert_eq!(found(".text", before), ["less"]);
        let behind = |data: u64, here: u64| [lea(data, here), vec![0xbb, 3, 0, 0, 0]].concat();
        assert_eq!(found(".text", behind), ["git"]);
        let far = |data: u64, here: u64| {
            [lea(data, here), vec![0x90; 60], vec![0xbb, 3, 0, 0, 0]].concat()
        };
        assert_eq!(found(".text", far), [""; 0]);
    }

    #[test]
    fn data_has_the_address_and_the_length() {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let here = |data: u64, _| words(&[data, 3, data + 3, 5]);
        assert_eq!(found(".data", here), ["git"]);
        // As the loader is told: where, what kind, and what; the length stands there already.
        let loaded = |data: u64, here: u64| words(&[here + 32, 8, data + 3, 0, 0, 4]);
        assert_eq!(found(".data", loaded), ["less"]);
        let other = |data: u64, here: u64| words(&[here + 32, 6, data + 3, 0, 0, 4]);
        assert_eq!(found(".data", other), [""; 0]);
    }

    #[test]
    fn programs_of_go_start_others_by_themselves() {
        for (function, may) in [("syscall.forkExec", true), ("syscall.read", false)] {
            let content = Blob::from_bytes(elf(&[(".gopclntab", function.as_bytes())]));
            let sections = sections::read(&content).unwrap();
            assert!(is_counted(&content, &sections));
            for calls in [false, true] {
                assert_eq!(may_start(&content, &sections, calls), may, "{function}");
            }
        }
    }

    #[test]
    fn instructions_of_aarch64_have_lengths() {
        // mov w1, #4; movz x2, #3, lsl #0; add x0, x0, #5, as GNU as makes them.
        let code: [u32; 3] = [0x5280_0081, 0xd280_0062, 0x9100_1400];
        let code: Vec<u8> = code.iter().flat_map(|code| code.to_le_bytes()).collect();
        let lengths: Vec<u64> = in_code(&code, EM_AARCH64.0).collect();
        assert_eq!(lengths, [4, 3]);
    }
}
