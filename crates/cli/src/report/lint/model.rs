//! What was found, as data. This is what `--format json` writes; its schema is `docs/lint.schema.json`.

use std::collections::BTreeMap;

use ounce_analysis::dockerfile::fix::Applied;
use ounce_analysis::dockerfile::{self, Report};
use schemars::JsonSchema;
use serde::Serialize;

use super::text::readable;
use crate::report::model::VERSION;
use crate::snippet::Place;

/// What ounce found in Dockerfiles.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LintReport {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The command line that made it, quoted for a shell.
    pub(crate) command: String,
    /// The files, in the order in which they were looked at.
    pub(crate) files: Vec<File>,
    /// How often each rule found something; rules without findings are left out.
    pub(crate) statistics: Vec<Count>,
}

/// A Dockerfile.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct File {
    /// Its path, or `-` for standard input.
    pub(crate) path: String,
    /// Why no builder takes it; then nothing was looked for.
    pub(crate) problems: Vec<Problem>,
    /// What was put right.
    pub(crate) fixed: Vec<Fixed>,
    /// What was found, and is still there.
    pub(crate) findings: Vec<Finding>,
}

/// Why no builder takes a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// What is wrong.
    pub(crate) message: String,
    /// Where.
    pub(crate) place: Span,
}

/// Something that was put right.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fixed {
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// What was done.
    pub(crate) title: String,
}

/// What a rule found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What such a finding usually costs.
    pub(crate) cost: &'static str,
    /// Where.
    pub(crate) place: Span,
    /// What would put it right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<Fix>,
}

/// A stretch of a file. Lines and columns count from 1, columns are characters; the end is behind the last one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    /// In bytes from 0.
    pub(crate) start: usize,
    /// In bytes from 0.
    pub(crate) end: usize,
}

/// What would put a finding right.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fix {
    /// `safe`, or `unsafe`: it needs a look or a build.
    pub(crate) safety: &'static str,
    /// What it does.
    pub(crate) title: String,
    /// The stretches of the file that change.
    pub(crate) edits: Vec<Edit>,
}

/// A change.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Edit {
    /// What goes.
    pub(crate) place: Span,
    /// What comes.
    pub(crate) text: String,
}

/// How often a rule found something.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Count {
    /// The name of the rule.
    pub(crate) rule: &'static str,
    /// How often.
    pub(crate) findings: usize,
    /// How many of them can be put right safely.
    pub(crate) safe: usize,
    /// How many of them can be put right, with a look.
    pub(crate) r#unsafe: usize,
}

impl LintReport {
    /// The report of files.
    pub(crate) fn new(command: String, files: Vec<File>) -> Self {
        let mut counts: BTreeMap<&'static str, Count> = BTreeMap::new();
        for finding in files.iter().flat_map(|file| &file.findings) {
            let rule = finding.rule;
            let empty = Count {
                rule,
                findings: 0,
                safe: 0,
                r#unsafe: 0,
            };
            let count = counts.entry(rule).or_insert(empty);
            count.findings += 1;
            match finding.fix.as_ref().map(|fix| fix.safety) {
                Some("safe") => count.safe += 1,
                Some(_) => count.r#unsafe += 1,
                None => {}
            }
        }
        Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            command,
            files,
            statistics: counts.into_values().collect(),
        }
    }
}

impl File {
    /// What was found in a file.
    pub(crate) fn new(path: &str, text: &[u8], report: &Report, applied: &[Applied]) -> Self {
        let text = readable(text);
        let fixed = |fix: &Applied| Fixed {
            rule: fix.rule,
            title: fix.title.clone(),
        };
        let problem = |problem: &dockerfile::parse::Problem| Problem {
            message: problem.reason.clone(),
            place: Span::of(&text, &problem.range),
        };
        Self {
            path: path.to_owned(),
            problems: report.problems.iter().map(problem).collect(),
            fixed: applied.iter().map(fixed).collect(),
            findings: report
                .findings
                .iter()
                .map(|finding| Finding::new(&text, finding))
                .collect(),
        }
    }
}

impl Finding {
    fn new(text: &str, finding: &dockerfile::Finding) -> Self {
        let edit = |edit: &dockerfile::Edit| Edit {
            place: Span::of(text, &edit.range),
            text: edit.text.clone(),
        };
        let fix = |fix: &dockerfile::Fix| Fix {
            safety: fix.safety.name(),
            title: fix.title.clone(),
            edits: fix.edits.iter().map(edit).collect(),
        };
        Self {
            rule: finding.rule.id,
            message: finding.message.clone(),
            cost: finding.rule.cost,
            place: Span::of(text, &finding.range),
            fix: finding.fix.as_ref().map(fix),
        }
    }
}

impl Span {
    fn of(text: &str, range: &std::ops::Range<usize>) -> Self {
        let (first, last) = (Place::of(text, range.start), Place::of(text, range.end));
        Self {
            line: first.line,
            column: first.column,
            end_line: last.line,
            end_column: last.column,
            start: range.start,
            end: range.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `just docs` writes the file anew.
    #[test]
    fn the_published_schema_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lint.schema.json");
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let schema = settings
            .into_generator()
            .into_root_schema_for::<LintReport>();
        let schema = crate::report::model::json(&schema);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            schema,
            "run `just docs`"
        );
    }
}
