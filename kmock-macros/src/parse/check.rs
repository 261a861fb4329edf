//! The checks of `assert_requests!(k, total == 2, "get" == 1, POST "/hello" >= 1, "post" in 1..=3, handle == 1)`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, ExprRange, Ident, Token,
    ext::IdentExt,
    parse::{ParseStream, discouraged::Speculative},
    spanned::Spanned,
    token,
};

use super::{
    ahead::is_filter,
    cursor::{at_end, expr, here, inside, is_word, skip_to_comma, skip_while, take_word, word},
    filter, within,
};
use crate::{
    ast::{Callable, Check, Filter, Subject, Times},
    errors::Errors,
    words::{QUALIFIERS, VERBS, is_upper, nearest},
};

/// What stands in `assert_requests!( … )`.
pub(crate) struct Checks {
    pub(crate) server: Option<Expr>,
    pub(crate) checks: Vec<Check>,
}

/// Reads all checks.
pub(crate) fn checks(tokens: TokenStream, errors: &mut Errors) -> Checks {
    let mut found = Checks {
        server: None,
        checks: Vec::new(),
    };
    if tokens.is_empty() {
        errors.help(
            Span::call_site(),
            "expected what to check",
            "write `assert_requests!(k, \"get\" == 1, total == 2)`",
        );
    }
    within(tokens, errors, |input, errors| {
        if starts_with_server(input) {
            match expr(input, errors, "a server") {
                Ok(server) => found.server = Some(server),
                Err(_) => skip_to_comma(input),
            }
            if input.is_empty() {
                errors.help(
                    here(input),
                    "expected `,` and checks after the server",
                    "write `assert_requests!(k, \"get\" == 1, total == 2)`",
                );
            }
            if input.peek(Token![;]) {
                errors.help(
                    here(input),
                    "expected `,` after the server",
                    "write `assert_requests!(k, \"get\" == 1, total == 2)`",
                );
                input.parse::<Token![;]>().ok();
            }
            input.parse::<Token![,]>().ok();
        }
        while !input.is_empty() {
            if input.peek(Token![,]) {
                errors.push(here(input), "expected a check before `,`");
                input.parse::<Token![,]>().ok();
                continue;
            }
            if !found.checks.is_empty() && starts_with_server(input) {
                errors.help(
                    here(input),
                    "the server goes first",
                    "write `assert_requests!(k, hello == 1, total == 2)`",
                );
                // What follows is about it.
                found.server = expr(input, errors, "a server").ok();
                input.parse::<Token![,]>().ok();
                continue;
            }
            let start = input.fork();
            let check = check(input, errors, found.server.is_some(), &start.fork());
            found.checks.extend(check);
            if start.cursor() == input.cursor() {
                input.parse::<TokenTree>().ok();
            }
            if input.is_empty() {
                break;
            }
            if input.parse::<Token![,]>().is_err() {
                if input.peek(Token![;]) {
                    errors.push(here(input), "checks are separated by `,`");
                } else {
                    errors.push(here(input), "expected `,` between the checks");
                }
                skip_while(input, |input| !at_end(input));
                if input.parse::<Token![,]>().is_err() {
                    input.parse::<Token![;]>().ok();
                }
            }
        }
    });
    found
}

/// A first element without a comparison is the server.
fn starts_with_server(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    if fork.peek(syn::Lit)
        || fork.peek(Token![!])
        || fork.peek(Token![~])
        || fork.peek(token::Paren) && is_group(&fork)
    {
        return false;
    }
    let Ok(found) = fork.parse::<Expr>() else {
        return false;
    };
    let simple = matches!(
        found,
        Expr::Path(_)
            | Expr::Reference(_)
            | Expr::Field(_)
            | Expr::MethodCall(_)
            | Expr::Call(_)
            | Expr::Index(_)
            | Expr::Unary(_)
            | Expr::Paren(_)
            | Expr::Await(_)
    );
    let verb = matches!(&found, Expr::Path(path) if path.path.get_ident().is_some_and(|name| is_upper(&name.to_string()) || name == "total"));
    simple && !verb && (fork.is_empty() || fork.peek(Token![,]) || fork.peek(Token![;]))
}

fn is_group(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    let mut criteria = false;
    let mut ignored = Errors::default();
    inside(
        &fork,
        proc_macro2::Delimiter::Parenthesis,
        &mut ignored,
        |content, _| {
            criteria = is_filter(content);
            super::cursor::skip_all(content);
        },
    );
    criteria
}

fn check(
    input: ParseStream<'_>,
    errors: &mut Errors,
    has_server: bool,
    start: ParseStream<'_>,
) -> Option<Check> {
    let (span, known) = (here(input), errors.count());
    if let Some(found) = reversed(input) {
        errors.help(
            span,
            "the number stands right of the comparison",
            format_args!("write `{found}`"),
        );
        skip_to_comma(input);
        return None;
    }
    if is_message(input) {
        errors.help(
            span,
            "expected a check",
            "the report says what is wrong: there is no message to write",
        );
        skip_to_comma(input);
        return None;
    }
    let subject = subject(input, errors)?;
    if let (false, Subject::Total | Subject::Filter(_)) = (has_server, &subject) {
        errors.help(
            span,
            "whose requests? A filter needs a server before it",
            "write `assert_requests!(k, …)`; only handles of rules go without",
        );
    }
    if errors.count() > known {
        // What follows a filter that is wrong has been said, unless it is a comparison.
        if !is_comparison(input) {
            skip_to_comma(input);
            return None;
        }
    }
    let times = times(input, errors)?;
    // The check as the user wrote it, for the report.
    let mut text = TokenStream::new();
    while start.cursor() != input.cursor() {
        match start.parse::<TokenTree>() {
            Ok(tree) => text.extend([tree]),
            Err(_) => break,
        }
    }
    Some(Check {
        subject,
        times,
        text,
        span,
    })
}

/// `1 == "get"`, the right way round.
fn reversed(input: ParseStream<'_>) -> Option<String> {
    let fork = input.fork();
    let number = fork.parse::<syn::LitInt>().ok()?;
    if !is_comparison(&fork) || fork.peek(Token![in]) {
        return None;
    }
    let sign = if fork.peek(Token![==]) {
        "=="
    } else if fork.peek(Token![!=]) {
        "!="
    } else if fork.peek(Token![>=]) {
        "<="
    } else if fork.peek(Token![<=]) {
        ">="
    } else if fork.peek(Token![>]) {
        "<"
    } else {
        ">"
    };
    fork.parse::<syn::BinOp>().ok()?;
    let subject = skip_while(&fork, |fork| !at_end(fork));
    Some(format!("{subject} {sign} {number}"))
}

/// A last text with nothing to compare, as the message of `assert!` is.
fn is_message(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    let text = fork
        .parse::<syn::LitStr>()
        .ok()
        .filter(|_| input.peek(syn::LitStr));
    text.is_some_and(|text| {
        let text = text.value();
        text.contains(' ') && crate::notation::notation(&text).is_err() && at_end(&fork)
    })
}

fn subject(input: ParseStream<'_>, errors: &mut Errors) -> Option<Subject> {
    if is_word(input, "total") {
        take_word(input, "total");
        return Some(Subject::Total);
    }
    let known = !named_like_a_word(input)
        && word(input).is_some_and(|word| {
            let text = word.to_string();
            is_upper(&text) || VERBS.contains(&text.as_str()) || QUALIFIERS.contains(&text.as_str())
        });
    let handle = input.peek(Ident::peek_any) && !known
        || input.peek(token::Paren) && !is_group(input)
        || input.peek(Token![&])
        || input.peek(Token![*]);
    if !handle {
        let found = filter::filter(input, errors);
        if let Some(at) = async_condition(&found) {
            errors.help(
                at,
                "an async condition cannot be asked of requests that have come",
                "mount a rule with it, and count by its handle: `let long = ANY where async |req| …;`, `long == 1`",
            );
        }
        return Some(Subject::Filter(found));
    }
    let Some(found) = handle_expr(input) else {
        let at = here(input);
        errors.help(
            at,
            "expected a filter, `total`, or the handle of a rule",
            "write `\"get /\" == 1`, `POST \"/\" >= 1`, `total == 2` or `hello == 1`",
        );
        skip_to_comma(input);
        return None;
    };
    // `psot "/x" == 1` begins like a handle, and goes on like a filter.
    if input.peek(syn::Lit) || input.peek(token::Brace) {
        let text = found.to_token_stream().to_string();
        let words = VERBS.iter().chain(QUALIFIERS).copied();
        let meant = nearest(&text, words)
            .or_else(|| nearest(&text.to_uppercase(), crate::words::METHODS.iter().copied()));
        let help = meant.map_or_else(
            || "a filter starts with a method, a verb, a path or a qualifier".to_owned(),
            |word| format!("did you mean `{word}`?"),
        );
        errors.help(
            found.span(),
            format_args!("`{text}` is no verb and no qualifier"),
            help,
        );
        skip_to_comma(input);
        return None;
    }
    Some(Subject::Handle(found))
}

/// Where an async condition stands.
fn async_condition(filter: &Filter) -> Option<Span> {
    match filter {
        Filter::Where(span, Callable::Async(_) | Callable::Future(_)) => Some(*span),
        Filter::All(parts) | Filter::Either(parts) => parts.iter().find_map(async_condition),
        Filter::Minus(left, right) => async_condition(left).or_else(|| async_condition(right)),
        Filter::Not(_, inner) => async_condition(inner),
        _ => None,
    }
}

/// A handle may have the name of a qualifier: `named == 1`. Only `json == { … }` is the language's.
fn named_like_a_word(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    let qualifier = word(&fork).is_some_and(|word| QUALIFIERS.contains(&word.to_string().as_str()));
    if !qualifier
        || fork.call(Ident::parse_any).is_err()
        || fork.peek(Token![in])
        || !is_comparison(&fork)
    {
        return false;
    }
    !(fork.parse::<Token![==]>().is_ok() && (fork.peek(token::Brace) || fork.peek(token::Bracket)))
}

/// An expression up to the comparison: names, fields, calls, groups.
fn handle_expr(input: ParseStream<'_>) -> Option<Expr> {
    let fork = input.fork();
    let mut tokens = TokenStream::new();
    while !at_end(&fork) && !is_comparison(&fork) {
        // A literal or a brace after a name is the language of filters.
        if !tokens.is_empty()
            && (fork.peek(syn::Lit) && !fork.peek(syn::LitInt) || fork.peek(token::Brace))
        {
            break;
        }
        tokens.extend([fork.parse::<TokenTree>().ok()?]);
    }
    let found = syn::parse2::<Expr>(tokens).ok()?;
    input.advance_to(&fork);
    Some(found)
}

fn is_comparison(input: ParseStream<'_>) -> bool {
    input.peek(Token![==])
        || input.peek(Token![!=])
        || input.peek(Token![>=])
        || input.peek(Token![<=])
        || input.peek(Token![>]) && !input.peek(Token![>>])
        || input.peek(Token![<]) && !input.peek(Token![<<])
        || input.peek(Token![in])
        || input.peek(Token![=])
}

fn times(input: ParseStream<'_>, errors: &mut Errors) -> Option<Times> {
    let at = here(input);
    let form = "write `== 1`, `!= 0`, `>= 1`, `< 3` or `in 1..=3`";
    let made: fn(Expr) -> Times = if input.peek(Token![==]) {
        input.parse::<Token![==]>().ok()?;
        Times::Exactly
    } else if input.peek(Token![!=]) {
        input.parse::<Token![!=]>().ok()?;
        Times::Not
    } else if input.peek(Token![>=]) {
        input.parse::<Token![>=]>().ok()?;
        Times::AtLeast
    } else if input.peek(Token![<=]) {
        input.parse::<Token![<=]>().ok()?;
        Times::AtMost
    } else if input.peek(Token![>]) && !input.peek(Token![>>]) {
        input.parse::<Token![>]>().ok()?;
        Times::MoreThan
    } else if input.peek(Token![<]) && !input.peek(Token![<<]) {
        input.parse::<Token![<]>().ok()?;
        Times::LessThan
    } else if input.peek(Token![in]) {
        input.parse::<Token![in]>().ok()?;
        Times::In
    } else {
        let fork = input.fork();
        fork.parse::<Token![,]>().ok();
        let number = fork
            .parse::<syn::LitInt>()
            .ok()
            .filter(|_| input.peek(Token![,]) && at_end(&fork));
        if let Some(number) = number {
            errors.help(
                at,
                "expected a comparison with a number of requests",
                format_args!("write `== {number}` for `, {number}`"),
            );
            input.advance_to(&fork);
            return None;
        }
        if input.peek(Token![=]) {
            errors.help(at, "`=` is no comparison", form);
        } else {
            errors.help(at, "expected a comparison with a number of requests", form);
        }
        skip_to_comma(input);
        return None;
    };
    if input.peek(Token![=]) && !input.peek(Token![=>]) {
        errors.help(at, "this is no comparison", form);
        skip_to_comma(input);
        return None;
    }
    let value_at = here(input);
    let value = expr(input, errors, "a number of requests").ok()?;
    if let Expr::Binary(both) = &value
        && matches!(
            both.op,
            syn::BinOp::And(_) | syn::BinOp::Or(_) | syn::BinOp::BitAnd(_)
        )
    {
        errors.help(
            both.op.span(),
            "checks are separated by `,`",
            "all of them must hold",
        );
        return None;
    }
    let range = matches!(&value, Expr::Range(ExprRange { .. }));
    if let Expr::Lit(lit) = &value
        && !matches!(lit.lit, syn::Lit::Int(_))
    {
        errors.help(value_at, "expected a number of requests", form);
        return None;
    }
    if matches!(&value, Expr::Unary(minus) if matches!(minus.op, syn::UnOp::Neg(_))) {
        errors.push(value_at, "a number of requests is never negative");
        return None;
    }
    let times = made(value);
    match (&times, range) {
        (Times::In(Expr::Lit(_)), false) => {
            errors.help(
                value_at,
                "expected a range after `in`",
                "write `in 1..=3`, or `== 1` for a number",
            );
            None
        }
        (Times::In(_), _) | (_, false) => Some(times),
        _ => {
            errors.help(at, "a range follows `in`", "write `in 1..=3`");
            None
        }
    }
}
