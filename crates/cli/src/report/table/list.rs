//! The rules as a list, and the page of one.

use std::fmt::Write as _;

use super::{BOLD, DIM, WIDTH};
use crate::report::line;
use crate::report::model::Rule;
use crate::report::text::wrap;

/// Writes all rules.
pub(crate) fn rules(rules: &[Rule]) -> String {
    let mut out = String::new();
    let width = |text: fn(&Rule) -> &str| rules.iter().map(|rule| text(rule).len()).max();
    let (id, tier) = (width(|r| r.id).unwrap_or(0), width(|r| r.tier).unwrap_or(0));
    line!(
        out,
        "{DIM}{:id$}  {:tier$}  {}{DIM:#}",
        "RULE",
        "TIER",
        "WHAT IT FINDS"
    );
    for rule in rules {
        let mut lines = wrap(rule.title, WIDTH.saturating_sub(id + tier + 4).max(20)).into_iter();
        let first = lines.next().unwrap_or_default();
        line!(out, "{:id$}  {:tier$}  {first}", rule.id, rule.tier);
        for more in lines {
            line!(out, "{:id$}  {:tier$}  {more}", "", "");
        }
    }
    out
}

/// Writes a rule's page: its Markdown as text of the page's width, with the heads of its paragraphs
/// on lines of their own.
pub(crate) fn page(markdown: &str) -> String {
    let mut out = String::new();
    for paragraph in markdown.trim().split("\n\n") {
        if !out.is_empty() {
            line!(out);
        }
        if let Some(title) = paragraph.strip_prefix("# ") {
            line!(out, "{BOLD}{title}{BOLD:#}");
        } else if let Some((head, text)) = paragraph
            .strip_prefix("**")
            .and_then(|p| p.split_once("**"))
        {
            line!(out, "{BOLD}{}{BOLD:#}", head.trim_end_matches('.'));
            lines(&mut out, text, 2);
        } else {
            lines(&mut out, paragraph, 0);
        }
    }
    out
}

/// A paragraph or a list, wrapped; an item's further lines stand below its text.
fn lines(out: &mut String, text: &str, indent: usize) {
    let mut items: Vec<String> = Vec::new();
    for line in text.trim().lines() {
        match items.last_mut() {
            Some(item) if !line.starts_with("- ") => {
                item.push(' ');
                item.push_str(line.trim());
            }
            _ => items.push(line.to_owned()),
        }
    }
    for item in items {
        let hang = if item.starts_with("- ") { 2 } else { 0 };
        for (number, part) in wrap(&item, WIDTH - indent - hang).iter().enumerate() {
            let indent = if number == 0 { indent } else { indent + hang };
            line!(out, "{:indent$}{part}", "");
        }
    }
}
