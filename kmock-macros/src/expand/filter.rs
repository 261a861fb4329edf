//! Criteria and patterns → `Filter` and `Pattern`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, LitStr, spanned::Spanned};

use super::{Expander, code};
use crate::{
    ast::{Callable, Field, Filter, Name, PartFact, Pattern, ValueKind},
    words::METHODS,
};

/// How tightly an expression of criteria binds, as operators of Rust do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Minus,
    Not,
    Call,
}

impl Expander {
    /// The argument of `on(impl Into<Filter>)`: a text is enough where it is all.
    pub(super) fn filter_argument(&self, filter: &Filter) -> TokenStream {
        match filter {
            Filter::Notation(lit) => lit.to_token_stream(),
            Filter::Of(value) => value.to_token_stream(),
            other => self.filter(other).0,
        }
    }

    fn filter(&self, filter: &Filter) -> (TokenStream, Binding) {
        let call = |tokens| (tokens, Binding::Call);
        match filter {
            Filter::Any(span) => {
                let ty = self.ty("Filter", *span);
                call(quote_spanned!(self.at(*span)=> #ty::any()))
            }
            Filter::All(parts) => self.joined(parts, &quote!(&), Binding::And),
            Filter::Either(parts) => self.joined(parts, &quote!(|), Binding::Or),
            Filter::Minus(left, right) => {
                let left = self.operand(left, Binding::Minus);
                let right = self.operand(right, Binding::Not);
                (quote!(#left - #right), Binding::Minus)
            }
            Filter::Not(span, inner) => {
                let inner = self.operand(inner, Binding::Not);
                (quote_spanned!(self.at(*span)=> !#inner), Binding::Not)
            }
            Filter::Methods(names) => self.alternatives(names.len(), |index| {
                let name = &names[index];
                let span = name.span();
                let ty = self.ty("Filter", span);
                let krate = &self.krate;
                let text = name.to_string();
                // Somebody may be typing it.
                let half = self.editor && METHODS.iter().any(|known| known.starts_with(&text));
                if half || METHODS.contains(&text.as_str()) {
                    quote_spanned!(self.at(span)=> #ty::method(#krate::__private::verbs::#name))
                } else {
                    let text = LitStr::new(&name.to_string(), span);
                    quote_spanned!(self.at(span)=> #ty::method(#text))
                }
            }),
            Filter::Verbs(names) => self.alternatives(names.len(), |index| {
                let name = &names[index];
                let text = LitStr::new(&name.to_string(), name.span());
                self.call("verb", name.span(), &text)
            }),
            Filter::Path(lit) => call(self.call("path", lit.span(), lit)),
            Filter::PathOf(value) => call(self.call("path", value.span(), value)),
            Filter::PathRegex(lit) => call(self.call("path_regex", lit.span(), lit)),
            Filter::Resource(lit) => call(self.call("resource", lit.span(), lit)),
            Filter::ResourceOf(value) => call(self.call("resource", value.span(), value)),
            Filter::Notation(lit) => call(self.converted(lit.span(), lit)),
            Filter::Of(value) => call(self.converted(value.span(), value)),
            Filter::Field {
                kind,
                span,
                name,
                pattern,
            } => {
                let method = match kind {
                    Field::Query => "query",
                    Field::Header => "header",
                    Field::Cookie => "cookie",
                    Field::Form => "form",
                    Field::Trailer => "trailer",
                };
                let name = name_tokens(name);
                let pattern = self.pattern_argument(pattern);
                call(self.word_call(method, *span, quote!(#name, #pattern)))
            }
            Filter::Fields { kind, span, fields } => {
                let method = match kind {
                    Field::Query => "query_exact",
                    Field::Cookie => "cookie_exact",
                    Field::Form | Field::Header | Field::Trailer => "form_exact",
                };
                if fields.is_empty() {
                    let ty = self.ty("Filter", *span);
                    let method = proc_macro2::Ident::new(method, self.at(*span));
                    let krate = &self.krate;
                    let none =
                        quote_spanned!(self.at(*span)=> #ty::#method::<&str, #krate::Pattern>([]));
                    return call(none);
                }
                let fields = fields.iter().map(|(name, pattern)| {
                    let name = name_tokens(name);
                    let pattern = self.pattern(pattern, false);
                    quote!((#name, #pattern))
                });
                call(self.call(method, *span, quote!([#(#fields),*])))
            }
            Filter::Part { span, name, facts } => call(self.part_of_body(*span, name, facts)),
            Filter::Json {
                span,
                exact,
                pattern,
            } => {
                let pattern = match exact {
                    true => self.pattern(pattern, true),
                    false => self.partial(pattern),
                };
                call(match exact {
                    true => self.call("json_exact", *span, pattern),
                    false => self.word_call("json", *span, pattern),
                })
            }
            Filter::Value {
                kind,
                span,
                pattern,
            } => {
                let method = match kind {
                    ValueKind::Text => "text",
                    ValueKind::Host => "host",
                    ValueKind::Namespace => "namespace",
                    ValueKind::Name => "named",
                    ValueKind::Subresource => "subresource",
                    ValueKind::ClientCert => "client_cert",
                    ValueKind::Grpc => "grpc",
                    ValueKind::Message => "message",
                };
                call(self.word_call(method, *span, self.pattern_argument(pattern)))
            }
            Filter::Body(span, bytes) => {
                let bytes = match bytes {
                    Expr::Lit(lit) if matches!(lit.lit, syn::Lit::ByteStr(_)) => {
                        quote_spanned!(self.at(lit.span())=> #lit.as_slice())
                    }
                    other => other.to_token_stream(),
                };
                call(self.word_call("body", *span, bytes))
            }
            Filter::From(span, network) => call(self.call("peer", *span, network)),
            Filter::Connection(span) => call(self.word_call("connection", *span, quote!())),
            Filter::Where(span, condition) => call(self.condition(*span, condition)),
            Filter::Unknown(name) => {
                let span = name.span();
                let ty = self.ty("Filter", span);
                if self.editor {
                    let krate = &self.krate;
                    call(
                        quote_spanned!(self.at(span)=> #ty::method(#krate::__private::verbs::#name)),
                    )
                } else {
                    call(quote_spanned!(self.at(span)=> #ty::any()))
                }
            }
        }
    }

    fn call(&self, method: &str, span: Span, arguments: impl ToTokens) -> TokenStream {
        let ty = self.ty("Filter", span);
        let method = proc_macro2::Ident::new(method, self.at(span));
        quote_spanned!(self.at(span)=> #ty::#method(#arguments))
    }

    /// The call that a word is, at the word.
    fn word_call(&self, method: &str, span: Span, arguments: impl ToTokens) -> TokenStream {
        let ty = self.ty("Filter", span);
        let method = Expander::word(method, span);
        quote_spanned!(self.at(span)=> #ty::#method(#arguments))
    }

    /// String notation, and whatever else is a filter.
    fn converted(&self, span: Span, value: impl ToTokens) -> TokenStream {
        let krate = &self.krate;
        // No `From::from`: clippy would call the conversion of what is a filter useless, at the user's own code.
        quote_spanned!(self.at(span)=> <#krate::__private::AsFilter>::of(#value))
    }

    fn operand(&self, filter: &Filter, least: Binding) -> TokenStream {
        let (tokens, binding) = self.filter(filter);
        if binding < least {
            quote!((#tokens))
        } else {
            tokens
        }
    }

    fn joined(
        &self,
        parts: &[Filter],
        operator: &TokenStream,
        binding: Binding,
    ) -> (TokenStream, Binding) {
        let parts: Vec<TokenStream> = parts
            .iter()
            .map(|part| self.operand(part, binding))
            .collect();
        let Some((first, rest)) = parts.split_first() else {
            return (
                self.call("any", Span::mixed_site(), quote!()),
                Binding::Call,
            );
        };
        let tokens = quote!(#first #(#operator #rest)*);
        (
            tokens,
            if rest.is_empty() {
                Binding::Call
            } else {
                binding
            },
        )
    }

    fn alternatives(
        &self,
        count: usize,
        one: impl Fn(usize) -> TokenStream,
    ) -> (TokenStream, Binding) {
        let all: Vec<TokenStream> = (0..count).map(one).collect();
        (
            quote!(#(#all)|*),
            if count == 1 {
                Binding::Call
            } else {
                Binding::Or
            },
        )
    }

    /// `where |req| …`
    fn condition(&self, span: Span, condition: &Callable) -> TokenStream {
        let text = |code: TokenStream| self.text_before(code, span);
        let (method, text, code) = match condition {
            Callable::Sync(closure) => (
                "test",
                text(code::as_written(closure).to_token_stream()),
                code::with_argument(closure).to_token_stream(),
            ),
            Callable::Future(closure) => (
                "test_async",
                text(code::as_written(closure).to_token_stream()),
                code::with_argument(closure).to_token_stream(),
            ),
            Callable::Async(closure) => (
                "test_async",
                text(code::as_written(closure).to_token_stream()),
                self.lifted(closure),
            ),
            Callable::Expr(value) if code::names_function(value) => {
                return self.named_condition(span, value);
            }
            Callable::Expr(syn::Expr::Verbatim(raw)) => {
                let (later, code) = self.unfinished_code(raw, span);
                let method = if later { "test_async" } else { "test" };
                (method, text(raw.clone()), code)
            }
            Callable::Expr(value) => (
                "test",
                text(value.to_token_stream()),
                value.to_token_stream(),
            ),
        };
        self.call(method, span, quote!(#text, #code))
    }

    /// `where is_long`: a function of the request, by reference or by value, or of nothing, sync or async.
    fn named_condition(&self, span: Span, value: &syn::Expr) -> TokenStream {
        let (krate, at, text) = (&self.krate, value.span(), self.text_before(value, span));
        // What is wrong with the function is shown at its name.
        let named = proc_macro2::Ident::new("__named", self.at(at));
        let private = quote_spanned!(self.at(at)=> #krate::__private::condition);
        quote_spanned! { self.at(at)=>
            match #value {
                #named => {
                    #[allow(unused_imports)]
                    use #private::{AsyncFn0 as _, AsyncFn1 as _, Fn0 as _, Fn1 as _, FnRef as _, Value as _};
                    (&&&&&&#private::Kind(&#named)).kind().filter(#text, #named)
                }
            }
        }
    }

    /// The argument of an `impl Into<Pattern>`: plain values are enough.
    fn pattern_argument(&self, pattern: &Pattern) -> TokenStream {
        match pattern {
            Pattern::Text(lit) => lit.to_token_stream(),
            Pattern::Value(_, value) => value.clone(),
            other => self.pattern(other, false),
        }
    }

    /// `part "file" { filename: "*.png" }`
    fn part_of_body(
        &self,
        span: Span,
        name: &Option<Pattern>,
        facts: &[(proc_macro2::Ident, PartFact)],
    ) -> TokenStream {
        if let (Some(name), []) = (name, facts) {
            return self.call("part", span, self.pattern_argument(name));
        }
        let ty = self.ty("PartPattern", span);
        let mut made = quote_spanned!(self.at(span)=> #ty::new());
        if let Some(name) = name {
            let name = self.pattern_argument(name);
            made = quote_spanned!(self.at(span)=> #made.name(#name));
        }
        for (word, fact) in facts {
            let method = match word.to_string().as_str() {
                "type" => "content_type".to_owned(),
                word => word.to_owned(),
            };
            let method = proc_macro2::Ident::new(&method, word.span());
            let value = match fact {
                PartFact::Is(pattern) if word == "json" => self.partial(pattern),
                PartFact::Is(pattern) => self.pattern_argument(pattern),
                PartFact::Body(Expr::Lit(lit)) if matches!(lit.lit, syn::Lit::ByteStr(_)) => {
                    quote_spanned!(self.at(lit.span())=> #lit.as_slice())
                }
                PartFact::Body(value) => value.to_token_stream(),
            };
            made = quote_spanned!(self.at(word.span())=> #made.#method(#value));
        }
        self.call("part", span, made)
    }

    /// A pattern of JSON that may have more than is written.
    fn partial(&self, pattern: &Pattern) -> TokenStream {
        self.pattern_of(pattern, false, "partial")
    }

    fn pattern(&self, pattern: &Pattern, exact: bool) -> TokenStream {
        self.pattern_of(pattern, exact, "value")
    }

    /// `value` is the function for values of Rust.
    fn pattern_of(&self, pattern: &Pattern, exact: bool, value: &str) -> TokenStream {
        let make = |method: &str, span: Span, arguments: TokenStream| {
            let ty = self.ty("Pattern", span);
            let method = proc_macro2::Ident::new(method, self.at(span));
            quote_spanned!(self.at(span)=> #ty::#method(#arguments))
        };
        let list = |patterns: &[Pattern]| {
            let patterns = patterns
                .iter()
                .map(|one| self.pattern_of(one, exact, value));
            quote!([#(#patterns),*])
        };
        match pattern {
            Pattern::Present(span) => make("present", *span, quote!()),
            Pattern::Absent(span) => make("absent", *span, quote!()),
            Pattern::Text(lit) => make("from", lit.span(), lit.to_token_stream()),
            Pattern::Value(span, literal) => make("value", *span, literal.clone()),
            Pattern::Null(span) => make("value", *span, quote!(())),
            Pattern::Regex(lit) => make("regex", lit.span(), lit.to_token_stream()),
            Pattern::Range(span, range) => make("range", *span, range.clone()),
            Pattern::OneOf(patterns) => {
                let span = patterns.first().map_or_else(Span::mixed_site, span_of);
                make("one_of", span, list(patterns))
            }
            Pattern::Object(span, members) => {
                let object = if exact { "object_exact" } else { "object" };
                let ty = self.ty("Pattern", *span);
                let method = proc_macro2::Ident::new(object, self.at(*span));
                if members.is_empty() {
                    return quote_spanned!(self.at(*span)=> #ty::#method::<&str>([]));
                }
                let members = members.iter().map(|(name, pattern)| {
                    let pattern = self.pattern_of(pattern, exact, value);
                    quote!((#name, #pattern))
                });
                quote_spanned!(self.at(*span)=> #ty::#method([#(#members),*]))
            }
            Pattern::Array(span, items) => make("array", *span, list(items)),
            Pattern::Runs(span, runs) => {
                if let [before, after] = runs.as_slice() {
                    let (before, after) = (list(before), list(after));
                    return make("array_rest", *span, quote!(#before, #after));
                }
                let runs = runs.iter().map(|run| {
                    let run = list(run);
                    quote!(::std::vec::Vec::from(#run))
                });
                make("array_runs", *span, quote!([#(#runs),*]))
            }
            Pattern::AnyOrder { span, items, more } => {
                let method = if *more { "any_order_rest" } else { "any_order" };
                make(method, *span, list(items))
            }
            Pattern::Not(span, inner) => {
                let inner = self.pattern_of(inner, exact, value);
                quote_spanned!(self.at(*span)=> !#inner)
            }
            Pattern::Expr(expr) => make(value, expr.span(), expr.to_token_stream()),
        }
    }
}

fn span_of(pattern: &Pattern) -> Span {
    match pattern {
        Pattern::Present(span)
        | Pattern::Absent(span)
        | Pattern::Null(span)
        | Pattern::Value(span, _)
        | Pattern::Range(span, _)
        | Pattern::Object(span, _)
        | Pattern::Array(span, _)
        | Pattern::Runs(span, _)
        | Pattern::Not(span, _)
        | Pattern::AnyOrder { span, .. } => *span,
        Pattern::Text(lit) | Pattern::Regex(lit) => lit.span(),
        Pattern::OneOf(patterns) => patterns.first().map_or_else(Span::mixed_site, span_of),
        Pattern::Expr(value) => value.span(),
    }
}

pub(super) fn name_tokens(name: &Name) -> TokenStream {
    match name {
        Name::Lit(lit) => lit.to_token_stream(),
        Name::Expr(value) => value.to_token_stream(),
    }
}
