//! Content that changes its place, and whiteouts.

use ounce_image::{Edit, EntryId, EntryKind, Fate, Image, Tree, leftover, rewrite};

use crate::contents::{Place, Seen, contents, entry, image, node, open, write};

/// Drops entries, given as layer and path, and reads the outcome back.
fn without(image: &Image, drop: &[(u32, &str)]) -> (Vec<Fate>, Image) {
    let drop: Vec<EntryId> = drop
        .iter()
        .map(|(layer, path)| entry(image, *layer, path))
        .collect();
    let tree = Tree::build(&image.layers).unwrap();
    let edit = Edit {
        drop: drop.into_iter().collect(),
        ..Edit::default()
    };
    let fates = rewrite(&tree, &edit).unwrap();
    let place = Place::new();
    let to = place.reference("docker-archive", "out.tar");
    write(image, &fates, &to);
    (fates, open(&to))
}

fn seen(image: &Image, path: &str) -> Seen {
    contents(&Tree::build(&image.layers).unwrap())[path].clone()
}

#[test]
fn content_moves_to_the_first_name_that_stays() {
    let image = image(
        "[A]\npkgs/f (4755 7:8 xattr.user.a=b xattr.security.capability=\\x01\\x00) = data\nbin/f == pkgs/f\nbin/g == pkgs/f\nbin/h == bin/g",
    );
    let (_, slim) = without(&image, &[(0, "pkgs/f")]);
    let entries = &slim.layers[0].entries;
    assert_eq!(entries[0].kind, EntryKind::File);
    assert_eq!(entries[0].path.as_bytes(), b"bin/f");
    assert_eq!(
        (entries[0].mode, entries[0].uid, entries[0].gid),
        (0o4755, 7, 8)
    );
    assert_eq!(entries[0].mtime.secs, 1_700_000_000);
    assert_eq!(&*entries[0].xattrs[0].1, b"\x01\0");
    for path in ["/bin/f", "/bin/g", "/bin/h"] {
        assert_eq!(seen(&slim, path).content, b"data");
        assert_eq!(seen(&slim, path).first_name, "/bin/f");
    }
}

#[test]
fn a_middle_name_that_goes_is_linked_past() {
    let image = image("[A]\na = data\nb == a\nc == b\nd == c");
    let (_, slim) = without(&image, &[(0, "b"), (0, "c")]);
    assert_eq!(seen(&slim, "/d").first_name, "/a");
}

#[test]
fn content_moves_across_layers() {
    let image = image("[A]\npkgs/f = data\nother = x\n[B]\nbin/f == pkgs/f\n[C]\nbin/g == bin/f");
    let (fates, slim) = without(&image, &[(0, "pkgs/f")]);
    assert!(matches!(
        fates[..],
        [Fate::Changed(_), Fate::Changed(_), Fate::Same]
    ));
    assert_eq!(seen(&slim, "/bin/g").content, b"data");
    assert_eq!(seen(&slim, "/bin/g").first_name, "/bin/f");
}

#[test]
fn long_names_survive_a_move_in_either_dialect() {
    for attributes in ["", "(gnu)"] {
        for len in [5, 100, 101, 155, 300, 4000] {
            let long = "n".repeat(len.min(250)) + &"/m".repeat(len.saturating_sub(250) / 2);
            for (from, to) in [
                (long.as_str(), "short"),
                ("short", long.as_str()),
                (&format!("x/{long}"), &long),
            ] {
                let text = format!(
                    "[A]\n{from} {attributes} = data\n{to} {attributes} == {from}\nlast {attributes} == {from}"
                );
                let (_, slim) = without(&image(&text), &[(0, from)]);
                assert_eq!(seen(&slim, &format!("/{to}")).content, b"data");
                assert_eq!(
                    seen(&slim, "/last").first_name,
                    seen(&slim, &format!("/{to}")).first_name
                );
            }
        }
    }
}

#[test]
fn holes_survive_a_move() {
    for attributes in ["", "(gnu)"] {
        for to in ["b", &"long".repeat(40)] {
            let text = format!("[A]\na {attributes} ^90000 70000:data\n{to} {attributes} == a");
            let old = image(&text);
            let (_, slim) = without(&old, &[(0, "a")]);
            let entry = &slim.layers[0].entries[0];
            assert_eq!((entry.size, entry.stored), (90_000, 4));
            let content = seen(&slim, &format!("/{to}")).content;
            assert_eq!(content.len(), 90_000);
            assert_eq!(&content[70_000..70_004], b"data");
        }
    }
}

/// An archive may end without padding, and its last entry may move to another layer.
#[test]
fn content_without_padding_moves_whole() {
    let mut raw = ounce_testkit::image("[A]\na = data\n[B]\nb == a\nlast = x");
    raw.layers[0].truncate(512 + 4);
    let old = Place::new().open_file("docker-archive", &raw.with_diff_ids().docker_archive());
    let (_, slim) = without(&old, &[(0, "a")]);
    assert_eq!(seen(&slim, "/b").content, b"data");
    assert_eq!(seen(&slim, "/last").content, b"x");
}

/// The first name that stays is hidden again before the last one comes.
#[test]
fn content_moves_past_a_name_that_is_hidden_by_then() {
    for hide in ["b = other", "[B]\n.wh.b", "[B]\nb = other"] {
        let text = format!("[A]\na = data\nb == a\nc == a\n{hide}\nd == c");
        let old = image(&text);
        let layer = old.layers.len() as u32 - 1;
        let (_, slim) = without(&old, &[(0, "a"), (0, "c")]);
        assert_eq!(seen(&slim, "/d").content, b"data", "{text}");
        let (_, slim) = without(&old, &[(0, "a"), (0, "b"), (layer, "d")]);
        assert_eq!(seen(&slim, "/c").content, b"data", "{text}");
    }
}

#[test]
fn a_link_to_a_file_that_is_hidden_keeps_its_content() {
    let old = image("[A]\na = data\nb == a\n[B]\n.wh.a\nc == b");
    let (_, slim) = without(&old, &[(0, "b")]);
    assert_eq!(seen(&slim, "/c").content, b"data");
    assert!(node(&Tree::build(&slim.layers).unwrap(), "a").is_none());
}

#[test]
fn a_whiteout_hides_lower_layers_only_wherever_it_stands() {
    for text in [
        "[A]\nd/old = x\nf = old\n[B]\n.wh.d\nd/new = y\nf = new\n.wh.f",
        "[A]\nd/old = x\nf = old\n[B]\nd/new = y\nf = new\n.wh.f\n.wh.d",
        "[A]\nd/old = x\nf = old\n[B]\nd/new = y\nd/.wh..wh..opq\nf = new\n.wh.f",
    ] {
        let image = image(text);
        let tree = Tree::build(&image.layers).unwrap();
        assert!(node(&tree, "d/old").is_none(), "{text}");
        assert!(node(&tree, "d/new").is_some(), "{text}");
        assert_eq!(seen(&image, "/f").content, b"new", "{text}");
    }
}

#[test]
fn a_whiteout_goes_only_when_nothing_below_is_left() {
    let image = image("[A]\nd/x = x\ny = y\n[B]\n.wh.d\n.wh.y\nz = z");
    let tree = Tree::build(&image.layers).unwrap();
    let one = [entry(&image, 0, "d/x")].into_iter().collect();
    assert_eq!(leftover(&tree, &one, 0), [entry(&image, 1, "d")]);
}

#[test]
fn a_folder_in_the_place_of_a_file_stays() {
    let image = image("[A]\nb = x\nb/\nc = c\n[B]\nb/a = x\nb/");
    let tree = Tree::build(&image.layers).unwrap();
    let drop = [entry(&image, 0, "c")].into_iter().collect();
    assert_eq!(leftover(&tree, &drop, 0), []);
}

#[test]
fn frozen_layers_and_their_whiteouts_stay() {
    let image = image("[A]\nd/x = x\n[B]\n.wh.d\n[C]\n.wh.nothing\nz = z");
    let tree = Tree::build(&image.layers).unwrap();
    let nothing = Default::default();
    assert_eq!(leftover(&tree, &nothing, 2), [entry(&image, 2, "nothing")]);
    assert_eq!(leftover(&tree, &nothing, 3), []);
}

#[test]
fn an_empty_layer_disappears_and_its_step_stays() {
    let image =
        image("[ADD rootfs]\nusr/x = x\n[RUN cache]\nvar/cache/y = y\n[RUN last]\nusr/z = z");
    let (fates, slim) = without(&image, &[(1, "var/cache/y")]);
    assert!(matches!(fates[..], [Fate::Same, Fate::Gone, Fate::Same]));
    assert_eq!(slim.layers.len(), 2);
    assert_eq!(slim.layers[1].diff_id, image.layers[2].diff_id);
    let history: Vec<_> = slim
        .config
        .history()
        .into_iter()
        .map(|s| (s.created_by, s.is_empty))
        .collect();
    let steps = [
        ("ADD rootfs", false),
        ("RUN cache", true),
        ("RUN last", false),
    ];
    assert_eq!(
        history,
        steps.map(|(step, is_empty)| (step.to_owned(), is_empty))
    );
}

#[test]
fn a_layer_of_which_all_goes_leaves_an_image_without_layers() {
    let image = image("[A]\nx = x");
    let (fates, slim) = without(&image, &[(0, "x")]);
    assert!(matches!(fates[..], [Fate::Gone]));
    assert!(slim.layers.is_empty());
}

#[test]
fn what_would_come_to_light_is_not_written() {
    let image = image("[A]\nf = old\n[B]\nf = new");
    let tree = Tree::build(&image.layers).unwrap();
    let edit = Edit {
        drop: [entry(&image, 1, "f")].into_iter().collect(),
        ..Edit::default()
    };
    let error = rewrite(&tree, &edit).unwrap_err();
    assert!(
        matches!(error, ounce_image::Error::Unfaithful { .. }),
        "{error}"
    );
}
