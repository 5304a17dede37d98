//! What the containers of an image start.

use crate::dockerfile::lint::Context;
use crate::dockerfile::parse::Instruction;

/// Programs that run what they are given, so that what starts with them may start anything.
const RUNNERS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "ash",
    "env",
    "exec",
    "make",
    "node",
    "perl",
    "php",
    "ruby",
    "supervisord",
    "s6-svscan",
    "init",
];

/// The words of what containers start, by all CMD, ENTRYPOINT and HEALTHCHECK of an instruction's stage, those that it
/// builds on and those that build on it; none when the file does not say.
fn words(context: &Context<'_>, at: usize) -> Vec<String> {
    let model = context.model;
    let starts =
        |one: &&Instruction| ["CMD", "ENTRYPOINT", "HEALTHCHECK"].contains(&one.name.as_str());
    let all = model.history(at).into_iter().chain(model.after(at));
    let all = all.map(|at| &model.file.instructions[at]).filter(starts);
    let of = |one: &Instruction| match &one.list {
        Some(list) => list.clone(),
        None => one
            .argument()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    };
    all.flat_map(of).collect()
}

/// Whether containers surely start none of these programs: all that they start is named in the file, and is no
/// shell, script or other program that runs what it is given.
pub(super) fn starts_none(context: &Context<'_>, at: usize, programs: &[&str]) -> bool {
    let words = words(context, at);
    let may_start = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or_default();
        let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_script = [".sh", ".py", ".rb", ".pl", ".js"]
            .iter()
            .any(|end| word.contains(end));
        is_script
            || name.starts_with("python")
            || word.contains(['$', '`'])
            || RUNNERS.contains(&name)
            || programs.contains(&name)
            || word.contains("entrypoint")
    };
    !words.is_empty() && !words.iter().any(may_start)
}

/// Whether what containers start has the name of one of these programs in it, also in a script.
pub(super) fn names_any(context: &Context<'_>, at: usize, programs: &[&str]) -> bool {
    let is_apart = |c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c);
    let words = words(context, at);
    let mut names = words.iter().flat_map(|word| word.split(is_apart));
    names.any(|name| programs.contains(&name))
}
