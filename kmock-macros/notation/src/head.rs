//! String notation: `get /x?q=1`, `post`, `/x`, `list pods.v1`, `kopf.dev/v1/kopfexamples`.

use crate::{
    Fault, did_you_mean, nearest,
    path::{Path, path},
    resource::{Resource, resource},
    words::{ANY_CASE, METHODS, VERBS},
};

/// What a text asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// `any`: every request.
    Any,
    /// A path, with any method.
    Path(Path),
    /// A method in upper case, perhaps with a path.
    Method(String, Option<Path>),
    /// A verb of Kubernetes (`fetch` is `get`), perhaps with a resource.
    Verb(&'static str, Option<Resource>),
    /// A resource of Kubernetes, with any verb.
    Resource(Resource),
}

/// Whether a word is a method: one of the usual ones in any case, others in upper case.
pub fn is_method(word: &str) -> bool {
    let own = || {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_uppercase() || c == '-')
            && nearest(word, METHODS.iter().copied()).is_none()
    };
    ANY_CASE.contains(&word.to_ascii_lowercase().as_str()) || METHODS.contains(&word) || own()
}

/// The verb of Kubernetes that a word is, whatever its case; `fetch` is `get`.
fn verb(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let found = VERBS.iter().find(|verb| **verb == lower)?;
    Some(if *found == "fetch" { "get" } else { found })
}

/// Reads string notation.
///
/// # Errors
/// With the part that is wrong, and what to write.
pub fn head(text: &str) -> Result<Head, Fault> {
    let whole = 0..text.len().max(1);
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Fault::new(
            "the text names no request",
            "write \"get /path\", or `ANY` for every request",
            whole,
        ));
    }
    let start = text.len() - text.trim_start().len();
    if let Some(plain) = unquoted(trimmed) {
        return head(&plain).map_err(|fault| Fault {
            range: whole,
            ..fault
        });
    }
    if trimmed.starts_with('/') {
        let found = path(trimmed).map_err(|fault| fault.shifted(start));
        return found.map(Head::Path);
    }
    let (first, rest) = match trimmed.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (trimmed, ""),
    };
    let offset = start + trimmed.len() - rest.len();
    let method = || match first.to_ascii_uppercase() {
        any if any == "ANY" => None,
        upper => Some(upper),
    };
    if rest.is_empty() {
        return match verb(first) {
            _ if is_method(first) => Ok(match method() {
                Some(method) => Head::Method(method, None),
                None => Head::Any,
            }),
            Some(verb) => Ok(Head::Verb(verb, None)),
            None if first.contains("://") => path(first).map(Head::Path),
            None if first.contains(['/', '.']) => resource(first)
                .map(Head::Resource)
                .map_err(|fault| fault.shifted(start)),
            None => Err(Fault::new(
                format!(
                    "`{first}` is no method, verb, path or resource{}",
                    meant(first)
                ),
                format!("write \"get /{first}\" for a path, \"list {first}\" for a resource"),
                whole,
            )),
        };
    }
    if rest.starts_with('/') || rest.contains("://") {
        if !is_method(first) {
            let message = match verb(first) {
                Some(_) => format!(
                    "`{first}` is a verb of Kubernetes, which goes with a resource and not with a path"
                ),
                None => format!("`{first}` is no HTTP method{}", meant(first)),
            };
            return Err(Fault::new(
                message,
                format!("write \"get {rest}\""),
                start..start + first.len(),
            ));
        }
        let path = path(rest).map_err(|fault| fault.shifted(offset))?;
        return Ok(match method() {
            Some(method) => Head::Method(method, Some(path)),
            None => Head::Path(path),
        });
    }
    if is_method(rest.split_whitespace().next().unwrap_or_default()) && rest.contains(" /") {
        return Err(Fault::new(
            "one text has one method",
            format!(
                "write `\"{first} {path}\" | \"{rest}\"` for either",
                path = rest.split_whitespace().nth(1).unwrap_or("/")
            ),
            whole,
        ));
    }
    if let Some(verb) = verb(first) {
        let found = resource(rest).map_err(|fault| fault.shifted(offset))?;
        return Ok(Head::Verb(verb, Some(found)));
    }
    if is_method(first) {
        return Err(of_resource(first, rest).unwrap_or_else(|| {
            Fault::new(
                "a path starts with `/`",
                format!("write \"{first} /{rest}\""),
                offset..offset + rest.len(),
            )
        }));
    }
    Err(Fault::new(
        format!(
            "`{first}` is no HTTP method and no verb of Kubernetes{}",
            meant(first)
        ),
        "write \"get /path\" or \"list pods.v1\"",
        start..start + first.len(),
    ))
}

/// `GET "/x"`, `list "v1/pods"`: with the quotes that the target has in `kmock!`.
fn unquoted(text: &str) -> Option<String> {
    let (verb, quoted) = text.split_at(text.find('"')?);
    let target = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let bare = verb
        .trim()
        .chars()
        .all(|c| c.is_ascii_alphabetic() || c == '-');
    (bare && !target.contains('"')).then(|| format!("{verb}{target}"))
}

/// `post pods.v1`: a method of HTTP with a resource of Kubernetes, as the Python library has it.
fn of_resource(method: &str, text: &str) -> Option<Fault> {
    let versioned = text.split(['/', '.']).any(crate::is_version);
    if !versioned || resource(text).is_err() {
        return None;
    }
    let help = match method.to_ascii_lowercase().as_str() {
        "post" => format!("write \"create {text}\""),
        "put" => format!("write \"update {text}\""),
        "any" => format!("write \"{text}\""),
        _ => "the verbs are get, list, watch, create, update, patch, delete and deletecollection"
            .to_owned(),
    };
    Some(Fault::new(
        format!(
            "`{method}` is a method of HTTP, and `{text}` a resource of Kubernetes, which has verbs"
        ),
        help,
        0..method.len(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        head(text).err().map(|fault| fault.text).unwrap_or_default()
    }

    #[test]
    fn string_notation() {
        let method = |name: &str| Head::Method(name.to_owned(), None);
        assert_eq!(head("post"), Ok(method("POST")));
        assert_eq!(head("STORE"), Ok(method("STORE")));
        assert_eq!(head(" any "), Ok(Head::Any));
        assert!(matches!(head("any /x"), Ok(Head::Path(_))));
        assert!(matches!(head("Get /x?q=1"), Ok(Head::Method(get, Some(_))) if get == "GET"));
        assert!(matches!(
            head("List pods.v1"),
            Ok(Head::Verb("list", Some(_)))
        ));
        assert!(matches!(head("fetch pods"), Ok(Head::Verb("get", Some(_)))));
        assert!(matches!(
            head("get pods/log"),
            Ok(Head::Verb("get", Some(_)))
        ));
        assert!(matches!(
            head("kopf.dev/v1/kopfexamples"),
            Ok(Head::Resource(_))
        ));
        assert_eq!(head("list"), Ok(Head::Verb("list", None)));
        assert_eq!(head("GET \"/x\""), head("get /x"));
        assert_eq!(head("list \"v1/pods\""), head("list v1/pods"));
        assert_eq!(head("\"/x?q=1\""), head("/x?q=1"));
        for (text, want) in [
            ("gte /", "did you mean `get`"),
            ("lits pods.v1", "did you mean `list`"),
            ("list /x", "verb of Kubernetes"),
            ("post hello", "starts with `/`"),
            ("post pods.v1", "method of HTTP"),
            ("hello", "no method, verb, path or resource"),
            ("", "names no request"),
            ("get /x header a=b", "no spaces"),
            ("get /a get /b", "no spaces"),
            ("GTE /x", "no HTTP method"),
            ("get https://example.com/x", "host"),
        ] {
            assert!(fault(text).contains(want), "{text}: {}", fault(text));
        }
    }

    #[test]
    fn faults_say_where_they_are() {
        for (text, want) in [
            ("gte /x", "gte"),
            ("  lits pods.v1", "lits"),
            ("get  /x y", " "),
            ("get /{a: u46}", "a: u46"),
        ] {
            let range = head(text).expect_err("a fault").range;
            assert_eq!(text.get(range), Some(want), "{text}");
        }
    }
}
