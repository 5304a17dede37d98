//! Hides paths of a root without touching it: a layer of whiteouts (kernel, Documentation/filesystems/overlayfs.rst,
//! "whiteouts and opaque directories").

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, mknodat, utimensat,
};

use super::Root;

/// Prefixes of the attributes that overlayfs keeps for itself.
const OVERLAY: [&[u8]; 2] = [b"user.overlay.", b"trusted.overlay."];
/// The most that Linux lets an attribute or the list of their names hold (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MAX_XATTR: usize = 64 << 10;

impl Root {
    /// The root without these absolute paths and what lies below them; `folder` is an empty one that holds the whiteouts for as
    /// long as the result is used.
    ///
    /// Links in the paths are not followed, and each has real folders above it. The folders keep their attributes.
    ///
    /// # Errors
    ///
    /// When a path is not in the root, or the folder cannot be written to.
    pub fn without(&self, paths: &BTreeSet<PathBuf>, folder: &Path) -> io::Result<Self> {
        let mut folders = BTreeSet::from([PathBuf::new()]);
        for path in paths {
            let path = relative(path);
            let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
            for above in above.collect::<Vec<_>>().into_iter().rev() {
                if folders.insert(above.to_owned()) {
                    fs::DirBuilder::new().mode(0o700).create(folder.join(above))?;
                }
            }
            let place = folder.join(&path);
            mknodat(CWD, place, FileType::CharacterDevice, Mode::empty(), 0)?;
        }
        // Deepest first: a mode may forbid to enter, and what is made in a folder changes its times.
        for path in folders.iter().rev() {
            self.same_attributes(path, &folder.join(path))?;
        }
        let layers = [folder.to_owned()].into_iter().chain(self.layers.clone());
        Ok(Self {
            layers: layers.collect(),
        })
    }

    fn same_attributes(&self, path: &Path, to: &Path) -> io::Result<()> {
        let (from, metadata) = self.folder(path)?;
        lchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
        let mut names = vec![0; MAX_XATTR];
        let len = llistxattr(&from, &mut names[..])?;
        let names = names[..len].split(|byte| *byte == 0);
        for name in names.filter(|name| !name.is_empty()) {
            if OVERLAY.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            let mut value = vec![0; MAX_XATTR];
            let len = lgetxattr(&from, name, &mut value[..])?;
            lsetxattr(to, name, &value[..len], XattrFlags::empty())?;
        }
        fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
        let time = |secs, nanos| Timespec {
            tv_sec: secs,
            tv_nsec: nanos,
        };
        let times = Timestamps {
            last_access: time(metadata.atime(), metadata.atime_nsec()),
            last_modification: time(metadata.mtime(), metadata.mtime_nsec()),
        };
        Ok(utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The topmost layer's folder at a path.
    fn folder(&self, path: &Path) -> io::Result<(PathBuf, Metadata)> {
        let places = self.layers.iter().map(|layer| layer.join(path));
        let mut found = places.filter_map(|place| {
            let metadata = fs::symlink_metadata(&place).ok()?;
            metadata.is_dir().then_some((place, metadata))
        });
        let missing = || io::Error::other(format!("{} is no folder", Path::new("/").join(path).display()));
        found.next().ok_or_else(missing)
    }
}

/// A path without what leads out of a folder.
fn relative(path: &Path) -> PathBuf {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    names.collect()
}
