//! Several images together: layers that they share count once, before and after.

use std::collections::{BTreeMap, BTreeSet};

use ounce_image::format::{Reference, Written};
use ounce_image::{Digest, Edit};

use super::build::{Analysis, is_compressed, stays};
use super::model::{Fate, Report, Row, Size, Total, View};
use super::rows::{self, Group};

/// A row's place in a total: what becomes of it, its id and its title.
type Key = (Option<Fate>, String, String);

/// Adds up images one after the other; of an image itself nothing is kept.
pub(crate) struct Totals {
    by: View,
    top: Option<usize>,
    before: Layers,
    after: Layers,
    groups: Vec<Group>,
    places: BTreeMap<Key, usize>,
    /// The images that have each row.
    images: BTreeMap<Key, Vec<String>>,
}

/// Different layers.
#[derive(Default)]
struct Layers {
    /// Each with its size and the number of images that have it.
    known: BTreeMap<String, (Size, usize)>,
}

impl Layers {
    fn add(&mut self, layers: Vec<(String, Size)>) {
        let mut of_this_image = BTreeSet::new();
        for (id, size) in layers {
            if of_this_image.insert(id.clone()) {
                self.known.entry(id).or_insert((size, 0)).1 += 1;
            }
        }
    }

    fn size(&self) -> Size {
        let mut size = Size::default();
        self.known.values().for_each(|(layer, _)| size.add(*layer));
        size
    }

    fn shared(&self) -> usize {
        self.known
            .values()
            .filter(|(_, images)| *images > 1)
            .count()
    }
}

impl Totals {
    /// Nothing yet; `top` is how many rows the user wants.
    pub(crate) fn new(by: View, top: Option<usize>) -> Self {
        Self {
            by,
            top,
            before: Layers::default(),
            after: Layers::default(),
            groups: Vec::new(),
            places: BTreeMap::new(),
            images: BTreeMap::new(),
        }
    }

    /// What the rows are.
    pub(crate) fn by(&self) -> View {
        self.by
    }

    /// Adds the image of a report, with what was written of it.
    pub(crate) fn add(
        &mut self,
        analysis: &Analysis<'_>,
        report: &Report,
        output: Option<(&Reference, &Written)>,
    ) {
        let ids = layer_ids(analysis);
        let fresh: Vec<bool> = ids
            .iter()
            .enumerate()
            .map(|(at, id)| !self.before.known.contains_key(id) && !ids[..at].contains(id))
            .collect();
        for row in &report.rows {
            self.images.entry(key(row)).or_default().push(report.name());
        }
        for group in rows::rows(analysis, self.by, self.top, |layer| fresh[layer]) {
            let next = self.groups.len();
            match *self.places.entry(key(&group.row)).or_insert(next) {
                place if place == next => self.groups.push(group),
                place => self.groups[place].merge(group),
            }
        }
        let of_layer = |layer| analysis.size(|item| item.layer == layer);
        let before = ids.iter().cloned().enumerate();
        self.before
            .add(before.map(|(layer, id)| (id, of_layer(layer))).collect());
        self.after.add(match output {
            Some((to, written)) => written_layers(analysis, to, written),
            None => planned_layers(analysis, &ids),
        });
    }

    /// The sums.
    pub(crate) fn finish(self) -> Total {
        let mut rows = rows::finish(self.groups, self.by);
        for row in &mut rows {
            row.images = self.images.get(&key(row)).cloned().unwrap_or_default();
        }
        Total {
            size: self.before.size(),
            slimmed: self.after.size(),
            layers: self.before.known.len(),
            layers_shared: self.before.shared(),
            layers_slimmed: self.after.known.len(),
            layers_slimmed_shared: self.after.shared(),
            rows,
        }
    }
}

fn key(row: &Row) -> Key {
    // Layers carry their number in the title, which is another one in each image.
    let title = match row.step {
        Some(_) => String::new(),
        None => row.title.clone(),
    };
    (row.fate, row.id.clone(), title)
}

/// What tells layers apart: their diff ids, or the place of one that records none.
fn layer_ids(analysis: &Analysis<'_>) -> Vec<String> {
    let layers = analysis.session.image.layers.iter();
    layers.map(ounce_image::Layer::name).collect()
}

fn slimmed_size(analysis: &Analysis<'_>, layer: usize) -> Size {
    analysis.size(|item| item.layer == layer && stays(item))
}

fn written_layers(
    analysis: &Analysis<'_>,
    to: &Reference,
    written: &Written,
) -> Vec<(String, Size)> {
    let layers = written.layers.iter().map(|(layer, streamed)| {
        let mut size = slimmed_size(analysis, *layer);
        if is_compressed(to) {
            size.pull = streamed.size;
            size.pull_is_estimated = false;
        }
        (streamed.diff_id.to_string(), size)
    });
    layers.collect()
}

/// The layers that would be written: the same layer with the same entries left out is the same.
fn planned_layers(analysis: &Analysis<'_>, ids: &[String]) -> Vec<(String, Size)> {
    let edit = &analysis.plan.edit;
    let planned = ids.iter().enumerate().filter_map(|(layer, id)| {
        let dropped = dropped(edit, layer);
        let entries = analysis.session.image.layers[layer].entries.len();
        if !dropped.is_empty()
            && dropped.len() == entries
            && !edit.folders.contains_key(&(layer as u32))
        {
            return None;
        }
        let replaced = edit.replace.iter();
        let replaced: Vec<_> = replaced
            .filter(|(entry, _)| entry.layer as usize == layer)
            .map(|(entry, content)| (entry.index, Digest::of(content)))
            .collect();
        let folders = edit.folders.get(&(layer as u32));
        let change = format!("{dropped:?} {replaced:?} {folders:?}");
        let id = match dropped.is_empty() && replaced.is_empty() {
            true => id.clone(),
            false => format!("{id} without {}", Digest::of(change.as_bytes())),
        };
        Some((id, slimmed_size(analysis, layer)))
    });
    planned.collect()
}

/// The entries of a layer that go.
fn dropped(edit: &Edit, layer: usize) -> Vec<u32> {
    let of_layer = edit
        .drop
        .iter()
        .filter(|entry| entry.layer as usize == layer);
    let mut dropped: Vec<u32> = of_layer.map(|entry| entry.index).collect();
    dropped.sort_unstable();
    dropped
}
