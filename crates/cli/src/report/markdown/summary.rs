//! The title and the first paragraphs: what becomes smaller, by how much, and why nobody will miss it.

use std::fmt::Write as _;

use super::Page;
use super::escape::prose;
use super::words::{about, less, list, lower, short};
use crate::report::line;
use crate::report::model::{Fate, Image, Outcome, Report, Set};
use crate::report::text::plural;

/// What is worth a word in the first paragraph: one part in so many.
const SMALL: u64 = 50;

impl Page<'_> {
    pub(super) fn title(&self, out: &mut String) {
        let (before, after) = (short(self.size.disk), short(self.slimmed.disk));
        let subject = self.subject();
        match (self.saves(), self.is_done()) {
            (false, _) => line!(out, "# {subject}: {before}, and nothing to remove"),
            (true, true) => line!(out, "# Slim {subject} from {before} to {after}"),
            (true, false) => line!(out, "# {subject}: {before} that could be {after}"),
        }
        line!(out);
    }

    pub(super) fn summary(&self, out: &mut String) {
        let subject = match self.images {
            [_] => self.subject(),
            images => format!("Together the {} images", images.len()),
        };
        if !self.saves() {
            line!(
                out,
                "{subject} {} {} on disk and {} to pull. ounce found nothing that is certain not to be \
                 needed.",
                if self.images.len() == 1 {
                    "has"
                } else {
                    "have"
                },
                short(self.size.disk),
                about(self.size)
            );
            line!(out);
            return;
        }
        let verb = match (self.is_done(), self.images.len()) {
            (true, 1) => "becomes",
            (true, _) => "become",
            (false, _) => "could be",
        };
        let (before, after) = (self.size, self.slimmed);
        if let Some(set) = self.set.filter(|_| self.loses_sharing()) {
            self.apart(out, set, verb);
            return self.promise(out);
        }
        let saved = before.disk - after.disk;
        line!(
            out,
            "{subject} {verb} {} smaller: {} on disk instead of {} ({}), and {} to pull instead of \
             {} ({}).{}",
            short(saved),
            short(after.disk),
            short(before.disk),
            less(before.disk, after.disk),
            about(after),
            short(before.pull),
            less(before.pull, after.pull),
            self.largest(saved)
        );
        line!(out);
        self.promise(out);
    }

    /// Whether a good part of what goes from shared layers is not saved, because each image gets a
    /// layer of its own.
    fn loses_sharing(&self) -> bool {
        let gone: u64 = self.rows(Fate::Gone).iter().map(|row| row.size.disk).sum();
        (gone + self.slimmed.disk).saturating_sub(self.size.disk) > gone / 10
    }

    /// The first paragraph where images that shared layers no longer do.
    fn apart(&self, out: &mut String, set: &Set, verb: &str) {
        let percent = |report: &Report| {
            100.0 - report.slimmed.disk as f64 / (report.size.disk as f64).max(1.0) * 100.0
        };
        let shares = self.images.iter().map(percent);
        let (least, most) = shares.fold((100.0, 0.0), |(least, most): (f64, f64), share| {
            (least.min(share), most.max(share))
        });
        let layers = set.total.layers_shared - set.total.layers_slimmed_shared;
        line!(
            out,
            "One by one the {} images {verb} {least:.0} to {most:.0} % smaller. Together they take {} on \
             disk instead of {} ({}), and {} to pull instead of {} ({}), because they share {layers} \
             {} that {} a different one in each of them afterwards. `--keep-layers` leaves the lowest \
             layers as they are, and shared.",
            self.images.len(),
            short(self.slimmed.disk),
            short(self.size.disk),
            less(self.size.disk, self.slimmed.disk),
            about(self.slimmed),
            short(self.size.pull),
            less(self.size.pull, self.slimmed.pull),
            plural(layers as u64, "layer"),
            if layers == 1 { "is" } else { "are each" },
        );
        line!(out);
    }

    /// A sentence on what most of the saved bytes are, with a space before it.
    fn largest(&self, saved: u64) -> String {
        let gone = self.rows(Fate::Gone);
        let parts: Vec<String> = gone
            .iter()
            .take(3)
            .enumerate()
            .filter(|(at, row)| *at == 0 || row.size.disk >= saved / SMALL)
            .map(|(at, row)| {
                let verb = if at == 0 { " are" } else { "" };
                format!(
                    "{}{verb} {}",
                    short(row.size.disk),
                    prose(&lower(&row.title))
                )
            })
            .collect();
        match (gone.as_slice(), parts.as_slice()) {
            ([], _) => String::new(),
            ([only], _) => format!(" All of it is {}.", prose(&lower(&only.title))),
            (_, parts) => format!(" Of those {}, {}.", short(saved), list(parts)),
        }
    }

    /// Why nobody will miss anything.
    fn promise(&self, out: &mut String) {
        let (removed, are) = match self.is_done() {
            true => ("is removed", "are"),
            false => ("would go", "would be"),
        };
        let layers = match self.images {
            [
                Report {
                    image,
                    result: Some(result),
                    ..
                },
            ] => kept_layers(image, result),
            _ => String::new(),
        };
        let whose = if self.images.len() == 1 {
            "image's"
        } else {
            "images'"
        };
        line!(
            out,
            "Nothing that stays needs what {removed}: ounce searched every file that stays, and the \
             {whose} configuration, for links, libraries, literal paths and names of programs that lead \
             there, and kept whatever they lead to. (Records of what was installed or built mention \
             much without needing it; they do not count.) Entrypoint, environment, users, owners, \
             modes and package databases {are} untouched{layers}."
        );
        line!(out);
    }
}

fn kept_layers(image: &Image, result: &Outcome) -> String {
    let layers = image.layers.len();
    match result.layers_same {
        0 => String::new(),
        same if same == layers => ", and every layer keeps its digest".to_owned(),
        1 => format!(", and one of the {layers} layers keeps its digest"),
        same => format!(", and {same} of the {layers} layers keep their digests"),
    }
}
