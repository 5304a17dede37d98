//! Debugging information in files of its own: `/usr/lib/debug`, `*.debug`, `*.dwo`, `*.dwz`.
//!
//! **Why it is safe.** The loader never opens them; debuggers and profilers find them by build id or by
//! the name that a program carries (GDB manual, "Debugging Information in Separate Files").
//!
//! **Evidence.** They stay where a debugger, profiler or crash reporter is in the image, and where anything that
//! stays names one of them or the folder, as programs do that translate their own stack traces. Only ELF
//! files are taken, which packages or a RUN step brought.
//!
//! **Example.** `/usr/lib/debug/.build-id/26/0a0f4fe0.debug`.

use ounce_image::{NodeId, Tree};

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Guard, Unit};

pub(super) const RULE: Rule = Rule {
    id: "debug-files",
    title: "Debugging information in files of its own",
    tier: Tier::Safe,
    why: "read by debuggers and profilers, and none is in the image",
    source: include_str!("debug_files.rs"),
    find,
};

/// Beginnings of the names of programs that read it; a version or variant may follow.
const READERS: [&str; 24] = [
    "gdb",
    "gdbserver",
    "lldb",
    "perf",
    "valgrind",
    "rr",
    "strace",
    "ltrace",
    "bpftrace",
    "stap",
    "drgn",
    "eu-",
    "addr2line",
    "llvm-symbolizer",
    "llvm-addr2line",
    "abrt",
    "coredumpctl",
    "apport",
    "pprof",
    "py-spy",
    "heaptrack",
    "delve",
    "dlv",
    "crash",
];

/// Endings of such files.
const ENDINGS: [&str; 4] = [".debug", ".dwo", ".dwz", ".dwp"];

fn find(context: &Context<'_>) -> Vec<Claim> {
    let tree = context.tree;
    let made_by_run = context.made_by_run();
    let is_wanted = |node: &NodeId| {
        is_place(tree, *node)
            && (context.packages.is_installed(*node) || made_by_run(*node))
            && context
                .start::<4>(*node)
                .is_some_and(|start| start == *b"\x7fELF")
    };
    let nodes: Vec<NodeId> = tree.walk(Tree::ROOT).filter(is_wanted).collect();
    if nodes.is_empty() {
        return Vec::new();
    }
    let is_reader = |name: &[u8]| READERS.iter().any(|reader| is_called(name, reader));
    let reader = context.has_program(is_reader);
    let guard = Guard::refused(reader.then(|| "a debugger or profiler is in the image".to_owned()));
    let area = context.folder("/usr/lib/debug");
    let claim = |area, nodes: Vec<NodeId>| {
        let unit = |node| Unit {
            guard: guard.clone(),
            ..Unit::names(vec![node])
        };
        Claim::new(&RULE, area, nodes.into_iter().map(unit).collect())
    };
    let (below, elsewhere): (Vec<_>, Vec<_>) = nodes
        .into_iter()
        .partition(|node| area.is_some_and(|area| tree.is_within(*node, area)));
    [claim(area, below), claim(None, elsewhere)]
        .into_iter()
        .filter(|claim| !claim.units.is_empty())
        .collect()
}

fn is_called(name: &[u8], reader: &str) -> bool {
    let rest = name.strip_prefix(reader.as_bytes());
    rest.is_some_and(|rest| {
        reader.ends_with('-') || !rest.first().is_some_and(u8::is_ascii_lowercase)
    })
}

/// In a folder of the debugger's, or called as such files are.
fn is_place(tree: &Tree<'_>, node: NodeId) -> bool {
    let name = tree.name(node);
    let has_ending = ENDINGS
        .iter()
        .any(|ending| name.ends_with(ending.as_bytes()));
    let folder = || tree.path(node);
    tree.is_file(node) && (has_ending || folder().as_bytes().starts_with(b"usr/lib/debug/"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    const DEBUG: &str = "[RUN x]\nusr/lib/debug/.build-id/26/0a.debug = \\x7fELF\nusr/lib/debug/usr/lib/libc.so = \\x7fELF\nopt/t/t.dwo = \\x7fELF\nopt/t/conf.debug = level\n";

    #[test]
    fn debug_files_go() {
        let gone = set(&[
            "/usr/lib/debug/.build-id/26/0a.debug",
            "/usr/lib/debug/usr/lib/libc.so",
            "/opt/t/t.dwo",
        ]);
        assert_eq!(decide_text(DEBUG).gone, gone);
    }

    #[test]
    fn a_debugger_keeps_them() {
        let found = decide_text(&format!("{DEBUG}usr/bin/gdb (0755) = x\n"));
        assert_eq!(
            found.held["/opt/t/t.dwo"],
            "a debugger or profiler is in the image"
        );
    }

    #[test]
    fn a_program_that_translates_its_own_traces_keeps_the_folder() {
        let found = decide_text(&format!(
            "{DEBUG}usr/bin/server = \\x00/usr/lib/debug\\x00\n"
        ));
        assert_eq!(found.gone, set(&["/opt/t/t.dwo"]));
    }
}
