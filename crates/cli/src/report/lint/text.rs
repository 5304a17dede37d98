//! Findings for people: each with its line, a patch, a table of counts.

use std::fmt::Write as _;
use std::ops::Range;

use ounce_image::display;

use super::model::{Built, File, Finding, LintReport, Part};
use crate::report::line;
use crate::report::text::bytes;
use crate::snippet::{Place, shown};

/// A file as text. What is not UTF-8 is shown as `?`, byte for byte, so that places stay what they are.
pub(super) fn readable(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| '?'));
    }
    out
}

/// A message with the place and the line that it is about.
pub(crate) fn explained(name: &str, text: &[u8], range: Range<usize>, message: &str) -> String {
    let text = readable(text);
    let Place { line, column } = Place::of(&text, range.start);
    format!(
        "{}:{line}:{column}: {}\n{}",
        display(name.as_bytes()),
        display(message.as_bytes()),
        shown(&text, range)
    )
}

/// All findings, and a line that sums them up.
pub(crate) fn text(report: &LintReport, texts: &[&[u8]]) -> String {
    let mut out = String::new();
    for (file, text) in report.files.iter().zip(texts) {
        for fixed in &file.fixed {
            line!(
                out,
                "{}: fixed {}: {}",
                display(file.path.as_bytes()),
                fixed.rule,
                display(fixed.title.as_bytes())
            );
        }
        let mut findings: Vec<&Finding> = file.findings.iter().collect();
        // What costs most comes first; without an image nothing is known and all stays in the file's order.
        findings.sort_by_key(|finding| {
            std::cmp::Reverse(finding.in_image.as_ref().map_or(0, |cost| cost.size.disk))
        });
        findings
            .iter()
            .for_each(|finding| one(&mut out, file, text, finding));
    }
    let findings: Vec<&Finding> = report
        .files
        .iter()
        .flat_map(|file| &file.findings)
        .collect();
    let by = |safety: &str| {
        findings
            .iter()
            .filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safety == safety))
            .count()
    };
    let files = report
        .files
        .iter()
        .filter(|file| !file.findings.is_empty())
        .count();
    if !findings.is_empty() {
        let (safe, unsafe_) = (by("safe"), by("unsafe"));
        let found = counted(findings.len(), "finding");
        line!(
            out,
            "{found} in {}: --fix puts {safe} right, with --unsafe-fixes {unsafe_} more",
            counted(files, "file")
        );
    }
    report.image.iter().for_each(|image| sum(&mut out, image));
    out
}

/// What all findings cost in the image.
fn sum(out: &mut String, image: &Built) {
    let name = display(image.reference.as_bytes());
    line!(
        out,
        "in {name}: {} of {}; `ounce slim` takes {} away without a build",
        bytes(image.findings.disk),
        bytes(image.size.disk),
        bytes(image.slim.disk)
    );
    for rest in &image.rest {
        let from = rest
            .line
            .map_or("the base image".to_owned(), |line| format!("line {line}"));
        line!(out, "  in no finding, from {from}: {}", listed(&rest.parts));
    }
    if image.steps_found < image.steps {
        let missing = image.steps - image.steps_found;
        line!(
            out,
            "{missing} of {} not in its history, so the file was changed since: nothing is known of what they cost",
            counted(image.steps, "step")
        );
    }
}

fn listed(parts: &[Part]) -> String {
    let named = |part: &Part| format!("{} {}", part.name, bytes(part.disk));
    let parts: Vec<String> = parts.iter().map(named).collect();
    parts.join(", ")
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn one(out: &mut String, file: &File, text: &[u8], finding: &Finding) {
    let message = format!("{}: {}", finding.rule, finding.message);
    let range = finding.place.start..finding.place.end;
    line!(
        out,
        "{}",
        explained(&file.path, text, range, &message).trim_end()
    );
    line!(out, "  = {}", finding.price());
    if let Some(cost) = &finding.in_image {
        if !cost.parts.is_empty() {
            line!(out, "    {}", listed(&cost.parts));
        }
        for part in &cost.needed {
            line!(out, "  = needed: {} ({})", part.name, bytes(part.disk));
        }
    }
    if let Some(fix) = &finding.fix {
        line!(
            out,
            "  = fix ({}): {}",
            fix.safety,
            display(fix.title.as_bytes())
        );
    }
    line!(out);
}

/// How often each rule found something, most first.
pub(crate) fn statistics(report: &LintReport) -> String {
    let mut counts: Vec<_> = report.statistics.iter().collect();
    counts.sort_by_key(|count| (std::cmp::Reverse(count.findings), count.rule));
    let mut out = String::new();
    let width = counts
        .iter()
        .map(|count| count.rule.len())
        .max()
        .unwrap_or(0)
        .max(4);
    line!(out, "{:width$}  findings    safe  unsafe", "rule");
    for count in counts {
        line!(
            out,
            "{:width$}  {:8}  {:6}  {:6}",
            count.rule,
            count.findings,
            count.safe,
            count.r#unsafe
        );
    }
    out
}

/// A patch that `patch -p1` and `git apply` take; empty when nothing changed.
pub(crate) fn diff(name: &str, before: &[u8], after: &[u8]) -> String {
    if before == after {
        return String::new();
    }
    let (before, after) = (
        String::from_utf8_lossy(before),
        String::from_utf8_lossy(after),
    );
    let name = name.trim_start_matches('/');
    let diff = similar::TextDiff::from_lines(&before, &after);
    diff.unified_diff()
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}
