//! A diff as data. This is what `--format json` writes; its schema is `docs/diff.schema.json`.

use std::ops::{AddAssign, SubAssign};

use schemars::JsonSchema;
use serde::Serialize;

use crate::args::{DiffBy, Format};
use crate::report::model::Image;

use super::{markdown, table};

/// The version of the JSON form. It changes when a field is removed or means something else; new
/// fields may come at any time.
pub(super) const VERSION: u32 = 1;

/// How two images differ. Times are not compared: those of files, of the config and of the history
/// differ between any two builds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Diff {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The one image.
    pub(crate) before: Compared,
    /// The other image.
    pub(crate) after: Compared,
    /// Whether files, settings or the size of what later layers hide differ.
    pub(crate) differs: bool,
    /// Whether config and layers are the same to the bit.
    pub(crate) identical: bool,
    /// All bytes by what became of them. Both columns add up to the images' sizes exactly.
    pub(crate) changes: Changes,
    /// The bytes by cause, the largest change first; absent when another part was asked for, as all
    /// that follow. Both columns add up to the images' sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) causes: Option<Vec<Cause>>,
    /// The bytes by package, the largest change first; packages that are the same share a row. Both
    /// columns add up to the images' sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owners: Option<Vec<Owner>>,
    /// Every name that was added or removed or that differs, in the order of paths; a folder of which
    /// everything was added or removed is one row. The columns add up to those of `changes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paths: Option<Vec<Path>>,
    /// The layers: those of the one image, the lowest first, then those that only the other has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) layers: Option<Vec<Layer>>,
    /// The settings that differ. Empty too when one of the images is a root folder, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<Vec<Setting>>,
    /// What each image offers to somebody who got in, part by part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) surface: Option<Vec<Surface>>,
    /// Files that could not be understood, so that packages or causes may be incomplete.
    pub(crate) problems: Vec<Problem>,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
}

/// An image that is compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Compared {
    /// The image.
    #[serde(flatten)]
    pub(crate) image: Image,
    /// Its size.
    pub(crate) size: Amount,
    /// Whether bytes to pull were estimated from samples because the source stores layers
    /// uncompressed.
    pub(crate) pull_is_estimated: bool,
    /// Bytes on disk that `ounce slim` would take from it.
    pub(crate) removable: u64,
}

/// A size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Amount {
    /// Uncompressed content: sizes of files and lengths of symbolic links, as Docker counts.
    pub(crate) disk: u64,
    /// Compressed bytes, what a pull transfers.
    pub(crate) pull: u64,
    /// Files, links and devices; one with several names counts once.
    pub(crate) files: u64,
}

/// A size in both images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Sides {
    /// In the one.
    pub(crate) before: Amount,
    /// In the other.
    pub(crate) after: Amount,
}

/// All bytes of both images by what became of them.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(crate) struct Changes {
    /// Names that only the second image has.
    pub(crate) added: Names,
    /// Names that only the first image has. A file that goes on under another name frees nothing.
    pub(crate) removed: Names,
    /// Names that differ in type, content, link target, mode, owner, extended attributes, or in which
    /// names share the file.
    pub(crate) changed: Names,
    /// Names that are the same. Their share of compressed layers may differ.
    pub(crate) same: Names,
    /// What no container sees: content that later layers hide, whiteouts and padding.
    pub(crate) hidden: Sides,
}

/// Names in the merged view, folders among them.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(crate) struct Names {
    /// How many.
    pub(crate) names: u64,
    /// Their size.
    #[serde(flatten)]
    pub(crate) size: Sides,
}

/// A kind of content.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Cause {
    /// The rule or kind.
    pub(crate) id: &'static str,
    /// A heading for people.
    pub(crate) title: &'static str,
    /// Its size.
    #[serde(flatten)]
    pub(crate) size: Sides,
    /// Bytes on disk of it that `ounce slim` would take from the first image.
    pub(crate) removable_before: u64,
    /// Bytes on disk of it that `ounce slim` would take from the second image.
    pub(crate) removable_after: u64,
}

/// What became of a name, package or layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Became {
    /// Only the second image has it.
    Added,
    /// Only the first image has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
    /// Both have it, and it is the same.
    Same,
}

/// A package, or what no package owns.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Owner {
    /// The kind and name, as `dpkg:libc6`; `unowned`, `hidden`, or `same` for all packages that are
    /// the same.
    pub(crate) id: String,
    /// A heading for people.
    pub(crate) title: String,
    /// What became of it. Changed is one with another version, another number of installations, or
    /// other bytes.
    pub(crate) became: Became,
    /// Its versions in the first image, one for each installation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) versions_before: Vec<String>,
    /// Its versions in the second image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) versions_after: Vec<String>,
    /// Its size.
    #[serde(flatten)]
    pub(crate) size: Sides,
}

/// A name that differs, or a folder that was added or removed with everything in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Path {
    /// The path.
    pub(crate) path: String,
    /// What became of it.
    pub(crate) became: Became,
    /// How many names this row speaks of.
    pub(crate) names: u64,
    /// Its size. The bytes of a file with several names are counted at one of them.
    #[serde(flatten)]
    pub(crate) size: Sides,
    /// What differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) what: Vec<What>,
}

/// One difference of a name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct What {
    /// `type`, `content`, `link target`, `mode`, `owner`, `extended attributes` or `shared names`
    /// (another set of names leads to the file).
    pub(crate) aspect: &'static str,
    /// What it was; absent for content and shared names, as is the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// A layer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Layer {
    /// The digest of its uncompressed content.
    pub(crate) id: String,
    /// The digest in the second image of a layer that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_after: Option<String>,
    /// What became of it. One that is the same is stored and pulled once; one that changed was made by
    /// the same step.
    pub(crate) became: Became,
    /// Its place in the first image, 1 the lowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_before: Option<usize>,
    /// Its place in the second image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_after: Option<usize>,
    /// The step that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// Its size.
    #[serde(flatten)]
    pub(crate) size: Sides,
}

/// A setting of the config that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Setting {
    /// The key; variables, labels, ports, volumes and parts of the health check have one each, as
    /// `Env PATH`.
    pub(crate) key: String,
    /// Its value in the first image: text as it is, lists as JSON; absent when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// Its value in the second image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// A part of the attack surface.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Surface {
    /// `executables`, `set-uid`, `set-gid`, `capabilities`, `world-writable`, `shells`,
    /// `package-managers`, `compilers`, `network-tools` or `packages`.
    pub(crate) id: &'static str,
    /// A heading for people.
    pub(crate) title: &'static str,
    /// How many the first image has.
    pub(crate) before: u64,
    /// How many the second image has.
    pub(crate) after: u64,
    /// What only the second image has, or has in another way.
    pub(crate) added: Vec<SurfaceItem>,
    /// What only the first image has, or has in another way.
    pub(crate) removed: Vec<SurfaceItem>,
}

/// A thing of the attack surface.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct SurfaceItem {
    /// A path or the name of a package.
    pub(crate) name: String,
    /// Mode and owner, or capabilities.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) detail: String,
}

/// A file that could not be understood.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// `before` or `after`.
    pub(crate) image: &'static str,
    /// The file.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) reason: String,
}

impl Diff {
    /// Leaves only one part of it, if one was asked for.
    pub(crate) fn only(self, by: Option<DiffBy>) -> Self {
        let keeps = |part| by.is_none_or(|by| by == part);
        Self {
            causes: self.causes.filter(|_| keeps(DiffBy::Cause)),
            owners: self.owners.filter(|_| keeps(DiffBy::Owner)),
            paths: self.paths.filter(|_| keeps(DiffBy::Path)),
            layers: self.layers.filter(|_| keeps(DiffBy::Layer)),
            config: self.config.filter(|_| keeps(DiffBy::Config)),
            surface: self.surface.filter(|_| keeps(DiffBy::Surface)),
            ..self
        }
    }

    /// The diff as text; `is_part` says that one part was asked for, which is then shown in full.
    pub(crate) fn text(&self, format: Format, is_part: bool) -> String {
        match format {
            Format::Table => table::render(self, is_part),
            Format::Markdown => markdown::render(self, is_part),
            Format::Json => {
                let json = serde_json::to_string_pretty(self);
                json.expect("a report holds only what JSON can") + "\n"
            }
        }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.disk += other.disk;
        self.pull += other.pull;
        self.files += other.files;
    }
}

impl AddAssign for Sides {
    fn add_assign(&mut self, other: Self) {
        self.before += other.before;
        self.after += other.after;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        self.disk -= other.disk;
        self.pull -= other.pull;
        self.files -= other.files;
    }
}

impl SubAssign for Sides {
    fn sub_assign(&mut self, other: Self) {
        self.before -= other.before;
        self.after -= other.after;
    }
}

impl From<ounce_analysis::ledger::Size> for Amount {
    fn from(size: ounce_analysis::ledger::Size) -> Self {
        Self {
            disk: size.disk,
            pull: size.pull,
            files: size.files,
        }
    }
}

impl Sides {
    /// How much larger the second is, in bytes on disk.
    pub(super) fn growth(&self) -> i128 {
        i128::from(self.after.disk) - i128::from(self.before.disk)
    }

    /// Whether bytes on disk and files are as many in both. Shares of compressed layers differ even
    /// where content is the same.
    pub(super) fn is_same(&self) -> bool {
        (self.before.disk, self.before.files) == (self.after.disk, self.after.files)
    }
}

impl Owner {
    /// Whether it is a package, not the sum of what belongs to none or of those that are the same.
    pub(super) fn is_package(&self) -> bool {
        !(self.versions_before.is_empty() && self.versions_after.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<Diff>("diff");
    }
}
