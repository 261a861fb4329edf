//! What the server itself keeps: flow schemas, APIServices, events that expire, definitions that go.

#[path = "api/mod.rs"]
mod api;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use kmock_kubernetes::{ApiBody, Cluster, ExtensionServer};
use serde_json::{Value, json};

const SCHEMAS: &str = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
const LEVELS: &str = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations";
const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

async fn done(cluster: &Cluster, line: &str, body: Value) -> Value {
    let (code, answer) = api::call(cluster, line, body).await;
    assert!(code < 300, "{line}: {code} {answer}");
    answer
}

async fn get(cluster: &Cluster, path: &str) -> Value {
    done(cluster, &format!("GET {path}"), Value::Null).await
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items").iter();
    items
        .map(|one| one["metadata"]["name"].as_str().expect("a name"))
        .collect()
}

/// The uids of the flow schema and of the priority level by which a request is served.
async fn class(cluster: &Cluster, path: &str, user: &str) -> Option<(String, String)> {
    let request = Request::get(path)
        .header("impersonate-user", user)
        .body(Bytes::new());
    let response = cluster.call(request.expect("a request")).await;
    let uid = |name: &str| {
        let header = response.headers().get(name)?;
        Some(header.to_str().expect("text").to_owned())
    };
    Some((
        uid("x-kubernetes-pf-flowschema-uid")?,
        uid("x-kubernetes-pf-prioritylevel-uid")?,
    ))
}

#[test]
fn every_cluster_has_flow_schemas_and_priority_levels() {
    api::run(async {
        let cluster = Cluster::default();
        let schemas = get(&cluster, SCHEMAS).await;
        assert_eq!(
            names(&schemas),
            [
                "catch-all",
                "exempt",
                "global-default",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-system-service-accounts",
                "probes",
                "service-accounts",
                "system-leader-election",
                "system-node-high",
                "system-nodes",
            ]
        );
        let exempt = &schemas["items"][1];
        assert_eq!(
            exempt["spec"],
            json!({
                "priorityLevelConfiguration": {"name": "exempt"}, "matchingPrecedence": 1,
                "rules": [{
                    "subjects": [{"kind": "Group", "group": {"name": "system:masters"}}],
                    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true,
                        "namespaces": ["*"]}],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                }],
            })
        );
        assert_eq!(exempt["status"]["conditions"][0]["status"], "False");
        let levels = get(&cluster, LEVELS).await;
        assert_eq!(
            names(&levels),
            [
                "catch-all",
                "exempt",
                "global-default",
                "leader-election",
                "node-high",
                "system",
                "workload-high",
                "workload-low",
            ]
        );
        // They are valid: written back, they stay as they are.
        for (path, list) in [(SCHEMAS, schemas), (LEVELS, levels)] {
            for one in list["items"].as_array().expect("items") {
                let name = one["metadata"]["name"].as_str().expect("a name");
                let mut sent = one.clone();
                sent["metadata"]["labels"] = json!({"a": "b"});
                let back = done(&cluster, &format!("PUT {path}/{name}"), sent).await;
                assert_eq!(back["spec"], one["spec"], "{name}");
                assert_eq!(back["metadata"]["generation"], 1, "{name}");
            }
        }
    });
}

#[test]
fn answers_tell_by_which_flow_schema_they_were_served() {
    api::run(async {
        let cluster = Cluster::default();
        let path = "/api/v1/namespaces/default/configmaps";
        let request = Request::get(path).body(Bytes::new()).expect("a request");
        let response = cluster.call(request).await;
        let told = response.headers()["x-kubernetes-pf-flowschema-uid"].clone();
        let uid = |list: &Value, name: &str| {
            let items = list["items"].as_array().expect("items");
            let found = items.iter().find(|one| one["metadata"]["name"] == name);
            found.expect(name)["metadata"]["uid"]
                .as_str()
                .expect("a uid")
                .to_owned()
        };
        let (schemas, levels) = (get(&cluster, SCHEMAS).await, get(&cluster, LEVELS).await);
        assert_eq!(told.to_str().expect("text"), uid(&schemas, "exempt"));
        let nodes = "/api/v1/nodes";
        let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a";
        let account = "system:serviceaccount:kube-system:x";
        for (path, user, schema, level) in [
            (path, "jane", "global-default", "global-default"),
            (
                path,
                "system:kube-scheduler",
                "kube-scheduler",
                "workload-high",
            ),
            (
                leases,
                "system:kube-scheduler",
                "system-leader-election",
                "leader-election",
            ),
            (
                path,
                account,
                "kube-system-service-accounts",
                "workload-high",
            ),
            (leases, account, "system-leader-election", "leader-election"),
            (
                path,
                "system:serviceaccount:a:b",
                "service-accounts",
                "workload-low",
            ),
            ("/livez", "jane", "probes", "exempt"),
            ("/livez/ping", "jane", "probes", "exempt"),
            ("/version", "jane", "global-default", "global-default"),
            (nodes, "jane", "global-default", "global-default"),
        ] {
            let expected = (uid(&schemas, schema), uid(&levels, level));
            assert_eq!(
                class(&cluster, path, user).await,
                Some(expected),
                "{path} {user}"
            );
        }
        // Requests that last have no class.
        done(&cluster, "POST /api/v1/namespaces/default/pods", json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        })).await;
        let log = "/api/v1/namespaces/default/pods/p/log";
        assert_eq!(class(&cluster, log, "jane").await, None);
    });
}

#[test]
fn flow_schemas_of_one_s_own_are_in_force_at_once_if_their_level_is_there() {
    api::run(async {
        let cluster = Cluster::default();
        let schema = done(&cluster, &format!("POST {SCHEMAS}"), json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": "mine"},
            "spec": {
                "priorityLevelConfiguration": {"name": "slow"}, "matchingPrecedence": 50,
                "rules": [{"subjects": [{"kind": "User", "user": {"name": "jane"}}],
                    "resourceRules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"], "namespaces": ["default"]}]}],
            },
        })).await;
        let condition = || async {
            let found = get(&cluster, &format!("{SCHEMAS}/mine")).await;
            let condition = &found["status"]["conditions"][0];
            (
                condition["status"].clone(),
                condition["reason"].clone(),
                condition["message"].clone(),
            )
        };
        assert_eq!(
            condition().await,
            (
                json!("True"),
                json!("NotFound"),
                json!(
                    "This FlowSchema references the PriorityLevelConfiguration object named \"slow\" but there is no such object"
                )
            )
        );
        let path = "/api/v1/namespaces/default/configmaps";
        let global = class(&cluster, path, "joe").await;
        assert_eq!(class(&cluster, path, "jane").await, global);
        let level = done(&cluster, &format!("POST {LEVELS}"), json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration", "metadata": {"name": "slow"},
            "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}},
        })).await;
        assert_eq!(condition().await.0, "False");
        let uid = |object: &Value| {
            object["metadata"]["uid"]
                .as_str()
                .expect("a uid")
                .to_owned()
        };
        assert_eq!(
            class(&cluster, path, "jane").await,
            Some((uid(&schema), uid(&level)))
        );
        assert_eq!(class(&cluster, path, "joe").await, global);
        assert_eq!(
            class(&cluster, "/api/v1/configmaps", "jane").await,
            global,
            "another scope"
        );
        done(&cluster, &format!("DELETE {LEVELS}/slow"), Value::Null).await;
        assert_eq!(class(&cluster, path, "jane").await, global);
        // Even without objects there is an end.
        done(
            &cluster,
            &format!("DELETE {SCHEMAS}/catch-all"),
            Value::Null,
        )
        .await;
        done(
            &cluster,
            &format!("DELETE {SCHEMAS}/global-default"),
            Value::Null,
        )
        .await;
        let (schema, level) = class(&cluster, path, "joe").await.expect("a class");
        let catch_all = get(&cluster, &format!("{LEVELS}/catch-all")).await;
        assert_eq!((schema, level), (String::new(), uid(&catch_all)));
    });
}

#[test]
fn versions_have_api_services() {
    api::run(async {
        let cluster = Cluster::default();
        let list = get(&cluster, SERVICES).await;
        assert!(names(&list).contains(&"v1.") && names(&list).contains(&"v2.autoscaling"));
        let apps = get(&cluster, &format!("{SERVICES}/v1.apps")).await;
        assert_eq!(
            apps["spec"],
            json!({"group": "apps", "version": "v1", "groupPriorityMinimum": 17800, "versionPriority": 15})
        );
        assert_eq!(
            apps["metadata"]["labels"],
            json!({"kube-aggregator.kubernetes.io/automanaged": "onstart"})
        );
        let condition = &apps["status"]["conditions"][0];
        assert_eq!(
            (&condition["status"], &condition["reason"]),
            (&json!("True"), &json!("Local"))
        );
        // Those of definitions come and go with them.
        let version = |name: &str, storage: bool| {
            json!({"name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object"}}})
        };
        let mut definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
                "versions": [version("v1", true), version("v2", false)]},
        });
        cluster.define(&definition).expect("a definition");
        let foo = get(&cluster, &format!("{SERVICES}/v2.example.com")).await;
        assert_eq!(
            foo["spec"],
            json!({"group": "example.com", "version": "v2", "groupPriorityMinimum": 1000, "versionPriority": 100})
        );
        assert_eq!(
            foo["metadata"]["labels"],
            json!({"kube-aggregator.kubernetes.io/automanaged": "true"})
        );
        definition["spec"]["versions"][1]["served"] = false.into();
        cluster.define(&definition).expect("a definition");
        assert_eq!(
            api::call(
                &cluster,
                &format!("GET {SERVICES}/v2.example.com"),
                Value::Null
            )
            .await
            .0,
            404
        );
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/foos.example.com";
        done(&cluster, &format!("DELETE {crds}"), Value::Null).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            api::call(
                &cluster,
                &format!("GET {SERVICES}/v1.example.com"),
                Value::Null
            )
            .await
            .0,
            404
        );
    });
}

/// Tells what it was asked.
#[derive(Debug, Default)]
struct Extension(Mutex<Vec<(String, String, String)>>);

impl ExtensionServer for Extension {
    fn call(
        &self,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<ApiBody>, String>> {
        let header = |name: &str| {
            let all = request.headers().get_all(name).iter();
            let all: Vec<&str> = all.map(|one| one.to_str().expect("text")).collect();
            all.join(",")
        };
        let asked = (
            request.uri().to_string(),
            header("x-remote-user"),
            header("x-remote-group"),
        );
        self.0.lock().expect("asked").push(asked);
        let body = match request.uri().path() {
            "/openapi/v3" => json!({"paths": {
                "apis/metrics.k8s.io/v1beta1": {"serverRelativeURL": "/openapi/v3/apis/metrics.k8s.io/v1beta1?hash=1"},
                "version": {"serverRelativeURL": "/openapi/v3/version?hash=2"},
            }}),
            "/openapi/v2" => json!({"swagger": "2.0", "info": {"title": "theirs"}, "paths": {
                "/apis/metrics.k8s.io/v1beta1/nodes": {"get": {"responses": {"200": {
                    "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"}}}}},
                "/version/": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Theirs"}}}}},
            }, "definitions": {"io.k8s.api.core.v1.Pod": {"type": "string"}, "Theirs": {}}}),
            "/openapi/v3/apis/metrics.k8s.io/v1beta1" => {
                json!({"openapi": "3.0.0", "info": {"title": "theirs"}, "paths": {}})
            }
            "/apis/metrics.k8s.io/v1beta1" => json!({"kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": "metrics.k8s.io/v1beta1", "resources": [{"name": "nodes", "singularName": "",
                    "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]}]}),
            _ => {
                json!({"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": []})
            }
        };
        let response = Response::builder()
            .header("content-type", "application/json")
            .body(ApiBody::Full(body.to_string().into()));
        Box::pin(async move { response.map_err(|error| error.to_string()) })
    }
}

/// Extension servers keep their own documents; the index tells where they are.
#[test]
fn documents_of_other_servers_are_told_and_passed_on() {
    api::run(async {
        let cluster = Cluster::default();
        let index = || async { get(&cluster, "/openapi/v3").await["paths"].clone() };
        let before = index().await;
        assert_eq!(before["apis/metrics.k8s.io/v1beta1"], Value::Null);
        done(&cluster, &format!("POST {SERVICES}"), json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true, "service": {"namespace": "kube-system", "name": "metrics-server"}},
        })).await;
        let document = "/openapi/v3/apis/metrics.k8s.io/v1beta1";
        assert_eq!(index().await, before);
        assert_eq!(
            api::call(&cluster, &format!("GET {document}"), Value::Null)
                .await
                .0,
            503
        );
        let server = Arc::new(Extension::default());
        cluster.aggregate("kube-system/metrics-server", server.clone());
        assert_eq!(
            index().await["apis/metrics.k8s.io/v1beta1"]["serverRelativeURL"],
            format!("{document}?hash=1")
        );
        assert_eq!(
            index().await["version"],
            before["version"],
            "only what it is registered for"
        );
        // In v2 there is one document of all: their paths are in it, and what they call as others do has another name.
        let all = get(&cluster, "/openapi/v2").await;
        assert_eq!(all["info"]["title"], "Kubernetes");
        let answer = &all["paths"]["/apis/metrics.k8s.io/v1beta1/nodes"]["get"]["responses"]["200"];
        assert_eq!(
            answer["schema"]["$ref"],
            "#/definitions/io.k8s.api.core.v1.Pod_v2"
        );
        assert_eq!(
            all["definitions"]["io.k8s.api.core.v1.Pod_v2"]["type"],
            "string"
        );
        assert_eq!(
            all["definitions"]["io.k8s.api.core.v1.Pod"]["type"],
            "object"
        );
        assert_eq!(
            all["definitions"]["Theirs"],
            Value::Null,
            "only what it is registered for"
        );
        let theirs = get(&cluster, &format!("{document}?hash=1")).await;
        assert_eq!(theirs["info"]["title"], "theirs");
        assert_eq!(
            get(&cluster, "/openapi/v3/api/v1").await["info"]["title"],
            "Kubernetes"
        );
    });
}

#[test]
fn what_the_server_needs_of_flow_control_comes_back_within_a_minute() {
    api::run(async {
        let cluster = Cluster::default();
        let (probes, global) = (
            format!("{SCHEMAS}/probes"),
            format!("{LEVELS}/global-default"),
        );
        let uid = get(&cluster, &probes).await["metadata"]["uid"].clone();
        let was = get(&cluster, &global).await["spec"].clone();
        let request = Request::get(format!(
            "{SCHEMAS}?watch=1&resourceVersion=0&timeoutSeconds=300"
        ));
        let watch = cluster
            .call(request.body(Bytes::new()).expect("a request"))
            .await;
        let ApiBody::Stream(mut watch) = watch.into_body() else {
            panic!("no stream")
        };
        let told = async |watch: &mut futures::stream::BoxStream<'static, Bytes>| {
            let line = watch.next().await.expect("an event");
            let event: Value = serde_json::from_slice(&line).expect("an event");
            (
                event["type"].clone(),
                event["object"]["metadata"]["name"].clone(),
            )
        };
        for _ in 0..11 {
            assert_eq!(told(&mut watch).await.0, "ADDED");
        }
        done(&cluster, &format!("DELETE {probes}"), Value::Null).await;
        assert_eq!(told(&mut watch).await, (json!("DELETED"), json!("probes")));
        let patch =
            |shares: u32| json!({"spec": {"limited": {"nominalConcurrencyShares": shares}}});
        done(&cluster, &format!("PATCH {global}"), patch(7)).await;
        let gone = format!("GET {probes}");
        assert_eq!(api::call(&cluster, &gone, Value::Null).await.0, 404);
        // Whoever watches wakes up with it.
        assert_eq!(told(&mut watch).await, (json!("ADDED"), json!("probes")));
        assert_ne!(get(&cluster, &probes).await["metadata"]["uid"], uid);
        let now = get(&cluster, &global).await;
        assert_eq!(
            (&now["spec"], &now["metadata"]["generation"]),
            (&was, &json!(3))
        );

        // One that is said to be somebody's own stays as it was changed; the mandatory ones do not.
        let own =
            json!({"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}}});
        done(&cluster, &format!("PATCH {global}"), own.clone()).await;
        done(&cluster, &format!("PATCH {global}"), patch(7)).await;
        let catch_all = format!("{LEVELS}/catch-all");
        done(&cluster, &format!("PATCH {catch_all}"), own).await;
        done(&cluster, &format!("PATCH {catch_all}"), patch(9)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let shares = async |path: &str| {
            get(&cluster, path).await["spec"]["limited"]["nominalConcurrencyShares"].clone()
        };
        assert_eq!(shares(&global).await, 7);
        assert_eq!(shares(&catch_all).await, 5);
    });
}

#[test]
fn other_servers_stand_behind_the_aggregator() {
    api::run(async {
        let cluster = Cluster::default();
        done(&cluster, &format!("POST {SERVICES}"), json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true, "service": {"namespace": "kube-system", "name": "metrics-server"}},
        })).await;
        let condition = || async {
            let found = get(&cluster, &format!("{SERVICES}/v1beta1.metrics.k8s.io")).await;
            let condition = found["status"]["conditions"][0].clone();
            (
                condition["status"].clone(),
                condition["reason"].clone(),
                condition["message"].clone(),
            )
        };
        assert_eq!(
            condition().await,
            (
                json!("False"),
                json!("ServiceNotFound"),
                json!("service/metrics-server in \"kube-system\" is not present")
            )
        );
        // The group is there, but nobody serves it.
        assert!(
            get(&cluster, "/apis").await["groups"]
                .as_array()
                .expect("groups")
                .iter()
                .any(|one| one["name"] == "metrics.k8s.io")
        );
        for path in [
            "/apis/metrics.k8s.io/v1beta1",
            "/apis/metrics.k8s.io/v1beta1/nodes",
        ] {
            let request = Request::get(path).body(Bytes::new()).expect("a request");
            let response = cluster.call(request).await;
            assert_eq!(
                (
                    response.status().as_u16(),
                    response.headers()["content-type"].to_str().expect("text")
                ),
                (503, "text/plain; charset=utf-8")
            );
            let ApiBody::Full(body) = response.into_body() else {
                panic!("a stream")
            };
            assert_eq!(body, "service unavailable\n");
        }
        let service = |port: u16| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server"},
            "spec": {"selector": {"a": "b"}, "ports": [{"port": port, "name": "https"}]}})
        };
        let services = "/api/v1/namespaces/kube-system/services";
        done(&cluster, &format!("POST {services}"), service(80)).await;
        assert_eq!(condition().await.1, "ServicePortError");
        done(
            &cluster,
            &format!("PATCH {services}/metrics-server"),
            json!({"spec": {"ports": [{"port": 443, "name": "https"}]}}),
        )
        .await;
        assert_eq!(
            condition().await.2,
            "cannot find endpointslices for service/metrics-server in \"kube-system\""
        );
        let slices = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices";
        done(&cluster, &format!("POST {slices}"), json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "m", "labels": {"kubernetes.io/service-name": "metrics-server"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": false}}], "ports": [{"name": "https", "port": 443}]})).await;
        assert_eq!(condition().await.1, "MissingEndpoints");
        done(
            &cluster,
            &format!("PATCH {slices}/m"),
            json!({"endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": true}}]}),
        )
        .await;
        assert_eq!(condition().await.1, "FailedDiscoveryCheck");
        let stale = api::call_as(
            &cluster,
            "/apis",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        )
        .await;
        let of = |document: &Value| {
            let items = document["items"].as_array().expect("items");
            items
                .iter()
                .find(|one| one["metadata"]["name"] == "metrics.k8s.io")
                .expect("the group")["versions"][0]
                .clone()
        };
        assert_eq!(
            of(&stale),
            json!({"version": "v1beta1", "freshness": "Stale"})
        );

        let extension = Arc::new(Extension::default());
        cluster.aggregate("kube-system/metrics-server", extension.clone());
        assert_eq!(
            condition().await,
            (json!("True"), json!("Passed"), json!("all checks passed"))
        );
        let nodes = get(&cluster, "/apis/metrics.k8s.io/v1beta1/nodes?limit=5").await;
        assert_eq!(nodes["kind"], "NodeMetricsList");
        let asked = std::mem::take(&mut *extension.0.lock().expect("asked"));
        assert_eq!(
            asked,
            [(
                "/apis/metrics.k8s.io/v1beta1/nodes?limit=5".to_owned(),
                "kubernetes-admin".to_owned(),
                "system:masters,system:authenticated".to_owned()
            )]
        );
        let fresh = api::call_as(
            &cluster,
            "/apis",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        )
        .await;
        assert_eq!(
            of(&fresh)["resources"][0],
            json!({"resource": "nodes", "singularResource": "", "scope": "Cluster",
            "verbs": ["get", "list"], "responseKind": {"group": "metrics.k8s.io", "version": "v1beta1", "kind": "NodeMetrics"}})
        );
        let group = get(&cluster, "/apis/metrics.k8s.io").await;
        assert_eq!(
            group["preferredVersion"]["groupVersion"],
            "metrics.k8s.io/v1beta1"
        );
        done(
            &cluster,
            &format!("DELETE {SERVICES}/v1beta1.metrics.k8s.io"),
            Value::Null,
        )
        .await;
        assert_eq!(
            api::call(
                &cluster,
                "GET /apis/metrics.k8s.io/v1beta1/nodes",
                Value::Null
            )
            .await
            .0,
            404
        );
    });
}

#[test]
fn events_go_after_an_hour() {
    api::run(async {
        let cluster = Cluster::default();
        let event = |name: &str| {
            json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
            "involvedObject": {"namespace": "default"}, "reason": "Tested"})
        };
        let events = "/api/v1/namespaces/default/events";
        done(&cluster, &format!("POST {events}"), event("a")).await;
        done(&cluster, &format!("POST {events}"), event("b")).await;
        let request = Request::get("/apis/events.k8s.io/v1/events?watch=true&timeoutSeconds=9000")
            .body(Bytes::new())
            .expect("a request");
        let ApiBody::Stream(mut watch) = cluster.call(request).await.into_body() else {
            panic!("no stream")
        };
        let mut next = async || {
            let frame: Value =
                serde_json::from_slice(&watch.next().await.expect("a frame")).expect("JSON");
            (
                frame["type"].as_str().expect("a type").to_owned(),
                frame["object"]["metadata"]["name"].clone(),
            )
        };
        assert_eq!(
            [next().await, next().await],
            [
                ("ADDED".to_owned(), json!("a")),
                ("ADDED".to_owned(), json!("b"))
            ]
        );
        tokio::time::sleep(Duration::from_secs(1800)).await;
        // What is written again lives on.
        done(&cluster, &format!("PATCH {events}/b"), json!({"count": 2})).await;
        assert_eq!(next().await.0, "MODIFIED");
        assert_eq!(next().await, ("DELETED".to_owned(), json!("a")));
        assert_eq!(names(&get(&cluster, events).await), ["b"]);
        tokio::time::sleep(Duration::from_secs(1799)).await;
        assert_eq!(names(&get(&cluster, events).await), ["b"]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(cluster.objects().list("events", None).is_empty());
    });
}

#[test]
fn a_definition_that_goes_is_seen_terminating() {
    api::run(async {
        let cluster = Cluster::default();
        cluster.define(&json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
        })).expect("a definition");
        let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        done(
            &cluster,
            &format!("DELETE {crds}/foos.example.com"),
            Value::Null,
        )
        .await;
        // Whoever asks on receipt of the answer still sees it, and can watch it go.
        let seen = get(&cluster, &format!("{crds}/foos.example.com")).await;
        let condition = seen["status"]["conditions"]
            .as_array()
            .expect("conditions")
            .iter()
            .find(|one| one["type"] == "Terminating");
        assert_eq!(condition.expect("terminating")["status"], "True");
        let version = seen["metadata"]["resourceVersion"]
            .as_str()
            .expect("a version");
        let request = Request::get(format!(
            "{crds}?watch=true&resourceVersion={version}&fieldSelector=metadata.name%3Dfoos.example.com"
        ));
        let ApiBody::Stream(watch) = cluster
            .call(request.body(Bytes::new()).expect("a request"))
            .await
            .into_body()
        else {
            panic!("no stream")
        };
        let started = tokio::time::Instant::now();
        let kinds = watch
            .map(|frame| serde_json::from_slice::<Value>(&frame).expect("JSON")["type"].clone());
        let last = kinds
            .skip_while(|kind| futures::future::ready(kind == "MODIFIED"))
            .next()
            .await;
        assert_eq!(last, Some(json!("DELETED")));
        assert!(started.elapsed() < Duration::from_millis(200));
        assert_eq!(
            api::call(
                &cluster,
                &format!("GET {crds}/foos.example.com"),
                Value::Null
            )
            .await
            .0,
            404
        );
    });
}

#[test]
fn metrics_hold_what_is_asserted_of_a_server() {
    api::run(async {
        let cluster = Cluster::default();
        let request = Request::get("/metrics").body(Bytes::new());
        let response = cluster.call(request.expect("a request")).await;
        let ApiBody::Full(text) = response.into_body() else {
            panic!("a stream")
        };
        let text = std::str::from_utf8(&text).expect("text");
        for line in [
            "apiserver_validation_declarative_validation_mismatch_total 0",
            "apiserver_validation_declarative_validation_panic_total 0",
            "apiserver_storage_objects{resource=\"namespaces\"} 4",
            // 100 of 245 shares of 600 seats, rounded up.
            "apiserver_flowcontrol_nominal_limit_seats{priority_level=\"workload-low\"} 245",
            "apiserver_flowcontrol_nominal_limit_seats{priority_level=\"exempt\"} 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in {text}");
        }
        // Every sample has its type.
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().expect("a name");
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
        }
    });
}

#[test]
fn health_checks_are_those_of_a_server_in_their_order() {
    api::run(async {
        let cluster = Cluster::default();
        let told = async |path: &str| {
            let request = Request::get(path).body(Bytes::new());
            let response = cluster.call(request.expect("a request")).await;
            let ApiBody::Full(text) = response.into_body() else {
                panic!("a stream")
            };
            String::from_utf8(text.to_vec()).expect("text")
        };
        let begin =
            |text: &str, lines: usize| text.lines().take(lines).collect::<Vec<_>>().join(" ");
        for endpoint in ["healthz", "livez"] {
            let text = told(&format!("/{endpoint}?verbose")).await;
            assert_eq!(
                begin(&text, 5),
                "[+]ping ok [+]log ok [+]loopback-serving-certificate ok [+]etcd ok \
                 [+]poststarthook/start-apiserver-admission-initializer ok"
            );
            assert!(
                text.ends_with(&format!("\n{endpoint} check passed\n")),
                "{text}"
            );
        }
        let ready = told("/readyz?verbose").await;
        assert_eq!(
            begin(&ready, 5),
            "[+]ping ok [+]log ok [+]etcd ok [+]etcd-readiness ok [+]informer-sync ok"
        );
        assert!(
            ready.ends_with("\n[+]shutdown ok\nreadyz check passed\n"),
            "{ready}"
        );
        // What test suites want to see of each.
        for endpoint in ["healthz", "livez", "readyz"] {
            let text = told(&format!("/{endpoint}?verbose")).await;
            for check in [
                "poststarthook/start-service-ip-repair-controllers",
                "poststarthook/start-kube-aggregator-informers",
                "poststarthook/apiservice-status-local-available-controller",
                "poststarthook/apiservice-status-remote-available-controller",
                "poststarthook/kube-apiserver-autoregistration",
                "poststarthook/storage-readiness",
                "autoregister-completion",
            ] {
                assert!(
                    text.contains(&format!("[+]{check} ok\n")),
                    "{check} in {text}"
                );
                assert_eq!(told(&format!("/{endpoint}/{check}")).await, "ok");
            }
        }
    });
}

#[test]
fn the_server_s_own_pages_read_the_timeout_that_is_asked_for() {
    api::run(async {
        let cluster = Cluster::default();
        for asked in ["", "0s", "3m", "32s"] {
            get(&cluster, &format!("/version?timeout={asked}")).await;
        }
        for path in ["/version", "/api", "/apis/apps/v1", "/openapi/v3"] {
            let line = format!("GET {path}?timeout=soon");
            let (code, answer) = api::call(&cluster, &line, Value::Null).await;
            let why =
                "invalid timeout specified in the request URL - time: invalid duration \"soon\"";
            assert_eq!((code, &answer["message"]), (400, &json!(why)), "{path}");
        }
    });
}

#[test]
fn the_server_s_own_service_has_endpoints() {
    api::run(async {
        let cluster = Cluster::default();
        let endpoints = get(&cluster, "/api/v1/namespaces/default/endpoints/kubernetes").await;
        let address = &endpoints["subsets"][0]["addresses"][0]["ip"];
        let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
        let slice = get(&cluster, &format!("{slices}/kubernetes")).await;
        assert_eq!(slice["endpoints"][0]["addresses"][0], *address);
        assert_eq!(
            slice["metadata"]["labels"],
            json!({"kubernetes.io/service-name": "kubernetes"})
        );
        let service = get(&cluster, "/api/v1/namespaces/default/services/kubernetes").await;
        assert_eq!(
            (&slice["ports"][0]["port"], &slice["ports"][0]["name"]),
            (&service["spec"]["ports"][0]["targetPort"], &json!("https"))
        );
    });
}
