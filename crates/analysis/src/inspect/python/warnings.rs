//! What makes CPython's compiler write a warning. It does so when it compiles, so a compiled file
//! that is loaded instead is silent.
//!
//! Some of these are shown only since 3.12, some only by option; all count (CPython's
//! Python/codegen.c, `check_*`; Parser/string_parser.c, `warn_invalid_escape_sequence`;
//! Parser/lexer/lexer.c, `verify_end_of_number`; PEP 765).

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_ast::{CmpOp, Expr, Stmt, StringFlags as _};
use ruff_text_size::Ranged as _;

pub(super) fn of_statement(stmt: &Stmt) -> Option<&'static str> {
    match stmt {
        Stmt::Assert(assert) if is_filled_tuple(&assert.test) => {
            Some("an assertion of a tuple is always true")
        }
        Stmt::Try(block) if block.finalbody.iter().any(leaves) => {
            Some("a jump out of a finally block")
        }
        _ => None,
    }
}

pub(super) fn of_expression(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Compare(compare) => {
            let left = std::iter::once(&*compare.left).chain(&compare.comparators);
            let sides = left.zip(&compare.comparators).zip(&compare.ops);
            sides
                .into_iter()
                .any(|((left, right), op)| {
                    matches!(op, CmpOp::Is | CmpOp::IsNot)
                        && (is_constant(left) || is_constant(right))
                })
                .then_some("an identity test with a literal")
        }
        Expr::Call(call) => {
            (is_value(&call.func) || call.func.is_set_expr()).then_some("a call of a literal")
        }
        Expr::Subscript(index) => {
            let is_odd = match &*index.value {
                Expr::Set(_) | Expr::SetComp(_) | Expr::Generator(_) | Expr::Lambda(_) => true,
                value => is_value(value) && !is_index(&index.slice),
            };
            is_odd.then_some("a literal with an index that is no number")
        }
        _ => None,
    }
}

/// Statements that leave a `finally` block; what is inside of a function or class in it does not.
fn leaves(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Return(_) | Stmt::Break(_) | Stmt::Continue(_) => true,
        Stmt::If(block) => {
            let others = block.elif_else_clauses.iter();
            block.body.iter().any(leaves) || others.flat_map(|clause| &clause.body).any(leaves)
        }
        Stmt::With(block) => block.body.iter().any(leaves),
        // A loop may leave only itself; that is not told apart.
        Stmt::For(block) => block.body.iter().chain(&block.orelse).any(leaves),
        Stmt::While(block) => block.body.iter().chain(&block.orelse).any(leaves),
        Stmt::Try(block) => {
            let handlers = block.handlers.iter().flat_map(|handler| {
                let handler = handler.as_except_handler();
                handler.map_or(&[][..], |handler| &handler.body)
            });
            let bodies = block.body.iter().chain(&block.orelse);
            bodies.chain(&block.finalbody).chain(handlers).any(leaves)
        }
        Stmt::Match(block) => block.cases.iter().flat_map(|case| &case.body).any(leaves),
        _ => false,
    }
}

fn is_filled_tuple(expr: &Expr) -> bool {
    matches!(expr, Expr::Tuple(tuple) if !tuple.elts.is_empty())
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp(minus) => is_constant(&minus.operand),
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::FString(_)
        | Expr::NumberLiteral(_)
        | Expr::Tuple(_) => true,
        _ => false,
    }
}

fn is_value(expr: &Expr) -> bool {
    is_constant(expr) && !matches!(expr, Expr::UnaryOp(_))
        || matches!(
            expr,
            Expr::List(_)
                | Expr::ListComp(_)
                | Expr::DictComp(_)
                | Expr::NoneLiteral(_)
                | Expr::BooleanLiteral(_)
                | Expr::EllipsisLiteral(_)
        )
}

/// Whether an index may be a whole number.
fn is_index(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(number) => number.value.is_int(),
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::FString(_)
        | Expr::Tuple(_)
        | Expr::List(_)
        | Expr::Dict(_)
        | Expr::Set(_)
        | Expr::Lambda(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_) => false,
        _ => true,
    }
}

/// Backslashes that mean nothing, and numbers that run into a word.
pub(super) fn in_tokens(source: &str, tokens: &Tokens) -> Option<&'static str> {
    let mut number_ends = None;
    for token in tokens {
        let (start, end) = (token.start().to_usize(), token.end().to_usize());
        match token.kind() {
            TokenKind::Int | TokenKind::Float | TokenKind::Complex => {
                number_ends = Some(end);
                continue;
            }
            TokenKind::String | TokenKind::FStringMiddle | TokenKind::TStringMiddle => {
                let flags = token.string_flags();
                let is_raw = flags.is_some_and(|flags| flags.prefix().is_raw());
                let is_bytes = flags.is_some_and(|flags| flags.is_byte_string());
                if !is_raw && has_invalid_escape(&source.as_bytes()[start..], end - start, is_bytes)
                {
                    return Some("a backslash that means nothing");
                }
            }
            kind if kind.is_keyword() && number_ends == Some(start) => {
                return Some("a number that runs into a word");
            }
            _ => {}
        }
        number_ends = None;
    }
    None
}

/// Looks through the first `len` bytes; what follows a backslash at their end counts (`f"\{x}"`).
fn has_invalid_escape(text: &[u8], len: usize, is_bytes: bool) -> bool {
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text[at..len]) {
        let rest = &text[at + found + 1..];
        match rest.first() {
            Some(b'N' | b'u' | b'U') if !is_bytes => {}
            // More than 0o377.
            Some(b'4'..=b'7') => {
                let is_octal = |b: &u8| (b'0'..=b'7').contains(b);
                if rest.len() >= 3 && rest[1..3].iter().all(is_octal) {
                    return true;
                }
            }
            Some(
                b'\n'
                | b'\r'
                | b'\\'
                | b'\''
                | b'"'
                | b'a'
                | b'b'
                | b'f'
                | b'n'
                | b'r'
                | b't'
                | b'v'
                | b'x'
                | b'0'..=b'3',
            ) => {}
            _ => return true,
        }
        at = (at + found + 2).min(len);
    }
    false
}

#[cfg(test)]
mod tests {
    fn warns(source: &str) -> bool {
        let (facts, error) = super::super::inspect(source.as_bytes());
        assert_eq!(error, None, "{source}");
        facts.warning.is_some()
    }

    /// CPython 3.13 says so of the same sources, but for the jump, of which 3.14 warns (PEP 765).
    #[test]
    fn what_the_compiler_warns_of_is_found() {
        for source in [
            r#"x = "\d""#,
            r#"x = b"\u1234""#,
            r#"x = f"{a}\d{b}""#,
            r#"x = f"\{a}""#,
            r#"x = "\400""#,
            "x is 1",
            "x is not 'a'",
            "x is -1",
            "a < b is ()",
            "assert (x, 'message')",
            "x = 'a' ('b')",
            "x = [1, 2] ['a']",
            "x = 1if y else 2",
            "def f():\n  try: pass\n  finally:\n    return 1",
        ] {
            assert!(warns(source), "{source}");
        }
        for source in [
            r#"x = r"\d" "\n\x00\N{EM DASH}\
""#,
            r#"x = rb"\d" b"\x00""#,
            r#"x = f"{a}\n" rf"\d{b}""#,
            r#"x = "\377\0""#,
            "x is None or x is True or x is ...",
            "x == 1",
            "assert x, 'message'",
            "x = [1, 2][y]",
            "x = (1, 2)[-1]",
            "x = 1 if y else 2",
            "def f():\n  try: pass\n  finally:\n    def g(): return 1",
        ] {
            assert!(!warns(source), "{source}");
        }
    }
}
