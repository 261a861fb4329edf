//! Headers that differ from one time to the next, or that the server of the replay makes itself.

use std::borrow::Cow;

const VOLATILE: [&str; 31] = [
    "age",
    "alt-svc",
    "audit-id",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "last-modified",
    "nel",
    "ratelimit",
    "ratelimit-policy",
    "report-to",
    "request-id",
    "server",
    "server-timing",
    "strict-transport-security",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "via",
    "x-cache",
    "x-correlation-id",
    "x-request-id",
    "x-runtime",
    "x-response-time",
    "x-served-by",
    "x-timer",
    "x-trace-id",
];

const PREFIXES: [&str; 7] = [
    "cf-",
    "ratelimit-",
    "x-amz-",
    "x-amzn-",
    "x-b3-",
    "x-kubernetes-pf-",
    "x-ratelimit-",
];

pub(super) fn is_volatile(name: &str) -> bool {
    VOLATILE.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A cookie without the time at which it would be over.
pub(super) fn steady<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if name != "set-cookie" {
        return value.into();
    }
    let parts = value.split(';').filter(|part| {
        let name = part.split('=').next().unwrap_or_default();
        !name.trim().eq_ignore_ascii_case("expires")
    });
    parts.collect::<Vec<_>>().join(";").into()
}
