//! Runs the rules over a Dockerfile.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::model::Model;
use super::parse::{Dockerfile, Instruction, Kind, Problem};
use super::rules::{Pin, RULES, Rule};

/// What rules look at.
pub struct Context<'a> {
    /// What the file does.
    pub model: &'a Model<'a>,
    /// What lies in the build context; absent when nobody knows where that is.
    pub beside: Option<Beside<'a>>,
    /// What is known of base images, by their names.
    pub pins: &'a BTreeMap<String, Pin>,
    /// Whether apt is known to keep the packages that it downloads.
    pub keeps_archives: bool,
}

/// The content of a file by its path in the build context; `None` when it is not there or is no text.
pub type Beside<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The names of the only rules to run; all when empty.
    pub select: Vec<String>,
    /// The names of rules not to run.
    pub ignore: Vec<String>,
    /// What somebody who can ask knows of base images, by their names.
    pub pins: BTreeMap<String, Pin>,
    /// Whether the image that was built from the file has packages that apt downloaded.
    pub keeps_archives: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What the rules found, in the order of the file.
    pub findings: Vec<Finding>,
    /// Why no builder takes the file, the first few reasons; then nothing is looked for.
    pub problems: Vec<Problem>,
}

impl Options {
    fn runs(&self, rule: &Rule) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == rule.id);
        (self.select.is_empty() || names(&self.select)) && !names(&self.ignore)
    }
}

impl<'a> Context<'a> {
    /// The instructions with their numbers.
    pub fn instructions(&self) -> impl Iterator<Item = (usize, &'a Instruction)> {
        self.model.file.instructions.iter().enumerate()
    }
}

/// Images have at most 127 layers, and the longest of 3,433 public files has 254 instructions; rules compare
/// instructions with each other.
const MAX_INSTRUCTIONS: usize = 1000;

/// Builders stop at the first; where there are many the file is hardly a Dockerfile.
const MAX_PROBLEMS: usize = 5;

/// Looks for what the rules find.
pub fn lint(text: &[u8], options: &Options, beside: Option<Beside<'_>>) -> Report {
    let mut file = Dockerfile::parse(text);
    if !file.problems.is_empty() {
        file.problems.truncate(MAX_PROBLEMS);
        return Report {
            findings: Vec::new(),
            problems: file.problems,
        };
    }
    if file.instructions.len() > MAX_INSTRUCTIONS {
        let problem = Problem {
            reason: format!("more than {MAX_INSTRUCTIONS} instructions"),
            range: 0..0,
        };
        return Report {
            findings: Vec::new(),
            problems: vec![problem],
        };
    }
    if has_other_syntax(&file) {
        return Report::default();
    }
    let model = Model::new(&file);
    let context = Context {
        model: &model,
        beside,
        pins: &options.pins,
        keeps_archives: options.keeps_archives,
    };
    let rules = RULES.iter().filter(|rule| options.runs(rule));
    let mut findings: Vec<Finding> = rules.flat_map(|rule| (rule.find)(&context)).collect();
    findings.retain(|finding| !is_ignored(&file, finding));
    findings.sort_by(|a, b| (a.range.start, a.rule.id).cmp(&(b.range.start, b.rule.id)));
    Report {
        findings,
        problems: Vec::new(),
    }
}

/// Whether a directive gives the file to a frontend that reads something else than Dockerfiles.
fn has_other_syntax(file: &Dockerfile<'_>) -> bool {
    let directives = file
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Directive);
    let mut texts = directives
        .map(|token| String::from_utf8_lossy(&file.text[token.range.clone()]).to_lowercase());
    texts.any(|text| {
        text.trim_start_matches(['#', ' ', '\t'])
            .starts_with("syntax")
            && !text.contains("dockerfile")
    })
}

/// Whether a comment in the instruction, or in the lines right above it, names the rule:
/// `# ounce: ignore=RULE,RULE reason`.
fn is_ignored(file: &Dockerfile<'_>, finding: &Finding) -> bool {
    let instruction = &file.instructions[finding.instruction];
    let inside = file.tokens.iter().filter(|token| {
        token.kind == Kind::Comment && instruction.lines.contains(&token.range.start)
    });
    let first = file
        .tokens
        .partition_point(|token| token.range.start < instruction.lines.start);
    let above = file.tokens[..first].iter().rev();
    let above =
        above.take_while(|token| matches!(token.kind, Kind::Comment | Kind::Blank | Kind::Newline));
    let mut comments = inside
        .chain(above)
        .filter(|token| token.kind == Kind::Comment);
    comments.any(|token| {
        let text = String::from_utf8_lossy(&file.text[token.range.clone()]);
        let text = text.trim_start_matches('#').trim_start();
        let names = text.strip_prefix("ounce:").map(str::trim_start);
        let names = names.and_then(|text| text.strip_prefix("ignore="));
        let names = names.and_then(|text| text.split_whitespace().next());
        names.is_some_and(|names| names.split(',').any(|name| name == finding.rule.id))
    })
}
