//! Globs over image paths, which are bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use ounce_image::ImagePath;

/// Builds one glob. `*` and `?` stay within a component, `**` crosses them; without a leading slash
/// the glob matches at any depth.
pub(crate) fn glob(text: &str) -> Result<Glob, globset::Error> {
    let anchored = match text.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None => format!("**/{text}"),
    };
    GlobBuilder::new(&anchored)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
}

/// Builds a set of globs.
pub(crate) fn set<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for text in texts {
        builder.add(glob(text)?);
    }
    builder.build()
}

/// Whether any glob of the set matches.
pub(crate) fn matches(set: &GlobSet, path: &ImagePath) -> bool {
    set.is_match(OsStr::from_bytes(path.as_bytes()))
}
