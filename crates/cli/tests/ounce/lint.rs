//! `ounce lint`: which files, what it says, what it changes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::said;

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
        ("b/dockerfile.go", "package b\n"),
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

const STEP: &str = "RUN apt-get update && apt-get install -y curl";
const IMAGE: &str = "[base]\n\
    usr/share/doc/a/README *20\n\
    [RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit]\n\
    usr/bin/curl *7\n\
    var/cache/apt/archives/curl.deb *50\n\
    var/lib/apt/lists/a_dists_b_main_binary-amd64_Packages *900\n";

/// A place with a Dockerfile and the image that was built from it.
fn built(base: &str, image: &str) -> Place {
    let place = Place::new(&[("Dockerfile", &format!("FROM {base}\n{STEP}\n"))]);
    fs::write(
        place.path("image.tar"),
        ounce_testkit::image(image).docker_archive(),
    )
    .unwrap();
    place
}

#[test]
fn with_an_image_findings_say_what_they_cost_in_it() {
    let place = built("a:1@sha256:0123", IMAGE);
    let options = ["Dockerfile", "--image", "image.tar", "--no-cache"];
    let output = place.lint(&options);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output.stderr));
    insta::assert_snapshot!(said(&output.stdout));
    let report = json(&place.lint(&[&options[..], &["--format", "json"]].concat()));
    assert_eq!(report["image"]["findings"]["disk"], 950);
    let costs = report["files"][0]["findings"].as_array().unwrap().iter();
    let costs: Vec<_> = costs
        .map(|one| one["in_image"]["size"]["disk"].as_u64())
        .collect();
    assert_eq!(costs, [Some(900), Some(50), Some(0)]);
    let sarif = json(&place.lint(&[&options[..], &["--format", "sarif"]].concat()));
    assert_eq!(sarif["runs"][0]["results"][0]["properties"]["bytes"], 900);
    let github = place.lint(&[&options[..], &["--format", "github"]].concat());
    let fixed = json(&place.lint(&[&options[..], &["--format", "json", "--fix"]].concat()));
    let left = &fixed["files"][0]["findings"];
    assert_eq!(
        (
            left.as_array().unwrap().len(),
            &left[0]["in_image"]["size"]["disk"]
        ),
        (1, &0.into())
    );
    assert_eq!(
        fixed["image"]["findings"]["disk"], 950,
        "the image is the one before the fix"
    );
    assert!(
        said(&github.stdout).contains("(in this image: 900 B"),
        "{}",
        said(&github.stdout)
    );
}

/// What a later layer hides was downloaded all the same: apt keeps its packages in this image.
#[test]
fn packages_that_a_later_layer_hides_are_found() {
    let image = format!(
        "{IMAGE}[RUN /bin/sh -c apt-get clean # buildkit]\nvar/cache/apt/archives/.wh.curl.deb\n"
    );
    let place = built("a:1@sha256:0123", &image);
    fs::write(
        place.path("Dockerfile"),
        format!("FROM a:1@sha256:0123\n{STEP}\nUSER b\nRUN apt-get clean\n"),
    )
    .unwrap();
    let found = place.lint(&["Dockerfile", "--image", "image.tar", "--no-cache", "--diff"]);
    assert!(
        said(&found.stdout).contains("lists/* && apt-get clean"),
        "{}",
        said(&found.stdout)
    );
}

#[test]
fn an_image_belongs_to_one_file_that_it_was_built_from() {
    let place = built("a:1@sha256:0123", &IMAGE.replace("curl #", "wget #"));
    let output = place.lint(&["Dockerfile", "--image", "image.tar", "--no-cache"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("no step of the Dockerfile is in the history"));
    fs::write(place.path("b.dockerfile"), FILE).unwrap();
    let output = place.lint(&[".", "--image", "image.tar", "--no-cache"]);
    assert!(said(&output.stderr).contains("--image takes one Dockerfile, and 2 were found"));
}

#[test]
fn digests_of_bases_come_from_their_registry_or_the_reason_does() {
    use std::io::{BufRead as _, BufReader};
    let digest = format!("sha256:{}", "0".repeat(64));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let answer =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nDocker-Content-Digest: {digest}\r\n\r\n");
    let registry = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let file = format!("FROM {host}/a:1 AS b\nFROM {host}/a:1\n");
    let place = Place::new(&[("Dockerfile", &file)]);
    let output = place.lint(&["--fix", "--resolve"]);
    registry.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output.stderr));
    assert_eq!(
        place.text("Dockerfile"),
        file.replace("a:1", &format!("a:1@{digest}"))
    );
    fs::write(place.path("Dockerfile"), &file).unwrap();
    let output = said(&place.lint(&["--fix", "--resolve"]).stdout);
    assert!(
        output.contains("the digest is not known") && output.contains("cannot be reached"),
        "{output}"
    );
    assert_eq!(place.text("Dockerfile"), file);
}

#[test]
fn an_image_that_names_its_base_pins_it() {
    let place = built("a:1", IMAGE);
    for (name, bytes) in ounce_testkit::image(IMAGE).oci(ounce_testkit::Packing::Plain) {
        let path = place.path("oci").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let digest = format!("sha256:{}", "1".repeat(64));
    annotate(
        &place.path("oci"),
        &[("name", "docker.io/library/a:1"), ("digest", &digest)],
    );
    let options = [
        "Dockerfile",
        "--image",
        "oci:oci",
        "--no-cache",
        "--select",
        "unpinned-base",
        "--diff",
    ];
    assert_eq!(
        said(&place.lint(&options).stdout),
        "",
        "it may be an old one, or one platform's"
    );
    let patch = said(
        &place
            .lint(&[&options[..], &["--unsafe-fixes"]].concat())
            .stdout,
    );
    assert!(patch.contains(&format!("+FROM a:1@{digest}\n")), "{patch}");
    annotate(&place.path("oci"), &[("name", "b:1"), ("digest", &digest)]);
    let patch = said(
        &place
            .lint(&[&options[..], &["--unsafe-fixes"]].concat())
            .stdout,
    );
    assert_eq!(patch, "", "it was built on another image");
}

/// Gives the only image of a layout annotations about its base.
fn annotate(layout: &std::path::Path, about: &[(&str, &str)]) {
    let read = |path: &std::path::Path| -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let index_path = layout.join("index.json");
    let mut index = read(&index_path);
    let blob = |digest: &str| {
        layout
            .join("blobs/sha256")
            .join(digest.trim_start_matches("sha256:"))
    };
    let mut manifest = read(&blob(index["manifests"][0]["digest"].as_str().unwrap()));
    for (key, value) in about {
        manifest["annotations"][format!("org.opencontainers.image.base.{key}")] = (*value).into();
    }
    let bytes = manifest.to_string().into_bytes();
    let digest = ounce_testkit::digest(&bytes);
    index["manifests"][0]["digest"] = digest.clone().into();
    index["manifests"][0]["size"] = bytes.len().into();
    fs::write(blob(&digest), bytes).unwrap();
    fs::write(index_path, index.to_string()).unwrap();
}
