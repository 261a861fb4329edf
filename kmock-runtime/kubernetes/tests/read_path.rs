//! Lists and watches through the cluster's one door, without sockets and under paused time.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http::Request;
use kmock_kubernetes::internals::model::resource::ResourceKey;
use kmock_kubernetes::{ApiBody, Cluster};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// A cluster with the words of a test.
struct Given(Cluster);

impl Given {
    fn new() -> Self {
        Self(Cluster::default())
    }

    async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let response = self.0.call(request.body(body).unwrap()).await;
        let code = response.status().as_u16();
        let ApiBody::Full(bytes) = response.into_body() else {
            panic!("a stream")
        };
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, uri: &str) -> Value {
        self.send("GET", uri, &[], &Value::Null).await.1
    }

    async fn create(&self, name: &str, labels: Value) -> Value {
        let body = json!({"metadata": {"name": name, "labels": labels}, "data": {"v": "1"}});
        let (code, object) = self.send("POST", MAPS, &[], &body).await;
        assert_eq!(code, 201, "{object}");
        object
    }

    async fn patch(&self, name: &str, patch: Value) -> Value {
        let headers = [("content-type", "application/merge-patch+json")];
        let (code, object) = self
            .send("PATCH", &format!("{MAPS}/{name}"), &headers, &patch)
            .await;
        assert_eq!(code, 200, "{object}");
        object
    }

    async fn delete(&self, name: &str) {
        let (code, answer) = self
            .send("DELETE", &format!("{MAPS}/{name}"), &[], &Value::Null)
            .await;
        assert_eq!(code, 200, "{answer}");
    }

    async fn watch(&self, query: &str, accept: &str) -> Lines {
        let uri = format!("{MAPS}?watch=true&{query}");
        let request = Request::get(uri)
            .header("accept", accept)
            .body(Bytes::new())
            .unwrap();
        match self.0.call(request).await.into_body() {
            ApiBody::Stream(lines) => Lines(lines),
            other => panic!("{other:?}"),
        }
    }
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

struct Lines(BoxStream<'static, Bytes>);

impl Lines {
    async fn raw(&mut self) -> Option<Bytes> {
        timeout(Duration::from_secs(7200), self.0.next())
            .await
            .expect("a line or the end")
    }

    async fn next(&mut self) -> (String, Value) {
        let line = self.raw().await.expect("a line");
        let event: Value = serde_json::from_slice(&line).unwrap();
        (
            event["type"].as_str().unwrap().to_owned(),
            event["object"].clone(),
        )
    }

    /// Type and name of the next event.
    async fn brief(&mut self) -> String {
        let (kind, object) = self.next().await;
        format!(
            "{kind} {}",
            object["metadata"]["name"].as_str().unwrap_or_default()
        )
    }

    async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(10), self.0.next())
            .await
            .is_err()
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

#[test]
fn pages_are_of_one_state() {
    run(async {
        let k = Given::new();
        for name in ["e", "c", "a", "d", "b"] {
            k.create(name, json!({})).await;
        }
        let first = k.get(&format!("{MAPS}?limit=2")).await;
        assert_eq!(names(&first), ["a", "b"]);
        assert_eq!(first["metadata"]["remainingItemCount"], 3);
        k.create("bb", json!({})).await;
        k.delete("d").await;
        let token = first["metadata"]["continue"].as_str().unwrap();
        let second = k.get(&format!("{MAPS}?limit=2&continue={token}")).await;
        assert_eq!(names(&second), ["c", "d"]);
        assert_eq!(version(&second), version(&first));
        let token = second["metadata"]["continue"].as_str().unwrap();
        let last = k.get(&format!("{MAPS}?continue={token}")).await;
        assert_eq!(names(&last), ["e"]);
        assert_eq!(last["metadata"].get("continue"), None);
    });
}

#[test]
fn a_compacted_page_tells_how_to_go_on() {
    run(async {
        let k = Given::new();
        for name in ["a", "b", "c"] {
            k.create(name, json!({})).await;
        }
        let first = k.get(&format!("{MAPS}?limit=1")).await;
        k.create("bb", json!({})).await;
        k.0.compact();
        let token = first["metadata"]["continue"].as_str().unwrap();
        let (code, gone) = k
            .send(
                "GET",
                &format!("{MAPS}?limit=1&continue={token}"),
                &[],
                &Value::Null,
            )
            .await;
        assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));
        let token = gone["metadata"]["continue"].as_str().unwrap();
        let rest = k.get(&format!("{MAPS}?continue={token}")).await;
        assert_eq!(names(&rest), ["b", "bb", "c"]);
    });
}

#[test]
fn a_version_that_is_too_large_is_waited_for() {
    run(async {
        let k = Given::new();
        let start = Instant::now();
        let (code, status) = k
            .send(
                "GET",
                &format!("{MAPS}?resourceVersion=9999"),
                &[],
                &Value::Null,
            )
            .await;
        assert_eq!((code, start.elapsed()), (504, Duration::from_secs(3)));
        assert_eq!(
            status["details"]["causes"][0]["reason"],
            "ResourceVersionTooLarge"
        );
        // A write in the meantime ends the wait.
        let next = k.0.store().revision() + 1;
        let uri = format!("{MAPS}/a?resourceVersion={next}");
        let (read, _) = futures::future::join(k.send("GET", &uri, &[], &Value::Null), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            k.create("a", json!({})).await
        })
        .await;
        assert_eq!(read.0, 200);
    });
}

#[test]
fn objects_enter_and_leave_a_selection() {
    run(async {
        let k = Given::new();
        k.create("a", json!({"color": "red"})).await;
        let mut lines = k.watch("labelSelector=color%3Dred", "").await;
        assert_eq!(lines.brief().await, "ADDED a");
        let changed = k
            .patch(
                "a",
                json!({"metadata": {"labels": {"color": "blue"}}, "data": {"v": "2"}}),
            )
            .await;
        let (kind, object) = lines.next().await;
        assert_eq!(
            (kind.as_str(), &object["data"]["v"]),
            ("DELETED", &json!("1")),
            "the former state"
        );
        assert_eq!(
            version(&object),
            version(&changed),
            "at the version of the change"
        );
        k.patch("a", json!({"data": {"v": "3"}})).await;
        k.patch("a", json!({"metadata": {"labels": {"color": "red"}}}))
            .await;
        assert_eq!(lines.brief().await, "ADDED a");
        k.delete("a").await;
        assert_eq!(lines.brief().await, "DELETED a");
        assert!(lines.is_silent().await);
    });
}

#[test]
fn a_watch_replays_what_it_missed() {
    run(async {
        let k = Given::new();
        let a = k.create("a", json!({})).await;
        k.patch("a", json!({"data": {"v": "2"}})).await;
        k.create("b", json!({})).await;
        k.delete("a").await;
        let mut lines = k
            .watch(&format!("resourceVersion={}", version(&a)), "")
            .await;
        for want in ["MODIFIED a", "ADDED b", "DELETED a"] {
            assert_eq!(lines.brief().await, want);
        }
        assert!(lines.is_silent().await);
        k.0.compact();
        let mut late = k
            .watch(&format!("resourceVersion={}", version(&a)), "")
            .await;
        let (kind, status) = late.next().await;
        assert_eq!(
            (kind.as_str(), &status["code"], &status["reason"]),
            ("ERROR", &json!(410), &json!("Expired"))
        );
        assert!(late.raw().await.is_none(), "the stream ends");
    });
}

#[test]
fn initial_events_end_with_a_bookmark() {
    run(async {
        let k = Given::new();
        k.create("b", json!({})).await;
        k.create("a", json!({})).await;
        let now = k.0.store().revision();
        let query =
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let mut lines = k.watch(query, "").await;
        assert_eq!(lines.brief().await, "ADDED a");
        assert_eq!(lines.brief().await, "ADDED b");
        let (kind, object) = lines.next().await;
        assert_eq!(kind, "BOOKMARK");
        assert_eq!(
            object["metadata"]["annotations"]["k8s.io/initial-events-end"],
            "true"
        );
        assert_eq!(version(&object), now.to_string());
    });
}

#[test]
fn watches_end_on_time_and_send_bookmarks_until_then() {
    run(async {
        let k = Given::new();
        let start = Instant::now();
        let mut lines = k
            .watch(
                "resourceVersion=104&allowWatchBookmarks=true&timeoutSeconds=150",
                "",
            )
            .await;
        for minute in 1..=2 {
            assert_eq!(lines.next().await.0, "BOOKMARK");
            assert_eq!(start.elapsed(), Duration::from_secs(60 * minute));
        }
        assert!(lines.raw().await.is_none());
        assert_eq!(start.elapsed(), Duration::from_secs(150));
    });
}

#[test]
fn tests_drop_pause_and_bookmark_watches() {
    run(async {
        let k = Given::new();
        let maps = ResourceKey::new("", "configmaps");
        let mut lines = k
            .watch("allowWatchBookmarks=true&resourceVersion=104", "")
            .await;
        k.0.bookmark_now(Some(&maps));
        assert_eq!(lines.next().await.0, "BOOKMARK");
        k.0.pause_watches(Some(&maps));
        k.create("a", json!({})).await;
        assert!(lines.is_silent().await);
        k.0.resume_watches(Some(&maps));
        assert_eq!(lines.brief().await, "ADDED a");
        k.0.drop_watches(Some(&ResourceKey::new("", "pods")));
        assert!(lines.is_silent().await, "that was another resource");
        k.0.drop_watches(None);
        assert!(lines.raw().await.is_none());
    });
}

#[test]
fn all_watchers_share_the_bytes_of_an_event() {
    run(async {
        let k = Given::new();
        let (mut one, mut two) = (k.watch("", "").await, k.watch("labelSelector=!x", "").await);
        k.create("a", json!({})).await;
        let (one, two) = (one.raw().await.unwrap(), two.raw().await.unwrap());
        assert_eq!(one.as_ptr(), two.as_ptr());
    });
}

#[test]
fn tables_and_metadata_in_watches() {
    run(async {
        let k = Given::new();
        k.create("a", json!({})).await;
        let mut tables = k
            .watch("", "application/json;as=Table;v=v1;g=meta.k8s.io")
            .await;
        let mut metadata = k
            .watch(
                "",
                "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            )
            .await;
        k.patch("a", json!({"data": {"w": "2"}})).await;
        let (first, second) = (tables.next().await.1, tables.next().await.1);
        assert_eq!(first["columnDefinitions"][1]["name"], "Data");
        assert_eq!(
            (&second["columnDefinitions"], &second["rows"][0]["cells"][1]),
            (&Value::Null, &json!(2))
        );
        for kind in ["ADDED", "MODIFIED"] {
            let (found, object) = metadata.next().await;
            assert_eq!(
                (found.as_str(), &object["kind"]),
                (kind, &json!("PartialObjectMetadata"))
            );
            assert_eq!(object.get("data"), None);
        }
    });
}

#[test]
fn built_in_objects_come_with_their_kind_first() {
    run(async {
        let k = Given::new();
        k.create("a", json!({"x": "y"})).await;
        let request = Request::get(format!("{MAPS}/a"))
            .body(Bytes::new())
            .unwrap();
        let ApiBody::Full(bytes) = k.0.call(request).await.into_body() else {
            panic!("a stream")
        };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(
            text.starts_with(r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","#),
            "{text}"
        );
        assert!(text.ends_with("}\n"));
    });
}

#[test]
fn go_clients_get_protobuf() {
    run(async {
        let k = Given::new();
        k.create("a", json!({})).await;
        for (uri, content_type) in [
            (MAPS.to_owned(), "application/vnd.kubernetes.protobuf"),
            (format!("{MAPS}/a"), "application/vnd.kubernetes.protobuf"),
            (
                format!("{MAPS}?watch=true"),
                "application/vnd.kubernetes.protobuf;stream=watch",
            ),
        ] {
            let request = Request::get(&uri).header(
                "accept",
                "application/vnd.kubernetes.protobuf,application/json",
            );
            let response = k.0.call(request.body(Bytes::new()).unwrap()).await;
            assert_eq!(response.headers()["content-type"], content_type);
            match response.into_body() {
                ApiBody::Full(bytes) => assert!(bytes.starts_with(b"k8s\0")),
                ApiBody::Stream(frames) => {
                    let frame = Lines(frames).raw().await.unwrap();
                    let (length, event) = frame.split_at(4);
                    assert_eq!(
                        u32::from_be_bytes(length.try_into().unwrap()) as usize,
                        event.len()
                    );
                    assert!(event.windows(5).any(|bytes| bytes == b"ADDED"));
                }
                ApiBody::Upgrade(_) => panic!("not asked for"),
            }
        }
    });
}

#[test]
fn discovery_is_known_by_its_etag() {
    run(async {
        let k = Given::new();
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let ask = async |etag: &str| {
            let request = Request::get("/apis")
                .header("accept", accept)
                .header("if-none-match", etag);
            k.0.call(request.body(Bytes::new()).unwrap()).await
        };
        let first = ask("").await;
        let etag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(
            (first.status().as_u16(), ask(&etag).await.status().as_u16()),
            (200, 304)
        );
    });
}
