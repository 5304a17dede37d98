//! The compilers that conda packages draw in: `<prefix>/<triplet>-conda*-linux-gnu`, with its
//! system root, and the packages of GCC and binutils.
//!
//! **Why it is safe.** They are there to build packages. Python environments get them as a
//! dependency (`python` -> `ld_impl_linux-64`, `gxx_linux-64`), and nothing in them calls them.
//!
//! **Evidence.** The toolchain stays or goes as one. It stays when anything that stays names one of
//! its files or calls one of its programs by name, when the image starts one, or when the
//! environment or the image holds something that compiles when it runs or exists to build: see
//! `crates/analysis/src/knowledge/compiles.toml`, each row with its source. What Python's
//! `_sysconfigdata` and pkg-config files say about how they were built is no such reference.
//!
//! **Example.** 482 MB of `/opt/conda/x86_64-conda-linux-gnu` in an image that aligns reads.

use std::collections::BTreeSet;

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, compilers};
use crate::finding::{Claim, Guard, Unit};
use crate::packages::{Ecosystem, Package};

pub(super) const RULE: Rule = Rule {
    id: "conda-toolchain",
    title: "conda compile-time toolchain",
    tier: Tier::Safe,
    why: "compilers, linker and system root; nothing that stays calls them",
    source: include_str!("conda_toolchain.rs"),
    find,
};

/// The packages of conda-forge's compilers that carry a triplet or platform in their name
/// (github.com/conda-forge/ctng-compilers-feedstock and binutils-feedstock, recipe/meta.yaml).
/// `gcc`, `gxx` and `compilers`, which give plain names to them, are asked for on purpose.
const PACKAGES: [&str; 12] = [
    "gcc_impl_",
    "gxx_impl_",
    "gfortran_impl_",
    "gcc_linux-",
    "gxx_linux-",
    "gfortran_linux-",
    "binutils_impl_",
    "binutils_linux-",
    "ld_impl_",
    "sysroot_linux-",
    "kernel-headers_linux-",
    "libgcc-devel_linux-",
];

/// As above; the C++ library's static and debug files.
const DEVEL: &str = "libstdcxx-devel_linux-";

fn find(context: &Context<'_>) -> Vec<Claim> {
    context
        .conda_prefixes
        .iter()
        .filter_map(|prefix| toolchain(context, *prefix))
        .collect()
}

fn toolchain(context: &Context<'_>, prefix: NodeId) -> Option<Claim> {
    let tree = context.tree;
    let packages: Vec<&Package> = context
        .packages
        .iter()
        .filter(|package| {
            package.ecosystem == Ecosystem::Conda
                && package.prefix == prefix
                && is_part(&package.name)
        })
        .collect();
    let mut names: BTreeSet<NodeId> = packages
        .iter()
        .flat_map(|package| package.files.iter().copied())
        .collect();
    for folder in tree
        .children(prefix)
        .filter(|child| is_triplet(tree.name(*child)) && tree.is_directory(*child))
    {
        names.extend(tree.walk(folder));
    }
    // Another package may list the same file, as a plain name for it, or have written over it.
    names.retain(|node| {
        context
            .packages
            .owner(*node)
            .is_none_or(|owner| owner.ecosystem == Ecosystem::Conda && is_part(&owner.name))
    });
    if names.is_empty() {
        return None;
    }
    let unit = Unit {
        guard: Guard::refused(compilers::reason_to_keep(context.packages, prefix)),
        programs: names
            .iter()
            .copied()
            .filter(|node| is_program(tree, *node))
            .collect(),
        ..Unit::names(names.into_iter().collect())
    };
    Some(Claim {
        prefix: Some(prefix),
        ..Claim::new(&RULE, None, vec![unit])
    })
}

/// Whether a file is a program whose name is its own: long and put together.
fn is_program(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    let is_distinct = name.len() >= 8 && name.contains(&b'-');
    let is_program = tree.name(tree.parent(node)) == b"bin" && tree.leaf_of(node).is_some();
    // The folder of a toolchain is called as its triplet, from which programs' names are made.
    is_distinct && (is_program || (tree.is_directory(node) && is_triplet(name)))
}

fn is_part(package: &str) -> bool {
    package.starts_with(DEVEL) || PACKAGES.iter().any(|known| package.starts_with(known))
}

/// `x86_64-conda-linux-gnu`, `aarch64-conda_cos7-linux-gnu`, ...
fn is_triplet(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let mut parts = name.split('-');
    parts.next().is_some_and(|cpu| !cpu.is_empty())
        && parts
            .next()
            .is_some_and(|vendor| vendor.starts_with("conda"))
        && parts.eq(["linux", "gnu"])
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide, decide_text, set};

    const PREFIX: &str = "[conda]\nc/conda-meta/gcc.json = {\"name\":\"gcc_impl_linux-64\",\"version\":\"12\",\"files\":[\"bin/x86_64-conda-linux-gnu-cc\",\"lib/gcc/cc1\"]}\nc/bin/x86_64-conda-linux-gnu-cc (0755) = cc\nc/lib/gcc/cc1 = cc1\nc/x86_64-conda-linux-gnu/sysroot/lib/libc.a = libc\n";

    #[test]
    fn the_compilers_go_with_their_records() {
        let found = decide_text(PREFIX);
        for path in [
            "/c/conda-meta/gcc.json",
            "/c/lib/gcc/cc1",
            "/c/x86_64-conda-linux-gnu/sysroot/lib/libc.a",
        ] {
            assert!(found.gone.contains(path), "{path}");
        }
    }

    #[test]
    fn a_script_that_calls_the_compiler_keeps_all_of_it() {
        let found = decide_text(&format!(
            "{PREFIX}app/run = #!/bin/sh\\nx86_64-conda-linux-gnu-cc -o /tmp/a a.c\n"
        ));
        assert_eq!(found.gone, set(&[]));
        assert_eq!(
            found.held["/c/lib/gcc/cc1"],
            "/app/run calls /c/bin/x86_64-conda-linux-gnu-cc"
        );
    }

    #[test]
    fn how_python_was_built_is_no_call() {
        let found = decide_text(&format!(
            "{PREFIX}c/lib/python3.12/_sysconfigdata_x.py = CC='x86_64-conda-linux-gnu-cc'\n"
        ));
        assert!(found.gone.contains("/c/lib/gcc/cc1"));
    }

    #[test]
    fn an_environment_that_compiles_at_run_time_keeps_it() {
        let make = "c/conda-meta/make.json = {\"name\":\"make\",\"version\":\"4\",\"files\":[]}\n";
        let found = decide_text(&format!("{PREFIX}{make}"));
        assert_eq!(found.held["/c/lib/gcc/cc1"], "conda make builds software");
        let module = "app/node_modules/make/package.json = {\"name\":\"make\"}\n";
        let found = decide_text(&format!("{PREFIX}{module}"));
        assert!(found.gone.contains("/c/lib/gcc/cc1"));
    }

    #[test]
    fn an_image_that_starts_the_compiler_keeps_it() {
        let config = serde_json::json!({ "Entrypoint": ["x86_64-conda-linux-gnu-cc"], "Env": ["PATH=/c/bin:/bin"] });
        let found = decide(&ounce_testkit::image(PREFIX).with_config(config));
        assert_eq!(found.gone, set(&[]));
    }
}
