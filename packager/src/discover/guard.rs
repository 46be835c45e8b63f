//! What provides for an import, or for a distribution, that is not there.

use ruff_python_ast::{self as ast, ExceptHandler, Expr};

/// Whether a handler of `statement` catches one of the exceptions called `names`, or all.
pub(super) fn is_caught(statement: &ast::StmtTry, names: &[&str]) -> bool {
    let mut handlers = statement.handlers.iter();
    handlers.any(|ExceptHandler::ExceptHandler(handler)| {
        let kind = handler.type_.as_deref();
        kind.is_none_or(|kind| is_one_of(kind, names))
    })
}

/// Whether `statement` has one of them suppressed: `with suppress(ImportError)`.
pub(super) fn is_suppressed(statement: &ast::StmtWith, names: &[&str]) -> bool {
    let mut items = statement.items.iter();
    items.any(|item| suppresses(&item.context_expr, names))
}

fn suppresses(context: &Expr, names: &[&str]) -> bool {
    let Expr::Call(call) = context else {
        return false;
    };
    let mut kinds = call.arguments.args.iter();
    is_one_of(&call.func, &["suppress"]) && kinds.any(|kind| is_one_of(kind, names))
}

/// Whether an expression, or one of a tuple, is called so, whatever it is an attribute of.
fn is_one_of(expression: &Expr, names: &[&str]) -> bool {
    match expression {
        Expr::Name(name) => names.contains(&name.id.as_str()),
        Expr::Attribute(attribute) => names.contains(&attribute.attr.as_str()),
        Expr::Tuple(tuple) => tuple.elts.iter().any(|one| is_one_of(one, names)),
        _ => false,
    }
}
