//! Reports for people: at most 80 columns, colours only as anstyle marks that a terminal shows.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::model::{Fate, Reason, Report, Row, Size, View};

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

/// Writes a report as a table.
pub(crate) fn render(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    match report.by {
        View::Cause => causes(&mut out, report),
        View::Owner | View::Path => plain(&mut out, report, "GOES"),
        View::Layer => plain(&mut out, report, "HIDDEN"),
    }
    tail(&mut out, report);
    out
}

/// Writing to a string cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => { writeln!($out, $($arg)*).expect("a string takes everything") };
}

fn head(out: &mut String, report: &Report) {
    let layers = report.image.layers.len();
    let image = &report.image;
    line!(
        out,
        "{BOLD}{}{BOLD:#}",
        image.names.first().unwrap_or(&image.reference)
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

fn causes(out: &mut String, report: &Report) {
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
        let rows: Vec<_> = report
            .rows
            .iter()
            .filter(|row| row.fate == Some(fate))
            .collect();
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
        }
        line!(out);
    }
    for row in report.rows.iter().filter(|row| row.fate.is_none()) {
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

fn plain(out: &mut String, report: &Report, column: &str) {
    line!(
        out,
        "{DIM}{:>9}  {:>9}  {:>8}  {column:>9}{DIM:#}",
        "DISK",
        "PULL",
        "FILES"
    );
    for row in &report.rows {
        let extra = if report.by == View::Layer {
            row.hidden
        } else {
            row.gone
        };
        let extra = if extra == 0 {
            String::new()
        } else {
            bytes(extra)
        };
        let title = if report.by == View::Owner {
            owner(row)
        } else {
            row.title.clone()
        };
        let width = WIDTH - INDENT - 11;
        let lines = if report.by == View::Path {
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
    let Some(found) = report.duplicates.as_ref().filter(|found| found.waste > 0) else {
        return;
    };
    let (waste, groups) = (bytes(found.waste), grouped(found.groups as u64));
    line!(
        out,
        "note: {waste} in {groups} groups of equal files that stay could be shared"
    );
    for group in &found.largest {
        let others = group.files - 1;
        let path = group.paths.first().map_or("", String::as_str);
        let rest = format!(" and {others} more");
        let path = cut_front(path, WIDTH - 17 - rest.width());
        line!(out, "      {:>9}  {path}{rest}", bytes(group.waste));
    }
}

fn tail(out: &mut String, report: &Report) {
    duplicates(out, report);
    for problem in report.problems.iter().take(REASONS) {
        line!(out, "note: {}: {}; it stays", problem.path, problem.reason);
    }
    if report.problems.len() > REASONS {
        line!(
            out,
            "note: and {} more files that could not be understood; they stay",
            report.problems.len() - REASONS
        );
    }
    for text in &report.notes {
        for part in wrap(&format!("note: {text}"), WIDTH) {
            line!(out, "{part}");
        }
    }
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

/// How much less (or more) there is, in per cent.
pub(super) fn change(before: u64, after: u64) -> String {
    match (after as f64 - before as f64) / (before as f64).max(1.0) * 100.0 {
        change if change.abs() < 0.05 => "no change".to_owned(),
        change => format!("{change:+.1} %"),
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

fn pull(size: Size) -> String {
    let mark = if size.pull_is_estimated { "~" } else { "" };
    format!("{mark}{}", bytes(size.pull))
}

/// Bytes in powers of 1,000, as Docker writes them, with three digits.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match (unit, value) {
        (0, _) => 0,
        (_, v) if v < 9.995 => 2,
        (_, v) if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}

pub(super) fn plural(count: u64, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

/// Breaks text at spaces, and inside words that are longer than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() || line.width() + 1 + word.width() <= width {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        while lines.last().is_some_and(|line| line.width() > width) {
            let line = lines.pop().expect("the condition saw one");
            let (head, rest) = split_at_width(&line, width);
            lines.extend([head.to_owned(), rest.to_owned()]);
        }
    }
    lines
}

/// Cuts text to a width, with an ellipsis in place of what does not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (head, _) = split_at_width(text, width - 1);
    format!("{head}…")
}

/// As [`cut`], but the end is what is kept: of a path it says more.
pub(crate) fn cut_front(text: &str, width: usize) -> String {
    let excess = text.width().saturating_sub(width);
    if excess == 0 {
        return text.to_owned();
    }
    let (_, tail) = split_at_width(text, excess + 1);
    format!("…{tail}")
}

fn split_at_width(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let shown: Vec<_> = [0, 999, 1000, 9_994, 9_996, 99_960, 999_600, 2_834_000_000]
            .map(bytes)
            .into();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.00 kB", "9.99 kB", "10.0 kB", "100 kB", "1.00 MB", "2.83 GB"
            ]
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn text_is_wrapped_and_cut_by_what_is_seen() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
