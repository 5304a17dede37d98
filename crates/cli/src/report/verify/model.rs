//! A verification as data. This is what `--format json` writes; its schema is `docs/verify.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::found::{Coverage, Missing, PutBack};
use super::{markdown, table};
use crate::args::Format;
use crate::report::model::{Image, json};

/// The version of the JSON form. It changes when a field is removed or means something else; new
/// fields may come at any time.
pub(super) const VERSION: u32 = 1;

/// Whether two images do the same.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Verification {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The command line that made it, quoted for a shell.
    pub(crate) command: String,
    /// The image that is right by definition.
    pub(crate) original: Image,
    /// The image that is compared with it.
    pub(crate) slim: Image,
    /// The answer for all checks: `different` when one of them is, else `broken` when one of them is.
    pub(crate) answer: Answer,
    /// How many checks do the same in both.
    pub(crate) same: usize,
    /// How many do not.
    pub(crate) different: usize,
    /// How many do not hold in the original, so that they say nothing.
    pub(crate) broken: usize,
    /// The times of all checks that ran in both, added up.
    pub(crate) times: Times,
    /// The checks, in their order.
    pub(crate) checks: Vec<Checked>,
    /// What was put back from the original.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) put_back: Vec<PutBack>,
    /// The image with what was put back; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) written: Option<String>,
    /// What the checks say nothing about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coverage: Option<Coverage>,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
}

/// The answer to whether two images do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// They do.
    Same,
    /// They do not.
    Different,
    /// The check does not hold in the original, so it says nothing.
    Broken,
}

/// A check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Checked {
    /// What the user does.
    pub(crate) name: String,
    /// The answer.
    pub(crate) answer: Answer,
    /// Why it does not hold in the original; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broken: Option<String>,
    /// What differs; empty when nothing does.
    pub(crate) differences: Vec<Difference>,
    /// What it missed in the slim image, where it differs: only what is surest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) missing: Vec<Missing>,
    /// What varies in the original from run to run, and was therefore compared less strictly.
    pub(crate) varies: Vec<Variation>,
    /// How long the first runs took; of a service, how long it took until it listened.
    pub(crate) times: Times,
    /// Runs in the original: more than one when something differed at first.
    pub(crate) runs: usize,
}

/// Times in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Times {
    /// In the original.
    pub(crate) original: f64,
    /// In the slim image; absent when it was not run there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slim: Option<f64>,
    /// The slim image's time as a multiple of the original's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Difference {
    /// How the command ended.
    End {
        /// In the original, in words.
        original: String,
        /// In the slim image.
        slim: String,
        /// The last lines that the slim image wrote.
        last_lines: Vec<String>,
    },
    /// What a service or the command should have done, and did not do in the slim image.
    Expectation {
        /// A sentence.
        text: String,
    },
    /// Lines of output.
    Output {
        /// `stdout` or `stderr`; a service's answers are its `stdout`.
        stream: Stream,
        /// A diff: each line begins with a space, `-` for the original or `+` for the slim image; `@@` stands
        /// where lines are left out. Bytes that are not text are escaped.
        diff: Vec<String>,
        /// Lines that differ and were left out.
        more: usize,
    },
    /// A file that is not the same in both afterwards.
    File {
        /// The absolute path.
        path: String,
        /// What is there in the original, in words.
        original: String,
        /// What is there in the slim image, in words.
        slim: String,
    },
}

/// An output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Something that varies in the original by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Variation {
    /// How it ends.
    End,
    /// Lines of output.
    Lines {
        /// Which output.
        stream: Stream,
        /// How many lines.
        lines: usize,
        /// How far they were compared.
        compared: Extent,
    },
    /// A file: its content, or whether it is there.
    File {
        /// The absolute path.
        path: String,
    },
    /// A file that the slim image does not have to begin with, so that what was added cannot be told.
    NewBeginning {
        /// The absolute path.
        path: String,
    },
}

/// How far varying lines were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Extent {
    /// They are the same in another order.
    Reordered,
    /// Each but for the words and numbers in it that vary.
    Masked,
    /// Only that there are lines.
    Presence,
}

impl Verification {
    /// The report as text; colours are marks that only a terminal shows.
    pub(crate) fn text(&self, format: Format) -> String {
        match format {
            Format::Table => table::render(self),
            Format::Markdown => markdown::render(self),
            Format::Json => json(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<Verification>("verify");
    }
}
