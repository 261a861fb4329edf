//! Given parts of a reply that name what the path captures: `"/users/{id: u64}" => { "id": id }`.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

use super::{Expander, our};
use crate::ast::{Callable, Capture, Http, Part};

impl Expander {
    /// The part, computed for each request; `None`: it names nothing that is captured.
    pub(super) fn given(
        &self,
        made: &TokenStream,
        part: &Part,
        captures: &[Capture],
    ) -> Option<TokenStream> {
        let (span, tokens) = given_tokens(part)?;
        let used: Vec<(Ident, &Capture)> = captures
            .iter()
            .filter_map(|capture| Some((mention(tokens.clone(), &capture.name, false)?, capture)))
            .collect();
        if used.is_empty() {
            return None;
        }
        let (krate, request, reply) = (&self.krate, our("__request"), self.ty("Reply", span));
        let lets = used.iter().map(|(name, capture)| {
            let (text, ty) = (&capture.name, &capture.ty);
            quote_spanned!(self.at(span)=> #[allow(unused_variables)] let #name: #ty = #request.capture::<#ty>(#text)?;)
        });
        let inner = self.part(quote!(#reply::new()), part, &[]);
        Some(quote_spanned! { self.at(span)=>
            #made.reply_with(move |#request: #krate::Request| {
                #(#lets)*
                ::core::option::Option::Some(#inner)
            })
        })
    }
}

/// The tokens of a part in which names may stand.
fn given_tokens(part: &Part) -> Option<(Span, TokenStream)> {
    Some(match part {
        Part::Json(span, tokens) => (*span, tokens.clone()),
        Part::Header(span, _, Some(value)) | Part::Cookie(span, _, Some(value)) => {
            (*span, value.to_token_stream())
        }
        Part::Http(span, Http::ProblemOf(tokens)) => (*span, tokens.clone()),
        Part::Http(
            span,
            Http::Redirect(value)
            | Http::Problem(value)
            | Http::Etag(value)
            | Http::LastModified(value),
        ) => (*span, value.to_token_stream()),
        Part::JsonOf(span, value) | Part::Text(span, value) => (*span, value.to_token_stream()),
        Part::Call(Callable::Expr(value)) => {
            (syn::spanned::Spanned::span(value), value.to_token_stream())
        }
        _ => return None,
    })
}

/// Where a name stands as a value, or in the text of a macro such as `format!("/users/{id}")`.
fn mention(tokens: TokenStream, name: &str, in_macro: bool) -> Option<Ident> {
    let mut before = ' ';
    let mut word = false;
    for tree in tokens {
        match &tree {
            TokenTree::Ident(ident) if *ident == name && before != '.' => {
                return Some(ident.clone());
            }
            TokenTree::Group(group) => {
                let macro_here = word && before == '!' && group.delimiter() != Delimiter::None;
                if let Some(found) = mention(group.stream(), name, in_macro || macro_here) {
                    return Some(found);
                }
            }
            TokenTree::Literal(lit) if in_macro => {
                let text = lit.to_string();
                let named =
                    text.contains(&format!("{{{name}}}")) || text.contains(&format!("{{{name}:"));
                if named && text.contains('"') {
                    return Some(Ident::new(name, lit.span()));
                }
            }
            _ => {}
        }
        match &tree {
            TokenTree::Punct(punct) => before = punct.as_char(),
            TokenTree::Ident(_) => (before, word) = (' ', true),
            _ => (before, word) = (' ', false),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are_values() {
        let found = |text: &str| mention(text.parse().expect("tokens"), "id", false).is_some();
        for text in [
            r#"{ "id": id }"#,
            r#"{ "a": [{ "b": id + 1 }] }"#,
            r#"format!("/users/{id}")"#,
            r#"{ "url": format!("{id:>3}") }"#,
            "id",
        ] {
            assert!(found(text), "{text}");
        }
        for text in [
            r#"{ "id": 1 }"#,
            r#"{ "id": order.id }"#,
            r#"{ "template": "/users/{id}" }"#,
            r#"format!("{}", other)"#,
        ] {
            assert!(!found(text), "{text}");
        }
    }
}
