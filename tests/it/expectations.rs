//! What must come and what must not: counts, order, strictness, limits, waiting, and what is told when it fails.

use std::{panic::AssertUnwindSafe, time::Duration};

use kmock::{Filter, KMock, Rule, Rules, Times};
use tokio::time::Instant;

/// What the check of a server complains about.
fn complaint(k: &KMock) -> String {
    k.check()
        .err()
        .map(|report| report.to_string())
        .unwrap_or_default()
}

#[tokio::test]
async fn expected_counts_are_checked_together() {
    let k = KMock::start().await;
    k.on("/one").expecting(1).text("x");
    k.on("/some").named("some").expecting(1..).text("x");
    k.on("/never").never().text("x");
    k.on("/most").expecting(..=2).text("x");
    k.on("/not").expecting(Times::not(0)).text("x");
    let told = complaint(&k);
    assert!(
        told.contains("GET \"/one\"") || told.contains("\"/one\""),
        "{told}"
    );
    assert!(told.contains("rule `some`"), "{told}");
    assert!(
        !told.contains("/never") && !told.contains("/most"),
        "{told}"
    );
    for target in ["/one", "/some", "/some", "/not", "/most"] {
        k.get(target).await;
    }
    assert_eq!(complaint(&k), "");
    k.get("/never").await;
    k.get("/one").await;
    let told = complaint(&k);
    assert!(told.contains("/never") && told.contains("/one"), "{told}");
}

#[tokio::test]
async fn groups_come_in_order() {
    let k = KMock::start().await;
    let group = || Rules::from_iter([Rule::on("/a").text("a"), Rule::on("/b").text("b")]);
    let mut rules = Rules::new();
    rules.in_order(group());
    k.mount(rules);
    k.get("/a").await;
    k.get("/b").await;
    assert_eq!(complaint(&k), "");
    let k = KMock::start().await;
    let mut rules = Rules::new();
    rules.in_order(group());
    k.mount(rules);
    k.get("/b").await;
    k.get("/a").await;
    let told = complaint(&k);
    assert!(told.contains("/a") && told.contains("/b"), "{told}");
}

/// The steps that are asked for, and what is wrong with them when they were to be `A`, `B`, `A`.
async fn in_order_aba(asked: &[&str]) -> (Vec<String>, String) {
    let k = KMock::start().await;
    let step = |path: &str, name: &str| Rule::on(path).text(name.to_owned());
    let mut rules = Rules::new();
    rules.in_order(Rules::from_iter([
        step("/a", "first"),
        step("/b", "second"),
        step("/a", "third"),
    ]));
    k.mount(rules);
    let mut answers = Vec::new();
    for path in asked {
        answers.push(k.get(*path).await.text());
    }
    (answers, complaint(&k))
}

#[tokio::test]
async fn a_step_of_an_order_may_occur_twice() {
    for (asked, want) in [
        (&["/a", "/b", "/a"][..], &["first", "second", "third"][..]),
        (
            &["/a", "/a", "/b", "/a"],
            &["first", "first", "second", "third"],
        ),
        (
            &["/a", "/b", "/b", "/a", "/a"],
            &["first", "second", "second", "third", "third"],
        ),
        (&["/a", "/b"], &["first", "second"]),
    ] {
        let (answers, told) = in_order_aba(asked).await;
        assert_eq!(answers, want, "{asked:?}");
        assert_eq!(told, "", "{asked:?}");
    }
    for (asked, want) in [
        (
            &["/a", "/a", "/b"][..],
            "#1 came before rule \"/b\" had answered",
        ),
        (&["/b", "/a"], "#0 GET /b came before #1 GET /a"),
    ] {
        let (_, told) = in_order_aba(asked).await;
        assert!(told.contains(want), "{asked:?}: {told}");
    }
}

#[tokio::test]
async fn a_step_that_can_never_answer_fails() {
    let k = KMock::start().await;
    k.on("/a").text("before");
    let mut rules = Rules::new();
    rules.in_order(Rules::from_iter([
        Rule::on("/b").text("b"),
        Rule::on("/a").text("a"),
    ]));
    k.mount(rules);
    k.get("/b").await;
    k.get("/a").await;
    let told = complaint(&k);
    assert!(
        told.contains("it can never answer: everything for it goes to rule \"/a\""),
        "{told}"
    );
}

#[tokio::test]
async fn strict_servers_fail_on_unexpected_requests_and_on_errors() {
    let strict = || KMock::builder().strict(true).raw(true).start();
    let k = strict().await.expect("a server");
    k.on("/").text("x");
    k.get("/").await;
    assert_eq!(complaint(&k), "");
    k.get("/elsewhere").await;
    assert!(complaint(&k).contains("/elsewhere"), "{}", complaint(&k));
    let k = strict().await.expect("a server");
    k.on("/").reply_with(|_| Err::<u16, _>("bad luck"));
    k.get("/").await;
    assert!(complaint(&k).contains("bad luck"), "{}", complaint(&k));
    let verified = std::panic::catch_unwind(AssertUnwindSafe(|| k.verify()));
    assert!(verified.is_err());
}

#[tokio::test]
async fn lenient_servers_collect_errors_only() {
    let k = KMock::start().await;
    k.on("/").reply_with(|_| Err::<u16, _>("bad luck"));
    k.get("/").await;
    k.get("/nowhere").await;
    assert_eq!(k.errors().len(), 1);
    k.verify();
}

#[tokio::test]
async fn a_limit_stops_endless_loops() {
    let k = KMock::builder().limit(3).start().await.expect("a server");
    k.on("/").text("x");
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(k.get("/").await.status());
    }
    assert_eq!(all, [200, 200, 200, 429, 429]);
    assert_eq!(
        k.errors(),
        ["more than 3 requests came; see the option `limit`"]
    );
}

#[kmock::test(start_paused = true)]
async fn waiting_ends_with_the_requests_or_with_a_report(k: KMock) {
    let rule = k.on("/x").named("wanted").text("x");
    let asking = {
        let k = k.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                k.get("/x").await;
            }
            k.get("/y").await;
        })
    };
    let started = Instant::now();
    assert_eq!(rule.wait_for(1).await.expect("one comes").len(), 1);
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(
        k.filter("get").wait_for(3).await.expect("three come").len(),
        3
    );
    asking.await.expect("no panic");
    let error = rule.wait_for(3).await.expect_err("no third comes");
    assert!(error.is_timeout());
    // In virtual time, patience is an hour.
    assert_eq!(started.elapsed(), Duration::from_secs(3602));
    let text = error.to_string();
    for part in [
        "request number 3 of rule `wanted` (there are 2)",
        "within 3600s",
        "/y",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let limit = Duration::from_millis(10);
    let view = k.filter(Filter::method("post"));
    let error = view
        .wait_for_within(1, limit)
        .await
        .expect_err("none comes");
    assert!(
        error.to_string().contains("request number 1 of POST"),
        "{error}"
    );
    assert_eq!(started.elapsed(), Duration::from_secs(3602) + limit);
    let error = rule.waiting(1).await.expect_err("no stream waits");
    assert!(
        error
            .to_string()
            .contains("1 waiting streams of rule `wanted`"),
        "{error}"
    );
}

#[kmock::test]
async fn every_request_is_on_record(k: KMock) {
    let get = k.on("get").text("");
    let never = k.on("get /").text("");
    let poster = k.on("post");
    k.on("/path").text("path");
    k.get("/").await;
    k.get("/path").await;
    k.post("/path").json(serde_json::json!({"a": 1})).await;
    assert_eq!(k.requests().len(), 3);
    assert_eq!((get.count(), never.count(), poster.count()), (2, 0, 1));
    assert_eq!(get.requests()[1].url_path(), "/path");
    assert_eq!(poster.requests()[0].json()["a"], 1);
    let seen = &k.requests()[2];
    assert!(Filter::parse("post /path").expect("a filter").matches(seen));
    assert_eq!(seen.status(), Some(200));
    k.forget();
    assert!(k.requests().is_empty());
}
