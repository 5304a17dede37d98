//! The root file system that a command runs in.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use crate::error::{Error, shown};
use crate::outcome::Now;
use crate::{changes, delegate};

/// Folders that are merged into one root (overlayfs), topmost first; a run never writes into them.
///
/// Each is the result of unpacking, or holds whiteouts (character devices 0/0) over what shall not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The folders, topmost first; at least one.
    pub layers: Vec<PathBuf>,
}

impl Root {
    /// The same without some paths and what is below them, to try what a removal does before anything is removed.
    ///
    /// The paths are absolute, and links above them are not followed; what is not there is passed over. `folder` is
    /// empty; it becomes the topmost layer.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn without<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a Path>,
        folder: &Path,
    ) -> Result<Self, Error> {
        let paths: BTreeSet<&Path> = paths.into_iter().collect();
        let cover = || -> io::Result<()> {
            self.like(Path::new("/"), folder)?;
            let mut last: Option<&Path> = None;
            for &path in &paths {
                // A folder stands before what is below it, though not always right before.
                let is_gone = last.is_some_and(|last| path.starts_with(last));
                if !is_gone && changes::find(&self.layers, path).is_some() {
                    self.whiteout(path, folder)?;
                    last = Some(path);
                }
            }
            Ok(())
        };
        let covered = delegate::as_root(|| match cover() {
            Ok(()) => Ok(String::new()),
            Err(error) => Err(error.to_string()),
        })?;
        covered.map_err(|why| {
            let doing = format!("hiding files in {}", shown(folder));
            Error::setup(doing, io::Error::other(why))
        })?;
        let layers = std::iter::once(folder.to_owned()).chain(self.layers.iter().cloned());
        Ok(Self {
            layers: layers.collect(),
        })
    }

    /// Hides one path; the folders above it look as before.
    fn whiteout(&self, path: &Path, folder: &Path) -> io::Result<()> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.pop();
        for &parent in above.iter().rev() {
            let place = changes::inside(folder, parent);
            match std::fs::create_dir(&place) {
                Ok(()) => self.like(parent, &place)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let place = changes::inside(folder, path);
        let device = rustix::fs::makedev(0, 0);
        let mode = rustix::fs::Mode::empty();
        let kind = rustix::fs::FileType::CharacterDevice;
        Ok(rustix::fs::mknodat(
            rustix::fs::CWD,
            place,
            kind,
            mode,
            device,
        )?)
    }

    /// Gives a folder the attributes that its path has.
    fn like(&self, path: &Path, folder: &Path) -> io::Result<()> {
        let Some((_, metadata)) = changes::find(&self.layers, path) else {
            return Ok(());
        };
        // With one id there is only one owner.
        let _ = chown(folder, Some(metadata.uid()), Some(metadata.gid()));
        let mode = Permissions::from_mode(metadata.mode() & 0o7777);
        std::fs::set_permissions(folder, mode)
    }

    /// What is at an absolute path before any run, in the terms of [`crate::Change`]; links above it are not
    /// followed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn now(&self, path: &Path) -> io::Result<Option<Now>> {
        changes::look_up(&self.layers, path)
    }
}
