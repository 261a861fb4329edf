//! The Kubernetes half of the Python original's documentation, by its Rust form: rows of docs/porting-from-python.md.

use std::time::Duration;

use kmock::{Filter, KMock, Pattern, Stream};
use serde_json::json;

const EXAMPLES: &str = "kopf.dev/v1/kopfexamples";
const IN_NS1: &str = "/apis/kopf.dev/v1/namespaces/ns1/kopfexamples";

/// A server with the resource of the original's examples.
fn declared(k: &KMock) {
    k.resources()
        .declare(kmock::kubernetes::Declaration::new(EXAMPLES).kind("KopfExample"));
    for namespace in ["ns1", "ns2"] {
        k.objects().seed(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}
        }));
    }
}

fn example(namespace: &str, name: &str, spec: u32) -> serde_json::Value {
    json!({
        "apiVersion": "kopf.dev/v1", "kind": "KopfExample",
        "metadata": {"namespace": namespace, "name": name}, "spec": {"n": spec}
    })
}

#[kmock::test(raw)]
async fn resources_have_four_notations(k: KMock) {
    let all: Vec<_> = [
        Filter::resource("kopf.dev/v1/kopfexamples"),
        Filter::resource("kopfexamples.v1.kopf.dev"),
        Filter::parse("list kopf.dev/v1/kopfexamples").expect("a filter"),
        Filter::parse("list kopfexamples.v1.kopf.dev").expect("a filter"),
    ]
    .into_iter()
    .map(|filter| k.on(filter))
    .collect();
    let pods = [k.on("list v1/pods"), k.on("list pods.v1")];
    k.on(Filter::any()).status(200);
    k.get("/apis/kopf.dev/v1/kopfexamples").await;
    k.get("/api/v1/pods").await;
    assert!(all.iter().all(|spy| spy.count() == 1));
    assert!(pods.iter().all(|spy| spy.count() == 1));
}

#[kmock::test(raw)]
async fn actions_tell_lists_watches_and_objects_apart(k: KMock) {
    let spies: Vec<_> = [
        "list", "watch", "fetch", "create", "update", "patch", "delete",
    ]
    .into_iter()
    .map(|verb| k.on(Filter::verb(verb)))
    .collect();
    k.on(Filter::any()).status(200);
    k.get(IN_NS1).await;
    k.get(format!("{IN_NS1}?watch=true")).await;
    k.get(format!("{IN_NS1}/n")).await;
    k.post(IN_NS1).await;
    k.put(format!("{IN_NS1}/n")).await;
    k.patch(format!("{IN_NS1}/n")).await;
    k.delete(format!("{IN_NS1}/n")).await;
    let counts: Vec<_> = spies.iter().map(kmock::Rule::count).collect();
    assert_eq!(counts, [1; 7]);
}

#[kmock::test(raw)]
async fn namespaces_names_and_subresources_are_patterns(k: KMock) {
    let ns1 = k.on(Filter::namespace("ns1"));
    let any = k.on(Filter::namespace(Pattern::regex("ns.*")));
    let cluster = k.on(Filter::verb("list") & Filter::namespace(Pattern::absent()));
    let named = k.on(Filter::named(Pattern::regex("example.*")));
    let scale = k.on(Filter::resource("apps/v1/replicasets/scale"));
    let sub = k.on(Filter::subresource("sca*"));
    k.on(Filter::any()).status(200);
    k.get(IN_NS1).await;
    k.get("/apis/kopf.dev/v1/kopfexamples").await;
    k.delete(format!("{IN_NS1}/example1")).await;
    k.get("/apis/apps/v1/namespaces/ns2/replicasets/example1/scale")
        .await;
    assert_eq!((ns1.count(), any.count(), cluster.count()), (2, 3, 1));
    assert_eq!((named.count(), scale.count(), sub.count()), (2, 1, 1));
}

#[kmock::test(raw)]
async fn the_name_of_what_is_created_is_in_its_body(k: KMock) {
    let named = k
        .on(Filter::verb("create") & Filter::named("web-*"))
        .status(409);
    let other = k
        .on(Filter::verb("create") & Filter::named(Pattern::absent()))
        .status(201);
    let body = |name: &str| json!({ "metadata": { "name": name } });
    assert_eq!(k.post(IN_NS1).json(body("web-1")).await.status(), 409);
    assert_eq!(k.post(IN_NS1).json(body("db-1")).await.status(), 404);
    let generated = json!({ "metadata": { "generateName": "web-" } });
    assert_eq!(k.post(IN_NS1).json(generated).await.status(), 201);
    assert_eq!((named.count(), other.count()), (1, 1));
    let put = k.put(format!("{IN_NS1}/db-1")).json(body("web-1")).await;
    assert_eq!(put.status(), 404);
}

#[kmock::test(raw)]
async fn verbs_that_mean_something_else_there(k: KMock) {
    kmock::kmock! { k,
        let patch = patch "pods.v1";
        let update = update "pods.v1";
        let any_get = GET & "pods.v1";
        let read = (list | watch | get) & "pods.v1";
        let one = get "pods.v1";
        let post = POST & "pods.v1";
        let all = list "kopf.dev/v1/*";
        ANY => 200;
    }
    k.patch("/api/v1/namespaces/a/pods/x").await;
    k.put("/api/v1/namespaces/a/pods/x").await;
    k.get("/api/v1/pods").await;
    k.get("/api/v1/pods?watch=1").await;
    k.get("/api/v1/namespaces/a/pods/x").await;
    k.post("/api/v1/namespaces/a/pods").await;
    k.get("/apis/kopf.dev/v1/kopfexamples").await;
    let counts = [&patch, &update, &any_get, &read, &one, &post, &all].map(kmock::Rule::count);
    assert_eq!(counts, [1, 1, 3, 3, 1, 1, 1]);
    for (text, help) in [
        ("post pods.v1", "create pods.v1"),
        ("put pods.v1", "update pods.v1"),
        ("head pods.v1", "the verbs are"),
        ("list kopf.dev/v1", "kopf.dev/v1/*"),
    ] {
        let told = Filter::parse(text).expect_err(text).to_string();
        assert!(told.contains(help), "{text}: {told}");
    }
}

#[test]
fn rules_that_can_never_answer_are_refused() {
    for filter in [
        Filter::from("get /a") & Filter::method("POST"),
        Filter::path("/a") & Filter::path("/b"),
        Filter::verb("list") & Filter::named("x"),
        Filter::verb("create") & Filter::method("GET"),
        Filter::resource("v1/pods") & Filter::resource("apps/v1/deployments"),
        Filter::namespace("a") & Filter::namespace("b*"),
    ] {
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            kmock::Rule::on(filter.clone())
        }));
        let panic = made.expect_err("refused");
        let told = panic.downcast_ref::<String>().expect("a text");
        assert!(told.contains("can never answer: no request is"), "{told}");
    }
}

#[kmock::test]
async fn objects_are_seeded_and_served(k: KMock) {
    declared(&k);
    k.objects().seed(example("ns1", "name1", 123));
    k.objects().seed(example("ns2", "name2", 456));
    let list = k.get(IN_NS1).await.json();
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1);
    assert!(Pattern::object([("spec", Pattern::value(json!({"n": 123})))]).matches(items.first()));
    let all = k.get("/apis/kopf.dev/v1/kopfexamples").await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        k.get(format!("{IN_NS1}/name1")).await.json()["spec"]["n"],
        123
    );
}

#[kmock::test(start_paused = true)]
async fn watches_tell_what_happens(k: KMock) {
    declared(&k);
    let mut watch = k
        .get("/apis/kopf.dev/v1/kopfexamples?watch=true")
        .open()
        .await
        .expect("a watch");
    let created = k.post(IN_NS1).json(example("ns1", "name3", 789)).await;
    assert_eq!(created.status(), 201);
    k.delete(format!("{IN_NS1}/name3")).await;
    let mut text = String::new();
    while text.lines().count() < 2 {
        text += &watch.text().await.expect("an event");
    }
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for (event, kind) in events.iter().zip(["ADDED", "DELETED"]) {
        let want = Pattern::object([
            ("type", Pattern::from(kind)),
            (
                "object",
                Pattern::object([("spec", Pattern::value(json!({"n": 789})))]),
            ),
        ]);
        assert!(want.matches(Some(event)), "{event}");
    }
}

#[kmock::test]
async fn history_has_every_version_and_soft_deletions(k: KMock) {
    declared(&k);
    k.objects().seed(example("ns1", "n1", 1));
    let patch = json!({"spec": {"n": 2}});
    let patched = k
        .patch(format!("{IN_NS1}/n1"))
        .header("content-type", "application/merge-patch+json")
        .body(patch.to_string())
        .await;
    assert_eq!(patched.status(), 200);
    k.delete(format!("{IN_NS1}/n1")).await;
    assert_eq!(k.get(format!("{IN_NS1}/n1")).await.status(), 404);
    let history = k.objects().history(EXAMPLES, "ns1/n1");
    assert_eq!(history.len(), 3);
    assert!(history[0].contains(&json!({"spec": {"n": 1}})));
    assert!(history[1].contains(&json!({"spec": {"n": 2}})));
    assert!(history[2].is_deleted());
    assert!(k.objects().get(EXAMPLES, "ns1/n1").is_none());
}

#[kmock::test]
async fn finalizers_block_deletions_and_the_test_may_remove_at_once(k: KMock) {
    declared(&k);
    let mut blocked = example("ns1", "n1", 1);
    blocked["metadata"]["finalizers"] = json!(["kopf.dev/blocker"]);
    k.objects().seed(blocked);
    assert_eq!(k.delete(format!("{IN_NS1}/n1")).await.status(), 200);
    let data = k.get(format!("{IN_NS1}/n1")).await.json();
    let marked = Pattern::object([(
        "metadata",
        Pattern::object([("deletionTimestamp", Pattern::present())]),
    )]);
    assert!(marked.matches(Some(&data)));
    assert!(k.objects().delete(EXAMPLES, "ns1/n1"));
    assert_eq!(k.get(format!("{IN_NS1}/n1")).await.status(), 404);
}

#[kmock::test]
async fn resources_are_bundled_declared_and_loaded(k: KMock) {
    let core = k.get("/api/v1").await.json();
    assert_eq!(core["kind"], "APIResourceList");
    let dump = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "kopf.dev/v1",
        "resources": [{
            "name": "kopfexamples", "singularName": "kopfexample", "namespaced": true,
            "kind": "KopfExample", "verbs": ["get", "list", "watch", "create", "delete"]
        }]
    });
    assert_eq!(k.resources().load(&dump), 1);
    assert_eq!(
        k.get("/apis/kopf.dev/v1").await.json()["resources"][0]["name"],
        "kopfexamples"
    );
    assert_eq!(k.get(IN_NS1).await.status(), 200);
}

/// The hand-made simulation of the original's introduction.
#[kmock::test(raw, start_paused = true)]
async fn a_hand_made_simulation_of_a_watch(k: KMock) {
    let (deleted, deletion) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(6)).await;
        deleted.send(()).ok();
    });
    let (gets, lists, watches) = (k.on("get"), k.on("list"), k.on("watch"));
    k.on(
        Filter::parse("list kopf.dev/v1/kopfexamples").expect("a filter")
            & Filter::namespace("ns1"),
    )
    .json(json!({"items": [], "metadata": {"resourceVersion": "v1"}}));
    k.on(
        Filter::parse("watch kopf.dev/v1/kopfexamples").expect("a filter")
            & Filter::namespace("ns1"),
    )
    .stream(
        Stream::new()
            .json(json!({"type": "ADDED", "object": {"spec": {}}}))
            .sleep(Duration::from_secs(3))
            .call(|| json!({"type": "MODIFIED", "object": {"spec": {"time": 3}}}))
            .wait(kmock::stream::event(deletion))
            .lazy(|| {
                (0..3).fold(Stream::new(), |stream, i| {
                    let name = format!("demo{i}");
                    stream.json(json!({"type": "DELETED", "object": {"metadata": {"name": name}}}))
                })
            })
            .json(json!({"type": "ERROR", "object": {"code": 410}})),
    );
    k.on(Filter::any())
        .falling_back()
        .status(404)
        .header("X-MyServer-Info", "error")
        .body(&b"{\"error\": \"not served\"}"[..]);
    let refused = k.post(IN_NS1).await;
    assert_eq!(
        (refused.status(), refused.header("x-myserver-info")),
        (404, Some("error"))
    );
    k.get(IN_NS1).await;
    let started = tokio::time::Instant::now();
    let watched = k
        .get(format!("{IN_NS1}?watch=true"))
        .header("X-MyLib-Version", "1.2.3")
        .await;
    assert_eq!(watched.text().lines().count(), 6);
    assert_eq!(started.elapsed(), Duration::from_secs(6));
    assert_eq!(
        (
            k.requests().len(),
            gets.count(),
            lists.count(),
            watches.count()
        ),
        (3, 2, 1, 1)
    );
    assert_eq!(watches.requests()[0].query("watch"), Some("true"));
    assert_eq!(
        watches.requests()[0].header("X-MyLib-Version"),
        Some("1.2.3")
    );
}

#[kmock::test]
async fn a_history_is_made_by_seeding_changing_and_deleting(k: KMock) {
    declared(&k);
    let object = |spec: u32| {
        json!({
            "apiVersion": "kopf.dev/v1",
            "kind": "KopfExample",
            "metadata": { "namespace": "ns1", "name": "name1" },
            "spec": spec,
        })
    };
    let (resource, key) = ("kopf.dev/v1/kopfexamples", "ns1/name1");
    k.objects().seed(object(123));
    k.objects().patch(resource, key, json!({ "spec": 456 }));
    k.objects().delete(resource, key);
    let history = k.objects().history(resource, key);
    let told: Vec<_> = history
        .iter()
        .map(|version| (version.value()["spec"].as_u64(), version.is_deleted()))
        .collect();
    assert_eq!(told[..2], [(Some(123), false), (Some(456), false)]);
    assert!(told[2].1 && told.len() == 3, "{told:?}");
    let gone = k
        .get("/apis/kopf.dev/v1/namespaces/ns1/kopfexamples/name1")
        .await;
    assert_eq!(gone.status(), 404);
}

#[kmock::test]
async fn what_is_known_of_a_resource_is_discovered(k: KMock) {
    k.resources().declare(
        kmock::kubernetes::Declaration::new("kopfexamples.v1.kopf.dev")
            .kind("KopfExample")
            .singular("kopfexample")
            .short_name("kex")
            .category("category1")
            .verbs(["get", "patch", "delete"])
            .subresource("status"),
    );
    let found = k.get("/apis/kopf.dev/v1").await.json();
    let resource = &found["resources"][0];
    assert_eq!(
        (
            &resource["kind"],
            &resource["singularName"],
            &resource["namespaced"]
        ),
        (&json!("KopfExample"), &json!("kopfexample"), &json!(true))
    );
    assert_eq!(resource["shortNames"], json!(["kex"]));
    assert_eq!(resource["categories"], json!(["category1"]));
    assert_eq!(found["resources"][1]["name"], "kopfexamples/status");
}
