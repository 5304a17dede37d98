//! The accesses so far, each once.

use std::collections::HashSet;
use std::path::Path;

use super::plan::{Judge, Plan, Touch};
use super::{Access, How, Trace, TraceError};

/// The most bytes that paths may take together: a hostile program can ask for names without end.
const MAX_BYTES: usize = 1 << 30;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It succeeded.
    Success,
    /// It failed with this number.
    Error(i32),
    /// Its thread died in it.
    None,
}

/// Accesses without repetition.
#[derive(Debug, Default)]
pub(super) struct Record {
    accesses: HashSet<Access>,
    bytes: usize,
}

impl Record {
    /// Adds what a call touched.
    pub(super) fn add(&mut self, plan: Plan, answer: Answer) -> Result<(), TraceError> {
        for touch in plan.touches {
            self.touch(touch, answer, &plan.program)?;
        }
        Ok(())
    }

    fn touch(&mut self, touch: Touch, answer: Answer, program: &Path) -> Result<(), TraceError> {
        let error = match (touch.judge, answer) {
            (Judge::Success, Answer::Error(_)) => return Ok(()),
            (Judge::Call | Judge::Success, Answer::Success) => None,
            (Judge::Call, Answer::Error(error)) => Some(error),
            (Judge::Presence, _) | (_, Answer::None) => match &touch.walk.end {
                Ok(end) if end.kind.is_none() => Some(libc::ENOENT),
                Ok(_) => None,
                Err(error) => Some(error.raw_os_error()),
            },
        };
        // A program may be named before it is known what it is: the first one that a run executes.
        let by = |path: &Path| {
            if program.as_os_str().is_empty() {
                path.to_path_buf()
            } else {
                program.to_path_buf()
            }
        };
        for link in touch.walk.links {
            self.insert(Access {
                program: by(&touch.path),
                path: link.clone(),
                real: Some(link),
                how: How::Link,
                error: None,
            })?;
        }
        let real = match touch.walk.end {
            Ok(end) if end.kind.is_some() || error.is_none() => Some(end.path),
            // We may not look where the program may.
            Err(_) if error.is_none() => Some(touch.path.clone()),
            _ => None,
        };
        self.insert(Access {
            program: by(&touch.path),
            path: touch.path,
            real,
            how: touch.how,
            error,
        })
    }

    fn insert(&mut self, access: Access) -> Result<(), TraceError> {
        let length = |path: &Path| path.as_os_str().len();
        let real = access.real.as_deref().map_or(0, length);
        let bytes = size_of::<Access>() + length(&access.path) + real + length(&access.program);
        if self.bytes > MAX_BYTES {
            return Err(TraceError::TooMuch);
        }
        if self.accesses.insert(access) {
            self.bytes += bytes;
        }
        Ok(())
    }

    /// All of them, in order.
    pub(super) fn finish(self) -> Trace {
        let mut accesses: Vec<Access> = self.accesses.into_iter().collect();
        accesses.sort_unstable();
        Trace { accesses }
    }
}
