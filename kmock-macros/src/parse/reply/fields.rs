//! `header { … }` and `cookie { … }` of a reply.

use proc_macro2::Delimiter;
use syn::{Expr, Token, parse::ParseStream};

use crate::{
    ast::Part,
    errors::Errors,
    numbers,
    parse::{
        cursor::{at_end, here, inside, kept, skip_to_comma, word},
        filter,
        header::header_name,
        pattern,
    },
};

/// `header { "X-A": "1", "X-B": ! }`
pub(super) fn fields(input: ParseStream<'_>, errors: &mut Errors, header: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    inside(input, Delimiter::Brace, errors, |content, errors| {
        while !content.is_empty() {
            let at = here(content);
            match filter::field_name(content, errors) {
                Some(name) => {
                    if header {
                        header_name(&name, errors);
                    }
                    match field_value(content, errors) {
                        Some(value) if header => parts.push(Part::Header(at, name, value)),
                        Some(value) => parts.push(Part::Cookie(at, name, value)),
                        None => skip_to_comma(content),
                    }
                }
                None => skip_to_comma(content),
            }
            pattern::comma(content, errors);
        }
    });
    parts
}

/// `: VALUE`, where `!` removes.
#[allow(
    clippy::option_option,
    reason = "no value at all is another thing than a removal"
)]
fn field_value(content: ParseStream<'_>, errors: &mut Errors) -> Option<Option<Expr>> {
    let at = here(content);
    if content.parse::<Token![:]>().is_err() {
        errors.help(
            at,
            "expected `:` and a value after the name",
            "write `\"name\": \"value\"`, or `\"name\": !` to remove it",
        );
        return None;
    }
    let removes = content.peek(Token![!]) && {
        let fork = content.fork();
        fork.parse::<Token![!]>().is_ok() && at_end(&fork)
    };
    if removes {
        content.parse::<Token![!]>().ok();
        return Some(None);
    }
    if word(content).is_some_and(|word| word == "_") {
        errors.help(
            here(content),
            "`_` is a pattern of requests",
            "a reply has values: `\"name\": \"value\"`",
        );
        return None;
    }
    kept(content, errors, "a value").map(|value| Some(numbers::expr(value)))
}
