//! Names of programs that a report of the attack surface tells apart.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::Part;

#[derive(Deserialize)]
struct Table {
    programs: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    part: Part,
    names: Vec<String>,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    source: String,
}

static TABLE: LazyLock<FxHashMap<String, Part>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("../knowledge/programs.toml")).expect("a test reads the table");
    let rows = table.programs.into_iter();
    rows.flat_map(|row| row.names.into_iter().map(move |name| (name, row.part)))
        .collect()
});

/// What a program of this name is.
pub(super) fn of(name: &[u8]) -> Option<Part> {
    let name = std::str::from_utf8(name).ok()?;
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let known = |name: &str| TABLE.get(name).copied();
    known(name).or_else(|| known(plain)).or_else(|| {
        // A cross tool: cpu-vendor-system-tool (GNU "Cross-Compilation" names).
        let (target, tool) = plain.rsplit_once('-')?;
        known(tool).filter(|part| *part == Part::Compilers && target.contains("-linux"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_with_versions_and_targets() {
        let part = |name: &str| of(name.as_bytes());
        assert_eq!(part("bash"), Some(Part::Shells));
        assert_eq!(part("pip3.12"), Some(Part::PackageManagers));
        assert_eq!(part("c99"), Some(Part::Compilers));
        assert_eq!(part("x86_64-linux-gnu-gcc-12"), Some(Part::Compilers));
        assert_eq!(part("x86_64-conda-linux-gnu-ld"), Some(Part::Compilers));
        for other in ["bashbug", "git-sh", "ssh-add", "c", "x-linux-bash", ""] {
            assert_eq!(part(other), None, "{other}");
        }
    }

    #[test]
    fn every_row_has_a_source_and_every_name_one_row() {
        let table: Table = toml::from_str(include_str!("../knowledge/programs.toml")).unwrap();
        let names: usize = table.programs.iter().map(|row| row.names.len()).sum();
        assert_eq!(names, TABLE.len());
        for row in table.programs {
            assert!(row.source.len() > 20, "{:?}", row.names);
        }
    }
}
