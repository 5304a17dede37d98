//! Reports on the differences of two images: one model, from which every way of writing is made.

mod build;
mod folders;
mod layers;
mod lines;
mod markdown;
mod model;
mod owners;
mod paths;
mod side;
mod table;

pub(crate) use model::Diff;
pub(crate) use side::Side;
