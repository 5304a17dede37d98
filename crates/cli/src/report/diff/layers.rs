//! Which layers two images share.

use ounce_analysis::ledger::Item;

use super::model::{Became, Layer, Sides};
use super::side::Side;

/// The first image's layers, then those that only the second has. Two layers are one when their
/// uncompressed content has the same digest; of the others, those that the same step made are
/// shown as one that changed.
pub(super) fn rows(before: &Side<'_>, after: &Side<'_>) -> Vec<Layer> {
    let mut rows = own(before);
    let new = own(after);
    let new = join(&mut rows, new, Became::Same, |old, new| {
        old.id == new.id && has_digest(before, old)
    });
    let new = join(&mut rows, new, Became::Changed, |old, new| {
        old.step.is_some() && old.step == new.step
    });
    rows.extend(new.into_iter().map(|new| Layer {
        became: Became::Added,
        number_before: None,
        number_after: new.number_before,
        size: Sides {
            before: new.size.after,
            after: new.size.before,
        },
        ..new
    }));
    rows
}

/// Puts each layer of the second image to the first free one that it fits; the others are left.
fn join(
    rows: &mut [Layer],
    new: Vec<Layer>,
    became: Became,
    fits: impl Fn(&Layer, &Layer) -> bool,
) -> Vec<Layer> {
    let mut left = Vec::new();
    for layer in new {
        let free = |row: &&mut Layer| row.became == Became::Removed && fits(row, &layer);
        match rows.iter_mut().find(free) {
            Some(row) => {
                row.became = became;
                row.number_after = layer.number_before;
                row.size.after = layer.size.before;
                row.id_after = (row.id != layer.id).then_some(layer.id);
            }
            None => left.push(layer),
        }
    }
    left
}

/// What has no digest is named after its place, which says nothing of its content.
fn has_digest(side: &Side<'_>, row: &Layer) -> bool {
    let layers = &side.session.image.layers;
    row.number_before
        .is_some_and(|number| layers[number - 1].diff_id.is_some())
}

/// The layers of one image, as if the other had none.
fn own(side: &Side<'_>) -> Vec<Layer> {
    let image = &side.session.image;
    let mut sizes = side.sums(|item: &Item<'_>| item.layer);
    let steps = image.config.layer_steps(image.layers.len());
    let layers = image.layers.iter().zip(steps).enumerate();
    layers
        .map(|(index, (layer, step))| Layer {
            id: layer.name(),
            id_after: None,
            became: Became::Removed,
            number_before: Some(index + 1),
            number_after: None,
            step: step.filter(|step| !step.is_empty()),
            size: Sides {
                before: sizes.remove(&index).unwrap_or_default(),
                ..Sides::default()
            },
        })
        .collect()
}
