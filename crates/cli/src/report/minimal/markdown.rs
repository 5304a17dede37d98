//! The report of a minimised image as Markdown (GitHub Flavored Markdown Spec 0.29), for a pull request.

use std::fmt::Write as _;

use super::{Guess, Minimal, ROWS, Reason, Sum};
use crate::args::Format;
use crate::report::line;
use crate::report::markdown::escape::{cell, code, prose};
use crate::report::text::bytes;

/// Writes the report as Markdown.
pub(super) fn render(report: &Minimal) -> String {
    let mut out = String::new();
    let (size, files) = super::kept(report);
    line!(out, "## {}\n", code(&report.image));
    line!(out, "**{size};** {files}.");
    reasons(&mut out, "Kept because it is reached by", &report.kept);
    reasons(&mut out, "Dropped", &report.dropped);
    guesses(&mut out, &report.uncertain);
    for (title, rows) in super::lists(report) {
        texts(&mut out, title, rows);
    }
    if let Some(verification) = &report.verification {
        line!(out, "\n{}", verification.text(Format::Markdown).trim_end());
    }
    if let Some(healed) = super::healed(report) {
        line!(out, "\n**{healed}.**");
    }
    if let Some(output) = &report.output {
        line!(out, "\nWritten to {}.", code(output));
    }
    line!(out, "\nMade by {}.", code(&report.command));
    out
}

fn heading(out: &mut String, title: &str) {
    line!(out, "\n### {title}\n");
}

fn reasons(out: &mut String, title: &str, rows: &[Reason]) {
    if rows.is_empty() {
        return;
    }
    heading(out, title);
    line!(out, "| | size | files |\n| --- | ---: | ---: |");
    for row in rows.iter().take(ROWS) {
        line!(out, "| {} | {} |", row.name, sum(row.sum));
    }
    rest(out, rows.len());
}

fn sum(sum: Sum) -> String {
    format!("{} | {}", bytes(sum.disk), sum.files)
}

fn guesses(out: &mut String, rows: &[Guess]) {
    if rows.is_empty() {
        return;
    }
    heading(out, "Kept for want of knowledge, as these may need it");
    line!(out, "| | size | files |\n| --- | ---: | ---: |");
    for row in rows.iter().take(ROWS) {
        let others = match row.others {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let (from, to) = (code(&row.step.from), code(&row.step.to));
        let text = format!("{from} {} {to}{others}", row.step.words);
        line!(out, "| {} | {} |", cell(&text), sum(row.sum));
    }
    rest(out, rows.len());
}

fn texts(out: &mut String, title: &str, rows: &[String]) {
    if rows.is_empty() {
        return;
    }
    heading(out, title);
    for row in rows.iter().take(ROWS) {
        line!(out, "- {}", prose(row));
    }
    rest(out, rows.len());
}

fn rest(out: &mut String, rows: usize) {
    if rows > ROWS {
        line!(out, "\nand {} more (`--report FILE` has all)", rows - ROWS);
    }
}
