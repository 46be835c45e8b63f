//! Libraries of the system that a source loads by name: `CDLL("libpng16.so.16")`, `find_library("png")`.

use super::imports::{Lines, literal};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged as _;

/// A library that a source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedLibrary {
    /// `libpng16.so.16`, or `png` when it is to be searched for.
    pub(crate) name: String,
    /// By `find_library`, which wants neither `lib` nor an end.
    pub(crate) searched: bool,
    /// 1-based.
    pub(crate) line: u32,
}

/// Functions and classes of `ctypes` that load the library which their first argument names.
const LOADERS: [&str; 3] = ["CDLL", "LoadLibrary", "PyDLL"];

pub(super) struct LibraryReader<'a> {
    lines: Lines<'a>,
    found: Vec<NamedLibrary>,
}

impl<'a> LibraryReader<'a> {
    pub(super) fn read(body: &'a [Stmt], text: &'a str) -> Vec<NamedLibrary> {
        let mut reader = Self {
            lines: Lines::new(text),
            found: Vec::new(),
        };
        reader.visit_body(body);
        reader.found
    }

    fn visit_call(&mut self, call: &ast::ExprCall) {
        let function = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return,
        };
        let searched = function == "find_library";
        if !searched && !LOADERS.contains(&function) {
            return;
        }
        // What has a folder is a file of somebody's, which is looked for as data.
        let name = call.arguments.args.first().and_then(literal);
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains('/')) {
            self.found.push(NamedLibrary {
                name: name.to_owned(),
                searched,
                line: self.lines.line(call.start()),
            });
        }
    }
}

impl<'a> Visitor<'a> for LibraryReader<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            self.visit_call(call);
        }
        visitor::walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_stand_in_the_source() {
        let check = |source: &str, expected: &[(&str, bool)]| {
            let parsed = ruff_python_parser::parse_module(source).unwrap();
            let found = LibraryReader::read(parsed.suite(), source);
            let found: Vec<_> = found
                .iter()
                .map(|library| (library.name.as_str(), library.searched))
                .collect();
            assert_eq!(found, expected, "{source}");
        };
        check("ctypes.CDLL('liba.so.1')", &[("liba.so.1", false)]);
        check("cdll.LoadLibrary('liba.so')", &[("liba.so", false)]);
        check(
            "CDLL(ctypes.util.find_library('a') or 'liba.so.1')",
            &[("a", true)],
        );
        check("CDLL(None)\nCDLL(name)\nCDLL('./own.so')\nCDLL('')", &[]);
    }
}
