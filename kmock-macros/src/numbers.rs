//! Integers as they are meant: where a literal alone says its type, Rust takes `i32`, and `1700000000000` would not compile.
//! Such a literal gets the smallest type that holds it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Expr, Lit, LitInt, UnOp};

/// The suffix that integers need which are one type together, each with its sign; `None`: `i32` holds them.
fn suffix<'a>(all: impl IntoIterator<Item = (bool, &'a LitInt)>) -> Option<&'static str> {
    let (mut most, mut least) = (0_u128, 0_u128);
    for (negative, lit) in all {
        if !lit.suffix().is_empty() {
            return None;
        }
        let size: u128 = lit.base10_parse().ok()?;
        let side = if negative { &mut least } else { &mut most };
        *side = size.max(*side);
    }
    let fits = |power: u32| most < 1 << power && least <= 1 << power;
    Some(match least {
        _ if fits(31) => return None,
        _ if fits(63) => "i64",
        0 if most < 1 << 64 => "u64",
        0 => "u128",
        _ => "i128",
    })
}

fn with_suffix(lit: &LitInt, suffix: &str) -> LitInt {
    LitInt::new(&format!("{}{suffix}", lit.token()), lit.span())
}

/// Bounds of a range, which have one type.
pub(crate) fn bounds(bounds: &mut [(bool, &mut Lit)]) {
    let integers = bounds.iter().filter_map(|(negative, lit)| match &**lit {
        Lit::Int(lit) => Some((*negative, lit)),
        _ => None,
    });
    let Some(suffix) = suffix(integers) else {
        return;
    };
    for (_, lit) in bounds {
        if let Lit::Int(found) = &**lit
            && found.base10_parse::<u32>().is_err()
        {
            **lit = Lit::Int(with_suffix(found, suffix));
        }
    }
}

/// An expression that is an integer, perhaps with a sign or in brackets.
pub(crate) fn expr(mut value: Expr) -> Expr {
    widen(&mut value, false);
    value
}

fn widen(value: &mut Expr, negative: bool) {
    match value {
        Expr::Lit(lit) => {
            if let Lit::Int(found) = &lit.lit
                && let Some(suffix) = suffix([(negative, found)])
            {
                lit.lit = Lit::Int(with_suffix(found, suffix));
            }
        }
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => widen(&mut unary.expr, true),
        Expr::Paren(inner) => widen(&mut inner.expr, negative),
        Expr::Array(array) => array.elems.iter_mut().for_each(|one| widen(one, false)),
        _ => {}
    }
}

/// The tokens of one JSON value: its integers, at any depth, but not those in expressions.
pub(crate) fn json(tokens: TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    match trees.as_slice() {
        [TokenTree::Group(group)] if group.delimiter() != Delimiter::Parenthesis => {
            let object = group.delimiter() == Delimiter::Brace;
            let mut out = TokenStream::new();
            let mut value: Vec<TokenTree> = Vec::new();
            // What stands before a value is its key.
            let mut in_value = !object;
            for tree in group.stream() {
                let sign = match &tree {
                    TokenTree::Punct(sign) => sign.as_char(),
                    _ => ' ',
                };
                match sign {
                    ',' => {
                        out.extend(json(value.drain(..).collect()));
                        in_value = !object;
                        out.extend([tree]);
                    }
                    ':' if !in_value => {
                        in_value = true;
                        out.extend([tree]);
                    }
                    _ if in_value => value.push(tree),
                    _ => out.extend([tree]),
                }
            }
            out.extend(json(value.into_iter().collect()));
            let mut made = Group::new(group.delimiter(), out);
            made.set_span(group.span());
            TokenTree::Group(made).into()
        }
        [sign @ TokenTree::Punct(minus), TokenTree::Literal(lit)] if minus.as_char() == '-' => {
            [sign.clone(), of_json(lit, true)].into_iter().collect()
        }
        [TokenTree::Literal(lit)] => of_json(lit, false).into(),
        _ => trees.into_iter().collect(),
    }
}

/// JSON values are of 64 bits at most.
fn of_json(lit: &proc_macro2::Literal, negative: bool) -> TokenTree {
    let widened = match Lit::new(lit.clone()) {
        Lit::Int(found) => suffix([(negative, &found)])
            .filter(|suffix| suffix.ends_with("64"))
            .map(|suffix| with_suffix(&found, suffix)),
        _ => None,
    };
    let token = widened.map_or_else(|| lit.clone(), |lit| lit.token());
    TokenTree::Literal(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_get_the_smallest_type_that_holds_them() {
        let of = |text: &str| {
            let value = expr(syn::parse_str(text).expect("an expression"));
            quote::quote!(#value).to_string()
        };
        for (text, want) in [
            ("2147483647", "2147483647"),
            ("- 2147483648", "- 2147483648"),
            ("2147483648", "2147483648i64"),
            ("1_700_000_000_000", "1_700_000_000_000i64"),
            ("0xffff_ffff_ffff_ffff", "0xffff_ffff_ffff_ffffu64"),
            ("- 9223372036854775808", "- 9223372036854775808i64"),
            ("- 9223372036854775809", "- 9223372036854775809i128"),
            ("18446744073709551616", "18446744073709551616u128"),
            ("7000000000u64", "7000000000u64"),
            ("f (7000000000)", "f (7000000000)"),
        ] {
            assert_eq!(of(text), want);
        }
    }

    #[test]
    fn values_of_json_are_found_at_any_depth() {
        let tokens: TokenStream =
            r#"{ "a": 7000000000, (key(7000000000)): [f(7000000000), -7000000000, { "b": 18446744073709551615 }] }"#
                .parse()
                .expect("tokens");
        let want: TokenStream =
            r#"{ "a": 7000000000i64, (key(7000000000)): [f(7000000000), -7000000000i64, { "b": 18446744073709551615u64 }] }"#
                .parse()
                .expect("tokens");
        assert_eq!(json(tokens).to_string(), want.to_string());
    }
}
