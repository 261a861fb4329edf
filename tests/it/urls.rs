//! URLs match themselves: what a client's log shows may stand in a rule, and equal URLs are equal however they are written.

use kmock::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The status of the answer to a target that no client has touched.
async fn raw(k: &KMock, target: &str) -> u16 {
    let mut socket = TcpStream::connect(k.address()).await.expect("connected");
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.expect("an answer");
    String::from_utf8_lossy(&head)[9..]
        .parse()
        .expect("a status")
}

/// What reqwest gets for a URL, which it writes as the URL standard says.
async fn by_reqwest(k: &KMock, target: &str) -> u16 {
    let url = format!("{}{target}", k.url());
    let response = reqwest::Client::new().get(url).send().await;
    response.expect("an answer").status().as_u16()
}

#[kmock::test(raw)]
async fn a_url_from_a_log_matches_itself(k: KMock) {
    kmock! { k,
        GET "/h?q=a%20b" => 201;
        GET "/plus?q=a+b&e=x%40y.z" => 202;
        GET "/caf%C3%A9" => 203;
        GET "/s?q=caf%C3%A9&tags%5B%5D=1" => 204;
        GET "/a%20b/%7Ejohn" => 205;
        GET "/star?q=%2A" => 206;
    }
    for (targets, want) in [
        (&["/h?q=a%20b", "/h?q=a+b", "/h?q=%61%20b"][..], 201),
        (
            &["/plus?q=a+b&e=x%40y.z", "/plus?e=x@y.z&q=a%20b&more"],
            202,
        ),
        (&["/caf%C3%A9", "/caf%c3%a9", "/%63af%C3%A9"], 203),
        (
            &["/s?q=caf%C3%A9&tags%5B%5D=1", "/s?q=caf%c3%a9&tags[]=1"],
            204,
        ),
        (
            &["/a%20b/%7Ejohn", "/a%20b/~john", "/x/../a%20b/./~john"],
            205,
        ),
        (&["/star?q=*", "/star?q=%2A"], 206),
    ] {
        for target in targets {
            assert_eq!(raw(&k, target).await, want, "{target}");
            assert_eq!(k.get(*target).await.status(), want, "{target}");
            assert_eq!(by_reqwest(&k, target).await, want, "{target}");
        }
    }
    for target in ["/h?q=a%2520b", "/star?q=x", "/caf%C3%A8", "/caf%25C3%25A9"] {
        assert_eq!(raw(&k, target).await, 404, "{target}");
    }
}

#[kmock::test(raw)]
async fn paths_that_are_not_ascii_match_what_clients_send(k: KMock) {
    kmock! { k,
        GET "/café" => 201;
        GET "/ü/*.txt" => 202;
        GET (format!("/{}/x", "a b")) => 203;
        GET ~"/größe/[0-9]+" => 204;
        GET ~"/raw%20(a|b)" => 205;
        GET "/d%2Fe/{id}" => |id| id;
    }
    for (target, want) in [
        ("/café", 201),
        ("/ü/ä.txt", 202),
        ("/a b/x", 203),
        ("/größe/12", 204),
        ("/raw a", 205),
    ] {
        assert_eq!(k.get(target).await.status(), want, "{target}");
        assert_eq!(by_reqwest(&k, target).await, want, "{target}");
    }
    let came: Vec<String> = k
        .requests()
        .iter()
        .map(|seen| seen.target().to_owned())
        .collect();
    assert!(came.iter().all(|target| target.is_ascii()), "{came:?}");
    assert_eq!(k.get("/d%2fe/7").await.json(), "7");
    assert_eq!(k.get("/d/e/7").await.status(), 404);
}

#[kmock::test(raw)]
async fn captures_are_decoded_wherever_they_stand(k: KMock) {
    kmock! { k,
        GET "/one/{id}" => |id| id;
        GET "/rest/{rest**}" => |rest| rest;
        GET "/page?n={n: u8}&q={q}" => |n, q| format!("{n} {q}");
        GET "/page?n={n}" => |n| format!("no number: {n}");
        GET ~"/regex/(?<x>.+)" => |req| req.path("x").to_owned();
    }
    for (target, want) in [
        ("/one/a%20b", "a b"),
        ("/one/a%2Fb", "a/b"),
        ("/one/100%25", "100%"),
        ("/rest/a%20b/%C3%BC", "a b/ü"),
        ("/regex/a%20b/%C3%BC", "a b/ü"),
        ("/page?n=7&q=a+b", "7 a b"),
        ("/page?q=&n=255", "255 "),
        ("/page?n=256&q=x", "no number: 256"),
    ] {
        assert_eq!(k.get(target).await.json(), want, "{target}");
    }
    let told = k.get("/page?q=1").await.text();
    assert!(
        told.contains(r#"✗ query "n": {n: u8}, got nothing"#),
        "{told}"
    );
}

#[kmock::test(raw)]
async fn rules_are_found_by_their_paths_however_they_are_written(k: KMock) {
    // So many rules that they are looked up.
    for n in 0..40 {
        k.on(format!("get /é/{n}")).status(200 + n);
        k.on(Filter::path_regex(&format!("/%C3%A9/{n}/[a-z]+")))
            .status(300 + n);
    }
    assert_eq!(k.get("/é/7").await.status(), 207);
    assert_eq!(raw(&k, "/%c3%A9/7").await, 207);
    assert_eq!(raw(&k, "/x/../%C3%A9/9/abc").await, 404);
    assert_eq!(raw(&k, "/%C3%A9/9/abc").await, 309);
}

#[kmock::test(raw)]
async fn the_embedded_client_writes_legal_targets(k: KMock) {
    kmock! { k, GET "/" query { "q": "1" } => 201; GET "/" => 200; }
    assert_eq!(k.get("").await.status(), 200);
    assert_eq!(k.get("?q=1").await.status(), 201);
    assert_eq!(k.get("/#top").await.status(), 200);
    k.get("/a b?c=\"d\"&e={f}").await;
    let last = k.requests();
    let last = last.last().expect("a request");
    assert_eq!(last.target(), "/a%20b?c=%22d%22&e=%7Bf%7D");
    assert_eq!(last.query("e"), Some("{f}"));
}
