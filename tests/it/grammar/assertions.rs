//! `assert_requests!`: all forms, and what a failure says.

use kmock::prelude::*;

#[kmock::test]
async fn every_form(k: KMock) {
    kmock! { let hello = POST "/hello" => 201; let never = "/never" => 200; ANY => 200; }
    let handles = [hello.clone(), never.clone()];
    k.get("/").await;
    k.post("/hello").json(json!({ "a": 1 })).await;
    k.post("/hello").await;
    let n = 1;
    assert_requests!(
        k,
        total == 3,
        "get" == 1,
        POST "/hello" >= 1,
        "post" in 1..=3,
        POST > 1,
        GET <= n + 1,
        PUT < 1,
        DELETE != 5,
        json { "a": _ } == 1,
        (GET | POST) - "/hello" == 1,
        "/hello" & !(GET) in n..,
        hello == 2,
    );
    assert_requests!(handles[0] == 2, never == 0, handles[1].clone() == 0);
    assert_requests!(&k, total == 3);
}

#[kmock::test]
#[should_panic(expected = "POST \"/hello\" == 1")]
async fn failures_show_the_claim_as_written(k: KMock) {
    assert_requests!(k, total == 0, POST "/hello" == 1);
}
