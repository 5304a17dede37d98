//! Ctrl-C.

use std::fs;
use std::process::{Child, Command, Stdio};

use ounce_testkit::image;

use crate::place::{Outcome, Place};

#[test]
fn ctrl_c_leaves_nothing_behind() {
    // Noise, so that packing it takes many times as long as a signal needs.
    let mut text = String::from("[A]\nvar/lib/apt/lists/x *5000\n");
    text.extend((0..24).map(|number| format!("usr/lib/{number} *1000000\n")));
    let place = Place::with("image.tar", &image(&text).docker_archive());
    let before = place.listing();
    for output in ["oci:out/x", "oci-archive:out/x"] {
        let mut slim = place.command();
        slim.args(["slim", "image.tar", "--output", output]);
        let mut child = slim
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_output(&place, &mut child);
        signal(&child, "-INT");
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        assert_eq!(outcome.code, Some(130), "{}", outcome.stderr);
        assert_eq!(outcome.stderr, "error: interrupted; nothing was written\n");
        assert_eq!(outcome.stdout, b"");
        assert_eq!(place.listing(), before);
    }
}

/// Waits until the program has begun to write.
fn wait_for_output(place: &Place, child: &mut Child) {
    while fs::read_dir(place.path("out")).unwrap().next().is_none() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it wrote anything"
        );
        std::thread::yield_now();
    }
}

fn signal(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
}
