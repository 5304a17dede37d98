//! What is reached, and the image of it: a layer for each part.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use ounce_image::{Image, Layer, NodeId, Tree, graft};

use super::base;
use super::kept::Kept;
use crate::checks::Check;
use crate::commands::aim::{self, Aim};
use crate::commands::prove::Candidate;
use crate::commands::reach::{Start, reach};
use crate::error::CommandError;
use crate::report::minimal::{Draft, Minimal};
use crate::roots::{Roots, Unpacked};
use crate::session::Session;
use crate::verify::Removed;

/// What is minimised.
pub(super) struct Source<'a> {
    pub(super) session: &'a Session,
    pub(super) tree: &'a Tree<'a>,
    pub(super) aim: &'a Aim<'a>,
    /// What the result is put onto.
    pub(super) base: Option<(&'a Session, &'a Tree<'a>)>,
}

/// What stays of it.
pub(super) struct Minimised<'a> {
    source: &'a Source<'a>,
    pub(super) kept: Kept,
    pub(super) draft: Draft,
    image: OnceCell<Image>,
}

impl<'a> Source<'a> {
    /// Looks for what is reached, and from what checks missed.
    ///
    /// # Errors
    /// There is nothing to begin with, or the base does not fit.
    pub(super) fn minimised(
        &'a self,
        missed: &BTreeMap<NodeId, &Check>,
    ) -> Result<Minimised<'a>, CommandError> {
        let Self { session, tree, .. } = *self;
        let reach = reach(session, tree, self.aim, Start::Purpose(aim::missed(missed)))?;
        let mut kept = Kept::new(&session.image.config, tree, &reach);
        // What checks missed may be what was cut.
        kept.contents.retain(|node, _| !missed.contains_key(node));
        let on = self.base.map(|(_, on)| on);
        let mut draft = Minimal::draft(session, tree, &reach, &kept, on);
        if let Some((base, on)) = self.base {
            draft.note(base::subtract(&mut kept, tree, &reach.graph, base, on)?);
        }
        Ok(Minimised {
            source: self,
            kept,
            draft,
            image: OnceCell::new(),
        })
    }
}

impl Minimised<'_> {
    /// The image, alone or on the layers of the base; its settings stay.
    ///
    /// # Errors
    /// Layers cannot be read or made.
    pub(super) fn image(&self) -> Result<&Image, CommandError> {
        if let Some(image) = self.image.get() {
            return Ok(image);
        }
        let Source { session, tree, .. } = *self.source;
        let base = self.source.base.map(|(base, _)| &base.image);
        let new = session.image.on(base);
        let mut layers = new.layers.clone();
        for (part, names) in &self.kept.parts {
            let tar = graft(tree, names, &self.kept.contents, &Tree::build(&layers)?)?;
            let step = format!("ounce minimize: {}", part.title());
            layers.push(Layer::plain(tar, &step)?);
        }
        let added = layers.split_off(new.layers.len());
        let new = new.with_layers(added, &session.progress)?;
        Ok(self.image.get_or_init(|| new))
    }
}

impl Candidate for Minimised<'_> {
    fn layers(&self) -> Result<Vec<Layer>, CommandError> {
        Ok(self.image()?.layers.clone())
    }

    fn changed(&self) -> Vec<NodeId> {
        self.kept.contents.keys().copied().collect()
    }

    /// No rule takes anything: it goes because nothing leads there.
    fn rules(&self) -> BTreeMap<NodeId, &'static str> {
        BTreeMap::new()
    }

    /// The very image: a base has more than the original, and lists are cut.
    fn unpacked(
        &self,
        roots: &Roots,
        _: &Unpacked,
        _: &Removed<'_>,
    ) -> Result<Unpacked, CommandError> {
        roots.of_image(self.image()?, &self.source.session.progress)
    }

    fn with(&self, missed: &BTreeMap<NodeId, &Check>) -> Result<Self, CommandError> {
        self.source.minimised(missed)
    }
}
