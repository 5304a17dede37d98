//! Calls of programs, wherever in a script they stand.

use std::ops::Range;

/// A call of a program.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name of the program without its folder; empty when it is not known.
    pub program: String,
    /// The program and its arguments, without what only wraps them.
    pub words: Vec<Argument>,
    /// What wraps it: `sudo -E`, `env A=b`.
    pub wrappers: Vec<String>,
    /// Names of variables that are set for this call alone.
    pub assigned: Vec<String>,
    /// How it stands in the script.
    pub place: Place,
    /// Where in the file it is.
    pub range: Range<usize>,
}

/// A word of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The word, when it is the same in every build.
    pub value: Option<String>,
    /// The word with its globs; what is not known is cut off.
    pub pattern: String,
    /// Where in the file it is.
    pub range: Range<usize>,
}

/// How a call stands in a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The statement of the script that it is in, and the pipeline of that, both counted from 0.
    pub statement: usize,
    /// The pipeline of the statement.
    pub pipeline: usize,
    /// Whether it is that pipeline, alone, and a statement without `||` and `&`.
    pub is_plain: bool,
    /// Whether it stands in a `( )`, a `$( )`, a function or in the background.
    pub is_apart: bool,
    /// Whether it may run several times or not at all: in a loop, a choice, or behind `||`.
    pub is_conditional: bool,
}

impl Call {
    /// The arguments that are known, without the program.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .skip(1)
            .filter_map(|word| word.value.as_deref())
    }

    /// The first argument that is no option, if it is known, and where it stands among the words.
    pub fn verb(&self) -> Option<(usize, &str)> {
        let mut at = 1;
        loop {
            let word = self.words.get(at)?;
            // apt's options that take a value, `-o Acquire::Retries=3`.
            let takes_value = self.program.starts_with("apt")
                && ["-o", "-t", "-c"].contains(&word.pattern.as_str());
            at += match (takes_value, word.pattern.starts_with('-')) {
                (true, _) => 2,
                (_, true) => 1,
                _ => return Some((at, word.value.as_deref()?)),
            };
        }
    }

    /// Whether it is a program with this verb: `apt-get` and `install`.
    pub fn is(&self, programs: &[&str], verbs: &[&str]) -> bool {
        programs.contains(&self.program.as_str())
            && self.verb().is_some_and(|(_, verb)| verbs.contains(&verb))
    }

    /// Whether an option is given: `-y` also in `-qy`, `--name` also as `--name=value`.
    pub fn has(&self, options: &[&str]) -> bool {
        let has = |argument: &str| {
            options
                .iter()
                .any(|option| match option.strip_prefix("--") {
                    Some(_) => argument.split('=').next() == Some(option),
                    None => {
                        let letters = argument
                            .strip_prefix('-')
                            .filter(|rest| !rest.starts_with('-'));
                        let letter = option.trim_start_matches('-');
                        letters.is_some_and(|letters| match letter.len() {
                            1 => letters.contains(letter),
                            _ => letters == letter,
                        })
                    }
                })
        };
        self.arguments().any(has)
    }

    /// Whether every word is known.
    pub fn is_known(&self) -> bool {
        self.words.iter().all(|word| word.value.is_some())
    }
}
