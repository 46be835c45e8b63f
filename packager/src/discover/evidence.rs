//! Data files and folders that a source file names.
//!
//! Read here: Flask's template and static folders, folders given to Jinja and Starlette loaders, literal parts of
//! `folder / "x"`, `os.path.join(folder, "x")` and `folder.joinpath("x")`, and literals that look like a file's path.
//! Whether such a thing exists beside the file, or in a package whose resources it reads (`files("pkg")`), is for `collect`
//! to find out; most do not.

use super::imports::{Lines, is_identifier, literal};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Operator, Stmt};
use ruff_text_size::{Ranged as _, TextSize};
use std::collections::HashSet;

/// A path that a source file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// As written, with `/`.
    pub(crate) path: String,
    /// A folder may be meant, with all that is in it; else only a file.
    pub(crate) folder: bool,
    /// Handed to a function that looks in the working directory: what was meant is there only while one develops.
    pub(crate) relative: bool,
    /// 1-based.
    pub(crate) line: u32,
}

/// What a source file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) paths: Vec<Evidence>,
    /// Packages whose resources it reads, and the 1-based line that does so first: its paths may be meant from their
    /// folders, too.
    pub(crate) packages: Vec<(String, u32)>,
}

/// Functions and classes whose first argument names a package, and the second, where there is one, a file in it: those of
/// `importlib.resources`, `pkgutil`, `pkg_resources` and Jinja.
const OF_PACKAGES: [&str; 10] = [
    "PackageLoader",
    "files",
    "get_data",
    "open_binary",
    "open_text",
    "read_binary",
    "read_text",
    "resource_filename",
    "resource_stream",
    "resource_string",
];

/// Functions, methods and classes that open the file which their first argument names.
const OPENERS: [&str; 21] = [
    "Path",
    "PhotoImage",
    "QFile",
    "QIcon",
    "QImage",
    "QMovie",
    "QPixmap",
    "Sound",
    "addApplicationFont",
    "genfromtxt",
    "iconbitmap",
    "imread",
    "loadUi",
    "loadUiType",
    "loadtxt",
    "open",
    "read_csv",
    "read_excel",
    "read_json",
    "read_parquet",
    "truetype",
];

/// Calls whose first argument (or the one of this name) is a folder.
const FOLDER_ARGUMENTS: [(&str, &str); 3] = [
    ("FileSystemLoader", "searchpath"),
    ("Jinja2Templates", "directory"),
    ("StaticFiles", "directory"),
];

pub(super) struct EvidenceReader<'a> {
    lines: Lines<'a>,
    /// Where the texts begin that name files in the working directory.
    relative: HashSet<TextSize>,
    /// Where those begin that name files which the program writes.
    written: HashSet<TextSize>,
    found: Named,
}

impl<'a> EvidenceReader<'a> {
    pub(super) fn read(body: &'a [Stmt], text: &'a str) -> Named {
        let mut reader = Self {
            lines: Lines::new(text),
            relative: HashSet::new(),
            written: HashSet::new(),
            found: Named::default(),
        };
        reader.visit_body(body);
        reader.found
    }

    fn push(&mut self, path: &str, folder: bool, at: TextSize) {
        if is_plausible(path) && !self.written.contains(&at) {
            let line = self.lines.line(at);
            self.found.paths.push(Evidence {
                path: path.trim_end_matches('/').to_owned(),
                folder,
                relative: self.relative.contains(&at),
                line,
            });
        }
    }

    /// `files("pkg")`, `get_data("pkg", "words")`.
    fn push_resource(&mut self, function: &str, call: &ast::ExprCall) {
        let mut arguments = call.arguments.args.iter().map(literal);
        let Some(package) = arguments
            .next()
            .flatten()
            .filter(|name| name.split('.').all(is_identifier))
        else {
            return;
        };
        let inside = arguments.next().flatten();
        if !self
            .found
            .packages
            .iter()
            .any(|(known, _)| known == package)
        {
            let line = self.lines.line(call.start());
            self.found.packages.push((package.to_owned(), line));
        }
        match function {
            "PackageLoader" => self.push(inside.unwrap_or("templates"), true, call.start()),
            _ => self.push(inside.unwrap_or_default(), false, call.start()),
        }
    }

    fn visit_call(&mut self, call: &ast::ExprCall) {
        let (name, owner) = match &*call.func {
            Expr::Name(name) => (name.id.as_str(), None),
            Expr::Attribute(attribute) => (attribute.attr.as_str(), Some(&*attribute.value)),
            _ => return,
        };
        let at = call.start();
        if OPENERS.contains(&name)
            && let Some(first) = call.arguments.args.first()
            && literal(first).is_some()
        {
            self.relative.insert(first.start());
            let mode = call
                .arguments
                .find_argument_value("mode", 1)
                .and_then(literal);
            if mode.is_some_and(|mode| mode.starts_with(['w', 'a', 'x'])) {
                self.written.insert(first.start());
            }
        }
        if OF_PACKAGES.contains(&name) {
            self.push_resource(name, call);
        }
        match name {
            "Flask" | "Quart" => {
                for (argument, usual) in [
                    ("template_folder", "templates"),
                    ("static_folder", "static"),
                ] {
                    let value = call
                        .arguments
                        .find_keyword(argument)
                        .map(|keyword| literal(&keyword.value));
                    self.push(value.unwrap_or(Some(usual)).unwrap_or_default(), true, at);
                }
            }
            "Blueprint" => {
                for argument in ["template_folder", "static_folder"] {
                    let value = call
                        .arguments
                        .find_keyword(argument)
                        .and_then(|keyword| literal(&keyword.value));
                    self.push(value.unwrap_or_default(), true, at);
                }
            }
            "join" if owner.is_some_and(is_path_module) => self.push_joined(call, 1),
            "joinpath" => self.push_joined(call, 0),
            _ => {
                if let Some((_, argument)) = FOLDER_ARGUMENTS
                    .iter()
                    .find(|(function, _)| *function == name)
                {
                    let value = call
                        .arguments
                        .find_argument_value(argument, 0)
                        .and_then(literal);
                    self.push(value.unwrap_or_default(), true, at);
                }
            }
        }
    }

    /// The literal arguments from `first` on, when all are literals.
    fn push_joined(&mut self, call: &ast::ExprCall, first: usize) {
        let parts: Option<Vec<&str>> = call
            .arguments
            .args
            .iter()
            .skip(first)
            .map(literal)
            .collect();
        self.push(&parts.unwrap_or_default().join("/"), true, call.start());
    }

    /// The literals at the end of `a / "b" / "c"`.
    fn push_divided(&mut self, operation: &ast::ExprBinOp) {
        let mut parts = Vec::new();
        let mut rest = operation;
        while let Some(part) = literal(&rest.right) {
            parts.push(part);
            match &*rest.left {
                Expr::BinOp(left) if left.op == Operator::Div => rest = left,
                _ => break,
            }
        }
        parts.reverse();
        self.push(&parts.join("/"), true, operation.start());
    }
}

impl<'a> Visitor<'a> for EvidenceReader<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // Docstrings name no files.
            Stmt::Expr(expression) if expression.value.is_string_literal_expr() => {}
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Call(call) => self.visit_call(call),
            Expr::BinOp(operation) if operation.op == Operator::Div => {
                self.push_divided(operation);
                let mut left = &*operation.left;
                while let Expr::BinOp(next) = left {
                    left = &next.left;
                }
                self.visit_expr(left);
                return;
            }
            Expr::StringLiteral(string) => {
                let text = string.value.to_str();
                if looks_like_file(text) {
                    self.push(text, false, string.start());
                }
            }
            _ => {}
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}
}

fn is_path_module(owner: &Expr) -> bool {
    match owner {
        Expr::Attribute(attribute) => attribute.attr.as_str() == "path",
        Expr::Name(name) => matches!(name.id.as_str(), "path" | "osp" | "posixpath"),
        _ => false,
    }
}

/// A relative path that stays below its folder and names something.
fn is_plausible(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 240
        && !path.starts_with(['/', '~'])
        && !path.contains(['\n', '\0', '\\', ':', '*', '?', '<', '>', '|', '{', '%'])
        && path
            .trim_end_matches('/')
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."))
}

/// `icon.png`, `data/words`: has an extension or a folder.
fn looks_like_file(text: &str) -> bool {
    let Some((stem, extension)) = text.rsplit_once('.') else {
        return text.contains('/');
    };
    text.contains('/') || (!stem.is_empty() && !extension.is_empty() && extension.len() <= 12)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, bool, u32)]) {
        let parsed = ruff_python_parser::parse_module(source).unwrap();
        let found = EvidenceReader::read(parsed.suite(), source).paths;
        let found: Vec<_> = found
            .iter()
            .map(|found| (found.path.as_str(), found.folder, found.line))
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn flask() {
        check(
            "app = Flask(__name__)",
            &[("templates", true, 1), ("static", true, 1)],
        );
        check(
            "\napp = flask.Flask(__name__, static_folder='assets')",
            &[("templates", true, 2), ("assets", true, 2)],
        );
        check(
            "Flask(__name__, static_folder=None, template_folder=where)",
            &[],
        );
        check(
            "Blueprint('a', __name__, template_folder='pages')",
            &[("pages", true, 1)],
        );
        check("Blueprint('a', __name__)", &[]);
    }

    #[test]
    fn paths_in_the_working_directory() {
        let check = |source: &str, expected: bool| {
            let parsed = ruff_python_parser::parse_module(source).unwrap();
            let found = EvidenceReader::read(parsed.suite(), source).paths;
            assert_eq!(found[0].relative, expected, "{source}");
        };
        check("open('data/x.json')", true);
        check("pandas.read_csv('x.csv')", true);
        check("PySide6.QtGui.QIcon('app.ico')", true);
        check("open(HERE / 'data/x.json')", false);
        check("render_template('x.html')", false);
        check("Path(__file__).with_name('x.txt')", false);
    }

    #[test]
    fn packages_whose_resources_are_read() {
        let check = |source: &str, packages: &[&str], paths: &[&str]| {
            let parsed = ruff_python_parser::parse_module(source).unwrap();
            let found = EvidenceReader::read(parsed.suite(), source);
            let named: Vec<_> = found.paths.iter().map(|path| path.path.as_str()).collect();
            let of: Vec<_> = found
                .packages
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!((of.as_slice(), named.as_slice()), (packages, paths));
        };
        check("files('pkg') / 'data' / 'words'", &["pkg"], &["data/words"]);
        check(
            "root = resources.files('assets')\nroot.joinpath('words')",
            &["assets"],
            &["words"],
        );
        check("pkgutil.get_data('pkg', 'words')", &["pkg"], &["words"]);
        check("PackageLoader('site')", &["site"], &["templates"]);
        check("files(__package__) / 'words'", &[], &["words"]);
        check("r.get_data('a b', 'words')", &[], &[]);
    }

    #[test]
    fn paths() {
        check("open('data/x.json')", &[("data/x.json", false, 1)]);
        check("QIcon('app.ico')", &[("app.ico", false, 1)]);
        check(
            "Path(__file__).parent / 'assets' / 'a.png'",
            &[("assets/a.png", true, 1)],
        );
        check("HERE / 'assets'", &[("assets", true, 1)]);
        check(
            "os.path.join(HERE, 'data', 'words')",
            &[("data/words", true, 1)],
        );
        check("HERE.joinpath('words')", &[("words", true, 1)]);
        check("open('data/x.json', 'w')\nopen('a.txt', mode='ab')", &[]);
        check("FileSystemLoader('pages')", &[("pages", true, 1)]);
        check(
            "'''A docstring about a.txt'''\nx = 'plain words'\ny = '/etc/passwd'\nz = '../up.txt'\nw = '%s.txt'",
            &[],
        );
    }
}
