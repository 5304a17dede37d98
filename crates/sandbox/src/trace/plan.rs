//! What a system call is about to touch, found out while its thread waits at the filter.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::FileType;

use super::How;
use super::calls::{Call, Flags, Last, Subject};
use super::interpreter;
use super::place::{View, Walk, join};
use super::thread::Thread;

/// `RESOLVE_IN_ROOT`, `linux/openat2.h`.
const RESOLVE_IN_ROOT: u64 = 0x10;

/// What a call is about to touch.
#[derive(Debug)]
pub(super) struct Plan {
    /// The number of the call.
    pub(super) number: i64,
    /// Each thing, in the order of the arguments.
    pub(super) touches: Vec<Touch>,
    /// The program that does it.
    pub(super) program: Rc<Path>,
}

/// One thing that a call is about to touch.
#[derive(Debug)]
pub(super) struct Touch {
    /// Its path, as asked for.
    pub(super) path: PathBuf,
    /// What happens to it.
    pub(super) how: How,
    /// Where the path led before the call.
    pub(super) walk: Walk,
    /// Who says what came of it.
    pub(super) judge: Judge,
}

/// Who says whether a touch succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judge {
    /// The result of the call.
    Call,
    /// The result of the call, but an error of the call is not about it.
    Success,
    /// Whether it is there: the kernel opens it on the way.
    Presence,
}

/// Looks at a call through its thread's eyes.
pub(super) struct Planner<'a> {
    /// The thread.
    pub(super) thread: &'a Thread,
    /// Its root.
    pub(super) view: &'a View,
    /// The arguments of the call.
    pub(super) arguments: [u64; 6],
}

impl Planner<'_> {
    /// All that a call touches.
    pub(super) fn touches(&self, call: &Call) -> io::Result<Vec<Touch>> {
        let mut touches = Vec::new();
        for subject in call.subjects {
            self.touch(subject, &mut touches)?;
        }
        Ok(touches)
    }

    fn touch(&self, subject: &Subject, touches: &mut Vec<Touch>) -> io::Result<()> {
        match *subject {
            Subject::Path {
                at,
                path,
                how,
                last,
            } => touches.extend(self.path(at, path, how, self.follows(last))?),
            Subject::Open { at, path, flags } => self.open(at, path, flags, touches)?,
            Subject::Program { at, path, flags } => self.program(at, path, flags, touches)?,
            Subject::Descriptor { fd, how } => touches.extend(self.descriptor(fd, how)?),
            Subject::Address { address, how } => touches.extend(self.socket(address, how)?),
            Subject::Clone(_) => {}
        }
        Ok(())
    }

    fn path(
        &self,
        at: Option<usize>,
        path: usize,
        how: How,
        follow: bool,
    ) -> io::Result<Option<Touch>> {
        let path = self.thread.path(self.arguments[path])?;
        match path.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => self.named(at, &path, how, follow),
            // No path means the descriptor itself, which was opened by one; a change of it counts.
            None if how == How::Write => at.map_or(Ok(None), |at| self.descriptor(at, how)),
            None => Ok(None),
        }
    }

    fn named(
        &self,
        at: Option<usize>,
        path: &Path,
        how: How,
        follow: bool,
    ) -> io::Result<Option<Touch>> {
        let Some(absolute) = self.absolute(at, path)? else {
            return Ok(None);
        };
        let bytes = path.as_os_str().as_bytes();
        let follow = follow || bytes.ends_with(b"/") || bytes.ends_with(b"/.");
        Ok(Some(self.looked(absolute, how, follow, Judge::Call)))
    }

    fn looked(&self, path: PathBuf, how: How, follow: bool, judge: Judge) -> Touch {
        let walk = self.view.walk(&self.thread.folder, &path, follow);
        Touch {
            path,
            how,
            walk,
            judge,
        }
    }

    /// The absolute form of a path; `None` where it starts from a descriptor that is no folder.
    fn absolute(&self, at: Option<usize>, path: &Path) -> io::Result<Option<PathBuf>> {
        if path.is_absolute() {
            return Ok(Some(self.view.absolute(path)));
        }
        let start = match at.map(|at| self.number(at)) {
            None | Some(libc::AT_FDCWD) => Some(self.thread.working_folder()?),
            Some(descriptor) => self.thread.descriptor(descriptor)?,
        };
        Ok(start.map(|start| join(&start, path)))
    }

    fn open(
        &self,
        at: Option<usize>,
        path: usize,
        flags: Flags,
        touches: &mut Vec<Touch>,
    ) -> io::Result<()> {
        let Some(mut name) = self.thread.path(self.arguments[path])? else {
            return Ok(());
        };
        if name.as_os_str().is_empty() {
            return Ok(());
        }
        let (flags, resolve) = self.flags(flags)?;
        if resolve & RESOLVE_IN_ROOT != 0 {
            name = name
                .strip_prefix("/")
                .map(Path::to_path_buf)
                .unwrap_or(name);
        }
        let keep = flags & libc::O_NOFOLLOW != 0
            || flags & (libc::O_CREAT | libc::O_EXCL) == libc::O_CREAT | libc::O_EXCL;
        for how in hows(flags) {
            touches.extend(self.named(at, &name, *how, !keep)?);
        }
        Ok(())
    }

    /// The flags of a call, and those of `openat2` that say how the path is resolved.
    fn flags(&self, flags: Flags) -> io::Result<(i32, u64)> {
        Ok(match flags {
            Flags::Fixed(flags) => (flags, 0),
            Flags::Argument(at) => (self.number(at), 0),
            Flags::Pointed(at) => {
                // `struct open_how`: flags, mode, resolve.
                let mut how = [0; 24];
                let bytes = self.thread.bytes(self.arguments[at], &mut how)?;
                let word = |index: usize| {
                    let word = bytes.get(index * 8..index * 8 + 8);
                    word.and_then(|word| word.try_into().ok())
                        .map_or(0, u64::from_ne_bytes)
                };
                (low(word(0)), word(2))
            }
        })
    }

    fn program(
        &self,
        at: Option<usize>,
        path: usize,
        flags: Option<usize>,
        touches: &mut Vec<Touch>,
    ) -> io::Result<()> {
        let flags = flags.map_or(0, |flags| self.number(flags));
        let Some(path) = self.thread.path(self.arguments[path])? else {
            return Ok(());
        };
        let program = if !path.as_os_str().is_empty() {
            self.named(
                at,
                &path,
                How::Execute,
                flags & libc::AT_SYMLINK_NOFOLLOW == 0,
            )?
        } else if let Some(at) = at.filter(|_| flags & libc::AT_EMPTY_PATH != 0) {
            self.descriptor(at, How::Execute)?
        } else {
            None
        };
        let Some(program) = program else {
            return Ok(());
        };
        let mut last = program.walk.clone();
        touches.push(program);
        for _ in 0..interpreter::MAX_CHAIN {
            let Some(name) = interpreter::of(self.view, &last)? else {
                break;
            };
            let Some(path) = self.absolute(None, &name)? else {
                break;
            };
            let touch = self.looked(path, How::Execute, true, Judge::Presence);
            last = touch.walk.clone();
            touches.push(touch);
        }
        Ok(())
    }

    fn descriptor(&self, descriptor: usize, how: How) -> io::Result<Option<Touch>> {
        let path = self.thread.descriptor(self.number(descriptor))?;
        Ok(path.map(|path| self.looked(path, how, false, Judge::Success)))
    }

    fn socket(&self, address: usize, how: How) -> io::Result<Option<Touch>> {
        // `struct sockaddr_un`: the family in two bytes, then the path, which need not end with a zero.
        let length = self.arguments[address + 1];
        let mut bytes = [0; size_of::<libc::sockaddr_un>()];
        let length = usize::try_from(length).map_or(bytes.len(), |length| length.min(bytes.len()));
        let bytes = self
            .thread
            .bytes(self.arguments[address], &mut bytes[..length])?;
        let Some((family, path)) = bytes.split_first_chunk::<2>() else {
            return Ok(None);
        };
        let end = memchr::memchr(0, path).unwrap_or(path.len());
        if i32::from(u16::from_ne_bytes(*family)) != libc::AF_UNIX || end == 0 {
            return Ok(None);
        }
        self.named(None, Path::new(OsStr::from_bytes(&path[..end])), how, true)
    }

    /// Whether a call asks that the new process is not traced.
    pub(super) fn hides(&self, call: &Call) -> io::Result<bool> {
        for subject in call.subjects {
            if let Subject::Clone(flags) = subject {
                return Ok(self.flags(*flags)?.0 & libc::CLONE_UNTRACED != 0);
            }
        }
        Ok(false)
    }

    fn follows(&self, last: Last) -> bool {
        match last {
            Last::Follow => true,
            Last::Keep => false,
            Last::FollowUnless(at, flag) => self.number(at) & flag == 0,
            Last::FollowIf(at, flag) => self.number(at) & flag != 0,
        }
    }

    /// An argument that is an `int`: the upper half of the register does not count.
    fn number(&self, at: usize) -> i32 {
        low(self.arguments[at])
    }
}

fn low(word: u64) -> i32 {
    let bytes = word.to_le_bytes();
    i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// What opening with these flags does. A file that is opened to read and write counts as both, unless it is emptied.
fn hows(flags: i32) -> &'static [How] {
    if flags & libc::O_PATH != 0 {
        return &[How::Stat];
    }
    let emptied =
        flags & (libc::O_TRUNC | libc::O_EXCL) != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE;
    match flags & libc::O_ACCMODE {
        libc::O_RDWR if !emptied => &[How::Open, How::Write],
        libc::O_RDONLY if flags & (libc::O_CREAT | libc::O_TRUNC) == 0 => &[How::Open],
        libc::O_RDONLY if !emptied => &[How::Open, How::Write],
        _ => &[How::Write],
    }
}

impl Touch {
    /// Whether other paths may lead through it, so that they lead elsewhere when it is changed.
    pub(super) fn is_way(&self) -> bool {
        let kind = self.walk.end.as_ref().ok().and_then(|end| end.kind);
        matches!(kind, Some(FileType::Symlink | FileType::Directory))
    }
}
