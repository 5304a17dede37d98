//! A bound on how deep the syntax tree of a source can be, before one is made.
//!
//! Trees are walked and freed by recursion; a source of one long sum would end the program.

mod estimate;

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer::lex};

/// CPython itself refuses brackets in more than 200 levels (Parser/lexer/state.h, `MAXLEVEL`) and
/// statements in more than 100 (`MAXINDENT`). A chain of operators may be longer there.
const MAX_DEPTH: usize = 1000;

/// Whether a tree may be too deep.
pub(super) fn is_too_deep(source: &str) -> bool {
    // Nearly all are let off by the estimate, which takes a fraction of the time.
    estimate::may_exceed(source.as_bytes(), MAX_DEPTH / 2) && exceeds(source, MAX_DEPTH)
}

/// Whether a tree may be deeper than `limit`.
fn exceeds(source: &str, limit: usize) -> bool {
    let mut lexer = lex(source, Mode::Module);
    let (mut levels, mut indent) = (Levels::default(), 0_usize);
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            TokenKind::Newline => levels = Levels::default(),
            TokenKind::Comma => levels.comma(),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => levels.open(),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => levels.close(),
            // Neighbouring texts are one, and comments are none.
            TokenKind::String | TokenKind::Comment | TokenKind::NonLogicalNewline => {}
            _ => levels.add(1),
        }
        if levels.sum() + indent > limit {
            return true;
        }
    }
}

/// How deep a statement is: between two commas each token adds at most one level.
#[derive(Default)]
struct Levels {
    /// Of the brackets around the innermost ones, the statement's own first.
    outer: Vec<usize>,
    /// Of the innermost brackets that are open.
    inner: usize,
    /// Of all together.
    sum: usize,
}

impl Levels {
    fn sum(&self) -> usize {
        self.sum
    }

    fn add(&mut self, levels: usize) {
        self.inner += levels;
        self.sum += levels;
    }

    fn comma(&mut self) {
        self.sum -= std::mem::take(&mut self.inner);
    }

    fn open(&mut self) {
        self.outer.push(std::mem::take(&mut self.inner));
        self.add(1);
    }

    /// What was in brackets may be called, indexed and so on.
    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.comma();
            self.inner = outer;
        }
        self.add(1);
    }

    fn is_in_brackets(&self) -> bool {
        !self.outer.is_empty()
    }
}
