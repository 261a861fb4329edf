//! The little languages inside string literals: path templates, string notation, resources, globs, regular
//! expressions. They are checked when compiling; at run time the engine reads them by the same rules.

mod path;
mod resource;

use std::ops::Range;

use syn::LitStr;

use crate::{
    ast::Capture,
    errors::Errors,
    words::{METHODS, VERBS, did_you_mean, nearest},
};
pub(crate) use path::path;
pub(crate) use resource::{is_version, resource};

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
    if is_method(rest.split_whitespace().next().unwrap_or_default()) && rest.contains(" /") {
        return Err(Problem::new(
            "one text has one method",
            format!(
                "write `\"{first} {path}\" | \"{rest}\"` for either",
                path = rest.split_whitespace().nth(1).unwrap_or("/")
            ),
            whole,
        ));
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

    pub(super) fn message<T>(result: Result<T, Problem>) -> String {
        result
            .err()
            .map(|problem| problem.message)
            .unwrap_or_default()
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
    fn expressions_and_networks() {
        assert_eq!(message(path_regex("/v[0-9]+/.*")), "");
        assert!(message(path_regex("/v[0-9")).contains("unclosed character class"));
        assert!(message(path_regex("^/x$")).contains("whole path"));
        assert_eq!(message(network("10.0.0.0/8")), "");
        assert!(message(network("10.0.0/8")).contains("no IP address"));
        assert!(message(network("10.0.0.0/33")).contains("0 to 32"));
    }
}
