//! `COPY . .` in a folder without `.dockerignore`: history, caches, virtual environments and secrets of the working
//! copy come along.
//!
//! **Fix.** None: write a `.dockerignore`. Nothing is found where the build context is not known.
//!
//! **Example.**
//!
//! ```dockerfile
//! COPY . /app
//! ```
//!
//! with a `.dockerignore` that has `.git`, `.venv` and `node_modules`.

use super::{Context, Finding, Rule};
use crate::dockerfile::parse::words;

pub(super) static RULE: Rule = Rule {
    id: "whole-context",
    title: "The whole build context copied",
    others: &[],
    cost: "whatever lies in the folder",
    source: include_str!("whole_context.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let is_open = context
        .beside
        .is_some_and(|beside| beside(".dockerignore").is_none());
    if !is_open {
        return Vec::new();
    }
    let copies = context.instructions().filter(|(_, copy)| {
        (copy.name == "COPY" || copy.name == "ADD") && copy.flag("from").is_none()
    });
    let whole = copies.filter(|(at, copy)| {
        let words = words::plain(copy);
        let is_whole = words.len() > 1
            && words[..words.len() - 1]
                .iter()
                .any(|word| word.text == "." || word.text == "./");
        is_whole && context.model.ships(*at, "/")
    });
    whole
        .map(|(at, copy)| {
            Finding::new(
                &RULE,
                at,
                copy.range.clone(),
                "all of the folder comes along; there is no .dockerignore",
            )
        })
        .collect()
}
