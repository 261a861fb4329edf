//! Heads: methods and their paths, verbs of Kubernetes and their resources.

use proc_macro2::{Delimiter, TokenTree};
use syn::{Ident, LitStr, Token, ext::IdentExt, parse::ParseStream, token};

use super::{
    super::{
        ahead::is_filter,
        code,
        cursor::{here, inside, lit_str, skip_all, word},
    },
    group,
};
use crate::{
    ast::Filter,
    errors::Errors,
    notation,
    words::{METHODS, STREAMED, VERBS, is_upper, nearest},
};

/// `GET`, `GET | POST`, each with an optional path.
pub(super) fn methods(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut names = Vec::new();
    let mut right = true;
    while let Ok(name) = input.call(Ident::parse_any) {
        let text = name.to_string();
        let lower = text.to_lowercase();
        if VERBS.contains(&lower.as_str()) && !METHODS.contains(&text.as_str()) {
            errors.help(
                name.span(),
                format_args!("`{text}` is no HTTP method"),
                format_args!("verbs of Kubernetes are in lower case: `{lower} \"v1/pods\"`"),
            );
            return resource(
                input,
                errors,
                Filter::Verbs(vec![Ident::new(&lower, name.span())]),
            );
        }
        let meant = if METHODS.contains(&text.as_str()) {
            None
        } else {
            nearest(&text, METHODS.iter().copied())
        };
        if let Some(meant) = meant {
            errors.help(
                name.span(),
                format_args!("`{text}` is no HTTP method; did you mean `{meant}`?"),
                format_args!("a method of your own that looks so much like another is written `(\"{text} /path\")`"),
            );
            right = false;
        }
        names.push(name);
        let another = input.peek(Token![|]) && {
            let fork = input.fork();
            fork.parse::<Token![|]>().is_ok()
                && word(&fork).is_some_and(|word| is_upper(&word.to_string()) && word != "ANY")
        };
        if !another {
            break;
        }
        input.parse::<Token![|]>().ok();
    }
    let wrong = names.first().cloned().filter(|_| !right);
    let head = match wrong {
        Some(name) => Filter::Unknown(name),
        None => Filter::Methods(names),
    };
    if let Some(lit) = resource_after_method(input) {
        input.parse::<LitStr>().ok();
        let text = lit.value();
        let verb = match &head {
            Filter::Methods(names) => names.first().map(ToString::to_string),
            _ => None,
        };
        let verb = match verb.unwrap_or_default().as_str() {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "get",
        };
        errors.help(
            lit.span(),
            "a path starts with `/`",
            format_args!(
                "write `{verb} \"{text}\"` for a resource of Kubernetes, \"/{text}\" for a path"
            ),
        );
        return head;
    }
    match path_after_method(input, errors) {
        Some(path) => Filter::All(vec![head, path]),
        None => head,
    }
}

/// `POST "v1/pods"`: a resource, where a path should be.
fn resource_after_method(input: ParseStream<'_>) -> Option<LitStr> {
    let lit = input
        .fork()
        .parse::<LitStr>()
        .ok()
        .filter(|_| input.peek(LitStr))?;
    let text = lit.value();
    let versioned = text.split(['/', '.']).any(notation::is_version);
    (!text.starts_with('/') && versioned && notation::resource(&text).is_ok()).then_some(lit)
}

/// The path that follows a method directly.
pub(super) fn path_after_method(input: ParseStream<'_>, errors: &mut Errors) -> Option<Filter> {
    if input.peek(LitStr) {
        let lit = input.parse::<LitStr>().ok()?;
        notation::check(&lit, errors, notation::path);
        return Some(Filter::Path(lit));
    }
    if input.peek(Token![~]) {
        return Some(path_regex(input, errors));
    }
    if input.peek(Token![/]) {
        return Some(unquoted_path(input, errors));
    }
    if input.peek(token::Paren) {
        let fork = input.fork();
        let mut criteria = false;
        let mut ignored = Errors::default();
        inside(&fork, Delimiter::Parenthesis, &mut ignored, |content, _| {
            criteria = is_filter(content) && !(content.peek(LitStr) && content.peek2(Token![.]));
            skip_all(content);
        });
        if criteria {
            return group(input, errors);
        }
        return code::in_parens(input, errors, "a path").map(Filter::PathOf);
    }
    None
}

/// `~"re"`
pub(super) fn path_regex(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let span = here(input);
    input.parse::<Token![~]>().ok();
    match regex_literal(input, errors) {
        Some(lit) => {
            notation::check(&lit, errors, notation::path_regex);
            Filter::PathRegex(lit)
        }
        None => {
            if input.peek(Token![/]) {
                unquoted_path(input, &mut Errors::default());
            }
            Filter::Any(span)
        }
    }
}

/// The literal after a `~`.
pub(in crate::parse) fn regex_literal(
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> Option<LitStr> {
    if let Some(lit) = lit_str(input) {
        return Some(lit);
    }
    errors.help(
        here(input),
        "expected a regular expression in quotes after `~`",
        "write ~\"/v[0-9]+/.*\"",
    );
    None
}

/// `GET /x`: a path without quotes, which Rust's tokens cannot carry.
pub(super) fn unquoted_path(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let span = here(input);
    let mut text = String::new();
    while !input.is_empty()
        && !input.peek(Token![;])
        && !input.peek(Token![=>])
        && !input.peek(Token![>>])
        && !input.peek(token::Bracket)
        && !input.peek(Token![...])
        && !(input.peek(LitStr) || input.peek(token::Paren))
    {
        match input.parse::<TokenTree>() {
            Ok(tree) => text.push_str(&tree.to_string().replace(' ', "")),
            Err(_) => break,
        }
    }
    errors.help(
        span,
        "a path is in quotes",
        format_args!("write \"{text}\""),
    );
    Filter::Any(span)
}

/// `list "v1/pods"`, `list | watch "v1/pods"`
pub(super) fn verbs(input: ParseStream<'_>, errors: &mut Errors) -> Filter {
    let mut names = Vec::new();
    while let Ok(name) = input.call(Ident::parse_any) {
        names.push(name);
        let another = input.peek(Token![|]) && {
            let fork = input.fork();
            fork.parse::<Token![|]>().is_ok()
                && word(&fork).is_some_and(|word| VERBS.contains(&word.to_string().as_str()))
        };
        if !another {
            break;
        }
        input.parse::<Token![|]>().ok();
    }
    let is_streamed = |name: &Ident| STREAMED.contains(&name.to_string().as_str());
    match names.iter().find(|name| is_streamed(name)).cloned() {
        Some(name) => streamed(input, errors, &name, names.len() == 1),
        None => resource(input, errors, Filter::Verbs(names)),
    }
}

/// `exec "v1/pods"`: the subresource, in both ways in which clients ask for it.
fn streamed(input: ParseStream<'_>, errors: &mut Errors, name: &Ident, is_alone: bool) -> Filter {
    if !is_alone {
        errors.help(
            name.span(),
            format_args!("`{name}` is no verb beside others"),
            format_args!("write a rule of its own: `{name} \"v1/pods\" => |command, io| …`"),
        );
    }
    let verbs = ["get", "create"].map(|verb| Ident::new(verb, name.span()));
    let head = Filter::Verbs(verbs.into());
    if input.peek(token::Paren) {
        errors.help(
            here(input),
            format_args!("the resource of `{name}` is a text"),
            format_args!("write `{name} \"v1/pods\"`"),
        );
        input.parse::<TokenTree>().ok();
    }
    if !input.peek(LitStr) && !is_bare_resource(input) {
        let pods = LitStr::new(&format!("v1/pods/{name}"), name.span());
        return Filter::All(vec![head, Filter::Resource(pods)]);
    }
    match resource(input, errors, head) {
        Filter::All(mut parts) => {
            for part in &mut parts {
                if let Filter::Resource(lit) = part {
                    *lit = LitStr::new(&format!("{}/{name}", lit.value()), lit.span());
                }
            }
            Filter::All(parts)
        }
        other => other,
    }
}

/// The resource that follows a verb directly.
fn resource(input: ParseStream<'_>, errors: &mut Errors, head: Filter) -> Filter {
    if input.peek(LitStr) {
        let Ok(lit) = input.parse::<LitStr>() else {
            return head;
        };
        notation::check(&lit, errors, notation::resource);
        return Filter::All(vec![head, Filter::Resource(lit)]);
    }
    if input.peek(Token![~]) {
        errors.help(
            here(input),
            "a resource is no regular expression",
            "write \"*/*/leases\", with `*` for a group or version",
        );
        input.parse::<Token![~]>().ok();
        input.parse::<LitStr>().ok();
        return head;
    }
    if input.peek(Token![/]) {
        unquoted_path(input, errors);
        return head;
    }
    if is_bare_resource(input) {
        let at = here(input);
        let mut text = String::new();
        while input.peek(Ident) || input.peek(Token![/]) || input.peek(Token![.]) {
            match input.parse::<TokenTree>() {
                Ok(tree) => text.push_str(&tree.to_string()),
                Err(_) => break,
            }
        }
        errors.help(
            at,
            "a resource is in quotes",
            format_args!("write \"{text}\""),
        );
        return head;
    }
    if input.peek(token::Paren)
        && let Some(value) = code::in_parens(input, errors, "a resource")
    {
        return Filter::All(vec![head, Filter::ResourceOf(value)]);
    }
    head
}

/// `v1/pods`, `pods.v1`: a resource without quotes.
fn is_bare_resource(input: ParseStream<'_>) -> bool {
    let fork = input.fork();
    let named = fork.parse::<Ident>().is_ok();
    let joined =
        (fork.peek(Token![/]) || fork.peek(Token![.])) && fork.parse::<TokenTree>().is_ok();
    named && joined && fork.peek(Ident)
}
