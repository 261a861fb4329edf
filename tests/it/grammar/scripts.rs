//! Whole scripts: servers, handles, sets of rules, order and priority, sinks, slices.

use std::sync::{Arc, Mutex, mpsc};

use kmock::prelude::*;

#[kmock::test]
async fn a_single_rule_is_worth_its_handle(k: KMock) {
    let hello = kmock!(k, POST "/hello" => 201);
    let by_reference = kmock!(&k, GET "/ref" => 202);
    k.post("/hello").await;
    assert_eq!(hello.count(), 1);
    assert_eq!(by_reference.count(), 0);
}

#[kmock::test]
async fn servers_are_any_expression(k: KMock) {
    struct World {
        servers: Vec<KMock>,
    }
    let world = World {
        servers: vec![k.clone()],
    };
    kmock! { world.servers[0], GET "/a" => 201; }
    kmock! { Arc::new(k.clone()), GET "/b" => 202; }
    assert_eq!(k.get("/a").await.status(), 201);
    assert_eq!(k.get("/b").await.status(), 202);
}

#[kmock::test]
async fn sets_of_rules_are_values(k: KMock) {
    fn rules(status: u16) -> Rules {
        kmock! {
            GET "/status" => |_req| status;
            fallback { ANY => 404; }
        }
    }
    let more = kmock! { GET "/more" => 202 };
    let none = kmock! {};
    k.mount(rules(201) + more + none);
    assert_eq!(k.get("/status").await.status(), 201);
    assert_eq!(k.get("/more").await.status(), 202);
    assert_eq!(k.rules().iter().count(), 3);
}

#[kmock::test]
async fn bare_blocks_mount_in_statements(k: KMock) {
    for n in 0..2 {
        kmock! { GET (format!("/loop/{n}")) => 201; }
    }
    if k.requests().is_empty() {
        kmock! { "/if" => 202; }
    }
    match k.requests().len() {
        0 => kmock! { "/match" => 203; },
        n => panic!("{n} requests before the first"),
    }
    let rules = kmock! { "/set" => 204; };
    tokio::spawn(async move { drop(rules) }).await.unwrap();
    kmock!("/parens" => 205);
    for (path, status) in [
        ("/loop/1", 201),
        ("/if", 202),
        ("/match", 203),
        ("/set", 404),
        ("/parens", 205),
    ] {
        assert_eq!(k.get(path).await.status(), status, "{path}");
    }
}

#[kmock::test]
async fn priorities_stack(k: KMock) {
    kmock! {
        GET "/" => 201;
        #[priority(10)]
        GET "/" [1..] => 202;
        override {
            GET "/" [3..] => 204;
            override GET "/" [4..] => 205;
        }
        override GET "/" [2..] => 203;
        fallback => 206;
        fallback { fallback => 207; "/f" => 208; }
    }
    let mut got = Vec::new();
    for _ in 0..5 {
        got.push(k.get("/").await.status());
    }
    assert_eq!(got, [201, 202, 203, 204, 205]);
    assert_eq!(k.get("/f").await.status(), 206);
}

#[kmock::test]
async fn slices(k: KMock) {
    kmock! {
        GET "/" [0] => 201;
        GET "/" [..3] => 202;
        GET "/" [1..=2] => 203;
        GET "/" => 204;
    }
    let mut got = Vec::new();
    for _ in 0..8 {
        got.push(k.get("/").await.status());
    }
    // Each rule numbers what fits it: the third one's turn is over when it is asked.
    assert_eq!(got, [201, 202, 202, 204, 204, 204, 204, 204]);
}

#[kmock::test]
async fn spies_and_sinks(k: KMock) {
    let list: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let paths = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&paths);
    kmock! {
        let spy = GET;
        GET "/" >> &list >> sender.clone() >> |req| kept.lock().unwrap().push(req.url_path().to_owned()) => 201;
        ANY >> &list;
    }
    k.get("/").await;
    k.post("/other").await;
    assert_eq!(spy.count(), 1);
    assert_eq!(list.lock().unwrap().len(), 2);
    assert_eq!(receiver.recv().unwrap().url_path(), "/");
    assert_eq!(*paths.lock().unwrap(), ["/"]);
}

#[kmock::test]
async fn attributes_of_rules(k: KMock) {
    kmock! {
        /// the greeting,
        /// in two lines
        let named = GET "/" => 200;
        #[expect(1..)] GET "/asked" => 201;
        #[expect(2)] GET "/twice" => 202;
        #[never] DELETE => 405;
        #[cfg(any())] GET "/not-compiled" => 203;
    }
    assert_eq!(named.to_string(), "rule `the greeting, in two lines`");
    assert!(k.check().is_err());
    k.get("/asked").await;
    k.get("/twice").await;
    k.get("/twice").await;
    assert!(k.check().is_ok());
    assert_eq!(k.get("/not-compiled").await.status(), 404);
}

#[kmock::test]
#[should_panic(expected = "before rule")]
async fn order_is_checked(k: KMock) {
    kmock! {
        in_order! {
            let first = POST "/a" => 201;
            POST "/b" => 202;
        }
    }
    k.post("/b").await;
    k.post("/a").await;
    assert_requests!(first == 1);
}
