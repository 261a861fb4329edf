//! What seems to begin with the next tokens.

use proc_macro2::{Delimiter, TokenTree};
use syn::{LitStr, Token, parse::ParseStream, token};

use super::cursor::{inside, skip_all};
use crate::{
    errors::Errors,
    words::{DECLARATIONS, PREFIXES, QUALIFIERS, VERBS, is_upper},
};

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

/// `node "a"`, `image "web"`, `stage "…"`: a word, and what it is about.
pub(crate) fn starts_declaration(input: ParseStream<'_>) -> bool {
    let Some((word, next)) = input.cursor().ident() else {
        return false;
    };
    let about = next.literal().is_some()
        || next.group(Delimiter::Parenthesis).is_some()
        || next.group(Delimiter::Brace).is_some()
        || next
            .punct()
            .is_some_and(|(punct, _)| punct.as_char() == '=');
    about && DECLARATIONS.contains(&word.to_string().as_str())
}

/// Whether a new rule seems to begin here, so that a `;` was forgotten.
pub(crate) fn starts_rule(input: ParseStream<'_>) -> bool {
    if input.peek(Token![#]) || input.peek(Token![...]) || input.peek(Token![~]) {
        return true;
    }
    if input.peek(LitStr) || starts_declaration(input) {
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
pub(crate) fn is_filter(input: ParseStream<'_>) -> bool {
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
