//! What is wrong with the address of a webhook.
//!
//! Rules: `apiserver/pkg/util/webhook/validation.go`.

use serde_json::Value;

use crate::model::meta::subdomain_faults;
use crate::model::status::FieldError;

/// Faults of a URL to call; only `https` will do.
pub(crate) fn url(path: &str, url: &str) -> Vec<FieldError> {
    const FORM: &str = "; desired format: https://host[/path]";
    let (scheme, rest) = url
        .split_once(':')
        .filter(|(scheme, _)| !scheme.contains('/'))
        .unwrap_or(("", url));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest
        .strip_prefix("//")
        .map_or("", |rest| rest.split('/').next().unwrap_or_default());
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let mut faults = Vec::new();
    let mut wrong = |value: &str, why: &str| {
        faults.push(FieldError::invalid_text(path, value, why));
    };
    if scheme != "https" {
        wrong(
            scheme,
            &format!("'https' is the only allowed URL scheme{FORM}"),
        );
    }
    if host.is_empty() {
        wrong("", &format!("host must be specified{FORM}"));
    }
    if let Some(user) = user {
        wrong(user, "user information is not permitted in the URL");
    }
    if !fragment.is_empty() {
        wrong(fragment, "fragments are not permitted in the URL");
    }
    if !query.is_empty() {
        wrong(query, "query parameters are not permitted in the URL");
    }
    faults
}

/// Faults of a service to call.
pub(crate) fn service(path: &str, service: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    // The server takes the one for the other: who leaves out the namespace is asked for the name.
    for (key, told) in [("namespace", "name"), ("name", "namespace")] {
        if service[key].as_str().unwrap_or_default().is_empty() {
            faults.push(FieldError::required(format!("{path}.{told}"), ""));
        }
    }
    let port = &service["port"];
    if !port.is_null()
        && !port
            .as_i64()
            .is_some_and(|port| (1..=65535).contains(&port))
    {
        let why = "port is not valid: must be between 1 and 65535, inclusive";
        faults.push(FieldError::invalid(format!("{path}.port"), port, why));
    }
    let called = service["path"].as_str().unwrap_or("/");
    if matches!(called, "" | "/") {
        return faults;
    }
    let mut wrong = |why: String| {
        faults.push(FieldError::invalid_text(
            format!("{path}.path"),
            called,
            why,
        ));
    };
    if called == "//" {
        wrong("segment[0] may not be empty".into());
        return faults;
    }
    if !called.starts_with('/') {
        wrong("must start with a '/'".into());
    }
    // Whatever the first byte is, it is taken for the slash.
    let rest = called.get(1..).unwrap_or(called);
    let segments = rest.strip_suffix('/').unwrap_or(rest).split('/');
    for (index, segment) in segments.enumerate() {
        if segment.is_empty() {
            wrong(format!("segment[{index}] may not be empty"));
            continue;
        }
        for why in subdomain_faults(segment) {
            wrong(format!("segment[{index}]: {why}"));
        }
    }
    faults
}
