//! `ounce minimize` with checks and traces, on the small real image in `fixtures/` with a program that opens a file by a
//! name that is made when it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::said;

/// Each file with its content; those that begin with `#!` can be started.
const FILES: [(&str, &str); 4] = [
    (
        "usr/bin/tool",
        "#!/bin/sh\n. \"$(printf %s%s /op t/more)\"\necho tool\n",
    ),
    ("opt/more", "/opt/deep/helper\n"),
    (
        "opt/deep/helper",
        "#!/bin/sh\nread x < /opt/deep/words; echo $x\n",
    ),
    ("opt/deep/words", "hello\n"),
];

/// Counts the lines of a list that is cut to what stays.
const COUNT: &str =
    r#"n=0; while read x; do n=$((n+1)); done < "$(printf %s%s /va r/lib/dpkg/status)"; echo $n"#;

/// A folder with an image, `rootfs:original`.
struct Place(TempDir);

impl Place {
    /// Nothing where namespaces cannot be made; where CI says that they can, that is an error.
    fn new() -> Option<Self> {
        let place = Self(tempfile::tempdir().unwrap());
        let fixture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/fortune.oci.tar"
        );
        let args = [
            "slim",
            fixture,
            "--enable",
            "logs",
            "--platform",
            "linux/amd64",
            "--output",
            "rootfs:original",
        ];
        let done = place.ounce(&args);
        assert!(done.status.success(), "{done:?}");
        for (path, content) in FILES {
            let path = place.path("original").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let mode = if content.starts_with("#!") {
                0o755
            } else {
                0o644
            };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let run = place.ounce(&["run", "rootfs:original", "--", "tool"]);
        crate::common::has_namespaces(&run).then_some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ounce(&self, args: &[&str]) -> Output {
        crate::common::ounce(self.0.path(), args)
    }

    /// Minimises to `rootfs:small`; the exit status, what is said and the report.
    fn minimize(&self, args: &[&str]) -> (Option<i32>, String, Value) {
        let fixed = [
            "minimize",
            "rootfs:original",
            "-o",
            "rootfs:small",
            "--report",
            "report.json",
        ];
        let done = self.ounce(&[&fixed, args].concat());
        let text = said(&done.stdout) + &said(&done.stderr);
        let report = fs::read(self.path("report.json")).unwrap_or_default();
        let report = serde_json::from_slice(&report).unwrap_or_default();
        (done.status.code(), text, report)
    }

    fn has(&self, path: &str) -> bool {
        self.path("small").join(path).exists()
    }
}

#[test]
fn where_a_check_differs_nothing_is_written_and_what_it_missed_is_named() {
    let Some(place) = Place::new() else { return };
    let dockerfile = ["--emit-dockerfile", "Dockerfile"];
    let (status, text, report) = place.minimize(&[&["--check", "tool"][..], &dockerfile].concat());
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("it looks in vain for /opt/more"), "{text}");
    assert!(text.contains("no image was written"), "{text}");
    assert!(text.contains("--heal"), "{text}");
    assert!(!place.path("small").exists() && !place.path("Dockerfile").exists());
    assert_eq!(report["verification"]["answer"], "different");
    assert_eq!(report["output"], Value::Null);
}

#[test]
fn what_a_check_missed_comes_back_with_all_that_it_leads_to() {
    let Some(place) = Place::new() else { return };
    let (status, text, report) = place.minimize(&["--check", "tool", "--heal"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("1 name had to be put back for the checks"),
        "{text}"
    );
    for (path, _) in FILES {
        assert!(place.has(path), "{path}");
    }
    assert_eq!(report["healed"], 1);
    assert_eq!(report["verification"]["put_back"][0]["path"], "/opt/more");
    let roots = report["roots"].to_string();
    assert!(roots.contains("--heal for the check"), "{roots}");
    let markdown = [
        "minimize",
        "rootfs:original",
        "--dry-run",
        "--format",
        "markdown",
    ];
    let markdown = place.ounce(&[&markdown[..], &["--check", "tool", "--heal"]].concat());
    let markdown = said(&markdown.stdout);
    assert!(
        markdown.contains("**1 name had to be put back for the checks.**"),
        "{markdown}"
    );
    assert!(markdown.contains("- `/opt/more` for"), "{markdown}");
    let again = place.ounce(&[
        "verify",
        "rootfs:original",
        "rootfs:small",
        "--check",
        "tool",
    ]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
}

#[test]
fn a_list_that_was_cut_comes_back_whole() {
    let Some(place) = Place::new() else { return };
    let count = format!("sh -c '{COUNT}'");
    let (status, text, _) = place.minimize(&["--check", &count]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("/var/lib/dpkg/status"), "{text}");
    let (status, text, report) = place.minimize(&["--check", &count, "--heal"]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(report["healed"], 1, "{text}");
    let read = |image: &str| fs::read(place.path(image).join("var/lib/dpkg/status")).unwrap();
    assert_eq!(read("original"), read("small"));
}

#[test]
fn what_came_back_with_something_else_is_not_put_back_again() {
    let Some(place) = Place::new() else { return };
    // First `more` is looked for in vain; then nothing is, and all counts that the original used.
    let check = format!("sh -c 'tool; {COUNT}'");
    let (status, text, report) = place.minimize(&["--check", &check, "--heal"]);
    assert_eq!(status, Some(0), "{text}");
    let put_back = report["verification"]["put_back"].as_array().unwrap();
    let paths: Vec<_> = put_back.iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, ["/opt/more", "/var/lib/dpkg/status"]);
}

#[test]
fn what_a_run_touched_is_kept_without_checks_and_says_so() {
    let Some(place) = Place::new() else { return };
    let trace = [
        "trace",
        "rootfs:original",
        "--output",
        "trace.json",
        "--",
        "tool",
    ];
    assert!(place.ounce(&trace).status.success());
    let (status, text, report) = place.minimize(&["--program", "tool", "--trace", "trace.json"]);
    assert_eq!(status, Some(0), "{text}");
    for (path, _) in FILES {
        assert!(place.has(path), "{path}");
    }
    assert_eq!(report["verification"], Value::Null);
    let why = [
        "why",
        "rootfs:original",
        "--program",
        "tool",
        "--trace",
        "trace.json",
        "/opt/more",
    ];
    let why = said(&place.ounce(&why).stdout);
    assert!(
        why.contains("--trace trace.json touched /opt/more (/usr/bin/dash in \"tool\")"),
        "{why}"
    );
    assert!(!text.contains("another image"), "{text}");
    let why = ["why", "rootfs:original", "--program", "tool", "/opt/more"];
    let why = said(&place.ounce(&why).stdout);
    assert!(
        why.contains("nothing that the image starts leads there"),
        "{why}"
    );
}

#[test]
fn a_trace_of_another_image_or_of_a_run_that_failed_is_told() {
    let Some(place) = Place::new() else { return };
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/fortune.oci.tar"
    );
    let trace = [
        "trace",
        fixture,
        "--platform",
        "linux/amd64",
        "--output",
        "trace.json",
        "--entrypoint",
        "sh",
        "--",
        "-c",
        "exit 3",
    ];
    assert_eq!(place.ounce(&trace).status.code(), Some(1));
    let (status, text, _) = place.minimize(&["--program", "tool", "--trace", "trace.json"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("was recorded in another image"), "{text}");
    assert!(text.contains("exit status 3"), "{text}");
}

#[test]
fn files_that_are_no_checks_or_traces_and_machines_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rubbish"), b"\xff\0{").unwrap();
    let refused = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_ounce"))
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(2), "{done:?}");
        said(&done.stderr)
    };
    let machine = ["minimize", "host:", "--program", "sh", "--dry-run"];
    for option in ["--trace", "--checks"] {
        let error = refused(&[&machine[..], &[option, "rubbish"]].concat());
        assert!(error.contains("rubbish"), "{error}");
    }
    let error = refused(&[&machine[..], &["--check", "sh -c 'exit 0'"]].concat());
    assert!(error.contains("this is a machine"), "{error}");
    let error = refused(&["minimize", "image.tar", "--dry-run", "--heal"]);
    assert!(error.contains("--checks"), "{error}");
}
