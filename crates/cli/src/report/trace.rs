//! What runs of an image touched, as a document that is kept (`trace.json`) and as a table.

mod errno;
mod name;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use ounce_sandbox::{Access, How, Trace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{self, Image};
use crate::args::Format;
use crate::error::CommandError;
use crate::session::Session;
use errno::Errno;
use name::Name;

/// The version of the document; a change that a reader must know of increases it.
const VERSION: u32 = 1;

/// What runs of an image touched. Its schema is `docs/trace.schema.json`.
///
/// It holds no process numbers and no times: a program that always does the same has the same document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TraceReport {
    /// The version of this form.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: String,
    /// The image.
    pub(crate) image: Image,
    /// What was run, in order.
    pub(crate) runs: Vec<Traced>,
    /// Every access, once, sorted by path.
    pub(crate) accesses: Vec<Touched>,
    /// What a user should know about how it was run, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Traced {
    /// The check's name, or the command as it would be typed into a shell.
    pub(crate) name: String,
    /// Why it did not do all that it should, so that names may lack; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// An access: a program's look at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Touched {
    /// The absolute path that was asked for.
    pub(crate) path: Name,
    /// The path after all links, where that is another; absent too where nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) real: Option<Name>,
    /// What was done.
    pub(crate) how: Way,
    /// The error, if there was one; `ENOENT`: there is no such path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Errno>,
    /// Whether something is at the path.
    pub(crate) exists: bool,
    /// The program that did it.
    pub(crate) program: Name,
    /// The runs in which it did, by their place in `runs`, from 0.
    pub(crate) runs: Vec<usize>,
}

/// What was done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// Opened for reading.
    Open,
    /// Opened for writing, made, renamed, removed, or its attributes changed.
    Write,
    /// Executed, or loaded by the kernel for that.
    Execute,
    /// Its attributes or its existence were asked for.
    Stat,
    /// Read as a symbolic link, or walked through as one.
    Link,
    /// Listed, or entered as working folder or root.
    Folder,
}

impl From<How> for Way {
    fn from(how: How) -> Self {
        match how {
            How::Open => Self::Open,
            How::Write => Self::Write,
            How::Execute => Self::Execute,
            How::Stat => Self::Stat,
            How::Link => Self::Link,
            How::Folder => Self::Folder,
        }
    }
}

impl TraceReport {
    /// The document of some runs, with their names and why they failed if they did.
    pub(crate) fn new(session: &Session, runs: Vec<(Traced, Trace)>, notes: Vec<String>) -> Self {
        Self::of(Image::of(session), runs, notes)
    }

    fn of(image: Image, runs: Vec<(Traced, Trace)>, notes: Vec<String>) -> Self {
        let mut merged: BTreeMap<Access, Vec<usize>> = BTreeMap::new();
        let mut names = Vec::new();
        for (index, (name, trace)) in runs.into_iter().enumerate() {
            names.push(name);
            for access in trace.accesses {
                merged.entry(access).or_default().push(index);
            }
        }
        Self {
            version: VERSION,
            ounce: env!("CARGO_PKG_VERSION").to_owned(),
            image,
            runs: names,
            accesses: merged.into_iter().map(touched).collect(),
            notes,
        }
    }

    /// Reads a document that an earlier run wrote.
    ///
    /// # Errors
    /// It cannot be read, is none, or is of a version that is not known.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let failed = |why: &dyn std::fmt::Display| {
            CommandError::input(format_args!("reading {}: {why}", path.display()))
        };
        let text = std::fs::read(path).map_err(|error| failed(&error))?;
        let report: Self = serde_json::from_slice(&text)
            .map_err(|error| failed(&format_args!("not a trace of ounce: {error}")))?;
        match report.version {
            VERSION => Ok(report),
            other => Err(failed(&format_args!(
                "version {other} of a trace is not known"
            ))),
        }
    }

    /// The document as text.
    pub(crate) fn text(&self, format: Format) -> String {
        match format {
            Format::Json => model::json(self),
            Format::Table | Format::Markdown => table::render(self),
        }
    }
}

fn touched((access, runs): (Access, Vec<usize>)) -> Touched {
    let exists = access.real.is_some();
    Touched {
        real: access
            .real
            .filter(|real| *real != access.path)
            .map(Name::from),
        path: access.path.into(),
        how: access.how.into(),
        error: access.error.map(Errno),
        exists,
        program: access.program.into(),
        runs,
    }
}
