//! The rows of a report: the parts of an image by cause, owner, layer or folder.

mod paths;

use std::collections::BTreeMap;

use ounce_analysis::evidence::UnitId;
use ounce_analysis::finding::How;
use ounce_analysis::ledger::{Cause, Item};
use ounce_analysis::{Decision, Guard, Plan};
use ounce_image::display;

pub(super) use paths::paths;

use super::build::Analysis;
use super::model::{Fate, Part, Proof, Reason, Row, Size, View};

/// Rows of the path view when the user does not say how many: folders are opened, the largest
/// first, until there are so many.
const PATH_ROWS: usize = 25;
/// Reasons that a row lists.
const MAX_REASONS: usize = 100;
/// Packages that a row names.
const MAX_PARTS: usize = 5;

/// The rows of some layers of an image, in no order yet; `top` is how many the user wants.
pub(super) fn rows(
    analysis: &Analysis<'_>,
    by: View,
    top: Option<usize>,
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<Group> {
    let items: Vec<(&Item<'_>, Size)> = analysis
        .items
        .iter()
        .filter(|item| is_wanted(item.layer))
        .map(|item| (item, analysis.size_of(item)))
        .collect();
    match by {
        View::Cause => causes(&items, analysis.plan),
        View::Owner => owners(&items),
        View::Layer => layers(analysis, &items, is_wanted),
        View::Path => paths(analysis.tree, &items, top.unwrap_or(PATH_ROWS)),
    }
}

/// Finishes rows and puts them in the order of their view: causes by what becomes of them, layers
/// as they lie, and otherwise the largest first.
pub(super) fn finish(groups: Vec<Group>, by: View) -> Vec<Row> {
    let mut rows: Vec<Row> = groups.into_iter().map(Group::finish).collect();
    if by != View::Layer {
        let size = |row: &Row| (row.size.disk, row.size.pull);
        rows.sort_by(|a, b| {
            let by_fate = a.fate.cmp(&b.fate);
            by_fate.then(size(b).cmp(&size(a))).then(a.id.cmp(&b.id))
        });
    }
    rows
}

/// Causes: rules by what becomes of what they found, and kinds of what stays.
pub(super) fn causes(items: &[(&Item<'_>, Size)], plan: &Plan) -> Vec<Group> {
    let mut groups: BTreeMap<(Fate, &str), Group> = BTreeMap::new();
    for (item, size) in items {
        let (fate, rule, unit) = match item.cause {
            Cause::Gone(rule, unit) => (Fate::Gone, Ok(rule), unit),
            Cause::Offered(rule, unit) => (Fate::Offered, Ok(rule), Some(unit)),
            Cause::Held(rule, unit) => (Fate::Held, Ok(rule), Some(unit)),
            Cause::OptIn(rule, unit) => (Fate::OptIn, Ok(rule), Some(unit)),
            Cause::Kept(kind) => (Fate::Kept, Err(kind), None),
        };
        let (id, title, tier, why) = match rule {
            Ok(rule) if fate == Fate::Held => (rule.id, rule.title, Some(rule.tier.name()), ""),
            Ok(rule) => (rule.id, rule.title, Some(rule.tier.name()), rule.why),
            Err(kind) => (kind.id, kind.title, None, kind.why),
        };
        let group = groups.entry((fate, id)).or_insert_with(|| {
            Group::of(Row {
                fate: Some(fate),
                tier,
                why: why.to_owned(),
                ..Row::new(id, title)
            })
        });
        count(&mut group.row, item, *size);
        if let Some(unit) = unit {
            group.explain(plan, unit, item.size.disk);
        }
        if let Some(owner) = item.owner {
            *group.parts.entry(owner.name.clone()).or_default() += item.size.disk;
        }
    }
    groups.into_values().collect()
}

/// A row while it is added up.
pub(super) struct Group {
    pub(super) row: Row,
    /// Bytes on disk by the name of their package.
    parts: BTreeMap<String, u64>,
    /// Bytes on disk by what keeps them.
    reasons: BTreeMap<Reason, u64>,
    /// Bytes on disk by what the guard found.
    proofs: BTreeMap<String, u64>,
}

impl Group {
    fn of(row: Row) -> Self {
        Self {
            row,
            parts: BTreeMap::new(),
            reasons: BTreeMap::new(),
            proofs: BTreeMap::new(),
        }
    }

    /// Adds the same row of another image.
    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.row, &other.row);
        sum(&mut self.parts, other.parts);
        sum(&mut self.reasons, other.reasons);
        sum(&mut self.proofs, other.proofs);
    }

    /// Adds what was decided on a unit, and why.
    fn explain(&mut self, plan: &Plan, unit: UnitId, disk: u64) {
        match plan.decisions.get(&unit) {
            Some(Decision::Gone | Decision::Offered) => {
                if let Guard::Proved(text) = &plan.unit(unit).1.guard {
                    *self.proofs.entry(text.clone()).or_default() += disk;
                }
            }
            Some(decision) => *self.reasons.entry(reason(decision)).or_default() += disk,
            None => {}
        }
    }

    fn finish(self) -> Row {
        let parts = self.parts.into_iter().filter(|(_, disk)| *disk > 0);
        let mut largest: Vec<Part> = parts.map(|(name, disk)| Part { name, disk }).collect();
        largest.sort_by(|a, b| b.disk.cmp(&a.disk).then(a.name.cmp(&b.name)));
        largest.truncate(MAX_PARTS);
        let reasons = self.reasons.into_iter();
        let mut held_by: Vec<Reason> = reasons
            .map(|(reason, disk)| Reason { disk, ..reason })
            .collect();
        held_by.sort_by(|a, b| b.disk.cmp(&a.disk).then_with(|| a.cmp(b)));
        held_by.truncate(MAX_REASONS);
        let proofs = self.proofs.into_iter();
        let mut proved_by: Vec<Proof> = proofs.map(|(text, disk)| Proof { text, disk }).collect();
        proved_by.sort_by(|a, b| b.disk.cmp(&a.disk).then_with(|| a.text.cmp(&b.text)));
        proved_by.truncate(MAX_REASONS);
        Row {
            proved_by,
            largest,
            held_by,
            ..self.row
        }
    }
}

fn sum<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, bytes) in from {
        *into.entry(key).or_default() += bytes;
    }
}

fn reason(decision: &Decision) -> Reason {
    let said = |text: &str| Reason {
        disk: 0,
        from: None,
        how: text.to_owned(),
        to: None,
        offset: None,
    };
    match decision {
        Decision::Held(evidence) => Reason {
            from: Some(evidence.from.to_string()),
            to: Some(evidence.to.to_string()),
            offset: match evidence.how {
                How::Path(at) | How::Command(at) | How::Word(at) | How::Module(at) => Some(at),
                How::Symlink | How::Needed | How::Import | How::Text => None,
            },
            ..said(&evidence.how.to_string())
        },
        Decision::Kept(text) | Decision::OptIn(text) => said(text),
        Decision::Gone | Decision::Offered => said(""),
    }
}

/// Packages; what no package owns; what no container sees.
fn owners(items: &[(&Item<'_>, Size)]) -> Vec<Group> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (item, size) in items {
        let (id, title) = match (item.owner, item.node) {
            (Some(owner), _) => (
                format!("{}:{}", owner.ecosystem.name(), owner.name),
                format!("{} {}", owner.name, owner.version),
            ),
            (None, None) if item.size.disk > 0 => {
                ("hidden".to_owned(), "hidden by later layers".to_owned())
            }
            (None, _) => ("unowned".to_owned(), "no package".to_owned()),
        };
        let row = rows
            .entry((id.clone(), title.clone()))
            .or_insert_with(|| Row::new(&id, &title));
        count(row, item, *size);
    }
    rows.into_values().map(Group::of).collect()
}

fn count(row: &mut Row, item: &Item<'_>, size: Size) {
    row.size.add(size);
    if matches!(item.cause, Cause::Gone(..)) {
        row.gone += size.disk;
    }
    if item.node.is_none() {
        row.hidden += size.disk;
    }
}

fn add(row: &mut Row, part: &Row) {
    row.size.add(part.size);
    row.gone += part.gone;
    row.hidden += part.hidden;
}

/// Layers, the lowest first.
fn layers(
    analysis: &Analysis<'_>,
    items: &[(&Item<'_>, Size)],
    is_wanted: impl Fn(usize) -> bool,
) -> Vec<Group> {
    let layers = &analysis.session.image.layers;
    let steps = analysis.session.image.config.layer_steps(layers.len());
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let numbered = layers.iter().zip(steps).enumerate();
    for (number, (layer, step)) in numbered.filter(|(number, _)| is_wanted(*number)) {
        let step = step.filter(|step| !step.is_empty());
        let shown = step
            .as_deref()
            .map_or("(no step recorded)".to_owned(), instruction);
        let row = Row::new(&layer.name(), &format!("{}  {shown}", number + 1));
        rows.insert(number, Row { step, ..row });
    }
    for (item, size) in items {
        if let Some(row) = rows.get_mut(&item.layer) {
            count(row, item, *size);
        }
    }
    rows.into_values().map(Group::of).collect()
}

/// A step of the history as the Dockerfile has it. Docker's classic builder writes
/// `/bin/sh -c #(nop) COPY ...` and `|1 ARG=x /bin/sh -c ...`, BuildKit `RUN /bin/sh -c ... # buildkit`.
pub(super) fn instruction(step: &str) -> String {
    let step = step.trim_end_matches(" # buildkit");
    let words = match step.split_once("#(nop)") {
        Some((_, instruction)) => instruction.trim_start().to_owned(),
        None => match step.split_once(" -c ") {
            Some((shell, command)) if shell.contains("sh") => format!("RUN {command}"),
            _ => step.to_owned(),
        },
    };
    let words: Vec<_> = words.split_whitespace().collect();
    display(words.join(" ").as_bytes())
}
