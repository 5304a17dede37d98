//! What was found, as data. This is what `--format json` writes; its schema is `docs/lint.schema.json`.

use std::collections::BTreeMap;

use ounce_analysis::built;
use ounce_analysis::dockerfile::fix::Applied;
use ounce_analysis::dockerfile::{self, Report};
use ounce_image::display;
use schemars::JsonSchema;
use serde::Serialize;

use super::text::readable;
use crate::report::model::{Size, VERSION};
use crate::report::text::bytes;
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
    /// The image that was built from the file, when one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<Built>,
    /// The files, in the order in which they were looked at.
    pub(crate) files: Vec<File>,
    /// How often each rule found something; rules without findings are left out.
    pub(crate) statistics: Vec<Count>,
}

/// The image that was built from a Dockerfile.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Built {
    /// Where it was read from.
    pub(crate) reference: String,
    /// Its size.
    pub(crate) size: Bytes,
    /// How many instructions of the file that make a layer the image should have.
    pub(crate) steps: usize,
    /// How many of them are in its history; findings in others have no bytes.
    pub(crate) steps_found: usize,
    /// What all findings cost together, also those that were put right; no byte counts twice.
    pub(crate) findings: Bytes,
    /// What `ounce slim` takes from the image without a build.
    pub(crate) slim: Bytes,
    /// What of that no finding has, by the step that brought it.
    pub(crate) rest: Vec<Rest>,
}

/// What `ounce slim` takes from what a step brought, although no finding has it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Rest {
    /// The line of the instruction; absent for the base image, and steps that are not in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// What it is, the largest first.
    pub(crate) parts: Vec<Part>,
}

/// A size in bytes, twice.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(crate) struct Bytes {
    /// Uncompressed content, as Docker counts.
    pub(crate) disk: u64,
    /// Compressed; estimated where the image stores its layers uncompressed.
    pub(crate) pull: u64,
}

/// What a finding costs in the image.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Cost {
    /// The bytes; none when the image has nothing of what the rule looks for.
    pub(crate) size: Bytes,
    /// What it consists of, the largest first: packages, folders or causes.
    pub(crate) parts: Vec<Part>,
    /// Why some of it is needed when the image runs, as far as is known.
    pub(crate) needed: Vec<Part>,
}

/// A part of a cost.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Part {
    /// What it is, or why it is needed.
    pub(crate) name: String,
    /// Uncompressed bytes.
    pub(crate) disk: u64,
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
    /// What it costs in the image that was given; absent when nothing tells, or when the bytes count for another
    /// finding already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_image: Option<Cost>,
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
            image: None,
            files,
            statistics: counts.into_values().collect(),
        }
    }
}

impl LintReport {
    /// Adds what the findings of the only file cost in an image.
    pub(crate) fn price(&mut self, costs: &[Option<built::Cost>], image: Built) {
        let findings = self.files.iter_mut().flat_map(|file| &mut file.findings);
        for (finding, cost) in findings.zip(costs) {
            finding.in_image = cost.as_ref().map(Cost::of);
        }
        self.image = Some(image);
    }
}

impl Bytes {
    /// Of a report's size.
    pub(crate) fn of_size(size: Size) -> Self {
        Self {
            disk: size.disk,
            pull: size.pull,
        }
    }

    /// Adds what a finding costs.
    pub(crate) fn add(&mut self, cost: &built::Cost) {
        self.disk += cost.size.disk;
        self.pull += cost.size.pull;
    }
}

impl Part {
    /// The parts of something.
    pub(crate) fn all(parts: &[(String, u64)]) -> Vec<Self> {
        let part = |(name, disk): &(String, u64)| Self {
            name: display(name.as_bytes()),
            disk: *disk,
        };
        parts.iter().map(part).collect()
    }
}

impl Cost {
    fn of(cost: &built::Cost) -> Self {
        Self {
            size: Bytes {
                disk: cost.size.disk,
                pull: cost.size.pull,
            },
            parts: Part::all(&cost.parts),
            needed: Part::all(&cost.needed),
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
    /// What it costs, in one line: in the image, or else usually.
    pub(crate) fn price(&self) -> String {
        match &self.in_image {
            None => format!("cost: {}", self.cost),
            Some(cost) if cost.size.disk + cost.size.pull == 0 => {
                "in this image: nothing".to_owned()
            }
            Some(cost) => format!(
                "in this image: {}, {} compressed",
                bytes(cost.size.disk),
                bytes(cost.size.pull)
            ),
        }
    }

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
            in_image: None,
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

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<LintReport>("lint");
    }
}
