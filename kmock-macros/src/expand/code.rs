//! Closures → the shape in which the engine calls them: `Fn(Request) -> R`, or `-> impl Future`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{ExprClosure, Pat, PatType, Token, parse_quote_spanned, spanned::Spanned};

use super::{Expander, our};
use crate::{
    ast::{Callable, Capture},
    parse::{Unfinished, parameters, unfinished},
};

/// A closure that takes the request, even if it does not care for it.
pub(super) fn with_argument(closure: &ExprClosure) -> ExprClosure {
    let mut closure = closure.clone();
    if closure.inputs.is_empty() {
        let span = closure.inputs_end.span;
        closure.inputs.push(Pat::Wild(syn::PatWild {
            attrs: Vec::new(),
            underscore_token: Token![_](span),
        }));
    }
    closure
}

/// The closure without the `move` that every closure of a rule has, for its text in reports.
pub(super) fn as_written(closure: &ExprClosure) -> ExprClosure {
    let mut closure = closure.clone();
    closure.capture = None;
    closure
}

/// Whether this is a name that may be a function's.
pub(super) fn names_function(value: &syn::Expr) -> bool {
    let syn::Expr::Path(path) = value else {
        return false;
    };
    path.path.segments.last().is_some_and(|last| {
        last.ident
            .to_string()
            .starts_with(|c: char| c.is_lowercase() || c == '_')
    })
}

impl Expander {
    /// An async closure as a function that makes futures: it may use what it has captured, for each request anew.
    pub(super) fn lifted(&self, closure: &ExprClosure) -> TokenStream {
        let span = closure.inputs_begin.span;
        self.lifted_tokens(&with_argument(closure).to_token_stream(), span)
    }

    fn lifted_tokens(&self, closure: &TokenStream, span: Span) -> TokenStream {
        let (krate, code, request) = (&self.krate, our("__code"), our("__request"));
        quote_spanned! { self.at(span)=>
            {
                let #code = ::std::sync::Arc::new(#krate::__private::async_closure(#closure));
                move |#request: #krate::Request| {
                    let #code = ::std::sync::Arc::clone(&#code);
                    async move { #code(#request).await }
                }
            }
        }
    }

    /// A reply that is no expression yet, for editors.
    pub(super) fn unfinished_reply(
        &self,
        made: &TokenStream,
        span: Span,
        raw: &TokenStream,
    ) -> TokenStream {
        match unfinished(raw, true) {
            Unfinished::Closure(closure) => {
                quote_spanned!(self.at(span)=> #made.reply_with(#closure))
            }
            Unfinished::Async(closure) => {
                let code = self.lifted_tokens(&closure, span);
                quote_spanned!(self.at(span)=> #made.reply_async(#code))
            }
            Unfinished::Value => quote_spanned!(self.at(span)=> #made.reply(#raw)),
        }
    }

    /// A condition or a sink that is no expression yet, for editors, and whether it is async.
    pub(super) fn unfinished_code(&self, raw: &TokenStream, span: Span) -> (bool, TokenStream) {
        match unfinished(raw, true) {
            Unfinished::Closure(closure) => (false, closure),
            Unfinished::Async(closure) => (true, self.lifted_tokens(&closure, span)),
            Unfinished::Value => (false, raw.clone()),
        }
    }

    /// An item of a stream that is no expression yet, for editors.
    pub(super) fn unfinished_item(
        &self,
        made: &TokenStream,
        span: Span,
        raw: &TokenStream,
    ) -> TokenStream {
        match unfinished(raw, false) {
            Unfinished::Closure(closure) => {
                let call = Ident::new(
                    if takes_nothing(raw) {
                        "call"
                    } else {
                        "call_with"
                    },
                    self.at(span),
                );
                quote_spanned!(self.at(span)=> #made.#call(#closure))
            }
            Unfinished::Async(closure) => {
                let code = self.lifted_tokens(&closure, span);
                quote_spanned!(self.at(span)=> #made.call_async(#code))
            }
            Unfinished::Value => quote_spanned!(self.at(span)=> #made.item(#raw)),
        }
    }

    /// An async closure without an argument, as a function that makes futures.
    pub(super) fn lifted_event(&self, closure: &ExprClosure) -> TokenStream {
        let code = our("__code");
        let span = closure.inputs_begin.span;
        quote_spanned! { self.at(span)=>
            {
                let #code = ::std::sync::Arc::new(#closure);
                move || {
                    let #code = ::std::sync::Arc::clone(&#code);
                    async move { #code().await }
                }
            }
        }
    }

    /// Code as a reply: `reply`, `reply_with`, `reply_async`.
    pub(super) fn reply_call(
        &self,
        made: TokenStream,
        call: &Callable,
        captures: &[Capture],
    ) -> TokenStream {
        let (Callable::Sync(closure) | Callable::Future(closure) | Callable::Async(closure)) = call
        else {
            return match call {
                Callable::Expr(value) => self.reply_value(&made, value),
                _ => made,
            };
        };
        let taken = parameters(closure);
        let uses = |capture: &&Capture| taken.iter().flatten().any(|name| *name == capture.name);
        let captured: Vec<&Capture> = captures.iter().filter(uses).collect();
        if !captured.is_empty() {
            return self.captured(&made, call, closure, &captured);
        }
        // What is wrong with the value is shown at the value.
        let span = closure.body.span();
        match call {
            Callable::Sync(_) => {
                let closure = with_argument(closure);
                quote_spanned!(self.at(span)=> #made.reply_with(#closure))
            }
            Callable::Future(_) => {
                let closure = with_argument(closure);
                quote_spanned!(self.at(span)=> #made.reply_async(#closure))
            }
            _ => {
                let code = self.lifted(closure);
                quote_spanned!(self.at(span)=> #made.reply_async(#code))
            }
        }
    }

    /// A name may be that of a function; everything else is a value.
    fn reply_value(&self, made: &TokenStream, value: &syn::Expr) -> TokenStream {
        let span = value.span();
        let named = match names_function(value) {
            true => self.named(value, "reply"),
            false => value.to_token_stream(),
        };
        // A word that somebody is typing may become one of the language's own.
        if self.editor && matches!(value, syn::Expr::Path(path) if path.path.get_ident().is_some())
        {
            let krate = &self.krate;
            return quote_spanned!(self.at(span)=> #made.reply({ #[allow(unused_imports)] use #krate::__private::words::*; #named }));
        }
        quote_spanned!(self.at(span)=> #made.reply(#named))
    }

    /// What a name is worth, which may be that of a value or of a function: the type decides.
    pub(super) fn named(&self, value: &syn::Expr, method: &str) -> TokenStream {
        let (krate, span) = (&self.krate, value.span());
        // What is wrong with the value is shown at its name.
        let (named, method) = (
            Ident::new("__named", self.at(span)),
            Ident::new(method, self.at(span)),
        );
        let private = quote_spanned!(self.at(span)=> #krate::__private::answer);
        quote_spanned! { self.at(span)=>
            match #value {
                #named => {
                    #[allow(unused_imports)]
                    use #private::{AsyncFn0 as _, AsyncFn1 as _, Fn0 as _, Fn1 as _, Value as _};
                    (&&&&&#private::Kind(&#named)).kind().#method(#named)
                }
            }
        }
    }

    /// `"/users/{id: u64}" => |id| …`: the parameters are what the path captures, by their names. A value that
    /// is not of the type lets the request go on to the next rule.
    fn captured(
        &self,
        made: &TokenStream,
        call: &Callable,
        closure: &ExprClosure,
        captured: &[&Capture],
    ) -> TokenStream {
        let (krate, code, request) = (&self.krate, our("__code"), our("__request"));
        let span = closure.inputs_begin.span;
        let mut closure = closure.clone();
        let names = parameters(&closure);
        let mut arguments = Vec::new();
        for (input, name) in closure.inputs.iter_mut().zip(names) {
            let capture = captured
                .iter()
                .find(|capture| name.as_ref() == Some(&capture.name));
            let ty: TokenStream = match capture {
                Some(capture) => respanned(capture.ty.to_token_stream(), input.span()),
                None => quote_spanned!(self.at(span)=> #krate::Request),
            };
            arguments.push(match capture {
                Some(capture) => {
                    let text = &capture.name;
                    let given = match &*input {
                        Pat::Type(typed) => typed.ty.to_token_stream(),
                        _ => ty.clone(),
                    };
                    quote_spanned!(self.at(span)=> #request.capture::<#given>(#text)?)
                }
                None => quote_spanned!(self.at(span)=> ::core::clone::Clone::clone(&#request)),
            });
            if !matches!(input, Pat::Type(_)) {
                let typed: PatType = {
                    let at = input.span();
                    PatType {
                        attrs: Vec::new(),
                        pat: Box::new(input.clone()),
                        colon_token: Token![:](at),
                        ty: parse_quote_spanned!(self.at(at)=> #ty),
                    }
                };
                *input = Pat::Type(typed);
            }
        }
        let some = quote_spanned!(self.at(span)=> ::core::option::Option::Some);
        if let Callable::Sync(_) = call {
            return quote_spanned! { self.at(span)=>
                #made.reply_with({
                    let #code = #closure;
                    move |#request: #krate::Request| #some(#code(#(#arguments),*))
                })
            };
        }
        quote_spanned! { self.at(span)=>
            #made.reply_async({
                let #code = ::std::sync::Arc::new(#closure);
                move |#request: #krate::Request| {
                    let #code = ::std::sync::Arc::clone(&#code);
                    async move { #some(#code(#(#arguments),*).await) }
                }
            })
        }
    }

    /// `>> SINK`
    pub(super) fn sink(&self, made: &TokenStream, sink: &Callable) -> TokenStream {
        let krate = &self.krate;
        match sink {
            Callable::Sync(closure) => {
                let span = closure.inputs_begin.span;
                let closure = with_argument(closure);
                quote_spanned!(self.at(span)=> #made.sink(#krate::reply::sink_with(#closure)))
            }
            Callable::Future(closure) => {
                let span = closure.inputs_begin.span;
                let closure = with_argument(closure);
                quote_spanned!(self.at(span)=> #made.sink(#krate::reply::sink_async(#closure)))
            }
            Callable::Async(closure) => {
                let span = closure.inputs_begin.span;
                let code = self.lifted(closure);
                quote_spanned!(self.at(span)=> #made.sink(#krate::reply::sink_async(#code)))
            }
            Callable::Expr(syn::Expr::Verbatim(raw)) => {
                let span = raw.span();
                match unfinished(raw, true) {
                    Unfinished::Closure(closure) => {
                        quote_spanned!(self.at(span)=> #made.sink(#krate::reply::sink_with(#closure)))
                    }
                    Unfinished::Async(closure) => {
                        let code = self.lifted_tokens(&closure, span);
                        quote_spanned!(self.at(span)=> #made.sink(#krate::reply::sink_async(#code)))
                    }
                    Unfinished::Value => quote_spanned!(self.at(span)=> #made.sink(#raw)),
                }
            }
            Callable::Expr(value) => quote_spanned!(self.at(value.span())=> #made.sink(#value)),
        }
    }
}

/// The same tokens at another place.
fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut tree| {
            if let proc_macro2::TokenTree::Group(group) = &tree {
                let inner = respanned(group.stream(), span);
                tree = proc_macro2::TokenTree::Group(proc_macro2::Group::new(
                    group.delimiter(),
                    inner,
                ));
            }
            tree.set_span(span);
            tree
        })
        .collect()
}

/// Whether the bars of an unfinished closure are empty.
fn takes_nothing(raw: &TokenStream) -> bool {
    let is_bar = |tree: &TokenTree| matches!(tree, TokenTree::Punct(bar) if bar.as_char() == '|');
    let mut trees = raw.clone().into_iter().skip_while(|tree| !is_bar(tree));
    trees.next().is_some() && trees.next().is_some_and(|tree| is_bar(&tree))
}
