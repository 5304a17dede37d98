//! Stages: what each builds on, and what of it reaches an image that somebody gets.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::dockerfile::parse::{Dockerfile, Instruction, words};

/// A stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name, in lower case as builders compare it.
    pub name: Option<String>,
    /// What it builds on.
    pub base: Base,
    /// Its FROM among the instructions.
    pub from: usize,
    /// What follows its FROM, among the instructions.
    pub instructions: Range<usize>,
    /// What of it somebody gets.
    pub ships: Ships,
}

/// What a stage builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// An earlier stage.
    Stage(usize),
    /// An image; variables are replaced by their defaults.
    Image(String),
    /// Nothing.
    Scratch,
    /// It depends on a variable without a default.
    Unknown,
}

/// What of a stage somebody gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ships {
    /// All of it, or there is no telling.
    Whole,
    /// What lies at these absolute paths; nothing when there are none.
    Paths(Vec<String>),
}

impl Ships {
    /// Whether anything at a path, or below it, may be among it.
    pub fn has(&self, path: &str) -> bool {
        let is_within = |inner: &str, outer: &str| {
            let outer = outer.trim_end_matches('/');
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self {
            Self::Whole => true,
            Self::Paths(paths) => paths
                .iter()
                .any(|own| is_within(path, own) || is_within(own, path)),
        }
    }

    fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Whole, _) => {}
            (_, Self::Whole) => *self = Self::Whole,
            (Self::Paths(own), Self::Paths(paths)) => own.extend(paths.iter().cloned()),
        }
    }
}

/// The stages of a file.
pub(super) fn read(file: &Dockerfile<'_>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut defaults = BTreeMap::new();
    for (at, instruction) in file.instructions.iter().enumerate() {
        if instruction.name == "FROM" {
            let stage = stage(at, instruction, &stages, &defaults);
            stages.push(stage);
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.end = at + 1;
        } else if instruction.name == "ARG" {
            for word in words::quoted(instruction, file.escape) {
                let pair = word.text.split_once('=');
                defaults.extend(
                    pair.map(|(name, value)| {
                        (name.to_owned(), words::unquoted(value, file.escape))
                    }),
                );
            }
        }
    }
    ship(file, &mut stages);
    stages
}

fn stage(
    at: usize,
    from: &Instruction,
    before: &[Stage],
    defaults: &BTreeMap<String, String>,
) -> Stage {
    let words = words::plain(from);
    let name = match words.as_slice() {
        [_, keyword, name, ..] if keyword.text.eq_ignore_ascii_case("as") => {
            Some(name.text.to_lowercase())
        }
        _ => None,
    };
    let image = words
        .first()
        .and_then(|word| expanded(&word.text, defaults));
    let base = match image {
        None => Base::Unknown,
        Some(image) => {
            let same = |stage: &Stage| stage.name.as_deref() == Some(&image.to_lowercase());
            match before.iter().rposition(same) {
                Some(stage) => Base::Stage(stage),
                None if image == "scratch" => Base::Scratch,
                None => Base::Image(image),
            }
        }
    };
    let ships = Ships::Paths(Vec::new());
    Stage {
        name,
        base,
        from: at,
        instructions: at + 1..at + 1,
        ships,
    }
}

/// A text with the defaults of ARG; `None` where one has none.
fn expanded(text: &str, defaults: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, default, behind) = match after.strip_prefix('{') {
            Some(braced) => {
                let (inner, behind) = braced.split_once('}')?;
                let (name, default) = match inner.split_once(":-") {
                    Some((name, default)) => (name, Some(default)),
                    None => (inner, None),
                };
                (name, default, behind)
            }
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let (name, behind) =
                    after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()));
                (name, None, behind)
            }
        };
        out.push_str(defaults.get(name).map(String::as_str).or(default)?);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// Works out what ships. The last stage does, and one that no other uses: it is there to be built by its
/// name. What is mounted for a RUN stays behind.
fn ship(file: &Dockerfile<'_>, stages: &mut [Stage]) {
    let mut used = vec![false; stages.len()];
    for at in 0..stages.len() {
        if let Base::Stage(base) = stages[at].base {
            used[base] = true;
        }
        let instructions = stages[at].instructions.clone();
        for instruction in instructions.map(|index| &file.instructions[index]) {
            let told = instruction.trigger.as_deref().unwrap_or(instruction);
            for mount in told
                .flags
                .iter()
                .filter_map(|flag| flag.text.strip_prefix("--mount="))
            {
                let mut fields = mount.split(',');
                let from = fields.find_map(|field| field.strip_prefix("from="));
                mark(stages, at, from, |stage| used[stage] = true);
            }
            let copied = copied(told);
            let mut found = None;
            mark(stages, at, told.flag("from"), |stage| found = Some(stage));
            if let (Some(stage), true) = (found, told.name == "COPY" || told.name == "ADD") {
                used[stage] = true;
                stages[stage].ships.add(&copied);
            }
        }
    }
    let last = stages.len().saturating_sub(1);
    for at in (0..stages.len()).rev() {
        if at == last || !used[at] {
            stages[at].ships = Ships::Whole;
        }
        if let Base::Stage(base) = stages[at].base {
            let ships = stages[at].ships.clone();
            stages[base].ships.add(&ships);
        }
    }
}

/// Tells of the stage that `--from` means, by name or by number; any stage before may be meant when a
/// variable is in it.
fn mark(stages: &[Stage], before: usize, from: Option<&str>, mut used: impl FnMut(usize)) {
    let Some(from) = from else { return };
    let named = |stage: &Stage| stage.name.as_deref() == Some(&from.to_lowercase());
    let found = stages[..before].iter().rposition(named);
    let numbered = from.parse().ok().filter(|number| *number < before);
    if let Some(stage) = found.or(numbered) {
        used(stage);
    }
}

/// What a COPY takes, as absolute paths.
fn copied(copy: &Instruction) -> Ships {
    let words = match &copy.list {
        Some(list) => list.clone(),
        None => words::plain(copy)
            .into_iter()
            .map(|word| word.text)
            .collect(),
    };
    let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
    let path = |source: &String| {
        let path = source.trim_start_matches('/').trim_end_matches('/');
        // Up to the folder that surely is above what a pattern finds.
        let known = path.split(['*', '?', '[', '$']).next().unwrap_or_default();
        let known = match known.len() == path.len() {
            true => known,
            false => known.rsplit_once('/').map_or("", |(folder, _)| folder),
        };
        format!("/{known}")
    };
    let paths: Vec<String> = sources.iter().map(path).collect();
    match paths
        .iter()
        .any(|path| path == "/" || path == "/." || path.contains(".."))
    {
        true => Ships::Whole,
        false => Ships::Paths(paths),
    }
}
