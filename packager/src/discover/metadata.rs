//! Distributions whose metadata a source file reads: `__version__ = version("my-app")`.
//!
//! Which distributions a bundle takes follows from imports of their modules. Here none is imported, or the modules are the
//! application's own sources beside the script, and the metadata has to be there all the same.

use super::guard;
use super::imports::{Lines, literal};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::Ranged as _;
use std::collections::HashMap;

/// Words of which a file that reads metadata has one.
const SIGNS: [&str; 2] = ["metadata", "pkg_resources"];

/// Modules whose functions take the name of a distribution.
const MODULES: [&str; 2] = ["importlib.metadata", "importlib_metadata"];

/// These functions.
const FUNCTIONS: [&str; 5] = ["distribution", "files", "metadata", "requires", "version"];

/// Takes the name of a distribution, or a requirement.
const GET: &str = "pkg_resources.get_distribution";

/// Takes requirements, and looks for what these require, too.
const REQUIRE: &str = "pkg_resources.require";

/// How that argument is called where it is given by its name.
const KEYWORDS: [&str; 2] = ["distribution_name", "dist"];

/// What is caught where a distribution may be absent.
const CAUGHT: [&str; 7] = [
    "BaseException",
    "DistributionNotFound",
    "Exception",
    "ImportError",
    "ModuleNotFoundError",
    "PackageNotFoundError",
    "ResolutionError",
];

/// A distribution whose metadata is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataRead {
    pub(crate) whose: Whose,
    /// 1-based.
    pub(crate) line: u32,
    /// Its absence is provided for.
    pub(crate) optional: bool,
    /// What it requires is looked for as well.
    pub(crate) recursive: bool,
}

/// How the distribution is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// By a text.
    Named(String),
    /// `__name__`
    Module,
    /// `__package__`
    Package,
}

/// What the file of `body` and `text` reads.
pub(super) fn read(body: &[Stmt], text: &str) -> Vec<MetadataRead> {
    if !SIGNS.iter().any(|sign| text.contains(sign)) {
        return Vec::new();
    }
    let mut names = Names::default();
    names.visit_body(body);
    let mut reader = Reader {
        lines: Lines::new(text),
        names,
        optional: false,
        found: Vec::new(),
    };
    reader.visit_body(body);
    reader.found
}

/// What the names that a file imports stand for: dotted names, several where they depend on a condition.
#[derive(Default)]
struct Names(HashMap<String, Vec<String>>);

impl Names {
    fn add(&mut self, name: &str, meaning: String) {
        self.0.entry(name.to_owned()).or_default().push(meaning);
    }

    fn import(&mut self, alias: &ast::Alias) {
        let module = alias.name.as_str();
        match &alias.asname {
            Some(name) => self.add(name.as_str(), module.to_owned()),
            None => {
                let top = module.split('.').next().unwrap_or(module);
                self.add(top, top.to_owned());
            }
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else {
            return;
        };
        for alias in &import.names {
            let name = alias.asname.as_ref().unwrap_or(&alias.name);
            self.add(name.as_str(), format!("{module}.{}", alias.name));
        }
    }

    fn meanings(&self, expression: &Expr) -> Vec<String> {
        match expression {
            Expr::Name(name) => self.0.get(name.id.as_str()).cloned().unwrap_or_default(),
            Expr::Attribute(attribute) => {
                let owners = self.meanings(&attribute.value).into_iter();
                owners
                    .map(|owner| format!("{owner}.{}", attribute.attr))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Visitor<'a> for Names {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.import(alias)),
            Stmt::ImportFrom(import) => self.import_from(import),
            _ => visitor::walk_stmt(self, statement),
        }
    }

    /// No import stands in an expression.
    fn visit_expr(&mut self, _: &'a Expr) {}
}

struct Reader<'a> {
    lines: Lines<'a>,
    names: Names,
    optional: bool,
    found: Vec<MetadataRead>,
}

impl Reader<'_> {
    fn visit_call(&mut self, call: &ast::ExprCall) {
        let functions = self.names.meanings(&call.func);
        let is_any = |known: &dyn Fn(&str) -> bool| functions.iter().any(|name| known(name));
        if is_any(&|name| name == REQUIRE) {
            for argument in &call.arguments.args {
                self.push(call, argument, requirement, true);
            }
            return;
        }
        let Some(argument) = first(call) else {
            return;
        };
        if is_any(&|name| name == GET) {
            self.push(call, argument, requirement, false);
        } else if is_any(&is_of_importlib) {
            self.push(call, argument, |name| name, false);
        }
    }

    fn push(
        &mut self,
        call: &ast::ExprCall,
        argument: &Expr,
        name: impl Fn(&str) -> &str,
        recursive: bool,
    ) {
        let whose = match (literal(argument), argument) {
            (Some(text), _) if !name(text).is_empty() => Whose::Named(name(text).to_owned()),
            (_, Expr::Name(variable)) if variable.id == "__name__" => Whose::Module,
            (_, Expr::Name(variable)) if variable.id == "__package__" => Whose::Package,
            _ => return,
        };
        self.found.push(MetadataRead {
            whose,
            line: self.lines.line(call.start()),
            optional: self.optional,
            recursive,
        });
    }

    fn visit_under(&mut self, body: &[Stmt], optional: bool) {
        let before = self.optional;
        self.optional |= optional;
        self.visit_body(body);
        self.optional = before;
    }

    fn visit_try(&mut self, statement: &ast::StmtTry) {
        self.visit_under(&statement.body, guard::is_caught(statement, &CAUGHT));
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            self.visit_under(&handler.body, true);
        }
        self.visit_under(&statement.orelse, false);
        self.visit_under(&statement.finalbody, false);
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Try(statement) => self.visit_try(statement),
            Stmt::With(with) if guard::is_suppressed(with, &CAUGHT) => {
                self.visit_under(&with.body, true);
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            self.visit_call(call);
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

fn is_of_importlib(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(module, function)| {
        MODULES.contains(&module) && FUNCTIONS.contains(&function)
    })
}

fn first(call: &ast::ExprCall) -> Option<&Expr> {
    let named = |keyword: &&ast::Keyword| {
        let name = keyword.arg.as_ref();
        name.is_some_and(|name| KEYWORDS.contains(&name.as_str()))
    };
    let keyword = || call.arguments.keywords.iter().find(named);
    let positional = call.arguments.args.first();
    positional.or_else(|| keyword().map(|keyword| &keyword.value))
}

/// The name in `name[extra]>=1.0; marker`.
fn requirement(text: &str) -> &str {
    let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let text = text.trim_start();
    &text[..text.find(|c| !is_of_name(c)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `line [?][*] name`, `?` for optional, `*` for recursive.
    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let parsed = ruff_python_parser::parse_module(source).unwrap();
        let found: Vec<String> = read(parsed.suite(), source).iter().map(shown).collect();
        assert_eq!(found, expected, "{source}");
    }

    fn shown(read: &MetadataRead) -> String {
        let name = match &read.whose {
            Whose::Named(name) => name,
            Whose::Module => "__name__",
            Whose::Package => "__package__",
        };
        let optional = if read.optional { "?" } else { "" };
        let recursive = if read.recursive { "*" } else { "" };
        format!("{} {optional}{recursive}{name}", read.line)
    }

    #[test]
    fn functions_by_the_names_that_they_are_imported_as() {
        check(
            "import importlib.metadata\nx = importlib.metadata.version('a-b')",
            &["2 a-b"],
        );
        check("import importlib.metadata as m\nm.files('a')", &["2 a"]);
        check(
            "from importlib import metadata\nmetadata.metadata('a')['Name']",
            &["2 a"],
        );
        check(
            "def f():\n    from importlib.metadata import version as v\n    return v(distribution_name='a')",
            &["3 a"],
        );
        check(
            "try:\n    from importlib import metadata\nexcept ImportError:\n    import importlib_metadata as metadata\n\
             metadata.requires('a')\nmetadata.version(__name__)\nmetadata.distribution(__package__)",
            &["5 a", "6 __name__", "7 __package__"],
        );
        check(
            "from .metadata import version\nversion('a')\nx.metadata.version('a')\nmetadata('a')",
            &[],
        );
        check(
            "from importlib.metadata import version, entry_points\nversion(x)\nversion('')\nversion()\n\
             entry_points('a')",
            &[],
        );
    }

    #[test]
    fn requirements() {
        check(
            "import pkg_resources\npkg_resources.get_distribution('a>=1').version",
            &["2 a"],
        );
        check(
            "from pkg_resources import require\nrequire('a[x] ~= 1', 'b')",
            &["2 *a", "2 *b"],
        );
    }

    #[test]
    fn absence_that_is_provided_for() {
        let check = |guard: &str, expected: &str| {
            let import = "from importlib.metadata import version";
            check(&format!("{import}\n{guard}"), &[expected]);
        };
        check(
            "try:\n version('a')\nexcept PackageNotFoundError:\n pass",
            "3 ?a",
        );
        check("try:\n version('a')\nexcept:\n pass", "3 ?a");
        check(
            "try:\n pass\nexcept (A, m.PackageNotFoundError):\n version('a')",
            "5 ?a",
        );
        check("try:\n version('a')\nexcept ValueError:\n pass", "3 a");
        check(
            "try:\n pass\nexcept Exception:\n pass\nelse:\n version('a')",
            "7 a",
        );
        check("with suppress(ImportError):\n version('a')", "3 ?a");
    }
}
