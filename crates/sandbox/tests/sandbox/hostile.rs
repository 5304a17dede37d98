//! Images that try to leave their root, to get rights or to find out about the machine; see SECURITY.md.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ounce_sandbox::{End, Error, InputFile, Process, Volume};
use rustix::fs::{CWD, FileType, makedev, mknodat};
use tempfile::TempDir;

use crate::common::{command, fixture, has_namespaces, sh};

/// A layer over the fixture, and a file of the machine that nobody inside may reach.
struct Trap {
    layer: TempDir,
    outside: TempDir,
}

impl Trap {
    fn new() -> Self {
        let trap = Self {
            layer: tempfile::tempdir().unwrap(),
            outside: tempfile::tempdir().unwrap(),
        };
        fs::set_permissions(trap.layer.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(trap.outside.path(), Permissions::from_mode(0o777)).unwrap();
        fs::write(trap.secret(), "secret").unwrap();
        trap
    }

    fn secret(&self) -> PathBuf {
        self.outside.path().join("file")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.layer.path().join(name)
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read_to_string(self.secret()).unwrap(), "secret");
        assert_eq!(fs::read_dir(self.outside.path()).unwrap().count(), 1);
    }
}

#[test]
fn links_that_lead_out_are_followed_inside() {
    if !has_namespaces() {
        return;
    }
    let trap = Trap::new();
    let out = trap.outside.path();
    symlink(out, trap.path("absolute")).unwrap();
    let up = Path::new("../../../../../../../../..").join(out.strip_prefix("/").unwrap());
    symlink(up, trap.path("relative")).unwrap();
    fs::create_dir(trap.path("etc")).unwrap();
    symlink(trap.secret(), trap.path("etc/hosts")).unwrap();
    let volume = tempfile::tempdir().unwrap();
    for link in ["absolute", "relative"] {
        let output = sh("pwd; read hosts < /etc/hosts; echo $hosts; echo > file")
            .over(trap.layer.path())
            .file(&format!("/{link}/given"), "x")
            .with(|p| {
                p.workdir = format!("/{link}/work").into();
                p.volumes.push(Volume {
                    source: volume.path().to_owned(),
                    target: format!("/{link}/volume").into(),
                    read_only: false,
                });
            })
            .output();
        let expected = format!("{}/work\n127.0.0.1 localhost\n", out.display());
        assert_eq!(output, expected, "{link}");
        trap.assert_untouched();
    }
}

#[test]
fn magic_links_lead_nowhere() {
    if !has_namespaces() {
        return;
    }
    let trap = Trap::new();
    for (name, target) in [
        ("root", "/proc/self/root"),
        ("cwd", "/proc/self/cwd"),
        ("fd", "/proc/self/fd/3"),
    ] {
        symlink(target, trap.path(name)).unwrap();
        let over = || sh("exit 0").over(trap.layer.path());
        let path = PathBuf::from(format!("/{name}/x"));
        let workdir = over().with(|p| p.workdir = path.clone()).try_run();
        assert!(workdir.is_err(), "{name}");
        let file = over().file(&format!("/{name}/x"), "x").try_run();
        assert!(file.is_err(), "{name}");
    }
}

#[test]
fn links_in_place_of_kernel_folders_are_refused() {
    if !has_namespaces() {
        return;
    }
    for name in ["proc", "sys"] {
        let trap = Trap::new();
        symlink(trap.outside.path(), trap.path(name)).unwrap();
        let error = sh("exit 0").over(trap.layer.path()).try_run().unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        trap.assert_untouched();
    }
}

#[test]
fn nobody_waits_for_a_fifo() {
    if !has_namespaces() {
        return;
    }
    let trap = Trap::new();
    mknodat(CWD, trap.path("fifo"), FileType::Fifo, 0o666.into(), 0).unwrap();
    fs::create_dir(trap.path("etc")).unwrap();
    symlink("/fifo", trap.path("etc/passwd")).unwrap();
    let over = || sh("exit 0").over(trap.layer.path());
    assert!(over().file("/fifo", "x").try_run().is_err());
    assert_eq!(over().run().outcome.end, End::Exited(0));
}

#[test]
fn our_own_program_is_not_run_inside() {
    if !has_namespaces() {
        return;
    }
    let script = |first: &str, path: &str| InputFile {
        path: path.into(),
        content: format!("#!{first}\n").into(),
        mode: 0o755,
    };
    let chain = |p: &mut Process| {
        p.files.push(script("/proc/self/exe", "/one"));
        p.files.push(script(" /one", "/two"));
    };
    for program in ["/proc/self/exe", "/one", "/two", "/proc/1/exe"] {
        let error = command(&[program]).with(chain).try_run().unwrap_err();
        assert!(
            matches!(error, Error::CannotExecute { .. }),
            "{program}: {error}"
        );
    }
}

#[test]
fn the_kernel_s_files_are_hidden_or_read_only() {
    if !has_namespaces() {
        return;
    }
    let script = "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches \
                  /proc/sys/kernel/pid_max /sys/power/state /sys/fs/cgroup/cgroup.procs; do \
                  [ -e $f ] || continue; (echo 1 > $f) 2>/dev/null && echo $f can be written; done; \
                  for f in /proc/kcore /proc/keys /proc/timer_list; do \
                  [ -e $f ] || continue; read line < $f && echo $f tells $line; done; \
                  for f in /proc/acpi/* /sys/firmware/*; do [ -e $f ] && echo $f is there; done; echo done";
    assert_eq!(sh(script).output(), "done\n");
}

#[test]
fn nothing_of_the_machine_shows_in_the_mounts() {
    if !has_namespaces() {
        return;
    }
    let script = "while read -r line; do echo \"$line\"; done < /proc/self/mounts";
    let output = sh(script).output();
    let root = output.lines().next().unwrap();
    assert!(
        root.starts_with("overlay / overlay rw,nosuid,nodev"),
        "{root}"
    );
    // The nodes are the machine's own.
    let devices = output.lines().filter(|line| line.starts_with("devtmpfs"));
    for device in devices {
        assert!(device.contains(" ro,"), "{device}");
    }
    for folder in [fixture(), &std::env::temp_dir()] {
        assert!(!output.contains(&*folder.to_string_lossy()), "{output}");
    }
}

#[test]
fn a_set_uid_program_gains_nothing() {
    if !has_namespaces() {
        return;
    }
    let trap = Trap::new();
    let shell = trap.path("shell");
    fs::copy(fixture().join("usr/bin/dash"), &shell).unwrap();
    fs::set_permissions(&shell, Permissions::from_mode(0o6755)).unwrap();
    let script = "while read -r key rest; do case $key in Uid:|CapEff:|CapPrm:) echo $key $rest;; esac; \
                  done < /proc/self/status";
    let run = command(&["/shell", "-p", "-c", script])
        .over(trap.layer.path())
        .with(|p| p.user = "daemon".into());
    assert_eq!(
        run.output(),
        "Uid: 1 1 1 1\nCapPrm: 0000000000000000\nCapEff: 0000000000000000\n"
    );
}

#[test]
fn devices_of_an_image_cannot_be_opened() {
    if !has_namespaces() {
        return;
    }
    let trap = Trap::new();
    let kind = FileType::CharacterDevice;
    let made = mknodat(CWD, trap.path("zero"), kind, 0o666.into(), makedev(1, 5));
    if made.is_err() {
        eprintln!("left out: only root can make devices");
        return;
    }
    let script = "(: < /dev/zero) && echo ours; (: < /zero) && echo theirs; exit 0";
    assert_eq!(sh(script).over(trap.layer.path()).output(), "ours\n");
}

#[test]
fn writes_stay_in_the_overlay() {
    if !has_namespaces() {
        return;
    }
    let before = listing(fixture());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kept"), "kept").unwrap();
    let script = "echo x > /etc/passwd; echo x > /bin/new; (echo x > /data/kept); (echo x > /data/new); \
                  cd /../../..; echo x > ../../../up; exit 0";
    let run = sh(script).with(|p| {
        p.volumes.push(Volume {
            source: folder.path().to_owned(),
            target: "/data".into(),
            read_only: true,
        });
    });
    let changes = run.run().outcome.changes;
    let paths = changes.iter().map(|c| c.path.display().to_string());
    let paths: Vec<_> = paths.collect();
    assert_eq!(paths, ["/etc/passwd", "/up", "/usr/bin/new"]);
    assert_eq!(listing(fixture()), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read(folder.path().join("kept")).unwrap(), b"kept");
}

/// Names and sizes of a root's own files and of two folders in it.
fn listing(root: &Path) -> Vec<(PathBuf, u64)> {
    let folders = [root.to_owned(), root.join("etc"), root.join("usr/bin")];
    let entries = folders.iter().flat_map(|f| fs::read_dir(f).unwrap());
    let mut list: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect();
    list.sort();
    list
}

#[test]
fn the_machine_s_network_is_not_there() {
    if !has_namespaces() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let scratch = tempfile::tempdir().unwrap();
    let loops = sh("while :; do :; done").with(|p| p.limits.time = Some(Duration::from_secs(30)));
    let running = ounce_sandbox::start(&loops.root(), &loops.process, scratch.path()).unwrap();
    let error = running.connect(port).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let interfaces =
        "while read -r name rest; do case $name in *:) echo $name;; esac; done < /proc/net/dev";
    let beside = running.exec(&sh(interfaces).process).unwrap();
    let names = String::from_utf8(beside.stdout).unwrap();
    assert!(names.contains("lo:") && !names.contains("eth"), "{names}");
}

#[test]
fn a_removal_can_be_tried() {
    if !has_namespaces() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        "/usr/games",
        "/usr/games/fortune",
        "/etc/issue",
        "/no/such",
        "/bin/dash",
    ];
    let root = sh("").root();
    let root = root.without(paths.map(Path::new), folder.path()).unwrap();
    let script = "[ -e /usr/games ] || echo 1; [ -e /etc/issue ] || echo 2; [ -e /usr/bin/dash ] && echo 3; \
                  [ -e /etc/issue.net ] && echo 4";
    let scratch = tempfile::tempdir().unwrap();
    let run = ounce_sandbox::run(&root, &sh(script).process, scratch.path()).unwrap();
    assert_eq!(run.outcome.stdout, b"1\n2\n3\n4\n");
    assert_eq!(run.outcome.changes, []);
    assert_eq!(root.now(Path::new("/etc/issue")).unwrap(), None);
}
