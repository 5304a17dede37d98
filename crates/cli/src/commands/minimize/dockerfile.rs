//! A Dockerfile that makes the minimised image out of the original one.
//!
//! It is written for BuildKit, where `COPY --from` keeps owners, modes and extended attributes; the builder of
//! Docker before 23.0 gives all to root. Sources of COPY are patterns and links among them are followed, so what is
//! not an ordinary file is first put together by commands in the stage `parts`, from where it is copied as a whole.

mod commands;
mod select;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use ounce_image::{Config, ImagePath, NodeId, Tree};

use self::select::Selection;
use super::kept::Kept;
use crate::error::CommandError;

const HEAD: &str = "\
# What the programs of the original image can reach, as `ounce minimize` found it.
# Needs BuildKit, Docker's builder since 23.0: the one before gives every file to root.
";

/// The shell and the programs that the stage `parts` calls.
const PROGRAMS: [&str; 7] = ["sh", "mkdir", "chown", "chmod", "cp", "ln", "sed"];

/// The text of the Dockerfile; `image` is what the original is called where it is built.
///
/// # Errors
/// Something cannot be said in a Dockerfile; the message names it.
pub(super) fn dockerfile(
    tree: &Tree<'_>,
    kept: &Kept,
    config: &Config,
    image: &str,
) -> Result<String, CommandError> {
    if config.settings().contains_key("OnBuild") {
        return Err(refused(
            "the image has ONBUILD steps, which a Dockerfile that begins with it would run",
        ));
    }
    let work = work_folder(tree);
    let can_run = PROGRAMS.iter().all(|name| has_program(tree, name));
    let (mut runs, mut copies) = (String::new(), String::new());
    let mut left_out = BTreeSet::new();
    for (number, (part, names)) in (1..).zip(&kept.parts) {
        let selection = Selection::new(tree, kept, names, can_run);
        let folder = format!("{work}/{number}");
        copies.push_str(&format!("\n# {}\n", part.title()));
        if !selection.is_all_direct() {
            if !can_run {
                let path = selection
                    .first_staged(tree)
                    .map_or_else(String::new, |path| path.to_string());
                let needs = PROGRAMS.join(", ");
                return Err(refused(format_args!(
                    "{path} cannot be copied as it is, and the image lacks what would do that ({needs})"
                )));
            }
            runs.push_str(&format!("\n# {}\n", part.title()));
            runs.push_str(&commands::runs(tree, kept, &selection, &folder)?);
            copies.push_str(&format!("COPY --from=parts {folder}/ /\n"));
        }
        copies.push_str(&direct(tree, &selection));
        left_out.extend(
            selection
                .devices
                .iter()
                .map(|device| tree.path(*device).to_string()),
        );
    }
    let image =
        words::plain(image.as_bytes()).ok_or_else(|| refused("the image's name is none"))?;
    let settings = settings::instructions(config)?;
    let parts = match runs.is_empty() {
        true => String::new(),
        false => format!(
            "\n# Links, cut files and folders that are not root's with mode 0755.\nFROM build AS parts\nUSER 0:0\nSHELL [\"/bin/sh\", \"-c\"]\nENV LC_ALL=C PATH=/usr/bin:/bin:/usr/sbin:/sbin\n{runs}"
        ),
    };
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => {
            let names: Vec<String> = left_out.into_iter().collect();
            format!(
                "# Devices are not copied, as engines mount their own over them: {}\n",
                names.join(" ")
            )
        }
    };
    Ok(format!(
        "{HEAD}{left_out}ARG IMAGE={image}\nFROM ${{IMAGE}} AS build\n{parts}\nFROM scratch\n{copies}{settings}"
    ))
}

/// COPY lines for ordinary files by their folder, and for folders of which all is kept.
fn direct(tree: &Tree<'_>, selection: &Selection) -> String {
    let sorted = |names: &BTreeSet<NodeId>| {
        let paths = names.iter().map(|name| tree.path(*name).to_string());
        paths.collect::<BTreeSet<_>>()
    };
    let folders = sorted(&selection.whole).into_iter();
    let folders = folders.map(|path| format!("COPY --from=build {path}/ {path}/\n"));
    let files = selection.files.iter().map(|(folder, files)| {
        let sources: String = sorted(files)
            .iter()
            .map(|path| format!("{path} \\\n    "))
            .collect();
        let folder = tree.path(*folder).to_string();
        format!(
            "COPY --from=build \\\n    {sources}{}/\n",
            folder.trim_end_matches('/')
        )
    });
    let files: BTreeSet<String> = files.collect();
    folders.chain(files).collect()
}

/// A folder in the image's root that the image does not have.
fn work_folder(tree: &Tree<'_>) -> String {
    let mut name = ".ounce".to_owned();
    while tree.child(Tree::ROOT, name.as_bytes()).is_some() {
        name.push('-');
    }
    format!("/{name}")
}

fn has_program(tree: &Tree<'_>, name: &str) -> bool {
    let folders = match name {
        "sh" => ["/bin"].as_slice(),
        _ => &["/usr/bin", "/bin", "/usr/sbin", "/sbin"],
    };
    let at = |folder: &str| tree.resolve(format!("{folder}/{name}").as_bytes());
    folders
        .iter()
        .filter_map(|folder| at(folder))
        .any(|node| tree.is_file(node))
}

fn refused(reason: impl std::fmt::Display) -> CommandError {
    CommandError::input(format_args!("no Dockerfile can be written: {reason}"))
}

/// Whether a path can stand in a COPY line as it is.
fn is_plain(path: &ImagePath) -> bool {
    words::plain(path.as_bytes()).is_some()
}
