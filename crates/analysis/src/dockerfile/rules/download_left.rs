//! A download in one RUN that a later RUN unpacks and removes: the archive stays in the layer of the first one.
//!
//! **Fix.** The RUNs become one. *Safe* where they follow each other, do nothing but download and work with files, and
//! the first leaves nothing in its shell that the others could tell (another folder, variables, options);
//! *unsafe* where they call other programs. No fix where something stands between them.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN wget -O /opt/tool.tar.gz https://example.org/tool.tar.gz
//! RUN tar -xzf /opt/tool.tar.gz -C /opt
//! RUN rm /opt/tool.tar.gz
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! RUN wget -O /opt/tool.tar.gz https://example.org/tool.tar.gz && \
//!     tar -xzf /opt/tool.tar.gz -C /opt && \
//!     rm /opt/tool.tar.gz
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::model::{Call, Script};
use crate::dockerfile::runs;

pub(super) static RULE: Rule = Rule {
    id: "download-left",
    title: "A download removed in another RUN",
    others: &[],
    cost: "the size of the download",
    source: include_str!("download_left.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let folder = context.model.state(*at).folder;
        for (call, path) in downloads(script, folder.as_deref()) {
            let Some(last) = removed_later(context, *at, script, &path) else {
                continue;
            };
            if script.is_trigger || !context.model.ships(*at, &path) {
                continue;
            }
            let message = format!("{path} stays in this layer, though a later RUN removes it");
            let finding = Finding::new(&RULE, *at, call.range.clone(), message);
            let joining = runs::join(context.model, *at, last);
            out.push(match joining {
                Some(joining) => {
                    finding.with_fix(joining.safety, "make one RUN of them", joining.edits)
                }
                None => finding,
            });
            // One fix does for all of a RUN.
            break;
        }
    }
    out
}

/// The calls of a script that download, and where to.
fn downloads<'a>(script: &'a Script, folder: Option<&str>) -> Vec<(&'a Call, String)> {
    let mut folder = folder.map(str::to_owned);
    let mut out = Vec::new();
    for call in &script.calls {
        if let Some(target) = entered(call) {
            folder = match target {
                Some(target) if target.starts_with('/') => Some(target.to_owned()),
                _ => return out,
            };
        } else if let Some(path) = target(call) {
            out.push((call, absolute(&path, folder.as_deref())));
        }
    }
    out
}

/// The folder that a call goes to, if it does and if that is known.
fn entered(call: &Call) -> Option<Option<&str>> {
    let goes = ["cd", "pushd", "popd"].contains(&call.program.as_str());
    goes.then(|| call.words.get(1).and_then(|word| word.value.as_deref()))
}

fn absolute(path: &str, folder: Option<&str>) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!(
            "{}/{}",
            folder.unwrap_or_default().trim_end_matches('/'),
            path.trim_start_matches("./")
        ),
    }
}

/// Where a call puts what it downloads (wget(1), curl(1), git-clone(1)).
fn target(call: &Call) -> Option<String> {
    let words: Vec<&str> = call
        .words
        .iter()
        .map(|word| word.pattern.as_str())
        .collect();
    let value = |short: char, long: &str| {
        let mut given = words.iter().enumerate().filter_map(|(at, word)| {
            let joined = word
                .strip_prefix(long)
                .and_then(|rest| rest.strip_prefix('='));
            let is_short = word.starts_with('-') && !word.starts_with("--");
            let attached = word
                .split_once(short)
                .filter(|_| is_short)
                .map(|(_, rest)| rest);
            match joined.or(attached) {
                Some("") => words.get(at + 1).copied(),
                None if *word == long => words.get(at + 1).copied(),
                other => other,
            }
        });
        given.next()
    };
    let url = || {
        let mut urls = words.iter().filter(|word| word.contains("://"));
        urls.next().filter(|_| urls.next().is_none())
    };
    let name = || {
        let url = url()?.split(['?', '#']).next()?;
        let name = url.rsplit('/').next()?;
        (!name.is_empty() && url.matches('/').count() > 2).then(|| name.to_owned())
    };
    let is_known = call.is_known();
    match call.program.as_str() {
        _ if !is_known => None,
        "wget" => match (
            value('O', "--output-document"),
            value('P', "--directory-prefix"),
        ) {
            (Some(path), _) => (path != "-").then(|| path.to_owned()),
            (None, Some(folder)) => Some(format!("{}/{}", folder.trim_end_matches('/'), name()?)),
            (None, None) => name(),
        },
        "curl" => match value('o', "--output") {
            Some(path) => (path != "-" && path != "/dev/null").then(|| path.to_owned()),
            None if call.has(&["-O", "--remote-name"]) => name(),
            None => None,
        },
        _ => None,
    }
}

/// The last RUN of the stage after one that has removed a file, unless the RUN itself removes it.
fn removed_later(context: &Context<'_>, at: usize, own: &Script, path: &str) -> Option<usize> {
    let stage = context.model.stage_of(at)?;
    let folder = context.model.state(at).folder;
    if removes(own, path, folder.as_deref()) {
        return None;
    }
    let mut later = at + 1..stage.instructions.end;
    later.find(|at| {
        let folder = context.model.state(*at).folder;
        let script = context.model.scripts.get(at);
        script.is_some_and(|script| removes(script, path, folder.as_deref()))
    })
}

fn removes(script: &Script, path: &str, folder: Option<&str>) -> bool {
    let mut folder = folder.map(str::to_owned);
    let mut is_known = true;
    script.calls.iter().any(|call| {
        if let Some(target) = entered(call) {
            is_known &= target.is_some_and(|target| target.starts_with('/'));
            folder = target.map(str::to_owned);
        }
        let words = call.words.iter().skip(1);
        let mut named =
            words.filter(|word| !word.pattern.starts_with('-') && !word.pattern.is_empty());
        ["rm", "unlink"].contains(&call.program.as_str())
            && named.any(|word| {
                let is_placed = is_known || word.pattern.starts_with('/');
                is_placed && matches(&absolute(&word.pattern, folder.as_deref()), path)
            })
    })
}

/// Whether a path is what a glob with `*` finds, or lies below it.
fn matches(glob: &str, path: &str) -> bool {
    let mut parts = glob.trim_end_matches('/').split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = true;
        match rest.find(part) {
            Some(found) if !rest[..found].contains('/') => rest = &rest[found + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || rest.starts_with('/') || is_open && glob.ends_with('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stay_within_a_folder() {
        for (glob, path, is_found) in [
            ("/a/b.tgz", "/a/b.tgz", true),
            ("/a", "/a/b.tgz", true),
            ("/a/*.tgz", "/a/b.tgz", true),
            ("/a/*", "/a/b.tgz", true),
            ("/a/*.zip", "/a/b.tgz", false),
            ("/*.tgz", "/a/b.tgz", false),
            ("/a/b", "/a/b.tgz", false),
        ] {
            assert_eq!(matches(glob, path), is_found, "{glob} {path}");
        }
    }
}
