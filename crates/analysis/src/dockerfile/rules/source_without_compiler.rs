//! A requirement that pip builds from source (`git+...`, an archive of sources, `--no-binary`) in a stage in which nothing
//! installs what that takes: without `git` the build surely fails, without a compiler it fails as soon as any of it
//! is C. Requirements are those of the command, of `requirements.txt` files and of conda's environment files,
//! which are read from the build context.
//!
//! **Fix.** None: install `git` or a compiler for that RUN, or take a wheel. Nothing is found where the base is not
//! known to come without them, or where a script or program may install them.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM python:3.12-slim
//! RUN pip install git+https://example.org/tool.git
//! ```
//!
//! is better written as
//!
//! ```dockerfile
//! FROM python:3.12-slim
//! RUN pip install https://example.org/tool-1.0-py3-none-any.whl
//! ```

use super::bases::{self, Lacks};
use super::{Context, Finding, Rule, conda, copied};
use crate::dockerfile::later;
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "source-without-compiler",
    title: "Sources to build, and nothing to build them with",
    others: &[],
    cost: "a build that fails",
    source: include_str!("source_without_compiler.rs"),
    find,
};

/// What is in the names of packages that bring a compiler.
const COMPILERS: &[&str] = &[
    "gcc",
    "g++",
    "gxx",
    "clang",
    "build-essential",
    "build-base",
    "compiler",
    "evelopment",
    "devel",
    "toolchain",
    "rustc",
    "cargo",
];

/// A requirement that is no wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// It is cloned with git.
    Git(String),
    /// It is an archive of sources.
    Archive(String),
}

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let Some(lacks) = bases::lacks(context, *at) else {
            continue;
        };
        for call in &script.calls {
            let texts = requirements(context, *at, call);
            let found = texts.iter().flat_map(|text| text.lines());
            let Some(source) = found.filter_map(source).next() else {
                continue;
            };
            let has = |names: &[&str]| {
                let in_file = texts.iter().any(|text| brings(text, names));
                in_file || may_bring(context, *at, names)
            };
            let message = match &source {
                Source::Git(name) if lacks == Lacks::Both && !has(&["git"]) => {
                    format!("{name} is cloned with git, and nothing here installs git")
                }
                Source::Git(name) | Source::Archive(name) if !has(COMPILERS) => {
                    format!(
                        "{name} is built from source; if any of it is C, a compiler is missing here"
                    )
                }
                _ => continue,
            };
            out.push(Finding::new(&RULE, *at, call.range.clone(), message));
        }
    }
    out
}

/// The requirements that a call installs: a text with a line for each.
fn requirements(context: &Context<'_>, at: usize, call: &Call) -> Vec<String> {
    let is_pip =
        ["pip", "pip3"].contains(&call.program.as_str()) && call.is(&[&call.program], &["install"]);
    let is_conda = conda::installs(call);
    if !is_pip && !is_conda {
        return Vec::new();
    }
    let words: Vec<&str> = call
        .words
        .iter()
        .map(|word| word.pattern.as_str())
        .collect();
    let named = words
        .windows(2)
        .filter(|two| ["-r", "-f", "--file", "--requirement"].contains(&two[0]));
    let joined = words.iter().filter_map(|word| {
        word.strip_prefix("--file=")
            .or(word.strip_prefix("--requirement="))
    });
    let files = named.map(|two| two[1]).chain(joined);
    let mut out: Vec<String> = files
        .filter_map(|path| copied::content(context, at, path))
        .collect();
    if is_pip {
        out.push(words[1..].join("\n"));
    }
    out
}

/// The source that a line of requirements names, or an item of an environment file.
fn source(line: &str) -> Option<Source> {
    let line = line.trim().trim_start_matches("- ").trim();
    let line = line.split(" #").next()?.trim().trim_matches(['"', '\'']);
    let name = || line.rsplit("@ ").next().unwrap_or(line).to_owned();
    let is_archive = [".tar.gz", ".tar.bz2", ".tgz"].iter().any(|end| {
        let path = line.split(['#', '?']).next().unwrap_or_default();
        path.ends_with(end)
    });
    match line {
        _ if line.starts_with('#') => None,
        _ if line.contains("git+") => Some(Source::Git(name())),
        _ if is_archive && !line.contains(".conda") => Some(Source::Archive(name())),
        _ => None,
    }
}

/// Whether a file of requirements, or of packages of conda, has one of these packages.
fn brings(text: &str, names: &[&str]) -> bool {
    let mut packages = text.lines().map(|line| {
        let line = line.trim().trim_start_matches("- ").trim();
        line.split(['=', '<', '>', ' ', '['])
            .next()
            .unwrap_or_default()
    });
    packages.any(|package| names.iter().any(|name| is_named(package, name)))
}

/// `git` is a package; `gcc` is also a part of the names of packages.
fn is_named(package: &str, name: &str) -> bool {
    match name {
        "git" => package == "git" || package == "git-core" || package.starts_with("git="),
        _ => package.contains(name) && !package.contains("://"),
    }
}

/// Whether anything up to an instruction may install one of these packages.
fn may_bring(context: &Context<'_>, at: usize, names: &[&str]) -> bool {
    let model = context.model;
    let scripts = model.history(at).into_iter().chain([at]);
    let mut scripts = scripts.filter_map(|at| model.scripts.get(&at));
    scripts.any(|script| script_may_bring(script, names))
}

fn script_may_bring(script: &Script, names: &[&str]) -> bool {
    let may = |call: &Call| {
        let named = call
            .arguments()
            .any(|word| names.iter().any(|name| is_named(word, name)));
        let installs = call.is(
            &["apt-get", "apt", "apk", "yum", "dnf", "microdnf"],
            &["install", "add", "groupinstall"],
        ) || conda::installs(call);
        named
            || installs && !call.is_known()
            || !later::is_known_to_end(call) && !conda::installs(call)
    };
    script.list.is_none() || script.calls.iter().any(may)
}
