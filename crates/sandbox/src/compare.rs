//! Compares what a command does in two roots, and leaves out what varies by itself.
//!
//! What varies is not guessed: the original is run several times, and whatever its own runs do not agree on is
//! compared by the narrowest description that all of them fulfil (`variation.rs`). Where its runs agree, the other
//! root must do exactly the same.

mod files;
mod lines;
mod template;
mod variation;

use std::path::{Path, PathBuf};

use crate::{End, Now, Outcome};
pub use lines::{Mark, Row};

/// What is at an absolute path of a root before anything runs; nothing when it is not there.
pub type Before<'a> = &'a dyn Fn(&Path) -> Option<Now>;

/// What a comparison is made from.
pub struct Compared<'a> {
    /// Runs of the command in the original, at least one. What a second one shows to vary is left out; from the
    /// third on it is seen whether what the first ones showed is all of it.
    pub originals: &'a [Outcome],
    /// The run in the other root.
    pub other: &'a Outcome,
    /// Whether a line of output (without its end) or an absolute path may differ.
    pub ignored: &'a dyn Fn(&[u8]) -> bool,
    /// The original's root.
    pub before: Before<'a>,
    /// The other root.
    pub other_before: Before<'a>,
}

/// What two roots do differently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs; nothing when both do the same.
    pub differences: Vec<Difference>,
    /// What varies in the original from run to run, and was therefore compared less strictly.
    pub variations: Vec<Variation>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// How the command ended.
    End {
        /// In the original.
        original: End,
        /// In the other root.
        other: End,
    },
    /// Lines of output.
    Output {
        /// Which output.
        stream: Stream,
        /// The lines that differ with a line around each, as in a unified diff.
        rows: Vec<Row>,
    },
    /// A path that was changed in one of them at least, and is not the same in both afterwards.
    File {
        /// The absolute path.
        path: PathBuf,
        /// What is there in the original; `None` is nothing.
        original: Option<Now>,
        /// What is there in the other root.
        other: Option<Now>,
    },
}

/// An output of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Something that varies in the original by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variation {
    /// How it ends.
    End,
    /// Lines of output.
    Lines {
        /// Which output.
        stream: Stream,
        /// How many lines, of the original's longest output.
        lines: usize,
        /// How far they were compared.
        extent: Extent,
    },
    /// A file: what is there, or whether it is there.
    File {
        /// The absolute path.
        path: PathBuf,
    },
    /// A file that the other root does not have to begin with, so that what was added cannot be told.
    NewBeginning {
        /// The absolute path.
        path: PathBuf,
    },
}

/// How far varying lines were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// They are the same in another order.
    Reordered,
    /// Each but for the words or numbers in it that vary.
    Masked,
    /// Only that there are lines: no two runs of the original have a form in common.
    Presence,
}

/// Compares.
pub fn compare(compared: &Compared<'_>) -> Comparison {
    let mut comparison = Comparison::default();
    ends(compared, &mut comparison);
    for stream in [Stream::Stdout, Stream::Stderr] {
        output(compared, stream, &mut comparison);
    }
    files::compare(compared, &mut comparison);
    comparison
}

fn ends(compared: &Compared<'_>, comparison: &mut Comparison) {
    let Some((first, more)) = compared.originals.split_first() else {
        return;
    };
    if more.iter().any(|run| run.end != first.end) {
        comparison.variations.push(Variation::End);
    }
    let (original, other) = (first.end, compared.other.end);
    if compared.originals.iter().all(|run| run.end != other) {
        comparison
            .differences
            .push(Difference::End { original, other });
    }
}

fn output(compared: &Compared<'_>, stream: Stream, comparison: &mut Comparison) {
    let text: fn(&Outcome) -> &[u8] = match stream {
        Stream::Stdout => |run| &run.stdout,
        Stream::Stderr => |run| &run.stderr,
    };
    if compared
        .originals
        .iter()
        .all(|run| text(run) == text(compared.other))
    {
        return;
    }
    let visible = |run| {
        let lines = lines::split(text(run));
        let visible = lines.filter(|line| !(compared.ignored)(lines::body(line)));
        visible.collect::<Vec<&[u8]>>()
    };
    let originals: Vec<_> = compared.originals.iter().map(visible).collect();
    let originals: Vec<_> = originals.iter().map(Vec::as_slice).collect();
    let found = lines::compare(&originals, &visible(compared.other));
    if let Some((lines, extent)) = found.varies {
        comparison.variations.push(Variation::Lines {
            stream,
            lines,
            extent,
        });
    }
    if !found.rows.is_empty() {
        let rows = found.rows;
        comparison
            .differences
            .push(Difference::Output { stream, rows });
    }
}

/// Whether the lines of a diff are the same but for numbers in them.
pub fn differ_in_numbers(rows: &[Row]) -> bool {
    let forms = |mark: Mark| {
        let side = rows.iter().filter(|row| row.mark == mark);
        let mut forms: Vec<_> = side.map(|row| template::form(&row.line)).collect();
        forms.sort_unstable();
        forms
    };
    forms(Mark::Original) == forms(Mark::Other)
}

#[cfg(test)]
mod tests;
