//! Which rule takes a request: every criterion, the algebra, slices, priorities.

use std::{sync::Arc, time::Duration};

use kmock::{Filter, KMock, Pattern, Request, Rule, Rules, Slice};
use serde_json::json;

/// Which of the rules answers: each has its number as its body.
async fn answers(k: &KMock, requests: Vec<kmock::client::ClientRequest>) -> Vec<String> {
    let mut all = Vec::new();
    k.on(Filter::any()).falling_back().text("-");
    for request in requests {
        all.push(request.await.text());
    }
    all
}

#[kmock::test]
async fn methods_fit_in_any_case_and_may_be_custom(k: KMock) {
    k.on("get /a").text("get");
    k.on(Filter::method("store")).text("store");
    k.on("PURGE /b").text("purge");
    k.on(http_method()).text("patch");
    let requests = vec![
        k.get("/a"),
        k.request("STORE", "/x"),
        k.request("PURGE", "/b"),
        k.patch("/p"),
        k.put("/p"),
    ];
    assert_eq!(
        answers(&k, requests).await,
        ["get", "store", "purge", "patch", "-"]
    );
}

fn http_method() -> Filter {
    Filter::method("PATCH")
}

#[kmock::test]
async fn criteria_may_be_chained_listed_or_in_one_text(k: KMock) {
    let chained = k.on(Filter::method("get") & Filter::path("/a")).text("1");
    let texts = k.on(Filter::peer("127.0.0.1") & "get /b".into()).text("2");
    k.get("/a").await;
    k.get("/b").await;
    assert_eq!((chained.count(), texts.count()), (1, 1));
}

#[kmock::test]
async fn paths_are_exact_globs_templates_or_expressions(k: KMock) {
    k.on("/exact").text("exact");
    k.on("/files/*").text("one");
    k.on("/deep/**").text("deep");
    k.on("/users/{id: u64}")
        .reply_with(|req| format!("user {}", req.capture::<u64>("id").unwrap_or_default()));
    k.on(Filter::path_regex("/v[0-9]+/(?<rest>.*)"))
        .reply_with(|req| format!("v {}", req.path("rest")));
    let requests = vec![
        k.get("/exact"),
        k.get("/exact/"),
        k.get("/files/a"),
        k.get("/files/a/b"),
        k.get("/deep/a/b"),
        k.get("/users/7"),
        k.get("/users/x"),
        k.get("/v12/a/b"),
        k.get("/x/v12/a"),
    ];
    let want = [
        "exact",
        "-",
        "one",
        "-",
        "deep",
        "\"user 7\"",
        "-",
        "\"v a/b\"",
        "-",
    ];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn queries_have_values_patterns_presence_absence_and_lists(k: KMock) {
    k.on("/search?q=rust&page=*").text("path");
    k.on(Filter::query("n", Pattern::range(1..=9)))
        .text("range");
    k.on(Filter::query("mode", Pattern::regex("form.*")))
        .text("regex");
    k.on(Filter::query("flag", Pattern::present()) & Filter::query("no", Pattern::absent()))
        .text("flag");
    k.on(Filter::query(
        "list",
        Pattern::array(["a".into(), "b*".into()]),
    ))
    .text("list");
    k.on(Filter::query("any", "x")).text("any");
    let requests = vec![
        k.get("/search?page=2&q=rust&more=1"),
        k.get("/search?q=rust"),
        k.get("/?n=9"),
        k.get("/?n=10"),
        k.get("/?mode=formal"),
        k.get("/?mode=informal"),
        k.get("/?flag"),
        k.get("/?flag=1&no=1"),
        k.get("/?list=a&list=bc"),
        k.get("/?list=bc&list=a"),
        k.get("/?list=a"),
        k.get("/?any=y&any=x"),
        k.get("/?").query("any", "x"),
    ];
    let want = [
        "path", "-", "range", "-", "regex", "-", "flag", "-", "list", "-", "-", "any", "any",
    ];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn headers_have_names_of_any_case_and_may_repeat(k: KMock) {
    k.on(Filter::header("X-API-Token", "123")).text("token");
    k.on(Filter::header("x-many", "b")).text("any");
    k.on(Filter::header(
        "x-all",
        Pattern::array(["a".into(), "b".into()]),
    ))
    .text("all");
    k.on(Filter::header(
        "accept",
        Pattern::from("*json*") | Pattern::from("*yaml"),
    ))
    .text("either");
    k.on(Filter::header("x-there", Pattern::present()))
        .text("there");
    let requests = vec![
        k.get("/").header("x-api-token", "123"),
        k.get("/").header("x-api-token", "1234"),
        k.get("/").header("x-many", "a").header("x-many", "b"),
        k.get("/").header("x-all", "a").header("x-all", "b"),
        k.get("/").header("x-all", "b").header("x-all", "a"),
        k.get("/").header("accept", "application/yaml"),
        k.get("/").header("x-there", ""),
    ];
    let want = ["token", "-", "any", "all", "-", "either", "there"];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn cookies_hosts_and_peers_are_criteria(k: KMock) {
    k.on(Filter::cookie("session", "1*")).text("cookie");
    k.on(Filter::cookie("theme", Pattern::present()))
        .text("theme");
    k.on(Filter::host("*.example.com")).text("host");
    k.on(Filter::path("/peer") & Filter::peer("127.0.0.0/8"))
        .text("peer");
    k.on(Filter::path("/peer") & Filter::peer("10.0.0.0/8"))
        .text("never");
    let requests = vec![
        k.get("/").header("cookie", "a=b; session=123"),
        k.get("/").header("cookie", "session=23"),
        k.get("/").header("cookie", "theme="),
        k.get("/").header("host", "api.example.com:8080"),
        k.get("/").header("host", "example.org"),
        k.get("/peer"),
    ];
    let want = ["cookie", "-", "theme", "host", "-", "peer"];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn forms_are_urlencoded_or_multipart(k: KMock) {
    k.on(Filter::form("name", "j*") & Filter::form("age", Pattern::range(18..)))
        .text("form");
    k.on("/upload").reply_with(|req| {
        let parts: Vec<_> = req
            .parts()
            .iter()
            .map(|part| {
                json!([
                    part.name(),
                    part.filename(),
                    part.content_type(),
                    part.body().len()
                ])
            })
            .collect();
        json!(parts)
    });
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\njane\r\n\
        --x\r\nContent-Disposition: form-data; name=\"age\"\r\n\r\n20\r\n--x--\r\n";
    let kind = "multipart/form-data; boundary=x";
    let requests = vec![
        k.post("/").form([("name", "john"), ("age", "18")]),
        k.post("/").form([("name", "john"), ("age", "17")]),
        k.post("/").header("content-type", kind).body(multipart),
        // The same bytes are no form without their content type.
        k.post("/").body("name=john&age=18"),
    ];
    assert_eq!(answers(&k, requests).await, ["form", "-", "form", "-"]);
    let file = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\
        Content-Type: image/png\r\n\r\n\u{0}\u{1}\r\n--x--";
    let uploaded = k
        .post("/upload")
        .header("content-type", kind)
        .body(file)
        .await;
    assert_eq!(uploaded.json(), json!([["f", "a.png", "image/png", 2]]));
}

#[kmock::test]
async fn bodies_are_bytes_texts_and_expressions(k: KMock) {
    k.on(Filter::body(&b"\xff\x00"[..])).text("bytes");
    k.on(Filter::body_regex(r"\xfe.*end")).text("bytes regex");
    k.on(Filter::text("input1=value1&*")).text("glob");
    k.on(Filter::text(Pattern::regex("[a-z]+"))).text("regex");
    k.on(Filter::text(Pattern::absent())).text("empty");
    let requests = vec![
        k.post("/").body(&b"\xff\x00"[..]),
        k.post("/").body(&b"\xfe\n\x00end"[..]),
        k.post("/").body("input1=value1&input2=value2"),
        k.post("/").body("abc"),
        k.post("/").body("abc1"),
        k.post("/"),
    ];
    let want = ["bytes", "bytes regex", "glob", "regex", "-", "empty"];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn json_is_partial_or_exact_with_patterns_at_any_depth(k: KMock) {
    let pattern = || {
        Pattern::object([
            ("name", Pattern::from("j*")),
            (
                "spec",
                Pattern::object([
                    ("replicas", Pattern::range(1..=3)),
                    ("old", Pattern::absent()),
                    ("kind", Pattern::from("A") | Pattern::regex("b[0-9]")),
                ]),
            ),
            (
                "tags",
                Pattern::array_rest([Pattern::from("a")], [Pattern::from("z")]),
            ),
        ])
    };
    k.on(Filter::path("/exact") & Filter::json_exact(pattern()))
        .text("exact");
    k.on(Filter::path("/part") & Filter::json(pattern()))
        .text("part");
    k.on(Filter::path("/value") & Filter::json(json!({"a": [1, 2.0]})))
        .text("value");
    k.on(Filter::path("/none") & Filter::json(Pattern::absent()))
        .text("none");
    let good = json!({
        "name": "john", "tags": ["a", "z"], "spec": {"replicas": 3, "kind": "b7"}
    });
    let more = json!({
        "name": "john", "tags": ["a", "m", "z"], "spec": {"replicas": 1, "kind": "A", "x": 1}
    });
    let old = json!({
        "name": "john", "tags": ["a", "z"], "spec": {"replicas": 1, "kind": "A", "old": null}
    });
    let requests = vec![
        k.post("/exact").json(&good),
        k.post("/exact").json(&more),
        k.post("/part").json(&more),
        k.post("/part").json(&old),
        k.post("/part").body("no json"),
        k.post("/value").json(json!({"a": [1.0, 2]})),
        k.post("/value").json(json!({"a": [1, 2, 3]})),
        k.post("/none").body("{"),
        k.post("/none").json(1),
    ];
    let want = ["exact", "-", "part", "-", "-", "value", "-", "none", "-"];
    assert_eq!(answers(&k, requests).await, want);
}

#[kmock::test]
async fn functions_are_criteria_and_their_panics_are_told(k: KMock) {
    k.on(Filter::path("/even") & Filter::test("even", |req| req.id() % 2 == 0))
        .text("even");
    k.on(Filter::path("/later")
        & Filter::test_async("later", |req: Request| async move {
            tokio::task::yield_now().await;
            req.query("yes").is_some()
        }))
    .text("later");
    k.on(Filter::path("/panic") & Filter::test("panic", |_| panic!("oh no")))
        .text("never");
    let requests = vec![
        k.get("/even"),
        k.get("/even"),
        k.get("/later?yes"),
        k.get("/later"),
        k.get("/panic"),
    ];
    assert_eq!(
        answers(&k, requests).await,
        [
            "even",
            "-",
            "later",
            "-",
            "kmock: where panic: panicked: oh no\n"
        ]
    );
    assert_eq!(k.errors(), ["where panic: panicked: oh no"]);
    assert_eq!(k.get("/panic").await.status(), 500);
}

#[kmock::test]
async fn a_criterion_that_blocks_holds_up_nobody_else(k: KMock) {
    k.on(Filter::path("/slow")
        & Filter::test("slow", |_| {
            std::thread::sleep(Duration::from_millis(300));
            true
        }))
    .text("slow");
    k.on("/fast").text("fast");
    let slow = tokio::spawn(k.get("/slow").send());
    let spy = k.filter("/slow").wait_for(1).await;
    assert_eq!(spy.expect("it came").len(), 1);
    assert_eq!(k.get("/fast").await.text(), "fast");
    assert!(!slow.is_finished());
    assert_eq!(
        slow.await.expect("no panic").expect("an answer").text(),
        "slow"
    );
}

#[kmock::test]
async fn filters_are_an_algebra_of_sets(k: KMock) {
    let (get, a) = (Filter::method("get"), Filter::path("/a"));
    k.on((get.clone() - a.clone()) & "?x".into_filter())
        .text("get, not /a, with x");
    k.on(!(get.clone() | Filter::method("post")))
        .text("neither");
    k.on(a & (get | Filter::method("post"))).text("/a");
    let requests = vec![
        k.get("/b?x"),
        k.put("/b"),
        k.get("/a?x"),
        k.post("/a"),
        k.post("/b"),
    ];
    let want = ["get, not /a, with x", "neither", "/a", "/a", "-"];
    assert_eq!(answers(&k, requests).await, want);
}

trait IntoFilter {
    fn into_filter(self) -> Filter;
}

impl IntoFilter for &str {
    fn into_filter(self) -> Filter {
        Filter::query(self.trim_start_matches('?'), Pattern::present())
    }
}

#[kmock::test]
async fn slices_count_what_each_filter_has_seen(k: KMock) {
    k.on("get /").slice(..3).text("hello");
    k.on("get /").slice(3..).falling_back().text("never");
    k.on("get /").slice(6..).priority(1).text("back");
    k.on("get /").text("between");
    let mut all = Vec::new();
    for _ in 0..9 {
        all.push(k.get("/").await.text());
    }
    let want = [
        "hello", "hello", "hello", "between", "between", "between", "back", "back", "back",
    ];
    assert_eq!(all, want);
}

#[kmock::test]
async fn slices_of_two_filters_have_two_counts(k: KMock) {
    k.on("get").slice(..2).text("first");
    k.on("/").slice(..2).text("second");
    k.on(Filter::any()).text("rest");
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(k.get("/").await.text());
    }
    // The second one has numbered the first two, too.
    assert_eq!(all, ["first", "first", "rest", "rest", "rest"]);
    assert!(Slice::from(1).contains(1) && Slice::from(1..=2).contains(2));
}

#[kmock::test]
async fn slices_of_equal_filters_number_the_requests_that_fit(k: KMock) {
    // An unrelated rule before them numbers nothing anew.
    k.on(Filter::header("x-other", Pattern::present()))
        .text("other");
    k.on("get /s").slice(0).text("503");
    k.on("get /s").slice(1).text("429");
    k.on("get /s").slice(3..).text("late");
    k.on("get /s").text("200");
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(k.get("/s").await.text());
    }
    assert_eq!(all, ["503", "429", "200", "late", "late"]);
    assert_eq!(k.get("/s").header("x-other", "1").await.text(), "other");
}

#[kmock::test]
async fn the_first_example_of_the_original_counts_as_there(k: KMock) {
    k.on("/").slice(..3).text("hello");
    k.on("/").slice(10..).text("we are back");
    k.on("/").text("out of order");
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(k.get("/").await.text());
    }
    let count = |text: &str| all.iter().filter(|one| *one == text).count();
    assert_eq!(
        (count("hello"), count("out of order"), count("we are back")),
        (3, 7, 2)
    );
}

#[kmock::test(flavor = "multi_thread")]
async fn slices_have_no_holes_when_requests_come_at_once(k: KMock) {
    let rules: Vec<Rule> = (0..50)
        .map(|n| {
            let later = Filter::test_async("later", |_| async {
                tokio::task::yield_now().await;
                true
            });
            k.on(Filter::path("/s") & later).slice(n..=n).status(200)
        })
        .collect();
    let all = (0..50).map(|_| k.get("/s").send());
    for response in futures::future::join_all(all).await {
        assert_eq!(response.expect("an answer").status(), 200);
    }
    assert!(rules.iter().all(|rule| rule.count() == 1));
}

#[kmock::test]
async fn a_slice_is_in_the_name_of_its_rule(k: KMock) {
    let first = k.on("get /s").slice(0).status(200);
    assert_eq!(first.to_string(), "rule GET \"/s\" [0]");
}

#[kmock::test]
async fn priorities_stack_as_tuples(k: KMock) {
    let named = |name: &str| Rule::on("/x").named(name).text(name.to_owned());
    k.mount(Rules::from_iter([
        named("7 fallback of a fallback")
            .falling_back()
            .falling_back(),
        named("6 fallback").falling_back(),
        named("5 below").priority(-1),
        named("4 plain"),
        named("3 high").priority(100),
        named("2 override").overriding(),
        named("1 override of an override").overriding().overriding(),
    ]));
    let mut all = Vec::new();
    for rule in k.rules().into_iter().collect::<Vec<_>>() {
        let _ = rule;
        all.push(k.get("/x").await.text());
        let top = k.rules().into_iter().find(|rule| rule.count() > 0);
        top.expect("one answered").remove();
    }
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(all, sorted);
    assert_eq!(all.len(), 7);
}

#[kmock::test]
async fn a_rule_set_is_a_value_that_a_function_makes(k: KMock) {
    fn base() -> Rules {
        Rules::from_iter([Rule::on("/a").status(201), Rule::on("/b").status(202)])
    }
    k.mount(base().falling_back() + Rules::from(Rule::on("/a").status(203)));
    assert_eq!(k.get("/a").await.status(), 203);
    assert_eq!(k.get("/b").await.status(), 202);
}

#[kmock::test]
async fn rules_come_and_go_while_the_server_runs(k: KMock) {
    let shared = Arc::new(k.on("/x").text("one"));
    assert_eq!(k.get("/x").await.text(), "one");
    k.on("/x").overriding().text("two");
    assert_eq!(k.get("/x").await.text(), "two");
    shared.remove();
    k.rules().iter().for_each(Rule::remove);
    assert_eq!(k.get("/x").await.status(), 404);
    assert_eq!(shared.count(), 1);
}
