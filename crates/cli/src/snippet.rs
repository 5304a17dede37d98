//! Places in texts, and the lines around them with a mark.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A place in a text, counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// The place of a byte.
    pub(crate) fn of(text: &str, at: usize) -> Self {
        let before = &text[..floor(text, at)];
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        Self {
            line,
            column: last.chars().count() + 1,
        }
    }
}

/// The line that a span begins in, with a mark below.
pub(crate) fn shown(text: &str, span: Range<usize>) -> String {
    let marked = AnnotationKind::Primary.span(visible(text, span));
    let snippet = Snippet::source(text).annotation(marked);
    Renderer::plain().render(&[Group::with_level(Level::ERROR).element(snippet)])
}

/// A span that marks something: not the end of a line.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let first_line = text[start..end]
        .find(['\r', '\n'])
        .map_or(end, |at| start + at);
    start..first_line
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}
