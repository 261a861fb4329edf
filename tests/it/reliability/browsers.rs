//! Browser pages of other sites do not drive a Kubernetes API that is guarded.

use kmock::KMock;

async fn guarded() -> KMock {
    let k = KMock::builder().guarded(true).start().await;
    k.expect("a server")
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[kmock::test]
async fn pages_of_other_sites_neither_write_nor_read() {
    let k = guarded().await;
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        // Its own name leads to this machine.
        ("host", "evil.example"),
    ] {
        let answer = k.post(MAPS).header(name, value).body(body).await;
        assert_eq!(answer.status(), 403, "{name}: {value}");
        assert!(answer.text().contains("--any-origin"), "{}", answer.text());
        assert_eq!(k.get(MAPS).header(name, value).await.status(), 403);
        let socket = k.get(format!("{MAPS}?watch=1&timeoutSeconds=1"));
        assert_eq!(socket.header(name, value).await.status(), 403);
    }
    assert_eq!(k.get(format!("{MAPS}/a")).await.status(), 404);
    assert!(k.errors()[0].contains("was refused: it comes from a page of https://evil.example"));
    let answer = k.post(MAPS).header("origin", k.url()).body(body).await;
    assert_eq!(answer.status(), 201);
}

#[kmock::test]
async fn rules_and_tests_are_not_guarded(k: KMock) {
    let guarded = guarded().await;
    guarded.on("/page").text("hello");
    let page = guarded
        .get("/page")
        .header("origin", "https://other.example");
    assert_eq!(page.await.text(), "hello");
    let list = k.get(MAPS).header("host", "any.example");
    assert_eq!(list.await.status(), 200);
}
