//! How Kubernetes' users speak of requests: `patch deployments.apps default/web (apply, manager=op)`.

use kmock_kubernetes::{ApiRequest, Verb};
use serde_json::{Value, json};

use crate::{backend::Dialect, request::Request};

impl Request {
    /// The request as a Kubernetes API request, if its path is one.
    pub fn kubernetes(&self) -> Option<&ApiRequest> {
        let read = |request: &Request| ApiRequest::parse(request.method(), request.uri());
        self.in_dialect(read)?.as_ref()
    }
}

/// Kubernetes' words.
pub(super) struct Kubernetes;

impl Dialect for Kubernetes {
    fn asked(&self, request: &Request) -> Option<(&'static str, String)> {
        let asked = request.kubernetes()?;
        if asked.verb == Verb::Other {
            return None;
        }
        let mut target = asked.resource.clone();
        let mut add = |parts: [&str; 2]| parts.iter().for_each(|part| target.push_str(part));
        if !asked.group.is_empty() {
            add([".", &asked.group]);
        }
        if let Some(subresource) = &asked.subresource {
            add(["/", subresource]);
            for part in &asked.rest {
                add(["/", part]);
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
            (Some(namespace), Some(name)) => {
                add([" ", namespace]);
                add(["/", &name]);
            }
            (None, Some(name)) => add([" ", &name]),
            (Some(namespace), None) => add([" in ", namespace]),
            (None, None) => {}
        }
        Some((asked.verb.as_str(), target))
    }

    fn words(&self, request: &Request) -> Option<(String, String)> {
        let (verb, mut target) = self.asked(request)?;
        let asked = request.kubernetes()?;
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
        Some((verb.to_owned(), target))
    }

    fn failure(&self, request: &Request, status: u16) -> Option<Value> {
        super::failures::body_of(status, request)
    }

    fn refusal(&self, request: &Request, message: &str, details: &Value) -> Option<Value> {
        request.kubernetes()?;
        Some(json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": "NotFound",
            "code": 404,
            "kmock": details,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
            Kubernetes
                .words(&request)
                .map(|(verb, target)| format!("{verb} {target}"))
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
