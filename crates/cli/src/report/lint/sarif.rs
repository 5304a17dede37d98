//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), for code scanning.

use ounce_analysis::dockerfile::RULES;
use serde_json::{Value, json};

use super::model::{Edit, Finding, LintReport, Span};
use crate::report::model::json as written;

/// The findings as one run.
pub(crate) fn sarif(report: &LintReport) -> String {
    let rules = RULES.iter().map(|rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": format!("{}. Cost: {}.", rule.title, rule.cost)},
            "help": {"text": rule.page(), "markdown": rule.page()},
        })
    });
    let files = report.files.iter();
    let results = files.flat_map(|file| {
        file.findings
            .iter()
            .map(|finding| result(&file.path, finding))
    });
    let problems = report.files.iter().flat_map(|file| {
        file.problems.iter().map(|problem| {
            json!({
                "level": "error",
                "message": {"text": problem.message},
                "locations": [location(&file.path, &problem.place)],
            })
        })
    });
    let is_whole = report.files.iter().all(|file| file.problems.is_empty());
    written(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "ounce", "version": report.ounce, "rules": rules.collect::<Vec<_>>()}},
            "invocations": [{
                "executionSuccessful": is_whole,
                "toolExecutionNotifications": problems.collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    }))
}

fn result(path: &str, finding: &Finding) -> Value {
    let index = RULES.iter().position(|rule| rule.id == finding.rule);
    let fixes: Vec<Value> = finding
        .fix
        .iter()
        .map(|fix| {
            json!({
                "description": {"text": format!("{} ({})", fix.title, fix.safety)},
                "artifactChanges": [{
                    "artifactLocation": {"uri": uri(path)},
                    "replacements": fix.edits.iter().map(replacement).collect::<Vec<_>>(),
                }],
            })
        })
        .collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "warning",
        "message": {"text": format!("{} ({}).", finding.message, finding.price())},
        "locations": [location(path, &finding.place)],
    });
    if let Some(cost) = &finding.in_image {
        result["properties"] = json!({"bytes": cost.size.disk, "compressedBytes": cost.size.pull});
    }
    if !fixes.is_empty() {
        result["fixes"] = Value::Array(fixes);
    }
    result
}

fn replacement(edit: &Edit) -> Value {
    json!({"deletedRegion": region(&edit.place), "insertedContent": {"text": edit.text}})
}

fn location(path: &str, place: &Span) -> Value {
    json!({"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region(place)}})
}

fn region(place: &Span) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

/// A path as a relative or `file:` reference (RFC 3986).
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped: String = path
        .bytes()
        .map(|byte| {
            if is_plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    if path.starts_with('/') {
        format!("file://{escaped}")
    } else {
        escaped
    }
}
