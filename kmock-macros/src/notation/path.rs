//! Paths: templates with captures and globs, perhaps with a query.

use syn::Type;

use super::{Problem, is_method};
use crate::{ast::Capture, words::did_you_mean};

/// A path after a method: a template, perhaps with a query.
pub(crate) fn path(text: &str) -> Result<Vec<Capture>, Problem> {
    let whole = 0..text.len();
    if text.is_empty() {
        return Err(Problem::new(
            "the path is empty",
            "write \"/\" for the root; leave it out for any path",
            whole,
        ));
    }
    if let Some(rest) = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
    {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        return Err(Problem::new(
            "a URL has a host, which is a criterion of its own",
            format!("write `\"{path}\" host \"{host}\"`"),
            whole,
        ));
    }
    if let Some(query) = text.strip_prefix('?') {
        let (name, value) = query.split_once('=').unwrap_or((query, ""));
        let value = if value.is_empty() {
            "_".to_owned()
        } else {
            format!("\"{value}\"")
        };
        return Err(Problem::new(
            "a query alone is no path",
            format!("write `query {{ \"{name}\": {value} }}`"),
            whole,
        ));
    }
    if !text.starts_with('/') {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        if is_method(first) && words.next().is_some_and(|next| next.starts_with('/')) {
            return Err(Problem::new(
                "the method is said twice",
                format!("leave out `{first}` in the text, or the word before it"),
                0..first.len(),
            ));
        }
        let help = if text.starts_with('^') || text.starts_with(".*") {
            format!(
                "a regular expression is written ~\"{}\"",
                text.trim_start_matches('^').trim_end_matches('$')
            )
        } else if text == "*" {
            "leave out the path for any path; write \"/**\" for any below the root".to_owned()
        } else if let Some((host, path)) = text
            .split_once('/')
            .filter(|(host, _)| host.contains(':') || *host == "localhost")
        {
            format!(
                "write `\"/{path}\" host \"{}\"`",
                host.split(':').next().unwrap_or_default()
            )
        } else {
            format!("write \"/{}\"", text.trim_start())
        };
        return Err(Problem::new("a path starts with `/`", help, 0..1));
    }
    if let Some(at) = text.find('#') {
        return Err(Problem::new(
            "a client never sends the fragment after `#`",
            format!("write \"{}\"", &text[..at]),
            at..text.len(),
        ));
    }
    habits(text)?;
    if let Some(at) = outside_braces(text, char::is_whitespace) {
        return Err(Problem::new(
            "a path has no spaces",
            "several criteria follow one another outside of the text; a space in a path is `%20`",
            at..at + 1,
        ));
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let captures = segments(path)?;
    if text.contains('?') {
        pairs(query).map_err(|problem| problem.shifted(path.len() + 1))?;
    }
    Ok(captures)
}

/// Where a character stands that is no part of a capture: `{id: u64}` may have spaces.
fn outside_braces(text: &str, what: impl Fn(char) -> bool) -> Option<usize> {
    let mut depth = 0usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (what(c) && depth == 0).then_some(at)
    })
}

/// How other libraries write captures and expressions: none of it is ever in a URL as it stands.
fn habits(text: &str) -> Result<(), Problem> {
    let path = text.split('?').next().unwrap_or_default();
    let mut at = 1;
    for piece in path.split('/').skip(1) {
        let here = at..at + piece.len();
        at += piece.len() + 1;
        let word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        if let Some(name) = piece.strip_prefix(':').filter(|name| word(name)) {
            return Err(Problem::new(
                format!("a capture is in braces, not after a colon as in `:{name}`"),
                format!(
                    "write \"{}\", or ~\"{path}\" where the colon is meant",
                    path.replace(piece, &format!("{{{name}}}"))
                ),
                here,
            ));
        }
        if let Some(name) = piece
            .strip_prefix('<')
            .and_then(|piece| piece.strip_suffix('>'))
        {
            let name = match name.split_once(':') {
                Some((ty, name)) => format!("{name}: {}", rust_type(ty).unwrap_or(ty)),
                None => name.to_owned(),
            };
            return Err(Problem::new(
                format!("a capture is in braces, not in `{piece}`"),
                format!("write \"{}\"", path.replace(piece, &format!("{{{name}}}"))),
                here,
            ));
        }
    }
    if let Some(at) = outside_braces(path, |c| "\\[]^|<>\"".contains(c)) {
        return Err(Problem::new(
            "a path is no regular expression unless `~` stands before it",
            format!("write ~\"{text}\", or `*` for any run of characters in a segment"),
            at..at + 1,
        ));
    }
    Ok(())
}

/// Rust's name of what other libraries call a type.
fn rust_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "int" | "integer" => "i64",
        "uint" => "u64",
        "float" | "number" => "f64",
        "str" | "string" | "path" | "slug" => "String",
        "bool" => "bool",
        _ => return None,
    })
}

fn segments(path: &str) -> Result<Vec<Capture>, Problem> {
    let mut captures: Vec<Capture> = Vec::new();
    let mut at = 1;
    let count = path.split('/').count();
    for (number, piece) in path.split('/').enumerate().skip(1) {
        let here = at..at + piece.len().max(1);
        let last = number + 1 == count;
        at += piece.len() + 1;
        if piece.contains(['{', '}']) {
            let Some(inside) = piece
                .strip_prefix('{')
                .and_then(|piece| piece.strip_suffix('}'))
            else {
                let balanced = piece.matches('{').count() == piece.matches('}').count();
                return Err(if balanced {
                    Problem::new(
                        format!("a capture fills a whole segment, which `{piece}` does not"),
                        "write \"/{name}\", or `*` for a part that need not be known",
                        here,
                    )
                } else {
                    Problem::new(
                        format!("unbalanced braces in `{piece}`"),
                        "write \"/{name}\"",
                        here,
                    )
                });
            };
            let capture =
                capture(inside, last).map_err(|problem| problem.shifted(here.start + 1))?;
            if captures.iter().any(|one| one.name == capture.name) {
                return Err(Problem::new(
                    format!("`{}` is captured twice", capture.name),
                    "give each capture a name of its own",
                    here,
                ));
            }
            captures.push(capture);
        } else if piece.contains("**") && !(last && piece == "**") {
            let help = if piece == "**" {
                "write `*` for one segment; `**` is the rest of the path"
            } else {
                "`*` is any run of characters in a segment, `/**` at the end is any rest"
            };
            return Err(Problem::new("`**` stands alone and last", help, here));
        }
    }
    Ok(captures)
}

/// The inside of `{name}`, `{name: u64}`, `{name**}`.
fn capture(inside: &str, last: bool) -> Result<Capture, Problem> {
    let (name, ty) = match inside.split_once(':') {
        Some((name, ty)) => (name.trim(), Some(ty.trim())),
        None => (inside.trim(), None),
    };
    let whole = 0..inside.len().max(1);
    let name = match name.strip_suffix("**") {
        Some(name) if last => name,
        Some(name) => {
            return Err(Problem::new(
                format!("`{{{name}**}}` is the rest of a path and stands last"),
                format!("write `{{{name}}}` for one segment"),
                whole,
            ));
        }
        None => name.trim_start_matches('*'),
    };
    if name.is_empty() {
        return Err(Problem::new(
            "a capture has a name",
            "write `{id}`, or `*` where the name is of no use",
            whole,
        ));
    }
    if syn::parse_str::<syn::Ident>(name).is_err() {
        return Err(Problem::new(
            format!("`{name}` is no name for a capture"),
            "a name is letters, digits and `_`, and no word of Rust's own, as in `{id}`",
            whole,
        ));
    }
    const TYPES: &[&str] = &[
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "String", "str", "uuid",
    ];
    let ty = match ty {
        None | Some("str" | "&str") => "String",
        Some(ty) => ty,
    };
    let parsed = syn::parse_str::<Type>(ty).ok().filter(|_| {
        // A lower-case word is one of Rust's own types or a slip; the user's types start with a capital.
        TYPES.contains(&ty) || ty.starts_with(char::is_uppercase) || ty.contains("::")
    });
    match parsed {
        Some(parsed) => Ok(Capture {
            name: name.to_owned(),
            ty: parsed,
        }),
        // Python's `{int:id}`.
        None if TYPES.contains(&name) || rust_type(name).is_some() => Err(Problem::new(
            "the name of a capture comes first, its type after the colon",
            format!("write `{{{ty}: {}}}`", rust_type(name).unwrap_or(name)),
            whole,
        )),
        None => Err(Problem::new(
            format!(
                "`{ty}` is no type{}",
                did_you_mean(ty, TYPES.iter().copied())
            ),
            match rust_type(ty) {
                Some(meant) => format!("write `{{{name}: {meant}}}`"),
                None => "write `{id: u64}`, or any type that is `FromStr`".to_owned(),
            },
            whole,
        )),
    }
}

fn pairs(query: &str) -> Result<(), Problem> {
    if query.is_empty() {
        return Err(Problem::new(
            "the query is empty",
            "leave out the `?`",
            0..1,
        ));
    }
    let mut at = 0;
    for pair in query.split('&') {
        if pair.is_empty() || pair.starts_with('=') {
            return Err(Problem::new(
                "a parameter has no name",
                "write \"?name=value&other=*\"",
                at..at + pair.len().max(1),
            ));
        }
        at += pair.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::message, *};

    #[test]
    fn paths_and_captures() {
        for text in [
            "/",
            "/users/{id}",
            "/a/*/b",
            "/a*b/c",
            "/files/**",
            "/files/{rest**}",
            "/x?a=1&b=*",
            "/x?filter[name]=1",
            "/v1/projects:list",
            "/odata/$metadata",
            "/{ids: Vec<u8>}",
        ] {
            assert_eq!(message(path(text)), "", "{text}");
        }
        let names: Vec<String> = path("/{a: u64}/{b}")
            .expect("a path")
            .into_iter()
            .map(|capture| capture.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        for (text, want) in [
            ("", "empty"),
            ("x", "starts with `/`"),
            ("?q=1", "query alone"),
            ("http://h/x", "host"),
            ("/a#b", "fragment"),
            ("/a b", "no spaces"),
            ("/a{b}", "whole segment"),
            ("/{a", "unbalanced"),
            ("/{}", "has a name"),
            ("/{a}/{a}", "twice"),
            ("/{id: u46}", "did you mean `u64`"),
            ("/a/**/b", "alone and last"),
            ("/x?", "query is empty"),
            ("/x?=1", "no name"),
            ("/users/:id", "in braces"),
            ("/users/<int:id>", "in braces"),
            ("/users/{int:id}", "comes first"),
            (r"/v\d+", "no regular expression"),
            ("/v[0-9]/x", "no regular expression"),
        ] {
            assert!(
                message(path(text)).contains(want),
                "{text}: {}",
                message(path(text))
            );
        }
    }
}
