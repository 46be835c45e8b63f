//! What one Python file tells about itself, without running it.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::{Expr, Parameters, Stmt};
use std::collections::BTreeSet;

/// What one file tells.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Top-level packages that it imports, anywhere.
    pub(super) imports: BTreeSet<String>,
    /// Top-level names that are bound to a WSGI application.
    pub(super) applications: Vec<String>,
    /// Top-level functions that make one, callable without arguments.
    pub(super) factories: Vec<String>,
    /// It imports by `from .`, anywhere: it is part of a package.
    pub(super) relative: bool,
    /// It has an `if __name__ == "__main__":`.
    pub(super) has_main: bool,
}

/// Classes and functions whose result is a WSGI application.
const MAKERS: &[&str] = &["Flask", "Bottle", "get_wsgi_application", "make_wsgi_app"];
/// Names that factories have by convention.
const FACTORIES: &[&str] = &["create_app", "make_app", "build_app", "app_factory"];
/// Packages in whose presence such a function makes a WSGI application.
const FRAMEWORKS: &[&str] = &["flask", "bottle", "pyramid", "falcon"];

impl Source {
    /// Reads `text`; `None` when it is no Python.
    pub(super) fn read(text: &str) -> Option<Self> {
        let module = ruff_python_parser::parse_module(text).ok()?.into_syntax();
        let mut source = Self::default();
        for statement in &module.body {
            source.visit_stmt(statement);
        }
        for statement in &module.body {
            source.top_level(statement);
        }
        Some(source)
    }

    /// Does it import one of these?
    pub(super) fn imports_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.imports.contains(*name))
    }

    fn top_level(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Assign(assign)
                if makes_application(&assign.value) || self.calls_factory(&assign.value) =>
            {
                self.applications
                    .extend(assign.targets.iter().filter_map(name));
            }
            Stmt::AnnAssign(assign) if assign.value.as_deref().is_some_and(makes_application) => {
                self.applications.extend(name(&assign.target));
            }
            Stmt::FunctionDef(function) => {
                let conventional =
                    FACTORIES.contains(&function.name.as_str()) && self.imports_any(FRAMEWORKS);
                if conventional && !function.is_async && needs_nothing(&function.parameters) {
                    self.factories.push(function.name.to_string());
                }
            }
            Stmt::If(branch) => self.has_main |= tests_main(&branch.test),
            _ => {}
        }
    }

    /// `app = create_app()`, with a factory of this file or of another one.
    fn calls_factory(&self, value: &Expr) -> bool {
        called(value).is_some_and(|function| FACTORIES.contains(&function))
    }
}

impl<'a> StatementVisitor<'a> for Source {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let first = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
        match statement {
            Stmt::Import(import) => self
                .imports
                .extend(import.names.iter().map(|alias| first(&alias.name))),
            Stmt::ImportFrom(import) if import.level == 0 => {
                self.imports
                    .extend(import.module.as_ref().map(|module| first(module)));
            }
            Stmt::ImportFrom(_) => self.relative = true,
            _ => walk_stmt(self, statement),
        }
    }
}

fn makes_application(value: &Expr) -> bool {
    called(value).is_some_and(|function| MAKERS.contains(&function))
}

/// The last name of what is called.
fn called(value: &Expr) -> Option<&str> {
    match &*value.as_call_expr()?.func {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn name(target: &Expr) -> Option<String> {
    target.as_name_expr().map(|name| name.id.to_string())
}

fn needs_nothing(parameters: &Parameters) -> bool {
    parameters
        .iter_non_variadic_params()
        .all(|parameter| parameter.default.is_some())
}

/// `__name__ == "__main__"`
fn tests_main(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else {
        return false;
    };
    let sides = || std::iter::once(&*compare.left).chain(&compare.comparators);
    let is_name = |side: &Expr| name(side).is_some_and(|name| name == "__name__");
    let is_main = |side: &Expr| {
        side.as_string_literal_expr()
            .is_some_and(|text| text.value.to_str() == "__main__")
    };
    sides().any(is_name) && sides().any(is_main)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_flask() {
        let source = Source::read("from flask import Flask\napp = Flask(__name__)\n").unwrap();
        assert_eq!(source.applications, ["app"]);
        let source = Source::read("import flask\nsite: flask.Flask = flask.Flask('x')\n").unwrap();
        assert_eq!(source.applications, ["site"]);
    }

    #[test]
    fn reads_factories() {
        let source =
            Source::read("import flask\ndef create_app(test=None):\n    return flask.Flask('x')\n")
                .unwrap();
        assert_eq!(source.factories, ["create_app"]);
        let source = Source::read("import flask\ndef create_app(config):\n    pass\n").unwrap();
        assert!(source.factories.is_empty());
        let source = Source::read("from site import create_app\napp = create_app()\n").unwrap();
        assert_eq!(source.applications, ["app"]);
    }

    #[test]
    fn reads_imports_and_main() {
        let source = Source::read(
            "def f():\n    import PyQt6.QtWidgets\nif '__main__' == __name__:\n    f()\n",
        )
        .unwrap();
        assert!(source.imports_any(&["PyQt6"]));
        assert!(source.has_main);
        assert!(Source::read("print 'no'").is_none());
    }
}
