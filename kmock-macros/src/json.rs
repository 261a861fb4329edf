//! Bare JSON: `{ "a": 1, "b": [x] }`. Its grammar is checked here, where mistakes can be explained;
//! the tokens then go to `serde_json::json!` as they are.

use proc_macro2::{Delimiter, TokenStream};
use syn::{
    Expr, Ident, Lit, LitStr, Token, braced, bracketed, ext::IdentExt, parenthesized,
    parse::ParseStream, token,
};

use crate::{
    errors::Errors,
    parse::cursor::{expr, here, skip_to_comma},
};

/// Whether a brace group that comes next is JSON and not a block of Rust: it is empty, or starts with a key.
pub(crate) fn is_object(input: ParseStream<'_>) -> bool {
    let Some((inside, ..)) = input.cursor().group(Delimiter::Brace) else {
        return false;
    };
    if inside.eof() {
        return true;
    }
    let Some((_, next)) = inside.token_tree() else {
        return false;
    };
    let colon = |at: syn::buffer::Cursor<'_>| {
        at.punct().is_some_and(|(punct, next)| {
            punct.as_char() == ':' && next.punct().is_none_or(|(next, _)| next.as_char() != ':')
        })
    };
    let next_comma = next
        .punct()
        .is_some_and(|(punct, _)| punct.as_char() == ',');
    // A name with a colon is a key without quotes, a text without one a key without a value.
    colon(next)
        || next_comma && inside.ident().is_some()
        || inside
            .literal()
            .is_some_and(|(lit, _)| lit.to_string().starts_with('"'))
            && !next.eof()
            && next
                .punct()
                .is_some_and(|(punct, _)| matches!(punct.as_char(), ',' | '='))
}

/// Reads one JSON value and reports what is wrong in it; the tokens are those for `json!`.
pub(crate) fn value(input: ParseStream<'_>, errors: &mut Errors) -> TokenStream {
    let fork = input.fork();
    let before = errors.count();
    read(input, errors);
    let mut tokens = TokenStream::new();
    while fork.cursor() != input.cursor() {
        match fork.parse::<proc_macro2::TokenTree>() {
            Ok(tree) => tokens.extend([tree]),
            Err(_) => break,
        }
    }
    let tokens = crate::numbers::json(tokens);
    // `json!` would only say "no rules expected" about what has been explained already.
    if errors.count() > before && !errors.editor {
        return quote::quote!(null);
    }
    tokens
}

fn read(input: ParseStream<'_>, errors: &mut Errors) {
    if input.peek(token::Brace) {
        object(input, errors);
    } else if input.peek(token::Bracket) {
        array(input, errors);
    } else if input.peek(Ident::peek_any)
        && input
            .fork()
            .call(Ident::parse_any)
            .is_ok_and(|word| word == "null")
    {
        input.call(Ident::parse_any).ok();
    } else {
        let found = expr(input, errors, "a JSON value");
        if let Ok(Expr::Path(path)) = &found
            && let Some(word) = path.path.get_ident()
            && let Some(meant) = meant(&word.to_string())
        {
            errors.help(
                word.span(),
                format_args!("`{word}` is no value of JSON"),
                format_args!("write `{meant}`"),
            );
        }
        if let Ok(Expr::Lit(lit)) = &found {
            match &lit.lit {
                Lit::ByteStr(bytes) => errors.help(
                    bytes.span(),
                    "JSON has no bytes",
                    "drop the `b` for a text; bytes are a body of their own",
                ),
                Lit::Char(one) => errors.help(
                    one.span(),
                    "JSON has no single characters",
                    format_args!("write \"{}\"", one.value()),
                ),
                _ => {}
            }
        }
    }
}

/// What Python and JavaScript call a constant of JSON.
pub(crate) fn meant(word: &str) -> Option<&'static str> {
    Some(match word {
        "None" | "nil" | "undefined" | "NULL" => "null",
        "True" | "TRUE" => "true",
        "False" | "FALSE" => "false",
        _ => return None,
    })
}

fn object(input: ParseStream<'_>, errors: &mut Errors) {
    let content = match (|| {
        let content;
        braced!(content in input);
        Ok(content)
    })() {
        Ok(content) => content,
        Err(error) => return errors.absorb(error),
    };
    while !content.is_empty() {
        if key(&content, errors) {
            let at = here(&content);
            if content.parse::<Token![:]>().is_err() {
                if content.peek(Token![=]) {
                    errors.help(
                        at,
                        "expected `:` after the key",
                        "JSON has `:` where Rust has `=`",
                    );
                } else {
                    errors.push(at, "expected `:` and a value after the key");
                }
                skip_to_comma(&content);
            } else if content.is_empty() || content.peek(Token![,]) {
                errors.push(here(&content), "expected a JSON value after `:`");
            } else {
                read(&content, errors);
            }
        } else {
            skip_to_comma(&content);
        }
        comma(&content, errors);
    }
}

fn key(content: ParseStream<'_>, errors: &mut Errors) -> bool {
    let at = here(content);
    if content.peek(LitStr) {
        content.parse::<LitStr>().is_ok()
    } else if content.peek(token::Paren) {
        (|| {
            let inside;
            parenthesized!(inside in content);
            expr(&inside, errors, "a key").ok();
            Ok::<_, syn::Error>(())
        })()
        .is_ok()
    } else if content.peek(Ident::peek_any) {
        let word = content
            .call(Ident::parse_any)
            .map(|word| word.to_string())
            .unwrap_or_default();
        if content.is_empty() || content.peek(Token![,]) {
            errors.help(
                at,
                "JSON has a key and a value",
                format_args!("write `\"{word}\": {word}`"),
            );
            return false;
        }
        errors.help(
            at,
            "the keys of JSON are in quotes",
            format_args!("write `\"{word}\": …`, or `({word}): …` for the value of a variable"),
        );
        true
    } else {
        errors.push(at, "expected a key in quotes");
        false
    }
}

fn array(input: ParseStream<'_>, errors: &mut Errors) {
    let content = match (|| {
        let content;
        bracketed!(content in input);
        Ok(content)
    })() {
        Ok(content) => content,
        Err(error) => return errors.absorb(error),
    };
    while !content.is_empty() {
        if content.peek(Token![..]) {
            errors.help(
                here(&content),
                "a JSON array has no `..`",
                "only patterns have it; `...` is for streams: `stream [ … ]`",
            );
            skip_to_comma(&content);
        } else {
            read(&content, errors);
        }
        comma(&content, errors);
    }
}

fn comma(content: ParseStream<'_>, errors: &mut Errors) {
    if content.is_empty() {
        return;
    }
    if content.parse::<Token![,]>().is_err() {
        errors.push(here(content), "expected `,` between the values of JSON");
        skip_to_comma(content);
        content.parse::<Token![,]>().ok();
    }
}
