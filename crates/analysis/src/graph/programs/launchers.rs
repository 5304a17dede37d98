//! What a command line starts: the program, and what that is given to start.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::inspect::shell::Word;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    launcher: Vec<Launcher>,
}

/// A program that starts what it is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Launcher {
    names: Vec<String>,
    /// Options whose value is the next word.
    #[serde(default)]
    values: Vec<String>,
    /// Options whose value is a text for a shell.
    #[serde(default)]
    text: Vec<String>,
    /// How many words that are no options stand before the command.
    #[serde(default)]
    skip: usize,
    /// Whether words like `NAME=value` stand before the command.
    #[serde(default)]
    assignments: bool,
    /// Words behind which a command begins, which ends at `;` or `+`.
    #[serde(default)]
    after: Vec<String>,
    /// Whether it is a shell: its first word is a script, without one it reads commands from elsewhere.
    #[serde(default)]
    shell: bool,
    /// Whether all its words are one text for a shell.
    #[serde(default)]
    evaluates: bool,
    /// The folder of the scripts that its first word names.
    below: Option<String>,
    /// Whether its command is told by the words alone: it has options of many kinds, and does more than to start it.
    #[serde(default)]
    anywhere: bool,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: String,
}

static TABLE: LazyLock<Vec<Launcher>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("../../knowledge/launchers.toml"))
        .expect("a test reads the table");
    table.launcher
});

/// The most launchers in a row; more are hostile.
const MAX_DEPTH: usize = 16;

/// Something that a command line starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graph) enum Started {
    /// A program by its name or path.
    Program(Vec<u8>),
    /// A word that is a program if there is one of this name or path.
    Argument(Vec<u8>),
    /// A text for a shell.
    Text(Vec<u8>),
    /// A script for a shell, by its path.
    Script(Vec<u8>),
    /// Any script of a folder.
    Within(Vec<u8>),
    /// A shell that takes its commands from whoever started it.
    Interactive,
    /// There is no telling; this is how it is written.
    Unknown(Vec<u8>),
}

/// What a command line starts, the program itself first.
pub(in crate::graph) fn started(words: &[Word]) -> Vec<Started> {
    let mut out = Vec::new();
    add(words, MAX_DEPTH, &mut out);
    out
}

fn add(words: &[Word], depth: usize, out: &mut Vec<Started>) {
    let (Some((first, rest)), Some(depth)) = (words.split_first(), depth.checked_sub(1)) else {
        return;
    };
    if let Word::Unknown(written) = first {
        out.push(Started::Unknown(written.clone()));
    }
    for program in first.values() {
        out.push(Started::Program(program.to_vec()));
        if let Some(launcher) = launcher(program) {
            launcher.add(rest, depth, out);
        }
    }
}

/// Whether a program starts what it is given, and nothing by itself.
pub(in crate::graph) fn is_launcher(name: &[u8]) -> bool {
    launcher(name).is_some_and(|launcher| !launcher.anywhere)
}

/// Whether a program starts what it is given.
pub(in crate::graph) fn starts_others(program: &[u8]) -> bool {
    launcher(program).is_some()
}

/// Whether a program does nothing but to start what it is given, if it is given nothing.
pub(in crate::graph) fn awaits_command(program: &[u8]) -> bool {
    launcher(program).is_some_and(|launcher| {
        let is_told_otherwise = launcher.evaluates || launcher.below.is_some();
        !launcher.shell && launcher.after.is_empty() && !is_told_otherwise
    })
}

fn launcher(program: &[u8]) -> Option<&'static Launcher> {
    let name = program.rsplit(|byte| *byte == b'/').next()?;
    // A login shell is called with a dash before its name (login(1)).
    let name = name.strip_prefix(b"-").unwrap_or(name);
    TABLE
        .iter()
        .find(|launcher| launcher.names.iter().any(|known| known.as_bytes() == name))
}

impl Launcher {
    fn add(&self, words: &[Word], depth: usize, out: &mut Vec<Started>) {
        if self.evaluates {
            return out.extend(joined(words));
        }
        if self.anywhere {
            return add_anywhere(words, depth, out);
        }
        // Others than shells take such an option behind their other words too.
        let is_text =
            |word: &Word| !self.shell && word.value().is_some_and(|word| has(&self.text, word));
        if let Some(at) = words.iter().position(is_text) {
            return out.extend(words.get(at + 1).into_iter().flat_map(as_text));
        }
        if !self.after.is_empty() {
            return self.add_after(words, depth, out);
        }
        let (mut at, mut skip, mut text) = (0, self.skip, false);
        while let Some(word) = words.get(at) {
            let is_option = word.value().is_some_and(|value| {
                (value.starts_with(b"-") || value.starts_with(b"+")) && value.len() > 1
            });
            let value = word.value().unwrap_or_default();
            if value == b"--" {
                at += 1;
                break;
            }
            if is_option {
                text |= self.takes_text(value);
                at += 1 + usize::from(has(&self.values, value));
            } else if self.assignments && value.contains(&b'=') {
                at += 1;
            } else if skip > 0 && !text {
                (skip, at) = (skip - 1, at + 1);
            } else {
                break;
            }
        }
        let rest = words.get(at..).unwrap_or_default();
        match rest.first() {
            Some(word) if text => out.extend(as_text(word)),
            Some(word) if self.shell => {
                out.extend(word.values().map(|value| Started::Script(value.to_vec())));
                if let Word::Unknown(written) = word {
                    out.push(Started::Unknown(written.clone()));
                }
            }
            None if self.shell => out.push(Started::Interactive),
            Some(word) if self.below.is_some() => out.extend(self.scripts(word)),
            _ => add(rest, depth, out),
        }
    }

    fn scripts(&self, word: &Word) -> Vec<Started> {
        let folder = self.below.iter().map(String::as_bytes);
        match word {
            Word::Known(names) => folder
                .flat_map(|folder| names.iter().map(move |name| [folder, b"/", name].concat()))
                .map(Started::Program)
                .collect(),
            Word::Unknown(written) => folder
                .map(|folder| Started::Within(folder.to_vec()))
                .chain([Started::Unknown(written.clone())])
                .collect(),
        }
    }

    /// `-c`, alone or as the last of several letters (`-ec`).
    fn takes_text(&self, option: &[u8]) -> bool {
        let letters =
            option.len() > 2 && !option.starts_with(b"--") && self.shell && option.ends_with(b"c");
        has(&self.text, option) || letters
    }

    fn add_after(&self, words: &[Word], depth: usize, out: &mut Vec<Started>) {
        let marks = |word: &Word| word.value().is_some_and(|value| has(&self.after, value));
        for at in (0..words.len()).filter(|at| marks(&words[*at])) {
            let command = &words[at + 1..];
            let ends = |word: &Word| matches!(word.value(), Some(b";" | b"+"));
            let len = command.iter().position(ends).unwrap_or(command.len());
            add(&command[..len], depth, out);
        }
    }
}

/// Each word that may be the command, or a text with one; behind another launcher its own words. What stands behind an
/// option is its value where that is not known.
fn add_anywhere(words: &[Word], depth: usize, out: &mut Vec<Started>) {
    let mut is_value = false;
    for (at, word) in words.iter().enumerate() {
        if word.value().is_some_and(starts_others) {
            return add(&words[at..], depth, out);
        }
        out.extend(word.values().filter_map(argument));
        if let Word::Unknown(written) = word
            && !is_value
        {
            out.push(Started::Unknown(written.clone()));
        }
        is_value = word.value().is_some_and(|value| value.starts_with(b"-"));
    }
}

fn argument(word: &[u8]) -> Option<Started> {
    let text = match word.starts_with(b"-") {
        true => &word[memchr::memchr(b'=', word)? + 1..],
        false => word,
    };
    Some(match text.contains(&b' ') {
        true => Started::Text(text.to_vec()),
        false => Started::Argument(text.to_vec()),
    })
    .filter(|_| !text.is_empty())
}

fn has(list: &[String], word: &[u8]) -> bool {
    list.iter().any(|known| known.as_bytes() == word)
}

fn as_text(word: &Word) -> Vec<Started> {
    match word {
        Word::Known(values) => values.iter().cloned().map(Started::Text).collect(),
        Word::Unknown(written) => vec![Started::Unknown(written.clone())],
    }
}

/// All words as one text, when each of them is known.
fn joined(words: &[Word]) -> Option<Started> {
    let texts: Option<Vec<&[u8]>> = words.iter().map(Word::value).collect();
    let written = || {
        words
            .iter()
            .flat_map(Word::values)
            .collect::<Vec<_>>()
            .join(&b' ')
    };
    match texts {
        _ if words.is_empty() => None,
        Some(texts) => Some(Started::Text(texts.join(&b' '))),
        None => Some(Started::Unknown(written())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        let words: Vec<Word> = line.split('|').map(Word::of).collect();
        let shown = |started: Started| {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            match started {
                Started::Program(name) => text(name),
                Started::Argument(name) => format!("? {}", text(name)),
                Started::Text(line) => format!("text {}", text(line)),
                Started::Script(path) => format!("script {}", text(path)),
                Started::Interactive => "interactive".to_owned(),
                Started::Within(folder) => format!("{}/*", text(folder)),
                Started::Unknown(_) => "?".to_owned(),
            }
        };
        started(&words).into_iter().map(shown).collect()
    }

    #[test]
    fn launchers_are_looked_through() {
        assert_eq!(
            of("/usr/bin/tini|-g|-p|SIGTERM|--|env|-u|X|A=b|nginx|-g|x"),
            ["/usr/bin/tini", "env", "nginx"]
        );
        assert_eq!(
            of("gosu|redis:redis|redis-server|/etc/r.conf"),
            ["gosu", "redis-server"]
        );
        assert_eq!(
            of("timeout|-k|5|10|nice|-n|3|tool"),
            ["timeout", "nice", "tool"]
        );
        assert_eq!(of("sh|-ec|exec tool"), ["sh", "text exec tool"]);
        assert_eq!(of("bash|-o|pipefail|-c|a; b|x"), ["bash", "text a; b"]);
        assert_eq!(of("/bin/sh|/run.sh|a"), ["/bin/sh", "script /run.sh"]);
        assert_eq!(of("bash|-l"), ["bash", "interactive"]);
        assert_eq!(of("find|.|-name|x|-exec|rm|{}|;"), ["find", "rm"]);
        assert_eq!(of("eval|a|b"), ["eval", "text a b"]);
        assert_eq!(of("xargs|-0|-n|1|cat"), ["xargs", "cat"]);
        assert_eq!(of("su|-|app|-c|tool x"), ["su", "text tool x"]);
        assert_eq!(
            of("service|haproxy|start"),
            ["service", "/etc/init.d/haproxy"]
        );
        assert_eq!(
            of("invoke-rc.d|--quiet|--|ssh|start"),
            ["invoke-rc.d", "/etc/init.d/ssh"]
        );
        assert_eq!(of("service"), ["service"]);
        assert_eq!(of("tool|sh"), ["tool"]);
    }

    #[test]
    fn commands_stand_anywhere_behind_what_has_many_options() {
        assert_eq!(
            of("mpirun|-np|4|--bind-to=core|lmp|-in|x"),
            ["mpirun", "? 4", "? core", "? lmp", "? x"]
        );
        assert_eq!(of("srun|-n|4|env|A=b|lmp|x"), ["srun", "? 4", "env", "lmp"]);
        assert_eq!(
            of("parallel|samtools view {}|:::|a"),
            ["parallel", "text samtools view {}", "? :::", "? a"]
        );
        assert_eq!(of("sbatch|--wrap=tool x"), ["sbatch", "text tool x"]);
        let unknown = |words: &[Word]| {
            let words = [&[Word::of("mpirun")], words].concat();
            let found = started(&words);
            found
                .iter()
                .any(|found| matches!(found, Started::Unknown(_)))
        };
        let variable = Word::Unknown(b"$X".to_vec());
        assert!(unknown(std::slice::from_ref(&variable)));
        assert!(!unknown(&[Word::of("-np"), variable]));
        assert!(!is_launcher(b"mpirun") && starts_others(b"/usr/bin/mpirun"));
    }

    #[test]
    fn launchers_of_launchers_end() {
        let words = vec![Word::of("env"); 1000];
        assert_eq!(started(&words).len(), MAX_DEPTH);
    }

    #[test]
    fn every_row_gives_its_source() {
        assert!(TABLE.iter().all(|row| row.source.len() > 3));
    }
}
