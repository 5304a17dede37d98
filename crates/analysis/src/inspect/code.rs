//! Code that is compiled for virtual machines: the texts in it, and whether it starts programs or loads libraries.
//!
//! Code itself is not read: what a text is for is not known.

mod assembly;
mod beam;
mod class;
mod python;
mod r;

use std::borrow::Cow;
use std::io;

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

/// What code is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// .NET and Mono.
    Assembly,
    /// Erlang and Elixir.
    Beam,
    /// Java.
    Class,
    /// CPython.
    Python,
    /// A data base of R's.
    R,
}

impl Form {
    /// That of a file, by how it begins, or by its name where that says nothing.
    #[must_use]
    pub fn of(name: &[u8], content: &Blob) -> Option<Self> {
        let mut parts = name.rsplit(|byte| *byte == b'/');
        let (file, folder) = (parts.next()?, parts.next());
        if file.ends_with(b".beam") || beam::is_module(content) {
            Some(Self::Beam)
        } else if file.ends_with(b".rdb") && folder == Some(b"R") {
            Some(Self::R)
        } else if content.begins_with(&class::MAGIC) {
            Some(Self::Class)
        } else if content.begins_with(&assembly::MAGIC) {
            Some(Self::Assembly)
        } else {
            python::is_module(content).then_some(Self::Python)
        }
    }

    /// Its content as it can be read: some forms are packed.
    ///
    /// # Errors
    /// It is damaged, or too large.
    pub fn open(self, content: &Blob) -> io::Result<Blob> {
        match self {
            Self::Beam => beam::open(content),
            Self::R => r::open(content),
            Self::Assembly | Self::Class | Self::Python => Ok(content.clone()),
        }
    }

    /// What opened content says; nothing if it is damaged, or something else that begins so.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> Option<Code<'_>> {
        match self {
            Self::Assembly => assembly::read(bytes),
            Self::Beam => beam::read(bytes),
            Self::Class => class::read(bytes),
            Self::Python => Some(python::read(bytes)),
            Self::R => Some(r::read(bytes)),
        }
    }
}
