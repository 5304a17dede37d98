//! `COPY` and then a RUN that changes owner or mode of what was copied: every file is in the image twice, as
//! the new layer holds it whole.
//!
//! **Fix.** `--chown` is given to COPY and the RUN goes. *Unsafe*: the classic builder looks names up in the image's
//! own `/etc/passwd`. Only where the RUN does nothing else, follows the COPY at once, and names user and group;
//! a `chmod` is reported.
//!
//! **Example.**
//!
//! ```dockerfile
//! COPY app /app
//! RUN chown -R app:app /app
//! ```
//!
//! becomes
//!
//! ```dockerfile
//! COPY --chown=app:app app /app
//! ```

use super::{Context, Finding, Rule};
use crate::dockerfile::finding::{Edit, Safety};
use crate::dockerfile::model::Call;
use crate::dockerfile::parse::{Instruction, words};

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
        let Some(call) = script.calls.iter().find(|call| changes(call, before)) else {
            continue;
        };
        let message = "every file that COPY brought is in this layer once more";
        let finding = Finding::new(&RULE, *at, call.range.clone(), message);
        let spec = call
            .verb()
            .map(|(_, spec)| spec)
            .filter(|spec| call.program == "chown" && is_pair(spec));
        let is_alone = script.calls.len() == 1
            && call.place.is_plain
            && call.wrappers.is_empty()
            && script.mounts.is_empty();
        out.push(match spec.filter(|_| is_alone && before.flags.is_empty()) {
            Some(spec) => {
                let place = before.line.range(before.keyword.clone()).end;
                let lines = context.model.file.instructions[*at].lines.clone();
                let edits = vec![
                    Edit {
                        range: place..place,
                        text: format!(" --chown={spec}"),
                    },
                    Edit {
                        range: lines,
                        text: String::new(),
                    },
                ];
                finding.with_fix(Safety::Unsafe, format!("copy with `--chown={spec}`"), edits)
            }
            None => finding,
        });
    }
    out
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

/// Whether a call changes all of what a COPY brought, and nothing else.
fn changes(call: &Call, copy: &Instruction) -> bool {
    let words = words::plain(copy);
    let target = words
        .last()
        .map(|word| word.text.trim_end_matches('/'))
        .filter(|target| target.starts_with('/') && target.len() > 1);
    let mut paths = call
        .arguments()
        .filter(|word| !word.starts_with('-'))
        .skip(1);
    let only = (
        paths.next().map(|path| path.trim_end_matches('/')),
        paths.next(),
    );
    copy.name == "COPY"
        && copy.list.is_none()
        && ["chown", "chmod"].contains(&call.program.as_str())
        && call.is_known()
        && target.is_some()
        && only == (target, None)
}
