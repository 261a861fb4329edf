//! `assert_requests!` → `assert_requests(vec![Check::filter(&k, …), …])`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, spanned::Spanned};

use super::{Expander, our, text_of};
use crate::{
    ast::{Check, Subject, Times},
    errors::Errors,
    parse::Checks,
};

impl Expander {
    pub(super) fn checks(&self, checks: &Checks, errors: Errors) -> TokenStream {
        let krate = &self.krate;
        let errors = errors.into_tokens();
        let kmock = our("__kmock");
        let bind = checks.server.as_ref().map(|server| {
            let borrow = self.borrow(server.span());
            let unused = checks
                .checks
                .iter()
                .all(|check| matches!(check.subject, Subject::Handle(_)));
            let used = unused.then(|| quote!(let _ = #kmock;));
            quote_spanned!(self.at(server.span())=> #[allow(clippy::needless_borrow)] let #kmock: &#krate::KMock = #borrow #server; #used)
        });
        let server = checks.server.is_some();
        let made = checks
            .checks
            .iter()
            .filter(|check| server || matches!(check.subject, Subject::Handle(_)))
            .map(|check| self.check(check));
        let rules = checks
            .checks
            .iter()
            .any(|check| matches!(check.subject, Subject::Handle(_)));
        let allow = rules.then(|| quote!(#[allow(clippy::needless_borrow)]));
        quote!({ #errors #bind #allow #krate::__private::assert_requests(::std::vec::Vec::from([#(#made),*])); })
    }

    fn check(&self, check: &Check) -> TokenStream {
        let span = check.span;
        let (ty, kmock) = (self.ty("Check", span), our("__kmock"));
        let times = self.times(&check.times);
        let text = text_of(&check.text, span);
        match &check.subject {
            Subject::Total => quote_spanned!(self.at(span)=> #ty::total(#kmock, #times, #text)),
            Subject::Filter(filter) => {
                let filter = self.filter_argument(filter);
                quote_spanned!(self.at(span)=> #ty::filter(#kmock, #filter, #times, #text))
            }
            Subject::Handle(handle) => {
                let borrow = self.borrow(handle.span());
                quote_spanned!(self.at(span)=> #ty::rule(#borrow #handle, #times, #text))
            }
        }
    }

    fn times(&self, times: &Times) -> TokenStream {
        let grouped = |value: &Expr| match value {
            Expr::Lit(_) | Expr::Path(_) | Expr::Paren(_) | Expr::MethodCall(_) | Expr::Call(_) => {
                quote!(#value)
            }
            _ => quote!((#value)),
        };
        match times {
            Times::Exactly(value) => {
                let ty = self.ty("Times", value.span());
                quote_spanned!(self.at(value.span())=> #ty::exactly(#value))
            }
            Times::Not(value) => {
                let ty = self.ty("Times", value.span());
                quote_spanned!(self.at(value.span())=> #ty::not(#value))
            }
            Times::AtLeast(value) => {
                let value = grouped(value);
                quote!(#value..)
            }
            Times::MoreThan(value) => {
                let value = grouped(value);
                quote!(#value + 1..)
            }
            Times::AtMost(value) => {
                let value = grouped(value);
                quote!(..=#value)
            }
            Times::LessThan(value) => {
                let value = grouped(value);
                quote!(..#value)
            }
            Times::In(range) => quote!(#range),
        }
    }
}
