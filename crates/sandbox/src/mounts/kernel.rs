//! The kernel's own file systems: `/proc`, `/sys` and `/dev`, with what engines hide of them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, symlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, open_tree,
};

use super::{Inside, attach};
use crate::error::{Doing as _, Error};
use crate::process::Net;
use crate::sys;

const NOSUID: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID;
const NODEV: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NODEV;
const NOEXEC: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOEXEC;
const RDONLY: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY;

/// Names and values of mount options.
type Options = &'static [(&'static str, &'static str)];

/// What is mounted in `/dev`, of which kind (runtime-spec, config-linux.md, "Default Filesystems").
const DEV_MOUNTS: [(&str, &str, Options); 3] = [
    (
        "pts",
        "devpts",
        &[("mode", "620"), ("ptmxmode", "666"), ("gid", "5")],
    ),
    ("shm", "tmpfs", &[("mode", "1777"), ("size", "65536k")]),
    ("mqueue", "mqueue", &[]),
];

/// The devices of `/dev` (runtime-spec, config-linux.md, "Default Devices").
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The links of `/dev` (runtime-spec, runtime-linux.md, "Dev symbolic links").
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];

/// What engines hide (moby, oci/defaults.go, MaskedPaths).
const MASKED: [&str; 14] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
];

/// What engines let be read only (moby, oci/defaults.go, ReadonlyPaths).
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// Mounts `/proc`, `/sys` and `/dev`.
pub(super) fn mount(inside: &Inside, net: Net) -> Result<(), Error> {
    let proc = plain_folder(inside, "/proc")?;
    let mounted = fresh("proc", &[], NOSUID | NODEV | NOEXEC);
    attach(mounted.doing(|| PROC.to_owned())?, proc, "/proc")?;
    sys(inside, net)?;
    dev(inside)
}

const PROC: &str =
    "mounting /proc (a container in which ounce runs must not hide parts of its own /proc)";

/// A folder that is no link: nobody but the image's author would have made one, and not for a good reason.
fn plain_folder(inside: &Inside, path: &str) -> Result<OwnedFd, Error> {
    inside.folder_at(Path::new(path))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    inside
        .open(Path::new(path), flags)
        .doing(|| format!("mounting {path} on what is no folder in the image"))
}

/// A new instance of a file system that is mounted nowhere yet.
fn fresh(kind: &str, options: &[(&str, &str)], flags: MountAttrFlags) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    // What mount(8) and /proc/mounts show.
    fsconfig_set_string(context.as_fd(), "source", kind)?;
    for (key, value) in options {
        match fsconfig_set_string(context.as_fd(), *key, *value) {
            // A group that is not mapped here.
            Err(rustix::io::Errno::INVAL) if *key == "gid" => {}
            done => done?,
        }
    }
    fsconfig_create(context.as_fd())?;
    Ok(fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        flags,
    )?)
}

fn sys(inside: &Inside, net: Net) -> Result<(), Error> {
    let target = plain_folder(inside, "/sys")?;
    let flags = NOSUID | NODEV | NOEXEC | RDONLY;
    // A new instance shows the network namespace, so only who owns that may make one.
    let own = match net {
        Net::None => fresh("sysfs", &[], flags),
        Net::Host => Err(io::ErrorKind::PermissionDenied.into()),
    };
    match own.or_else(|_| copy(Path::new("/sys"), flags)) {
        Ok(mount) => attach(mount, target, "/sys")?,
        // Where neither is allowed there is none; hardly any program needs it.
        Err(_) => return Ok(()),
    }
    let place = Path::new("/sys/fs/cgroup");
    if let (Ok(target), Ok(mount)) = (
        inside.open(place, OFlags::PATH | OFlags::DIRECTORY),
        fresh("cgroup2", &[], flags),
    ) {
        attach(mount, target, "/sys/fs/cgroup")?;
    }
    Ok(())
}

/// A copy of a mount of this machine with all below it.
fn copy(path: &Path, flags: MountAttrFlags) -> io::Result<OwnedFd> {
    let how = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(CWD, path, how)?;
    sys::set_mount_attributes(mount.as_fd(), flags.bits().into())?;
    Ok(mount)
}

fn dev(inside: &Inside) -> Result<(), Error> {
    let doing = || "making /dev".to_owned();
    let target = inside.folder_at(Path::new("/dev"))?;
    let options = [("mode", "755"), ("size", "65536k")];
    let dev = fresh("tmpfs", &options, NOSUID).doing(doing)?;
    attach(&dev, target, "/dev")?;
    for name in DEVICES {
        let place = file(dev.as_fd(), name).doing(doing)?;
        // Read-only: a device can be written to all the same, but its node is the machine's, and to change its
        // mode root needs no more than to be root.
        let device = copy(&Path::new("/dev").join(name), NOSUID | NOEXEC | RDONLY);
        attach(
            device.doing(|| format!("binding /dev/{name}"))?,
            place,
            name,
        )?;
    }
    for (name, target) in LINKS {
        symlinkat(target, &dev, name).doing(doing)?;
    }
    for (name, kind, options) in DEV_MOUNTS {
        mkdirat(&dev, name, Mode::from_raw_mode(0o755)).doing(doing)?;
        let flags = match name {
            "pts" => NOSUID | NOEXEC,
            _ => NOSUID | NODEV | NOEXEC,
        };
        match fresh(kind, options, flags) {
            Ok(mount) => {
                let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let place = openat(&dev, name, how, Mode::empty()).doing(doing)?;
                attach(mount, place, name)?;
            }
            // Kernels are built without message queues.
            Err(_) if name == "mqueue" => {}
            Err(error) => return Err(Error::setup(format!("mounting /dev/{name}"), error)),
        }
    }
    Ok(())
}

fn file(folder: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::from_raw_mode(0o666))?)
}

/// Settings of the namespaces, while `/proc/sys` can still be written.
///
/// At most this many processes and threads are there at one time: their numbers end there (Linux 6.14, where the
/// limit belongs to the namespace). The network settings are Docker's.
pub(crate) fn open_kernel_interfaces(processes: u32) {
    // Numbers below 300 are not given out again once all were used (kernel/pid.c, RESERVED_PIDS).
    let highest = processes.saturating_add(300).to_string();
    let _ = std::fs::write("/proc/sys/kernel/pid_max", highest);
    let _ = std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    let _ = std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

/// Hides what could be used against the machine, and forbids writing to the rest.
pub(crate) fn close_kernel_interfaces() -> Result<(), Error> {
    for path in READ_ONLY {
        if let Ok(mount) = copy(Path::new(path), NOSUID | NODEV | NOEXEC | RDONLY) {
            cover(mount, path)?;
        }
    }
    for path in MASKED {
        let Ok(metadata) = std::fs::symlink_metadata(path) else {
            continue;
        };
        let mask = match metadata.is_dir() {
            true => fresh("tmpfs", &[("size", "0")], RDONLY | NOSUID | NODEV | NOEXEC),
            false => copy(Path::new("/dev/null"), NOSUID | NOEXEC | RDONLY),
        };
        cover(mask.doing(|| format!("hiding {path}"))?, path)?;
    }
    Ok(())
}

fn cover(mount: OwnedFd, path: &str) -> Result<(), Error> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let target = openat(CWD, path, flags, Mode::empty()).doing(|| format!("hiding {path}"))?;
    attach(mount, target, path)
}
