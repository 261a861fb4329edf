//! Patterns of values, as in `match`: `"x" | "y"`, `1..=9`, `~"re"`, `_`, `!`, `{ … }`, `[a, ..]`, `(expr)`.

use proc_macro2::{Delimiter, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, Lit, LitStr, Token, ext::IdentExt, parse::ParseStream, spanned::Spanned, token};

use super::{
    ahead::is_filter,
    code,
    cursor::{expr, here, inside, skip_to_comma, take_word, word},
    filter,
};
use crate::{
    ast::{Name, Pattern},
    errors::Errors,
    json, notation, numbers,
};

const FORMS: &str = "a pattern is a value, `_` (present), `!` (absent), `!\"x\"` (another), `\"pre*\"`, `~\"regex\"`, `1..=9`, `{ … }`, `[ … ]`, `any_order [ … ]`, or `(expr)`";

/// `: PATTERN` in braces.
pub(super) fn after_colon(content: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    let at = here(content);
    if content.parse::<Token![:]>().is_err() {
        if content.is_empty() || content.peek(Token![,]) {
            errors.help(
                at,
                "expected `:` and a pattern after the name",
                "write `\"name\": _` for its presence, `\"name\": !` for its absence",
            );
        } else if content.peek(Token![=]) {
            errors.help(
                at,
                "expected `:` after the name",
                "write `\"name\": \"value\"`",
            );
        } else {
            errors.push(at, "expected `:` after the name");
        }
        return None;
    }
    alternatives(content, errors, false)
}

/// The comma after an element of a list in brackets.
pub(super) fn comma(content: ParseStream<'_>, errors: &mut Errors) {
    if content.is_empty() || content.parse::<Token![,]>().is_ok() {
        return;
    }
    errors.push(here(content), "expected `,` between the elements");
    skip_to_comma(content);
    content.parse::<Token![,]>().ok();
}

/// `a | b | c`. After a qualifier (`outside` of brackets), a `|` may as well go on with the algebra of criteria.
pub(super) fn alternatives(
    input: ParseStream<'_>,
    errors: &mut Errors,
    outside: bool,
) -> Option<Pattern> {
    let mut patterns = vec![one(input, errors, outside)?];
    while input.peek(Token![|]) && (!outside || goes_on(input)) {
        if input.peek(Token![||]) {
            errors.help(
                here(input),
                "alternatives are separated by one `|`",
                "write `\"a\" | \"b\"`",
            );
            input.parse::<Token![||]>().ok();
        } else {
            input.parse::<Token![|]>().ok();
        }
        match one(input, errors, outside) {
            Some(pattern) => patterns.push(pattern),
            None => break,
        }
    }
    if patterns.len() == 1 {
        return patterns.pop();
    }
    Some(Pattern::OneOf(patterns))
}

/// Whether a pattern follows the `|`, and not another criterion.
fn goes_on(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    if fork.parse::<Token![|]>().is_err() {
        return false;
    }
    if let Ok(lit) = fork.fork().parse::<LitStr>() {
        let text = lit.value();
        let first = text.split_whitespace().next().unwrap_or_default();
        let notation = text.contains(' ') && notation::notation(&text).is_ok();
        return !text.starts_with('/') && !notation && !first.is_empty();
    }
    if fork.peek(token::Paren) {
        let mut criteria = false;
        let mut ignored = Errors::default();
        inside(&fork, Delimiter::Parenthesis, &mut ignored, |content, _| {
            criteria = is_filter(content);
            super::cursor::skip_all(content);
        });
        return !criteria;
    }
    fork.peek(Lit)
        || fork.peek(Token![~])
        || fork.peek(token::Brace)
        || fork.peek(token::Bracket)
        || fork.peek(Token![-])
        || fork.peek(Token![..])
        || fork.peek(Token![!])
        || word(&fork).is_some_and(|word| word == "null" || word == "_" || word == "any_order")
}

/// Whether a pattern follows the `!`, which it negates.
fn is_negation(input: ParseStream<'_>, outside: bool) -> bool {
    let fork = input.fork();
    if fork.parse::<Token![!]>().is_err() {
        return false;
    }
    if fork.peek(token::Paren) && outside {
        let mut criteria = false;
        let mut ignored = Errors::default();
        inside(&fork, Delimiter::Parenthesis, &mut ignored, |content, _| {
            criteria = is_filter(content);
            super::cursor::skip_all(content);
        });
        return !criteria;
    }
    fork.peek(Lit)
        || fork.peek(Token![~])
        || fork.peek(token::Paren)
        || fork.peek(token::Brace)
        || fork.peek(token::Bracket) && !outside
        || fork.peek(Token![-])
        || fork.peek(Token![..]) && !fork.peek(Token![...])
        || word(&fork).is_some_and(|word| word == "null" || word == "_" || word == "any_order")
}

fn one(input: ParseStream<'_>, errors: &mut Errors, outside: bool) -> Option<Pattern> {
    let at = here(input);
    if input.peek(token::Brace) {
        return object(input, errors);
    }
    if input.peek(token::Bracket) {
        return array(input, errors);
    }
    if input.peek(token::Paren) {
        return in_parens(input, errors);
    }
    if let Some((what, help)) = no_pattern(input) {
        errors.help(at, what, help);
        skip_to_arrow(input);
        return None;
    }
    if input.peek(Token![~]) {
        input.parse::<Token![~]>().ok();
        let lit = filter::regex_literal(input, errors)?;
        notation::check(&lit, errors, notation::regex);
        return Some(Pattern::Regex(lit));
    }
    if input.peek(Token![!]) {
        return not(input, errors, outside);
    }
    if word(input).is_some_and(|word| word == "any_order") {
        return any_order(input, errors);
    }
    if input.peek(LitStr) && !input.peek2(Token![..]) {
        let lit = input.parse::<LitStr>().ok()?;
        notation::check(&lit, errors, |_| Ok(()));
        return Some(Pattern::Text(lit));
    }
    if input.peek(Lit) || input.peek(Token![-]) || input.peek(Token![..]) {
        return number(input, errors);
    }
    if let Some(name) = word(input) {
        return by_word(input, errors, &name.to_string());
    }
    errors.help(at, "expected a pattern", FORMS);
    if !super::cursor::at_end(input) && !input.peek(Token![=>]) && !input.peek(Token![|]) {
        input.parse::<TokenTree>().ok();
    }
    None
}

fn skip_to_arrow(input: ParseStream<'_>) {
    super::cursor::skip_while(input, |input| {
        !super::cursor::at_end(input) && !input.peek(Token![=>])
    });
}

/// What looks like a pattern of another language, and what to write.
fn no_pattern(input: ParseStream<'_>) -> Option<(&'static str, &'static str)> {
    if input.peek(Token![>]) || input.peek(Token![<]) {
        return Some((
            "a pattern has no comparison",
            "write a range: `6..` is more than 5, `..=5` is 5 at most",
        ));
    }
    if input.peek(Token![!=]) {
        return Some((
            "a pattern has no comparison",
            "write `!1` for anything else that is there",
        ));
    }
    if input.peek(Token![==]) {
        return Some(("a pattern has no comparison", "write the value alone"));
    }
    (input.peek(Token![|]) || input.peek(Token![||])).then_some((
        "a pattern is no closure",
        "write `where |req| …` after the criteria, for all of the request",
    ))
}

/// A value of Rust.
fn in_parens(input: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    if let Some((inside_it, ..)) = input.cursor().group(Delimiter::Parenthesis)
        && let Some((json, ..)) = inside_it.group(Delimiter::Brace)
        && json.literal().is_some()
    {
        errors.help(
            here(input),
            "a pattern stands without parentheses, which are for values of Rust",
            "write `{ \"name\": \"j*\" }`",
        );
        input.parse::<TokenTree>().ok();
        return None;
    }
    let value = code::in_parens(input, errors, "a value");
    value.map(|value| Pattern::Expr(numbers::expr(value)))
}

/// `!`, or `!` and what must not be.
fn not(input: ParseStream<'_>, errors: &mut Errors, outside: bool) -> Option<Pattern> {
    let at = here(input);
    let alone = !is_negation(input, outside);
    input.parse::<Token![!]>().ok();
    if alone {
        return Some(Pattern::Absent(at));
    }
    let negated = match parenthesized_alternatives(input) {
        true => inside(input, Delimiter::Parenthesis, errors, |content, errors| {
            let found = alternatives(content, errors, false);
            if !content.is_empty() {
                errors.push(here(content), "expected `)` after the pattern");
                super::cursor::skip_all(content);
            }
            found
        })??,
        false => one(input, errors, outside)?,
    };
    if matches!(negated, Pattern::Present(_)) {
        errors.help(
            at,
            "`!_` is what is not there",
            "write `!` alone for what must not be there",
        );
    }
    Some(Pattern::Not(at, Box::new(negated)))
}

/// `_`, `null`, and words that are no patterns.
fn by_word(input: ParseStream<'_>, errors: &mut Errors, name: &str) -> Option<Pattern> {
    let at = here(input);
    let lonely = match name {
        "_" => Some(Pattern::Present(at)),
        "null" => Some(Pattern::Null(at)),
        "None" => {
            errors.help(
                at,
                "a pattern is no `Option`",
                "write `!` for what must not be there, `null` for JSON's null",
            );
            None
        }
        other => {
            if let Some(help) = meant(other, input.peek2(token::Paren)) {
                errors.help(at, format_args!("`{other}` is no pattern"), help);
                skip_to_arrow(input);
                return None;
            }
            let text = expr(input, errors, "a pattern").ok()?;
            let mut text = text.to_token_stream().to_string();
            if text.chars().count() > 40 {
                "expr".clone_into(&mut text);
            }
            errors.help(
                at,
                "a value of Rust stands in parentheses",
                format_args!("write `({text})`"),
            );
            return None;
        }
    };
    input.call(Ident::parse_any).ok();
    lonely
}

/// What a word of another language says in this one.
fn meant(word: &str, called: bool) -> Option<String> {
    if let Some(meant) = json::meant(word) {
        return Some(format!("write `{meant}`"));
    }
    let regex = ["re", "regex", "Regex", "regexp", "matches"].contains(&word);
    if regex && called {
        return Some("write ~\"[a-z]+\"".to_owned());
    }
    let any = ["any", "ANY", "Any", "anything", "exists", "present"].contains(&word);
    any.then(|| "write `_` for whatever is there".to_owned())
}

/// A number, boolean, or a range of numbers.
fn number(input: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    let span = here(input);
    if input.peek(Token![..]) {
        let dots = range_dots(input);
        if !input.peek(Lit) && !input.peek(Token![-]) {
            errors.help(
                span,
                "a range has a bound",
                "write `..=9`, `1..`, or `_` for any value",
            );
            return None;
        }
        let end = signed(input, errors)?.alone();
        return Some(Pattern::Range(span, quote!(#dots #end)));
    }
    let mut start = signed(input, errors)?;
    if !input.peek(Token![..]) {
        return Some(Pattern::Value(span, start.alone()));
    }
    if !matches!(start.lit, Lit::Int(_) | Lit::Float(_)) {
        errors.help(
            span,
            "a range has numbers as bounds",
            "write `1..=9`; for texts there are `\"pre*\"` and ~\"[a-f]\"",
        );
        range_dots(input);
        signed(input, errors);
        return None;
    }
    let closed = input.peek(Token![..=]);
    let dots = range_dots(input);
    if input.peek(Lit) || input.peek(Token![-]) {
        let mut end = signed(input, errors)?;
        let number = |signed: &Signed| {
            let text = quote!(#signed).to_string();
            text.replace([' ', '_'], "").parse::<f64>().ok()
        };
        if let (Some(low), Some(high)) = (number(&start), number(&end))
            && (low > high || low >= high && !closed)
        {
            let sign = if closed { "..=" } else { ".." };
            errors.push(
                span,
                format_args!(
                    "the range `{}{sign}{}` is empty",
                    quote!(#start),
                    quote!(#end)
                ),
            );
            return None;
        }
        let (first, last) = (start.minus.is_some(), end.minus.is_some());
        numbers::bounds(&mut [(first, &mut start.lit), (last, &mut end.lit)]);
        return Some(Pattern::Range(span, quote!(#start #dots #end)));
    }
    if closed {
        errors.help(
            here(input),
            "`..=` needs an end",
            "write `1..` for a range without one",
        );
        return None;
    }
    let start = start.alone();
    Some(Pattern::Range(span, quote!(#start #dots)))
}

fn range_dots(input: ParseStream<'_>) -> proc_macro2::TokenStream {
    if input.peek(Token![..=]) {
        input
            .parse::<Token![..=]>()
            .map(ToTokens::into_token_stream)
            .unwrap_or_default()
    } else {
        input
            .parse::<Token![..]>()
            .map(ToTokens::into_token_stream)
            .unwrap_or_default()
    }
}

/// A literal that is no text, perhaps with a minus.
struct Signed {
    minus: Option<Token![-]>,
    lit: Lit,
}

impl Signed {
    /// What nothing else gives a type.
    fn alone(mut self) -> proc_macro2::TokenStream {
        numbers::bounds(&mut [(self.minus.is_some(), &mut self.lit)]);
        self.into_token_stream()
    }
}

impl ToTokens for Signed {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        self.minus.to_tokens(tokens);
        self.lit.to_tokens(tokens);
    }
}

fn signed(input: ParseStream<'_>, errors: &mut Errors) -> Option<Signed> {
    let minus = input.parse::<Option<Token![-]>>().ok().flatten();
    let at = here(input);
    let Ok(lit) = input.parse::<Lit>() else {
        errors.push(at, "expected a number");
        return None;
    };
    match &lit {
        Lit::Int(_) | Lit::Float(_) | Lit::Bool(_) | Lit::Str(_) => {}
        Lit::Char(one) => {
            errors.help(
                at,
                "a single character is a text here",
                format_args!("write \"{}\"", one.value()),
            );
            return None;
        }
        _ => {
            errors.help(
                at,
                "bytes are no pattern",
                "drop the `b` for a text; `body b\"…\"` compares whole bodies",
            );
            return None;
        }
    }
    let suffix = match &lit {
        Lit::Int(lit) => lit.suffix().to_owned(),
        Lit::Float(lit) => lit.suffix().to_owned(),
        _ => String::new(),
    };
    const SUFFIXES: &[&str] = &[
        "", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64",
    ];
    if !SUFFIXES.contains(&suffix.as_str()) {
        errors.push(at, format_args!("`{suffix}` is no suffix of a number"));
        return None;
    }
    Some(Signed { minus, lit })
}

fn object(input: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    let span = here(input);
    let mut members: Vec<(LitStr, Pattern)> = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        while !content.is_empty() {
            if content.peek(Token![..]) {
                errors.help(
                    here(content),
                    "expected a name in quotes",
                    "an object may have more in it than is written, so leave out the dots; all of it is `json == { … }`",
                );
                skip_to_comma(content);
                comma(content, errors);
                continue;
            }
            match filter::field_name(content, errors) {
                Some(Name::Lit(name)) => {
                    if members
                        .iter()
                        .any(|(other, _)| other.value() == name.value())
                    {
                        errors.push(
                            name.span(),
                            format_args!("the key \"{}\" is there already", name.value()),
                        );
                    }
                    match after_colon(content, errors) {
                        Some(pattern) => members.push((name, pattern)),
                        None => skip_to_comma(content),
                    }
                }
                Some(Name::Expr(name)) => {
                    errors.push(
                        name.span(),
                        "the keys of a JSON pattern are texts in quotes",
                    );
                    skip_to_comma(content);
                }
                None => skip_to_comma(content),
            }
            comma(content, errors);
        }
    })?;
    Some(Pattern::Object(span, members))
}

fn array(input: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    let span = here(input);
    let mut runs = items(input, errors)?;
    Some(match runs.len() {
        1 => Pattern::Array(span, runs.pop().unwrap_or_default()),
        _ => Pattern::Runs(span, runs),
    })
}

/// `any_order [a, b]`, `any_order [a, b, ..]`
fn any_order(input: ParseStream<'_>, errors: &mut Errors) -> Option<Pattern> {
    let span = here(input);
    take_word(input, "any_order");
    if !input.peek(token::Bracket) {
        errors.help(
            here(input),
            "expected `[` and patterns after `any_order`",
            "write `any_order [\"a\", \"b\"]`, or `any_order [\"a\", ..]` where there may be more",
        );
        return None;
    }
    let runs = items(input, errors)?;
    let more = runs.len() > 1;
    Some(Pattern::AnyOrder {
        span,
        items: runs.into_iter().flatten().collect(),
        more,
    })
}

/// The items of an array: runs, where each `..` begins another one.
fn items(input: ParseStream<'_>, errors: &mut Errors) -> Option<Vec<Vec<Pattern>>> {
    let mut runs = vec![Vec::new()];
    inside(input, Delimiter::Bracket, errors, |content, errors| {
        while !content.is_empty() {
            let at = here(content);
            let rest = content.peek(Token![..]) && {
                let fork = content.fork();
                fork.parse::<Token![..]>().is_ok() && (fork.is_empty() || fork.peek(Token![,]))
            };
            if content.peek(Token![...]) {
                errors.help(
                    at,
                    "the rest of an array is written with two dots",
                    "write `[a, .., b]`",
                );
                content.parse::<Token![...]>().ok();
            } else if rest {
                content.parse::<Token![..]>().ok();
                if runs.len() > 1 && runs.last().is_some_and(Vec::is_empty) {
                    errors.push(at, "one `..` is enough");
                } else {
                    runs.push(Vec::new());
                }
            } else {
                match alternatives(content, errors, false) {
                    Some(pattern) => {
                        if let Some(run) = runs.last_mut() {
                            run.push(pattern);
                        }
                    }
                    None => skip_to_comma(content),
                }
            }
            comma(content, errors);
        }
    })?;
    Some(runs)
}

/// Whether parentheses hold patterns, and not an expression of Rust: `!("a" | "b")`.
fn parenthesized_alternatives(input: ParseStream<'_>) -> bool {
    let Some((inside, ..)) = input.cursor().group(Delimiter::Parenthesis) else {
        return false;
    };
    let mut at = inside;
    while let Some((tree, next)) = at.token_tree() {
        if matches!(&tree, TokenTree::Punct(bar) if bar.as_char() == '|') {
            return inside.literal().is_some()
                || inside
                    .punct()
                    .is_some_and(|(sign, _)| sign.as_char() == '~');
        }
        at = next;
    }
    false
}
