//! `ounce rules`: what the rules find, and why it can go.

use std::io::Write as _;

use ounce_analysis::RULES;

use crate::args::{ListFormat, Rules};
use crate::error::CommandError;
use crate::report::model::{self, RuleList, VERSION};
use crate::report::table;

pub(crate) fn run(args: &Rules) -> Result<(), CommandError> {
    let chosen = args.rule.as_deref().map(ounce_analysis::rule).transpose()?;
    let rules = RULES
        .iter()
        .filter(|rule| chosen.is_none_or(|chosen| chosen == **rule))
        .map(|rule| model::Rule {
            id: rule.id,
            tier: rule.tier.name(),
            title: rule.title,
            why: rule.why,
            page: chosen.map(|_| rule.page()),
        });
    let list = RuleList {
        version: VERSION,
        ounce: env!("CARGO_PKG_VERSION"),
        rules: rules.collect(),
    };
    let text = match (args.format, list.rules.as_slice()) {
        (ListFormat::Json, _) => model::json(&list),
        (
            ListFormat::Table,
            [
                model::Rule {
                    page: Some(page), ..
                },
            ],
        ) => table::page(page),
        (ListFormat::Table, rules) => table::rules(rules),
    };
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
