//! A diff as Markdown (GitHub Flavored Markdown Spec 0.29), for a comment on a pull request.

use ounce_image::display;

use super::lines::{self, Line, Words};
use super::model::{Became, Compared, Diff, Sides, Surface};
use crate::report::text::{bytes, change, grouped};

/// Writes a diff as Markdown; `is_part` says that one part was asked for, which is shown in full.
pub(super) fn render(diff: &Diff, is_part: bool) -> String {
    let mut out = vec![format!(
        "## {} → {}",
        code(&display(diff.before.image.reference.as_bytes())),
        code(&display(diff.after.image.reference.as_bytes()))
    )];
    out.push(String::new());
    let verdict = lines::verdict(diff);
    if verdict.is_none() || is_part && !diff.identical {
        body(&mut out, diff, is_part);
    }
    out.extend(verdict);
    notes(&mut out, diff);
    out.join("\n") + "\n"
}

fn body(out: &mut Vec<String>, diff: &Diff, is_part: bool) {
    totals(out, diff);
    section(out, "Changes", &lines::changes(diff));
    if let Some(rows) = &diff.causes {
        section(out, "By cause", &lines::causes(rows, is_part));
    }
    if let Some(rows) = &diff.owners {
        section(
            out,
            &lines::owners_heading(rows),
            &lines::owners(rows, is_part),
        );
    }
    if let Some(rows) = &diff.paths {
        section(out, "By folder", &lines::paths(rows, is_part));
    }
    if let Some(rows) = &diff.layers {
        section(out, "By layer", &lines::layers(rows, is_part));
    }
    if let Some(rows) = &diff.config {
        settings(out, &lines::settings(rows), is_part);
    }
    if let Some(rows) = &diff.surface {
        surface(out, rows, is_part);
    }
}

fn totals(out: &mut Vec<String>, diff: &Diff) {
    let (old, new) = (&diff.before, &diff.after);
    let mark = |side: &Compared| if side.pull_is_estimated { "~" } else { "" };
    let either = if mark(old).is_empty() { mark(new) } else { "~" };
    let mut row = |title: &str, before: String, after: String, difference: String| {
        out.push(format!("| {title} | {before} | {after} | {difference} |"));
    };
    row("", "before".into(), "after".into(), "change".into());
    row("---", "---:".into(), "---:".into(), "---:".into());
    let (a, b) = (old.size, new.size);
    row(
        "on disk",
        bytes(a.disk),
        bytes(b.disk),
        format!(
            "**{}** ({})",
            lines::signed(a.disk, b.disk),
            change(a.disk, b.disk)
        ),
    );
    row(
        "to pull",
        format!("{}{}", mark(old), bytes(a.pull)),
        format!("{}{}", mark(new), bytes(b.pull)),
        format!(
            "**{either}{}** ({})",
            lines::signed(a.pull, b.pull),
            change(a.pull, b.pull)
        ),
    );
    row(
        "files",
        grouped(a.files),
        grouped(b.files),
        lines::signed_count(a.files, b.files),
    );
    row(
        "layers",
        grouped(old.image.layers.len() as u64),
        grouped(new.image.layers.len() as u64),
        lines::signed_count(old.image.layers.len() as u64, new.image.layers.len() as u64),
    );
    if let Some(update) = lines::update(diff) {
        let mark = mark(new);
        out.push(String::new());
        out.push(format!(
            "Whoever has the first image pulls {mark}{} for the second.",
            bytes(update)
        ));
    }
    out.push(String::new());
}

fn section(out: &mut Vec<String>, heading: &str, rows: &[Line]) {
    if rows.is_empty() {
        return;
    }
    out.push(format!("### {heading}"));
    out.push(String::new());
    out.push("| | | before | after | change | to pull |".to_owned());
    out.push("| --- | --- | ---: | ---: | ---: | ---: |".to_owned());
    for row in rows {
        let Sides { before, after } = row.size;
        let name = if row.is_name {
            cell_code(&row.name)
        } else {
            escape(&row.name)
        };
        let notes: String = row
            .notes
            .iter()
            .map(|note| format!("<br>{}", escape(note)))
            .collect();
        out.push(format!(
            "| {} | {name}{}{notes} | {} | {} | {} | {} |",
            sign(row.mark),
            escape(&row.details),
            bytes(before.disk),
            bytes(after.disk),
            lines::signed(before.disk, after.disk),
            lines::signed(before.pull, after.pull)
        ));
    }
    out.push(String::new());
}

/// A sign that begins no list.
fn sign(became: Became) -> String {
    match became {
        Became::Same => String::new(),
        became => format!("`{}`", lines::sign(became)),
    }
}

fn settings(out: &mut Vec<String>, rows: &[Words], is_part: bool) {
    if rows.is_empty() {
        out.extend(is_part.then(|| "No setting differs.".to_owned()));
        return;
    }
    out.push("### Configuration".to_owned());
    out.push(String::new());
    out.extend(rows.iter().map(words));
    out.push(String::new());
}

fn words(row: &Words) -> String {
    let text = match row.text.as_str() {
        "" => String::new(),
        text => format!(" {}", code(text)),
    };
    format!("- {} {}{text}", sign(row.mark), code(&row.name))
}

fn surface(out: &mut Vec<String>, rows: &[Surface], is_part: bool) {
    out.push("### Attack surface".to_owned());
    out.push(String::new());
    out.push("| | before | after | change |".to_owned());
    out.push("| --- | ---: | ---: | ---: |".to_owned());
    for row in rows {
        out.push(format!(
            "| {} | {} | {} | {} |",
            row.title,
            grouped(row.before),
            grouped(row.after),
            lines::signed_count(row.before, row.after)
        ));
    }
    out.push(String::new());
    for row in rows {
        let items = lines::items(row, is_part);
        if items.is_empty() {
            continue;
        }
        out.push(format!("{}:", row.title));
        out.push(String::new());
        out.extend(items.iter().map(words));
        out.push(String::new());
    }
}

fn notes(out: &mut Vec<String>, diff: &Diff) {
    let mut all = diff.notes.clone();
    if !diff.problems.is_empty() {
        let files = lines::count(diff.problems.len() as u64, "file");
        all.push(format!(
            "{files} could not be understood; `--format json` lists them"
        ));
    }
    for note in all {
        out.push(String::new());
        out.push(format!("Note: {note}."));
    }
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
}

/// Text that Markdown must not read.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '#' | '&' | '~' | '@'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text as code: the fence is longer than any run of backticks inside (GFM, "Code spans").
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// As [`code`], in a cell of a table: `|` ends one even there.
fn cell_code(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_cell_or_their_code() {
        assert_eq!(code("/a b"), "`/a b`");
        assert_eq!(cell_code("a|b"), "`a\\|b`");
        assert_eq!(code("`x``"), "``` `x`` ```");
        assert_eq!(escape("<b>|[a](b)"), "\\<b>\\|\\[a\\](b)");
    }
}
