//! Which system calls name a file, and where in their arguments.
//!
//! Names are from the kernel's `include/linux/syscalls.h`; numbers from libc for this architecture, or, for calls
//! that came after the numbers of all architectures were made equal (from 424 on,
//! `scripts/syscall.tbl`), written out. Calls that act on an open file are not here: opening it was recorded.
//! But for those that list a folder or change a file's attributes.

use super::How;

/// What a system call touches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Its number.
    pub(super) number: i64,
    /// What it names; two for the likes of `rename`.
    pub(super) subjects: &'static [Subject],
}

/// One thing that a call names. Numbers are positions of arguments, from 0.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    /// A path.
    Path {
        /// The folder descriptor that a relative path starts from; the working folder without one.
        at: Option<usize>,
        /// The path.
        path: usize,
        /// What happens to it.
        how: How,
        /// What happens where the path's last part is a symbolic link.
        last: Last,
    },
    /// A path with the flags of `open`, which say what happens to it.
    Open {
        /// As in [`Subject::Path`].
        at: Option<usize>,
        /// As in [`Subject::Path`].
        path: usize,
        /// Where the flags are.
        flags: Flags,
    },
    /// A program, run in place of the caller.
    Program {
        /// As in [`Subject::Path`].
        at: Option<usize>,
        /// As in [`Subject::Path`].
        path: usize,
        /// `AT_*` flags.
        flags: Option<usize>,
    },
    /// An open file or folder.
    Descriptor {
        /// The descriptor.
        fd: usize,
        /// What happens to it.
        how: How,
    },
    /// The address of a socket, which has a path where the family is `AF_UNIX`.
    Address {
        /// Where the address is; its length is the argument after it.
        address: usize,
        /// What happens to it.
        how: How,
    },
    /// Nothing, but the flags of a new process, that could hide it from us.
    Clone(Flags),
}

/// Where the flags of a call are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flags {
    /// An argument.
    Argument(usize),
    /// The first member of the structure that an argument points to.
    Pointed(usize),
    /// There are none; these are meant.
    Fixed(i32),
}

/// What happens where the last part of a path is a symbolic link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Last {
    /// It is followed.
    Follow,
    /// It is meant itself.
    Keep,
    /// It is followed unless the argument has the flag.
    FollowUnless(usize, i32),
    /// It is followed if the argument has the flag.
    FollowIf(usize, i32),
}

/// The call with this number.
pub(super) fn find(number: u64) -> Option<&'static Call> {
    let tables = [CALLS, OLD_CALLS];
    tables
        .into_iter()
        .flatten()
        .find(|call| u64::try_from(call.number) == Ok(number))
}

/// The numbers of all calls.
pub(super) fn numbers() -> impl Iterator<Item = i64> {
    CALLS.iter().chain(OLD_CALLS).map(|call| call.number)
}

const NOFOLLOW: i32 = libc::AT_SYMLINK_NOFOLLOW;

const fn call(number: i64, subjects: &'static [Subject]) -> Call {
    Call { number, subjects }
}

const fn path(path: usize, how: How, last: Last) -> Subject {
    let at = None;
    Subject::Path {
        at,
        path,
        how,
        last,
    }
}

/// A path after the descriptor of its folder.
const fn path_at(at: usize, how: How, last: Last) -> Subject {
    Subject::Path {
        at: Some(at),
        path: at + 1,
        how,
        last,
    }
}

const fn open(at: Option<usize>, path: usize, flags: Flags) -> Subject {
    Subject::Open { at, path, flags }
}

const fn descriptor(how: How) -> Subject {
    Subject::Descriptor { fd: 0, how }
}

use How::{Folder, Link, Open, Stat, Write};
use Last::{Follow, FollowIf, FollowUnless, Keep};

#[rustfmt::skip]
const CALLS: &[Call] = &[
    call(libc::SYS_openat, &[open(Some(0), 1, Flags::Argument(2))]),
    call(libc::SYS_openat2, &[open(Some(0), 1, Flags::Pointed(2))]),
    call(libc::SYS_execve, &[Subject::Program { at: None, path: 0, flags: None }]),
    call(libc::SYS_execveat, &[Subject::Program { at: Some(0), path: 1, flags: Some(4) }]),
    call(libc::SYS_newfstatat, &[path_at(0, Stat, FollowUnless(3, NOFOLLOW))]),
    call(libc::SYS_statx, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(libc::SYS_faccessat, &[path_at(0, Stat, Follow)]),
    call(libc::SYS_faccessat2, &[path_at(0, Stat, FollowUnless(3, NOFOLLOW))]),
    call(libc::SYS_readlinkat, &[path_at(0, Link, Keep)]),
    call(libc::SYS_statfs, &[path(0, Stat, Follow)]),
    call(libc::SYS_name_to_handle_at, &[path_at(0, Stat, FollowIf(4, libc::AT_SYMLINK_FOLLOW))]),
    call(libc::SYS_inotify_add_watch, &[path(1, Stat, FollowUnless(2, 0x0200_0000))]), // IN_DONT_FOLLOW, inotify.h
    call(libc::SYS_fanotify_mark, &[path_at(3, Stat, FollowUnless(1, 0x4))]), // FAN_MARK_DONT_FOLLOW, fanotify.h
    call(libc::SYS_getdents64, &[descriptor(Folder)]),
    call(libc::SYS_chdir, &[path(0, Folder, Follow)]),
    call(libc::SYS_fchdir, &[descriptor(Folder)]),
    call(libc::SYS_chroot, &[path(0, Folder, Follow)]),
    call(libc::SYS_pivot_root, &[path(0, Folder, Follow), path(1, Folder, Follow)]),
    call(libc::SYS_mount, &[path(0, Stat, Follow), path(1, Stat, Follow)]),
    call(libc::SYS_umount2, &[path(0, Stat, FollowUnless(1, libc::UMOUNT_NOFOLLOW))]),
    call(libc::SYS_mkdirat, &[path_at(0, Write, Keep)]),
    call(libc::SYS_mknodat, &[path_at(0, Write, Keep)]),
    call(libc::SYS_unlinkat, &[path_at(0, Write, Keep)]),
    call(libc::SYS_symlinkat, &[path_at(1, Write, Keep)]),
    call(libc::SYS_linkat, &[path_at(0, Open, FollowIf(4, libc::AT_SYMLINK_FOLLOW)), path_at(2, Write, Keep)]),
    call(libc::SYS_renameat, &[path_at(0, Write, Keep), path_at(2, Write, Keep)]),
    call(libc::SYS_renameat2, &[path_at(0, Write, Keep), path_at(2, Write, Keep)]),
    call(libc::SYS_truncate, &[path(0, Write, Follow)]),
    call(libc::SYS_fchmodat, &[path_at(0, Write, Follow)]),
    call(libc::SYS_fchownat, &[path_at(0, Write, FollowUnless(4, NOFOLLOW))]),
    call(libc::SYS_utimensat, &[path_at(0, Write, FollowUnless(3, NOFOLLOW))]),
    call(libc::SYS_fchmod, &[descriptor(Write)]),
    call(libc::SYS_fchown, &[descriptor(Write)]),
    call(libc::SYS_getxattr, &[path(0, Stat, Follow)]),
    call(libc::SYS_lgetxattr, &[path(0, Stat, Keep)]),
    call(libc::SYS_listxattr, &[path(0, Stat, Follow)]),
    call(libc::SYS_llistxattr, &[path(0, Stat, Keep)]),
    call(libc::SYS_setxattr, &[path(0, Write, Follow)]),
    call(libc::SYS_lsetxattr, &[path(0, Write, Keep)]),
    call(libc::SYS_removexattr, &[path(0, Write, Follow)]),
    call(libc::SYS_lremovexattr, &[path(0, Write, Keep)]),
    call(libc::SYS_fsetxattr, &[descriptor(Write)]),
    call(libc::SYS_fremovexattr, &[descriptor(Write)]),
    call(libc::SYS_bind, &[Subject::Address { address: 1, how: Write }]),
    call(libc::SYS_connect, &[Subject::Address { address: 1, how: Open }]),
    call(libc::SYS_acct, &[path(0, Write, Follow)]),
    call(libc::SYS_swapon, &[path(0, Open, Follow)]),
    // The new interface for mounts: `fs/namespace.c`.
    call(libc::SYS_open_tree, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(libc::SYS_move_mount, &[path_at(0, Stat, FollowIf(4, 0x1)), path_at(2, Stat, FollowIf(4, 0x10))]), // MOVE_MOUNT_{F,T}_SYMLINKS, mount.h
    call(libc::SYS_fspick, &[path_at(0, Stat, FollowUnless(2, 0x2))]), // FSPICK_SYMLINK_NOFOLLOW, mount.h
    call(libc::SYS_mount_setattr, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(452 /* fchmodat2 */, &[path_at(0, Write, FollowUnless(3, NOFOLLOW))]),
    call(463 /* setxattrat */, &[path_at(0, Write, FollowUnless(2, NOFOLLOW))]),
    call(464 /* getxattrat */, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(465 /* listxattrat */, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(466 /* removexattrat */, &[path_at(0, Write, FollowUnless(2, NOFOLLOW))]),
    call(467 /* open_tree_attr */, &[path_at(0, Stat, FollowUnless(2, NOFOLLOW))]),
    call(468 /* file_getattr */, &[path_at(0, Stat, FollowUnless(4, NOFOLLOW))]),
    call(469 /* file_setattr */, &[path_at(0, Write, FollowUnless(4, NOFOLLOW))]),
    // These change what a path means, or who is watched.
    call(libc::SYS_unshare, &[]),
    call(libc::SYS_setns, &[]),
    call(libc::SYS_clone, &[Subject::Clone(Flags::Argument(0))]),
    call(libc::SYS_clone3, &[Subject::Clone(Flags::Pointed(0))]),
];

/// What newer architectures lack (`include/uapi/asm-generic/unistd.h`).
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLD_CALLS: &[Call] = &[
    call(libc::SYS_open, &[open(None, 0, Flags::Argument(1))]),
    call(libc::SYS_creat, &[open(None, 0, Flags::Fixed(libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC))]),
    call(libc::SYS_stat, &[path(0, Stat, Follow)]),
    call(libc::SYS_lstat, &[path(0, Stat, Keep)]),
    call(libc::SYS_access, &[path(0, Stat, Follow)]),
    call(libc::SYS_readlink, &[path(0, Link, Keep)]),
    call(libc::SYS_getdents, &[descriptor(Folder)]),
    call(libc::SYS_mkdir, &[path(0, Write, Keep)]),
    call(libc::SYS_mknod, &[path(0, Write, Keep)]),
    call(libc::SYS_rmdir, &[path(0, Write, Keep)]),
    call(libc::SYS_unlink, &[path(0, Write, Keep)]),
    call(libc::SYS_symlink, &[path(1, Write, Keep)]),
    call(libc::SYS_link, &[path(0, Open, Keep), path(1, Write, Keep)]),
    call(libc::SYS_rename, &[path(0, Write, Keep), path(1, Write, Keep)]),
    call(libc::SYS_chmod, &[path(0, Write, Follow)]),
    call(libc::SYS_chown, &[path(0, Write, Follow)]),
    call(libc::SYS_lchown, &[path(0, Write, Keep)]),
    call(libc::SYS_utime, &[path(0, Write, Follow)]),
    call(libc::SYS_utimes, &[path(0, Write, Follow)]),
    call(libc::SYS_futimesat, &[path_at(0, Write, Follow)]),
    call(libc::SYS_uselib, &[path(0, Open, Follow)]),
];

#[cfg(not(target_arch = "x86_64"))]
const OLD_CALLS: &[Call] = &[];
