//! What `--owner` tells of packages, as data; its schema is `docs/package.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Image, Part, Row, Size};

/// The packages of an image that a name may mean.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct PackageReport {
    /// The version of this form: 1.
    pub(crate) version: u32,
    /// The version of ounce that wrote it.
    pub(crate) ounce: &'static str,
    /// The image.
    pub(crate) image: Image,
    /// The name that was asked for.
    pub(crate) owner: String,
    /// The packages; the one that owns files which several of them list comes first.
    pub(crate) packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Package {
    /// Its name.
    #[serde(flatten)]
    pub(crate) name: Name,
    /// The folder it is installed into.
    pub(crate) prefix: String,
    /// The file that says so.
    pub(crate) record: String,
    /// What it brought that no other package owns.
    pub(crate) size: Size,
    /// The step of the Dockerfile that made the layer with the most of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// What becomes of that. The sizes add up to `size`.
    pub(crate) causes: Vec<Row>,
    /// Where it is: folders and files, the largest first. The sizes add up to `size.disk`.
    pub(crate) largest: Vec<Part>,
    /// The package that it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inside: Option<Name>,
    /// The names that it depends on.
    pub(crate) depends: Vec<String>,
    /// What these names mean here.
    pub(crate) needs: Vec<Name>,
    /// The packages that depend on it.
    pub(crate) needed_by: Vec<Name>,
    /// Whether somebody asked for it by name; absent when nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requested: Option<bool>,
    /// Why it is there: the shortest ways from what was asked for. None when nothing tells.
    pub(crate) reasons: Vec<Chain>,
}

/// What a package is called.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Name {
    /// Its kind: dpkg, conda, pip and so on.
    pub(crate) ecosystem: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// Its version, as its database writes it.
    pub(crate) version: String,
}

/// A way from a package that was asked for to this one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Chain {
    /// What asked for the first package, where it is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<String>,
    /// The packages on the way, the one asked for first, this one last.
    pub(crate) steps: Vec<Step>,
}

/// A package on the way.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Step {
    /// The package.
    #[serde(flatten)]
    pub(crate) name: Name,
    /// How it came.
    pub(crate) how: How,
}

/// How a package came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// Somebody asked for it.
    Asked,
    /// The one before depends on it.
    Needed,
    /// It lies in the one before.
    Inside,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_up_to_date() {
        crate::published::assert_written::<PackageReport>("package");
    }
}
