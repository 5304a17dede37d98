//! C and C++ headers of conda environments, `<prefix>/include`.
//!
//! **Why it is safe.** Headers are read by compilers. Where no compiler stays, nobody reads them.
//!
//! **Evidence.** They stay when a C compiler stays in a folder that programs are started from, when
//! conda's own toolchain stays, when the environment holds something that compiles when it runs (the
//! same table as for the toolchain), or when anything names a header outside the places that record
//! how a package was built. `pyconfig.h` stays: Python's `sysconfig` reads it.
//!
//! **Example.** `/opt/conda/include/boost`.

use ounce_image::NodeId;

use super::{Context, Rule, Tier, compilers};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "conda-headers",
    title: "conda C and C++ headers",
    tier: Tier::Safe,
    why: "read by compilers only, and none stays",
    source: include_str!("conda_headers.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let compiler = context
        .has_program(compilers::is_c_compiler)
        .then(|| "a C compiler stays in the image".to_owned());
    let prefixes = &context.conda_prefixes;
    let folders = prefixes
        .iter()
        .filter_map(|prefix| Some((*prefix, context.tree.child(*prefix, b"include")?)));
    folders
        .map(|(prefix, include)| claim(context, prefix, include, compiler.as_ref()))
        .collect()
}

fn claim(
    context: &Context<'_>,
    prefix: NodeId,
    include: NodeId,
    compiler: Option<&String>,
) -> Claim {
    let guard = compiler
        .cloned()
        .or_else(|| compilers::reason_to_keep(context.packages, prefix));
    let guard = Guard::refused(guard);
    // Python's sysconfig reads this one when it runs.
    let tree = context.tree;
    let is_header = |node: &NodeId| tree.name(*node) != b"pyconfig.h";
    let units = tree.children(include).map(|child| {
        let other = tree
            .walk(child)
            .find(|node| is_read_otherwise(tree.name(*node)));
        let other = other.map(|node| Guard::Unknown(format!("{} is no header", tree.path(node))));
        Unit {
            guard: other.unwrap_or_else(|| guard.clone()),
            ..Unit::names(tree.walk(child).filter(is_header).collect())
        }
    });
    Claim {
        follows: vec![("conda-toolchain", prefix)],
        ..Claim::new(&RULE, Some(include), units.collect())
    }
}

/// Endings of what other programs than compilers look for among headers: definitions from which code is
/// made (protoc finds those that came with it in `../include`, `src/google/protobuf/compiler/main.cc`).
const OTHERS: [&[u8]; 6] = [b".proto", b".thrift", b".fbs", b".idl", b".td", b".json"];

fn is_read_otherwise(name: &[u8]) -> bool {
    OTHERS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const PREFIX: &str = "[conda]\nc/conda-meta/z.json = {\"name\":\"zlib\",\"version\":\"1\",\"files\":[\"include/zlib.h\"]}\nc/include/zlib.h = h\nc/include/boost/any.hpp = h\n";

    #[test]
    fn headers_go_where_nothing_compiles() {
        let found = decide_text(PREFIX);
        assert_eq!(
            found.gone,
            set(&[
                "/c/include/zlib.h",
                "/c/include/boost",
                "/c/include/boost/any.hpp"
            ])
        );
    }

    #[test]
    fn what_protoc_finds_among_headers_stays_with_them() {
        let types = "c/include/google/any.proto = x\nc/include/google/any.pb.h = x\n";
        let found = decide_text(&format!("{PREFIX}{types}"));
        assert!(found.gone.contains("/c/include/zlib.h"));
        assert!(!found.gone.iter().any(|path| path.contains("google")));
    }

    #[test]
    fn headers_stay_beside_a_compiler() {
        let found = decide_text(&format!("{PREFIX}usr/bin/gcc (0755) = elf\n"));
        assert_eq!(found.gone, set(&[]));
        assert_eq!(
            found.held["/c/include/zlib.h"],
            "a C compiler stays in the image"
        );
    }

    #[test]
    fn headers_stay_with_the_toolchain_and_pyconfig_always() {
        let toolchain = "c/conda-meta/g.json = {\"name\":\"gcc_impl_linux-64\",\"version\":\"1\",\"files\":[\"bin/x86_64-conda-linux-gnu-cc\"]}\nc/bin/x86_64-conda-linux-gnu-cc (0755) = cc\n";
        let called = format!("{PREFIX}{toolchain}app/build = x86_64-conda-linux-gnu-cc a.c\n");
        assert_eq!(
            decide_text(&called).held["/c/include/zlib.h"],
            "what conda-toolchain found stays"
        );
        let python = decide_text(&format!("{PREFIX}c/include/python3.12/pyconfig.h = x\n"));
        assert!(!python.gone.contains("/c/include/python3.12/pyconfig.h"));
    }

    #[test]
    fn a_compiler_may_have_a_version_in_its_name() {
        let found = decide_text(&format!(
            "{PREFIX}usr/bin/x86_64-linux-gnu-gcc-12 (0755) = elf\n"
        ));
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn a_program_that_reads_a_header_keeps_it() {
        let found = decide_text(&format!("{PREFIX}app/gen.py = open('/c/include/zlib.h')\n"));
        assert_eq!(found.held.keys().collect::<Vec<_>>(), ["/c/include/zlib.h"]);
    }
}
