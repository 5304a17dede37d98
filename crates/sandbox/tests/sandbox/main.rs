//! Commands in a small real root: what they see, what they leave, and what they cannot do.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod common;
mod hostile;
mod run;
mod services;
mod trace;
