//! Traces programs on this machine's own root. Most of them are this very test program, which then does what
//! the test is about: each test calls [`traced`], which runs the same test once more, traced.

#![expect(
    unsafe_code,
    reason = "programs that misbehave, and what runs between fork and exec"
)]

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, ptr};

use super::*;

const INSIDE: &str = "OUNCE_TRACED";

/// What a program touched in the folder that it ran in.
struct Seen {
    trace: Trace,
    folder: tempfile::TempDir,
}

impl Seen {
    /// What was done to a name of the folder: how, the error or 0, and the name that it led to.
    fn of(&self, name: impl AsRef<Path>) -> Vec<(How, i32, Option<PathBuf>)> {
        let folder = self.folder.path().canonicalize().unwrap();
        let path = folder.join(name);
        let accesses = self.trace.accesses.iter();
        let accesses = accesses.filter(|access| access.path == path);
        let short = |real: &PathBuf| real.strip_prefix(&folder).unwrap_or(real).to_path_buf();
        accesses
            .map(|access| {
                (
                    access.how,
                    access.error.unwrap_or(0),
                    access.real.as_ref().map(short),
                )
            })
            .collect()
    }
}

fn led(how: How, name: &str) -> (How, i32, Option<PathBuf>) {
    (how, 0, Some(name.into()))
}

fn missing(how: How) -> (How, i32, Option<PathBuf>) {
    (how, libc::ENOENT, None)
}

/// Runs a command on this machine's own root and traces it.
fn trace(mut command: Command) -> Result<Trace, TraceError> {
    let (ours, theirs) = channel().unwrap();
    let supervisor = Supervisor::start(ours).unwrap();
    // SAFETY: `install` is made for this place.
    unsafe { command.pre_exec(move || install(theirs.as_fd())) };
    // The supervisor is told of its end.
    drop(command.spawn().unwrap());
    drop(command);
    supervisor.finish()
}

/// The test as a program of its own.
fn itself(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "--test-threads=1"]);
    command.arg(format!("trace::tests::{test}"));
    command.env(INSIDE, "1").current_dir(folder);
    command.stdout(Stdio::null());
    command
}

/// Does what is given, in an empty folder, traced; `None` in the process that did it.
fn tried(test: &str, act: fn()) -> Option<(Result<Trace, TraceError>, tempfile::TempDir)> {
    if env::var_os(INSIDE).is_some() {
        act();
        File::create("done").unwrap();
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = trace(itself(test, folder.path()));
    assert!(folder.path().join("done").exists(), "the program failed");
    Some((trace, folder))
}

fn traced(test: &str, act: fn()) -> Option<Seen> {
    let (trace, folder) = tried(test, act)?;
    let trace = trace.unwrap();
    Some(Seen { trace, folder })
}

fn shell(script: &str) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).current_dir(folder.path());
    let trace = trace(command).unwrap();
    Seen { trace, folder }
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

#[test]
fn paths_are_absolute_and_links_are_followed() {
    let seen = traced("paths_are_absolute_and_links_are_followed", || {
        fs::create_dir_all("real/inner").unwrap();
        fs::write("real/inner/file", "").unwrap();
        symlink("real", "link").unwrap();
        symlink("inner/file", "real/leaf").unwrap();
        let folder = File::open("link").unwrap();
        let name = c("inner/../leaf");
        // SAFETY: the name is a C string.
        let file = unsafe { libc::openat(folder.as_raw_fd(), name.as_ptr(), libc::O_RDONLY) };
        assert!(file >= 0);
        env::set_current_dir("link/inner").unwrap();
        assert!(fs::metadata("../missing").is_err());
        fs::symlink_metadata("../leaf").unwrap();
        fs::read_link("../leaf").unwrap();
        env::set_current_dir("../..").unwrap();
    });
    let Some(seen) = seen else { return };
    let link = [led(How::Write, "link"), led(How::Link, "link")];
    assert_eq!(
        seen.of("link"),
        [&link[..], &[led(How::Open, "real")]].concat()
    );
    assert_eq!(
        seen.of("real/inner/../leaf"),
        [
            led(How::Open, "real/inner/file"),
            led(How::Stat, "real/leaf"),
            led(How::Link, "real/leaf"),
        ]
    );
    assert_eq!(seen.of("link/inner"), [led(How::Folder, "real/inner")]);
    assert_eq!(seen.of("real/inner/../missing"), [missing(How::Stat)]);
    // Made, and followed when it was opened.
    let leaf = [led(How::Write, "real/leaf"), led(How::Link, "real/leaf")];
    assert_eq!(seen.of("real/leaf"), leaf);
}

#[test]
fn results_are_those_of_the_kernel() {
    let seen = traced("results_are_those_of_the_kernel", || {
        fs::create_dir("folder").unwrap();
        fs::create_dir("folder").unwrap_err();
        fs::write("file", "").unwrap();
        File::create_new("file").unwrap_err();
        fs::remove_dir("file").unwrap_err();
        fs::read("file/below").unwrap_err();
        fs::rename("file", "renamed").unwrap();
        fs::rename("file", "renamed").unwrap_err();
        symlink("loop", "loop").unwrap();
        fs::read("loop").unwrap_err();
    });
    let Some(seen) = seen else { return };
    let write = |error| (How::Write, error, Some(PathBuf::from("folder")));
    assert_eq!(seen.of("folder"), [write(0), write(libc::EEXIST)]);
    let errors: Vec<(How, i32)> = seen.of("file").iter().map(|a| (a.0, a.1)).collect();
    let write = |error| (How::Write, error);
    assert_eq!(
        errors,
        [
            write(libc::ENOENT),
            write(0),
            write(libc::EEXIST),
            write(libc::ENOTDIR)
        ]
    );
    assert_eq!(seen.of("file/below"), [(How::Open, libc::ENOTDIR, None)]);
    assert_eq!(
        seen.of("renamed"),
        [
            led(How::Write, "renamed"),
            (How::Write, libc::ENOENT, Some("renamed".into())),
        ]
    );
    assert!(seen.of("loop").contains(&(How::Open, libc::ELOOP, None)));
}

#[test]
fn interpreters_are_executed_by_the_kernel() {
    let seen = traced("interpreters_are_executed_by_the_kernel", || {
        fs::write("inner", "#! /bin/sh -e\n:\n").unwrap();
        fs::write("outer", "#!./inner x\n").unwrap();
        fs::write("broken", "#!/nowhere/to/be/found\n").unwrap();
        for name in ["inner", "outer", "broken"] {
            fs::set_permissions(name, fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert!(Command::new("./outer").status().unwrap().success());
        Command::new("./broken").status().unwrap_err();
    });
    let Some(seen) = seen else { return };
    let executed = |name| {
        let found = seen.of(name).into_iter();
        found
            .filter(|access| access.0 == How::Execute)
            .collect::<Vec<_>>()
    };
    assert_eq!(executed("outer"), [led(How::Execute, "outer")]);
    assert_eq!(executed("inner"), [led(How::Execute, "inner")]);
    assert_eq!(executed("/bin/sh").len(), 1);
    assert_eq!(
        executed("broken"),
        [(How::Execute, libc::ENOENT, Some("broken".into()))]
    );
    assert_eq!(executed("/nowhere/to/be/found"), [missing(How::Execute)]);
    let sh = fs::canonicalize("/bin/sh").unwrap();
    let loader = seen.trace.accesses.iter().find(|access| {
        access.how == How::Execute && access.path.to_string_lossy().contains("/ld-")
    });
    assert!(loader.is_some_and(|loader| loader.program != sh || loader.error.is_none()));
}

#[test]
fn threads_have_working_folders_of_their_own() {
    let seen = traced("threads_have_working_folders_of_their_own", || {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                std::thread::spawn(move || {
                    // SAFETY: it concerns this thread alone.
                    assert_eq!(unsafe { libc::unshare(libc::CLONE_FS) }, 0);
                    let folder = format!("folder{number}");
                    fs::create_dir(&folder).unwrap();
                    env::set_current_dir(folder).unwrap();
                    for file in 0..50 {
                        fs::write(format!("file{file}"), "").unwrap();
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
    let Some(seen) = seen else { return };
    for number in 0..8 {
        for file in 0..50 {
            let name = format!("folder{number}/file{file}");
            assert_eq!(seen.of(&name), [led(How::Write, &name)]);
        }
    }
}

#[test]
fn many_processes_are_followed() {
    let seen = shell(
        "i=0; while [ $i -lt 100 ]; do i=$((i+1)); (: > a$i) & (exec /bin/sh -c \": > b$i\"); done; wait",
    );
    for number in 1..=100 {
        for name in [format!("a{number}"), format!("b{number}")] {
            assert_eq!(seen.of(&name), [led(How::Write, &name)]);
        }
    }
}

#[test]
fn a_thread_may_execute_in_place_of_all() {
    let seen = traced("a_thread_may_execute_in_place_of_all", || {
        let child = Command::new("/bin/sh").args(["-c", ": > spawned"]).status();
        assert!(child.unwrap().success());
        File::create("done").unwrap();
        std::thread::spawn(|| Command::new("/bin/sh").args(["-c", ": > executed"]).exec());
        loop {
            std::thread::park();
        }
    });
    let Some(seen) = seen else { return };
    assert_eq!(seen.of("spawned"), [led(How::Write, "spawned")]);
    assert_eq!(seen.of("executed"), [led(How::Write, "executed")]);
    let sh = fs::canonicalize("/bin/sh").unwrap();
    let mut by_shell = seen
        .trace
        .accesses
        .iter()
        .filter(|access| access.program == sh);
    assert!(by_shell.any(|access| access.path.ends_with("executed")));
}

#[test]
fn names_that_are_none() {
    let seen = traced("names_that_are_none", || {
        let open = |name: *const libc::c_char| {
            // SAFETY: the kernel refuses a bad address.
            unsafe { libc::open(name, libc::O_RDONLY) }
        };
        assert_eq!(open(ptr::without_provenance(1)), -1);
        assert_eq!(open(c(&"x".repeat(5000)).as_ptr()), -1);
        assert_eq!(open(c(&"y".repeat(300)).as_ptr()), -1);
        assert_eq!(open(c("").as_ptr()), -1);
        fs::write(OsStr::from_bytes(b"n\xfcme"), "").unwrap();
        // A name that ends with its page, after which there is none.
        // SAFETY: a fresh mapping of two pages, of which the first is kept and written to.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let pages = libc::mmap(ptr::null_mut(), 8192, access, flags, -1, 0).cast::<u8>();
            libc::munmap(pages.add(4096).cast(), 4096);
            let place = pages.add(4096 - 6);
            ptr::copy_nonoverlapping(c"short".as_ptr().cast(), place, 6);
            assert_eq!(open(place.cast()), -1);
            ptr::copy_nonoverlapping(b"endles".as_ptr(), place, 6);
            assert_eq!(open(place.cast()), -1);
        }
    });
    let Some(seen) = seen else { return };
    assert_eq!(seen.of("short"), [missing(How::Open)]);
    assert_eq!(seen.of("endles"), []);
    assert_eq!(seen.of(OsStr::from_bytes(b"n\xfcme")).len(), 1);
    assert_eq!(
        seen.of("y".repeat(300)),
        [(How::Open, libc::ENAMETOOLONG, None)]
    );
    assert_eq!(seen.of(""), []);
}

#[test]
fn a_working_folder_that_was_removed() {
    let seen = shell("mkdir gone; cd gone; rmdir ../gone; : < name; : > ../../nothing/at/all");
    assert_eq!(seen.of("gone/name"), [missing(How::Open)]);
}

#[test]
fn signals_lose_nothing() {
    let seen = traced("signals_lose_nothing", || {
        extern "C" fn handler(_: libc::c_int) {}
        // SAFETY: the handler does nothing.
        unsafe {
            let handler: extern "C" fn(libc::c_int) = handler;
            libc::signal(libc::SIGALRM, handler as *const () as libc::sighandler_t);
            let often = libc::timeval {
                tv_sec: 0,
                tv_usec: 200,
            };
            let timer = libc::itimerval {
                it_interval: often,
                it_value: often,
            };
            libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut());
        }
        for number in 0..2000 {
            fs::metadata(format!("name{number}")).unwrap_err();
        }
    });
    let Some(seen) = seen else { return };
    for number in 0..2000 {
        assert_eq!(seen.of(format!("name{number}")), [missing(How::Stat)]);
    }
}

#[test]
fn a_stopped_process_goes_on() {
    let seen = shell("(while kill -CONT $$; do :; done) 2> /dev/null & kill -STOP $$; : > after");
    assert_eq!(seen.of("after"), [led(How::Write, "after")]);
}

#[test]
fn a_killed_process_has_a_trace() {
    let seen = shell(": > before; kill -KILL $$; : > after");
    assert_eq!(seen.of("before"), [led(How::Write, "before")]);
    assert_eq!(seen.of("after"), []);
}

#[test]
fn what_passes_filters_is_refused() {
    let seen = traced("what_passes_filters_is_refused", || {
        // SAFETY: io_uring_setup without entries fails in any case.
        let answer = unsafe { libc::syscall(libc::SYS_io_uring_setup, 0, ptr::null::<u8>()) };
        let error = std::io::Error::last_os_error().raw_os_error();
        assert_eq!((answer, error), (-1, Some(libc::ENOSYS)));
    });
    assert!(seen.is_none_or(|seen| seen.of("done").len() == 1));
}

#[test]
fn a_child_that_hides_is_an_error() {
    let tried = tried("a_child_that_hides_is_an_error", || {
        let flags = libc::CLONE_UNTRACED | libc::SIGCHLD;
        // SAFETY: a fork; the child does nothing but end.
        unsafe {
            let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
            if child == 0 {
                libc::_exit(0);
            }
            libc::waitpid(-1, ptr::null_mut(), 0);
        }
    });
    let Some((trace, _)) = tried else { return };
    assert!(matches!(trace, Err(TraceError::Hidden { .. })), "{trace:?}");
}

#[test]
fn unix_sockets_have_paths() {
    use std::os::unix::net::{UnixListener, UnixStream};
    let seen = traced("unix_sockets_have_paths", || {
        UnixStream::connect("socket").unwrap_err();
        let _listener = UnixListener::bind("socket").unwrap();
        UnixStream::connect("socket").unwrap();
    });
    let Some(seen) = seen else { return };
    let expected = [
        missing(How::Open),
        led(How::Open, "socket"),
        led(How::Write, "socket"),
    ];
    assert_eq!(seen.of("socket"), expected);
}

#[test]
fn the_filter_fits_and_names_every_call_once() {
    let mut numbers: Vec<i64> = calls::numbers().collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
    assert!(calls::find(u64::try_from(libc::SYS_openat).unwrap()).is_some());
}

#[test]
fn a_root_of_its_own() {
    if env::var_os(INSIDE).is_none() && !rustix::process::geteuid().is_root() {
        let needed = env::var_os("OUNCE_NEEDS").is_some_and(|needs| needs == "namespaces");
        assert!(!needed, "OUNCE_NEEDS=namespaces, and this is not root");
        eprintln!("left out: only root can change its root");
        return;
    }
    let seen = traced("a_root_of_its_own", || {
        fs::create_dir_all("root/folder").unwrap();
        symlink("/folder/file", "root/link").unwrap();
        let outside = File::open(".").unwrap();
        std::os::unix::fs::chroot("root").unwrap();
        env::set_current_dir("/folder").unwrap();
        fs::write("file", "").unwrap();
        fs::read("/../link").unwrap();
        fs::read("/missing").unwrap_err();
        let back = rustix::process::fchdir(&outside);
        back.unwrap();
        fs::metadata("root/link").unwrap();
    });
    let Some(seen) = seen else { return };
    let chroot = (How::Folder, 0, Some("root".into()));
    assert!(seen.of("root").contains(&chroot));
    assert_eq!(
        seen.of("root/folder/file"),
        [led(How::Write, "root/folder/file")]
    );
    assert_eq!(
        seen.of("root/../link"),
        [led(How::Open, "root/folder/file")]
    );
    assert!(seen.of("root/link").contains(&led(How::Link, "root/link")));
    assert_eq!(seen.of("root/missing"), [missing(How::Open)]);
}
