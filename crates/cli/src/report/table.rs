//! Reports for people: at most 80 columns, colours only as anstyle marks that a terminal shows.

mod list;
mod sizes;

use std::fmt::Write as _;

use super::findings::{DUPLICATES, REMARKS};
use super::line;
use super::model::{Fate, Problem, Reason, Report, Row, Set, Size, View};
use super::text::{bytes, change, cut, cut_front, grouped, plural, pull, wrap};
use anstyle::{AnsiColor, Style};

pub(crate) use list::{page, rules};

/// Columns of the page.
const WIDTH: usize = 80;
/// Columns before the words of a row: two sizes and a count.
const INDENT: usize = 32;
/// Reasons shown for what is held back.
const REASONS: usize = 3;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Writes the report of one image.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    body(&mut out, &report.rows, report.by, 1);
    tail(&mut out, report);
    out
}

/// Writes the reports of several images as one table, with all their rows together.
pub(crate) fn several(set: &Set) -> String {
    let mut out = String::new();
    sizes::table(&mut out, set);
    body(&mut out, &set.total.rows, set.by, set.images.len());
    for report in &set.images {
        several_tail(&mut out, report);
    }
    out
}

fn body(out: &mut String, rows: &[Row], by: View, images: usize) {
    match by {
        View::Cause => causes(out, rows, images),
        View::Owner | View::Path => plain(out, rows, by, "GOES"),
        View::Layer => plain(out, rows, by, "HIDDEN"),
    }
}

fn head(out: &mut String, report: &Report) {
    let layers = report.image.layers.len();
    let image = &report.image;
    let name = image.names.first().unwrap_or(&image.reference);
    line!(
        out,
        "{BOLD}{}{BOLD:#}",
        ounce_image::display(name.as_bytes())
    );
    let files = report.size.files;
    line!(
        out,
        "{}, {layers} {}, {} {}",
        image.platform,
        plural(layers as u64, "layer"),
        grouped(files),
        plural(files, "file")
    );
    line!(
        out,
        "{} on disk, {} to pull{}",
        bytes(report.size.disk),
        pull(report.size),
        estimate_note(report.size)
    );
    line!(out);
}

fn estimate_note(size: Size) -> &'static str {
    if size.pull_is_estimated {
        " (~ estimated: layers are not compressed)"
    } else {
        ""
    }
}

fn causes(out: &mut String, all: &[Row], images: usize) {
    let headings = [
        (Fate::Gone, "Goes: nothing in the image needs it", GREEN),
        (Fate::Offered, "Could go with --tier guarded", GREEN),
        (
            Fate::Held,
            "Held back: something that stays may need it",
            YELLOW,
        ),
        (
            Fate::OptIn,
            "Of use to somebody: stays until you say otherwise",
            Style::new(),
        ),
        (Fate::Kept, "Stays", Style::new()),
    ];
    line!(
        out,
        "{DIM}{:>9}  {:>9}  {:>8}{DIM:#}",
        "DISK",
        "PULL",
        "FILES"
    );
    for (fate, heading, style) in headings {
        let rows: Vec<_> = all.iter().filter(|row| row.fate == Some(fate)).collect();
        if rows.is_empty() {
            continue;
        }
        let mut total = Size::default();
        rows.iter().for_each(|row| total.add(row.size));
        line!(
            out,
            "{BOLD}{}{BOLD:#}  {style}{BOLD}{heading}{BOLD:#}{style:#}",
            columns(total)
        );
        for row in rows {
            cause(out, row);
            match row.images.as_slice() {
                here if here.len() == images => {}
                [] => {}
                [only] => note(out, &format!("only in {only}")),
                here => note(out, &format!("in {} of {images} images", here.len())),
            }
        }
        line!(out);
    }
    for row in all.iter().filter(|row| row.fate.is_none()) {
        line!(out, "{}  {}", columns(row.size), row.title);
    }
}

fn cause(out: &mut String, row: &Row) {
    line!(out, "{}  {}", columns(row.size), row.title);
    if !row.why.is_empty() {
        note(out, &row.why);
    }
    if row.fate == Some(Fate::Kept) && !row.largest.is_empty() {
        let parts: Vec<_> = row
            .largest
            .iter()
            .take(3)
            .map(|part| format!("{} {}", part.name, bytes(part.disk)))
            .collect();
        note(out, &parts.join(", "));
    }
    for proof in row.proved_by.iter().take(REASONS) {
        note(out, &proof.text);
    }
    for reason in row.held_by.iter().take(REASONS) {
        note(out, &sentence(reason));
    }
    if row.held_by.len() > REASONS {
        note(
            out,
            &format!(
                "and {} more reasons (--format json lists them)",
                row.held_by.len() - REASONS
            ),
        );
    }
}

fn sentence(reason: &Reason) -> String {
    match (&reason.from, &reason.to) {
        (Some(from), Some(to)) => format!("{from} {} {to}", reason.how),
        _ => reason.how.clone(),
    }
}

/// Words below a row, wrapped.
fn note(out: &mut String, text: &str) {
    for part in wrap(text, WIDTH - INDENT) {
        line!(out, "{:INDENT$}{DIM}{part}{DIM:#}", "");
    }
}

fn plain(out: &mut String, rows: &[Row], by: View, column: &str) {
    line!(
        out,
        "{DIM}{:>9}  {:>9}  {:>8}  {column:>9}{DIM:#}",
        "DISK",
        "PULL",
        "FILES"
    );
    for row in rows {
        let extra = if by == View::Layer {
            row.hidden
        } else {
            row.gone
        };
        let extra = if extra == 0 {
            String::new()
        } else {
            bytes(extra)
        };
        let title = if by == View::Owner {
            owner(row)
        } else {
            row.title.clone()
        };
        let width = WIDTH - INDENT - 11;
        let lines = if by == View::Path {
            cut_front(&title, width)
        } else {
            cut(&title, width)
        };
        line!(out, "{}  {extra:>9}  {lines}", columns(row.size));
    }
    line!(out);
}

fn owner(row: &Row) -> String {
    match row.id.split_once(':') {
        Some((ecosystem, _)) => format!("{ecosystem}: {}", row.title),
        None => row.title.clone(),
    }
}

/// What is there more than once and stays so.
fn duplicates(out: &mut String, report: &Report) {
    let found = report
        .findings
        .iter()
        .find(|finding| finding.id == DUPLICATES);
    let Some(found) = found else { return };
    let (waste, groups) = (bytes(found.disk), grouped(found.count as u64));
    line!(
        out,
        "note: {waste} in {groups} {} of equal files that stay could be shared",
        plural(found.count as u64, "group")
    );
    for group in found.parts.iter().take(REASONS) {
        let name = cut_front(&group.name, WIDTH - 17);
        line!(out, "      {:>9}  {name}", bytes(group.disk));
    }
}

/// What could be smaller inside files that stay.
fn remarks(out: &mut String, report: &Report) {
    let found = report.findings.iter();
    for finding in found.filter(|finding| REMARKS.contains(&finding.id)) {
        let text = format!("note: {}: {}", finding.title, finding.text);
        for part in wrap(&text, WIDTH) {
            line!(out, "{part}");
        }
    }
}

fn notes(out: &mut String, report: &Report, image: &str) {
    for problem in report.problems.iter().take(REASONS) {
        let Problem { path, reason } = problem;
        line!(out, "note: {image}{path}: {reason}; it stays");
    }
    if report.problems.len() > REASONS {
        line!(
            out,
            "note: {image}and {} more files that could not be understood; they stay",
            report.problems.len() - REASONS
        );
    }
    for text in &report.notes {
        for part in wrap(&format!("note: {image}{text}"), WIDTH) {
            line!(out, "{part}");
        }
    }
}

/// What there is to say of one image of several.
fn several_tail(out: &mut String, report: &Report) {
    notes(out, report, &format!("{}: ", report.name()));
    if let Some(reference) = report
        .result
        .as_ref()
        .and_then(|result| result.reference.as_ref())
    {
        line!(out, "written to {reference}");
    }
}

fn tail(out: &mut String, report: &Report) {
    duplicates(out, report);
    remarks(out, report);
    notes(out, report, "");
    let Some(result) = &report.result else { return };
    let (before, after) = (report.size, result.size);
    line!(
        out,
        "{BOLD}{} -> {}{BOLD:#} on disk ({}), {} -> {} to pull ({})",
        bytes(before.disk),
        bytes(after.disk),
        change(before.disk, after.disk),
        pull(before),
        pull(after),
        change(before.pull, after.pull)
    );
    line!(
        out,
        "layers: {} unchanged, {} rewritten, {} gone",
        result.layers_same,
        result.layers_changed,
        result.layers_gone
    );
    match &result.reference {
        Some(reference) => line!(out, "written to {reference}"),
        None => line!(out, "nothing was written (--dry-run)"),
    }
    if let Some(digest) = result.manifest.as_ref().or(result.config.as_ref()) {
        line!(out, "{digest}");
    }
}

fn columns(size: Size) -> String {
    format!(
        "{:>9}  {:>9}  {:>8}",
        bytes(size.disk),
        pull(size),
        grouped(size.files)
    )
}
