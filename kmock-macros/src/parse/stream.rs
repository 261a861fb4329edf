//! The items of a scripted stream, between `[` and `]`.

use proc_macro2::{Delimiter, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Expr, Ident, Lit, LitByteStr, LitStr, Pat, Token, ext::IdentExt, parse::ParseStream, token,
};

use super::{
    code,
    cursor::{at_end, ends_after_next, expr, here, inside, kept, skip_to_comma, skip_while, word},
    fault, reply,
};
use crate::{
    ast::{Callable, StreamItem},
    duration,
    errors::Errors,
    json, numbers,
    words::{ITEMS, did_you_mean, nearest},
};

/// All items up to the end of the brackets.
pub(super) fn items(input: ParseStream<'_>, errors: &mut Errors) -> Vec<StreamItem> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.extend(open_items(input, errors));
        if input.peek(Token![;]) {
            errors.help(
                here(input),
                "expected `,`",
                "only rules are separated by `;`",
            );
            input.parse::<Token![;]>().ok();
        }
    }
    items
}

/// Items after a feed's `=>`, up to the `;`.
pub(super) fn open_items(input: ParseStream<'_>, errors: &mut Errors) -> Vec<StreamItem> {
    let mut items = Vec::new();
    while !input.is_empty() && !input.peek(Token![;]) {
        if input.peek(Token![,]) {
            errors.push(here(input), "expected an item before `,`");
            input.parse::<Token![,]>().ok();
            continue;
        }
        let known = errors.count();
        let looped = input.peek(Token![for]);
        items.extend(item(input, errors));
        if input.is_empty() || input.peek(Token![;]) {
            break;
        }
        // `for … { … }` needs no comma, as blocks do not in Rust.
        if input.parse::<Token![,]>().is_err() && !looped {
            if errors.count() == known {
                if input.peek(Token![.]) && input.peek2(Token![await]) {
                    errors.help(
                        here(input),
                        "expected `,` between the items",
                        "a stream waits by itself: leave out the `.await`",
                    );
                } else {
                    errors.push(here(input), "expected `,` between the items");
                }
            }
            skip_while(input, |input| !at_end(input));
            input.parse::<Token![,]>().ok();
        }
    }
    items
}

fn item(input: ParseStream<'_>, errors: &mut Errors) -> Option<StreamItem> {
    let span = here(input);
    if input.peek(Token![...]) {
        input.parse::<Token![...]>().ok();
        return Some(StreamItem::Live(span));
    }
    if input.peek(Token![..]) && !input.peek(Token![..=]) {
        errors.help(
            span,
            "the live continuation is written with three dots",
            "write `...`",
        );
        input.parse::<Token![..]>().ok();
        skip_to_comma(input);
        return Some(StreamItem::Live(span));
    }
    if input.peek(token::Bracket) {
        return nested(input, errors, span, false);
    }
    if input.peek(token::Brace) && json::is_object(input) {
        return Some(StreamItem::Json(span, json::value(input, errors)));
    }
    if input.peek(Token![for]) && !input.peek2(Token![<]) {
        return repeat(input, errors, span);
    }
    if input.peek(Token![loop]) || input.peek(Token![while]) {
        errors.help(
            span,
            "a stream is written down when the rule is made, and has no such loop",
            "write `for x in 0..3 { format!(\"{x}\"), sleep(1s) }`, `from(source)` for what never ends, or `...` to feed it later",
        );
        skip_to_comma(input);
        return None;
    }
    if input.peek(LitByteStr) && ends_after_next(input) {
        return input.parse::<LitByteStr>().ok().map(StreamItem::Bytes);
    }
    if let Ok(lit) = input.fork().parse::<Lit>()
        && duration::is_duration(&lit)
    {
        input.parse::<Lit>().ok();
        errors.help(
            span,
            "a duration alone is no item",
            format_args!("write `sleep({})`", lit.to_token_stream()),
        );
        return None;
    }
    if let Some(name) = word(input)
        && let Some(found) = by_word(input, errors, &name, span)
    {
        return found;
    }
    match code::callable(input, errors, "an item of the stream") {
        Ok(Callable::Expr(value)) => Some(StreamItem::Value(numbers::expr(value))),
        Ok(call) => {
            code::check_parameters(&call, 1, errors, "write `|| …` or `|req| …`");
            Some(StreamItem::Call(call))
        }
        Err(raw) => Some(StreamItem::Broken(span, raw)),
    }
}

fn nested(
    input: ParseStream<'_>,
    errors: &mut Errors,
    span: Span,
    once: bool,
) -> Option<StreamItem> {
    let items = inside(input, Delimiter::Bracket, errors, items)?;
    Some(StreamItem::Nested { span, once, items })
}

/// An item that begins with a word of the language; the outer `None` where the word is not used as one.
fn by_word(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &Ident,
    span: Span,
) -> Option<Option<StreamItem>> {
    let after = input.fork();
    after.call(Ident::parse_any).ok();
    let called = after.peek(token::Paren);
    let lonely = ends_after_next(input);
    let text = name.to_string();
    match text.as_str() {
        "sleep" if called || lonely || after.peek(Lit) => {
            input.call(Ident::parse_any).ok();
            if !called {
                let help = after.parse::<Lit>().map_or_else(
                    |_| "write `sleep(1s)`".to_owned(),
                    |lit| format!("write `sleep({})`", lit.to_token_stream()),
                );
                errors.help(here(input), "expected `(` after `sleep`", help);
                skip_while(input, |input| !at_end(input));
                return Some(None);
            }
            let time = inside(input, Delimiter::Parenthesis, errors, duration::time)?;
            Some(time.map(|time| StreamItem::Sleep(span, time)))
        }
        "wait" if called => {
            input.call(Ident::parse_any).ok();
            Some(
                code::in_parens(input, errors, "what to wait for")
                    .map(|event| StreamItem::Wait(span, event)),
            )
        }
        "from" if called => {
            input.call(Ident::parse_any).ok();
            Some(
                code::in_parens(input, errors, "a stream or an iterator")
                    .map(|source| StreamItem::From(span, source)),
            )
        }
        "hold" if called => {
            input.call(Ident::parse_any).ok();
            Some(code::in_parens(input, errors, "a gate").map(|gate| StreamItem::Hold(span, gate)))
        }
        "json" if called => {
            input.call(Ident::parse_any).ok();
            Some(
                code::in_parens(input, errors, "a value")
                    .map(|value| StreamItem::JsonOf(span, numbers::expr(value))),
            )
        }
        "text" if called || after.peek(LitStr) => {
            input.call(Ident::parse_any).ok();
            let value = if called {
                code::in_parens(input, errors, "a text")
            } else {
                expr(input, errors, "a text").ok()
            };
            Some(value.map(|value| StreamItem::Text(span, value)))
        }
        "file" if called || after.peek(LitStr) || after.peek(Ident::peek_any) => {
            input.call(Ident::parse_any).ok();
            let once = super::cursor::take_word(input, "once").is_some();
            Some(
                reply::value(input, errors, "a path of a file").map(|path| StreamItem::File {
                    span,
                    once,
                    path,
                }),
            )
        }
        "head" if lonely => {
            input.call(Ident::parse_any).ok();
            Some(Some(StreamItem::Head(span)))
        }
        "stop" if lonely => {
            input.call(Ident::parse_any).ok();
            Some(Some(StreamItem::Stop(span)))
        }
        "null" if lonely => {
            input.call(Ident::parse_any).ok();
            Some(Some(StreamItem::Json(
                span,
                quote::quote_spanned!(span=> null),
            )))
        }
        "once"
            if after.peek(token::Bracket)
                || lonely
                || after.peek(Lit)
                || after.peek(token::Brace) =>
        {
            input.call(Ident::parse_any).ok();
            if input.peek(token::Bracket) {
                return Some(nested(input, errors, span, true));
            }
            errors.help(
                here(input),
                "expected `[` after `once`",
                "write `once [ … ]`: items for the first request only",
            );
            skip_to_comma(input);
            Some(None)
        }
        "sse" if after.peek(token::Brace) || lonely || called => {
            input.call(Ident::parse_any).ok();
            if input.peek(token::Brace) {
                return Some(sse(input, errors, span));
            }
            errors.help(
                here(input),
                "expected `{` after `sse`",
                "write `sse { event: \"tick\", data: { \"n\": 1 } }`",
            );
            skip_to_comma(input);
            Some(None)
        }
        "stream" if after.peek(token::Bracket) => {
            errors.help(
                span,
                "a stream in a stream has brackets only",
                "drop the `stream`",
            );
            input.call(Ident::parse_any).ok();
            Some(nested(input, errors, span, false))
        }
        "header" | "cookie" if after.peek(token::Brace) => {
            errors.help(
                span,
                format_args!("`{text}` is no item: the head goes out before the stream"),
                format_args!("write `stream \"/\" => {text} {{ … }}, [ … ];`"),
            );
            skip_to_comma(input);
            Some(None)
        }
        _ => {
            if let Some(fault) = fault::in_stream(input, errors, &text, span) {
                return Some(fault.map(StreamItem::Fault));
            }
            let juxtaposed = after.peek(token::Bracket) && nearest(&text, ["once"]).is_some()
                || after.peek(Lit)
                || after.peek(token::Brace) && json::is_object(&after);
            if juxtaposed {
                errors.help(
                    span,
                    format_args!("`{text}` is no word of a stream{}", did_you_mean(&text, ITEMS.iter().copied())),
                    "items are bytes, JSON, `sleep(1s)`, `wait(…)`, closures, `[ … ]`, `once [ … ]`, `for x in … { … }`, `...`",
                );
                skip_to_comma(input);
                return Some(None);
            }
            // A call with a duration in it was meant as `sleep`.
            if called && is_timed(&after) {
                errors.help(
                    span,
                    format_args!(
                        "`{text}` is no word of a stream{}",
                        did_you_mean(&text, ITEMS.iter().copied())
                    ),
                    "a pause is `sleep(1s)`",
                );
                skip_to_comma(input);
                return Some(None);
            }
            None
        }
    }
}

fn is_timed(after: ParseStream<'_>) -> bool {
    after
        .cursor()
        .group(Delimiter::Parenthesis)
        .and_then(|(inside, ..)| inside.literal())
        .and_then(|(lit, next)| next.eof().then(|| Lit::new(lit)))
        .is_some_and(|lit| duration::is_duration(&lit))
}

/// `for PAT in EXPR { items }`
fn repeat(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Option<StreamItem> {
    let form = "write `for x in 0..3 { format!(\"{x}\"), sleep(1s) }`";
    input.parse::<Token![for]>().ok();
    let at = here(input);
    // A pattern and what follows without `in` would be read as a struct.
    let fork = input.fork();
    let mut found = false;
    while !found && !at_end(&fork) {
        found = fork.peek(Token![in]);
        if fork.parse::<proc_macro2::TokenTree>().is_err() {
            break;
        }
    }
    if !found {
        errors.help(
            at,
            "expected a variable, `in`, and what to go through",
            form,
        );
        skip_to_comma(input);
        return None;
    }
    let Ok(pat) = Pat::parse_multi(input) else {
        errors.help(at, "expected a variable after `for`", form);
        skip_to_comma(input);
        return None;
    };
    if input.parse::<Token![in]>().is_err() {
        errors.help(here(input), "expected `in` after the variable", form);
        skip_to_comma(input);
        return None;
    }
    let source = match Expr::parse_without_eager_brace(input) {
        Ok(source) => source,
        Err(error) => {
            errors.absorb(error);
            skip_to_comma(input);
            return None;
        }
    };
    if !input.peek(token::Brace) {
        errors.help(here(input), "expected `{` and items", form);
        skip_to_comma(input);
        return None;
    }
    let items = inside(input, Delimiter::Brace, errors, items)?;
    Some(StreamItem::For {
        span,
        pat,
        expr: source,
        items,
    })
}

/// `sse { event: "x", data: { … }, id: 1, retry: 1s }`
fn sse(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Option<StreamItem> {
    let known_mistakes = errors.count();
    let mut fields: Vec<(Ident, TokenStream)> = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        while !content.is_empty() {
            let at = here(content);
            let quoted = content
                .fork()
                .parse::<LitStr>()
                .ok()
                .filter(|lit| syn::parse_str::<Ident>(&lit.value()).is_ok());
            let name = match quoted {
                Some(lit) => {
                    content.parse::<LitStr>().ok();
                    Some(Ident::new(&lit.value(), lit.span()))
                }
                None => content.call(Ident::parse_any).ok(),
            };
            let known = ["event", "data", "id", "retry"];
            match name {
                None => {
                    errors.push(at, "expected `event`, `data`, `id` or `retry`");
                    skip_to_comma(content);
                }
                Some(name) if !known.contains(&name.to_string().as_str()) => {
                    errors.help(
                        at,
                        format_args!(
                            "`{name}` is no field of an event{}",
                            did_you_mean(&name.to_string(), known)
                        ),
                        "the fields are `event`, `data`, `id` and `retry`",
                    );
                    skip_to_comma(content);
                }
                Some(name) => {
                    if content.parse::<Token![:]>().is_err() {
                        errors.push(here(content), "expected `:` and a value");
                        skip_to_comma(content);
                    } else if let Some(value) = sse_value(content, errors, &name) {
                        fields.push((name, value));
                    }
                }
            }
            super::pattern::comma(content, errors);
        }
    })?;
    if fields.is_empty() && errors.count() > known_mistakes {
        return None;
    }
    if fields.is_empty() {
        errors.help(
            span,
            "an event has at least one field",
            "write `sse { data: \"hello\" }`",
        );
        return None;
    }
    Some(StreamItem::Sse(span, fields))
}

fn sse_value(content: ParseStream<'_>, errors: &mut Errors, name: &Ident) -> Option<TokenStream> {
    if at_end(content) {
        errors.push(here(content), format_args!("expected a value of `{name}`"));
        return None;
    }
    let bare =
        content.peek(token::Brace) && json::is_object(content) || content.peek(token::Bracket);
    if name == "data" && bare {
        let tokens = json::value(content, errors);
        // Marked by a group so that the expansion knows JSON from expressions.
        return Some(quote!(json { #tokens }));
    }
    if name == "retry" {
        return match duration::time(content, errors)? {
            crate::ast::Time::Known(span, time) => {
                let millis = syn::LitInt::new(&time.as_millis().to_string(), span);
                Some(quote!(#millis))
            }
            crate::ast::Time::Expr(value) => Some(
                quote!(::core::primitive::u64::try_from(#value.as_millis()).unwrap_or(::core::primitive::u64::MAX)),
            ),
            crate::ast::Time::Between(span, ..) => {
                errors.push(span, "`retry` is one duration");
                None
            }
        };
    }
    kept(content, errors, "a value").map(ToTokens::into_token_stream)
}
