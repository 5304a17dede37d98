//! What files say, from one search of a machine to the next.
//!
//! A machine is searched again whenever more of it came to be known. What stands in its files is the same then, and to
//! look for it takes most of the time; what it leads to is found anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ounce_image::ImagePath;
use rustc_hash::FxHashMap;

/// The most that is remembered of one file, in bytes; one that says more is read again.
const MAX_SAID: usize = 1 << 20;

/// What was found in files that are read in full.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What was looked for.
    words: Vec<Vec<u8>>,
    said: FxHashMap<ImagePath, Arc<Vec<Said>>>,
}

/// Something that a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Where, in bytes.
    pub(super) at: u64,
    pub(super) text: Text,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    /// A path, and whether it ends where it ends; otherwise what follows may be another text.
    Path(Box<[u8]>, bool),
    /// A path from the folder in which the program is installed.
    Relative(Box<[u8]>),
    /// A program that it starts, by its number.
    Program(usize),
    /// The name of a library.
    Library(Box<[u8]>),
}

impl Memory {
    /// Forgets everything if it was found by looking for other words.
    pub(super) fn look_for(&self, words: Vec<Vec<u8>>) {
        let mut state = self.state();
        if state.words != words {
            state.said.clear();
            state.words = words;
        }
    }

    /// What a file says, if it is known.
    pub(super) fn recall(&self, file: &ImagePath) -> Option<Arc<Vec<Said>>> {
        self.state().said.get(file).cloned()
    }

    pub(super) fn keep(&self, file: ImagePath, notes: Notes) {
        if notes.size <= MAX_SAID {
            self.state().said.insert(file, Arc::new(notes.said));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what one file says while it is read, as long as that is little.
#[derive(Debug, Default)]
pub(super) struct Notes {
    said: Vec<Said>,
    size: usize,
}

impl Notes {
    pub(super) fn add(&mut self, said: &Said) {
        let text = match &said.text {
            Text::Path(text, _) | Text::Relative(text) | Text::Library(text) => text.len(),
            Text::Program(_) => 0,
        };
        self.size = self.size.saturating_add(size_of::<Said>() + text);
        if self.size <= MAX_SAID {
            self.said.push(said.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ImagePath {
        ImagePath::parse(b"bin/tool").unwrap()
    }

    fn path(text: &[u8]) -> Said {
        let text = Text::Path(text.into(), true);
        Said { at: 1, text }
    }

    #[test]
    fn what_was_found_by_other_words_is_forgotten() {
        let memory = Memory::default();
        memory.look_for(vec![b"/usr/".to_vec()]);
        let mut notes = Notes::default();
        notes.add(&path(b"/usr/x"));
        memory.keep(file(), notes);
        memory.look_for(vec![b"/usr/".to_vec()]);
        assert_eq!(*memory.recall(&file()).unwrap(), [path(b"/usr/x")]);
        memory.look_for(vec![b"/opt/".to_vec()]);
        assert_eq!(memory.recall(&file()), None);
    }

    #[test]
    fn a_file_that_says_too_much_is_read_again() {
        let memory = Memory::default();
        let mut notes = Notes::default();
        let long = path(&[b'x'; 4096]);
        (0..1000).for_each(|_| notes.add(&long));
        memory.keep(file(), notes);
        assert_eq!(memory.recall(&file()), None);
    }
}
