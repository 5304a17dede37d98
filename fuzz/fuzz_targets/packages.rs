//! The databases of package managers with arbitrary content.
//!
//! The input is text in parts between lines that hold only `%`, one part for each file of [`FILES`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_fuzz::{parts, read_packages};

/// The files that the parts of the input become, in order.
const FILES: [&str; 13] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/tool.list",
    "var/lib/dpkg/info/tool.md5sums",
    "var/lib/dpkg/status.d/base",
    "opt/conda/conda-meta/tool-1.0-0.json",
    "opt/conda/lib/python3/site-packages/tool-1.0.dist-info/METADATA",
    "opt/conda/lib/python3/site-packages/tool-1.0.dist-info/RECORD",
    "usr/lib/python3/dist-packages/old.egg-info/PKG-INFO",
    "usr/lib/python3/dist-packages/old.egg-info/top_level.txt",
    "var/lib/dpkg/diversions",
    "var/lib/apt/extended_states",
    "lib/apk/db/installed",
    "etc/apk/world",
];

/// What the databases may speak of: files, links in and out of folders, and a loop.
const CONTENT: &str = "\
[CONTENT]
bin -> usr/bin
usr/bin/tool (0755) = #!/bin/sh\\n
usr/bin/t == usr/bin/tool
usr/bin/loop -> loop
opt/conda/bin/tool -> ../../../usr/bin/tool
opt/conda/lib/python3/site-packages/tool/__init__.py = pass\\n
opt/conda/lib/python3/site-packages/tool/__pycache__/__init__.cpython-311.pyc = x
usr/lib/python3/dist-packages/old/a.py = pass\\n
";

fuzz_target!(|bytes: &[u8]| {
    let files: Vec<_> = FILES.into_iter().zip(parts(bytes)).collect();
    read_packages(CONTENT, &files);
});
