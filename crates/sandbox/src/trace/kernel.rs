//! The calls of the kernel that tracing needs and that no safe library offers: ptrace, seccomp and reading
//! another process' memory. Each is one function, and nothing else here is unsafe.

#![expect(
    unsafe_code,
    reason = "ptrace, seccomp and process_vm_readv have no safe interface"
)]

use std::io;
use std::ptr;

use libc::{c_long, c_void, pid_t};
use rustix::process::{WaitOptions, WaitStatus, wait};

/// What `PTRACE_GET_SYSCALL_INFO` tells at a stop (`struct ptrace_syscall_info`, `linux/ptrace.h`).
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    /// At the filter, before the call.
    Filter {
        /// Which architecture's call it is (`AUDIT_ARCH_*`).
        architecture: u32,
        /// The number of the call.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
    },
    /// After a call.
    Exit {
        /// What it returned: negative for an error.
        value: i64,
    },
    /// Anywhere else.
    Other,
}

/// How a stopped thread goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resume {
    /// Until the next thing that is reported, with this signal delivered (0 for none).
    Run(i32),
    /// The same, and it stops at the end of the call that it is in.
    ToExit,
    /// It stays stopped by a signal, as it would untraced.
    StayStopped,
}

/// Begins to trace a process; it, and what it starts, dies when the calling thread ends.
pub(super) fn seize(pid: pid_t) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_EXITKILL;
    let options = usize::try_from(options).expect("the options are positive");
    // SAFETY: PTRACE_SEIZE takes no address and its options by value.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_SEIZE,
            pid,
            ptr::null_mut::<c_void>(),
            ptr::without_provenance_mut::<c_void>(options),
        )
    };
    checked(answer).map(drop)
}

/// Lets a stopped thread go on.
pub(super) fn resume(thread: pid_t, how: Resume) -> io::Result<()> {
    let (request, signal) = match how {
        Resume::Run(signal) => (libc::PTRACE_CONT, signal),
        Resume::ToExit => (libc::PTRACE_SYSCALL, 0),
        Resume::StayStopped => (libc::PTRACE_LISTEN, 0),
    };
    let signal = usize::try_from(signal).unwrap_or_default();
    // SAFETY: these requests take no address and the signal by value.
    let answer = unsafe {
        libc::ptrace(
            request,
            thread,
            ptr::null_mut::<c_void>(),
            ptr::without_provenance_mut::<c_void>(signal),
        )
    };
    checked(answer).map(drop)
}

/// Tells where in a system call a stopped thread is.
pub(super) fn stop(thread: pid_t) -> io::Result<Stop> {
    // Words of the structure: kind and architecture, instruction, stack; then number, six arguments
    // and the filter's data, or the returned value.
    let mut words = [0u64; 11];
    // SAFETY: the kernel writes at most as many bytes as it is told that `words` has.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GET_SYSCALL_INFO,
            thread,
            ptr::without_provenance_mut::<c_void>(size_of_val(&words)),
            words.as_mut_ptr().cast::<c_void>(),
        )
    };
    checked(answer)?;
    let kind = words[0].to_ne_bytes()[0];
    Ok(match kind {
        libc::PTRACE_SYSCALL_INFO_SECCOMP => Stop::Filter {
            architecture: high(words[0]),
            number: words[3],
            arguments: [words[4], words[5], words[6], words[7], words[8], words[9]],
        },
        libc::PTRACE_SYSCALL_INFO_EXIT => Stop::Exit {
            value: words[3].cast_signed(),
        },
        _ => Stop::Other,
    })
}

/// The last four bytes of a word, as they lie in memory.
fn high(word: u64) -> u32 {
    let bytes = word.to_ne_bytes();
    u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
}

/// The number that belongs to the event of a stopped thread (`PTRACE_GETEVENTMSG`).
pub(super) fn message(thread: pid_t) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long to the address.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            thread,
            ptr::null_mut::<c_void>(),
            (&raw mut message).cast::<c_void>(),
        )
    };
    checked(answer)?;
    Ok(message)
}

/// Waits for any traced thread of the calling thread to stop or end; `None` when there are no more.
pub(super) fn next() -> io::Result<Option<(pid_t, WaitStatus)>> {
    let flags = (libc::__WALL | libc::__WNOTHREAD).cast_unsigned();
    loop {
        match wait(WaitOptions::from_bits_retain(flags)) {
            Ok(Some((pid, status))) => return Ok(Some((pid.as_raw_nonzero().get(), status))),
            Ok(None) => unreachable!("waiting without WNOHANG returns a thread"),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads a process' memory from an address on, up to the first page that is not there, and tells how much it read.
pub(super) fn read(pid: pid_t, address: u64, into: &mut [u8]) -> io::Result<usize> {
    const PAGE: usize = 4096;
    let start = usize::try_from(address).map_err(io::Error::other)?;
    let first = (PAGE - start % PAGE).min(into.len());
    let Some(second) = start.checked_add(first) else {
        return Ok(0);
    };
    let local = [libc::iovec {
        iov_base: into.as_mut_ptr().cast::<c_void>(),
        iov_len: into.len(),
    }];
    // A piece is copied whole or not at all, so that the pieces end with the first page.
    let remote = [(start, first), (second, into.len() - first)].map(|(base, length)| libc::iovec {
        iov_base: ptr::without_provenance_mut::<c_void>(base),
        iov_len: length,
    });
    let pieces = if first == into.len() { 1 } else { 2 };
    // SAFETY: the kernel writes to `into` alone; addresses of the other process are only numbers to us.
    let count =
        unsafe { libc::process_vm_readv(pid, local.as_ptr(), 1, remote.as_ptr(), pieces, 0) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Gives the calling thread a filter of system calls, for good.
///
/// Allocates nothing and takes no lock: it is called between fork and exec.
pub(super) fn filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, whose address and length are of the same slice.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    checked(answer).map(drop)
}

fn checked(answer: c_long) -> io::Result<c_long> {
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer)
}
