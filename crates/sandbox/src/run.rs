//! Starts commands and follows them to their end.

mod streams;

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, pidfd_send_signal};

use crate::changes;
use crate::command::{self, STARTING};
use crate::error::{Doing as _, Error, shown};
use crate::ids::Ids;
use crate::init::{self, Plan};
use crate::outcome::{Change, End, Outcome};
use crate::process::{Net, Process};
use crate::root::Root;
use crate::sys::{self, Fork};
use crate::trace::{self, Supervisor, Trace};
use crate::wire;
use streams::{Pumps, Why};

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it did.
    pub outcome: Outcome,
    /// What it touched, when that was asked for.
    pub trace: Option<Trace>,
    /// What a user should know about how it was run, a sentence each.
    pub notes: Vec<String>,
}

/// Runs a command to its end.
///
/// `scratch` is an empty folder for what it writes, on a file system that can be the upper layer of an overlay;
/// what is made in it is removed again as far as it is not the caller's.
///
/// # Errors
///
/// When the surroundings cannot be made or the program cannot be started.
pub fn run(root: &Root, process: &Process, scratch: &Path) -> Result<Run, Error> {
    start(root, process, scratch)?.wait()
}

/// Starts a command and lets it run.
///
/// # Errors
///
/// As [`run`].
pub fn start(root: &Root, process: &Process, scratch: &Path) -> Result<Running, Error> {
    let layers = root.layers.iter().map(|layer| absolute(layer));
    let layers = layers.collect::<Result<Vec<_>, _>>()?;
    let scratch = absolute(scratch)?;
    let ids = Ids::of_this_process().doing(|| "reading the ids of this process".to_owned())?;
    let pairs = || -> io::Result<_> { Ok((wire::pair()?, wire::pair()?, wire::pair()?)) };
    let pairs = pairs().doing(|| "making sockets".to_owned())?;
    let ((control, their_control), (requests, their_requests), (setup, their_setup)) = pairs;
    let (pumps, streams) = Pumps::new(process).doing(|| "making pipes".to_owned())?;
    let (ours, trace) = match process.trace {
        true => trace::channel()
            .doing(|| "making sockets".to_owned())
            .map(|(ours, theirs)| (Some(ours), Some(theirs)))?,
        false => (None, None),
    };
    let plan = Plan {
        layers: &layers,
        scratch: &scratch,
        process,
        ids: &ids,
        streams,
        control: their_control,
        requests: their_requests,
        setup: their_setup,
        trace,
    };
    let first = match sys::fork().doing(|| "starting a process".to_owned())? {
        Fork::Child => init::first(plan),
        Fork::Parent(pid) => {
            drop(plan);
            pid
        }
    };
    let supervisor = ours
        .map(Supervisor::start)
        .transpose()
        .doing(|| "starting a thread".to_owned())?;
    let init = made(&control, first)?;
    let child = begun(&control, &init, &ids)?;
    let started = match Started::hear(&setup) {
        Ok(started) => started,
        Err(error) => {
            // Without us it ends what it has begun and takes it away.
            drop(control);
            forget(&init.pidfd);
            return Err(error);
        }
    };
    let control = Arc::new(control);
    let follower = Follower {
        control: Arc::clone(&control),
        init: init.pidfd,
        pumps,
        started,
        supervisor,
        limits: process.limits,
        notes: ids.note().into_iter().collect(),
    };
    Ok(Running {
        control,
        requests: Mutex::new(requests),
        child,
        ids,
        net: process.net,
        thread: Some(spawn(follower)?),
    })
}

fn spawn(follower: Follower) -> Result<JoinHandle<Result<Run, Error>>, Error> {
    std::thread::Builder::new()
        .name("sandbox".to_owned())
        .spawn(|| follower.follow())
        .doing(|| "starting a thread".to_owned())
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize()
        .doing(|| format!("opening {}", shown(path)))
}

/// The process that watches; it dies with this value.
struct Init {
    pid: Pid,
    pidfd: OwnedFd,
}

/// Hears of the watching process from the one that made it, which ends then.
fn made(control: &OwnedFd, first: Pid) -> Result<Init, Error> {
    let heard = wire::receive(control);
    let _ = rustix::process::waitpid(Some(first), WaitOptions::empty());
    let packet = heard
        .doing(|| "making namespaces".to_owned())?
        .ok_or(Error::Killed)?;
    let pid = packet.body.as_slice().try_into().map(i32::from_le_bytes);
    match (packet.tag, pid.ok().and_then(Pid::from_raw), packet.fd) {
        (init::MADE, Some(pid), Some(pidfd)) => Ok(Init { pid, pidfd }),
        _ => Err(Error::from_bytes(&packet.body)),
    }
}

/// Gives the watching process its ids and hears of the command's process.
fn begun(control: &OwnedFd, init: &Init, ids: &Ids) -> Result<OwnedFd, Error> {
    let hear = || -> Result<OwnedFd, Error> {
        ids.write(init.pid)?;
        wire::send(control, init::MAPPED, &[], None).map_err(|_| Error::Killed)?;
        let packet = wire::receive(control).doing(|| "making namespaces".to_owned())?;
        let packet = packet.ok_or(Error::Killed)?;
        match (packet.tag, packet.fd) {
            (init::COMMAND, Some(child)) => Ok(child),
            _ => Err(Error::from_bytes(&packet.body)),
        }
    };
    hear().inspect_err(|_| reap(&init.pidfd))
}

/// Ends a process of ours and forgets it.
fn reap(pidfd: &OwnedFd) {
    let _ = pidfd_send_signal(pidfd, Signal::KILL);
    forget(pidfd);
}

/// Waits for the end of a process of ours.
fn forget(pidfd: &OwnedFd) {
    let _ = rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}

/// What is known of a command once its program runs.
struct Started {
    /// On the clock of [`command::now`].
    at: u64,
    before: Vec<Change>,
}

impl Started {
    /// Listens until the program runs, which closes the other end, or cannot.
    fn hear(setup: &OwnedFd) -> Result<Self, Error> {
        let mut started = Self {
            at: 0,
            before: Vec::new(),
        };
        while let Some(packet) = wire::receive(setup).doing(|| "starting".to_owned())? {
            match (packet.tag, packet.fd) {
                (command::BEFORE, Some(list)) => started.before = read_changes(list)?,
                (STARTING, _) => {
                    let at = packet.body.try_into().map_or(0, u64::from_le_bytes);
                    started.at = at;
                }
                _ => return Err(Error::from_bytes(&packet.body)),
            }
        }
        match started.at {
            0 => Err(Error::Killed),
            _ => Ok(started),
        }
    }
}

fn read_changes(list: OwnedFd) -> Result<Vec<Change>, Error> {
    let mut bytes = Vec::new();
    let doing = || "reading what the command changed".to_owned();
    let mut file = std::fs::File::from(list);
    file.read_to_end(&mut bytes).doing(doing)?;
    changes::decode(&bytes).ok_or_else(|| Error::setup(doing(), io::ErrorKind::UnexpectedEof))
}

/// A command that runs; dropping it ends everything inside.
#[derive(Debug)]
pub struct Running {
    control: Arc<OwnedFd>,
    requests: Mutex<OwnedFd>,
    child: OwnedFd,
    ids: Ids,
    net: Net,
    thread: Option<JoinHandle<Result<Run, Error>>>,
}

impl Running {
    /// Connects to a port of 127.0.0.1 in the command's network.
    ///
    /// # Errors
    ///
    /// As connect(2); also when the command has ended.
    pub fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        if self.net == Net::Host {
            return TcpStream::connect(address);
        }
        let socket = {
            let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            wire::send(&*requests, init::SOCKET, &[], None)?;
            wire::receive(&requests)?.and_then(|packet| packet.fd)
        };
        let socket = socket.ok_or(io::ErrorKind::NotConnected)?;
        rustix::net::connect(&socket, &address)?;
        Ok(TcpStream::from(socket))
    }

    /// Runs one more command beside it, in the same namespaces, to its end; changes are not told apart.
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub fn exec(&self, process: &Process) -> Result<Outcome, Error> {
        let pairs = || -> io::Result<_> { Ok((wire::pair()?, wire::pair()?)) };
        let ((control, their_control), (setup, their_setup)) =
            pairs().doing(|| "making sockets".to_owned())?;
        let (pumps, streams) = Pumps::new(process).doing(|| "making pipes".to_owned())?;
        let pid = match sys::fork().doing(|| "starting a process".to_owned())? {
            Fork::Child => init::join(
                &self.child,
                process,
                &self.ids,
                &streams,
                &their_control,
                &their_setup,
            ),
            Fork::Parent(pid) => pid,
        };
        drop((streams, their_control, their_setup));
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
        let pidfd = pidfd.doing(|| "starting a process".to_owned())?;
        let started = Started::hear(&setup).inspect_err(|_| reap(&pidfd))?;
        let follower = Follower {
            control: Arc::new(control),
            init: pidfd,
            pumps,
            started,
            supervisor: None,
            limits: process.limits,
            notes: Vec::new(),
        };
        Ok(follower.follow()?.outcome)
    }

    /// Sends a signal to the command's first process; one that it does not handle has no effect, as for every
    /// first process of a container, but for SIGKILL and SIGSTOP.
    ///
    /// # Errors
    ///
    /// When the command has ended, or there is no such signal.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        send_signal(&self.child, signal)
    }

    /// Something that can signal the command while somebody else waits for it.
    ///
    /// # Errors
    ///
    /// When too many files are open.
    pub fn signaller(&self) -> io::Result<Signaller> {
        Ok(Signaller(self.child.try_clone()?))
    }

    /// Whether the command has ended and all of it was read.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When its changes or its trace could not be read whole.
    pub fn wait(mut self) -> Result<Run, Error> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(run)) => run,
            _ => Err(Error::Killed),
        }
    }
}

/// Signals the first process of a command.
#[derive(Debug)]
pub struct Signaller(OwnedFd);

impl Signaller {
    /// As [`Running::signal`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        send_signal(&self.0, signal)
    }
}

fn send_signal(process: &OwnedFd, signal: i32) -> io::Result<()> {
    let signal = Signal::from_named_raw(signal).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_send_signal(process, signal)?)
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = wire::send(&self.control, init::KILL, &[], None);
            let _ = thread.join();
        }
    }
}

/// Follows a command to its end, on a thread of its own.
struct Follower {
    control: Arc<OwnedFd>,
    init: OwnedFd,
    pumps: Pumps,
    started: Started,
    supervisor: Option<Supervisor>,
    limits: crate::process::Limits,
    notes: Vec<String>,
}

/// What the watching process says at the end.
struct Ended {
    end: End,
    at: u64,
}

impl Follower {
    fn follow(mut self) -> Result<Run, Error> {
        let followed = self.until_all_is_told();
        let init = self.init;
        let finished = followed.inspect_err(|_| reap(&init));
        forget(&init);
        let trace = self.supervisor.map(Supervisor::finish).transpose();
        let (ended, after) = finished?;
        let (stdout, stderr) = self.pumps.into_output();
        Ok(Run {
            outcome: Outcome {
                end: ended.end,
                stdout,
                stderr,
                time: Duration::from_nanos(ended.at.saturating_sub(self.started.at)),
                changes: changes::since(&self.started.before, after),
            },
            trace: trace?,
            notes: self.notes,
        })
    }

    fn until_all_is_told(&mut self) -> Result<(Ended, Vec<Change>), Error> {
        let deadline = self.limits.time.map(|time| Instant::now() + time);
        let doing = || "following the command".to_owned();
        let why = self
            .pumps
            .until_ready(&self.control, deadline, self.limits.output)
            .doing(doing)?;
        let killed = match why {
            Why::Ready => None,
            Why::Late => Some(End::TimedOut),
            Why::TooMuch => Some(End::TooMuchOutput),
        };
        if killed.is_some() {
            // When this fails the command has just ended by itself.
            let _ = wire::send(&self.control, init::KILL, &[], None);
        }
        let packet = wire::receive(&self.control).doing(doing)?;
        let packet = packet.ok_or(Error::Killed)?;
        let mut ended = match packet.tag {
            init::ENDED => Ended::read(&packet.body).ok_or(Error::Killed)?,
            _ => return Err(Error::from_bytes(&packet.body)),
        };
        ended.end = killed.unwrap_or(ended.end);
        if self.pumps.drain(self.limits.output).doing(doing)? == Why::TooMuch && killed.is_none() {
            ended.end = End::TooMuchOutput;
        }
        let after = match wire::receive(&self.control).doing(doing)? {
            None => Vec::new(),
            Some(packet) => match (packet.tag, packet.fd) {
                (init::CHANGES, Some(list)) => read_changes(list)?,
                _ => return Err(Error::from_bytes(&packet.body)),
            },
        };
        Ok((ended, after))
    }
}

impl Ended {
    fn read(body: &[u8]) -> Option<Self> {
        let (&kind, rest) = body.split_first()?;
        let (number, at) = rest.split_first_chunk()?;
        let number = i32::from_le_bytes(*number);
        Some(Self {
            end: match kind {
                b'e' => End::Exited(number),
                _ => End::Signalled(number),
            },
            at: u64::from_le_bytes(at.try_into().ok()?),
        })
    }
}
