//! Criteria and their algebra.
//!
//! Juxtaposition binds tightest (it is "and"), then `&` and `-`, then `|`; `!` is for one criterion or group.

mod head;
mod qualifier;
mod stranger;

use kmock_notation::Head;
use proc_macro2::{Delimiter, Span, TokenTree};
use syn::{
    Expr, Ident, Lit, LitStr, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned, token,
};

use super::{
    ahead::{is_filter, starts_head},
    cursor::{expr, here, inside, skip_all, word},
};
use crate::{
    ast::Filter,
    errors::Errors,
    notation,
    words::{QUALIFIERS, VERBS, is_upper},
};
pub(super) use head::regex_literal;
use head::{methods, path_after_method, path_regex, unquoted_path, verbs};
pub(super) use qualifier::field_name;
use qualifier::qualifier;
use stranger::{foreign, is_rust, unknown};

const FORMS: &str = "a filter starts with a method (`GET \"/\"`), `ANY`, a path (`\"/users/{id}\"`), a verb of Kubernetes (`list \"v1/pods\"`) or a qualifier (`json { … }`)";

const MORE: &str = "what narrows a head down is `query { … }`, `header { … }`, `json { … }`, `in \"default\"`, `where |req| …`, …";

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
            let at = here(input);
            let right = sequence(input, errors);
            contradict(&left, &right, at, errors);
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

/// Reports what no request can be at once: two methods, two verbs, two paths.
fn contradict(left: &Filter, right: &Filter, at: Span, errors: &mut Errors) {
    let (one, other) = (Demands::of(left), Demands::of(right));
    let none_of = |a: &[String], b: &[String]| {
        !a.is_empty() && !b.is_empty() && !a.iter().any(|one| b.contains(one))
    };
    if none_of(&one.methods, &other.methods) {
        errors.help(
            at,
            "a request has one method",
            "write `GET | POST \"/\"` for either",
        );
    } else if none_of(&one.verbs, &other.verbs) {
        errors.help(
            at,
            "a request has one verb",
            "write `list | watch \"v1/pods\"` for either",
        );
    } else if one.path.is_some() && other.path.is_some() && one.path != other.path {
        errors.help(
            at,
            "a request has one path",
            "write `\"/a\" | \"/b\"` for either",
        );
    }
}

/// What criteria certainly demand of a request.
#[derive(Default)]
struct Demands {
    methods: Vec<String>,
    verbs: Vec<String>,
    path: Option<String>,
}

impl Demands {
    fn of(filter: &Filter) -> Demands {
        let mut demands = Demands::default();
        demands.note(filter);
        demands
    }

    fn note(&mut self, filter: &Filter) {
        let texts = |names: &[Ident]| names.iter().map(ToString::to_string).collect();
        match filter {
            Filter::Methods(names) => self.methods = texts(names),
            Filter::Verbs(names) => self.verbs = texts(names),
            Filter::Path(lit) => {
                self.path = kmock_notation::path(&lit.value())
                    .ok()
                    .and_then(|path| path.literal());
            }
            Filter::Notation(lit) => match kmock_notation::head(&lit.value()) {
                Ok(Head::Method(method, path)) => {
                    self.methods = vec![method];
                    self.path = path.and_then(|path| path.literal());
                }
                Ok(Head::Path(path)) => self.path = path.literal(),
                Ok(Head::Verb(verb, _)) => self.verbs = vec![verb.to_owned()],
                _ => {}
            },
            Filter::All(parts) => parts.iter().for_each(|part| self.note(part)),
            Filter::Minus(left, _) => self.note(left),
            _ => {}
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

/// Criteria that follow one another.
fn sequence(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut parts = Vec::new();
    let mut said = Said::default();
    loop {
        let at = here(input);
        if said.has_head() && starts_head(input) {
            errors.help(
                at,
                "expected `;` before the next rule",
                "one request has one method and path; `GET | POST \"/\"` is either",
            );
            break;
        }
        match term(input, errors, said.has_head()) {
            Some(part) => {
                // After `or`, another head may begin.
                if matches!(&part, Filter::Unknown(word) if word == "or") {
                    said = Said::default();
                }
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

/// One criterion, or nothing where none begins; after a method, path or verb, only what narrows it down.
fn term(input: ParseStream<'_>, errors: &mut Errors, narrows: bool) -> Option<Filter> {
    if input.peek(Token![!]) && !input.peek(Token![!=]) {
        let span = here(input);
        input.parse::<Token![!]>().ok();
        let Some(negated) = term(input, errors, narrows) else {
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
        foreign(input, errors);
        return Some(Filter::Any(name.span()));
    }
    if is_upper(&text) {
        return Some(methods(input, errors));
    }
    if VERBS.contains(&text.as_str()) {
        return Some(verbs(input, errors));
    }
    // What follows the criteria: `per id`.
    if text == "per" {
        return None;
    }
    if QUALIFIERS.contains(&text.as_str()) {
        if text == "in" && in_is_a_count(input) {
            return None;
        }
        return qualifier(input, errors);
    }
    input.call(Ident::parse_any).ok()?;
    unknown(input, &name, errors, narrows);
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
            Ok(Expr::Range(range)) => {
                errors.help(
                    range.span(),
                    "a range is no filter",
                    "write `[..3]` for a slice of the requests, `#[expect(..3)]` before the rule for their number",
                );
                Filter::Any(span)
            }
            Ok(value) => Filter::Of(value),
            Err(_) => {
                skip_all(content);
                Filter::Any(span)
            }
        }
    })
}
