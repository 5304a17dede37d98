//! A diff for people: at most 80 columns, colours only as anstyle marks that a terminal shows.

use anstyle::{AnsiColor, Style};
use ounce_image::display;
use unicode_width::UnicodeWidthStr as _;

use super::lines::{self, Line, Words};
use super::model::{Became, Compared, Diff, Sides, Surface};
use crate::report::text::{bytes, change, cut, cut_front, grouped, wrap};

/// Columns of the page.
const WIDTH: usize = 80;
/// Columns before the words of a line: two sizes and two differences.
const INDENT: usize = 44;
/// Problems that are shown.
const PROBLEMS: usize = 3;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes a diff as a table; `is_part` says that one part was asked for, which is shown in full.
pub(super) fn render(diff: &Diff, is_part: bool) -> String {
    let mut out = Vec::new();
    let verdict = lines::verdict(diff);
    if verdict.is_none() || is_part && !diff.identical {
        body(&mut out, diff, is_part);
    }
    out.extend(verdict);
    notes(&mut out, diff);
    out.join("\n") + "\n"
}

fn body(out: &mut Vec<String>, diff: &Diff, is_part: bool) {
    head(out, diff);
    section(out, "Changes", &lines::changes(diff), false);
    if let Some(rows) = &diff.causes {
        section(out, "By cause", &lines::causes(rows, is_part), false);
    }
    if let Some(rows) = &diff.owners {
        section(
            out,
            &lines::owners_heading(rows),
            &lines::owners(rows, is_part),
            false,
        );
    }
    if let Some(rows) = &diff.paths {
        section(out, "By folder (names)", &lines::paths(rows, is_part), true);
    }
    if let Some(rows) = &diff.layers {
        section(out, "By layer", &lines::layers(rows, is_part), false);
    }
    if let Some(rows) = &diff.config {
        settings(out, &lines::settings(rows), is_part);
    }
    if let Some(rows) = &diff.surface {
        surface(out, rows, is_part);
    }
}

fn head(out: &mut Vec<String>, diff: &Diff) {
    for (word, side) in [("before", &diff.before), ("after", &diff.after)] {
        let image = &side.image;
        let reference = cut_front(&display(image.reference.as_bytes()), WIDTH - 8);
        out.push(format!("{DIM}{word:<6}{DIM:#}  {BOLD}{reference}{BOLD:#}"));
        let layers = lines::count(image.layers.len() as u64, "layer");
        let names = image.names.iter().take(1);
        let parts: Vec<_> = names.chain([&image.platform, &layers]).cloned().collect();
        out.push(format!(
            "        {}",
            cut(&display(parts.join(", ").as_bytes()), WIDTH - 8)
        ));
    }
    out.push(String::new());
    let (before, after) = (&diff.before, &diff.after);
    let (old, new) = (before.size, after.size);
    out.push(columns("BEFORE", "AFTER", "CHANGE", DIM));
    let disk = lines::signed(old.disk, new.disk);
    let percent = change(old.disk, new.disk);
    let row = columns(&bytes(old.disk), &bytes(new.disk), &disk, BOLD);
    out.push(format!("{row}  on disk ({percent})"));
    let mark = if before.pull_is_estimated || after.pull_is_estimated {
        "~"
    } else {
        ""
    };
    let difference = lines::signed(old.pull, new.pull);
    let difference = format!("{mark}{difference}");
    let row = columns(&pull(before), &pull(after), &difference, BOLD);
    let percent = change(old.pull, new.pull);
    out.push(format!("{row}  to pull ({percent})"));
    if let Some(update) = lines::update(diff) {
        let mark = if after.pull_is_estimated { "~" } else { "" };
        let row = columns("", &format!("{mark}{}", bytes(update)), "", Style::new());
        out.push(format!("{row}  of it in layers that the first lacks"));
    }
    let files = lines::signed_count(old.files, new.files);
    let row = columns(&grouped(old.files), &grouped(new.files), &files, BOLD);
    out.push(format!("{row}  files"));
    if before.removable + after.removable > 0 {
        let (old, new) = (before.removable, after.removable);
        let difference = lines::signed(old, new);
        let row = columns(&bytes(old), &bytes(new), &difference, Style::new());
        out.push(format!("{row}  that `ounce slim` would take"));
    }
    out.push(String::new());
}

fn columns(before: &str, after: &str, change: &str, style: Style) -> String {
    format!("{style}{before:>9}  {after:>9}  {change:>9}{style:#}")
}

fn pull(side: &Compared) -> String {
    let mark = if side.pull_is_estimated { "~" } else { "" };
    format!("{mark}{}", bytes(side.size.pull))
}

/// Lines with sizes; of paths the end is what is kept when they are too long.
fn section(out: &mut Vec<String>, heading: &str, rows: &[Line], is_path: bool) {
    if rows.is_empty() {
        return;
    }
    let names = columns("BEFORE", "AFTER", "CHANGE", DIM);
    out.push(format!(
        "{names}  {DIM}{:>9}{DIM:#}  {BOLD}{heading}{BOLD:#}",
        "PULL"
    ));
    for row in rows {
        let Sides { before, after } = row.size;
        let disk = columns(
            &bytes(before.disk),
            &bytes(after.disk),
            &lines::signed(before.disk, after.disk),
            Style::new(),
        );
        let pull = lines::signed(before.pull, after.pull);
        let width = WIDTH - INDENT - 2;
        let words = if is_path {
            let room = width.saturating_sub(row.details.width());
            format!("{}{}", cut_front(&row.name, room), row.details)
        } else {
            cut(&format!("{}{}", row.name, row.details), width)
        };
        out.push(format!("{disk}  {pull:>9}  {}", marked(row.mark, &words)));
        for note in &row.notes {
            for part in wrap(note, width) {
                out.push(format!("{:INDENT$}  {DIM}{part}{DIM:#}", ""));
            }
        }
    }
    out.push(String::new());
}

fn marked(became: Became, words: &str) -> String {
    let style = match became {
        Became::Added => AnsiColor::Green.on_default(),
        Became::Removed => AnsiColor::Red.on_default(),
        Became::Changed => AnsiColor::Yellow.on_default(),
        Became::Same => Style::new(),
    };
    format!("{style}{}{style:#} {words}", lines::sign(became))
}

fn settings(out: &mut Vec<String>, rows: &[Words], is_part: bool) {
    if rows.is_empty() {
        // Asked for alone, nothing is an answer too.
        out.extend(is_part.then(|| "No setting differs.".to_owned()));
        return;
    }
    out.push(format!("{BOLD}Configuration{BOLD:#}"));
    for row in rows {
        words(out, row, 2);
    }
    out.push(String::new());
}

/// A line of words, wrapped, with a sign before it.
fn words(out: &mut Vec<String>, row: &Words, indent: usize) {
    let text = format!("{} {}", row.name, row.text);
    let parts = wrap(&text, WIDTH - indent - 4);
    for (number, part) in parts.iter().enumerate() {
        if number == 0 {
            out.push(format!("{:indent$}{}", "", marked(row.mark, part)));
        } else {
            out.push(format!("{:indent$}    {part}", ""));
        }
    }
}

/// A line of words on one line, of the name as much of the end as fits.
fn short_words(out: &mut Vec<String>, row: &Words, indent: usize) {
    let room = WIDTH - indent - 3;
    let name = cut_front(
        &row.name,
        room.saturating_sub(row.text.width() + 1).max(room / 2),
    );
    let text = cut(format!("{name} {}", row.text).trim_end(), room);
    out.push(format!("{:indent$}{}", "", marked(row.mark, &text)));
}

fn surface(out: &mut Vec<String>, rows: &[Surface], is_part: bool) {
    let names = columns("BEFORE", "AFTER", "CHANGE", DIM);
    out.push(format!("{names}  {BOLD}Attack surface{BOLD:#}"));
    for row in rows {
        let difference = lines::signed_count(row.before, row.after);
        let counts = columns(
            &grouped(row.before),
            &grouped(row.after),
            &difference,
            Style::new(),
        );
        out.push(format!("{counts}  {}", row.title));
        for item in lines::items(row, is_part) {
            if is_part {
                words(out, &item, 33);
            } else {
                short_words(out, &item, 33);
            }
        }
    }
    out.push(String::new());
}

fn notes(out: &mut Vec<String>, diff: &Diff) {
    for note in &diff.notes {
        out.extend(wrap(&format!("note: {note}"), WIDTH));
    }
    for problem in diff.problems.iter().take(PROBLEMS) {
        let (image, path, reason) = (problem.image, &problem.path, &problem.reason);
        out.push(format!("note: {image}: {path}: {reason}"));
    }
    if let Some(more) = diff.problems.len().checked_sub(PROBLEMS).filter(|n| *n > 0) {
        out.push(format!(
            "note: and {more} more files that could not be understood (--format json lists them)"
        ));
    }
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
}
