//! The sizes of several images, before and after, and of all together.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::{BOLD, DIM, WIDTH};
use crate::report::line;
use crate::report::model::{Set, Size, Total};
use crate::report::text::{bytes, cut, pull, saved};

/// Columns of a name; a longer one gets a line of its own.
const NAME: usize = 22;

pub(super) fn table(out: &mut String, set: &Set) {
    line!(
        out,
        "{DIM}{:NAME$}  {:>17}  {:>26}{DIM:#}",
        "",
        "ON DISK",
        "TO PULL"
    );
    let columns = format!("{:>8}  {:>8}  {:>6}", "BASELINE", "SLIMMED", "SAVED");
    line!(out, "{DIM}{:NAME$}  {columns}   {columns}{DIM:#}", "IMAGE");
    for report in &set.images {
        row(out, &report.name(), report.size, report.slimmed);
    }
    let total = &set.total;
    let mut text = String::new();
    row(&mut text, "Total", total.size, total.slimmed);
    line!(out, "{BOLD}{}{BOLD:#}", text.trim_end());
    shared(out, total);
    if total.size.pull_is_estimated {
        line!(out, "~ estimated: layers are not compressed");
    }
    line!(out);
}

fn row(out: &mut String, name: &str, before: Size, after: Size) {
    let mut name = cut(name, WIDTH);
    if name.width() > NAME {
        line!(out, "{name}");
        name.clear();
    }
    let padding = " ".repeat(NAME - name.width());
    line!(
        out,
        "{name}{padding}  {:>8}  {:>8}  {:>6}   {:>8}  {:>8}  {:>6}",
        bytes(before.disk),
        bytes(after.disk),
        saved(before.disk, after.disk),
        pull(before),
        pull(after),
        saved(before.pull, after.pull)
    );
}

/// Why the total is less than the sum.
fn shared(out: &mut String, total: &Total) {
    if total.layers_shared == 0 {
        return;
    }
    line!(
        out,
        "{} of {} {} in several images and {} once in the total",
        total.layers_shared,
        total.layers,
        if total.layers_shared == 1 {
            "layers is"
        } else {
            "layers are"
        },
        if total.layers_shared == 1 {
            "counts"
        } else {
            "count"
        },
    );
    if total.layers_slimmed_shared < total.layers_shared {
        line!(
            out,
            "slimmed, {} of {} {} shared; --keep-layers N leaves the lowest N alone",
            total.layers_slimmed_shared,
            total.layers_slimmed,
            if total.layers_slimmed_shared == 1 {
                "is"
            } else {
                "are"
            },
        );
    }
}
