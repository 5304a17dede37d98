//! The report of one package for people: at most 80 columns.

use std::fmt::Write as _;

use anstyle::Style;

use crate::report::model::package::{Chain, How, Name, Package, PackageReport};
use crate::report::model::{Fate, Row};
use crate::report::table::{bytes, cut, cut_front, wrap};

const WIDTH: usize = 80;
/// Columns of the keys.
const HEADING: usize = 11;
/// Columns before the words that follow a size.
const SIZED: usize = 2 + HEADING + 11;
/// How much of a step is shown.
const STEP: usize = 2 * (WIDTH - 2 - HEADING);
/// Names that are listed; the others are counted.
const NAMES: usize = 12;
/// Packages that are shown when many have the name.
const PACKAGES: usize = 10;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes the report of packages as text.
pub(crate) fn render(report: &PackageReport) -> String {
    let mut out = String::new();
    for package in report.packages.iter().take(PACKAGES) {
        one(&mut out, package);
    }
    if report.packages.len() > PACKAGES {
        let more = report.packages.len() - PACKAGES;
        line(
            &mut out,
            "",
            &format!("and {more} more of this name (--format json lists them)"),
        );
    }
    out
}

fn one(out: &mut String, package: &Package) {
    let title = format!("{}: {}", package.name.ecosystem, titled(&package.name));
    writeln!(out, "{BOLD}{title}{BOLD:#}").expect("a string takes everything");
    line(out, "in", &package.prefix);
    let size = &package.size;
    let mark = if size.pull_is_estimated { "~" } else { "" };
    let (disk, pull) = (bytes(size.disk), bytes(size.pull));
    let files = size.files;
    let plural = if files == 1 { "" } else { "s" };
    let text = format!("{disk} on disk, {mark}{pull} to pull, {files} file{plural} of its own");
    line(out, "size", &text);
    if let Some(inside) = &package.inside {
        let text = format!("{}: {}", inside.ecosystem, titled(inside));
        line(out, "part of", &text);
    }
    why(out, package);
    if let Some(step) = &package.step {
        line(out, "came with", &cut(step, STEP));
    }
    names(out, "needs", &package.needs);
    names(out, "needed by", &package.needed_by);
    // Folders and further names of files carry no bytes.
    for row in package.causes.iter().filter(|row| row.size.disk > 0) {
        cause(out, row);
    }
    for (index, part) in package.largest.iter().enumerate() {
        let key = if index == 0 { "largest" } else { "" };
        sized(out, key, part.disk, &cut_front(&part.name, WIDTH - SIZED));
    }
    out.push('\n');
}

fn titled(name: &Name) -> String {
    format!("{} {}", name.name, name.version)
        .trim_end()
        .to_owned()
}

fn why(out: &mut String, package: &Package) {
    if package.reasons.is_empty() {
        line(out, "why", "nothing in the image tells who asked for it");
    }
    for (index, chain) in package.reasons.iter().enumerate() {
        let key = if index == 0 { "why" } else { "or" };
        line(out, key, &sentence(chain));
    }
}

/// `fastqc was asked for: fastqc (conda install fastqc); it needs openjdk, which needs libx11`
fn sentence(chain: &Chain) -> String {
    let mut out = String::new();
    for (index, step) in chain.steps.iter().enumerate() {
        let name = &step.name.name;
        let verb = match step.how {
            How::Asked => {
                let words = chain.words.as_deref();
                let words = words.map_or(String::new(), |words| format!(": {words}"));
                out = format!("{name} was asked for{words}");
                continue;
            }
            How::Needed => "needs",
            How::Inside => "holds",
        };
        let joint = if index == 1 { "; it" } else { ", which" };
        let ecosystem = step.name.ecosystem;
        let kind = match step.how {
            How::Inside => format!("{ecosystem} "),
            _ => String::new(),
        };
        out += &format!("{joint} {verb} {kind}{name}");
    }
    out
}

fn names(out: &mut String, key: &str, names: &[Name]) {
    let mut shown: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    shown.sort_unstable();
    shown.dedup();
    let more = shown.len().saturating_sub(NAMES);
    shown.truncate(NAMES);
    let mut text = shown.join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    if !text.is_empty() {
        line(out, key, &text);
    }
}

fn cause(out: &mut String, row: &Row) {
    let key = match row.fate {
        Some(Fate::Gone) => "goes",
        Some(Fate::Held) => "held back",
        _ => "stays",
    };
    let reason = row
        .held_by
        .first()
        .map(|reason| match (&reason.from, &reason.to) {
            (Some(from), Some(to)) => format!("{from} {} {to}", reason.how),
            _ => reason.how.clone(),
        });
    let why = reason.unwrap_or_else(|| row.why.clone());
    sized(out, key, row.size.disk, &format!("{}: {why}", row.title));
}

fn line(out: &mut String, key: &str, text: &str) {
    lines(out, key, "", text);
}

fn sized(out: &mut String, key: &str, disk: u64, text: &str) {
    lines(out, key, &format!("{:>9}  ", bytes(disk)), text);
}

/// A key, what stands behind it, and words that are wrapped in their own column.
fn lines(out: &mut String, key: &str, before: &str, text: &str) {
    let indent = 2 + HEADING + before.len();
    for (index, part) in wrap(text, WIDTH - indent).iter().enumerate() {
        let head = match index {
            0 => format!("  {DIM}{key:<HEADING$}{DIM:#}{before}"),
            _ => " ".repeat(indent),
        };
        writeln!(out, "{head}{part}").expect("a string takes everything");
    }
}
