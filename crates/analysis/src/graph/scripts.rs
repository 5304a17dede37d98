//! What a shell script leads to.

use ounce_image::{Blob, ImagePath, NodeId, Tree};

use super::collect::Collector;
use super::programs::{Started, started};
use super::world::World;
use super::{Kind, Origin, Proof, companions, content, installs, literals, roots, units};
use crate::inspect::script::Shebang;
use crate::inspect::shell::{self, Command, Word};

/// Shells whose language is read here (POSIX.1-2024, sh; bash(1)); those of csh and fish are another.
const SHELLS: [&[u8]; 9] = [
    b"sh", b"bash", b"dash", b"ash", b"ksh", b"mksh", b"zsh", b"rbash", b"busybox",
];
/// Commands that every shell has built in, so that none is looked for (POSIX.1-2024, "Special Built-In
/// Utilities" and "Intrinsic Utilities"; bash(1)).
const BUILT_IN: [&[u8]; 34] = [
    b".",
    b":",
    b"[",
    b"alias",
    b"bg",
    b"break",
    b"builtin",
    b"cd",
    b"command",
    b"continue",
    b"declare",
    b"eval",
    b"exec",
    b"exit",
    b"export",
    b"fg",
    b"getopts",
    b"jobs",
    b"local",
    b"read",
    b"readonly",
    b"return",
    b"set",
    b"shift",
    b"shopt",
    b"source",
    b"times",
    b"trap",
    b"type",
    b"ulimit",
    b"umask",
    b"unalias",
    b"unset",
    b"wait",
];
/// What is larger is an archive with a script before it.
const MAX_SCRIPT: u64 = 1 << 20;
/// Texts for shells within texts for shells.
const MAX_DEPTH: usize = 8;

/// Whether a script is one for a shell that is understood.
pub(super) fn is_shell(shebang: &Shebang) -> bool {
    let program = shebang.command.as_ref().unwrap_or(&shebang.interpreter);
    let name = program
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    SHELLS.contains(&name) || name == b"with-contenv"
}

/// Whether a file without `#!` is a script by its name: such are read by others.
pub(super) fn is_named_so(path: &ImagePath) -> bool {
    let name = path.file_name();
    name.ends_with(b".sh") || name.ends_with(b".bash")
}

/// Whether every shell has a command built in.
pub(super) fn is_built_in(command: &[u8]) -> bool {
    BUILT_IN.contains(&command)
}

/// What a script leads to.
pub(super) fn file(world: &World<'_>, collector: &mut Collector<'_>, node: NodeId, content: &Blob) {
    let text = match content.read_all(MAX_SCRIPT) {
        Ok(text) => text,
        Err(_) => {
            content::problem(
                world,
                collector,
                node,
                "it is too large for a script".to_owned(),
            );
            return literals::all(world, collector, &world.tree.path(node), content, None);
        }
    };
    let folder = world.tree.parent(node);
    text_from(world, collector, &text, folder, 0, MAX_DEPTH);
}

/// What a text for a shell that works in the folder `base` leads to; `line` is the one that it stands on.
pub(super) fn text(
    world: &World<'_>,
    collector: &mut Collector<'_>,
    text: &[u8],
    base: NodeId,
    line: u32,
) {
    text_from(world, collector, text, base, line, MAX_DEPTH);
}

fn text_from(
    world: &World<'_>,
    c: &mut Collector<'_>,
    text: &[u8],
    base: NodeId,
    offset: u32,
    depth: usize,
) {
    let outside = |name: &[u8]| {
        let name = std::str::from_utf8(name).ok()?;
        world.context.config.env(name).map(String::into_bytes)
    };
    let script = shell::read(text, &outside);
    for (line, text) in &script.texts {
        literals::text(world, c, text, offset + line);
    }
    for command in &script.commands {
        let proof = Proof::Line(offset + command.line);
        command_at(world, c, command, base, &proof, depth);
    }
    if script.is_damaged {
        c.doubt(
            Proof::Line(offset + 1),
            "parts of the script are not understood",
            b"",
        );
        world.tables.utilities(world, c, &Proof::Line(offset + 1));
    }
}

fn command_at(
    world: &World<'_>,
    c: &mut Collector<'_>,
    command: &Command,
    base: NodeId,
    proof: &Proof,
    depth: usize,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let line = match proof {
        Proof::Line(line) => *line,
        _ => 0,
    };
    sourced(world, c, command, base, proof);
    installs::of(world, c, &command.words, proof);
    for word in &command.words {
        for value in word.values() {
            literals::text(world, c, value, line);
        }
    }
    let mut is_shell = false;
    for what in started(&command.words) {
        is_shell |= what == Started::Interactive;
        begin(world, c, &what, base, proof, depth);
        if is_open(world, c, command, &what) {
            roots::everything(world, c, proof);
        }
    }
    // A shell without anything else to do reads the here-document.
    if let Some(document) = command.document.as_deref().filter(|_| is_shell) {
        text_from(world, c, document, base, line, depth);
    }
}

/// Whether a command of the image's own script is what somebody types or has given to the image.
fn is_open(world: &World<'_>, c: &Collector<'_>, command: &Command, what: &Started) -> bool {
    let executes = || command.words.first().and_then(Word::value) == Some(b"exec");
    let is_open = match what {
        Started::Interactive => command.document.is_none(),
        Started::Unknown(written) => {
            let is_own_argument = || is_argument(written) && !command.in_function;
            world.own.is_given_commands && (executes() || is_own_argument())
        }
        _ => false,
    };
    is_open && world.own.speaks(c.from)
}

/// What a started thing leads to.
pub(super) fn begin(
    world: &World<'_>,
    c: &mut Collector<'_>,
    what: &Started,
    base: NodeId,
    proof: &Proof,
    depth: usize,
) {
    match what {
        Started::Program(name) if is_built_in(name) => {}
        Started::Program(name) | Started::Argument(name) => {
            let before = c.targets.len();
            let program = world.programs.call(c, base, name, Kind::Calls, proof);
            if let Some(program) = program.filter(|_| companions::are_meant(world, c.from)) {
                let called: Vec<NodeId> =
                    c.targets[before..].iter().map(|target| target.to).collect();
                companions::of(world, c, name, &called, program);
            }
        }
        Started::Script(path) => {
            if c.path(base, path, Kind::Calls, proof).is_none() {
                let _ = world.programs.call(c, base, path, Kind::Calls, proof);
            }
        }
        Started::Text(text) => {
            let line = match proof {
                Proof::Line(line) => line.saturating_sub(1),
                _ => 0,
            };
            text_from(world, c, text, base, line, depth);
        }
        Started::Within(folder) => {
            if let Some(folder) = c.path(Tree::ROOT, folder, Kind::Calls, proof) {
                c.whole(folder, Kind::Calls, proof.clone()).is_guess = true;
            }
        }
        Started::Interactive => {}
        Started::Unknown(written) => {
            c.doubt(
                proof.clone(),
                "starts a command that is made when it runs",
                written,
            );
            world.tables.utilities(world, c, proof);
            if !is_argument(written) {
                around(world, c, proof, false);
            }
        }
    }
}

/// Whether a command is what whoever calls the script has given it (`"$@"`, `$1`), or the script itself (`$0`).
fn is_argument(written: &[u8]) -> bool {
    let text = written.strip_prefix(b"\"").unwrap_or(written);
    let text = text.strip_prefix(b"$").unwrap_or_default();
    let text = text.strip_prefix(b"{").unwrap_or(text);
    text.first()
        .is_some_and(|byte| byte.is_ascii_digit() || b"@*".contains(byte))
}

/// What a script may mean by a path that is made when it runs: most often what lies around it.
fn around(world: &World<'_>, c: &mut Collector<'_>, proof: &Proof, with_programs: bool) {
    if let Origin::Node(script) = c.from {
        units::beside(world, c, script, proof, with_programs);
    }
}

/// Scripts that another one reads into itself.
fn sourced(
    world: &World<'_>,
    c: &mut Collector<'_>,
    command: &Command,
    base: NodeId,
    proof: &Proof,
) {
    let is_source = |word: &Word| matches!(word.value(), Some(b"." | b"source"));
    let [first, file, ..] = command.words.as_slice() else {
        return;
    };
    if !is_source(first) {
        return;
    }
    if let Word::Unknown(written) = file {
        c.doubt(
            proof.clone(),
            "reads a script whose path is made when it runs",
            written,
        );
        around(world, c, proof, true);
    }
    for path in file.values() {
        let found = c.path(base, path, Kind::Sources, proof);
        if found.is_none() && !path.contains(&b'/') {
            let _ = world
                .programs
                .call(c, Tree::ROOT, path, Kind::Sources, proof);
        }
    }
}
