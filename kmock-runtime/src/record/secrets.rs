//! What must not get into a file: credentials, and what looks like them.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use regex::Regex;
use serde_json::Value;

use crate::record::Entry;

/// What stands for a secret.
pub(super) const REDACTED: &str = "REDACTED";

/// Headers that are secrets as a whole, beside those whose names say it.
const HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-amz-security-token",
];

/// Parts of names of secrets, in headers, parameters, forms and JSON; `-`, `_` and capitals aside.
const NAMES: [&str; 17] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "privatekey",
    "sshkey",
    "clientkeydata",
    "credential",
    "sessionid",
    "signature",
    "authorization",
    "assertion",
    "otp",
    "jwt",
];

/// What is called a token, and is none: where a list goes on (`nextPageToken`), what a token is like (`token_type`), which
/// object has the secrets (`secretName`).
const NO_SECRETS: [&str; 9] = [
    "page", "next", "continu", "sync", "type", "url", "expire", "name", "count",
];

/// A secret that is shorter than this may be an ordinary word elsewhere.
const TELLING: usize = 8;

fn is_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    matches!(
        name.as_str(),
        "pwd" | "pin" | "sig" | "session" | "sid" | "csrf" | "otp"
    ) || NAMES
        .iter()
        .any(|part| *part != "otp" && name.contains(part))
        && !NO_SECRETS.iter().any(|part| name.contains(part))
}

/// Secrets that are known by their looks: tokens of well-known services, JSON Web Tokens, private keys.
fn looks() -> Option<&'static Regex> {
    static LOOKS: OnceLock<Option<Regex>> = OnceLock::new();
    let made = LOOKS.get_or_init(|| {
        Regex::new(concat!(
            r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
            r"|\b(?:ghp|gho|ghu|ghs|ghr|glpat|github_pat)[_-][A-Za-z0-9_-]{16,}",
            r"|\bxox[abprs]-[A-Za-z0-9-]{10,}",
            r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}",
            r"|\bsk-[A-Za-z0-9_-]{20,}",
            r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
        ))
        .ok()
    });
    made.as_ref()
}

/// The same exchanges without their secrets. What was a secret at one place is one wherever it occurs: a token that a login
/// answers, and that stands in a path later.
pub(super) fn without(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut found = Found::default();
    for entry in &mut entries {
        redact(entry, &mut found);
    }
    found
        .0
        .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.0.dedup();
    for entry in &mut entries {
        found.replace_in(entry);
    }
    entries
}

/// The secrets that were replaced.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    /// Keeps a secret in mind, and gives what stands for it.
    fn take(&mut self, secret: &str) -> String {
        if secret.len() >= TELLING && secret != REDACTED {
            self.0.push(secret.to_owned());
        }
        REDACTED.to_owned()
    }

    fn replaced<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REDACTED).into();
            }
        }
        match looks() {
            Some(looks) if looks.is_match(&text) => {
                looks.replace_all(&text, REDACTED).into_owned().into()
            }
            _ => text,
        }
    }

    fn replace_in(&self, entry: &mut Entry) {
        let headers = entry.request_headers.iter_mut().chain(&mut entry.headers);
        for text in headers.map(|(_, value)| value).chain([&mut entry.target]) {
            if let Cow::Owned(replaced) = self.replaced(text) {
                *text = replaced;
            }
        }
        for body in [&mut entry.request_body, &mut entry.body] {
            let Ok(text) = std::str::from_utf8(body) else {
                continue;
            };
            if let Cow::Owned(replaced) = self.replaced(text) {
                *body = replaced.into();
            }
        }
    }
}

fn redact(entry: &mut Entry, found: &mut Found) {
    if let Some((scheme, rest)) = entry.origin.split_once("://")
        && let Some((_, host)) = rest.rsplit_once('@')
    {
        entry.origin = format!("{scheme}://{host}");
    }
    for (name, value) in &mut entry.request_headers {
        if name == "cookie" {
            *value = cookies(value, found);
        } else if HEADERS.contains(&name.as_str()) || is_secret(name) {
            *value = header(value, found);
        }
    }
    for (name, value) in &mut entry.headers {
        if name == "set-cookie" {
            let (cookie, rest) = match value.split_once(';') {
                Some((cookie, rest)) => (cookie, format!(";{rest}")),
                None => (value.as_str(), String::new()),
            };
            *value = format!("{}{rest}", cookies(cookie, found));
        } else if name != "www-authenticate"
            && (HEADERS.contains(&name.as_str()) || is_secret(name))
        {
            *value = header(value, found);
        }
    }
    if let Some((path, query)) = entry.target.split_once('?') {
        entry.target = format!("{path}?{}", pairs(query, found));
    }
    let form = entry.request_headers.iter().any(|(name, value)| {
        name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
    });
    entry.request_body = match std::str::from_utf8(&entry.request_body) {
        Ok(text) if form => pairs(text, found).into(),
        _ => json(&entry.request_body, found),
    };
    entry.body = json(&entry.body, found);
}

/// `Bearer REDACTED`: how it was given is no secret.
fn header(value: &str, found: &mut Found) -> String {
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            format!("{scheme} {}", found.take(secret))
        }
        _ => found.take(value),
    }
}

/// `session=REDACTED; theme=REDACTED`: nobody can tell which of them is one.
fn cookies(text: &str, found: &mut Found) -> String {
    let cookies = text
        .split(';')
        .map(|pair| match pair.trim().split_once('=') {
            Some((name, value)) => format!("{name}={}", found.take(value)),
            None => found.take(pair.trim()),
        });
    cookies.collect::<Vec<_>>().join("; ")
}

fn pairs(text: &str, found: &mut Found) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_secret(name) && !value.is_empty() => {
            format!("{name}={}", found.take(value))
        }
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// A body of JSON without the values of secrets, and otherwise as it is, to the byte: only the texts of the secrets are
/// replaced in it.
fn json(body: &Bytes, found: &mut Found) -> Bytes {
    let mut secrets = Vec::new();
    // Watches are a value a line.
    let values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    for value in values.map_while(Result::ok) {
        collect(&value, &mut secrets);
    }
    let (Ok(text), false) = (std::str::from_utf8(body), secrets.is_empty()) else {
        return body.clone();
    };
    let mut text = text.to_owned();
    for (name, secret) in secrets {
        text = replace_member(&text, &name, &secret);
        found.take(&secret);
    }
    text.into()
}

/// `"name": "secret"` with whatever white space.
fn replace_member(text: &str, name: &str, secret: &str) -> String {
    let (Ok(name), Ok(secret)) = (serde_json::to_string(name), serde_json::to_string(secret))
    else {
        return text.to_owned();
    };
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(&name) {
        let (before, after) = rest.split_at(at + name.len());
        done.push_str(before);
        rest = after;
        let value = after.trim_start();
        let Some(value) = value.strip_prefix(':').map(str::trim_start) else {
            continue;
        };
        if let Some(left) = value.strip_prefix(secret.as_str()) {
            done.push_str(&after[..after.len() - value.len()]);
            done.push_str(&format!("\"{REDACTED}\""));
            rest = left;
        }
    }
    done.push_str(rest);
    done
}

fn collect(value: &Value, secrets: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            // The data of a Secret of Kubernetes, whatever its names.
            let kubernetes = members.get("kind").is_some_and(|kind| kind == "Secret");
            for (name, value) in members {
                match value {
                    Value::String(text) if is_secret(name) && !text.is_empty() => {
                        secrets.push((name.clone(), text.clone()));
                    }
                    Value::Object(data)
                        if kubernetes && (name == "data" || name == "stringData") =>
                    {
                        let texts = data.iter().filter_map(|(name, value)| {
                            Some((name.clone(), value.as_str()?.to_owned()))
                        });
                        secrets.extend(texts.filter(|(_, text)| !text.is_empty()));
                    }
                    value => collect(value, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "access_token",
            "X-Api-Key",
            "clientSecret",
            "password",
            "session_id",
            "sig",
            "AWS.SecretAccessKey",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "nextPageToken",
            "token_type",
            "secretName",
            "continueToken",
            "author",
            "key",
            "id",
            "laptop",
            "sessions",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn bodies_stay_as_they_are_but_for_their_secrets() {
        let mut found = Found::default();
        let body = |text: &'static str| Bytes::from_static(text.as_bytes());
        for (text, without) in [
            (
                r#"{"user": {"password" : "x",  "name": "x"}}"#,
                r#"{"user": {"password" : "REDACTED",  "name": "x"}}"#,
            ),
            ("{ \"a\":  1 }", "{ \"a\":  1 }"),
            (
                r#"[{"token":"a"},{"token":"b"}]"#,
                r#"[{"token":"REDACTED"},{"token":"REDACTED"}]"#,
            ),
            (r#"{"token":""}"#, r#"{"token":""}"#),
            (
                r#"{"kind":"Secret","data":{"tls.crt":"YQ=="}}"#,
                r#"{"kind":"Secret","data":{"tls.crt":"REDACTED"}}"#,
            ),
            (
                "{\"token\":\"a\"}\n{\"token\":\"b\"}\n",
                "{\"token\":\"REDACTED\"}\n{\"token\":\"REDACTED\"}\n",
            ),
        ] {
            assert_eq!(json(&body(text), &mut found), without);
        }
        assert_eq!(
            pairs("page=1&access_token=x&pageToken=y", &mut found),
            "page=1&access_token=REDACTED&pageToken=y"
        );
        assert_eq!(header("Bearer abc.def", &mut found), "Bearer REDACTED");
        assert_eq!(header("abc.def", &mut found), "REDACTED");
        assert_eq!(cookies("a=1; b=2", &mut found), "a=REDACTED; b=REDACTED");
    }

    #[test]
    fn secrets_are_known_by_their_looks_and_wherever_they_occur() {
        let found = Found(vec!["s3cret-value".to_owned()]);
        for (text, without) in [
            ("/reset/s3cret-value/now", "/reset/REDACTED/now"),
            (
                "see eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_1",
                "see REDACTED",
            ),
            ("ghp_abcdefghijklmnopqrstu", "REDACTED"),
            ("AKIAIOSFODNN7EXAMPLE", "REDACTED"),
            ("nothing of the kind", "nothing of the kind"),
        ] {
            assert_eq!(found.replaced(text), without);
        }
    }
}
