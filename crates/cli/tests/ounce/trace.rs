//! `ounce trace` as a user calls it.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::common::{has_namespaces, ounce, said};

fn trace(folder: &TempDir, args: &[&str]) -> Output {
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fortune.oci.tar");
    let of_image = [
        "trace",
        "--platform",
        "linux/amd64",
        image.to_str().unwrap(),
    ];
    ounce(folder.path(), &[&of_image[..], args].concat())
}

#[test]
fn a_command_and_checks_leave_a_document() {
    let folder = tempfile::tempdir().unwrap();
    let shell = ["--entrypoint", "sh", "--", "-c"];
    let first = trace(
        &folder,
        &[&shell[..], &["read x < /etc/passwd; exec /nothing"]].concat(),
    );
    if !has_namespaces(&first) {
        return;
    }
    let says = said(&first.stderr);
    // The command's own words go to standard error, the table to standard output.
    assert_eq!(first.status.code(), Some(1), "{says}");
    assert!(says.contains("exit status 127"), "{says}");
    let table = String::from_utf8(first.stdout).unwrap();
    assert!(table.contains("failed: "), "{table}");
    assert!(table.contains("\n  /nothing\n"), "{table}");

    let checks = "[[check]]\nname = 'one'\ncommand = ['sh', '-c', 'read x < /etc/passwd']\n\n\
                  [[check]]\nname = 'two'\ncommand = ['sh', '-c', 'read x < /missing || :']\n";
    std::fs::write(folder.path().join("checks.toml"), checks).unwrap();
    let documents = ["a.json", "b.json"].map(|name| {
        let output = trace(&folder, &["--checks", "checks.toml", "--output", name]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stdout.is_empty());
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    });
    assert_eq!(documents[0], documents[1]);
    let document: serde_json::Value = serde_json::from_str(&documents[0]).unwrap();
    let accesses = document["accesses"].as_array().unwrap();
    let of = |path: &str| {
        accesses
            .iter()
            .find(|access| access["path"] == path)
            .unwrap()
    };
    assert_eq!(of("/etc/passwd")["runs"], serde_json::json!([0]));
    assert_eq!(of("/missing")["error"], "ENOENT");
    assert_eq!(of("/missing")["runs"], serde_json::json!([1]));
}
