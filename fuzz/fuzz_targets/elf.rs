//! Arbitrary bytes as an ELF file.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::elf::{imports, inspect};
use ounce_analysis::inspect::{counted, pointers, sections};
use ounce_image::Blob;

fuzz_target!(|bytes: &[u8]| {
    let content = Blob::from_bytes(bytes.to_vec());
    let machine = inspect(&content).ok().flatten().map(|elf| elf.machine.1);
    let _ = imports(&content);
    for machine in machine.into_iter().chain([62, 183]) {
        pointers::pointed_at(&content, machine, &BTreeSet::from([0, 64, u64::MAX]));
        if let Some(sections) = sections::read(&content) {
            let _ = counted::each(&content, machine, &sections, 3..=64, |at, text| {
                assert!(at + text.len() as u64 <= bytes.len() as u64);
            });
        }
    }
});
