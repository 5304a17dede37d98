//! What a Dockerfile does: stages and which of them ship, and what each RUN runs, as which user.
//!
//! What cannot be told is `None` or [`Ships::Whole`]; rules take that for the worse case.

pub mod call;
mod script;
mod stages;

use std::collections::BTreeMap;
use std::ops::Range;

pub use call::{Call, Place};
pub use script::Script;
pub use stages::{Base, Ships, Stage};

use super::parse::{Dockerfile, Instruction, words};

/// What a Dockerfile does.
#[derive(Debug)]
pub struct Model<'a> {
    /// The file.
    pub file: &'a Dockerfile<'a>,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What each RUN runs, by its place among the instructions; ONBUILD has those of what it keeps.
    pub scripts: BTreeMap<usize, Script>,
}

/// What holds for an instruction.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The user, when the file names one; else it is the base image's.
    pub user: Option<String>,
    /// The working folder, when the file names one and it is absolute.
    pub folder: Option<String>,
    /// What ENV set to a constant; `None` where it is not constant, or ARG may change it.
    pub variables: BTreeMap<String, Option<String>>,
    /// What SHELL set.
    pub shell: Option<Vec<String>>,
}

impl<'a> Model<'a> {
    /// Says what a file does.
    pub fn new(file: &'a Dockerfile<'a>) -> Self {
        let stages = stages::read(file);
        let scripts = scripts(file, &stages);
        Self {
            file,
            stages,
            scripts,
        }
    }

    /// The stage that an instruction is in.
    pub fn stage_of(&self, instruction: usize) -> Option<&Stage> {
        self.stages
            .iter()
            .find(|stage| stage.instructions.contains(&instruction))
    }

    /// Whether anything at a path that an instruction made is in an image that somebody gets.
    pub fn ships(&self, instruction: usize, path: &str) -> bool {
        self.stage_of(instruction)
            .is_none_or(|stage| stage.ships.has(path))
    }

    /// The instructions of a stage and of those that it builds on, in order, up to one of them.
    pub fn history(&self, instruction: usize) -> Vec<usize> {
        let mut own = self.stages.iter();
        let own = own.position(|stage| stage.instructions.contains(&instruction));
        let mut steps = own.map_or_else(Vec::new, |own| self.steps(own));
        steps.retain(|at| *at < instruction);
        steps
    }

    /// A stage and those that it builds on, by their numbers, the last one first.
    pub fn chain(&self, stage: usize) -> Vec<usize> {
        let base = |stage: &usize| match self.stages.get(*stage)?.base {
            Base::Stage(base) => Some(base),
            _ => None,
        };
        std::iter::successors(Some(stage), base).collect()
    }

    /// The instructions of a stage and of those that it builds on, without their FROMs, in order.
    pub fn steps(&self, stage: usize) -> Vec<usize> {
        let stages = self.chain(stage).into_iter().rev();
        stages
            .filter_map(|stage| self.stages.get(stage))
            .flat_map(|stage| stage.instructions.clone())
            .collect()
    }

    /// The instructions that run in what an instruction leaves: those after it in its stage, and all of the
    /// stages that build on it.
    pub fn after(&self, instruction: usize) -> Vec<usize> {
        let Some(own) = self
            .stages
            .iter()
            .position(|stage| stage.instructions.contains(&instruction))
        else {
            return Vec::new();
        };
        let mut family = vec![own];
        let mut out: Vec<usize> = (instruction + 1..self.stages[own].instructions.end).collect();
        for (at, stage) in self.stages.iter().enumerate().skip(own + 1) {
            if matches!(stage.base, Base::Stage(base) if family.contains(&base)) {
                family.push(at);
                out.extend(stage.instructions.clone());
            }
        }
        out
    }

    /// What holds when an instruction begins.
    pub fn state(&self, instruction: usize) -> State {
        let mut state = State::default();
        for at in self.history(instruction) {
            state.apply(&self.file.instructions[at], self.file.escape);
        }
        state
    }

    /// The image that a stage comes from in the end, and the stage that names it.
    pub fn image_of(&self, instruction: usize) -> Option<&str> {
        let mut stage = self.stage_of(instruction)?;
        loop {
            match &stage.base {
                Base::Image(name) => return Some(name),
                Base::Stage(base) => stage = self.stages.get(*base)?,
                Base::Scratch | Base::Unknown => return None,
            }
        }
    }

    /// The text of a range of the file.
    pub fn text(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(&self.file.text[range]).into_owned()
    }
}

/// What each RUN runs.
fn scripts(file: &Dockerfile<'_>, stages: &[Stage]) -> BTreeMap<usize, Script> {
    let mut scripts = BTreeMap::new();
    // What holds at the end of each stage.
    let mut states: Vec<State> = Vec::new();
    for stage in stages {
        let mut state = match stage.base {
            Base::Stage(base) => states[base].clone(),
            _ => State::default(),
        };
        for at in stage.instructions.clone() {
            let instruction = &file.instructions[at];
            let run = instruction.trigger.as_deref().unwrap_or(instruction);
            if run.name == "RUN" {
                scripts.insert(at, Script::read(file, instruction, run, &state));
            }
            state.apply(instruction, file.escape);
        }
        states.push(state);
    }
    scripts
}

impl State {
    fn apply(&mut self, instruction: &Instruction, escape: u8) {
        let argument = instruction.argument();
        match instruction.name.as_str() {
            "USER" => self.user = Some(self.expanded(&argument).unwrap_or(argument)),
            "WORKDIR" => {
                let folder = self.expanded(&words::unquoted(&argument, escape));
                self.folder = match (folder, &self.folder) {
                    (Some(folder), _) if folder.starts_with('/') => Some(folder),
                    (Some(folder), Some(before)) => {
                        Some(format!("{}/{folder}", before.trim_end_matches('/')))
                    }
                    _ => None,
                };
            }
            "SHELL" => self.shell.clone_from(&instruction.list),
            "ENV" => self.set(instruction, escape),
            "ARG" => {
                for word in words::quoted(instruction, escape) {
                    let name = word.text.split('=').next().unwrap_or_default();
                    // ENV wins over ARG of the same name.
                    self.variables.entry(name.to_owned()).or_insert(None);
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, instruction: &Instruction, escape: u8) {
        for (name, value) in pairs(instruction, escape) {
            let value = self.expanded(&value);
            self.variables.insert(name, value);
        }
    }

    /// A text in which all variables are known, with their values.
    pub fn expanded(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, behind) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => {
                    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()))
                }
            };
            out.push_str(self.variables.get(name)?.as_deref()?);
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// The names and values of ENV or LABEL.
fn pairs(instruction: &Instruction, escape: u8) -> Vec<(String, String)> {
    let found = words::quoted(instruction, escape);
    let is_old = found.first().is_some_and(|word| !word.text.contains('='));
    if is_old {
        let argument = instruction.argument();
        let pair = argument.split_once([' ', '\t']);
        let pair = pair.map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()));
        return pair.into_iter().collect();
    }
    let pair = |word: &words::Word| {
        let (name, value) = word.text.split_once('=')?;
        Some((
            words::unquoted(name, escape),
            words::unquoted(value, escape),
        ))
    };
    found.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests;
