//! What one source file imports, and which data files it names.

mod prefix;
mod reader;

use super::condition::Target;
use super::evidence::{EvidenceReader, Named};
use super::libraries::{LibraryReader, NamedLibrary};
use super::metadata::{self, MetadataRead};
use super::names::Names;
use super::{groups, source};
use reader::ImportReader;
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::visitor::Visitor as _;
use ruff_python_ast::{self as ast, Expr};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::{Ranged, TextSize};
use source::Stray;

/// A call of `lazy_loader` that reads the stub beside the source that calls it.
pub(crate) const LAZY: &str = "attach_stub(";

/// What one source file asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imports {
    /// In source order.
    pub(crate) imports: Vec<Import>,
    /// Literal names in a top-level `__all__`: `from package import *` imports those that are submodules.
    pub(crate) exports: Vec<String>,
    /// Data files and folders that it names; read for the application's own files only.
    pub(crate) evidence: Named,
    /// Libraries that it loads by name; read for the application's own files only.
    pub(crate) libraries: Vec<NamedLibrary>,
    /// Texts that may name modules; read for the application's own files only.
    pub(crate) names: Names,
    /// Where it takes its imports from the stub beside it, as lazy imports do; read for the application's own files only.
    pub(crate) lazy: Option<u32>,
    /// Texts that may name a group of entry points that it reads.
    pub(crate) groups: Vec<String>,
    /// Distributions whose metadata it reads.
    pub(crate) metadata: Vec<MetadataRead>,
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
    /// `import_module(f"a.b_{x}")`: the modules whose names begin so. Relative with `level` dots, as in `From`.
    Beginning { level: u32, prefix: String },
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
    let text = source::decode(bytes);
    let options =
        ParseOptions::from(Mode::Module).with_target_version(reading.target.ruff_version());
    let parsed = parse_unchecked(&text.text, options);
    let mut lines = Lines::new(&text.text);
    if reading.own && text.exact {
        check_strays(&parsed, &text.strays, &mut lines)?;
        check(&parsed, &mut lines)?;
    }
    let ast::Mod::Module(module) = parsed.syntax() else {
        return Ok(Imports::default());
    };
    let mut reader = ImportReader::new(reading, lines);
    reader.visit_body(&module.body);
    let mut found = reader.found;
    found.groups = groups::named(text.text.as_bytes());
    found.metadata = metadata::read(&module.body, &text.text);
    if reading.own {
        found.evidence = EvidenceReader::read(&module.body, &text.text);
        found.libraries = LibraryReader::read(&module.body, &text.text);
        found.names = Names::read(&module.body, &text.text);
        let lazy = text.text.find(LAZY).and_then(|at| u32::try_from(at).ok());
        found.lazy = lazy.map(|at| Lines::new(&text.text).line(TextSize::new(at)));
    }
    Ok(found)
}

/// CPython imports a file with bytes that are no UTF-8 when all of them are in comments.
fn check_strays(
    parsed: &Parsed<ast::Mod>,
    strays: &[Stray],
    lines: &mut Lines<'_>,
) -> Result<(), SyntaxProblem> {
    if strays.is_empty() {
        return Ok(());
    }
    let comments = parsed.tokens().iter();
    let comments: Vec<_> = comments
        .filter(|token| token.kind() == TokenKind::Comment)
        .map(Ranged::range)
        .collect();
    for stray in strays {
        let at = TextSize::new(u32::try_from(stray.at).unwrap_or(u32::MAX));
        if !comments.iter().any(|comment| comment.contains(at)) {
            let (line, column) = lines.position(at);
            return Err(SyntaxProblem {
                line,
                column,
                message: stray.message(),
            });
        }
    }
    Ok(())
}

/// The first error, if any: what no Python reads, else what is too new for the target.
fn check(parsed: &Parsed<ast::Mod>, lines: &mut Lines<'_>) -> Result<(), SyntaxProblem> {
    let wrong = parsed
        .errors()
        .first()
        .map(|error| (error.location.start(), error.error.to_string()));
    let newer = parsed.unsupported_syntax_errors().first();
    let newer = newer.map(|error| (error.range.start(), error.to_string()));
    match wrong.or(newer) {
        Some((at, message)) => {
            let (line, column) = lines.position(at);
            Err(SyntaxProblem {
                line,
                column,
                message,
            })
        }
        None => Ok(()),
    }
}

/// Turns offsets into lines; cheap when they are asked for in rising order.
pub(crate) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
        }
    }

    /// The 1-based line of `offset`.
    pub(crate) fn line(&mut self, offset: TextSize) -> u32 {
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

/// A string literal's value.
pub(super) fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(string) => Some(string.value.to_str()),
        _ => None,
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

#[cfg(test)]
mod tests;
