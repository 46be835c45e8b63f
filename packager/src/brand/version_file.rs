//! PyInstaller's version file: a Python expression that makes version information. It is parsed, never run.

use super::version::{Fixed, VersionInfo};
use ruff_python_ast::{Expr, ExprCall, Number, UnaryOp};
use ruff_text_size::{Ranged as _, TextSize};

/// Where a version file is wrong: offset and reason.
type Wrong = (TextSize, String);

/// What a version file says.
///
/// # Errors
/// The line (1 for the first) and what is wrong there.
pub fn parse(text: &str) -> Result<VersionInfo, (usize, String)> {
    let failed = |error: std::io::Error| Err((0, error.to_string()));
    crate::stack::deep(|| parse_here(text)).unwrap_or_else(failed)
}

fn parse_here(text: &str) -> Result<VersionInfo, (usize, String)> {
    let line = |offset: TextSize| {
        let before = text.get(..offset.to_usize()).unwrap_or(text);
        before.matches('\n').count() + 1
    };
    let text = text.trim_start_matches('\u{feff}');
    let parsed = ruff_python_parser::parse_expression(text)
        .map_err(|error| (line(error.location.start()), error.error.to_string()))?;
    info(parsed.expr()).map_err(|(offset, why)| (line(offset), why))
}

fn info(root: &Expr) -> Result<VersionInfo, Wrong> {
    let call = Call::of(root, "VSVersionInfo", &["ffi", "kids"])?;
    let mut info = VersionInfo::default();
    if let Some(ffi) = call.get("ffi") {
        info.fixed = fixed(ffi)?;
    }
    for kid in call.get("kids").map(items).transpose()?.unwrap_or_default() {
        match name(kid) {
            Some("StringFileInfo") => {
                let call = Call::of(kid, "StringFileInfo", &["kids"])?;
                for kid in call.items("kids")? {
                    info.tables.push(table(kid)?);
                }
            }
            Some("VarFileInfo") => {
                let call = Call::of(kid, "VarFileInfo", &["kids"])?;
                for kid in call.items("kids")? {
                    let call = Call::of(kid, "VarStruct", &["name", "kids"])?;
                    let words = call.items("kids")?.iter().map(word);
                    let words = words.collect::<Result<_, _>>()?;
                    info.variables.push((call.text("name")?, words));
                }
            }
            _ => return Err(expected(kid, "StringFileInfo(…) or VarFileInfo(…)")),
        }
    }
    Ok(info)
}

fn fixed(expression: &Expr) -> Result<Fixed, Wrong> {
    const NAMES: [&str; 8] = [
        "filevers", "prodvers", "mask", "flags", "OS", "fileType", "subtype", "date",
    ];
    let call = Call::of(expression, "FixedFileInfo", &NAMES)?;
    let default = Fixed::default();
    let number = |name, default| call.get(name).map_or(Ok(default), number);
    let version = |name| call.get(name).map_or(Ok([0; 4]), version);
    let date = match call.get("date") {
        None => (0, 0),
        Some(date) => match items(date)? {
            [high, low] => (self::number(high)?, self::number(low)?),
            _ => return Err(expected(date, "two numbers")),
        },
    };
    Ok(Fixed {
        file_version: version("filevers")?,
        product_version: version("prodvers")?,
        mask: number("mask", default.mask)?,
        flags: number("flags", default.flags)?,
        system: number("OS", default.system)?,
        kind: number("fileType", default.kind)?,
        subkind: number("subtype", default.subkind)?,
        date,
    })
}

fn table(expression: &Expr) -> Result<(String, Vec<(String, String)>), Wrong> {
    let call = Call::of(expression, "StringTable", &["name", "kids"])?;
    let mut texts = Vec::new();
    for kid in call.items("kids")? {
        let call = Call::of(kid, "StringStruct", &["name", "val"])?;
        texts.push((call.text("name")?, call.text("val")?));
    }
    Ok((call.text("name")?, texts))
}

/// A call of one of the names that a version file consists of.
struct Call<'a> {
    call: &'a ExprCall,
    arguments: Vec<(&'static str, &'a Expr)>,
}

impl<'a> Call<'a> {
    /// Arguments are given in the order of `parameters`, or by name.
    fn of(
        expression: &'a Expr,
        wanted: &'static str,
        parameters: &[&'static str],
    ) -> Result<Self, Wrong> {
        let Expr::Call(call) = expression else {
            return Err(expected(expression, &format!("{wanted}(…)")));
        };
        if name(expression) != Some(wanted) {
            return Err(expected(expression, &format!("{wanted}(…)")));
        }
        let given = &call.arguments;
        if given.args.len() > parameters.len() {
            let why = format!("{wanted} takes at most {} arguments", parameters.len());
            return Err((expression.start(), why));
        }
        let mut arguments: Vec<_> = parameters.iter().copied().zip(&given.args).collect();
        for keyword in &given.keywords {
            let named = keyword.arg.as_ref().map_or("**", |name| name.as_str());
            let Some(known) = parameters.iter().find(|known| **known == named) else {
                let why = format!(
                    "{wanted} has no `{named}`; it has {}",
                    parameters.join(", ")
                );
                return Err((keyword.start(), why));
            };
            arguments.push((known, &keyword.value));
        }
        Ok(Self { call, arguments })
    }

    fn get(&self, name: &str) -> Option<&'a Expr> {
        let mut found = self.arguments.iter().rev();
        found.find(|(of, _)| *of == name).map(|(_, value)| *value)
    }

    fn required(&self, name: &str) -> Result<&'a Expr, Wrong> {
        let missing = || (self.call.start(), format!("`{name}` is missing"));
        self.get(name).ok_or_else(missing)
    }

    fn items(&self, name: &str) -> Result<&'a [Expr], Wrong> {
        items(self.required(name)?)
    }

    fn text(&self, name: &str) -> Result<String, Wrong> {
        match self.required(name)? {
            Expr::StringLiteral(text) => Ok(text.value.to_str().to_owned()),
            other => Err(expected(other, "a text in quotes")),
        }
    }
}

/// The name of what is called.
fn name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Call(call) => Some(call.func.as_name_expr()?.id.as_str()),
        _ => None,
    }
}

fn expected(expression: &Expr, what: &str) -> Wrong {
    (expression.start(), format!("{what} is expected here"))
}

fn items(expression: &Expr) -> Result<&[Expr], Wrong> {
    match expression {
        Expr::List(list) => Ok(&list.elts),
        Expr::Tuple(tuple) => Ok(&tuple.elts),
        other => Err(expected(other, "a list")),
    }
}

fn number(expression: &Expr) -> Result<u32, Wrong> {
    let literal = |expression: &Expr| match expression {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(number) => number
                .as_u64()
                .and_then(|number| u32::try_from(number).ok()),
            _ => None,
        },
        _ => None,
    };
    let value = match expression {
        Expr::UnaryOp(plus) if plus.op == UnaryOp::UAdd => literal(&plus.operand),
        other => literal(other),
    };
    value.ok_or_else(|| expected(expression, "a whole number from 0 to 4294967295"))
}

fn word(expression: &Expr) -> Result<u16, Wrong> {
    let too_large = |_| expected(expression, "a whole number from 0 to 65535");
    u16::try_from(number(expression)?).map_err(too_large)
}

fn version(expression: &Expr) -> Result<[u16; 4], Wrong> {
    let words: Vec<u16> = items(expression)?
        .iter()
        .map(word)
        .collect::<Result<_, _>>()?;
    <[u16; 4]>::try_from(words).map_err(|_| expected(expression, "four numbers"))
}
