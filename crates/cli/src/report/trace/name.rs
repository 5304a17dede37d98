//! A path in a JSON document, which keeps every byte of it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A path: a text, or its bytes where it is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Name {
    /// A path that is UTF-8.
    Text(String),
    /// The bytes of one that is not.
    Bytes(Vec<u8>),
}

impl From<PathBuf> for Name {
    fn from(path: PathBuf) -> Self {
        let text = path.into_os_string().into_string();
        text.map_or_else(|path| Self::Bytes(path.into_vec()), Self::Text)
    }
}

impl Name {
    /// The path itself.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Text(text) => PathBuf::from(text),
            Self::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes.clone())),
        }
    }

    /// The path for people.
    pub(crate) fn shown(&self) -> String {
        ounce_image::display(self.path().as_os_str().as_bytes())
    }

    /// The last part of the path.
    pub(crate) fn last(&self) -> OsString {
        let path = self.path();
        Path::file_name(&path).unwrap_or_default().to_owned()
    }
}
