//! A trace for people: which programs touched how much, and what they did not find.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anstyle::Style;
use ounce_image::display;

use super::{Touched, TraceReport, Way};
use crate::report::text::{cut_front, grouped, plural, wrap};

/// Columns of the page.
const WIDTH: usize = 80;
/// Missing names that are shown; the document has all.
const SHOWN: usize = 20;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Names in these folders are not of the image.
const MACHINE: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Writes a trace as a table.
pub(super) fn render(report: &TraceReport) -> String {
    let mut out = Vec::new();
    let names: BTreeSet<_> = report.accesses.iter().map(|access| &access.path).collect();
    let runs = report.runs.len() as u64;
    let names = names.len() as u64;
    out.push(format!(
        "{BOLD}{} {} touched {} {}{BOLD:#}",
        grouped(runs),
        plural(runs, "run"),
        grouped(names),
        plural(names, "name"),
    ));
    let reference = display(report.image.reference.as_bytes());
    out.push(format!(
        "{DIM}image{DIM:#}  {}",
        cut_front(&reference, WIDTH - 7)
    ));
    for run in &report.runs {
        if let Some(failure) = &run.failure {
            let name = display(run.name.as_bytes());
            out.extend(wrap(&format!("failed: {name}: {failure}"), WIDTH));
        }
    }
    programs(report, &mut out);
    missing(report, &mut out);
    if !report.notes.is_empty() {
        out.push(String::new());
    }
    for note in &report.notes {
        out.extend(wrap(&format!("note: {note}"), WIDTH));
    }
    out.join("\n") + "\n"
}

/// Names that a program touched, in each way.
#[derive(Default)]
struct Counts<'a> {
    read: BTreeSet<&'a super::Name>,
    listed: BTreeSet<&'a super::Name>,
    asked: BTreeSet<&'a super::Name>,
    written: BTreeSet<&'a super::Name>,
    missing: BTreeSet<&'a super::Name>,
}

fn programs(report: &TraceReport, out: &mut Vec<String>) {
    let mut programs: BTreeMap<_, Counts<'_>> = BTreeMap::new();
    for access in &report.accesses {
        let counts = programs.entry(&access.program).or_default();
        let names = match access.how {
            _ if !access.exists => &mut counts.missing,
            Way::Open | Way::Execute => &mut counts.read,
            Way::Folder => &mut counts.listed,
            Way::Stat | Way::Link => &mut counts.asked,
            Way::Write => &mut counts.written,
        };
        names.insert(&access.path);
    }
    out.push(String::new());
    let columns = |cells: [&str; 5], name: &str| {
        let [read, asked, listed, written, missing] = cells;
        let name = cut_front(name, WIDTH - 45);
        format!("{read:>7}  {asked:>7}  {listed:>7}  {written:>7}  {missing:>7}  {name}")
    };
    let head = columns(["READ", "ASKED", "LISTED", "WRITTEN", "MISSING"], "PROGRAM");
    out.push(format!("{DIM}{head}{DIM:#}"));
    let mut rows: Vec<_> = programs.into_iter().collect();
    rows.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.read.len()));
    for (program, counts) in rows {
        let cells = [
            &counts.read,
            &counts.asked,
            &counts.listed,
            &counts.written,
            &counts.missing,
        ]
        .map(|names| grouped(names.len() as u64));
        out.push(columns(
            cells.each_ref().map(String::as_str),
            &program.shown(),
        ));
    }
}

/// What was wanted and found nowhere: a name that another folder has was only searched for.
fn missing(report: &TraceReport, out: &mut Vec<String>) {
    let there: BTreeSet<OsString> = report
        .accesses
        .iter()
        .filter(|access| access.exists)
        .map(|access| access.path.last())
        .collect();
    let is_wanted = |access: &&Touched| {
        let is_wanted = matches!(access.how, Way::Open | Way::Execute | Way::Folder);
        is_wanted && !access.exists && !is_of_the_machine(&access.path.path())
    };
    let wanted: BTreeMap<PathBuf, &Touched> = report
        .accesses
        .iter()
        .filter(is_wanted)
        .map(|access| (access.path.path(), access))
        .collect();
    let (searched, lacking): (Vec<_>, Vec<_>) = wanted
        .into_values()
        .partition(|access| there.contains(&access.path.last()));
    if !searched.is_empty() {
        let count = searched.len() as u64;
        let (number, names) = (grouped(count), plural(count, "name"));
        out.push(String::new());
        out.push(format!(
            "{number} {names} wanted in one folder and found in another"
        ));
    }
    if lacking.is_empty() {
        return;
    }
    let count = lacking.len() as u64;
    out.push(String::new());
    out.push(format!("{} wanted and found nowhere:", grouped(count)));
    let rows = lacking.iter().take(SHOWN);
    out.extend(rows.map(|access| format!("  {}", cut_front(&access.path.shown(), WIDTH - 2))));
    if lacking.len() > SHOWN {
        let more = grouped((lacking.len() - SHOWN) as u64);
        out.push(format!(
            "  {DIM}and {more} more: --output FILE has all{DIM:#}"
        ));
    }
}

fn is_of_the_machine(path: &Path) -> bool {
    MACHINE.iter().any(|folder| path.starts_with(folder))
}
