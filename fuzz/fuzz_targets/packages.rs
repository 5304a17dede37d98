//! The databases of package managers with arbitrary content.
//!
//! The input is text in parts between lines that hold only `%`, one part for each file of [`FILES`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::Packages;
use ounce_fuzz::{layer, parts};
use ounce_image::Tree;

/// The files that the parts of the input become, in order.
const FILES: [&str; 9] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/tool.list",
    "var/lib/dpkg/info/tool.md5sums",
    "var/lib/dpkg/status.d/base",
    "opt/conda/conda-meta/tool-1.0-0.json",
    "opt/conda/lib/python3/site-packages/tool-1.0.dist-info/METADATA",
    "opt/conda/lib/python3/site-packages/tool-1.0.dist-info/RECORD",
    "usr/lib/python3/dist-packages/old.egg-info/PKG-INFO",
    "usr/lib/python3/dist-packages/old.egg-info/top_level.txt",
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
    let databases = ounce_testkit::archive(&files);
    let content = &ounce_testkit::image(CONTENT).layers[0];
    let layers = [content, &databases].map(|tar| layer(tar).expect("the test's own layers"));
    let tree = Tree::build(&layers).expect("the test's own layers");
    let mut problems = Vec::new();
    let packages = Packages::load(&tree, &mut problems);
    for package in packages.iter() {
        assert!(tree.is_directory(package.prefix), "{package:?}");
        assert!(tree.leaf_of(package.record).is_some(), "{package:?}");
        for file in &package.files {
            assert!(tree.leaf_of(*file).is_some(), "{package:?}");
            assert!(packages.owner(*file).is_some(), "{package:?}");
        }
    }
});
