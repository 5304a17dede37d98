//! What was found in Dockerfiles, in every way of writing it.

mod github;
pub(crate) mod model;
mod sarif;
mod text;

pub(crate) use github::github;
pub(crate) use sarif::sarif;
pub(crate) use text::{diff, explained, statistics, text};
