//! How people speak of requests: `GET /x`, `patch deployments.apps default/web (apply, manager=op)`, `0.4 ms`.

use std::time::Duration;

use crate::request::Request;

/// The verb and the target, in HTTP's words.
pub(super) fn http(request: &Request) -> (String, String) {
    (request.method().to_string(), request.target().to_owned())
}

/// The verb and the target in Kubernetes' words, for a request to its API.
#[cfg(feature = "kubernetes")]
pub(super) fn kubernetes(request: &Request) -> Option<(String, String)> {
    use crate::kubernetes::path::Verb;

    let asked = request.kubernetes()?;
    if asked.verb == Verb::Other {
        return None;
    }
    let mut target = asked.resource.clone();
    if !asked.group.is_empty() {
        target = format!("{target}.{}", asked.group);
    }
    if let Some(subresource) = &asked.subresource {
        target = format!("{target}/{subresource}");
        for part in &asked.rest {
            target = format!("{target}/{part}");
        }
    }
    // The name of what is created stands in its body.
    let body = |key: &str| {
        let text = request.json().get("metadata")?.get(key)?.as_str()?;
        Some(text.to_owned())
    };
    let created = || match asked.verb {
        Verb::Create => body("name").or_else(|| Some(format!("{}*", body("generateName")?))),
        _ => None,
    };
    let name = asked.name.clone().or_else(created);
    match (&asked.namespace, name) {
        (Some(namespace), Some(name)) => target = format!("{target} {namespace}/{name}"),
        (None, Some(name)) => target = format!("{target} {name}"),
        (Some(namespace), None) => target = format!("{target} in {namespace}"),
        (None, None) => {}
    }
    let query = |name: &str| {
        let value = asked.query.get(name)?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let mut details = Vec::new();
    if asked.verb == Verb::Patch {
        let kind = request.header("content-type").unwrap_or_default();
        let kinds = [
            ("apply-patch", "apply"),
            ("strategic-merge-patch", "strategic"),
            ("merge-patch", "merge"),
            ("json-patch", "json"),
        ];
        let known = kinds.iter().find(|(name, _)| kind.contains(name));
        details.extend(known.map(|(_, word)| (*word).to_owned()));
    }
    details.extend(query("fieldManager").map(|manager| format!("manager={manager}")));
    details.extend(query("labelSelector"));
    details.extend(query("fieldSelector"));
    details.extend(query("resourceVersion").map(|revision| format!("from {revision}")));
    details.extend(query("limit").map(|limit| format!("limit {limit}")));
    details.extend(query("continue").map(|_| "continued".to_owned()));
    details.extend(query("dryRun").map(|_| "dry run".to_owned()));
    if asked.query.get("force") == Some("true") {
        details.push("force".to_owned());
    }
    if !details.is_empty() {
        target = format!("{target} ({})", details.join(", "));
    }
    Some((asked.verb.as_str().to_owned(), target))
}

#[cfg(not(feature = "kubernetes"))]
pub(super) fn kubernetes(_: &Request) -> Option<(String, String)> {
    None
}

/// Who asks: the first word of the user agent.
pub(super) fn who(request: &Request) -> Option<String> {
    let agent = request.header("user-agent")?;
    let first = agent.split_whitespace().next()?;
    Some(first.to_owned())
}

/// A duration for people, in three letters or so.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_micros() {
        0 => "0 ms".to_owned(),
        1..10_000 => format!("{:.1} ms", seconds * 1e3),
        10_000..1_000_000 => format!("{:.0} ms", seconds * 1e3),
        1_000_000..60_000_000 => format!("{seconds:.1} s"),
        _ => {
            let whole = duration.as_secs();
            match whole / 3600 {
                0 => format!("{} min {} s", whole / 60, whole % 60),
                hours => format!("{hours} h {} min", whole / 60 % 60),
            }
        }
    }
}

/// A number with a comma after each three digits: `10,000`.
pub(super) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 request`, `2 requests`.
pub(super) fn requests(n: usize) -> String {
    match n {
        1 => "1 request".to_owned(),
        n => format!("{} requests", number(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_numbers_are_short() {
        let shown = |micros| duration(Duration::from_micros(micros));
        assert_eq!(shown(0), "0 ms");
        assert_eq!(shown(412), "0.4 ms");
        assert_eq!(shown(12_345), "12 ms");
        assert_eq!(shown(5_000_000), "5.0 s");
        assert_eq!(shown(125_000_000), "2 min 5 s");
        assert_eq!(shown(7_500_000_000), "2 h 5 min");
        assert_eq!(number(10_000), "10,000");
        assert_eq!(number(999), "999");
        assert_eq!(requests(1), "1 request");
    }

    #[cfg(feature = "kubernetes")]
    #[test]
    fn kubernetes_requests_read_as_kubectl_speaks() {
        let words = |method: &str, uri: &str, kind: &str, body: &'static str| {
            let head = http::Request::builder()
                .method(method)
                .uri(uri)
                .header("content-type", kind)
                .body(())
                .expect("a request")
                .into_parts()
                .0;
            let head = crate::request::Head::of(head);
            let request = Request::new(0, Duration::ZERO, head, body.into(), None, None);
            kubernetes(&request).map(|(verb, target)| format!("{verb} {target}"))
        };
        let json = "application/json";
        for (method, uri, kind, want) in [
            (
                "PATCH",
                "/apis/apps/v1/namespaces/default/deployments/web?fieldManager=op",
                "application/apply-patch+yaml",
                "patch deployments.apps default/web (apply, manager=op)",
            ),
            (
                "GET",
                "/api/v1/pods?watch=1&resourceVersion=7",
                json,
                "watch pods (from 7)",
            ),
            ("GET", "/api/v1/namespaces/a/pods", json, "list pods in a"),
            (
                "POST",
                "/api/v1/namespaces/a/pods",
                json,
                "create pods a/web",
            ),
            (
                "PUT",
                "/api/v1/namespaces/a/pods/x/status",
                json,
                "update pods/status a/x",
            ),
            ("GET", "/api/v1/namespaces/a", json, "get namespaces a"),
        ] {
            let body = r#"{"metadata": {"name": "web"}}"#;
            assert_eq!(words(method, uri, kind, body).as_deref(), Some(want));
        }
        assert_eq!(words("GET", "/hello", json, ""), None);
    }
}
