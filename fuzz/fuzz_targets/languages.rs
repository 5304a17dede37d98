//! What languages' package managers and compilers leave, with arbitrary content: manifests, archives, compiled code,
//! and notes in programs; and the ways that lead from requests to packages.
//!
//! The input is text in parts between lines that hold only `%`, one part for each file of [`FILES`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use ounce_analysis::Packages;
use ounce_analysis::inspect::code::Form;
use ounce_analysis::inspect::{bundle, packed, pyinstaller};
use ounce_analysis::packages::requests::{Came, Graph};
use ounce_fuzz::{layer, parts};
use ounce_image::{Blob, Tree};

/// The files that the parts of the input become, in order.
const FILES: [&str; 10] = [
    "srv/program",
    "srv/tool.jar",
    "usr/lib/ruby/gems/3.1.0/specifications/default/tool-1.0.gemspec",
    "usr/lib/R/library/tool/DESCRIPTION",
    "app/package.json",
    "app/node_modules/tool/package.json",
    "opt/conda/conda-meta/history",
    "opt/conda/conda-meta/tool-1.0-0.json",
    "opt/conda/lib/python3.12/site-packages/tool-1.0.dist-info/METADATA",
    "opt/conda/lib/python3.12/site-packages/tool-1.0.dist-info/direct_url.json",
];

/// What they may speak of: modules in modules, links between them, and a loop.
const CONTENT: &str = "\
[CONTENT]
app/node_modules/.bin/tool -> ../tool/cli.js
app/node_modules/tool/cli.js = x
app/node_modules/tool/node_modules/a/package.json = {\"name\":\"a\",\"dependencies\":{\"tool\":\"1\"}}
app/node_modules/a -> a
app/node_modules/w -> ../w
app/w/package.json = {\"dependencies\":{\"tool\":\"1\",\"a\":\"*\"}}
opt/conda/conda-meta/a.json = {\"name\":\"a\",\"version\":\"1\",\"depends\":[\"tool\"]}
opt/conda/lib/python3.12/site-packages/a.dist-info/METADATA = Name: a\\nRequires-Dist: tool\\n
usr/lib/R/library/tool/Meta/package.rds = x
usr/lib/ruby/3.1.0/x86_64-linux/tool.so = x
";

fuzz_target!(|bytes: &[u8]| {
    let files: Vec<_> = FILES.into_iter().zip(parts(bytes)).collect();
    for (_, content) in &files {
        let program = Blob::from_bytes(content.to_vec());
        for form in Form::of(b"", &program)
            .into_iter()
            .chain([Form::R, Form::Python])
        {
            if let Ok(opened) = form
                .open(&program)
                .and_then(|opened| opened.read_all(1 << 30))
            {
                let _ = form.read(&opened);
            }
        }
        let _ = packed::packer(&program);
        for entry in pyinstaller::entries(&program).unwrap_or_default() {
            let _ = pyinstaller::read(&program, &entry);
        }
        for entry in bundle::entries(&program).unwrap_or_default() {
            let _ = bundle::read(&program, &entry);
        }
    }
    let written = ounce_testkit::archive(&files);
    let content = &ounce_testkit::image(CONTENT).layers[0];
    let layers = [content, &written].map(|tar| layer(tar).expect("the test's own layers"));
    let tree = Tree::build(&layers).expect("the test's own layers");
    let packages = Packages::load(&tree, &mut Vec::new());
    let graph = Graph::new(&tree, &packages);
    for package in packages.iter() {
        assert!(tree.is_directory(package.prefix), "{package:?}");
        assert!(tree.leaf_of(package.record).is_some(), "{package:?}");
        for file in &package.files {
            assert!(tree.leaf_of(*file).is_some(), "{package:?}");
            assert!(packages.owner(*file).is_some(), "{package:?}");
        }
        for chain in graph.chains(package, 3) {
            let last = chain.steps.last().expect("a chain has its package");
            assert!(std::ptr::eq(last.package, package), "{chain:?}");
            assert_eq!(chain.steps[0].how, Came::Asked, "{chain:?}");
        }
        let found = packages.find(&package.name);
        assert!(!found.is_empty(), "{package:?}");
    }
});
