//! Arbitrary Dockerfiles: printing what was read gives the file back, and what fixes make of a file that builders
//! take is one that they take, and has nothing more to fix.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::dockerfile::fix::fix;
use ounce_analysis::dockerfile::parse::Dockerfile;
use ounce_analysis::dockerfile::{Options, Safety, shell};

fuzz_target!(|bytes: &[u8]| {
    let file = Dockerfile::parse(bytes);
    assert_eq!(file.print(), bytes);
    let _ = shell::parse(bytes);
    let fixed = fix(bytes, &Options::default(), Safety::Unsafe, None);
    match file.problems.is_empty() {
        true => assert_eq!(Dockerfile::parse(&fixed.text).problems, []),
        false => assert_eq!(fixed.text, bytes),
    }
    let again = fix(&fixed.text, &Options::default(), Safety::Unsafe, None);
    assert_eq!(again.text, fixed.text);
});
