//! Shell scripts: which commands they start, with what is known of each word.
//!
//! The script is parsed (POSIX.1-2024, Shell Command Language, and what bash adds), never run. A
//! variable stands for every value that the script gives it, or for the one it has from outside when the
//! script gives it none; whatever else decides a word (arguments, output of commands, arithmetic)
//! leaves it unknown. Comments say nothing.

mod values;
mod words;

use std::collections::BTreeSet;

use tree_sitter::{Node, Parser, Tree};

use values::Values;
use words::Reader;

/// A script, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The commands in the order in which they stand, functions of the script left out.
    pub commands: Vec<Command>,
    /// Every text outside of comments, with its line, counted from 1: where paths may be written out.
    pub texts: Vec<(u32, Vec<u8>)>,
    /// Whether parts of it could not be parsed.
    pub is_damaged: bool,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line on which it begins, counted from 1.
    pub line: u32,
    /// The command's name and its arguments.
    pub words: Vec<Word>,
    /// The here-document that it reads, as it is written.
    pub document: Option<Vec<u8>>,
    /// Whether it stands in a function, which has arguments of its own.
    pub in_function: bool,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is one of these.
    Known(BTreeSet<Vec<u8>>),
    /// There is no telling; this is how it is written.
    Unknown(Vec<u8>),
}

impl Word {
    /// A word that is known.
    pub fn of(text: impl Into<Vec<u8>>) -> Self {
        Self::Known(BTreeSet::from([text.into()]))
    }

    /// Everything that it may be; nothing when there is no telling.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let values = match self {
            Self::Known(values) => Some(values),
            Self::Unknown(_) => None,
        };
        values.into_iter().flatten().map(Vec::as_slice)
    }

    /// What it is, when that is the only thing that it may be.
    pub fn value(&self) -> Option<&[u8]> {
        let mut values = self.values();
        values.next().filter(|_| values.next().is_none())
    }
}

/// Scripts are small; what is larger is an archive with a script before it.
const MAX_SCRIPT: usize = 1 << 20;
/// The deepest nesting that is looked into.
const MAX_DEPTH: usize = 200;

/// Reads a script; `outside` gives variables that it may take from its environment.
pub fn read(text: &[u8], outside: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Script {
    let text = &text[..text.len().min(MAX_SCRIPT)];
    let Some(tree) = parse(text) else {
        return Script {
            is_damaged: true,
            ..Script::default()
        };
    };
    let nodes = nodes(&tree);
    let values = Values::collect(&nodes, text, outside);
    let reader = Reader {
        text,
        values: &values,
    };
    let functions: BTreeSet<&[u8]> = nodes
        .iter()
        .filter(|node| node.kind() == "function_definition")
        .filter_map(|node| Some(&text[node.child_by_field_name("name")?.byte_range()]))
        .collect();
    let is_function = |command: &Command| {
        let name = command.words.first().and_then(Word::value);
        name.is_some_and(|name| functions.contains(name))
    };
    let commands = nodes.iter().filter(|node| node.kind() == "command");
    Script {
        commands: commands
            .filter_map(|node| reader.command(*node))
            .filter(|command| !is_function(command))
            .collect(),
        texts: nodes.iter().filter_map(|node| reader.text(*node)).collect(),
        is_damaged: tree.root_node().has_error(),
    }
}

fn parse(text: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bash::LANGUAGE.into())
        .ok()?;
    parser.parse(text, None)
}

/// All nodes in the order in which they begin, as deep as [`MAX_DEPTH`].
fn nodes(tree: &Tree) -> Vec<Node<'_>> {
    let mut out = Vec::new();
    let mut cursor = tree.walk();
    loop {
        out.push(cursor.node());
        if (cursor.depth() as usize) < MAX_DEPTH && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return out;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands, a line each: known words as they are, alternatives in braces, `?` for what is unknown.
    fn commands(text: &str) -> Vec<String> {
        let outside = |name: &[u8]| (name == b"HOME").then(|| b"/root".to_vec());
        let word = |word: &Word| match word {
            Word::Unknown(_) => "?".to_owned(),
            known => {
                let values: Vec<_> = known.values().map(String::from_utf8_lossy).collect();
                match values.as_slice() {
                    [one] => one.to_string(),
                    many => format!("{{{}}}", many.join(",")),
                }
            }
        };
        let commands = read(text.as_bytes(), &outside).commands.into_iter();
        commands
            .map(|command| {
                let words: Vec<_> = command.words.iter().map(word).collect();
                format!("{} {}", command.line, words.join(" "))
            })
            .collect()
    }

    #[test]
    fn words_are_what_the_shell_makes_of_them() {
        assert_eq!(
            commands("# rm x\nset -e\n'a b' \"c d\"e\\ f \"g\\\"h\" && i | j > /dev/null"),
            ["2 set -e", "3 a b c de f g\"h", "3 i", "3 j"]
        );
    }

    #[test]
    fn variables_stand_for_all_that_they_may_be() {
        assert_eq!(
            commands(
                "D=/opt/x\nfor n in a b; do $D/$n; done\n\"${D}/c\" $HOME ${F:-d}\nread l; $l"
            ),
            [
                "2 {/opt/x/a,/opt/x/b}",
                "3 /opt/x/c /root ?",
                "4 read l",
                "4 ?"
            ]
        );
    }

    #[test]
    fn what_the_script_sets_twice_may_be_either() {
        assert_eq!(
            commands("p=a\nif x; then p=b; fi\n$p; q=$(y); $q $1 \"$@\""),
            ["2 x", "3 {a,b}", "3 y", "3 ? ? ?"]
        );
    }

    #[test]
    fn functions_are_no_programs_and_their_commands_are() {
        assert_eq!(commands("f() { tar x; }\nf y"), ["1 tar x"]);
    }

    #[test]
    fn documents_and_texts_are_there() {
        let script = read(b"# /no\nsh <<E\ncat /a\nE\n[ -f /b ] && x > /c\n", &|_| {
            None
        });
        assert_eq!(
            script.commands[0].document.as_deref(),
            Some(&b"cat /a\n"[..])
        );
        let texts: Vec<_> = script
            .texts
            .iter()
            .map(|(line, text)| (*line, text.as_slice()))
            .collect();
        assert!(texts.contains(&(5, b"/b")) && texts.contains(&(5, b"/c")));
        assert!(!texts.iter().any(|(_, text)| text.starts_with(b"/no")));
    }

    #[test]
    fn rubbish_is_damaged_and_nothing_else() {
        assert!(read(b"if ((( ' \xff\x00 ;;; esac", &|_| None).is_damaged);
        read(&b"$(".repeat(50_000), &|_| None);
        read(&b"{ ".repeat(50_000), &|_| None);
    }
}
