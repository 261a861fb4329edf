//! `assert_requests!`, counts, and the journal.

use kmock::prelude::*;

#[kmock::test]
async fn claims_of_every_shape(k: KMock) {
    kmock! { k,
        let hello = POST "/hello" => 201;
        let spy = "get";
        let never = GET "/never" => 500;
    }
    k.post("/hello").json(json!({ "name": "john" })).await;
    k.get("/a").await;
    k.get("/b").await;

    assert_requests!(
        k,
        total == 3,
        "post" == 1,
        "get" == 2,
        "get /a" == 1,
        "delete" == 0
    );
    assert_requests!(
        k,
        "get" >= 1,
        "get" > 1,
        "get" <= 2,
        "get" < 3,
        "get" != 3,
        "get" in 1..=2
    );
    assert_requests!(k, POST "/hello" == 1, GET "/*" == 2, GET "/**" in 1..);
    assert_requests!(hello == 1, spy == 2, never == 0);
    assert_requests!(k, hello == 1, total >= 3);

    assert_eq!(k.requests().len(), 3);
    assert_eq!(hello.requests()[0].json()["name"], "john");
    assert_eq!(k.filter("get").requests()[1].url_path(), "/b");
    assert_eq!(spy.count(), k.filter("get").count());
}

/// What a failing assertion says.
fn failure(assertion: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(assertion).expect_err("the assertion holds");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[kmock::test]
async fn a_failure_lists_what_came_and_the_nearest_rule(k: KMock) {
    kmock! { k,
        /// whoever asks first
        GET "/" => b"john";
        POST "/hello" => 201;
    }
    k.get("/").await;
    k.post("/helo").await;

    let k = std::panic::AssertUnwindSafe(&k);
    let text = failure(move || assert_requests!(*k, POST "/hello" == 1, "get" == 1, total == 7));

    assert!(text.contains("POST \"/hello\" == 1"), "{text}");
    assert!(text.contains("total == 7"), "{text}");
    assert!(!text.contains("\"get\" == 1"), "{text}");
    assert!(text.contains("rule `whoever asks first`"), "{text}");
    assert!(text.contains("✓ POST"), "{text}");
    assert!(text.contains("1 letter off"), "{text}");
    assert!(
        text.contains("tests/it/assertions.rs") || text.contains("it/assertions.rs"),
        "{text}"
    );
}

#[kmock::test]
async fn kubernetes_requests_are_counted_in_its_words(k: KMock) {
    k.get("/api/v1/namespaces/default/pods").await;
    k.get("/api/v1/pods").await;
    k.get("/api/v1/namespaces/default").await;
    assert_requests!(k,
        "list" == 2,
        "list v1/pods" == 2,
        "list pods.v1" == 2,
        "get v1/namespaces" == 1,
        "list */*/pods" == 2,
        list "v1/pods" in "default" == 1,
        get "v1/namespaces" named "default" == 1,
    );
}

#[kmock::test(start_paused = true)]
async fn waiting_for_a_request_that_does_not_come_says_what_it_waited_for(k: KMock) {
    kmock! { k, let hello = GET "/hello" => 200; }
    let asking = tokio::spawn(k.get("/hello").send());
    assert_eq!(hello.wait_for(1).await.expect("it came").len(), 1);
    asking.await.expect("no panic").expect("a response");
    let error = k
        .filter("post")
        .wait_for(1)
        .await
        .expect_err("nothing came");
    assert!(error.is_timeout());
    assert!(
        error.to_string().contains("request number 1 of POST"),
        "{error}"
    );
}
