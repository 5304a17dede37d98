//! Arbitrary bytes as an ELF file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::{elf::inspect, sections::sections};
use ounce_image::Blob;

fuzz_target!(|bytes: &[u8]| {
    let content = Blob::from_bytes(bytes.to_vec());
    let _ = inspect(&content);
    let total: u64 = sections(&content).iter().map(|(_, size)| size).sum();
    assert!(total <= content.len());
});
