//! Where the slimmed images go: the names of outputs in a folder.

use std::collections::BTreeSet;
use std::path::Path;

use ounce_image::format::{Reference, Transport};

/// The longest name that is made; file systems take 255 bytes.
const MAX_NAME: usize = 200;

/// The output of each image in a folder, in the form that the image came in: its own name with safe
/// characters, and a number behind it where another image has the same.
pub(super) fn in_folder(folder: &Path, images: &[(Reference, Vec<String>)]) -> Vec<Reference> {
    let mut taken = BTreeSet::new();
    let outputs = images.iter().map(|(from, names)| {
        let (transport, suffix) = match from.transport {
            Transport::DockerArchive => (Transport::DockerArchive, ".tar"),
            Transport::Oci | Transport::OciArchive => (Transport::OciArchive, ".tar"),
            Transport::Rootfs | Transport::Host => (Transport::Rootfs, ""),
        };
        let stem = stem(from, names);
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let name = std::iter::once(stem.clone())
            .chain(numbered)
            // Some file systems do not tell upper from lower case.
            .find(|name| taken.insert(name.to_lowercase()))
            .expect("numbers do not end");
        Reference {
            transport,
            path: folder.join(name + suffix),
            // Without a tag an output keeps the names of its image.
            tag: None,
        }
    });
    outputs.collect()
}

/// A name for the file: the image's, or that of its file with what tag it has.
fn stem(from: &Reference, names: &[String]) -> String {
    let file = from.path.file_name().unwrap_or_default().to_string_lossy();
    let file = [".gz", ".zst", ".tgz", ".tar"]
        .iter()
        .fold(&*file, |file, suffix| {
            file.strip_suffix(suffix).unwrap_or(file)
        });
    match names.first() {
        Some(name) if name.contains(':') => safe(name),
        Some(tag) => safe(&format!("{file}-{tag}")),
        None => safe(file),
    }
}

/// What any file system and shell takes: letters, digits, dots, underscores and dashes within.
fn safe(name: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let text: String = name
        .chars()
        .map(|c| if is_safe(c) { c } else { '-' })
        .take(MAX_NAME)
        .collect();
    match text.trim_matches(['.', '-']) {
        "" => "image".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(images: &[(&str, &[&str])]) -> Vec<String> {
        let images: Vec<_> = images
            .iter()
            .map(|(from, names)| {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                (Reference::parse(from).unwrap(), names)
            })
            .collect();
        in_folder(Path::new("out"), &images)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn outputs_are_called_like_their_images() {
        assert_eq!(
            outputs(&[
                ("docker-archive:a.tar", &["quay.io/team/tool:1.2", "x:y"]),
                ("oci:layout", &["latest"]),
                ("oci-archive:b.tar.gz", &[]),
                ("rootfs:some/root", &[]),
                ("rootfs:/", &[]),
            ]),
            [
                "docker-archive:out/quay.io-team-tool-1.2.tar",
                "oci-archive:out/layout-latest.tar",
                "oci-archive:out/b.tar",
                "rootfs:out/root",
                "rootfs:out/image",
            ]
        );
    }

    #[test]
    fn names_are_safe_and_differ() {
        assert_eq!(
            outputs(&[
                ("docker-archive:a", &["../../etc:passwd"]),
                ("docker-archive:a", &["Tool:1"]),
                ("docker-archive:b", &["tool:1"]),
                ("docker-archive:c", &["tool/1:\u{1b}[2J"]),
            ]),
            [
                "docker-archive:out/etc-passwd.tar",
                "docker-archive:out/Tool-1.tar",
                "docker-archive:out/tool-1-2.tar",
                "docker-archive:out/tool-1---2J.tar",
            ]
        );
    }
}
