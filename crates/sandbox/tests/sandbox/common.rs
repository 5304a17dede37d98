//! A small real root (the image of `fixtures/`) and commands in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use ounce_image::format::{self, Reference};
use ounce_image::{Platform, Progress, Store};
use ounce_sandbox::{Error, Input, InputFile, Limits, Net, Output, Process, Root, Run};
use tempfile::TempDir;

/// Whether namespaces can be made here. Where CI says that they can, it is an error when they cannot.
pub(crate) fn has_namespaces() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| match sh("exit 0").try_run() {
        Err(Error::Namespaces(error)) => {
            assert!(
                std::env::var_os("OUNCE_NEEDS").is_none_or(|needs| needs != "namespaces"),
                "OUNCE_NEEDS=namespaces, and there are none: {error}"
            );
            eprintln!("left out: this machine lets us make no namespaces ({error})");
            false
        }
        _ => true,
    })
}

/// The fixture, unpacked once for all tests of a file.
pub(crate) fn fixture() -> &'static Path {
    static ROOT: OnceLock<TempDir> = OnceLock::new();
    ROOT.get_or_init(|| {
        let (store, progress) = (Store::none(), Progress::default());
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fortune.oci.tar");
        let reference = format!("oci-archive:{}", file.display());
        let reference = Reference::parse_existing(&reference, &store, &progress).unwrap();
        let platform = Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: None,
        };
        let image = format::open(&reference, &platform, &store, &progress).unwrap();
        let folder = tempfile::tempdir().unwrap();
        format::unpack(&image, folder.path(), &progress).unwrap();
        folder
    })
    .path()
}

/// A command to be, and where it runs.
pub(crate) struct Command {
    pub(crate) process: Process,
    pub(crate) layers: Vec<PathBuf>,
}

/// A script for the fixture's shell, which has few programs beside it.
pub(crate) fn sh(script: &str) -> Command {
    command(&["/bin/sh", "-c", script])
}

pub(crate) fn command(args: &[&str]) -> Command {
    let process = Process {
        args: args.iter().map(Into::into).collect(),
        env: vec![("PATH".into(), "/usr/games:/usr/bin:/bin".into())],
        workdir: PathBuf::new(),
        user: String::new(),
        hostname: "inside".into(),
        files: Vec::new(),
        volumes: Vec::new(),
        net: Net::None,
        stdin: Input::Bytes(Vec::new()),
        output: Output::Capture,
        limits: Limits {
            time: Some(Duration::from_secs(60)),
            output: 16 << 20,
            processes: 100,
        },
        trace: false,
    };
    Command {
        process,
        layers: vec![fixture().to_owned()],
    }
}

impl Command {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Process)) -> Self {
        change(&mut self.process);
        self
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.with(|process| {
            process.files.push(InputFile {
                path: path.into(),
                content: content.into(),
                mode: 0o644,
            });
        })
    }

    /// Puts a folder over the fixture.
    pub(crate) fn over(mut self, layer: &Path) -> Self {
        self.layers.insert(0, layer.to_owned());
        self
    }

    pub(crate) fn root(&self) -> Root {
        Root {
            layers: self.layers.clone(),
        }
    }

    pub(crate) fn try_run(&self) -> Result<Run, Error> {
        let scratch = tempfile::tempdir().unwrap();
        let run = ounce_sandbox::run(&self.root(), &self.process, scratch.path());
        let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        run
    }

    pub(crate) fn run(&self) -> Run {
        self.try_run().unwrap()
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn output(&self) -> String {
        let outcome = self.run().outcome;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            outcome.end,
            ounce_sandbox::End::Exited(0),
            "{}{}",
            text(&outcome.stdout),
            text(&outcome.stderr)
        );
        text(&outcome.stdout)
    }
}
