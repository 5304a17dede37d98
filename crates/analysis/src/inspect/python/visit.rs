//! A walk over the syntax tree.

use std::borrow::Cow;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{
    Expr, ExprCall, FStringPart, InterpolatedStringElement, Operator, Stmt, StmtImportFrom,
};

use super::{Facts, Import, Part, Pattern, Strings, strings, warnings};

/// Whether the first argument of such a function names a module (importlib, runpy, pkgutil, pydoc, the
/// built-in, and importlib.resources and pkg_resources, where it may be a package).
fn names_a_module(function: &str) -> bool {
    matches!(
        function,
        "__import__"
            | "import_module"
            | "find_spec"
            | "find_module"
            | "find_loader"
            | "get_loader"
            | "load_module"
            | "resolve_name"
            | "run_module"
            | "locate"
            | "safeimport"
            | "files"
            | "resource_filename"
            | "resource_string"
            | "resource_stream"
            | "get_data"
    )
}

/// The facts of a module's statements.
pub(super) fn facts(suite: &[Stmt]) -> Facts {
    let mut visitor = Visitor::default();
    visitor.visit_body(suite);
    let Visitor {
        mut facts, words, ..
    } = visitor;
    facts.strings = Strings::new(words);
    facts.imports.sort();
    facts.imports.dedup();
    facts.dynamic.sort();
    facts.dynamic.dedup();
    facts
}

#[derive(Default)]
struct Visitor<'a> {
    facts: Facts,
    words: Vec<Cow<'a, str>>,
}

impl<'a> SourceOrderVisitor<'a> for Visitor<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                let modules = import.names.iter().map(|name| Import::absolute(&name.name));
                self.facts.imports.extend(modules);
            }
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::FunctionDef(function) => {
                self.facts.holds_tests |= function.name.as_str().starts_with("test");
            }
            // A text that stands alone is for readers.
            Stmt::Expr(text) if text.value.is_string_literal_expr() => return,
            _ => {}
        }
        self.warn(warnings::of_statement(stmt));
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::StringLiteral(text) => self.text(text.value.to_str()),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                self.made_text(&String::from_utf8_lossy(&bytes));
            }
            Expr::FString(_) => {
                for part in parts(expr) {
                    if let Part::Text(text) = part {
                        self.made_text(&text);
                    }
                }
            }
            Expr::List(list) => self.command(&list.elts),
            Expr::Tuple(tuple) => self.command(&tuple.elts),
            Expr::Call(call) => self.call(call),
            Expr::BinOp(path) if path.op == Operator::Div => {
                let mut parts = vec![&*path.right];
                let mut left = &*path.left;
                while let Expr::BinOp(path) = left
                    && path.op == Operator::Div
                {
                    parts.push(&path.right);
                    left = &path.left;
                }
                parts.push(left);
                self.path(parts.into_iter().rev());
            }
            Expr::Name(name) => self.looks(&name.id),
            Expr::Attribute(attribute) => self.looks(&attribute.attr),
            _ => {}
        }
        self.warn(warnings::of_expression(expr));
        walk_expr(self, expr);
    }
}

impl<'a> Visitor<'a> {
    fn warn(&mut self, warning: Option<&'static str>) {
        self.facts.warning = self.facts.warning.or(warning);
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        let imports = import.names.iter().map(|name| Import {
            level: import.level,
            module: module.into(),
            name: Some(name.name.as_str().into()),
        });
        self.facts.imports.extend(imports);
    }

    fn text(&mut self, text: &'a str) {
        self.words.extend(strings::words(text).map(Cow::Borrowed));
        self.imported(text);
    }

    /// A text that is put together.
    fn made_text(&mut self, text: &str) {
        let words = strings::words(text).map(str::to_owned);
        self.words.extend(words.map(Cow::Owned));
        self.imported(text);
    }

    fn imported(&mut self, text: &str) {
        let imports = strings::imported(text).map(Import::absolute);
        self.facts.imports.extend(imports);
    }

    /// `os.path.join(here, "a", "b")` and `here / "a" / "b"`: texts that stand one after the other.
    fn path<'e>(&mut self, parts: impl Iterator<Item = &'e Expr>) {
        let mut path: Vec<&str> = Vec::new();
        for part in parts {
            match part {
                Expr::StringLiteral(text) => path.push(text.value.to_str()),
                _ if path.len() < 2 => path.clear(),
                _ => break,
            }
        }
        if path.len() > 1 {
            let path = path.join("/");
            let words = strings::words(&path).map(str::to_owned);
            self.words.extend(words.map(Cow::Owned));
        }
    }

    /// `[..., "-m", "module", ...]`.
    fn command(&mut self, elements: &[Expr]) {
        for pair in elements.windows(2) {
            if let [Expr::StringLiteral(option), Expr::StringLiteral(module)] = pair
                && option.value.to_str() == "-m"
                && strings::is_dotted(module.value.to_str())
            {
                let import = Import::absolute(module.value.to_str());
                self.facts.imports.push(import);
            }
        }
    }

    /// Names of what says which files a folder has, which modules a package has, and what whoever
    /// starts the program wants.
    fn looks(&mut self, name: &str) {
        let looks = &mut self.facts.looks;
        match name {
            "listdir" | "scandir" | "iterdir" | "glob" | "iglob" | "rglob" | "walk" | "fwalk"
            | "contents" => looks.folders = true,
            "iter_modules" | "walk_packages" | "resource_listdir" => looks.packages = true,
            "argv" | "environ" | "getenv" | "parse_args" | "input" => looks.input = true,
            _ => {}
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return,
        };
        self.command(&call.arguments.args);
        self.path(call.arguments.args.iter());
        if names_a_module(name) {
            self.named(call);
        }
    }

    /// A call whose first argument names a module; a second one names the package that a relative
    /// name starts from.
    fn named(&mut self, call: &ExprCall) {
        let keyword = |names: [&str; 3]| {
            let is_meant = |k: &&ruff_python_ast::Keyword| {
                k.arg
                    .as_ref()
                    .is_some_and(|arg| names.contains(&arg.as_str()))
            };
            call.arguments
                .keywords
                .iter()
                .find(is_meant)
                .map(|k| &k.value)
        };
        let arguments = &call.arguments.args;
        let Some(name) = arguments
            .first()
            .or_else(|| keyword(["name", "fullname", "mod_name"]))
        else {
            return;
        };
        let mut name = parts(name);
        let dots = match name.first() {
            Some(Part::Text(text)) => text.len() - text.trim_start_matches('.').len(),
            _ => 0,
        };
        if dots == 0 {
            return self.note(name);
        }
        let anchor = arguments
            .get(1)
            .or_else(|| keyword(["package", "anchor", "path"]));
        let anchor = anchor.map_or_else(|| vec![Part::Any], parts);
        if let ([Part::Own], [Part::Text(text)]) = (anchor.as_slice(), name.as_slice()) {
            let import = Import {
                level: dots as u32,
                module: text[dots..].into(),
                name: None,
            };
            return self.facts.imports.push(import);
        }
        // One dot is the package itself, and each further one the package above.
        if dots > 1 {
            if let Some(Part::Text(text)) = name.first_mut() {
                *text = text[dots - 1..].into();
            }
            name.insert(0, Part::Any);
        } else {
            name.splice(0..0, anchor);
        }
        self.note(name);
    }

    fn note(&mut self, name: Vec<Part>) {
        match joined(name).as_slice() {
            [Part::Text(module)] => self.facts.imports.push(Import::absolute(module)),
            parts => self.facts.dynamic.push(Pattern(parts.to_vec())),
        }
    }
}

/// The parts of a text that an expression puts together.
fn parts(expr: &Expr) -> Vec<Part> {
    match expr {
        Expr::StringLiteral(text) => vec![Part::Text(text.value.to_str().into())],
        Expr::FString(text) => {
            let parts = text.value.iter().flat_map(|part| match part {
                FStringPart::Literal(literal) => vec![Part::Text(literal.as_str().into())],
                FStringPart::FString(text) => text.elements.iter().flat_map(element).collect(),
            });
            parts.collect()
        }
        Expr::Name(name) if matches!(name.id.as_str(), "__name__" | "__package__") => {
            vec![Part::Own]
        }
        Expr::BinOp(sum) if sum.op == Operator::Add => {
            [parts(&sum.left), parts(&sum.right)].concat()
        }
        // "a.%s" % b and "a.{}".format(b).
        Expr::BinOp(format) if format.op == Operator::Mod => template(&format.left, '%'),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) if method.attr.as_str() == "format" => {
                template(&method.value, '{')
            }
            _ => vec![Part::Any],
        },
        _ => vec![Part::Any],
    }
}

fn element(element: &InterpolatedStringElement) -> Vec<Part> {
    match element {
        InterpolatedStringElement::Literal(text) => vec![Part::Text(text.value.clone())],
        InterpolatedStringElement::Interpolation(value) => parts(&value.expression),
    }
}

/// What stands before the first place that is filled in; anything may follow.
fn template(text: &Expr, mark: char) -> Vec<Part> {
    let Expr::StringLiteral(text) = text else {
        return vec![Part::Any];
    };
    let text = text.value.to_str();
    let end = text.find(mark).unwrap_or(text.len());
    vec![Part::Text(text[..end].into()), Part::Any]
}

/// Neighbouring texts as one; what says nothing left out.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => {
                *before = format!("{before}{text}").into();
            }
            (Some(Part::Any), Part::Any) => {}
            (_, Part::Text(text)) if text.is_empty() => {}
            (_, part) => out.push(part),
        }
    }
    out
}
