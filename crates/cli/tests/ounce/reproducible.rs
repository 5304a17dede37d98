//! The same image and options give the same bytes, whatever stands around the run; and layers that
//! are to be left alone are.

use std::fs;
use std::path::Path;
use std::process::Command;

use ounce_image::{Image, Platform, Progress, Store, format};
use ounce_testkit::{Packing, TestImage, image};

fn sample() -> TestImage {
    // Several stretches of compression in one layer, so that threads have something to share.
    image(
        "[ADD base]\nusr/bin/tool (0755) = tool\nvar/lib/apt/lists/x *5000\nvar/log/dpkg.log = x\n\
         [RUN make]\nusr/lib/big *9000000\nusr/lib/small *3000\nvar/lib/apt/lists/y *70000\n\
         [RUN clean]\nvar/lib/apt/lists/.wh.x\nvar/lib/apt/lists/.wh.y\nusr/share/z = z",
    )
}

fn write_layout(folder: &Path, packing: Packing) {
    for (name, bytes) in sample().oci(packing) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Every file of an output folder with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut out, mut stack) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            out.push((name, fs::read(&path).unwrap()));
        }
    }
    out.sort();
    out
}

/// A run in a place of its own: `around` is what a shell does before.
fn slim(threads: &str, around: &str, packing: Packing) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    write_layout(&dir.path().join("in/layout"), packing);
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    let script = format!(
        "{around}
         \"$OUNCE\" slim \"oci:$HERE/in/layout\" --platform linux/amd64 --output \"oci:$HERE/folder\" >/dev/null &&
         \"$OUNCE\" slim \"oci:$HERE/in/layout\" --platform linux/amd64 --output \"oci-archive:$HERE/oci.tar\" >/dev/null &&
         \"$OUNCE\" slim \"oci:$HERE/in/layout\" --platform linux/amd64 --output \"docker-archive:$HERE/docker.tar\" >/dev/null"
    );
    let status = Command::new("sh")
        .args(["-ec", &script])
        .current_dir(dir.path())
        .env("OUNCE", env!("CARGO_BIN_EXE_ounce"))
        .env("HERE", dir.path())
        .env("XDG_CACHE_HOME", dir.path().join("cache"))
        .env("RAYON_NUM_THREADS", threads)
        .status()
        .unwrap();
    assert!(status.success());
    let mut out = files(&dir.path().join("folder"));
    for name in ["oci.tar", "docker.tar"] {
        out.push((name.to_owned(), fs::read(dir.path().join(name)).unwrap()));
    }
    out
}

#[test]
fn the_same_bytes_come_out_whatever_stands_around() {
    for packing in [Packing::Gzip, Packing::Zstd] {
        let first = slim("1", "", packing);
        assert!(first.len() > 6, "the comparison is of something");
        let elsewhere = "umask 077; export TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8; cd elsewhere";
        assert!(slim("2", elsewhere, packing) == first);
        assert!(slim("7", "umask 0", packing) == first);
    }
}

fn open(reference: &str) -> Image {
    let platform = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
    };
    let reference = format::Reference::parse(reference).unwrap();
    format::open(&reference, &platform, &Store::none(), &Progress::default()).unwrap()
}

#[test]
fn layers_to_keep_stay_to_the_bit_and_so_do_their_whiteouts() {
    let dir = tempfile::tempdir().unwrap();
    write_layout(&dir.path().join("layout"), Packing::Gzip);
    let old = open(&format!("oci:{}", dir.path().join("layout").display()));
    for (keep, unchanged) in [
        (0, vec![]),
        (1, vec![0]),
        (2, vec![0, 1, 2]),
        (3, vec![0, 1, 2]),
    ] {
        let to = format!("oci:{}", dir.path().join(keep.to_string()).display());
        let status = Command::new(env!("CARGO_BIN_EXE_ounce"))
            .args([
                "slim",
                "oci:layout",
                "--platform",
                "linux/amd64",
                "--output",
                &to,
            ])
            .args(["--keep-layers", &keep.to_string()])
            .current_dir(dir.path())
            .env("XDG_CACHE_HOME", dir.path().join("cache"))
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let new = open(&to);
        let same = |index: &usize| {
            new.layers.get(*index).is_some_and(|layer| {
                let before = &old.layers[*index];
                layer.diff_id == before.diff_id && layer.stored.digest == before.stored.digest
            })
        };
        let found: Vec<usize> = (0..old.layers.len()).filter(same).collect();
        assert_eq!(found, unchanged, "--keep-layers {keep}");
    }
}
