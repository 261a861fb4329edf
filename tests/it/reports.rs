//! Reports: as data, as text, as JSON, as a page; and what a failing test prints, once.

use std::{cell::Cell, panic::AssertUnwindSafe, sync::Once, time::Duration};

use kmock::{
    __private::{TestOptions, run_async},
    Report,
    journal::{Answerer, End, Verdict},
    prelude::*,
};

/// Locations without lines and columns, so that tests may move.
fn still(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split("tests/it/reports.rs:").enumerate() {
        if n == 0 {
            out.push_str(part);
            continue;
        }
        out.push_str("HERE");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':'));
    }
    out
}

/// What a failing assertion says.
fn message(assertion: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(AssertUnwindSafe(assertion)).expect_err("it fails");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[track_caller]
fn assert_text(got: &str, want: &str) {
    let (got, want) = (still(got.trim_end()), want.trim_matches('\n'));
    assert_eq!(got, want, "\ngot:\n{got}\n");
}

// ---- text ----

#[kmock::test(start_paused = true)]
async fn a_report_tells_the_claim_the_timeline_and_the_nearest_rule(k: KMock) {
    kmock! { k,
        /// whoever asks first
        GET "/" => b"john";
        POST "/hello" => 201;
    }
    k.get("/").await;
    k.post("/helo").header("user-agent", "curl/8.1 (x)").await;
    let text = message(|| assert_requests!(k, POST "/hello" == 1, "get" == 1, total == 7));
    assert_text(
        &text,
        r#"
kmock: POST "/hello" == 1 failed: 0 requests, want 1: #1 POST /helo: the path differs ("/helo", 1 letter off)   HERE
kmock: total == 7 failed: 2 requests, want 7   HERE
  what came, 2 requests:
    #0            GET  /       200   rule `whoever asks first`   HERE
    #1  curl/8.1  POST /helo   404   no rule; nearest: rule POST "/hello"   HERE
            ✓ POST
            ✗ path "/hello", got "/helo"   (1 letter off)
"#,
    );
}

#[kmock::test(start_paused = true)]
async fn json_differences_are_told_by_their_pointers(k: KMock) {
    kmock! { k,
        POST "/orders" json { "to": { "name": "j*" }, "items": [{ "sku": "A", "n": 1..=9 }, ..], "note": ! } => 201;
        POST "/exact" json == { "a": [1, 2] } => 201;
    }
    let body = json!({ "to": { "nmae": "john" }, "items": [{ "sku": "B", "n": 12 }], "note": "x" });
    k.post("/orders").json(body).await;
    k.post("/exact")
        .json(json!({ "a": [1, 3], "b": null }))
        .await;
    k.post("/orders").body("{oops").await;
    assert_text(
        &k.report().to_string(),
        r#"
  what came, 3 requests:
    #0  POST /orders   404   no rule; nearest: rule POST "/orders" …   HERE
            ✓ POST
            ✓ path "/orders"
            ✗ json {"to": {"name": "j*"}, "items": [{"sku": "A", "n": 1..=9}, ..], "note": !}
                /to/name: want "j*", got nothing   (there is "nmae")
                /items/0/sku: want "A", got "B"
                /items/0/n: want 1..=9, got 12
                /note: want !, got "x"
            body {"items":[{"n":12,"sku":"B"}],"note":"x","to":{"nmae":"john"}}
    #1  POST /exact    404   no rule; nearest: rule POST "/exact" json == {"a": [1, 2]}   HERE
            ✓ POST
            ✓ path "/exact"
            ✗ json == {"a": [1, 2]}
                /a/1: want 2, got 3
                /b: want nothing, got null
            body {"a":[1,3],"b":null}
    #2  POST /orders   404   no rule; nearest: rule POST "/orders" …   HERE
            ✓ POST
            ✓ path "/orders"
            ✗ json {"to": {"name": "j*"}, "items": [{"sku": "A", "n": 1..=9}, ..], "note": !}, got no JSON: "{oops"   (key must be a string at line 1 column 2)
            body {oops
"#,
    );
}

#[kmock::test(start_paused = true)]
async fn kubernetes_requests_read_in_its_words(k: KMock) {
    kmock! { k,
        patch "apps/v1/deployments" in "prod" named "web" => {};
        list "kopf.dev/v1/kopfexamples" => { "items": [] };
    }
    let apps = "/apis/apps/v1/namespaces";
    k.get(format!(
        "{apps}/prod/deployments?watch=true&resourceVersion=105&timeoutSeconds=0"
    ))
    .await;
    k.patch(format!("{apps}/prod/deployments/web?fieldManager=op"))
        .header("content-type", "application/apply-patch+yaml")
        .await;
    k.get("/apis/kopf.dev/v1/kopfexample").await;
    k.get("/apis/apps/v1/namespaces/prod/deployments/web").await;
    assert_text(
        &k.report().text().times(false).to_string(),
        r#"
  what came, 4 requests:
    #0  watch deployments.apps in prod (from 105)             200   the Kubernetes API   stream, 0 chunks
    #1  patch deployments.apps prod/web (apply, manager=op)   200   rule patch "apps/v1/deployments" in "prod" named "web"   HERE
    #2  list  kopfexample.kopf.dev                            404   the Kubernetes API; nearest: rule list "kopf.dev/v1/kopfexamples"   HERE
            ✓ list
            ✗ "kopf.dev/v1/kopfexamples", got kopf.dev/v1/kopfexample   (1 letter off)
    #3  get   deployments.apps prod/web                       404   the Kubernetes API
            says deployments.apps "web" not found
"#,
    );
}

#[kmock::test(start_paused = true)]
async fn streams_faults_and_repetitions_are_told(k: KMock) {
    kmock! { k,
        stream "/ticks" => [b"one", sleep(1s), b"two"];
        stream "/live" => [b"x", ...];
        "/cut" => reset;
        "/poll" => 204;
    }
    k.get("/ticks").await;
    let mut live = k.get("/live").open().await.expect("a head");
    live.chunk().await.expect("a chunk");
    k.get("/cut").send().await.expect_err("a reset");
    for _ in 0..3 {
        k.get("/poll").await;
    }
    assert_text(
        &k.report().to_string(),
        r#"
  what came, 6 requests:
    #0     +0 ms  GET /ticks   200  0 ms   rule "/ticks"   HERE   stream, 2 chunks in 1.0 s
    #1    +1.0 s  GET /live    200  0 ms   rule "/live"   HERE   stream, open, 1 chunk so far
    #2    +1.0 s  GET /cut     200  0 ms   rule "/cut"   HERE   fault: reset
    #3–5  +1.0 s  GET /poll    204  0 ms   rule "/poll"   HERE   ×3
"#,
    );
    drop(live);
}

#[kmock::test(start_paused = true)]
async fn colours_change_nothing_but_colours(k: KMock) {
    kmock! { k, POST "/hello" json { "a": 1 } => 201; }
    k.post("/hello").json(json!({ "a": 2 })).await;
    let report = k.report();
    let plain = report.text().to_string();
    let colored = report.text().color(true).to_string();
    assert!(!plain.contains('\x1b'), "{plain}");
    assert!(colored.contains("\x1b[31m✗\x1b[0m json"), "{colored:?}");
    let mut stripped = String::new();
    for part in colored.split("\x1b[") {
        stripped += match stripped.is_empty() && !colored.starts_with("\x1b[") {
            true => part,
            false => part.split_once('m').map_or("", |(_, text)| text),
        };
    }
    assert_eq!(stripped, plain);
}

// ---- data ----

#[kmock::test(start_paused = true)]
async fn a_report_is_data(k: KMock) {
    kmock! { k, POST "/orders" header { "x-token": _ } json { "n": 1 } => 201; }
    k.post("/orders")
        .header("x-tokn", "t")
        .json(json!({ "n": 2 }))
        .await;
    let report = k.report();
    assert_eq!(report, k.report());
    assert!(report.is_empty());

    let [entry] = report.entries.as_slice() else {
        panic!("one request: {report:?}");
    };
    assert_eq!(
        (entry.id, entry.verb.as_str(), entry.target.as_str()),
        (0, "POST", "/orders")
    );
    assert_eq!(
        (entry.status, &entry.answered_by),
        (Some(404), &Answerer::NoRule)
    );
    assert_eq!(
        (entry.body.kind.as_str(), entry.body.text.as_str()),
        ("json", "{\"n\":2}")
    );
    let near = &entry.near[0];
    let verdicts: Vec<_> = near.criteria.iter().map(|one| one.verdict).collect();
    let (yes, no) = (Verdict::Holds, Verdict::Fails);
    assert_eq!(verdicts, [yes, yes, no, no]);
    assert_eq!(
        near.criteria[2].hint.as_deref(),
        Some("there is \"x-tokn\"")
    );
    let difference = &near.criteria[3].differences[0];
    assert_eq!(
        (
            difference.pointer.as_str(),
            difference.want.as_str(),
            difference.got.as_str()
        ),
        ("/n", "1", "2")
    );

    let json = report.to_json();
    assert_eq!(json, serde_json::to_value(&report).expect("serialisable"));
    let criterion = &json["requests"][0]["nearest"][0]["criteria"][3];
    assert_eq!(criterion["holds"], false);
    assert_eq!(criterion["differences"][0]["pointer"], "/n");
    assert_eq!(json["requests"][0]["answeredBy"], "no rule");
}

#[kmock::test(start_paused = true)]
async fn claims_and_criteria_know_their_lines(k: KMock) {
    let first = line!() + 1;
    kmock! { k,
        POST "/orders"
            header { "x-token": _ }
            => 201;
        #[expect(2)]
        GET "/never" => 200;
    }
    k.post("/orders").await;
    let report = k.check().expect_err("an unmet expectation");
    let claim = &report.failures[0];
    assert_eq!(
        (claim.location.line, claim.location.column),
        (first + 4, 18)
    );
    assert!(claim.location.file.ends_with("tests/it/reports.rs"));
    let near = &report.entries[0].near[0];
    assert_eq!(near.location.line, first + 1);
    let lines: Vec<u32> = near.criteria.iter().map(|one| one.location.line).collect();
    assert_eq!(lines, [first + 1, first + 1, first + 2]);
    k.get("/never").await;
    k.get("/never").await;
}

#[kmock::test(start_paused = true)]
async fn bodies_on_their_way_are_written_down(k: KMock) {
    kmock! { k,
        stream "/ticks" => [b"one", sleep(1s), b"three", sleep(2s), ...];
        "/whole" => "john";
    }
    let mut ticks = k.get("/ticks").open().await.expect("a head");
    ticks.chunk().await.expect("one");
    ticks.chunk().await.expect("three");
    k.filter("/ticks").waiting(1).await.expect("it waits");
    k.get("/whole").await;
    let sent = k.report().entries[0].sent.clone().expect("a body");
    let second = Duration::from_secs(1);
    assert!(sent.streamed && sent.end.is_none());
    let chunks: Vec<_> = sent
        .chunks
        .iter()
        .map(|chunk| (chunk.at, chunk.size))
        .collect();
    assert_eq!(chunks, [(Duration::ZERO, 3), (second, 5)]);
    let whole = &k.report().entries[1];
    assert_eq!(whole.answer.text, "\"john\"");
    assert_eq!(whole.sent.as_ref().map(|sent| sent.streamed), Some(false));

    k.filter("/ticks").feed(Stream::new().item(b"last"));
    while ticks.chunk().await.expect("no fault").is_some() {}
    let sent = k.report().entries[0].sent.clone().expect("a body");
    assert_eq!(sent.end, Some((3 * second, End::Complete)));
    assert_eq!((sent.count, sent.size), (3, 12));
}

#[kmock::test(start_paused = true)]
async fn unmet_claims_show_the_nearest_requests(k: KMock) {
    kmock! { k,
        let never = PUT "/a" header { "x": "1" } => 200;
        "/**" => 404;
    }
    k.get("/far/away/from/it").await;
    k.put("/a").header("x", "2").await;
    k.put("/a").header("x", "3").await;
    let text = message(|| assert_requests!(never == 1));
    let head: Vec<&str> = text.lines().take(6).collect();
    assert_text(
        &head.join("\n"),
        r#"
kmock: never == 1 failed: 0 requests, want 1: #1 PUT /a: header "x" differs (got "2")   HERE
    rule PUT "/a" header "x": "1"   HERE
    nearest: #1 PUT /a   404
        ✓ PUT
        ✓ path "/a"
        ✗ header "x": "1", got "2"
"#,
    );
}

#[kmock::test(start_paused = true)]
async fn rules_that_can_never_answer_are_told(k: KMock) {
    kmock! { k,
        GET "/files/**" => 200;
        GET "/files/{name}" => 201;
        /// a slice lets others through
        GET "/some" [..1] => 200;
        GET "/some" => 201;
        /// so does a function that may say nothing
        GET "/any" => |_req| None::<u16>;
        GET "/any" => 202;
        /// but not what an override takes
        override GET "/any" => 203;
    }
    let shadowed: Vec<(String, String)> = k
        .report()
        .shadowed
        .into_iter()
        .map(|one| (one.rule, one.by))
        .collect();
    let override_takes = "rule `but not what an override takes`".to_owned();
    assert_eq!(
        shadowed,
        [
            (
                "rule GET \"/files/{name}\"".to_owned(),
                "rule GET \"/files/**\"".to_owned()
            ),
            (
                "rule `so does a function that may say nothing`".to_owned(),
                override_takes.clone()
            ),
            ("rule GET \"/any\"".to_owned(), override_takes),
        ]
    );
}

// ---- the 404 ----

#[kmock::test(start_paused = true)]
async fn refusals_explain_themselves_to_clients(k: KMock) {
    kmock! { k, POST "/hello" => 201; }
    let text = k.post("/helo").await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_text(
        &text.text(),
        "kmock: no rule for POST /helo; nearest: rule POST \"/hello\"   HERE
        ✓ POST
        ✗ path \"/hello\", got \"/helo\"   (1 letter off)\n",
    );
    for accept in [
        "application/json",
        "text/html;q=0.5, application/problem+json",
    ] {
        let json = k.post("/helo").header("accept", accept).await;
        assert_eq!(json.header("content-type"), Some("application/json"));
        let json = json.json();
        assert_eq!(json["request"]["target"], "/helo");
        assert_eq!(json["nearest"][0]["criteria"][1]["hint"], "1 letter off");
        assert!(
            json["error"]
                .as_str()
                .is_some_and(|text| text.contains("1 letter off"))
        );
    }
    for accept in [
        "*/*",
        "text/plain, application/json;q=0.9",
        "application/json;q=0",
    ] {
        let text = k.post("/helo").header("accept", accept).await;
        assert_eq!(
            text.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{accept}"
        );
    }
}

#[kmock::test(start_paused = true, raw)]
async fn kubernetes_clients_get_a_status(k: KMock) {
    kmock! { k, list "v1/pods" in "prod" => { "items": [] }; }
    let answer = k
        .get("/api/v1/namespaces/test/pods")
        .header("accept", "application/json")
        .await;
    let status = answer.json();
    assert_eq!(
        (&status["kind"], &status["code"]),
        (&json!("Status"), &json!(404))
    );
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&json!("Failure"), &json!("NotFound"))
    );
    let message = status["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(
            "kmock: no rule for list pods in test; nearest: rule list \"v1/pods\" in \"prod\""
        ),
        "{message}"
    );
    assert!(message.contains("✗ in \"prod\", got \"test\""), "{message}");
}

#[kmock::test(start_paused = true)]
async fn used_up_rules_say_so(k: KMock) {
    kmock! { k,
        "/sliced" [..1] => 200;
        stream "/once" => [once [b"x"]];
    }
    k.get("/sliced").await;
    k.get("/once").await;
    let sliced = k.get("/sliced").await.text();
    assert!(
        sliced.contains("✗ slice [0], got request [1] of its filter"),
        "{sliced}"
    );
    let once = k.get("/once").await.text();
    assert!(
        once.contains("✗ reply, got nothing: it stepped aside, or is used up"),
        "{once}"
    );
}

#[kmock::test(start_paused = true)]
async fn functions_are_not_asked_again_to_explain(k: KMock) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    kmock! { k,
        "/a" where |_req| ASKED.fetch_add(1, Ordering::Relaxed) > 5 => 200;
        "/b" where |_req| panic!("oh no") => 200;
    }
    let text = k.get("/a").await.text();
    assert!(text.contains("✓ path \"/a\""), "{text}");
    assert!(text.contains("✗ where"), "{text}");
    assert_eq!(k.get("/b").await.status(), 500);
    let report = k.report();
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "{report}");
}

// ---- size ----

#[kmock::test(start_paused = true)]
async fn thousands_of_requests_stay_readable(k: KMock) {
    kmock! { k, GET "/a" => 200; }
    for n in 0..1500 {
        k.get("/a").await;
        k.get(format!("/a/log?line={n}")).await;
    }
    k.put("/a").await;
    let report = k.report();
    let text = report.to_string();
    assert!(text.lines().count() < 60, "{text}");
    assert!(text.contains("what came, 3,001 requests"), "{text}");
    assert!(text.contains("(1,499 more like this)"), "{text}");
    assert!(text.contains("1,500 × GET /a   200"), "{text}");
    assert!(text.contains("✗ GET, got PUT"), "{text}");
    let page = report.html();
    assert!(page.contains("more requests"));
    assert!(page.len() < 6 << 20, "{}", page.len());
}

#[test]
fn the_journal_keeps_less_than_rules_see() {
    run_async(TestOptions::new("limit"), || async {
        let k = KMock::builder()
            .journal_limit(10)
            .start()
            .await
            .expect("a server");
        let rule = k
            .on(Filter::text("a*z"))
            .reply_with(|req| req.body().len().to_string());
        let body = format!("a{}z", "-".repeat(98));
        assert_eq!(k.post("/").body(body).await.json(), "100");
        assert_eq!(rule.count(), 1);
        assert_eq!(k.requests()[0].body().len(), 10);
        assert_eq!(rule.requests()[0].body().len(), 10);
        let entry = &k.report().entries[0];
        assert_eq!((entry.body.size, entry.body.cut), (100, true));
        assert_eq!(entry.body.line(80), "a---------… (100 bytes)");
    });
}

#[kmock::test(start_paused = true)]
async fn requests_that_differ_by_numbers_are_of_one_kind(k: KMock) {
    kmock! { k, GET "/users/{id}/posts" => []; }
    for id in 0..30 {
        k.get(format!("/users/{id}/post")).await;
        k.get(format!("/users/{id}/posts")).await;
    }
    let text = message(|| assert_requests!(k, GET "/users/7/post" > 1));
    assert!(
        text.contains("no rule (29 more like this); nearest"),
        "{text}"
    );
    assert!(text.contains("30 × GET /users/…/post   404"), "{text}");
    assert!(text.contains("30 × GET /users/…/posts   200"), "{text}");
}

#[kmock::test(start_paused = true)]
async fn bodies_are_shown_as_what_they_are(k: KMock) {
    kmock! { k, POST "/up" form { "pass": _ } body b"\x00\x01" => 200; }
    let form = "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nx\r\n--B\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n\u{0}\u{1}\r\n--B--\r\n";
    let kind = "multipart/form-data; boundary=B";
    k.post("/up").header("content-type", kind).body(form).await;
    k.post("/up").body(vec![7; 100]).await;
    let text = k.report().text().to_string();
    assert!(text.contains("password=x, file=a.bin (2 bytes)"), "{text}");
    assert!(text.contains("(there is \"password\")"), "{text}");
    assert!(
        text.contains(r#"✗ body b"\x00\x01", got b"\x07\x07"#),
        "{text}"
    );
    assert!(text.contains("body binary, 100 bytes: 07 07"), "{text}");
}

// ---- pages ----

#[kmock::test(start_paused = true, report = report_directory())]
#[ignore = "run by the test below"]
async fn a_test_may_ask_for_its_page(k: KMock) {
    k.get("/").await;
}

fn report_directory() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("kmock-asked-{}", std::process::id()))
}

#[test]
fn the_option_writes_a_page() {
    a_test_may_ask_for_its_page();
    let page = report_directory().join("it.reports.a_test_may_ask_for_its_page.html");
    assert!(page.exists(), "{}", page.display());
    std::fs::remove_dir_all(report_directory()).ok();
}

#[test]
fn a_page_is_written_that_needs_nothing_else() {
    let directory = std::env::temp_dir().join(format!("kmock-pages-{}", std::process::id()));
    let options = TestOptions::new("mod::page & more").start_paused(true);
    run_async(options.report(&directory), |k: KMock| async move {
        kmock! { k,
            /// <b>bold</b>
            POST "/hello" => "</script><script>alert(1)</script>";
            stream "/ticks" => [b"one", sleep(1s), b"two"];
        }
        k.post("/hello").json(json!({ "text": "</script>" })).await;
        k.get("/ticks").await;
        k.get("/nowhere").await;
        let pods = "/api/v1/namespaces/default/configmaps";
        let named = json!({ "metadata": { "name": "c" }, "data": { "k": "1" } });
        k.post(pods).json(named).await;
        k.patch(format!("{pods}/c?fieldManager=op"))
            .header("content-type", "application/merge-patch+json")
            .body(r#"{"data":{"k":"2"}}"#)
            .await;
    });
    let page = std::fs::read_to_string(directory.join("mod.page---more.html")).expect("a page");
    std::fs::remove_dir_all(&directory).expect("removed");
    assert!(page.contains("<h1>mod::page &amp; more</h1>"));
    assert!(page.contains(">passed</span>"));
    assert!(page.contains("&lt;b&gt;bold&lt;/b&gt;"));
    for outer in ["http://", "https://", "src=", "@import", "url(h"] {
        let found = page.replace("xmlns=\"http://", "").contains(outer);
        assert!(!found, "{outer}");
    }
    assert_eq!(page.matches("<script").count(), 1, "one script, of data");
    assert_eq!(page.matches("</script>").count(), 1);
    assert_eq!(
        page.matches("<details").count(),
        page.matches("</details>").count()
    );
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    // The history of the object, with the field that changed and who did it.
    assert!(page.contains("configmaps <b>default/c</b>"));
    assert!(page.contains(
        "<code>.data.k</code></td><td><del>&quot;1&quot;</del> <ins>&quot;2&quot;</ins>"
    ));
    assert!(page.contains("#4 patch</a> as <i>op</i>"), "{page}");
    // The data at the end is the report.
    let data = page
        .split_once("id=\"kmock-report\">")
        .and_then(|(_, rest)| rest.split_once("</script>"))
        .map(|(data, _)| serde_json::from_str::<serde_json::Value>(data).expect("JSON"))
        .expect("data");
    assert_eq!(data[0]["requests"].as_array().map(Vec::len), Some(5));
}

#[kmock::test(start_paused = true)]
async fn objects_have_histories(k: KMock) {
    let maps = "/api/v1/namespaces/default/configmaps";
    let named = json!({ "metadata": { "name": "c" }, "data": { "k": "1" } });
    k.post(maps)
        .header("user-agent", "kubectl/v1.31 (x)")
        .json(named)
        .await;
    k.patch(format!("{maps}/c?fieldManager=op"))
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"data":{"k":"2","l":"x"}}"#)
        .await;
    k.delete(format!("{maps}/c")).await;
    let report = k.report();
    let [object] = report.objects.as_slice() else {
        panic!("one object: {:?}", report.objects);
    };
    assert_eq!(
        (object.resource.as_str(), object.name.as_str()),
        ("configmaps", "default/c")
    );
    assert_eq!(
        object.owners,
        [
            "owned by kubectl (update): data",
            "owned by op (update): data.k, data.l"
        ]
    );
    let story: Vec<String> = object
        .versions
        .iter()
        .map(|version| {
            let fields: Vec<String> = version
                .fields
                .iter()
                .filter(|field| field.path.starts_with(".data"))
                .map(|field| {
                    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                    format!("{} {}→{}", field.path, or(&field.before), or(&field.after))
                })
                .collect();
            format!(
                "{} by {}: {}",
                version.change,
                version.by,
                fields.join(", ")
            )
        })
        .collect();
    assert_eq!(
        story,
        [
            "created by kubectl/v1.31, #0 create: .data.k -→\"1\"",
            "changed by #1 patch: .data.k \"1\"→\"2\", .data.l -→\"x\"",
            "deleted by #2 delete: ",
        ]
    );
    assert_eq!(object.versions[1].manager.as_deref(), Some("op"));
}

// ---- what a failing test prints ----

thread_local! {
    static PANICKED_AT: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Where an assertion panics.
fn panics_at(assertion: impl FnOnce()) -> (String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|at| (at.file().to_owned(), at.line()));
            PANICKED_AT.set(place);
            former(info);
        }));
    });
    message(assertion);
    PANICKED_AT.take().expect("a place")
}

#[kmock::test]
async fn failures_point_at_the_users_line(k: KMock) {
    kmock! { k,
        #[expect(1)]
        let rule = "/" => 200;
    }
    let here = |line: u32| (file!().to_owned(), line);
    assert_eq!(panics_at(|| assert_requests!(k, total == 1)), here(line!()));
    assert_eq!(panics_at(|| assert_requests!(rule == 1)), here(line!()));
    assert_eq!(panics_at(|| k.verify()), here(line!()));
    k.get("/").await;
    k.verify();
}

/// Failing tests, for the test below.
mod failing {
    use kmock::prelude::*;

    #[kmock::test]
    #[ignore = "fails on purpose"]
    async fn an_assertion_and_an_expectation(k: KMock) {
        kmock! { k,
            #[expect(1)]
            GET "/never" => 200;
            GET "/" => 200;
        }
        k.get("/").await;
        assert_requests!(k, "get /" == 2);
    }

    #[kmock::test]
    #[ignore = "fails on purpose"]
    async fn a_panic_of_its_own(k: KMock) {
        kmock! { k,
            #[expect(1)]
            GET "/never" => 200;
            GET "/" => 200;
        }
        k.get("/").await;
        panic!("oh no");
    }

    #[kmock::test]
    #[ignore = "fails on purpose"]
    async fn an_error(k: KMock) -> Result<(), String> {
        k.get("/").await;
        Err("oh no".to_owned())
    }

    #[kmock::test]
    #[ignore = "fails on purpose"]
    async fn an_expectation(k: KMock) {
        kmock! { k,
            #[expect(1)]
            GET "/never" => 200;
        }
        k.get("/nevr").await;
    }

    #[kmock::test]
    #[ignore = "fails on purpose"]
    async fn verified_by_hand(k: KMock) {
        kmock! { k,
            #[expect(1)]
            GET "/never" => 200;
        }
        k.get("/nevr").await;
        k.verify();
    }
}

/// What a failing test prints in all, as `cargo test` runs it.
fn printed(name: &str, directory: Option<&std::path::Path>) -> String {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
    command
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("reports::failing::{name}"))
        .env("RUST_BACKTRACE", "0")
        .env_remove("KMOCK_REPORT")
        .env_remove("CLICOLOR_FORCE");
    if let Some(directory) = directory {
        command.env("KMOCK_REPORT", directory);
    }
    let output = command.output().expect("it runs");
    assert!(!output.status.success());

    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn everything_is_printed_once() {
    let count = |text: &str, part: &str| text.matches(part).count();
    for (name, headline, claims) in [
        (
            "an_assertion_and_an_expectation",
            "\"get /\" == 2 failed: 1 request, want 2",
            2,
        ),
        ("a_panic_of_its_own", "oh no", 1),
        ("an_expectation", "expects 1, but 0 requests came", 1),
        ("verified_by_hand", "expects 1, but 0 requests came", 1),
        ("an_error", "oh no", 0),
    ] {
        let text = printed(name, None);
        assert_eq!(count(&text, headline), 1, "{name}: {text}");
        assert_eq!(count(&text, "what came, 1 request:"), 1, "{name}: {text}");
        assert_eq!(
            count(&text, "failed: 1 request") + count(&text, "expects 1, but"),
            claims,
            "{name}: {text}"
        );
        assert_eq!(
            count(&text, "panicked at"),
            usize::from(name != "an_error"),
            "{name}: {text}"
        );
    }
}

#[test]
fn the_environment_asks_for_pages() {
    let directory = std::env::temp_dir().join(format!("kmock-environment-{}", std::process::id()));
    let text = printed("an_expectation", Some(&directory));
    let page = std::fs::read_to_string(directory.join("it.reports.failing.an_expectation.html"));
    std::fs::remove_dir_all(&directory).expect("removed");
    let page = page.expect("a page");
    assert!(text.contains("kmock: as a page: "), "{text}");
    assert!(page.contains(">failed</span>"));
    assert!(page.contains("expects 1"));
}

#[kmock::test]
async fn reports_never_take_a_test_down(k: KMock) {
    // A report from within a closure of a rule, and a pattern that panics while it explains.
    let inner = k.clone();
    k.on("/report")
        .reply_with(move |_| inner.report().to_string());
    let pattern = Pattern::object([("a", Pattern::test("panics", |_| panic!("oh no")))]);
    k.on(Filter::path("/p") & Filter::json(pattern)).status(200);
    assert!(k.get("/report").await.text().contains("what came"));
    k.post("/p/").json(json!({ "a": 1 })).await;
    let report: Report = k.report();
    assert!(report.to_string().contains("a slash too many"), "{report}");
}

/// A test that fails while another panic unwinds must not abort the process.
#[test]
fn nothing_panics_while_unwinding() {
    let unwound = std::panic::catch_unwind(|| {
        run_async(
            TestOptions::new("unwinding").strict(true),
            |k: KMock| async move {
                k.on("/never").status(200).expecting(3);
                let other = KMock::builder()
                    .strict(true)
                    .start()
                    .await
                    .expect("a server");
                other.get("/unexpected").await;
                k.get("/unexpected").await;
                k.get("/unexpected").await;
                assert!(k.requests().is_empty(), "the first");
            },
        );
    });
    let panic = unwound.expect_err("it panics");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the first"));
}

#[kmock::test(start_paused = true)]
async fn a_page_shows_heads_of_answers_faults_kinds_and_what_to_take_along(k: KMock) {
    kmock! { k,
        GET "/limited" => 429, header { "retry-after": 7, "set-cookie": "s=secret" };
        GET "/cut" => b"0123456789", truncate 4;
    }
    k.get("/limited").await;
    assert!(k.get("/cut").send().await.is_err());
    k.post("/orders")
        .header("x-it", "it\'s")
        .json(json!({ "id": 7 }))
        .await;
    for n in 0..60 {
        k.get(format!("/items/{n}")).await;
    }
    let page = k.report().html();
    for part in [
        "<i>retry-after</i>: 7",
        "<i>set-cookie</i>: s=…",
        "✂ truncate 4",
        "61 ×".replace("61", "60").as_str(),
        "as a rule</summary><pre class=\"body\">POST &quot;/orders&quot; json {&quot;id&quot;:7} =&gt; 200;</pre>",
        "curl -X POST &#39;127.0.0.1:",
        "x-it: it&#39;\\&#39;&#39;s",
        "value=\"refused\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("s=secret"));
}

#[test]
fn a_directory_of_pages_has_an_index_failures_first() {
    let directory = std::env::temp_dir().join(format!("kmock-index-{}", std::process::id()));
    for (name, fails) in [("a::passes", false), ("b::fails", true)] {
        let options = TestOptions::new(name).report(&directory);
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            run_async(options, move |k: KMock| async move {
                k.on("/").text("x");
                k.get("/").await;
                assert!(!fails, "on purpose");
            });
        }));
        assert_eq!(ran.is_err(), fails);
    }
    let index = std::fs::read_to_string(directory.join("index.html")).expect("an index");
    let (fails, passes) = (index.find("b::fails"), index.find("a::passes"));
    assert!(fails < passes && fails.is_some(), "{index}");
    assert!(
        index.contains("1 failed") && index.contains("href=\"b.fails.html\""),
        "{index}"
    );
    std::fs::remove_dir_all(&directory).expect("it is removed");
}
