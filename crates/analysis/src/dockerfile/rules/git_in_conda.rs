//! `git` put into a conda environment for an environment file that needs none: none of its requirements is
//! `git+...`. The file is read from the build context; where it has such a line, or cannot be read, nothing is
//! found.
//!
//! **Fix.** The install of `git` is taken out. *Unsafe*: a program of the image may call `git` when it runs. No fix
//! where the file itself calls it.
//!
//! **Example.**
//!
//! ```dockerfile
//! COPY env.yml /env.yml
//! RUN micromamba install -y -n base git && \
//!     micromamba install -y -n base -f /env.yml
//! ```
//!
//! becomes, if `env.yml` has no `git+`,
//!
//! ```dockerfile
//! COPY env.yml /env.yml
//! RUN micromamba install -y -n base -f /env.yml
//! ```

use super::conda::{self, Part};
use super::{Context, Finding, Rule, copied};
use crate::dockerfile::edits;
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::{Call, Script};

pub(super) static RULE: Rule = Rule {
    id: "git-in-conda",
    title: "git in a conda environment that needs none",
    others: &[],
    cost: "60 to 130 MB, with perl and its modules",
    source: include_str!("git_in_conda.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let scripts = context.model.scripts.iter();
    scripts
        .filter_map(|(at, script)| find_in(context, *at, script))
        .collect()
}

fn find_in(context: &Context<'_>, at: usize, script: &Script) -> Option<Finding> {
    let (call, word) = script
        .calls
        .iter()
        .find_map(|call| Some((call, git(call)?)))?;
    let files: Vec<&str> = script
        .calls
        .iter()
        .filter(|call| conda::installs(call))
        .flat_map(env_files)
        .collect();
    let needs_none = |path: &&str| {
        let text = copied::content(context, at, path);
        text.is_some_and(|text| !text.contains("git+") && !text.contains("git:"))
    };
    if files.is_empty() || !files.iter().all(needs_none) {
        return None;
    }
    let message = format!("{} needs no git", files.join(" and "));
    let finding = Finding::new(&RULE, at, call.words[word].range.clone(), message);
    let calls_git = context
        .model
        .scripts
        .values()
        .flat_map(|script| &script.calls)
        .any(|call| call.program == "git");
    Some(match edit(context, at, call, word).filter(|_| !calls_git) {
        Some(edit) => finding.with_fix(Safety::Unsafe, "do not install git", vec![edit]),
        None => finding,
    })
}

/// The word of an install that is `git`.
fn git(call: &Call) -> Option<usize> {
    let parts = conda::parts(call).filter(|_| conda::installs(call))?;
    parts.iter().find_map(|part| match part {
        Part::Package(at) if call.words[*at].value.as_deref() == Some("git") => Some(*at),
        _ => None,
    })
}

fn env_files(call: &Call) -> Vec<&str> {
    let files = conda::parts(call).map(|parts| conda::values(&parts, &["-f", "--file"]));
    let is_env = |path: &&str| path.ends_with(".yml") || path.ends_with(".yaml");
    files
        .unwrap_or_default()
        .into_iter()
        .filter(is_env)
        .collect()
}

fn edit(context: &Context<'_>, at: usize, call: &Call, word: usize) -> Option<Edit> {
    let parts = conda::parts(call)?;
    let packages = parts
        .iter()
        .filter(|part| matches!(part, Part::Package(_)))
        .count();
    let has_file = !conda::values(&parts, &["-f", "--file"]).is_empty();
    match packages == 1 && !has_file {
        true => edits::remove(context.model, at, &[call]),
        false => edits::remove_word(context.model, &call.words[word].range),
    }
}
