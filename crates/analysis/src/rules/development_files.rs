//! What only compilers and linkers read: static libraries, C and C++ headers of packages, and the
//! files by which a build finds them (`pkgconfig`, CMake, `aclocal`).
//!
//! **Why it is guarded.** Where nothing in the image compiles or links, nothing opens them. The price:
//! an image that others build upon, by installing a compiler into it, would miss them.
//!
//! **Evidence.** Everything stays where a compiler, linker or a program that finds libraries for one
//! stays, under whatever path; where a library holds a compiler (clang, NVRTC, libtcc); and where a
//! package compiles when it runs (`crates/analysis/src/knowledge/compiles.toml`). Where conda's toolchain
//! stays, they stay with it. Only what a package or a RUN step brought is looked at. A static library is
//! known by its content. `pyconfig.h`, which Python's `sysconfig` reads, the parts of GCC and clang, `.la`
//! files, which libltdl reads when a program loads its modules, and the links from which linkers take
//! shared libraries stay, as does whatever something that stays names.
//!
//! **Example.** `/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a`, 25 MB.

use std::collections::BTreeMap;

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier, compilers};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "development-files",
    title: "Headers and static libraries",
    tier: Tier::Guarded,
    why: "only compilers and linkers read them",
    source: include_str!("development_files.rs"),
    find,
};

/// Endings of the names of C, C++ and CUDA headers.
const HEADERS: [&[u8]; 11] = [
    b"h", b"hh", b"hpp", b"hxx", b"h++", b"inl", b"ipp", b"tcc", b"txx", b"cuh", b"tpp",
];
/// How a static library begins (System V ABI, "Archive File"); `!<thin>` leads to other files.
const ARCHIVE: &[u8; 8] = b"!<arch>\n";
/// Folders of compilers themselves, which say on their own what they need.
const COMPILER_FOLDERS: [&[u8]; 3] = [b"gcc", b"gcc-cross", b"clang"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let by_run = context.made_by_run();
    let mut found: BTreeMap<Option<NodeId>, Vec<NodeId>> = BTreeMap::new();
    for node in tree
        .walk(Tree::ROOT)
        .filter(|node| end(tree, *node).is_some())
    {
        let brought = context.packages.owner(node).is_some() || by_run(node);
        if let Some(folder) = place(tree, node).filter(|_| brought) {
            found.entry(folder).or_default().push(node);
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let prefixes = &context.conda_prefixes;
    let guard = guard(context, prefixes);
    let claim = |(folder, files): (Option<NodeId>, Vec<NodeId>)| {
        let units = files.into_iter().map(|file| Unit {
            guard: guard.clone(),
            ..Unit::names(vec![file])
        });
        Claim {
            follows: prefixes
                .first()
                .map(|prefix| ("conda-toolchain", *prefix))
                .into_iter()
                .collect(),
            ..Claim::new(&RULE, folder, units.collect())
        }
    };
    found.into_iter().map(claim).collect()
}

/// Whether anything in the image may read such files.
fn guard(context: &Context<'_>, prefixes: &[NodeId]) -> Guard {
    if prefixes.len() > 1 {
        return Guard::Unknown("one of several conda environments may compile".to_owned());
    }
    let prefix = prefixes.first().copied().unwrap_or(Tree::ROOT);
    match compilers::reason_to_keep(context.packages, prefix)
        .or_else(|| compilers::builder(context))
    {
        Some(reason) => Guard::Refused(reason),
        None => Guard::Proved("nothing in the image compiles, links or holds a compiler".into()),
    }
}

/// The folder by which a development file is found; none for a static library, which lies among
/// others. `None` for other files.
fn place(tree: &Tree<'_>, file: NodeId) -> Option<Option<NodeId>> {
    let name = tree.name(file);
    let folder = tree.parent(file);
    let above: Vec<NodeId> = std::iter::successors(Some(folder), |node| {
        (*node != Tree::ROOT).then(|| tree.parent(*node))
    })
    .collect();
    let called = |names: &[&[u8]]| {
        above
            .iter()
            .rev()
            .find(|node| names.contains(&tree.name(**node)))
            .copied()
    };
    if called(&COMPILER_FOLDERS).is_some() {
        return None;
    }
    let ending = name.rsplit(|&b| b == b'.').next().unwrap_or_default();
    if ending == b"a" {
        return is_archive(tree, file).then_some(None);
    }
    let folder = match ending {
        b"pc" => called(&[b"pkgconfig"]),
        b"cmake" => called(&[b"cmake"]).or_else(|| cmake(tree, &above)),
        b"m4" => called(&[b"aclocal"]),
        // CORE are the headers of Perl itself (ExtUtils::MakeMaker, PERL_INC).
        ending if HEADERS.contains(&ending) && !name.starts_with(b"pyconfig") => {
            called(&[b"include", b"CORE"])
        }
        _ => None,
    };
    folder.map(Some)
}

/// `share/cmake-3.25`.
fn cmake(tree: &Tree<'_>, above: &[NodeId]) -> Option<NodeId> {
    let is_cmake = |node: &&NodeId| tree.name(**node).starts_with(b"cmake-");
    above.iter().find(is_cmake).copied()
}

/// The file that a name leads to, itself or through links.
fn end(tree: &Tree<'_>, node: NodeId) -> Option<NodeId> {
    match tree.symlink(node) {
        Some(target) => tree.resolve_from(tree.parent(node), target, |_| {}),
        None => Some(node),
    }
    .filter(|end| tree.is_file(*end))
}

fn is_archive(tree: &Tree<'_>, file: NodeId) -> bool {
    let mut start = [0; ARCHIVE.len()];
    let leaf = end(tree, file).and_then(|end| tree.leaf_of(end));
    let content = leaf.map(|leaf| tree.read(leaf));
    content.is_some_and(|content| content.read_exact_at(0, &mut start).is_ok()) && start == *ARCHIVE
}

#[cfg(test)]
mod tests {
    use crate::testing::{Decided, decide_guarded, decide_text, set};

    const LIBRARY: &str = "/usr/lib/libz.a";
    const HEADER: &str = "/usr/include/zlib.h";

    fn image(more: &str) -> String {
        format!(
            "[RUN apt-get install]\nusr/lib/libz.a = !<arch>\\nx\nusr/include/zlib.h = x\n{more}\n"
        )
    }

    fn decide(more: &str) -> Decided {
        decide_guarded(&image(more))
    }

    #[test]
    fn they_go_where_nothing_compiles_and_only_when_asked() {
        let both = set(&[LIBRARY, HEADER]);
        assert_eq!(decide("usr/lib/data.a = text").gone, both);
        assert_eq!(decide_text(&image("")).offered, both);
        assert_eq!(decide("usr/lib/libz_pic.a -> libz.a").gone.len(), 3);
    }

    #[test]
    fn a_compiler_keeps_them_wherever_it_is() {
        for path in [
            "usr/bin/gcc-12",
            "opt/llvm/bin/clang++",
            "usr/bin/ld",
            "go/bin/go",
        ] {
            let found = decide(&format!("{path} (0755) = x"));
            assert_eq!(found.gone, set(&[]), "{path}");
            assert_eq!(found.held[HEADER], format!("/{path} stays, which builds"));
        }
        assert_eq!(decide("srv/go = x").gone.len(), 2);
    }

    #[test]
    fn a_library_that_compiles_keeps_them() {
        let library = "usr/lib/libtcc.so.1 = x";
        assert_eq!(decide(library).gone, set(&[]));
        let torch = "p/torch-2.dist-info/METADATA = Name: torch\\nVersion: 2\\n\np/torch-2.dist-info/RECORD = torch/a.py,,\\n";
        assert_eq!(decide(torch).gone, set(&[]));
    }

    #[test]
    fn what_was_copied_in_and_what_other_programs_read_stays() {
        let more = "usr/lib/x/mod.la = x\nusr/include/python3/pyconfig.h = x\nusr/lib/gcc/x/12/libgcc.a = !<arch>\\n\n[COPY a b]\nusr/include/mine.h = x";
        assert_eq!(decide(more).gone, set(&[LIBRARY, HEADER]));
    }

    #[test]
    fn a_program_that_reads_a_header_keeps_it() {
        let found = decide("usr/bin/errno = '/usr/include/zlib.h'");
        assert_eq!(found.gone, set(&[LIBRARY]));
    }
}
