//! Real failures and what they print. `docs/failures.md` is made from this file: `UPDATE=1 cargo test --test failures`.

use kmock::prelude::*;

// case: A letter is missing in a path
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn a_letter_is_missing(k: KMock) {
    kmock! { k,
        /// whoever asks first
        GET  "/" => "john";
        POST "/hello" => |req| json!({ "you-are": req.json()["name"] });
    }
    k.get("/").await;
    k.post("/helo").json(json!({ "name": "john" })).await;
    assert_requests!(k, POST "/hello" == 1);
}
// end

// case: The JSON is not what was agreed upon
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn the_json_differs(k: KMock) {
    kmock! { k,
        #[expect(1)]
        POST "/orders" json { "customer": { "name": "j*" }, "items": [{ "sku": "A-1", "count": 1..=9 }, ..] } => 201;
    }
    let order = json!({ "customer": { "nmae": "john" }, "items": [{ "sku": "A-1", "count": 12 }] });
    k.post("/orders").json(order).await;
}
// end

// case: Names of headers and of query parameters
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn names_differ(k: KMock) {
    kmock! { k,
        #[expect(1)]
        GET "/search"
            query { "q": _, "per_page": 1..=100 }
            header { "X-Request-Id": _ }
            => [];
    }
    k.get("/search?q=rust&perpage=20")
        .header("x-requestid", "7")
        .await;
}
// end

// case: A rule before it takes everything
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn a_rule_can_never_answer(k: KMock) {
    kmock! { k,
        GET "/users/{id}" => 404;
        let me = GET "/users/me" => { "name": "john" };
    }
    k.get("/users/me").await;
    assert_requests!(me == 1);
}
// end

// case: More came than there should be
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn too_many_retries(k: KMock) {
    kmock! { k,
        #[expect(..=3)]
        POST "/jobs" => 503, header { "Retry-After": "1" };
    }
    for _ in 0..5 {
        k.post("/jobs").json(json!({ "job": 1 })).await;
    }
}
// end

// case: In another order
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn in_another_order(k: KMock) {
    kmock! { k,
        in_order! {
            /// log in
            POST "/session" => 201;
            /// fetch
            GET "/data" => [1, 2, 3];
        }
    }
    k.get("/data").await;
    k.post("/session").await;
}
// end

// case: A strict test: something unexpected, and a closure that fails
#[kmock::test(start_paused = true, strict)]
#[ignore = "run by the page"]
async fn strict_tests_bear_nothing_odd(k: KMock) {
    kmock! { k,
        GET "/price" => |req| json!({ "price": req.query("amount").unwrap().len() });
    }
    k.get("/price").await;
    k.get("/prices/").await;
}
// end

// case: Answers are used up
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn answers_are_used_up(k: KMock) {
    kmock! { k,
        GET "/token" [..2] => { "token": "t" };
    }
    for _ in 0..3 {
        let token = k.get("/token").await;
        // The client shows what the server said: the 404 explains itself.
        assert_eq!(token.status(), 200, "{}", token.text());
    }
}
// end

// case: An operator that patches the wrong object
#[kmock::test(start_paused = true)]
#[ignore = "run by the page"]
async fn an_operator_patches_the_wrong_object(k: KMock) {
    kmock! { k,
        patch "apps/v1/deployments" in "prod" named "web" => {};
    }
    k.get("/apis/apps/v1/namespaces/prod/deployments?labelSelector=app%3Dweb")
        .await;
    k.patch("/apis/apps/v1/namespaces/default/deployments/web?fieldManager=op&force=true")
        .header("content-type", "application/apply-patch+yaml")
        .header("user-agent", "my-operator/1.2 (linux)")
        .body(r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}}"#)
        .await;
    assert_requests!(k, patch "apps/v1/deployments" in "prod" == 1);
}
// end

// case: Ten thousand requests
#[kmock::test(start_paused = true, timeout = 300s)]
#[ignore = "run by the page"]
async fn a_client_that_never_stops(k: KMock) {
    kmock! { k,
        GET "/jobs/7" => { "state": "running" };
        #[expect(1)]
        DELETE "/jobs/7" => 204;
    }
    for n in 0..5000 {
        k.get("/jobs/7").await;
        k.get(format!("/jobs/7/log?line={n}")).await;
    }
    k.delete("/job/7").await;
}
// end

/// The page of the picture in `docs/`: `KMOCK_REPORT=/tmp/pages cargo test --test failures a_rollout -- --ignored`.
#[kmock::test(start_paused = true)]
#[ignore = "fails on purpose, for its page"]
async fn a_rollout(k: KMock) {
    use std::time::Duration;

    kmock! { k,
        /// progress
        stream GET "/progress" => [{ "done": 0 }, sleep(2s), { "done": 40 }, sleep(2s), { "done": 100 }];
        /// logs
        stream GET "/logs" => [b"starting\n", sleep(500ms), b"ready\n", ...];
        #[expect(1)]
        /// notify
        POST "/hooks/rollout" json { "app": "web", "state": "done" } => 202;
    }
    let (op, cli) = ("operator/0.4", "kubectl/v1.31.0");
    let deployments = "/apis/apps/v1/namespaces/prod/deployments";
    let web = format!("{deployments}/web");
    let watch = format!("{deployments}?watch=1&fieldSelector=metadata.name%3Dweb");
    k.post("/api/v1/namespaces")
        .header("user-agent", cli)
        .json(json!({ "metadata": { "name": "prod" } }))
        .await;
    let watch = k.get(watch).header("user-agent", op).open().await;
    let logs = k.get("/logs").header("user-agent", "tail/1.0").open().await;
    let progress = tokio::spawn(k.get("/progress").header("user-agent", "ci/7").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let labels = json!({ "app": "web" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] }
            }
        }
    });
    k.post(deployments)
        .header("user-agent", cli)
        .json(deployment)
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    k.patch(format!("{web}?fieldManager=operator"))
        .header("user-agent", op)
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"spec": {"replicas": 3, "template": {"spec": {"terminationGracePeriodSeconds": 5}}}}"#)
        .await;
    for _ in 0..4 {
        k.get(format!("{web}/status"))
            .header("user-agent", op)
            .await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    k.get(format!("{deployments}/wbe"))
        .header("user-agent", op)
        .await;
    k.post("/hooks/rollout")
        .header("user-agent", op)
        .json(json!({ "app": "web", "sate": "done" }))
        .await;
    k.delete(&web).header("user-agent", cli).await;
    progress.await.expect("no panic").expect("an answer");
    drop(logs);
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(watch);
}

/// The cases in the order of the page, each with its test.
const CASES: &[(&str, fn())] = &[
    ("a_letter_is_missing", a_letter_is_missing),
    ("the_json_differs", the_json_differs),
    ("names_differ", names_differ),
    ("a_rule_can_never_answer", a_rule_can_never_answer),
    ("too_many_retries", too_many_retries),
    ("in_another_order", in_another_order),
    (
        "strict_tests_bear_nothing_odd",
        strict_tests_bear_nothing_odd,
    ),
    ("answers_are_used_up", answers_are_used_up),
    (
        "an_operator_patches_the_wrong_object",
        an_operator_patches_the_wrong_object,
    ),
    ("a_client_that_never_stops", a_client_that_never_stops),
];

const BEGIN: &str = "<!-- made by tests/failures/main.rs: begin -->\n";
const END: &str = "<!-- made by tests/failures/main.rs: end -->\n";

/// What a failing test says.
fn message(test: fn()) -> String {
    let panic = std::panic::catch_unwind(test).expect_err("the test fails");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(_) => panic!("the panic says nothing"),
    }
}

/// The title and the source of a case.
fn source(name: &str) -> (String, String) {
    let file = include_str!("main.rs");
    for case in file.split("\n// case: ").skip(1) {
        let (title, rest) = case.split_once('\n').expect("a title");
        let (source, _) = rest.split_once("// end").expect("an end");
        if source.contains(&format!("fn {name}(")) {
            let source = source
                .replace("#[ignore = \"run by the page\"]\n", "")
                .replace(", timeout = 300s", "")
                .replace("(start_paused = true)", "")
                .replace("start_paused = true, ", "");
            return (title.to_owned(), source);
        }
    }
    panic!("no case {name}");
}

#[test]
fn the_page_shows_what_is_printed() {
    let mut made = String::new();
    for (n, (name, test)) in CASES.iter().enumerate() {
        let (title, source) = source(name);
        let text = message(*test);
        made += &format!(
            "## {}. {title}\n\n```rust\n{}\n```\n```text\n{}\n```\n\n",
            n + 1,
            source.trim_end(),
            text.trim_end()
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/failures.md");
    let page = std::fs::read_to_string(path).expect("docs/failures.md");
    let (head, rest) = page.split_once(BEGIN).expect("a beginning");
    let (old, tail) = rest.split_once(END).expect("an end");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{made}{END}{tail}")).expect("written");
        return;
    }
    for (old, made) in old.split("\n## ").zip(made.split("\n## ")) {
        assert_eq!(
            old.trim(),
            made.trim(),
            "docs/failures.md is old; run this with UPDATE=1"
        );
    }
    assert_eq!(old, made);
}
