//! Which files are looked at.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ounce_analysis::dockerfile::parse::Dockerfile;

use crate::error::CommandError;

/// More than a person writes.
const MAX_FILE: u64 = 1 << 20;

/// A Dockerfile.
pub(super) struct Input {
    /// What it is called in reports.
    pub(super) name: String,
    /// Where it lies; absent for standard input.
    pub(super) path: Option<PathBuf>,
    /// Its content.
    pub(super) text: Vec<u8>,
}

/// The files that are named, and those in folders that are, in the order of their names.
///
/// # Errors
/// A path is not there or cannot be read, or a folder has no Dockerfile.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Input>, CommandError> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut out = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let text = read(&mut std::io::stdin().lock(), "standard input")?;
            out.push(Input {
                name: "-".to_owned(),
                path: None,
                text,
            });
        } else if path.is_dir() {
            out.extend(search(path)?);
        } else {
            out.push(input(path.clone())?);
        }
    }
    Ok(out)
}

fn input(path: PathBuf) -> Result<Input, CommandError> {
    let name = path
        .strip_prefix("./")
        .unwrap_or(&path)
        .display()
        .to_string();
    let failed = |error| CommandError::input(format_args!("reading {name}: {error}"));
    let mut file = std::fs::File::open(&path).map_err(failed)?;
    let text = read(&mut file, &name)?;
    Ok(Input {
        name,
        path: Some(path),
        text,
    })
}

fn read(from: &mut dyn std::io::Read, name: &str) -> Result<Vec<u8>, CommandError> {
    let mut text = Vec::new();
    let failed = |error: String| CommandError::input(format_args!("reading {name}: {error}"));
    from.take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    match text.len() as u64 > MAX_FILE {
        true => Err(failed("it is too large for a Dockerfile".to_owned())),
        false => Ok(text),
    }
}

/// The Dockerfiles below a folder. What git ignores is left out, also outside a repository.
fn search(folder: &Path) -> Result<Vec<Input>, CommandError> {
    let mut walk = ignore::WalkBuilder::new(folder);
    walk.require_git(false)
        .hidden(false)
        .sort_by_file_name(std::ffi::OsStr::cmp);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let mut out = Vec::new();
    for entry in walk.build() {
        let entry = entry.map_err(|error| {
            CommandError::input(format_args!("reading {}: {error}", folder.display()))
        })?;
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if is_file && is_dockerfile(&name) {
            let input = input(entry.into_path())?;
            out.extend((is_surely_one(&name) || has_stage(&input.text)).then_some(input));
        }
    }
    match out.is_empty() {
        false => Ok(out),
        true => {
            let error = CommandError::input(format_args!("no Dockerfile in {}", folder.display()));
            Err(error
                .hint("files are found by their names: Dockerfile*, Containerfile*, *.dockerfile"))
        }
    }
}

/// `Dockerfile`, `Dockerfile.test`, `build.dockerfile`, `Containerfile`; not `Dockerfile.dockerignore`. The name is in
/// lower case.
fn is_dockerfile(name: &str) -> bool {
    let is_named = ["dockerfile", "containerfile"]
        .iter()
        .any(|start| name.starts_with(start));
    let is_other = [".dockerignore", ".md", ".j2", ".orig", ".rej", "~"]
        .iter()
        .any(|end| name.ends_with(end));
    (is_named || name.ends_with(".dockerfile")) && !is_other
}

fn is_surely_one(name: &str) -> bool {
    ["dockerfile", "containerfile"].contains(&name) || name.ends_with(".dockerfile")
}

/// Whether a file has a FROM, as every Dockerfile does: `dockerfile.go` and `dockerfile_lint.yml` may be something else.
fn has_stage(text: &[u8]) -> bool {
    let file = Dockerfile::parse(text);
    file.instructions.iter().any(|one| one.name == "FROM")
}
