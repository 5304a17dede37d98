//! What the content of files says. Inspectors never fail: what they cannot read gives no facts and
//! a problem, and a file without facts is kept.

pub mod elf;
pub mod paths;
pub mod python;
pub mod script;
