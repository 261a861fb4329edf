//! Which rule is called the nearest to a request that none of them answered: the one that a person would name.

use kmock::prelude::*;
use serde_json::json;

/// What is asked for: a method, a target, and a body of JSON.
type Asked<'a> = (&'a str, &'a str, Option<serde_json::Value>);

/// The names of the rules that the 404 tells, the nearest first.
async fn told(rules: Rules, asked: &Asked<'_>) -> Vec<String> {
    let k = KMock::builder().raw(true).start().await.expect("a server");
    k.mount(rules);
    let mut request = k.request(asked.0, asked.1);
    if let Some(body) = &asked.2 {
        request = request.json(body);
    }
    let text = request.await.text();
    let names = text.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_nearest_rule_is_the_one_that_a_person_would_name() {
    let order = json!({ "id": 7, "state": "old" });
    let cases: Vec<(&str, Rules, Asked<'_>, &[&str])> = vec![
        (
            "the very path outranks another id, whatever else is missing",
            kmock! {
                /// other
                GET "/users/1" => 200;
                /// meant
                GET "/users/2" header { "authorization": "Bearer *" } => 200;
            },
            ("GET", "/users/2", None),
            &["meant"],
        ),
        (
            "the very path outranks a slip of letters",
            kmock! {
                /// slip
                POST "/orders" => 201;
                /// meant
                POST "/order" json { "id": 7, "state": "new" } => 201;
            },
            ("POST", "/order", Some(order.clone())),
            &["meant"],
        ),
        (
            "also when several things are wrong",
            kmock! {
                /// slip
                GET "/order" => 201;
                /// meant
                GET "/orders" query { "a": 1 } header { "x": _, "y": _ } => 201;
            },
            ("GET", "/orders", None),
            &["meant"],
        ),
        (
            "of equal misses, more that is right is nearer",
            kmock! {
                /// less
                GET "/users" query { "page": 1 } => 200;
                /// meant
                GET "/users" query { "page": 2 } header { "x": "y" } => 200;
            },
            ("GET", "/users?page=2", None),
            &["meant", "less"],
        ),
        (
            "fewer misses are nearer",
            kmock! {
                /// far
                GET "/users" header { "x": _, "y": _, "z": _ } => 200;
                /// meant
                GET "/users" header { "x": _ } => 200;
            },
            ("GET", "/users", None),
            &["meant"],
        ),
        (
            "one letter is all of a segment of one letter",
            kmock! {
                /// other
                GET "/n" => 200;
                /// meant
                GET "/x" query { "page": 7 } => 200;
            },
            ("GET", "/x?page=8", None),
            &["meant"],
        ),
        (
            "the very path with another method outranks a slip",
            kmock! {
                /// slip
                GET "/user" => 200;
                /// meant
                POST "/users" => 200;
            },
            ("GET", "/users", None),
            &["meant", "slip"],
        ),
        (
            "method and path outrank the path alone",
            kmock! {
                /// other
                PUT "/users" => 200;
                /// meant
                POST "/users" json { "id": 7 } header { "x": _ } => 200;
            },
            ("POST", "/users", Some(json!({ "id": 8 }))),
            &["meant"],
        ),
        (
            "a slip is near",
            kmock! {
                /// far
                GET "/customers" => 200;
                /// meant
                GET "/orders" => 200;
            },
            ("GET", "/oders", None),
            &["meant"],
        ),
        (
            "a slash is near, also where it is all that was asked for",
            kmock! {
                /// meant
                "/hello" => 200;
            },
            ("GET", "/hello/", None),
            &["meant"],
        ),
        (
            "another id is near, where the rest of the path is right",
            kmock! {
                /// other
                GET "/orders/1" => 200;
                /// meant
                GET "/users/1" => 200;
            },
            ("GET", "/users/2", None),
            &["meant"],
        ),
        (
            "all but the path is near",
            kmock! {
                /// far
                POST "/completely/else" => 200;
                /// meant
                POST "/v2/things" json { "id": 7 } => 200;
            },
            ("POST", "/zzz", Some(json!({ "id": 7 }))),
            &["meant"],
        ),
        (
            "what is far is not told",
            kmock! {
                /// far
                GET "/users" => 200;
                /// farther
                POST "/orders" json { "id": 7 } header { "x": _ } => 200;
            },
            ("POST", "/completely/else", None),
            &[],
        ),
        (
            "nothing that is right is never near",
            kmock! {
                /// far
                POST header { "x": _, "y": _ } query { "z": _ } => 200;
            },
            ("GET", "/somewhere", None),
            &[],
        ),
        (
            "a method alone says nothing",
            kmock! {
                /// far
                GET header { "x": _, "y": _ } => 200;
                /// meant
                GET header { "x": _ } => 200;
            },
            ("GET", "/somewhere", None),
            &["meant"],
        ),
        (
            "a type that does not fit is near",
            kmock! {
                /// far
                GET "/Users/{id}/posts" => 200;
                /// meant
                GET "/users/{id: u64}" => 200;
            },
            ("GET", "/users/seven", None),
            &["meant"],
        ),
    ];
    for (why, rules, asked, want) in cases {
        assert_eq!(told(rules, &asked).await, want, "{why}");
    }
}

#[kmock::test(raw)]
async fn where_nothing_is_near_it_is_said_so(k: KMock) {
    kmock! { k, GET "/users" => 200; }
    let told = k.post("/completely/else").await.text();
    assert_eq!(
        told,
        "kmock: no rule for POST /completely/else; no rule is near\n"
    );
}

#[kmock::test(raw)]
async fn of_requests_the_unanswered_one_with_the_slip_is_nearest(k: KMock) {
    kmock! { k,
        GET "/jobs/7" => 200;
        #[expect(1)]
        DELETE "/jobs/7" => 204;
    }
    k.get("/jobs/7").await;
    k.delete("/job/7").await;
    let report = k.check().expect_err("one did not come");
    let text = report.text().to_string();
    assert!(
        text.contains("0 requests came: #1 DELETE /job/7: the path differs"),
        "{text}"
    );
    k.delete("/jobs/7").await;
    assert!(k.check().is_ok());
}

#[kmock::test(raw)]
async fn a_head_that_only_a_get_answers_says_so_without_a_body(k: KMock) {
    kmock! { k,
        GET "/users/7" => 200;
        GET | HEAD "/both" => text "hello";
    }
    let refused = k.head("/users/7").await;
    let said = refused.header("x-kmock").unwrap_or_default();
    assert_eq!(refused.status(), 404);
    assert!(
        said.contains("no rule for HEAD /users/7; nearest: rule GET \"/users/7\""),
        "{said}"
    );
    let text = k.report().to_string();
    assert!(
        text.contains("✗ GET, got HEAD   (`GET | HEAD` answers both)"),
        "{text}"
    );
    let both = k.head("/both").await;
    assert_eq!(
        (both.status(), both.header("content-length"), both.text()),
        (200, Some("5"), String::new())
    );
}

#[kmock::test(raw)]
async fn a_header_that_is_absent_is_told_with_those_that_came(k: KMock) {
    kmock! { k,
        POST "/orders" header { "x-api-key": "k1" } => 201;
        GET "/list" query { "page": 1 } => 200;
    }
    let text = k
        .post("/orders")
        .header("x-trace", "1")
        .json(json!({ "id": 7 }))
        .await
        .text();
    assert!(
        text.contains("got nothing   (there are \"content-type\", \"x-trace\")"),
        "{text}"
    );
    let text = k.get("/list?sort=name").await.text();
    assert!(text.contains("got nothing   (there is \"sort\")"), "{text}");
}

#[kmock::test(raw)]
async fn the_first_line_of_a_failure_tells_the_story(k: KMock) {
    kmock! { k,
        #[expect(1)]
        POST "/orders" header { "x-api-key": "k1" } json { "customer": { "name": "john", "address": { "city": "Berlin" } } } => 201;
        GET "/users/{id}" => 404;
        let me = GET "/users/me" => 200;
    }
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let john = json!({ "customer": { "name": "jon", "address": { "city": "Berlin" } } });
    k.post("/orders").header("x-api-key", "k1").json(john).await;
    let report = k.check().expect_err("one request is expected");
    let line = first(report.text().to_string());
    assert!(
        line.starts_with("kmock: rule POST \"/orders\" … expects 1, but 0 requests came: #0 POST /orders: json /customer/name differs (want \"john\", got \"jon\")"),
        "{line}"
    );
    // The rule's own text is there once: with what each part of it says.
    assert_eq!(
        report
            .text()
            .to_string()
            .matches("json {\"customer\"")
            .count(),
        1
    );
    k.get("/users/me").await;
    let claimed =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_requests!(me == 1)));
    let said = *claimed
        .expect_err("it fails")
        .downcast::<String>()
        .expect("a text");
    let line = first(said);
    assert!(line.starts_with("kmock: me == 1 failed: 0 requests, want 1: #1 GET /users/me went to rule GET \"/users/{id}\""), "{line}");
    k.post("/orders")
        .header("x-api-key", "k1")
        .json(json!({ "customer": { "name": "john", "address": { "city": "Berlin" } } }))
        .await;
}
