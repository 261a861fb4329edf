//! Less code around rules: values of the request in given replies, clones for closures, states across rules.

use std::sync::{Arc, Mutex};

use kmock::prelude::*;

#[kmock::test(raw)]
async fn given_replies_name_what_the_path_captures(k: KMock) {
    let order = Order { id: 7 };
    kmock! { k,
        GET "/users/{id: u64}" => { "id": id, "next": id + 1 }, header { "Location": format!("/users/{id}") };
        GET "/text/{name}" => text (format!("hello {name}")), cookie { "name": name };
        GET "/value/{n: u8}" => format!("{n:>3}");
        GET "/list?page={page: u32}" => [page, page + 1];
        GET "/orders/{id}" => { "id": order.id, "template": "/orders/{id}" };
        GET "/users/{id}" => 400, text (format!("{id} is no number"));
    }
    let user = k.get("/users/7").await;
    assert_eq!(user.text(), r#"{"id":7,"next":8}"#);
    assert_eq!(user.header("location"), Some("/users/7"));
    let hello = k.get("/text/j%20d").await;
    assert_eq!(
        (hello.text(), hello.cookie("name")),
        ("hello j d".to_owned(), Some("j d"))
    );
    assert_eq!(k.get("/value/7").await.json(), "  7");
    assert_eq!(k.get("/list?page=2").await.text(), "[2,3]");
    assert_eq!(
        k.get("/orders/9").await.text(),
        r#"{"id":7,"template":"/orders/{id}"}"#
    );
    let wrong = k.get("/users/me").await;
    assert_eq!(
        (wrong.status(), wrong.text()),
        (400, "me is no number".to_owned())
    );
    assert_eq!(order.id, 7);
}

struct Order {
    id: u64,
}

#[kmock::test(raw)]
async fn closures_get_clones_of_what_they_are_with(k: KMock) {
    let db: Arc<Mutex<Vec<String>>> = Arc::default();
    let prefix = "user ".to_owned();
    kmock! { k,
        POST "/users/{name}" => with (db, prefix) |name: String| { db.lock().unwrap().push(format!("{prefix}{name}")); 201 };
        GET "/users" => with (db) || Json(db.lock().unwrap().clone()), header { "x-own": "1" };
        GET "/later" => with (db) async |_req| db.lock().unwrap().len().to_string();
        DELETE "/users" => with (db) |_req| { db.lock().unwrap().clear(); 204 };
    }
    assert_eq!(k.post("/users/john").await.status(), 201);
    let all = k.get("/users").await;
    assert_eq!(
        (all.text(), all.header("x-own")),
        (r#"["user john"]"#.to_owned(), Some("1"))
    );
    assert_eq!(k.get("/later").await.json(), "1");
    assert_eq!(k.delete("/users").await.status(), 204);
    assert!(db.lock().unwrap().is_empty());
    assert_eq!(prefix, "user ");
}

#[kmock::test(raw)]
async fn states_choose_rules_and_requests_change_them(k: KMock) {
    let session = State::new("out");
    kmock! { k,
        POST "/login" json { "password": "right" } >> session.to("in") => 200;
        POST "/login" => 403;
        POST "/logout" >> session.to("out") => 204;
        GET "/me" (session.is("in")) => "john";
        GET "/me" => 401;
    }
    let login = async |password: &str| {
        let body = serde_json::json!({ "password": password });
        k.post("/login").json(body).await.status()
    };
    assert_eq!(k.get("/me").await.status(), 401);
    assert_eq!(login("wrong").await, 403);
    assert_eq!(k.get("/me").await.status(), 401);
    assert_eq!(login("right").await, 200);
    assert_eq!(
        (k.get("/me").await.status(), session.get()),
        (200, "in".to_owned())
    );
    k.post("/logout").await;
    assert_eq!(k.get("/me").await.status(), 401);
    session.set("in");
    assert_eq!(k.get("/me").await.json(), "john");
}

#[kmock::test(raw)]
async fn a_state_that_does_not_fit_is_told(k: KMock) {
    let door = State::new("locked");
    kmock! { k, GET "/room" (door.is("open")) => 200; }
    let told = k.get("/room").await.text();
    assert!(told.contains(r#"✗ state "open", got "locked""#), "{told}");
}

#[kmock::test(raw)]
#[should_panic(expected = "is known when a request comes")]
async fn states_are_not_asked_afterwards(k: KMock) {
    k.filter(State::new("a").is("a"));
}
