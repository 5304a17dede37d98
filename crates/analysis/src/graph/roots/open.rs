//! Commands of images that leave what to do to whoever starts them: a shell, an interpreter without a program, a launcher
//! without a command, and what only waits until somebody comes in.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::{NodeId, Tree};
use serde::Deserialize;

use super::{COMMAND, workdir};
use crate::globs;
use crate::graph::Origin;
use crate::graph::programs::{Programs, Started, awaits_command, started};
use crate::graph::scripts::is_built_in;
use crate::graph::units::is_script;
use crate::inspect::shell::{self, Command, Word};
use crate::rules::Context;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    open: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    names: Vec<String>,
    /// What one of its words is.
    word: Option<String>,
    /// Words behind which its command would stand.
    #[serde(default)]
    behind: Vec<String>,
    /// Whether it only waits, whatever its words are.
    #[serde(default)]
    waits: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

static TABLE: LazyLock<Vec<(GlobSet, Row)>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("../../knowledge/open.toml")).expect("a test reads the table");
    let compile = |row: Row| {
        let names = row.names.iter().map(String::as_str);
        (globs::set(names).expect("a test builds the globs"), row)
    };
    table.open.into_iter().map(compile).collect()
});

/// Commands that start nothing, built in most shells.
const QUIET: [&[u8]; 5] = [b"true", b"false", b"echo", b"printf", b"test"];

/// The longest script that is read.
const MAX_SCRIPT: u64 = 1 << 20;

/// Scripts of the image's author that its command runs, and those that they run.
#[derive(Debug, Default)]
pub(in crate::graph) struct Own {
    scripts: BTreeSet<NodeId>,
    /// Whether the command says nothing beside the first of them: it may be made to run what others say.
    pub(in crate::graph) is_given_commands: bool,
}

impl Own {
    pub(in crate::graph) fn new(context: &Context<'_>, programs: &Programs) -> Self {
        let tree = context.tree;
        let command = COMMAND.iter().flat_map(|key| context.config.list(key));
        let words: Vec<Word> = command.map(|word| Word::of(word.as_bytes())).collect();
        let find = |base, name: &[u8]| {
            let path = programs.find(name).unwrap_or(name);
            let file = tree.resolve_from(base, path, |_| {})?;
            (tree.is_file(file) && !context.packages.is_installed(file)).then_some(file)
        };
        let named = |base, words: &[Word]| -> Vec<NodeId> {
            let named = started(words)
                .into_iter()
                .filter_map(|started| match started {
                    Started::Program(name) => {
                        find(base, &name).filter(|file| is_script(tree, *file))
                    }
                    Started::Script(name) => find(base, &name),
                    _ => None,
                });
            named.collect()
        };
        let mut next = named(workdir(context), &words);
        let last = words.last().and_then(Word::value);
        let last = last.and_then(|last| find(workdir(context), last));
        let is_given_commands = last.is_some() && last == next.last().copied();
        let mut scripts = BTreeSet::new();
        while let Some(script) = next.pop() {
            if scripts.insert(script) {
                for command in commands(tree, script) {
                    let sourced = command.words.get(1).filter(|_| is_source(&command));
                    let sourced = sourced.into_iter().flat_map(Word::values);
                    next.extend(sourced.filter_map(|path| find(tree.parent(script), path)));
                    next.extend(named(tree.parent(script), &command.words));
                }
            }
        }
        Self {
            scripts,
            is_given_commands,
        }
    }

    /// Whether what is found there is what the image's command does.
    pub(in crate::graph) fn speaks(&self, from: Origin) -> bool {
        match from {
            Origin::Root(_) => true,
            Origin::Node(script) => self.scripts.contains(&script),
        }
    }
}

fn commands(tree: &Tree<'_>, script: NodeId) -> Vec<Command> {
    let text = tree
        .leaf_of(script)
        .map(|leaf| tree.read(leaf).read_all(MAX_SCRIPT));
    let text = text.and_then(Result::ok).unwrap_or_default();
    shell::read(&text, &|_| None).commands
}

fn is_source(command: &Command) -> bool {
    let first = command.words.first().and_then(Word::value);
    matches!(first, Some(b"." | b"source"))
}

/// Whether a command does what it is told later.
pub(super) fn is_open(command: &[Word]) -> bool {
    let started = started(command);
    let is_anywhere = |started: &Started| match started {
        Started::Program(name) => TABLE.iter().any(|(names, row)| {
            !row.behind.is_empty() && row.says(names, name, behind(command, name))
        }),
        _ => false,
    };
    match started.last() {
        Some(Started::Interactive) => true,
        Some(Started::Text(text)) => is_open_text(text),
        Some(Started::Program(name)) => {
            let rest = behind(command, name);
            awaits_command(name) || TABLE.iter().any(|(names, row)| row.says(names, name, rest))
        }
        Some(Started::Argument(name)) => {
            let at = command.iter().rposition(|word| word.value() == Some(name));
            let is_last = |at: &usize| *at > 0 && is_open(&command[*at..]);
            at.filter(is_last).is_some() || started.iter().any(is_anywhere)
        }
        _ => false,
    }
}

/// Whether the last command of a text is open, and nothing is started before.
fn is_open_text(text: &[u8]) -> bool {
    let script = shell::read(text, &|_| None);
    let is_quiet = |name: &[u8]| is_built_in(name) || QUIET.contains(&name);
    let starts_nothing = |words: &[Word]| {
        words
            .first()
            .is_some_and(|word| word.values().all(is_quiet))
    };
    match script.commands.split_last() {
        Some((last, before)) => {
            is_open(&last.words) && before.iter().all(|command| starts_nothing(&command.words))
        }
        None => false,
    }
}

/// The words behind the last one that is `name`.
fn behind<'w>(words: &'w [Word], name: &[u8]) -> &'w [Word] {
    let at = words.iter().rposition(|word| word.value() == Some(name));
    at.map_or(&[], |at| &words[at + 1..])
}

impl Row {
    fn says(&self, names: &GlobSet, program: &[u8], words: &[Word]) -> bool {
        let name = program.rsplit(|byte| *byte == b'/').next();
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        let is = |known: &str, word: &Word| word.value() == Some(known.as_bytes());
        let is_command = |word: &Word| self.behind.iter().any(|known| is(known, word));
        let may_be = |word: &str| words.iter().any(|known| is(word, known));
        name.is_some_and(|name| names.is_match(name))
            && match (&self.word, self.behind.is_empty()) {
                _ if self.waits => true,
                (Some(word), _) => may_be(word),
                (None, true) => words.iter().all(is_option),
                (None, false) => {
                    let at = words.iter().position(is_command);
                    words.is_empty() || at.is_some_and(|at| are_options(&words[at + 1..]))
                }
            }
    }
}

fn is_option(word: &Word) -> bool {
    word.value().is_some_and(|value| value.starts_with(b"-"))
}

/// Whether words are options and their values.
fn are_options(words: &[Word]) -> bool {
    let is_value = |at: usize| at > 0 && is_option(&words[at - 1]);
    (0..words.len()).all(|at| is_option(&words[at]) || is_value(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_gives_its_source() {
        assert!(TABLE.iter().all(|(_, row)| row.source.len() > 5));
    }

    #[test]
    fn what_waits_for_commands_is_open() {
        let is_open = |line: &str| is_open(&line.split('|').map(Word::of).collect::<Vec<_>>());
        for open in [
            "bash",
            "/bin/bash|-l",
            "/bin/sh|-c|bash",
            "/bin/sh|-c|cd /x && exec /bin/bash",
            "/bin/sh|-c|while true; do sleep 100; done",
            "tini|--",
            "tini|--|bash",
            "gosu|nobody",
            "env",
            "python3",
            "/usr/bin/python3.11|-i",
            "perl|-de0",
            "tini|--|R|--no-save",
            "sleep|infinity",
            "tail|-f|/dev/null",
            "conda|run|--no-capture-output|-n|base",
            "conda|run|-n|base|python",
            "poetry|run|bash",
            "poetry|run",
            "micromamba",
            "mpirun",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "tool",
            "bash|-c|tool",
            "bash|/x.sh",
            "/bin/sh|-c|nginx && sleep infinity",
            "tini|--|tool",
            "gosu|nobody|tool",
            "env|A=1|tool",
            "python3|app.py",
            "python3|-m|http.server",
            "node|server.js",
            "tail|-f|/var/log/x",
            "conda|run|-n|base|tool",
            "npm|start",
            "mpirun|-n|4|tool",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
