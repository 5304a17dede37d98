//! What `cargo auditable` writes into the Rust programs that it builds: their crates.
//!
//! Section `.dep-v0` holds JSON, compressed with zlib (rust-secure-code/cargo-auditable,
//! "cargo-auditable.schema.json" and "PARSING.md").

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use ounce_image::Blob;
use serde::Deserialize;

use super::sections::Sections;

/// A crate of a Rust program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is in the program, or was only used to build it.
    #[serde(default)]
    pub kind: Kind,
    /// The crates it depends on, by their place in the list.
    #[serde(default)]
    pub dependencies: Vec<usize>,
    /// Whether it is the program itself.
    #[serde(default)]
    pub root: bool,
}

/// What a crate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is in the program.
    #[default]
    Runtime,
    /// It ran while the program was built.
    Build,
    /// A kind that is not known yet.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

/// Lists of real programs are some 10 kB; these bound what a hostile one can take.
const MAX_SECTION: u64 = 1 << 20;
const MAX_JSON: u64 = 16 << 20;

/// Reads the list of a Rust program; `None` when it has none.
///
/// # Errors
/// What is wrong with it.
pub fn inspect(content: &Blob, sections: &Sections) -> Result<Option<Vec<Crate>>, String> {
    let Some(part) = sections.get(b".dep-v0") else {
        return Ok(None);
    };
    let text = |e: &dyn std::fmt::Display| format!("its list of crates cannot be read: {e}");
    let range = part.offset..part.offset.saturating_add(part.size);
    let packed = content.slice(range).read_all(MAX_SECTION);
    let packed = packed.map_err(|e| text(&e))?;
    let mut json = Vec::new();
    ZlibDecoder::new(packed.as_slice())
        .take(MAX_JSON)
        .read_to_end(&mut json)
        .map_err(|e| text(&e))?;
    let list: List = serde_json::from_slice(&json).map_err(|e| text(&e))?;
    Ok(Some(list.packages))
}
