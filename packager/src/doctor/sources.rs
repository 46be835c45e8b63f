//! Calls in Python sources that give a window its icon.

use crate::discover::Lines;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Operator, Stmt};
use ruff_text_size::Ranged as _;
use std::collections::HashMap;

/// A call that gives a window its icon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IconCall {
    /// 1-based.
    pub(super) line: u32,
    /// What is called.
    pub(super) call: String,
    /// The file that it names, with `/`; `None` where that is not a matter of literals.
    pub(super) file: Option<String>,
    /// The name is put behind something that is worked out when the program runs, such as `__file__`.
    pub(super) anchored: bool,
}

/// Qt, Tk, wxWidgets, pygame, and the AppUserModelID.
const SETTERS: [&str; 7] = [
    "setWindowIcon",
    "iconbitmap",
    "wm_iconbitmap",
    "iconphoto",
    "wm_iconphoto",
    "SetIcon",
    "set_icon",
];
/// Sets the AppUserModelID.
pub(super) const IDENTITY: &str = "SetCurrentProcessExplicitAppUserModelID";
/// Calls that hand on the path that they are given.
const NEUTRAL: [&str; 16] = [
    "QIcon",
    "QPixmap",
    "QImage",
    "PhotoImage",
    "Icon",
    "Bitmap",
    "open",
    "load",
    "Path",
    "PurePath",
    "str",
    "fspath",
    "as_posix",
    "PhotoImageTk",
    "Image",
    "wxIcon",
];
/// Expressions that are looked at for one path: names lead to names, and a circle ends somewhere.
const MOST: u32 = 200;
/// How deep names lead to names.
const DEPTH: u32 = 8;

/// The calls in a source; none where it cannot be parsed.
pub(super) fn icon_calls(text: &str) -> Vec<IconCall> {
    let Ok(parsed) = ruff_python_parser::parse_module(text) else {
        return Vec::new();
    };
    let body = &parsed.syntax().body;
    let mut names = Names(HashMap::new());
    names.visit_body(body);
    let mut calls = Calls {
        names: &names.0,
        lines: Lines::new(text),
        found: Vec::new(),
    };
    calls.visit_body(body);
    calls.found
}

/// What names were given, the last of each.
struct Names<'a>(HashMap<&'a str, &'a Expr>);

impl<'a> Visitor<'a> for Names<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::Assign(assign) = statement {
            for target in &assign.targets {
                match target {
                    Expr::Name(name) => drop(self.0.insert(name.id.as_str(), &assign.value)),
                    Expr::Attribute(of) => drop(self.0.insert(of.attr.as_str(), &assign.value)),
                    _ => {}
                }
            }
        }
        visitor::walk_stmt(self, statement);
    }
}

struct Calls<'a> {
    names: &'a HashMap<&'a str, &'a Expr>,
    lines: Lines<'a>,
    found: Vec<IconCall>,
}

impl<'a> Visitor<'a> for Calls<'a> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression
            && let Some(name) = called(call)
            && (SETTERS.contains(&name) || name == IDENTITY)
        {
            let mut path = Path::default();
            for argument in arguments(call) {
                path.read(argument, self.names, DEPTH);
            }
            let file = path.file().filter(|_| name != IDENTITY);
            // `iconbitmap()` asks; `iconphoto(True, image)` has an image that comes from elsewhere.
            if !call.arguments.is_empty() {
                self.found.push(IconCall {
                    line: self.lines.line(call.start()),
                    call: name.to_owned(),
                    file,
                    anchored: path.anchored,
                });
            }
        }
        visitor::walk_expr(self, expression);
    }
}

fn called(call: &ast::ExprCall) -> Option<&str> {
    match &*call.func {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn arguments(call: &ast::ExprCall) -> impl Iterator<Item = &Expr> {
    let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
    call.arguments.args.iter().chain(named)
}

/// The literals of an expression that makes a path.
#[derive(Default)]
struct Path {
    parts: Vec<String>,
    anchored: bool,
    seen: u32,
}

impl Path {
    fn read<'a>(&mut self, expression: &'a Expr, names: &HashMap<&'a str, &'a Expr>, depth: u32) {
        self.seen += 1;
        if depth == 0 || self.seen > MOST {
            self.anchored = true;
            return;
        }
        let deeper = depth - 1;
        match expression {
            Expr::StringLiteral(text) => self.parts.push(text.value.to_str().to_owned()),
            Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::NumberLiteral(_) => {}
            Expr::FString(text) => {
                self.anchored = true;
                let literals = text
                    .value
                    .elements()
                    .filter_map(|element| element.as_literal());
                let tail = literals.last().map(|literal| literal.value.to_string());
                self.parts.extend(tail);
            }
            Expr::BinOp(operation) if matches!(operation.op, Operator::Div | Operator::Add) => {
                self.read(&operation.left, names, deeper);
                self.read(&operation.right, names, deeper);
            }
            Expr::Name(name) => self.follow(name.id.as_str(), names, deeper),
            Expr::Attribute(attribute) => self.follow(attribute.attr.as_str(), names, deeper),
            Expr::Call(call) => {
                if let Expr::Attribute(attribute) = &*call.func
                    && !matches!(&*attribute.value, Expr::Name(_))
                {
                    self.read(&attribute.value, names, deeper);
                }
                self.anchored |= called(call).is_none_or(|name| !NEUTRAL.contains(&name));
                arguments(call).for_each(|argument| self.read(argument, names, deeper));
            }
            _ => self.anchored = true,
        }
    }

    fn follow<'a>(&mut self, name: &str, names: &HashMap<&'a str, &'a Expr>, depth: u32) {
        match names.get(name) {
            Some(value) => self.read(value, names, depth),
            None => self.anchored = true,
        }
    }

    /// The path, if it is that of a picture.
    fn file(&self) -> Option<String> {
        const KINDS: [&str; 9] = [
            "ico", "png", "svg", "gif", "jpg", "jpeg", "bmp", "xbm", "icns",
        ];
        let joined = self.parts.join("/").replace('\\', "/");
        let suffix = joined.rsplit_once('.')?.1.to_ascii_lowercase();
        KINDS.contains(&suffix.as_str()).then_some(joined)
    }
}
