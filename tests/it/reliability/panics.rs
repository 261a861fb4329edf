//! What panics inside is answered and told, wherever it is: no connection is lost in silence, and others go on.

use std::{
    convert::Infallible,
    sync::{Arc, Condvar, Mutex},
};

use axum::{Router, body::Body, routing::get};
use futures::StreamExt;
use kmock::{kubernetes::TokenSigner, prelude::*};
use serde_json::Value;

/// A part of the cluster that is a user's, and panics whatever is asked of it.
#[derive(Debug)]
struct Panics;

impl TokenSigner for Panics {
    fn algorithm(&self) -> &'static str {
        "RS256"
    }

    fn sign(&self, _: &[u8]) -> Option<Vec<u8>> {
        panic!("no key to sign with")
    }

    fn verify(&self, _: &[u8], _: &[u8]) -> bool {
        panic!("no key to verify with")
    }

    fn key(&self) -> Value {
        panic!("no key to show")
    }
}

/// The last error that the server recorded.
fn last_error(k: &KMock) -> String {
    k.errors().pop().unwrap_or_default()
}

#[kmock::test]
async fn a_panic_below_the_rules_is_a_500_and_told(k: KMock) {
    k.cluster().access().sign_tokens_with(Arc::new(Panics));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}});
    k.objects().seed(account);
    let token = k
        .post("/api/v1/namespaces/default/serviceaccounts/a/token")
        .json(json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}))
        .await;
    assert_eq!(token.status(), 500, "{}", token.text());
    assert!(token.text().contains("no key to sign with"));
    assert!(last_error(&k).contains(
        "serviceaccounts/a/token: the server panicked, which is a bug of kmock: no key to sign with"
    ));
    let keys = k.get("/openid/v1/jwks").await;
    assert_eq!(keys.status(), 500);
    assert!(last_error(&k).contains("GET /openid/v1/jwks: the server panicked"));
    // The same server answers on, and the requests are not left open.
    assert_eq!(k.get("/version").await.status(), 200);
    assert_eq!((k.pending(), k.errors().len()), (Vec::new(), 2));
}

/// A body that begins well.
fn body_that_panics() -> Body {
    let parts = futures::stream::iter(0..3).map(|part| match part {
        0 => Ok::<_, Infallible>("well begun"),
        _ => panic!("no second part"),
    });
    Body::from_stream(parts)
}

#[kmock::test]
async fn a_body_that_panics_breaks_off_and_is_told(k: KMock) {
    let app = Router::new().route("/app", get(async || body_that_panics()));
    kmock! { k, GET "/app" => app; }
    let read = async { reqwest::get(format!("{}/app", k.url())).await?.text().await };
    assert!(read.await.is_err(), "it broke off");
    let told = last_error(&k);
    assert!(
        told.contains("GET /app: the body of the answer panicked: no second part"),
        "{told}"
    );
    assert!(k.report().to_string().contains("no second part"));
    assert_eq!(k.pending(), Vec::<String>::new());
}

/// Closures that are not async run on the threads that tokio keeps for what blocks: 512 at a time.
#[kmock::test]
async fn closures_that_block_hold_up_no_other_rules(k: KMock) {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let wait = Arc::clone(&gate);
    kmock! { k,
        GET "/blocks" => |_req| {
            let (open, opened) = &*wait;
            let open = open.lock().expect("no panic");
            drop(opened.wait_while(open, |open| !*open));
            b"late"
        };
        GET "/async" => async |_req| { b"at once" };
        GET "/plain" => b"at once";
    }
    let asking: Vec<_> = (0..520)
        .map(|_| tokio::spawn(k.get("/blocks").send()))
        .collect();
    while k.requests().len() < 520 {
        tokio::task::yield_now().await;
    }
    for path in ["/plain", "/async", "/version"] {
        assert_eq!(k.get(path).await.status(), 200, "{path}");
    }
    // Who waits is told, by the rule.
    let pending = k.pending();
    assert_eq!(pending.len(), 520, "{pending:?}");
    assert!(pending[519].contains("GET /blocks is not answered yet by rule"));
    *gate.0.lock().expect("no panic") = true;
    gate.1.notify_all();
    for one in asking {
        let answer = one.await.expect("no panic").expect("an answer");
        assert_eq!(answer.text(), "late");
    }
}

/// A closure may hold the server that holds it: `shutdown` lets both go, and the runtime's end would.
#[kmock::test]
async fn a_server_that_its_own_closures_hold_goes_by_shutdown() {
    let mut servers = Vec::new();
    for _ in 0..100 {
        let k = KMock::start().await;
        let held = Arc::new(k.clone());
        let seen = Arc::downgrade(&held);
        k.on("/").reply_with(move |_| held.url());
        servers.push((k.address(), seen, k));
    }
    let mut open = Vec::new();
    for (address, seen, k) in servers {
        k.shutdown();
        drop(k);
        assert!(seen.upgrade().is_none(), "the closure is gone");
        open.extend(
            std::net::TcpStream::connect(address)
                .is_ok()
                .then_some(address),
        );
    }
    // A port that is free may be that of another test's server by now.
    assert!(open.len() < 10, "{open:?}");
}
