//! What every command does around its work: open the image, show progress, obey Ctrl-C.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ounce_image::format::{self, Reference};
use ounce_image::{Image, Platform, Progress, Store};

use crate::args::{Reading, Source};
use crate::error::CommandError;

/// A run of the program on one image.
pub(crate) struct Session {
    /// The image's reference, with its transport.
    pub(crate) reference: Reference,
    /// The image.
    pub(crate) image: Image,
    /// Counts bytes for the display, and carries Ctrl-C to the work.
    pub(crate) progress: Arc<Progress>,
    /// `None` for an image beside another, whose session shows the progress of both.
    display: Option<Display>,
}

impl Session {
    /// Opens the image that the command line names; `check` sees its reference before any long work.
    pub(crate) fn open(
        source: &Source,
        check: impl FnOnce(&Reference) -> Result<(), CommandError>,
    ) -> Result<Self, CommandError> {
        let progress = Arc::new(Progress::default());
        let stop = progress.clone();
        ctrlc::set_handler(move || stop.stop()).map_err(CommandError::input)?;
        let display = Display::start(progress.clone());
        let (reference, image) = read(source, check, &progress)?;
        Ok(Self {
            reference,
            image,
            progress,
            display: Some(display),
        })
    }

    /// Opens one more image in the same run.
    pub(crate) fn open_beside(
        &self,
        source: &Source,
        check: impl FnOnce(&Reference) -> Result<(), CommandError>,
    ) -> Result<Self, CommandError> {
        let (reference, image) = read(source, check, &self.progress)?;
        Ok(Self {
            reference,
            image,
            progress: self.progress.clone(),
            display: None,
        })
    }

    /// Takes the display away before anything is printed.
    pub(crate) fn finish(self) {
        if let Some(display) = self.display {
            display.stop();
        }
    }
}

fn read(
    source: &Source,
    check: impl FnOnce(&Reference) -> Result<(), CommandError>,
    progress: &Progress,
) -> Result<(Reference, Image), CommandError> {
    let reading = &source.reading;
    let store = store(reading);
    let reference = Reference::parse_existing(&source.image, &store, progress)?;
    check(&reference)?;
    let platform = reading
        .platform
        .as_deref()
        .map_or_else(|| Ok(Platform::host()), parse_platform)?;
    let image = format::open(&reference, &platform, &store, progress)?;
    progress.expect(image.tar_bytes() * 2);
    Ok((reference, image))
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

/// The cache of the user (XDG Base Directory Specification), or none where there is no home.
fn store(reading: &Reading) -> Store {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = base.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    match base {
        Some(base) if !reading.no_cache => Store::new(
            base.join("ounce/layers"),
            reading.cache_size.saturating_mul(1_000_000_000),
        ),
        _ => Store::none(),
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
