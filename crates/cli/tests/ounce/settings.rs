//! `ounce.toml`: what it chooses, its limits and its errors; and `ounce rules`.

use std::fs;
use std::process::Output;

use ounce_testkit::image;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{ounce, said};

/// 30,000 bytes that stay, of which 10,000 are hidden, and 20,000 that go.
const IMAGE: &str = "\
[RUN apt-get update]
usr/bin/tool *20000
srv/x *10000
var/lib/apt/lists/deb_main *20000
[RUN rm /srv/x]
srv/.wh.x
";

struct Place(TempDir);

impl Place {
    /// A folder with an image and, if it says anything, an `ounce.toml`.
    fn with(settings: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(
            place.0.path().join("image.tar"),
            image(IMAGE).docker_archive(),
        )
        .unwrap();
        if !settings.is_empty() {
            place.write("ounce.toml", settings);
        }
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn ounce(&self, args: &[&str]) -> Output {
        ounce(self.0.path(), args)
    }

    fn report(&self, args: &[&str]) -> Value {
        let output = self.ounce(&[args, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", said(&output.stderr)))
    }

    fn slimmed(&self, args: &[&str]) -> u64 {
        let args = [&["slim", "image.tar", "--dry-run"], args].concat();
        self.report(&args)["slimmed"]["disk"].as_u64().unwrap()
    }
}

#[test]
fn the_file_chooses_what_the_command_line_does_not() {
    let keep = Place::with("keep = [\"/var/lib/apt\"]\n");
    assert_eq!(keep.slimmed(&[]), 40_000);
    assert_eq!(keep.slimmed(&["--keep", "/srv"]), 50_000);
    let off = Place::with("[rules]\ndisable = [\"apt-lists\"]\n");
    assert_eq!(off.slimmed(&[]), 40_000);
    assert_eq!(off.slimmed(&["--disable", "shadowed-content"]), 50_000);
    assert_eq!(off.slimmed(&["--enable", "apt-lists"]), 30_000);
    let only = Place::with("[rules]\nenable = [\"apt-lists\"]\n");
    assert_eq!(only.slimmed(&[]), 30_000);
    let frozen = Place::with("keep-layers = 2\n");
    assert_eq!(frozen.slimmed(&[]), 50_000);
    assert_eq!(frozen.slimmed(&["--keep-layers", "0"]), 20_000);
    let tier = Place::with("tier = \"guarded\"\n");
    let tier_of = |args: &[&str]| tier.report(args)["settings"]["tier"].clone();
    assert_eq!(tier_of(&["analyze", "image.tar"]), "guarded");
    assert_eq!(tier_of(&["analyze", "image.tar", "--tier", "safe"]), "safe");
}

#[test]
fn a_file_that_is_named_is_read_in_place_of_the_usual_one() {
    let place = Place::with("keep = [\"/\"]\n");
    place.write("other.toml", "[rules]\nenable = [\"apt-lists\"]\n");
    assert_eq!(place.slimmed(&["--config", "other.toml"]), 30_000);
    let missing = place.ounce(&["analyze", "image.tar", "--config", "missing.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing.stderr).contains("reading missing.toml: No such file"));
}

#[test]
fn limits_of_a_slimmed_image() {
    let place = Place::with(
        "[limits]\nmax-size = \"15 kB\"\nmax-wasted = \"10 %\"\nmin-saved = \"40 kB\"\n",
    );
    let args = ["slim", "image.tar", "--output", "docker-archive:out.tar"];
    let args = [
        &args[..],
        &["--format", "json", "--disable", "shadowed-content"],
    ]
    .concat();
    let output = place.ounce(&args);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output.stderr),
        "test:latest has 30.0 kB on disk, 15.0 kB more than max-size = 15 kB\n\
         test:latest wastes 10.0 kB (33.3 %) below later layers, 7.00 kB more than max-wasted = 10 %\n\
         test:latest: 20.0 kB (40.0 %) saved, 20.0 kB less than min-saved = 40 kB\n"
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let limits = report["limits"].as_array().unwrap();
    assert!(limits.iter().all(|limit| limit["passed"] == false));
    assert_eq!(limits[0]["measured"], 30_000);
    assert_eq!(limits[1]["allowed"], 3000);
    assert!(
        place.0.path().join("out.tar").is_file(),
        "the image is there to be looked at"
    );
}

#[test]
fn limits_of_an_image_as_it_is() {
    let limits = "[limits]\nmax-size = \"50 kB\"\nmax-wasted = \"20 %\"\nmin-saved = \"99 %\"\n";
    let output = Place::with(limits).ounce(&["analyze", "image.tar"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output.stderr));
    let limits = "[limits]\nmax-size = \"49 kB\"\nmax-wasted = \"9 kB\"\n";
    let output = Place::with(limits).ounce(&["analyze", "image.tar", "--format", "markdown"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output.stderr).lines().count(), 2);
    assert!(said(&output.stdout).contains("**Not kept:**"));
}

#[test]
fn errors_show_the_place() {
    for (settings, first_line, words) in [
        (
            "[rules]\ndisable = [\"logs\", \"conda-cache\"]\n",
            "error: ounce.toml:2:20: there is no rule \"conda-cache\"; did you mean \"conda-package-cache\"?",
            "2 | disable = [\"logs\", \"conda-cache\"]",
        ),
        (
            "\ncolour = 1\n",
            "error: ounce.toml:2:1: unknown field `colour`",
            "2 | colour = 1",
        ),
        (
            "tier = \"bold\"",
            "error: ounce.toml:1:8: unknown variant `bold`",
            "^^^^^^",
        ),
        ("tier = ", "error: ounce.toml:1:8: ", "1 | tier = "),
        (
            "keep = [\"/usr/[a\"]",
            "error: ounce.toml:1:9: \"/usr/[a\" is not a glob",
            "^^^^^^^^^",
        ),
        (
            "[limits]\nmax-size = \"500\"",
            "error: ounce.toml:2:12: \"500\" is not a size",
            "500",
        ),
        (
            "[limits]\nmax-size = \"2 %\"",
            "error: ounce.toml:2:12: \"2 %\" is not a size",
            "2 %",
        ),
        (
            "[limits]\nmin-saved = 20",
            "error: ounce.toml:2:13: invalid type: integer",
            "20",
        ),
        ("keep-layers = -1", "error: ounce.toml:1:15: ", "-1"),
    ] {
        let output = Place::with(settings).ounce(&["analyze", "image.tar"]);
        let error = said(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.starts_with(first_line) && error.contains(words),
            "{error}"
        );
    }
}

#[test]
fn the_documented_file_is_understood() {
    let page = include_str!("../../../../docs/configuration.md");
    let example = page.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let report = Place::with(example).report(&["analyze", "image.tar"]);
    assert_eq!(report["settings"]["tier"], "guarded");
    assert_eq!(report["settings"]["keep_layers"], 1);
    assert_eq!(report["settings"]["rules_off"][0], "temporary-files");
    assert_eq!(report["limits"][1]["limit"], "2 %");
}

#[test]
fn rules_are_listed_and_explained() {
    let place = Place::with("");
    let list = said(&place.ounce(&["rules"]).stdout);
    assert!(
        list.contains("apt-lists") && list.contains("guarded"),
        "{list}"
    );
    let page = said(&place.ounce(&["rules", "conda-toolchain"]).stdout);
    assert!(
        page.contains("\nWhy it is safe\n  They are there to build"),
        "{page}"
    );
    for line in list.lines().chain(page.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let all = place.report(&["rules"]);
    assert_eq!(
        all["rules"].as_array().unwrap().len(),
        list.lines().count() - 1
    );
    let one = place.report(&["rules", "logs"]);
    assert!(one["rules"][0]["page"].as_str().unwrap().starts_with("# "));
    let wrong = place.ounce(&["rules", "lgos"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong.stderr).contains("did you mean logs?"));
}
