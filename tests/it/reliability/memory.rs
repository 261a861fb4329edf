//! What a server keeps, and for how long.

use kmock::KMock;

#[kmock::test]
async fn a_journal_keeps_no_more_of_bodies_than_it_is_told() {
    let limit = 1000;
    let k = KMock::builder()
        .journal_limit(limit)
        .start()
        .await
        .expect("a server");
    k.on("/").reply_with(|_| vec![b'y'; 1 << 20]);
    for _ in 0..400 {
        k.post("/").body(vec![b'x'; 2000]).await;
    }
    let report = k.report();
    let kept: usize = k.requests().iter().map(|seen| seen.body().len()).sum();
    assert!(kept <= 256 * limit * 9 / 8, "{kept}");
    // What came and went is told all the same.
    assert!(report.entries.iter().all(|entry| entry.body.size == 2000));
    assert!(
        report
            .entries
            .iter()
            .all(|entry| entry.answer.size == 1 << 20)
    );
    assert!(k.requests()[399].body().is_empty());
}

#[kmock::test]
async fn a_server_that_runs_for_days_forgets_and_counts_on() {
    let k = KMock::builder().keep(10).start().await.expect("a server");
    let rule = k.on("/").reply_with(|req| format!("{}", req.id()));
    for _ in 0..25 {
        k.get("/").await;
    }
    assert_eq!(rule.count(), 25);
    assert_eq!((k.requests().len(), rule.requests().len()), (10, 10));
    assert_eq!(k.requests()[0].id(), 15);
    let report = k.report();
    assert_eq!(report.forgotten, 15);
    let text = report.to_string();
    assert!(
        text.contains("what came, 10 requests after 15 that are forgotten:"),
        "{text}"
    );
    kmock::assert_requests!(rule == 25);
}

#[kmock::test]
async fn the_history_of_objects_is_as_long_as_it_is_told() {
    let k = KMock::builder()
        .history(20)
        .start()
        .await
        .expect("a server");
    let map = |n: usize| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "n": n.to_string() },
        })
    };
    for n in 0..100 {
        k.objects().seed(map(n));
    }
    let kept = k.objects().history("configmaps", "a").len();
    assert!((20..=40).contains(&kept), "{kept}");
    let old = k
        .get("/api/v1/configmaps?watch=1&resourceVersion=101")
        .await;
    assert!(old.text().contains("\"code\":410"), "{}", old.text());
}
