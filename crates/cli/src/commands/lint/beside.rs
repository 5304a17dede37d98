//! What lies beside a Dockerfile. The build context is not written down anywhere; it is the working folder, the
//! folder of the Dockerfile, or one above it in the same repository. A file counts when all of these that
//! have it agree.

use std::path::{Component, Path, PathBuf};

/// More than an environment file or a list of requirements has.
const MAX_FILE: u64 = 1 << 20;

/// The folders that may be the build context.
pub(super) struct Folders {
    folders: Vec<PathBuf>,
    /// `NAME.dockerignore`, which counts before `.dockerignore`.
    own_ignore: Option<PathBuf>,
}

impl Folders {
    /// The folders for a Dockerfile.
    pub(super) fn new(dockerfile: Option<&Path>) -> Self {
        let Some(path) = dockerfile.and_then(|path| path.canonicalize().ok()) else {
            return Self {
                folders: Vec::new(),
                own_ignore: None,
            };
        };
        let above: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        let repository = above.iter().position(|folder| folder.join(".git").exists());
        let mut folders = above[..repository.map_or(1, |at| at + 1).min(above.len())].to_vec();
        folders.extend(std::env::current_dir());
        folders.sort();
        folders.dedup();
        let mut own_ignore = path.into_os_string();
        own_ignore.push(".dockerignore");
        Self {
            folders,
            own_ignore: Some(own_ignore.into()),
        }
    }

    /// The text of a file by its path in the build context.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let relative = Path::new(path);
        if !relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return None;
        }
        let own = self.own_ignore.iter().filter(|_| path == ".dockerignore");
        let mut texts: Vec<String> = own.filter_map(|path| text(path)).collect();
        if texts.is_empty() {
            texts = self
                .folders
                .iter()
                .filter_map(|folder| text(&folder.join(relative)))
                .collect();
        }
        texts.dedup();
        match texts.as_slice() {
            [text] => Some(text.clone()),
            _ => (path == ".dockerignore")
                .then(|| texts.into_iter().next())
                .flatten(),
        }
    }
}

fn text(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    let is_small = metadata.is_file() && metadata.len() <= MAX_FILE;
    is_small
        .then(|| std::fs::read_to_string(path).ok())
        .flatten()
}
