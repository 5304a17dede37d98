//! Reports as the text of a pull request.
//!
//! Everything that it says is in the model. What comes from an image is escaped by [`escape`].

pub(super) mod escape;
mod findings;
mod rows;
mod sizes;
mod summary;
mod words;

use std::fmt::Write as _;

use super::line;
use super::model::{Fate, Image, Report, Row, Set, Settings, Size, View};
use super::text::plural;
use escape::{block, code, prose};
use words::list;

/// What there is to tell, of one image or of several.
struct Page<'a> {
    images: &'a [Report],
    rows: &'a [Row],
    by: View,
    size: Size,
    slimmed: Size,
    settings: &'a Settings,
    command: &'a str,
    ounce: &'a str,
    /// What the images share, when there are several.
    set: Option<&'a Set>,
}

/// Writes the report of one image.
pub(super) fn one(report: &Report) -> String {
    let page = Page {
        images: std::slice::from_ref(report),
        rows: &report.rows,
        by: report.by,
        size: report.size,
        slimmed: report.slimmed,
        settings: &report.settings,
        command: &report.command,
        ounce: report.ounce,
        set: None,
    };
    page.text()
}

/// Writes the report of several images.
pub(super) fn several(set: &Set) -> String {
    let page = Page {
        images: &set.images,
        rows: &set.total.rows,
        by: set.by,
        size: set.total.size,
        slimmed: set.total.slimmed,
        settings: &set.settings,
        command: &set.command,
        ounce: set.ounce,
        set: Some(set),
    };
    page.text()
}

impl Page<'_> {
    fn text(&self) -> String {
        let mut out = String::new();
        self.title(&mut out);
        self.summary(&mut out);
        self.sizes(&mut out);
        self.limits(&mut out);
        match self.by {
            View::Cause => self.causes(&mut out),
            View::Owner | View::Layer | View::Path => self.parts(&mut out),
        }
        self.findings(&mut out);
        self.reproduce(&mut out);
        out
    }

    /// Whether slimmed images were written.
    fn is_done(&self) -> bool {
        let result = |report: &Report| report.result.as_ref()?.reference.clone();
        self.images.iter().all(|report| result(report).is_some())
    }

    fn saves(&self) -> bool {
        let is_smaller = |report: &Report| report.slimmed.disk < report.size.disk;
        self.images.iter().any(is_smaller)
    }

    fn rows(&self, fate: Fate) -> Vec<&Row> {
        let rows = self.rows.iter();
        rows.filter(|row| row.fate == Some(fate) && row.size.disk > 0)
            .collect()
    }

    fn subject(&self) -> String {
        match self.images {
            [image] => code(&image.name()),
            images => format!("{} images", images.len()),
        }
    }

    fn limits(&self, out: &mut String) {
        let limits: Vec<_> = self
            .images
            .iter()
            .flat_map(|report| &report.limits)
            .collect();
        if limits.is_empty() {
            return;
        }
        line!(out, "## Limits\n");
        for limit in limits {
            let mark = if limit.passed { "" } else { "**Not kept:** " };
            line!(out, "- {mark}{}", prose(&limit.text));
        }
        line!(out);
    }

    fn reproduce(&self, out: &mut String) {
        line!(out, "## How to reproduce this\n");
        line!(out, "{}", block("sh", self.command));
        line!(
            out,
            "With ounce {} and {}. The same image and options give the same {} on any machine.\n",
            code(self.ounce),
            rule_set(self.settings),
            if self.is_done() { "bytes" } else { "numbers" }
        );
        for report in self.images {
            let image = &report.image;
            let from = code(&image.reference);
            line!(
                out,
                "- {}: {}, {}, from {from}{}",
                code(&report.name()),
                id(image),
                code(&image.platform),
                written(report)
            );
        }
    }
}

/// Where an image was written and what tells it from others.
fn written(report: &Report) -> String {
    let Some(result) = &report.result else {
        return String::new();
    };
    let Some(reference) = &result.reference else {
        return "; nothing was written (`--dry-run`)".to_owned();
    };
    let digest = match (&result.manifest, &result.config) {
        (Some(manifest), _) => format!(", manifest {}", code(manifest)),
        (None, Some(config)) => format!(", id {}", code(config)),
        (None, None) => String::new(),
    };
    format!("; written to {}{digest}", code(reference))
}

fn id(image: &Image) -> String {
    match &image.config {
        Some(config) => format!("id {}", code(config)),
        None => "a root folder".to_owned(),
    }
}

/// Which rules were on, in words.
fn rule_set(settings: &Settings) -> String {
    let (on, off) = (settings.rules.len(), settings.rules_off.len());
    let names = |ids: &[&str]| list(&ids.iter().map(|id| code(id)).collect::<Vec<_>>());
    let tier = match settings.tier {
        "safe" => "of the safe tier".to_owned(),
        tier => format!("up to the {tier} tier"),
    };
    let mut text = match (on, off) {
        (_, 0) => format!("all {on} rules {tier}"),
        (on, off) if off <= on => format!("the rules {tier} but {}", names(&settings.rules_off)),
        (0, _) => "no rules".to_owned(),
        (1, _) => format!("only the rule {}", names(&settings.rules)),
        _ => format!("only the rules {}", names(&settings.rules)),
    };
    if !settings.keep.is_empty() {
        let globs: Vec<String> = settings.keep.iter().map(|glob| code(glob)).collect();
        write!(text, ", keeping {}", list(&globs)).expect("a string takes everything");
    }
    if settings.keep_layers > 0 {
        let layers = settings.keep_layers;
        write!(
            text,
            ", leaving the lowest {layers} {} alone",
            plural(layers as u64, "layer")
        )
        .expect("a string takes everything");
    }
    if let Some(config) = &settings.config {
        write!(text, ", as {} says", code(config)).expect("a string takes everything");
    }
    text
}
