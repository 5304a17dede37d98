//! The sizes of the images.

use std::fmt::Write as _;

use super::Page;
use super::escape::{cell, code};
use crate::report::line;
use crate::report::model::{Size, Total};
use crate::report::text::{bytes, pull, saved};

impl Page<'_> {
    pub(super) fn sizes(&self, out: &mut String) {
        line!(out, "## Sizes\n");
        line!(
            out,
            "| image | disk before | disk after | saved | pull before | pull after | saved |"
        );
        line!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        for report in self.images {
            let name = cell(&code(&report.name()));
            line!(out, "| {name} | {} |", columns(report.size, report.slimmed));
        }
        if let Some(set) = self.set {
            line!(out, "| **total** | {} |", columns(self.size, self.slimmed));
            line!(out);
            shared(out, &set.total);
        }
        line!(out);
        let pull = match self.size.pull_is_estimated {
            true => {
                "compressed, here estimated from samples (`~`), because the source stores layers \
                 uncompressed"
            }
            false => "compressed",
        };
        line!(
            out,
            "*Disk* is the content of the layers as `docker image inspect` counts it; *pull* is the \
             layers {pull}.\n"
        );
    }
}

fn columns(before: Size, after: Size) -> String {
    let columns = [
        bytes(before.disk),
        bytes(after.disk),
        saved(before.disk, after.disk),
        pull(before),
        pull(after),
        saved(before.pull, after.pull),
    ];
    columns.join(" | ")
}

fn shared(out: &mut String, total: &Total) {
    if total.layers_shared == 0 {
        line!(out, "The images have no layer in common.");
        return;
    }
    let common = total.layers_shared;
    let (are, count) = if common == 1 {
        ("is", "counts")
    } else {
        ("are", "count")
    };
    let after = match total.layers_slimmed_shared {
        same if same == common => ", before and after.".to_owned(),
        left => format!(
            ". Afterwards {} of {} {}, because the images lose different things from them; \
             `--keep-layers` leaves the lowest layers as they are.",
            if left == 0 {
                "none".to_owned()
            } else {
                left.to_string()
            },
            total.layers_slimmed,
            if left > 1 { "are" } else { "is" },
        ),
    };
    line!(
        out,
        "Of the {} layers, {common} {are} in more than one image and {count} once in the total{after}",
        total.layers
    );
}
