//! What users see when the image is a machine: here folders that hold one.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

/// Path, mode and content of what the machine has.
const MACHINE: &[(&str, u32, &str)] = &[
    ("bin/sh", 0o755, "a shell"),
    (
        "usr/bin/tool",
        0o755,
        "#!/bin/sh\ncat /srv/tool/table /var/log/history /etc/tool/key /home/me/list /srv/tool/../tool/more\nhelper\n",
    ),
    ("usr/bin/helper", 0o755, "#!/usr/bin/interpreter\n"),
    ("usr/bin/interpreter", 0o755, "an interpreter"),
    ("usr/bin/lost", 0o755, "#!/usr/bin/nothing\n"),
    ("srv/tool/table", 0o644, "a table"),
    ("srv/tool/other", 0o644, "nobody names it"),
    ("etc/tool/key", 0o600, "a secret"),
    ("etc/hostname", 0o644, "its name"),
    ("home/me/list", 0o644, "named by a program"),
    ("home/me/diary", 0o644, "nobody names it"),
    (
        "root/.tools/bin/unrelated",
        0o755,
        "beside nothing that was named",
    ),
    ("var/log/history", 0o644, "what the machine did"),
    ("proc/1/environ", 0o644, "the kernel's"),
];

fn machine(folder: &Path) {
    let root = folder.join("machine");
    for (path, mode, content) in MACHINE {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
    }
    let user = std::fs::metadata(&root).unwrap().uid();
    let row = format!("me:x:{user}:{user}::/root:/bin/sh\n");
    std::fs::write(root.join("etc/passwd"), row).unwrap();
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ounce"))
        .args(args)
        .args(["--no-cache"])
        .env(
            "PATH",
            folder.join("machine/root/.tools/bin").display().to_string() + ":/usr/bin:/bin",
        )
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Makes `small` of what its tool reaches.
fn minimized(folder: &Path, more: &[&str]) -> Output {
    let to = ["--program", "tool", "--output", "rootfs:small"];
    let output = run(
        folder,
        &[&["minimize", "host:machine"], &to[..], more].concat(),
    );
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn a_machine_is_read_as_far_as_programs_name_it() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    let output = minimized(folder.path(), &[]);
    let small = folder.path().join("small");
    for (path, is_there) in [
        ("usr/bin/tool", true),
        ("usr/bin/helper", true),
        ("usr/bin/interpreter", true),
        ("bin/sh", true),
        ("srv/tool/table", true),
        ("home/me/list", true),
        ("srv/tool/other", false),
        ("home/me/diary", false),
        ("etc/tool/key", false),
        ("proc/1", false),
        ("root/.tools", false),
        ("var/log/history", false),
        ("usr/bin/lost", false),
    ] {
        assert_eq!(small.join(path).exists(), is_there, "{path}");
    }
    assert_eq!(std::fs::read(small.join("etc/hostname")).unwrap(), b"");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(
        report.contains("not everybody may read it: /etc/tool/key"),
        "{report}"
    );
}

#[test]
fn what_is_named_is_read_although_it_is_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    minimized(folder.path(), &["--keep", "/etc/tool/key"]);
    let key = std::fs::read(folder.path().join("small/etc/tool/key")).unwrap();
    assert_eq!(key, b"a secret");
}

#[test]
fn what_is_missing_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    machine(folder.path());
    let refused = |args: &[&str]| {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let error = refused(&["minimize", "host:machine", "--dry-run"]);
    assert!(error.contains("--program"), "{error}");
    let error = refused(&[
        "minimize",
        "host:machine",
        "--program",
        "absent",
        "--dry-run",
    ]);
    assert!(
        error.contains("there is no program absent in the folders of PATH"),
        "{error}"
    );
    let error = refused(&["minimize", "host:machine", "--program", "lost", "--dry-run"]);
    assert!(
        error.contains("/usr/bin/lost is run by /usr/bin/nothing, which is not there"),
        "{error}"
    );
    let error = refused(&["analyze", "host:machine"]);
    assert!(error.contains("is a machine and no image"), "{error}");
}
