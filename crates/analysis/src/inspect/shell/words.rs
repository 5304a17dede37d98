//! What the words of a script say.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::values::Values;
use super::{Command, Word};

/// The most values that one word is followed into.
const MAX_VALUES: usize = 64;
/// Expansions within expansions beyond this are not understood.
const MAX_DEPTH: usize = 16;

/// Reads words with what is known of variables.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) values: &'a Values,
}

impl Reader<'_> {
    /// A simple command; `None` when it only sets variables.
    pub(super) fn command(&self, node: Node<'_>) -> Option<Command> {
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        let name = children
            .iter()
            .position(|child| child.kind() == "command_name")?;
        let arguments = children[name..].iter().filter(|child| {
            let kind = child.kind();
            kind != "comment" && !kind.ends_with("_redirect")
        });
        Some(Command {
            line: line(node),
            words: arguments.map(|word| self.word(*word)).collect(),
            document: self.document(node),
            in_function: std::iter::successors(node.parent(), Node::parent)
                .any(|above| above.kind() == "function_definition"),
        })
    }

    fn document(&self, command: Node<'_>) -> Option<Vec<u8>> {
        let redirected = command
            .parent()
            .filter(|parent| parent.kind() == "redirected_statement")?;
        let child = |node: Node<'_>, kind: &str| {
            let count = node.named_child_count() as u32;
            let children = (0..count).filter_map(|at| node.named_child(at as _));
            children
                .filter(|child| child.kind() == kind)
                .map(|child| child.byte_range())
                .next()
        };
        let mut cursor = redirected.walk();
        let here = redirected
            .named_children(&mut cursor)
            .find(|child| child.kind() == "heredoc_redirect")?;
        child(here, "heredoc_body").map(|range| self.text[range].to_vec())
    }

    /// A text outside of comments and expansions.
    pub(super) fn text(&self, node: Node<'_>) -> Option<(u32, Vec<u8>)> {
        let is_text = matches!(
            node.kind(),
            "word"
                | "string_content"
                | "raw_string"
                | "ansi_c_string"
                | "heredoc_body"
                | "heredoc_content"
                | "regex"
                | "extglob_pattern"
        );
        is_text.then(|| {
            let text = &self.text[node.byte_range()];
            let quoted = matches!(node.kind(), "raw_string" | "ansi_c_string");
            let text = if quoted {
                text.trim_ascii_start()
            } else {
                text
            };
            (line(node), text.to_vec())
        })
    }

    /// What a word may be.
    pub(super) fn word(&self, node: Node<'_>) -> Word {
        match self.alternatives(node, MAX_DEPTH) {
            Some(values) => Word::Known(values),
            None => Word::Unknown(self.text[node.byte_range()].to_vec()),
        }
    }

    fn alternatives(&self, node: Node<'_>, depth: usize) -> Option<BTreeSet<Vec<u8>>> {
        let depth = depth.checked_sub(1)?;
        let text = &self.text[node.byte_range()];
        match node.kind() {
            // A pattern is known only where it matches nothing or itself.
            "word" | "number" => {
                let is_pattern = text.iter().any(|byte| b"*?[".contains(byte)) && text != b"[";
                (!is_pattern).then(|| BTreeSet::from([unescaped(text, b"")]))
            }
            "raw_string" => Some(BTreeSet::from([text.get(1..text.len() - 1)?.to_vec()])),
            "string_content" => Some(BTreeSet::from([unescaped(text, b"$`\"\\\n")])),
            "command_name" => self.alternatives(node.named_child(0)?, depth),
            "string" | "concatenation" => self.joined(node, depth),
            "simple_expansion" => self.values.of(&text[1..]),
            // `${NAME}`; anything more computes.
            "expansion" => {
                let name = node
                    .named_child(0)
                    .filter(|_| node.named_child_count() == 1)?;
                let name = &self.text[name.byte_range()];
                (text.len() == name.len() + 3).then(|| self.values.of(name))?
            }
            _ => None,
        }
    }

    /// Parts one after the other; what stands between them is not named by the grammar: spaces in strings.
    fn joined(&self, node: Node<'_>, depth: usize) -> Option<BTreeSet<Vec<u8>>> {
        let is_string = node.kind() == "string";
        let range = node.byte_range();
        let (mut at, end) = match is_string {
            true => (range.start + 1, range.end.saturating_sub(1)),
            false => (range.start, range.end),
        };
        let mut out = BTreeSet::from([Vec::new()]);
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            let part = child.byte_range();
            let between = self.text.get(at..part.start).unwrap_or_default();
            let values = self.alternatives(child, depth)?;
            if out.len() * values.len() > MAX_VALUES {
                return None;
            }
            out = out
                .iter()
                .flat_map(|head| {
                    values
                        .iter()
                        .map(move |tail| [head.as_slice(), between, tail].concat())
                })
                .collect();
            at = part.end;
        }
        let rest = self.text.get(at..end).unwrap_or_default();
        Some(
            out.into_iter()
                .map(|head| [head.as_slice(), rest].concat())
                .collect(),
        )
    }
}

/// Takes away the backslashes before these bytes, or before any when none are given.
fn unescaped(text: &[u8], special: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.first()) {
            (b'\\', Some(next)) if special.is_empty() || special.contains(next) => {
                out.push(*next);
                rest = &tail[1..];
            }
            _ => out.push(*byte),
        }
    }
    out
}

/// The line on which a node begins, counted from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    node.start_position().row as u32 + 1
}
