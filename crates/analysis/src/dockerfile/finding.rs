//! What a rule found in a Dockerfile, and what would put it right.

use std::ops::Range;

use super::rules::Rule;

/// What a rule found in one place.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// Where in the file, in bytes.
    pub range: Range<usize>,
    /// The instruction, counted from 0.
    pub instruction: usize,
    /// What would put it right.
    pub fix: Option<Fix>,
}

/// A change that puts a finding right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Whether it needs a look.
    pub safety: Safety,
    /// What it does, as one would ask for it: `remove the lists in this RUN`.
    pub title: String,
    /// The stretches of the file that change; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Whether a fix needs a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// The image does the same afterwards, whatever else the file does.
    Safe,
    /// It is right in most files; look at it, or build and test the image.
    Unsafe,
}

/// A stretch of the file and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where in the file, in bytes.
    pub range: Range<usize>,
    /// The new text.
    pub text: String,
}

impl Finding {
    /// A finding without a fix.
    pub fn new(
        rule: &'static Rule,
        instruction: usize,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            message: message.into(),
            range,
            instruction,
            fix: None,
        }
    }

    /// Adds a fix.
    pub fn with_fix(self, safety: Safety, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        let title = title.into();
        Self {
            fix: Some(Fix {
                safety,
                title,
                edits,
            }),
            ..self
        }
    }
}

impl Safety {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }

    /// Safe when the condition holds.
    pub fn safe_if(condition: bool) -> Self {
        match condition {
            true => Self::Safe,
            false => Self::Unsafe,
        }
    }
}
