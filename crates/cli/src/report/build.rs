//! Makes a report from what was found and decided.

use std::collections::BTreeMap;

use ounce_analysis::evidence::UnitId;
use ounce_analysis::finding::How;
use ounce_analysis::ledger::{self, Cause, Item};
use ounce_analysis::{Decision, Guard, Packages, Plan};
use ounce_image::format::{Reference, Transport, Written};
use ounce_image::{Digest, Fate as LayerFate, NodeId, Tree, display};

use super::model::{
    Fate, Image, Outcome, Part, Problem, Proof, Reason, Report, Row, Size, VERSION, View,
};
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
        top: Option<usize>,
    ) -> std::io::Result<Self> {
        let image = &session.image;
        let items = ledger::items(image, tree, packages, plan)?;
        let size_of = |item: &Item<'_>| Size {
            disk: item.size.disk,
            pull: item.size.pull,
            pull_is_estimated: image.layers[item.layer]
                .map
                .get()
                .is_none_or(|map| !map.is_measured()),
            files: item.size.files,
        };
        let mut size = Size::default();
        items.iter().for_each(|item| size.add(size_of(item)));
        let rows = match by {
            By::Cause => causes(&items, plan, size_of),
            By::Owner => owners(&items, size_of),
            By::Layer => layers(session, &items, size_of),
            By::Path => paths(tree, &items, size_of, top.unwrap_or(PATH_ROWS)),
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
        Ok(Self {
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
        })
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
    let mut groups: BTreeMap<(Fate, &str), Group> = BTreeMap::new();
    for item in items {
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
            let row = Row {
                fate: Some(fate),
                tier,
                why: why.to_owned(),
                ..Row::new(id, title)
            };
            Group {
                row,
                parts: BTreeMap::new(),
                reasons: BTreeMap::new(),
                proofs: BTreeMap::new(),
            }
        });
        count(&mut group.row, item, size_of(item));
        if let Some(unit) = unit {
            group.explain(plan, unit, item.size.disk);
        }
        if let Some(owner) = item.owner {
            *group.parts.entry(owner.name.clone()).or_default() += item.size.disk;
        }
    }
    let mut rows: Vec<Row> = groups.into_values().map(Group::finish).collect();
    let size = |row: &Row| (row.size.disk, row.size.pull);
    rows.sort_by(|a, b| {
        a.fate
            .cmp(&b.fate)
            .then(size(b).cmp(&size(a)))
            .then(a.id.cmp(&b.id))
    });
    rows
}

/// A row of causes while it is added up.
struct Group {
    row: Row,
    /// Bytes on disk by the name of their package.
    parts: BTreeMap<String, u64>,
    /// Bytes on disk by what keeps them.
    reasons: BTreeMap<Reason, u64>,
    /// Bytes on disk by what the guard found.
    proofs: BTreeMap<String, u64>,
}

impl Group {
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
                How::Path(at) | How::Command(at) | How::Module(at) => Some(at),
                How::Symlink | How::Needed | How::Import | How::Text => None,
            },
            ..said(&evidence.how.to_string())
        },
        Decision::Kept(text) | Decision::OptIn(text) => said(text),
        Decision::Gone | Decision::Offered => said(""),
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
    if matches!(item.cause, Cause::Gone(..)) {
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
    let row = |(number, (layer, step)): (usize, (&ounce_image::Layer, Option<String>))| {
        let step = step.filter(|step| !step.is_empty());
        let shown = step
            .as_deref()
            .map_or("(no step recorded)".to_owned(), instruction);
        Row {
            step,
            ..Row::new(&layer.name(), &format!("{}  {shown}", number + 1))
        }
    };
    let mut rows: Vec<Row> = image
        .layers
        .iter()
        .zip(steps)
        .enumerate()
        .map(row)
        .collect();
    for item in items {
        count(&mut rows[item.layer], item, size_of(item));
    }
    rows
}

/// A step of the history as the Dockerfile has it. Docker's classic builder writes
/// `/bin/sh -c #(nop) COPY ...` and `|1 ARG=x /bin/sh -c ...`, BuildKit `RUN /bin/sh -c ... # buildkit`.
fn instruction(step: &str) -> String {
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

/// Folders and files, `wanted` rows at most: each of the largest has a row of its own, without what
/// has another.
fn paths(
    tree: &Tree<'_>,
    items: &[Item<'_>],
    size_of: impl Fn(&Item<'_>) -> Size,
    wanted: usize,
) -> Vec<Row> {
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
    let open = |node: NodeId| Folder::new(tree, &own, node);
    let mut folders = vec![open(Tree::ROOT)];
    while folders.len() + 2 < wanted {
        // Of all names that have no row of their own, the largest gets one.
        let next = |at: usize| folders[at].parts.last().map_or(0, |part| part.1.size.disk);
        let Some(at) = (0..folders.len())
            .rev()
            .max_by_key(|at| next(*at))
            .filter(|at| next(*at) > 0)
        else {
            break;
        };
        let folder = &mut folders[at];
        let Some((node, part)) = folder.parts.pop() else {
            break;
        };
        subtract(&mut folder.row, &part);
        folder.row.title = format!("{} (the rest)", folder.row.id);
        if folder.row.size.disk == 0 {
            add(&mut structure, &folder.row);
            folders.remove(at);
        }
        folders.push(open(node));
    }
    let rows = folders
        .into_iter()
        .map(|folder| folder.row)
        .chain([hidden, structure]);
    largest_first(
        rows.filter(|row| row.size.disk + row.size.pull > 0)
            .collect(),
    )
}

/// A folder or file of the path view.
struct Folder {
    row: Row,
    /// Its children that have no row of their own, the largest last.
    parts: Vec<(NodeId, Row)>,
}

impl Folder {
    fn new(tree: &Tree<'_>, own: &BTreeMap<NodeId, Row>, node: NodeId) -> Self {
        let sum = |node: NodeId| {
            let path = tree.path(node).to_string();
            let mut row = Row::new(&path, &path);
            tree.walk(node)
                .filter_map(|below| own.get(&below))
                .for_each(|part| add(&mut row, part));
            (node, row)
        };
        let mut parts: Vec<_> = tree.children(node).map(sum).collect();
        parts.sort_by(|(_, a), (_, b)| a.size.disk.cmp(&b.size.disk).then_with(|| b.id.cmp(&a.id)));
        Self {
            row: sum(node).1,
            parts,
        }
    }
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
