//! Makes the report of an image from what was found and decided.

use std::io;

use ounce_analysis::ledger::{self, Cause, Item};
use ounce_analysis::{Packages, Plan};
use ounce_image::format::{Reference, Transport, Written};
use ounce_image::{Digest, Fate as LayerFate, Layer, Tree};

use super::model::{Image, Outcome, Problem, Report, Settings, Size, VERSION, View};
use super::{findings, rows};
use crate::session::Session;

/// An image with everything that was found and decided.
pub(crate) struct Analysis<'a> {
    pub(super) session: &'a Session,
    pub(super) tree: &'a Tree<'a>,
    pub(super) plan: &'a Plan,
    /// Every entry of every layer, with its cause.
    pub(super) items: Vec<Item<'a>>,
}

impl<'a> Analysis<'a> {
    /// Gives every byte a cause.
    ///
    /// # Errors
    /// A layer cannot be read to estimate its compressed size.
    pub(crate) fn new(
        session: &'a Session,
        tree: &'a Tree<'a>,
        packages: &'a Packages,
        plan: &'a Plan,
    ) -> io::Result<Self> {
        let items = ledger::items(&session.image, tree, packages, plan)?;
        Ok(Self {
            session,
            tree,
            plan,
            items,
        })
    }

    /// Every entry of every layer, with its cause.
    pub(crate) fn items(&self) -> &[Item<'a>] {
        &self.items
    }

    pub(super) fn size_of(&self, item: &Item<'_>) -> Size {
        let map = self.session.image.layers[item.layer].map.get();
        Size {
            disk: item.size.disk,
            pull: item.size.pull,
            pull_is_estimated: map.is_none_or(|map| !map.is_measured()),
            files: item.size.files,
        }
    }

    /// The size of those items that `counts` says yes to.
    pub(crate) fn size(&self, counts: impl Fn(&Item<'_>) -> bool) -> Size {
        let mut size = Size::default();
        for item in &self.items {
            let part = self.size_of(item);
            // An estimate stays one, whatever is taken away.
            size.pull_is_estimated |= part.pull_is_estimated;
            if counts(item) {
                size.add(part);
            }
        }
        size
    }

    /// The report of the image and of what could go from it; `top` is how many rows the user wants.
    pub(crate) fn report(
        &self,
        command: &str,
        settings: &Settings,
        by: View,
        top: Option<usize>,
    ) -> Report {
        let problems = self.plan.problems.iter().map(|problem| Problem {
            path: problem.path.to_string(),
            reason: problem.reason.clone(),
        });
        let wasted = self.size(is_hidden).disk;
        Report {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            command: command.to_owned(),
            settings: settings.clone(),
            image: Image::of(self.session),
            size: self.size(|_| true),
            slimmed: self.size(stays),
            wasted,
            wasted_slimmed: self.size(|item| is_hidden(item) && stays(item)).disk,
            by,
            rows: rows::finish(rows::rows(self, by, top, |_| true), by),
            result: None,
            verification: None,
            limits: Vec::new(),
            findings: findings::all(self),
            problems: problems.collect(),
            notes: Vec::new(),
        }
    }
}

impl Image {
    /// The image of a session.
    pub(crate) fn of(session: &Session) -> Self {
        let image = &session.image;
        let has_config = session.reference.transport != Transport::Rootfs;
        Self {
            reference: session.reference.to_string(),
            name: name(&session.reference, &image.names),
            names: image.names.clone(),
            platform: image.config.platform().to_string(),
            config: has_config.then(|| Digest::of(&image.config.to_bytes()).to_string()),
            layers: image.layers.iter().map(Layer::name).collect(),
        }
    }
}

/// A name that tells an image from others; a tag alone, as OCI layouts have it, does not.
fn name(from: &Reference, names: &[String]) -> String {
    let file = from
        .path
        .file_name()
        .unwrap_or(from.path.as_os_str())
        .to_string_lossy();
    match names.first() {
        Some(name) if name.contains(':') => name.clone(),
        Some(tag) => format!("{file}:{tag}"),
        None => file.into_owned(),
    }
}

/// Whether nothing takes it away.
pub(crate) fn stays(item: &Item<'_>) -> bool {
    !matches!(item.cause, Cause::Gone(..))
}

/// Whether it is content that later layers hide.
pub(super) fn is_hidden(item: &Item<'_>) -> bool {
    item.node.is_none() && item.size.disk > 0
}

/// Whether layers are stored compressed, so that what was written is what a pull transfers.
pub(super) fn is_compressed(to: &Reference) -> bool {
    matches!(to.transport, Transport::Oci | Transport::OciArchive)
}

impl Report {
    /// Adds the slimmed image: what was written, or what would be.
    pub(crate) fn with_result(
        mut self,
        fates: &[LayerFate],
        output: Option<(&Reference, &Written)>,
    ) -> Self {
        let count =
            |wanted: fn(&LayerFate) -> bool| fates.iter().filter(|fate| wanted(fate)).count();
        if let Some((_, written)) = output.filter(|(to, _)| is_compressed(to)) {
            let layers = written.layers.iter();
            self.slimmed.pull = layers.map(|(_, streamed)| streamed.size).sum();
            self.slimmed.pull_is_estimated = false;
        }
        self.notes
            .extend(output.iter().flat_map(|(_, written)| written.notes.clone()));
        let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
        self.result = Some(Outcome {
            reference: output.map(|(to, _)| to.to_string()),
            manifest: output.and_then(|(_, written)| digest(written.manifest)),
            config: output.and_then(|(_, written)| digest(written.config)),
            size: self.slimmed,
            layers_same: count(|fate| matches!(fate, LayerFate::Same)),
            layers_changed: count(|fate| matches!(fate, LayerFate::Changed(_))),
            layers_gone: count(|fate| matches!(fate, LayerFate::Gone)),
        });
        self
    }
}
