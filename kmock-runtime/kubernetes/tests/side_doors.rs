//! The test's side doors beside the API: what is seeded and declared is served like everything else.

mod api;

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use kmock_kubernetes::internals::api::body::Sent;
use kmock_kubernetes::{ApiBody, Cluster, ClusterOptions, Declaration};
use serde_json::{Value, json};

use crate::api::{call, run};

#[test]
fn declared_resources_are_served_without_a_schema() {
    run(async {
        let cluster = Cluster::default();
        let declaration = Declaration::new("kopf.dev/v1/kopfexamples")
            .kind("KopfExample")
            .short_name("kex")
            .subresource("status");
        cluster.resources().declare(declaration);
        let path = "/apis/kopf.dev/v1/namespaces/default/kopfexamples";
        let object = json!({
            "apiVersion": "kopf.dev/v1", "kind": "KopfExample", "metadata": {"name": "a"},
            "spec": {"any": [1, {"x": null}]}, "status": {"ignored": true},
        });
        let (code, created) = call(&cluster, &format!("POST {path}"), object).await;
        assert_eq!(
            (code, &created["metadata"]["generation"], &created["status"]),
            (201, &json!(1), &Value::Null)
        );
        let (code, _) = call(
            &cluster,
            &format!("PATCH {path}/a/status"),
            json!({"status": {"kopf": {"n": 1}}}),
        )
        .await;
        assert_eq!(code, 200);
        let found = cluster.objects().get("kex", "a").expect("the object");
        assert!(found >= json!({"status": {"kopf": {"n": 1}}, "spec": {"any": [1]}}));
        let (_, list) = call(&cluster, "GET /apis/kopf.dev/v1", Value::Null).await;
        assert_eq!(list["resources"][0]["kind"], "KopfExample");
        assert_eq!(
            call(&cluster, "GET /apis/kopf.dev/v1/kopfexamples", Value::Null)
                .await
                .1["kind"],
            "KopfExampleList"
        );
    });
}

#[test]
fn seeded_definitions_are_established() {
    run(async {
        let cluster = Cluster::default();
        cluster.objects().seed(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "lamps.x.io"},
            "spec": {"group": "x.io", "scope": "Cluster", "names": {"kind": "Lamp", "plural": "lamps"}, "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "on": {"type": "boolean", "default": true},
                }}}}},
            }]},
        }));
        let lamp = cluster.objects().seed(
            json!({"apiVersion": "x.io/v1", "kind": "Lamp", "metadata": {"name": "l"}, "spec": {}}),
        );
        assert_eq!(lamp["spec"]["on"], true);
        assert_eq!(
            call(&cluster, "GET /apis/x.io/v1/lamps/l", Value::Null)
                .await
                .0,
            200
        );
    });
}

#[test]
fn a_watch_sees_what_comes_through_the_side_door() {
    run(async {
        let cluster = Cluster::default();
        let objects = cluster.objects();
        let request = Request::get("/api/v1/configmaps?watch=true&resourceVersion=0")
            .body(Bytes::new())
            .expect("a request");
        let ApiBody::Stream(mut events) = cluster.call(request).await.into_body() else {
            panic!("no stream")
        };
        objects.seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
        objects.patch("configmaps", "a", json!({"data": {"k": "v"}}));
        objects.delete("configmaps", "a");
        for expected in ["ADDED", "MODIFIED", "DELETED"] {
            let frame = events.next().await.expect("an event");
            let event: Value = serde_json::from_slice(&frame).expect("JSON");
            assert_eq!(event["type"], expected);
        }
        cluster.drop_watches(None);
        assert!(events.next().await.is_none());
    });
}

#[test]
fn paused_watches_hold_events_back() {
    run(async {
        let cluster = Cluster::default();
        let request = Request::get("/api/v1/configmaps?watch=true&resourceVersion=0")
            .body(Bytes::new())
            .expect("a request");
        let ApiBody::Stream(mut events) = cluster.call(request).await.into_body() else {
            panic!("no stream")
        };
        cluster.pause_watches(None);
        cluster
            .objects()
            .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
        let waited = tokio::time::timeout(std::time::Duration::from_secs(1), events.next()).await;
        assert!(waited.is_err());
        cluster.resume_watches(None);
        let frame = events.next().await.expect("an event");
        assert!(frame.starts_with(b"{\"type\":\"ADDED\""));
    });
}

#[test]
fn the_same_seed_and_clock_give_the_same_cluster() {
    let make = || {
        run(async {
            let clock = kmock_kubernetes::Clock::starting_at(
                "2026-01-01T00:00:00Z".parse().expect("a time"),
            );
            let cluster = Cluster::new(ClusterOptions {
                seed: 7,
                clock: Some(clock),
                ..ClusterOptions::default()
            });
            tokio::time::advance(std::time::Duration::from_secs(90)).await;
            let map = json!({"metadata": {"generateName": "a-"}});
            call(&cluster, "POST /api/v1/namespaces/default/configmaps", map)
                .await
                .1
        })
    };
    let first = make();
    assert_eq!(first, make());
    assert_eq!(
        first["metadata"]["creationTimestamp"],
        "2026-01-01T00:01:30Z"
    );
}

#[test]
fn a_generated_name_is_one_that_nobody_has() {
    run(async {
        let containers = json!([{"name": "c", "image": "web"}]);
        let spread = json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "web"}}, "matchLabelKeys": ["hash"]}]);
        let template = json!({"spec": {"containers": containers, "restartPolicy": "Never"}});
        for (path, kind, spec) in [
            (
                "/api/v1/namespaces/default/configmaps",
                "v1/ConfigMap",
                Value::Null,
            ),
            (
                "/apis/batch/v1/namespaces/default/jobs",
                "batch/v1/Job",
                json!({ "template": template }),
            ),
            (
                "/api/v1/namespaces/default/pods",
                "v1/Pod",
                json!({"containers": containers, "topologySpreadConstraints": spread}),
            ),
        ] {
            let make = async |cluster: &Cluster, query: &str| {
                let metadata = json!({"generateName": "a-", "labels": {"app": "web", "hash": "1"}});
                let mut object = json!({ "metadata": metadata });
                if !spec.is_null() {
                    object["spec"] = spec.clone();
                }
                call(cluster, &format!("POST {path}{query}"), object).await
            };
            let (_, first) = make(&Cluster::default(), "").await;
            let taken = first["metadata"]["name"].as_str().expect("a name");
            for query in ["", "?dryRun=All"] {
                let cluster = Cluster::default();
                // With a uid of its own, so that the next number is that of the name.
                let (api_version, kind) = kind.rsplit_once('/').expect("a version and a kind");
                let mut seed = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": taken, "uid": "u"}});
                seed["spec"] = spec.clone();
                cluster.objects().seed(seed);
                let (code, made) = make(&cluster, query).await;
                assert_eq!(code, 201, "{made}");
                let name = made["metadata"]["name"].as_str().expect("a name");
                assert_eq!(name.len(), taken.len());
                assert_ne!(name, taken);
            }
        }
    });
}

#[test]
fn managers_of_what_is_seeded_are_read_at_once() {
    run(async {
        let cluster = Cluster::default();
        let entry = |manager: &str, fields: Value| {
            json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let seed = |name: &str, managers: Value| {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "managedFields": managers},
                "spec": {"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"disk": "ssd"}},
            });
            cluster.objects().seed(pod)["metadata"]["managedFields"].clone()
        };
        // What is atomic is owned whole; who owns nothing is nobody; the last word of a manager counts.
        let part = json!({"f:spec": {"f:nodeSelector": {"f:disk": {}}}});
        let managers = json!([
            entry("a", json!({})),
            entry("b", json!({"f:status": {}})),
            entry("b", part)
        ]);
        let whole = entry("b", json!({"f:spec": {"f:nodeSelector": {}}}));
        assert_eq!(seed("read", managers), json!([whole]));
        // What cannot be read is not kept.
        let broken = entry("a", json!({"f:spec": {"bogus": {}}}));
        assert_eq!(seed("broken", json!([broken])), Value::Null);
    });
}

#[test]
fn what_an_own_part_does_not_send_stays_as_it_is() {
    run(async {
        let cluster = Cluster::default();
        let services = "/api/v1/namespaces/default/services";
        let spec = json!({"type": "LoadBalancer", "ports": [{"port": 80}]});
        let body = json!({"metadata": {"name": "web"}, "spec": spec});
        let (code, made) = call(&cluster, &format!("POST {services}"), body).await;
        assert_eq!(code, 201, "{made}");
        let write = async || {
            let mut metadata = made["metadata"].clone();
            metadata["managedFields"].take();
            let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
            let sent = Sent::without(&["spec"], json!({"metadata": metadata, "status": status}));
            let request = Request::put(format!("{services}/web/status")).extension(sent);
            let request = request.header("content-type", "application/json");
            let answer = cluster.call(request.body(Bytes::new()).expect("a request"));
            answer.await.status().as_u16()
        };
        assert_eq!(write().await, 200);
        let web = cluster.objects().get("services", "web").expect("there");
        assert_eq!(web["spec"], made["spec"]);
        // A default of the status that goes by the spec.
        let ingress = &web["status"]["loadBalancer"]["ingress"][0];
        assert_eq!(ingress["ipMode"], "VIP");
        // Meanwhile it is another version.
        assert_eq!(write().await, 409);
    });
}
