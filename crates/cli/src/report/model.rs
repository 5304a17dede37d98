//! The report as data. This is what `--format json` writes; its schema is `docs/report.schema.json`.

pub(crate) mod package;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verify::Verification;
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
    /// The command line that made it, quoted for a shell.
    pub(crate) command: String,
    /// What was let go.
    pub(crate) settings: Settings,
    /// The image.
    pub(crate) image: Image,
    /// Its size.
    pub(crate) size: Size,
    /// Its size without what goes: planned for an analysis, `result.size` where there is one.
    pub(crate) slimmed: Size,
    /// Bytes on disk that later layers hide.
    pub(crate) wasted: u64,
    /// Bytes on disk that later layers go on hiding without what goes.
    pub(crate) wasted_slimmed: u64,
    /// What the rows are.
    pub(crate) by: View,
    /// The rows. Their sizes add up to `size` exactly.
    pub(crate) rows: Vec<Row>,
    /// The slimmed image; absent for an analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Outcome>,
    /// What checks say of the slimmed image; absent when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<Box<Verification>>,
    /// The limits that the settings give, and whether they are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) limits: Vec<Limit>,
    /// What is worth knowing of the image besides its causes.
    pub(crate) findings: Vec<Finding>,
    /// Files that could not be understood. They stay, and so does what they may point at.
    pub(crate) problems: Vec<Problem>,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
}

/// What ounce found in several images.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Set {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The command line that made it, quoted for a shell.
    pub(crate) command: String,
    /// What was let go.
    pub(crate) settings: Settings,
    /// What the rows are.
    pub(crate) by: View,
    /// A report for each image, in the order of the command line.
    pub(crate) images: Vec<Report>,
    /// All of them together.
    pub(crate) total: Total,
}

/// Several images together. A layer that several of them have, by its diff id, counts once.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Total {
    /// The size.
    pub(crate) size: Size,
    /// The size without what goes.
    pub(crate) slimmed: Size,
    /// Different layers.
    pub(crate) layers: usize,
    /// Those of them that more than one image has.
    pub(crate) layers_shared: usize,
    /// Different layers without what goes.
    pub(crate) layers_slimmed: usize,
    /// Those of them that more than one image has.
    pub(crate) layers_slimmed_shared: usize,
    /// The rows. Their sizes add up to `size` exactly; what a shared layer holds is counted as in the
    /// first image that has it.
    pub(crate) rows: Vec<Row>,
}

/// What was let go.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Settings {
    /// The file they were read from; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<String>,
    /// The highest tier whose rules take something away.
    pub(crate) tier: &'static str,
    /// The rules of that tier and below that were on.
    pub(crate) rules: Vec<&'static str>,
    /// Those that were off.
    pub(crate) rules_off: Vec<&'static str>,
    /// Globs of paths that stay.
    pub(crate) keep: Vec<String>,
    /// The number of layers, from the lowest, that are left alone.
    pub(crate) keep_layers: usize,
}

/// A limit that the settings give.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Limit {
    /// Its name: `max-size`, `max-wasted` or `min-saved`.
    pub(crate) name: &'static str,
    /// What the settings say, as they say it.
    pub(crate) limit: String,
    /// The same in bytes on disk of this image.
    pub(crate) allowed: u64,
    /// What there is, in bytes on disk.
    pub(crate) measured: u64,
    /// Whether it is kept.
    pub(crate) passed: bool,
    /// A sentence for people.
    pub(crate) text: String,
}

/// Something worth knowing of an image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// Its kind, a kebab-case noun.
    pub(crate) id: &'static str,
    /// A heading.
    pub(crate) title: &'static str,
    /// What it is, in a sentence or two.
    pub(crate) text: String,
    /// Bytes on disk that it is about; 0 where their number says nothing.
    pub(crate) disk: u64,
    /// How many there are of what `parts` lists.
    pub(crate) count: usize,
    /// Files, folders or layers, the largest first, at most 10.
    pub(crate) parts: Vec<Part>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Image {
    /// Where it was read from.
    pub(crate) reference: String,
    /// What reports call it: its first full name, or the file that it was read from and its tag.
    pub(crate) name: String,
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
    /// In a total, the images that have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<String>,
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

/// The rules that there are.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct RuleList {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The rules; where two find the same file, the earlier one has it.
    pub(crate) rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Rule {
    /// Its name.
    pub(crate) id: &'static str,
    /// How far its removals can be felt.
    pub(crate) tier: &'static str,
    /// What it finds, as a heading.
    pub(crate) title: &'static str,
    /// Why the image does the same without it.
    pub(crate) why: &'static str,
    /// Its page, in Markdown; only when it was asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
}

/// A document as JSON text.
pub(crate) fn json(document: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(document).expect("a document holds only what JSON can");
    text.push('\n');
    text
}

impl Report {
    /// What the image is called, as text for people.
    pub(crate) fn name(&self) -> String {
        ounce_image::display(self.image.name.as_bytes())
    }

    /// Keeps the `top` largest rows and sums up the others; a table gets a limit of its own.
    pub(crate) fn with_top(mut self, top: Option<usize>, format: Format) -> Self {
        shorten(&mut self.rows, self.by, top, format);
        self
    }
}

impl Set {
    /// As [`Report::with_top`], for each image and for the total.
    pub(crate) fn with_top(mut self, top: Option<usize>, format: Format) -> Self {
        self.images = self
            .images
            .into_iter()
            .map(|report| report.with_top(top, format))
            .collect();
        shorten(&mut self.total.rows, self.by, top, format);
        self
    }
}

fn shorten(rows: &mut Vec<Row>, by: View, top: Option<usize>, format: Format) {
    let limit = match (top, format, by) {
        (Some(top), _, _) => top,
        (None, Format::Table | Format::Markdown, View::Owner) => DEFAULT_ROWS,
        (None, ..) => return,
    };
    sum_up(rows, limit);
}

/// Puts one row in the place of those behind the first ones.
fn sum_up(rows: &mut Vec<Row>, limit: usize) {
    if rows.len() <= limit {
        return;
    }
    let mut rest = Row::new("others", &format!("{} others", rows.len() - limit));
    for row in rows.split_off(limit) {
        rest.size.add(row.size);
        rest.gone += row.gone;
        rest.hidden += row.hidden;
    }
    rows.push(rest);
}

/// The largest rows whatever becomes of them, and the sum of the others.
pub(crate) fn largest(rows: &[Row], limit: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = rows
        .iter()
        .filter(|row| row.size.disk > 0)
        .cloned()
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.size.disk));
    sum_up(&mut rows, limit);
    rows
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
            images: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schemas_are_up_to_date() {
        use crate::published::assert_written;
        assert_written::<Report>("report");
        assert_written::<Set>("report-set");
        assert_written::<RuleList>("rules");
        assert_written::<crate::report::trace::TraceReport>("trace");
    }
}
