//! Makes a report from what was found and decided.

use std::collections::BTreeMap;

use ounce_analysis::finding::How;
use ounce_analysis::ledger::{self, Cause, Item};
use ounce_analysis::{Decision, Packages, Plan};
use ounce_image::format::{Reference, Transport, Written};
use ounce_image::{Digest, Fate as LayerFate, ImagePath, NodeId, Tree, display};

use super::model::{Fate, Image, Outcome, Part, Problem, Reason, Report, Row, Size, VERSION, View};
use crate::args::By;
use crate::session::Session;

/// Rows of the path view when the user does not say how many: folders are opened, the largest
/// first, until there are so many.
const PATH_ROWS: usize = 25;
/// Reasons that a row lists.
const MAX_REASONS: usize = 100;
/// Packages that a row names.
const MAX_PARTS: usize = 5;

impl Report {
    /// The report of an image and of what could go from it.
    pub(crate) fn analysis(
        session: &Session,
        tree: &Tree<'_>,
        packages: &Packages,
        plan: &Plan,
        by: By,
    ) -> Self {
        let image = &session.image;
        let items = ledger::items(image, tree, packages, plan);
        let size_of = |item: &Item<'_>| Size {
            disk: item.size.disk,
            pull: item.size.pull,
            pull_is_estimated: !image.layers[item.layer].map.is_measured(),
            files: item.size.files,
        };
        let mut size = Size::default();
        items.iter().for_each(|item| size.add(size_of(item)));
        let rows = match by {
            By::Cause => causes(&items, plan, size_of),
            By::Owner => owners(&items, size_of),
            By::Layer => layers(session, &items, size_of),
            By::Path => paths(tree, &items, size_of),
        };
        let problems = plan
            .problems
            .iter()
            .map(|p| Problem {
                path: p.path.to_string(),
                reason: p.reason.clone(),
            })
            .collect();
        let has_config = session.reference.transport != Transport::Rootfs;
        Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            image: Image {
                reference: session.reference.to_string(),
                names: image.names.clone(),
                platform: image.config.platform().to_string(),
                config: has_config.then(|| Digest::of(&image.config.to_bytes()).to_string()),
                layers: image.layers.iter().map(ounce_image::Layer::name).collect(),
            },
            size,
            by: match by {
                By::Cause => View::Cause,
                By::Owner => View::Owner,
                By::Layer => View::Layer,
                By::Path => View::Path,
            },
            rows,
            result: None,
            problems,
            notes: Vec::new(),
        }
    }

    /// Adds the slimmed image: what was written, or what would be.
    pub(crate) fn with_result(
        mut self,
        fates: &[LayerFate],
        output: Option<(&Reference, &Written)>,
    ) -> Self {
        let count =
            |wanted: fn(&LayerFate) -> bool| fates.iter().filter(|fate| wanted(fate)).count();
        let mut size = Size {
            pull_is_estimated: self.size.pull_is_estimated,
            ..self.size
        };
        for row in self.rows.iter().filter(|row| row.fate == Some(Fate::Gone)) {
            size.disk -= row.size.disk;
            size.pull -= row.size.pull;
            size.files -= row.size.files;
        }
        let is_compressed =
            |to: &Reference| matches!(to.transport, Transport::Oci | Transport::OciArchive);
        if let Some((_, written)) = output.filter(|(to, _)| is_compressed(to)) {
            size.pull = written
                .layers
                .iter()
                .map(|(_, streamed)| streamed.size)
                .sum();
            size.pull_is_estimated = false;
        }
        self.notes
            .extend(output.iter().flat_map(|(_, written)| written.notes.clone()));
        let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        self.result = Some(Outcome {
            reference: output.map(|(to, _)| to.to_string()),
            manifest: output.and_then(|(_, written)| digest(written.manifest)),
            config: output.and_then(|(_, written)| digest(written.config)),
            size,
            layers_same: count(|fate| matches!(fate, LayerFate::Same)),
            layers_changed: count(|fate| matches!(fate, LayerFate::Changed(_))),
            layers_gone: count(|fate| matches!(fate, LayerFate::Gone)),
        });
        self
    }
}

/// Causes: what goes, what is held back, what stays; each group the largest first.
fn causes(items: &[Item<'_>], plan: &Plan, size_of: impl Fn(&Item<'_>) -> Size) -> Vec<Row> {
    let mut rows: BTreeMap<(Fate, &str), (Row, BTreeMap<String, u64>, BTreeMap<Reason, u64>)> =
        BTreeMap::new();
    for item in items {
        let (fate, id, title, tier, why) = match item.cause {
            Cause::Gone(rule) => (
                Fate::Gone,
                rule.id,
                rule.title,
                Some(rule.tier.name()),
                rule.why,
            ),
            Cause::Held(rule, _) => (Fate::Held, rule.id, rule.title, Some(rule.tier.name()), ""),
            Cause::Kept(kind) => (Fate::Kept, kind.id, kind.title, None, kind.why),
        };
        let (row, parts, reasons) = rows.entry((fate, id)).or_insert_with(|| {
            let row = Row {
                fate: Some(fate),
                tier,
                why: why.to_owned(),
                ..Row::new(id, title)
            };
            (row, BTreeMap::new(), BTreeMap::new())
        });
        row.size.add(size_of(item));
        match item.cause {
            Cause::Gone(_) => row.gone += item.size.disk,
            Cause::Held(_, unit) => {
                *reasons
                    .entry(reason(plan.decisions.get(&unit)))
                    .or_default() += item.size.disk
            }
            Cause::Kept(_) => {}
        }
        if let Some(owner) = item.owner {
            *parts.entry(owner.name.clone()).or_default() += item.size.disk;
        }
    }
    let mut rows: Vec<Row> = rows
        .into_values()
        .map(|(row, parts, reasons)| finish(row, parts, reasons))
        .collect();
    rows.sort_by(|a, b| {
        a.fate
            .cmp(&b.fate)
            .then(b.size.disk.cmp(&a.size.disk))
            .then(b.size.pull.cmp(&a.size.pull))
            .then(a.id.cmp(&b.id))
    });
    rows
}

fn finish(mut row: Row, parts: BTreeMap<String, u64>, reasons: BTreeMap<Reason, u64>) -> Row {
    let mut parts: Vec<Part> = parts
        .into_iter()
        .map(|(name, disk)| Part { name, disk })
        .filter(|part| part.disk > 0)
        .collect();
    parts.sort_by(|a, b| b.disk.cmp(&a.disk).then(a.name.cmp(&b.name)));
    parts.truncate(MAX_PARTS);
    row.largest = parts;
    row.held_by = reasons
        .into_iter()
        .map(|(reason, disk)| Reason { disk, ..reason })
        .collect();
    row.held_by
        .sort_by(|a, b| b.disk.cmp(&a.disk).then_with(|| a.cmp(b)));
    row.held_by.truncate(MAX_REASONS);
    row
}

fn reason(decision: Option<&Decision>) -> Reason {
    match decision {
        Some(Decision::Held(evidence)) => Reason {
            disk: 0,
            from: Some(evidence.from.to_string()),
            how: evidence.how.to_string(),
            to: Some(evidence.to.to_string()),
            offset: match evidence.how {
                How::Path(at) | How::Command(at) => Some(at),
                How::Symlink | How::Needed => None,
            },
        },
        Some(Decision::Kept(why)) => Reason {
            disk: 0,
            from: None,
            how: why.clone(),
            to: None,
            offset: None,
        },
        Some(Decision::Gone) | None => Reason {
            disk: 0,
            from: None,
            how: String::new(),
            to: None,
            offset: None,
        },
    }
}

/// Packages, the largest first; what no package owns; what no container sees.
fn owners(items: &[Item<'_>], size_of: impl Fn(&Item<'_>) -> Size) -> Vec<Row> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for item in items {
        let (id, title) = match (item.owner, item.node) {
            (Some(owner), _) => (
                format!("{}:{}", owner.ecosystem.name(), owner.name),
                format!("{} {}", owner.name, owner.version),
            ),
            (None, Some(_)) => ("unowned".to_owned(), "no package".to_owned()),
            (None, None) if item.size.disk > 0 => {
                ("hidden".to_owned(), "hidden by later layers".to_owned())
            }
            (None, None) => ("unowned".to_owned(), "no package".to_owned()),
        };
        let row = rows
            .entry((id.clone(), title.clone()))
            .or_insert_with(|| Row::new(&id, &title));
        count(row, item, size_of(item));
    }
    largest_first(rows.into_values().collect())
}

fn count(row: &mut Row, item: &Item<'_>, size: Size) {
    row.size.add(size);
    if matches!(item.cause, Cause::Gone(_)) {
        row.gone += size.disk;
    }
    if item.node.is_none() {
        row.hidden += size.disk;
    }
}

fn largest_first(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| {
        b.size
            .disk
            .cmp(&a.size.disk)
            .then(b.size.pull.cmp(&a.size.pull))
            .then(a.id.cmp(&b.id))
    });
    rows
}

/// Layers, the lowest first.
fn layers(session: &Session, items: &[Item<'_>], size_of: impl Fn(&Item<'_>) -> Size) -> Vec<Row> {
    let image = &session.image;
    let steps = image.config.layer_steps(image.layers.len());
    let mut rows: Vec<Row> = image
        .layers
        .iter()
        .zip(steps)
        .enumerate()
        .map(|(number, (layer, step))| {
            let shown = step
                .as_deref()
                .map(|step| display(step.as_bytes()))
                .filter(|step| !step.is_empty());
            let title = shown.unwrap_or_else(|| "(no step recorded)".to_owned());
            Row {
                step,
                ..Row::new(&layer.name(), &format!("{}  {}", number + 1, title))
            }
        })
        .collect();
    for item in items {
        count(&mut rows[item.layer], item, size_of(item));
    }
    rows
}

/// Folders: the largest is opened again and again until there are enough rows.
fn paths(tree: &Tree<'_>, items: &[Item<'_>], size_of: impl Fn(&Item<'_>) -> Size) -> Vec<Row> {
    let mut own: BTreeMap<NodeId, Row> = BTreeMap::new();
    let mut hidden = Row::new("hidden", "(hidden by later layers)");
    let mut structure = Row::new("structure", "(names, owners and modes)");
    for item in items {
        match item.node {
            Some(node) => count(
                own.entry(node).or_insert_with(|| Row::new("", "")),
                item,
                size_of(item),
            ),
            None if item.size.disk > 0 => count(&mut hidden, item, size_of(item)),
            None => count(&mut structure, item, size_of(item)),
        }
    }
    let sum = |node: NodeId| {
        let path = tree.path(node);
        let mut row = Row::new(&path.to_string(), &path.to_string());
        for part in tree.walk(node).filter_map(|below| own.get(&below)) {
            add(&mut row, part);
        }
        (node, row)
    };
    let mut open = vec![sum(Tree::ROOT)];
    while open.len() < PATH_ROWS {
        let largest = (0..open.len())
            .filter(|at| tree.children(open[*at].0).next().is_some())
            .max_by_key(|at| open[*at].1.size.disk);
        let Some(at) = largest.filter(|at| open[*at].1.size.disk > 0) else {
            break;
        };
        let (folder, mut row) = open.swap_remove(at);
        let children: Vec<_> = tree.children(folder).map(sum).collect();
        if open.len() + children.len() > PATH_ROWS {
            // Of a folder with many names only the large ones get a row of their own.
            open.push((folder, row.clone()));
            split(tree, &mut open, children, &mut row, folder);
            break;
        }
        for (_, child) in &children {
            subtract(&mut row, child);
        }
        open.extend(children);
        if row.size.disk + row.size.pull > 0 {
            add(&mut structure, &row);
        }
    }
    let rows = open
        .into_iter()
        .map(|(_, row)| row)
        .chain([hidden, structure])
        .filter(|row| row.size.disk + row.size.pull > 0);
    largest_first(rows.collect())
}

/// Takes the largest children out of a folder's row until there are enough rows.
fn split(
    tree: &Tree<'_>,
    open: &mut Vec<(NodeId, Row)>,
    mut children: Vec<(NodeId, Row)>,
    rest: &mut Row,
    folder: NodeId,
) {
    children.sort_by(|a, b| {
        b.1.size
            .disk
            .cmp(&a.1.size.disk)
            .then_with(|| a.1.id.cmp(&b.1.id))
    });
    let room = PATH_ROWS.saturating_sub(open.len());
    children.truncate(room);
    for (_, child) in &children {
        subtract(rest, child);
    }
    rest.title = match tree.path(folder) {
        path if path == ImagePath::default() => "/ (the rest)".to_owned(),
        path => format!("{path} (the rest)"),
    };
    if let Some(slot) = open.iter_mut().find(|(node, _)| *node == folder) {
        slot.1 = rest.clone();
    }
    open.extend(children);
}

fn add(row: &mut Row, part: &Row) {
    row.size.add(part.size);
    row.gone += part.gone;
    row.hidden += part.hidden;
}

fn subtract(row: &mut Row, part: &Row) {
    row.size.disk -= part.size.disk;
    row.size.pull -= part.size.pull;
    row.size.files -= part.size.files;
    row.gone -= part.gone;
    row.hidden -= part.hidden;
}
