//! From judgements to the model.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use ounce_image::{NodeId, display};
use ounce_sandbox::{self as sandbox, End, Mark, Now, Row};

use super::found::Origins;
use super::model::{
    Answer, Checked, Difference, Extent, Stream, Times, VERSION, Variation, Verification,
};
use crate::report::model::Image;
use crate::report::text::{bytes, grouped};
use crate::verify::{self, Judgement, Missed, Verdict, What};

/// Lines of each side of one diff that a report holds.
const MAX_DIFF: usize = 30;
/// Bytes of one line that a report holds.
const MAX_LINE: usize = 2000;

impl Verification {
    /// What came out for each check of two images.
    pub(crate) fn new(
        command: String,
        images: [Image; 2],
        judged: Vec<(String, Judgement)>,
        notes: Vec<String>,
    ) -> Self {
        let checks = judged
            .into_iter()
            .map(|(name, judgement)| Checked::new(name, judgement));
        Self::of_checks(command, images, checks.collect(), notes)
    }

    pub(super) fn of_checks(
        command: String,
        [original, slim]: [Image; 2],
        checks: Vec<Checked>,
        notes: Vec<String>,
    ) -> Self {
        let count = |answer| checks.iter().filter(|check| check.answer == answer).count();
        let (same, different, broken) = (
            count(Answer::Same),
            count(Answer::Different),
            count(Answer::Broken),
        );
        Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            command,
            original,
            slim,
            answer: match (different, broken) {
                (1.., _) => Answer::Different,
                (0, 1..) => Answer::Broken,
                (0, 0) => Answer::Same,
            },
            same,
            different,
            broken,
            times: Times::sum(&checks),
            checks,
            put_back: Vec::new(),
            written: None,
            coverage: None,
            notes,
        }
    }
}

impl Verification {
    /// The same with what checks that differ missed, what was put back, and what no check touched.
    pub(crate) fn with_files(
        mut self,
        origins: &Origins<'_>,
        missed: &BTreeMap<usize, Missed>,
        back: &BTreeMap<NodeId, usize>,
        coverage: &verify::Coverage,
    ) -> Self {
        let names: Vec<String> = self.checks.iter().map(|check| check.name.clone()).collect();
        for (number, missed) in missed {
            self.checks[*number].missing = origins.missing(missed);
        }
        self.put_back = origins.with_checks(back, &names);
        self.coverage = Some(origins.coverage(coverage, &names));
        self
    }
}

impl Checked {
    pub(super) fn new(name: String, judgement: Judgement) -> Self {
        let (answer, broken, differences) = match judgement.verdict {
            Verdict::Same => (Answer::Same, None, Vec::new()),
            Verdict::Different(what) => (
                Answer::Different,
                None,
                what.into_iter().map(Difference::new).collect(),
            ),
            Verdict::Broken(why) => (Answer::Broken, Some(text(why.as_bytes())), Vec::new()),
        };
        Self {
            name,
            answer,
            broken,
            differences,
            missing: Vec::new(),
            varies: judgement
                .variations
                .into_iter()
                .map(Variation::new)
                .collect(),
            times: Times::new(judgement.time, judgement.time_slim),
            runs: judgement.runs,
        }
    }
}

impl Times {
    fn new(original: Duration, slim: Option<Duration>) -> Self {
        // Microseconds: more digits say nothing.
        let seconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e6;
        let slim = slim.map(seconds);
        Self {
            ratio: slim.and_then(|slim| ratio(seconds(original), slim)),
            original: seconds(original),
            slim,
        }
    }

    fn sum(checks: &[Checked]) -> Self {
        let both = || {
            checks
                .iter()
                .filter_map(|check| Some((check.times.original, check.times.slim?)))
        };
        if both().next().is_none() {
            return Self::default();
        }
        let (original, slim) = both().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        Self {
            original,
            slim: Some(slim),
            ratio: ratio(original, slim),
        }
    }
}

fn ratio(original: f64, slim: f64) -> Option<f64> {
    (original > 0.0).then(|| (slim / original * 1000.0).round() / 1000.0)
}

impl Difference {
    fn new(what: What) -> Self {
        match what {
            What::Expectation(why) => Self::Expectation {
                text: text(why.as_bytes()),
            },
            What::Outcome(sandbox::Difference::End { original, other }, last_lines) => Self::End {
                original: ending(original),
                slim: ending(other),
                last_lines: last_lines.iter().map(|line| text(line)).collect(),
            },
            What::Outcome(sandbox::Difference::Output { stream, rows }, _) => {
                let (diff, more) = few(rows.iter().map(diff_line), MAX_DIFF);
                let stream = Stream::new(stream);
                Self::Output { stream, diff, more }
            }
            What::Outcome(
                sandbox::Difference::File {
                    path,
                    original,
                    other,
                },
                _,
            ) => {
                let [original, slim] = states(original.as_ref(), other.as_ref());
                Self::File {
                    path: shown(&path),
                    original,
                    slim,
                }
            }
        }
    }
}

impl Stream {
    fn new(stream: sandbox::Stream) -> Self {
        match stream {
            sandbox::Stream::Stdout => Self::Stdout,
            sandbox::Stream::Stderr => Self::Stderr,
        }
    }
}

impl Variation {
    fn new(variation: sandbox::Variation) -> Self {
        match variation {
            sandbox::Variation::End => Self::End,
            sandbox::Variation::Lines {
                stream,
                lines,
                extent,
            } => Self::Lines {
                stream: Stream::new(stream),
                lines,
                compared: match extent {
                    sandbox::Extent::Reordered => Extent::Reordered,
                    sandbox::Extent::Masked => Extent::Masked,
                    sandbox::Extent::Presence => Extent::Presence,
                },
            },
            sandbox::Variation::File { path } => Self::File { path: shown(&path) },
            sandbox::Variation::NewBeginning { path } => Self::NewBeginning { path: shown(&path) },
        }
    }
}

fn ending(end: End) -> String {
    match end {
        End::Exited(status) => format!("exit status {status}"),
        End::Signalled(signal) => format!("killed by signal {signal}"),
        End::TimedOut => "it did not end in time".to_owned(),
        End::TooMuchOutput => "it wrote more than can be kept".to_owned(),
    }
}

fn diff_line(row: &Row) -> String {
    let mark = match row.mark {
        Mark::Both => ' ',
        Mark::Original => '-',
        Mark::Other => '+',
        Mark::Gap => return "@@".to_owned(),
    };
    let line = row.line.strip_suffix(b"\n").unwrap_or(&row.line);
    let end = if line.len() == row.line.len() {
        " (no end of line)"
    } else {
        ""
    };
    format!("{mark}{}{end}", text(line))
}

/// Lines of a diff with as many of each side as are wanted, and how many others differ.
pub(super) fn few(diff: impl Iterator<Item = String>, most: usize) -> (Vec<String>, usize) {
    let (mut original, mut slim) = (0_usize, 0_usize);
    let mut lines = Vec::new();
    for line in diff {
        let is_wanted = match line.as_bytes().first() {
            Some(b'-') => {
                original += 1;
                original <= most
            }
            Some(b'+') => {
                slim += 1;
                slim <= most
            }
            // What stands around lines that are left out says nothing.
            _ => original.max(slim) < most,
        };
        if is_wanted {
            lines.push(line);
        }
    }
    let more = original.saturating_sub(most) + slim.saturating_sub(most);
    (lines, more)
}

/// Bytes as text for people, of a length that can be shown.
fn text(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(MAX_LINE));
    let shown = display(shown);
    match rest.len() {
        0 => shown,
        more => format!("{shown}… {} bytes more", grouped(more as u64)),
    }
}

fn shown(path: &Path) -> String {
    display(path.as_os_str().as_bytes())
}

/// What is at a path in both, in words that differ.
fn states(original: Option<&Now>, slim: Option<&Now>) -> [String; 2] {
    let words = |now: Option<&Now>| match now {
        None | Some(Now::Removed) => "nothing".to_owned(),
        Some(Now::Folder { mode }) => format!("a folder, mode {mode:04o}"),
        Some(Now::File { mode, size, .. }) => {
            format!("a file of {}, mode {mode:04o}", bytes(*size))
        }
        Some(Now::Symlink { target }) => format!("a link to {}", shown(target)),
        Some(Now::Other) => "a socket, pipe or device".to_owned(),
    };
    let both = [words(original), words(slim)];
    if both[0] != both[1] {
        return both;
    }
    if let (Some(Now::File { size: one, .. }), Some(Now::File { size: two, .. })) = (original, slim)
        && one != two
    {
        return [one, two].map(|size| format!("a file of {} bytes", grouped(*size)));
    }
    [
        both[0].clone(),
        "another content of the same size".to_owned(),
    ]
}
