//! Disks without space.

use std::process::Command;

use ounce_testkit::{Packing, image};

use crate::place::{Outcome, PLAIN, Place};

#[test]
fn a_report_that_does_not_fit_is_an_error() {
    let place = Place::with("image.tar", &image(PLAIN).docker_archive());
    let before = place.listing();
    for command in [
        "analyze image.tar --output /dev/full",
        "analyze image.tar --format json --output /dev/full",
        "analyze image.tar > /dev/full",
        "slim image.tar --dry-run > /dev/full",
        "slim image.tar --dry-run --report /dev/full",
    ] {
        let outcome: Outcome = place
            .script(&format!("\"$OUNCE\" {command}"))
            .output()
            .unwrap()
            .into();
        outcome.refused(&["No space left"]);
    }
    assert_eq!(place.listing(), before);
}

/// Runs `command` with a disk of 1 MB over `mount`, and lists that disk afterwards.
fn on_a_small_disk(place: &Place, mount: &str, command: &str) -> Outcome {
    let script = format!(
        "mount -t tmpfs -o size=1m none {mount} && \"$OUNCE\" {command}; code=$?
         find {mount} -mindepth 1 -not -type d >&2; exit $code"
    );
    let inner = place.script(&script);
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    outer.current_dir(inner.get_current_dir().unwrap());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    outer.output().unwrap().into()
}

/// Whether this machine lets a process have its own mounts; says so loudly when not.
fn can_mount() -> bool {
    let probe = "mount -t tmpfs -o size=1m none /tmp";
    let probe = ["--user", "--map-root-user", "--mount", "sh", "-c", probe];
    let can = Command::new("unshare")
        .args(probe)
        .output()
        .is_ok_and(|o| o.status.success());
    if !can {
        // Past the capture of the test harness.
        let message = "LEFT OUT: full disks, because this machine allows no mounts (unshare -rm)\n";
        std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes()).unwrap();
    }
    can
}

#[test]
fn an_output_that_does_not_fit_leaves_nothing_behind() {
    if !can_mount() {
        return;
    }
    let image = image("[A]\nusr/lib/big *3000000\nvar/lib/apt/lists/x *5000");
    let place = Place::with("image.tar", &image.docker_archive());
    let before = place.listing();
    for output in [
        "docker-archive:out/x",
        "oci:out/x",
        "oci-archive:out/x",
        "rootfs:out/x",
    ] {
        let outcome = on_a_small_disk(&place, "out", &format!("slim image.tar --output {output}"));
        outcome.refused(&["out/x", "No space left", "nothing was left behind"]);
        // The listing would stand behind the hint.
        assert!(
            outcome.stderr.ends_with("nothing was left behind\n"),
            "{}",
            outcome.stderr
        );
    }
    assert_eq!(place.listing(), before);
}

#[test]
fn a_cache_that_does_not_fit_is_named_and_left_clean() {
    if !can_mount() {
        return;
    }
    let image = image("[A]\nusr/lib/big *3000000");
    let place = Place::with_folder("layout", &image.oci(Packing::Gzip));
    let command = "analyze oci:layout --platform linux/amd64";
    let outcome = on_a_small_disk(&place, "cache", command);
    outcome.refused(&["cache/ounce/layers", "No space left"]);
    assert!(
        outcome.stderr.ends_with("nothing was left behind\n"),
        "{}",
        outcome.stderr
    );
}
