//! What speaks for compiling at run time: programs that exist to build, and libraries that compile
//! when they run. The rules for compilers and headers ask here.

use std::sync::LazyLock;

use ounce_image::NodeId;
use serde::Deserialize;

use super::Context;
use crate::packages::Ecosystem;

#[derive(Deserialize)]
struct Table {
    package: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// Names in conda, PyPI or Debian.
    names: Vec<String>,
    /// What it does with a compiler.
    does: String,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../knowledge/compiles.toml")).expect("a test reads the table")
});

/// Why the compilers and headers of an environment must stay; `None` when nothing is known to use
/// them.
pub(super) fn reason_to_keep(context: &Context<'_>, prefix: NodeId) -> Option<String> {
    context.packages.iter().find_map(|package| {
        let counts = match package.ecosystem {
            // A package of another conda environment has that one's compilers.
            Ecosystem::Conda => package.prefix == prefix,
            // The names of the table mean something else there.
            Ecosystem::Npm | Ecosystem::Gem | Ecosystem::Jar | Ecosystem::Go | Ecosystem::Rust => {
                false
            }
            _ => true,
        };
        let row = TABLE
            .package
            .iter()
            .find(|row| counts && row.names.iter().any(|name| same_name(name, &package.name)))?;
        Some(format!(
            "{} {} {}",
            package.ecosystem.name(),
            package.name,
            row.does
        ))
    })
}

/// PEP 503: upper case, `-`, `_` and `.` make no difference on PyPI.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let fold = |c: char| {
        if c == '_' || c == '.' {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    };
    a.chars().map(fold).eq(b.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_what_and_where_from() {
        for row in &TABLE.package {
            assert!(
                !row.names.is_empty() && !row.does.is_empty() && row.source.starts_with("https://"),
                "{:?}",
                row.names
            );
        }
    }
}
