//! References that are known to do no harm: data, each row with its reason.

use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::ImagePath;
use serde::Deserialize;

use crate::evidence::Pointer;
use crate::finding::{How, Referrer};
use crate::globs;

#[derive(Deserialize)]
struct Table {
    reference: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// Globs of files that point, or `config:KEY` for the image config (`config:Env NAME` for a
    /// variable).
    from: Vec<String>,
    /// Globs of files that the row does not speak of, although `from` fits.
    #[serde(default)]
    except: Vec<String>,
    /// Only files that a package of the distribution or of conda brought.
    #[serde(default)]
    packaged: bool,
    /// Only compiled files (ELF).
    #[serde(default)]
    compiled: bool,
    /// Globs of what they point at; everything when absent.
    #[serde(default)]
    to: Vec<String>,
    /// Which references: `any`, or `literal` for those read in the file's content.
    #[serde(default)]
    kind: Kind,
    /// For readers of the table; a test looks that every row has it.
    #[cfg(test)]
    reason: String,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Literal,
    Any,
}

/// A row, ready to be compared.
pub(crate) struct Compiled {
    from: GlobSet,
    except: GlobSet,
    packaged: bool,
    compiled: bool,
    config: Vec<String>,
    to: Option<GlobSet>,
    kind: Kind,
}

static TABLE: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let table: Table =
        toml::from_str(include_str!("knowledge/harmless.toml")).expect("a test reads the table");
    table.reference.iter().map(compile).collect()
});

fn compile(row: &Row) -> Compiled {
    let set = |list: &[String]| {
        globs::set(list.iter().map(String::as_str)).expect("a test builds the table's globs")
    };
    let (config, from): (Vec<_>, Vec<_>) = row
        .from
        .iter()
        .cloned()
        .partition(|from| from.starts_with("config:"));
    Compiled {
        from: set(&from),
        except: set(&row.except),
        packaged: row.packaged,
        compiled: row.compiled,
        config: config
            .iter()
            .map(|key| key["config:".len()..].to_owned())
            .collect(),
        to: (!row.to.is_empty()).then(|| set(&row.to)),
        kind: row.kind,
    }
}

/// The rows that speak of what points.
pub(crate) fn rows_of(from: &Pointer) -> Vec<&'static Compiled> {
    let speaks = |row: &&Compiled| match &from.referrer {
        Referrer::Config(key) => row.config.contains(key),
        Referrer::File(path) => row.speaks_of(path, from.is_packaged, from.is_elf),
    };
    TABLE.iter().filter(speaks).collect()
}

/// Whether a reference is in one of the rows that speak of what points.
pub(crate) fn is_harmless(rows: &[&Compiled], to: &ImagePath, how: How) -> bool {
    let literal = !matches!(how, How::Symlink | How::Needed | How::Import);
    let mut rows = rows.iter().filter(|row| literal || row.kind == Kind::Any);
    rows.any(|row| {
        let to_fits = |globs| globs::matches(globs, to);
        row.to.as_ref().is_none_or(to_fits)
    })
}

/// Whether every literal reference of this file is harmless, so that it need not be searched.
pub fn is_silent(from: &ImagePath) -> bool {
    TABLE
        .iter()
        .any(|row| row.to.is_none() && row.speaks_of(from, false, false))
}

impl Compiled {
    fn speaks_of(&self, path: &ImagePath, is_packaged: bool, is_elf: bool) -> bool {
        (is_packaged || !self.packaged)
            && (is_elf || !self.compiled)
            && globs::matches(&self.from, path)
            && !globs::matches(&self.except, path)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;

    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_row_gives_its_reason() {
        let table: Table = toml::from_str(include_str!("knowledge/harmless.toml")).unwrap();
        for row in table.reference {
            assert!(row.reason.len() > 20, "{:?}", row.from);
        }
    }

    #[test]
    fn a_package_list_is_harmless_and_a_script_is_not() {
        let to = path("usr/share/doc/tool/usage.txt");
        let from = |path_of: &str, is_packaged| Pointer {
            file: None,
            is_source: false,
            referrer: Referrer::File(path(path_of)),
            is_packaged,
            is_elf: false,
            harmless: OnceCell::new(),
        };
        let literal = How::Path(0);
        let list = from("var/lib/dpkg/info/tool.list", false);
        assert!(is_harmless(&rows_of(&list), &to, literal));
        let tool = rows_of(&from("usr/bin/tool", true));
        assert!(!is_harmless(&tool, &to, literal));
        assert!(is_silent(&path("var/lib/dpkg/info/tool.list")));
    }
}
