//! Heads, qualifiers, and the algebra of criteria.
//!
//! Juxtaposition binds tightest (it is "and"), then `&` and `-`, then `|`; `!` is for one criterion or group.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, Ident, Lit, LitStr, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned, token,
};

use super::{code, expr, here, inside, is_filter, lit_str, pattern, skip_all, skip_to_comma, word};
use crate::{
    ast::{Field, Filter, Name, ValueKind},
    errors::Errors,
    notation,
    words::{METHODS, PREFIXES, QUALIFIERS, VERBS, did_you_mean, is_upper, nearest},
};

const FORMS: &str = "a filter starts with a method (`GET \"/\"`), `ANY`, a path (`\"/users/{id}\"`), a verb of Kubernetes (`list \"v1/pods\"`) or a qualifier (`json { … }`)";

/// Reads criteria for as long as tokens can be criteria.
pub(super) fn filter(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut either = vec![all(input, errors)];
    while input.peek(Token![|]) && !input.peek(Token![||]) {
        input.parse::<Token![|]>().ok();
        if dangles(input, errors, "`|`") {
            break;
        }
        either.push(all(input, errors));
    }
    single(either, Filter::Either)
}

/// Whether nothing follows an operator.
fn dangles(input: ParseStream<'_>, errors: &mut Errors, operator: &str) -> bool {
    let nothing = input.is_empty()
        || input.peek(Token![=>])
        || input.peek(Token![;])
        || input.peek(Token![>>])
        || input.peek(Token![,]);
    if nothing {
        errors.push(
            here(input),
            format_args!("expected criteria after {operator}"),
        );
    }
    nothing
}

fn single(mut parts: Vec<Filter>, several: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => Filter::Any(Span::call_site()),
    }
}

fn all(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut left = sequence(input, errors);
    loop {
        if input.peek(Token![&]) && !input.peek(Token![&&]) {
            input.parse::<Token![&]>().ok();
            if dangles(input, errors, "`&`") {
                return left;
            }
            let right = sequence(input, errors);
            left = match left {
                Filter::All(mut parts) => {
                    parts.push(right);
                    Filter::All(parts)
                }
                other => Filter::All(vec![other, right]),
            };
        } else if input.peek(Token![-]) && !input.peek(Token![->]) {
            input.parse::<Token![-]>().ok();
            if dangles(input, errors, "`-`") {
                return left;
            }
            let right = sequence(input, errors);
            left = Filter::Minus(Box::new(left), Box::new(right));
        } else {
            return left;
        }
    }
}

/// What has been said in one sequence of criteria: a second one of a kind could never hold.
#[derive(Default)]
struct Said {
    method: Option<Span>,
    path: Option<Span>,
    verb: Option<Span>,
}

impl Said {
    fn has_head(&self) -> bool {
        self.method.is_some() || self.path.is_some() || self.verb.is_some()
    }

    fn note(&mut self, part: &Filter, span: Span, errors: &mut Errors) {
        let again = |slot: &mut Option<Span>| slot.replace(span).is_some();
        match part {
            Filter::Methods(_) if again(&mut self.method) => {
                errors.help(
                    span,
                    "a request has one method",
                    "write `GET | POST \"/\"` for either",
                );
            }
            Filter::Verbs(_) if again(&mut self.verb) => {
                errors.help(
                    span,
                    "a request has one verb",
                    "write `list | watch \"v1/pods\"` for either",
                );
            }
            Filter::Path(_) | Filter::PathOf(_) | Filter::PathRegex(_) if again(&mut self.path) => {
                errors.help(
                    span,
                    "a request has one path",
                    "write `\"/a\" | \"/b\"` for either",
                );
            }
            Filter::All(parts) => {
                for part in parts {
                    self.note(part, span, errors);
                }
            }
            _ => {}
        }
    }
}

/// `GET "/"`, `list "v1/pods"`: a word and its text begin another head.
fn starts_with_head(input: ParseStream<'_>) -> bool {
    input.cursor().ident().is_some_and(|(word, next)| {
        let word = word.to_string();
        (is_upper(&word) || VERBS.contains(&word.as_str())) && next.literal().is_some()
    })
}

/// Criteria that follow one another.
fn sequence(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut parts = Vec::new();
    let mut said = Said::default();
    loop {
        let at = here(input);
        if said.has_head() && starts_with_head(input) {
            errors.help(
                at,
                "expected `;` before the next rule",
                "one request has one method and path; `GET | POST \"/\"` is either",
            );
            break;
        }
        match term(input, errors) {
            Some(part) => {
                said.note(&part, at, errors);
                match part {
                    Filter::All(more) => parts.extend(more),
                    one => parts.push(one),
                }
            }
            None => break,
        }
    }
    if parts.is_empty() {
        missing(input, errors);
        return Filter::Any(here(input));
    }
    single(parts, Filter::All)
}

/// Nothing that stands here is a criterion.
fn missing(input: ParseStream<'_>, errors: &mut Errors) {
    let at = here(input);
    if input.peek(Token![=>]) || input.peek(Token![>>]) {
        errors.help(
            at,
            "expected a filter before `=>`",
            "write `ANY => …` for every request",
        );
    } else if input.peek(Token![*]) {
        errors.help(at, "expected a filter", "write `ANY` for every request");
        input.parse::<Token![*]>().ok();
    } else if input.is_empty() || input.peek(Token![;]) {
        errors.push(at, "expected a filter");
    } else if input.peek(Token![|]) || input.peek(Token![&]) {
        errors.push(at, "expected a criterion before this");
    } else {
        errors.help(at, "expected a filter", FORMS);
        // One thing is skipped, so that what follows is still read as what it is.
        if !input.peek(Token![=>]) && !input.peek(Token![,]) {
            input.parse::<TokenTree>().ok();
        }
    }
}

/// One criterion, or nothing where none begins.
fn term(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    if input.peek(Token![!]) && !input.peek(Token![!=]) {
        let span = here(input);
        input.parse::<Token![!]>().ok();
        let Some(negated) = term(input, errors) else {
            errors.help(
                here(input),
                "expected a criterion after `!`",
                "write `!header { \"X-Trace\": _ }` or `!(A | B)`",
            );
            return Some(Filter::Any(span));
        };
        return Some(Filter::Not(span, Box::new(negated)));
    }
    if input.peek(Token![~]) {
        return Some(path_regex(input, errors));
    }
    if input.peek(LitStr) {
        let lit = input.parse::<LitStr>().ok()?;
        let text = lit.value();
        if text.starts_with(['/', '?']) || text.is_empty() {
            notation::check(&lit, errors, notation::path);
            return Some(Filter::Path(lit));
        }
        notation::check(&lit, errors, notation::notation);
        return Some(Filter::Notation(lit));
    }
    if input.peek(Lit) && !input.peek(syn::LitBool) {
        let lit = input.parse::<Lit>().ok()?;
        match &lit {
            Lit::ByteStr(_) | Lit::CStr(_) => errors.help(
                lit.span(),
                "a path is a text",
                "drop the letter before the quotes",
            ),
            Lit::Char(one) => errors.help(
                lit.span(),
                "a path is in double quotes",
                format_args!("write \"{}\"", one.value()),
            ),
            _ => errors.help(lit.span(), "a number is no filter", FORMS),
        }
        return Some(Filter::Any(lit.span()));
    }
    if input.peek(token::Paren) {
        return group(input, errors);
    }
    if input.peek(Token![/]) {
        return Some(unquoted_path(input, errors));
    }
    let name = word(input)?;
    let text = name.to_string();
    if text == "ANY" {
        input.call(Ident::parse_any).ok()?;
        let path = path_after_method(input, errors);
        return Some(path.unwrap_or_else(|| Filter::Any(name.span())));
    }
    if text == "_" {
        input.call(Ident::parse_any).ok()?;
        errors.help(
            name.span(),
            "`_` stands for values",
            "write `ANY` for every request",
        );
        return Some(Filter::Any(name.span()));
    }
    if is_rust(input) {
        let what = expr(input, errors, "a filter")
            .map(|found| found.to_token_stream())
            .unwrap_or_default();
        errors.help(
            what.span(),
            "an expression of Rust stands in parentheses",
            format_args!("write `({})`", short(&what)),
        );
        return Some(Filter::Any(name.span()));
    }
    if is_upper(&text) {
        return Some(methods(input, errors));
    }
    if VERBS.contains(&text.as_str()) {
        return Some(verbs(input, errors));
    }
    if QUALIFIERS.contains(&text.as_str()) {
        if text == "in" && in_is_a_count(input) {
            return None;
        }
        return qualifier(input, errors);
    }
    input.call(Ident::parse_any).ok()?;
    unknown(input, &name, errors);
    Some(Filter::Unknown(name))
}

/// `in 1..=3` of `assert_requests!` is no namespace.
fn in_is_a_count(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    fork.call(Ident::parse_any).is_ok()
        && (fork.peek(syn::LitInt)
            || fork.peek(Token![..])
            || fork.peek(Ident) && !fork.peek(Token![_]))
}

/// `format!(…)`, `path::to(…)`, `list()`: a call or macro rather than a word of the language.
fn is_rust(input: ParseStream<'_>) -> bool {
    let Some((name, next)) = input.cursor().ident() else {
        return false;
    };
    let path = |punct: &proc_macro2::Punct| matches!(punct.as_char(), ':' | '.' if punct.spacing() == proc_macro2::Spacing::Joint || punct.as_char() == '.');
    let puncts = next.punct().is_some_and(|(punct, after)| {
        path(&punct) && !(punct.as_char() == '.' && punct.spacing() == proc_macro2::Spacing::Joint)
            || punct.as_char() == '!'
                && after
                    .token_tree()
                    .is_some_and(|(tree, _)| matches!(tree, TokenTree::Group(_)))
    });
    let known = QUALIFIERS.contains(&name.to_string().as_str())
        || VERBS.contains(&name.to_string().as_str());
    puncts || next.group(Delimiter::Parenthesis).is_some() && !known && !is_upper(&name.to_string())
}

fn short(tokens: &TokenStream) -> String {
    let text = tokens.to_string().replace("! (", "!(").replace(" (", "(");
    if text.chars().count() > 40 {
        "expr".to_owned()
    } else {
        text
    }
}

fn unknown(input: ParseStream<'_>, name: &Ident, errors: &mut Errors) {
    let text = name.to_string();
    let upper = text.to_uppercase();
    if METHODS.contains(&upper.as_str()) {
        errors.help(
            name.span(),
            format_args!("`{text}` is no word of the language"),
            format_args!("methods are in upper case: `{upper}`"),
        );
    } else if input.peek(LitStr)
        || input.peek(token::Brace)
        || nearest(&text, QUALIFIERS.iter().copied()).is_some()
    {
        let words = VERBS
            .iter()
            .chain(QUALIFIERS)
            .chain(PREFIXES)
            .chain(METHODS)
            .copied();
        errors.help(
            name.span(),
            format_args!(
                "`{text}` is no verb and no qualifier{}",
                did_you_mean(&text, words)
            ),
            FORMS,
        );
    } else {
        let words = VERBS
            .iter()
            .chain(QUALIFIERS)
            .chain(PREFIXES)
            .chain(METHODS)
            .copied();
        errors.help(
            name.span(),
            format_args!(
                "`{text}` is no word of the language{}",
                did_you_mean(&text, words)
            ),
            format_args!("a value of Rust stands in parentheses: `({text})`"),
        );
    }
    // What belongs to the unknown word goes with it.
    if input.peek(LitStr) || input.peek(token::Brace) {
        input.parse::<TokenTree>().ok();
    }
}

/// `( … )`: a group of criteria, or an expression of Rust.
fn group(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    let span = here(input);
    inside(input, Delimiter::Parenthesis, errors, |content, errors| {
        if content.is_empty() {
            errors.help(span, "the parentheses are empty", FORMS);
            return Filter::Any(span);
        }
        if is_filter(content) {
            let found = filter(content, errors);
            if !content.is_empty() {
                errors.push(here(content), "expected `)` or more criteria");
                skip_all(content);
            }
            return found;
        }
        match expr(content, errors, "a filter") {
            Ok(value) => Filter::Of(value),
            Err(_) => {
                skip_all(content);
                Filter::Any(span)
            }
        }
    })
}

/// `GET`, `GET | POST`, each with an optional path.
fn methods(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut names = Vec::new();
    let mut right = true;
    while let Ok(name) = input.call(Ident::parse_any) {
        let text = name.to_string();
        let meant = if METHODS.contains(&text.as_str()) {
            None
        } else {
            nearest(&text, METHODS.iter().copied())
        };
        if let Some(meant) = meant {
            errors.help(
                name.span(),
                format_args!("`{text}` is no HTTP method; did you mean `{meant}`?"),
                format_args!("a method of your own that looks so much like another is written `(\"{text} /path\")`"),
            );
            right = false;
        }
        names.push(name);
        let another = input.peek(Token![|]) && {
            let fork = input.fork();
            fork.parse::<Token![|]>().is_ok()
                && word(&fork).is_some_and(|word| is_upper(&word.to_string()) && word != "ANY")
        };
        if !another {
            break;
        }
        input.parse::<Token![|]>().ok();
    }
    let wrong = names.first().cloned().filter(|_| !right);
    let head = match wrong {
        Some(name) => Filter::Unknown(name),
        None => Filter::Methods(names),
    };
    match path_after_method(input, errors) {
        Some(path) => Filter::All(vec![head, path]),
        None => head,
    }
}

/// The path that follows a method directly.
fn path_after_method(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    if input.peek(LitStr) {
        let lit = input.parse::<LitStr>().ok()?;
        notation::check(&lit, errors, notation::path);
        return Some(Filter::Path(lit));
    }
    if input.peek(Token![~]) {
        return Some(path_regex(input, errors));
    }
    if input.peek(Token![/]) {
        return Some(unquoted_path(input, errors));
    }
    if input.peek(token::Paren) {
        let fork = input.fork();
        let mut criteria = false;
        let mut ignored = Errors::default();
        inside(&fork, Delimiter::Parenthesis, &mut ignored, |content, _| {
            criteria = is_filter(content) && !(content.peek(LitStr) && content.peek2(Token![.]));
            skip_all(content);
        });
        if criteria {
            return group(input, errors);
        }
        return code::in_parens(input, errors, "a path").map(Filter::PathOf);
    }
    None
}

/// `~"re"`
fn path_regex(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let span = here(input);
    input.parse::<Token![~]>().ok();
    match regex_literal(input, errors) {
        Some(lit) => {
            notation::check(&lit, errors, notation::path_regex);
            Filter::PathRegex(lit)
        }
        None => {
            if input.peek(Token![/]) {
                unquoted_path(input, &mut Errors::default());
            }
            Filter::Any(span)
        }
    }
}

/// The literal after a `~`.
pub(super) fn regex_literal(input: ParseStream<'_>, errors: &mut Errors) -> Option<LitStr> {
    if let Some(lit) = lit_str(input) {
        return Some(lit);
    }
    errors.help(
        here(input),
        "expected a regular expression in quotes after `~`",
        "write ~\"/v[0-9]+/.*\"",
    );
    None
}

/// `GET /x`: a path without quotes, which Rust's tokens cannot carry.
fn unquoted_path(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let span = here(input);
    let mut text = String::new();
    while !input.is_empty()
        && !input.peek(Token![;])
        && !input.peek(Token![=>])
        && !input.peek(Token![>>])
        && !input.peek(token::Bracket)
        && !input.peek(Token![...])
        && !(input.peek(LitStr) || input.peek(token::Paren))
    {
        match input.parse::<TokenTree>() {
            Ok(tree) => text.push_str(&tree.to_string().replace(' ', "")),
            Err(_) => break,
        }
    }
    errors.help(
        span,
        "a path is in quotes",
        format_args!("write \"{text}\""),
    );
    Filter::Any(span)
}

/// `list "v1/pods"`, `list | watch "v1/pods"`
fn verbs(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut names = Vec::new();
    while let Ok(name) = input.call(Ident::parse_any) {
        names.push(name);
        let another = input.peek(Token![|]) && {
            let fork = input.fork();
            fork.parse::<Token![|]>().is_ok()
                && word(&fork).is_some_and(|word| VERBS.contains(&word.to_string().as_str()))
        };
        if !another {
            break;
        }
        input.parse::<Token![|]>().ok();
    }
    let head = Filter::Verbs(names);
    if input.peek(LitStr) {
        let Ok(lit) = input.parse::<LitStr>() else {
            return head;
        };
        notation::check(&lit, errors, notation::resource);
        return Filter::All(vec![head, Filter::Resource(lit)]);
    }
    if input.peek(Token![~]) {
        errors.help(
            here(input),
            "a resource is no regular expression",
            "write \"*/*/leases\", with `*` for a group or version",
        );
        input.parse::<Token![~]>().ok();
        input.parse::<LitStr>().ok();
        return head;
    }
    if input.peek(Token![/]) {
        unquoted_path(input, errors);
        return head;
    }
    if input.peek(token::Paren)
        && let Some(value) = code::in_parens(input, errors, "a resource")
    {
        return Filter::All(vec![head, Filter::ResourceOf(value)]);
    }
    head
}

/// `query { … }` and its kin. The next token is one of the words.
fn qualifier(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    let name = input.call(Ident::parse_any).ok()?;
    let span = name.span();
    let values = |kind, errors: &mut Errors, help: &str| {
        if super::at_end(input) || input.peek(Token![=>]) {
            errors.help(
                here(input),
                format_args!("expected a value after `{name}`"),
                help,
            );
            return Filter::Any(span);
        }
        if input.peek(token::Brace) && kind != ValueKind::Text {
            errors.help(
                here(input),
                format_args!("`{name}` is one value, not a set"),
                help,
            );
            input.parse::<TokenTree>().ok();
            return Filter::Any(span);
        }
        match pattern::alternatives(input, errors, true) {
            Some(pattern) => Filter::Value {
                kind,
                span,
                pattern,
            },
            None => Filter::Any(span),
        }
    };
    Some(match name.to_string().as_str() {
        "query" => fields(
            input,
            errors,
            Field::Query,
            span,
            "query { \"page\": 1..=9 }",
        ),
        "header" => fields(
            input,
            errors,
            Field::Header,
            span,
            "header { \"X-Token\": _ }",
        ),
        "cookie" => fields(
            input,
            errors,
            Field::Cookie,
            span,
            "cookie { \"session\": _ }",
        ),
        "form" => fields(
            input,
            errors,
            Field::Form,
            span,
            "form { \"name\": \"john\" }",
        ),
        "json" => json(input, errors, span),
        "body" => body(input, errors, span),
        "text" => values(
            ValueKind::Text,
            errors,
            "write `text \"hello*\"` or `text ~\"[a-z]+\"`",
        ),
        "host" => values(
            ValueKind::Host,
            errors,
            "write `host \"example.com\"` or `host \"*.local\"`",
        ),
        "in" => values(
            ValueKind::Namespace,
            errors,
            "write `in \"default\"`, `in \"team-*\"` or `in !`",
        ),
        "named" => values(
            ValueKind::Name,
            errors,
            "write `named \"web\"` or `named \"web-*\"`",
        ),
        "sub" => values(
            ValueKind::Subresource,
            errors,
            "write `sub \"status\"` or `sub !`",
        ),
        "from" => network(input, errors, span),
        _ => {
            if super::at_end(input) || input.peek(Token![=>]) {
                errors.help(
                    here(input),
                    "expected a condition after `where`",
                    "write `where |req| req.body().len() > 10`",
                );
                return Some(Filter::Any(span));
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
                    if errors.count() > known {
                        return Some(Filter::Any(span));
                    }
                    Filter::Where(span, condition)
                }
                Err(_) => Filter::Any(span),
            }
        }
    })
}

fn fields(
    input: ParseStream<'_>,
    errors: &mut Errors,
    kind: Field,
    span: Span,
    example: &str,
) -> Filter {
    let at = here(input);
    if !input.peek(token::Brace) {
        let help = match input.fork().parse::<LitStr>() {
            Ok(name) => {
                input.parse::<LitStr>().ok();
                format!(
                    "write `{} {{ \"{}\": _ }}`",
                    example.split(' ').next().unwrap_or_default(),
                    name.value()
                )
            }
            Err(_) => format!("write `{example}`"),
        };
        errors.help(at, "expected `{` with names and patterns", help);
        return Filter::Any(span);
    }
    let mut parts = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        if content.is_empty() {
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
                match pattern::after_colon(content, errors) {
                    Some(pattern) => parts.push(Filter::Field {
                        kind,
                        span: at,
                        name,
                        pattern,
                    }),
                    None => skip_to_comma(content),
                }
            } else {
                skip_to_comma(content);
            }
            pattern::comma(content, errors);
        }
    });
    single(parts, Filter::All)
}

/// A name in quotes or in parentheses.
pub(super) fn field_name(content: ParseStream<'_>, errors: &mut Errors) -> Option<Name> {
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
    if super::at_end(input) || input.peek(Token![=>]) {
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
            return Filter::Any(span);
        }
        LitStr::new(&text, at)
    };
    notation::check(&lit, errors, notation::network);
    Filter::From(span, lit.to_token_stream())
}
