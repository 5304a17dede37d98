//! Follows a process and all that it starts, stop by stop.
//!
//! ptrace(2), "PTRACE_SEIZE" and "Stopped states", says what is reported; seccomp(2) what the filter adds. A
//! thread that names a file stops twice: at the filter, where its arguments are read and its paths
//! looked along, and after the call, whose true result is then known. Nothing can be missed: a thread
//! does not run on before we let it, and all of them die with us.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use libc::pid_t;
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags,
    SocketType, recvmsg, send, socketpair,
};
use rustix::process::WaitStatus;

use super::calls::{self, Call};
use super::filter::ARCHITECTURE;
use super::kernel::{self, Resume, Stop};
use super::place::Views;
use super::plan::{Plan, Planner};
use super::record::{Answer, Record};
use super::thread::Thread;
use super::{How, Trace, TraceError};

/// Records what a process, and everything that it starts, does with files.
#[derive(Debug)]
pub(crate) struct Supervisor(JoinHandle<Result<Trace, TraceError>>);

/// The two ends between a supervisor (the first) and the process that will be traced.
pub(crate) fn channel() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // The kernel then says who wrote, by the number that the process has for us.
    set_socket_passcred(&ours, true)?;
    Ok((ours, theirs))
}

impl Supervisor {
    /// Waits, in a thread of its own, for a process that calls [`super::install`] with the other end.
    pub(crate) fn start(socket: OwnedFd) -> io::Result<Self> {
        let thread = thread::Builder::new().name("trace".to_owned());
        thread.spawn(move || supervise(&socket)).map(Self)
    }

    /// Waits until all traced processes are gone.
    ///
    /// # Errors
    ///
    /// When the process could not be traced, or something that it did may be missing.
    pub(crate) fn finish(self) -> Result<Trace, TraceError> {
        self.0
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn supervise(socket: &OwnedFd) -> Result<Trace, TraceError> {
    has_proc().map_err(TraceError::Attach)?;
    let first = greeted(socket).map_err(TraceError::Attach)?;
    kernel::seize(first).map_err(TraceError::Attach)?;
    send(socket, b"!", SendFlags::NOSIGNAL).map_err(|error| TraceError::Attach(error.into()))?;
    let mut run = Run::new(first);
    while let Some((id, status)) = kernel::next().map_err(TraceError::Lost)? {
        run.reported(id, status);
    }
    run.finish()
}

/// Makes sure that `/proc` shows processes by the numbers that they have for us: without it every one of them would
/// seem to have died.
fn has_proc() -> io::Result<()> {
    let shown = std::fs::read_link("/proc/self")?;
    if shown.as_os_str() != std::process::id().to_string().as_str() {
        return Err(io::Error::other(
            "/proc belongs to another process namespace",
        ));
    }
    Ok(())
}

/// Who said hello.
fn greeted(socket: &OwnedFd) -> io::Result<pid_t> {
    let mut hello = [0; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffers = [io::IoSliceMut::new(&mut hello)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let message =
        rustix::io::retry_on_intr(|| recvmsg(socket, &mut buffers, &mut ancillary, flags))?;
    let sender = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid),
        _ => None,
    });
    match sender {
        Some(pid) if message.bytes == 1 => Ok(pid.as_raw_nonzero().get()),
        _ => Err(io::Error::other(
            "the process ended before it could be traced",
        )),
    }
}

/// A traced run.
struct Run {
    threads: HashMap<pid_t, Thread>,
    views: Views,
    record: Record,
    failure: Option<TraceError>,
}

impl Run {
    fn new(first: pid_t) -> Self {
        let mut thread = Thread::new(first);
        // It is still ours: what it executes first will have executed itself.
        thread.program = Some(Path::new("").into());
        Self {
            threads: HashMap::from([(first, thread)]),
            views: Views::default(),
            record: Record::default(),
            failure: None,
        }
    }

    /// Handles what the kernel reported, and lets the thread go on. After a failure the run goes on, so that its
    /// outcome is known, but nothing is recorded.
    fn reported(&mut self, id: pid_t, status: WaitStatus) {
        let handled = self.handle(id, status);
        let resume = handled.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            Some(Resume::Run(0))
        });
        if let Some(resume) = resume
            && let Err(error) = kernel::resume(id, resume)
            && !died(&error)
        {
            self.failure.get_or_insert(TraceError::Lost(error));
        }
    }

    fn handle(&mut self, id: pid_t, status: WaitStatus) -> Result<Option<Resume>, TraceError> {
        const SYSCALL: i32 = libc::SIGTRAP | 0x80;
        if !status.stopped() {
            self.ended(id)?;
            return Ok(None);
        }
        let signal = status.stopping_signal().unwrap_or_default();
        let resume = match (status.as_raw() >> 16, signal) {
            (libc::PTRACE_EVENT_SECCOMP, _) => self.entered(id)?,
            (0, SYSCALL) => {
                self.left(id)?;
                Resume::Run(0)
            }
            (libc::PTRACE_EVENT_EXEC, _) => {
                self.executed(id)?;
                Resume::Run(0)
            }
            // A stop of the whole process, by a signal: it stays so until SIGCONT.
            (libc::PTRACE_EVENT_STOP, signal) if signal != libc::SIGTRAP => Resume::StayStopped,
            (0, signal) => Resume::Run(signal),
            _ => Resume::Run(0),
        };
        Ok(Some(resume))
    }

    /// A thread is about to make a call that the filter names.
    fn entered(&mut self, id: pid_t) -> Result<Resume, TraceError> {
        if self.failure.is_some() {
            return Ok(Resume::Run(0));
        }
        let thread = self.threads.entry(id).or_insert_with(|| Thread::new(id));
        match plan(thread, &mut self.views) {
            Ok(Some(plan)) => {
                thread.plan = Some(plan);
                Ok(Resume::ToExit)
            }
            Ok(None) => Ok(Resume::Run(0)),
            Err(TraceError::Lost(error)) if died(&error) => Ok(Resume::Run(0)),
            Err(error) => Err(error),
        }
    }

    /// A thread has made a call.
    fn left(&mut self, id: pid_t) -> Result<(), TraceError> {
        let Some(plan) = self
            .threads
            .get_mut(&id)
            .and_then(|thread| thread.plan.take())
        else {
            return Ok(());
        };
        match kernel::stop(id) {
            Ok(Stop::Exit { value }) => match answer(value) {
                Some(answer) => self.add(plan, answer),
                None => Ok(()),
            },
            Ok(_) => Err(TraceError::Lost(io::Error::other(
                "a system call ended without a result",
            ))),
            Err(error) if died(&error) => self.add(plan, Answer::None),
            Err(error) => Err(TraceError::Lost(error)),
        }
    }

    /// A process runs another program now; of its threads only the first is left, and has the number of the process.
    fn executed(&mut self, id: pid_t) -> Result<(), TraceError> {
        let former = match kernel::message(id) {
            Ok(former) => pid_t::try_from(former).unwrap_or(id),
            Err(error) if died(&error) => return Ok(()),
            Err(error) => return Err(TraceError::Lost(error)),
        };
        let caller = self.threads.remove(&former);
        let mut thread = Thread::new(id);
        let program = thread.program();
        self.threads.insert(id, thread);
        let Some(mut plan) = caller.and_then(|caller| caller.plan) else {
            return Ok(());
        };
        match program {
            Ok(program) if plan.program.as_os_str().is_empty() => plan.program = program,
            Err(error) if !died(&error) => return Err(TraceError::Lost(error)),
            _ => {}
        }
        self.add(plan, Answer::Success)
    }

    fn ended(&mut self, id: pid_t) -> Result<(), TraceError> {
        match self.threads.remove(&id).and_then(|thread| thread.plan) {
            Some(plan) => self.add(plan, Answer::None),
            None => Ok(()),
        }
    }

    fn add(&mut self, plan: Plan, answer: Answer) -> Result<(), TraceError> {
        if self.failure.is_some() {
            return Ok(());
        }
        match plan.number {
            libc::SYS_unshare
            | libc::SYS_setns
            | libc::SYS_chroot
            | libc::SYS_pivot_root
            | libc::SYS_mount
            | libc::SYS_umount2
            | libc::SYS_move_mount => {
                self.views.forget();
                let threads = self.threads.values_mut();
                threads.for_each(|thread| thread.view = None);
            }
            _ if plan
                .touches
                .iter()
                .any(|touch| touch.how == How::Write && touch.is_way()) =>
            {
                self.views.forget_folders();
            }
            _ => {}
        }
        self.record.add(plan, answer)
    }

    fn finish(self) -> Result<Trace, TraceError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.record.finish()),
        }
    }
}

/// What the call that a thread waits with is about to touch; `None` if that is nothing.
fn plan(thread: &mut Thread, views: &mut Views) -> Result<Option<Plan>, TraceError> {
    let Stop::Filter {
        architecture,
        number,
        arguments,
    } = kernel::stop(thread.id)?
    else {
        return Err(TraceError::Lost(io::Error::other("a stop without a call")));
    };
    let program = thread.program()?;
    if architecture != ARCHITECTURE {
        let program = program.to_path_buf();
        return Err(TraceError::Foreign { program });
    }
    let Some(call) = calls::find(number) else {
        return Ok(None); // a filter of the program's own
    };
    let view = match &thread.view {
        Some(view) => Rc::clone(view),
        None => Rc::clone(thread.view.insert(views.of(&thread.folder)?)),
    };
    let planner = Planner {
        thread,
        view: &view,
        arguments,
    };
    if planner.hides(call)? {
        let program = program.to_path_buf();
        return Err(TraceError::Hidden { program });
    }
    let touches = planner.touches(call)?;
    Ok(Some(Plan {
        number: call.number,
        touches,
        program,
    })
    .filter(|plan| !plan.touches.is_empty() || changes_view(call)))
}

/// Whether a call changes what paths mean without naming one.
fn changes_view(call: &Call) -> bool {
    matches!(call.number, libc::SYS_unshare | libc::SYS_setns)
}

/// What a returned value says; `None` where the kernel makes the call once more (`ERESTARTSYS` and the like,
/// `linux/errno.h`).
fn answer(value: i64) -> Option<Answer> {
    match value {
        -516..=-512 => None,
        -4095..0 => i32::try_from(-value).ok().map(Answer::Error),
        _ => Some(Answer::Success),
    }
}

/// Whether an error only says that the thread died meanwhile.
fn died(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT))
}
