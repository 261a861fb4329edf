//! The short tests of docs/transport.md, as they stand there.

use kmock::prelude::*;

#[kmock::test(tls)]
async fn over_tls(k: KMock) {
    kmock! { k, GET "/" => b"john"; }
    assert_eq!(k.url().split(':').next(), Some("https"));
    let client = k.reqwest().build().expect("a client"); // trusts this server
    assert_eq!(client.get(k.url()).send().await.unwrap().status(), 200);
    assert_eq!(k.get("/").await.text(), "john");
}

#[kmock::test(tls)]
async fn who_are_you(k: KMock) {
    kmock! { k,
        GET "/" client_cert "cn=alice,o=dev*" => 200;
        GET "/" client_cert _ => 403;
        GET "/" => 401;
    }
    let alice = k.client_identity("cn=alice,o=developers");
    assert_eq!(k.get("/").identity(&alice).await.status(), 200);
    assert_eq!(k.get("/").await.status(), 401);
}

#[kmock::test(hostnames = ["api.example.com"])]
async fn intercepted(k: KMock) {
    kmock! { k, GET "/x" host "api.example.com" => 200; }
    let client = reqwest::Client::builder()
        .proxy(reqwest::Proxy::all(k.proxy_url()).unwrap())
        .tls_backend_preconfigured(k.rustls())
        .build()
        .unwrap();
    assert_eq!(
        client
            .get("https://api.example.com/x")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[kmock::test(tls)]
async fn expired(k: KMock) {
    kmock! { k,
        let once = connection [0] => certificate expired;
        GET "/" => 200;
    }
    assert!(k.get("/").send().await.is_err());
    assert_eq!(k.get("/").await.status(), 200);
    assert_eq!(once.count(), 1);
}

#[kmock::test]
async fn trouble_at_the_door(k: KMock) {
    kmock! { k,
        connection [..2] => reset;
        connection from 10.0.0.0/8 => stall;
        connection [0] => sleep(10ms);
        connection => limit 100;
        GET "/" => 200;
    }
    for _ in 0..2 {
        assert!(k.get("/").send().await.is_err());
    }
    assert_eq!(k.get("/").await.status(), 200);
}

#[kmock::test]
async fn restarted(k: KMock) {
    kmock! { k, GET "/" => 200; }
    k.go_away().unwrap(); // connections are cut, new ones refused
    assert!(k.get("/").send().await.is_err());
    k.come_back().unwrap(); // the same port, rules and journal
    assert_eq!(k.get("/").await.status(), 200);
    k.disconnect(); // only cuts: pooled connections are stale now
}

#[kmock::test]
async fn around_an_answer(k: KMock) {
    kmock! { k,
        GET "/page" => hint 103 { "Link": "</a.css>; rel=preload" }, sleep(10ms), text "<html>";
        GET "/sum" => b"hello", trailer { "x-sum": "5d41" };
        POST "/sum" trailer { "x-sum": _ } => 201;
    }
    assert_eq!(k.get("/page").await.text(), "<html>");
    assert_eq!(k.get("/sum").await.text(), "hello");
}

#[kmock::test]
async fn old_servers(k: KMock) {
    kmock! { k,
        GET "/1.0" => b"old", http "1.0";
        GET "/open" => b"open", until_eof;
        GET "/names" => header { "X-CaSe": 1 }, b"n", as_written;
    }
    for path in ["/1.0", "/open", "/names"] {
        assert_eq!(k.get(path).await.status(), 200);
    }
}

#[kmock::test]
async fn recorded_and_replayed(k: KMock, real: KMock) {
    kmock! { real, GET "/users/7" => { "id": 7, "token": "s3cret" }; }
    let file = std::env::temp_dir().join(format!("kmock-{}.har", std::process::id()));

    kmock! { k, let all = ANY => record (real.url()); }
    assert_eq!(k.get("/users/7").await.json()["token"], "s3cret");
    k.recording().write(&file).unwrap(); // and a block of `kmock!` beside it
    all.remove();

    kmock! { k, ANY => replay (&file); }
    assert_eq!(k.get("/users/7").await.json()["token"], "REDACTED");
}

#[kmock::test]
async fn while_it_uploads(k: KMock) {
    kmock! { k,
        PUT "/big" => 413, unread;
        PUT "/some" => |req| req.text().into_owned(), unread after 4;
        PUT "/cut" => reset in upload 1000;
        PUT "/slow" => 200, slow upload 64kB/s;
    }
    assert_eq!(k.put("/big").body("x").await.status(), 413);
    assert_eq!(k.put("/slow").body("x").await.status(), 200);
    assert!(k.put("/cut").body(vec![b'x'; 2000]).send().await.is_err());
}

#[kmock::test]
async fn streams_and_connections(k: KMock) {
    kmock! { k,
        GET "/busy" => reset "REFUSED_STREAM", then 200;
        GET "/calm" => goaway "ENHANCE_YOUR_CALM";
        GET "/" => 200;
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    // The client asks again: a stream that was refused was not processed (RFC 9113, 8.7).
    assert_eq!(
        client
            .get(format!("{}/busy", k.url()))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert!(
        client
            .get(format!("{}/calm", k.url()))
            .send()
            .await
            .is_err()
    );
    assert_eq!(client.get(k.url()).send().await.unwrap().status(), 200);
}
