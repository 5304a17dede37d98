//! Where a path leads, seen from inside a process: the links on the way and what is at the end.
//!
//! Every look is below the process' root and follows no link by itself (`openat2` with `RESOLVE_IN_ROOT` and
//! `RESOLVE_NO_SYMLINKS`), so whatever a hostile program does to its links meanwhile, nothing outside is seen.
//! Paths are those of the mount namespace: for a process that changed its root they begin with that.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

/// The most links of one path (`MAXSYMLINKS`, `linux/namei.h`).
const MAX_LINKS: usize = 40;
/// Folders that are remembered; then all are forgotten.
const MAX_FOLDERS: usize = 16 * 1024;
/// `PROC_SUPER_MAGIC`, `linux/magic.h`.
const PROC: i64 = 0x9fa0;

/// A root that some process sees.
#[derive(Debug)]
pub(super) struct View {
    root: OwnedFd,
    /// Where the root is in its mount namespace.
    prefix: PathBuf,
    /// Folders whose paths have links in them.
    folders: RefCell<HashMap<PathBuf, Folder>>,
}

#[derive(Debug, Clone)]
struct Folder {
    real: PathBuf,
    links: Vec<PathBuf>,
}

/// Where a path led.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// The symbolic links that were followed, by their own paths without links.
    pub(super) links: Vec<PathBuf>,
    /// The end of the path, or why it could not be looked at.
    pub(super) end: Result<End, Errno>,
}

/// The end of a path.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// Its path without links.
    pub(super) path: PathBuf,
    /// What is there, if something is.
    pub(super) kind: Option<FileType>,
}

/// All roots that were seen.
#[derive(Debug, Default)]
pub(super) struct Views(Vec<((u64, u64), Rc<View>)>);

impl Views {
    /// The root of a process, by its folder in `/proc`.
    pub(super) fn of(&mut self, process: &Path) -> io::Result<Rc<View>> {
        let path = process.join("root");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty())?;
        let mask = StatxFlags::INO | StatxFlags::MNT_ID;
        let facts = rustix::fs::statx(&root, "", AtFlags::EMPTY_PATH, mask)?;
        let key = (facts.stx_mnt_id, facts.stx_ino);
        if let Some((_, view)) = self.0.iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(view));
        }
        let view = Rc::new(View {
            root,
            prefix: std::fs::read_link(&path)?,
            folders: RefCell::default(),
        });
        self.0.push((key, Rc::clone(&view)));
        Ok(view)
    }

    /// Forgets where folders are: something was renamed or removed.
    pub(super) fn forget_folders(&self) {
        let views = self.0.iter();
        views.for_each(|(_, view)| view.folders.borrow_mut().clear());
    }

    /// Forgets all: a process changed its root, or what is mounted.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl View {
    /// The path that an absolute path of the process has in the mount namespace.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        join(&self.prefix, path)
    }

    /// Follows a path from the root on. `process` is the process' folder in `/proc`, for `/proc/self`.
    pub(super) fn walk(&self, process: &Path, path: &Path, follow: bool) -> Walk {
        let nothing_followed = |end| Walk {
            links: Vec::new(),
            end,
        };
        match self.look(path) {
            Ok((_, FileType::Symlink)) if follow => self.walk_links(process, path, follow),
            Ok((_, kind)) => nothing_followed(Ok(self.end(path, Some(kind)))),
            // Links come first where there are any, so there were none before what is missing.
            Err(Errno::NOENT) => nothing_followed(Ok(self.end(path, None))),
            Err(Errno::LOOP) => self.walk_links(process, path, follow),
            Err(error) => nothing_followed(Err(error)),
        }
    }

    /// Opens a regular file at a path without links for reading.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let (file, kind) = self.look(path)?;
        if kind != FileType::RegularFile {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }

    /// What is at a path that has no links but, maybe, at its end; `LOOP` where there are some.
    fn look(&self, path: &Path) -> Result<(OwnedFd, FileType), Errno> {
        let inside = path.strip_prefix(&self.prefix).map_err(|_| Errno::XDEV)?;
        let inside = if inside.as_os_str().is_empty() {
            Path::new(".")
        } else {
            inside
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = loop {
            match rustix::fs::openat2(&self.root, inside, flags, Mode::empty(), resolve) {
                // The kernel could not rule out that a rename moved the path out (openat2(2)).
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => break other?,
            }
        };
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
        Ok((file, kind))
    }

    fn end(&self, path: &Path, kind: Option<FileType>) -> End {
        let mut clean = self.prefix.clone();
        let inside = path.strip_prefix(&self.prefix).unwrap_or(path);
        for part in inside.components() {
            match part {
                Component::ParentDir => self.up(&mut clean),
                Component::Normal(name) => clean.push(name),
                _ => {}
            }
        }
        End { path: clean, kind }
    }

    /// Goes to the folder above, but not above the root.
    fn up(&self, path: &mut PathBuf) {
        if *path != self.prefix {
            path.pop();
        }
    }

    fn walk_links(&self, process: &Path, path: &Path, follow: bool) -> Walk {
        let mut steps = Steps {
            view: self,
            process,
            links: Vec::new(),
            count: 0,
            is_own: false,
        };
        let end = steps.take(path, follow);
        Walk {
            links: steps.links,
            end,
        }
    }
}

/// A path joined to the absolute path of a folder, without `.` and double slashes.
pub(super) fn join(folder: &Path, path: &Path) -> PathBuf {
    let mut joined = folder.to_path_buf();
    let parts = path.components();
    parts
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .for_each(|part| joined.push(part));
    joined
}

/// One path, link by link.
struct Steps<'a> {
    view: &'a View,
    process: &'a Path,
    links: Vec<PathBuf>,
    /// How many links there were.
    count: usize,
    /// Whether the way led through what only this process sees so.
    is_own: bool,
}

impl Steps<'_> {
    fn take(&mut self, path: &Path, follow: bool) -> Result<End, Errno> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return self.go(self.view.prefix.clone(), parts(self.view, path), follow);
        };
        let start = self.folder(parent)?;
        self.go(start, VecDeque::from([name.to_owned()]), follow)
    }

    /// Where a folder really is; the links on the way are added.
    fn folder(&mut self, path: &Path) -> Result<PathBuf, Errno> {
        if let Some(known) = self.view.folders.borrow().get(path) {
            self.links.extend(known.links.iter().cloned());
            return Ok(known.real.clone());
        }
        let end = self.go(self.view.prefix.clone(), parts(self.view, path), true)?;
        let mut folders = self.view.folders.borrow_mut();
        if folders.len() >= MAX_FOLDERS {
            folders.clear();
        }
        if !self.is_own && end.kind == Some(FileType::Directory) {
            let folder = Folder {
                real: end.path.clone(),
                links: self.links.clone(),
            };
            folders.insert(path.to_path_buf(), folder);
        }
        Ok(end.path)
    }

    fn go(
        &mut self,
        start: PathBuf,
        mut todo: VecDeque<OsString>,
        follow: bool,
    ) -> Result<End, Errno> {
        let mut here = End {
            path: start,
            kind: Some(FileType::Directory),
        };
        while let Some(name) = todo.pop_front() {
            if name == ".." {
                self.view.up(&mut here.path);
                continue;
            }
            here.path.push(&name);
            let (file, kind) = match self.view.look(&here.path) {
                Ok(found) => found,
                Err(Errno::NOENT) => {
                    here.path.extend(todo);
                    here.kind = None;
                    return Ok(here);
                }
                Err(error) => return Err(error),
            };
            here.kind = Some(kind);
            if kind != FileType::Symlink || (todo.is_empty() && !follow) {
                continue;
            }
            let Some(target) = self.target(&file, &name, &mut todo)? else {
                here.path.extend(todo);
                return Ok(here);
            };
            if !self.is_own {
                self.links.push(here.path.clone());
            }
            self.count += 1;
            if self.count > MAX_LINKS {
                return Err(Errno::LOOP);
            }
            here.path.pop();
            if target.is_absolute() {
                here.path.clone_from(&self.view.prefix);
            }
            for part in target.components().rev() {
                match part {
                    Component::Normal(name) => todo.push_front(name.to_owned()),
                    Component::ParentDir => todo.push_front("..".into()),
                    _ => {}
                }
            }
        }
        Ok(here)
    }

    /// Where a link leads; `None` where its target is no path. What `/proc/self` and its links say depends on who
    /// reads them, so they are read where the process is seen by us.
    fn target(
        &mut self,
        link: &OwnedFd,
        name: &OsStr,
        todo: &mut VecDeque<OsString>,
    ) -> Result<Option<PathBuf>, Errno> {
        let read = || {
            let bytes = rustix::fs::readlinkat(link, "", Vec::new())?.into_bytes();
            Ok(PathBuf::from(OsString::from_vec(bytes)))
        };
        if rustix::fs::fstatfs(link)?.f_type != PROC {
            return read().map(Some);
        }
        self.is_own = true;
        if name != "self" && name != "thread-self" {
            return Ok(read().ok().filter(|target| target.is_absolute()));
        }
        let count = if todo.front().is_some_and(|part| part == "fd") {
            2
        } else {
            1
        };
        let inner: PathBuf = todo.iter().take(count).collect();
        let target = std::fs::read_link(self.process.join(inner)).ok();
        let target = target.filter(|target| target.is_absolute());
        if target.is_some() {
            todo.drain(..count.min(todo.len()));
        }
        Ok(target)
    }
}

/// The parts of a path below the root of a view.
fn parts(view: &View, path: &Path) -> VecDeque<OsString> {
    let inside = path.strip_prefix(&view.prefix).unwrap_or(path);
    inside.iter().map(OsStr::to_os_string).collect()
}
