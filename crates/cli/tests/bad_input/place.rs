//! A folder in which the program runs on one input, and what it left there.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ounce_image::format::{self, Reference};
use ounce_image::{Image, ImagePath, Platform, Progress, Store, Tree};
use tempfile::TempDir;

/// The text of an image with something to remove, for cases in which content does not matter.
pub(crate) const PLAIN: &str = "\
[ADD rootfs]
usr/bin/tool (0755) = tool\\n
var/lib/apt/lists/deb_main *20000
[RUN make]
usr/lib/data *3000
";

/// A folder with a cache of its own.
pub(crate) struct Place {
    dir: TempDir,
}

/// What a run of the program gave.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Outcome {
    /// Asserts that the input was refused with a message that holds all of `words`.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{word:?} is not in: {}",
                self.stderr
            );
        }
        assert_eq!(self.stdout, b"", "nothing is reported beside an error");
    }

    #[track_caller]
    pub(crate) fn done(&self) {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        assert_eq!(self.stderr, "");
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        fs::create_dir(dir.path().join("cache")).unwrap();
        Self { dir }
    }

    /// A place with one input file.
    pub(crate) fn with(name: &str, bytes: &[u8]) -> Self {
        let place = Self::new();
        fs::write(place.path(name), bytes).unwrap();
        place
    }

    /// A place with one input folder.
    pub(crate) fn with_folder(name: &str, files: &[(String, Vec<u8>)]) -> Self {
        let place = Self::new();
        for (file, bytes) in files {
            let path = place.path(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program, to be run in this place.
    pub(crate) fn command(&self) -> Command {
        self.set_up(Command::new(env!("CARGO_BIN_EXE_ounce")))
    }

    /// A shell script in which `$OUNCE` is the program.
    pub(crate) fn script(&self, text: &str) -> Command {
        let mut shell = self.set_up(Command::new("sh"));
        shell
            .args(["-c", text])
            .env("OUNCE", env!("CARGO_BIN_EXE_ounce"));
        shell
    }

    fn set_up(&self, mut command: Command) -> Command {
        command
            .current_dir(self.dir.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("OUNCE_CACHE_SIZE");
        command
    }

    pub(crate) fn ounce<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        self.command().args(args).output().unwrap().into()
    }

    /// Everything in this place but the cache: names, modes, links and content.
    pub(crate) fn listing(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut out = BTreeMap::new();
        let mut stack = vec![self.dir.path().to_owned()];
        while let Some(folder) = stack.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let content = match metadata.file_type() {
                    t if t.is_symlink() => fs::read_link(&path)
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes(),
                    t if t.is_file() => fs::read(&path).unwrap(),
                    _ => Vec::new(),
                };
                if metadata.is_dir() && path != self.path("cache") {
                    stack.push(path.clone());
                }
                out.insert(path, (metadata.mode(), content));
            }
        }
        out
    }

    /// Asserts that both commands refuse `input` and leave no trace.
    #[track_caller]
    pub(crate) fn refuses(&self, input: &str, words: &[&str]) {
        self.refuses_with(input, &["--platform", "linux/amd64"], words);
    }

    #[track_caller]
    pub(crate) fn refuses_with(&self, input: &str, options: &[&str], words: &[&str]) {
        let before = self.listing();
        let words = [words, &[input.rsplit(':').next().unwrap()]].concat();
        let analyze = ["analyze", input];
        self.ounce(analyze.iter().chain(options)).refused(&words);
        for output in [
            "docker-archive:out/slim.tar",
            "oci:out/slim",
            "rootfs:out/slim",
        ] {
            let slim = ["slim", input, "--output", output];
            self.ounce(slim.iter().chain(options)).refused(&words);
        }
        assert_eq!(
            self.listing(),
            before,
            "an input changed or something was left behind"
        );
        self.cache_is_clean();
    }

    /// Asserts that both commands take `input`; returns the analysis.
    #[track_caller]
    pub(crate) fn takes(&self, input: &str) -> serde_json::Value {
        let before = self.listing();
        let platform = ["--platform", "linux/amd64"];
        let analyze = ["analyze", input, "--format", "json"];
        let analysis = self.ounce(analyze.iter().chain(&platform));
        analysis.done();
        let slim = ["slim", input, "--output", "docker-archive:out/slim.tar"];
        self.ounce(slim.iter().chain(&platform)).done();
        let mut after = self.listing();
        after
            .remove(&self.path("out/slim.tar"))
            .expect("the output is there");
        assert_eq!(
            after, before,
            "an input changed or something was left behind"
        );
        self.cache_is_clean();
        serde_json::from_slice(&analysis.stdout).unwrap()
    }

    /// The image that [`Place::takes`] wrote.
    pub(crate) fn slim(&self) -> Image {
        open(&format!(
            "docker-archive:{}",
            self.path("out/slim.tar").display()
        ))
    }

    #[track_caller]
    fn cache_is_clean(&self) {
        let Ok(layers) = fs::read_dir(self.path("cache/ounce/layers")) else {
            return;
        };
        let names: Vec<_> = layers.map(|entry| entry.unwrap().file_name()).collect();
        let is_part = |name: &std::ffi::OsString| name.to_string_lossy().starts_with('.');
        assert!(!names.iter().any(is_part), "{names:?}");
    }
}

/// Opens an image with the library.
pub(crate) fn open(reference: &str) -> Image {
    let platform = Platform {
        os: "linux".into(),
        architecture: "amd64".into(),
        variant: None,
    };
    let reference = Reference::parse(reference).unwrap();
    format::open(&reference, &platform, &Store::none(), &Progress::default()).unwrap()
}

/// The content of a file of an image.
pub(crate) fn content(image: &Image, path: &str) -> Vec<u8> {
    let tree = Tree::build(&image.layers).unwrap();
    let node = tree
        .get(&ImagePath::parse(path.as_bytes()).unwrap())
        .unwrap();
    tree.read(tree.leaf_of(node).unwrap())
        .read_all(1 << 20)
        .unwrap()
}

/// Replaces the content of a file of a layout.
pub(crate) fn replace(files: &mut [(String, Vec<u8>)], name: &str, new: &[u8]) {
    let file = files
        .iter_mut()
        .find(|(path, _)| path.contains(name))
        .unwrap();
    file.1 = new.to_vec();
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
