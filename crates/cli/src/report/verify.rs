//! Reports on whether two images do the same: one model, from which every way of writing is made.

mod build;
pub(crate) mod found;
mod lines;
mod markdown;
pub(crate) mod model;
mod table;

pub(crate) use model::Verification;

#[cfg(test)]
mod tests;
