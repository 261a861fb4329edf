//! What stands before a rule: its name, `#[priority(…)]`, `#[expect(…)]`, `#[never]`, and Rust's own attributes.

use proc_macro2::{Span, TokenTree};
use syn::{
    Attribute, Expr, LitStr, Meta, Token,
    parse::{ParseStream, discouraged::Speculative},
    spanned::Spanned,
    token,
};

use super::{cursor::here, rule::is_qualifier, slice::is_empty};
use crate::{ast::Attrs, errors::Errors, words::did_you_mean};

/// The attributes and doc comments before a rule.
pub(super) fn attributes(input: ParseStream<'_>, errors: &mut Errors) -> Attrs {
    let mut attrs = Attrs::default();
    let mut name: Vec<String> = Vec::new();
    let mut name_span = None;
    while input.peek(Token![#]) {
        let at = here(input);
        let fork = input.fork();
        let Ok(found) = Attribute::parse_outer(&fork) else {
            errors.help(
                at,
                "expected an attribute",
                "write `#[priority(100)]`, `#[expect(1)]` or `#[never]` before the rule",
            );
            input.parse::<TokenTree>().ok();
            input.parse::<Token![!]>().ok();
            if input.peek(token::Bracket) {
                input.parse::<TokenTree>().ok();
            }
            continue;
        };
        input.advance_to(&fork);
        for attr in found {
            if attr.path().is_ident("doc") {
                if let Some(line) = doc_line(&attr) {
                    name.push(line.value().trim().to_owned());
                    name_span.get_or_insert(line.span());
                }
                continue;
            }
            attrs.span.get_or_insert(attr.span());
            attribute(&mut attrs, attr, errors);
        }
    }
    let name = name.join(" ");
    if let Some(span) = name_span.filter(|_| !name.trim().is_empty()) {
        attrs.name = Some(LitStr::new(name.trim(), span));
    }
    attrs
}

fn doc_line(attr: &Attribute) -> Option<LitStr> {
    match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(lit) => match &lit.lit {
                syn::Lit::Str(line) => Some(line.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn attribute(attrs: &mut Attrs, attr: Attribute, errors: &mut Errors) {
    let span = attr.path().span();
    let name = attr
        .path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default();
    let example = match name.as_str() {
        "priority" => "100",
        "expect" => "1..",
        "never" => {
            if !matches!(attr.meta, Meta::Path(_)) {
                errors.help(
                    span,
                    "`never` takes nothing",
                    "write `#[never]`, or `#[expect(2)]` for a number",
                );
            }
            attrs.never = Some(span);
            return;
        }
        "cfg" | "allow" => {
            attrs.rust.push(attr);
            return;
        }
        other => {
            errors.help(
                span,
                format_args!("unknown attribute of a rule{}", did_you_mean(other, ["priority", "expect", "never", "cfg"])),
                "the attributes are `#[priority(100)]`, `#[expect(1..)]`, `#[never]`, `#[cfg(…)]`, and doc comments for the name",
            );
            return;
        }
    };
    let value = match &attr.meta {
        Meta::List(list) => list
            .parse_args::<Expr>()
            .map_err(|error| (error.span(), error.to_string())),
        Meta::Path(_) => Err((span, format!("`{name}` needs a value"))),
        Meta::NameValue(pair) => Err((
            pair.eq_token.span,
            format!("the value of `{name}` stands in parentheses"),
        )),
    };
    match value {
        Ok(value) => {
            if !attribute_value(&name, &value, errors) {
                return;
            }
            if name == "priority" {
                attrs.priority = Some(value);
            } else {
                attrs.expect = Some(value);
            }
        }
        Err((at, message)) => {
            let message = message
                .strip_prefix("unexpected end of input, ")
                .unwrap_or(&message);
            errors.help(at, message, format_args!("write `#[{name}({example})]`"));
            if let (true, Meta::List(list)) = (errors.editor, &attr.meta) {
                let value = Some(Expr::Verbatim(list.tokens.clone()));
                if name == "priority" {
                    attrs.priority = value;
                } else {
                    attrs.expect = value;
                }
            }
        }
    }
}

/// Whether a value can be that of the attribute, as far as can be seen.
fn attribute_value(name: &str, value: &Expr, errors: &mut Errors) -> bool {
    let negative =
        |value: &Expr| matches!(value, Expr::Unary(minus) if matches!(minus.op, syn::UnOp::Neg(_)));
    let lint = |path: &syn::ExprPath| {
        let first = path
            .path
            .segments
            .first()
            .map(|first| first.ident.to_string());
        first.is_some_and(|first| {
            first.starts_with("unused") || first == "clippy" || first == "dead_code"
        })
    };
    let (message, help) = match (name, value) {
        ("priority", Expr::Lit(lit))
            if !matches!(lit.lit, syn::Lit::Int(_) | syn::Lit::Float(_)) =>
        {
            (
                "a priority is a number",
                "write `#[priority(100)]`: higher comes first",
            )
        }
        ("expect", Expr::Lit(lit)) if !matches!(lit.lit, syn::Lit::Int(_)) => (
            "expected a number of requests",
            "write `#[expect(1)]`, `#[expect(1..)]` or `#[expect(..=3)]`",
        ),
        ("expect", value) if negative(value) => (
            "a number of requests is never negative",
            "write `#[never]`, `#[expect(1)]` or `#[expect(1..)]`",
        ),
        ("expect", Expr::Range(range)) if is_empty(range) => {
            ("no number is in this range", "write `#[expect(1..=3)]`")
        }
        ("expect", Expr::Path(path)) if lint(path) => (
            "`expect` is for the number of requests here",
            "write `#[allow(…)]` for the compiler",
        ),
        _ => return true,
    };
    errors.help(value.span(), message, help);
    false
}

/// `GET "/" #[expect(1)] => …`: takes the attribute.
pub(super) fn late_attribute(input: ParseStream<'_>) -> Option<Span> {
    let fork = input.fork();
    let at = here(input);
    Attribute::parse_outer(&fork)
        .ok()
        .filter(|found| !found.is_empty())?;
    if !(fork.peek(Token![=>]) || fork.peek(Token![>>]) || is_qualifier(&fork)) {
        return None;
    }
    input.advance_to(&fork);
    Some(at)
}
