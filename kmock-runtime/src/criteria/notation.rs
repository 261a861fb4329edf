//! The string notation: `"get /"`, `"post"`, `"/path?q=1"`, `"list pods.v1"`, `"watch kopf.dev/v1/kopfexamples"`.
//!
//! `[VERB] [TARGET]`, in any case. An HTTP verb may stand alone or before a path; a Kubernetes verb may stand
//! alone or before a resource. A target that starts with `/` is a path, with an optional query.

use crate::{
    criteria::{Criterion, Filter, FilterError, Pattern, Place},
    location::Location,
};

/// The HTTP methods that the notation knows; custom ones are written in upper case.
const METHODS: &[&str] = &[
    "get", "head", "post", "put", "patch", "delete", "options", "trace", "connect", "query",
];

pub(crate) fn parse(text: &str, location: Location) -> Result<Filter, FilterError> {
    let trimmed = text.trim();
    let (first, rest) = match trimmed.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (trimmed, ""),
    };
    if trimmed.is_empty() {
        return Err(FilterError::new(
            "an empty filter; write a verb, a path or both, as in \"get /path\"",
        ));
    }
    if first.starts_with('/') {
        return path(trimmed, location);
    }
    let lower = first.to_ascii_lowercase();
    let target_is_path = rest.is_empty() || rest.starts_with('/');
    if lower == "any" && target_is_path {
        return if rest.is_empty() {
            Ok(Filter::any())
        } else {
            path(rest, location)
        };
    }
    let upper = first.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let is_method = METHODS.contains(&lower.as_str()) || upper;
    if is_method && target_is_path {
        let verb = Filter::at(Criterion::Method(first.to_ascii_uppercase()), location);
        return if rest.is_empty() {
            Ok(verb)
        } else {
            Ok(verb & path(rest, location)?)
        };
    }
    if let Some(filter) = crate::cluster::filter(&lower, rest)? {
        return Ok(filter);
    }
    Err(FilterError::new(format!(
        "`{text}` is neither a request such as \"get /path\" nor a Kubernetes one such as \"list pods.v1\""
    )))
}

/// A path template with an optional query: `/search?q=rust&page=*`.
pub(crate) fn path(text: &str, location: Location) -> Result<Filter, FilterError> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, query),
        None => (text, ""),
    };
    let mut filter = Filter::at(Criterion::Path(path.parse()?), location);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, pattern) = match pair.split_once('=') {
            Some((name, value)) => (name, Pattern::from(value)),
            None => (pair, Pattern::present()),
        };
        filter = filter
            & Filter::at(
                Criterion::Field(Place::Query, name.to_owned(), pattern),
                location,
            );
    }
    Ok(filter)
}
