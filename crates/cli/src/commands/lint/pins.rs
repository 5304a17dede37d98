//! What is known of base images without a digest: from the registries, and from the image at hand.

use std::collections::BTreeMap;

use ounce_analysis::dockerfile::{Pin, Safety, unpinned};

use super::Input;
use super::built::Opened;
use crate::registry::Registries;

/// The pins for the base images of some Dockerfiles. What a registry says counts before what the image says.
pub(super) fn find(
    inputs: &[Input],
    image: Option<&Opened>,
    is_resolved: bool,
) -> BTreeMap<String, Pin> {
    let bases: Vec<_> = inputs
        .iter()
        .flat_map(|input| unpinned(&input.text))
        .collect();
    let mut pins: BTreeMap<String, Pin> = BTreeMap::new();
    if is_resolved && !bases.is_empty() {
        let mut registries = Registries::new();
        for base in &bases {
            pins.entry(base.image.clone()).or_insert_with(|| {
                match registries.digest(&base.image) {
                    Ok(digest) => Pin::Digest(digest.to_string(), Safety::Safe),
                    Err(error) => Pin::Unknown(error.to_string()),
                }
            });
        }
    }
    if let Some((name, pin)) = image.and_then(|image| image.pin(&bases)) {
        let is_known = matches!(pins.get(&name), Some(Pin::Digest(..)));
        if !is_known {
            pins.insert(name, pin);
        }
    }
    pins
}
