//! The engine by its builder API: everything can be written without macros.

use std::time::Duration;

use kmock::{__private as p, Fault, Filter, Gate, KMock, Pattern, Reply, Rule, Rules, Stream};
use serde_json::json;

fn with_server<F, Fut>(test: F)
where
    F: FnOnce(KMock) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    p::run_async(p::TestOptions::new("engine").start_paused(true), test);
}

#[test]
fn replies_of_every_kind() {
    with_server(|k| async move {
        k.on("get /bytes").body(&b"john"[..]);
        k.on("get /text").text("plain");
        k.on("get /json").json(json!({"a": [1]})).status(201);
        k.on("get /status").status(418);
        k.on("get /headers")
            .header("x-a", 1)
            .header("x-a", 2)
            .cookie("s", "1")
            .no_header("content-type")
            .text("x");
        k.on("post /echo")
            .reply_with(|req| (202, req.json().clone()));
        k.on("get /users/{id: u64}")
            .reply_async(|req| async move { json!({"id": req.capture::<u64>("id")}) });

        let bytes = k.get("/bytes").await;
        assert_eq!((bytes.status(), bytes.text().as_str()), (200, "john"));
        assert_eq!(bytes.header("content-type"), None);
        assert_eq!(
            k.get("/text").await.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let made = k.get("/json").await;
        assert_eq!((made.status(), made.json()), (201, json!({"a": [1]})));
        assert_eq!(made.header("content-type"), Some("application/json"));
        assert_eq!(k.get("/status").await.status(), 418);
        let headers = k.get("/headers").await;
        let all: Vec<_> = headers.headers().get_all("x-a").iter().collect();
        assert_eq!(all, ["1", "2"]);
        assert_eq!(headers.header("set-cookie"), Some("s=1"));
        assert_eq!(headers.header("content-type"), None);
        let echo = k.post("/echo").json(json!({"you": "me"})).await;
        assert_eq!((echo.status(), echo.json()), (202, json!({"you": "me"})));
        assert_eq!(k.get("/users/7").await.json(), json!({"id": 7}));
        assert_eq!(k.get("/users/x").await.status(), 404);
    });
}

#[test]
fn unmatched_requests_are_explained_to_the_client() {
    with_server(|k| async move {
        k.on("post /hello").named("greeting").json("hi");
        let response = k.post("/helo").await;
        assert_eq!(response.status(), 404);
        let text = response.text();
        assert!(
            text.contains("no rule for POST /helo; nearest: rule `greeting`"),
            "{text}"
        );
        assert!(text.contains("✓ POST"), "{text}");
        assert!(
            text.contains("✗ path \"/hello\", got \"/helo\"   (1 letter off)"),
            "{text}"
        );
    });
}

#[test]
fn spies_record_and_let_go_on() {
    with_server(|k| async move {
        let spy = k.on("get");
        let first = k.on("/").slice(..1).status(201);
        let then = k.on("/").status(202);
        assert_eq!(k.get("/").await.status(), 201);
        assert_eq!(k.get("/").await.status(), 202);
        assert_eq!((spy.count(), first.count(), then.count()), (2, 1, 1));
        assert_eq!(k.filter("get").count(), 2);
        assert_eq!(k.filter(Filter::query("a", Pattern::present())).count(), 0);
    });
}

#[test]
fn closures_may_step_aside_fail_and_panic() {
    with_server(|k| async move {
        let odd = k
            .on("/n")
            .reply_with(|req| (req.id() % 2 == 1).then_some("odd"));
        k.on("/n").json("even");
        k.on("/err").reply_with(|_| Err::<u16, _>("bad luck"));
        k.on("/panic").reply_with(|_| -> u16 { panic!("oh no") });
        assert_eq!(k.get("/n").await.json(), "even");
        assert_eq!(k.get("/n").await.json(), "odd");
        assert_eq!(odd.count(), 1);
        let failed = k.get("/err").await;
        assert_eq!(failed.status(), 500);
        assert!(failed.text().contains("bad luck"), "{}", failed.text());
        assert!(k.get("/panic").await.text().contains("panicked: oh no"));
        assert_eq!(k.errors().len(), 2, "{:?}", k.errors());
    });
}

#[test]
fn streams_pause_in_virtual_time_and_are_fed_live() {
    with_server(|k| async move {
        let rule = k.on("/").stream(
            Stream::new()
                .item(b"hello")
                .sleep(Duration::from_secs(5))
                .item("json")
                .live()
                .item(b"bye"),
        );
        let started = tokio::time::Instant::now();
        let mut one = k.get("/").open().await.expect("a response");
        let mut two = k.get("/").open().await.expect("a response");
        assert_eq!(one.text().await.expect("a chunk"), "hello");
        assert_eq!(one.text().await.expect("a chunk"), "\"json\"\n");
        rule.waiting(2).await.expect("both wait");
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        assert_eq!(k.feed(Stream::new().item(1).live()), 2);
        assert_eq!(k.filter("get /").feed(Stream::new().item(2)), 2);
        for (stream, most) in [(&mut one, 3), (&mut two, 5)] {
            let mut text = String::new();
            for _ in 0..most {
                text += &stream.text().await.expect("a chunk");
            }
            assert!(text.ends_with("1\n2\nbye"), "{text}");
            assert_eq!(stream.chunk().await.expect("the end"), None);
        }
    });
}

#[test]
fn faults_are_true_on_the_wire() {
    with_server(|k| async move {
        k.on("/reset").fault(Fault::reset());
        k.on("/close")
            .fault(Fault::close().in_head(20))
            .text("never");
        k.on("/cut").text("0123456789").fault(Fault::truncate(4));
        k.on("/garbage").fault(Fault::garbage());
        let error = k.get("/reset").send().await.expect_err("a reset");
        assert!(error.to_string().contains("reset"), "{error}");
        assert!(k.get("/close").send().await.expect_err("cut").is_exchange());
        let mut cut = k.get("/cut").open().await.expect("a head");
        assert_eq!(cut.headers()["content-length"], "10");
        assert_eq!(cut.text().await.expect("a part"), "0123");
        assert!(cut.chunk().await.is_err());
        assert!(k.get("/garbage").send().await.is_err());
    });
}

#[test]
fn gates_hold_replies() {
    with_server(|k| async move {
        let gate = Gate::new();
        let held = k.on("/held").hold(&gate).json("done");
        let asked = tokio::spawn(k.get("/held").send());
        gate.arrived().await;
        assert_eq!(held.count(), 1);
        assert!(!asked.is_finished());
        gate.release();
        let response = asked.await.expect("no panic").expect("a response");
        assert_eq!(response.json(), "done");
    });
}

#[test]
fn rule_sets_are_values() {
    fn base() -> Rules {
        Rules::from_iter([Rule::on("/a").status(201), Rule::on("/b").status(202)])
    }
    with_server(|k| async move {
        k.mount(base().falling_back() + Rules::from(Rule::on("/a").status(203)));
        assert_eq!(k.get("/a").await.status(), 203);
        assert_eq!(k.get("/b").await.status(), 202);
    });
}

#[test]
fn replies_may_be_axum_routers() {
    with_server(|k| async move {
        let router = axum::Router::new().route("/api2/x", axum::routing::get(|| async { "axum" }));
        k.on("/api2/**").reply(router);
        k.on("/z").reply_with(|_| Reply::new().status(204));
        assert_eq!(k.get("/api2/x").await.text(), "axum");
        assert_eq!(k.get("/z").await.status(), 204);
    });
}
