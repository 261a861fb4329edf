//! Parts of replies that begin with a word of the language, and words that nearly do.

use proc_macro2::{Delimiter, Span};
use syn::{Ident, Lit, LitByteStr, LitStr, Token, ext::IdentExt, parse::ParseStream, token};

use super::{FORMS, fields::fields, http, transport, value};
use crate::{
    ast::{Callable, Part},
    duration,
    errors::Errors,
    habits, json, numbers,
    parse::{
        ahead::starts_rule,
        code,
        cursor::{at_end, ends_after_next, here, inside, skip_while},
        fault, life, stream,
    },
    words::{FAILURES, REPLIES, nearest},
};

/// `with (a, b) |req| …`
fn with(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Option<Part> {
    const FORM: &str = "write `with (db, next) |req| …`: the closure gets a clone of each";
    let names = inside(input, Delimiter::Parenthesis, errors, |content, errors| {
        let mut names: Vec<Ident> = Vec::new();
        while !content.is_empty() {
            match content.parse::<Ident>() {
                Ok(name) => names.push(name),
                Err(_) => {
                    errors.help(here(content), "expected the name of a value", FORM);
                    skip_while(content, |_| true);
                }
            }
            if !content.is_empty() && content.parse::<Token![,]>().is_err() {
                errors.help(here(content), "expected `,` between the names", FORM);
                skip_while(content, |_| true);
            }
        }
        names
    })?;
    let at = here(input);
    match code::callable(input, errors, "a closure after `with`") {
        Ok(Callable::Expr(_)) => {
            errors.help(at, "expected a closure after `with (…)`", FORM);
            None
        }
        Ok(call) => Some(Part::With(span, names, call)),
        Err(raw) if errors.editor => {
            let unfinished = Callable::Expr(syn::Expr::Verbatim(raw));
            Some(Part::With(span, names, unfinished))
        }
        Err(raw) => Some(Part::Broken(span, raw)),
    }
}

/// `forbidden`, `conflict "…"`, `too_many(1s)`
fn failure(input: ParseStream<'_>, errors: &mut Errors) -> Option<Part> {
    let name = input.call(Ident::parse_any).ok()?;
    let (mut after, mut why) = (None, None);
    if name == "too_many" {
        if !input.peek(token::Paren) {
            errors.help(
                name.span(),
                "`too_many` says when the client may ask again",
                "write `too_many(1s)`",
            );
            return None;
        }
        after = inside(input, Delimiter::Parenthesis, errors, duration::time)?;
        after.as_ref()?;
    } else if input.peek(token::Paren) {
        errors.help(
            here(input),
            format_args!("`{name}` has no argument"),
            format_args!("write `{name}`, or `{name} \"why\"`"),
        );
        input.parse::<proc_macro2::TokenTree>().ok();
        return None;
    }
    if input.peek(LitStr) {
        why = input.parse::<LitStr>().ok();
    }
    Some(Part::Failure { name, after, why })
}

/// What follows `then`: the next answer, or what comes after the last one.
fn then(input: ParseStream<'_>, errors: &mut Errors, span: Span, kubernetes: bool) -> Vec<Part> {
    for (word, method) in [("pass", "then_pass"), ("again", "then_again")] {
        if ends_after_next(input) && crate::parse::cursor::take_word(input, word).is_some() {
            if input.peek(Token![,]) {
                errors.help(
                    here(input),
                    format_args!("`then {word}` is the end of the answers"),
                    "write it last: `503, then 200, then pass`",
                );
                skip_while(input, |input| !input.peek(Token![;]));
            }
            return vec![Part::Ending(span, method)];
        }
    }
    if at_end(input) {
        errors.help(
            here(input),
            "expected an answer after `then`",
            "write `503, then 200`; `then pass` steps aside after the last answer, `then again` begins anew",
        );
        return Vec::new();
    }
    let mut parts = vec![Part::Then(span)];
    parts.extend(super::part(input, errors, None, kubernetes));
    parts
}

/// A part that begins with a word of the language; `None` where the word is not used as one.
pub(super) fn by_word(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
    kubernetes: bool,
) -> Option<Vec<Part>> {
    let next_is = |fork: &syn::parse::ParseBuffer<'_>| {
        fork.call(Ident::parse_any).ok();
    };
    let after = input.fork();
    next_is(&after);
    let valued = after.peek(LitStr) || after.peek(token::Paren) || after.peek(LitByteStr);
    let lonely = ends_after_next(input);
    match name {
        failure if kubernetes && FAILURES.contains(&failure) && (lonely || valued) => {
            one(self::failure(input, errors))
        }
        "header" | "cookie" if after.peek(token::Brace) => {
            input.call(Ident::parse_any).ok();
            Some(fields(input, errors, name == "header"))
        }
        "header" | "cookie" if valued || lonely => {
            errors.help(
                span,
                format_args!("expected `{{` after `{name}`"),
                format_args!("write `{name} {{ \"name\": \"value\" }}`"),
            );
            skip_while(input, |input| !at_end(input));
            Some(Vec::new())
        }
        "with" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            one(with(input, errors, span))
        }
        "then" if !after.peek(Token![.]) && !after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            Some(then(input, errors, span, kubernetes))
        }
        "text" if valued => {
            input.call(Ident::parse_any).ok();
            one(value(input, errors, "a text").map(|value| Part::Text(span, value)))
        }
        "json" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            one(value(input, errors, "a value")
                .map(|value| Part::JsonOf(span, numbers::expr(value))))
        }
        "json" if after.peek(token::Brace) || after.peek(token::Bracket) => {
            input.call(Ident::parse_any).ok();
            Some(vec![Part::Json(span, json::value(input, errors))])
        }
        "null" if lonely => {
            input.call(Ident::parse_any).ok();
            Some(vec![Part::Json(span, quote::quote_spanned!(span=> null))])
        }
        "file" if valued || lonely || after.peek(Ident::peek_any) => {
            input.call(Ident::parse_any).ok();
            let once = crate::parse::cursor::take_word(input, "once").is_some();
            one(
                value(input, errors, "a path of a file").map(|path| Part::File {
                    span,
                    once,
                    path,
                }),
            )
        }
        "stream" if after.peek(token::Bracket) => {
            input.call(Ident::parse_any).ok();
            let items = inside(input, Delimiter::Bracket, errors, stream::items);
            one(items.map(|items| Part::Stream(span, items)))
        }
        "stream" | "websocket" if after.peek(token::Brace) => {
            input.call(Ident::parse_any).ok();
            errors.help(
                here(input),
                format_args!("the items of a {name} are in brackets"),
                format_args!("write `{name} [ … ]`"),
            );
            inside(input, Delimiter::Brace, errors, stream::items);
            Some(Vec::new())
        }
        "stream" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            one(value(input, errors, "a stream").map(|value| Part::StreamOf(span, value)))
        }
        "sleep" | "delay" if after.peek(token::Paren) || after.peek(Lit) || lonely => {
            input.call(Ident::parse_any).ok();
            let time = if input.peek(token::Paren) {
                inside(input, Delimiter::Parenthesis, errors, duration::time)?
            } else {
                duration::time(input, errors)
            };
            one(time.map(|time| Part::Delay(span, time)))
        }
        "websocket" if after.peek(token::Bracket) => {
            input.call(Ident::parse_any).ok();
            let items = inside(input, Delimiter::Bracket, errors, stream::items);
            one(items.map(|items| Part::WebSocket(span, items)))
        }
        "websocket" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            one(code::in_parens(input, errors, "a WebSocket")
                .map(|socket| Part::WebSocketOf(span, socket)))
        }
        "exec"
            if after.peek(Token![|])
                || after.peek(Token![||])
                || after.peek(Token![move])
                || after.peek(Token![async])
                || after.peek(token::Paren)
                || after.peek(Lit)
                || lonely =>
        {
            input.call(Ident::parse_any).ok();
            if input.peek(Lit) {
                errors.push(here(input), format_args!("expected {}", life::COMMANDS));
                skip_while(input, |input| !at_end(input));
                return Some(Vec::new());
            }
            one(life::async_code(input, errors, life::COMMANDS).map(|code| Part::Exec(span, code)))
        }
        "wait" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            one(code::in_parens(input, errors, "what to wait for")
                .map(|event| Part::Wait(span, event)))
        }
        "hold" if after.peek(token::Paren) || lonely => {
            input.call(Ident::parse_any).ok();
            if lonely {
                errors.help(
                    here(input),
                    "expected a gate after `hold`",
                    "write `hold(&gate)`, with `let gate = Gate::new();`",
                );
                return Some(Vec::new());
            }
            one(code::in_parens(input, errors, "a gate").map(|gate| Part::Hold(span, gate)))
        }
        "slow" if crate::parse::cursor::is_word(&after, "upload") => {
            input.call(Ident::parse_any).ok();
            input.call(Ident::parse_any).ok();
            let speed = duration::speed(input, errors);
            one(speed.map(|speed| Part::Way(span, crate::ast::Way::SlowUpload(speed))))
        }
        "slow" if after.peek(Lit) || lonely || after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            let speed = if input.peek(token::Paren) {
                inside(input, Delimiter::Parenthesis, errors, duration::speed)?
            } else {
                duration::speed(input, errors)
            };
            one(speed.map(|speed| Part::Slow(span, speed)))
        }
        "proxy" if valued || lonely => {
            input.call(Ident::parse_any).ok();
            one(url(input, errors, "proxy \"http").map(|url| Part::Proxy(span, url)))
        }
        _ => http::by_word(input, errors, name, span)
            .or_else(|| transport::by_word(input, errors, name, span))
            .or_else(|| {
                fault::fault(input, errors, name, span)
                    .map(|fault| fault.map(Part::Fault).into_iter().collect())
            }),
    }
}

/// The URL of another server; `form` is how it is written, up to its colon.
pub(super) fn url(input: ParseStream<'_>, errors: &mut Errors, form: &str) -> Option<syn::Expr> {
    if let Ok(url) = input.fork().parse::<LitStr>() {
        let text = url.value();
        if !text.starts_with("http://") && !text.starts_with("https://") {
            let rest = text.trim_start_matches('/');
            errors.help(
                url.span(),
                "expected the URL of a server",
                format_args!("write `{form}://{rest}\"`"),
            );
        }
    }
    value(input, errors, "a URL")
}

/// The part of a word, where it could be read.
fn one(part: Option<Part>) -> Option<Vec<Part>> {
    Some(part.into_iter().collect())
}

/// A word that is nearly one of the language, followed by what only such a word is followed by.
pub(super) fn slip(input: ParseStream<'_>, errors: &mut Errors, name: &Ident) -> bool {
    let fork = input.fork();
    fork.call(Ident::parse_any).ok();
    let juxtaposed = fork.peek(Lit)
        || fork.peek(token::Brace) && json::is_object(&fork)
        || fork.peek(Ident::peek_any) && !fork.peek(Token![as]);
    let text = name.to_string();
    let borrowed = text == "hold" && fork.peek(Token![&]);
    if let Some(shape) = habits::shape(&text).filter(|_| juxtaposed || borrowed) {
        errors.help(
            name.span(),
            format_args!("`{text}` is written in another way"),
            shape,
        );
        skip_while(input, |input| !at_end(input));
        return true;
    }
    let rust = [
        "move", "async", "if", "match", "loop", "unsafe", "for", "while", "const", "static",
        "return", "let",
    ];
    if juxtaposed && let Some(help) = habits::reply(&text) {
        errors.help(
            name.span(),
            format_args!("`{text}` is no word of a reply"),
            help,
        );
        skip_while(input, |input| !at_end(input));
        return true;
    }
    if !juxtaposed || rust.contains(&text.as_str()) || starts_rule(input) {
        return false;
    }
    let help = match nearest(&text, REPLIES.iter().copied()) {
        Some(found) => format!("did you mean `{found}`?"),
        None => FORMS.to_owned(),
    };
    errors.help(
        name.span(),
        format_args!("`{text}` is no word of a reply"),
        help,
    );
    skip_while(input, |input| !at_end(input));
    true
}
