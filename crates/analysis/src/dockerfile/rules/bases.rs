//! What the name of a base image tells.

use crate::dockerfile::lint::Context;

/// An image's name: repository without its registry, and tag.
pub(super) struct Name<'a> {
    /// `library/debian` is `debian`.
    pub(super) repository: &'a str,
    pub(super) tag: Option<&'a str>,
    pub(super) digest: Option<&'a str>,
}

impl<'a> Name<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        // A colon before a slash belongs to a port.
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (text, None),
        };
        let repository = match path.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => rest,
            _ => path,
        };
        let repository = repository.strip_prefix("library/").unwrap_or(repository);
        Self {
            repository,
            tag,
            digest,
        }
    }

    /// The number that a tag begins with: 3.12 of `3.12-slim`; `3` alone is the newest 3.
    fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.tag?.trim_start_matches('v').split(['.', '-', '_']);
        let major = numbers.next()?.parse().ok()?;
        Some((
            major,
            numbers
                .next()
                .map_or(Some(u32::MAX), |minor| minor.parse().ok())
                .unwrap_or(0),
        ))
    }
}

/// Images and the first of their releases whose `pip` knows `--no-cache-dir` (pip 6.0, December 2014); older
/// ones by their code names. Sources: the distributions' package lists (Debian 8 has pip 1.5.6 and 9 has 9.0.1,
/// Ubuntu 14.04 has 1.5.4, 15.10 has 1.5.6 and 16.04 has 8.1.1; Alpine 3.3 is of the end of 2015); conda's images begin in 2016; python's bring a current pip.
const PIP: [(&str, (u32, u32), &[&str]); 15] = [
    ("python", (3, 5), &[]),
    (
        "debian",
        (9, 0),
        &["wheezy", "jessie", "squeeze", "oldoldstable"],
    ),
    (
        "ubuntu",
        (16, 0),
        &[
            "lucid", "precise", "quantal", "raring", "saucy", "trusty", "utopic", "vivid", "wily",
        ],
    ),
    ("alpine", (3, 3), &["edge"]),
    ("fedora", (24, 0), &[]),
    ("rockylinux", (8, 0), &[]),
    ("almalinux", (8, 0), &[]),
    ("amazonlinux", (2, 0), &[]),
    ("node", (12, 0), &[]),
    ("continuumio/miniconda3", (0, 0), &[]),
    ("continuumio/anaconda3", (0, 0), &[]),
    ("condaforge/miniforge3", (0, 0), &[]),
    ("condaforge/mambaforge", (0, 0), &[]),
    ("mambaorg/micromamba", (0, 0), &[]),
    ("pytorch/pytorch", (0, 0), &[]),
];

/// Whether `pip` in an image surely knows `--no-cache-dir`.
pub(super) fn pip_is_recent(context: &Context<'_>, instruction: usize) -> bool {
    let Some(image) = context.model.image_of(instruction) else {
        return false;
    };
    let name = Name::parse(image);
    let tag = name.tag.unwrap_or("latest");
    PIP.iter()
        .filter(|row| row.0 == name.repository)
        .any(|(_, first, old)| {
            let is_old = old.iter().any(|old| tag.contains(old));
            !is_old && name.version().is_none_or(|version| version >= *first)
        })
}

/// The folder of conda's base environment, where the image is known for one (their Dockerfiles).
pub(super) fn conda_prefix(context: &Context<'_>, instruction: usize) -> Option<String> {
    let state = context.model.state(instruction);
    let named = ["MAMBA_ROOT_PREFIX", "CONDA_DIR"]
        .iter()
        .find_map(|name| state.variables.get(*name));
    if let Some(named) = named {
        return named.clone();
    }
    let name = Name::parse(context.model.image_of(instruction)?);
    let known = [
        "mambaorg/micromamba",
        "continuumio/miniconda3",
        "continuumio/anaconda3",
        "condaforge/miniforge3",
        "condaforge/mambaforge",
    ];
    known
        .contains(&name.repository)
        .then(|| "/opt/conda".to_owned())
}

/// Whether `clean` of conda or micromamba surely knows `--force-pkgs-dirs`: conda since 4.7 (2019), whose
/// image of that time has tag 4.7.10; micromamba since 1.0 (2022).
pub(super) fn conda_cleans_by_force(context: &Context<'_>, instruction: usize) -> bool {
    let Some(image) = context.model.image_of(instruction) else {
        return false;
    };
    let name = Name::parse(image);
    let first = match name.repository {
        "mambaorg/micromamba" => (1, 0),
        "continuumio/miniconda3"
        | "continuumio/anaconda3"
        | "condaforge/miniforge3"
        | "condaforge/mambaforge" => (4, 8),
        _ => return false,
    };
    // anaconda3's tags are also years and months.
    let is_old_year = |major: u32| (2000..2020).contains(&major);
    name.version()
        .is_none_or(|version| version >= first && !is_old_year(version.0))
}

/// What an image has nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacks {
    /// Compilers.
    Compilers,
    /// Compilers and git.
    Both,
}

/// Images that surely have no compiler, by repository and a part of their tags, and whether git is missing too.
/// Sources: the images' own Dockerfiles and the package lists of their tags.
const BARE: [(&str, &str, Lacks); 11] = [
    ("alpine", "", Lacks::Both),
    ("continuumio/miniconda3", "", Lacks::Compilers),
    ("condaforge/mambaforge", "", Lacks::Compilers),
    ("condaforge/miniforge3", "", Lacks::Compilers),
    ("debian", "", Lacks::Both),
    ("fedora", "", Lacks::Both),
    ("mambaorg/micromamba", "", Lacks::Both),
    ("python", "alpine", Lacks::Both),
    ("python", "slim", Lacks::Both),
    ("rockylinux", "", Lacks::Both),
    ("ubuntu", "", Lacks::Both),
];

/// What the base of a stage surely lacks of compilers and git.
pub(super) fn lacks(context: &Context<'_>, instruction: usize) -> Option<Lacks> {
    let name = Name::parse(context.model.image_of(instruction)?);
    let has = |part: &str| name.tag.unwrap_or_default().contains(part);
    let found = BARE
        .iter()
        .find(|row| row.0 == name.repository && has(row.1));
    found.map(|row| row.2)
}

/// Whether `go clean -cache -modcache` surely leaves the program alone that was built in the working folder:
/// since Go 1.13, as before it also cleaned the package there (golang.org/issue/29925).
pub(super) fn go_cleans_caches_alone(context: &Context<'_>, instruction: usize) -> bool {
    let name = context.model.image_of(instruction).map(Name::parse);
    name.is_some_and(|name| {
        let version = name.version();
        name.repository == "golang" && version.is_none_or(|version| version >= (1, 13))
    })
}

/// Official images of distributions and languages whose Dockerfiles name no user.
const ROOT: &[&str] = &[
    "almalinux",
    "alpine",
    "amazonlinux",
    "buildpack-deps",
    "busybox",
    "centos",
    "debian",
    "eclipse-temurin",
    "erlang",
    "fedora",
    "gcc",
    "golang",
    "haskell",
    "julia",
    "maven",
    "nginx",
    "node",
    "openjdk",
    "oraclelinux",
    "perl",
    "php",
    "python",
    "r-base",
    "rockylinux",
    "ruby",
    "rust",
    "swift",
    "ubuntu",
];

/// Whether the base image is known to run as root.
pub(super) fn runs_as_root(context: &Context<'_>, instruction: usize) -> bool {
    let name = context.model.image_of(instruction).map(Name::parse);
    name.is_some_and(|name| ROOT.contains(&name.repository))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_registries_ports_tags_and_digests() {
        for (text, repository, tag, digest) in [
            ("debian", "debian", None, None),
            ("docker.io/library/debian:12", "debian", Some("12"), None),
            ("localhost:5000/a/b", "a/b", None, None),
            (
                "registry.example:5000/a:1@sha256:ab",
                "a",
                Some("1"),
                Some("sha256:ab"),
            ),
        ] {
            let name = Name::parse(text);
            assert_eq!(
                (name.repository, name.tag, name.digest),
                (repository, tag, digest),
                "{text}"
            );
        }
        assert_eq!(Name::parse("python:3.12-slim").version(), Some((3, 12)));
        assert_eq!(Name::parse("debian:bookworm").version(), None);
    }
}
