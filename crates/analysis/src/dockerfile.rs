//! Dockerfiles: what in them makes the image big or unrepeatable, and how to put it right.

pub mod joined;
pub mod model;
pub mod parse;
pub mod shell;
