//! Waiting for what never comes: who waits, for what, where, and what came instead; the watchdog of each test.

use std::{
    panic::AssertUnwindSafe,
    process::{Command, Output},
    time::{Duration, Instant},
};

use kmock::{__private as p, prelude::*};

/// The panic of a test with this body.
fn failure<F, Fut>(options: p::TestOptions, body: F) -> String
where
    F: FnOnce(KMock) -> Fut,
    Fut: Future<Output = ()> + 'static,
{
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| p::run_async(options, body)));
    let panic = panic.expect_err("it fails");
    let text = panic.downcast_ref::<String>();
    text.cloned().unwrap_or_default()
}

#[kmock::test]
async fn a_wait_in_vain_says_for_what_and_where_and_what_came(k: KMock) {
    kmock! { k, let hello = GET "/hello" => 200; }
    k.get("/hello").await;
    k.get("/helo").await;
    let within = Duration::from_millis(10);
    let waiting = hello.wait_for_within(2, within);
    let here = format!("{}:{}:", file!(), line!() - 1);
    let text = waiting.await.expect_err("no second").to_string();
    let first = text.lines().next().expect("a line");
    assert_eq!(
        first.split(&here).next().expect("a part").trim_end(),
        "request number 2 of rule GET \"/hello\" (there are 1) did not happen within 10ms"
    );
    assert!(first.contains(&here), "{first}");
    assert_eq!(text.matches("what came").count(), 1, "{text}");
    assert!(text.contains("/helo"), "{text}");
}

#[test]
fn what_is_not_waited_for_is_named_when_the_watchdog_ends_a_test() {
    let options = p::TestOptions::new("stuck").timeout(Duration::from_millis(100));
    let text = failure(options, |k| async move {
        let rule = k.on("/x").named("wanted").text("x");
        let gate = Gate::new();
        let both = (
            rule.wait_for_within(3, Duration::from_secs(99)),
            gate.arrived_times(2),
        );
        let view = k.filter("post");
        let third = view.wait_for_within(1, Duration::from_secs(99));
        let _ = tokio::join!(both.0, both.1, third);
    });
    for part in [
        "stuck is not done after 100ms of real time; pending:\n  tests/it/waiting.rs:",
        "waits for request number 3 of rule `wanted` (there are 0)",
        "waits for 2 to arrive at a gate (there are 0)",
        "waits for request number 1 of POST (there are 0)",
        "no requests came at all to http://127.0.0.1:",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
}

#[test]
fn a_sink_that_never_finishes_is_named() {
    let options = p::TestOptions::new("sunk").timeout(Duration::from_millis(200));
    let text = failure(options, |k| async move {
        kmock! { k, GET "/" >> async |_r| { std::future::pending::<()>().await } => 200; }
        k.get("/").await;
    });
    assert!(
        text.contains("a sink of rule GET \"/\" has not taken #0 GET / yet"),
        "{text}"
    );
}

// ---- objects ----

#[test]
fn a_wait_for_an_object_says_where_it_waits_and_how_the_object_differs() {
    for paused in [true, false] {
        let options = p::TestOptions::new("waits").start_paused(paused);
        let text = failure(options, move |k| async move {
            let objects = k.objects();
            objects.seed(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" },
                "data": { "url": "http://blog.example.com" },
            }));
            let want = json!({ "data": { "url": "nope" } });
            match paused {
                true => drop(objects.wait_for("configmaps", "web", &want).await),
                false => {
                    let within = Duration::from_millis(20);
                    let waited = objects.wait_for_within("configmaps", "web", &want, within);
                    if let Err(error) = waited.await {
                        panic!("kmock: {error}");
                    }
                }
            }
        });
        let time = if paused { "3600s" } else { "20ms" };
        let first = format!(
            "kmock: configmaps default/web with {{\"data\":{{\"url\":\"nope\"}}}} did not come true within {time}   tests/it/waiting.rs:"
        );
        assert!(text.starts_with(&first), "{text}");
        let differs = "\n    /data/url: want \"nope\", got \"http://blog.example.com\"\n";
        assert!(text.contains(differs), "{text}");
    }
}

#[test]
fn the_watchdog_names_who_waits_for_an_object() {
    let options = p::TestOptions::new("stuck").timeout(Duration::from_millis(100));
    let text = failure(options, |k| async move {
        let objects = k.objects();
        objects
            .seed(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }));
        objects.wait_for("configmaps", "b", json!({})).await;
    });
    assert!(
        text.contains(
            "waits for configmaps default/b with {}\n      it is not there; there are:\n"
        ),
        "{text}"
    );
    let options = p::TestOptions::new("stuck").timeout(Duration::from_millis(100));
    let text = failure(options, |k| async move {
        k.objects().wait_gone("namespaces", "default").await;
    });
    assert!(
        text.contains("waits for namespaces default to be gone"),
        "{text}"
    );
    assert!(text.contains("nobody has deleted it"), "{text}");
}

#[kmock::test]
async fn a_misspelt_resource_is_guessed_at(k: KMock) {
    let objects = k.objects();
    let failed = std::panic::catch_unwind(AssertUnwindSafe(|| objects.get("configmapss", "a")));
    let text = failed.expect_err("it fails");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(text.contains("did you mean \"configmaps\"?"), "{text}");
}

// ---- tests of their own processes ----

/// Runs an ignored test of this binary, whose output is kept as it is in usual runs.
fn alone(test: &str, timeout: &str) -> (Output, String, Duration) {
    let started = Instant::now();
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", test])
        .env("KMOCK_TIMEOUT", timeout)
        .output()
        .expect("it runs");
    let said = [&output.stderr, &output.stdout].map(|said| String::from_utf8_lossy(said));
    let said = said.concat();
    (output, said, started.elapsed())
}

#[ignore = "run by `a_blocking_client_in_an_async_test_ends_it`"]
#[kmock::test]
async fn blocks_its_own_server(k: KMock) {
    use std::io::{Read, Write};
    kmock! { k, GET "/" => 200; }
    let mut client = std::net::TcpStream::connect(k.address()).expect("connected");
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    client.read_to_string(&mut String::new()).expect("read");
}

#[test]
fn a_blocking_client_in_an_async_test_ends_it() {
    let (output, said, took) = alone("waiting::blocks_its_own_server", "1");
    assert_eq!(output.status.code(), Some(101), "{said}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    for part in [
        "waiting::blocks_its_own_server is not done after 1s of real time",
        "A blocking client (ureq, reqwest::blocking)",
        "Write `fn` for `async fn`, or `#[kmock::test(flavor = \"multi_thread\")]`",
        "its thread is blocked, so the process ends here",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
}

#[ignore = "run by `a_test_that_blocks_is_told_before_it_is_ended`"]
#[kmock::test]
async fn blocks_for_a_while(k: KMock) {
    std::thread::sleep(Duration::from_secs(7));
    drop(k);
}

#[test]
fn a_test_that_blocks_is_told_before_it_is_ended() {
    let (output, said, _) = alone("waiting::blocks_for_a_while", "60");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("waiting::blocks_for_a_while blocks its thread, for 6s by now"),
        "{said}"
    );
}

#[ignore = "run by `a_sync_test_that_never_ends_is_ended`"]
#[kmock::test]
fn never_ends(k: KMock) {
    let gate = Gate::new();
    k.on("/").hold(&gate).text("never");
    let mut client = std::net::TcpStream::connect(k.address()).expect("connected");
    std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    std::io::Read::read_to_string(&mut client, &mut String::new()).expect("read");
}

#[test]
fn a_sync_test_that_never_ends_is_ended() {
    let (output, said, _) = alone("waiting::never_ends", "1s");
    assert_eq!(output.status.code(), Some(101), "{said}");
    assert!(said.contains("never_ends is not done after 1s"), "{said}");
    assert!(
        said.contains("#0 GET / is not answered yet by rule"),
        "{said}"
    );
}

#[ignore = "run by `an_unreadable_time_is_refused`"]
#[kmock::test]
async fn does_nothing() {}

#[test]
fn an_unreadable_time_is_refused() {
    let (output, said, _) = alone("waiting::does_nothing", "soon");
    assert!(!output.status.success());
    assert!(said.contains("KMOCK_TIMEOUT=\"soon\" is no time"), "{said}");
    assert!(alone("waiting::does_nothing", "off").0.status.success());
}

#[ignore = "run by `a_report_of_a_wait_is_printed_once`"]
#[kmock::test(start_paused = true)]
async fn waits_in_vain(k: KMock) {
    kmock! { k, let hello = GET "/hello" => 200; }
    k.get("/helo").await;
    hello.wait_for(1).await.expect("it comes");
}

#[ignore = "run by `a_report_of_a_wait_is_printed_once`"]
#[kmock::test(start_paused = true)]
async fn returns_the_wait(k: KMock) -> Result<(), kmock::Error> {
    kmock! { k, let hello = GET "/hello" => 200; }
    k.get("/helo").await;
    hello.wait_for(1).await?;
    Ok(())
}

#[test]
fn a_report_of_a_wait_is_printed_once() {
    for test in ["waiting::waits_in_vain", "waiting::returns_the_wait"] {
        let (output, said, _) = alone(test, "60");
        assert!(!output.status.success());
        assert_eq!(said.matches("what came, 1 request").count(), 1, "{said}");
        assert_eq!(said.matches("1 letter off").count(), 1, "{said}");
    }
}
