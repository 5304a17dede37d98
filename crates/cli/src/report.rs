//! Reports: one model, from which every way of writing is made.

mod build;
pub(crate) mod diff;
mod duplicates;
pub(crate) mod model;
pub(crate) mod package;
pub(crate) mod table;

pub(crate) use model::Report;
