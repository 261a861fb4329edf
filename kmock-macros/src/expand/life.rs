//! Declarations of a cluster that lives: `k.node("a").cpu(4)`.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Ident;

use super::{
    Expander, Target, our,
    reply::{known, time_tokens},
};
use crate::{
    ast::{Arguments, Call, Declaration, Time},
    errors::Errors,
};

impl Expander {
    pub(super) fn declaration(
        &self,
        declared: &Declaration,
        target: &Target,
        errors: &mut Errors,
        no_lets: bool,
    ) -> TokenStream {
        let (kind, about, krate) = (&declared.kind, &declared.about, &self.krate);
        let span = kind.span();
        if let Target::Set(_) = target {
            errors.help(
                span,
                format_args!("`{kind}` needs a server whose cluster lives"),
                format_args!("write `kmock! {{ k, {kind} … }}`, outside of `in_order!`"),
            );
            return TokenStream::new();
        }
        let kmock = our("__kmock");
        let mut made = quote_spanned!(self.at(span)=> #kmock.#kind(#about));
        for call in &declared.calls {
            let name = &call.name;
            if let Some(word) = self.word_of_image(kind, call) {
                made = quote_spanned!(self.at(name.span())=> #made.run({ #[allow(unused_imports)] use #krate::__private::images::*; #word }));
                continue;
            }
            let arguments = match &call.arguments {
                Arguments::Tokens(tokens) => tokens.clone(),
                Arguments::Json(value) => {
                    quote_spanned!(self.at(name.span())=> #krate::__private::json!(#value))
                }
                Arguments::Time(Time::Between(span, low, high)) => {
                    let (low, high) = (known(*span, *low), known(*span, *high));
                    quote_spanned!(*span=> #low, #high)
                }
                Arguments::Time(time) => time_tokens(time),
                Arguments::Typed if self.editor => TokenStream::new(),
                Arguments::Typed => continue,
            };
            made = quote_spanned!(self.at(name.span())=> #made.#name(#arguments));
        }
        let rust = &declared.rust;
        match &declared.binding {
            Some(name) if !no_lets => {
                quote_spanned!(self.at(span)=> #(#rust)* let #name = #made;)
            }
            _ => quote_spanned!(self.at(span)=> #(#rust)* let _ = #made;),
        }
    }

    /// For editors: a name among the words of an image, which may become one of them, or that of a function.
    fn word_of_image(&self, kind: &Ident, call: &Call) -> Option<Ident> {
        if !self.editor || kind != "image" {
            return None;
        }
        match &call.arguments {
            Arguments::Typed => Some(call.name.clone()),
            Arguments::Tokens(tokens) if call.name == "run" => syn::parse2(tokens.clone()).ok(),
            _ => None,
        }
    }
}
