//! Work on files that belong to the ids of a sandbox: unpacking a root, taking it away.

use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::process::{Pid, Signal, WaitOptions};

use crate::error::{Doing as _, Error, shown};
use crate::ids::Ids;
use crate::init::{become_root, in_memory};
use crate::sys::{self, Fork};
use crate::wire;

const READY: u8 = b'R';
const MAPPED: u8 = b'M';
const DONE: u8 = b'D';
const FAILED: u8 = b'F';

/// A name for the ids that runs of this user have: folders that were unpacked under other ones are of no use.
///
/// # Errors
///
/// When this process cannot read its own ids.
pub fn ids() -> Result<String, Error> {
    let ids = Ids::of_this_process().doing(|| "reading the ids of this process".to_owned())?;
    Ok(ids.name())
}

/// Does some work as the user that is root in every sandbox of this user, with all ids that it may have.
///
/// Where that is somebody else, the work is done in a process of its own, which has one thread to begin with and
/// must not use what other threads of this one may have locked. Its text comes back, or why it failed.
///
/// # Errors
///
/// When there are no namespaces; what `work` says otherwise.
pub fn as_root(
    work: impl FnOnce() -> Result<String, String>,
) -> Result<Result<String, String>, Error> {
    let ids = Ids::of_this_process().doing(|| "reading the ids of this process".to_owned())?;
    if !matches!(ids, Ids::Granted { .. }) {
        return Ok(work());
    }
    let (ours, theirs) = wire::pair().doing(|| "making sockets".to_owned())?;
    match sys::fork().doing(|| "starting a process".to_owned())? {
        Fork::Child => child(&theirs, work),
        Fork::Parent(pid) => {
            drop(theirs);
            let heard = hear(&ours, &ids, pid);
            // Without us it ends.
            drop(ours);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
            heard
        }
    }
}

fn child(control: &OwnedFd, work: impl FnOnce() -> Result<String, String>) -> ! {
    sys::reset_signals();
    let enter = || -> Result<(), Error> {
        sys::unshare(libc::CLONE_NEWUSER).map_err(Error::Namespaces)?;
        let told = wire::send(control, READY, &[], None);
        told.doing(|| "making namespaces".to_owned())?;
        let _ = wire::receive(control);
        become_root()?;
        // It does not outlive ounce; a change of ids would have undone this.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .doing(|| "tying a process to ounce".to_owned())
    };
    let told = match enter() {
        Err(error) => wire::send(control, FAILED, &error.to_bytes(), None),
        Ok(()) => {
            let (kind, text) = match work() {
                Ok(text) => (1, text),
                Err(text) => (0, text),
            };
            in_memory(text.as_bytes())
                .and_then(|text| wire::send(control, DONE, &[kind], Some(text.as_fd())))
        }
    };
    sys::exit(i32::from(told.is_err()))
}

fn hear(control: &OwnedFd, ids: &Ids, pid: Pid) -> Result<Result<String, String>, Error> {
    loop {
        let packet = wire::receive(control).doing(|| "making namespaces".to_owned())?;
        let packet = packet.ok_or(Error::Killed)?;
        match (packet.tag, packet.fd) {
            (READY, _) => {
                ids.write(pid)?;
                wire::send(control, MAPPED, &[], None).map_err(|_| Error::Killed)?;
            }
            (DONE, Some(text)) => {
                let mut bytes = Vec::new();
                let mut file = std::fs::File::from(text);
                let read = file.read_to_end(&mut bytes);
                read.doing(|| "reading what was done".to_owned())?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Ok(match packet.body == [1] {
                    true => Ok(text),
                    false => Err(text),
                });
            }
            _ => return Err(Error::from_bytes(&packet.body)),
        }
    }
}

/// Removes a folder with all in it, whichever of the ids of a sandbox it belongs to.
///
/// # Errors
///
/// When something in it stays.
pub fn remove(folder: &Path) -> Result<(), Error> {
    let done = as_root(|| {
        let removed = std::fs::remove_dir_all(folder);
        removed.map_or_else(|error| Err(error.to_string()), |()| Ok(String::new()))
    })?;
    match done {
        Ok(_) => Ok(()),
        Err(text) => Err(Error::setup(
            format!("removing {}", shown(folder)),
            std::io::Error::other(text),
        )),
    }
}
