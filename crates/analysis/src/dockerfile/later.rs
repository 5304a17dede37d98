//! What later instructions need of what an earlier one leaves.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::model::{Call, Model, Script};

/// Programs that do what they are told and nothing with a package manager's lists. What is not among them
/// (a script of the project, `make deploy`, `curl ... | sh`) may install packages.
const KNOWN: &[&str] = &[
    // Builtins of shells (POSIX.1-2024, 2.15 and XCU 1.6), and bash's.
    ": [ alias break cd continue declare echo exit export false hash local popd printf pushd pwd read \
     return set shift shopt test trap true type typeset ulimit umask unalias unset wait",
    // Files and texts: coreutils, findutils, grep, sed, gawk, tar, compressors.
    "awk base64 basename bunzip2 bzip2 cat chgrp chmod chown cmp cp cpio cut date dd df diff dirname du expr \
     file find fold gawk grep egrep fgrep gunzip gzip head hostname id install ln ls md5sum mkdir mktemp mv nproc \
     od paste patch pigz readlink realpath rev rm rmdir sed seq sha1sum sha256sum sha512sum shred sleep sort \
     split stat strip sync tac tail tar tee touch tr truncate uname uniq unlink unxz unzip uudecode wc which \
     whoami xz yes zcat zip zstd",
    // Users, locales, the system.
    "addgroup adduser chpasswd chsh deluser fc-cache getent groupadd groupmod ldconfig locale-gen localedef \
     passwd setcap update-alternatives update-ca-certificates update-locale useradd userdel usermod visudo \
     dpkg-reconfigure ldd openssl gpg ssh-keygen ssh-keyscan",
    // Downloads and sources.
    "curl git git-lfs hg svn wget",
    // Package managers of languages, with lists of their own.
    "bundle cargo composer conda corepack cpan cpanm gem go mamba micromamba npm pecl pip pip2 pip3 pipx pnpm \
     poetry rustup uv virtualenv venv yarn",
    // Compilers and build tools that build what they are told.
    "autoconf autoreconf cc cmake c++ gcc g++ javac ld ninja",
];

/// Targets of `make` that build and install the project itself.
const TARGETS: [&str; 7] = [
    "all",
    "build",
    "check",
    "clean",
    "distclean",
    "install",
    "test",
];

/// What `yarn` itself does; anything else is a script of the project.
const YARN: [&str; 6] = ["add", "cache", "config", "global", "install", "set"];

/// What later instructions do with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Nothing.
    No,
    /// There is no telling.
    Maybe,
    /// One of them uses it.
    Yes,
}

/// Whether anything that runs after an instruction, in its stage or in one that builds on it, may need
/// what the instruction leaves; `uses` says of a call that it does, when the program is one that could, and `renews`
/// that it makes it anew.
pub(super) fn need(
    model: &Model<'_>,
    instruction: usize,
    uses: impl Fn(&Script, usize) -> Option<bool>,
    renews: impl Fn(&Call) -> bool,
) -> Need {
    let installed = installed(model);
    let of_call = |script: &Script, at: usize| {
        let call = &script.calls[at];
        let is_harmless =
            is_known(call) || is_question(call) || installed.contains(call.program.as_str());
        match uses(script, at) {
            Some(true) => Need::Yes,
            None if !is_harmless => Need::Maybe,
            _ => Need::No,
        }
    };
    let of = |at: usize| {
        let told = &model.file.instructions[at];
        let Some(script) = model.scripts.get(&at) else {
            return Need::No;
        };
        let is_understood = script.list.is_some() || told.list.is_some();
        let calls = (0..script.calls.len()).map(|at| of_call(script, at));
        let most = calls.max().unwrap_or(Need::No);
        if is_understood { most } else { Need::Maybe }
    };
    let own = model
        .stage_of(instruction)
        .map(|stage| stage.instructions.clone());
    let mut most = Need::No;
    for at in model.after(instruction) {
        most = most.max(of(at));
        // Behind a RUN of the same stage that surely makes it anew nothing is left of it.
        let is_own = own.as_ref().is_some_and(|own| own.contains(&at));
        let is_renewed = |script: &Script| {
            let mut calls = script.calls.iter();
            !script.is_trigger
                && calls.any(|call| renews(call) && call.place.is_plain && call.place.pipeline == 0)
        };
        if is_own && model.scripts.get(&at).is_some_and(is_renewed) {
            break;
        }
    }
    most
}

/// Whether a call asks a program for its version or usage and nothing else.
fn is_question(call: &Call) -> bool {
    let questions = [
        "--version",
        "--help",
        "-version",
        "-help",
        "-V",
        "-h",
        "version",
        "help",
    ];
    let is_own = call
        .words
        .first()
        .is_none_or(|word| word.pattern.contains('/') || word.value.is_none());
    !is_own && call.words.len() == 2 && call.arguments().all(|word| questions.contains(&word))
}

/// Packages that the file installs by name: what is called like one of them is surely that, and no script
/// of the project.
pub(super) fn installed<'a>(model: &'a Model<'_>) -> BTreeSet<&'a str> {
    let calls = model.scripts.values().flat_map(|script| &script.calls);
    let installs = calls.filter(|call| {
        let managers = [
            "apt-get",
            "apt",
            "apk",
            "conda",
            "mamba",
            "micromamba",
            "pip",
            "pip3",
            "dnf",
            "yum",
        ];
        call.is(&managers, &["install", "add", "create"])
    });
    let name = |word: &'a str| word.split(['=', '<', '>', '[']).next().unwrap_or_default();
    let names = installs.flat_map(|call| call.arguments()).map(name);
    // These run whatever they are given.
    let runs_others = |name: &str| {
        let shells = [
            "bash", "dash", "make", "perl", "ruby", "tcl", "expect", "parallel", "screen", "tmux",
            "ansible", "sudo", "gosu", "nodejs", "node",
        ];
        name.starts_with("python") || shells.contains(&name)
    };
    names
        .filter(|name| !name.starts_with('-') && !runs_others(name))
        .collect()
}

fn known() -> &'static BTreeSet<&'static str> {
    static NAMES: OnceLock<BTreeSet<&str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let groups = KNOWN.iter();
        groups.flat_map(|group| group.split_whitespace()).collect()
    })
}

/// Whether a call does nothing with a package manager.
fn is_known(call: &Call) -> bool {
    let program = call.program.as_str();
    let version = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = known();
    let is_listed = known.contains(program) || known.contains(version);
    // A program of the project may have the name of a known one.
    let path = call.words.first().map_or("", |word| word.pattern.as_str());
    let is_own = path.starts_with("./") || path.starts_with("../");
    match program {
        "make" | "gmake" => call.words.iter().skip(1).all(is_plain_target),
        "configure" => true,
        // What they run is named by an argument.
        "find" => !call
            .arguments()
            .any(|word| word.starts_with("-exec") || word.starts_with("-ok")),
        "command" => call.has(&["-v", "-V"]),
        // Scripts of the project.
        "yarn" => call.verb().is_none_or(|(_, verb)| YARN.contains(&verb)),
        _ if call
            .arguments()
            .any(|word| ["run", "run-script", "exec", "generate", "x"].contains(&word)) =>
        {
            false
        }
        "git" => !call
            .arguments()
            .any(|word| word == "submodule" || word == "bisect"),
        _ => is_listed && !is_own,
    }
}

/// Whether a call does what it is told and leaves no process behind.
pub(super) fn is_known_to_end(call: &Call) -> bool {
    let managers = [
        "apk", "apt", "apt-get", "aptitude", "dnf", "dpkg", "microdnf", "rpm", "yum", "zypper",
    ];
    is_known(call) || is_question(call) || managers.contains(&call.program.as_str())
}

fn is_plain_target(word: &super::model::call::Argument) -> bool {
    let text = word.pattern.as_str();
    TARGETS.contains(&text)
        || text.starts_with('-')
        || text.contains('=')
        || text.bytes().all(|byte| byte.is_ascii_digit())
}
