//! The tokens at hand: what is next, what is taken, and where reading goes on after a mistake.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::{
    Expr, Ident, LitStr, Token, braced,
    ext::IdentExt,
    parse::{ParseStream, discouraged::Speculative},
};

use crate::errors::Errors;

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
pub(crate) fn word(input: ParseStream<'_>) -> Option<Ident> {
    input.cursor().ident().map(|(word, _)| word)
}

pub(crate) fn is_word(input: ParseStream<'_>, text: &str) -> bool {
    word(input).is_some_and(|word| word == text)
}

/// Takes the next word when it is this one.
pub(crate) fn take_word(input: ParseStream<'_>, text: &str) -> Option<Span> {
    if !is_word(input, text) {
        return None;
    }
    input.call(Ident::parse_any).ok().map(|word| word.span())
}

/// Whether a list element, reply part or rule ends here.
pub(crate) fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,]) || input.peek(Token![;])
}

/// Whether the token after the next one ends a list element.
pub(crate) fn ends_after_next(input: ParseStream<'_>) -> bool {
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
            // The commas between the arguments of a closure end nothing.
            let mut raw = closure_head(input).unwrap_or_default();
            raw.extend(skip_while(input, |input| {
                !at_end(input) && !input.peek(Token![=>])
            }));
            Err(raw)
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

/// Takes `async move |command, io|`, where it stands.
fn closure_head(input: ParseStream<'_>) -> Option<TokenStream> {
    let fork = input.fork();
    let mut head = TokenStream::new();
    for word in ["async", "move"] {
        head.extend(take_word(&fork, word).map(|span| TokenTree::Ident(Ident::new(word, span))));
    }
    if !fork.peek(Token![|]) {
        return None;
    }
    head.extend([fork.parse::<TokenTree>().ok()?]);
    head.extend(skip_while(&fork, |input| !input.peek(Token![|])));
    head.extend([fork.parse::<TokenTree>().ok()?]);
    input.advance_to(&fork);
    Some(head)
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

pub(crate) fn skip_while(
    input: ParseStream<'_>,
    more: impl Fn(ParseStream<'_>) -> bool,
) -> TokenStream {
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

pub(crate) fn skip_to_semicolon(input: ParseStream<'_>) {
    skip_while(input, |input| !input.peek(Token![;]));
}

/// Reads the inside of `( … )`, `[ … ]` or `{ … }`; what is left over in it is reported.
pub(crate) fn inside<T>(
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
