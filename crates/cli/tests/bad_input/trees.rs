//! Entries of layers that no honest tool writes, and odd ones that are fine.

use std::fs;

use ounce_image::{EntryKind, ImagePath, Tree};
use ounce_testkit::{Packing, digest, entry, image};

use crate::place::{Place, content, open, text};

/// Asserts that an image of this text is refused, and that the message names the layer and `words`.
#[track_caller]
fn refused(layers: &str, words: &[&str]) {
    let image = image(layers);
    let place = Place::with("bad.tar", &image.docker_archive());
    let named = image.layers.iter().map(|layer| digest(layer));
    let stderr = place.ounce(["analyze", "docker-archive:bad.tar"]).stderr;
    assert!(
        named.into_iter().any(|layer| stderr.contains(&layer)),
        "{stderr}"
    );
    place.refuses("docker-archive:bad.tar", words);
}

/// Asserts that an image of this text is taken; returns the place with `out/slim.tar`.
#[track_caller]
fn taken(layers: &str) -> Place {
    let place = Place::with("odd.tar", &image(layers).docker_archive());
    place.takes("docker-archive:odd.tar");
    place
}

#[test]
fn of_two_entries_of_one_name_the_last_one_wins() {
    let place = taken("[A]\netc/motd = first\netc/motd = second");
    assert_eq!(content(&place.slim(), "etc/motd"), b"second");
}

#[test]
fn names_that_climb_out_are_refused() {
    refused("[A]\n../evil = x", &["at byte 0", "../evil"]);
    refused("[A]\nusr/../../evil = x", &["usr/../../evil"]);
    refused(
        "[A]\na = x\nb == ../../etc/passwd",
        &["at byte 1024", "../../etc/passwd"],
    );
}

#[test]
fn absolute_names_begin_at_the_root_of_the_image() {
    let place = taken("[A]\n/etc/motd = hello\n/etc/issue == /etc/motd");
    assert_eq!(content(&place.slim(), "etc/issue"), b"hello");
}

#[test]
fn a_parent_that_is_a_loop_of_links_is_refused() {
    refused(
        "[A]\na -> b\nb -> a\na/file = x",
        &["/a/file", "/a is a symbolic link"],
    );
    refused("[A]\na -> a\n[B]\na/file = x", &["/a/file"]);
}

#[test]
fn a_parent_that_is_a_link_out_of_the_image_stays_inside() {
    let outside = tempfile::tempdir().unwrap();
    let target = text(outside.path());
    let text = format!("[A]\n{target}/\nlink -> {target}\nlink/evil = x");
    let place = Place::with("odd.tar", &image(&text).docker_archive());
    place
        .ounce(["slim", "docker-archive:odd.tar", "--output", "rootfs:out/r"])
        .done();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(place.path(&format!("out/r{target}/evil")).is_file());
}

#[test]
fn links_that_lead_in_a_circle_are_only_links() {
    let place = taken("[A]\netc/a -> b\netc/b -> a\nself -> self\nup -> ../../../up");
    let image = place.slim();
    assert_eq!(image.layers[0].entries.len(), 4);
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    refused(
        "[A]\nusr/bin/x == usr/bin/none",
        &["/usr/bin/x", "/usr/bin/none", "not there"],
    );
    // A hard link may not point at what comes later.
    refused("[A]\nx == y\ny = late", &["/x", "/y"]);
    refused("[A]\ny = old\n[B]\n.wh.y\nx == y", &["/x", "/y"]);
}

#[test]
fn a_hard_link_to_a_folder_or_to_itself_is_refused() {
    refused("[A]\nusr/bin/\nx == usr/bin", &["/x", "folder"]);
    refused("[A]\nx = content\nx == x", &["/x", "itself"]);
    refused(
        "[A]\nd/x = content\nl -> d\nl/x == d/x",
        &["/l/x", "itself"],
    );
}

#[test]
fn a_file_that_holds_another_is_refused() {
    refused(
        "[A]\nusr = file\nusr/bin/x = x",
        &["/usr/bin/x", "/usr is a file"],
    );
    refused(
        "[A]\nnull (char.1.3)\n[B]\nnull/x = x",
        &["/null/x", "/null is a file"],
    );
}

#[test]
fn a_root_that_is_a_file_is_refused() {
    refused("[A]\n./ (fifo)", &["the root is not a folder"]);
    refused("[A]\na = x\n./ == a", &["the root is not a folder"]);
}

#[test]
fn a_whiteout_of_nothing_in_particular_is_refused() {
    refused("[A]\netc/.wh. = x", &["/etc/.wh."]);
}

#[test]
fn a_layer_that_whites_out_everything_leaves_an_image() {
    for last in [".wh..wh..opq", ".wh.usr\n.wh.var"] {
        let text = format!("[A]\nusr/bin/tool = x\nvar/log/x *100\n[RUN rm -rf /]\n{last}");
        let place = taken(&text);
        let image = place.slim();
        let tree = Tree::build(&image.layers).unwrap();
        assert_eq!(tree.walk(Tree::ROOT).count(), 1, "nothing but the root");
    }
}

#[test]
fn set_uid_files_devices_and_pipes_are_kept() {
    let text = "[A]\nbin/su (4755 0:0) = su\nbin/wall (2755 0:5) = wall\ntmp/ (1777)\n\
                dev/null (char.1.3 0666)\ndev/sda (block.8.0 0660)\nrun/pipe (fifo 0600)";
    let image = taken(text).slim();
    let tree = Tree::build(&image.layers).unwrap();
    let kept = |path: &str| {
        let node = tree
            .get(&ImagePath::parse(path.as_bytes()).unwrap())
            .unwrap();
        let entry = tree.attributes(node).unwrap();
        (entry.mode, entry.gid, entry.kind.clone())
    };
    assert_eq!(kept("bin/su"), (0o4755, 0, EntryKind::File));
    assert_eq!(kept("bin/wall"), (0o2755, 5, EntryKind::File));
    assert_eq!(kept("tmp"), (0o1777, 0, EntryKind::Directory));
    assert_eq!(kept("dev/null"), (0o666, 0, EntryKind::CharDevice(1, 3)));
    assert_eq!(kept("dev/sda"), (0o660, 0, EntryKind::BlockDevice(8, 0)));
    assert_eq!(kept("run/pipe"), (0o600, 0, EntryKind::Fifo));
}

#[test]
fn an_entry_of_an_unknown_type_is_refused() {
    let mut image = image("[A]\nmulti-volume = x");
    let header = &mut image.layers[0];
    // The type, and the check sum that goes with it.
    header[156] = b'M';
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let image = image.with_diff_ids();
    let place = Place::with("bad.tar", &image.docker_archive());
    let layer = digest(&image.layers[0]);
    place.refuses(
        "docker-archive:bad.tar",
        &[&layer, "at byte 0", "/multi-volume", "'M'"],
    );
}

#[test]
fn names_need_not_be_utf_8() {
    let image = taken("[A]\nbin/caf\\xe9 = x\nbin/\\xff\\xfe -> caf\\xe9").slim();
    let paths: Vec<_> = image.layers[0]
        .entries
        .iter()
        .map(|e| e.path.as_bytes())
        .collect();
    assert_eq!(paths, [&b"bin/caf\xe9"[..], b"bin/\xff\xfe"]);
}

#[test]
fn long_names_are_fine_in_either_dialect_of_tar() {
    for len in [99, 100, 101, 255, 256, 257, 1000, 4090] {
        for attributes in ["", "(gnu)"] {
            let name = long_name(len);
            let text = format!("[A]\n{name} {attributes} = x\nlink {attributes} == {name}");
            let image = taken(&text).slim();
            assert_eq!(image.layers[0].entries[0].path.as_bytes(), name.as_bytes());
            assert_eq!(content(&image, "link"), b"x");
        }
    }
}

#[test]
fn names_longer_than_linux_knows_are_refused() {
    let name = long_name(4097);
    refused(&format!("[A]\n{name} = x"), &["at byte 0", "4097"]);
    refused(&format!("[A]\n{name} (gnu) = x"), &["at byte 0", "4097"]);
    refused(
        &format!("[A]\nx = x\nlink == {name}"),
        &["at byte 1024", "4097"],
    );
}

fn long_name(len: usize) -> String {
    let mut name = "folder-of-twenty/abc".repeat(len.div_ceil(20));
    name.truncate(len);
    // A name may not end in a slash.
    name.replace_range(len - 1.., "z");
    name
}

#[test]
fn extended_attributes_keep_every_byte() {
    let capability =
        r"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x0a\x00\x3d\x00\x00\x00\x00\x00";
    let text = format!(
        "[A]\nbin/ping (0755 xattr.security.capability={capability} xattr.user.note=a\\x20b) = ping\n\
         bin/ping6 == bin/ping\nvar/lib/apt/lists/x *5000"
    );
    let image = taken(&text).slim();
    let entries = &image.layers[0].entries;
    let ping = entries
        .iter()
        .find(|entry| entry.path.file_name() == b"ping");
    let xattrs = &ping.unwrap().xattrs;
    let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\x0a\0\x3d\0\0\0\0\0";
    assert_eq!(&*xattrs[0].0, b"security.capability");
    assert_eq!(&*xattrs[0].1, value);
    assert_eq!(&*xattrs[1].1, b"a b");
}

#[test]
fn escape_sequences_in_an_image_reach_no_terminal() {
    let text = "[RUN printf '\\x1b[31m' \u{1b}[41m]\nvar/lib/apt/lists/\\x1b]0;evil\\x07 *5000\n\
                usr/share/\\x1b[2J/\\xc2\\x9b31m *7000\nvar/log/\\xe2\\x80\\xaetxt.exe *100\n\
                usr/bin/sh = #!/\\x1b[5m/bin/sh\\n";
    let image = image(text);
    let place = Place::with("odd.tar", &image.docker_archive());
    for by in ["cause", "owner", "layer", "path"] {
        for format in ["table", "json"] {
            let args = [
                "analyze",
                "docker-archive:odd.tar",
                "--by",
                by,
                "--format",
                format,
            ];
            clean(&place.ounce(args).stdout);
        }
    }
    let slim = ["slim", "docker-archive:odd.tar", "--dry-run"];
    clean(&place.ounce(slim).stdout);
    let bad = format!("{text}\n\\x1b[2J = file\n\\x1b[2J/child = x");
    let place = Place::with("bad.tar", &ounce_testkit::image(&bad).docker_archive());
    let outcome = place.ounce(["analyze", "docker-archive:bad.tar"]);
    outcome.refused(&[r"\u{1b}[2J/child"]);
    clean(outcome.stderr.as_bytes());
}

/// Asserts that no character in a report moves the cursor, sets a title or turns the text around.
#[track_caller]
fn clean(report: &[u8]) {
    let report = std::str::from_utf8(report).expect("a report is UTF-8");
    assert!(!report.is_empty());
    let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!report.contains(is_bad), "{report:?}");
}

#[test]
fn entries_behind_the_end_of_an_archive_do_not_count() {
    let mut image = image("[A]\na = first");
    image.layers[0].extend(entry("b = behind the end"));
    let image = image.with_diff_ids();
    let place = Place::with("odd.tar", &image.docker_archive());
    place.takes("docker-archive:odd.tar");
    // The layer is copied to the byte all the same.
    assert_eq!(
        place.slim().layers[0].tar.len(),
        image.layers[0].len() as u64
    );
}

#[test]
fn one_layer_may_be_listed_twice() {
    let mut image = image("[A]\na = x\n[B]\na = x");
    image.layers[1] = image.layers[0].clone();
    let image = image.with_diff_ids();
    for packing in [Packing::Plain, Packing::Gzip] {
        let place = Place::with_folder("twice", &image.oci(packing));
        place
            .ounce([
                "slim",
                "oci:twice",
                "--platform",
                "linux/amd64",
                "--output",
                "oci:out/slim",
            ])
            .done();
        let reference = format!("oci:{}", text(&place.path("out/slim")));
        assert_eq!(content(&open(&reference), "a"), b"x");
    }
}
