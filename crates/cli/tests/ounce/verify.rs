//! `ounce verify` as users see it, on the small real image in `fixtures/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::said;

/// Two folders with the files of the fixture.
struct Place(TempDir);

impl Place {
    /// Nothing where namespaces cannot be made; where CI says that they can, that is an error.
    fn new() -> Option<Self> {
        static HAS_NAMESPACES: OnceLock<bool> = OnceLock::new();
        let place = Self(tempfile::tempdir().unwrap());
        for name in ["original", "slim"] {
            let to = format!("rootfs:{}", place.path(name).display());
            let done = place.ounce(&["slim", fixture(), "--enable", "logs", "--output", &to]);
            assert!(done.status.success(), "{}", said(&done.stderr));
        }
        let has_namespaces = HAS_NAMESPACES.get_or_init(|| {
            crate::common::has_namespaces(&place.verify(&["--check", "sh -c 'exit 0'"]))
        });
        has_namespaces.then_some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ounce(&self, args: &[&str]) -> Output {
        crate::common::ounce(self.0.path(), args)
    }

    fn verify(&self, args: &[&str]) -> Output {
        let images = ["verify", "rootfs:original", "rootfs:slim"];
        self.ounce(&[&images, args].concat())
    }

    fn verify_checks(&self, checks: &str, args: &[&str]) -> Output {
        fs::write(self.path("checks.toml"), checks).unwrap();
        self.verify(&[&["--checks", "checks.toml"], args].concat())
    }

    fn report(&self, checks: &str) -> Value {
        let done = self.verify_checks(checks, &["--format", "json"]);
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", said(&done.stderr)))
    }
}

fn fixture() -> &'static str {
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/fortune.oci.tar"
    )
}

fn sh(name: &str, script: &str) -> String {
    format!("[[check]]\nname = '{name}'\ncommand = ['sh', '-c', '''{script}''']\n")
}

#[test]
fn what_does_the_same_is_the_same() {
    let Some(place) = Place::new() else { return };
    let checks = sh(
        "writes",
        "echo out; echo err >&2; echo file > /tmp/file; mkdir /srv/a; exit 3",
    ) + "exit = 3\n";
    let done = place.verify_checks(&checks, &["--report", "report.json"]);
    let text = said(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{text}{}", said(&done.stderr));
    assert!(
        text.starts_with("same: the check does the same in both images\n"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let report: Value =
        serde_json::from_slice(&fs::read(place.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["answer"], "same");
    assert_eq!(report["checks"][0]["runs"], 1);
    assert!(report["checks"][0]["times"]["ratio"].as_f64().unwrap() > 0.0);
    let cache = place.path("cache/ounce/roots");
    let left: Vec<_> = fs::read_dir(cache).unwrap().collect();
    assert!(left.is_empty(), "what runs wrote is gone: {left:?}");
}

#[test]
fn a_missing_file_is_seen_in_what_the_program_does() {
    let Some(place) = Place::new() else { return };
    fs::remove_file(place.path("slim/usr/share/games/fortunes/riddles.dat")).unwrap();
    fs::remove_file(place.path("slim/usr/share/games/fortunes/riddles")).unwrap();
    let checks = [
        "/usr/games/fortune riddles",
        "/usr/games/fortune -f",
        "sh -c 'exit 0'",
    ];
    let checks: Vec<&str> = checks.iter().flat_map(|check| ["--check", check]).collect();
    let done = place.verify(&checks);
    let text = said(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{text}{}", said(&done.stderr));
    assert!(
        text.starts_with("different: 2 of 3 checks differ in the slim image\n"),
        "{text}"
    );
    assert!(
        text.contains("exit status 0 in the original, exit status 1 in the slim image"),
        "{text}"
    );
    assert!(text.contains("No fortunes found"), "{text}");
    let markdown = said(
        &place
            .verify(&[&checks[..], &["--format", "markdown"]].concat())
            .stdout,
    );
    assert!(
        markdown.contains("| `/usr/games/fortune -f` | **differs** |"),
        "{markdown}"
    );
    assert!(markdown.contains("```diff\n"), "{markdown}");
}

#[test]
fn each_kind_of_difference_is_seen() {
    let Some(place) = Place::new() else { return };
    fs::write(place.path("original/etc/who"), "1").unwrap();
    fs::write(place.path("slim/etc/who"), "2").unwrap();
    for (script, kind) in [
        ("read x < /etc/who; exit 0; echo", ""),
        ("read x < /etc/who; echo same", ""),
        ("read x < /etc/who; echo $x", "output stdout"),
        ("read x < /etc/who; echo $x >&2", "output stderr"),
        (
            "read x < /etc/who; echo a > /tmp/$x",
            "file /tmp/1,file /tmp/2",
        ),
        ("read x < /etc/who; echo $x > /tmp/x", "file /tmp/x"),
        (
            "read x < /etc/who; [ $x = 1 ] || umask 077; : > /tmp/y",
            "file /tmp/y",
        ),
    ] {
        let report = place.report(&sh("x", script));
        let differences = report["checks"][0]["differences"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kinds = differences.iter().map(|difference| {
            let what = [&difference["stream"], &difference["path"]]
                .map(text)
                .concat();
            format!("{} {what}", text(&difference["kind"]))
        });
        assert_eq!(
            kinds.collect::<Vec<_>>().join(","),
            kind,
            "{script}\n{report}"
        );
    }
}

#[test]
fn what_varies_by_itself_is_left_out_and_told() {
    let Some(place) = Place::new() else { return };
    let random = "read x < /proc/sys/kernel/random/uuid; ";
    let report = place.report(&sh(
        "x",
        &format!("{random} echo begin; echo id $x; echo end; echo a > /tmp/t-$x"),
    ));
    let check = &report["checks"][0];
    assert_eq!(check["answer"], "same", "{report}");
    assert!(check["runs"].as_u64() > Some(1));
    assert_eq!(check["varies"][0]["stream"], "stdout");
    assert_eq!(check["varies"][0]["lines"], 1);
    assert_eq!(check["varies"][0]["compared"], "masked");
    assert_eq!(check["varies"][1]["kind"], "file");
    // What is left out is no wider than that.
    fs::write(place.path("original/etc/who"), "id").unwrap();
    fs::write(place.path("slim/etc/who"), "no").unwrap();
    let report = place.report(&sh("x", &format!("{random} read y < /etc/who; echo $y $x")));
    assert_eq!(report["answer"], "different", "{report}");
}

#[test]
fn a_check_that_fails_in_the_original_is_broken() {
    let Some(place) = Place::new() else { return };
    let slow = sh("slow", "while :; do :; done") + "timeout = 0.3\n";
    let wordless = sh("wordless", "echo a") + "expect = ['^b']\n";
    let checks = [
        sh("fails", "echo oh; exit 1"),
        slow,
        wordless,
        sh("well", "exit 0"),
    ]
    .concat();
    let missing = "[[check]]\nname = 'missing'\ncommand = ['nothing']\n[[check]]\nname = 'nobody'\ncommand = ['sh']\nuser = 'nobody-knows'\n";
    let report = place.report(&(checks + missing));
    let why = |at: usize| {
        report["checks"][at]["broken"]
            .as_str()
            .unwrap_or("not broken")
            .to_owned()
    };
    assert_eq!(why(0), "exit status 1, expected 0: oh");
    assert_eq!(why(1), "it did not end in time");
    assert_eq!(why(2), "nothing in its output matches \"^b\"");
    assert_eq!(why(3), "not broken");
    assert!(
        why(4).starts_with("exit status 127, expected 0: nothing"),
        "{}",
        why(4)
    );
    assert!(why(5).contains("nobody-knows"), "{}", why(5));
    assert_eq!(report["broken"], 5);
    let done = place.verify(&["--check", "sh -c 'exit 9'"]);
    assert_eq!(done.status.code(), Some(2), "{}", said(&done.stdout));
}

#[test]
fn several_checks_at_a_time_come_in_their_order() {
    let Some(place) = Place::new() else { return };
    let checks: String = (0..6)
        .map(|n| sh(&format!("check {n}"), &format!("echo {n}")))
        .collect();
    let done = place.verify_checks(&checks, &["--jobs", "3", "--format", "json"]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let names = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        (0..6).map(|n| format!("check {n}")).collect::<Vec<_>>()
    );
}

#[test]
fn mistakes_end_it_before_anything_is_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("checks.toml"),
        "[[check]]\nname = 'a'\ncomand = ['x']\n",
    )
    .unwrap();
    fs::write(folder.path().join("none.toml"), "check = []\n").unwrap();
    let error = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_ounce"))
            .args(["verify", fixture(), fixture()])
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
        said(&done.stderr)
    };
    let wrong = error(&["--checks", "checks.toml"]);
    assert!(
        wrong.starts_with("error: checks.toml:3:1: unknown field `comand`"),
        "{wrong}"
    );
    assert!(
        wrong.contains("did you mean `command`?") && wrong.contains("3 | comand = ['x']"),
        "{wrong}"
    );
    assert!(error(&["--checks", "none.toml"]).contains("there are no checks"));
    assert!(error(&["--checks", "missing.toml"]).contains("reading missing.toml: No such file"));
    assert!(error(&[]).contains("there are no checks"));
    assert!(error(&["--check", "a | b"]).contains("means something to a shell only"));
    assert!(error(&["--check", "a", "--check", "a"]).contains("another check has this name"));
    assert!(
        error(&["--check", "a", "--report", fixture()])
            .contains(&*Path::new(fixture()).file_name().unwrap().to_string_lossy())
    );
}
