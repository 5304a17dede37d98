//! What users see, on the real image in `fixtures/`.

use serde_json::Value;

use crate::common::{ounce, said};

const FORTUNE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/fortune.oci.tar"
);

/// Standard output of a run that must succeed, with the fixture's place taken out.
fn stdout(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = ounce(folder.path(), args);
    assert!(output.status.success(), "{}", said(&output.stderr));
    assert_eq!(said(&output.stderr), "", "nothing is said when all is well");
    said(&output.stdout).replace(FORTUNE, "fortune.oci.tar")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn causes_as_a_table() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE]));
}

#[test]
fn causes_as_json() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE, "--format", "json"]));
}

#[test]
fn owners_as_a_table() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE, "--by", "owner", "--top", "5"]));
}

#[test]
fn layers_as_a_table() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE, "--by", "layer"]));
}

#[test]
fn folders_as_a_table() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE, "--by", "path", "--top", "12"]));
}

#[test]
fn a_dry_run_as_a_table() {
    let options = ["--dry-run", "--disable", "logs", "--keep", "/usr/share/man"];
    insta::assert_snapshot!(stdout(&[&["slim", FORTUNE], options.as_slice()].concat()));
}

#[test]
fn a_report_as_markdown() {
    insta::assert_snapshot!(stdout(&["analyze", FORTUNE, "--format", "markdown"]));
}

#[test]
fn tables_fit_80_columns() {
    for by in ["cause", "owner", "layer", "path"] {
        for line in stdout(&["analyze", FORTUNE, "--by", by]).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn rows_of_every_view_add_up_to_the_whole() {
    for by in ["cause", "owner", "layer", "path"] {
        for top in ["1", "3", "1000"] {
            let report = json(&["analyze", FORTUNE, "--by", by, "--top", top]);
            for column in ["disk", "pull", "files"] {
                let number = |value: &Value| value["size"][column].as_u64().unwrap();
                let sum: u64 = report["rows"].as_array().unwrap().iter().map(number).sum();
                assert_eq!(sum, number(&report), "{by} {top} {column}");
            }
        }
    }
}

#[test]
fn the_size_to_pull_is_that_of_the_blobs() {
    let report = json(&["analyze", FORTUNE]);
    // The layers' descriptors in the fixture's manifest; see fixtures/README.md.
    assert_eq!(
        report["size"]["pull"],
        2_510_123 + 1_586_488 + 273 + 266_078
    );
    assert_eq!(report["size"]["pull_is_estimated"], false);
}

#[test]
fn what_slim_writes_is_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "slim",
        FORTUNE,
        "--output",
        "oci:out:tag",
        "--format",
        "json",
        "--report",
        "r.json",
    ];
    let output = ounce(folder.path(), &args);
    assert!(output.status.success(), "{}", said(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let filed = std::fs::read(folder.path().join("r.json")).unwrap();
    assert_eq!(printed, serde_json::from_slice::<Value>(&filed).unwrap());
    let again = ounce(
        folder.path(),
        &["analyze", "oci:out:tag", "--format", "json"],
    );
    let found: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(found["size"], printed["result"]["size"]);
    assert_eq!(found["image"]["config"], printed["result"]["config"]);
    // Nothing is left for a second run to take.
    let rows = found["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["fate"] != "gone"), "{found}");
}

#[test]
fn a_report_in_a_file_holds_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let output = ounce(
        folder.path(),
        &["analyze", FORTUNE, "--output", "report.txt"],
    );
    assert!(output.status.success() && output.stdout.is_empty());
    let text = std::fs::read_to_string(folder.path().join("report.txt")).unwrap();
    assert!(text.contains("on disk") && !text.contains('\x1b'));
}

#[test]
fn wrong_rules_and_globs_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    for (args, text) in [
        (
            ["--disable", "conda-cache"],
            "did you mean conda-package-cache?",
        ),
        (["--keep", "/usr/[a"], "is not a glob"),
        (["--output", "slim.tar"], "is not a reference to an image"),
    ] {
        let output = ounce(
            folder.path(),
            &[&["slim", FORTUNE, "--dry-run"], args.as_slice()].concat(),
        );
        assert_eq!(output.status.code(), Some(2));
        assert!(
            said(&output.stderr).contains(text),
            "{}",
            said(&output.stderr)
        );
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stdout(&["completions", shell]).contains("keep-layers"),
            "{shell}"
        );
    }
}
