use std::path::Path;

use ounce_image::format::{self, Reference};
use ounce_image::{Platform, Progress, Store};

use super::*;
use crate::dockerfile::Safety;
use crate::plan::{Options, plan};
use crate::rules::Context;

/// What each finding in a file costs in an image, as `RULE BYTES PART...`.
fn said(file: &str, image: &str) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    std::fs::write(&path, ounce_testkit::image(image).docker_archive()).unwrap();
    let opened = open(&path);
    let tree = Tree::build(&opened.layers).unwrap();
    let packages = Packages::load(&tree, &mut Vec::new());
    let context = Context::new(&tree, &opened.config, &packages);
    let plan = plan(&context, &Options::default(), &Progress::default()).unwrap();
    let items = crate::ledger::items(&opened, &tree, &packages, &plan).unwrap();
    let built = Built {
        image: &opened,
        tree: &tree,
        packages: &packages,
        plan: &plan,
        items: &items,
    };
    let findings =
        dockerfile::lint(file.as_bytes(), &dockerfile::Options::default(), None).findings;
    let Some(costs) = costs(file.as_bytes(), &findings, &built).unwrap() else {
        return vec!["another image".to_owned()];
    };
    let each = findings.iter().zip(&costs.each);
    let shown = each.filter_map(|(finding, cost)| {
        let cost = cost.as_ref()?;
        let parts = listed(&cost.parts);
        let needed: Vec<_> = cost
            .needed
            .iter()
            .map(|(why, _)| format!("; {why}"))
            .collect();
        Some(format!(
            "{} {}{}{}",
            finding.rule.id,
            cost.size.disk,
            parts,
            needed.concat()
        ))
    });
    let rest = costs.rest.iter();
    let rest = rest.map(|rest| format!("rest {:?}{}", rest.instruction, listed(&rest.parts)));
    shown.chain(rest).collect()
}

fn listed(parts: &[(String, u64)]) -> String {
    parts
        .iter()
        .map(|(name, disk)| format!(" {name}:{disk}"))
        .collect()
}

fn open(path: &Path) -> Image {
    let text = path.to_string_lossy();
    let (store, progress) = (Store::none(), Progress::default());
    let reference = Reference::parse_existing(&text, &store, &progress).unwrap();
    let platform = Platform {
        architecture: "amd64".into(),
        ..Platform::host()
    };
    format::open(&reference, &platform, &store, &progress).unwrap()
}

const APT: &str = "[base]\n\
    usr/bin/a *5\n\
    [/bin/sh -c apt-get update && apt-get install -y b]\n\
    usr/bin/b *7\n\
    var/lib/apt/lists/archive_dists_main_binary-amd64_Packages *900\n\
    var/cache/apt/archives/b.deb *50\n";

#[test]
fn a_finding_costs_what_the_rules_for_images_find_in_its_layer() {
    let file = "FROM x@sha256:0\nRUN apt-get update && apt-get install -y b\n";
    let wanted = [
        "apt-lists-left 900 apt package lists:900",
        "apt-recommends 0",
        "rest Some(1) apt package cache:50",
    ];
    assert_eq!(said(file, APT), wanted);
    let other = "FROM x@sha256:0\nRUN apt-get update && apt-get install -y c\n";
    assert_eq!(said(other, APT), ["another image"]);
}

#[test]
fn what_is_not_there_costs_nothing_and_what_was_hidden_belongs_to_its_removal() {
    let file = "FROM x@sha256:0\nRUN pip install b\nRUN apt-get update && apt-get install -y b\nRUN rm -rf /var/lib/apt/lists/*\n";
    let image = "[/bin/sh -c pip install b]\nusr/c *3\n[/bin/sh -c apt-get update && apt-get install -y b]\n\
        var/lib/apt/lists/archive_dists_main_binary-amd64_Packages *900\n\
        [/bin/sh -c rm -rf /var/lib/apt/lists/*]\n\
        var/lib/apt/lists/.wh.archive_dists_main_binary-amd64_Packages\n";
    let wanted = [
        "pip-cache-left 0",
        "apt-recommends 0",
        "late-removal 900 /var/lib/apt:900",
    ];
    assert_eq!(said(file, image), wanted);
}

#[test]
fn a_byte_counts_once() {
    let file = "FROM x@sha256:0\nRUN pip install b && pip install c\n";
    let image = "[/bin/sh -c pip install b && pip install c]\nroot/.cache/pip/http/a/b *70\nroot/.cache/pip/selfcheck/c *7\n";
    let costs = said(file, image);
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert!(costs[0].starts_with("pip-cache-left 77 "), "{costs:?}");
}

#[test]
fn what_is_copied_twice_is_hidden_once() {
    let file = "FROM x@sha256:0\nCOPY a /a\nRUN chown -R u:u /a\n";
    let image = "[COPY a /a # buildkit]\na/b *40\na/c *2\n[RUN /bin/sh -c chown -R u:u /a # buildkit]\na/b *40\na/c (1:1) *2\n";
    assert_eq!(said(file, image), ["copied-then-changed 42 /a:42"]);
}

#[test]
fn a_base_to_build_in_costs_what_builds_and_what_compiles_is_told() {
    let file = "FROM rust@sha256:0\nRUN b\n";
    let image = "[base]\nusr/lib/gcc/x86_64-linux-gnu/12/cc1 *600\nusr/include/stdio.h *9\nusr/lib/a *5\n[/bin/sh -c b]\nusr/include/b.h *4\n";
    let costs = said(file, image);
    assert_eq!(costs.len(), 1, "{costs:?}");
    assert!(
        costs[0].starts_with("development-base 609 Compilers and linkers:600"),
        "{costs:?}"
    );
}

#[test]
fn fixes_are_the_same_with_an_image_at_hand() {
    let file = "FROM x@sha256:0\nRUN apt-get update && apt-get install -y b\n";
    let fixed = dockerfile::fix::fix(
        file.as_bytes(),
        &dockerfile::Options::default(),
        Safety::Safe,
        None,
    );
    assert_eq!(
        said(&String::from_utf8(fixed.text).unwrap(), APT),
        ["another image"]
    );
}

#[test]
fn compilers_cost_what_came_for_them_and_what_compiles_needs_them() {
    let package = |name: &str, rest: &str| {
        format!(
            "Package: {name}\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n{rest}\\n"
        )
    };
    let status = [
        package("gcc", "Depends: cc1\\n"),
        package("cc1", ""),
        package("tool", ""),
        package("pocl", ""),
    ];
    let image = format!(
        "[/bin/sh -c apt-get install -y gcc tool]\n\
        usr/bin/gcc *40\nusr/bin/cc1 *600\nusr/bin/tool *7\n\
        var/lib/dpkg/info/gcc.list = /usr/bin/gcc\\n\nvar/lib/dpkg/info/cc1.list = /usr/bin/cc1\\n\n\
        var/lib/dpkg/info/tool.list = /usr/bin/tool\\n\n\
        var/lib/apt/extended_states = Package: cc1\\nArchitecture: all\\nAuto-Installed: 1\\n\n\
        var/lib/dpkg/status = {}\n[/bin/sh -c make]\nusr/made *3\n",
        status.concat()
    );
    let file = "FROM x@sha256:0\nRUN apt-get install -y gcc tool\nRUN make\n";
    let costs = said(file, &image);
    // With what dpkg keeps of them.
    let cost = costs.iter().find(|cost| cost.starts_with("compilers-left"));
    let cost = cost.unwrap_or_else(|| panic!("{costs:?}"));
    assert!(
        cost.starts_with("compilers-left 666 cc1:613 gcc:53; dpkg pocl "),
        "{cost}"
    );
}
