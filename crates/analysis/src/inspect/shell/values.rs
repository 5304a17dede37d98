//! The values that a script's variables may have.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::Word;
use super::words::Reader;

/// Variables that are made of each other need so many passes at most.
const MAX_PASSES: usize = 4;
/// A variable with more values is as good as unknown.
const MAX_VALUES: usize = 64;
/// Commands that give values to the variables that they name (POSIX.1-2024, `read` and `getopts`; bash(1)).
const SETTERS: [&[u8]; 5] = [b"read", b"getopts", b"mapfile", b"readarray", b"select"];

/// What is known of variables by their names.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// `None` for a variable that may be anything.
    known: BTreeMap<Vec<u8>, Option<BTreeSet<Vec<u8>>>>,
}

impl Values {
    /// Reads all assignments, wherever they stand.
    pub(super) fn collect(
        nodes: &[Node<'_>],
        text: &[u8],
        outside: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Self {
        let mut values = Self::default();
        for name in nodes.iter().filter(|node| node.kind() == "variable_name") {
            let name = &text[name.byte_range()];
            let value = outside(name).map(|value| BTreeSet::from([value]));
            values.known.insert(name.to_vec(), value);
        }
        for _ in 0..MAX_PASSES {
            let next = values.pass(nodes, text);
            if next == values.known {
                break;
            }
            values.known = next;
        }
        values
    }

    /// What a variable may be; `None` when there is no telling.
    pub(super) fn of(&self, name: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
        self.known.get(name).cloned().flatten()
    }

    fn pass(
        &self,
        nodes: &[Node<'_>],
        text: &[u8],
    ) -> BTreeMap<Vec<u8>, Option<BTreeSet<Vec<u8>>>> {
        let reader = Reader { text, values: self };
        let mut set: BTreeMap<Vec<u8>, Option<BTreeSet<Vec<u8>>>> = BTreeMap::new();
        let mut put = |name: &[u8], word: Option<Word>| {
            let slot = set
                .entry(name.to_vec())
                .or_insert_with(|| Some(BTreeSet::new()));
            match (word, slot.as_mut()) {
                (Some(Word::Known(more)), Some(known))
                    if known.len() + more.len() <= MAX_VALUES =>
                {
                    known.extend(more);
                }
                _ => *slot = None,
            }
        };
        for node in nodes {
            match node.kind() {
                "variable_assignment" => {
                    let Some(name) = node.child_by_field_name("name") else {
                        continue;
                    };
                    let is_more = text[name.end_byte()..].starts_with(b"+=");
                    let value = node.child_by_field_name("value").filter(|_| !is_more);
                    let empty = || (!is_more).then(|| Word::of(""));
                    put(
                        &text[name.byte_range()],
                        value.map_or_else(empty, |value| Some(reader.word(value))),
                    );
                }
                "for_statement" => {
                    let Some(name) = node.child_by_field_name("variable") else {
                        continue;
                    };
                    let mut cursor = node.walk();
                    let values: Vec<_> =
                        node.children_by_field_name("value", &mut cursor).collect();
                    let name = &text[name.byte_range()];
                    if values.is_empty() {
                        // `for x` goes through the arguments.
                        put(name, None);
                    }
                    values
                        .into_iter()
                        .for_each(|value| put(name, Some(reader.word(value))));
                }
                "command" => {
                    let command = reader.command(*node);
                    let words = command.map(|command| command.words).unwrap_or_default();
                    let setter = words.first().and_then(Word::value);
                    if setter.is_some_and(|name| SETTERS.contains(&name)) {
                        let names = words[1..].iter().flat_map(Word::values);
                        names.for_each(|name| put(name, None));
                    }
                }
                _ => {}
            }
        }
        let untouched = self
            .known
            .iter()
            .filter(|(name, _)| !set.contains_key(*name));
        let untouched: Vec<_> = untouched
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        set.extend(untouched);
        set
    }
}
