//! The report as data. This is what `--format json` writes; its schema is `docs/report.schema.json`.

pub(crate) mod package;

use schemars::JsonSchema;
use serde::Serialize;

use crate::args::Format;

/// The version of the JSON form. It changes when a field is removed or means something else; new
/// fields may come at any time.
pub(crate) const VERSION: u32 = 1;

/// Rows of a table when the user does not say how many.
const DEFAULT_ROWS: usize = 25;

/// What ounce found in an image, and what it did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Report {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The image.
    pub(crate) image: Image,
    /// Its size.
    pub(crate) size: Size,
    /// What the rows are.
    pub(crate) by: View,
    /// The rows. Their sizes add up to `size` exactly.
    pub(crate) rows: Vec<Row>,
    /// The slimmed image; absent for an analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Outcome>,
    /// What stays although it is there more than once; absent when the image was not searched for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duplicates: Option<Duplicates>,
    /// Files that could not be understood. They stay, and so does what they may point at.
    pub(crate) problems: Vec<Problem>,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
}

/// An image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Image {
    /// Where it was read from.
    pub(crate) reference: String,
    /// The names that its source gives it.
    pub(crate) names: Vec<String>,
    /// Its platform, as `linux/amd64`.
    pub(crate) platform: String,
    /// The digest of its config, Docker's image id; absent for a root folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<String>,
    /// The digests of its uncompressed layers, the lowest first.
    pub(crate) layers: Vec<String>,
}

/// A size in bytes, twice.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(crate) struct Size {
    /// Uncompressed content: sizes of files and lengths of symbolic links, as Docker counts.
    pub(crate) disk: u64,
    /// Compressed layers, what a pull transfers.
    pub(crate) pull: u64,
    /// Whether `pull` was estimated from samples because the source stores layers uncompressed.
    pub(crate) pull_is_estimated: bool,
    /// Files, links and devices; one with several names counts once.
    pub(crate) files: u64,
}

impl Size {
    pub(crate) fn add(&mut self, other: Self) {
        self.disk += other.disk;
        self.pull += other.pull;
        self.files += other.files;
        self.pull_is_estimated |= other.pull_is_estimated;
    }
}

/// What the rows of a report are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum View {
    /// Causes.
    Cause,
    /// Packages.
    Owner,
    /// Layers.
    Layer,
    /// Folders.
    Path,
}

/// What becomes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fate {
    /// It goes.
    Gone,
    /// It stays, but would go with `--tier guarded`.
    Offered,
    /// A rule found it, but it stays.
    Held,
    /// It stays because it is of use; `held_by` says what it would cost to go without.
    OptIn,
    /// It stays.
    Kept,
}

/// A part of the image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Row {
    /// Its name: a rule or kind, a package, a layer's digest, a folder.
    pub(crate) id: String,
    /// A heading for people.
    pub(crate) title: String,
    /// Its size.
    pub(crate) size: Size,
    /// What becomes of it; absent for rows of which a part goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fate: Option<Fate>,
    /// How far the rule's removals can be felt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tier: Option<&'static str>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
    /// What keeps it: at most 100 reasons, each once, with the files they are about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) held_by: Vec<Reason>,
    /// What the rule's guard looked at and found, where it has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) proved_by: Vec<Proof>,
    /// The packages with the most bytes in it, at most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) largest: Vec<Part>,
    /// Bytes on disk of it that go.
    pub(crate) gone: u64,
    /// Bytes on disk of it that later layers hide.
    pub(crate) hidden: u64,
    /// For a layer, the step of the Dockerfile that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
}

/// Why something is held back.
#[derive(Debug, Clone, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reason {
    /// Bytes on disk that this keeps.
    pub(crate) disk: u64,
    /// What points at it; absent when the rule itself found the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// How: `names`, `calls`, `asks for`, `needs`, `is a link to`, or a sentence.
    pub(crate) how: String,
    /// What it points at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// Where in the file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
}

/// Why a guard lets something go.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Proof {
    /// A sentence.
    pub(crate) text: String,
    /// Bytes on disk that it speaks of.
    pub(crate) disk: u64,
}

/// A named part of a row.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Part {
    /// Its name.
    pub(crate) name: String,
    /// Bytes on disk.
    pub(crate) disk: u64,
}

/// Files of equal content, 4 kB or larger, among those that stay; hard links are one file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Duplicates {
    /// Bytes on disk that one copy of each would save.
    pub(crate) waste: u64,
    /// How many groups of equal files there are.
    pub(crate) groups: usize,
    /// The most wasteful groups, at most 5.
    pub(crate) largest: Vec<Copies>,
}

/// Files of equal content.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Copies {
    /// Bytes on disk that one copy would save.
    pub(crate) waste: u64,
    /// How many files there are.
    pub(crate) files: usize,
    /// Their paths, at most 10.
    pub(crate) paths: Vec<String>,
}

/// A file that could not be understood.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// The file.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// The slimmed image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Outcome {
    /// Where it was written; absent when it was only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// The digest of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<String>,
    /// The digest of its config, Docker's image id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<String>,
    /// Its size. After a run that wrote compressed layers `pull` is measured.
    pub(crate) size: Size,
    /// Layers that stayed as they were, digest and all.
    pub(crate) layers_same: usize,
    /// Layers that were rewritten.
    pub(crate) layers_changed: usize,
    /// Layers of which nothing was left.
    pub(crate) layers_gone: usize,
}

impl Report {
    /// The report as JSON text.
    pub(crate) fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a report holds only what JSON can");
        text.push('\n');
        text
    }

    /// Keeps the `top` largest rows and sums up the others; a table gets a limit of its own.
    pub(crate) fn with_top(mut self, top: Option<usize>, format: Format) -> Self {
        let limit = match (top, format, self.by) {
            (Some(top), _, _) => top,
            (None, Format::Table, View::Owner) => DEFAULT_ROWS,
            (None, ..) => return self,
        };
        if self.rows.len() <= limit {
            return self;
        }
        let mut rest = Row::new("others", &format!("{} others", self.rows.len() - limit));
        for row in self.rows.split_off(limit) {
            rest.size.add(row.size);
            rest.gone += row.gone;
            rest.hidden += row.hidden;
        }
        self.rows.push(rest);
        self
    }
}

impl Row {
    /// A row of nothing yet.
    pub(crate) fn new(id: &str, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            size: Size::default(),
            fate: None,
            tier: None,
            why: String::new(),
            held_by: Vec::new(),
            proved_by: Vec::new(),
            largest: Vec::new(),
            gone: 0,
            hidden: 0,
            step: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `just docs` writes the file anew.
    #[test]
    fn the_published_schema_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        let schema = settings.into_generator().into_root_schema_for::<Report>();
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            schema,
            "run `just docs`"
        );
    }
}
