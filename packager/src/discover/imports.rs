//! What one source file imports, and which data files it names.

use super::condition::{Target, Truth};
use super::evidence::{Evidence, EvidenceReader};
use super::source;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged as _, TextSize};

/// What one source file asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imports {
    /// In source order.
    pub(crate) imports: Vec<Import>,
    /// Literal names in a top-level `__all__`: `from package import *` imports those that are submodules.
    pub(crate) exports: Vec<String>,
    /// Data files and folders that it names; read for the application's own files only.
    pub(crate) evidence: Vec<Evidence>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) what: What,
    /// 1-based.
    pub(crate) line: u32,
    /// Inside `try`/`except ImportError`, or under a condition.
    pub(crate) optional: bool,
    /// Inside a function: happens when the function is called.
    pub(crate) local: bool,
}

/// What an import names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// `import a.b`, `__import__("a.b")`, `importlib.import_module("a.b")`.
    Module(String),
    /// `from ..a import b, c`; an empty module for `from . import b`.
    From {
        level: u32,
        module: String,
        names: Vec<String>,
    },
}

/// Why a file could not be read as Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxProblem {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) message: String,
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) target: &'a Target,
    /// One of the application's own files: errors count, and data files are looked for.
    pub(crate) own: bool,
    /// An entry script: what stands under `if __name__ == "__main__":` runs.
    pub(crate) script: bool,
}

/// Reads the imports of a file's `bytes`.
///
/// # Errors
/// The first syntax error, for one of the application's own files. In others an error ends nothing: what could be
/// parsed is followed, for a file that is never imported may hold anything.
pub(crate) fn read(bytes: &[u8], reading: Reading<'_>) -> Result<Imports, SyntaxProblem> {
    let text = match source::decode(bytes) {
        Ok(text) => text,
        Err(error) if reading.own => {
            return Err(SyntaxProblem {
                line: error.line,
                column: 1,
                message: error.message,
            });
        }
        Err(_) => return Ok(Imports::default()),
    };
    let options =
        ParseOptions::from(Mode::Module).with_target_version(reading.target.ruff_version());
    let parsed = parse_unchecked(&text.text, options);
    let mut lines = Lines::new(&text.text);
    if reading.own && text.exact {
        let error = parsed
            .errors()
            .first()
            .map(|error| (error.location.start(), error.error.to_string()));
        let newer = parsed.unsupported_syntax_errors().first();
        let newer = newer.map(|error| (error.range.start(), error.to_string()));
        if let Some((at, message)) = error.or(newer) {
            let (line, column) = lines.position(at);
            return Err(SyntaxProblem {
                line,
                column,
                message,
            });
        }
    }
    let ast::Mod::Module(module) = parsed.syntax() else {
        return Ok(Imports::default());
    };
    let mut reader = ImportReader::new(reading, lines);
    reader.visit_body(&module.body);
    let mut found = reader.found;
    if reading.own {
        found.evidence = EvidenceReader::read(&module.body, &text.text);
    }
    Ok(found)
}

/// Turns offsets into lines; cheap when they are asked for in rising order.
pub(super) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
        }
    }

    /// The 1-based line of `offset`.
    pub(super) fn line(&mut self, offset: TextSize) -> u32 {
        let offset = usize::from(offset).min(self.text.len());
        if offset < self.offset {
            (self.offset, self.line) = (0, 1);
        }
        let between = &self.text.as_bytes()[self.offset..offset];
        let breaks = between.iter().filter(|byte| **byte == b'\n').count();
        self.offset = offset;
        self.line = self
            .line
            .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.line
    }

    /// The 1-based line and column, in characters, of `offset`.
    fn position(&mut self, offset: TextSize) -> (u32, u32) {
        let line = self.line(offset);
        let before = self.text.get(..self.offset).unwrap_or_default();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (line, u32::try_from(column).unwrap_or(u32::MAX))
    }
}

struct ImportReader<'a> {
    target: &'a Target,
    script: bool,
    lines: Lines<'a>,
    /// Whether a call in the file could import: else expressions need not be visited.
    calls: bool,
    optional: bool,
    local: bool,
    nesting: u32,
    found: Imports,
}

impl<'a> ImportReader<'a> {
    fn new(reading: Reading<'a>, lines: Lines<'a>) -> Self {
        let calls = ["import_module", "__import__", "find_spec", "run_module"];
        let calls = calls.iter().any(|word| lines.text.contains(word));
        let (target, script) = (reading.target, reading.script);
        Self {
            target,
            script,
            lines,
            calls,
            optional: false,
            local: false,
            nesting: 0,
            found: Imports::default(),
        }
    }

    fn push(&mut self, what: What, at: TextSize, optional: bool) {
        let line = self.lines.line(at);
        let optional = optional || self.optional;
        self.found.imports.push(Import {
            what,
            line,
            optional,
            local: self.local,
        });
    }

    /// Visits `body` with everything in it optional when `optional` is set.
    fn visit_under(&mut self, body: &'a [Stmt], optional: bool) {
        let before = self.optional;
        self.optional |= optional;
        self.nesting += 1;
        self.visit_body(body);
        self.nesting -= 1;
        self.optional = before;
    }

    fn visit_if(&mut self, statement: &'a ast::StmtIf) {
        self.visit_test(&statement.test);
        // `None`: no branch so far is known to be taken.
        let mut open = self.visit_branch(&statement.test, &statement.body);
        for clause in &statement.elif_else_clauses {
            if !open {
                return;
            }
            match &clause.test {
                Some(test) => {
                    self.visit_test(test);
                    open = self.visit_branch(test, &clause.body);
                }
                None => self.visit_else(statement, clause),
            }
        }
    }

    /// Returns whether the branches after this one can be taken.
    fn visit_branch(&mut self, test: &Expr, body: &'a [Stmt]) -> bool {
        match self.target.truth(test, self.script) {
            Truth::Yes => {
                self.visit_under(body, false);
                false
            }
            Truth::No => true,
            Truth::Unknown => {
                self.visit_under(body, true);
                true
            }
        }
    }

    /// An `else` whose every condition is known to be false is not conditional at all.
    fn visit_else(&mut self, statement: &ast::StmtIf, clause: &'a ast::ElifElseClause) {
        let tests = statement
            .elif_else_clauses
            .iter()
            .filter_map(|clause| clause.test.as_ref());
        let mut tests = std::iter::once(&*statement.test).chain(tests);
        let certain = tests.all(|test| self.target.truth(test, self.script) == Truth::No);
        self.visit_under(&clause.body, !certain);
    }

    fn visit_test(&mut self, test: &'a Expr) {
        if self.calls {
            self.visit_expr(test);
        }
    }

    fn visit_try(&mut self, statement: &'a ast::StmtTry) {
        let caught = statement
            .handlers
            .iter()
            .any(|ExceptHandler::ExceptHandler(handler)| {
                handler.type_.as_deref().is_none_or(catches_import_error)
            });
        self.visit_under(&statement.body, caught);
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            self.visit_under(&handler.body, true);
        }
        self.visit_under(&statement.orelse, caught);
        self.visit_under(&statement.finalbody, false);
    }

    fn visit_import_from(&mut self, statement: &'a ast::StmtImportFrom) {
        let module = statement
            .module
            .as_ref()
            .map_or_else(String::new, |name| name.as_str().to_owned());
        if module == "__future__" && statement.level == 0 {
            return;
        }
        let names = statement
            .names
            .iter()
            .map(|alias| alias.name.as_str().to_owned())
            .collect();
        self.push(
            What::From {
                level: statement.level,
                module,
                names,
            },
            statement.start(),
            false,
        );
    }

    /// `__all__ = [...]`, `__all__ += [...]`, at the top level.
    fn visit_assignment(&mut self, statement: &Stmt) {
        let (targets, value) = match statement {
            Stmt::Assign(assign) => (&assign.targets[..], &*assign.value),
            Stmt::AugAssign(assign) => (std::slice::from_ref(&*assign.target), &*assign.value),
            Stmt::AnnAssign(ast::StmtAnnAssign {
                target,
                value: Some(value),
                ..
            }) => (std::slice::from_ref(&**target), &**value),
            _ => return,
        };
        let named = targets
            .iter()
            .any(|target| matches!(target, Expr::Name(name) if name.id == "__all__"));
        let items = match value {
            Expr::List(list) => &list.elts[..],
            Expr::Tuple(tuple) => &tuple.elts[..],
            _ => return,
        };
        if named {
            self.found
                .exports
                .extend(items.iter().filter_map(literal).map(str::to_owned));
        }
    }

    fn visit_call(&mut self, call: &ast::ExprCall) {
        let (function, owner) = match &*call.func {
            Expr::Name(name) => (name.id.as_str(), None),
            Expr::Attribute(attribute) => (attribute.attr.as_str(), Some(&*attribute.value)),
            _ => return,
        };
        let optional = match function {
            "import_module" | "run_module" => false,
            "__import__"
                if owner.is_none() || owner.is_some_and(|owner| is_name(owner, "importlib")) =>
            {
                false
            }
            "find_spec" if owner.is_none_or(is_importlib_util) => true,
            _ => return,
        };
        let Some(name) = call
            .arguments
            .find_argument_value("name", 0)
            .and_then(literal)
        else {
            return;
        };
        let level = name.bytes().take_while(|byte| *byte == b'.').count();
        let rest = &name[level..];
        if !rest.split('.').all(is_identifier) {
            return;
        }
        let what = match level {
            0 => What::Module(rest.to_owned()),
            _ => match call
                .arguments
                .find_argument_value("package", 1)
                .and_then(literal)
            {
                Some(package) => match absolute(package, level, rest) {
                    Some(name) => What::Module(name),
                    None => return,
                },
                // `package` is `__package__` or `__name__` in all but the oddest code: the importing package.
                None => relative(level, rest),
            },
        };
        self.push(what, call.start(), optional);
    }
}

impl<'a> Visitor<'a> for ImportReader<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.push(
                        What::Module(alias.name.as_str().to_owned()),
                        alias.start(),
                        false,
                    );
                }
            }
            Stmt::ImportFrom(import) => self.visit_import_from(import),
            Stmt::If(statement) => self.visit_if(statement),
            Stmt::Try(statement) => self.visit_try(statement),
            Stmt::With(with)
                if with
                    .items
                    .iter()
                    .any(|item| suppresses_import_error(&item.context_expr)) =>
            {
                self.visit_under(&with.body, true);
            }
            Stmt::FunctionDef(_) => {
                let before = std::mem::replace(&mut self.local, true);
                self.nesting += 1;
                visitor::walk_stmt(self, statement);
                self.nesting -= 1;
                self.local = before;
            }
            Stmt::Match(statement) => {
                for case in &statement.cases {
                    self.visit_under(&case.body, true);
                }
            }
            Stmt::ClassDef(_) | Stmt::For(_) | Stmt::While(_) | Stmt::With(_) => {
                visitor::walk_stmt(self, statement)
            }
            _ => {
                if self.nesting == 0 {
                    self.visit_assignment(statement);
                }
                if self.calls {
                    visitor::walk_stmt(self, statement);
                }
            }
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if !self.calls {
            return;
        }
        if let Expr::Call(call) = expression {
            self.visit_call(call);
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

/// A string literal's value.
pub(super) fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(string) => Some(string.value.to_str()),
        _ => None,
    }
}

/// `from . import a` for `.a`, `from .a import b` for `.a.b`.
fn relative(level: usize, rest: &str) -> What {
    let level = u32::try_from(level).unwrap_or(u32::MAX);
    match rest.rsplit_once('.') {
        Some((module, name)) => What::From {
            level,
            module: module.to_owned(),
            names: vec![name.to_owned()],
        },
        None => What::From {
            level,
            module: String::new(),
            names: vec![rest.to_owned()],
        },
    }
}

/// `importlib.util.resolve_name`: `level` dots before `rest`, seen from `package`.
pub(super) fn absolute(package: &str, level: usize, rest: &str) -> Option<String> {
    let mut base = package;
    for _ in 1..level {
        base = base.rsplit_once('.')?.0;
    }
    match (base, rest) {
        ("", _) => None,
        (_, "") => Some(base.to_owned()),
        _ => Some(format!("{base}.{rest}")),
    }
}

/// Whether `name` can be a part of a dotted name.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

fn is_name(expression: &Expr, name: &str) -> bool {
    matches!(expression, Expr::Name(found) if found.id == name)
}

/// `importlib.util`, or `util` imported from it.
fn is_importlib_util(owner: &Expr) -> bool {
    match owner {
        Expr::Attribute(attribute) => {
            attribute.attr.as_str() == "util" && is_name(&attribute.value, "importlib")
        }
        _ => is_name(owner, "util"),
    }
}

fn catches_import_error(kind: &Expr) -> bool {
    const NAMES: [&str; 4] = [
        "ImportError",
        "ModuleNotFoundError",
        "Exception",
        "BaseException",
    ];
    match kind {
        Expr::Name(name) => NAMES.contains(&name.id.as_str()),
        Expr::Attribute(attribute) => NAMES.contains(&attribute.attr.as_str()),
        Expr::Tuple(tuple) => tuple.elts.iter().any(catches_import_error),
        _ => false,
    }
}

fn suppresses_import_error(context: &Expr) -> bool {
    let Expr::Call(call) = context else {
        return false;
    };
    let named = match &*call.func {
        Expr::Name(name) => name.id == "suppress",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "suppress",
        _ => false,
    };
    named && call.arguments.args.iter().any(catches_import_error)
}

#[cfg(test)]
mod tests;
