//! What the server works out when it makes a program of an expression: literals converted, patterns compiled.

use super::check::{Typed, TypedKind, parts};
use super::functions;
use super::syntax::Literal;
use super::value::{Fail, Val};
use crate::kinds::crd::pattern;

const CONVERSIONS: [&str; 8] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "string",
    "timestamp",
    "uint",
];

/// Whether a call is worked out before the expression runs, and costs nothing then.
pub(super) fn is_worked_out(name: &str, args: &[Typed]) -> bool {
    let literal = |arg: &Typed| matches!(arg.kind, TypedKind::Literal(_));
    matches!(args, [arg] if literal(arg)) && CONVERSIONS.contains(&name)
}

/// Why no program can be made of an expression.
pub(super) fn fault(expr: &Typed) -> Option<String> {
    expr.with_room(found).unwrap_or_else(Some)
}

fn found(expr: &Typed) -> Option<String> {
    if let TypedKind::Call { name, args, .. } = &expr.kind {
        let name = name.as_str();
        let literal = |arg: &Typed| match &arg.kind {
            TypedKind::Literal(literal) => Some(value(literal)),
            _ => None,
        };
        let result = match (name, args.as_slice()) {
            (_, [arg]) if is_worked_out(name, args) => {
                literal(arg).map(|value| functions::call(name, false, vec![value]).map(drop))
            }
            ("find" | "findAll", [pattern, ..]) => match literal(pattern) {
                Some(Val::Text(text)) => Some(pattern::shared(&text).map(drop).map_err(Fail)),
                _ => None,
            },
            _ => None,
        };
        if let Some(Err(fail)) = result {
            return Some(fail.0);
        }
    }
    parts(&expr.kind).into_iter().find_map(found)
}

fn value(literal: &Literal) -> Val<'static> {
    match literal {
        Literal::Null => Val::Null,
        Literal::Bool(value) => Val::Bool(*value),
        Literal::Int(value) => Val::Int(*value),
        Literal::Uint(value) => Val::Uint(*value),
        Literal::Double(value) => Val::Double(*value),
        Literal::Text(value) => Val::text(value.clone()),
        Literal::Bytes(value) => Val::Bytes(value.clone().into()),
    }
}
