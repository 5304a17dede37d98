//! How what a rule for Dockerfiles finds is measured in the image.

use crate::packages::Ecosystem;

/// What of an image a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// What rules for images find in the layer of the instruction.
    Found(&'static [&'static str]),
    /// What rules for images find in the layers of the base image, and kinds of content there.
    InBase(&'static [&'static str], &'static [&'static str]),
    /// The packages in the layer that nothing depends on which somebody asked for.
    Recommended,
    /// A package that the layer brought, and what came with it alone.
    Package(Ecosystem, &'static str),
    /// The packages in the layer that only builds need, and what came with them alone.
    Building,
    /// What the layer hides of the layers below.
    Hidden,
}

use Measure::{Building, Found, Hidden, InBase, Package, Recommended};

/// The measure of each rule for Dockerfiles that costs bytes.
const MEASURES: &[(&str, Measure)] = &[
    ("apt-lists-left", Found(&["apt-lists"])),
    ("apt-archives-left", Found(&["apt-package-cache"])),
    ("apt-recommends", Recommended),
    ("pip-cache-left", Found(&["pip-cache"])),
    ("uv-cache-left", Found(&["uv-cache"])),
    ("poetry-cache-left", Found(&["poetry-cache"])),
    ("conda-cache-left", Found(&["conda-package-cache"])),
    (
        "conda-build-files",
        Found(&[
            "conda-toolchain",
            "conda-headers",
            "conda-docs",
            "jdk-sources",
        ]),
    ),
    ("git-in-conda", Package(Ecosystem::Conda, "git")),
    ("adduser-package", Package(Ecosystem::Dpkg, "adduser")),
    ("apk-cache-left", Found(&["apk-cache"])),
    ("dnf-cache-left", Found(&["dnf-cache"])),
    ("zypper-cache-left", Found(&["zypper-cache"])),
    ("npm-cache-left", Found(&["npm-cache"])),
    ("yarn-cache-left", Found(&["yarn-cache"])),
    ("pnpm-cache-left", Found(&["pnpm-store"])),
    ("cargo-cache-left", Found(&["cargo-cache"])),
    ("go-cache-left", Found(&["go-cache"])),
    ("maven-cache-left", Found(&["maven-repository"])),
    ("gradle-cache-left", Found(&["gradle-cache"])),
    ("gem-cache-left", Found(&["gem-cache"])),
    ("composer-cache-left", Found(&["composer-cache"])),
    ("r-downloads-left", Found(&["r-leftovers"])),
    ("full-clone", Found(&["vcs-metadata"])),
    ("whole-context", Found(&["vcs-metadata"])),
    ("compilers-left", Building),
    ("late-removal", Hidden),
    ("copied-then-changed", Hidden),
    (
        "development-base",
        InBase(
            &[
                "development-files",
                "jdk-sources",
                "jdk-modules",
                "jdk-extras",
            ],
            &["compilers", "headers", "static-libraries"],
        ),
    ),
];

/// The measure of a rule for Dockerfiles; `None` for one that costs no bytes, or that nothing measures.
pub(super) fn of(rule: &str) -> Option<Measure> {
    let mut rows = MEASURES.iter();
    rows.find(|row| row.0 == rule).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile;

    #[test]
    fn what_is_measured_is_found_by_rules_there_are() {
        for (_, measure) in MEASURES {
            let (Found(rules) | InBase(rules, _)) = measure else {
                continue;
            };
            for rule in *rules {
                assert!(crate::rule(rule).is_ok(), "{rule}");
            }
        }
        let is_measured = |rule: &&&dockerfile::Rule| of(rule.id).is_some();
        let measured = dockerfile::RULES.iter().filter(is_measured).count();
        assert!(measured >= 16, "rules have other names now: {measured}");
    }
}
