//! The parts of a reply → `status`, `header`, `json`, `file`, ….

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{LitInt, spanned::Spanned};

use super::{Expander, filter::name_tokens};
use crate::ast::{Callable, Capture, Fault, Http, Part, Time, Way};

impl Expander {
    pub(super) fn part(&self, made: TokenStream, part: &Part, captures: &[Capture]) -> TokenStream {
        let krate = &self.krate;
        if let Some(made) = self.given(&made, part, captures) {
            return made;
        }
        let word = said(part).map(|(word, span)| Expander::word(word, span));
        match part {
            Part::With(span, names, call) => {
                let ty = self.ty("Reply", *span);
                let new = quote_spanned!(self.at(*span)=> #ty::new());
                let reply = match call {
                    Callable::Expr(syn::Expr::Verbatim(raw)) => {
                        self.unfinished_reply(&new, *span, raw)
                    }
                    call => self.reply_call(new, call, captures),
                };
                let lets = names.iter().map(|name| {
                    quote_spanned!(self.at(name.span())=> let #name = ::core::clone::Clone::clone(&#name);)
                });
                quote_spanned!(self.at(*span)=> #made.reply({ #(#lets)* #reply }))
            }
            Part::Status(lit) => quote_spanned!(self.at(lit.span())=> #made.status(#lit)),
            Part::Header(span, name, value) => {
                let name = name_tokens(name);
                match value {
                    Some(value) => quote_spanned!(self.at(*span)=> #made.header(#name, #value)),
                    None => quote_spanned!(self.at(*span)=> #made.no_header(#name)),
                }
            }
            Part::Cookie(span, name, value) => {
                let name = name_tokens(name);
                match value {
                    Some(value) => quote_spanned!(self.at(*span)=> #made.cookie(#name, #value)),
                    None => quote_spanned!(self.at(*span)=> #made.no_cookie(#name)),
                }
            }
            Part::Bytes(lit) => quote_spanned!(self.at(lit.span())=> #made.reply(#lit)),
            Part::Text(span, text) => quote_spanned!(self.at(*span)=> #made.#word(#text)),
            Part::Json(span, tokens) => {
                quote_spanned!(self.at(*span)=> #made.json(#krate::__private::json!(#tokens)))
            }
            Part::JsonOf(span, value) => quote_spanned!(self.at(*span)=> #made.#word(#value)),
            Part::File {
                span,
                once: false,
                path,
            } => quote_spanned!(self.at(*span)=> #made.#word(#path)),
            Part::File {
                span,
                once: true,
                path,
            } => quote_spanned!(self.at(*span)=> #made.file_once(#path)),
            Part::Call(call) => self.reply_call(made, call, captures),
            Part::Stream(span, items) => {
                let stream = self.stream(items, *span);
                quote_spanned!(self.at(*span)=> #made.#word(#stream))
            }
            Part::StreamOf(span, value) => quote_spanned!(self.at(*span)=> #made.#word(#value)),
            Part::Delay(span, time) => {
                let time = time_tokens(time);
                quote_spanned!(self.at(*span)=> #made.delay(#time))
            }
            Part::Wait(span, event) => {
                let (ty, event) = (self.ty("Reply", *span), self.event(event));
                quote_spanned!(self.at(*span)=> #made.reply(#ty::new().wait(#event)))
            }
            Part::WebSocket(span, items) => {
                let stream = self.stream(items, *span);
                quote_spanned!(self.at(*span)=> #made.#word(#stream))
            }
            Part::WebSocketOf(span, socket) => {
                quote_spanned!(self.at(*span)=> #made.#word(#socket))
            }
            Part::Exec(span, code) => quote_spanned!(self.at(*span)=> #made.#word(#code)),
            Part::Hold(span, gate) => quote_spanned!(self.at(*span)=> #made.#word(#gate)),
            Part::Fault(fault) => {
                let fault_value = self.fault(fault);
                quote_spanned!(self.at(fault.span)=> #made.fault(#fault_value))
            }
            Part::Slow(span, speed) => {
                let speed = LitInt::new(&speed.to_string(), *span);
                quote_spanned!(self.at(*span)=> #made.#word(#speed))
            }
            Part::Proxy(span, url) => quote_spanned!(self.at(*span)=> #made.#word(#url)),
            Part::Failure { name, after, why } => {
                let span = name.span();
                let ty = self.ty("Failure", span);
                let name = Ident::new(&name.to_string(), self.at(span));
                let after = after.as_ref().map(time_tokens);
                let mut failure = quote_spanned!(self.at(span)=> #ty::#name(#after));
                if let Some(why) = why {
                    failure = quote_spanned!(self.at(span)=> #failure.because(#why));
                }
                quote_spanned!(self.at(span)=> #made.reply(#failure))
            }
            Part::Then(span) => quote_spanned!(self.at(*span)=> #made.#word()),
            Part::Ending(span, method) => {
                let method = Ident::new(method, self.at(*span));
                quote_spanned!(self.at(*span)=> #made.#method())
            }
            Part::Way(span, way) => self.way(&made, *span, way),
            Part::Http(span, http) => {
                let at = self.at(*span);
                match http {
                    Http::Redirect(to) => quote_spanned!(at=> #made.#word(#to)),
                    Http::Problem(why) => quote_spanned!(at=> #made.#word(#why)),
                    Http::ProblemOf(tokens) => {
                        quote_spanned!(at=> #made.problem(#krate::__private::json!(#tokens)))
                    }
                    Http::Etag(tag) => quote_spanned!(at=> #made.#word(#tag)),
                    Http::EtagOfBody => quote_spanned!(at=> #made.etag_of_body()),
                    Http::LastModified(time) => quote_spanned!(at=> #made.#word(#time)),
                    Http::Ranges => quote_spanned!(at=> #made.#word()),
                }
            }
            Part::Broken(span, raw) if self.editor && !raw.is_empty() => {
                self.unfinished_reply(&made, *span, raw)
            }
            Part::Broken(..) => made,
        }
    }

    fn way(&self, made: &TokenStream, span: Span, way: &Way) -> TokenStream {
        let (krate, span) = (&self.krate, self.at(span));
        match way {
            Way::Certificate(name) => {
                quote_spanned!(span=> #made.certificate(#krate::tls::Certificate::#name()))
            }
            Way::CertificateFor(host) => {
                quote_spanned!(span=> #made.certificate(#krate::tls::Certificate::for_hosts([#host])))
            }
            Way::CertificateOf(value) => quote_spanned!(span=> #made.certificate(#value)),
            Way::TlsVersion(variant) => {
                let variant = Ident::new(variant, span);
                quote_spanned!(span=> #made.tls_version(#krate::tls::Version::#variant))
            }
            Way::AtMost(most) => quote_spanned!(span=> #made.at_most(#most)),
            Way::Trailer(name, value) => {
                let name = name_tokens(name);
                quote_spanned!(span=> #made.trailer(#name, #value))
            }
            Way::Hint(status, headers) => {
                let headers = headers.iter().map(|(name, value)| {
                    let name = name_tokens(name);
                    quote!((#name, #krate::__private::text(#value)))
                });
                let headers: Vec<TokenStream> = headers.collect();
                match headers.is_empty() {
                    true => {
                        quote_spanned!(span=> #made.informational(#status, [("", ""); 0]))
                    }
                    false => quote_spanned!(span=> #made.informational(#status, [#(#headers),*])),
                }
            }
            Way::GrpcMessage(tokens) => {
                quote_spanned!(span=> #made.grpc(#krate::__private::json!(#tokens)))
            }
            Way::GrpcMessages(items) => {
                let stream = self.stream(items, span);
                quote_spanned!(span=> #made.grpc(#stream))
            }
            Way::GrpcStatus(code, message) => {
                let code = Ident::new(code, span);
                match message {
                    Some(message) => {
                        quote_spanned!(span=> #made.grpc(#krate::grpc::Code::#code.because(#message)))
                    }
                    None => quote_spanned!(span=> #made.grpc(#krate::grpc::Code::#code)),
                }
            }
            Way::GrpcEach(closure) => {
                quote_spanned!(span=> #made.grpc(#krate::grpc::Grpc::new().answer(#closure)))
            }
            Way::Grpc(value) => quote_spanned!(span=> #made.grpc(#value)),
            Way::Record(url) => quote_spanned!(span=> #made.record(#url)),
            Way::Replay(method, path) => {
                let method = Ident::new(method, span);
                quote_spanned!(span=> #made.#method(#path))
            }
            Way::Unread(None) => quote_spanned!(span=> #made.unread()),
            Way::Unread(Some(bytes)) => quote_spanned!(span=> #made.unread_after(#bytes)),
            Way::SlowUpload(speed) => {
                let speed = LitInt::new(&speed.to_string(), span);
                quote_spanned!(span=> #made.slow_upload(#speed))
            }
            Way::Http10 => quote_spanned!(span=> #made.http10()),
            Way::UntilEof => quote_spanned!(span=> #made.until_eof()),
            Way::AsWritten => quote_spanned!(span=> #made.as_written()),
        }
    }

    pub(super) fn fault(&self, fault: &Fault) -> TokenStream {
        let ty = self.ty("Fault", fault.span);
        let name = Ident::new(fault.name, self.at(fault.span));
        let argument = &fault.argument;
        let mut made = quote_spanned!(self.at(fault.span)=> #ty::#name(#argument));
        for limit in &fault.limits {
            let (name, value) = (Ident::new(limit.name, self.at(limit.span)), &limit.value);
            made = quote_spanned!(self.at(limit.span)=> #made.#name(#value));
        }
        made
    }
}

/// The word of a part whose call has the same name.
fn said(part: &Part) -> Option<(&'static str, Span)> {
    Some(match part {
        Part::Text(span, _) => ("text", *span),
        Part::JsonOf(span, _) => ("json", *span),
        Part::File { span, .. } => ("file", *span),
        Part::Stream(span, _) | Part::StreamOf(span, _) => ("stream", *span),
        Part::WebSocket(span, _) | Part::WebSocketOf(span, _) => ("websocket", *span),
        Part::Exec(span, _) => ("exec", *span),
        Part::Hold(span, _) => ("hold", *span),
        Part::Slow(span, _) => ("slow", *span),
        Part::Proxy(span, _) => ("proxy", *span),
        Part::Then(span) => ("then", *span),
        Part::Http(span, Http::Redirect(_)) => ("redirect", *span),
        Part::Http(span, Http::Problem(_)) => ("problem", *span),
        Part::Http(span, Http::Etag(_)) => ("etag", *span),
        Part::Http(span, Http::LastModified(_)) => ("last_modified", *span),
        Part::Http(span, Http::Ranges) => ("ranges", *span),
        _ => return None,
    })
}

pub(super) fn time_tokens(time: &Time) -> TokenStream {
    match time {
        Time::Known(span, duration) => known(*span, *duration),
        Time::Between(span, low, high) => {
            let (low, high) = (known(*span, *low), known(*span, *high));
            quote!(#low..#high)
        }
        Time::Expr(value) => quote_spanned!(value.span()=> #value),
    }
}

/// `Duration::from_millis(1500)`: the largest unit that is exact.
pub(super) fn known(span: Span, duration: Duration) -> TokenStream {
    let nanos = duration.as_nanos();
    let (unit, count) = [
        ("from_secs", 1_000_000_000),
        ("from_millis", 1_000_000),
        ("from_micros", 1_000),
    ]
    .into_iter()
    .find(|(_, size)| nanos.is_multiple_of(*size))
    .map_or(("from_nanos", nanos), |(unit, size)| (unit, nanos / size));
    let unit = Ident::new(unit, span);
    let count = LitInt::new(&count.to_string(), span);
    quote_spanned!(span=> ::core::time::Duration::#unit(#count))
}
