//! What else is worth knowing of the images.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Page;
use super::escape::{code, prose};
use super::words::{capital, list, sentence, short};
use crate::report::line;
use crate::report::model::{Finding, Part, Report};
use crate::report::text::{cut, grouped, plural};

/// Files that could not be understood, at most.
const PROBLEMS: usize = 5;
/// Parts of a finding, at most.
const PARTS: usize = 5;

impl Page<'_> {
    pub(super) fn findings(&self, out: &mut String) {
        let mut items = Vec::new();
        match self.images {
            [report] => items.extend(report.findings.iter().map(describe)),
            reports => items.extend(compare(reports)),
        }
        for report in self.images {
            let of = if self.images.len() > 1 {
                format!("{}: ", code(&report.name()))
            } else {
                String::new()
            };
            items.extend(
                problems(report)
                    .into_iter()
                    .map(|text| format!("{of}{text}")),
            );
            items.extend(
                report
                    .notes
                    .iter()
                    .map(|note| format!("{of}{}", sentence(&prose(note)))),
            );
        }
        if items.is_empty() {
            return;
        }
        line!(out, "## Also worth knowing\n");
        for item in items {
            line!(out, "- {item}");
        }
        line!(out);
    }
}

/// A finding with its largest parts.
fn describe(finding: &Finding) -> String {
    let part = |part: &Part| {
        let name = code(&cut(&part.name, 60));
        match finding.disk {
            0 => name,
            _ => format!("{name} ({})", short(part.disk)),
        }
    };
    let mut parts: Vec<String> = finding.parts.iter().take(PARTS).map(part).collect();
    let rest = finding.count - parts.len();
    if rest > 0 {
        parts.push(format!("{} more", grouped(rest as u64)));
    }
    let text = prose(&finding.text);
    format!(
        "**{}.** {}: {}.",
        finding.title,
        capital(&text),
        list(&parts)
    )
}

/// A title, and the number in each image.
type Kind<'a> = (&'a str, Vec<(String, String)>);

/// The findings of several images, each kind once, with its number in each of them.
fn compare(reports: &[Report]) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Kind<'_>> = BTreeMap::new();
    for report in reports {
        for finding in &report.findings {
            let number = match finding.disk {
                0 => grouped(finding.count as u64),
                disk => short(disk),
            };
            let (_, numbers) = kinds
                .entry(finding.id)
                .or_insert((finding.title, Vec::new()));
            numbers.push((number, code(&report.name())));
        }
    }
    let text = |(title, numbers): Kind<'_>| {
        let is_same = numbers.iter().all(|(number, _)| *number == numbers[0].0);
        if is_same && numbers.len() == reports.len() {
            return format!("**{title}.** {} in each image.", numbers[0].0);
        }
        let numbers = numbers
            .iter()
            .map(|(number, name)| format!("{number} in {name}"));
        format!("**{title}.** {}.", list(&numbers.collect::<Vec<_>>()))
    };
    kinds.into_values().map(text).collect()
}

/// What was not understood, and stays.
fn problems(report: &Report) -> Vec<String> {
    let mut texts: Vec<String> = report
        .problems
        .iter()
        .take(PROBLEMS)
        .map(|problem| {
            let reason = sentence(&prose(&problem.reason));
            format!(
                "{} was not understood, so it stays. {reason}",
                code(&problem.path)
            )
        })
        .collect();
    let more = report.problems.len() - texts.len();
    if more > 0 {
        let files = plural(more as u64, "file");
        texts.push(format!(
            "{} more {files} could not be understood; what is in doubt stays.",
            grouped(more as u64)
        ));
    }
    texts
}
