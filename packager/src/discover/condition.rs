//! Conditions whose outcome is known for the target: `TYPE_CHECKING`, the platform, the version.

use super::imports::literal;
use crate::facts::InterpreterFacts;
use ruff_python_ast::{BoolOp, CmpOp, Expr, Number, PythonVersion, UnaryOp};

/// The target, as conditions ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Major, minor, micro.
    pub(crate) version: (u8, u8, u8),
    /// `sys.platform`.
    pub(crate) platform: String,
    /// `os.name`.
    pub(crate) os_name: String,
}

/// The outcome of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Target {
    pub(crate) fn of(facts: &InterpreterFacts) -> Self {
        let marker = |name: &str, usual: &str| {
            facts
                .markers
                .get(name)
                .map_or_else(|| usual.into(), Clone::clone)
        };
        Self {
            version: facts.version,
            platform: marker("sys_platform", "linux"),
            os_name: marker("os_name", "posix"),
        }
    }

    /// The version whose syntax is accepted; versions that the parser does not know yet are read like the newest.
    pub(crate) fn ruff_version(&self) -> PythonVersion {
        let version = PythonVersion {
            major: self.version.0,
            minor: self.version.1,
        };
        version.min(PythonVersion::latest())
    }

    /// What `test` is on the target. `script` tells that the file runs as `__main__`.
    pub(crate) fn truth(&self, test: &Expr, script: bool) -> Truth {
        match test {
            // Never true when a program runs (typing.TYPE_CHECKING).
            Expr::Name(name) if name.id == "TYPE_CHECKING" => Truth::No,
            Expr::Attribute(attribute) if attribute.attr.as_str() == "TYPE_CHECKING" => Truth::No,
            Expr::BooleanLiteral(literal) => literal.value.into(),
            Expr::NumberLiteral(number) if matches!(&number.value, Number::Int(value) if *value == 0) => {
                Truth::No
            }
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => !self.truth(&unary.operand, script),
            Expr::BoolOp(bool_op) => {
                let values = bool_op.values.iter().map(|value| self.truth(value, script));
                combine(bool_op.op, values)
            }
            Expr::Compare(compare) => match (&*compare.ops, &*compare.comparators) {
                ([op], [right]) => self.compare(&compare.left, *op, right, script),
                _ => Truth::Unknown,
            },
            Expr::Call(call) => self.starts_with(call),
            _ => Truth::Unknown,
        }
    }

    fn compare(&self, left: &Expr, op: CmpOp, right: &Expr, script: bool) -> Truth {
        if let (Expr::Name(name), Some("__main__"), CmpOp::Eq) = (left, literal(right), op)
            && name.id == "__name__"
        {
            return script.into();
        }
        if let (Some(value), Some(wanted)) = (self.text(left), literal(right)) {
            return match op {
                CmpOp::Eq => (value == wanted).into(),
                CmpOp::NotEq => (value != wanted).into(),
                _ => Truth::Unknown,
            };
        }
        match (self.numbers(left), numbers(right)) {
            (Some(value), Some(wanted)) => ordered(&value, op, &wanted),
            _ => Truth::Unknown,
        }
    }

    /// The value of `sys.platform` and `os.name`.
    fn text(&self, expression: &Expr) -> Option<&str> {
        match dotted(expression)? {
            ("sys", "platform") => Some(&self.platform),
            ("os", "name") => Some(&self.os_name),
            _ => None,
        }
    }

    /// The value of `sys.version_info` and `sys.version_info[0]`, `[:2]`.
    fn numbers(&self, expression: &Expr) -> Option<Vec<i64>> {
        let whole = vec![
            self.version.0.into(),
            self.version.1.into(),
            self.version.2.into(),
        ];
        match expression {
            Expr::Subscript(subscript) if dotted(&subscript.value)? == ("sys", "version_info") => {
                match &*subscript.slice {
                    Expr::Slice(slice) if slice.lower.is_none() => {
                        let upper = usize::try_from(number(slice.upper.as_deref()?)?).ok()?;
                        whole.get(..upper).map(<[i64]>::to_vec)
                    }
                    index => {
                        let index = usize::try_from(number(index)?).ok()?;
                        whole.get(index).map(|value| vec![*value])
                    }
                }
            }
            _ if dotted(expression)? == ("sys", "version_info") => Some(whole),
            _ => None,
        }
    }

    fn starts_with(&self, call: &ruff_python_ast::ExprCall) -> Truth {
        let Expr::Attribute(attribute) = &*call.func else {
            return Truth::Unknown;
        };
        match (
            self.text(&attribute.value),
            attribute.attr.as_str(),
            &*call.arguments.args,
        ) {
            (Some(value), "startswith", [prefix]) => {
                literal(prefix).map_or(Truth::Unknown, |prefix| value.starts_with(prefix).into())
            }
            _ => Truth::Unknown,
        }
    }
}

fn combine(op: BoolOp, mut values: impl Iterator<Item = Truth>) -> Truth {
    let (decisive, neutral) = match op {
        BoolOp::And => (Truth::No, Truth::Yes),
        BoolOp::Or => (Truth::Yes, Truth::No),
    };
    let outcome = values.try_fold(neutral, |all, value| match value {
        value if value == decisive => Err(decisive),
        Truth::Unknown => Ok(Truth::Unknown),
        _ => Ok(all),
    });
    outcome.unwrap_or_else(|decided| decided)
}

/// Tuples compare as in Python: element by element, then by length. `(3, 11, 2) >= (3, 11)`.
fn ordered(left: &[i64], op: CmpOp, right: &[i64]) -> Truth {
    match op {
        CmpOp::Eq => (left == right).into(),
        CmpOp::NotEq => (left != right).into(),
        CmpOp::Lt => (left < right).into(),
        CmpOp::LtE => (left <= right).into(),
        CmpOp::Gt => (left > right).into(),
        CmpOp::GtE => (left >= right).into(),
        _ => Truth::Unknown,
    }
}

/// `owner.name`.
fn dotted(expression: &Expr) -> Option<(&str, &str)> {
    let Expr::Attribute(attribute) = expression else {
        return None;
    };
    let Expr::Name(owner) = &*attribute.value else {
        return None;
    };
    Some((owner.id.as_str(), attribute.attr.as_str()))
}

fn numbers(expression: &Expr) -> Option<Vec<i64>> {
    match expression {
        Expr::Tuple(tuple) => tuple.elts.iter().map(number).collect(),
        _ => number(expression).map(|value| vec![value]),
    }
}

fn number(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(value) => value.as_i64(),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(test: &str, expected: Truth) {
        let target = Target {
            version: (3, 11, 2),
            platform: "linux".into(),
            os_name: "posix".into(),
        };
        let parsed = ruff_python_parser::parse_expression(test).unwrap();
        assert_eq!(target.truth(parsed.expr(), false), expected, "{test}");
    }

    #[test]
    fn conditions() {
        for test in [
            "TYPE_CHECKING",
            "__name__ == '__main__'",
            "typing.TYPE_CHECKING",
            "False",
            "0",
            "sys.platform == 'win32'",
            "os.name == 'nt'",
            "sys.platform.startswith('win')",
            "sys.version_info < (3, 11)",
            "sys.version_info[0] == 2",
            "sys.version_info[:2] <= (3, 10)",
            "not True",
            "x and False",
            "sys.version_info < (3,)",
            "sys.version_info == (3, 11)",
        ] {
            check(test, Truth::No);
        }
        for test in [
            "not TYPE_CHECKING",
            "sys.version_info >= (3, 11)",
            "sys.platform != 'win32'",
            "x or True",
            "sys.version_info >= (3, 11, 2)",
            "sys.version_info[0] >= 3",
            "sys.version_info > (3,)",
        ] {
            check(test, Truth::Yes);
        }
        for test in [
            "x",
            "sys.platform == x",
            "x and True",
            "sys.platform in ('a',)",
            "sys.version_info[7] == 1",
            "f(1)",
        ] {
            check(test, Truth::Unknown);
        }
    }
}
