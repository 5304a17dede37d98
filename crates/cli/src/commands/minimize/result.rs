//! The image of what stays: a layer for each part of it.

use ounce_image::{Image, Progress, Tree, graft};

use super::kept::Kept;
use crate::error::CommandError;

/// The image with these layers, alone or on those of a base; its settings stay.
pub(super) fn image(
    image: &Image,
    base: Option<&Image>,
    tree: &Tree<'_>,
    kept: &Kept,
    progress: &Progress,
) -> Result<Image, CommandError> {
    let mut new = image.on(base);
    for (part, names) in &kept.parts {
        let layer = graft(tree, names, &kept.contents, &Tree::build(&new.layers)?)?;
        let step = format!("ounce minimize: {}", part.title());
        new = new.with_layer(layer, &step, progress)?;
    }
    Ok(new)
}
