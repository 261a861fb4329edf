//! Logs over the API.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use kmock_kubernetes::ApiBody;
use serde_json::Value;

use crate::world::{PODS, World, live, pod};

async fn log(w: &World, query: &str) -> (u16, String) {
    let request = Request::get(format!("{PODS}/a/log{query}"))
        .body(Bytes::new())
        .expect("a request");
    let response = w.cluster.call(request).await;
    let code = response.status().as_u16();
    let text = match response.into_body() {
        ApiBody::Full(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        ApiBody::Stream(stream) => {
            let all: Vec<Bytes> = stream.collect().await;
            String::from_utf8_lossy(&all.concat()).into_owned()
        }
        ApiBody::Upgrade(_) => panic!("a log is no other protocol"),
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(status) if code >= 400 => (
            code,
            status["message"].as_str().unwrap_or_default().to_owned(),
        ),
        _ => (code, text),
    }
}

#[test]
fn logs_are_read_followed_and_cut() {
    live(1, |w| async move {
        w.life.image("talks").run(async |c| {
            c.log("one\ntwo\n");
            tokio::time::sleep(Duration::from_secs(60)).await;
            c.log("three\n");
            tokio::time::sleep(Duration::from_secs(60)).await;
            c.log("end");
        });
        let mut body = pod("a", "talks");
        body["spec"]["restartPolicy"] = "Never".into();
        w.ask(&format!("POST {PODS}"), body).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(log(&w, "").await, (200, "one\ntwo\n".into()));
        // It ends when the container does.
        assert_eq!(
            log(&w, "?follow=true&tailLines=1").await,
            (200, "two\nthree\nend".into())
        );
        w.settle().await;
        assert_eq!(log(&w, "?tailLines=2").await, (200, "three\nend".into()));
        assert_eq!(log(&w, "?limitBytes=5").await, (200, "one\nt".into()));
        assert_eq!(
            log(&w, "?sinceSeconds=70").await,
            (200, "three\nend".into())
        );
        let (_, stamped) = log(&w, "?timestamps=true&tailLines=1").await;
        assert!(
            stamped.ends_with("Z end")
                && stamped.len() == "2026-01-01T00:00:00.000000000Z end".len(),
            "{stamped}"
        );
        assert_eq!(
            log(&w, "?previous=true").await,
            (
                400,
                "previous terminated container \"c\" in pod \"a\" not found".into()
            )
        );
        assert_eq!(
            log(&w, "?container=x").await,
            (400, "container x is not valid for pod a".into())
        );
    });
}

#[test]
fn the_run_before_is_kept_and_who_waits_has_none() {
    live(1, |w| async move {
        w.life.image("flaky").runs(..1).log("first\n").exit(1);
        w.life.image("flaky").log("second\n");
        w.ask(&format!("POST {PODS}"), pod("a", "flaky")).await;
        w.settle().await;
        assert_eq!(
            (log(&w, "").await.1, log(&w, "?previous=true").await.1),
            ("second\n".into(), "first\n".into())
        );
        w.ask(&format!("DELETE {PODS}/a"), serde_json::json!({}))
            .await;
        w.settle().await;
        w.life.image("gone").pull_fails("no such image");
        w.ask(&format!("POST {PODS}"), pod("a", "gone")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            log(&w, "").await,
            (
                400,
                "container \"c\" in pod \"a\" is waiting to start: ImagePullBackOff".into()
            )
        );
    });
}

#[test]
fn logs_come_over_websockets_too() {
    live(1, |w| async move {
        w.life.image("web").log("hello\n");
        w.ask(&format!("POST {PODS}"), pod("a", "web")).await;
        w.settle().await;
        for (offered, code) in [
            ("base64.binary.k8s.io", 101),
            ("binary.k8s.io", 101),
            ("v4.channel.k8s.io", 403),
        ] {
            let request = http::Request::get(format!("{PODS}/a/log"))
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-protocol", offered)
                .body(bytes::Bytes::new());
            let response = w.cluster.call(request.expect("a request")).await;
            assert_eq!(response.status().as_u16(), code, "{offered}");
            let chosen = response.headers().get("sec-websocket-protocol");
            assert_eq!(
                chosen.is_some_and(|chosen| chosen == offered),
                code == 101,
                "{offered}"
            );
        }
    });
}
