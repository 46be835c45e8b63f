//! Visits a file's statements, and its expressions where a call could import.

use super::{Import, Imports, Lines, Reading, What, absolute, is_identifier, literal, prefix};
use crate::discover::condition::{Target, Truth};
use crate::discover::guard;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::{Ranged as _, TextSize};

/// Fewer letters that the name of some top-level module begins with tell nothing.
const SHORTEST_BEGINNING: usize = 4;

/// What is caught where a module may be absent.
const CAUGHT: [&str; 4] = [
    "ImportError",
    "ModuleNotFoundError",
    "Exception",
    "BaseException",
];

pub(super) struct ImportReader<'a> {
    target: &'a Target,
    script: bool,
    lines: Lines<'a>,
    /// Whether a call in the file could import: else expressions need not be visited.
    calls: bool,
    optional: bool,
    local: bool,
    nesting: u32,
    pub(super) found: Imports,
}

impl<'a> ImportReader<'a> {
    pub(super) fn new(reading: Reading<'a>, lines: Lines<'a>) -> Self {
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
        let caught = guard::is_caught(statement, &CAUGHT);
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
        // `from importlib import import_module as _import_module`.
        let function = match function {
            "__import__" => function,
            _ => function.trim_start_matches('_'),
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
        let Some(argument) = call.arguments.find_argument_value("name", 0) else {
            return;
        };
        let Some(name) = literal(argument) else {
            if let Some(what) = prefix::of(argument).and_then(beginning) {
                self.push(what, call.start(), true);
            }
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
            Stmt::With(with) if guard::is_suppressed(with, &CAUGHT) => {
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
                visitor::walk_stmt(self, statement);
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

/// The modules that a name made at run time may mean, when it is known to begin with `prefix`.
fn beginning(prefix: &str) -> Option<What> {
    let level = prefix.bytes().take_while(|byte| *byte == b'.').count();
    let rest = &prefix[level..];
    let mut parts = rest.split('.');
    let last = parts.next_back().unwrap_or_default();
    let names_something = level > 0 || rest.contains('.') || rest.len() >= SHORTEST_BEGINNING;
    let is_name = parts.all(is_identifier) && (last.is_empty() || is_identifier(last));
    (is_name && names_something).then(|| What::Beginning {
        level: u32::try_from(level).unwrap_or(u32::MAX),
        prefix: rest.to_owned(),
    })
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
