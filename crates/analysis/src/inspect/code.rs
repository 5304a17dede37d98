//! Code that is compiled for virtual machines: the texts in it, and whether it starts programs or loads libraries.
//!
//! Code itself is not read: what a text is for is not known.

pub mod assembly;
pub mod beam;
pub mod class;
pub mod python;

use std::borrow::Cow;

use ounce_image::Blob;

/// What compiled code says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Code<'a> {
    /// Texts of it, in order, in the encoding of the language.
    pub texts: Vec<Cow<'a, [u8]>>,
    /// Other words in it, of which annotations are some.
    pub others: Vec<Cow<'a, [u8]>>,
    /// Words of which some are names of libraries that it loads, with or without `lib` and an ending.
    pub libraries: Vec<Cow<'a, [u8]>>,
    /// Whether it may start programs by itself.
    pub starts: bool,
}

/// Whether content begins as compiled code does.
#[must_use]
pub fn is_code(content: &Blob) -> bool {
    content.begins_with(&class::MAGIC)
        || content.begins_with(&assembly::MAGIC)
        || beam::is_module(content)
        || python::is_module(content)
}

/// Reads compiled code; `None` if it is none that is known, or damaged.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Code<'_>> {
    if bytes.starts_with(&class::MAGIC) {
        class::read(bytes)
    } else if bytes.starts_with(&beam::MAGIC) {
        beam::read(bytes)
    } else if bytes.starts_with(&assembly::MAGIC) {
        assembly::read(bytes)
    } else {
        Some(python::read(bytes))
    }
}
