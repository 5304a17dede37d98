//! Annotations of GitHub's workflows
//! (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use std::fmt::Write as _;

use super::model::LintReport;
use crate::report::line;

/// A line for each finding and problem.
pub(crate) fn github(report: &LintReport) -> String {
    let mut out = String::new();
    for file in &report.files {
        let path = property(&file.path);
        for problem in &file.problems {
            let place = &problem.place;
            let text = data(&problem.message);
            line!(
                out,
                "::error file={path},line={},col={},title=Dockerfile::{text}",
                place.line,
                place.column
            );
        }
        for finding in &file.findings {
            let place = &finding.place;
            let advice = finding
                .fix
                .as_ref()
                .map(|fix| format!("; fix ({}): {}", fix.safety, fix.title));
            let text = data(&format!(
                "{} ({}){}",
                finding.message,
                finding.price(),
                advice.unwrap_or_default()
            ));
            let title = property(finding.rule);
            line!(
                out,
                "::warning file={path},line={},col={},endLine={},title={title}::{text}",
                place.line,
                place.column,
                place.end_line
            );
        }
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
