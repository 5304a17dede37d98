//! Sentences that the table and the Markdown have in common.

use super::model::{Answer, Checked, Extent, Stream, Variation, Verification};
use crate::report::text::{grouped, plural};

/// Names of files that a sentence lists.
const FEW: usize = 3;

/// The answer for all checks.
pub(super) fn answer(verification: &Verification) -> String {
    let all = verification.checks.len();
    let checks = |count: usize| {
        format!(
            "{} {}",
            grouped(count as u64),
            plural(count as u64, "check")
        )
    };
    let (different, broken) = (verification.different, verification.broken);
    let of = |count: usize| match count == all {
        true => format!("all {}", checks(all)),
        false => format!("{} of {}", grouped(count as u64), checks(all)),
    };
    let fail = |count: usize, verb: &str| {
        if count == 1 {
            format!("{verb}s")
        } else {
            verb.to_owned()
        }
    };
    match verification.answer {
        Answer::Same if all == 1 => "same: the check does the same in both images".to_owned(),
        Answer::Same => format!("same: all {} do the same in both images", checks(all)),
        Answer::Different => {
            let also = match broken {
                0 => String::new(),
                broken => format!(
                    "; {} {} in the original already",
                    of(broken),
                    fail(broken, "fail")
                ),
            };
            format!(
                "different: {} {} in the slim image{also}",
                of(different),
                fail(different, "differ")
            )
        }
        Answer::Broken => {
            let rest = match verification.same {
                0 => String::new(),
                same => format!(
                    "; {} {} the same",
                    of(same),
                    if same == 1 { "does" } else { "do" }
                ),
            };
            format!(
                "broken: {} {} in the original already{rest}",
                of(broken),
                fail(broken, "fail")
            )
        }
    }
}

/// A time as people read it.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.995 => format!("{s:.2} s"),
        s => format!("{s:.1} s"),
    }
}

/// A ratio as people read it.
pub(super) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"))
}

/// What varies by itself, as sentences.
pub(super) fn variations(check: &Checked) -> Vec<String> {
    let mut parts = Vec::new();
    let mut files = Vec::new();
    let mut fresh = Vec::new();
    let mut unseen = Vec::new();
    for variation in &check.varies {
        match variation {
            Variation::End => parts.push("how it ends".to_owned()),
            Variation::Lines {
                stream,
                compared: Extent::Presence,
                ..
            } => unseen.push(stream.name()),
            Variation::Lines {
                stream,
                lines,
                compared,
            } => {
                let words = format!(
                    "{} {} of {}",
                    grouped(*lines as u64),
                    plural(*lines as u64, "line"),
                    stream.name()
                );
                parts.push(match compared {
                    Extent::Reordered => format!("the order of {words}"),
                    _ => words,
                });
            }
            Variation::File { path } => files.push(path.clone()),
            Variation::NewBeginning { path } => fresh.push(path.clone()),
        }
    }
    parts.extend(few(files));
    let mut sentences = Vec::new();
    if !parts.is_empty() {
        sentences.push(format!("varies by itself: {}", parts.join(", ")));
    }
    for stream in unseen {
        sentences.push(format!(
            "{stream} is another in every run: only compared that there is some"
        ));
    }
    if let Some(files) = few(fresh) {
        sentences.push(format!(
            "begun anew in the slim image, content not compared: {files}"
        ));
    }
    sentences
}

fn few(mut names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!(
            "{} and {} more {}",
            names.join(", "),
            grouped(more as u64),
            plural(more as u64, "path")
        )),
    }
}

impl Stream {
    /// The word for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
