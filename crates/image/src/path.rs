//! Paths inside an image: bytes, relative to the image's root, always normalised.
//!
//! A path never holds empty, `.` or `..` components and never begins or ends with `/`; the
//! root itself is the empty path. Nothing here looks at a file system.

use std::fmt;

/// The longest path that an image may hold, in bytes (Linux' `PATH_MAX`).
pub const MAX_PATH: usize = 4096;

/// A normalised path inside an image, without the leading slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImagePath(Box<[u8]>);

/// Why a name in an archive is not a path inside the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The name climbs with `..`.
    #[error("the name {0} holds \"..\", which could leave the image")]
    Parent(String),
    /// The name holds a NUL byte.
    #[error("the name {0} holds a NUL byte")]
    Nul(String),
    /// The name is longer than [`MAX_PATH`].
    #[error("a name of {0} bytes is longer than Linux allows ({MAX_PATH})")]
    TooLong(usize),
}

impl ImagePath {
    /// Reads a name as archives and databases write it: a leading `/` or `./`, doubled and
    /// trailing slashes carry no meaning.
    ///
    /// # Errors
    /// A name with `..`, a NUL byte, or more than [`MAX_PATH`] bytes.
    pub fn parse(name: &[u8]) -> Result<Self, PathError> {
        if name.len() > MAX_PATH {
            return Err(PathError::TooLong(name.len()));
        }
        if name.contains(&0) {
            return Err(PathError::Nul(display(name)));
        }
        let mut out = Vec::with_capacity(name.len());
        for part in name.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(PathError::Parent(display(name))),
                part => {
                    if !out.is_empty() {
                        out.push(b'/');
                    }
                    out.extend_from_slice(part);
                }
            }
        }
        Ok(Self(out.into()))
    }

    /// Puts together the names of a tree, which hold no slash and are never `.` or `..`.
    pub(crate) fn from_components(names: &[&[u8]]) -> Self {
        Self(names.join(&b'/').into())
    }

    /// The bytes, without a leading slash; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root of the image.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|part| !part.is_empty())
    }

    /// The last component, empty for the root.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&b| b == b'/').next().unwrap_or_default()
    }

    /// The folder that holds this path; the root's is the root.
    pub fn parent(&self) -> Self {
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Self(self.0[..end].into())
    }

    /// This path with one more component.
    pub fn join(&self, name: &[u8]) -> Self {
        let mut out = self.0.to_vec();
        if !out.is_empty() {
            out.push(b'/');
        }
        out.extend_from_slice(name);
        Self(out.into())
    }

    /// Whether this path is `folder` or lies below it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || (self.0.starts_with(&folder.0)
                && (self.0.len() == folder.0.len() || self.0[folder.0.len()] == b'/'))
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", display(&self.0))
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes of a name as text for people: control characters and what is not UTF-8 are escaped,
/// so that an image cannot write to the terminal.
pub fn display(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// Marks that reorder or hide the text around them (Unicode Standard Annex 9, "Explicit
/// Directional Formatting Characters"), and line ends that are no control characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> String {
        ImagePath::parse(name.as_bytes()).unwrap().to_string()
    }

    #[test]
    fn names_of_archives_are_normalised() {
        assert_eq!(shown("./usr//bin/"), "/usr/bin");
        assert_eq!(shown("/etc/passwd"), "/etc/passwd");
        assert_eq!(shown("./"), "/");
    }

    #[test]
    fn names_that_leave_the_image_are_refused() {
        assert!(matches!(
            ImagePath::parse(b"a/../../b"),
            Err(PathError::Parent(_))
        ));
        assert!(matches!(ImagePath::parse(b"a\0b"), Err(PathError::Nul(_))));
        assert!(matches!(
            ImagePath::parse(&[b'a'; 5000]),
            Err(PathError::TooLong(5000))
        ));
    }

    #[test]
    fn within_counts_whole_components() {
        let path = |s: &str| ImagePath::parse(s.as_bytes()).unwrap();
        assert!(path("usr/share/doc").is_within(&path("usr/share")));
        assert!(path("usr").is_within(&path("/")));
        assert!(!path("usr/share-more").is_within(&path("usr/share")));
    }

    #[test]
    fn display_hides_what_a_terminal_would_obey() {
        assert_eq!(display(b"a\x1b[2Jb\xff"), "a\\u{1b}[2Jb\\xff");
        assert_eq!(
            display("a\u{9b}2J\u{202e}".as_bytes()),
            "a\\u{9b}2J\\u{202e}"
        );
    }
}
