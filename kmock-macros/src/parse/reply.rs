//! What stands right of `=>`: statuses, headers, bodies, code, streams, faults.

use proc_macro2::{Delimiter, Span};
use quote::quote;
use syn::{
    Expr, ExprLit, Ident, Lit, LitByteStr, LitStr, Token, ext::IdentExt, parse::ParseStream,
    spanned::Spanned, token,
};

use super::{
    at_end, code, ends_after_next, expr, fault, filter, here, inside, kept, pattern, skip_to_comma,
    skip_while, starts_head, starts_rule, stream, word,
};
use crate::{
    ast::{Callable, Name, Part},
    duration,
    errors::Errors,
    habits, json,
    words::{REPLIES, nearest},
};

const FORMS: &str = "a reply is a status (`404`), bytes (`b\"raw\"`), JSON (`{ \"a\": 1 }`), code (`|req| …`), `stream [ … ]`, `header { … }`, …";

/// The parts after `=>`, up to the `;`, or to where the next rule begins.
pub(super) fn parts(
    input: ParseStream<'_>,
    errors: &mut Errors,
    stream: Option<Span>,
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
        parts.extend(part(input, errors, stream));
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

fn part(input: ParseStream<'_>, errors: &mut Errors, streams: Option<Span>) -> Vec<Part> {
    let span = here(input);
    if input.peek(Lit) && ends_after_literal(input) {
        return literal(input, errors).into_iter().collect();
    }
    if input.peek(Token![-]) && input.peek2(syn::LitInt) && !input.peek2(syn::LitFloat) {
        if let Ok(found) = expr(input, errors, "a reply") {
            let text = quote!(#found).to_string().replace(' ', "");
            errors.help(
                span,
                "a status is a number from 100 to 999",
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
        if let Some(found) = by_word(input, errors, &name.to_string(), span) {
            return found;
        }
        if slip(input, errors, &name) {
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
        Ok(Callable::Expr(Expr::Array(array))) => vec![Part::JsonOf(span, Expr::Array(array))],
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

/// Whether the literal that comes next is all of this part.
fn ends_after_literal(input: ParseStream<'_>) -> bool {
    ends_after_next(input) || {
        let fork = input.fork();
        fork.parse::<Lit>().is_ok()
            && (fork.peek(Lit)
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
                Ok(100..=999) if matches!(number.suffix(), "" | "u16" | "i32" | "u32") => {
                    return Some(Part::Status(lit));
                }
                Ok(100..=999) => errors.help(
                    span,
                    format_args!("`{text}` is no status"),
                    format_args!("write `{}`", number.base10_digits()),
                ),
                _ if !number.suffix().is_empty() => errors.help(
                    span,
                    format_args!("`{text}` is no reply"),
                    format_args!(
                        "a status is a number from 100 to 999, a pause is `sleep({}s)`",
                        number.base10_digits()
                    ),
                ),
                _ => errors.help(
                    span,
                    format_args!("`{text}` is no status: they are numbers from 100 to 999"),
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

/// A part that begins with a word of the language; `None` where the word is not used as one.
fn by_word(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &str,
    span: Span,
) -> Option<Vec<Part>> {
    let next_is = |fork: &syn::parse::ParseBuffer<'_>| {
        fork.call(Ident::parse_any).ok();
    };
    let after = input.fork();
    next_is(&after);
    let valued = after.peek(LitStr) || after.peek(token::Paren) || after.peek(LitByteStr);
    let lonely = ends_after_next(input);
    match name {
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
        "text" if valued => {
            input.call(Ident::parse_any).ok();
            Some(
                value(input, errors, "a text")
                    .map(|value| Part::Text(span, value))
                    .into_iter()
                    .collect(),
            )
        }
        "json" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            Some(
                value(input, errors, "a value")
                    .map(|value| Part::JsonOf(span, value))
                    .into_iter()
                    .collect(),
            )
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
            let once = super::take_word(input, "once").is_some();
            Some(
                value(input, errors, "a path of a file")
                    .map(|path| Part::File { span, once, path })
                    .into_iter()
                    .collect(),
            )
        }
        "stream" if after.peek(token::Bracket) => {
            input.call(Ident::parse_any).ok();
            let items = inside(input, Delimiter::Bracket, errors, stream::items);
            Some(
                items
                    .map(|items| Part::Stream(span, items))
                    .into_iter()
                    .collect(),
            )
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
            Some(
                value(input, errors, "a stream")
                    .map(|value| Part::StreamOf(span, value))
                    .into_iter()
                    .collect(),
            )
        }
        "sleep" | "delay" if after.peek(token::Paren) || after.peek(Lit) || lonely => {
            input.call(Ident::parse_any).ok();
            let time = if input.peek(token::Paren) {
                inside(input, Delimiter::Parenthesis, errors, duration::time)?
            } else {
                duration::time(input, errors)
            };
            Some(
                time.map(|time| Part::Delay(span, time))
                    .into_iter()
                    .collect(),
            )
        }
        "websocket" if after.peek(token::Bracket) => {
            input.call(Ident::parse_any).ok();
            let items = inside(input, Delimiter::Bracket, errors, stream::items);
            Some(
                items
                    .map(|items| Part::WebSocket(span, items))
                    .into_iter()
                    .collect(),
            )
        }
        "websocket" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            Some(
                code::in_parens(input, errors, "a WebSocket")
                    .map(|socket| Part::WebSocketOf(span, socket))
                    .into_iter()
                    .collect(),
            )
        }
        "wait" if after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            Some(
                code::in_parens(input, errors, "what to wait for")
                    .map(|event| Part::Wait(span, event))
                    .into_iter()
                    .collect(),
            )
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
            Some(
                code::in_parens(input, errors, "a gate")
                    .map(|gate| Part::Hold(span, gate))
                    .into_iter()
                    .collect(),
            )
        }
        "slow" if after.peek(Lit) || lonely || after.peek(token::Paren) => {
            input.call(Ident::parse_any).ok();
            let speed = if input.peek(token::Paren) {
                inside(input, Delimiter::Parenthesis, errors, duration::speed)?
            } else {
                duration::speed(input, errors)
            };
            Some(
                speed
                    .map(|speed| Part::Slow(span, speed))
                    .into_iter()
                    .collect(),
            )
        }
        "proxy" if valued || lonely => {
            input.call(Ident::parse_any).ok();
            if let Ok(url) = input.fork().parse::<LitStr>() {
                let text = url.value();
                if !text.starts_with("http://") && !text.starts_with("https://") {
                    errors.help(
                        url.span(),
                        "expected the URL of a server",
                        format_args!("write `proxy \"http://{}\"`", text.trim_start_matches('/')),
                    );
                }
            }
            Some(
                value(input, errors, "a URL")
                    .map(|url| Part::Proxy(span, url))
                    .into_iter()
                    .collect(),
            )
        }
        _ => fault::fault(input, errors, name, span)
            .map(|fault| fault.map(Part::Fault).into_iter().collect()),
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

/// `header { "X-A": "1", "X-B": ! }`
fn fields(input: ParseStream<'_>, errors: &mut Errors, header: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        while !content.is_empty() {
            let at = here(content);
            match filter::field_name(content, errors) {
                Some(name) => {
                    if header {
                        header_name(&name, errors);
                    }
                    match field_value(content, errors) {
                        Some(value) if header => parts.push(Part::Header(at, name, value)),
                        Some(value) => parts.push(Part::Cookie(at, name, value)),
                        None => skip_to_comma(content),
                    }
                }
                None => skip_to_comma(content),
            }
            pattern::comma(content, errors);
        }
    });
    parts
}

/// `: VALUE`, where `!` removes.
#[allow(
    clippy::option_option,
    reason = "no value at all is another thing than a removal"
)]
fn field_value(content: ParseStream<'_>, errors: &mut Errors) -> Option<Option<Expr>> {
    let at = here(content);
    if content.parse::<Token![:]>().is_err() {
        errors.help(
            at,
            "expected `:` and a value after the name",
            "write `\"name\": \"value\"`, or `\"name\": !` to remove it",
        );
        return None;
    }
    let removes = content.peek(Token![!]) && {
        let fork = content.fork();
        fork.parse::<Token![!]>().is_ok() && at_end(&fork)
    };
    if removes {
        content.parse::<Token![!]>().ok();
        return Some(None);
    }
    if word(content).is_some_and(|word| word == "_") {
        errors.help(
            here(content),
            "`_` is a pattern of requests",
            "a reply has values: `\"name\": \"value\"`",
        );
        return None;
    }
    kept(content, errors, "a value").map(Some)
}

fn header_name(name: &Name, errors: &mut Errors) {
    let Name::Lit(lit) = name else { return };
    let text = lit.value();
    let valid = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(valid) {
        let help = text.strip_suffix(':').map_or(
            "names are letters, digits and `-`, as in \"X-Request-Id\"".to_owned(),
            |text| format!("write \"{text}\""),
        );
        errors.help(
            lit.span(),
            format_args!("`{text}` is no name of a header"),
            help,
        );
    }
}

/// A word that is nearly one of the language, followed by what only such a word is followed by.
fn slip(input: ParseStream<'_>, errors: &mut Errors, name: &Ident) -> bool {
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
