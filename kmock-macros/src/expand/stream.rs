//! Stream items → `Stream::new().item(…).sleep(…).live()`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, spanned::Spanned};

use super::{Expander, code, our, reply::time_tokens};
use crate::{
    ast::{Callable, StreamItem},
    parse::classify,
};

impl Expander {
    pub(super) fn stream(&self, items: &[StreamItem], span: Span) -> TokenStream {
        let ty = self.ty("Stream", span);
        self.chain(quote_spanned!(self.at(span)=> #ty::new()), items)
    }

    fn chain(&self, start: TokenStream, items: &[StreamItem]) -> TokenStream {
        items
            .iter()
            .fold(start, |made, item| self.item(&made, item))
    }

    fn item(&self, made: &TokenStream, item: &StreamItem) -> TokenStream {
        let krate = &self.krate;
        match item {
            StreamItem::Live(span) => quote_spanned!(self.at(*span)=> #made.live()),
            StreamItem::Sleep(span, time) => {
                let time = time_tokens(time);
                quote_spanned!(self.at(*span)=> #made.sleep(#time))
            }
            StreamItem::Wait(span, event) => {
                let event = self.event(event);
                quote_spanned!(self.at(*span)=> #made.wait(#event))
            }
            StreamItem::Call(Callable::Sync(closure)) => {
                let span = closure.inputs_begin.span;
                if closure.inputs.is_empty() {
                    quote_spanned!(self.at(span)=> #made.call(#closure))
                } else {
                    quote_spanned!(self.at(span)=> #made.call_with(#closure))
                }
            }
            StreamItem::Call(Callable::Future(closure)) => {
                let closure = code::with_argument(closure);
                quote_spanned!(self.at(closure.inputs_begin.span)=> #made.call_async(#closure))
            }
            StreamItem::Call(Callable::Async(closure)) => {
                let span = closure.inputs_begin.span;
                let code = self.lifted(closure);
                quote_spanned!(self.at(span)=> #made.call_async(#code))
            }
            StreamItem::Call(Callable::Expr(value)) | StreamItem::Value(value) => {
                let span = value.span();
                let item = match code::names_function(value) {
                    true => self.named(value, "item"),
                    false => value.to_token_stream(),
                };
                quote_spanned!(self.at(span)=> #made.item(#item))
            }
            StreamItem::Nested { span, once, items } => {
                let stream = self.stream(items, *span);
                if *once {
                    quote_spanned!(self.at(*span)=> #made.once(#stream))
                } else {
                    quote_spanned!(self.at(*span)=> #made.item(#stream))
                }
            }
            StreamItem::For {
                span,
                pat,
                expr,
                items,
            } => {
                let stream = our("__stream");
                let empty = self.stream(&[], *span);
                let body = self.chain(stream.to_token_stream(), items);
                quote_spanned! { self.at(*span)=>
                    #made.item({
                        let mut #stream = #empty;
                        for #pat in #expr {
                            #stream = #body;
                        }
                        #stream
                    })
                }
            }
            StreamItem::From(span, source) => {
                quote_spanned!(self.at(*span)=> #made.from_source(#source))
            }
            StreamItem::Sse(span, fields) => {
                let ty = self.ty("Event", *span);
                let mut event = quote_spanned!(self.at(*span)=> #ty::new());
                for (name, value) in fields {
                    let value = self.event_value(value);
                    event = quote_spanned!(self.at(name.span())=> #event.#name(#value));
                }
                quote_spanned!(self.at(*span)=> #made.sse(#event))
            }
            StreamItem::Fault(fault) => {
                let value = self.fault(fault);
                quote_spanned!(self.at(fault.span)=> #made.fault(#value))
            }
            StreamItem::Hold(span, gate) => quote_spanned!(self.at(*span)=> #made.hold(#gate)),
            StreamItem::Json(span, tokens) => {
                quote_spanned!(self.at(*span)=> #made.json(#krate::__private::json!(#tokens)))
            }
            StreamItem::JsonOf(span, value) => quote_spanned!(self.at(*span)=> #made.json(#value)),
            StreamItem::Text(span, text) => quote_spanned!(self.at(*span)=> #made.text(#text)),
            StreamItem::File {
                span,
                once: false,
                path,
            } => quote_spanned!(self.at(*span)=> #made.file(#path)),
            StreamItem::File {
                span,
                once: true,
                path,
            } => quote_spanned!(self.at(*span)=> #made.file_once(#path)),
            StreamItem::Head(span) => quote_spanned!(self.at(*span)=> #made.head()),
            StreamItem::Stop(span) => quote_spanned!(self.at(*span)=> #made.stop()),
            StreamItem::Bytes(lit) => quote_spanned!(self.at(lit.span())=> #made.item(#lit)),
            StreamItem::Broken(span, raw) if self.editor && !raw.is_empty() => {
                self.unfinished_item(made, *span, raw)
            }
            StreamItem::Broken(..) => made.clone(),
        }
    }

    /// The argument of `wait(…)`: a function that makes a future for each stream, or one that is awaited once.
    pub(super) fn event(&self, event: &Expr) -> TokenStream {
        match classify(event.clone()) {
            Callable::Sync(closure) | Callable::Future(closure) => closure.to_token_stream(),
            Callable::Async(closure) if matches!(event, Expr::Closure(_)) => {
                self.lifted_event(&closure)
            }
            _ => {
                let krate = self.krate_at(event.span());
                quote_spanned!(self.at(event.span())=> #krate::__private::event(#event))
            }
        }
    }

    /// A field of an event: bare JSON is marked by the word before it.
    fn event_value(&self, value: &TokenStream) -> TokenStream {
        let mut trees = value.clone().into_iter();
        match (trees.next(), trees.next(), trees.next()) {
            (
                Some(proc_macro2::TokenTree::Ident(word)),
                Some(proc_macro2::TokenTree::Group(json)),
                None,
            ) if word == "json" => {
                let (krate, tokens) = (&self.krate, json.stream());
                quote!(#krate::__private::json!(#tokens))
            }
            _ => value.clone(),
        }
    }
}
