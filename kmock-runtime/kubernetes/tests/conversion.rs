//! Conversion webhooks: when they are asked, what they are sent, what becomes of their answers.

#[path = "api/mod.rs"]
mod api;

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use kmock_kubernetes::{ApiBody, Cluster, WebhookCall, WebhookCaller};
use serde_json::{Value, json};

type Answer = dyn Fn(&Value) -> Result<Value, String> + Send + Sync;

/// A webhook that keeps what it was sent.
struct Hook {
    sent: Mutex<Vec<(String, Value)>>,
    answer: Mutex<Box<Answer>>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl WebhookCaller for Hook {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let review: Value = serde_json::from_slice(&call.body).expect("JSON");
        let answer = (self.answer.lock().expect("answer"))(&review);
        self.sent.lock().expect("sent").push((call.url, review));
        Box::pin(async move { Ok(Response::new(answer?.to_string().into())) })
    }
}

impl Hook {
    fn answers(&self, answer: impl Fn(&Value) -> Result<Value, String> + Send + Sync + 'static) {
        *self.answer.lock().expect("answer") = Box::new(answer);
    }

    /// The reviews since the last call: wanted version and names of objects.
    fn reviews(&self) -> Vec<(String, Vec<String>)> {
        let sent = std::mem::take(&mut *self.sent.lock().expect("sent"));
        let names = |review: &Value| {
            let objects = review["request"]["objects"].as_array().expect("objects");
            objects
                .iter()
                .map(|one| text(&one["metadata"]["name"]))
                .collect()
        };
        let wanted = |review: &Value| text(&review["request"]["desiredAPIVersion"]);
        let told = sent
            .iter()
            .map(|(_, review)| (wanted(review), names(review)));
        told.collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `spec.address: "host:port"` of v1 is `spec.host` and `spec.port` of v2.
fn converted(object: &Value, wanted: &str) -> Value {
    let mut out = object.clone();
    out["apiVersion"] = wanted.into();
    let spec = &object["spec"];
    if wanted.ends_with("/v2") {
        let address = text(&spec["address"]);
        let (host, port) = address.split_once(':').unwrap_or((&address, ""));
        out["spec"] = json!({"host": host, "port": port});
    } else {
        out["spec"] =
            json!({"address": format!("{}:{}", text(&spec["host"]), text(&spec["port"]))});
    }
    out
}

fn answered(review: &Value, objects: Vec<Value>) -> Value {
    json!({
        "apiVersion": review["apiVersion"], "kind": "ConversionReview",
        "response": {"uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": objects},
    })
}

fn convert_all(review: &Value) -> Value {
    let objects = review["request"]["objects"].as_array().expect("objects");
    let wanted = text(&review["request"]["desiredAPIVersion"]);
    answered(
        review,
        objects.iter().map(|one| converted(one, &wanted)).collect(),
    )
}

fn definition(storage: &str) -> Value {
    let version = |name: &str, spec: Value| {
        json!({
            "name": name, "served": true, "storage": name == storage,
            "subresources": {"status": {}},
            "selectableFields": spec.as_object().expect("fields").keys()
                .map(|field| json!({"jsonPath": format!(".spec.{field}")})).collect::<Vec<_>>(),
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": spec},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            }}},
        })
    };
    let string = json!({"type": "string"});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "links.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "links", "kind": "Link"},
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v9", "v1", "v1beta1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "convert", "path": "/convert"}},
            }},
            "versions": [
                version("v1", json!({"address": string})),
                version("v2", json!({"host": string, "port": string})),
            ],
        },
    })
}

struct Server {
    cluster: Cluster,
    hook: Arc<Hook>,
}

impl Server {
    /// With links, stored in `v1`.
    fn new() -> Self {
        let hook = Arc::new(Hook {
            sent: Mutex::default(),
            answer: Mutex::new(Box::new(|review| Ok(convert_all(review)))),
        });
        let cluster = Cluster::default();
        cluster.webhooks().route("operators/convert", hook.clone());
        cluster.define(&definition("v1")).expect("a definition");
        Self { cluster, hook }
    }

    async fn call(&self, line: &str, body: Value) -> (u16, Value) {
        api::call(&self.cluster, line, body).await
    }

    async fn done(&self, line: &str, body: Value) -> Value {
        let (code, answer) = self.call(line, body).await;
        assert!(code < 300, "{line}: {code} {answer}");
        answer
    }

    async fn refused(&self, line: &str, body: Value) -> (u16, String) {
        let (code, answer) = self.call(line, body).await;
        assert!(code >= 400, "{line}: {code} {answer}");
        (code, text(&answer["message"]))
    }

    async fn create_v1(&self, name: &str, address: &str) -> Value {
        self.done(&format!("POST {V1}"), v1(name, address)).await
    }

    /// The first frames of a watch.
    async fn watch(&self, path: &str, count: usize) -> Vec<Value> {
        let request = Request::get(path).body(Bytes::new()).expect("a request");
        let ApiBody::Stream(stream) = self.cluster.call(request).await.into_body() else {
            panic!("no stream")
        };
        let frames: Vec<Bytes> = stream.take(count).collect().await;
        let read = |frame: &Bytes| serde_json::from_slice(frame).expect("JSON");
        frames.iter().map(read).collect()
    }
}

const V1: &str = "/apis/example.com/v1/namespaces/default/links";
const V2: &str = "/apis/example.com/v2/namespaces/default/links";

fn v1(name: &str, address: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Link", "metadata": {"name": name}, "spec": {"address": address}})
}

fn v2(name: &str, host: &str, port: &str) -> Value {
    json!({"apiVersion": "example.com/v2", "kind": "Link", "metadata": {"name": name},
        "spec": {"host": host, "port": port}})
}

fn asked(wanted: &str, names: &[&str]) -> (String, Vec<String>) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    (format!("example.com/{wanted}"), names)
}

#[test]
fn every_verb_converts_between_the_version_of_the_request_and_the_stored_one() {
    api::run(async {
        let server = Server::new();
        let made = server.done(&format!("POST {V2}"), v2("a", "h", "1")).await;
        assert_eq!(
            (&made["apiVersion"], &made["spec"]),
            (&json!("example.com/v2"), &json!({"host": "h", "port": "1"}))
        );
        assert_eq!(
            server.hook.reviews(),
            [asked("v1", &["a"]), asked("v2", &["a"])]
        );
        let stored = server.cluster.objects().get("links", "a").expect("stored");
        assert_eq!(
            (&stored["apiVersion"], &stored["spec"]["address"]),
            (&json!("example.com/v1"), &json!("h:1"))
        );
        assert!(server.hook.reviews().is_empty());

        let shown = server.done(&format!("GET {V1}/a"), Value::Null).await;
        assert_eq!(shown["spec"], json!({"address": "h:1"}));
        assert!(server.hook.reviews().is_empty(), "nothing to convert");
        server.done(&format!("GET {V2}/a"), Value::Null).await;
        assert_eq!(server.hook.reviews(), [asked("v2", &["a"])]);

        let patched = server
            .done(&format!("PATCH {V2}/a"), json!({"spec": {"port": "2"}}))
            .await;
        assert_eq!(patched["spec"], json!({"host": "h", "port": "2"}));
        assert_eq!(patched["metadata"]["generation"], 2);
        let mut changed = patched.clone();
        changed["spec"]["host"] = "i".into();
        let put = server.done(&format!("PUT {V2}/a"), changed).await;
        assert_eq!(put["spec"], json!({"host": "i", "port": "2"}));
        let status = server
            .done(
                &format!("PATCH {V2}/a/status"),
                json!({"status": {"ready": true}}),
            )
            .await;
        assert_eq!(status["status"]["ready"], true);
        let shown = server.done(&format!("GET {V1}/a"), Value::Null).await;
        assert_eq!(
            (&shown["spec"], &shown["status"]),
            (&json!({"address": "i:2"}), &json!({"ready": true}))
        );
        let dry = server
            .done(
                &format!("PATCH {V2}/a?dryRun=All"),
                json!({"spec": {"port": "3"}}),
            )
            .await;
        assert_eq!(dry["spec"]["port"], "3");
        server.done(&format!("DELETE {V2}/a"), Value::Null).await;
        assert_eq!(
            server.call(&format!("GET {V1}/a"), Value::Null).await.0,
            404
        );
    });
}

#[test]
fn a_review_has_the_form_of_the_server() {
    api::run(async {
        let server = Server::new();
        server.create_v1("a", "h:1").await;
        server.done(&format!("GET {V2}/a"), Value::Null).await;
        let sent = server.hook.sent.lock().expect("sent").clone();
        let [(url, review)] = sent.as_slice() else {
            panic!("{sent:?}")
        };
        assert_eq!(url, "https://convert.operators.svc:443/convert?timeout=30s");
        assert_eq!(
            (&review["apiVersion"], &review["kind"]),
            (
                &json!("apiextensions.k8s.io/v1"),
                &json!("ConversionReview")
            )
        );
        let object = &review["request"]["objects"][0];
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("Link"), &json!("example.com/v1"))
        );
        assert!(
            object["metadata"]["managedFields"].is_array() && object["metadata"]["uid"].is_string()
        );
    });
}

#[test]
fn a_list_is_one_review_and_what_is_known_is_not_asked_again() {
    api::run(async {
        let server = Server::new();
        for name in ["a", "b", "c"] {
            server.create_v1(name, &format!("{name}:1")).await;
        }
        assert!(server.hook.reviews().is_empty());
        let list = server.done(&format!("GET {V2}"), Value::Null).await;
        let hosts: Vec<&Value> = list["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|one| &one["spec"]["host"])
            .collect();
        assert_eq!(hosts, ["a", "b", "c"]);
        assert_eq!(server.hook.reviews(), [asked("v2", &["a", "b", "c"])]);
        server.create_v1("d", "d:1").await;
        let page = server.done(&format!("GET {V2}?limit=2"), Value::Null).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(2));
        assert!(server.hook.reviews().is_empty());
        let found = server
            .done(
                &format!("GET {V2}?fieldSelector=spec.host%3Dd"),
                Value::Null,
            )
            .await;
        assert_eq!(found["items"][0]["metadata"]["name"], "d");
        assert_eq!(server.hook.reviews(), [asked("v2", &["d"])]);
        let gone = server
            .done(
                &format!("DELETE {V2}?fieldSelector=spec.host%3Dd"),
                Value::Null,
            )
            .await;
        assert_eq!(gone["items"][0]["spec"]["port"], "1");
        assert_eq!(
            server.done(&format!("GET {V1}"), Value::Null).await["items"]
                .as_array()
                .map(Vec::len),
            Some(3)
        );
    });
}

#[test]
fn watches_show_the_version_that_they_ask_for() {
    api::run(async {
        let server = Server::new();
        server.create_v1("a", "h:1").await;
        server.create_v1("b", "i:1").await;
        let watching = server.watch("/apis/example.com/v2/links?watch=true", 4);
        let writing = async {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            server
                .done(
                    &format!("PATCH {V1}/a"),
                    json!({"spec": {"address": "h:2"}}),
                )
                .await;
            server.done(&format!("DELETE {V1}/b"), Value::Null).await;
        };
        let (frames, ()) = futures::future::join(watching, writing).await;
        let told: Vec<_> = frames
            .iter()
            .map(|frame| {
                (
                    text(&frame["type"]),
                    text(&frame["object"]["spec"]["host"]),
                    text(&frame["object"]["spec"]["port"]),
                )
            })
            .collect();
        let expected = [
            ("ADDED", "h", "1"),
            ("ADDED", "i", "1"),
            ("MODIFIED", "h", "2"),
            ("DELETED", "i", "1"),
        ];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(told, expected);
    });
}

#[test]
fn of_the_metadata_only_labels_and_annotations_may_change() {
    api::run(async {
        let server = Server::new();
        server.hook.answers(|review| {
            let mut answer = convert_all(review);
            let metadata = &mut answer["response"]["convertedObjects"][0]["metadata"];
            metadata["labels"] = json!({"converted": "yes"});
            metadata["finalizers"] = json!(["example.com/mine"]);
            metadata["resourceVersion"] = "1".into();
            metadata["managedFields"] = Value::Null;
            Ok(answer)
        });
        let made = server.create_v1("a", "h:1").await;
        let shown = server.done(&format!("GET {V2}/a"), Value::Null).await;
        assert_eq!(shown["metadata"]["labels"], json!({"converted": "yes"}));
        for key in ["finalizers", "resourceVersion", "managedFields"] {
            assert_eq!(shown["metadata"][key], made["metadata"][key], "{key}");
        }
        // What the version's schema does not know is pruned.
        server.hook.answers(|review| {
            let mut answer = convert_all(review);
            answer["response"]["convertedObjects"][0]["spec"]["more"] = true.into();
            Ok(answer)
        });
        assert!(server.done(&format!("GET {V2}/a"), Value::Null).await["spec"]["more"].is_null());
    });
}

#[test]
fn failures_have_the_words_of_the_server() {
    api::run(async {
        let server = Server::new();
        server.create_v1("a", "h:1").await;
        let get = format!("GET {V2}/a");
        let head = "conversion webhook for example.com/v1, Kind=Link";
        type Spoil = fn(&mut Value);
        let cases: [(Spoil, &str); 14] = [
            (
                |a| a["response"]["uid"] = "x".into(),
                " failed: expected response.uid=\"UID\", got \"x\"",
            ),
            (
                |a| a["kind"] = "Other".into(),
                " failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=Other",
            ),
            (
                |a| a["response"] = Value::Null,
                " failed: no response provided",
            ),
            (
                |a| a["response"]["result"] = json!({"status": "Failure", "message": "not today"}),
                " failed: not today",
            ),
            (
                |a| a["response"]["result"] = json!({}),
                " failed: response.result.status was '', not 'Success'",
            ),
            (
                |a| a["response"]["convertedObjects"] = json!([]),
                " returned 0 objects, expected 1",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["apiVersion"] = "example.com/v1".into(),
                " returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["kind"] = "Chain".into(),
                " returned invalid object at index 0: invalid kind (expected Link, received Chain)",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["metadata"]["name"] = "b".into(),
                " returned invalid object: must have the same name: a != b",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["metadata"]["namespace"] = "b".into(),
                " returned invalid object: must have the same namespace: default != b",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["metadata"]["uid"] = "".into(),
                " returned invalid object: must have the same UID: UUID != ",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["metadata"]["labels"] = json!([]),
                " returned invalid metadata: invalid metadata.labels of type []interface {} in converted object",
            ),
            (
                |a| {
                    a["response"]["convertedObjects"][0]["metadata"]["annotations"] =
                        json!({"a": 1});
                },
                " returned invalid metadata: metadata.annotations[a] must be a string, but is int64 in converted object",
            ),
            (
                |a| a["response"]["convertedObjects"][0]["metadata"]["labels"] = json!({"a": "%"}),
                " returned invalid metadata: metadata.labels: Invalid value: \"%\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ),
        ];
        let uid = text(&server.done(&format!("GET {V1}/a"), Value::Null).await["metadata"]["uid"]);
        for (spoil, words) in cases {
            server.hook.answers(move |review| {
                let mut answer = convert_all(review);
                spoil(&mut answer);
                Ok(answer)
            });
            server.hook.reviews();
            let (code, message) = server.refused(&get, Value::Null).await;
            let sent = server.hook.sent.lock().expect("sent").clone();
            let asked = text(&sent[0].1["request"]["uid"]);
            let words = words
                .replace("UUID", &uid)
                .replace("UID\"", &format!("{asked}\""));
            assert_eq!((code, message), (500, format!("{head}{words}")));
        }
    });
}

#[test]
fn a_webhook_that_is_not_there_fails_what_needs_it_and_nothing_else() {
    api::run(async {
        let server = Server::new();
        server.create_v1("a", "h:1").await;
        server
            .hook
            .answers(|_| Err("dial tcp: connection refused".into()));
        let words = "conversion webhook for example.com/v1, Kind=Link failed: Post \"https://convert.operators.svc:443/convert?timeout=30s\": dial tcp: connection refused";
        for line in [
            format!("GET {V2}/a"),
            format!("GET {V2}"),
            format!("PATCH {V2}/a"),
            format!("DELETE {V2}/a"),
        ] {
            assert_eq!(
                server.refused(&line, json!({})).await,
                (500, words.to_owned()),
                "{line}"
            );
        }
        let (code, message) = server
            .refused(&format!("POST {V2}"), v2("b", "i", "1"))
            .await;
        assert_eq!(
            (code, message),
            (500, words.replace("example.com/v1", "example.com/v2"))
        );
        assert_eq!(
            server.call(&format!("GET {V1}/b"), Value::Null).await.0,
            404,
            "nothing is stored"
        );
        server
            .done(
                &format!("PATCH {V1}/a"),
                json!({"spec": {"address": "h:2"}}),
            )
            .await;
        let frames = server.watch(&format!("{V2}?watch=true"), 2).await;
        assert_eq!(
            (
                frames.len(),
                &frames[0]["type"],
                &frames[0]["object"]["message"]
            ),
            (1, &json!("ERROR"), &json!(words))
        );
        server.hook.answers(|review| Ok(convert_all(review)));
        assert_eq!(
            server.done(&format!("GET {V2}/a"), Value::Null).await["spec"]["port"],
            "2"
        );
    });
}

#[test]
fn the_storage_version_moves_and_objects_follow_when_they_are_written() {
    api::run(async {
        let server = Server::new();
        server.create_v1("old", "h:1").await;
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/links.example.com";
        let spec = definition("v2")["spec"].clone();
        let changed = server
            .done(&format!("PATCH {crds}"), json!({"spec": spec}))
            .await;
        assert_eq!(changed["status"]["storedVersions"], json!(["v1", "v2"]));
        server.done(&format!("POST {V1}"), v1("new", "i:1")).await;
        assert_eq!(
            server.hook.reviews(),
            [asked("v2", &["new"]), asked("v1", &["new"])]
        );
        // Only what is stored in another version is asked about.
        let list = server.done(&format!("GET {V2}"), Value::Null).await;
        assert_eq!(
            (
                &list["items"][0]["spec"]["host"],
                &list["items"][1]["spec"]["host"]
            ),
            (&json!("i"), &json!("h"))
        );
        assert_eq!(server.hook.reviews(), [asked("v2", &["old"])]);
        // v1 cannot go while objects may be stored in it.
        let without = json!({"spec": {"versions": [spec["versions"][1]]}});
        let (code, message) = server
            .refused(&format!("PATCH {crds}"), without.clone())
            .await;
        assert!(
            code == 422
                && message.contains(
                    "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions"
                ),
            "{message}"
        );
        // The migration: each object is written, then the status says that nothing is left.
        let old = server.done(&format!("GET {V2}/old"), Value::Null).await;
        server.done(&format!("PUT {V2}/old"), old).await;
        server
            .done(
                &format!("PATCH {crds}/status"),
                json!({"status": {"storedVersions": ["v2"]}}),
            )
            .await;
        server.done(&format!("PATCH {crds}"), without).await;
        server.hook.reviews();
        assert_eq!(
            server.done(&format!("GET {V2}/old"), Value::Null).await["spec"],
            json!({"host": "h", "port": "1"})
        );
        assert!(server.hook.reviews().is_empty());
    });
}

#[test]
fn managers_of_other_versions_keep_their_fields() {
    api::run(async {
        let server = Server::new();
        let apply = |path: String, body: Value| {
            let request = Request::builder()
                .method("PATCH")
                .uri(path)
                .header("content-type", "application/apply-patch+yaml")
                .body(Bytes::from(body.to_string()))
                .expect("a request");
            let cluster = server.cluster.clone();
            async move {
                let response = cluster.call(request).await;
                let code = response.status().as_u16();
                let ApiBody::Full(bytes) = response.into_body() else {
                    panic!("a stream")
                };
                (code, serde_json::from_slice::<Value>(&bytes).expect("JSON"))
            }
        };
        let (code, made) = apply(format!("{V2}/a?fieldManager=two"), v2("a", "h", "1")).await;
        assert_eq!(code, 201, "{made}");
        // Another value of what `two` owns in its own version.
        let (code, answer) = apply(format!("{V1}/a?fieldManager=one"), v1("a", "i:1")).await;
        assert_eq!(
            (code, text(&answer["message"])),
            (
                409,
                "Apply failed with 1 conflict: conflict with \"two\": .spec.host".to_owned()
            )
        );
        let (code, answer) = apply(
            format!("{V1}/a?fieldManager=one&force=true"),
            v1("a", "i:1"),
        )
        .await;
        assert_eq!(code, 200, "{answer}");
        let shown = server.done(&format!("GET {V2}/a"), Value::Null).await;
        let owners: Vec<_> = shown["metadata"]["managedFields"]
            .as_array()
            .expect("managers")
            .iter()
            .map(|entry| {
                (
                    text(&entry["manager"]),
                    text(&entry["apiVersion"]),
                    entry["fieldsV1"]["f:spec"].clone(),
                )
            })
            .collect();
        assert_eq!(
            owners,
            [
                (
                    "one".to_owned(),
                    "example.com/v1".to_owned(),
                    json!({"f:address": {}})
                ),
                (
                    "two".to_owned(),
                    "example.com/v2".to_owned(),
                    json!({"f:port": {}})
                ),
            ]
        );
    });
}

#[test]
fn the_test_s_own_hand_says_the_stored_version() {
    let server = Server::new();
    let refused = server
        .cluster
        .objects()
        .try_seed(v2("a", "h", "1"))
        .expect_err("refused");
    assert!(
        refused
            .to_string()
            .contains("say the version that is stored, v1, instead of v2"),
        "{refused}"
    );
    server
        .cluster
        .objects()
        .try_seed(v1("a", "h:1"))
        .expect("seeded");
}

#[test]
fn webhooks_of_admission_see_the_version_that_they_ask_for() {
    api::run(async {
        let server = Server::new();
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let told = Arc::clone(&seen);
        let admission = Arc::new(Hook {
            sent: Mutex::default(),
            answer: Mutex::new(Box::new(move |review| {
                told.lock()
                    .expect("seen")
                    .push(review["request"]["object"].clone());
                // [{"op":"replace","path":"/spec/port","value":"99"}]
                let patch = "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9zcGVjL3BvcnQiLCJ2YWx1ZSI6Ijk5In1d";
                Ok(
                    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {
                    "uid": review["request"]["uid"], "allowed": true, "patchType": "JSONPatch", "patch": patch}}),
                )
            })),
        });
        server
            .cluster
            .webhooks()
            .route("operators/admit", admission);
        server.done("POST /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "m"},
            "webhooks": [{"name": "m.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "operators", "name": "admit"}},
                "rules": [{"apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["links"], "operations": ["CREATE"]}]}],
        })).await;
        let made = server.done(&format!("POST {V1}"), v1("a", "h:1")).await;
        assert_eq!(made["spec"]["address"], "h:99");
        assert_eq!(
            seen.lock().expect("seen")[0]["spec"],
            json!({"host": "h", "port": "1"})
        );
    });
}
