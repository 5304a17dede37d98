//! Several images in one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use ounce_testkit::{Packing, image};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{ounce, said};

/// A base that loses nothing, and below a step of its own in each image.
const BASE: &str = "[ADD base]\nusr/bin/tool (0755) = tool\\n\nusr/lib/base *100000\n";
const ONE: &str = "[RUN one]\nopt/one *3000\nvar/lib/apt/lists/one *20000\n";
const TWO: &str = "[RUN two]\nopt/two *5000\nvar/lib/apt/lists/two *40000\n";

struct Place(TempDir);

impl Place {
    /// A folder with these images, `NAME.tar` each, tagged `team/NAME:1`.
    fn with(images: &[(&str, String)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in images {
            let archive = image(text).docker_archive_of(&format!("team/{name}:1"));
            fs::write(place.path(&format!("{name}.tar")), archive).unwrap();
        }
        place
    }

    fn two() -> Self {
        Self::with(&[
            ("one", format!("{BASE}{ONE}")),
            ("two", format!("{BASE}{TWO}")),
        ])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ounce(&self, args: &[&str]) -> Output {
        ounce(
            self.0.path(),
            &[args, &["--platform", "linux/amd64"]].concat(),
        )
    }

    fn stdout(&self, args: &[&str]) -> String {
        let output = self.ounce(args);
        assert!(output.status.success(), "{}", said(&output.stderr));
        said(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.stdout(&[args, &["--format", "json"]].concat())).unwrap()
    }

    /// The names of what is in a folder, sorted.
    fn files(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn a_layer_of_several_images_counts_once() {
    let place = Place::two();
    let set = place.json(&["analyze", "one.tar", "two.tar"]);
    assert_eq!(set["version"], 1);
    let total = &set["total"];
    let sum: u64 = (0..2)
        .map(|at| number(&set["images"][at]["size"]["disk"]))
        .sum();
    let base = "tool\n".len() as u64 + 100_000;
    assert_eq!(number(&total["size"]["disk"]), sum - base);
    assert_eq!(number(&total["slimmed"]["disk"]), base + 3000 + 5000);
    assert_eq!(total["layers"], 3);
    assert_eq!(total["layers_shared"], 1);
    assert_eq!(total["layers_slimmed"], 3);
    assert_eq!(total["layers_slimmed_shared"], 1);
    for column in ["disk", "pull", "files"] {
        let rows = total["rows"].as_array().unwrap();
        let sum: u64 = rows.iter().map(|row| number(&row["size"][column])).sum();
        assert_eq!(sum, number(&total["size"][column]), "{column}");
    }
    let lists = total["rows"].as_array().unwrap().iter();
    let lists = lists
        .filter(|row| row["id"] == "apt-lists")
        .collect::<Vec<_>>();
    assert_eq!(lists[0]["size"]["disk"], 60_000);
    assert_eq!(
        lists[0]["images"],
        serde_json::json!(["team/one:1", "team/two:1"])
    );
}

#[test]
fn a_layer_that_loses_something_else_in_each_image_is_shared_no_more() {
    let base = format!("{BASE}var/lib/apt/lists/x *9000\nusr/share/y *700\n");
    // In one of them a file that stays names the list.
    let names_it = format!("{base}[COPY s]\nsrv/s = cat /var/lib/apt/lists/x\n");
    let place = Place::with(&[("one", base), ("two", names_it)]);
    let total = &place.json(&["analyze", "one.tar", "two.tar"])["total"];
    assert_eq!(total["layers_shared"], 1);
    assert_eq!(total["layers_slimmed_shared"], 0);
    let written = &place.json(&["slim", "one.tar", "two.tar", "--output-dir", "out"])["total"];
    for total in [total, written] {
        assert!(number(&total["slimmed"]["disk"]) > number(&total["size"]["disk"]));
    }
    let text = place.stdout(&["analyze", "one.tar", "two.tar", "--format", "markdown"]);
    assert!(
        text.contains("they share 1 layer that is a different one"),
        "{text}"
    );
}

#[test]
fn what_is_written_is_what_was_said() {
    let place = Place::two();
    let args = [
        "slim",
        "one.tar",
        "two.tar",
        "--output-dir",
        "some/out",
        "--report",
        "r.json",
    ];
    let said = place.json(&args);
    assert_eq!(
        place.files("some/out"),
        ["team-one-1.tar", "team-two-1.tar"]
    );
    let filed: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(said, filed);
    let planned = place.json(&["analyze", "one.tar", "two.tar"]);
    assert_eq!(said["total"]["slimmed"], planned["total"]["slimmed"]);
    let found = place.json(&[
        "analyze",
        "some/out/team-one-1.tar",
        "some/out/team-two-1.tar",
    ]);
    assert_eq!(
        found["total"]["size"]["disk"],
        said["total"]["slimmed"]["disk"]
    );
    assert_eq!(found["total"]["layers_shared"], 1);
    for at in 0..2 {
        assert_eq!(
            found["images"][at]["image"]["names"],
            said["images"][at]["image"]["names"]
        );
    }
}

#[test]
fn every_image_keeps_its_form() {
    let place = Place::two();
    let text = image(&format!("{BASE}{ONE}"));
    fs::write(place.path("three.tar"), text.oci_archive(Packing::Gzip)).unwrap();
    for (file, bytes) in text.oci(Packing::Gzip) {
        let path = place.path("layout").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::create_dir_all(place.path("root/usr/bin")).unwrap();
    fs::write(place.path("root/usr/bin/tool"), "tool").unwrap();
    let inputs = ["one.tar", "three.tar", "oci:layout", "rootfs:root"];
    let report = place.json(&[&["slim"], &inputs[..], &["--output-dir", "out"]].concat());
    let kind = |at: usize| {
        let reference = report["images"][at]["result"]["reference"]
            .as_str()
            .unwrap();
        reference.split_once(':').unwrap().0.to_owned()
    };
    assert_eq!(
        [kind(0), kind(1), kind(2), kind(3)],
        ["docker-archive", "oci-archive", "oci-archive", "rootfs"]
    );
    assert_eq!(place.files("out").len(), 4);
    assert!(place.path("out/root/usr/bin/tool").is_file());
}

#[test]
fn outputs_that_exist_are_refused_before_any_work() {
    let place = Place::two();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/team-two-1.tar"), "mine").unwrap();
    let output = place.ounce(&["slim", "one.tar", "two.tar", "--output-dir", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("out/team-two-1.tar exists already"));
    assert_eq!(place.files("out"), ["team-two-1.tar"]);
    assert_eq!(fs::read(place.path("out/team-two-1.tar")).unwrap(), b"mine");
}

#[test]
fn one_output_is_for_one_image() {
    let place = Place::two();
    for (more, words) in [
        (&["--output", "docker-archive:x.tar"][..], "--output-dir"),
        (
            &["--output", "oci:x", "--output-dir", "out"],
            "cannot be used with",
        ),
        (&[], "required"),
    ] {
        let output = place.ounce(&[&["slim", "one.tar", "two.tar"], more].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(
            said(&output.stderr).contains(words),
            "{}",
            said(&output.stderr)
        );
    }
    assert_eq!(place.files("."), ["one.tar", "two.tar"]);
}

#[test]
fn an_output_folder_in_an_input_is_refused() {
    let place = Place::two();
    fs::create_dir_all(place.path("root/usr/bin")).unwrap();
    let args = [
        "slim",
        "one.tar",
        "rootfs:root",
        "--output-dir",
        "root/new/out",
    ];
    let output = place.ounce(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("is the image that is being read"));
    assert_eq!(place.files("root"), ["usr"]);
}

#[test]
fn when_a_later_image_fails_the_finished_ones_are_named() {
    let place = Place::two();
    // The manifest can be read; a byte of the layer is another one.
    let mut bytes = fs::read(place.path("two.tar")).unwrap();
    let at = bytes.windows(4).position(|part| part == b"tool").unwrap();
    bytes[at + 512] ^= 1;
    fs::write(place.path("broken.tar"), bytes).unwrap();
    let output = place.ounce(&[
        "slim",
        "one.tar",
        "broken.tar",
        "two.tar",
        "--output-dir",
        "out",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let error = said(&output.stderr);
    assert!(error.contains("broken.tar"), "{error}");
    assert!(
        error.contains("written before that: docker-archive:out/team-one-1.tar"),
        "{error}"
    );
    assert_eq!(place.files("out"), ["team-one-1.tar"]);
    assert_eq!(output.stdout, b"");
    let first = place.ounce(&["slim", "broken.tar", "one.tar", "--output-dir", "new"]);
    assert_eq!(first.status.code(), Some(2));
    assert!(!place.path("new").exists());
}

#[test]
fn an_image_that_cannot_be_read_fails_the_run_by_its_name() {
    let place = Place::two();
    fs::write(place.path("none.tar"), "not a tar").unwrap();
    for bad in ["none.tar", "missing.tar"] {
        let output = place.ounce(&["analyze", "one.tar", bad, "--output", "report.txt"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            said(&output.stderr).contains(bad),
            "{}",
            said(&output.stderr)
        );
        assert!(output.stdout.is_empty() && !place.path("report.txt").exists());
    }
}

#[test]
fn tables_fit_80_columns_whatever_the_names() {
    let long = "a-tool-with-a-name-that-says-everything-twice-and-then-once-more".repeat(2);
    let images: Vec<(&str, String)> = ["a", "日本語のなまえ", &long, "x", "y"]
        .into_iter()
        .map(|name| (name, format!("{BASE}{ONE}opt/{name} = {name}\n")))
        .collect();
    let place = Place::with(&images);
    let files: Vec<String> = images
        .iter()
        .map(|(name, _)| format!("{name}.tar"))
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for by in ["cause", "owner", "layer", "path"] {
        for files in [&files[..1], &files[..2], &files[..]] {
            let text = place.stdout(&[&["analyze", "--by", by], files].concat());
            for line in text.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= 80, "{by} {}: {line}", files.len());
                assert_eq!(line, line.trim_end());
            }
        }
    }
    insta::assert_snapshot!(place.stdout(&[&["analyze"], &files[..]].concat()));
}

#[test]
fn an_image_cannot_write_markdown() {
    let hostile = "usr/share/x`|<img src=x onerror=alert(1)>\n";
    let text = format!("{BASE}{ONE}[RUN `|<b>@team #1]\n{hostile}");
    let place = Place(tempfile::tempdir().unwrap());
    let name = "a`|<script>alert(1)</script>\n# x:1";
    for file in ["one.tar", "two.tar"] {
        let archive = image(&text).docker_archive_of(name);
        fs::write(place.path(file), archive).unwrap();
    }
    for args in [
        &["analyze", "one.tar"][..],
        &["analyze", "one.tar", "two.tar"],
        &["analyze", "one.tar", "--by", "path"],
        &["analyze", "one.tar", "--by", "layer"],
    ] {
        let markdown = place.stdout(&[args, &["--format", "markdown"]].concat());
        for line in markdown.lines() {
            assert!(!outside_code(line).contains(['<', '@']), "{line}");
            assert!(!line.starts_with("# x"), "{line}");
            let bars = line.replace(r"\|", "").matches('|').count();
            assert!(
                !line.starts_with('|') || [6, 8].contains(&bars),
                "{bars}: {line}"
            );
        }
    }
}

/// A line without its code spans (GitHub Flavored Markdown 0.29, 6.3).
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let after = &rest[at + run..];
        let mut from = 0;
        rest = loop {
            let Some(next) = after[from..].find('`') else {
                out.push_str(&rest[at..]);
                return out;
            };
            let start = from + next;
            let len = after[start..].len() - after[start..].trim_start_matches('`').len();
            from = start + len;
            if len == run {
                break &after[from..];
            }
        };
    }
    out.push_str(rest);
    out
}
