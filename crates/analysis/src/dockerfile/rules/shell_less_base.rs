//! A RUN, or a CMD, ENTRYPOINT or HEALTHCHECK in shell form, on a base without a shell: the build, or the container, fails with
//! `exec: "/bin/sh": no such file or directory`. A script as the entrypoint fails in the same way, and so does
//! `["sh", "-c", ...]`; scripts are told by their name, and by their first line where they lie in the build context.
//!
//! **Fix.** None: write the exec form, `ENTRYPOINT ["/app"]`, and do in an earlier stage what needs a shell.
//! Nothing is found where something that may be a shell is copied to the root or to a folder of programs.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM gcr.io/distroless/static-debian12
//! ENTRYPOINT /app --serve
//! ```
//!
//! is better written as
//!
//! ```dockerfile
//! FROM gcr.io/distroless/static-debian12
//! ENTRYPOINT ["/app", "--serve"]
//! ```

use super::bases::Name;
use super::{Context, Finding, Rule, copied};
use crate::dockerfile::model::{Base, Stage};
use crate::dockerfile::parse::{Instruction, words};

pub(super) static RULE: Rule = Rule {
    id: "shell-less-base",
    title: "A shell used on a base without one",
    others: &[],
    cost: "an image that does not build or start",
    source: include_str!("shell_less_base.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for stage in context
        .model
        .stages
        .iter()
        .filter(|stage| has_no_shell(stage))
    {
        let instructions = stage
            .instructions
            .clone()
            .map(|at| (at, &context.model.file.instructions[at]));
        for (at, instruction) in instructions {
            if instruction.name == "SHELL" || may_bring_shell(instruction) {
                break;
            }
            let argument = instruction.argument();
            let is_off = argument.is_empty() || argument.eq_ignore_ascii_case("none");
            let uses_shell =
                ["RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"].contains(&instruction.name.as_str());
            if uses_shell && instruction.list.is_none() && !is_off {
                let message = format!(
                    "{} in shell form, and the base has no shell",
                    instruction.name
                );
                out.push(Finding::new(&RULE, at, instruction.range.clone(), message));
            } else if let Some(program) = started(instruction).filter(|_| uses_shell)
                && needs_shell(context, at, program)
            {
                let message = format!("{program} needs a shell, and the base has none");
                out.push(Finding::new(&RULE, at, instruction.range.clone(), message));
            }
        }
    }
    out
}

/// The program that an instruction in exec form starts.
fn started(instruction: &Instruction) -> Option<&str> {
    let list = instruction.list.as_ref()?;
    list.first().map(String::as_str)
}

/// Whether a program is a shell, or a script for one or for `env`, which comes with shells.
fn needs_shell(context: &Context<'_>, at: usize, program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    if ["sh", "bash", "dash", "ash"].contains(&name) {
        return true;
    }
    match copied::content(context, at, program) {
        Some(text) => {
            let first = text.lines().next().unwrap_or_default();
            let interpreter = first.strip_prefix("#!").map(str::trim).unwrap_or_default();
            let path = interpreter.split_whitespace().next().unwrap_or_default();
            [
                "/bin/sh",
                "/bin/bash",
                "/bin/dash",
                "/usr/bin/bash",
                "/usr/bin/env",
            ]
            .contains(&path)
        }
        None => name.ends_with(".sh") && program.contains('/'),
    }
}

fn has_no_shell(stage: &Stage) -> bool {
    match &stage.base {
        Base::Scratch => true,
        Base::Image(image) => {
            let name = Name::parse(image);
            name.repository.starts_with("distroless/")
                && !name.tag.is_some_and(|tag| tag.contains("debug"))
        }
        Base::Stage(_) | Base::Unknown => false,
    }
}

/// Whether an instruction may put a shell where it is looked for.
fn may_bring_shell(instruction: &Instruction) -> bool {
    let words = words::plain(instruction);
    let target = words
        .last()
        .map_or("", |word| word.text.trim_matches(['/', '"', ']']));
    let is_program = |path: &str| {
        ["", "bin", "usr", "usr/bin", "."].contains(&path)
            || path.ends_with("/sh")
            || path.contains("busybox")
    };
    match instruction.name.as_str() {
        "ADD" => true,
        "COPY" => is_program(target) || target.starts_with('$'),
        _ => false,
    }
}
