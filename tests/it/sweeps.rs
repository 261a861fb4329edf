//! Sweeps of plain HTTP, and what goes with them: rest, hot loops, writes that nobody expects. Those of operators are in
//! `tests/kube/sweep`.

use std::{panic::catch_unwind, time::Duration};

use kmock::{
    __private::{SweepOptions, TestOptions, run_sweep},
    prelude::*,
};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::browser::Browser;

/// What a sweep says about a test, which must not pass it.
fn told<F, Fut>(name: &'static str, test: F) -> String
where
    F: Fn(KMock) -> Fut + Copy + Send + Sync + std::panic::UnwindSafe + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let options = TestOptions::new(name)
        .start_paused(true)
        .sweep(SweepOptions::new());
    let outcome = catch_unwind(move || run_sweep::<[(); 1], _>(options, test));
    *outcome
        .expect_err("the sweep finds the bug")
        .downcast::<String>()
        .expect("a message")
}

fn contains(told: &str, texts: &[&str]) {
    for text in texts {
        assert!(told.contains(text), "{text:?} is not in\n{told}");
    }
}

/// Tries until it is done, up to five times, with a pause that the server may name.
async fn patiently<F, Fut>(send: F) -> Response
where
    F: Fn() -> Fut,
    Fut: Future<Output = reqwest::Result<Response>>,
{
    for _ in 0..5 {
        if let Ok(response) = send().await
            && !response.status().is_server_error()
            && response.status() != StatusCode::TOO_MANY_REQUESTS
        {
            return response;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    panic!("five times without success");
}

/// An order is paid for by two requests; the server counts what it books.
fn shop(k: &KMock) -> Booked {
    let booked = Booked::default();
    let book = booked.clone();
    kmock! { k,
        POST "/orders" => |req| {
            book.add(req.header("idempotency-key").map(str::to_owned));
            (201, json!({"id": 7}))
        };
        PUT "/orders/7/payment" => 204;
        GET "/orders/7" => { "id": 7, "paid": true };
    }
    booked
}

/// The orders that the server has, by what tells one from another.
#[derive(Clone, Default)]
struct Booked(std::sync::Arc<std::sync::Mutex<Vec<Option<String>>>>);

impl Booked {
    fn add(&self, key: Option<String>) {
        let mut all = self.0.lock().expect("no panic");
        if key.is_none() || !all.contains(&key) {
            all.push(key);
        }
    }

    fn count(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

async fn order(k: KMock, key: Option<&'static str>) {
    let booked = shop(&k);
    let client = Client::new();
    let url = k.url();
    let made = patiently(|| {
        let mut request = client.post(format!("{url}/orders"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send()
    })
    .await;
    assert_eq!(made.status(), 201);
    patiently(|| client.put(format!("{url}/orders/7/payment")).send()).await;
    assert_eq!(booked.count(), 1, "orders are booked");
}

#[test]
fn an_order_that_is_booked_twice_is_found() {
    let told = told("booked_twice", |k| order(k, None));
    contains(
        &told,
        &[
            "cut after POST /orders",
            "orders are booked",
            "KMOCK_SWEEP=",
        ],
    );
}

#[kmock::test(start_paused = true, sweep)]
async fn an_order_with_a_key_is_booked_once(k: KMock) {
    order(k, Some("order-1")).await;
}

#[test]
fn a_client_without_patience_is_found() {
    let told = told("impatient", |k| async move {
        shop(&k);
        let paid = Client::new()
            .put(format!("{}/orders/7/payment", k.url()))
            .send()
            .await
            .expect("an answer");
        assert_eq!(paid.status(), 204);
    });
    contains(
        &told,
        &[
            "`PUT /orders/7/payment` was answered 503 once",
            "the connection was cut",
        ],
    );
}

#[test]
fn half_an_answer_that_is_taken_for_a_whole_one_is_found() {
    let told = told("half", |k| async move {
        shop(&k);
        let url = format!("{}/orders/7", k.url());
        let client = Client::new();
        let order = patiently(|| client.get(&url).send()).await;
        // The status was fine; that the body broke off is another matter.
        let order: Value = order.json().await.unwrap_or_default();
        assert_eq!(order["paid"], true);
    });
    contains(
        &told,
        &["broke off in its body", "truncated answer to GET /orders/7"],
    );
}

// ---- the page ----

/// The page of a sweep that finds something, and what it says as a text.
fn swept_page(name: &'static str) -> (String, String) {
    let directory = std::env::temp_dir().join(format!("kmock-{name}-{}", std::process::id()));
    let options = TestOptions::new(name)
        .start_paused(true)
        .report(&directory)
        .sweep(SweepOptions::new());
    let outcome = catch_unwind(move || {
        run_sweep::<[(); 1], _>(options, |k: KMock| async move {
            kmock! { k, GET "/orders" => b"[]"; PUT "/orders/*" => 204; }
            let client = Client::new();
            let list = patiently(|| client.get(format!("{}/orders", k.url())).send()).await;
            assert_eq!(list.status(), 200);
            let put = client.put(format!("{}/orders/<7>", k.url())).send().await;
            assert_eq!(put.expect("an answer").status(), 204);
        });
    });
    let told = outcome.expect_err("the sweep finds the bug");
    let page = std::fs::read_to_string(directory.join(format!("{name}.sweep.html")));
    std::fs::remove_dir_all(&directory).expect("removed");
    let told = told.downcast::<String>().expect("a message");
    (page.expect("a page"), *told)
}

#[test]
fn a_sweep_has_a_page_of_places_and_faults() {
    let (page, told) = swept_page("swept");
    let body = page.split_once("<tbody>").expect("a grid").1;
    let rows: Vec<&str> = body.split("<tr>").skip(1).collect();
    assert_eq!(rows.len(), 2, "{page}");
    assert!(rows[0].starts_with("<th>GET /orders</th>"), "{}", rows[0]);
    assert!(rows[1].starts_with("<th>PUT /orders/"), "{}", rows[1]);
    let faults = page.matches("<th>").count() - 1 - rows.len();
    for row in &rows {
        assert_eq!(row.matches("<td ").count(), faults);
    }
    let wrong = page.matches("<td class=\"wrong\"").count();
    assert!(
        told.contains(&format!("found {wrong} faults")),
        "{wrong}: {told}"
    );
    assert!(page.contains("the connection was cut before `PUT /orders/"));
    // It needs nothing else, and carries nothing of a request out.
    for outer in ["<script", "href=", "src=", "url(", "<7>"] {
        assert!(!page.contains(outer), "{outer}");
    }
}

/// What a browser makes of it: it is skipped where there is none.
#[test]
fn a_browser_shows_the_page_of_a_sweep() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let (page, _) = swept_page("shown");
    // The browser counts, and says so in its title.
    let look = "<script>{const all=s=>[...document.querySelectorAll(s)];\
        const widths=new Set(all('tr').map(row=>row.children.length));\
        const red=all('td.wrong').every(td=>getComputedStyle(td).backgroundColor==='rgb(204, 51, 51)');\
        document.title=[widths.size,all('tbody tr').length,all('td.wrong').length,red,\
        all('td').every(td=>td.offsetWidth>5&&td.offsetHeight>5),all('script').length].join(' ')}</script></body>";
    let shown = browser.show(&page.replace("</body>", look));
    let wrong = page.matches("<td class=\"wrong\"").count();
    let want = format!("<title>1 2 {wrong} true true 1</title>");
    assert!(shown.contains(&want), "{want} is not in\n{shown}");
}

#[test]
fn faults_are_left_out_by_name() {
    let options =
        TestOptions::new("left_out")
            .start_paused(true)
            .sweep(SweepOptions::new().without(&[
                "cut",
                "50",
                "503",
                "500",
                "504",
                "429",
                "truncated",
            ]));
    let refused = catch_unwind(move || {
        run_sweep::<[(); 1], _>(options, |k: KMock| async move {
            shop(&k);
        });
    });
    let told = refused.expect_err("50 is none").downcast::<String>();
    contains(
        &told.expect("a message"),
        &["`50` is no fault of a sweep", "cut after"],
    );
}

#[kmock::test(start_paused = true, sweep, sweep_without = ["cut", "500", "503", "504", "429", "truncated"])]
async fn nothing_is_left_to_try(k: KMock) {
    shop(&k);
    let paid = Client::new()
        .put(format!("{}/orders/7/payment", k.url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(paid.status(), 204);
}

// ---- rest, and what never comes to it ----

#[kmock::test(start_paused = true, timeout = 120s)]
#[should_panic(expected = "a hot loop: `patch configmaps default/a")]
async fn a_hot_loop_is_told_by_its_request(k: KMock) {
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    k.program(|url| async move {
        let client = Client::new();
        loop {
            // Nothing changes by it.
            let _ = client
                .patch(format!("{url}/api/v1/namespaces/default/configmaps/a"))
                .header("content-type", "application/merge-patch+json")
                .body("{}")
                .send()
                .await;
        }
    });
    k.settle().await;
}

#[kmock::test(start_paused = true)]
async fn a_program_that_looks_every_second_rests(k: KMock) {
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    k.program(|url| async move {
        let client = Client::new();
        loop {
            let _ = client
                .get(format!("{url}/api/v1/namespaces/default/configmaps/a"))
                .send()
                .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    k.settle().await;
}

// ---- writes that nobody expects ----

async fn write(k: &KMock, resource: &str) {
    let map = json!({"metadata": {"name": "a"}});
    let url = format!("{}/api/v1/namespaces/default/{resource}", k.url());
    let made = Client::new().post(url).json(&map).send().await;
    assert_eq!(made.expect("an answer").status(), 201);
}

#[kmock::test]
#[should_panic(expected = "nothing is written but `create \"configmaps\"`")]
async fn a_write_that_nobody_expects_fails_the_test(k: KMock) {
    k.only_writes(["create configmaps"]);
    write(&k, "configmaps").await;
    write(&k, "secrets").await;
}

#[kmock::test]
async fn what_is_allowed_may_be_written_and_the_test_may_write_all(k: KMock) {
    k.only_writes(["create configmaps"]);
    write(&k, "configmaps").await;
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
    k.request("DELETE", "/api/v1/namespaces/default/secrets/s")
        .await;
    let list = Client::new()
        .get(format!("{}/api/v1/secrets", k.url()))
        .send()
        .await;
    assert_eq!(list.expect("an answer").status(), 200);
}
