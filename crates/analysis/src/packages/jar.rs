//! Java archives: a jar is a package that owns itself (JAR File Specification; Apache Maven
//! Archiver, "pom.properties").
//!
//! Maven leaves `META-INF/maven/GROUP/ARTIFACT/pom.properties` in what it packs; other tools leave at
//! most a version in the manifest. What was packed into a jar (the modules of a shaded one, the
//! `BOOT-INF/lib` of a web server's) is a package without files. Of an archive the list of its
//! entries is read, and these small texts; classes are not.

use std::io;

use ounce_image::{Blob, NodeId, Tree, display};
use rayon::prelude::*;

use super::{Ecosystem, Package, Strength};
use crate::finding::Problem;
use crate::inspect::zip::{self, Entry};

const MANIFEST: &[u8] = b"META-INF/MANIFEST.MF";
const ENDINGS: [&[u8]; 3] = [b".jar", b".war", b".ear"];

/// A manifest lists the packages of a jar and may be some 100 kB.
const MAX_TEXT: u64 = 1 << 20;
/// Archives with everything in them have some 500 parts.
const MAX_PARTS: usize = 10_000;

pub(super) fn load(tree: &Tree<'_>, problems: &mut Vec<Problem>) -> Vec<Package> {
    let is_jar = |node: &NodeId| {
        let name = tree.name(*node);
        ENDINGS.iter().any(|ending| name.ends_with(ending)) && tree.is_file(*node)
    };
    let jars: Vec<NodeId> = tree.walk(Tree::ROOT).filter(is_jar).collect();
    let read: Vec<_> = jars
        .par_iter()
        .with_max_len(1)
        .map(|jar| tree.leaf_of(*jar).map(|leaf| contents(&tree.read(leaf))))
        .collect();
    let mut packages = Vec::new();
    for (jar, contents) in jars.into_iter().zip(read) {
        match contents {
            Some(Ok(contents)) => packages.extend(contents.packages(tree, jar)),
            Some(Err(e)) => problems.push(Problem {
                path: tree.path(jar),
                reason: e.to_string(),
            }),
            None => {}
        }
    }
    packages
}

/// A module of Maven.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    group: String,
    artifact: String,
    version: String,
}

#[derive(Debug, Default)]
struct Contents {
    /// What `pom.properties` speak of.
    modules: Vec<Part>,
    /// Archives in the archive, by their names.
    archives: Vec<Part>,
    /// The version in the manifest.
    version: Option<String>,
}

fn contents(jar: &Blob) -> io::Result<Contents> {
    let text = |entry: &Entry| {
        let bytes = zip::read(jar, entry, MAX_TEXT)?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let is_wanted = |name: &[u8]| is_pom(name) || name == MANIFEST || name.ends_with(b".jar");
    let mut out = Contents::default();
    for entry in zip::entries(jar, is_wanted)?.iter().take(MAX_PARTS) {
        if is_pom(&entry.name) {
            out.modules.extend(Part::from_pom(&text(entry)?));
        } else if entry.name == MANIFEST {
            out.version = version(&text(entry)?);
        } else {
            let file = entry.name.rsplit(|&b| b == b'/').next().unwrap_or_default();
            out.archives.push(Part::from_file_name(&display(file)));
        }
    }
    out.modules.sort_unstable();
    out.modules.dedup();
    Ok(out)
}

fn is_pom(name: &[u8]) -> bool {
    name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.properties")
}

/// The version in the main section of a manifest, which ends with an empty line (JAR File
/// Specification, "Main Attributes"; OSGi Core, "Bundle-Version").
fn version(manifest: &str) -> Option<String> {
    let main = manifest.lines().take_while(|line| !line.is_empty());
    let fields: Vec<_> = main.filter_map(|line| line.split_once(": ")).collect();
    let field = |key: &str| fields.iter().find(|(k, _)| k.eq_ignore_ascii_case(key));
    field("Implementation-Version")
        .or_else(|| field("Bundle-Version"))
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

impl Part {
    fn from_pom(text: &str) -> Option<Self> {
        let mut out = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim().to_owned();
            match key.trim() {
                "groupId" => out.group = value,
                "artifactId" => out.artifact = value,
                "version" => out.version = value,
                _ => {}
            }
        }
        (!out.artifact.is_empty()).then_some(out)
    }

    /// `NAME-VERSION.jar`, where only a version begins with a digit.
    fn from_file_name(name: &str) -> Self {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let mut starts = stem.match_indices('-').map(|(at, _)| at);
        let at = starts.find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        let (artifact, version) = at.map_or((stem, ""), |at| (&stem[..at], &stem[at + 1..]));
        Self {
            group: String::new(),
            artifact: artifact.to_owned(),
            version: version.to_owned(),
        }
    }

    /// Maven's coordinates without the version, else the bare name.
    fn name(&self) -> String {
        match self.group.as_str() {
            "" => self.artifact.clone(),
            group => format!("{group}:{}", self.artifact),
        }
    }

    fn package(self, tree: &Tree<'_>, jar: NodeId) -> Package {
        Package {
            ecosystem: Ecosystem::Jar,
            name: self.name(),
            prefix: tree.parent(jar),
            record: jar,
            strength: Strength::Inside,
            files: Vec::new(),
            depends: Vec::new(),
            provides: match self.group.is_empty() {
                true => Vec::new(),
                false => vec![self.artifact],
            },
            version: self.version,
            source: None,
            requested: None,
        }
    }
}

impl Contents {
    /// The jar, and behind it what was packed into it.
    fn packages(mut self, tree: &Tree<'_>, jar: NodeId) -> Vec<Package> {
        let file = Part::from_file_name(&display(tree.name(jar)));
        // The module that the file is named after; a single one may have been renamed.
        let own = match self.modules.as_slice() {
            [_] => Some(0),
            modules => modules
                .iter()
                .position(|part| part.artifact == file.artifact),
        };
        let mut own = own.map_or(file, |at| self.modules.remove(at));
        if let (true, Some(version)) = (own.version.is_empty(), self.version) {
            own.version = version;
        }
        let parts: Vec<Package> = self
            .modules
            .into_iter()
            .chain(self.archives)
            .map(|part| part.package(tree, jar))
            .collect();
        let own = Package {
            files: vec![jar],
            depends: parts.iter().map(|part| part.name.clone()).collect(),
            ..own.package(tree, jar)
        };
        std::iter::once(own).chain(parts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_those_of_maven() {
        let pom = "#Generated by Maven\nversion=3.12.0\ngroupId=org.apache.commons\n\
            artifactId=commons-lang3\n";
        let part = Part::from_pom(pom).unwrap();
        assert_eq!(part.name(), "org.apache.commons:commons-lang3");
        assert_eq!(part.version, "3.12.0");
        assert_eq!(Part::from_pom("version=1\n"), None);
    }

    #[test]
    fn names_of_files_are_taken_apart_before_the_version() {
        let part = |name| {
            let part = Part::from_file_name(name);
            (part.artifact, part.version)
        };
        assert_eq!(
            part("guava-31.1-jre.jar"),
            ("guava".into(), "31.1-jre".into())
        );
        assert_eq!(
            part("log4j-1.2-api.jar"),
            ("log4j".into(), "1.2-api".into())
        );
        assert_eq!(part("main.jar"), ("main".into(), String::new()));
    }

    #[test]
    fn the_module_that_the_file_is_named_after_is_the_jar() {
        let part = |artifact: &str| Part {
            group: "g".into(),
            artifact: artifact.into(),
            version: "1".into(),
        };
        let contents = || Contents {
            modules: vec![part("a"), part("b")],
            archives: vec![Part::from_file_name("c-2.jar")],
            version: Some("9".into()),
        };
        let shown = |file: &str| {
            let layers = crate::testing::layers(&ounce_testkit::image(&format!("[x]\n{file}\n")));
            let tree = Tree::build(&layers).unwrap();
            let jar = tree.children(Tree::ROOT).next().unwrap();
            let packages = contents().packages(&tree, jar);
            let shown = |p: &Package| format!("{} {} {:?}", p.name, p.version, p.depends);
            (shown(&packages[0]), packages.len())
        };
        assert_eq!(shown("b-1.jar"), (r#"g:b 1 ["g:a", "c"]"#.to_owned(), 3));
        assert_eq!(
            shown("app.jar"),
            (r#"app 9 ["g:a", "g:b", "c"]"#.to_owned(), 4)
        );
    }

    #[test]
    fn the_main_section_of_a_manifest_counts() {
        let manifest = "Manifest-Version: 1.0\r\nBundle-Version: 2.0\r\n\
            Implementation-Version: 2.0.1\r\n\r\nName: a/\r\nImplementation-Version: 9\r\n";
        assert_eq!(version(manifest), Some("2.0.1".into()));
        assert_eq!(version("Name: a/\nImplementation-Version: \n"), None);
    }
}
