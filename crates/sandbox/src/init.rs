//! The process between ounce and the command.
//!
//! It is the first of a process namespace of its own, around the command's: when it goes, the kernel ends
//! everything inside, whatever made it go. It lives as long as ounce holds the other end of `control`.

use std::convert::Infallible;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::changes;
use crate::command::{self, Streams, now};
use crate::error::{Doing as _, Error};
use crate::ids::Ids;
use crate::mounts;
use crate::process::{Net, Process};
use crate::sys;
use crate::wire::{self, Packet};

/// Tags of what ounce says.
pub(crate) const MAPPED: u8 = b'M';
pub(crate) const KILL: u8 = b'K';
pub(crate) const SOCKET: u8 = b'S';
/// Tags of what this process says.
pub(crate) const MADE: u8 = b'A';
pub(crate) const COMMAND: u8 = b'C';
pub(crate) const ENDED: u8 = b'E';
pub(crate) const CHANGES: u8 = b'D';
pub(crate) const FAILED: u8 = b'F';

/// What a run is made of; descriptors are this side's ends.
pub(crate) struct Plan<'a> {
    pub(crate) layers: &'a [PathBuf],
    pub(crate) scratch: &'a Path,
    pub(crate) process: &'a Process,
    pub(crate) ids: &'a Ids,
    pub(crate) streams: Streams,
    pub(crate) control: OwnedFd,
    pub(crate) requests: OwnedFd,
    pub(crate) setup: OwnedFd,
    pub(crate) trace: Option<OwnedFd>,
}

impl Plan<'_> {
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let optional = self.streams.iter().chain([&self.trace]).flatten();
        optional
            .map(|fd| fd.as_fd())
            .chain([
                self.control.as_fd(),
                self.requests.as_fd(),
                self.setup.as_fd(),
            ])
            .collect()
    }
}

/// Runs in a fresh fork of ounce: makes the namespaces, with a process in them that is ounce's child.
pub(crate) fn first(plan: Plan<'_>) -> ! {
    sys::reset_signals();
    sys::close_all_but(&plan.descriptors());
    let net = match plan.process.net {
        Net::None => libc::CLONE_NEWNET,
        Net::Host => 0,
    };
    let flags = libc::CLONE_NEWUSER | libc::CLONE_NEWPID | net | libc::CLONE_PARENT;
    let told = match sys::clone(flags, 0) {
        Ok(None) => init(plan),
        Ok(Some((pid, pidfd))) => {
            let pid = pid.as_raw_nonzero().get().to_le_bytes();
            wire::send(&plan.control, MADE, &pid, Some(pidfd.as_fd()))
        }
        Err(error) => tell(&plan.control, &Error::Namespaces(error)),
    };
    sys::exit(i32::from(told.is_err()))
}

fn tell(control: &OwnedFd, error: &Error) -> io::Result<()> {
    wire::send(control, FAILED, &error.to_bytes(), None)
}

fn init(plan: Plan<'_>) -> ! {
    // Without ids nothing can be done, and without ounce nothing needs to be.
    if !matches!(
        wire::receive(&plan.control),
        Ok(Some(Packet { tag: MAPPED, .. }))
    ) {
        sys::exit(1);
    }
    let (scratch, layers) = (plan.scratch, plan.layers);
    match begin(plan) {
        Ok((child, control, requests)) => {
            let is_alone = watch(&child, &control, Some(&requests));
            if !is_alone {
                let _ = report_changes(&control, &mounts::upper(scratch), layers);
            }
            mounts::remove(scratch);
            sys::exit(0)
        }
        Err(_) => sys::exit(1),
    }
}

type Begun = (OwnedFd, OwnedFd, OwnedFd);

/// Starts the command's process, and keeps nothing that is meant for it.
fn begin(plan: Plan<'_>) -> Result<Begun, Error> {
    let made = prepare(&plan).and_then(|()| {
        let flags = libc::CLONE_NEWPID
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP;
        sys::clone(flags, libc::SIGCHLD).map_err(Error::Namespaces)
    });
    match made {
        Ok(None) => {
            let Err(error) = inner(&plan);
            let _ = wire::send(&plan.setup, command::FAILED, &error.to_bytes(), None);
            sys::exit(127)
        }
        Ok(Some((_, child))) => {
            let told = wire::send(&plan.control, COMMAND, &[], Some(child.as_fd()));
            told.doing(|| "reporting the command".to_owned())?;
            let Plan {
                control, requests, ..
            } = plan;
            let _ = let_streams_go();
            Ok((child, control, requests))
        }
        Err(error) => {
            let _ = tell(&plan.control, &error);
            Err(error)
        }
    }
}

/// Becomes root of a user namespace whose ids were written.
pub(crate) fn become_root() -> Result<(), Error> {
    // Not allowed, and not needed, where one id alone is mapped.
    let _ = set_thread_groups(&[]);
    let gid = Some(rustix::process::Gid::ROOT);
    let uid = Some(rustix::process::Uid::ROOT);
    set_thread_res_gid(gid, gid, gid).map_err(|e| Error::Namespaces(e.into()))?;
    set_thread_res_uid(uid, uid, uid).map_err(|e| Error::Namespaces(e.into()))
}

/// Makes the surroundings that are made from outside of the command's namespaces.
fn prepare(plan: &Plan<'_>) -> Result<(), Error> {
    become_root()?;
    // From here on nobody inside may look into this process.
    sys::set_dumpable(false);
    let _ = rustix::process::setsid();
    if plan.process.net == Net::None {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None);
        let up = socket
            .map_err(io::Error::from)
            .and_then(|socket| sys::loopback_up(socket.as_fd()));
        up.doing(|| "starting the loopback interface".to_owned())?;
    }
    Ok(())
}

/// The command's process.
fn inner(plan: &Plan<'_>) -> Result<Infallible, Error> {
    let _ = rustix::process::setsid();
    let process = plan.process;
    rustix::system::sethostname(process.hostname.as_bytes())
        .doing(|| "setting the host name".to_owned())?;
    let before = mounts::enter(plan.layers, plan.scratch, process)?;
    mounts::open_kernel_interfaces(process.limits.processes);
    mounts::close_kernel_interfaces()?;
    let list = in_memory(&changes::encode(&before)).doing(|| "keeping a list".to_owned())?;
    wire::send(&plan.setup, command::BEFORE, &[], Some(list.as_fd()))
        .doing(|| "reporting the root".to_owned())?;
    drop(list);
    let mut keep = vec![plan.setup.as_fd()];
    let optional = plan.streams.iter().chain([&plan.trace]).flatten();
    keep.extend(optional.map(|fd| fd.as_fd()));
    sys::close_all_but(&keep);
    let trace = plan.trace.as_ref();
    command::become_command(process, plan.ids, &plan.streams, &plan.setup, trace)
}

/// Standard streams of ounce must not be held open by the one who watches.
fn let_streams_go() -> io::Result<()> {
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Waits for the end of a child, and ends it when ounce says so or is gone; says whether it is.
fn watch(child: &OwnedFd, control: &OwnedFd, requests: Option<&OwnedFd>) -> bool {
    let mut is_alone = false;
    let mut requests = requests;
    loop {
        let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let mut fds = vec![PollFd::new(child, PollFlags::IN)];
        if !is_alone {
            fds.push(PollFd::new(control, PollFlags::IN));
        }
        if let (Some(requests), false) = (requests, is_alone) {
            fds.push(PollFd::new(requests, PollFlags::IN));
        }
        if poll(&mut fds, None).is_err() {
            continue;
        }
        let [has_ended, is_told, is_asked] =
            [0, 1, 2].map(|index| fds.get(index).is_some_and(ready));
        if has_ended {
            break;
        }
        if is_told {
            is_alone = !matches!(wire::receive(control), Ok(Some(_)));
            let _ = pidfd_send_signal(child, Signal::KILL);
        }
        if is_asked && answer(requests).is_err() {
            requests = None;
        }
    }
    let time = now();
    let status = waitid(WaitId::PidFd(child.as_fd()), WaitIdOptions::EXITED);
    let (kind, number) = match status {
        Ok(Some(status)) => match status.exit_status() {
            Some(code) => (b'e', code),
            None => (b's', status.terminating_signal().unwrap_or(0)),
        },
        _ => (b's', 0),
    };
    let mut body = vec![kind];
    body.extend(number.to_le_bytes());
    body.extend(time.to_le_bytes());
    let told = wire::send(control, ENDED, &body, None);
    is_alone || told.is_err()
}

/// Gives ounce a socket of the network inside.
fn answer(requests: Option<&OwnedFd>) -> io::Result<()> {
    let Some(requests) = requests else {
        return Ok(());
    };
    let Some(Packet { tag: SOCKET, .. }) = wire::receive(requests)? else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    wire::send(requests, SOCKET, &[], Some(socket.as_fd()))
}

fn report_changes(control: &OwnedFd, upper: &Path, layers: &[PathBuf]) -> io::Result<()> {
    match changes::list(upper, layers) {
        Ok(list) => {
            let list = in_memory(&changes::encode(&list))?;
            wire::send(control, CHANGES, &[], Some(list.as_fd()))
        }
        Err(error) => tell(
            control,
            &Error::setup("reading what the command changed", error),
        ),
    }
}

/// A file in memory that holds these bytes.
pub(crate) fn in_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("changes", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// Runs in a fresh fork of ounce: enters the namespaces of a running command and starts another one there.
pub(crate) fn join(
    target: &OwnedFd,
    process: &Process,
    ids: &Ids,
    streams: &Streams,
    control: &OwnedFd,
    setup: &OwnedFd,
) -> ! {
    sys::reset_signals();
    let mut keep = vec![target.as_fd(), control.as_fd(), setup.as_fd()];
    keep.extend(streams.iter().flatten().map(|fd| fd.as_fd()));
    sys::close_all_but(&keep);
    // Before it can be seen from inside (CVE-2016-9962 of runc).
    sys::set_dumpable(false);
    let _ = rustix::process::setsid();
    match spawn_inside(target, process.net) {
        Ok(None) => {
            sys::close_all_but(&keep[2..]);
            let Err(error) = command::become_command(process, ids, streams, setup, None);
            let _ = wire::send(setup, command::FAILED, &error.to_bytes(), None);
            sys::exit(127)
        }
        Ok(Some((_, child))) => {
            sys::close_all_but(&[child.as_fd(), control.as_fd()]);
            let _ = let_streams_go();
            watch(&child, control, None);
            sys::exit(0)
        }
        Err(error) => {
            let _ = wire::send(setup, command::FAILED, &error.to_bytes(), None);
            sys::exit(1)
        }
    }
}

fn spawn_inside(target: &OwnedFd, net: Net) -> Result<Option<(Pid, OwnedFd)>, Error> {
    use rustix::thread::ThreadNameSpaceType as Type;
    let mut all = Type::USER
        | Type::MOUNT
        | Type::PROCESS_ID
        | Type::INTER_PROCESS_COMMUNICATION
        | Type::HOST_NAME_AND_NIS_DOMAIN_NAME
        | Type::CONTROL_GROUP;
    if net == Net::None {
        all |= Type::NETWORK;
    }
    let doing = || "entering the running command's namespaces".to_owned();
    rustix::thread::move_into_thread_name_spaces(target.as_fd(), all).doing(doing)?;
    sys::clone(0, libc::SIGCHLD).doing(doing)
}
