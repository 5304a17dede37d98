//! Arbitrary bytes as a shell script, and as the loader's cache.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::{ld_so_cache, shell};

fuzz_target!(|bytes: &[u8]| {
    let _ = shell::read(bytes, &|name| (name == b"PATH").then(|| b"/bin".to_vec()));
    let _ = ld_so_cache::read(bytes);
});
