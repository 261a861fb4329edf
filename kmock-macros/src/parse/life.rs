//! What is declared of a cluster that lives: nodes, what images do, stages. Each word is one call of the builder API.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, Ident, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned, token};

use super::{
    code::{self, Unfinished},
    cursor::{at_end, here, inside, kept, lit_str, skip_to_semicolon, skip_while, take_word, word},
    slice::slice,
};
use crate::{
    ast::{Arguments, Call, Callable, Declaration, Time},
    duration,
    errors::Errors,
    json,
    words::{IMAGES, NODES, STAGES, nearest},
};

/// Reads one up to and without its `;`.
pub(super) fn declaration(input: ParseStream<'_>, errors: &mut Errors) -> Option<Declaration> {
    let kind = input.call(Ident::parse_any).ok()?;
    let about = match lit_str(input) {
        Some(text) => Some(text.to_token_stream()),
        None if input.peek(token::Paren) => {
            code::in_parens(input, errors, "a name").map(|name| quote!(&#name))
        }
        None => {
            let (what, example) = match kind.to_string().as_str() {
                "node" => ("the name of a node", "node \"worker-{1..=3}\" { cpu: 4 };"),
                "image" => ("the pattern of an image", "image \"web:*\" => exit(1);"),
                _ => (
                    "a resource",
                    "stage \"certificates.cert-manager.io\" => status { … };",
                ),
            };
            errors.help(
                here(input),
                format_args!("expected {what}"),
                format_args!("write `{example}`"),
            );
            skip_to_semicolon(input);
            None
        }
    };
    let mut calls = Vec::new();
    if about.is_some() {
        match kind.to_string().as_str() {
            "node" => node(input, errors, &mut calls),
            "image" => image(input, errors, &mut calls),
            _ => stage(input, errors, &mut calls),
        }
        if !at_end(input) || input.peek(Token![,]) {
            errors.help(
                here(input),
                "unexpected token",
                "a declaration ends with `;`",
            );
            skip_to_semicolon(input);
        }
    }
    Some(Declaration {
        binding: None,
        rust: Vec::new(),
        about: about.unwrap_or_else(|| quote!("")),
        kind,
        calls,
    })
}

fn call(name: &str, span: Span, arguments: TokenStream) -> Call {
    Call {
        name: Ident::new(name, span),
        arguments: Arguments::Tokens(arguments),
    }
}

/// A word that is none yet.
fn typed(name: &Ident) -> Call {
    Call {
        name: name.clone(),
        arguments: Arguments::Typed,
    }
}

/// `{ cpu: 4, zone: "a", label: { "disk": "ssd" } }`
fn node(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>) {
    if input.peek(Token![=>]) {
        errors.help(
            here(input),
            "a node is no rule",
            "write `node \"worker\" { cpu: 4 };`",
        );
        return skip_to_semicolon(input);
    }
    if !input.peek(token::Brace) {
        return;
    }
    inside(
        input,
        proc_macro2::Delimiter::Brace,
        errors,
        |content, errors| {
            while !content.is_empty() {
                field(content, errors, calls);
                if !content.is_empty() && content.parse::<Token![,]>().is_err() {
                    errors.help(
                        here(content),
                        "expected `,`",
                        "fields are separated by commas",
                    );
                    skip_while(content, |content| !content.peek(Token![,]));
                    content.parse::<Token![,]>().ok();
                }
            }
        },
    );
}

fn field(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>) {
    let Ok(name) = input.call(Ident::parse_any) else {
        errors.help(
            here(input),
            "expected a field of a node",
            format_args!("the fields are {}", listed(NODES)),
        );
        skip_while(input, |input| !input.peek(Token![,]));
        return;
    };
    let text = name.to_string();
    if !NODES.contains(&text.as_str()) {
        unknown(&name, NODES, "a node has no", "fields", errors);
        calls.push(typed(&name));
        skip_while(input, |input| !input.peek(Token![,]));
        return;
    }
    if input.parse::<Token![:]>().is_err() {
        errors.help(
            here(input),
            "expected `:` and a value",
            format_args!("write `{text}: …`"),
        );
        skip_while(input, |input| !input.peek(Token![,]));
        return;
    }
    if matches!(text.as_str(), "label" | "capacity") {
        if !input.peek(token::Brace) {
            errors.help(
                here(input),
                format_args!("`{text}` has names and values"),
                format_args!("write `{text}: {{ \"name\": \"value\" }}`"),
            );
            skip_while(input, |input| !input.peek(Token![,]));
            return;
        }
        inside(
            input,
            proc_macro2::Delimiter::Brace,
            errors,
            |content, errors| {
                while !content.is_empty() {
                    let key = lit_str(content);
                    let colon = content.parse::<Token![:]>();
                    let value = kept(content, errors, "a value");
                    match (key, colon, value) {
                        (Some(key), Ok(_), Some(value)) => {
                            calls.push(call(&text, name.span(), quote!(#key, #value)));
                        }
                        _ => {
                            errors.help(
                                here(content),
                                "expected a name in quotes, `:` and a value",
                                "write `{ \"disk\": \"ssd\" }`",
                            );
                            skip_while(content, |_| true);
                        }
                    }
                    content.parse::<Option<Token![,]>>().ok();
                }
            },
        );
        return;
    }
    match kept(input, errors, "a value") {
        Some(Expr::Array(array)) if text == "taint" => {
            for one in &array.elems {
                calls.push(call(&text, name.span(), one.to_token_stream()));
            }
        }
        Some(value) => calls.push(call(&text, name.span(), value.to_token_stream())),
        None => {}
    }
}

/// `[..2] => exit(1) after 5s, log "no database\n"`
fn image(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>) {
    let at = here(input);
    if let Some(runs) = slice(input, errors) {
        // One number is one start.
        let runs = match &runs {
            Expr::Lit(lit) => quote!(#lit..=#lit),
            range => range.to_token_stream(),
        };
        calls.push(call("runs", at, runs));
    }
    if !input.peek(Token![=>]) {
        return;
    }
    input.parse::<Token![=>]>().ok();
    parts(input, errors, |input, errors| {
        image_part(input, errors, calls);
    });
}

/// Parts up to the end of the declaration.
fn parts(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut part: impl FnMut(ParseStream<'_>, &mut Errors),
) {
    loop {
        let before = input.cursor();
        part(input, errors);
        if input.cursor() == before && !at_end(input) {
            skip_while(input, |input| !at_end(input));
        }
        if input.parse::<Token![,]>().is_err() {
            return;
        }
        if at_end(input) && !input.peek(Token![,]) {
            return;
        }
    }
}

fn image_part(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>) {
    let Some(name) = word(input).filter(|name| *name != "async" && *name != "move") else {
        return code_part(input, errors, calls, "run", here(input));
    };
    let text = name.to_string();
    let span = name.span();
    match text.as_str() {
        "exit" => {
            take_word(input, "exit");
            if !input.peek(token::Paren) {
                errors.help(
                    here(input),
                    "expected an exit code",
                    "write `exit(1)`, or `exit(0) after 30s`",
                );
                return;
            }
            if let Some(code) = code::in_parens(input, errors, "an exit code") {
                calls.push(call("exit", span, code.to_token_stream()));
            }
            after(input, errors, calls, "after");
        }
        "out_of_memory" => {
            take_word(input, "out_of_memory");
            calls.push(call("out_of_memory", span, TokenStream::new()));
            after(input, errors, calls, "after");
        }
        "ignores_stop" => {
            take_word(input, "ignores_stop");
            calls.push(call("ignores_stop", span, TokenStream::new()));
        }
        "log" | "message" => {
            take_word(input, &text);
            if let Some(value) = kept(input, errors, "a text") {
                calls.push(call(&text, span, value.to_token_stream()));
            }
        }
        "ready" => {
            take_word(input, "ready");
            if take_word(input, "never").is_some() {
                calls.push(call("never_ready", span, TokenStream::new()));
            } else if !after(input, errors, calls, "ready_after") {
                errors.help(
                    here(input),
                    "expected when it is ready",
                    "write `ready after 5s` or `ready never`",
                );
            }
        }
        "pull" => {
            take_word(input, "pull");
            if take_word(input, "fails").is_some() {
                if let Some(why) = kept(input, errors, "a reason") {
                    calls.push(call("pull_fails", span, why.to_token_stream()));
                }
            } else if !after(input, errors, calls, "pull_takes") {
                errors.help(
                    here(input),
                    "expected how the image comes",
                    "write `pull after 5s` or `pull fails \"no such tag\"`",
                );
            }
        }
        "exec" => {
            take_word(input, "exec");
            code_part(input, errors, calls, "exec", span);
        }
        "after" => {
            errors.help(
                span,
                "`after` stands behind what comes late",
                "write `exit(0) after 30s` or `ready after 5s`",
            );
            skip_while(input, |input| !at_end(input));
        }
        _ if nearest(&text, IMAGES.iter().copied()).is_some() => {
            unknown(&name, IMAGES, "an image has no", "words", errors);
            calls.push(typed(&name));
            skip_while(input, |input| !at_end(input));
        }
        // The name of a function, in one way or another.
        _ => code_part(input, errors, calls, "run", span),
    }
}

/// `async |c| …`, `|c| …`, or the name of a function: what the container is, or a command in it.
fn code_part(
    input: ParseStream<'_>,
    errors: &mut Errors,
    calls: &mut Vec<Call>,
    name: &str,
    span: Span,
) {
    let what = if name == "run" {
        "what the container does, as `exit(1)`, `log \"…\"` or `async |c| …`"
    } else {
        COMMANDS
    };
    if let Some(code) = async_code(input, errors, what) {
        calls.push(call(name, span, code));
    }
}

/// What stands after `exec`.
pub(super) const COMMANDS: &str = "what commands do, as `async |command, io| …`";

/// A closure that is called in an async place, whether it says so or not; or a value.
pub(super) fn async_code(
    input: ParseStream<'_>,
    errors: &mut Errors,
    what: &str,
) -> Option<TokenStream> {
    Some(match code::callable(input, errors, what) {
        Err(raw) if errors.editor && !raw.is_empty() => match code::unfinished(&raw, false) {
            Unfinished::Closure(closure) => quote_spanned!(closure.span()=> async #closure),
            Unfinished::Async(closure) => closure,
            Unfinished::Value => raw,
        },
        Err(_) => return None,
        Ok(code) => called_async(&code),
    })
}

/// Code for an async place: a closure that says nothing of it becomes `async`.
pub(super) fn called_async(code: &Callable) -> TokenStream {
    match code {
        Callable::Sync(closure) => {
            let mut closure = closure.clone();
            closure.asyncness = Some(Token![async](closure.span()));
            closure.to_token_stream()
        }
        Callable::Future(closure) | Callable::Async(closure) => closure.to_token_stream(),
        Callable::Expr(value) => value.to_token_stream(),
    }
}

/// `after 5s`, as the argument of a method; whether it is there.
fn after(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>, name: &str) -> bool {
    let Some(span) = take_word(input, "after") else {
        return false;
    };
    match time(input, errors) {
        Some(Time::Between(at, ..)) => {
            errors.help(
                at,
                "expected one duration",
                "only stages take their time from a range",
            );
        }
        Some(time) => {
            calls.push(Call {
                arguments: Arguments::Time(time),
                ..call(name, span, TokenStream::new())
            });
        }
        None => {}
    }
    true
}

/// `30s`, `2s..5s`, or an expression.
fn time(input: ParseStream<'_>, errors: &mut Errors) -> Option<Time> {
    let span = here(input);
    if !input.peek(syn::Lit) {
        return kept(input, errors, "a duration").map(Time::Expr);
    }
    let low = duration::literal(input, errors)?;
    if input.peek(Token![..]) && input.parse::<Token![..]>().is_ok() {
        let high = duration::literal(input, errors)?;
        return Some(Time::Between(span, low, high));
    }
    Some(Time::Known(span, low))
}

/// `when { … } named "a*" after 2s => status { … }, delete`
fn stage(input: ParseStream<'_>, errors: &mut Errors, calls: &mut Vec<Call>) {
    loop {
        if let Some(span) = take_word(input, "when") {
            let pattern = json::value(input, errors);
            calls.push(json_call("when", span, &pattern));
        } else if let Some(span) = take_word(input, "named") {
            if let Some(pattern) = kept(input, errors, "a pattern of names") {
                calls.push(call("named", span, pattern.to_token_stream()));
            }
        } else if let Some(span) = take_word(input, "after") {
            if let Some(time) = time(input, errors) {
                let name = match &time {
                    Time::Between(..) => "between",
                    _ => "after",
                };
                calls.push(Call {
                    arguments: Arguments::Time(time),
                    ..call(name, span, TokenStream::new())
                });
            }
        } else {
            break;
        }
    }
    if input.parse::<Token![=>]>().is_err() {
        calls.extend(word(input).as_ref().map(typed));
        errors.help(
            here(input),
            "expected `=>` and what becomes of the objects",
            "write `stage \"certificates.cert-manager.io\" after 2s => status { \"ready\": true };`",
        );
        return skip_to_semicolon(input);
    }
    parts(input, errors, |input, errors| {
        let Some(name) = word(input) else {
            errors.help(
                here(input),
                "expected what becomes of the objects",
                format_args!("the words are {}", listed(STAGES)),
            );
            return;
        };
        let text = name.to_string();
        match text.as_str() {
            "status" | "patch" => {
                let span = take_word(input, &text).unwrap_or_else(Span::call_site);
                let value = json::value(input, errors);
                calls.push(json_call(&text, span, &value));
            }
            "delete" => {
                take_word(input, "delete");
                calls.push(call("delete", name.span(), TokenStream::new()));
            }
            _ => {
                unknown(&name, STAGES, "a stage has no", "words", errors);
                calls.push(typed(&name));
                skip_while(input, |input| !at_end(input));
            }
        }
    });
}

/// A call with JSON, which the expander writes as such.
fn json_call(name: &str, span: Span, value: &TokenStream) -> Call {
    Call {
        arguments: Arguments::Json(value.clone()),
        ..call(name, span, TokenStream::new())
    }
}

fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

fn unknown(name: &Ident, known: &[&str], what: &str, words: &str, errors: &mut Errors) {
    let text = name.to_string();
    let help = match nearest(&text, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the {words} are {}", listed(known)),
    };
    errors.help(name.span(), format_args!("{what} `{text}`"), help);
}
