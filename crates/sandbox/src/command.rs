//! The process that becomes the command: from a fresh copy of this program to execve.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::process::Signal;

use crate::confine;
use crate::error::{Doing as _, Error, shown};
use crate::ids::Ids;
use crate::mounts::{Inside, read_small};
use crate::process::Process;
use crate::sys::{self, Strings};
use crate::trace::{self, TraceError};
use crate::users::User;
use crate::wire;

/// Tags of what this process says while it is still ours.
pub(crate) const FAILED: u8 = b'F';
pub(crate) const STARTING: u8 = b'S';
pub(crate) const BEFORE: u8 = b'B';

/// Standard input, output and error; `None` leaves the caller's.
pub(crate) type Streams = [Option<OwnedFd>; 3];

/// Becomes the command in the root that is already `/`; whatever fails is said over `setup`, which execve closes.
pub(crate) fn become_command(
    process: &Process,
    ids: &Ids,
    streams: &Streams,
    setup: &OwnedFd,
    trace: Option<&OwnedFd>,
) -> Result<Infallible, Error> {
    let inside = Inside::new(root()?);
    let user = User::find(
        &process.user,
        &read_small(&inside, Path::new("/etc/passwd")),
        &read_small(&inside, Path::new("/etc/group")),
    )?;
    enter_workdir(&inside, &process.workdir)?;
    drop(inside);
    confine::limit()?;
    if *ids == Ids::One {
        rename_only_id(&user)?;
    }
    confine::become_user(&user)?;
    take_streams(streams).doing(|| "connecting the standard streams".to_owned())?;
    let program = find_program(process)?;
    let strings = |list: Vec<Vec<u8>>| -> Result<Strings, Error> {
        let list = list.into_iter().map(CString::new).collect::<Result<_, _>>();
        let list = list.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        Ok(Strings::new(list.doing(|| {
            "an argument or variable holds a zero byte".to_owned()
        })?))
    };
    let args = strings(process.args.iter().map(|a| a.as_bytes().to_vec()).collect())?;
    let env = strings(environment(process, &user))?;
    let path = CString::new(program.clone().into_os_string().into_vec())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
        .doing(|| "the program's name holds a zero byte".to_owned())?;
    // Gone when the process that watches goes, whatever the reason.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .doing(|| "tying the command to ounce".to_owned())?;
    sys::reset_signals();
    confine::forbid()?;
    wire::send(setup, STARTING, &now().to_le_bytes(), None)
        .doing(|| "reporting the start".to_owned())?;
    if let Some(trace) = trace {
        trace::install(trace.as_fd()).map_err(TraceError::Attach)?;
    }
    let source = sys::exec(&path, &args, &env);
    Err(Error::CannotExecute {
        program: shown(&program),
        source,
    })
}

/// Nanoseconds of the clock that all processes of this machine share.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn root() -> Result<OwnedFd, Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, "/", flags, Mode::empty()).doing(|| "opening the root".to_owned())
}

/// Links are followed inside alone: `/proc/self/fd/N` would lead back to the machine.
fn enter_workdir(inside: &Inside, workdir: &Path) -> Result<(), Error> {
    let folder = inside.folder_at(workdir)?;
    rustix::process::fchdir(folder).doing(|| format!("entering {}", shown(workdir)))
}

/// With one id alone that id is root while the root is made; here it gets the number of the command's user.
fn rename_only_id(user: &User) -> Result<(), Error> {
    if user.uid == 0 && user.gid == 0 {
        return Ok(());
    }
    let doing = || format!("becoming user {}:{}", user.uid, user.gid);
    // The files below are the process' own only while it can be looked into.
    sys::set_dumpable(true);
    sys::unshare(libc::CLONE_NEWUSER).doing(doing)?;
    let write = |name: &str, line: String| std::fs::write(Path::new("/proc/self").join(name), line);
    write("setgroups", "deny".to_owned()).doing(doing)?;
    write("uid_map", format!("{} 0 1", user.uid)).doing(doing)?;
    write("gid_map", format!("{} 0 1", user.gid)).doing(doing)?;
    sys::set_dumpable(false);
    Ok(())
}

fn take_streams([stdin, stdout, stderr]: &Streams) -> io::Result<()> {
    if let Some(stdin) = stdin {
        rustix::stdio::dup2_stdin(stdin)?;
    }
    if let Some(stdout) = stdout {
        rustix::stdio::dup2_stdout(stdout)?;
    }
    if let Some(stderr) = stderr {
        rustix::stdio::dup2_stderr(stderr)?;
    }
    Ok(())
}

fn environment(process: &Process, user: &User) -> Vec<Vec<u8>> {
    let mut env: Vec<Vec<u8>> = Vec::new();
    for (name, value) in &process.env {
        env.push([name.as_bytes(), b"=", value.as_bytes()].concat());
    }
    if !process.env.iter().any(|(name, _)| name == "HOME") {
        env.push([b"HOME=", user.home.as_os_str().as_bytes()].concat());
    }
    env
}

/// The path of the program, as this user finds it; messages and exit codes are engines' (126 and 127).
fn find_program(process: &Process) -> Result<PathBuf, Error> {
    let Some(name) = process.args.first().filter(|name| !name.is_empty()) else {
        return Err(Error::NotFound {
            program: "the empty name".to_owned(),
        });
    };
    if name.as_bytes().contains(&b'/') {
        let program = PathBuf::from(name);
        return check_program(&program).map(|()| program);
    }
    let path = process.env.iter().find(|(key, _)| key == "PATH");
    let path = path.map_or(OsStr::new(""), |(_, value)| value);
    let mut refused = None;
    for folder in path.as_bytes().split(|&b| b == b':') {
        if folder.is_empty() {
            continue;
        }
        let program = Path::new(OsStr::from_bytes(folder)).join(name);
        match check_program(&program) {
            Ok(()) => return Ok(program),
            Err(Error::NotFound { .. }) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::NotFound {
        program: name.display().to_string(),
    }))
}

fn check_program(program: &Path) -> Result<(), Error> {
    let cannot = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound {
            program: shown(program),
        },
        _ => Error::CannotExecute {
            program: shown(program),
            source,
        },
    };
    let metadata = std::fs::metadata(program).map_err(cannot)?;
    if metadata.is_dir() {
        return Err(cannot(io::ErrorKind::IsADirectory.into()));
    }
    let access = rustix::fs::accessat(CWD, program, Access::EXEC_OK, AtFlags::EACCESS);
    access.map_err(|error| cannot(error.into()))?;
    refuse_ourselves(program).map_err(cannot)
}

/// Refuses a program that is, or is run by, this very executable, which `/proc/self/exe` still is: started
/// inside, it could be written to from there once nothing runs it any more (CVE-2019-5736 of runc).
fn refuse_ourselves(program: &Path) -> io::Result<()> {
    let ours = std::fs::metadata("/proc/self/exe")?;
    let mut program = program.to_owned();
    // The kernel follows at most five interpreters (fs/exec.c, exec_binprm).
    for _ in 0..6 {
        let metadata = std::fs::metadata(&program)?;
        if (metadata.dev(), metadata.ino()) == (ours.dev(), ours.ino()) {
            return Err(io::Error::from_raw_os_error(libc::EACCES));
        }
        match interpreter(&program) {
            Some(next) => program = next,
            None => break,
        }
    }
    Ok(())
}

/// What a `#!` line names (fs/binfmt_script.c).
fn interpreter(program: &Path) -> Option<PathBuf> {
    use std::io::Read as _;
    let mut start = Vec::new();
    let file = rustix::fs::openat(
        CWD,
        program,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let file = std::fs::File::from(file.ok()?);
    file.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let name = line.split(|b| is_space(b)).find(|part| !part.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(name)))
}
