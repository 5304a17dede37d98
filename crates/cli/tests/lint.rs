//! `ounce lint`: which files, what it says, what it changes.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const FILE: &str = "\
FROM python:3.12@sha256:0123
RUN apt-get update && \\
    apt-get install -y curl
RUN pip install numpy
";

const FIXED: &str = "\
FROM python:3.12@sha256:0123
RUN apt-get update && \\
    apt-get install -y curl && \\
    rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir numpy
";

struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = place.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn lint(&self, args: &[&str]) -> Output {
        self.lint_of(args, "")
    }

    fn lint_of(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ounce"))
            .arg("lint")
            .args(args)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output.stderr)))
}

#[test]
fn findings_are_shown_with_their_lines() {
    let place = Place::new(&[("Dockerfile", FILE)]);
    let output = place.lint(&[]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(said(&output.stdout));
}

#[test]
fn only_safe_fixes_are_made_unless_others_are_asked_for() {
    let place = Place::new(&[("Dockerfile", FILE)]);
    fs::set_permissions(place.path("Dockerfile"), fs::Permissions::from_mode(0o640)).unwrap();
    let output = place.lint(&["--fix"]);
    assert_eq!(place.text("Dockerfile"), FIXED);
    assert_eq!(
        output.status.code(),
        Some(1),
        "what recommends brings is left"
    );
    let mode = place.path("Dockerfile").metadata().unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o640);
    let output = place.lint(&["--fix", "--unsafe-fixes"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output.stdout));
    let wanted = FIXED.replace(
        "install -y curl",
        "install --no-install-recommends -y curl ca-certificates",
    );
    assert_eq!(place.text("Dockerfile"), wanted);
}

#[test]
fn a_patch_is_printed_and_nothing_changed() {
    let place = Place::new(&[("a/Dockerfile", FILE)]);
    let output = place.lint(&["--diff", "a"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.text("a/Dockerfile"), FILE);
    let patch = said(&output.stdout);
    assert!(
        patch.starts_with("--- a/a/Dockerfile\n+++ b/a/Dockerfile\n@@ "),
        "{patch}"
    );
    assert!(
        patch.contains("\n+    rm -rf /var/lib/apt/lists/*\n"),
        "{patch}"
    );
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let place = Place::new(&[]);
    let output = place.lint_of(&["-", "--fix"], FILE);
    assert_eq!(said(&output.stdout), FIXED);
    let output = place.lint_of(&["-"], "FROM scratch\n");
    assert_eq!(
        (output.status.code(), said(&output.stdout)),
        (Some(0), String::new())
    );
}

#[test]
fn folders_are_searched_by_name_and_git_is_heeded() {
    let place = Place::new(&[
        ("Dockerfile", FILE),
        ("b/Containerfile.gpu", FILE),
        ("b/x.dockerfile", FILE),
        ("b/Dockerfile.dockerignore", "x"),
        ("b/notes.txt", FILE),
        ("vendor/Dockerfile", FILE),
        (".gitignore", "vendor/\n"),
    ]);
    let report = json(&place.lint(&["--format", "json"]));
    let files = report["files"].as_array().unwrap().iter();
    let paths: Vec<_> = files.map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        ["Dockerfile", "b/Containerfile.gpu", "b/x.dockerfile"]
    );
    let named = json(&place.lint(&["--format", "json", "vendor/Dockerfile", "b/notes.txt"]));
    assert_eq!(named["files"].as_array().unwrap().len(), 2);
    let empty = Place::new(&[]).lint(&[]);
    assert_eq!(empty.status.code(), Some(2));
}

#[test]
fn programs_are_told_places_and_edits() {
    let place = Place::new(&[("Dockerfile", FILE)]);
    let report = json(&place.lint(&["--format", "json", "--select", "pip-cache-left"]));
    assert_eq!(report["version"], 1);
    let finding = &report["files"][0]["findings"][0];
    assert_eq!(finding["rule"], "pip-cache-left");
    assert_eq!(
        (
            finding["place"]["line"].as_u64(),
            finding["place"]["column"].as_u64()
        ),
        (Some(4), Some(5))
    );
    let edit = &finding["fix"]["edits"][0];
    let at = usize::try_from(edit["place"]["start"].as_u64().unwrap()).unwrap();
    assert_eq!(&FILE[..at], FILE.split_once(" numpy").unwrap().0);
    assert_eq!(edit["text"], " --no-cache-dir");
    let sarif = json(&place.lint(&["--format", "sarif"]));
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(
        run["tool"]["driver"]["rules"][index]["id"],
        result["ruleId"]
    );
    assert_eq!(
        result["locations"][0]["physicalLocation"]["region"]["startLine"],
        2
    );
    let github = said(
        &place
            .lint(&["--format", "github", "--select", "pip-cache-left"])
            .stdout,
    );
    assert!(
        github
            .starts_with("::warning file=Dockerfile,line=4,col=5,endLine=4,title=pip-cache-left::"),
        "{github}"
    );
}

#[test]
fn rules_are_chosen_by_options_settings_and_comments() {
    let place = Place::new(&[
        ("Dockerfile", FILE),
        (
            "ounce.toml",
            "[lint]\nignore = [\"apt-recommends\", \"apt-lists-left\"]\n",
        ),
    ]);
    let counts = said(&place.lint(&["--statistics"]).stdout);
    assert_eq!(counts.lines().count(), 2, "{counts}");
    assert!(counts.contains("pip-cache-left"), "{counts}");
    assert_eq!(
        place.lint(&["--ignore", "pip-cache-left"]).status.code(),
        Some(0)
    );
    let wrong = place.lint(&["--select", "apt-list-left"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong.stderr).contains("did you mean apt-lists-left?"));
    fs::write(place.path("ounce.toml"), "[lint]\nselect = [\"pip\"]\n").unwrap();
    let wrong = said(&place.lint(&[]).stderr);
    assert!(
        wrong.contains("ounce.toml:2:11: there is no rule"),
        "{wrong}"
    );
}

#[test]
fn a_file_that_no_builder_takes_is_an_error_and_stays() {
    let place = Place::new(&[("Dockerfile", "FROM a\nRUNN b\n"), ("a.dockerfile", FILE)]);
    let output = place.lint(&["--fix"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("Dockerfile:2:1: there is no instruction RUNN"));
    assert_eq!(place.text("Dockerfile"), "FROM a\nRUNN b\n");
    assert_eq!(place.text("a.dockerfile"), FIXED, "the others are seen to");
}

#[test]
fn what_lies_beside_is_read_in_the_context() {
    let file = "FROM mambaorg/micromamba:2.0@sha256:01\nCOPY envs/e.yml /e.yml\nRUN micromamba install -y -n base git && \\\n    micromamba install -y -n base -f /e.yml\n";
    let count = |env: &str| {
        let place = Place::new(&[
            ("docker/Dockerfile", file),
            ("envs/e.yml", env),
            (".git/HEAD", "x"),
        ]);
        let report = json(&place.lint(&["docker", "--select", "git-in-conda", "--format", "json"]));
        report["files"][0]["findings"].as_array().unwrap().len()
    };
    assert_eq!(count("dependencies: [samtools]\n"), 1);
    assert_eq!(
        count("dependencies: [pip: [git+https://example.org/a]]\n"),
        0
    );
}
