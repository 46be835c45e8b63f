//! Names that are made at run time, as far as they stand in the source: `import_module(f"backend_{kind}")`.

use super::literal;
use ruff_python_ast::{Expr, InterpolatedStringElement, Operator};

/// The text that such a name begins with; `None` where it begins with something else than a literal.
pub(super) fn of(expression: &Expr) -> Option<&str> {
    let text = match expression {
        Expr::FString(string) => {
            let string = string.as_single_part_fstring()?;
            match string.elements.first()? {
                InterpolatedStringElement::Literal(first) => &*first.value,
                InterpolatedStringElement::Interpolation(_) => return None,
            }
        }
        Expr::BinOp(operation) => match operation.op {
            Operator::Add => literal(&operation.left).or_else(|| of(&operation.left))?,
            Operator::Mod => before(literal(&operation.left)?, '%'),
            _ => return None,
        },
        Expr::Call(call) => {
            let function = call.func.as_attribute_expr()?;
            if function.attr.as_str() != "format" {
                return None;
            }
            before(literal(&function.value)?, '{')
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn before(text: &str, mark: char) -> &str {
    text.split(mark).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn beginnings() {
        let check = |source: &str, expected: Option<&str>| {
            let parsed = ruff_python_parser::parse_expression(source).unwrap();
            assert_eq!(of(parsed.expr()), expected, "{source}");
        };
        check("f'a.b_{x}'", Some("a.b_"));
        check("f'{x}.y'", None);
        check("'a.' + x", Some("a."));
        check("'a.' + x + '.b'", Some("a."));
        check("x + 'a'", None);
        check("'a.%s.b' % x", Some("a."));
        check("'%s.b' % x", None);
        check("'a_{}'.format(x)", Some("a_"));
        check("'a'.join(x)", None);
        check("x", None);
        check("'a'", None);
    }
}
