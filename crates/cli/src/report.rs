//! Reports: one model, from which every way of writing is made.

pub(crate) mod build;
pub(crate) mod diff;
mod findings;
pub(crate) mod lint;
mod markdown;
pub(crate) mod minimal;
pub(crate) mod model;
pub(crate) mod package;
mod rows;
pub(crate) mod table;
pub(crate) mod text;
mod totals;
pub(crate) mod trace;
pub(crate) mod verify;

pub(crate) use build::Analysis;
pub(crate) use model::{Report, View};
pub(crate) use totals::Totals;

use crate::args::Format;
use model::{Set, Settings, VERSION};

/// Writing to a string cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => { writeln!($out, $($arg)*).expect("a string takes everything") };
}
pub(crate) use line;

/// What a command reports.
pub(crate) enum Document {
    /// One image.
    One(Box<Report>),
    /// Several images and their total.
    Several(Box<Set>),
}

impl Document {
    /// The report of one image, or all of them with their total.
    pub(crate) fn new(
        command: String,
        settings: Settings,
        mut images: Vec<Report>,
        totals: Totals,
    ) -> Self {
        if images.len() == 1 {
            return Self::One(Box::new(images.remove(0)));
        }
        Self::Several(Box::new(Set {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION"),
            command,
            settings,
            by: totals.by(),
            images,
            total: totals.finish(),
        }))
    }

    /// The reports of the images.
    pub(crate) fn reports(&self) -> &[Report] {
        match self {
            Self::One(report) => std::slice::from_ref(report),
            Self::Several(set) => &set.images,
        }
    }

    /// Keeps the `top` largest rows and sums up the others; a table gets a limit of its own.
    pub(crate) fn with_top(self, top: Option<usize>, format: Format) -> Self {
        match self {
            Self::One(report) => Self::One(Box::new(report.with_top(top, format))),
            Self::Several(set) => Self::Several(Box::new(set.with_top(top, format))),
        }
    }

    /// The document as text; colours are marks that only a terminal shows.
    pub(crate) fn text(&self, format: Format) -> String {
        match (self, format) {
            (Self::One(report), Format::Table | Format::Markdown) => {
                let text = match format {
                    Format::Markdown => markdown::one(report),
                    _ => table::render(report),
                };
                let checks = report.verification.iter();
                let checks = checks.map(|checks| format!("\n{}", checks.text(format)));
                text + &checks.collect::<String>()
            }
            (Self::One(report), Format::Json) => model::json(report),
            (Self::Several(set), Format::Table) => table::several(set),
            (Self::Several(set), Format::Markdown) => markdown::several(set),
            (Self::Several(set), Format::Json) => model::json(set),
        }
    }
}
