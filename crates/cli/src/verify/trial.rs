//! Runs a check in one image, once.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ounce_image::Progress;
use ounce_sandbox::{End, Error, Input, Now, Outcome, Process, Running, start};

use super::service::{self, Answers, Server};
use super::{Trial, status};
use crate::checks::{Check, Service};
use crate::container::{self, Instead};
use crate::error::CommandError;
use crate::roots::{Roots, Unpacked};
use crate::session::Session;

/// Between two looks whether a command has ended.
const LOOK: Duration = Duration::from_millis(2);
/// How long a server has to stop, as `docker stop` gives it, but for more patience.
const STOP: Duration = Duration::from_secs(20);
/// What engines give a program that is not there, or that cannot be executed.
const NOT_FOUND: i32 = 127;
const CANNOT_EXECUTE: i32 = 126;
const SIGKILL: i32 = 9;

/// An image that checks are run in.
pub(crate) struct Place<'a> {
    session: &'a Session,
    unpacked: Unpacked,
    roots: &'a Roots,
    /// What a user should know about how it was run.
    notes: Mutex<BTreeSet<String>>,
}

impl<'a> Place<'a> {
    /// Unpacks an image, unless that was done before.
    ///
    /// # Errors
    /// It cannot be read or unpacked.
    pub(crate) fn new(session: &'a Session, roots: &'a Roots) -> Result<Self, CommandError> {
        Ok(Self::of(session, roots, roots.unpacked(session)?))
    }

    /// The same image with other files: what was unpacked is used in place of its own.
    pub(crate) fn with(&self, unpacked: Unpacked) -> Self {
        Self::of(self.session, self.roots, unpacked)
    }

    fn of(session: &'a Session, roots: &'a Roots, unpacked: Unpacked) -> Self {
        let notes = Mutex::new(unpacked.notes.iter().cloned().collect());
        Self {
            session,
            unpacked,
            roots,
            notes,
        }
    }

    /// Its files.
    pub(crate) fn unpacked(&self) -> &Unpacked {
        &self.unpacked
    }

    /// What is at an absolute path before any run; nothing also when it cannot be read.
    pub(crate) fn now(&self, path: &Path) -> Option<Now> {
        self.unpacked.root.now(path).ok().flatten()
    }

    /// What a user should know about how it was run so far, a sentence each.
    pub(crate) fn notes(&self) -> BTreeSet<String> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.clone()
    }

    /// Runs a check once.
    ///
    /// # Errors
    /// The sandbox cannot be made, or Ctrl-C was pressed.
    pub(crate) fn run(&self, check: &Check) -> Result<Trial, CommandError> {
        self.trial(check, false)
    }

    /// Runs a check once and records what it touches.
    ///
    /// # Errors
    /// As [`Place::run`]; or something that it touched may have been missed.
    pub(crate) fn record(&self, check: &Check) -> Result<Trial, CommandError> {
        self.trial(check, true)
    }

    fn trial(&self, check: &Check, trace: bool) -> Result<Trial, CommandError> {
        let process = match self.process(check) {
            Ok(process) => Process { trace, ..process },
            Err(error) => return Ok(failed(CANNOT_EXECUTE, "", Some(error.message().to_owned()))),
        };
        let scratch = self.roots.scratch()?;
        let running = match start(&self.unpacked.root, &process, &scratch.path()) {
            Ok(running) => running,
            Err(error) => {
                return failure(&error).ok_or_else(|| CommandError::from(error).into_input());
            }
        };
        match &check.service {
            Some(service) => self.serve(check, service, process, running),
            None => self.finish(running, None),
        }
    }

    fn process(&self, check: &Check) -> Result<Process, CommandError> {
        let words = |words: &[String]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let (entrypoint, command) = match check.command.split_first() {
            Some((program, args)) if !check.entrypoint => (Some(vec![program.into()]), words(args)),
            _ => (None, words(&check.command)),
        };
        let instead = Instead {
            entrypoint,
            command,
            env: check
                .env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            user: check.user.clone(),
            workdir: check.workdir.clone(),
        };
        let mut process = container::process(&self.session.image.config, instead)?;
        process.files.clone_from(&check.files);
        process.stdin = Input::Bytes(check.stdin.clone());
        let patience = if check.service.is_some() {
            2 * STOP
        } else {
            Duration::ZERO
        };
        process.limits.time = Some(check.timeout + patience);
        Ok(process)
    }

    /// Waits for the end of a command, until a time if there is one, and takes down what it did.
    fn finish(&self, running: Running, until: Option<Instant>) -> Result<Trial, CommandError> {
        while !running.has_ended() && until.is_none_or(|until| Instant::now() < until) {
            self.session.progress.advance(0)?;
            std::thread::sleep(LOOK);
        }
        if !running.has_ended() {
            // It may end by itself just now.
            let _ = running.signal(SIGKILL);
        }
        let run = running
            .wait()
            .map_err(|error| CommandError::from(error).into_input())?;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.extend(run.notes);
        Ok(Trial {
            outcome: run.outcome,
            failure: None,
            trace: run.trace,
        })
    }

    fn serve(
        &self,
        check: &Check,
        service: &Service,
        process: Process,
        running: Running,
    ) -> Result<Trial, CommandError> {
        let server = Inside {
            running,
            process,
            progress: &self.session.progress,
        };
        let talk = service::talk(&server, service, check.timeout);
        self.session.progress.advance(0)?;
        let running = server.running;
        let mut until = Instant::now();
        if service.stop && talk.is_ok() {
            // A server that has ended by itself is seen by its status.
            let _ = running.signal(container::stop_signal(&self.session.image.config));
            until += STOP;
        }
        let ended = self.finish(running, Some(until))?;
        Ok(match talk {
            Ok(answers) => Trial {
                outcome: answered(answers, ended.outcome, service.stop),
                ..ended
            },
            Err(failure) => Trial {
                failure: Some(failure),
                ..ended
            },
        })
    }
}

/// What a server answered as an outcome. What it wrote itself is not compared: where it stops is a matter of chance; and
/// so are the files that a server leaves which was not stopped in an orderly way.
fn answered(answers: Answers, ended: Outcome, is_stopped: bool) -> Outcome {
    let Answers {
        mut text,
        exit,
        ready,
    } = answers;
    if is_stopped {
        let status = status(ended.end).unwrap_or(128 + SIGKILL);
        text.extend(format!("stopped with {status}\n").bytes());
    }
    Outcome {
        end: End::Exited(exit),
        stdout: text,
        stderr: Vec::new(),
        time: ready,
        changes: if is_stopped {
            ended.changes
        } else {
            Vec::new()
        },
    }
}

/// A command that cannot be started in an image does something too: it fails, as with an engine.
fn failure(error: &Error) -> Option<Trial> {
    let (status, failure) = match error {
        Error::NotFound { .. } => (NOT_FOUND, None),
        Error::CannotExecute { .. } => (CANNOT_EXECUTE, None),
        Error::User { .. } => (CANNOT_EXECUTE, Some("it cannot be started".to_owned())),
        _ => return None,
    };
    Some(failed(status, &format!("{error}\n"), failure))
}

fn failed(status: i32, stderr: &str, failure: Option<String>) -> Trial {
    let outcome = Outcome {
        end: End::Exited(status),
        stdout: Vec::new(),
        stderr: stderr.as_bytes().to_vec(),
        time: Duration::ZERO,
        changes: Vec::new(),
    };
    Trial {
        outcome,
        failure,
        trace: None,
    }
}

/// A server in the sandbox.
struct Inside<'a> {
    running: Running,
    process: Process,
    progress: &'a Progress,
}

impl Server for Inside<'_> {
    fn connect(&self, port: u16) -> io::Result<TcpStream> {
        self.running.connect(port)
    }

    fn exec(&self, words: &[String]) -> Result<Outcome, String> {
        let probe = Process {
            args: words.iter().map(OsString::from).collect(),
            ..self.process.clone()
        };
        self.running.exec(&probe).or_else(|error| {
            let failed = failure(&error).map(|trial| trial.outcome);
            failed.ok_or_else(|| error.to_string())
        })
    }

    fn has_ended(&self) -> bool {
        self.running.has_ended() || self.progress.advance(0).is_err()
    }
}
