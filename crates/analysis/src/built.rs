//! What the findings in a Dockerfile cost in the image that was built from it.
//!
//! The image tells by its history which layer an instruction made (`steps`); the rules for images tell
//! what lies in it. Dockerfiles know nothing of this: their findings come from reading alone, and are
//! the same with an image at hand, but for what a setting of the base decides (`keeps_archives`). A byte is counted for one finding only, the first in the file.

mod came;
mod measures;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ounce_image::{EntryId, Image, ImagePath, Tree, display};

use crate::dockerfile;
use crate::dockerfile::finding::Finding;
use crate::dockerfile::model::Model;
use crate::dockerfile::parse::Dockerfile;
use crate::ledger::{Cause, Item, Size};
use crate::packages::{Package, Packages};
use crate::plan::{Decision, Plan};
use crate::rules::compilers;
use measures::Measure;
use steps::Steps;

/// Parts and reasons that are named.
const MAX_PARTS: usize = 5;

/// An image with everything that was found in it.
#[derive(Debug, Clone, Copy)]
pub struct Built<'a> {
    /// The image.
    pub image: &'a Image,
    /// Its merged view.
    pub tree: &'a Tree<'a>,
    /// Its packages.
    pub packages: &'a Packages,
    /// What was decided.
    pub plan: &'a Plan,
    /// Every byte with its cause.
    pub items: &'a [Item<'a>],
}

/// What findings cost in an image.
#[derive(Debug)]
pub struct Costs {
    /// The cost of each finding, in their order; `None` where nothing tells, or where another finding has it.
    pub each: Vec<Option<Cost>>,
    /// How many instructions that make a layer the image's stage has.
    pub steps: usize,
    /// How many of them are in the image's history.
    pub found: usize,
    /// What the plan takes away although no finding has it.
    pub rest: Vec<Rest>,
}

/// What the plan takes from the layer of an instruction, or from all layers that are not of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The instruction; `None` for the base image, and steps that are not in the file.
    pub instruction: Option<usize>,
    /// What it is, with bytes on disk, the largest first.
    pub parts: Vec<(String, u64)>,
}

/// What a finding costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cost {
    /// The size; zero when the image has nothing of what the rule looks for.
    pub size: Size,
    /// What it consists of with bytes on disk, the largest first: packages, folders or causes.
    pub parts: Vec<(String, u64)>,
    /// Why some of it is needed, as far as is known, with bytes on disk.
    pub needed: Vec<(String, u64)>,
}

/// Says what findings cost; `None` when nothing of the file is in the image's history.
///
/// # Errors
/// A layer cannot be read to estimate its compressed size.
pub fn costs(text: &[u8], findings: &[Finding], built: &Built<'_>) -> io::Result<Option<Costs>> {
    let file = Dockerfile::parse(text);
    let model = Model::new(&file);
    let layers = built.image.layers.len();
    let Some(steps) = steps::find(&model, &built.image.config.layer_steps(layers)) else {
        return Ok(None);
    };
    let mut count = Count {
        built,
        own: model
            .chain(steps.stage)
            .into_iter()
            .map(|stage| model.stages[stage].from)
            .collect(),
        taken: vec![false; built.items.len()],
        hidden: BTreeSet::new(),
        steps: &steps,
    };
    let each = findings.iter().map(|finding| count.finding(finding));
    let each = each.collect::<io::Result<_>>()?;
    Ok(Some(Costs {
        rest: count.rest(),
        each,
        steps: steps.count,
        found: steps.layers.len(),
    }))
}

/// Counts bytes, each once.
struct Count<'a> {
    built: &'a Built<'a>,
    /// The FROMs of the image's stage and of those that it builds on.
    own: BTreeSet<usize>,
    /// The items that were counted.
    taken: Vec<bool>,
    /// The hidden entries that were counted.
    hidden: BTreeSet<EntryId>,
    steps: &'a Steps,
}

impl Count<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<Option<Cost>> {
        let layer = self.steps.layers.get(&finding.instruction).copied();
        let found =
            |rules: &[&str], item: &Item<'_>| rule(item).is_some_and(|rule| rules.contains(&rule));
        Ok(match (measures::of(finding.rule.id), layer) {
            (Some(Measure::Found(rules)), Some(layer)) => self.items(
                |item| item.layer == layer && found(rules, item),
                Some(layer),
            ),
            (Some(Measure::InBase(rules, kinds)), _) => match self.steps.base {
                Some(base) if self.own.contains(&finding.instruction) => {
                    let cost = self.items(
                        |item| item.layer < base && (found(rules, item) || is_kind(kinds, item)),
                        None,
                    );
                    cost.map(|cost| self.with_compilers(cost))
                }
                _ => None,
            },
            (Some(Measure::Recommended), Some(layer)) => {
                let packages = came::recommended(self.built.tree, self.built.packages, layer);
                self.packages(&packages, layer)
            }
            (Some(Measure::Package(ecosystem, name)), Some(layer)) => self
                .packages_with(layer, |package| {
                    package.ecosystem == ecosystem && package.name == name
                }),
            (Some(Measure::Building), Some(layer)) => {
                let is_tool = |package: &Package| {
                    !package.ecosystem.is_open() && dockerfile::rules::is_tool(&package.name)
                };
                let cost = self.packages_with(layer, is_tool);
                cost.map(|cost| self.with_compilers(cost))
            }
            (Some(Measure::Hidden), Some(layer)) => self.hidden_by(layer)?,
            _ => None,
        })
    }

    /// Counts items that nobody counted yet.
    fn items(
        &mut self,
        is_wanted: impl Fn(&Item<'_>) -> bool,
        layer: Option<usize>,
    ) -> Option<Cost> {
        let items = self.built.items;
        let wanted: Vec<usize> = (0..items.len())
            .filter(|at| is_wanted(&items[*at]))
            .collect();
        let is_elsewhere = wanted.iter().any(|at| self.taken[*at]);
        let mut tally = Tally::default();
        for at in wanted {
            if !std::mem::replace(&mut self.taken[at], true) {
                let item = &items[at];
                tally.add(title(item), item.size);
                if let Some(reason) = self.needed(item) {
                    *tally.needed.entry(reason).or_default() += item.size.disk;
                }
            }
        }
        // What a later layer hides has lost its cause: that it is hidden is one of its own.
        let hides = |item: &Item<'_>| {
            Some(item.layer) == layer && item.node.is_none() && item.size.disk > 0
        };
        let is_unsure = is_elsewhere || items.iter().any(hides);
        (tally.cost.size != Size::default() || !is_unsure).then(|| tally.finish())
    }

    fn packages_with(&mut self, layer: usize, is_meant: impl Fn(&Package) -> bool) -> Option<Cost> {
        let packages = came::with(self.built.tree, self.built.packages, layer, is_meant);
        self.packages(&packages, layer)
    }

    fn packages(&mut self, packages: &[&Package], layer: usize) -> Option<Cost> {
        let is_among = |item: &Item<'_>| {
            let owner = item.owner.filter(|_| item.layer == layer);
            owner.is_some_and(|owner| packages.iter().any(|package| std::ptr::eq(*package, owner)))
        };
        let items = self.built.items;
        let mut tally = Tally::default();
        for (item, taken) in items.iter().zip(&mut self.taken) {
            if is_among(item) && !std::mem::replace(taken, true) {
                tally.add(
                    item.owner
                        .map_or_else(String::new, |owner| owner.name.clone()),
                    item.size,
                );
            }
        }
        let is_counted = packages.is_empty() || tally.cost.size != Size::default();
        is_counted.then(|| tally.finish())
    }

    /// Counts what a layer hides of those below.
    fn hidden_by(&mut self, layer: usize) -> io::Result<Option<Cost>> {
        let tree = self.built.tree;
        let mut tally = Tally::default();
        for (entry, by) in tree.hidden() {
            if by.layer as usize != layer || entry.layer >= by.layer || !self.hidden.insert(entry) {
                continue;
            }
            let found = tree.entry(entry);
            let map = self.built.image.layers[entry.layer as usize].map()?;
            let size = Size {
                disk: found.size,
                pull: map.share(found.start..found.end()),
                files: (found.size > 0).into(),
            };
            if size.disk > 0 {
                tally.add(folder(&found.path), size);
            }
        }
        Ok(Some(tally.finish()))
    }

    /// What goes although nobody counted it, the base image first.
    fn rest(&self) -> Vec<Rest> {
        let instructions: BTreeMap<usize, usize> = self
            .steps
            .layers
            .iter()
            .map(|(instruction, layer)| (*layer, *instruction))
            .collect();
        let mut found: BTreeMap<Option<usize>, BTreeMap<String, u64>> = BTreeMap::new();
        let hidden: BTreeSet<usize> = self
            .hidden
            .iter()
            .map(|entry| entry.layer as usize)
            .collect();
        for (item, taken) in self.built.items.iter().zip(&self.taken) {
            let is_gone = matches!(item.cause, Cause::Gone(..)) && !taken;
            // Hidden bytes of a layer that a finding counted by entries would count again here.
            let is_counted = item.node.is_none() && hidden.contains(&item.layer);
            if is_gone && !is_counted && item.size.disk > 0 {
                let parts = found
                    .entry(instructions.get(&item.layer).copied())
                    .or_default();
                *parts.entry(title(item)).or_default() += item.size.disk;
            }
        }
        let rest = found.into_iter();
        rest.map(|(instruction, parts)| Rest {
            instruction,
            parts: largest(parts),
        })
        .collect()
    }

    /// Why an item stays although a rule found it.
    fn needed(&self, item: &Item<'_>) -> Option<String> {
        let Cause::Held(_, unit) = item.cause else {
            return None;
        };
        match self.built.plan.decisions.get(&unit)? {
            Decision::Held(evidence) => Some(format!(
                "{} {} {}",
                evidence.from, evidence.how, evidence.to
            )),
            Decision::Kept(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Adds what compiles when the image runs; that compilers do is no reason for them.
    fn with_compilers(&self, mut cost: Cost) -> Cost {
        let mut users = compilers::users(self.built.packages, Tree::ROOT);
        let user = users.find(|(package, _)| !dockerfile::rules::is_tool(&package.name));
        let needed = user
            .filter(|_| cost.size.disk > 0)
            .map(|(_, reason)| (reason, cost.size.disk));
        cost.needed.extend(needed);
        cost
    }
}

/// The rule that found an item.
fn rule(item: &Item<'_>) -> Option<&'static str> {
    match item.cause {
        Cause::Gone(rule, _)
        | Cause::Held(rule, _)
        | Cause::Offered(rule, _)
        | Cause::OptIn(rule, _) => Some(rule.id),
        Cause::Kept(_) => None,
    }
}

fn is_kind(kinds: &[&str], item: &Item<'_>) -> bool {
    matches!(item.cause, Cause::Kept(kind) if kinds.contains(&kind.id))
}

/// What an item is, for people.
fn title(item: &Item<'_>) -> String {
    let title = match item.cause {
        Cause::Gone(rule, _)
        | Cause::Held(rule, _)
        | Cause::Offered(rule, _)
        | Cause::OptIn(rule, _) => rule.title,
        Cause::Kept(kind) => kind.title,
    };
    title.to_owned()
}

/// The folder that stands for a path: at most three levels deep.
fn folder(path: &ImagePath) -> String {
    let folder = path.parent();
    let top: Vec<&[u8]> = folder.components().take(3).collect();
    format!("/{}", display(&top.join(&b'/')))
}

/// A cost while it is added up.
#[derive(Default)]
struct Tally {
    cost: Cost,
    parts: BTreeMap<String, u64>,
    needed: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, part: String, size: Size) {
        self.cost.size += size;
        *self.parts.entry(part).or_default() += size.disk;
    }

    fn finish(self) -> Cost {
        Cost {
            parts: largest(self.parts),
            needed: largest(self.needed),
            ..self.cost
        }
    }
}

fn largest(parts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut parts: Vec<_> = parts.into_iter().filter(|(_, disk)| *disk > 0).collect();
    parts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    parts.truncate(MAX_PARTS);
    parts
}

#[cfg(test)]
mod tests;
