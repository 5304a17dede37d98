//! Puts a diff together from two images and the comparison of their names.

use std::collections::{BTreeMap, BTreeSet};

use ounce_analysis::ledger::{self, Item};
use ounce_analysis::surface::{Item as SurfaceItemOf, Part};
use ounce_image::NamePair;

use super::model::{Amount, Cause, Diff, Problem, Setting, Sides, Surface, SurfaceItem, VERSION};
use super::{layers, owners, paths, side::Side};

const NO_CONFIG: &str = "a root folder records no configuration, so settings were not compared";
const ESTIMATED: &str = "bytes to pull are measured in one image and estimated in the other (~), so changes of them hold the error of the estimate";

impl Diff {
    /// The diff of two images; `pairs` compares their names.
    pub(crate) fn new(before: &Side<'_>, after: &Side<'_>, pairs: &[NamePair]) -> Self {
        let (changes, paths) = paths::rows(before, after, pairs);
        let (old, new) = (before.compared(), after.compared());
        let has_config = old.image.config.is_some() && new.image.config.is_some();
        let config = if has_config {
            settings(before, after)
        } else {
            Vec::new()
        };
        let differs = !paths.is_empty() || !config.is_empty() || !changes.hidden.is_same();
        let notes = [
            (!has_config, NO_CONFIG),
            (old.pull_is_estimated != new.pull_is_estimated, ESTIMATED),
        ];
        let notes = notes.into_iter().filter(|(holds, _)| *holds);
        let notes = notes.map(|(_, note)| note.to_owned()).collect();
        Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            differs,
            identical: has_config
                && old.image.config == new.image.config
                && old.image.layers == new.image.layers,
            before: old,
            after: new,
            changes,
            causes: Some(causes(before, after)),
            owners: Some(owners::rows(before, after)),
            paths: Some(paths),
            layers: Some(layers::rows(before, after)),
            config: Some(config),
            surface: Some(surface(before, after)),
            problems: problems("before", before)
                .chain(problems("after", after))
                .collect(),
            notes,
        }
    }
}

/// Both sides' sums by key.
pub(super) fn joined<K: Ord>(
    before: BTreeMap<K, Amount>,
    after: BTreeMap<K, Amount>,
) -> BTreeMap<K, Sides> {
    let mut out: BTreeMap<K, Sides> = BTreeMap::new();
    for (key, amount) in before {
        out.entry(key).or_default().before = amount;
    }
    for (key, amount) in after {
        out.entry(key).or_default().after = amount;
    }
    out
}

fn causes(before: &Side<'_>, after: &Side<'_>) -> Vec<Cause> {
    let key = |item: &Item<'_>| match item.cause {
        ledger::Cause::Gone(rule, _)
        | ledger::Cause::Held(rule, _)
        | ledger::Cause::Offered(rule, _)
        | ledger::Cause::OptIn(rule, _) => (rule.id, rule.title),
        ledger::Cause::Kept(kind) => (kind.id, kind.title),
    };
    let removable = |side: &Side<'_>, id: &str| {
        let goes =
            |item: &&Item<'_>| matches!(item.cause, ledger::Cause::Gone(rule, _) if rule.id == id);
        side.items
            .iter()
            .filter(goes)
            .map(|item| item.size.disk)
            .sum()
    };
    let sums = joined(before.sums(key), after.sums(key));
    let mut rows: Vec<Cause> = sums
        .into_iter()
        .map(|((id, title), size)| Cause {
            id,
            title,
            size,
            removable_before: removable(before, id),
            removable_after: removable(after, id),
        })
        .collect();
    rows.sort_by_key(|row| (largest_change(&row.size), row.id));
    rows
}

/// Sorts the largest change first, and what did not change by its size.
pub(super) fn largest_change(size: &Sides) -> impl Ord + use<> {
    std::cmp::Reverse((size.growth().unsigned_abs(), size.before.disk))
}

fn settings(before: &Side<'_>, after: &Side<'_>) -> Vec<Setting> {
    let mut old = before.session.image.config.settings();
    let mut new = after.session.image.config.settings();
    let keys: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let settings = keys.into_iter().map(|key| Setting {
        before: old.remove(&key),
        after: new.remove(&key),
        key,
    });
    settings
        .filter(|setting| setting.before != setting.after)
        .collect()
}

fn surface(before: &Side<'_>, after: &Side<'_>) -> Vec<Surface> {
    let part = |part: Part| {
        let old: BTreeSet<_> = before.surface.items(part).collect();
        let new: BTreeSet<_> = after.surface.items(part).collect();
        Surface {
            id: part.id(),
            title: part.title(),
            before: old.len() as u64,
            after: new.len() as u64,
            added: new.difference(&old).map(|item| shown(item)).collect(),
            removed: old.difference(&new).map(|item| shown(item)).collect(),
        }
    };
    Part::ALL.into_iter().map(part).collect()
}

fn shown(item: &SurfaceItemOf) -> SurfaceItem {
    SurfaceItem {
        name: item.name.clone(),
        detail: item.detail.clone(),
    }
}

fn problems(image: &'static str, side: &Side<'_>) -> impl Iterator<Item = Problem> {
    side.problems.iter().map(move |problem| Problem {
        image,
        path: problem.path.to_string(),
        reason: problem.reason.clone(),
    })
}
