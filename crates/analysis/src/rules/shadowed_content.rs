//! Bytes of a lower layer that no container can see: a later layer replaces or removes the file.
//!
//! **Why it is safe.** Every reader of an image merges its layers in order; what a later layer
//! hides cannot be opened by any program. The file is dropped from the layer that carries it, and a
//! whiteout with nothing left below it goes too.
//!
//! **Evidence.** None is needed: nothing can point at what has no name. A hidden name of a file
//! that has other names loses the name only. Where a path leads through a symbolic link, container
//! engines differ in what they hide, and nothing is taken.
//!
//! **Example.** `RUN apt-get update` followed by `RUN rm -rf /var/lib/apt/lists/*` leaves the lists
//! in the first layer for everyone to pull.

use super::{Context, Rule, Tier};
use crate::finding::{Claim, Content, Unit};

pub(super) const RULE: Rule = Rule {
    id: "shadowed-content",
    title: "Content hidden by later layers",
    tier: Tier::Safe,
    why: "a later layer replaces or removes it; no container can see it",
    source: include_str!("shadowed_content.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Claim> {
    let hidden = context.tree.hidden();
    let units: Vec<_> = hidden
        .into_iter()
        .filter(|(entry, _)| !context.tree.is_disputed(*entry))
        .map(|(entry, _)| Unit {
            content: Content::Hidden(vec![entry]),
            guard: None,
            commands: false,
        })
        .collect();
    if units.is_empty() {
        Vec::new()
    } else {
        vec![Claim {
            rule: &RULE,
            area: None,
            units,
        }]
    }
}
