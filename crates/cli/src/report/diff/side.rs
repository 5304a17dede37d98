//! One of two images that are compared: everything a diff takes from it.

use std::collections::BTreeMap;

use ounce_analysis::ledger::{self, Cause, Item};
use ounce_analysis::surface::Surface;
use ounce_analysis::{Packages, Plan, Problem};
use ounce_image::Tree;

use super::model::{Amount, Compared};
use crate::report::model::Image;
use crate::session::Session;

/// An image that was analysed. Its plan is not kept, for the sake of memory.
pub(crate) struct Side<'a> {
    pub(super) session: &'a Session,
    pub(super) tree: &'a Tree<'a>,
    pub(super) packages: &'a Packages,
    pub(super) items: Vec<Item<'a>>,
    pub(super) surface: Surface,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Side<'a> {
    /// Accounts for every byte of an image.
    ///
    /// # Errors
    /// A layer cannot be read to estimate its compressed size.
    pub(crate) fn new(
        session: &'a Session,
        tree: &'a Tree<'a>,
        packages: &'a Packages,
        plan: Plan,
    ) -> std::io::Result<Self> {
        Ok(Self {
            session,
            tree,
            packages,
            items: ledger::items(&session.image, tree, packages, &plan)?,
            surface: Surface::of(tree, packages, &session.image.config),
            problems: plan.problems,
        })
    }

    /// What the report says of the image itself.
    pub(super) fn compared(&self) -> Compared {
        let mut size = Amount::default();
        let mut removable = 0;
        for item in &self.items {
            size += item.size.into();
            if matches!(item.cause, Cause::Gone(..)) {
                removable += item.size.disk;
            }
        }
        let mut layers = self.session.image.layers.iter();
        Compared {
            image: Image::of(self.session),
            size,
            pull_is_estimated: layers
                .any(|layer| layer.map.get().is_none_or(|map| !map.is_measured())),
            removable,
        }
    }

    /// Sums of items by a key.
    pub(super) fn sums<K: Ord>(&self, key: impl Fn(&Item<'a>) -> K) -> BTreeMap<K, Amount> {
        let mut out: BTreeMap<K, Amount> = BTreeMap::new();
        for item in &self.items {
            *out.entry(key(item)).or_default() += item.size.into();
        }
        out
    }
}
