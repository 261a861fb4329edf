//! Plain HTTP and the Kubernetes API on one server: which of them a path is for, and what a strict test sees.

use std::panic::AssertUnwindSafe;

use kmock::{__private as p, prelude::*};

/// The panic of a strict test with this body, if it fails.
fn strict<F, Fut>(body: F) -> Option<String>
where
    F: FnOnce(KMock) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let options = p::TestOptions::new("strict").strict(true);
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| p::run_async(options, body))).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[kmock::test]
async fn what_is_no_resource_is_plain_http_where_there_are_rules_of_it(k: KMock) {
    kmock! { k, GET "/api/v1/users" => 200; }
    let refused = k.get("/api/v1/user").await;
    assert_eq!(refused.status(), 404);
    let text = refused.text();
    assert!(
        text.contains("kmock: no rule for GET /api/v1/user; nearest: rule GET"),
        "{text}"
    );
    k.get("/api/users/7").await;
    k.put("/api/Users/7").await;
    let report = k.report().to_string();
    for line in ["GET /api/users/7", "PUT /api/Users/7"] {
        assert!(report.contains(line), "{report}");
    }
    assert!(!report.contains("list "), "{report}");
}

#[kmock::test]
async fn a_path_that_has_a_rule_is_not_answered_by_accident(k: KMock) {
    kmock! { k, GET "/api/v1/events" query { "page": 1 } => 200; }
    let refused = k.get("/api/v1/events?page=2").await;
    assert_eq!(refused.status(), 404);
    assert!(
        refused.text().contains("✗ query \"page\": 1"),
        "{}",
        refused.text()
    );
}

#[kmock::test]
async fn a_test_of_the_kubernetes_api_may_break_one_path_of_it(k: KMock) {
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}));
    kmock! { k, GET "/api/v1/namespaces/a" [0] => 503; }
    assert_eq!(k.get("/api/v1/namespaces/a").await.status(), 503);
    assert_eq!(k.get("/api/v1/namespaces/a").await.status(), 200);
}

#[kmock::test]
async fn without_rules_it_is_an_api_server(k: KMock) {
    let absent = k.get("/apis/nowhere.example/v1/things").await;
    assert_eq!(absent.status(), 404);
    assert_eq!(k.get("/api/v1/pods").await.status(), 200);
}

#[test]
fn a_strict_test_sees_what_the_kubernetes_api_answered_by_accident() {
    for path in [
        "/healthz",
        "/version",
        "/metrics",
        "/api/v1/user",
        "/api/v1/pods",
    ] {
        let text = strict(move |k| async move {
            kmock! { k, GET "/users" => 200; }
            k.get(path).await;
        });
        let text = text.unwrap_or_else(|| panic!("{path} is not seen"));
        let said = format!("a strict test has no unexpected requests, but 1 came: #0 GET {path}");
        assert!(text.contains(&said), "{text}");
    }
}

#[test]
fn a_strict_test_that_uses_the_cluster_is_content_with_its_answers() {
    let failed = strict(|k| async move {
        kmock! { k, GET "/users" => 200; }
        k.objects().list("pods", None);
        k.get("/api/v1/pods").await;
    });
    assert_eq!(failed, None);
    let failed = strict(|k| async move {
        kmock! { k, list "v1/pods" [0] => 503; }
        k.get("/api/v1/pods").await;
        k.get("/api/v1/pods").await;
    });
    assert_eq!(failed, None);
}
