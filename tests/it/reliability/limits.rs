//! Limits: each refused in words, those of the API server in its own.

use std::time::Duration;

use axum::{Router, routing::post};
use kmock::KMock;
use serde_json::{Value, json};
use tokio::time::Instant;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}})
}

/// An object of a kind whose objects may have any fields.
fn thing(name: &str, spec: impl Into<Value>) -> Value {
    let spec: Value = spec.into();
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec})
}

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

async fn patch(k: &KMock, path: &str, kind: &str, body: impl ToString) -> (u16, Value) {
    let request = k.patch(path).header("content-type", kind);
    let answer = request.body(body.to_string()).await;
    (answer.status(), answer.json())
}

#[kmock::test]
async fn copies_of_a_json_patch_that_double_an_object_are_refused(k: KMock) {
    k.objects().seed(map("a"));
    let doubling = |times: usize| {
        let mut operations = vec![json!({"op": "add", "path": "/zz", "value": {"a": "x"}})];
        operations.extend(
            (0..times).map(|n| json!({"op": "copy", "from": "/zz", "path": format!("/zz/c{n}")})),
        );
        Value::from(operations)
    };
    let kind = "application/json-patch+json";
    let (code, _) = patch(&k, &format!("{MAPS}/a"), kind, doubling(12)).await;
    assert_eq!(code, 200);
    let (code, answer) = patch(&k, &format!("{MAPS}/a"), kind, doubling(30)).await;
    assert_eq!(code, 422);
    let said = "the server rejected our request due to an error in our request";
    assert_eq!(answer["message"], said);
}

#[kmock::test]
async fn objects_that_etcd_would_not_take_are_refused_in_its_words(k: KMock) {
    k.resources().declare("example.com/v1/things");
    let create = async |name: &str, bytes: usize| {
        let answer = k.post(THINGS).json(thing(name, "x".repeat(bytes))).await;
        (answer.status(), answer.json()["message"].clone())
    };
    assert_eq!(create("fits", 1_572_000).await.0, 201);
    let too_large = (500, "etcdserver: request is too large".into());
    assert_eq!(create("large", 1_572_864).await, too_large);
    let (code, message) = create("huge", 2_900_000).await;
    let message = message.as_str().unwrap_or_default();
    let beginning =
        "rpc error: code = ResourceExhausted desc = trying to send message larger than max (29";
    assert!(
        code == 500 && message.starts_with(beginning) && message.ends_with(" vs. 2097152)"),
        "{message}"
    );
    // What a patch makes of an object counts, too; and nothing was stored.
    let merge = "application/merge-patch+json";
    let more = json!({"more": "y".repeat(2000)});
    let (code, answer) = patch(&k, &format!("{THINGS}/fits"), merge, &more).await;
    assert_eq!((code, answer["message"].clone()), too_large);
    assert_eq!(k.objects().list("things.example.com", None).len(), 1);
    // A body that is larger than that is not read.
    let answer = k.post(THINGS).body("x".repeat(3 << 20 | 1)).await;
    assert_eq!(answer.status(), 413);
}

/// The configuration of two webhooks, each of which takes its time.
fn slow_webhooks(seconds: u64) -> (tempfile::NamedTempFile, Router) {
    let hook = |name: &str| {
        json!({
            "name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 30,
            "clientConfig": {"service": {"namespace": "operators", "name": "slow", "path": "/check"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
        })
    };
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "slow"}, "webhooks": [hook("a.example.com"), hook("b.example.com")],
    });
    let router = Router::new().route(
        "/check",
        post(move |body: String| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let asked: Value = serde_json::from_str(&body).unwrap_or_default();
            let response = json!({"uid": asked["request"]["uid"], "allowed": true});
            let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
            ([("content-type", "application/json")], review.to_string())
        }),
    );
    let file = tempfile::Builder::new().suffix(".json").tempfile();
    let file = file.expect("a file");
    std::fs::write(file.path(), configuration.to_string()).expect("written");
    (file, router)
}

#[kmock::test(start_paused = true)]
async fn a_write_that_takes_too_long_is_given_up(k: KMock) {
    let (file, router) = slow_webhooks(25);
    k.webhook(file.path(), router);
    let said =
        "Timeout: request did not complete within requested timeout - context deadline exceeded";
    for (query, seconds) in [
        ("", 34),
        ("?timeout=5s", 5),
        ("?timeout=0s", 34),
        ("?timeout=5m", 34),
    ] {
        let since = Instant::now();
        let answer = k.post(format!("{MAPS}{query}")).json(map("a")).await;
        assert_eq!(since.elapsed(), Duration::from_secs(seconds), "{query}");
        assert_eq!(answer.status(), 504);
        let status = answer.json();
        assert_eq!(
            (&status["message"], &status["reason"]),
            (&said.into(), &"Timeout".into())
        );
    }
    assert_eq!(k.get(format!("{MAPS}/a")).await.status(), 404);
    assert_eq!(k.errors(), [""; 0]);
}

#[kmock::test(start_paused = true)]
async fn a_read_that_takes_too_long_is_answered_before_the_handler(k: KMock) {
    let since = Instant::now();
    let late = "resourceVersion=100000&timeout=1500ms";
    let answer = k.get(format!("{MAPS}?{late}")).await;
    assert_eq!(since.elapsed(), Duration::from_millis(1500));
    assert_eq!(answer.status(), 504);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(
        answer.text(),
        "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"Timeout: request did not complete within the allotted timeout\",\
         \"reason\":\"Timeout\",\"details\":{},\"code\":504}\n"
    );
    // Without that, the server's own patience ends it.
    let answer = k.get(format!("{MAPS}?resourceVersion=100000")).await;
    assert!(
        answer.text().contains("Too large resource version"),
        "{}",
        answer.text()
    );
    // A watch lasts, whatever it says.
    let answer = k
        .get(format!("{MAPS}?watch=1&timeoutSeconds=3&timeout=1s"))
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(since.elapsed(), Duration::from_millis(1500 + 3000 + 3000));
    let answer = k.get(format!("{MAPS}?timeout=soon")).await;
    assert_eq!(answer.status(), 400);
    let said = "invalid timeout specified in the request URL - time: invalid duration \"soon\"";
    assert_eq!(answer.json()["message"], said);
}

/// `[[[…]]]`, so deep.
fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[kmock::test]
async fn what_is_nested_too_deeply_is_refused_and_overflows_no_stack(k: KMock) {
    k.resources().declare("example.com/v1/things");
    let object = |spec: &str| {
        format!(
            r#"{{"apiVersion":"example.com/v1","kind":"Thing","metadata":{{"name":"a"}},"spec":{spec}}}"#
        )
    };
    let lists = |depth| nested("[", "1", "]", depth);
    let maps = |depth| nested("{\"a\":", "1", "}", depth);
    for deep in [lists(500), maps(500)] {
        let answer = k.post(THINGS).header("content-type", "application/json");
        let answer = answer.body(object(&deep)).await;
        assert_eq!(answer.status(), 201, "{}", answer.text());
        for (kind, body) in [
            (
                "application/json-patch+json",
                format!(r#"[{{"op":"add","path":"/x","value":{deep}}}]"#),
            ),
            ("application/merge-patch+json", format!(r#"{{"y":{deep}}}"#)),
        ] {
            let (code, answer) = patch(&k, &format!("{THINGS}/a"), kind, body).await;
            assert_eq!(code, 200, "{answer}");
        }
        assert_eq!(k.get(THINGS).await.status(), 200);
        assert_eq!(k.delete(format!("{THINGS}/a")).await.status(), 200);
    }
    for (deep, byte) in [(lists(20_000), '['), (maps(20_000), '{')] {
        let refused = format!("invalid character '{byte}' exceeded max depth");
        let answer = k.post(THINGS).header("content-type", "application/json");
        let answer = answer.body(object(&deep)).await;
        assert_eq!(answer.status(), 400);
        let message = answer.json()["message"].to_string();
        assert!(message.contains(&refused), "{message}");
        for (kind, body) in [
            (
                "application/json-patch+json",
                format!(r#"[{{"op":"add","path":"/x","value":{deep}}}]"#),
            ),
            ("application/merge-patch+json", format!(r#"{{"y":{deep}}}"#)),
            (
                "application/strategic-merge-patch+json",
                format!(r#"{{"metadata":{deep}}}"#),
            ),
            ("application/apply-patch+yaml", object(&deep)),
        ] {
            k.objects().seed(map("a"));
            let (code, answer) = patch(&k, &format!("{MAPS}/a?fieldManager=m"), kind, body).await;
            assert_eq!(code, 400, "{kind}: {answer}");
        }
        // YAML has a limit of its own.
        let answer = k.post(THINGS).header("content-type", "application/yaml");
        let answer = answer.body(object(&deep)).await;
        assert_eq!(answer.status(), 400);
    }
    let answer = k.post(THINGS).header("content-type", "application/yaml");
    let answer = answer.body(object(&lists(200))).await;
    assert_eq!(answer.status(), 201, "{}", answer.text());
    // A rule that reads such a body is not brought down by it either.
    k.on(kmock::Filter::path("/plain") & kmock::Filter::json(json!({"a": 1})))
        .status(201);
    assert_eq!(k.post("/plain").body(lists(20_000)).await.status(), 404);
}

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "sites.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "sites", "singular": "site", "kind": "Site"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": schema},
            }}}],
        },
    })
}

#[kmock::test]
async fn schemas_and_rules_that_are_nested_deeply_overflow_no_stack(k: KMock) {
    const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let mut deep = json!({"type": "string"});
    for _ in 0..80 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    let mut any = json!({"minLength": 1});
    for _ in 0..200 {
        any = json!({"anyOf": [any]});
    }
    any["type"] = "string".into();
    let rule = |text: &str| {
        json!({"type": "object", "properties": {"i": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": text}]})
    };
    let parentheses = |depth| rule(&nested("(", "self.i > 0", ")", depth));
    let chain = |terms| rule(&format!("{}1 > 0", "1 + ".repeat(terms)));
    for (schema, code) in [
        (deep, 201),
        (any, 201),
        (parentheses(240), 201),
        (parentheses(5_000), 422),
        (
            rule(&format!("{} > 0", nested("-(", "self.i", ")", 200))),
            201,
        ),
        (
            rule(&nested("(", "self", &format!("){}", ".a".repeat(200)), 200)),
            422,
        ),
        (rule(&"(".repeat(5_000)), 422),
        (rule(&"!".repeat(5_000)), 422),
        (rule(&nested("[", "1", "]", 3_000)), 422),
        (chain(200), 201),
        (chain(3_000), 422),
        (rule(&format!("self{}", ".a".repeat(5_000))), 422),
        (rule(&format!("[1]{} > 0", "[0]".repeat(3_000))), 422),
        (
            json!({"type": "string", "pattern": nested("(?:", "a", ")", 5_000)}),
            201,
        ),
        (
            json!({"type": "string", "pattern": nested("(a", "b", ")*", 300)}),
            201,
        ),
        (
            json!({"type": "string", "pattern": nested("(", "a", ")", 1_001)}),
            422,
        ),
        (
            json!({"type": "string", "pattern": nested("(", "a", ")", 100_000)}),
            422,
        ),
        (
            json!({"type": "string", "pattern": "((a{100}){100}){100}"}),
            422,
        ),
    ] {
        let answer = k.post(DEFINITIONS).json(definition(&schema)).await;
        let text = answer.text().chars().take(300).collect::<String>();
        assert_eq!(answer.status(), code, "{text}");
        // A definition is gone a moment after it was deleted.
        let place = format!("{DEFINITIONS}/sites.example.com");
        k.delete(&place).await;
        while k.get(&place).await.status() == 200 {}
    }
}

#[kmock::test]
async fn a_rule_that_passes_requests_on_to_itself_ends(k: KMock) {
    k.on("/loop").proxy(k.url());
    let answer = k.get("/loop").await;
    assert_eq!(answer.status(), 500);
    let errors = k.errors();
    assert!(
        errors
            .iter()
            .any(|error| error.contains("was passed on 16 times already")),
        "{errors:?}"
    );
    assert_eq!(k.requests().len(), 17);
}

#[kmock::test]
async fn two_servers_that_pass_requests_on_to_each_other_end(a: KMock, b: KMock) {
    a.on("/**").proxy(b.url());
    b.on("/**").proxy(a.url());
    assert_eq!(a.get("/x").await.status(), 500);
    assert_eq!(a.requests().len() + b.requests().len(), 17);
    // Another way through several servers is no loop.
    a.on("/once").overriding().proxy(b.url());
    b.on("/once").overriding().text("fine");
    assert_eq!(a.get("/once").await.text(), "fine");
}
