//! A verification for people: at most 80 columns, colours only as anstyle marks that a terminal shows.

use anstyle::{AnsiColor, Style};
use ounce_image::display;

use super::build::few;
use super::model::{Answer, Checked, Difference, Verification};
use super::{found, lines};
use crate::report::text::{cut, cut_front, wrap};

/// Columns of the page.
const WIDTH: usize = 80;
/// Columns before the name of a check: two times, their ratio and the answer.
const INDENT: usize = 41;
/// Lines of each side of a diff that are shown; the JSON has more.
const SHOWN: usize = 6;
/// Columns before what differs.
const DETAILS: usize = 4;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes a verification as a table.
pub(super) fn render(verification: &Verification) -> String {
    let color = color(verification.answer).bold();
    let mut out = Vec::new();
    for line in wrap(&lines::answer(verification), WIDTH) {
        out.push(format!("{color}{line}{color:#}"));
    }
    for (word, image) in [
        ("original", &verification.original),
        ("slim", &verification.slim),
    ] {
        let reference = cut_front(&display(image.reference.as_bytes()), WIDTH - 10);
        out.push(format!("{DIM}{word:<8}{DIM:#}  {reference}"));
    }
    out.push(String::new());
    let names = columns("ORIGINAL", "SLIM", "RATIO");
    out.push(format!("{DIM}{names}{DIM:#}"));
    for check in &verification.checks {
        row(&mut out, check);
    }
    if verification.checks.len() > 1 && verification.times.slim.is_some() {
        out.push(format!("{BOLD}{}  all{BOLD:#}", times(verification.times)));
    }
    if !verification.put_back.is_empty() {
        out.extend([String::new(), format!("{BOLD}Put back{BOLD:#}")]);
    }
    for line in found::put_back(&verification.put_back) {
        details(&mut out, &line);
    }
    if let Some(reference) = &verification.written {
        out.push(format!("written to {}", display(reference.as_bytes())));
    }
    if let Some(coverage) = &verification.coverage {
        out.push(String::new());
        for sentence in coverage.sentences() {
            out.extend(wrap(&sentence, WIDTH));
        }
    }
    if !verification.notes.is_empty() {
        out.push(String::new());
    }
    for note in &verification.notes {
        out.extend(wrap(&format!("note: {note}"), WIDTH));
    }
    out.join("\n") + "\n"
}

fn columns(original: &str, slim: &str, ratio: &str) -> String {
    format!("{original:>9}  {slim:>9}  {ratio:>6}")
}

fn times(times: super::model::Times) -> String {
    let slim = times.slim.map_or_else(|| "-".to_owned(), lines::seconds);
    columns(
        &lines::seconds(times.original),
        &slim,
        &lines::ratio(times.ratio),
    )
}

fn color(answer: Answer) -> Style {
    match answer {
        Answer::Same => AnsiColor::Green.on_default(),
        Answer::Different => AnsiColor::Red.on_default(),
        Answer::Broken => AnsiColor::Yellow.on_default(),
    }
}

fn row(out: &mut Vec<String>, check: &Checked) {
    let word = match check.answer {
        Answer::Same => "same",
        Answer::Different => "differs",
        Answer::Broken => "broken",
    };
    let color = color(check.answer);
    let mut name = wrap(&check.name, WIDTH - INDENT).into_iter();
    let first = name.next().unwrap_or_default();
    out.push(format!(
        "{}  {color}{word:<9}{color:#}  {first}",
        times(check.times)
    ));
    out.extend(name.map(|line| format!("{:INDENT$}{line}", "")));
    for sentence in lines::variations(check) {
        out.extend(
            wrap(&sentence, WIDTH - INDENT)
                .iter()
                .map(|line| format!("{:INDENT$}{DIM}{line}{DIM:#}", "")),
        );
    }
    if let Some(why) = &check.broken {
        details(out, why);
    }
    for difference in &check.differences {
        differing(out, difference);
    }
    for sentence in found::missing(&check.missing) {
        details(out, &sentence);
    }
}

fn details(out: &mut Vec<String>, text: &str) {
    out.extend(
        wrap(text, WIDTH - DETAILS)
            .iter()
            .map(|line| format!("{:DETAILS$}{line}", "")),
    );
}

fn differing(out: &mut Vec<String>, difference: &Difference) {
    match difference {
        Difference::End {
            original,
            slim,
            last_lines,
        } => {
            details(
                out,
                &format!("{original} in the original, {slim} in the slim image"),
            );
            let room = WIDTH - DETAILS - 2;
            out.extend(
                last_lines
                    .iter()
                    .map(|line| format!("{:DETAILS$}| {}", "", cut(line, room))),
            );
        }
        Difference::Expectation { text } => details(out, &format!("in the slim image: {text}")),
        Difference::Output { stream, diff, more } => {
            details(out, &format!("{} differs:", stream.name()));
            let (diff, others) = few(diff.iter().cloned(), SHOWN);
            out.extend(diff.iter().map(|line| diff_line(line)));
            let more = more + others;
            if more > 0 {
                details(out, &format!("and {more} more lines (see --format json)"));
            }
        }
        Difference::File {
            path,
            original,
            slim,
        } => {
            details(
                out,
                &format!("{path}: {original} in the original, {slim} in the slim image"),
            );
        }
    }
}

fn diff_line(line: &str) -> String {
    let color = match line.as_bytes().first() {
        Some(b'-') => AnsiColor::Red.on_default(),
        Some(b'+') => AnsiColor::Green.on_default(),
        _ => DIM,
    };
    format!(
        "{:DETAILS$}{color}{}{color:#}",
        "",
        cut(line, WIDTH - DETAILS)
    )
}
