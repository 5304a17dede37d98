//! What speaks for compiling at run time: programs that exist to build, and libraries that compile
//! when they run. The rules for compilers and headers ask here.

use std::sync::LazyLock;

use ounce_image::{LeafId, NodeId, Tree};
use rayon::prelude::*;
use serde::Deserialize;

use super::Context;
use crate::inspect::JOB;
use crate::inspect::needles::AnyOf;
use crate::packages::{Ecosystem, Package, Packages};

#[derive(Deserialize)]
struct Table {
    package: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// Names in conda, PyPI or Debian.
    names: Vec<String>,
    /// What it does with a compiler.
    does: String,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/compiles.toml")).expect("a test reads the table")
});

/// Why the compilers and headers of an environment must stay; `None` when nothing is known to use
/// them.
pub(super) fn reason_to_keep(packages: &Packages, prefix: NodeId) -> Option<String> {
    users(packages, prefix).next().map(|(_, reason)| reason)
}

/// The packages that are known to use them, each with a sentence.
pub(crate) fn users(
    packages: &Packages,
    prefix: NodeId,
) -> impl Iterator<Item = (&Package, String)> {
    packages.iter().filter_map(move |package| {
        let counts = match package.ecosystem {
            // A package of another conda environment has that one's compilers.
            Ecosystem::Conda => package.prefix == prefix,
            // The names of the table mean something else there.
            Ecosystem::Npm | Ecosystem::Gem | Ecosystem::Jar | Ecosystem::Go | Ecosystem::Rust => {
                false
            }
            _ => true,
        };
        let row = TABLE
            .package
            .iter()
            .find(|row| counts && row.names.iter().any(|name| same_name(name, &package.name)))?;
        let (ecosystem, name) = (package.ecosystem.name(), &package.name);
        Some((package, format!("{ecosystem} {name} {}", row.does)))
    })
}

/// Names under which C compilers are called; also with a triplet before and a version behind.
const C_COMPILERS: [&str; 9] = [
    "cc", "gcc", "c++", "g++", "clang", "clang++", "tcc", "nvcc", "icx",
];
/// Other programs that read headers or link libraries (binutils, LLVM's lld, mold, and compilers of
/// other languages, which end by calling a linker), what finds them for a build, and what makes code of them.
const BUILDERS: [&str; 33] = [
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "lld",
    "mold",
    "gold",
    "gfortran",
    "flang",
    "hipcc",
    "icpx",
    "rustc",
    "go",
    "ghc",
    "ocamlopt",
    "swiftc",
    "zig",
    "nim",
    "dmd",
    "ldc2",
    "fpc",
    "pkg-config",
    "pkgconf",
    "cmake",
    "aclocal",
    "cpp",
    "swig",
    "sdcc",
    "icpc",
    "ifort",
    "ifx",
    "nvfortran",
    "bindgen",
];
/// What compilers hold that come as a library: clang's driver passes this option to itself (LLVM's
/// `clang/lib/Driver/ToolChain.cpp`), NVRTC defines this macro (its manual, "Predefined Macros"). libtcc
/// and libgccjit are known by their names.
const LIBRARY_MARKS: [&str; 2] = ["-internal-isystem", "__CUDACC_RTC__"];
const LIBRARIES: [&str; 2] = ["libtcc.", "libgccjit."];
/// Clang and NVRTC are not smaller than this, in bytes.
const LEAST_LIBRARY: u64 = 8 << 20;

/// `gcc`, `gcc-12`, `x86_64-linux-gnu-gcc-12`; conda's own toolchain is another rule's, and where it
/// stays what depends on it follows.
pub(super) fn is_c_compiler(name: &[u8]) -> bool {
    is_called(name, &C_COMPILERS)
}

fn is_called(name: &[u8], programs: &[&str]) -> bool {
    let name = String::from_utf8_lossy(name);
    let stem = name
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
        .trim_end_matches('-');
    let last = stem.rsplit('-').next().unwrap_or(stem);
    let is_known = programs.contains(&last) || programs.contains(&name.as_ref());
    is_known && !name.contains("-conda")
}

/// A sentence about the first thing anywhere in the image that may read headers or static libraries:
/// a program that builds, or a library that compiles.
pub(super) fn builder(context: &Context<'_>) -> Option<String> {
    let tree = context.tree;
    let is_builder = |node: &NodeId| {
        let name = tree.name(*node);
        let is_program = tree
            .attributes(*node)
            .is_some_and(|entry| entry.mode & 0o111 != 0);
        let is_library = LIBRARIES
            .iter()
            .any(|library| name.starts_with(library.as_bytes()));
        let builds = is_c_compiler(name) || is_called(name, &BUILDERS);
        // Links elsewhere lead to files that have such a name themselves, or are no programs.
        let is_place = tree.is_file(*node) || tree.name(tree.parent(*node)).ends_with(b"bin");
        tree.leaf_of(*node).is_some()
            && is_place
            && (is_library || is_program && builds)
            && !is_toolchain(tree, *node)
    };
    let found = tree.walk(Tree::ROOT).find(is_builder);
    let found = found.or_else(|| compiling_library(tree));
    found.map(|node| format!("{} stays, which builds", tree.path(node)))
}

/// Whether a file lies in conda's own toolchain, whose folders have names such as
/// `x86_64-conda-linux-gnu`.
fn is_toolchain(tree: &Tree<'_>, node: NodeId) -> bool {
    tree.path(node)
        .components()
        .any(|part| memchr::memmem::find(part, b"-conda").is_some())
}

/// The first library that holds a compiler.
fn compiling_library(tree: &Tree<'_>) -> Option<NodeId> {
    let marks = AnyOf::new(&LIBRARY_MARKS)?;
    let leaves: Vec<LeafId> = tree.leaves().collect();
    let holds = leaves.into_par_iter().with_max_len(JOB).filter_map(|leaf| {
        let name = *tree.leaf(leaf).names.first()?;
        let is_candidate = tree.is_file(name) && tree.read(leaf).len() >= LEAST_LIBRARY;
        let content = is_candidate.then(|| tree.read(leaf))?;
        (content.begins_with(b"\x7fELF") && marks.is_in(&content)).then_some(name)
    });
    holds.min()
}

/// PEP 503: upper case, `-`, `_` and `.` make no difference on PyPI.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let fold = |c: char| {
        if c == '_' || c == '.' {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    };
    a.chars().map(fold).eq(b.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_what_and_where_from() {
        for row in &TABLE.package {
            assert!(
                !row.names.is_empty() && !row.does.is_empty() && row.source.starts_with("https://"),
                "{:?}",
                row.names
            );
        }
    }
}
