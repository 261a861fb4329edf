//! What stands where a criterion should, and is none: Rust without parentheses, and words that are not of the language.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Ident, Lit, LitStr, Token,
    parse::{ParseStream, discouraged::Speculative},
    spanned::Spanned,
    token,
};

use super::{
    super::cursor::{expr, here, word},
    FORMS, MORE,
};
use crate::{
    errors::Errors,
    habits,
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

/// Reports Rust where a criterion should stand.
pub(super) fn foreign(input: ParseStream<'_>, errors: &mut Errors) {
    let (span, word) = (here(input), word(input));
    let what = expr(input, errors, "a filter")
        .map(|found| found.to_token_stream())
        .unwrap_or_default();
    let name = word.map(|word| word.to_string()).unwrap_or_default();
    let habit = match name.as_str() {
        "kmock" => {
            Some("rules are mounted after one another; a value of type `Rules` by `k.mount(rules)`")
        }
        "json" => Some("write `json { … }` for a part of the body, `json == { … }` for all of it"),
        // `Mock::given(…)`
        "Mock" => habits::criterion("mock"),
        name => habits::criterion(name),
    };
    match habit {
        Some(help) => errors.help(
            span,
            format_args!("`{name}` is no word of the language"),
            help,
        ),
        None => errors.help(
            what.span(),
            "an expression of Rust stands in parentheses",
            format_args!("write `({})`", short(&what)),
        ),
    }
}

fn short(tokens: &TokenStream) -> String {
    let text = tokens
        .to_string()
        .replace("! (", "!(")
        .replace(" (", "(")
        .replace(" :: ", "::");
    if text.chars().count() > 40 {
        "expr".to_owned()
    } else {
        text
    }
}

/// Reports a word that is none here, with what was probably meant.
pub(super) fn unknown(input: ParseStream<'_>, name: &Ident, errors: &mut Errors, narrows: bool) {
    let (span, text) = (name.span(), name.to_string());
    let upper = text.to_uppercase();
    let followed = input.peek(LitStr) || input.peek(token::Brace);
    let no_word = format!("`{text}` is no word of the language");
    let words = || {
        let heads = VERBS.iter().chain(PREFIXES).chain(METHODS);
        QUALIFIERS
            .iter()
            .chain(heads.filter(move |_| !narrows))
            .copied()
    };
    if METHODS.contains(&upper.as_str()) {
        errors.help(
            span,
            no_word,
            format_args!("methods are in upper case: `{upper}`"),
        );
    } else if followed && ["f", "rf", "fr"].contains(&text.as_str()) {
        errors.help(
            span,
            no_word,
            "write `GET (format!(\"/users/{id}\"))`; `{id}` in a path captures",
        );
    } else if PREFIXES.contains(&text.as_str()) {
        let help = match text.as_str() {
            "stream" => "write `stream GET \"/\" => [ … ];`".to_owned(),
            _ => format!("write `{text} GET \"/\" => 200;`"),
        };
        errors.help(
            span,
            format_args!("`{text}` stands before the criteria"),
            help,
        );
    } else if let Some(help) = habits::criterion(&text) {
        errors.help(span, no_word, help);
    } else if followed || nearest(&text, QUALIFIERS.iter().copied()).is_some() {
        errors.help(
            span,
            format_args!(
                "`{text}` is no {}{}",
                if narrows {
                    "qualifier"
                } else {
                    "verb and no qualifier"
                },
                did_you_mean(&text, words())
            ),
            if narrows { MORE } else { FORMS },
        );
    } else {
        errors.help(
            span,
            format_args!("{no_word}{}", did_you_mean(&text, words())),
            format_args!("a value of Rust stands in parentheses: `({text})`"),
        );
    }
    // What belongs to the unknown word goes with it.
    let fork = input.fork();
    if input.peek(Token![|]) && fork.parse::<syn::ExprClosure>().is_ok() {
        input.advance_to(&fork);
    }
    if followed || input.peek(Lit) || input.peek(token::Paren) && !narrows {
        input.parse::<TokenTree>().ok();
    }
}
