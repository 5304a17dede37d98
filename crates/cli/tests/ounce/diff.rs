//! `ounce diff` as users see it.

use std::process::Output;

use ounce_testkit::{Packing, TestImage, image};
use serde_json::{Value, json};

use crate::common::{ounce, said};

/// A release with a shell, a set-uid program, a cache, and a file that a later layer hides.
const BEFORE: &str = "
[ADD base]
bin -> usr/bin
usr/bin/sh (0755) = #!shell
usr/bin/su (4755) *3000
usr/bin/wget (0755) *2000
usr/share/doc/tool/manual.txt *5000
usr/share/doc/tool/copyright = free
var/lib/dpkg/status = Package: tool\\nStatus: install ok installed\\nVersion: 1.0\\n\\nPackage: old\\nStatus: install ok installed\\nVersion: 3\\n
var/lib/dpkg/info/tool.list = /usr/bin/tool\\n/usr/share/doc/tool/manual.txt\\n
var/lib/dpkg/info/old.list = /usr/bin/wget\\n
usr/bin/tool (0755) *20000
[RUN fetch]
opt/cache/a/one *4000
opt/cache/a/two *6000
opt/cache/b == opt/cache/a/one
srv/secret = hunter2hunter2
[RUN tidy up]
.wh.nothing
srv/.wh.secret
etc/motd = welcome
";

/// The next release.
const AFTER: &str = "
[ADD base]
bin -> usr/bin
usr/bin/sh (0755) = #!shell
usr/bin/su (0755) *3000
usr/share/doc/tool/copyright = free
var/lib/dpkg/status = Package: tool\\nStatus: install ok installed\\nVersion: 2.0\\n\\nPackage: new\\nStatus: install ok installed\\nVersion: 1\\n
var/lib/dpkg/info/tool.list = /usr/bin/tool\\n/usr/share/doc/tool/manual.txt\\n
var/lib/dpkg/info/new.list = /usr/bin/ping\\n
usr/bin/tool (0755) *25000
usr/bin/ping (0755 xattr.security.capability=\\x01\\x00\\x00\\x02\\x00\\x20\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00) *1000
[RUN fetch]
opt/cache/b *4000
srv/ (1777)
[RUN tidy up]
.wh.nothing
etc/motd -> motd.d/today
";

/// Two images side by side as archives of compressed layers.
struct Pair(tempfile::TempDir);

impl Pair {
    fn new(before: &TestImage, after: &TestImage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, image) in [("before.tar", before), ("after.tar", after)] {
            let archive = image.oci_archive(Packing::Gzip);
            std::fs::write(folder.path().join(name), archive).unwrap();
        }
        Self(folder)
    }

    fn releases() -> Self {
        let before = image(BEFORE).with_config(json!({
            "Env": ["PATH=/usr/bin", "MODE=|`fast`"], "Cmd": ["tool"], "User": "", "Labels": { "v": "1" },
        }));
        let after = image(AFTER).with_config(json!({
            "Env": ["PATH=/usr/bin:/opt"], "Cmd": ["tool"], "Labels": { "v": "2" },
            "ExposedPorts": { "80/tcp": {} }, "Volumes": null,
        }));
        Self::new(&before, &after)
    }

    fn run(&self, args: &[&str]) -> Output {
        let args = [&["diff", "before.tar", "after.tar"], args].concat();
        ounce(self.0.path(), &args)
    }

    fn stdout(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{}", said(&output.stderr));
        assert_eq!(said(&output.stderr), "", "nothing is said when all is well");
        said(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.stdout(&[args, &["--format", "json"]].concat())).unwrap()
    }
}

#[test]
fn releases_as_a_table() {
    insta::assert_snapshot!(Pair::releases().stdout(&[]));
}

#[test]
fn releases_as_markdown() {
    insta::assert_snapshot!(Pair::releases().stdout(&["--format", "markdown"]));
}

#[test]
fn releases_as_json() {
    insta::assert_snapshot!(Pair::releases().stdout(&["--format", "json"]));
}

#[test]
fn layers_as_a_table() {
    insta::assert_snapshot!(Pair::releases().stdout(&["--by", "layer"]));
}

#[test]
fn tables_fit_80_columns() {
    let pair = Pair::releases();
    for by in ["cause", "owner", "path", "layer", "config", "surface"] {
        for line in pair.stdout(&["--by", by]).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

/// Adds up a number of rows that have a side.
fn sum<'a>(rows: impl IntoIterator<Item = &'a Value>, side: &str, unit: &str) -> u64 {
    let number = |row: &Value| row[side][unit].as_u64().unwrap();
    rows.into_iter().map(number).sum()
}

#[test]
fn every_view_adds_up_to_both_images() {
    let diff = Pair::releases().json(&[]);
    for side in ["before", "after"] {
        for unit in ["disk", "pull", "files"] {
            let whole = diff[side]["size"][unit].as_u64().unwrap();
            let changes = &diff["changes"];
            assert_eq!(
                sum(changes.as_object().unwrap().values(), side, unit),
                whole
            );
            for view in ["causes", "owners", "layers"] {
                let rows = diff[view].as_array().unwrap();
                assert_eq!(sum(rows, side, unit), whole, "{view} {side} {unit}");
            }
            let different = ["added", "removed", "changed"].map(|part| &changes[part]);
            let paths = diff["paths"].as_array().unwrap();
            assert_eq!(sum(paths, side, unit), sum(different, side, unit));
        }
    }
    let same = &diff["changes"]["same"];
    assert_eq!(same["before"]["disk"], same["after"]["disk"]);
}

#[test]
fn a_part_alone_is_what_the_whole_says_of_it() {
    let pair = Pair::releases();
    let whole = pair.json(&[]);
    let parts = [
        ("cause", "causes"),
        ("owner", "owners"),
        ("path", "paths"),
        ("layer", "layers"),
        ("config", "config"),
        ("surface", "surface"),
    ];
    for (by, key) in parts {
        let diff = pair.json(&["--by", by]);
        assert_eq!(diff[key], whole[key]);
        for (_, other) in parts.iter().filter(|part| part.0 != by) {
            assert!(diff.get(other).is_none(), "{by} {other}");
        }
    }
}

#[test]
fn identical_images_say_so_in_one_line() {
    let pair = Pair::new(&image(BEFORE), &image(BEFORE));
    let text = pair.stdout(&["--exit-code"]);
    assert!(
        text.starts_with("The images are identical: sha256:"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn the_same_files_in_other_layers_are_no_difference() {
    let one = "[a]\nusr/x = x\nusr/y = y";
    let two = "[a]\nusr/x = x\n[b]\nusr/y = y";
    let pair = Pair::new(&image(one), &image(two));
    let text = pair.stdout(&["--exit-code"]);
    assert_eq!(
        text,
        "The images hold the same files and settings; 0 of 2 layers are shared.\n"
    );
}

#[test]
fn the_exit_status_tells_of_a_difference_when_asked() {
    let pair = Pair::releases();
    assert_eq!(pair.run(&[]).status.code(), Some(0));
    let output = pair.run(&["--exit-code", "--output", "diff.txt"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let text = std::fs::read_to_string(pair.0.path().join("diff.txt")).unwrap();
    assert!(text.contains("Attack surface") && !text.contains('\x1b'));
    // Settings alone are a difference, and so is what later layers hide.
    let plain = image("[a]\nx = x\n[b]\ny = y");
    let labelled = plain.clone().with_config(json!({ "Labels": { "a": "b" } }));
    let hiding = image("[a]\nx = x\ny = old\n[b]\ny = y");
    for other in [labelled, hiding] {
        let pair = Pair::new(&plain, &other);
        assert_eq!(pair.run(&["--exit-code"]).status.code(), Some(1));
    }
}

#[test]
fn a_root_folder_has_no_settings_to_compare() {
    let pair = Pair::new(&image("[a]\nx = x"), &image("[a]\nx = x"));
    let folder = pair.0.path().join("root");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("x"), "y").unwrap();
    let output = ounce(
        pair.0.path(),
        &["diff", "before.tar", "rootfs:root", "--format", "json"],
    );
    let diff: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(diff["config"], json!([]));
    assert!(said(&output.stdout).contains("settings were not compared"));
    let path = diff["paths"].as_array().unwrap();
    let path = path.iter().find(|row| row["path"] == "/x").unwrap();
    let what = path["what"].as_array().unwrap();
    assert!(
        what.iter().any(|what| what["aspect"] == "content"),
        "{what:?}"
    );
}

#[test]
fn neither_image_is_overwritten_and_both_are_checked() {
    let pair = Pair::releases();
    for name in ["before.tar", "after.tar"] {
        let output = pair.run(&["--output", name]);
        assert_eq!(output.status.code(), Some(2));
    }
    let place = pair.0.path().join("after.tar");
    let mut bytes = image(AFTER).oci_archive(Packing::Plain);
    let at = bytes.windows(8).position(|w| w == b"#!shell\0").unwrap();
    bytes[at] = b'?';
    std::fs::write(place, bytes).unwrap();
    let output = pair.run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(
        said(&output.stderr).contains("sha256:"),
        "{}",
        said(&output.stderr)
    );
}
