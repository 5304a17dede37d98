//! Whether anything but the image's own command may be started in it.

use serde::Deserialize;

use super::TABLE;
use crate::finding::Guard;
use crate::rules::Context;

#[derive(Deserialize)]
pub(super) struct Door {
    programs: Vec<String>,
    /// What people or clocks do with it.
    does: String,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    pub(super) source: String,
}

/// Shells, interpreters that wait for somebody to type, and what only starts another program. An image
/// with nothing else for a command is there to be built upon, or to work in.
const OPEN: [&str; 35] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "ksh",
    "fish",
    "busybox",
    "tmux",
    "screen",
    "login",
    "su",
    "exec",
    "env",
    "tini",
    "dumb-init",
    "catatonit",
    "nohup",
    "setsid",
    "sleep",
    "infinity",
    "null",
    "tail",
    "python",
    "python3",
    "ipython",
    "node",
    "irb",
    "R",
    "jshell",
    "perl",
    "julia",
    "ghci",
    "php",
    "true",
];

/// Proved where the image starts something of its own, and nothing else.
pub(super) fn guard(context: &Context<'_>) -> Guard {
    let unknown = |text: String| Guard::Unknown(text);
    let lists = ["Cmd", "Entrypoint"].map(|key| context.config.list(key));
    let Some(command) = lists.iter().find(|list| !list.is_empty()) else {
        return unknown("the image has no command, so anything may be started in it".to_owned());
    };
    if is_open(command) {
        let command = command.join(" ");
        return unknown(format!(
            "the image starts `{command}`, in which anything may be called"
        ));
    }
    if !context.config.list("OnBuild").is_empty() {
        return unknown("the image has ONBUILD steps, so others are built upon it".to_owned());
    }
    for door in &TABLE.door {
        let is_named = |name: &[u8]| {
            door.programs
                .iter()
                .any(|program| program.as_bytes() == name)
        };
        if context.has_program(is_named) {
            let programs = door.programs.join(", ");
            return unknown(format!(
                "the image has one of {programs}, which {}",
                door.does
            ));
        }
    }
    Guard::Proved(
        "the image starts a program of its own, and nothing that stays installs packages"
            .to_owned(),
    )
}

/// Whether every word of a command is a shell or its like, an option or a number.
fn is_open(command: &[String]) -> bool {
    let words = command.iter().flat_map(|text| text.split_whitespace());
    words.into_iter().all(|word| {
        let name = word.rsplit('/').next().unwrap_or(word);
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        name.starts_with('-') || stem.is_empty() || OPEN.contains(&name) || OPEN.contains(&stem)
    })
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn a_command_is_open_when_it_is_nothing_but_shells() {
        for (command, expected) in [
            (&["bash"][..], true),
            (&["/bin/bash", "-l"], true),
            (&["/usr/bin/tini", "--", "/bin/sh", "-c", "exec bash"], true),
            (&["python3.11"], true),
            (&["sleep", "1000"], true),
            (&["tail", "-f", "/dev/null"], true),
            (&["nginx", "-g", "daemon off;"], false),
            (&["sh", "-c", "exec app"], false),
            (&["python3", "app.py"], false),
        ] {
            let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(is_open(&words), expected, "{command:?}");
        }
    }
}
