//! Joins RUNs: what one makes and a later one removes is in no layer when both are one.
//!
//! Two shells become one, so the first may leave nothing behind in its shell that the second could tell: another
//! folder, variables, options, functions, jobs. And the second runs behind `&&`, so it must be a chain of that.

use super::edits;
use super::finding::{Edit, Safety};
use super::later;
use super::model::{Call, Model, Script};
use super::parse::Kind;
use super::shell::{Command, CompoundKind, Statement};

/// How RUNs become one.
pub struct Joining {
    /// What changes.
    pub edits: Vec<Edit>,
    /// Safe where nothing but the layers can differ afterwards.
    pub safety: Safety,
}

/// What a script leaves in its shell for a command behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leaves {
    /// Nothing, or only options that end a script that fails.
    Nothing,
    /// Another folder or variables, which matter to a command that does not name all that it touches.
    State,
    /// Anything: functions, options, jobs.
    Anything,
}

/// Joins all RUNs from the first to the last, which follow each other.
pub fn join(model: &Model<'_>, first: usize, last: usize) -> Option<Joining> {
    let mut joining = Joining {
        edits: Vec::new(),
        safety: Safety::Safe,
    };
    let mut state = Leaves::Nothing;
    for at in first..last {
        let (before, after) = (model.scripts.get(&at)?, model.scripts.get(&(at + 1))?);
        state = state.max(leaves(before)?);
        let is_free = cleans_by_name(after);
        if state == Leaves::Anything || state == Leaves::State && !is_free {
            return None;
        }
        let is_known = before.calls.iter().all(later::is_known_to_end)
            && (is_free || after.calls.iter().all(|call| is_found_anew(call, before)));
        joining.safety = joining.safety.max(Safety::safe_if(is_known));
        joining.edits.push(seam(model, at)?);
    }
    (!joining.edits.is_empty()).then_some(joining)
}

/// How sure a removal that names all that it removes can run at the end of a script; `None` where it cannot.
pub fn safety_before_cleaning(script: &Script) -> Option<Safety> {
    let is_known = script.calls.iter().all(later::is_known_to_end);
    (leaves(script)? != Leaves::Anything).then(|| Safety::safe_if(is_known))
}

/// What replaces the end of a RUN and the beginning of the next one; comments between them stay.
fn seam(model: &Model<'_>, first: usize) -> Option<Edit> {
    let file = model.file;
    let (one, two) = (
        file.instructions.get(first)?,
        file.instructions.get(first + 1)?,
    );
    let is_plain = [one, two].iter().all(|run| {
        run.name == "RUN" && run.flags.is_empty() && run.heredocs.is_empty() && run.list.is_none()
    });
    let same_stage = model
        .stage_of(first)
        .is_some_and(|stage| stage.instructions.contains(&(first + 1)));
    let last = model
        .scripts
        .get(&first)?
        .list
        .as_ref()?
        .statements
        .last()?;
    if !is_plain || !same_stage || !edits::is_one_chain(model, first + 1) || last.is_background {
        return None;
    }
    let start = edits::end_of(model, first)?;
    let end = two.line.place(two.arguments.start);
    // A `;` or a comment of the shell after the last command.
    let rest = file.text.get(start..one.range.end)?;
    if !rest.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let comments = file
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Comment && (start..end).contains(&token.range.start));
    let comments: Vec<String> = comments
        .map(|token| model.text(token.range.clone()).trim_end().to_owned())
        .collect();
    Some(Edit {
        range: start..end,
        text: edits::continued(model, first, &comments)?,
    })
}

fn leaves(script: &Script) -> Option<Leaves> {
    let list = script.list.as_ref()?;
    let assigns = |statement: &Statement| {
        let mut commands = statement.pipelines().flat_map(|line| &line.commands);
        commands.any(|command| match command {
            Command::Simple(simple) => simple.words.is_empty() && !simple.assignments.is_empty(),
            Command::Compound(compound) => compound.kind != CompoundKind::Subshell,
        })
    };
    let has_jobs = list.statements.iter().any(|one| one.is_background);
    let state = list.statements.iter().any(assigns);
    let of = |call: &Call| match call.program.as_str() {
        _ if call.place.is_apart => Leaves::Nothing,
        "set" => match call
            .arguments()
            .all(|word| ["-e", "-x", "-ex", "-xe"].contains(&word))
        {
            true if call.is_known() => Leaves::Nothing,
            _ => Leaves::Anything,
        },
        "cd" | "pushd" | "popd" => Leaves::State,
        "export" | "read" => match call.words.iter().any(|word| is_for_loading(&word.pattern)) {
            true => Leaves::Anything,
            false => Leaves::State,
        },
        "." | "source" | "eval" | "exec" | "exit" | "return" | "trap" | "umask" | "shopt"
        | "alias" | "unalias" | "unset" | "ulimit" | "declare" | "typeset" | "local"
        | "readonly" | "hash" | "enable" | "service" | "nohup" | "setsid" | "systemctl"
        | "wait" => Leaves::Anything,
        _ if call.wrappers.iter().any(|word| word == "exec") => Leaves::Anything,
        _ => Leaves::Nothing,
    };
    let calls = script.calls.iter().map(of).max();
    let most = calls.unwrap_or(Leaves::Nothing);
    Some(
        match (has_jobs || edits::defines_functions(script), state) {
            (true, _) => Leaves::Anything,
            (_, true) => most.max(Leaves::State),
            _ => most,
        },
    )
}

/// Whether a variable decides which program a name means, or what it loads.
fn is_for_loading(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name.is_empty() || name == "PATH" || name == "HOME" || name == "IFS" || name.starts_with("LD_")
}

/// Whether a script only removes what it names by absolute paths, or empties the caches of package managers:
/// neither the folder nor a variable of the shell matters to it.
pub fn cleans_by_name(script: &Script) -> bool {
    let is_absolute = |call: &Call| {
        let mut words = call.words.iter().skip(1);
        words.all(|word| word.pattern.starts_with(['/', '-']))
    };
    let cleans = |call: &Call| match call.program.as_str() {
        "rm" => is_absolute(call),
        "apt-get" | "apt" => call.is(&["apt-get", "apt"], &["clean", "autoclean"]),
        "yum" | "dnf" | "microdnf" | "zypper" | "conda" | "mamba" | "micromamba" => {
            call.is(&[&call.program], &["clean"])
        }
        "npm" | "pip" | "pip3" | "yarn" => call.is(&[&call.program], &["cache"]),
        "sync" | "true" => true,
        _ => false,
    };
    let expands = memchr::memchr2(b'$', b'`', script.text.bytes()).is_some();
    let is_bare = |call: &Call| call.assigned.is_empty() && !call.place.is_apart;
    let mut calls = script.calls.iter();
    !expands && !script.calls.is_empty() && calls.all(|call| cleans(call) && is_bare(call))
}

/// Whether a program means the same in a shell that has run others before: none of them has its name, so that
/// the shell does not remember another file for it, or it is one that every image has in one place.
fn is_found_anew(call: &Call, before: &Script) -> bool {
    let common = [
        "apt", "apt-get", "chmod", "chown", "cp", "curl", "dpkg", "gunzip", "install", "ln",
        "mkdir", "mv", "rm", "rmdir", "tar", "touch", "unzip", "wget",
    ];
    let mut others = before.calls.iter();
    let is_new = !call.program.is_empty() && others.all(|other| other.program != call.program);
    is_new || common.contains(&call.program.as_str())
}
