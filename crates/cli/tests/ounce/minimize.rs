//! What users see of `ounce minimize`, `why` and `graph`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// A script that calls one program of two, with a folder that it names and a package database.
const IMAGE: &str = r#"
[RUN install]
bin/sh (0755) *3000
usr/bin/tool (0755) = #!/bin/sh\nhelper --data /usr/share/tool\n
usr/bin/helper (0755) *4000
usr/bin/other (0755) *50000
usr/share/tool/table *700
usr/share/other/table *9000
var/lib/dpkg/status = Package: tool\nStatus: install ok installed\nVersion: 1\n\nPackage: other\nStatus: install ok installed\nVersion: 2\n
var/lib/dpkg/info/tool.list = /usr/bin/tool\n
var/lib/dpkg/info/other.list = /usr/bin/other\n
etc/os-release = ID=test\n
tmp/ (1777)
"#;

fn run(folder: &Path, config: Value, args: &[&str]) -> Output {
    run_on(IMAGE, folder, config, args)
}

fn run_on(image: &str, folder: &Path, config: Value, args: &[&str]) -> Output {
    let image = ounce_testkit::image(image)
        .with_config(config)
        .docker_archive();
    std::fs::write(folder.join("image.tar"), image).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ounce"))
        .args(args)
        .arg("--no-cache")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), json!({ "Cmd": ["tool"] }), args);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(config: Value, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), config, args);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_minimised_image_as_a_table() {
    insta::assert_snapshot!(stdout(&["minimize", "image.tar", "--dry-run"]));
}

#[test]
fn a_minimised_image_as_json() {
    insta::assert_snapshot!(stdout(&[
        "minimize",
        "image.tar",
        "--dry-run",
        "--format",
        "json"
    ]));
}

#[test]
fn a_minimised_image_as_markdown() {
    let args = ["minimize", "image.tar", "--dry-run", "--format", "markdown"];
    insta::assert_snapshot!(stdout(&args));
}

#[test]
fn a_way_and_a_graph() {
    insta::assert_snapshot!(stdout(&[
        "why",
        "image.tar",
        "/usr/share/tool/table",
        "/usr/bin/other"
    ]));
    insta::assert_snapshot!(stdout(&["why", "image.tar", "--package", "tool"]));
    insta::assert_snapshot!(stdout(&["why", "image.tar", "--removed"]));
    insta::assert_snapshot!(stdout(&["graph", "image.tar", "--from", "/usr/bin/tool"]));
}

#[test]
fn the_result_holds_what_is_reached_and_a_true_database() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["minimize", "image.tar", "--output", "rootfs:small"];
    let output = run(folder.path(), json!({ "Cmd": ["tool"] }), &args);
    assert!(output.status.success(), "{output:?}");
    let small = folder.path().join("small");
    for (path, is_there) in [
        ("usr/bin/tool", true),
        ("usr/bin/helper", true),
        ("bin/sh", true),
        ("usr/share/tool/table", true),
        ("tmp", true),
        ("usr/bin/other", false),
        ("usr/share/other", false),
    ] {
        assert_eq!(small.join(path).exists(), is_there, "{path}");
    }
    let status = std::fs::read_to_string(small.join("var/lib/dpkg/status")).unwrap();
    assert_eq!(
        status,
        "Package: tool\nStatus: install ok installed\nVersion: 1\n\n"
    );
}

#[test]
fn the_result_is_the_same_each_time_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let minimize = |output: &str| {
        let args = ["minimize", "image.tar", "--output", output];
        run(folder.path(), json!({ "Cmd": ["tool"] }), &args)
            .status
            .code()
    };
    assert_eq!(minimize("oci-archive:a.tar:x"), Some(0));
    assert_eq!(minimize("oci-archive:b.tar:x"), Some(0));
    let read = |name| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("a.tar"), read("b.tar"));
    assert_eq!(minimize("oci-archive:a.tar:x"), Some(2));
}

#[test]
fn programs_and_globs_are_kept_too() {
    let kept = stdout(&["why", "image.tar", "/usr/bin/other", "--program", "other"]);
    assert!(
        kept.contains("--program other starts /usr/bin/other"),
        "{kept}"
    );
    let kept = stdout(&[
        "why",
        "image.tar",
        "/usr/share/other/table",
        "--keep",
        "/usr/share/other",
    ]);
    assert!(kept.contains("--keep /usr/share/other"), "{kept}");
}

#[test]
fn what_is_not_there_is_said_with_advice() {
    let dry = ["minimize", "image.tar", "--dry-run"];
    let error = refused(json!({}), &dry);
    assert!(
        error.contains("no entrypoint") && error.contains("--program"),
        "{error}"
    );
    let error = refused(json!({ "Entrypoint": ["/none"] }), &dry);
    assert!(
        error.contains("/none, which is not in the image"),
        "{error}"
    );
    let error = refused(json!({ "Cmd": ["tool"] }), &["why", "image.tar", "/none"]);
    assert!(error.contains("/none is not in the image"), "{error}");
}

#[test]
fn what_cannot_start_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let image =
        "[a]\nusr/bin/tool (0755) = x\nusr/bin/lost (0755) = #!/usr/bin/python9\\n\ntmp/ (1777)\n";
    let refused = |config: Value, more: &[&str]| {
        let words = [
            &["minimize", "image.tar", "-o", "oci-archive:small.tar"],
            more,
        ];
        let output = run_on(image, folder.path(), config, &words.concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!folder.path().join("small.tar").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let error = refused(json!({ "Cmd": ["lost"] }), &[]);
    assert!(
        error.contains("/usr/bin/lost is run by /usr/bin/python9, which is not there")
            && error.contains("--program"),
        "{error}"
    );
    let error = refused(json!({ "Cmd": ["tool"] }), &["--program", "gone"]);
    assert!(error.contains("gone, which is not in the image"), "{error}");
    let error = refused(json!({ "Cmd": ["$MAIN"] }), &[]);
    assert!(error.contains("only known when it runs"), "{error}");
    let words = ["minimize", "image.tar", "-o", "oci-archive:small.tar"];
    let keep = [&words[..], &["--keep", "/usr/bin/python9"]].concat();
    let output = run_on(image, folder.path(), json!({ "Cmd": ["lost"] }), &keep);
    assert!(output.status.success(), "{output:?}");
}

/// A base of the same system with another user and another package.
const BASE: &str = r#"
[base]
bin/sh (0755) *3000
bin/ls (0755) *100
usr/share/tool/more *10
var/lib/dpkg/status = Package: sh\nStatus: install ok installed\nVersion: 1\n
etc/os-release = ID=test\n
tmp/ (1777)
"#;

/// Writes a base beside the image, minimises onto it and gives the folder with `small.tar` back.
fn onto(base: &str) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let base = ounce_testkit::image(base).docker_archive();
    std::fs::write(folder.path().join("base.tar"), base).unwrap();
    let words = [
        "minimize",
        "image.tar",
        "--base",
        "base.tar",
        "-o",
        "docker-archive:small.tar:s",
    ];
    let output = run(folder.path(), json!({ "Cmd": ["tool"] }), &words);
    (folder, output)
}

#[test]
fn a_base_keeps_its_layers_and_gets_what_it_lacks() {
    let (folder, output) = onto(BASE);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("put onto docker-archive:base.tar"), "{text}");
    assert!(
        text.contains("folders that programs read whole: /usr/share/tool/more"),
        "{text}"
    );
    let diff = Command::new(env!("CARGO_BIN_EXE_ounce"))
        .args([
            "diff",
            "base.tar",
            "small.tar",
            "--by",
            "path",
            "--format",
            "json",
            "--no-cache",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let diff: Value = serde_json::from_slice(&diff.stdout).unwrap();
    let paths = diff["paths"].as_array().unwrap().iter();
    let words: Vec<String> = paths
        .map(|path| format!("{} {}", path["became"], path["path"]))
        .collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn a_base_of_another_system_is_refused() {
    let (_folder, output) = onto("[base]\netc/os-release = ID=other\n");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("base.tar: it is of another system than the image"),
        "{text}"
    );
}
