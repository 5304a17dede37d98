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
use crate::finding::{Claim, Content, Guard, Unit};

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
            guard: Guard::Evidence,
            programs: Vec::new(),
            words: Vec::new(),
            modules: Vec::new(),
            package: None,
        })
        .collect();
    if units.is_empty() {
        Vec::new()
    } else {
        vec![Claim::new(&RULE, None, units)]
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{decide_text, set};

    #[test]
    fn what_a_later_layer_removes_goes_with_the_whiteout() {
        let found = decide_text("[a]\nvar/lists/x = long\n[b]\nvar/lists/.wh.x\nvar/y = y");
        assert_eq!(found.gone, set(&["/var/lists/x@0"]));
    }

    #[test]
    fn a_name_that_a_later_layer_brings_anew_stays() {
        let found = decide_text("[a]\netc/a = old\n[b]\netc/a = new\netc/b == etc/a");
        assert_eq!(found.gone, set(&["/etc/a@0"]));
    }

    #[test]
    fn what_is_hidden_behind_a_link_is_left_alone() {
        let found = decide_text("[a]\nusr/lib/x = old\nlib -> usr/lib\n[b]\nlib/x = new");
        assert_eq!(found.gone, set(&[]));
    }

    #[test]
    fn a_link_that_a_later_path_leads_through_stays() {
        // The second layer repeats the link after using it: without the first one it would use a folder.
        let text = "[a]\nusr/bin/tool = x\nbin -> usr/bin\n[b]\nbin/extra = y\nbin -> usr/bin";
        assert_eq!(decide_text(text).gone, set(&[]));
    }
}
