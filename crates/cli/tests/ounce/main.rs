//! The commands as a user calls them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and so may its helpers; it says when it is left out"
)]

mod common;
mod diff;
mod host;
mod lint;
mod minimize;
mod minimize_checks;
mod package;
mod report;
mod reproducible;
mod run;
mod settings;
mod several;
mod trace;
mod verify;
