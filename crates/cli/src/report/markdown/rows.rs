//! What the space goes to, and what becomes of it.

use std::fmt::Write as _;

use super::Page;
use super::escape::{cell, code, prose};
use super::words::{list, short};
use crate::report::line;
use crate::report::model::{Fate, Part, Reason, Row, largest};
use crate::report::text::{bytes, grouped, plural, pull};

/// Rows of the table; the others are summed up.
const ROWS: usize = 12;
/// Kinds of what stays that get a line, and packages in each.
const STAYING: usize = 6;
/// A package that is worth naming: one part in so many of its row.
const SMALL: u64 = 20;
/// Reasons and packages for a row.
const REASONS: usize = 3;

impl Page<'_> {
    pub(super) fn causes(&self, out: &mut String) {
        self.table(out);
        self.removed(out);
        self.kept(out);
        self.not_done(out);
    }

    /// Rows of another view, as they are.
    pub(super) fn parts(&self, out: &mut String) {
        line!(out, "## What eats the space\n");
        line!(out, "| part | on disk | to pull | files | of it goes |");
        line!(out, "| --- | ---: | ---: | ---: | ---: |");
        for row in self.rows {
            let goes = if row.gone == 0 {
                String::new()
            } else {
                bytes(row.gone)
            };
            let title = cell(&code(&row.title));
            line!(
                out,
                "| {title} | {} | {} | {} | {goes} |",
                bytes(row.size.disk),
                pull(row.size),
                grouped(row.size.files)
            );
        }
        line!(out);
    }

    fn table(&self, out: &mut String) {
        line!(out, "## What eats the space\n");
        line!(out, "| what | on disk | to pull | files | outcome |");
        line!(out, "| --- | ---: | ---: | ---: | --- |");
        for row in largest(self.rows, ROWS) {
            let title = cell(&prose(&row.title));
            let fate = row.fate.map_or("", |fate| self.fate(fate));
            line!(
                out,
                "| {title} | {} | {} | {} | {fate} |",
                bytes(row.size.disk),
                pull(row.size),
                grouped(row.size.files)
            );
        }
        line!(out);
    }

    fn fate(&self, fate: Fate) -> &'static str {
        match fate {
            Fate::Gone if self.is_done() => "**removed**",
            Fate::Gone => "**can go**",
            Fate::Offered => "guarded tier",
            Fate::Held => "kept on purpose",
            Fate::OptIn => "opt-in",
            Fate::Kept => "stays",
        }
    }

    fn removed(&self, out: &mut String) {
        let rows = self.rows(Fate::Gone);
        if rows.is_empty() {
            return;
        }
        let verb = if self.is_done() {
            "is removed"
        } else {
            "can go"
        };
        line!(out, "## What {verb}, and why that is safe\n");
        for row in rows {
            line!(out, "- {}: {}.", self.head(row), because(row));
        }
        line!(out);
    }

    /// What rules found and something speaks for.
    fn kept(&self, out: &mut String) {
        let rows = self.rows(Fate::Held);
        if rows.is_empty() {
            return;
        }
        line!(out, "## What is kept on purpose\n");
        line!(
            out,
            "The same rules found these too, but something that stays may need them:\n"
        );
        for row in rows {
            line!(out, "- {}: {}.", self.head(row), reasons(&row.held_by));
        }
        line!(out);
    }

    /// What could be had for a price, and the large things that stay.
    fn not_done(&self, out: &mut String) {
        line!(out, "## Looked at, not done");
        self.offered(out);
        self.staying(out);
    }

    /// What goes in another tier or costs something.
    fn offered(&self, out: &mut String) {
        let (offered, opt_in) = (self.rows(Fate::Offered), self.rows(Fate::OptIn));
        if offered.len() + opt_in.len() > 0 {
            line!(out);
        }
        for row in offered {
            line!(
                out,
                "- {}: {}. With `--tier guarded` it goes.",
                self.head(row),
                because(row)
            );
        }
        for row in opt_in {
            let why = if row.held_by.is_empty() {
                prose(&row.why)
            } else {
                reasons(&row.held_by)
            };
            line!(out, "- {}, which somebody may use: {why}.", self.head(row));
        }
    }

    /// The largest kinds of what no rule found.
    fn staying(&self, out: &mut String) {
        let kept = self.rows(Fate::Kept);
        line!(out, "\nThe largest things that stay, and why:\n");
        for row in kept.iter().take(STAYING) {
            line!(
                out,
                "- {}: {}.{}",
                self.head(row),
                prose(&row.why),
                packages(row)
            );
        }
        if let [_, ..] = kept.get(STAYING..).unwrap_or_default() {
            let rest: u64 = kept[STAYING..].iter().map(|row| row.size.disk).sum();
            line!(
                out,
                "- Everything else that stays is {} in all.",
                short(rest)
            );
        }
        line!(out);
    }

    /// What a row is and how large, and in which of several images.
    fn head(&self, row: &Row) -> String {
        let files = row.size.files;
        let size = format!(
            "{} in {} {}",
            short(row.size.disk),
            grouped(files),
            plural(files, "file")
        );
        let images = self.images.len();
        let place = match row.images.as_slice() {
            [] => String::new(),
            here if here.len() == images => String::new(),
            [only] => format!(", only in {}", code(only)),
            here => format!(", in {} of {images} images", here.len()),
        };
        format!("**{}** ({size}{place})", prose(&row.title))
    }
}

/// Why it can go, and what its guard found.
fn because(row: &Row) -> String {
    let proofs = row.proved_by.iter().take(REASONS).map(|proof| &proof.text);
    let parts = std::iter::once(&row.why).chain(proofs);
    parts.map(|text| prose(text)).collect::<Vec<_>>().join("; ")
}

/// Whose it is: the packages with a notable part of it.
fn packages(row: &Row) -> String {
    let is_notable = |part: &&Part| part.disk >= row.size.disk / SMALL;
    let parts: Vec<&Part> = row
        .largest
        .iter()
        .filter(is_notable)
        .take(REASONS)
        .collect();
    match parts.as_slice() {
        [] => String::new(),
        [first, ..] if first.disk as f64 >= row.size.disk as f64 * 0.9 => {
            format!(" Nearly all of it belongs to {}.", code(&first.name))
        }
        parts => {
            let named = |part: &&Part| format!("{} ({})", code(&part.name), short(part.disk));
            let parts: Vec<String> = parts.iter().map(named).collect();
            format!(" Largest: {}.", list(&parts))
        }
    }
}

fn reasons(reasons: &[Reason]) -> String {
    let said = reasons
        .iter()
        .take(REASONS)
        .map(|reason| match (&reason.from, &reason.to) {
            (Some(from), Some(to)) => format!("{} {} {}", referrer(from), reason.how, code(to)),
            _ => prose(&reason.how),
        });
    let mut said: Vec<String> = said.collect();
    let more = reasons.len() - said.len();
    if more > 0 {
        said.push(format!(
            "and {more} more {}",
            plural(more as u64, "reference")
        ));
    }
    said.join("; ")
}

fn referrer(from: &str) -> String {
    match from.starts_with('/') {
        true => code(from),
        false => prose(from),
    }
}
