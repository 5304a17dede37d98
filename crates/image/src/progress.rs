//! Counters that long work advances, and the flag that stops it. No terminal, no clock.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far the work of one run has come; shared between threads.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    stopped: AtomicBool,
}

/// The reason inside an [`io::Error`] when [`Progress::stop`] ended the work.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl Progress {
    /// Announces that so many more bytes will pass.
    pub fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that have passed.
    ///
    /// # Errors
    /// [`Cancelled`], inside an [`io::Error`], once [`Progress::stop`] was called.
    pub fn advance(&self, bytes: u64) -> io::Result<()> {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(io::Error::other(Cancelled)),
            false => Ok(()),
        }
    }

    /// Asks all work to end; safe to call from a signal's thread.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Bytes that have passed and bytes that were announced.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        )
    }
}
