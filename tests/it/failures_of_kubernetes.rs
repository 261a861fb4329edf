//! Failures of rules in Kubernetes' words: what clients read is a `Status` as the API server sends it.

use kmock::{Failure, prelude::*};
use serde_json::json;

const IN_NS: &str = "/api/v1/namespaces/ns/configmaps";

#[kmock::test]
async fn a_bare_status_has_the_status_that_belongs_to_it(k: KMock) {
    kmock! { k,
        get "v1/configmaps" named "a" => 404;
        list "v1/configmaps" => 403;
        update "v1/configmaps" => 409;
        create "v1/configmaps" => 409;
        watch "v1/configmaps" => 410;
        delete "v1/configmaps" => |_| 500;
        GET "/plain" => 404;
        patch "v1/configmaps" => 409, text "own words";
    }
    let found = k.get(format!("{IN_NS}/a")).await;
    assert_eq!(
        (found.status(), found.header("content-type")),
        (404, Some("application/json"))
    );
    assert_eq!(
        found.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "configmaps \"a\" not found", "reason": "NotFound",
            "details": { "name": "a", "kind": "configmaps" }, "code": 404
        })
    );
    let listed = k.get(IN_NS).await.json();
    assert_eq!(
        listed["message"],
        "configmaps is forbidden: User \"system:anonymous\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"ns\""
    );
    let named = json!({ "metadata": { "name": "b" } });
    let updated = k.put(format!("{IN_NS}/b")).json(&named).await.json();
    assert_eq!(
        (&updated["reason"], &updated["code"]),
        (&json!("Conflict"), &json!(409))
    );
    let created = k.post(IN_NS).json(&named).await.json();
    assert_eq!(created["message"], "configmaps \"b\" already exists");
    assert_eq!(
        k.get("/api/v1/configmaps?watch=1").await.json()["reason"],
        "Expired"
    );
    assert_eq!(
        k.delete(format!("{IN_NS}/b")).await.json()["reason"],
        "InternalError"
    );
    // What is none of Kubernetes, and what has a body, stays as it was said.
    assert_eq!(k.get("/plain").await.text(), "");
    assert_eq!(k.patch(format!("{IN_NS}/b")).await.text(), "own words");
}

#[kmock::test]
async fn failures_have_words(k: KMock) {
    kmock! { k,
        list "v1/pods" => too_many(2s), then forbidden, then expired;
        update "v1/pods" => conflict, then conflict "somebody was faster", then pass;
        create "v1/pods" => invalid "spec: Required value";
        get "v1/pods" => unauthorized, then unavailable, then timeout, then internal "oh no", then not_found;
        delete "v1/pods" => bad_request, header { "x-own": "1" };
    }
    let first = k.get("/api/v1/pods").await;
    assert_eq!(
        (first.status(), first.header("retry-after")),
        (429, Some("2"))
    );
    assert_eq!(first.json()["details"]["retryAfterSeconds"], 2);
    assert_eq!(k.get("/api/v1/pods").await.json()["reason"], "Forbidden");
    assert_eq!(k.get("/api/v1/pods").await.json()["reason"], "Expired");
    let put = async || k.put("/api/v1/namespaces/ns/pods/a").await.json()["message"].clone();
    assert_eq!(
        put().await,
        "Operation cannot be fulfilled on pods \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    assert_eq!(
        put().await,
        "Operation cannot be fulfilled on pods \"a\": somebody was faster"
    );
    let created = k
        .post("/api/v1/namespaces/ns/pods")
        .json(json!({ "metadata": { "name": "a" } }))
        .await;
    assert_eq!(
        (created.status(), &created.json()["message"]),
        (422, &json!("pods \"a\" is invalid: spec: Required value"))
    );
    for (status, reason) in [
        (401, "Unauthorized"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
        (500, "InternalError"),
        (404, "NotFound"),
    ] {
        let got = k.get("/api/v1/namespaces/ns/pods/a").await;
        assert_eq!(
            (got.status(), &got.json()["reason"]),
            (status, &json!(reason))
        );
    }
    let deleted = k.delete("/api/v1/namespaces/ns/pods/a").await;
    assert_eq!(
        (deleted.status(), deleted.header("x-own")),
        (400, Some("1"))
    );
    k.on(Filter::verb("patch"))
        .reply(Failure::status(418).because("short and stout"));
    let patched = k.patch("/api/v1/namespaces/ns/pods/a").await;
    assert_eq!(
        (patched.status(), &patched.json()["message"]),
        (418, &json!("short and stout"))
    );
}
