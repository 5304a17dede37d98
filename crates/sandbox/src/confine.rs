//! What a command may not do: capabilities, limits, and system calls that reach into the kernel.

mod calls;

use std::io;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::{Doing as _, Error};
use crate::users::User;

/// What root inside may do (moby, oci/caps/defaults.go); it counts for what the sandbox owns alone.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// How many files may be open: Docker's default.
const OPEN_FILES: u64 = 1 << 20;

/// Sets the limits and the file mode mask.
pub(crate) fn limit() -> Result<(), Error> {
    let doing = || "setting limits".to_owned();
    let none = Some(0);
    let no_core = Rlimit {
        current: none,
        maximum: none,
    };
    setrlimit(Resource::Core, no_core).doing(doing)?;
    let allowed = getrlimit(Resource::Nofile).maximum;
    let files = Some(allowed.map_or(OPEN_FILES, |most| most.min(OPEN_FILES)));
    let files = Rlimit {
        current: files,
        maximum: files,
    };
    setrlimit(Resource::Nofile, files).doing(doing)?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    Ok(())
}

/// Becomes a user for good: ids, groups and at most the capabilities that engines give.
pub(crate) fn become_user(user: &User) -> Result<(), Error> {
    let doing = || format!("becoming user {}:{}", user.uid, user.gid);
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if !KEPT.contains(capability) {
            match remove_capability_from_bounding_set(capability) {
                // The kernel knows no more.
                Err(rustix::io::Errno::INVAL) => break,
                done => done.doing(doing)?,
            }
        }
    }
    let gid = Some(rustix::process::Gid::from_raw(user.gid));
    let uid = Some(rustix::process::Uid::from_raw(user.uid));
    let groups: Vec<_> = user
        .groups
        .iter()
        .map(|&gid| rustix::process::Gid::from_raw(gid))
        .collect();
    match set_thread_groups(&groups) {
        // With one id, or where groups are not mapped: there are none to take.
        Err(rustix::io::Errno::PERM | rustix::io::Errno::INVAL) => {}
        done => done.doing(doing)?,
    }
    let set = set_thread_res_gid(gid, gid, gid).and_then(|()| set_thread_res_uid(uid, uid, uid));
    match set {
        Err(rustix::io::Errno::INVAL) => return Err(not_mapped(user)),
        done => done.doing(doing)?,
    }
    let kept = match user.uid {
        0 => KEPT,
        _ => CapabilitySet::empty(),
    };
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).doing(doing)?;
    Ok(())
}

fn not_mapped(user: &User) -> Error {
    Error::User {
        user: format!("{}:{}", user.uid, user.gid),
        reason: "not among the ids that /etc/subuid and /etc/subgid grant to you".to_owned(),
    }
}

/// Gives up every way to more rights, and the calls that engines forbid.
pub(crate) fn forbid() -> Result<(), Error> {
    set_no_new_privs(true).doing(|| "giving up privileges".to_owned())?;
    let install = || -> io::Result<()> { crate::sys::filter_calls(&calls::filter()) };
    install().doing(|| "forbidding system calls".to_owned())
}
