//! The report of a minimised image for people: at most 80 columns.

use std::fmt::Write as _;

use anstyle::Style;

use super::{Guess, Kept, Minimal, ROWS, Reason, Step, Sum};
use crate::args::Format;
use crate::report::line;
use crate::report::text::{bytes, cut, cut_front};

const WIDTH: usize = 80;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// The steps from a folder to what is in it.
const HOLDS: &str = ounce_analysis::graph::Kind::Holds.id();

/// Writes the report as text.
pub(super) fn render(report: &Minimal) -> String {
    let mut out = String::new();
    let image = cut_front(report.image.trim_end_matches(':'), 40);
    let (size, files) = super::kept(report);
    line!(out, "{BOLD}{image}{BOLD:#}: {size}; {files}");
    reasons(&mut out, "Kept because it is reached by", &report.kept);
    reasons(&mut out, "Dropped", &report.dropped);
    guesses(&mut out, &report.uncertain);
    if !report.largest.is_empty() {
        heading(&mut out, "The largest, and the way to them");
        report
            .largest
            .iter()
            .take(ROWS)
            .for_each(|kept| largest(&mut out, kept));
    }
    for (title, rows) in super::lists(report) {
        texts(&mut out, title, rows);
    }
    if let Some(verification) = &report.verification {
        heading(&mut out, "Checks");
        out.push_str(&verification.text(Format::Table));
    }
    if let Some(healed) = super::healed(report) {
        line!(out, "\n{healed}");
    }
    if let Some(output) = &report.output {
        line!(out, "\nwritten to {output}");
    }
    out
}

fn heading(out: &mut String, text: &str) {
    line!(out, "\n{BOLD}{text}{BOLD:#}");
}

fn reasons(out: &mut String, title: &str, rows: &[Reason]) {
    if rows.is_empty() {
        return;
    }
    heading(out, title);
    for row in rows.iter().take(ROWS) {
        line!(out, "{}{}", sum(row.sum), cut(&row.name, WIDTH - 26));
    }
    rest(out, rows.len());
}

fn sum(sum: Sum) -> String {
    format!("{:>10}  {:>6} files  ", bytes(sum.disk), sum.files)
}

/// What to look at next: what a guess alone keeps.
fn guesses(out: &mut String, rows: &[Guess]) {
    if rows.is_empty() {
        return;
    }
    heading(out, "Kept for want of knowledge, as these may need it");
    for row in rows.iter().take(ROWS) {
        line!(
            out,
            "{}{}",
            sum(row.sum),
            cut_front(&row.step.from, WIDTH - 26)
        );
        let others = match row.others {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let text = format!("{} {}{others}", row.step.words, row.step.to);
        line!(out, "{DIM}            {text}{DIM:#}");
    }
    rest(out, rows.len());
}

fn largest(out: &mut String, kept: &Kept) {
    line!(
        out,
        "{:>10}  {}",
        bytes(kept.disk),
        cut_front(&kept.path, WIDTH - 12)
    );
    way(out, &kept.way, "            ");
}

/// Writes a way, a line a step; from a folder at once to what is used in it.
pub(crate) fn way(out: &mut String, steps: &[Step], indent: &str) {
    let is_inner = |step: &Step| step.kind == HOLDS;
    for steps in steps.chunk_by(|a, b| is_inner(a) && is_inner(b)) {
        let (Some(step), Some(last)) = (steps.first(), steps.last()) else {
            continue;
        };
        let proof = if step.proof.is_empty() {
            String::new()
        } else {
            format!(" ({})", step.proof)
        };
        let text = format!("{} {} {}{proof}", step.from, step.words, last.to);
        line!(out, "{DIM}{indent}{text}{DIM:#}");
    }
}

fn texts(out: &mut String, title: &str, rows: &[String]) {
    if rows.is_empty() {
        return;
    }
    heading(out, title);
    for row in rows.iter().take(ROWS) {
        line!(out, "  {row}");
    }
    rest(out, rows.len());
}

fn rest(out: &mut String, rows: usize) {
    if rows > ROWS {
        line!(out, "  and {} more (--report FILE has all)", rows - ROWS);
    }
}
