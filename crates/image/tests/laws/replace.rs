//! Files that get other content.

use ounce_image::{Edit, Fate, Image, Tree, rewrite};

use crate::contents::{Place, contents, entry, image, open, write};

/// Gives a file of the lowest layer other content, drops others, and reads the outcome back.
fn with(image: &Image, path: &str, content: &[u8], drop: &[&str]) -> (Vec<Fate>, Image) {
    let tree = Tree::build(&image.layers).unwrap();
    let edit = Edit {
        drop: drop.iter().map(|path| entry(image, 0, path)).collect(),
        replace: [(entry(image, 0, path), content.to_vec())].into(),
        ..Edit::default()
    };
    let fates = rewrite(&tree, &edit).unwrap();
    let place = Place::new();
    let to = place.reference("docker-archive", "out.tar");
    write(image, &fates, &to);
    (fates, open(&to))
}

#[test]
fn everything_but_the_content_stays_under_every_name() {
    for dialect in ["", "gnu "] {
        let long = "n".repeat(150);
        let text = format!(
            "[A]\nbefore = x\n{long} ({dialect}4755 7:8 xattr.user.a=b) = old content\nother == {long}\nafter = y\n[B]\nz = z"
        );
        let image = image(&text);
        let before = contents(&Tree::build(&image.layers).unwrap());
        for content in ["", "new", &"longer than a block ".repeat(100)] {
            let (fates, new) = with(&image, &long, content.as_bytes(), &[]);
            assert!(matches!(fates[..], [Fate::Changed(_), Fate::Same]));
            let mut expected = before.clone();
            for name in [format!("/{long}"), "/other".to_owned()] {
                expected.get_mut(&name).unwrap().content = content.as_bytes().to_vec();
            }
            assert_eq!(contents(&Tree::build(&new.layers).unwrap()), expected);
        }
    }
}

#[test]
fn content_that_moves_is_the_new_one() {
    let image = image("[A]\na (0700) = old\nb == a\n");
    let (_, new) = with(&image, "a", b"new", &["a"]);
    let seen = contents(&Tree::build(&new.layers).unwrap());
    assert!(!seen.contains_key("/a"));
    assert_eq!(seen["/b"].content, b"new");
    assert_eq!(new.layers[0].entries[0].mode, 0o700);
}

#[test]
fn a_sparse_file_is_refused() {
    let image = image("[A]\na ^9999 4096:text\n");
    let tree = Tree::build(&image.layers).unwrap();
    let edit = Edit {
        replace: [(entry(&image, 0, "a"), b"new".to_vec())].into(),
        ..Edit::default()
    };
    assert!(rewrite(&tree, &edit).is_err());
}
