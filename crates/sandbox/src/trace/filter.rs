//! The seccomp filter that lets a process run at full speed but for the calls that name files.
//!
//! What it says is inherited by everything that the process starts and cannot be taken back (seccomp(2)). The
//! calls stop for the tracer (`SECCOMP_RET_TRACE`); all others are allowed, which the kernel
//! remembers per call, so they cost nothing.

use std::io;
use std::os::fd::BorrowedFd;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::{calls, kernel};

/// The most instructions that the filter may have; a test shows that it fits.
const CAPACITY: usize = 256;

/// Bit of x86-64's calls with 32-bit pointers (`__X32_SYSCALL_BIT`, `asm/unistd.h`).
const X32: u32 = 0x4000_0000;

/// `AUDIT_ARCH_*` of `linux/audit.h`: what this program was built for.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_003e;
/// `AUDIT_ARCH_*` of `linux/audit.h`: what this program was built for.
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;

// Offsets in `struct seccomp_data`, `linux/seccomp.h`; both architectures are little-endian.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

/// Makes the calling process traced from here on: for a child, right before it executes the command.
///
/// Waits until the [`super::Supervisor`] at the other end of the socket is ready. It is async-signal-safe: it
/// allocates nothing and takes no lock.
///
/// # Errors
///
/// Whatever the kernel refuses; the command must not be run then.
pub(crate) fn install(socket: BorrowedFd<'_>) -> io::Result<()> {
    // A process that changed its user is closed to its tracer until it executes something.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::net::send(socket, b"?", SendFlags::NOSIGNAL)?;
    let mut answer = [0u8; 1];
    loop {
        match rustix::net::recv(socket, &mut answer, RecvFlags::empty()) {
            Ok((1, _)) => break,
            Err(Errno::INTR) => {}
            Ok(_) => return Err(Errno::PERM.into()),
            Err(error) => return Err(error.into()),
        }
    }
    let (program, length) = program();
    kernel::filter(&program[..length])
}

/// The filter, and how many of its instructions count.
fn program() -> ([sock_filter; CAPACITY], usize) {
    let mut program = Program {
        code: [statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW); CAPACITY],
        length: 0,
    };
    program.push(load(ARCH));
    program.unless(BPF_JEQ, ARCHITECTURE, TRACE);
    program.push(load(NUMBER));
    program.when(BPF_JGE, X32, MISSING);
    // Its calls pass every filter (io_uring(7)); docker's own profile refuses it too.
    program.when(BPF_JEQ, number(libc::SYS_io_uring_setup), MISSING);
    for call in calls::numbers().filter(|call| *call != libc::SYS_clone) {
        program.when(BPF_JEQ, number(call), TRACE);
    }
    program.push(jump(BPF_JEQ, number(libc::SYS_clone), 0, 3));
    program.push(load(FIRST_ARGUMENT));
    program.when(BPF_JSET, libc::CLONE_UNTRACED.cast_unsigned(), TRACE);
    program.push(statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
    (program.code, program.length)
}

/// "No such system call", which makes a program do without.
const MISSING: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();

const TRACE: u32 = libc::SECCOMP_RET_TRACE;

fn number(call: i64) -> u32 {
    u32::try_from(call).expect("system calls have small numbers")
}

struct Program {
    code: [sock_filter; CAPACITY],
    length: usize,
}

impl Program {
    fn push(&mut self, instruction: sock_filter) {
        self.code[self.length] = instruction;
        self.length += 1;
    }

    /// Returns the action if what was loaded compares so.
    fn when(&mut self, compare: u32, value: u32, action: u32) {
        self.push(jump(compare, value, 0, 1));
        self.push(statement(BPF_RET | BPF_K, action));
    }

    /// Returns the action if what was loaded does not compare so.
    fn unless(&mut self, compare: u32, value: u32, action: u32) {
        self.push(jump(compare, value, 1, 0));
        self.push(statement(BPF_RET | BPF_K, action));
    }
}

fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn statement(code: u32, k: u32) -> sock_filter {
    instruction(code, k, 0, 0)
}

fn jump(compare: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    instruction(BPF_JMP | compare | BPF_K, k, jt, jf)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    let code = u16::try_from(code).expect("codes of instructions are small");
    sock_filter { code, jt, jf, k }
}
