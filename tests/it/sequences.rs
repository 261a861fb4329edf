//! Answers one after another, for all requests or for each value of a capture.

use kmock::prelude::*;

/// The statuses of so many requests.
async fn statuses(k: &KMock, target: &str, n: usize) -> Vec<u16> {
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(k.get(target).await.status());
    }
    all
}

#[kmock::test(raw)]
async fn the_last_answer_stays(k: KMock) {
    kmock! { k,
        let flaky = GET "/" => 503, then 429, header { "Retry-After": 1 }, then { "ok": true };
    }
    assert_eq!(k.get("/").await.status(), 503);
    let second = k.get("/").await;
    assert_eq!(
        (second.status(), second.header("retry-after")),
        (429, Some("1"))
    );
    for _ in 0..3 {
        let last = k.get("/").await;
        assert_eq!(
            (last.status(), last.text()),
            (200, r#"{"ok":true}"#.to_owned())
        );
        assert_eq!(last.header("retry-after"), None);
    }
    assert_eq!(flaky.count(), 5);
}

#[kmock::test(raw)]
async fn a_sequence_steps_aside_or_begins_anew(k: KMock) {
    kmock! { k,
        let some = GET "/pass" => 503, then 200, then pass;
        GET "/pass" => 404, text "next";
        GET "/again" => 200, then 201, then again;
        GET "/once" => 200, then pass;
    }
    assert_eq!(statuses(&k, "/pass", 4).await, [503, 200, 404, 404]);
    assert_eq!(some.count(), 2);
    assert_eq!(statuses(&k, "/again", 5).await, [200, 201, 200, 201, 200]);
    assert_eq!(statuses(&k, "/once", 2).await, [200, 404]);
    assert!(
        k.get("/once")
            .await
            .text()
            .contains("it stepped aside, or is used up")
    );
}

#[kmock::test(raw)]
async fn answers_of_all_kinds_follow_one_another(k: KMock) {
    let gate = Gate::new();
    gate.release();
    kmock! { k,
        GET "/x/{id}" => reset, then |id| format!("second {id}"), then async |req| req.path("id").to_owned(),
            then hold(&gate), text "held", then stream [ b"a", b"b" ], then file "Cargo.toml", then { "id": 7 }, 201;
    }
    assert!(k.get("/x/1").send().await.is_err());
    assert_eq!(k.get("/x/2").await.json(), "second 2");
    assert_eq!(k.get("/x/3").await.json(), "3");
    assert_eq!(k.get("/x/4").await.text(), "held");
    assert_eq!(k.get("/x/5").await.text(), "ab");
    assert!(k.get("/x/6").await.text().contains("kmock-tests"));
    let last = k.get("/x/7").await;
    assert_eq!(
        (last.status(), last.text()),
        (201, r#"{"id":7}"#.to_owned())
    );
}

#[kmock::test(raw)]
async fn each_value_of_a_capture_has_its_own_sequence(k: KMock) {
    kmock! { k,
        GET "/jobs/{id: u64}" per id => { "state": "queued" }, then { "state": "running" }, then { "state": "done" };
        GET "/once/{id}" [0] per id => 200;
        GET "/list?page={page}" per page => 503, then 200;
    }
    let state = async |id: u64| k.get(format!("/jobs/{id}")).await.json()["state"].clone();
    assert_eq!(state(1).await, "queued");
    assert_eq!(state(1).await, "running");
    assert_eq!(state(2).await, "queued");
    assert_eq!(state(1).await, "done");
    assert_eq!(state(1).await, "done");
    assert_eq!(state(2).await, "running");
    assert_eq!(statuses(&k, "/once/a", 2).await, [200, 404]);
    assert_eq!(statuses(&k, "/once/b", 2).await, [200, 404]);
    assert_eq!(statuses(&k, "/list?page=1", 2).await, [503, 200]);
    assert_eq!(statuses(&k, "/list?page=2", 2).await, [503, 200]);
}

#[kmock::test(raw)]
async fn sequences_are_builder_calls(k: KMock) {
    let rule = k.on("get /").status(503).then().text("well").then_again();
    assert_eq!(statuses(&k, "/", 3).await, [503, 200, 503]);
    assert_eq!(rule.count(), 3);
}

#[kmock::test(raw, flavor = "multi_thread")]
async fn each_answer_of_a_sequence_is_given_once_when_requests_come_at_once(k: KMock) {
    kmock! { k, GET "/" => 201, then 202, then 203, then 204, then 205, then pass; }
    let all = futures::future::join_all((0..8).map(|_| k.get("/").send())).await;
    let mut statuses: Vec<u16> = all
        .into_iter()
        .map(|response| response.expect("an answer").status())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 202, 203, 204, 205, 404, 404, 404]);
}
