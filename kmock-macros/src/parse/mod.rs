//! Tokens → [`Script`], never stopping at the first mistake: each is reported at its own token, and reading
//! goes on at the next place that is certain. A bare `;` cannot occur inside a Rust expression, so the next
//! top-level `;` is always a safe one.

mod attributes;
mod block;
mod check;
mod code;
mod fault;
mod filter;
mod pattern;
mod reply;
mod rule;
mod slice;
mod stream;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::{
    Expr, Ident, LitStr, Token, braced,
    ext::IdentExt,
    parse::{ParseStream, Parser, discouraged::Speculative},
    token,
};

pub(crate) use check::{Checks, checks};
pub(crate) use code::{classify, parameters};
pub(crate) use rule::captures;

use crate::{
    ast::{Item, Script},
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

/// `GET "/"`, `list "v1/pods"`: a word and its text begin a rule.
pub(crate) fn starts_head(input: ParseStream<'_>) -> bool {
    input.cursor().ident().is_some_and(|(word, next)| {
        let word = word.to_string();
        let text = next
            .literal()
            .is_some_and(|(lit, _)| lit.to_string().starts_with(['"', 'r']));
        (is_upper(&word) || VERBS.contains(&word.as_str())) && text
    })
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

/// Rules up to the end of the input; and whether the last one has no `;`.
fn items(input: ParseStream<'_>, errors: &mut Errors) -> (Vec<Item>, bool) {
    let mut items = Vec::new();
    let mut open = false;
    while !input.is_empty() {
        if input.parse::<Token![;]>().is_ok() {
            open = false;
            continue;
        }
        let start = input.fork();
        let item = rule::item(input, errors);
        if start.cursor() == input.cursor() {
            input.parse::<TokenTree>().ok();
        }
        open = matches!(&item, Some(Item::Rule(_) | Item::Feed(_)));
        items.extend(item);
    }
    (items, open)
}

/// The next token, or the closing one at the end.
pub(crate) fn here(input: ParseStream<'_>) -> Span {
    input.span()
}

/// A text in quotes. (`parse::<LitStr>` takes other literals away before it fails.)
pub(crate) fn lit_str(input: ParseStream<'_>) -> Option<LitStr> {
    if input.peek(LitStr) {
        input.parse().ok()
    } else {
        None
    }
}

/// The next word, keywords included, without taking it.
fn word(input: ParseStream<'_>) -> Option<Ident> {
    input.cursor().ident().map(|(word, _)| word)
}

fn is_word(input: ParseStream<'_>, text: &str) -> bool {
    word(input).is_some_and(|word| word == text)
}

/// Takes the next word when it is this one.
fn take_word(input: ParseStream<'_>, text: &str) -> Option<Span> {
    if !is_word(input, text) {
        return None;
    }
    input.call(Ident::parse_any).ok().map(|word| word.span())
}

/// Whether a list element, reply part or rule ends here.
fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,]) || input.peek(Token![;])
}

/// Whether the token after the next one ends a list element.
fn ends_after_next(input: ParseStream<'_>) -> bool {
    input.is_empty()
        || input.cursor().token_tree().is_some_and(|(_, next)| {
            next.eof()
                || next
                    .punct()
                    .is_some_and(|(punct, _)| matches!(punct.as_char(), ',' | ';'))
        })
}

/// An expression of Rust; or the tokens that are none, after saying why.
pub(crate) fn expr(
    input: ParseStream<'_>,
    errors: &mut Errors,
    what: &str,
) -> Result<Expr, TokenStream> {
    if at_end(input) {
        errors.push(here(input), format_args!("expected {what}"));
        return Err(TokenStream::new());
    }
    let fork = input.fork();
    match fork.parse::<Expr>() {
        Ok(found) => {
            input.advance_to(&fork);
            Ok(found)
        }
        Err(error) => {
            if let Some(arrow) = closure_arrow(input) {
                errors.help(arrow, "a closure has no arrow", "write `|req| …`");
                return Err(skip_while(input, |input| !at_end(input)));
            }
            let text = error.to_string();
            let end = text.strip_prefix("unexpected end of input, ");
            errors.push(error.span(), end.unwrap_or(&text));
            Err(skip_while(input, |input| {
                !at_end(input) && !input.peek(Token![=>])
            }))
        }
    }
}

/// An expression of Rust; one that is not finished is kept for an editor.
pub(crate) fn kept(input: ParseStream<'_>, errors: &mut Errors, what: &str) -> Option<Expr> {
    match expr(input, errors, what) {
        Ok(found) => Some(found),
        Err(raw) => (errors.editor && !raw.is_empty()).then_some(Expr::Verbatim(raw)),
    }
}

/// `|req| => …`, `|req| -> …`
fn closure_arrow(input: ParseStream<'_>) -> Option<Span> {
    let fork = input.fork();
    fork.parse::<Token![async]>().ok();
    fork.parse::<Token![move]>().ok();
    fork.parse::<Token![|]>().ok()?;
    while !fork.peek(Token![|]) {
        fork.parse::<TokenTree>().ok()?;
    }
    fork.parse::<Token![|]>().ok()?;
    (fork.peek(Token![=>]) || fork.peek(Token![->])).then(|| here(&fork))
}

fn skip_while(input: ParseStream<'_>, more: impl Fn(ParseStream<'_>) -> bool) -> TokenStream {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && more(input) {
        match input.parse::<TokenTree>() {
            Ok(tree) => skipped.extend([tree]),
            Err(_) => break,
        }
    }
    skipped
}

pub(crate) fn skip_all(input: ParseStream<'_>) -> TokenStream {
    skip_while(input, |_| true)
}

pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    skip_while(input, |input| !input.peek(Token![,]));
}

fn skip_to_semicolon(input: ParseStream<'_>) {
    skip_while(input, |input| !input.peek(Token![;]));
}

/// Reads the inside of `( … )`, `[ … ]` or `{ … }`; what is left over in it is reported.
fn inside<T>(
    input: ParseStream<'_>,
    delimiter: Delimiter,
    errors: &mut Errors,
    read: impl FnOnce(ParseStream<'_>, &mut Errors) -> T,
) -> Option<T> {
    let content;
    let opened = match delimiter {
        Delimiter::Brace => (|| {
            let content;
            braced!(content in input);
            Ok::<_, syn::Error>(content)
        })(),
        Delimiter::Bracket => (|| {
            let content;
            syn::bracketed!(content in input);
            Ok(content)
        })(),
        _ => (|| {
            let content;
            syn::parenthesized!(content in input);
            Ok(content)
        })(),
    };
    match opened {
        Ok(opened) => content = opened,
        Err(error) => {
            errors.absorb(error);
            return None;
        }
    }
    let before = errors.count();
    let found = read(&content, errors);
    if !content.is_empty() {
        if errors.count() == before {
            if content.peek(Token![;]) {
                errors.help(
                    here(&content),
                    "expected `,`",
                    "only rules are separated by `;`",
                );
            } else {
                errors.push(
                    here(&content),
                    "unexpected token: nothing more was expected before the closing bracket",
                );
            }
        }
        skip_all(&content);
    }
    Some(found)
}

/// Whether a new rule seems to begin here, so that a `;` was forgotten.
fn starts_rule(input: ParseStream<'_>) -> bool {
    if input.peek(Token![#]) || input.peek(Token![...]) || input.peek(Token![~]) {
        return true;
    }
    if input.peek(LitStr) {
        return true;
    }
    let Some((word, next)) = input.cursor().ident() else {
        return false;
    };
    let word = word.to_string();
    let followed = next.literal().is_some()
        || next.group(Delimiter::Brace).is_some()
        || next.ident().is_some();
    let arrow = next
        .punct()
        .is_some_and(|(punct, _)| matches!(punct.as_char(), '=' | ';' | '~' | '|'));
    is_upper(&word) && (followed || arrow)
        || VERBS.contains(&word.as_str()) && (next.literal().is_some() || arrow)
        || PREFIXES.contains(&word.as_str())
            && (followed || next.punct().is_some_and(|(p, _)| p.as_char() == '!'))
}

/// Whether the inside of a group is criteria and not an expression of Rust.
fn is_filter(input: ParseStream<'_>) -> bool {
    if input.peek(LitStr) || input.peek(Token![~]) {
        return true;
    }
    if input.peek(Token![!]) {
        let fork = input.fork();
        return fork.parse::<Token![!]>().is_ok() && is_filter(&fork);
    }
    if input.peek(token::Paren) {
        let fork = input.fork();
        let mut nested = false;
        let mut ignored = Errors::default();
        inside(&fork, Delimiter::Parenthesis, &mut ignored, |content, _| {
            nested = is_filter(content);
            skip_all(content);
        });
        return nested;
    }
    let Some((word, next)) = input.cursor().ident() else {
        return false;
    };
    let word = word.to_string();
    let called = next.group(Delimiter::Parenthesis).is_some()
        || next
            .punct()
            .is_some_and(|(punct, _)| matches!(punct.as_char(), '.' | ':' | '?'))
        || next.punct().is_some_and(|(punct, after)| {
            punct.as_char() == '!'
                && after
                    .token_tree()
                    .is_some_and(|(tree, _)| matches!(tree, TokenTree::Group(_)))
        });
    if QUALIFIERS.contains(&word.as_str()) {
        return !next.eof() && !called;
    }
    (is_upper(&word) || VERBS.contains(&word.as_str())) && !called
}
