//! A base image without a digest: the same file builds another image tomorrow. Without a tag, or with `latest`,
//! that is not even the same release.
//!
//! **Fix.** None yet: put the digest behind the name, `docker buildx imagetools inspect IMAGE` prints it.
//!
//! **Example.**
//!
//! ```dockerfile
//! FROM debian:12-slim
//! ```
//!
//! is better written as `FROM debian:12-slim@sha256:...`.

use super::bases::Name;
use super::{Context, Finding, Rule};
use crate::dockerfile::model::Base;

pub(super) static RULE: Rule = Rule {
    id: "unpinned-base",
    title: "A base image without a digest",
    others: &["DL3006", "DL3007"],
    cost: "nothing but that no build can be repeated",
    source: include_str!("unpinned_base.rs"),
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for stage in &context.model.stages {
        let Base::Image(image) = &stage.base else {
            continue;
        };
        let name = Name::parse(image);
        let message = match (name.digest, name.tag) {
            (Some(_), _) => continue,
            (None, None | Some("latest")) => {
                format!("{image} is another release from time to time")
            }
            (None, Some(_)) => format!("{image} is rebuilt from time to time; a digest pins it"),
        };
        let from = &context.model.file.instructions[stage.from];
        let words = crate::dockerfile::parse::words::plain(from);
        let range = words.first().map_or(from.range.clone(), |word| {
            from.line.range(word.range.clone())
        });
        out.push(Finding::new(&RULE, stage.from, range, message));
    }
    out
}
