//! Arbitrary bytes as glibc's archive of locales.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::locale_archive::names;
use ounce_image::Blob;

fuzz_target!(|bytes: &[u8]| {
    let _ = names(&Blob::from_bytes(bytes.to_vec()));
});
