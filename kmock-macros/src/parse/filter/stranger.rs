//! What stands where a criterion should, and is none: Rust without parentheses, and words that are not of the language.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Ident, LitStr, parse::ParseStream, token};

use super::FORMS;
use crate::{
    errors::Errors,
    words::{METHODS, PREFIXES, QUALIFIERS, VERBS, did_you_mean, is_upper, nearest},
};

/// `format!(…)`, `path::to(…)`, `list()`: a call or macro rather than a word of the language.
pub(super) fn is_rust(input: ParseStream<'_>) -> bool {
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

pub(super) fn short(tokens: &TokenStream) -> String {
    let text = tokens.to_string().replace("! (", "!(").replace(" (", "(");
    if text.chars().count() > 40 {
        "expr".to_owned()
    } else {
        text
    }
}

pub(super) fn unknown(input: ParseStream<'_>, name: &Ident, errors: &mut Errors) {
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
