//! What a RUN runs.

use std::ops::Range;

use super::State;
use super::call::{Argument, Call, Place};
use crate::dockerfile::joined::Joined;
use crate::dockerfile::parse::{Dockerfile, Instruction};
use crate::dockerfile::shell::{
    self, Command, CompoundKind, List, Part, Pipeline, Quoted, Redirect, Simple, Statement, Word,
};

/// What a RUN runs.
#[derive(Debug, Clone)]
pub struct Script {
    /// The calls, in the order in which they stand; none when the script is not understood.
    pub calls: Vec<Call>,
    /// The script as a tree, when it is one that a POSIX shell reads.
    pub list: Option<List>,
    /// The text of the script.
    pub text: Joined,
    /// What is mounted for it: type and target.
    pub mounts: Vec<Mount>,
    /// Whether it stands in a heredoc.
    pub is_heredoc: bool,
    /// Whether ONBUILD keeps it for another build.
    pub is_trigger: bool,
}

/// A mount of a RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `cache`, `bind`, `tmpfs`, `secret` or `ssh`.
    pub kind: String,
    /// The path, when it is known.
    pub target: Option<String>,
}

impl Script {
    /// Reads what a RUN runs; `outer` is the instruction itself, ONBUILD or the RUN.
    pub(super) fn read(
        file: &Dockerfile<'_>,
        outer: &Instruction,
        run: &Instruction,
        state: &State,
    ) -> Self {
        let mut script = Self {
            calls: Vec::new(),
            list: None,
            text: run.line.slice(run.arguments.clone()),
            mounts: run
                .flags
                .iter()
                .filter_map(|flag| mount(&flag.text, state))
                .collect(),
            is_heredoc: false,
            is_trigger: outer.trigger.is_some(),
        };
        if let Some(list) = &run.list {
            script.calls.push(listed(list, run));
            return script;
        }
        if let Some(body) = whole_heredoc(file, outer, &script.text) {
            script.text = body;
            script.is_heredoc = true;
        }
        let is_shell =
            state.shell.as_ref().is_none_or(|shell| is_posix(shell)) && file.escape == b'\\';
        if is_shell && let Ok(list) = shell::parse(script.text.bytes()) {
            let mut finder = Finder {
                text: &script.text,
                state,
                calls: Vec::new(),
            };
            finder.list(
                &list,
                &Place {
                    is_plain: true,
                    ..Place::default()
                },
                true,
            );
            script.calls = finder.calls;
            script.list = Some(list);
        }
        script
    }

    /// Whether a cache mount covers a path, so that nothing there stays in the image.
    pub fn mounts_over(&self, path: &str) -> bool {
        self.mounts.iter().any(|mount| {
            let keeps_nothing = mount.kind == "cache" || mount.kind == "tmpfs";
            let target = mount
                .target
                .as_deref()
                .map(|target| target.trim_end_matches('/'));
            let covers = target.is_none_or(|target| {
                path.strip_prefix(target)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            keeps_nothing && covers
        })
    }
}

/// The lines of a heredoc that is all there is, which a shell runs.
fn whole_heredoc(file: &Dockerfile<'_>, outer: &Instruction, text: &Joined) -> Option<Joined> {
    let [heredoc] = outer.heredocs.as_slice() else {
        return None;
    };
    let word = text.bytes().strip_prefix(b"<<")?;
    let word = word.strip_prefix(b"-").unwrap_or(word).trim_ascii();
    let is_alone = !word
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || b";&|<>".contains(byte));
    let body = &file.text[heredoc.body.clone()];
    let has_program = body.starts_with(b"#!");
    if !is_alone || has_program {
        return None;
    }
    let mut out = Joined::default();
    let mut at = heredoc.body.start;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let tabs = line
            .iter()
            .take_while(|byte| heredoc.chomps && **byte == b'\t')
            .count();
        out.push(file.text, at + tabs..at + line.len());
        at += line.len();
    }
    Some(out)
}

/// Whether SHELL names a POSIX shell that is given a script with `-c`, also by another program. zsh is none: a glob
/// that finds nothing is an error there.
fn is_posix(shell: &[String]) -> bool {
    let names = ["sh", "bash", "dash", "ash", "ksh"];
    let is_shell = |word: &String| names.contains(&word.rsplit('/').next().unwrap_or_default());
    let takes_script =
        |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    shell.iter().any(is_shell) && shell.last().is_some_and(takes_script)
}

fn mount(flag: &str, state: &State) -> Option<Mount> {
    let fields = flag.strip_prefix("--mount=")?;
    let value = |names: &[&str]| {
        let mut fields = fields.split(',').filter_map(|field| field.split_once('='));
        fields
            .find(|(name, _)| names.contains(name))
            .map(|(_, value)| value)
    };
    let target = value(&["target", "dst", "destination"]);
    Some(Mount {
        kind: value(&["type"]).unwrap_or("bind").to_owned(),
        target: target.and_then(|target| state.expanded(target)),
    })
}

/// The call of an exec form; the places are those of the whole instruction.
fn listed(list: &[String], run: &Instruction) -> Call {
    let range = run.range.clone();
    let argument = |word: &String| Argument {
        value: Some(word.clone()),
        pattern: word.clone(),
        range: range.clone(),
    };
    let mut call = Call {
        program: String::new(),
        words: list.iter().map(argument).collect(),
        wrappers: Vec::new(),
        assigned: Vec::new(),
        place: Place::default(),
        range: run.range.clone(),
    };
    call.name();
    call
}

struct Finder<'a> {
    text: &'a Joined,
    state: &'a State,
    calls: Vec<Call>,
}

impl Finder<'_> {
    fn list(&mut self, list: &List, place: &Place, is_top: bool) {
        for (at, statement) in list.statements.iter().enumerate() {
            let place = match is_top {
                true => Place {
                    statement: at,
                    ..place.clone()
                },
                false => place.clone(),
            };
            self.statement(statement, &place, is_top);
        }
    }

    fn statement(&mut self, statement: &Statement, place: &Place, is_top: bool) {
        let has_or = statement.rest.iter().any(|(join, _)| join.is_or);
        for (at, pipeline) in statement.pipelines().enumerate() {
            let behind_or = statement.rest[..at].iter().any(|(join, _)| join.is_or);
            let mut place = Place {
                is_plain: place.is_plain && !has_or && !statement.is_background,
                is_apart: place.is_apart || statement.is_background,
                is_conditional: place.is_conditional || behind_or,
                ..place.clone()
            };
            if is_top {
                place.pipeline = at;
            }
            self.pipeline(pipeline, &place);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, place: &Place) {
        let is_alone = pipeline.commands.len() == 1 && !pipeline.is_negated;
        let place = Place {
            is_plain: place.is_plain && is_alone,
            ..place.clone()
        };
        for command in &pipeline.commands {
            match command {
                Command::Simple(simple) => self.simple(simple, &place),
                Command::Compound(compound) => {
                    let inner = Place {
                        is_plain: false,
                        is_apart: place.is_apart
                            || matches!(
                                compound.kind,
                                CompoundKind::Subshell | CompoundKind::Function(_)
                            ),
                        is_conditional: place.is_conditional
                            || !matches!(
                                compound.kind,
                                CompoundKind::Subshell | CompoundKind::Group
                            ),
                        ..place.clone()
                    };
                    self.words(&compound.words, &inner);
                    self.redirects(&compound.redirects, &inner);
                    compound
                        .lists
                        .iter()
                        .for_each(|list| self.list(list, &inner, false));
                }
            }
        }
    }

    fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w Word>, place: &Place) {
        let place = Place {
            is_plain: false,
            is_apart: true,
            ..place.clone()
        };
        for list in words.into_iter().flat_map(|word| &word.lists) {
            self.list(list, &place, false);
        }
    }

    fn redirects(&mut self, redirects: &[Redirect], place: &Place) {
        self.words(redirects.iter().map(|redirect| &redirect.target), place);
    }

    fn simple(&mut self, simple: &Simple, place: &Place) {
        self.words(simple.assignments.iter().chain(&simple.words), place);
        self.redirects(&simple.redirects, place);
        if simple.words.is_empty() {
            return;
        }
        let assigned = simple.assignments.iter().filter_map(Word::assigned);
        let mut call = Call {
            program: String::new(),
            words: simple
                .words
                .iter()
                .map(|word| self.argument(word))
                .collect(),
            wrappers: Vec::new(),
            assigned: assigned.map(str::to_owned).collect(),
            place: place.clone(),
            range: self.text.range(simple.range.clone()),
        };
        call.unwrap();
        call.name();
        self.calls.push(call);
    }

    fn argument(&self, word: &Word) -> Argument {
        let value = word.constant().or_else(|| self.value(word));
        let pattern = match &value {
            Some(value) => value.clone(),
            None => word.start(),
        };
        Argument {
            value,
            pattern,
            range: self.text.range(word.range.clone()),
        }
    }

    /// The value of a word with variables that ENV set; one that the shell would split is not known.
    fn value(&self, word: &Word) -> Option<String> {
        let mut out = String::new();
        for part in &word.parts {
            match part {
                Part::Text(text, Quoted::No) if text.contains(['*', '?', '[', '{', '~']) => {
                    return None;
                }
                Part::Text(text, _) => out.push_str(text),
                Part::Variable(name, quoted) => {
                    let value = self.state.variables.get(name)?.as_deref()?;
                    let splits = |c: char| c.is_whitespace() || "*?[".contains(c);
                    if *quoted == Quoted::No && (value.is_empty() || value.contains(splits)) {
                        return None;
                    }
                    out.push_str(value);
                }
                Part::Unknown => return None,
            }
        }
        Some(out)
    }
}

impl Call {
    fn name(&mut self) {
        let path = self.words.first().and_then(|word| word.value.as_deref());
        self.program = path
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let is_python = self.program.starts_with("python");
        let module: Vec<_> = self
            .words
            .iter()
            .take(3)
            .map(|word| word.value.as_deref())
            .collect();
        if let (true, [_, Some("-m"), Some(name)]) = (is_python, module.as_slice()) {
            self.program = (*name).to_owned();
            self.words.drain(..2);
        }
    }

    /// Takes away programs that run another one as it is. What they do not surely pass on is left.
    fn unwrap(&mut self) {
        loop {
            let name = self
                .words
                .first()
                .and_then(|word| word.value.as_deref())
                .unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default();
            let count = match name {
                "sudo" => self.options(&["-E", "-H", "-n", "-S", "--preserve-env", "--set-home"]),
                "command" | "exec" | "time" | "nice" | "eatmydata" | "nohup" => self.options(&[]),
                "env" => {
                    let values = self.words.iter().skip(1);
                    1 + values.take_while(|word| word.pattern.contains('=')).count()
                }
                _ => return,
            };
            let next = self.words.get(count).map(|word| word.pattern.as_str());
            // `command -v`, `sudo -u user`: another meaning.
            if next.is_none_or(|word| word.starts_with('-') || word.is_empty()) {
                return;
            }
            let wrappers = self.words.drain(..count);
            self.wrappers.extend(wrappers.map(|word| word.pattern));
        }
    }

    /// How many words a wrapper and those of its options are.
    fn options(&self, known: &[&str]) -> usize {
        let options = self.words.iter().skip(1);
        1 + options
            .take_while(|word| known.contains(&word.pattern.as_str()))
            .count()
    }
}

impl Script {
    /// Where in the file a range of the script is.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        self.text.range(range)
    }
}
