//! The system calls that no crate wraps safely; all unsafe code of this crate that makes processes.
#![expect(
    unsafe_code,
    reason = "fork, clone3, execve, signal dispositions and a few structures passed by pointer"
)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::process::Pid;

/// The two sides of a fork.
pub(crate) enum Fork {
    /// The new process. It has one thread.
    Child,
    /// The old one.
    Parent(Pid),
}

/// Makes a copy of this process with this thread alone.
///
/// The child may allocate: glibc and musl (since 1.2.2) both leave the allocator usable in it. It must not
/// touch anything that another thread may have locked: standard streams, the environment, thread pools.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the callers keep to the above, and leave the child by `exit` or `exec` alone.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(
            Pid::from_raw(pid).ok_or(io::ErrorKind::Other)?,
        )),
    }
}

/// Makes a copy of this process, which has one thread, in new namespaces; the child gets `None`.
pub(crate) fn clone(flags: i32, signal: i32) -> io::Result<Option<(Pid, OwnedFd)>> {
    let mut pidfd: RawFd = -1;
    // SAFETY: a structure of integers, for which zeros are defaults.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (flags | libc::CLONE_PIDFD) as u64;
    args.pidfd = (&raw mut pidfd) as u64;
    args.exit_signal = signal as u64;
    // SAFETY: without CLONE_VM and with no stack given the child runs on a copy of this one, as after
    // fork(2). The process has one thread, so nothing is locked in the copy.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of_val(&args)) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => {
            let pid = Pid::from_raw(pid as i32).ok_or(io::ErrorKind::Other)?;
            // SAFETY: the kernel has just made this descriptor for us.
            Ok(Some((pid, unsafe { OwnedFd::from_raw_fd(pidfd) })))
        }
    }
}

/// Leaves a forked process without running what its parent registered for exit.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: always sound.
    unsafe { libc::_exit(code) }
}

/// A list of arguments or variables as execve(2) takes it.
pub(crate) struct Strings {
    pointers: Vec<*const libc::c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    pub(crate) fn new(owned: Vec<CString>) -> Self {
        let ends = std::iter::once(std::ptr::null());
        let pointers = owned.iter().map(|s| s.as_ptr()).chain(ends).collect();
        Self {
            pointers,
            _owned: owned,
        }
    }
}

/// Becomes another program; returns only when that fails.
pub(crate) fn exec(program: &CStr, args: &Strings, env: &Strings) -> io::Error {
    // SAFETY: both lists end with a null and own the strings that they point at.
    unsafe {
        libc::execve(
            program.as_ptr(),
            args.pointers.as_ptr(),
            env.pointers.as_ptr(),
        )
    };
    io::Error::last_os_error()
}

/// Gives every signal its default action and lets all through, as a program expects to be started.
pub(crate) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: no handler is installed; for SIGKILL, SIGSTOP and those of the C library it fails,
        // which is as good.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: the set is initialised by sigemptyset before it is used.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Closes every descriptor above standard error but these.
pub(crate) fn close_all_but(keep: &[BorrowedFd<'_>]) {
    let mut keep: Vec<u32> = keep.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    keep.sort_unstable();
    let mut from = 3;
    for fd in keep.into_iter().filter(|&fd| fd >= 3) {
        close_range(from, fd.saturating_sub(1));
        from = fd + 1;
    }
    close_range(from, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    if first <= last {
        // SAFETY: only called in a forked process, which never drops the owners of what is closed here.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// Whether others may look into this process (`PR_SET_DUMPABLE`).
pub(crate) fn set_dumpable(is_dumpable: bool) {
    // SAFETY: an integer argument.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(is_dumpable)) };
}

/// Takes new namespaces for this process, which has one thread.
pub(crate) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: the flags never hold CLONE_FILES.
    match unsafe { libc::unshare(flags) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Sets attributes of a mount and of all below it (`mount_setattr`, Linux 5.12).
pub(crate) fn set_mount_attributes(mount: BorrowedFd<'_>, attributes: u64) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    let set = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the structure outlives the call, and its size is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const set,
            size_of_val(&set),
        )
    };
    match done {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Brings the loopback interface of this network namespace up.
pub(crate) fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a structure of integers and an array, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the structure is the one that this request takes (netdevice(7)).
    match unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as _,
            &raw const request,
        )
    } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Installs a seccomp filter (seccomp(2)); `no_new_privs` must be set.
pub(crate) fn filter_calls(program: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program; it does not write to it.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    match done {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Makes a system call with integers for arguments.
#[cfg(test)]
pub(crate) fn try_call(
    call: libc::c_long,
    a: libc::c_long,
    b: libc::c_long,
    c: libc::c_long,
) -> io::Result<()> {
    // SAFETY: the tests pass no address but null, in a process that ends right after.
    match unsafe { libc::syscall(call, a, b, c, 0, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
