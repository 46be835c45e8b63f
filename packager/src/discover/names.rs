//! Modules that a source of the application names in texts: `include("polls.urls")`, `uvicorn.run("main:app")`, and what
//! settings of Django list.
//!
//! Whether such a text names a module is for the walk to find out; most do not.

use super::imports::{Lines, is_identifier, literal};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged as _;

/// The list of Django's settings, and the ending of names of lists that are put together to it.
const APPS: &str = "INSTALLED_APPS";
const PART_OF_APPS: &str = "_APPS";

/// Longer ones name no module.
const LONGEST: usize = 200;

/// A text that may name a module, or something in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Dotted; `a:b` has become `a.b`.
    pub(crate) name: String,
    /// 1-based.
    pub(crate) line: u32,
}

/// The texts of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Of modules.
    pub(crate) modules: Vec<Named>,
    /// Of applications that settings of Django install.
    pub(crate) apps: Vec<Named>,
    /// The file is Django's settings, or a part of them.
    pub(crate) settings: bool,
}

impl Names {
    pub(super) fn read(body: &[Stmt], text: &str) -> Self {
        let mut reader = Reader {
            lines: Lines::new(text),
            settings: text.contains(APPS),
            in_apps: false,
            found: Self::default(),
        };
        reader.visit_body(body);
        reader.found.settings = reader.settings && !reader.found.apps.is_empty();
        reader.found
    }
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// The file mentions the list.
    settings: bool,
    /// Inside a value that goes into it.
    in_apps: bool,
    found: Names,
}

impl Reader<'_> {
    fn push(&mut self, text: &str, at: &Expr) {
        let named = |reader: &mut Self, name: String| {
            let line = reader.lines.line(at.start());
            Named { name, line }
        };
        if self.in_apps && text.split('.').all(is_identifier) {
            let named = named(self, text.to_owned());
            self.found.apps.push(named);
        } else if let Some(name) = module(text) {
            let named = named(self, name);
            self.found.modules.push(named);
        }
    }

    fn visit_value(&mut self, value: &Expr, in_apps: bool) {
        let before = std::mem::replace(&mut self.in_apps, in_apps);
        self.visit_expr(value);
        self.in_apps = before;
    }

    fn is_apps(&self, target: &Expr) -> bool {
        let is_it = |name: &str| name == APPS || name.ends_with(PART_OF_APPS);
        self.settings && target.as_name_expr().is_some_and(|name| is_it(&name.id))
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // Docstrings name no modules.
            Stmt::Expr(expression) if expression.value.is_string_literal_expr() => {}
            Stmt::Assign(assign) => {
                let in_apps = assign.targets.iter().any(|target| self.is_apps(target));
                self.visit_value(&assign.value, in_apps);
            }
            Stmt::AugAssign(assign) => {
                let in_apps = self.is_apps(&assign.target);
                self.visit_value(&assign.value, in_apps);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let in_apps = self.is_apps(&assign.target);
                    self.visit_value(value, in_apps);
                }
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Some(text) = literal(expression) {
            self.push(text, expression);
            return;
        }
        // `INSTALLED_APPS.append("x")`, `.extend([...])`, `.insert(0, "x")`; `settings.configure(INSTALLED_APPS=[...])`.
        if let Expr::Call(call) = expression {
            let owner = call
                .func
                .as_attribute_expr()
                .map(|function| &*function.value);
            let in_apps = self.in_apps || owner.is_some_and(|owner| self.is_apps(owner));
            self.visit_expr(&call.func);
            for argument in &call.arguments.args {
                self.visit_value(argument, in_apps);
            }
            for keyword in &call.arguments.keywords {
                let named = keyword
                    .arg
                    .as_ref()
                    .is_some_and(|name| name.as_str() == APPS);
                self.visit_value(&keyword.value, in_apps || named);
            }
            return;
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

/// The dotted name in `a.b`, `a.b:c.d`, `a:b`; one word alone could be anything.
fn module(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let name = text
        .strip_suffix("()")
        .unwrap_or(text)
        .replacen(':', ".", 1);
    (name.contains('.') && name.split('.').all(is_identifier)).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(source: &str) -> Names {
        let parsed = ruff_python_parser::parse_module(source).unwrap();
        Names::read(parsed.suite(), source)
    }

    fn shown(named: &[Named]) -> Vec<String> {
        let named = named.iter();
        named
            .map(|named| format!("{}:{}", named.name, named.line))
            .collect()
    }

    #[test]
    fn modules() {
        let check = |source: &str, expected: &[&str]| {
            assert_eq!(shown(&read(source).modules), expected, "{source}");
        };
        check("include('polls.urls')", &["polls.urls:1"]);
        check("\nuvicorn.run('main:app')", &["main.app:2"]);
        check("run('main:create()')", &["main.create:1"]);
        check(
            "x = ['word', 'two words', 'a..b', '1.2', 'a/b.c', 'a:b:c']",
            &[],
        );
        check("'''a.b'''\ndef f(x: 'a.b'):\n    'a.b'", &[]);
    }

    #[test]
    fn settings_of_django() {
        let names = read(
            "LOCAL_APPS = ['polls']\nINSTALLED_APPS: list = [\n  'django.contrib.admin',\n  *LOCAL_APPS]\n\
             INSTALLED_APPS += ['a.apps.Config'] if DEBUG else []\nINSTALLED_APPS.append('b')\n\
             ROOT_URLCONF = 'site.urls'\nNAME = 'word'",
        );
        assert_eq!(
            shown(&names.apps),
            [
                "polls:1",
                "django.contrib.admin:3",
                "a.apps.Config:5",
                "b:6"
            ]
        );
        assert_eq!(shown(&names.modules), ["site.urls:7"]);
        assert!(names.settings);
        assert!(!read("x = 'INSTALLED_APPS'").settings);
        assert!(!read("OTHER_APPS = ['a']").settings);
        assert!(read("settings.configure(INSTALLED_APPS=['a'])").settings);
    }
}
