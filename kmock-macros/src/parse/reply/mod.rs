//! What stands right of `=>`: statuses, headers, bodies, code, streams, faults.

mod fields;
mod http;
mod transport;
mod words;

use proc_macro2::{Delimiter, Span};
use quote::quote;
use syn::{
    Expr, ExprLit, Ident, Lit, LitByteStr, Token, ext::IdentExt, parse::ParseStream,
    spanned::Spanned, token,
};

pub(super) use self::transport::misplaced;
use self::words::{by_word, slip};
use super::{
    ahead::{starts_head, starts_rule},
    code,
    cursor::{at_end, ends_after_next, expr, here, inside, skip_while, word},
    life, stream,
};
use crate::{
    ast::{Callable, Part},
    duration,
    errors::Errors,
    habits, json, numbers,
    words::REPLIES,
};

const FORMS: &str = "a reply is a status (`404`), bytes (`b\"raw\"`), JSON (`{ \"a\": 1 }`), code (`|req| …`), `stream [ … ]`, `header { … }`, …";

/// The parts after `=>`, up to the `;`, or to where the next rule begins.
pub(super) fn parts(
    input: ParseStream<'_>,
    errors: &mut Errors,
    stream: Option<Span>,
    kubernetes: bool,
) -> Vec<Part> {
    let mut parts = Vec::new();
    if input.is_empty() || input.peek(Token![;]) {
        errors.help(
            here(input),
            "expected a reply after `=>`",
            "a rule without `=>` is a spy: it records and lets the request go on",
        );
        return parts;
    }
    loop {
        if input.peek(Token![,]) {
            errors.push(here(input), "expected a part of the reply before `,`");
            input.parse::<Token![,]>().ok();
            continue;
        }
        if input.is_empty() || input.peek(Token![;]) {
            return parts;
        }
        let known = errors.count();
        parts.extend(part(input, errors, stream, kubernetes));
        if input.peek(Token![,]) {
            input.parse::<Token![,]>().ok();
            // A comma where the `;` should be: what follows is another rule.
            if starts_head(input) || input.peek(Token![let]) && input.peek3(Token![=]) {
                return parts;
            }
        } else if errors.count() == known && is_another_part(input) {
            errors.push(here(input), "expected `,` before this part of the reply");
        } else if !input.is_empty()
            && !input.peek(Token![;])
            && errors.count() > known
            && !starts_rule(input)
        {
            // Part of what has been reported.
            skip_while(input, |input| !at_end(input));
            input.parse::<Token![,]>().ok();
        } else {
            return parts;
        }
    }
}

/// A closure of a command and its streams, where that is what a rule is for: the word `exec` goes without saying.
pub(super) fn as_command(part: &mut Part) {
    let Part::Call(call) = part else { return };
    let (Callable::Sync(closure) | Callable::Future(closure) | Callable::Async(closure)) = call
    else {
        return;
    };
    if closure.inputs.len() == 2 {
        *part = Part::Exec(closure.span(), life::called_async(call));
    }
}

/// Whether a part of this reply goes on here, and no rule begins: there is no `=>` before the next `;`.
fn is_another_part(input: ParseStream<'_>) -> bool {
    let begins = input.peek(Lit)
        || input.peek(token::Brace)
        || input.peek(token::Bracket)
        || word(input).is_some_and(|word| REPLIES.contains(&word.to_string().as_str()));
    if !begins {
        return false;
    }
    let fork = input.fork();
    while !fork.is_empty() && !fork.peek(Token![;]) && !fork.peek(Token![=>]) {
        if fork.parse::<proc_macro2::TokenTree>().is_err() {
            return false;
        }
    }
    !fork.peek(Token![=>])
}

/// Items of a stream in braces or parentheses, where brackets should be.
fn wrong_brackets(input: ParseStream<'_>, errors: &mut Errors, streams: Span) -> Option<Part> {
    let (delimiter, (inside_it, ..)) = [Delimiter::Brace, Delimiter::Parenthesis]
        .into_iter()
        .find_map(|delimiter| Some((delimiter, input.cursor().group(delimiter)?)))?;
    let several = inside_it
        .token_stream()
        .into_iter()
        .any(|tree| matches!(tree, proc_macro2::TokenTree::Punct(comma) if comma.as_char() == ','));
    if !several && !matches!(inside_it.literal(), Some((_, next)) if next.eof()) {
        return None;
    }
    errors.help(
        here(input),
        "the items of a stream are in brackets",
        "write `[ b\"one\", sleep(1s), b\"two\" ]`",
    );
    inside(input, delimiter, errors, stream::items).map(|items| Part::Stream(streams, items))
}

fn part(
    input: ParseStream<'_>,
    errors: &mut Errors,
    streams: Option<Span>,
    kubernetes: bool,
) -> Vec<Part> {
    let span = here(input);
    if input.peek(Lit) && ends_after_literal(input) {
        let found = literal(input, errors);
        if matches!(found, Some(Part::Status(_))) {
            after_status(input, errors);
        }
        return found.into_iter().collect();
    }
    if input.peek(Token![-]) && input.peek2(syn::LitInt) && !input.peek2(syn::LitFloat) {
        if let Ok(found) = expr(input, errors, "a reply") {
            let text = quote!(#found).to_string().replace(' ', "");
            errors.help(
                span,
                "a status is a number from 200 to 999",
                format_args!("write `json!({text})` for a number as the body"),
            );
        }
        return Vec::new();
    }
    if input.peek(token::Brace) && json::is_object(input) {
        return vec![Part::Json(span, json::value(input, errors))];
    }
    if input.peek(token::Bracket) {
        if let Some(streams) = streams {
            let items = inside(input, Delimiter::Bracket, errors, stream::items);
            return items
                .map(|items| Part::Stream(streams, items))
                .into_iter()
                .collect();
        }
        return vec![array(input, errors, span)];
    }
    if let Some(streams) = streams
        && let Some(part) = wrong_brackets(input, errors, streams)
    {
        return vec![part];
    }
    if input.peek(token::Paren) && input.peek2(Token![=>]) {
        errors.help(
            span,
            "a closure has bars around its arguments",
            "write `|req| …`",
        );
        skip_while(input, |input| !at_end(input));
        return Vec::new();
    }
    if input.peek(Token![...]) {
        errors.help(
            span,
            "`...` is for streams",
            "write `stream \"/\" => [ …, ... ];`",
        );
        input.parse::<Token![...]>().ok();
        return Vec::new();
    }
    if let Some(name) = word(input) {
        if let Some(found) = by_word(input, errors, &name.to_string(), span, kubernetes) {
            return found;
        }
        if slip(input, errors, &name) {
            return Vec::new();
        }
        if ends_after_next(input)
            && let Some(help) = habits::alone(&name.to_string())
        {
            errors.help(
                span,
                format_args!("`{name}` is no word of a reply"),
                format_args!("{help}; in parentheses, `({name})`, it is a name of Rust"),
            );
            input.call(Ident::parse_any).ok();
            return Vec::new();
        }
    }
    if let Some(streams) = streams {
        return expr(input, errors, "a stream").map_or_else(
            |raw| vec![Part::Broken(span, raw)],
            |value| vec![Part::StreamOf(streams, value)],
        );
    }
    match code::callable(input, errors, "a reply") {
        Ok(Callable::Expr(Expr::Binary(shift))) if matches!(shift.op, syn::BinOp::Shr(_)) => {
            errors.help(
                shift.op.span(),
                "a sink stands before `=>`",
                "write `GET \"/\" >> sink => 200;`",
            );
            Vec::new()
        }
        Ok(Callable::Expr(Expr::Array(array))) => {
            vec![Part::JsonOf(span, numbers::expr(Expr::Array(array)))]
        }
        Ok(call) => vec![Part::Call(call)],
        Err(raw) => vec![Part::Broken(span, raw)],
    }
}

/// `[1, 2]` is JSON; what is only in streams is explained.
fn array(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Part {
    let fork = input.fork();
    let mut stream = None;
    let mut ignored = Errors::default();
    inside(&fork, Delimiter::Bracket, &mut ignored, |content, _| {
        while !content.is_empty() {
            let at = here(content);
            let word = word(content)
                .map(|word| word.to_string())
                .unwrap_or_default();
            if content.peek(Token![...])
                || ["sleep", "wait", "once"].contains(&word.as_str())
                || content.peek(Token![for])
                || content.peek(LitByteStr)
            {
                stream.get_or_insert(at);
            }
            if content.parse::<proc_macro2::TokenTree>().is_err() {
                break;
            }
        }
    });
    if let Some(at) = stream {
        errors.help(
            at,
            "an array is JSON, and this is an item of a stream",
            "write `stream \"/\" => [ … ];` or `=> stream [ … ];`",
        );
        return inside(input, Delimiter::Bracket, errors, stream::items).map_or_else(
            || Part::Json(span, quote!(null)),
            |items| Part::Stream(span, items),
        );
    }
    Part::Json(span, json::value(input, errors))
}

/// What people write behind a status: its words, how often it is answered.
fn after_status(input: ParseStream<'_>, errors: &mut Errors) {
    let at = here(input);
    if input.peek(token::Bracket) {
        errors.help(
            at,
            "a slice stands before `=>`",
            "write `GET \"/\" [0] => 503;`",
        );
    } else if let Some(name) = word(input) {
        let text = name.to_string();
        let fork = input.fork();
        fork.call(Ident::parse_any).ok();
        match text.as_str() {
            "times" | "once" | "twice" => errors.help(
                at,
                "how often a rule answers stands before `=>`",
                "write `GET \"/\" [..2] => 503;` for the first two requests, `#[expect(2)]` before the rule to be sure of two",
            ),
            _ if text.chars().all(|c| c.is_ascii_uppercase()) && at_end(&fork) => errors.help(
                at,
                "the words of a status are known",
                "write the number alone",
            ),
            _ => return,
        }
    } else {
        return;
    }
    skip_while(input, |input| !at_end(input));
}

/// Whether the literal that comes next is all of this part.
fn ends_after_literal(input: ParseStream<'_>) -> bool {
    ends_after_next(input) || {
        let fork = input.fork();
        fork.parse::<Lit>().is_ok()
            && (fork.peek(Lit)
                || fork.peek(token::Bracket) && input.peek(syn::LitInt)
                || fork.peek(Ident::peek_any) && !fork.peek(Token![as])
                || fork.peek(Token![#])
                || fork.peek(token::Brace))
    }
}

fn literal(input: ParseStream<'_>, errors: &mut Errors) -> Option<Part> {
    let lit = input.parse::<Lit>().ok()?;
    let span = lit.span();
    if duration::is_duration(&lit) {
        errors.help(
            span,
            "a duration is no reply",
            format_args!("write `sleep({})` to answer later", quote!(#lit)),
        );
        return None;
    }
    match &lit {
        Lit::Int(number) => {
            let text = number.to_string();
            match number.base10_parse::<u64>() {
                Ok(100..=199) => {
                    let way = match text.as_str() {
                        "101" => "write `websocket [ … ]`, which answers an upgrade",
                        "100" => "it is sent by itself, as soon as the body of a request is wanted",
                        _ => {
                            "write `hint 103 { \"Link\": \"</a.css>\" }, 200` for what comes before an answer"
                        }
                    };
                    errors.help(span, format_args!("`{text}` is no answer of its own"), way);
                }
                Ok(200..=999) if matches!(number.suffix(), "" | "u16" | "i32" | "u32") => {
                    return Some(Part::Status(lit));
                }
                Ok(200..=999) => errors.help(
                    span,
                    format_args!("`{text}` is no status"),
                    format_args!("write `{}`", number.base10_digits()),
                ),
                _ if !number.suffix().is_empty() => errors.help(
                    span,
                    format_args!("`{text}` is no reply"),
                    format_args!(
                        "a status is a number from 200 to 999, a pause is `sleep({}s)`",
                        number.base10_digits()
                    ),
                ),
                _ => errors.help(
                    span,
                    format_args!("`{text}` is no status: they are numbers from 200 to 999"),
                    format_args!("write `json!({text})` for a number as the body"),
                ),
            }
            None
        }
        Lit::ByteStr(bytes) => Some(Part::Bytes(bytes.clone())),
        Lit::Byte(_) | Lit::CStr(_) => {
            errors.help(span, "this literal is no reply", "bytes are `b\"…\"`");
            None
        }
        Lit::Char(one) => {
            errors.help(
                span,
                "a single character is no reply",
                format_args!("write \"{}\"", one.value()),
            );
            None
        }
        Lit::Str(text) if !text.suffix().is_empty() => {
            errors.push(
                span,
                format_args!("a text has no suffix `{}`", text.suffix()),
            );
            None
        }
        _ => Some(Part::Call(Callable::Expr(Expr::Lit(ExprLit {
            attrs: Vec::new(),
            lit,
        })))),
    }
}

/// A literal, or an expression in parentheses.
pub(super) fn value(input: ParseStream<'_>, errors: &mut Errors, what: &str) -> Option<Expr> {
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, what);
    }
    let at = here(input);
    match input.fork().parse::<Lit>() {
        Ok(Lit::Str(_)) => expr(input, errors, what).ok(),
        Ok(Lit::ByteStr(_)) => {
            errors.help(
                at,
                format_args!("expected {what}"),
                "drop the `b` for a text",
            );
            input.parse::<Lit>().ok();
            None
        }
        _ => {
            errors.help(
                at,
                format_args!("expected {what}"),
                "write it in quotes, or an expression in parentheses",
            );
            skip_while(input, |input| !at_end(input));
            None
        }
    }
}
