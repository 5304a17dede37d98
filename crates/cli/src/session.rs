//! What every command does around its work: open the image, show progress, obey Ctrl-C.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ounce_image::format::{self, Machine, Reference};
use ounce_image::{Image, Platform, Progress, Store};

use crate::args::Reading;
use crate::commands::host::Settled;
use crate::error::CommandError;

/// A run of the program.
pub(crate) struct Run {
    /// Counts bytes for the display, and carries Ctrl-C to the work.
    pub(crate) progress: Arc<Progress>,
    store: Store,
    platform: Platform,
    display: Display,
    interrupts: mpsc::Receiver<()>,
}

/// An image of a run.
pub(crate) struct Session {
    /// The image's reference, with its transport.
    pub(crate) reference: Reference,
    /// The image.
    pub(crate) image: Image,
    /// The run's.
    pub(crate) progress: Arc<Progress>,
    /// The machine that it was made from, if it was.
    pub(crate) machine: Option<Settled>,
}

impl Run {
    /// Begins to obey Ctrl-C and to show progress.
    pub(crate) fn start(reading: &Reading) -> Result<Self, CommandError> {
        let platform = reading
            .platform
            .as_deref()
            .map_or_else(|| Ok(Platform::host()), parse_platform)?;
        let progress = Arc::new(Progress::default());
        let stop = progress.clone();
        let (interrupt, interrupts) = mpsc::channel();
        let obey = move || {
            stop.stop();
            // Nobody listens once the last work is done.
            let _ = interrupt.send(());
        };
        ctrlc::set_handler(obey).map_err(CommandError::input)?;
        let display = Display::start(progress.clone());
        Ok(Self {
            progress,
            store: store(reading),
            platform,
            display,
            interrupts,
        })
    }

    /// Reads a reference of the command line; nothing of the image but its kind is looked at.
    pub(crate) fn reference(&self, image: &str) -> Result<Reference, CommandError> {
        Reference::parse_existing(image, &self.store, &self.progress)
            .map_err(|error| CommandError::from(error).about(image))
    }

    /// Reads all references of the command line.
    pub(crate) fn references(&self, images: &[String]) -> Result<Vec<Reference>, CommandError> {
        images.iter().map(|image| self.reference(image)).collect()
    }

    /// The names that an image has.
    pub(crate) fn names(&self, reference: &Reference) -> ounce_image::Result<Vec<String>> {
        format::names(reference, &self.store, &self.progress)
    }

    /// Opens an image.
    pub(crate) fn open(&self, reference: &Reference) -> ounce_image::Result<Session> {
        let image = format::open(reference, &self.platform, &self.store, &self.progress)?;
        self.progress.expect(image.tar_bytes() * 2);
        Ok(Session {
            reference: reference.clone(),
            image,
            progress: self.progress.clone(),
            machine: None,
        })
    }

    /// The image of what is known of a machine.
    pub(crate) fn open_machine(
        &self,
        reference: &Reference,
        machine: &mut Machine,
    ) -> ounce_image::Result<Session> {
        Ok(Session {
            reference: reference.clone(),
            image: machine.image(&self.platform, &self.store)?,
            progress: self.progress.clone(),
            machine: None,
        })
    }

    /// Takes the display away before anything is printed; what comes back tells of every Ctrl-C.
    pub(crate) fn finish(self) -> mpsc::Receiver<()> {
        self.display.stop();
        self.interrupts
    }
}

fn parse_platform(text: &str) -> Result<Platform, CommandError> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [os, architecture] => Ok(Platform {
            os: (*os).into(),
            architecture: (*architecture).into(),
            variant: None,
        }),
        [os, architecture, variant] => Ok(Platform {
            os: (*os).into(),
            architecture: (*architecture).into(),
            variant: Some((*variant).into()),
        }),
        _ => Err(
            CommandError::input(format_args!("{text:?} is not a platform"))
                .hint("write it as linux/arm64 or linux/arm/v7"),
        ),
    }
}

/// The cache of the user (XDG Base Directory Specification), or none where there is no home or none is wanted.
pub(crate) fn cache_folder(reading: &Reading) -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = base.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    base.filter(|_| !reading.no_cache)
        .map(|base| base.join("ounce"))
}

/// The most that a cache may hold, in bytes.
pub(crate) fn cache_bytes(reading: &Reading) -> u64 {
    reading.cache_size.saturating_mul(1_000_000_000)
}

fn store(reading: &Reading) -> Store {
    match cache_folder(reading) {
        Some(folder) => Store::new(folder.join("layers"), cache_bytes(reading)),
        None => Store::none(),
    }
}

/// Shows progress on standard error, on a terminal only, once the work has taken a second.
struct Display {
    done: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Display {
    fn start(progress: Arc<Progress>) -> Self {
        let (done, waiting) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            if waiting.recv_timeout(Duration::from_secs(1)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{bar:30} {bytes} of {total_bytes}, {binary_bytes_per_sec}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            while waiting.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout)
            {
                let (passed, expected) = progress.counts();
                // Until the layers are known there is nothing to measure by.
                if expected > 0 {
                    bar.set_length(expected.max(passed));
                    bar.set_position(passed);
                }
            }
            bar.finish_and_clear();
        });
        Self { done, thread }
    }

    fn stop(self) {
        drop(self.done);
        // A panic in the display is no reason to lose the result.
        let _ = self.thread.join();
    }
}
