//! Faults on the wire: `reset`, `truncate 10`, `close in head 12`, and for which requests: `once`, `[2]`, `at 10%`.

use proc_macro2::{Delimiter, Span};
use syn::{
    Expr, ExprLit, Ident, Lit, LitFloat, Token, ext::IdentExt, parse::ParseStream, parse_quote,
    token,
};

use super::{
    code,
    cursor::{at_end, ends_after_next, here, inside, is_word, skip_while, take_word},
    slice::slice,
};
use crate::{
    ast::{Fault, Limit},
    errors::Errors,
    words::{HTTP2_ERRORS, did_you_mean},
};

/// What a fault takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// Bytes, or nothing.
    Bytes,
    Number,
    /// An error code of HTTP/2, or nothing.
    Code,
}

const FAULTS: [(&str, Takes); 7] = [
    ("reset", Takes::Nothing),
    ("goaway", Takes::Code),
    ("close", Takes::Nothing),
    ("stall", Takes::Nothing),
    ("garbage", Takes::Bytes),
    ("truncate", Takes::Number),
    ("promise", Takes::Number),
];

/// A fault as an item of a stream, where its place is known.
pub(super) fn in_stream(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
) -> Option<Option<Fault>> {
    let found = fault(input, errors, name, span)?;
    if let Some(limit) = found
        .iter()
        .flat_map(|fault| &fault.limits)
        .find(|limit| limit.name.starts_with("in_"))
    {
        errors.help(
            limit.span,
            "in a stream, a fault happens where it stands",
            "write it after the items that are to be sent before it",
        );
    }
    if name == "promise" {
        errors.help(
            span,
            "`promise` is about the head, and no item of a stream",
            "write `GET \"/\" => promise 20, b\"…\";`",
        );
    }
    Some(found)
}

/// A fault on the wire; the outer `None` where the word is not used as one.
pub(super) fn fault(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
) -> Option<Option<Fault>> {
    let (name, takes) = FAULTS.into_iter().find(|(known, _)| *known == name)?;
    let after = input.fork();
    after.call(Ident::parse_any).ok();
    let argued = after.peek(Lit)
        || after.peek(Token![-])
        || after.peek(token::Paren) && takes != Takes::Nothing;
    if !(ends_after_next(input) || argued || is_limit(&after) || is_word(&after, "chunk")) {
        return None;
    }
    input.call(Ident::parse_any).ok();
    if name == "truncate" && take_word(input, "chunk").is_some() {
        let limits = limits(input, errors);
        return Some(Some(Fault {
            span,
            name: "truncated_chunk",
            argument: None,
            limits,
        }));
    }
    let code = match input.fork().parse::<Lit>() {
        Ok(Lit::Str(code)) if name == "reset" => Some(code),
        _ => None,
    };
    if let Some(code) = code {
        input.parse::<Lit>().ok();
        let mut limits = limits(input, errors);
        if error_code(&code, errors) {
            limits.push(Limit {
                span: code.span(),
                name: "code",
                value: parse_quote!(#code),
            });
        }
        return Some(Some(Fault {
            span,
            name,
            argument: None,
            limits,
        }));
    }
    let Some((name, argument)) = argument(input, errors, name, takes) else {
        skip_while(input, |input| !at_end(input));
        return Some(None);
    };
    let limits = limits(input, errors);
    Some(Some(Fault {
        span,
        name,
        argument,
        limits,
    }))
}

/// The function of `Fault` and what it is given.
fn argument(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &'static str,
    takes: Takes,
) -> Option<(&'static str, Option<Expr>)> {
    let at = here(input);
    let literal = input.fork().parse::<Lit>().ok();
    match (takes, literal) {
        (Takes::Code, Some(Lit::Str(code))) => {
            input.parse::<Lit>().ok();
            error_code(&code, errors).then(|| (name, Some(parse_quote!(#code))))
        }
        (Takes::Code, Some(_)) => {
            errors.help(
                at,
                "expected an error code of HTTP/2",
                "write `goaway \"ENHANCE_YOUR_CALM\"`, or `goaway` alone",
            );
            None
        }
        (Takes::Code, None) => Some((name, Some(parse_quote!("NO_ERROR")))),
        (Takes::Nothing, Some(_)) => {
            errors.help(
                at,
                format_args!("`{name}` takes nothing"),
                format_args!(
                    "`truncate 10` ends the body after ten bytes, `{name} in body 10` breaks it there"
                ),
            );
            skip_while(input, |input| !at_end(input));
            Some((name, None))
        }
        (Takes::Nothing, None) => Some((name, None)),
        (Takes::Bytes, Some(Lit::ByteStr(bytes))) => {
            input.parse::<Lit>().ok();
            Some(("raw", Some(parse_quote!(#bytes.as_slice()))))
        }
        (Takes::Bytes, Some(_)) => {
            errors.help(
                at,
                "expected bytes after `garbage`",
                "write `garbage b\"no HTTP\"`, or `garbage` alone",
            );
            None
        }
        (Takes::Bytes, None) if input.peek(token::Paren) => {
            Some(("raw", Some(code::in_parens(input, errors, "bytes")?)))
        }
        (Takes::Bytes, None) => Some((name, None)),
        (Takes::Number, _) => {
            let help = match name {
                "truncate" => {
                    "write `truncate 10`: the number of bytes of the body that still come"
                }
                _ => "write `promise 20`: the length that the head tells, whatever the body is",
            };
            let function = if name == "promise" {
                "content_length"
            } else {
                name
            };
            let what = format!("expected a number of bytes after `{name}`");
            Some((function, Some(number(input, errors, &what, help)?)))
        }
    }
}

/// Whether there is such a code (RFC 9113, section 7).
fn error_code(lit: &syn::LitStr, errors: &mut Errors) -> bool {
    let text = lit.value();
    let known = HTTP2_ERRORS.contains(&text.as_str());
    if !known {
        errors.help(
            lit.span(),
            format_args!(
                "`{text}` is no error code of HTTP/2{}",
                did_you_mean(&text, HTTP2_ERRORS)
            ),
            "write `reset \"REFUSED_STREAM\"` or `goaway \"ENHANCE_YOUR_CALM\"`",
        );
    }
    known
}

/// A number, or an expression in parentheses.
fn number(input: ParseStream<'_>, errors: &mut Errors, what: &str, help: &str) -> Option<Expr> {
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, "a number of bytes");
    }
    match input.fork().parse::<Lit>() {
        Ok(lit @ Lit::Int(_)) => {
            input.parse::<Lit>().ok();
            Some(Expr::Lit(ExprLit {
                attrs: Vec::new(),
                lit,
            }))
        }
        _ => {
            errors.help(here(input), what, help);
            None
        }
    }
}

fn is_limit(input: ParseStream<'_>) -> bool {
    input.peek(Token![in])
        || input.peek(token::Bracket)
        || is_word(input, "once")
        || is_word(input, "at")
}

/// `in head 12`, `in body 100`, `once`, `[2]`, `at 10%`, in any order, each once.
fn limits(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Limit> {
    let mut limits: Vec<Limit> = Vec::new();
    while is_limit(input) {
        let span = here(input);
        let found = if input.peek(Token![in]) {
            place(input, errors)
        } else if input.peek(token::Bracket) {
            slice(input, errors).map(|value| ("only", value))
        } else if take_word(input, "once").is_some() {
            Some(("only", parse_quote!(0)))
        } else {
            take_word(input, "at");
            rate(input, errors).map(|value| ("at_rate", value))
        };
        let Some((name, value)) = found else {
            skip_while(input, |input| !at_end(input));
            break;
        };
        let kind = |name: &'static str| if name.starts_with("in_") { "in_" } else { name };
        if limits.iter().any(|known| kind(known.name) == kind(name)) {
            errors.help(
                span,
                "a fault has one place, one choice of requests and one rate",
                "write `reset in body 10 [2]` or `reset at 10%`",
            );
            continue;
        }
        limits.push(Limit { span, name, value });
    }
    if !at_end(input) {
        errors.help(
            here(input),
            "unexpected after a fault",
            "a fault may have a place (`in head 12`, `in body 100`), requests (`once`, `[2]`, `[..3]`) and a rate (`at 10%`)",
        );
        skip_while(input, |input| !at_end(input));
    }
    limits
}

/// `in head 12`, `in body 100`, `in upload 100`, `in handshake 20`
fn place(input: ParseStream<'_>, errors: &mut Errors) -> Option<(&'static str, Expr)> {
    input.parse::<Token![in]>().ok();
    let help = "write `in head 12` or `in body 100`: after so many bytes of it; `in handshake 20` is about TLS";
    let name = if take_word(input, "head").is_some() {
        "in_head"
    } else if take_word(input, "body").is_some() {
        "in_body"
    } else if take_word(input, "upload").is_some() {
        "in_upload"
    } else if take_word(input, "handshake").is_some() {
        "in_handshake"
    } else {
        errors.help(here(input), "expected `head` or `body` after `in`", help);
        return None;
    };
    number(input, errors, "expected a number of bytes", help).map(|value| (name, value))
}

/// `10%` as a fraction, or an expression in parentheses that is one.
fn rate(input: ParseStream<'_>, errors: &mut Errors) -> Option<Expr> {
    let at = here(input);
    let help = "write `at 10%`, or `at (fraction)` with a number from 0.0 to 1.0";
    if input.peek(token::Paren) {
        return inside(input, Delimiter::Parenthesis, errors, |content, errors| {
            super::cursor::expr(content, errors, "a fraction").ok()
        })?;
    }
    let share = match input.parse::<Lit>() {
        Ok(Lit::Int(number)) => number.base10_parse::<f64>().ok(),
        Ok(Lit::Float(number)) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    let Some(share) = share else {
        errors.help(at, "expected a share of the requests after `at`", help);
        return None;
    };
    if input.parse::<Token![%]>().is_err() {
        errors.help(at, "the share of the requests is in percent", help);
        return None;
    }
    if share > 100.0 {
        errors.help(at, format_args!("{share}% is more than all requests"), help);
        return None;
    }
    let fraction = LitFloat::new(&format!("{:?}", share / 100.0), at);
    Some(parse_quote!(#fraction))
}
