//! The little languages inside string literals: path templates, string notation, resources, regular expressions, addresses.
//! The crate `kmock_notation` reads the first three, for the engine and the command line as well; here its faults get spans.

use kmock_notation::{Fault, Head};
use syn::{LitStr, Type};

use crate::{ast::Capture, errors::Errors};
pub(crate) use kmock_notation::is_version;

/// Checks a literal and reports at the part of it that is wrong (where the compiler can point there).
pub(crate) fn check<T>(
    lit: &LitStr,
    errors: &mut Errors,
    rules: impl FnOnce(&str) -> Result<T, Fault>,
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
        Err(fault) => {
            let token = lit.token();
            // Without escapes the literal is the text in quotes: positions agree.
            let plain = token.to_string() == format!("\"{text}\"");
            let span = plain
                .then(|| token.subspan(fault.range.start + 1..fault.range.end + 1))
                .flatten()
                .unwrap_or_else(|| lit.span());
            if fault.help.is_empty() {
                errors.push(span, fault.text);
            } else {
                errors.help(span, fault.text, fault.help);
            }
            None
        }
    }
}

fn fault(text: impl Into<String>, help: impl Into<String>, range: std::ops::Range<usize>) -> Fault {
    Fault {
        range,
        text: text.into(),
        help: help.into(),
    }
}

/// A path after a method: a template, perhaps with a query; what it captures.
pub(crate) fn path(text: &str) -> Result<Vec<Capture>, Fault> {
    captures(&kmock_notation::path(text)?)
}

/// String notation: `get /x?q=1`, `post`, `/x`, `list pods.v1`, `kopf.dev/v1/kopfexamples`; what it captures.
pub(crate) fn notation(text: &str) -> Result<Vec<Capture>, Fault> {
    match kmock_notation::head(text)? {
        Head::Path(path) | Head::Method(_, Some(path)) => captures(&path),
        Head::Any | Head::Method(_, None) | Head::Verb(..) | Head::Resource(_) => Ok(Vec::new()),
    }
}

/// A resource of Kubernetes: `v1/pods`, `pods.v1`, `deployments.apps`, `*/*/leases`.
pub(crate) fn resource(text: &str) -> Result<(), Fault> {
    kmock_notation::resource(text).map(drop)
}

fn captures(path: &kmock_notation::Path) -> Result<Vec<Capture>, Fault> {
    path.captures()
        .into_iter()
        .map(|capture| {
            let ty = capture.ty.as_deref().unwrap_or("String");
            let Ok(ty) = syn::parse_str::<Type>(ty) else {
                return Err(fault(
                    format!("`{ty}` is no type"),
                    "write `{id: u64}`, or any type that is `FromStr`",
                    capture.range.clone(),
                ));
            };
            Ok(Capture {
                name: capture.name.clone(),
                ty,
            })
        })
        .collect()
}

/// A regular expression in the grammar of the crate `regex`.
pub(crate) fn regex(text: &str) -> Result<(), Fault> {
    regex_syntax::parse(text).map(drop).map_err(|error| {
        let (kind, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
            other => return fault(other.to_string(), "", 0..text.len().max(1)),
        };
        let piece = text
            .get(span.start.offset..span.end.offset)
            .unwrap_or_default();
        let place = if piece.is_empty() {
            String::new()
        } else {
            format!(" at `{piece}`")
        };
        fault(
            format!("no regular expression: {kind}{place}"),
            "the grammar is that of the crate `regex`; a backslash escapes",
            span.start.offset..span.end.offset.max(span.start.offset + 1),
        )
    })
}

/// A regular expression for a whole path.
pub(crate) fn path_regex(text: &str) -> Result<(), Fault> {
    regex(text)?;
    if text.starts_with('^') || text.ends_with('$') && !text.ends_with("\\$") {
        return Err(fault(
            "the expression always stands for the whole path",
            format!(
                "write ~\"{}\"",
                text.trim_start_matches('^').trim_end_matches('$')
            ),
            0..text.len(),
        ));
    }
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(fault(
            "the expression stands for the whole path, which starts with `/`",
            format!("write ~\"/{text}\" or ~\".*{text}\""),
            0..text.len(),
        ));
    }
    Ok(())
}

/// An address or a network: `127.0.0.1`, `10.0.0.0/8`, `::1`.
pub(crate) fn network(text: &str) -> Result<(), Fault> {
    let whole = 0..text.len().max(1);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(parsed) = address.parse::<std::net::IpAddr>() else {
        return Err(fault(
            format!("`{address}` is no IP address"),
            "write `from 127.0.0.1`, `from 10.0.0.0/8` or `from \"::1\"`",
            whole,
        ));
    };
    let most = if parsed.is_ipv4() { 32 } else { 128 };
    match bits.map(str::parse::<u8>) {
        None => Ok(()),
        Some(Ok(bits)) if bits <= most => Ok(()),
        Some(_) => Err(fault(
            format!("the prefix of the network must be 0 to {most}"),
            format!("write `from {address}/{}`", most / 2),
            whole,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T>(result: Result<T, Fault>) -> String {
        result.err().map(|fault| fault.text).unwrap_or_default()
    }

    #[test]
    fn captures_have_types_of_rust() {
        let found = notation("get /{a: u64}/{b: Vec<u8>}?q={c}").expect("a path");
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(message(path("/{a: Vec<}")).contains("`Vec<` is no type"));
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
