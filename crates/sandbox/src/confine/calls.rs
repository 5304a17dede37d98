//! The system calls that engines forbid (moby, profiles/seccomp/default.json), as far as capabilities and
//! namespaces do not forbid them anyway.
//!
//! A program sees the error that it sees in Docker: EPERM, and for `clone3` ENOSYS, upon which C libraries fall
//! back to `clone`, whose flags a filter can read.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, ENOSYS,
    EPERM, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, sock_filter,
};

/// The calls of one instruction set.
struct Calls {
    /// As the kernel names it (include/uapi/linux/audit.h).
    arch: u32,
    clone: u32,
    clone3: u32,
    unshare: u32,
    forbidden: &'static [u32],
}

const fn numbers<const N: usize>(calls: [libc::c_long; N]) -> [u32; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = calls[at] as u32;
        at += 1;
    }
    out
}

/// Keyrings are not separated by namespaces; the others are doors to kernel code that no ordinary program opens.
const NATIVE: Calls = Calls {
    #[cfg(target_arch = "x86_64")]
    arch: 0xc000_003e,
    #[cfg(target_arch = "aarch64")]
    arch: 0xc000_00b7,
    clone: libc::SYS_clone as u32,
    clone3: libc::SYS_clone3 as u32,
    unshare: libc::SYS_unshare as u32,
    forbidden: &numbers([
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_request_key,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_open_by_handle_at,
        libc::SYS_fsopen,
        libc::SYS_fspick,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_setns,
        libc::SYS_kexec_load,
        libc::SYS_quotactl,
        libc::SYS_move_pages,
    ]),
};

/// 32-bit programs on x86-64 (arch/x86/entry/syscalls/syscall_32.tbl), in the same order.
#[cfg(target_arch = "x86_64")]
const COMPAT: Calls = Calls {
    arch: 0x4000_0003,
    clone: 120,
    clone3: 435,
    unshare: 310,
    forbidden: &[
        286, 288, 287, 357, 336, 374, 425, 426, 427, 342, 430, 433, 428, 429, 21, 52, 217, 346,
        283, 131, 317,
    ],
};

#[cfg(target_arch = "x86_64")]
const ALL: &[&Calls] = &[&NATIVE, &COMPAT];
#[cfg(not(target_arch = "x86_64"))]
const ALL: &[&Calls] = &[&NATIVE];

/// Where `struct seccomp_data` holds what is asked (include/uapi/linux/seccomp.h); little-endian.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

/// The bit of calls with 32-bit pointers in 64-bit programs (x32), which engines do not allow either.
const X32: u32 = 0x4000_0000;

/// The filter: everything is allowed but what is listed.
pub(super) fn filter() -> Vec<sock_filter> {
    let mut program = Vec::new();
    for calls in ALL {
        let block = block(calls);
        program.push(statement(BPF_LD | BPF_W | BPF_ABS, ARCH));
        program.push(jump(BPF_JEQ, calls.arch, 0, block.len() as u8));
        program.extend(block);
    }
    program.push(answer(SECCOMP_RET_ERRNO | ENOSYS as u32));
    program
}

fn block(calls: &Calls) -> Vec<sock_filter> {
    let deny = answer(SECCOMP_RET_ERRNO | EPERM as u32);
    let missing = answer(SECCOMP_RET_ERRNO | ENOSYS as u32);
    let mut block = vec![statement(BPF_LD | BPF_W | BPF_ABS, NUMBER)];
    #[cfg(target_arch = "x86_64")]
    if calls.arch == NATIVE.arch {
        block.extend([jump(BPF_JSET, X32, 0, 1), missing]);
    }
    for &number in calls.forbidden {
        block.extend([jump(BPF_JEQ, number, 0, 1), deny]);
    }
    block.extend([jump(BPF_JEQ, calls.clone3, 0, 1), missing]);
    for number in [calls.clone, calls.unshare] {
        block.extend([
            jump(BPF_JEQ, number, 0, 5),
            statement(BPF_LD | BPF_W | BPF_ABS, FIRST_ARGUMENT),
            statement(BPF_ALU | BPF_AND | BPF_K, NEW_NAMESPACES),
            jump(BPF_JEQ, 0, 0, 1),
            answer(SECCOMP_RET_ALLOW),
            deny,
        ]);
    }
    block.push(answer(SECCOMP_RET_ALLOW));
    block
}

/// What docker's mask for `clone` is: with one of these the call needs rights that nobody inside has.
const NEW_NAMESPACES: u32 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u32;

const fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn jump(test: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter {
        code: (BPF_JMP | test | BPF_K) as u16,
        jt,
        jf,
        k,
    }
}

const fn answer(action: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, action)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustix::process::WaitOptions;

    use super::*;
    use crate::sys::{self, Fork};

    /// What a system call gives behind the filter: 0 or an error number.
    fn answer_to(call: libc::c_long, arguments: [libc::c_long; 3]) -> i32 {
        match sys::fork().unwrap() {
            Fork::Child => {
                rustix::thread::set_no_new_privs(true).unwrap();
                sys::filter_calls(&filter()).unwrap();
                let [a, b, c] = arguments;
                sys::exit(sys::try_call(call, a, b, c).map_or_else(number, |()| 0))
            }
            Fork::Parent(pid) => {
                let status = rustix::process::waitpid(Some(pid), WaitOptions::empty());
                let (_, status) = status.unwrap().unwrap();
                status.exit_status().unwrap()
            }
        }
    }

    fn number(error: io::Error) -> i32 {
        error.raw_os_error().unwrap_or(255)
    }

    #[test]
    fn calls_that_engines_forbid_fail_as_they_do_there() {
        for &call in NATIVE.forbidden {
            assert_eq!(answer_to(call.into(), [0; 3]), EPERM, "call {call}");
        }
        assert_eq!(answer_to(libc::SYS_clone3, [0; 3]), ENOSYS);
    }

    #[test]
    fn new_namespaces_cannot_be_made() {
        for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWNET] {
            assert_eq!(answer_to(libc::SYS_unshare, [flag.into(), 0, 0]), EPERM);
            let flags = flag | libc::SIGCHLD;
            assert_eq!(answer_to(libc::SYS_clone, [flags.into(), 0, 0]), EPERM);
        }
    }

    #[test]
    fn ordinary_calls_go_through() {
        assert_eq!(answer_to(libc::SYS_getpid, [0; 3]), 0);
        assert_eq!(
            answer_to(libc::SYS_unshare, [libc::CLONE_FS.into(), 0, 0]),
            0
        );
        assert_eq!(answer_to(libc::SYS_kill, [0, 0, 0]), 0);
    }

    #[test]
    fn every_list_names_the_same_calls() {
        for calls in ALL {
            assert_eq!(calls.forbidden.len(), NATIVE.forbidden.len());
        }
    }
}
