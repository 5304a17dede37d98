//! `mkdir x && cd x` where `WORKDIR x` does both.
//!
//! **Fix.** `WORKDIR` before the RUN. *Safe* where the user is root, which the file says or the base is known for; else
//! *unsafe*, as WORKDIR may make the folder for root. There is no fix where anything after the RUN depends on the
//! folder: another RUN, a relative path, or what containers start, until the next absolute WORKDIR. None either
//! where the file names another user.
//!
//! **Example.**
//!
//! ```dockerfile
//! RUN mkdir -p /build && cd /build && cmake /src && make install
//! WORKDIR /
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! WORKDIR /build
//! RUN cmake /src && make install
//! WORKDIR /
//! ```

use super::{Context, Finding, Rule, bases};
use crate::dockerfile::edits;
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::{Call, Ships};
use crate::dockerfile::parse::words;

pub(super) static RULE: Rule = Rule {
    id: "mkdir-then-cd",
    title: "A folder made and entered by hand",
    others: &["DL3003"],
    cost: "nothing but a `cd` that ends with its RUN",
    source: include_str!("mkdir_then_cd.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (at, script) in &context.model.scripts {
        let [make, enter, ..] = script.calls.as_slice() else {
            continue;
        };
        let Some(path) = made_and_entered(make, enter).filter(|_| !script.is_trigger) else {
            continue;
        };
        let message = format!("`WORKDIR {path}` makes the folder and goes there");
        let range = make.range.start..enter.range.end;
        let finding = Finding::new(&RULE, *at, range, message);
        out.push(match edit(context, *at, path) {
            Some(edit) => {
                let is_root =
                    context.model.state(*at).user.is_some() || bases::runs_as_root(context, *at);
                let safety = Safety::safe_if(is_root);
                finding.with_fix(safety, format!("write WORKDIR {path}"), vec![edit])
            }
            None => finding,
        });
    }
    out
}

/// The folder that the first two calls of a script make and go to.
fn made_and_entered<'a>(make: &'a Call, enter: &Call) -> Option<&'a str> {
    let follows = make.place.is_plain
        && enter.place.is_plain
        && (make.place.statement, make.place.pipeline) == (0, 0)
        && (enter.place.statement, enter.place.pipeline) == (0, 1);
    let mut made = make
        .arguments()
        .filter(|word| !["-p", "--parents"].contains(word));
    let path = made.next()?;
    let is_one = made.next().is_none() && make.is_known() && make.wrappers.is_empty();
    let same = enter.words.len() == 2 && enter.arguments().next().map(bare) == Some(bare(path));
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte));
    let is_pair = make.program == "mkdir" && enter.program == "cd" && follows;
    (is_pair && is_one && same && is_plain && path.starts_with('/')).then_some(path)
}

fn bare(path: &str) -> &str {
    path.trim_end_matches('/')
}

fn edit(context: &Context<'_>, at: usize, path: &str) -> Option<Edit> {
    let model = context.model;
    let run = &model.file.instructions[at];
    let script = model.scripts.get(&at)?;
    let user = model.state(at).user;
    let may_be_root = user.is_none_or(|user| user == "root" || user == "0");
    let is_plain = run.flags.is_empty() && !script.is_heredoc && run.heredocs.is_empty();
    if !is_plain || !may_be_root || script.mounts_over(path) || depends(context, at) {
        return None;
    }
    let statement = script.list.as_ref()?.statements.first()?;
    let keyword = run.line.range(run.keyword.clone());
    // What follows in the chain stays as it is, behind a RUN of its own.
    let next = statement.pipelines().nth(2);
    let is_or = statement.rest.iter().take(2).any(|(join, _)| join.is_or);
    let newline = match run.lines.end.checked_sub(2).map(|at| model.file.text[at]) {
        Some(b'\r') => "\r\n",
        _ => "\n",
    };
    let has_comment = |range: &std::ops::Range<usize>| {
        let text = model.text(range.clone());
        text.lines().any(|line| line.trim_start().starts_with('#'))
    };
    let edit = match next {
        Some(next) => Edit {
            range: keyword.start..script.range(next.range.clone()).start,
            text: format!("WORKDIR {path}{newline}RUN "),
        },
        None if script.list.as_ref()?.statements.len() == 1 => Edit {
            range: keyword.start..script.range(statement.rest.last()?.1.range.clone()).end,
            text: format!("WORKDIR {path}"),
        },
        None => return None,
    };
    (!is_or && !has_comment(&edit.range)).then_some(edit)
}

/// Whether anything after an instruction may depend on the working folder.
fn depends(context: &Context<'_>, at: usize) -> bool {
    let model = context.model;
    let Some(stage) = model.stage_of(at) else {
        return true;
    };
    for other in at + 1..stage.instructions.end {
        let one = &model.file.instructions[other];
        match one.name.as_str() {
            "RUN" if goes_elsewhere(context, other) => {}
            "WORKDIR" => return !one.argument().starts_with('/'),
            "ENV" | "LABEL" | "EXPOSE" | "ARG" | "USER" | "STOPSIGNAL" | "MAINTAINER" | "SHELL"
            | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => {}
            "COPY" | "ADD" => {
                let target = match &one.list {
                    Some(list) => list.last().cloned(),
                    None => words::plain(one).pop().map(|word| word.text),
                };
                if !target.is_some_and(|path| path.starts_with('/')) {
                    return true;
                }
            }
            _ => return true,
        }
    }
    // What is left at the end is the folder in which containers start, and stages that build on it.
    let number = model.stages.iter().position(|own| own.from == stage.from);
    let is_built_on = model
        .stages
        .iter()
        .any(|own| matches!(own.base, crate::dockerfile::model::Base::Stage(base) if Some(base) == number));
    is_built_on || stage.ships == Ships::Whole
}

/// Whether a RUN first goes to a folder of its own.
fn goes_elsewhere(context: &Context<'_>, at: usize) -> bool {
    let calls = context
        .model
        .scripts
        .get(&at)
        .map(|script| script.calls.as_slice());
    match calls {
        Some([first, second, ..]) if made_and_entered(first, second).is_some() => true,
        Some([enter, ..]) => {
            let mut target = enter.arguments();
            let is_first =
                enter.place.is_plain && (enter.place.statement, enter.place.pipeline) == (0, 0);
            let is_joined = edits::is_one_chain(context.model, at);
            enter.program == "cd"
                && is_first
                && is_joined
                && target.next().is_some_and(|path| path.starts_with('/'))
        }
        _ => false,
    }
}
