//! What holds for every image: laws over random layers, and each format read back as written.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod contents;
mod formats;
mod limits;
mod moves;
mod random;
mod replace;
mod store;
mod subsets;
