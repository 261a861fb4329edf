//! Tokens → [`Script`], never stopping at the first mistake: each is reported at its own token, and reading
//! goes on at the next place that is certain. A bare `;` cannot occur inside a Rust expression, so the next
//! top-level `;` is always a safe one.

mod ahead;
mod attributes;
mod block;
mod check;
mod code;
pub(crate) mod cursor;
mod fault;
mod filter;
mod header;
mod life;
mod pattern;
mod reply;
mod rule;
mod slice;
mod stream;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::{
    Ident, Token, braced,
    parse::{ParseStream, Parser},
};

pub(crate) use check::{Checks, checks};
pub(crate) use code::{Unfinished, classify, parameters, unfinished};
pub(crate) use rule::captures;

use self::{
    ahead::{starts_head, starts_rule},
    block::items,
    cursor::{expr, here, skip_all, skip_to_comma},
};
use crate::{
    ast::Script,
    errors::Errors,
    habits,
    words::{PREFIXES, QUALIFIERS, VERBS, is_upper, nearest},
};

/// Reads what stands in `kmock! { … }`.
pub(crate) fn script(tokens: TokenStream, errors: &mut Errors) -> Script {
    let has_server = has_server(tokens.clone());
    let mut script = Script {
        server: None,
        items: Vec::new(),
        open: false,
    };
    within(tokens, errors, |input, errors| {
        if has_server {
            match expr(input, errors, "a server") {
                Ok(server) => script.server = Some(server),
                Err(_) => skip_to_comma(input),
            }
            if input.parse::<Token![,]>().is_err() {
                errors.help(
                    here(input),
                    "expected `,` after the server",
                    "write `kmock! { k, GET \"/\" => 200; }`",
                );
                if input.peek(Token![;]) {
                    input.parse::<Token![;]>().ok();
                } else if input.peek(Token![=>]) {
                    input.parse::<Token![=>]>().ok();
                } else if !starts_rule(input) {
                    skip_to_comma(input);
                    input.parse::<Token![,]>().ok();
                }
            }
        } else if let Some(lonely) = lonely_server(input) {
            errors.help(
                lonely.span(),
                "expected `,` and rules after the server",
                format_args!("write `kmock! {{ {lonely}, GET \"/\" => 200; }}`"),
            );
            script.server = input.parse().ok();
        }
        (script.items, script.open) = items(input, errors);
    });
    script
}

/// A single name that is no word of the language: a server with nothing to do.
fn lonely_server(input: ParseStream<'_>) -> Option<Ident> {
    let fork = input.fork();
    let name = fork.parse::<Ident>().ok()?;
    let word = name.to_string();
    let known =
        is_upper(&word) || VERBS.contains(&word.as_str()) || QUALIFIERS.contains(&word.as_str());
    (fork.is_empty() && !known).then_some(name)
}

/// Whether a script names a server: a top-level comma comes before the first `=>` or `;`.
pub(crate) fn has_server(tokens: TokenStream) -> bool {
    if (|input: ParseStream<'_>| {
        let found = server_without_comma(input);
        skip_all(input);
        Ok(found)
    })
    .parse2(tokens.clone())
    .unwrap_or_default()
    {
        return true;
    }
    let mut previous = ' ';
    for (number, tree) in tokens.into_iter().enumerate() {
        let TokenTree::Punct(punct) = &tree else {
            let starts_a_rule = matches!(&tree, TokenTree::Literal(_))
                || matches!(&tree, TokenTree::Ident(word) if word == "let");
            if number == 0 && starts_a_rule {
                return false;
            }
            previous = ' ';
            continue;
        };
        match punct.as_char() {
            ',' => return true,
            ';' => return false,
            '>' if previous == '=' => return false,
            '#' | '.' | '~' if number == 0 => return false,
            other => previous = other,
        }
    }
    false
}

/// `kmock! { k; GET "/" => 200; }`, `{ k GET … }`, `{ k => GET … }`: a name that is no word, and a rule after it.
fn server_without_comma(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    fork.parse::<Token![&]>().ok();
    let Ok(name) = fork.parse::<Ident>() else {
        return false;
    };
    let word = name.to_string();
    let meant = nearest(&word, PREFIXES.iter().copied()).is_some() && word.len() > 1;
    let known = is_upper(&word)
        || [VERBS, QUALIFIERS, PREFIXES]
            .iter()
            .any(|words| words.contains(&word.as_str()))
        || habits::criterion(&word).is_some();
    if known || meant {
        return false;
    }
    if fork.peek(Token![;]) {
        return fork.parse::<Token![;]>().is_ok() && !fork.is_empty();
    }
    fork.parse::<Token![=>]>().ok();
    starts_head(&fork)
}

/// Runs a reader over tokens in such a way that "the end of the input" is at the last of them.
fn within(
    tokens: TokenStream,
    errors: &mut Errors,
    read: impl FnOnce(ParseStream<'_>, &mut Errors),
) {
    let end = tokens
        .clone()
        .into_iter()
        .last()
        .map_or_else(Span::call_site, |tree| tree.span());
    let mut whole = Group::new(Delimiter::Brace, tokens);
    whole.set_span(end);
    let unexpected = {
        let errors = &mut *errors;
        (move |input: ParseStream<'_>| {
            let content;
            braced!(content in input);
            read(&content, errors);
            skip_all(&content);
            Ok(())
        })
        .parse2(TokenTree::Group(whole).into())
    };
    if let Err(error) = unexpected {
        errors.absorb(error);
    }
}
