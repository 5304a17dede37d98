//! `ounce run` as a user calls it.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const OUNCE: &str = env!("CARGO_BIN_EXE_ounce");

/// A cache of our own, and the image of `fixtures/`.
struct Place(TempDir);

impl Place {
    /// `None` where no namespaces can be made; where CI says that they can, that is an error.
    fn new() -> Option<Self> {
        let place = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(place.0.path(), Permissions::from_mode(0o777)).unwrap();
        let image = Self::image();
        let args = ["run", "--platform", "linux/amd64", image.to_str().unwrap()];
        let probe =
            crate::common::ounce(place.0.path(), &[&args[..], &["--", "/etc/issue"]].concat());
        crate::common::has_namespaces(&probe).then_some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn image() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fortune.oci.tar")
    }

    fn command(&self, program: &Path, image: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .args(["run", "--platform", "linux/amd64"])
            .arg(image)
            .current_dir(self.0.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("OUNCE_CACHE_SIZE")
            .stdin(Stdio::null());
        command
    }

    fn ounce(&self) -> Command {
        self.command(OUNCE.as_ref(), &Self::image())
    }

    fn run(&self, args: &[&str]) -> Output {
        self.ounce().args(args).output().unwrap()
    }

    fn sh(&self, script: &str) -> Output {
        self.run(&["--entrypoint", "/bin/sh", "--", "-c", script])
    }

    /// The names in the cache of roots, but for locks.
    fn roots(&self) -> Vec<String> {
        let listing = fs::read_dir(self.path("cache/ounce/roots")).unwrap();
        let mut names: Vec<_> = listing
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_image_runs_as_it_is() {
    let Some(place) = Place::new() else { return };
    let output = place.run(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!output.stdout.is_empty());
    let roots = place.roots();
    assert_eq!(roots.len(), 1, "{roots:?}");
    assert!(!roots[0].starts_with('.'), "{roots:?}");
}

#[test]
fn exit_codes_are_docker_s() {
    let Some(place) = Place::new() else { return };
    let code = |script: &str| place.sh(script).status.code();
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 42"), Some(42));
    assert_eq!(code("/bin/sh -c 'kill -9 $$'"), Some(137));
    let entry = |program: &str| place.run(&["--entrypoint", program]);
    assert_eq!(entry("nothing").status.code(), Some(127));
    assert_eq!(entry("/etc/passwd").status.code(), Some(126));
    let output = place.run(&["--user", "eve"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("user eve"));
    let slow = [
        "--timeout",
        "1",
        "--entrypoint",
        "/bin/sh",
        "--",
        "-c",
        "while :; do :; done",
    ];
    assert_eq!(place.run(&slow).status.code(), Some(124));
    assert_eq!(place.run(&["--volume", "x"]).status.code(), Some(2));
}

#[test]
fn streams_variables_and_folders_are_passed_on() {
    let Some(place) = Place::new() else { return };
    fs::create_dir(place.path("data")).unwrap();
    fs::write(place.path("data/given"), "given\n").unwrap();
    let script = "read line; read given < given; echo $line $given $A $B $HOME; echo err >&2; echo out > made";
    let mut child = place
        .ounce()
        .args([
            "--env",
            "A=1 2",
            "--env",
            "B",
            "--workdir",
            "/work",
            "--volume",
            "data:/work",
        ])
        .args(["--entrypoint", "/bin/sh", "--", "-c", script])
        .env("B", "from here")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "typed given 1 2 from here /root\n");
    assert!(text(&output.stderr).starts_with("err\n"));
    assert_eq!(fs::read(place.path("data/made")).unwrap(), b"out\n");
}

#[test]
fn an_image_is_unpacked_once() {
    let Some(place) = Place::new() else { return };
    place.run(&[]);
    let roots = place.roots();
    let inode = || {
        let root = place.path("cache/ounce/roots").join(&roots[0]).join("root");
        fs::metadata(root).unwrap().ino()
    };
    let first = inode();
    assert!(place.sh("echo x > /etc/passwd").status.success());
    let output = place.sh("read line < /etc/passwd; echo $line");
    assert!(text(&output.stdout).starts_with("root:"));
    assert_eq!((place.roots(), inode()), (roots.clone(), first));
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let Some(place) = Place::new() else { return };
    fs::remove_dir_all(place.path("cache")).unwrap();
    let temp = place.path("tmp");
    fs::create_dir(&temp).unwrap();
    let output = place
        .ounce()
        .arg("--no-cache")
        .env("TMPDIR", &temp)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!place.path("cache").exists());
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
}

#[test]
fn what_nobody_holds_is_cleared_away_when_it_is_too_much_or_unfinished() {
    let Some(place) = Place::new() else { return };
    let roots = place.path("cache/ounce/roots");
    // The one stands for an image that was used long ago, the other for a run that was killed.
    for name in ["old", ".part-killed"] {
        fs::create_dir_all(roots.join(name).join("root/deep")).unwrap();
        fs::write(roots.join(name).join("lock"), "1000000").unwrap();
    }
    let kept = place
        .roots()
        .into_iter()
        .find(|name| name.len() > 60)
        .unwrap();
    fs::remove_dir_all(roots.join(&kept)).unwrap();
    assert!(place.run(&["--cache-size", "1"]).status.success());
    assert_eq!(place.roots(), [kept.as_str(), "old"]);
    fs::remove_dir_all(roots.join(&kept)).unwrap();
    // What is in use stays all the same.
    assert!(place.run(&["--cache-size", "0"]).status.success());
    assert_eq!(place.roots(), [kept.as_str()]);
}

#[test]
fn a_layer_that_was_changed_is_not_run() {
    let Some(place) = Place::new() else { return };
    let mut bytes = fs::read(Place::image()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(place.path("damaged.tar"), bytes).unwrap();
    let command = &mut place.command(OUNCE.as_ref(), &place.path("damaged.tar"));
    let before = place.roots();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(output.stdout, b"");
    assert_eq!(place.roots(), before);
}

#[test]
fn an_image_without_a_command_or_a_shell_says_so() {
    let Some(place) = Place::new() else { return };
    fs::create_dir_all(place.path("files/etc")).unwrap();
    let image = place.path("files");
    let run = |args: &[&str]| {
        let mut command = place.command(OUNCE.as_ref(), &image);
        command.args(args).output().unwrap()
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("what to run"));
    let output = run(&["--", "/bin/sh"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).contains("/bin/sh"));
}

#[test]
fn a_foreign_program_is_named_as_such() {
    let Some(place) = Place::new() else { return };
    // The head of a program for s390x (ELF, big-endian, machine 22).
    let program =
        r"\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16\x00\x00\x00\x01";
    let mut foreign = ounce_testkit::image(&format!("[ADD x]\nbin/tool (0755) = {program}\n"));
    foreign.config["architecture"] = "s390x".into();
    fs::write(place.path("foreign.tar"), foreign.docker_archive_of("x:1")).unwrap();
    let mut command = place.command(OUNCE.as_ref(), &place.path("foreign.tar"));
    let output = command.args(["--", "/bin/tool"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(126), "{said}");
    assert!(said.contains("for linux/s390x"), "{said}");
}

#[test]
fn nothing_outlives_a_kill() {
    let Some(place) = Place::new() else { return };
    let marker = format!("marker-{}", std::process::id());
    let script = format!(
        "trap '' TERM INT HUP; : {marker}; (echo begun; while :; do :; done) & while :; do :; done"
    );
    let mut child = place
        .ounce()
        .args(["--entrypoint", "/bin/sh", "--", "-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut begun = [0; 6];
    child.stdout.take().unwrap().read_exact(&mut begun).unwrap();
    let alive = running(&marker).len();
    child.kill().unwrap();
    assert_eq!(alive, 3, "ounce, the command and its child");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let begin = Instant::now();
    while !running(&marker).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it lives on");
        std::thread::yield_now();
    }
}

/// The processes that have a word in their command line, but for those that watch over a sandbox.
fn running(word: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is_watching = status
            .lines()
            .any(|line| line.starts_with("NSpid:") && line.split('\t').count() == 3);
        line.windows(word.len()).any(|part| part == word.as_bytes()) && !is_watching
    })
    .collect()
}

#[test]
fn an_ordinary_user_may_run_images() {
    let Some(place) = Place::new() else { return };
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let (program, image) = (place.path("ounce"), place.path("image.tar"));
    // By another process: a child that some test forks meanwhile would hold the program open for writing here.
    let copied = Command::new("cp").arg(OUNCE).arg(&program).status();
    assert!(copied.unwrap().success());
    fs::copy(Place::image(), &image).unwrap();
    let mut command = place.command(&program, &image);
    command.env("XDG_CACHE_HOME", place.path("own"));
    if is_root {
        command.uid(65534).gid(65534);
    }
    let script = "while read -r key rest; do case $key in Uid:) echo $rest;; esac; done < /proc/self/status; \
                  echo x > /etc/passwd; echo $HOME";
    command.args([
        "--user",
        "daemon",
        "--entrypoint",
        "/bin/sh",
        "--",
        "-c",
        script,
    ]);
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    if output.status.code() == Some(2) {
        eprintln!("left out: ordinary users may make no namespaces here: {said}");
        return;
    }
    assert!(text(&output.stdout).starts_with("1 1 1 1\n"), "{said}");
}
