//! Arbitrary bytes as a Python source, a `.pth` file and a list of entry points.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::inspect::python;

fuzz_target!(|bytes: &[u8]| {
    let (facts, _) = python::inspect(bytes);
    for pattern in &facts.dynamic {
        let _ = pattern.may_be("a.b.tests", "a.b", true);
    }
    let _ = python::pth(bytes);
    let _ = python::entry_points(bytes);
});
