//! The little languages inside string literals: path templates, string notation, resources, globs, regular
//! expressions. They are checked when compiling; at run time the engine reads them by the same rules.

use std::ops::Range;

use syn::{LitStr, Type};

use crate::{
    ast::Capture,
    errors::Errors,
    words::{METHODS, VERBS, did_you_mean, nearest},
};

/// What is wrong inside a literal, where, and what to write.
#[derive(Debug, PartialEq)]
pub(crate) struct Problem {
    message: String,
    help: String,
    at: Range<usize>,
}

impl Problem {
    fn new(message: impl Into<String>, help: impl Into<String>, at: Range<usize>) -> Problem {
        Problem {
            message: message.into(),
            help: help.into(),
            at,
        }
    }

    fn shifted(mut self, by: usize) -> Problem {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

/// Checks a literal and reports at the part of it that is wrong (where the compiler can point there).
pub(crate) fn check<T>(
    lit: &LitStr,
    errors: &mut Errors,
    rules: impl FnOnce(&str) -> Result<T, Problem>,
) -> Option<T> {
    if !lit.suffix().is_empty() {
        errors.help(
            lit.span(),
            format_args!("a text has no suffix `{}`", lit.suffix()),
            "put a space between the text and the next word",
        );
    }
    let text = lit.value();
    match rules(&text) {
        Ok(value) => Some(value),
        Err(problem) => {
            let token = lit.token();
            // Without escapes the literal is the text in quotes: positions agree.
            let plain = token.to_string() == format!("\"{text}\"");
            let span = plain
                .then(|| token.subspan(problem.at.start + 1..problem.at.end + 1))
                .flatten()
                .unwrap_or_else(|| lit.span());
            if problem.help.is_empty() {
                errors.push(span, problem.message);
            } else {
                errors.help(span, problem.message, problem.help);
            }
            None
        }
    }
}

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
        let help = if text == "*" {
            "leave out the path for any path; write \"/**\" for any below the root".to_owned()
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
    if let Some(at) = space_outside_braces(text) {
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

/// `{id: u64}` may have spaces.
fn space_outside_braces(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c.is_whitespace() && depth == 0).then_some(at)
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
        None => Err(Problem::new(
            format!(
                "`{ty}` is no type{}",
                did_you_mean(ty, TYPES.iter().copied())
            ),
            "write `{id: u64}`, or any type that is `FromStr`",
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

/// The methods that string notation has in any case; others are in upper case.
const ANY_CASE: &[&str] = &[
    "any", "get", "head", "post", "put", "patch", "delete", "options", "trace", "connect", "query",
];

fn is_method(word: &str) -> bool {
    let own = || {
        word.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && nearest(word, METHODS.iter().copied()).is_none()
    };
    ANY_CASE.contains(&word.to_ascii_lowercase().as_str()) || METHODS.contains(&word) || own()
}

/// String notation: `get /x?q=1`, `post`, `/x`, `list pods.v1`, `kopf.dev/v1/kopfexamples`.
pub(crate) fn notation(text: &str) -> Result<Vec<Capture>, Problem> {
    let whole = 0..text.len().max(1);
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Problem::new(
            "the text names no request",
            "write \"get /path\", or `ANY` for every request",
            whole,
        ));
    }
    if trimmed.starts_with('/') {
        return path(trimmed);
    }
    let (first, rest) = match trimmed.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim()),
        None => (trimmed, ""),
    };
    let offset = text.find(rest).unwrap_or(0);
    let verb = VERBS.contains(&first.to_lowercase().as_str());
    if rest.is_empty() {
        return match first {
            _ if is_method(first) || verb => Ok(Vec::new()),
            _ if first.starts_with("http://") || first.starts_with("https://") => path(first),
            _ if first.contains(['/', '.']) => resource(first).map(|()| Vec::new()),
            _ => Err(Problem::new(
                format!(
                    "`{first}` is no method, verb, path or resource{}",
                    meant(first)
                ),
                format!("write \"get /{first}\" for a path, \"list {first}\" for a resource"),
                whole,
            )),
        };
    }
    if rest.starts_with('/') {
        if !is_method(first) {
            let message = if verb {
                format!(
                    "`{first}` is a verb of Kubernetes, which goes with a resource and not with a path"
                )
            } else {
                format!("`{first}` is no HTTP method{}", meant(first))
            };
            return Err(Problem::new(
                message,
                format!("write \"get {rest}\""),
                0..first.len(),
            ));
        }
        return path(rest).map_err(|problem| problem.shifted(offset));
    }
    if verb {
        return resource(rest)
            .map(|()| Vec::new())
            .map_err(|problem| problem.shifted(offset));
    }
    if is_method(first) {
        return Err(Problem::new(
            "a path starts with `/`",
            format!("write \"{first} /{rest}\""),
            offset..offset + rest.len(),
        ));
    }
    Err(Problem::new(
        format!(
            "`{first}` is no HTTP method and no verb of Kubernetes{}",
            meant(first)
        ),
        "write \"get /path\" or \"list pods.v1\"",
        0..first.len(),
    ))
}

fn meant(word: &str) -> String {
    let lower: Vec<String> = METHODS.iter().map(|method| method.to_lowercase()).collect();
    did_you_mean(
        word,
        lower
            .iter()
            .map(String::as_str)
            .chain(VERBS.iter().copied()),
    )
}

/// A Kubernetes resource: `v1/pods`, `pods.v1`, `apps/v1/deployments/scale`, `kopfexamples.v1.kopf.dev`, `*/*/leases`.
pub(crate) fn resource(text: &str) -> Result<(), Problem> {
    const FORM: &str =
        "write \"v1/pods\", \"pods.v1\", \"apps/v1/deployments\" or \"deployments.v1.apps\"";
    let whole = 0..text.len().max(1);
    if text.is_empty() {
        return Err(Problem::new("the resource is empty", FORM, whole));
    }
    if text.starts_with('/') {
        return Err(Problem::new(
            "a URL path goes with an HTTP method, not with a verb of Kubernetes",
            format!("write `GET \"{text}\"`, or a resource such as \"v1/pods\""),
            whole,
        ));
    }
    if let Some(at) = text.find(char::is_whitespace) {
        return Err(Problem::new("a resource has no spaces", FORM, at..at + 1));
    }
    let parts: Vec<&str> = if text.contains('/') {
        text.split('/').collect()
    } else {
        // `pods.v1` and `kopfexamples.v1.kopf.dev`: plural, version, group.
        match text.splitn(3, '.').collect::<Vec<_>>()[..] {
            [plural] => vec!["*", "*", plural],
            [plural, version] if is_version(version) => vec![version, plural],
            [plural, version, group] if is_version(version) => vec![group, version, plural],
            [plural, ..] => {
                let group = &text[plural.len() + 1..];
                return Err(Problem::new(
                    format!(
                        "`{}` is no version",
                        group.split('.').next().unwrap_or_default()
                    ),
                    format!("write \"{plural}.v1.{group}\" with the version of the API"),
                    whole,
                ));
            }
            [] => vec![],
        }
    };
    let (group, version, plural, sub) = match parts[..] {
        [version, plural] if is_version(version) => ("", version, plural, None),
        [version, plural, sub] if is_version(version) && version != "*" => {
            ("", version, plural, Some(sub))
        }
        [group, version, plural] => (group, version, plural, None),
        [group, version, plural, sub] => (group, version, plural, Some(sub)),
        [group, plural] => {
            return Err(Problem::new(
                format!("`{group}` is no version"),
                format!(
                    "write \"{group}/v1/{plural}\" with the version of the API, or \"v1/{plural}\" for the core group"
                ),
                0..group.len().max(1),
            ));
        }
        _ => {
            return Err(Problem::new(
                "a resource is a group, a version and a plural name",
                FORM,
                whole,
            ));
        }
    };
    if !is_version(version) {
        return Err(Problem::new(
            format!("`{version}` is no version of an API"),
            "versions are `v1`, `v1beta1`, `v2alpha1`, …, or `*`",
            whole,
        ));
    }
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !group.is_empty() && group != "*" && !group.chars().all(label) {
        return Err(Problem::new(
            format!("`{group}` is no API group"),
            "groups are DNS names in lower case, such as `apps` or `kopf.dev`",
            whole,
        ));
    }
    for (what, name) in [
        ("plural name of a resource", Some(plural)),
        ("subresource", sub),
    ] {
        let Some(name) = name else { continue };
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name != "*" && (name.is_empty() || !name.chars().all(valid)) {
            let lower = name.to_lowercase();
            let help = if name != lower && lower.chars().all(valid) && sub.is_none() {
                let plural = if lower.ends_with('s') {
                    lower
                } else {
                    format!("{lower}s")
                };
                format!("resources are named by their plural in lower case: `{plural}`")
            } else {
                FORM.to_owned()
            };
            return Err(Problem::new(format!("`{name}` is no {what}"), help, whole));
        }
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return text == "*";
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, stage) = rest.split_at(end);
    let stage = stage
        .strip_prefix("alpha")
        .or_else(|| stage.strip_prefix("beta"))
        .unwrap_or(stage);
    !major.is_empty() && stage.chars().all(|c| c.is_ascii_digit())
}

/// A regular expression in the grammar of the crate `regex`.
pub(crate) fn regex(text: &str) -> Result<(), Problem> {
    regex_syntax::parse(text).map(drop).map_err(|error| {
        let (kind, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
            other => return Problem::new(other.to_string(), "", 0..text.len().max(1)),
        };
        let piece = text
            .get(span.start.offset..span.end.offset)
            .unwrap_or_default();
        let place = if piece.is_empty() {
            String::new()
        } else {
            format!(" at `{piece}`")
        };
        Problem::new(
            format!("no regular expression: {kind}{place}"),
            "the grammar is that of the crate `regex`; a backslash escapes",
            span.start.offset..span.end.offset.max(span.start.offset + 1),
        )
    })
}

/// A regular expression for a whole path.
pub(crate) fn path_regex(text: &str) -> Result<(), Problem> {
    regex(text)?;
    if text.starts_with('^') || text.ends_with('$') && !text.ends_with("\\$") {
        return Err(Problem::new(
            "the expression always stands for the whole path",
            format!(
                "write ~\"{}\"",
                text.trim_start_matches('^').trim_end_matches('$')
            ),
            0..text.len(),
        ));
    }
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Problem::new(
            "the expression stands for the whole path, which starts with `/`",
            format!("write ~\"/{text}\" or ~\".*{text}\""),
            0..text.len(),
        ));
    }
    Ok(())
}

/// An address or a network: `127.0.0.1`, `10.0.0.0/8`, `::1`.
pub(crate) fn network(text: &str) -> Result<(), Problem> {
    let whole = 0..text.len().max(1);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(parsed) = address.parse::<std::net::IpAddr>() else {
        return Err(Problem::new(
            format!("`{address}` is no IP address"),
            "write `from 127.0.0.1`, `from 10.0.0.0/8` or `from \"::1\"`",
            whole,
        ));
    };
    let most = if parsed.is_ipv4() { 32 } else { 128 };
    match bits.map(str::parse::<u8>) {
        None => Ok(()),
        Some(Ok(bits)) if bits <= most => Ok(()),
        Some(_) => Err(Problem::new(
            format!("the prefix of the network must be 0 to {most}"),
            format!("write `from {address}/{}`", most / 2),
            whole,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T>(result: Result<T, Problem>) -> String {
        result
            .err()
            .map(|problem| problem.message)
            .unwrap_or_default()
    }

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
        ] {
            assert!(
                message(path(text)).contains(want),
                "{text}: {}",
                message(path(text))
            );
        }
    }

    #[test]
    fn string_notation() {
        for text in [
            "get /",
            "post",
            "/path?q=1",
            "list pods.v1",
            "watch kopf.dev/v1/kopfexamples",
            "get pods.v1",
            "list",
        ] {
            assert_eq!(message(notation(text)), "", "{text}");
        }
        for (text, want) in [
            ("gte /", "did you mean `get`"),
            ("lits pods.v1", "did you mean `list`"),
            ("list /x", "verb of Kubernetes"),
            ("post hello", "starts with `/`"),
            ("hello", "no method, verb, path or resource"),
            ("", "names no request"),
        ] {
            assert!(
                message(notation(text)).contains(want),
                "{text}: {}",
                message(notation(text))
            );
        }
    }

    #[test]
    fn resources() {
        for text in [
            "v1/pods",
            "pods.v1",
            "kopf.dev/v1/kopfexamples",
            "kopfexamples.v1.kopf.dev",
            "apps/v1/deployments/scale",
            "*/*/leases",
            "pods",
            "v1/pods/status",
            "*",
        ] {
            assert_eq!(message(resource(text)), "", "{text}");
        }
        for (text, want) in [
            ("/pods", "URL path"),
            ("Pod", "no plural name"),
            ("v1/Pods", "no plural name"),
            ("apps/deployments", "`apps` is no version"),
            ("deployments.apps", "`apps` is no version"),
            ("apps/1/deployments", "no version"),
            ("a/b/c/d/e", "group, a version"),
        ] {
            assert!(
                message(resource(text)).contains(want),
                "{text}: {}",
                message(resource(text))
            );
        }
    }

    #[test]
    fn expressions_and_networks() {
        assert_eq!(message(path_regex("/v[0-9]+/.*")), "");
        assert!(message(path_regex("/v[0-9")).contains("unclosed character class"));
        assert!(message(path_regex("^/x$")).contains("whole path"));
        assert_eq!(message(network("10.0.0.0/8")), "");
        assert!(message(network("10.0.0/8")).contains("no IP address"));
        assert!(message(network("10.0.0.0/33")).contains("0 to 32"));
    }
}
