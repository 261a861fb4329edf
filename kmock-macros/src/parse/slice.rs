//! Which of the requests: `[0]`, `[..3]`, `[9..]`.

use proc_macro2::{Delimiter, TokenTree};
use syn::{Expr, ExprRange, RangeLimits, Token, parse::ParseStream, spanned::Spanned, token};

use super::cursor::{here, inside, kept, skip_while};
use crate::errors::Errors;

/// `[0]`, `[..3]`, `[9..]`
pub(super) fn slice(input: ParseStream<'_>, errors: &mut Errors) -> Option<Expr> {
    if !input.peek(token::Bracket) {
        return None;
    }
    let at = here(input);
    let help = "write `[0]`, `[..3]`, `[9..]` or `[1..=2]`: which of the requests that fit";
    let found = inside(input, Delimiter::Bracket, errors, |content, errors| {
        if content.is_empty() {
            errors.help(at, "the slice is empty", help);
            return None;
        }
        if content.peek(Token![:]) || content.peek2(Token![:]) {
            errors.help(at, "a slice is written with two dots", help);
            skip_while(content, |_| true);
            return None;
        }
        let value = kept(content, errors, "a number or a range")?;
        match &value {
            Expr::Unary(minus) if matches!(minus.op, syn::UnOp::Neg(_)) => {
                errors.help(
                    minus.span(),
                    "requests are counted from the first on: what comes last is not known",
                    help,
                );
                return None;
            }
            Expr::Lit(lit) if matches!(lit.lit, syn::Lit::Str(_)) => {
                errors.help(
                    lit.span(),
                    "brackets are for slices: which of the requests that fit",
                    "write `\"/a\" | \"/b\"` for either of two paths",
                );
                return None;
            }
            Expr::Lit(lit) if !matches!(lit.lit, syn::Lit::Int(_)) => {
                errors.help(
                    lit.span(),
                    "a slice is a number or a range of numbers",
                    help,
                );
                return None;
            }
            Expr::Range(range) if is_empty(range) => {
                errors.help(range.span(), "the slice is empty", help);
                return None;
            }
            _ => {}
        }
        Some(value)
    })?;
    if input.peek(token::Bracket) {
        errors.push(here(input), "a rule has one slice");
        input.parse::<TokenTree>().ok();
    }
    found
}

/// Whether nothing is in a range of numbers.
pub(super) fn is_empty(range: &ExprRange) -> bool {
    let number = |bound: &Option<Box<Expr>>| match bound.as_deref() {
        Some(Expr::Lit(lit)) => match &lit.lit {
            syn::Lit::Int(number) => number.base10_parse::<u64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let (Some(start), Some(end)) = (number(&range.start), number(&range.end)) else {
        return false;
    };
    match range.limits {
        RangeLimits::HalfOpen(_) => start >= end,
        RangeLimits::Closed(_) => start > end,
    }
}
