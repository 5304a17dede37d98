//! Arbitrary bytes as an ELF file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::elf::{imports, inspect};
use ounce_image::Blob;

fuzz_target!(|bytes: &[u8]| {
    let content = Blob::from_bytes(bytes.to_vec());
    let _ = inspect(&content);
    let _ = imports(&content);
});
