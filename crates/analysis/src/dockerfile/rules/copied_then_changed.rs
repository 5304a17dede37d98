//! `COPY` and then a RUN that changes owner or mode of what was copied: every file is in the image twice, as
//! the new layer holds it whole.
//!
//! **Fix.** `--chown` and `--chmod` are given to COPY and the RUN goes. *Unsafe*: the classic builder looks names up in
//! the image's own `/etc/passwd`, and does not know `--chmod`. Only where the RUN does nothing else, follows the
//! COPY at once, changes all that was copied and nothing that was there before, and names user and group or
//! an octal mode; an owner only where COPY has no folder to make, which it would give to him, too; a `chmod +x` is reported, as the mode that it leads to is not known.
//!
//! **Example.**
//!
//! ```dockerfile
//! COPY app /app
//! RUN chown -R app:app /app && chmod -R 755 /app
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! COPY --chown=app:app --chmod=755 app /app
//! ```

use super::{Context, Finding, Rule, copied};
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::{Base, Call, Script};
use crate::dockerfile::parse::Instruction;

pub(super) static RULE: Rule = Rule {
    id: "copied-then-changed",
    title: "Owner or mode changed after COPY",
    others: &[],
    cost: "as much as was copied",
    source: include_str!("copied_then_changed.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let Some(before) = at
            .checked_sub(1)
            .map(|at| &context.model.file.instructions[at])
        else {
            continue;
        };
        let Some(call) = script
            .calls
            .iter()
            .find(|call| changed(call, before).is_some())
        else {
            continue;
        };
        let message = "every file that COPY brought is in this layer once more";
        let finding = Finding::new(&RULE, *at, call.range.clone(), message);
        out.push(match flags(context, *at, script, before) {
            Some(flags) => {
                let place = before.line.range(before.keyword.clone()).end;
                let lines = context.model.file.instructions[*at].lines.clone();
                let edits = vec![
                    Edit {
                        range: place..place,
                        text: format!(" {flags}"),
                    },
                    Edit {
                        range: lines,
                        text: String::new(),
                    },
                ];
                finding.with_fix(Safety::Unsafe, format!("copy with `{flags}`"), edits)
            }
            None => finding,
        });
    }
    out
}

/// What a call changes of what COPY brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    /// All that was copied, or that was at the target before.
    Target,
    /// The only file that was copied into the target.
    File,
}

/// The options of COPY that do what a script does.
fn flags(context: &Context<'_>, at: usize, script: &Script, copy: &Instruction) -> Option<String> {
    let run = &context.model.file.instructions[at];
    let is_alone = run.flags.is_empty() && !script.is_trigger && script.list.is_some();
    let mut out = Vec::new();
    for call in &script.calls {
        let changed = changed(call, copy).filter(|_| is_alone && call.place.is_plain)?;
        let is_recursive = call.has(&["-R"]);
        let mut options = call.arguments().filter(|word| word.starts_with('-'));
        let is_file = is_text_file(context, copy);
        let is_whole = match changed {
            Changed::File => is_file,
            Changed::Target => {
                is_recursive && is_new(context, at - 1, copy)
                    || is_file && is_target_of_file(context, at - 1, copy)
            }
        };
        // BuildKit gives folders that it has to make to the owner too.
        let is_whole = is_whole && (call.program != "chown" || is_there(context, at - 1, copy));
        let (_, spec) = call.verb()?;
        let flag = match call.program.as_str() {
            "chown" if is_pair(spec) => ("chown", spec),
            "chmod" if is_octal(spec) => ("chmod", spec),
            _ => return None,
        };
        let is_plain = call.wrappers.is_empty() && options.all(|word| word == "-R");
        if !is_whole || !is_plain || copy.flag(flag.0).is_some() {
            return None;
        }
        out.push(format!("--{}={}", flag.0, flag.1));
    }
    out.dedup_by_key(|flag| flag.split('=').next().map(str::to_owned));
    (out.len() == script.calls.len()).then(|| out.join(" "))
}

/// Whether COPY brings one file, by what lies in the build context.
fn is_text_file(context: &Context<'_>, copy: &Instruction) -> bool {
    let words = copied::arguments(copy);
    let [source, _] = words.as_slice() else {
        return false;
    };
    let path = source.trim_start_matches("./").trim_start_matches('/');
    copy.flag("from").is_none() && context.beside.is_some_and(|beside| beside(path).is_some())
}

/// Whether the target of a COPY of one file is that file, and no folder that was there before.
fn is_target_of_file(context: &Context<'_>, at: usize, copy: &Instruction) -> bool {
    let words = copied::arguments(copy);
    let [source, target] = words.as_slice() else {
        return false;
    };
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    !target.ends_with('/') && (name(source) == name(target) || is_new(context, at, copy))
}

/// Folders that every image of a distribution has (Filesystem Hierarchy Standard 3.0).
const FOLDERS: &[&str] = &[
    "/",
    "/bin",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/root",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/lib",
    "/usr/local/share",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
];

/// Whether the folder that a COPY brings something into surely is there, its target aside.
fn is_there(context: &Context<'_>, at: usize, copy: &Instruction) -> bool {
    let words = copied::arguments(copy);
    let target = words.last().map_or("", String::as_str);
    // A file goes below a target with a slash, a folder becomes it.
    let folder = match target.strip_suffix('/') {
        Some(folder) if is_text_file(context, copy) => folder,
        _ => target
            .trim_end_matches('/')
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder),
    };
    let folder = if folder.is_empty() { "/" } else { folder };
    let working = context.model.state(at).folder;
    FOLDERS.contains(&folder) || working.is_some_and(|working| working == folder)
}

/// Whether nothing before a COPY speaks of its target, so that all that lies there was copied.
fn is_new(context: &Context<'_>, at: usize, copy: &Instruction) -> bool {
    let model = context.model;
    let Some(stage) = model
        .stage_of(at)
        .filter(|stage| !matches!(stage.base, Base::Stage(_)))
    else {
        return false;
    };
    let words = copied::arguments(copy);
    let target = words
        .last()
        .map_or("", |target| target.trim_end_matches('/'));
    let mut before = stage.instructions.start..at;
    !FOLDERS.contains(&target)
        && before.all(|at| !model.file.instructions[at].argument().contains(target))
}

fn is_pair(spec: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    spec.split_once(':')
        .is_some_and(|(user, group)| is_name(user) && is_name(group))
}

fn is_octal(spec: &str) -> bool {
    (3..=4).contains(&spec.len()) && spec.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
}

/// What a call changes of what a COPY brought; `None` when it is something else.
fn changed(call: &Call, copy: &Instruction) -> Option<Changed> {
    let words = copied::arguments(copy);
    let (target, sources) = words.split_last().filter(|_| copy.name == "COPY")?;
    let mut paths = call
        .arguments()
        .filter(|word| !word.starts_with('-'))
        .skip(1);
    let path = paths.next().filter(|_| paths.next().is_none())?;
    let (path, folder) = (path.trim_end_matches('/'), target.trim_end_matches('/'));
    let is_one = ["chown", "chmod"].contains(&call.program.as_str())
        && call.is_known()
        && target.starts_with('/')
        && copy.list.is_none();
    let [source] = sources else {
        return (is_one && path == folder && folder.len() > 1).then_some(Changed::Target);
    };
    let name = source.trim_end_matches('/').rsplit('/').next()?;
    let is_inside =
        target.ends_with('/') && path.strip_prefix(folder)?.strip_prefix('/') == Some(name);
    match (is_one, path == folder && folder.len() > 1) {
        (true, true) => Some(Changed::Target),
        (true, false) if is_inside => Some(Changed::File),
        _ => None,
    }
}
