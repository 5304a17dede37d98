//! A bound on how deep the syntax tree of a source can be, before one is made.
//!
//! Trees are walked and freed by recursion; a source of one long sum would end the program.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer::lex};

/// CPython itself refuses brackets in more than 200 levels (Parser/lexer/state.h, `MAXLEVEL`) and
/// statements in more than 100 (`MAXINDENT`). A chain of operators may be longer there.
const MAX_DEPTH: usize = 1000;

/// Whether a tree may be too deep: between two commas each token adds at most one level.
pub(super) fn is_too_deep(source: &str) -> bool {
    let mut lexer = lex(source, Mode::Module);
    // Levels of the brackets that are open, the statement's first; their sum; and of the indentation.
    let (mut open, mut sum, mut indent) = (vec![0_usize], 0, 0_usize);
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            TokenKind::Newline => {
                open = vec![0];
                sum = 0;
            }
            TokenKind::Comma => {
                let level = open.last_mut().expect("the statement's own is never taken");
                sum -= std::mem::take(level);
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                open.push(1);
                sum += 1;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if open.len() > 1 => {
                sum -= open.pop().unwrap_or_default();
                // What was in brackets may be called, indexed and so on.
                *open.last_mut().expect("the statement's own is never taken") += 1;
                sum += 1;
            }
            // Neighbouring texts are one, and comments are none.
            TokenKind::String | TokenKind::Comment | TokenKind::NonLogicalNewline => {}
            _ => {
                *open.last_mut().expect("the statement's own is never taken") += 1;
                sum += 1;
            }
        }
        if sum + indent > MAX_DEPTH {
            return true;
        }
    }
}
