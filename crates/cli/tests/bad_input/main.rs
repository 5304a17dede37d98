//! The whole program on input that is damaged, hostile or merely unusual.
//!
//! What has no defined good meaning is refused: exit code 2, a message that names the file and the
//! place in it, nothing written and nothing changed.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod big;
mod damaged;
mod full_disk;
mod interrupt;
mod manifests;
mod outputs;
mod place;
mod trees;
