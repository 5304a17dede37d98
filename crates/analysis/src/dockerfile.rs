//! Dockerfiles: what in them makes the image big or unrepeatable, and how to put it right.
//!
//! [`parse`] reads a file without losing a byte, [`model`] says what it does, [`rules`] find, and
//! [`fix`] changes bytes only where it can show that nothing else changes. Like the rest of this crate
//! it sees neither a file system nor a network: what lies beside the Dockerfile is asked for through
//! [`Context::beside`].

pub mod edits;
pub mod finding;
pub mod fix;
pub mod joined;
pub mod lint;
pub mod model;
pub mod parse;
pub mod rules;
pub mod runs;
pub mod shell;

mod later;

pub use finding::{Edit, Finding, Fix, Safety};
pub use lint::{Beside, Context, Options, Report, lint};
pub use rules::{Pin, RULES, Rule, UnknownRule, Unpinned, rule, unpinned};
