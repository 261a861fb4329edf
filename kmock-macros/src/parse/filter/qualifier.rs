//! What narrows a head down: `query { … }`, `json { … }`, `in "default"`, `where |req| …`.

use proc_macro2::{Delimiter, Span, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, Ident, Lit, LitStr, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned, token,
};

use super::{
    super::{
        code,
        cursor::{at_end, here, inside, kept, lit_str, skip_to_comma},
        header::header_name,
        pattern,
    },
    single,
};
use crate::{
    ast::{Callable, Field, Filter, Name, PartFact, Pattern, ValueKind},
    errors::Errors,
    notation,
    words::{PART_FACTS, did_you_mean},
};

/// `query { … }` and its kin. The next token is one of the words.
pub(super) fn qualifier(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    let name = input.call(Ident::parse_any).ok()?;
    let span = name.span();
    let exact = exactly(input, &name);
    after_sign(input, errors, &name);
    let word = name.to_string();
    if let Some((field, help)) = field(&word) {
        let exact = exact && !matches!(field, Field::Header | Field::Trailer);
        return Some(fields(input, errors, field, span, exact, help));
    }
    if let Some((kind, help)) = value_kind(&word) {
        return Some(values(input, errors, &name, kind, help));
    }
    Some(match word.as_str() {
        "connection" => Filter::Connection(span),
        "json" => json(input, errors, span),
        "part" => part(input, errors, span),
        "body" => body(input, errors, span),
        "message" => match json(input, errors, span) {
            Filter::Json { pattern, .. } => Filter::Value {
                kind: ValueKind::Message,
                span,
                pattern,
            },
            other => other,
        },
        "from" => network(input, errors, span),
        _ => condition(input, errors, span),
    })
}

/// The words of sets of fields, and how one is written.
fn field(word: &str) -> Option<(Field, &'static str)> {
    Some(match word {
        "query" => (Field::Query, "query { \"page\": 1..=9 }"),
        "header" => (Field::Header, "header { \"X-Token\": _ }"),
        "cookie" => (Field::Cookie, "cookie { \"session\": _ }"),
        "form" => (Field::Form, "form { \"name\": \"john\" }"),
        "trailer" => (Field::Trailer, "trailer { \"x-checksum\": _ }"),
        _ => return None,
    })
}

/// The words of single values, and how one is written.
fn value_kind(word: &str) -> Option<(ValueKind, &'static str)> {
    Some(match word {
        "text" => (
            ValueKind::Text,
            "write `text \"hello*\"` or `text ~\"[a-z]+\"`",
        ),
        "host" => (
            ValueKind::Host,
            "write `host \"example.com\"` or `host \"*.local\"`",
        ),
        "in" => (
            ValueKind::Namespace,
            "write `in \"default\"`, `in \"team-*\"` or `in !`",
        ),
        "named" => (
            ValueKind::Name,
            "write `named \"web\"` or `named \"web-*\"`",
        ),
        "sub" => (ValueKind::Subresource, "write `sub \"status\"` or `sub !`"),
        "grpc" => (
            ValueKind::Grpc,
            "write `grpc \"demo.Greeter/SayHello\"` or `grpc \"demo.Greeter/*\"`",
        ),
        "client_cert" => (
            ValueKind::ClientCert,
            "write `client_cert \"cn=alice\"` or `client_cert _`",
        ),
        _ => return None,
    })
}

/// The value behind one of the words.
fn values(
    input: ParseStream<'_>,
    errors: &mut Errors,
    name: &Ident,
    kind: ValueKind,
    help: &str,
) -> Filter {
    let span = name.span();
    if at_end(input) || input.peek(Token![=>]) {
        errors.help(
            here(input),
            format_args!("expected a value after `{name}`"),
            help,
        );
        return Filter::Any(span);
    }
    if input.peek(token::Brace) {
        errors.help(
            here(input),
            format_args!("`{name}` is one value, not a set"),
            help,
        );
        input.parse::<TokenTree>().ok();
        return Filter::Any(span);
    }
    let Some(pattern) = pattern::alternatives(input, errors, true) else {
        return Filter::Any(span);
    };
    match kind {
        ValueKind::Host => hosts(&pattern, errors),
        ValueKind::Namespace => namespaces(&pattern, errors),
        ValueKind::ClientCert => subjects(&pattern, errors),
        ValueKind::Grpc => methods_of_grpc(&pattern, errors),
        _ => {}
    }
    Filter::Value {
        kind,
        span,
        pattern,
    }
}

/// What stands behind `where`.
fn condition(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Filter {
    if at_end(input) || input.peek(Token![=>]) {
        errors.help(
            here(input),
            "expected a condition after `where`",
            "write `where |req| req.body().len() > 10`",
        );
        return Filter::Any(span);
    }
    match code::callable(input, errors, "a condition after `where`") {
        Ok(condition) => {
            let known = errors.count();
            code::check_parameters(
                &condition,
                1,
                errors,
                "write `where |req| …` or `where || …`",
            );
            is_condition(&condition, errors);
            if errors.count() > known {
                return Filter::Any(span);
            }
            Filter::Where(span, condition)
        }
        Err(raw) if errors.editor => Filter::Where(span, Callable::Expr(Expr::Verbatim(raw))),
        Err(_) => Filter::Any(span),
    }
}

/// Hosts are compared as clients send them, so no other text could ever fit.
fn hosts(pattern: &Pattern, errors: &mut Errors) {
    match pattern {
        Pattern::OneOf(patterns) => patterns.iter().for_each(|one| hosts(one, errors)),
        Pattern::Not(_, inner) => hosts(inner, errors),
        Pattern::Text(lit) => {
            if let Some((fault, help)) = kmock_notation::host_fault(&lit.value()) {
                errors.help(lit.span(), fault, help);
            }
        }
        _ => {}
    }
}

/// Namespaces have names of their own kind: no other could ever come.
fn namespaces(pattern: &Pattern, errors: &mut Errors) {
    match pattern {
        Pattern::OneOf(patterns) => {
            for pattern in patterns {
                namespaces(pattern, errors);
            }
        }
        Pattern::Text(lit) => {
            let text = lit.value();
            let valid =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '*';
            if !text.chars().all(valid) {
                let help = match text.split_once('/') {
                    Some((namespace, name)) => {
                        format!("write `in \"{namespace}\" named \"{name}\"`")
                    }
                    None => "names of namespaces are lower-case letters, digits and `-`".to_owned(),
                };
                errors.help(
                    lit.span(),
                    format_args!("`{text}` is no name of a namespace"),
                    help,
                );
            }
        }
        _ => {}
    }
}

/// A method of gRPC is named with its service and package.
fn methods_of_grpc(pattern: &Pattern, errors: &mut Errors) {
    if let Pattern::Text(lit) = pattern {
        let text = lit.value();
        let parts = text.trim_start_matches('/').split('/').count();
        if parts != 2 && text != "*" {
            errors.help(
                lit.span(),
                format_args!("`{text}` is no method of gRPC"),
                "write the service with its package, and the method: `grpc \"demo.Greeter/SayHello\"`, `grpc \"demo.Greeter/*\"`",
            );
        }
    }
}

/// Subjects of certificates have kinds: a bare name would be compared with nothing.
fn subjects(pattern: &Pattern, errors: &mut Errors) {
    match pattern {
        Pattern::OneOf(patterns) => {
            for pattern in patterns {
                subjects(pattern, errors);
            }
        }
        Pattern::Text(lit) => {
            let text = lit.value();
            let kinds = [
                "cn", "o", "ou", "c", "l", "st", "serial", "uid", "dc", "email", "dns", "uri", "ip",
            ];
            let known = |part: &str| {
                let (kind, _) = part.split_once('=')?;
                kinds
                    .contains(&kind.trim().to_ascii_lowercase().as_str())
                    .then_some(())
            };
            if !text.split(',').all(|part| known(part).is_some()) {
                let name = text.rsplit('=').next().unwrap_or_default().trim();
                errors.help(
                    lit.span(),
                    format_args!("`{text}` is no subject of a certificate"),
                    format_args!(
                        "write `client_cert \"cn={name}\"`; the kinds are {}",
                        kinds.map(|kind| format!("`{kind}`")).join(", ")
                    ),
                );
            }
        }
        _ => {}
    }
}

/// `json = { … }`, `in: "default"`: Python's and YAML's signs between a word and its value.
fn after_sign(input: ParseStream<'_>, errors: &mut Errors, name: &Ident) {
    let equal = input.peek(Token![==]) && name != "json"
        || input.peek(Token![=]) && !input.peek(Token![=>]) && !input.peek(Token![==]);
    let colon = input.peek(Token![:]) && !input.peek(Token![::]);
    if !equal && !colon {
        return;
    }
    let at = here(input);
    let sign = if input.peek(Token![==]) {
        input.parse::<Token![==]>().map(|_| "==")
    } else if equal {
        input.parse::<Token![=]>().map(|_| "=")
    } else {
        input.parse::<Token![:]>().map(|_| ":")
    };
    let help = if name == "json" {
        "write `json { … }` for a part of the body, `json == { … }` for all of it".to_owned()
    } else if name == "header" && matches!(sign, Ok("==")) {
        "clients send headers of their own: write `header { … }` for those that matter, `\"name\": !` for one that must not be there".to_owned()
    } else if ["query", "cookie", "form"].iter().any(|word| name == word) {
        format!(
            "write `{name} {{ … }}` for those that matter, `{name} == {{ … }}` for these and no others"
        )
    } else {
        format!(
            "write `{name}` and the value, without `{}`",
            sign.unwrap_or_default()
        )
    };
    errors.help(at, format_args!("expected a value after `{name}`"), help);
}

/// A condition that could only be asked once, when the rule is made.
fn is_condition(condition: &Callable, errors: &mut Errors) {
    let Callable::Expr(value) = condition else {
        return;
    };
    let root = |mut value: &Expr| loop {
        match value {
            Expr::MethodCall(call) => value = &call.receiver,
            Expr::Field(field) => value = &field.base,
            Expr::Index(index) => value = &index.expr,
            Expr::Path(path) => return path.path.is_ident("req") || path.path.is_ident("request"),
            _ => return false,
        }
    };
    let truth = match value {
        Expr::Lit(_) | Expr::Binary(_) | Expr::Unary(_) => true,
        Expr::MethodCall(_) => root(value),
        _ => false,
    };
    if truth {
        let text = value
            .to_token_stream()
            .to_string()
            .replace(" . ", ".")
            .replace(" (", "(")
            .replace("( ", "(")
            .replace(" )", ")");
        let text = if text.chars().count() > 40 {
            "…"
        } else {
            &text
        };
        errors.help(
            value.span(),
            "a condition is asked for each request",
            format_args!("write `where |req| {text}`"),
        );
    }
}

fn fields(
    input: ParseStream<'_>,
    errors: &mut Errors,
    kind: Field,
    span: Span,
    exact: bool,
    example: &str,
) -> Filter {
    let at = here(input);
    if !input.peek(token::Brace) {
        let help = match lit_str(input) {
            Some(text) => {
                let text = text.value();
                let word = example.split(' ').next().unwrap_or_default();
                // `query "page=1"`, `header "X-A: 1"`
                match text.split_once(['=', ':']) {
                    Some((name, value)) => {
                        format!(
                            "write `{word} {{ \"{}\": \"{}\" }}`",
                            name.trim(),
                            value.trim()
                        )
                    }
                    None => format!("write `{word} {{ \"{text}\": _ }}`"),
                }
            }
            None => {
                if input.peek(token::Paren) || input.peek(token::Bracket) {
                    input.parse::<TokenTree>().ok();
                }
                format!("write `{example}`")
            }
        };
        errors.help(at, "expected `{` with names and patterns", help);
        return Filter::Any(span);
    }
    let mut parts = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        if content.is_empty() && !exact {
            errors.help(
                span,
                "the braces are empty, which says nothing",
                format_args!("write `{example}`"),
            );
        }
        while !content.is_empty() {
            if let Some(name) = field_name(content, errors) {
                let at = match &name {
                    Name::Lit(lit) => lit.span(),
                    Name::Expr(value) => value.span(),
                };
                if matches!(kind, Field::Header | Field::Trailer) {
                    header_name(&name, errors);
                }
                match pattern::after_colon(content, errors) {
                    Some(pattern) => parts.push((at, name, pattern)),
                    None => skip_to_comma(content),
                }
            } else {
                skip_to_comma(content);
            }
            pattern::comma(content, errors);
        }
    });
    if exact {
        let fields = parts
            .into_iter()
            .map(|(_, name, pattern)| (name, pattern))
            .collect();
        return Filter::Fields { kind, span, fields };
    }
    let parts = parts
        .into_iter()
        .map(|(span, name, pattern)| Filter::Field {
            kind,
            span,
            name,
            pattern,
        });
    single(parts.collect(), Filter::All)
}

/// `query == { … }`: the sign for "these and no others", as `json` has it.
fn exactly(input: ParseStream<'_>, name: &Ident) -> bool {
    let may = ["query", "cookie", "form"].iter().any(|word| name == word);
    let said = may && input.peek(Token![==]) && {
        let fork = input.fork();
        fork.parse::<Token![==]>().is_ok() && fork.peek(token::Brace)
    };
    if said {
        input.parse::<Token![==]>().ok();
    }
    said
}

/// `part "file" { filename: "*.png", type: "image/*" }`
fn part(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Filter {
    const FORM: &str =
        "write `part \"avatar\"`, or `part \"avatar\" { filename: \"*.png\", type: \"image/*\" }`";
    if at_end(input) || input.peek(Token![=>]) {
        errors.help(here(input), "expected a name or `{` after `part`", FORM);
        return Filter::Any(span);
    }
    let name = match input.peek(token::Brace) {
        true => None,
        false => match pattern::alternatives(input, errors, true) {
            Some(name) => Some(name),
            None => return Filter::Any(span),
        },
    };
    let mut facts: Vec<(Ident, PartFact)> = Vec::new();
    if input.peek(token::Brace) {
        inside(input, Delimiter::Brace, errors, |content, errors| {
            if content.is_empty() {
                errors.help(span, "the braces are empty, which says nothing", FORM);
            }
            while !content.is_empty() {
                match part_fact(content, errors) {
                    Some((word, _)) if facts.iter().any(|(other, _)| *other == word) => {
                        errors.push(word.span(), format_args!("`{word}` is there already"));
                    }
                    Some(fact) => facts.push(fact),
                    None => skip_to_comma(content),
                }
                pattern::comma(content, errors);
            }
        });
    }
    Filter::Part { span, name, facts }
}

/// `filename: "*.png"`
fn part_fact(content: ParseStream<'_>, errors: &mut Errors) -> Option<(Ident, PartFact)> {
    let at = here(content);
    let Ok(word) = content.call(Ident::parse_any) else {
        let help = match lit_str(content) {
            Some(lit) => format!("they are words without quotes: `{}: …`", lit.value()),
            None => format!("they are {}", PART_FACTS.join(", ")),
        };
        errors.help(at, "expected a fact of the part", help);
        return None;
    };
    let text = word.to_string();
    if !PART_FACTS.contains(&text.as_str()) {
        let help = match text.as_str() {
            "name" => "the name comes first: `part \"avatar\" { … }`".to_owned(),
            "content_type" | "mime" | "content" => {
                "write `type: \"image/*\"`, `text: \"…\"`, `json: { … }` or `body: b\"…\"`"
                    .to_owned()
            }
            _ => format!("they are {}", PART_FACTS.join(", ")),
        };
        errors.help(
            at,
            format_args!(
                "`{text}` is no fact of a part{}",
                did_you_mean(&text, PART_FACTS.iter().copied())
            ),
            help,
        );
        return None;
    }
    if text != "body" {
        let pattern = pattern::after_colon(content, errors)?;
        return Some((word, PartFact::Is(pattern)));
    }
    if content.parse::<Token![:]>().is_err() {
        errors.help(
            here(content),
            "expected `:` and bytes after `body`",
            "write `body: b\"…\"`",
        );
        return None;
    }
    let value = kept(content, errors, "bytes")?;
    Some((word, PartFact::Body(value)))
}

/// A name in quotes or in parentheses.
pub(in crate::parse) fn field_name(content: ParseStream<'_>, errors: &mut Errors) -> Option<Name> {
    if let Some(lit) = lit_str(content) {
        return Some(Name::Lit(lit));
    }
    if content.peek(token::Paren) {
        return code::in_parens(content, errors, "a name").map(Name::Expr);
    }
    let at = here(content);
    if content.peek(Ident::peek_any) {
        let mut text = String::new();
        while !content.is_empty() && !content.peek(Token![:]) && !content.peek(Token![,]) {
            match content.parse::<TokenTree>() {
                Ok(tree) => text.push_str(&tree.to_string()),
                Err(_) => break,
            }
        }
        errors.help(
            at,
            "names are in quotes",
            format_args!("write `\"{text}\": …`, or `({text}): …` for the value of a variable"),
        );
        return Some(Name::Lit(LitStr::new(&text, at)));
    }
    errors.push(at, "expected a name in quotes");
    None
}

fn json(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Filter {
    let exact = input.peek(Token![==]);
    if exact {
        input.parse::<Token![==]>().ok();
    }
    if at_end(input) || input.peek(Token![=>]) {
        errors.help(
            here(input),
            "expected a pattern after `json`",
            "write `json { \"name\": \"j*\" }`, or `json == { … }` for the whole body",
        );
        return Filter::Any(span);
    }
    match pattern::alternatives(input, errors, true) {
        Some(pattern) => Filter::Json {
            span,
            exact,
            pattern,
        },
        None => Filter::Any(span),
    }
}

fn body(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Filter {
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, "bytes")
            .map_or(Filter::Any(span), |bytes| Filter::Body(span, bytes));
    }
    let at = here(input);
    match input.fork().parse::<Lit>() {
        Ok(lit @ (Lit::ByteStr(_) | Lit::Str(_))) => {
            input.parse::<Lit>().ok();
            Filter::Body(
                span,
                Expr::Lit(syn::ExprLit {
                    attrs: Vec::new(),
                    lit,
                }),
            )
        }
        _ => {
            errors.help(
                at,
                "expected bytes after `body`",
                "write `body b\"…\"` or `body (expr)`; patterns go with `text` and `json`",
            );
            if input.peek(Token![~]) {
                input.parse::<Token![~]>().ok();
            }
            if input.peek(Lit) || input.peek(token::Brace) {
                input.parse::<TokenTree>().ok();
            }
            Filter::Any(span)
        }
    }
}

/// `from 127.0.0.1`, `from 10.0.0.0/8`, `from "::1"`, `from (expr)`
fn network(input: ParseStream<'_>, errors: &mut Errors, span: Span) -> Filter {
    if input.peek(token::Paren) {
        return code::in_parens(input, errors, "an address").map_or(Filter::Any(span), |value| {
            Filter::From(span, value.to_token_stream())
        });
    }
    let at = here(input);
    let lit = if let Some(lit) = lit_str(input) {
        lit
    } else {
        // `127.0.0.1` is `127.0`, `.`, `0.1` to Rust.
        let mut text = String::new();
        while input.peek(syn::LitInt)
            || input.peek(syn::LitFloat)
            || input.peek(Token![.]) && !input.peek(Token![...])
            || input.peek(Token![/])
            || input.peek(Token![:])
        {
            match input.parse::<TokenTree>() {
                Ok(tree) => text.push_str(&tree.to_string()),
                Err(_) => break,
            }
        }
        if text.is_empty() {
            errors.help(
                at,
                "expected an IP address after `from`",
                "write `from 127.0.0.1`, `from 10.0.0.0/8` or `from \"::1\"`",
            );
            input.parse::<Ident>().ok();
            return Filter::Any(span);
        }
        LitStr::new(&text, at)
    };
    notation::check(&lit, errors, notation::network);
    Filter::From(span, lit.to_token_stream())
}
