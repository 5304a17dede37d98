//! Arbitrary Dockerfiles: printing what was read gives the file back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::dockerfile::parse::Dockerfile;

fuzz_target!(|bytes: &[u8]| {
    let file = Dockerfile::parse(bytes);
    assert_eq!(file.print(), bytes);
});
