//! What answers know of HTTP's own questions: `redirect "/x"`, `problem "…"`, `etag "v1"`, `last_modified "…"`, `ranges`.

use proc_macro2::Span;
use syn::{Ident, LitInt, LitStr, ext::IdentExt, parse::ParseStream, token};

use super::value;
use crate::{
    ast::{Http, Part},
    errors::Errors,
    json,
    parse::cursor::{at_end, ends_after_next, here, skip_while},
};

/// A part that begins with one of these words; `None` where the word is not used as one.
pub(super) fn by_word(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
) -> Option<Vec<Part>> {
    let after = input.fork();
    after.call(Ident::parse_any).ok();
    let lonely = ends_after_next(input);
    let valued = after.peek(LitStr) || after.peek(token::Paren);
    let taken = |input: ParseStream<'_>| {
        input.call(Ident::parse_any).ok();
    };
    let (what, help) = match name {
        "redirect" => (
            "where to",
            "write `redirect \"/new\"`, or `308, redirect \"/new\"`",
        ),
        "problem" => (
            "what is wrong",
            "write `404, problem \"no such order\"`, or `problem { \"type\": \"/no-order\" }`",
        ),
        "last_modified" => (
            "a time",
            "write `last_modified \"Sun, 06 Nov 1994 08:49:37 GMT\"`",
        ),
        _ => (
            "a tag",
            "write `etag \"v1\"`; a bare `etag` is made of the body",
        ),
    };
    let http = match name {
        "etag" | "ranges" if lonely => {
            taken(input);
            Some(if name == "etag" {
                Http::EtagOfBody
            } else {
                Http::Ranges
            })
        }
        "problem" if after.peek(token::Brace) && json::is_object(&after) => {
            taken(input);
            Some(Http::ProblemOf(json::value(input, errors)))
        }
        "redirect" | "problem" | "etag" | "last_modified" if valued => {
            taken(input);
            let value = value(input, errors, what)?;
            Some(match name {
                "redirect" => Http::Redirect(value),
                "problem" => Http::Problem(value),
                "etag" => Http::Etag(value),
                _ => Http::LastModified(value),
            })
        }
        "redirect" if after.peek(LitInt) => {
            taken(input);
            let status = input.parse::<LitInt>().ok()?;
            errors.help(
                status.span(),
                "the status of a redirect is a part of its own",
                format_args!("write `{status}, redirect \"/new\"`"),
            );
            None
        }
        "redirect" | "problem" | "last_modified" if lonely => {
            errors.help(
                here(input),
                format_args!("expected {what} after `{name}`"),
                help,
            );
            None
        }
        _ => return None,
    };
    if http.is_none() {
        skip_while(input, |input| !at_end(input));
    }
    Some(
        http.map(|http| Part::Http(span, http))
            .into_iter()
            .collect(),
    )
}
