//! Compilers, build tools and headers installed into an image that somebody gets, when the file itself shows that they
//! are there to build something.
//!
//! **Fix.** Two stages on the same base: one that builds, and one that gets what was built by `COPY --from`. *Unsafe*: what
//! was built may need a library at run time that only came with a compiler. Only where what must be copied is known (a
//! virtual environment, `pip install --prefix`, `go build -o`, `cargo install --root`, `make install PREFIX=`
//! or `./configure --prefix` below a folder of its own), where the image starts it or has it in its `PATH`, and where the RUNs
//! that build do nothing else. Else build in a stage of its own, or remove the packages in the RUN that
//! installs them. Images of R are left alone, as their users install packages from source.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM python:3.12-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
//! ENV PATH=/opt/venv/bin:$PATH
//! RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir cyvcf2
//! ENTRYPOINT ["/opt/venv/bin/python"]
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! FROM python:3.12-slim AS base
//! FROM base AS build
//! RUN apt-get update && apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
//! ENV PATH=/opt/venv/bin:$PATH
//! RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir cyvcf2
//! FROM base
//! ENV PATH=/opt/venv/bin:$PATH
//! COPY --from=build /opt/venv /opt/venv
//! ENTRYPOINT ["/opt/venv/bin/python"]
//! ```

use super::{Context, Finding, Rule, conda, two_stages};
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Call, Script, Ships};

pub(super) static RULE: Rule = Rule {
    id: "compilers-left",
    title: "Compilers and headers installed and shipped",
    others: &[],
    cost: "50 to 500 MB",
    source: include_str!("compilers_left.rs"),
    find,
};

/// Packages that only builds need, by their whole names in Debian, Alpine, Fedora and conda-forge.
const TOOLS: &[&str] = &[
    "alpine-sdk",
    "autoconf",
    "automake",
    "bison",
    "build-base",
    "build-essential",
    "c-compiler",
    "cargo",
    "clang",
    "cmake",
    "compilers",
    "cxx-compiler",
    "default-jdk",
    "default-jdk-headless",
    "flex",
    "g++",
    "gcc",
    "gcc-c++",
    "gcc_linux-64",
    "gfortran",
    "go",
    "golang",
    "golang-go",
    "gxx",
    "gxx_linux-64",
    "libtool",
    "m4",
    "make",
    "meson",
    "nasm",
    "ninja",
    "ninja-build",
    "pkg-config",
    "pkgconf",
    "rust",
    "rustc",
    "yasm",
];

/// What uses them.
const BUILDERS: &[&str] = &[
    "bundle",
    "c++",
    "cargo",
    "cc",
    "cmake",
    "configure",
    "cpanm",
    "g++",
    "gcc",
    "gem",
    "go",
    "luarocks",
    "make",
    "meson",
    "ninja",
    "npm",
    "pip",
    "pip2",
    "pip3",
    "poetry",
    "setup.py",
    "uv",
    "yarn",
];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let model = context.model;
    let Some(stage) = model
        .stages
        .last()
        .filter(|stage| stage.ships == Ships::Whole)
    else {
        return Vec::new();
    };
    let scripts = || model.scripts.range(stage.instructions.clone());
    let mut calls = scripts().flat_map(|(_, script)| &script.calls);
    let is_r = |call: &Call| {
        let is_program =
            ["R", "Rscript", "install2.r", "install.r"].contains(&call.program.as_str());
        let is_package = |word: &str| word == "r-base" || word.starts_with("r-base-");
        is_program || call.arguments().any(is_package)
    };
    if calls.any(is_r) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (at, script) in scripts() {
        let names = tools(script);
        let Some((call, _)) = names.first().filter(|_| !removes(script)) else {
            continue;
        };
        let later = scripts().filter(|(other, _)| *other >= at);
        let mut later = later.flat_map(|(_, script)| &script.calls);
        if script.is_trigger || !later.any(builds) {
            continue;
        }
        let words: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
        let what = match words.as_slice() {
            [first, second, third, _, ..] => {
                format!("{first}, {second}, {third} and {} more", words.len() - 3)
            }
            few => few.join(", "),
        };
        let message = format!("only builds need {what}; build in a stage of its own");
        out.push(Finding::new(&RULE, *at, call.range.clone(), message));
    }
    // One change does for all of them.
    if let [only] = out.as_mut_slice()
        && let Some(edits) = two_stages::rewritten(context)
    {
        let finding = only.clone();
        *only = finding.with_fix(Safety::Unsafe, "build in a stage of its own", edits);
    }
    out
}

/// The packages for building that a script installs, with the calls that do.
fn tools(script: &Script) -> Vec<(&Call, &str)> {
    let calls = script.calls.iter().filter(|call| installs(call));
    let words = calls.flat_map(|call| call.arguments().skip(1).map(move |word| (call, word)));
    words.filter(|(_, word)| is_tool(word)).collect()
}

/// Whether a call installs packages of a system or of conda.
pub(super) fn installs(call: &Call) -> bool {
    let managers = [
        "apt-get", "apt", "aptitude", "apk", "dnf", "microdnf", "yum", "zypper",
    ];
    call.is(&managers, &["install", "add", "in", "groupinstall"]) || conda::installs(call)
}

/// Whether only builds need a package.
pub(crate) fn is_tool(word: &str) -> bool {
    let name = word.split(['=', '<', '>']).next().unwrap_or_default();
    let versioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_versioned = versioned
        .strip_suffix('-')
        .is_some_and(|name| ["gcc", "g++", "clang", "gfortran"].contains(&name));
    let is_headers = (name.ends_with("-dev") || name.ends_with("-devel")) && !name.starts_with('-');
    TOOLS.contains(&name) || is_versioned || is_headers
}

/// Whether a script takes packages away again.
fn removes(script: &Script) -> bool {
    let managers = [
        "apt-get",
        "apt",
        "aptitude",
        "apk",
        "dnf",
        "microdnf",
        "yum",
        "zypper",
        "conda",
        "mamba",
        "micromamba",
    ];
    let verbs = [
        "purge",
        "remove",
        "autoremove",
        "autopurge",
        "del",
        "erase",
        "history",
    ];
    let mut calls = script.calls.iter();
    calls.any(|call| call.is(&managers, &verbs) || call.has(&["--auto-remove", "--autoremove"]))
}

fn builds(call: &Call) -> bool {
    let is_question = call.has(&["--version", "--help"]);
    let is_python = call.program.starts_with("python")
        && call.arguments().any(|word| word.ends_with("setup.py"));
    (BUILDERS.contains(&call.program.as_str()) || is_python) && !is_question
}
