//! What stays, sorted by what it is, so that a report can say where the bytes are.
//!
//! The first row of the table that fits a path gives the kind. This is for people to read; nothing
//! is decided by it.

use std::sync::LazyLock;

use globset::GlobSet;
use ounce_image::ImagePath;

use crate::globs;

/// A kind of content that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Its name, a kebab-case noun.
    pub id: &'static str,
    /// A heading.
    pub title: &'static str,
    /// Why it stays, one sentence.
    pub why: &'static str,
}

const NO_RULE: &str = "no rule takes it away";

const fn kind(id: &'static str, title: &'static str, why: &'static str) -> Kind {
    Kind { id, title, why }
}

/// Everything that fits no row.
const OTHER: Kind = kind("other-files", "Other files", NO_RULE);

/// Headers, folders, whiteouts and padding of the layers: they are pulled, but are no content.
pub const STRUCTURE: Kind = kind(
    "archive-structure",
    "Names, owners and modes",
    "the layers' headers: folders, links and padding",
);

/// Each kind with the globs of its paths; the first that fits counts.
const TABLE: [(Kind, &[&str]); 22] = [
    (
        kind(
            "python-bytecode",
            "Python bytecode",
            "saves compiling at each start",
        ),
        &["*.pyc", "*.pyo"],
    ),
    (
        kind(
            "package-databases",
            "Package databases",
            "scanners and package managers read them",
        ),
        &[
            "/var/lib/dpkg/**",
            "/lib/apk/db/**",
            "/var/lib/rpm/**",
            "conda-meta/**",
            "*.dist-info/**",
            "*.egg-info/**",
            "*.egg-info",
        ],
    ),
    (
        kind(
            "licences",
            "Licences and credits",
            "must travel with the programs",
        ),
        &[
            "/usr/share/doc/**",
            "/usr/share/common-licenses/**",
            "share/doc/**",
        ],
    ),
    (
        kind(
            "tests",
            "Test suites of packages",
            "a module that stays might import them",
        ),
        &[
            "site-packages/**/tests/**",
            "site-packages/**/test/**",
            "dist-packages/**/tests/**",
            "lib/python3*/test/**",
            "lib/python3*/*/tests/**",
            "node_modules/**/test/**",
            "node_modules/**/tests/**",
        ],
    ),
    (
        kind(
            "python-packages",
            "Python packages",
            "their modules may be imported by name",
        ),
        &["site-packages/**", "dist-packages/**"],
    ),
    (
        kind(
            "python-library",
            "Python standard library",
            "its modules may be imported by name",
        ),
        &["lib/python*/**", "libpython*"],
    ),
    (
        kind(
            "java",
            "Java runtime and libraries",
            "classes are loaded by name",
        ),
        &["lib/jvm/**", "*.jar", "*.jmod"],
    ),
    (
        kind("node-modules", "Node modules", "they are required by name"),
        &["node_modules/**"],
    ),
    (
        kind("r-library", "R and its packages", "they are loaded by name"),
        &["lib/R/**", "R/library/**", "R/site-library/**"],
    ),
    (
        kind("perl", "Perl modules", "they are loaded by name"),
        &[
            "share/perl*/**",
            "lib/*/perl*/**",
            "lib/perl5/**",
            "*.pm",
            "*.pl",
        ],
    ),
    (
        kind(
            "ruby",
            "Ruby libraries and gems",
            "they are required by name",
        ),
        &[
            "lib/ruby/**",
            "share/ruby*/**",
            "share/rubygems*/**",
            "*.rb",
            "*.gem",
            "lib/*/ruby/**",
        ],
    ),
    (
        kind("static-libraries", "Static libraries", NO_RULE),
        &["*.a", "*.la"],
    ),
    (
        kind("debug-files", "Debug files", NO_RULE),
        &["lib/debug/**", "*.debug", "*.dwz"],
    ),
    (
        kind(
            "compilers",
            "Compilers and linkers",
            "something may compile at run time",
        ),
        &[
            "lib/gcc/**",
            "libexec/gcc/**",
            "lib/llvm*/**",
            "libLLVM*",
            "libclang*",
            "*-linux-gnu/sysroot/**",
            "*-linux-gnu/bin/**",
        ],
    ),
    (
        kind("headers", "C and C++ headers", "a compiler may read them"),
        &["include/**"],
    ),
    (
        kind(
            "locales",
            "Translations and locales",
            "programs look them up by language",
        ),
        &[
            "share/locale/**",
            "lib/locale/**",
            "share/i18n/**",
            "share/locales/**",
        ],
    ),
    (
        kind(
            "fonts-icons",
            "Fonts, icons and themes",
            "found by name at run time",
        ),
        &[
            "share/fonts/**",
            "share/icons/**",
            "share/themes/**",
            "share/fontconfig/**",
        ],
    ),
    (
        kind("documentation", "Documentation", NO_RULE),
        &[
            "share/man/**",
            "share/info/**",
            "share/gtk-doc/**",
            "share/help/**",
            "README*",
            "CHANGELOG*",
        ],
    ),
    (
        kind("package-caches", "Package caches", NO_RULE),
        &[
            ".cache/**",
            ".npm/**",
            ".cargo/registry/**",
            "var/cache/**",
            "*.whl",
            "*.deb",
            "*.conda",
            "*.tar.gz",
            "*.tgz",
        ],
    ),
    (
        kind(
            "libraries",
            "Shared libraries",
            "programs load them, some by a name made at run time",
        ),
        &["*.so", "*.so.*"],
    ),
    (
        kind(
            "programs",
            "Programs",
            "whoever runs the image may start any of them",
        ),
        &["bin/**", "sbin/**", "libexec/**", "/usr/games/**"],
    ),
    (
        kind("data", "Data of programs", "named by programs at run time"),
        &[
            "share/**",
            "/etc/**",
            "/var/lib/**",
            "/usr/lib/**",
            "lib/**",
        ],
    ),
];

static GLOBS: LazyLock<Vec<GlobSet>> = LazyLock::new(|| {
    TABLE
        .iter()
        .map(|(_, list)| globs::set(list.iter().copied()).expect("a test builds the table"))
        .collect()
});

/// The kind of a file.
pub fn of(path: &ImagePath) -> Kind {
    let fits = |set: &GlobSet| globs::matches(set, path);
    GLOBS
        .iter()
        .position(fits)
        .map_or(OTHER, |row| TABLE[row].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_fits_counts() {
        let kind = |path: &str| of(&ImagePath::parse(path.as_bytes()).unwrap()).id;
        assert_eq!(
            kind("opt/conda/lib/python3.11/site-packages/numpy/tests/a.py"),
            "tests"
        );
        assert_eq!(
            kind("opt/conda/lib/python3.11/site-packages/numpy/__pycache__/a.pyc"),
            "python-bytecode"
        );
        assert_eq!(kind("usr/lib/x86_64-linux-gnu/libz.so.1.2"), "libraries");
        assert_eq!(kind("srv/data.bin"), "other-files");
    }
}
