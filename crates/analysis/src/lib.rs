//! What may go from a container image, what must stay, and why.
//!
//! This crate sees a [`Tree`](ounce_image::Tree) and nothing else: no network, environment, clock,
//! terminal or file system. [`rules`] find what could go, [`evidence`] looks for anything that stays
//! and points there, [`mod@plan`] decides, [`ledger`] gives every byte a cause.

pub mod accounts;
pub mod arrange;
pub mod built;
pub mod dockerfile;
pub mod duplicates;
pub mod evidence;
pub mod finding;
pub mod graph;
pub mod harmless;
pub mod inspect;
pub mod join;
pub mod kinds;
pub mod ledger;
pub mod modules;
pub mod packages;
pub mod plan;
pub mod remarks;
pub mod rules;
pub mod surface;

mod covered;
mod globs;
mod nearest;
mod pages;
#[cfg(test)]
mod testing;

pub use finding::{Claim, Content, Evidence, Guard, Problem, Referrer, Unit};
pub use packages::Packages;
pub use plan::{Decision, Options, OptionsError, Plan, plan, rule};
pub use rules::{RULES, Rule, Tier};
