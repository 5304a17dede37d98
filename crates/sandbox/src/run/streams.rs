//! Standard input, output and error of a command, moved without loss.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::command::Streams;
use crate::process::{Input, Output, Process};

/// How much is moved at once.
const CHUNK: usize = 64 << 10;

/// Our ends of the command's streams.
pub(super) struct Pumps {
    input: Option<(OwnedFd, Vec<u8>, usize)>,
    outputs: [Option<OwnedFd>; 2],
    read: [Vec<u8>; 2],
}

/// Why moving stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// There is something to hear, or nothing more to read.
    Ready,
    /// The time is over.
    Late,
    /// More was written than is kept.
    TooMuch,
}

impl Pumps {
    /// Makes both ends.
    pub(super) fn new(process: &Process) -> io::Result<(Self, Streams)> {
        let (stdin, input) = match &process.stdin {
            Input::Inherit => (None, None),
            Input::Bytes(bytes) if bytes.is_empty() => {
                let null = std::fs::File::open("/dev/null")?;
                (Some(null.into()), None)
            }
            Input::Bytes(bytes) => {
                let (theirs, ours) = pipe()?;
                fcntl_setfl(&ours, OFlags::NONBLOCK)?;
                (Some(theirs), Some((ours, bytes.clone(), 0)))
            }
        };
        let output = || -> io::Result<_> {
            match process.output {
                Output::Inherit => Ok((None, None)),
                Output::Capture => pipe().map(|(ours, theirs)| (Some(ours), Some(theirs))),
            }
        };
        let ((ours, stdout), (also_ours, stderr)) = (output()?, output()?);
        let pumps = Self {
            input,
            outputs: [ours, also_ours],
            read: [Vec::new(), Vec::new()],
        };
        Ok((pumps, [stdin, stdout, stderr]))
    }

    /// Moves until there is something to hear on `other`.
    pub(super) fn until_ready(
        &mut self,
        other: &OwnedFd,
        deadline: Option<Instant>,
        most: u64,
    ) -> io::Result<Why> {
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Why::Late);
            }
            let wait = left.and_then(|left| Timespec::try_from(left).ok());
            if self.step(Some(other), wait.as_ref())? {
                return Ok(Why::Ready);
            }
            if self.len() > most {
                return Ok(Why::TooMuch);
            }
        }
    }

    /// Reads what is left once nobody inside lives any more.
    pub(super) fn drain(&mut self, most: u64) -> io::Result<Why> {
        self.input = None;
        while self.outputs.iter().any(Option::is_some) {
            self.step(None, None)?;
            if self.len() > most {
                return Ok(Why::TooMuch);
            }
        }
        Ok(Why::Ready)
    }

    /// What was read of standard output and error.
    pub(super) fn into_output(self) -> (Vec<u8>, Vec<u8>) {
        let [stdout, stderr] = self.read;
        (stdout, stderr)
    }

    fn len(&self) -> u64 {
        self.read.iter().map(|read| read.len() as u64).sum()
    }

    /// Waits, and moves what can be moved; says whether there is something to hear.
    fn step(&mut self, other: Option<&OwnedFd>, wait: Option<&Timespec>) -> io::Result<bool> {
        let mut fds = Vec::new();
        let mut who = Vec::new();
        if let Some(other) = other {
            fds.push(PollFd::new(other, PollFlags::IN));
            who.push(Who::Other);
        }
        if let Some((input, ..)) = &self.input {
            fds.push(PollFd::new(input, PollFlags::OUT));
            who.push(Who::Input);
        }
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(output) = output {
                fds.push(PollFd::new(output, PollFlags::IN));
                who.push(Who::Output(index));
            }
        }
        match poll(&mut fds, wait) {
            Err(Errno::INTR) => return Ok(false),
            done => done?,
        };
        let ready: Vec<Who> = std::iter::zip(&fds, who)
            .filter(|(fd, _)| !fd.revents().is_empty())
            .map(|(_, who)| who)
            .collect();
        let mut is_ready = false;
        for who in ready {
            match who {
                Who::Other => is_ready = true,
                Who::Input => self.write()?,
                Who::Output(index) => self.read(index)?,
            }
        }
        Ok(is_ready)
    }

    fn write(&mut self) -> io::Result<()> {
        let Some((fd, bytes, at)) = &mut self.input else {
            return Ok(());
        };
        match rustix::io::write(fd.as_fd(), &bytes[*at..]) {
            Ok(len) => *at += len,
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Nobody reads on: as for any pipe.
            Err(_) => *at = bytes.len(),
        }
        if *at == bytes.len() {
            self.input = None;
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> io::Result<()> {
        let Some(fd) = &self.outputs[index] else {
            return Ok(());
        };
        let into = &mut self.read[index];
        let len = into.len();
        into.resize(len + CHUNK, 0);
        let got = rustix::io::read(fd, &mut into[len..]);
        into.truncate(len + got.unwrap_or(0));
        match got {
            Ok(0) => self.outputs[index] = None,
            Err(Errno::INTR) => {}
            done => {
                done?;
            }
        }
        Ok(())
    }
}

/// Whom a descriptor belongs to.
enum Who {
    Other,
    Input,
    Output(usize),
}

/// The reading and the writing end.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}
