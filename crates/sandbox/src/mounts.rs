//! The file system that a command sees: the root as an overlay, and what engines mount into it.
//!
//! Nothing in the root is trusted: a place to mount on is looked up inside it (openat2 with RESOLVE_IN_ROOT,
//! which follows no magic link), and mounts are put on the descriptor that was found, not on a path.

mod kernel;
mod places;

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    mount, mount_change, move_mount, open_tree, unmount,
};

use crate::changes;
use crate::error::{Doing as _, Error, shown};
use crate::outcome::Change;
use crate::process::{Net, Process, Volume};
use crate::sys;

pub(crate) use kernel::{close_kernel_interfaces, open_kernel_interfaces};
pub(crate) use places::{Root as Inside, read_small};

/// Names in the scratch folder.
const UPPER: &str = "upper";
const WORK: &str = "work";
const MERGED: &str = "root";
const FILES: &str = "etc";

/// The folder that takes what the command writes.
pub(crate) fn upper(scratch: &Path) -> PathBuf {
    scratch.join(UPPER)
}

/// Takes away what [`enter`] made; what cannot be taken is in a folder that its owner throws away.
pub(crate) fn remove(scratch: &Path) {
    for name in [UPPER, WORK, MERGED, FILES] {
        let _ = std::fs::remove_dir_all(scratch.join(name));
    }
}

/// Makes the folders of the scratch folder that the mounts need.
fn prepare(scratch: &Path, root: &Path) -> Result<(), Error> {
    for name in [UPPER, WORK, MERGED, FILES] {
        let path = scratch.join(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
        .doing(|| format!("making {}", shown(&path)))?;
    }
    like_root(&scratch.join(UPPER), root)
}

/// The upper folder is what the command sees as `/`.
fn like_root(upper: &Path, root: &Path) -> Result<(), Error> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let metadata = std::fs::metadata(root).doing(|| format!("reading {}", shown(root)))?;
    let mode = std::fs::Permissions::from_mode(metadata.mode() & 0o7777);
    // With one id there is only one owner.
    let _ = chown(upper, Some(metadata.uid()), Some(metadata.gid()));
    std::fs::set_permissions(upper, mode).doing(|| format!("preparing {}", shown(upper)))
}

/// Makes the overlay, enters it as the new `/` with everything that engines mount, and says what that
/// changed in it.
///
/// This process is alone in new mount, pid, ipc and uts namespaces.
pub(crate) fn enter(
    layers: &[PathBuf],
    scratch: &Path,
    process: &Process,
) -> Result<Vec<Change>, Error> {
    prepare(scratch, &layers[0])?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .doing(|| "taking this machine's mounts apart".to_owned())?;
    let root = overlay(layers, scratch)?;
    let inside = Inside::new(root);
    kernel::mount(&inside, process.net)?;
    own_files(&inside, scratch, process)?;
    for volume in &process.volumes {
        bind_volume(&inside, volume)?;
    }
    for file in &process.files {
        inside.write(&file.path, &file.content, file.mode)?;
    }
    inside.folder_at(&process.workdir)?;
    let made = changes::list(&scratch.join(UPPER), layers)
        .doing(|| "looking at the prepared root".to_owned())?;
    pivot(&inside)?;
    Ok(made)
}

/// Merges the layers under a fresh upper folder.
fn overlay(layers: &[PathBuf], scratch: &Path) -> Result<OwnedFd, Error> {
    let folders = layers
        .iter()
        .map(|layer| open_folder(layer))
        .collect::<Result<Vec<_>, _>>()?;
    // Descriptors for paths: short enough for one page of options whatever the paths are, free of the
    // colons and commas that would have to be quoted, and nothing of this machine shows in /proc/mounts.
    let lower = folders
        .iter()
        .map(|folder| format!("/proc/self/fd/{}", folder.as_raw_fd()))
        .collect::<Vec<_>>()
        .join(":");
    let place = || format!("mounting an overlay in {}", shown(scratch));
    rustix::process::chdir(scratch).doing(place)?;
    // volatile: the upper folder is thrown away, so nothing in it need ever be on the disk.
    let options = format!("lowerdir={lower},upperdir={UPPER},workdir={WORK},userxattr,volatile\0");
    let options = std::ffi::CStr::from_bytes_with_nul(options.as_bytes())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
        .doing(place)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("overlay", MERGED, "overlay", flags, Some(options)).doing(place)?;
    open_folder(Path::new(MERGED))
}

fn open_folder(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).doing(|| format!("opening {}", shown(path)))
}

/// `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname` as Docker makes them.
fn own_files(inside: &Inside, scratch: &Path, process: &Process) -> Result<(), Error> {
    let resolver = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let hosts = match process.net {
        Net::None => HOSTS.to_owned(),
        Net::Host => std::fs::read_to_string("/etc/hosts").unwrap_or_default(),
    };
    let files = [
        ("hosts", hosts.into_bytes()),
        ("resolv.conf", resolver),
        ("hostname", format!("{}\n", process.hostname).into_bytes()),
    ];
    for (name, content) in files {
        let source = scratch.join(FILES).join(name);
        std::fs::write(&source, content).doing(|| format!("writing {}", shown(&source)))?;
        let target = inside.file_at(&Path::new("/etc").join(name))?;
        let mount = open_tree(CWD, &source, OpenTreeFlags::OPEN_TREE_CLONE)
            .doing(|| format!("binding {}", shown(&source)))?;
        attach(&mount, &target, name)?;
    }
    Ok(())
}

/// What Docker writes for `--network none`.
const HOSTS: &str = "127.0.0.1\tlocalhost\n\
::1\tlocalhost ip6-localhost ip6-loopback\n\
fe00::0\tip6-localnet\n\
ff00::0\tip6-mcastprefix\n\
ff02::1\tip6-allnodes\n\
ff02::2\tip6-allrouters\n";

fn bind_volume(inside: &Inside, volume: &Volume) -> Result<(), Error> {
    let doing = || format!("binding {}", shown(&volume.source));
    let is_folder = std::fs::metadata(&volume.source).doing(doing)?.is_dir();
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(CWD, &volume.source, flags).doing(doing)?;
    let mut attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    if volume.read_only {
        attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY;
    }
    sys::set_mount_attributes(mount.as_fd(), attributes.bits().into()).doing(doing)?;
    let target = match is_folder {
        true => inside.folder_at(&volume.target)?,
        false => inside.file_at(&volume.target)?,
    };
    attach(&mount, &target, &shown(&volume.target))
}

/// Puts a mount that is nowhere yet on a file or folder.
fn attach(mount: impl AsFd, target: impl AsFd, name: &str) -> Result<(), Error> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags).doing(|| format!("mounting {name}"))
}

/// Makes the overlay the root of this mount namespace and forgets the machine's (pivot_root(2), NOTES).
fn pivot(inside: &Inside) -> Result<(), Error> {
    let doing = || "entering the root".to_owned();
    rustix::process::fchdir(inside.folder()).doing(doing)?;
    rustix::process::pivot_root(".", ".").doing(doing)?;
    unmount(".", UnmountFlags::DETACH).doing(doing)?;
    rustix::process::chdir("/").doing(doing)
}
