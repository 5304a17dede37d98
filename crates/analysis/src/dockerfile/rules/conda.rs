//! What the rules for conda share: calls that install, and where to.

use super::bases;
use crate::dockerfile::lint::Context;
use crate::dockerfile::model::{Call, Script};

pub(super) const PROGRAMS: &[&str] = &["conda", "mamba", "micromamba"];

/// Whether a call installs packages.
pub(super) fn installs(call: &Call) -> bool {
    let is_env = call.is(PROGRAMS, &["env"])
        && call
            .arguments()
            .any(|word| word == "create" || word == "update");
    let is_dry = call.has(&["--dry-run", "--download-only", "--help"]);
    (is_env || call.is(PROGRAMS, &["install", "create", "update", "upgrade"])) && !is_dry
}

/// The folders at which package caches usually lie.
pub(super) const CACHES: &[&str] = &[
    "/opt/conda/pkgs",
    "/opt/miniconda3/pkgs",
    "/opt/miniconda/pkgs",
    "/root/miniconda3/pkgs",
    "/root/.cache",
    "/root/.mamba/pkgs",
];

/// Whether the package cache of a RUN is a mount.
pub(super) fn is_mounted(script: &Script) -> bool {
    let named = |target: &str| {
        ["pkgs", "conda", "mamba"]
            .iter()
            .any(|name| target.contains(name))
    };
    let mut targets = script.mounts.iter().map(|mount| mount.target.as_deref());
    targets.any(|target| target.is_none_or(named))
}

/// Options of install that take a value.
const VALUED: [&str; 14] = [
    "-n",
    "--name",
    "-p",
    "--prefix",
    "-c",
    "--channel",
    "-f",
    "--file",
    "-r",
    "--root-prefix",
    "--platform",
    "--solver",
    "--rc-file",
    "--categories",
];

/// A word of an install, with its place among the words of the call.
pub(super) enum Part<'a> {
    /// A package.
    Package(usize),
    /// An option and its value.
    Value(&'a str, &'a str),
}

/// Packages and valued options of an install; `None` when not every word is known.
pub(super) fn parts(call: &Call) -> Option<Vec<Part<'_>>> {
    let (verb, _) = call.verb()?;
    let mut out = Vec::new();
    let mut at = 1;
    while at < call.words.len() {
        let word = call.words[at].value.as_deref()?;
        match word.split_once('=') {
            Some((name, value)) if VALUED.contains(&name) => out.push(Part::Value(name, value)),
            _ if VALUED.contains(&word) => {
                at += 1;
                out.push(Part::Value(word, call.words.get(at)?.value.as_deref()?));
            }
            _ if word.starts_with('-')
                || at == verb
                || call.program != "micromamba" && (word == "create" || word == "update") => {}
            _ => out.push(Part::Package(at)),
        }
        at += 1;
    }
    Some(out)
}

/// The values of an option.
pub(super) fn values<'a>(parts: &[Part<'a>], names: &[&str]) -> Vec<&'a str> {
    let value = |part: &Part<'a>| match part {
        Part::Value(name, value) if names.contains(name) => Some(*value),
        _ => None,
    };
    parts.iter().filter_map(value).collect()
}

/// The folder that an install puts packages into, when it is known.
pub(super) fn prefix(context: &Context<'_>, instruction: usize, call: &Call) -> Option<String> {
    let parts = parts(call)?;
    if let Some(prefix) = values(&parts, &["-p", "--prefix"]).first() {
        return prefix.starts_with('/').then(|| (*prefix).to_owned());
    }
    let base = bases::conda_prefix(context, instruction)?;
    match values(&parts, &["-n", "--name"]).first() {
        None | Some(&"base") => Some(base),
        Some(name) => Some(format!("{base}/envs/{name}")),
    }
}
