//! A base image without a digest: the same file builds another image tomorrow. Without a tag, or with `latest`,
//! that is not even the same release.
//!
//! **Fix.** The digest is put behind the name. *Safe* with `--resolve`, which asks the registry for the digest
//! that a build would take now. *Unsafe* with `--image`, when the image says what it was built on: some builders
//! write the digest for one platform alone, and it may be an old one. None without either: `docker buildx
//! imagetools inspect IMAGE` prints the digest. None where the name comes from a variable.
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
use crate::dockerfile::edits;
use crate::dockerfile::finding::Safety;
use crate::dockerfile::model::{Base, Model, Stage};
use crate::dockerfile::parse::{Dockerfile, words};

pub(super) static RULE: Rule = Rule {
    id: "unpinned-base",
    title: "A base image without a digest",
    others: &["DL3006", "DL3007"],
    cost: "nothing but that no build can be repeated",
    source: include_str!("unpinned_base.rs"),
    find,
};

/// What is known of a base image without a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The digest, and whether putting it behind the name needs a look.
    Digest(String, Safety),
    /// Why it is not known.
    Unknown(String),
}

/// A base image without a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpinned {
    /// Its name as the file has it, with the defaults of variables.
    pub image: String,
    /// Whether the last stage builds on it, also by way of others.
    pub is_last: bool,
}

/// The base images of a file that have no digest, in order; none when no builder takes the file.
pub fn unpinned(text: &[u8]) -> Vec<Unpinned> {
    let file = Dockerfile::parse(text);
    if !file.problems.is_empty() {
        return Vec::new();
    }
    let model = Model::new(&file);
    let last = model.chain(model.stages.len().saturating_sub(1));
    let stages = model.stages.iter().enumerate();
    let found = stages.filter_map(|(at, stage)| {
        Some(Unpinned {
            image: of(stage)?.to_owned(),
            is_last: last.contains(&at),
        })
    });
    found.collect()
}

/// The image without a digest that a stage names.
fn of(stage: &Stage) -> Option<&str> {
    match &stage.base {
        Base::Image(image) if Name::parse(image).digest.is_none() => Some(image),
        _ => None,
    }
}

fn find(context: &Context<'_>) -> Vec<Finding> {
    let stages = context.model.stages.iter();
    stages
        .filter_map(|stage| Some(finding(context, stage, of(stage)?)))
        .collect()
}

fn finding(context: &Context<'_>, stage: &Stage, image: &str) -> Finding {
    let from = &context.model.file.instructions[stage.from];
    let word = words::plain(from).into_iter().next();
    let range = word.as_ref().map_or(from.range.clone(), |word| {
        from.line.range(word.range.clone())
    });
    let mut message = match Name::parse(image).tag {
        None | Some("latest") => format!("{image} is another release from time to time"),
        Some(_) => format!("{image} is rebuilt from time to time; a digest pins it"),
    };
    match context.pins.get(image) {
        Some(Pin::Digest(digest, safety)) if word.is_some_and(|word| word.text == image) => {
            let edit = edits::insert_after(&range, format!("@{digest}"));
            let title = format!("pin it to {digest}");
            return Finding::new(&RULE, stage.from, range, message).with_fix(
                *safety,
                title,
                vec![edit],
            );
        }
        Some(Pin::Digest(digest, _)) => {
            message += &format!("; with the defaults of its variables it is {digest}")
        }
        Some(Pin::Unknown(reason)) => message += &format!(" (the digest is not known: {reason})"),
        None => {}
    }
    Finding::new(&RULE, stage.from, range, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::{Options, fix, lint};

    const FILE: &str =
        "ARG V=12\nFROM debian:$V AS a\nFROM debian:12 AS b\nFROM a\nCOPY --from=b /c /d\n";

    fn options(pin: Pin) -> Options {
        Options {
            select: vec![RULE.id.to_owned()],
            pins: [("debian:12".to_owned(), pin)].into(),
            ..Options::default()
        }
    }

    #[test]
    fn a_known_digest_is_put_behind_a_name_that_is_written_out() {
        let options = options(Pin::Digest("sha256:ab".to_owned(), Safety::Safe));
        let fixed = fix::fix(FILE.as_bytes(), &options, Safety::Safe, None);
        let wanted = FILE.replace("debian:12 ", "debian:12@sha256:ab ");
        assert_eq!(String::from_utf8(fixed.text).unwrap(), wanted);
        let left = lint(wanted.as_bytes(), &options, None).findings;
        assert_eq!(left.len(), 1);
        assert!(
            left[0]
                .message
                .ends_with("with the defaults of its variables it is sha256:ab")
        );
    }

    #[test]
    fn a_reason_is_told_and_nothing_changed() {
        let options = options(Pin::Unknown("it rains".to_owned()));
        let found = lint(FILE.as_bytes(), &options, None).findings;
        assert!(
            found
                .iter()
                .all(|one| one.fix.is_none() && one.message.ends_with("not known: it rains)"))
        );
    }

    #[test]
    fn the_base_of_the_last_stage_is_told_from_others() {
        let found = unpinned(FILE.as_bytes());
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.image.as_str(), one.is_last))
            .collect();
        assert_eq!(found, [("debian:12", true), ("debian:12", false)]);
        assert!(unpinned(b"FROM a@sha256:0\nFROM scratch\n").is_empty());
    }
}
