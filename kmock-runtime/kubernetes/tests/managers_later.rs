//! Managers that are told when somebody asks are what they would be if they had been told at once.

mod api;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kmock_kubernetes::internals::api::body::Sent;
use kmock_kubernetes::internals::api::reply::Unread;
use kmock_kubernetes::internals::state::store::StoredObject;
use kmock_kubernetes::{
    ApiBody, Clock, Cluster, ClusterOptions, ResourceKey, WebhookCall, WebhookCaller,
};
use serde_json::{Value, json};

use crate::api::{call, run};

const PODS: &str = "/api/v1/namespaces/default/pods";
const EVENTS: &str = "/api/v1/namespaces/default/events";

/// How a part of the cluster makes its requests.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// With a text, as anybody: managers are told at once.
    Text,
    /// With the object, and an answer that nobody reads: managers are told later.
    Object,
}

fn cluster() -> Cluster {
    let start = "2026-01-01T00:00:00Z".parse().expect("a time");
    Cluster::new(ClusterOptions {
        clock: Some(Clock::starting_at(start)),
        ..ClusterOptions::default()
    })
}

/// What came of a write.
struct Done {
    code: u16,
    /// Of a failure.
    message: String,
    /// Where the answer is not read.
    stored: Option<Arc<StoredObject>>,
}

/// A write by an agent.
async fn write(
    cluster: &Cluster,
    way: Way,
    agent: &str,
    (method, path): (Method, &str),
    object: &Value,
) -> Done {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let request = Request::builder().method(&method).uri(path);
    let request = request.header("content-type", "application/json");
    let request = request.header("user-agent", format!("{agent}/v1"));
    let request = match way {
        Way::Text => request.body(Bytes::from(object.to_string())),
        Way::Object => {
            let sent = match method {
                Method::PUT => {
                    object.as_object_mut().expect("an object").remove("spec");
                    Sent::without(&["spec"], object)
                }
                _ => Sent::new(object),
            };
            let request = request.extension(Unread).extension(sent);
            request.body(Bytes::new())
        }
    };
    let mut response = cluster.call(request.expect("a request")).await;
    let code = response.status().as_u16();
    let stored: Option<Arc<StoredObject>> = response.extensions_mut().remove();
    assert_eq!(stored.is_some(), way == Way::Object && code < 300);
    let ApiBody::Full(bytes) = response.into_body() else {
        panic!("a stream")
    };
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = answer["message"].as_str().unwrap_or_default();
    Done {
        code,
        message: if code < 300 { "" } else { message }.to_owned(),
        stored,
    }
}

async fn create_pod(cluster: &Cluster, name: &str) {
    let spec = json!({"containers": [{"name": "c", "image": "web"}]});
    let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec});
    assert_eq!(call(cluster, &format!("POST {PODS}"), pod).await.0, 201);
}

fn now(cluster: &Cluster, name: &str) -> Value {
    let pod = cluster.objects().get("pods", name).expect("there");
    pod.value().clone()
}

/// Many writes by several hands.
struct Writers {
    cluster: Cluster,
    way: Way,
    pod: Value,
}

impl Writers {
    async fn new(way: Way) -> Self {
        let cluster = cluster();
        create_pod(&cluster, "a").await;
        let pod = now(&cluster, "a");
        Self { cluster, way, pod }
    }

    async fn write(&self, agent: &str, to: (Method, &str), object: &Value) {
        let done = write(&self.cluster, self.way, agent, to, object).await;
        assert!(done.code < 300, "{}", done.message);
        if let Some(stored) = done.stored {
            let bare = &stored.value.bare()["metadata"];
            assert_eq!(bare["managedFields"], Value::Null, "told at once");
        }
    }

    async fn step(&mut self, n: usize) {
        let agent = ["kubelet", "node-problem-detector", "kubelet"][n % 3];
        let conditions = (0..n % 5).map(|at| {
            let status = if n.is_multiple_of(2) { "True" } else { "False" };
            json!({"type": format!("Type{at}"), "status": status})
        });
        let conditions: Vec<Value> = conditions.collect();
        let ip = format!("10.0.0.{}", n % 200);
        self.pod["status"] = json!({"phase": "Running", "conditions": conditions, "podIP": ip});
        if n.is_multiple_of(7) {
            self.pod["metadata"]["annotations"] = json!({format!("a{n}"): "by a status"});
        }
        let path = format!("{PODS}/a/status");
        self.write(agent, (Method::PUT, &path), &self.pod).await;
        // Nobody asks for the managers to make the next version.
        let version = self.cluster.store().latest(&ResourceKey::new("", "pods"));
        self.pod["metadata"]["resourceVersion"] = version.to_string().into();
        if n.is_multiple_of(41) {
            // Somebody else, who is told.
            let patch = json!({"metadata": {"labels": {"n": n.to_string()}}});
            let (code, _) = call(&self.cluster, &format!("PATCH {PODS}/a"), patch).await;
            assert_eq!(code, 200);
            self.pod = now(&self.cluster, "a");
        }
        if n.is_multiple_of(5) {
            let event = json!({
                "metadata": {"name": format!("e{n}"), "namespace": "default"},
                "involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"},
                "reason": "Started", "message": "Started", "type": "Normal", "count": 1,
                "source": {"component": agent}, "firstTimestamp": "2026-01-01T00:00:00Z",
            });
            self.write(agent, (Method::POST, EVENTS), &event).await;
        }
    }

    fn all(&self) -> Vec<Value> {
        let pods = self.cluster.objects().history("pods", "a");
        let events = self.cluster.objects().list("events", None);
        let all = pods.into_iter().chain(events);
        all.map(|object| object.value().clone()).collect()
    }
}

#[test]
fn they_are_the_same_in_each_version() {
    run(async {
        let mut told = Writers::new(Way::Text).await;
        let mut later = Writers::new(Way::Object).await;
        // More than are kept as values.
        for n in 0..700 {
            told.step(n).await;
            later.step(n).await;
            tokio::time::advance(std::time::Duration::from_millis(700)).await;
        }
        let (told, later) = (told.all(), later.all());
        assert_eq!(told.len(), later.len());
        for (told, later) in told.iter().zip(&later) {
            assert_eq!(told, later);
        }
        let managers = later
            .iter()
            .map(|object| &object["metadata"]["managedFields"]);
        let most = managers.filter_map(Value::as_array).map(Vec::len).max();
        assert_eq!(most, Some(3));
    });
}

/// Objects with a status: where they are, their spec, and what is written of their status, one after the other.
fn with_status() -> Vec<(&'static str, Value, [Value; 3])> {
    let pods = json!({"containers": [{"name": "c", "image": "web"}]});
    let labels = json!({"app": "web"});
    let template = json!({"metadata": {"labels": labels}, "spec": pods});
    let workload = json!({"selector": {"matchLabels": labels}, "template": template});
    let set =
        json!({"selector": {"matchLabels": labels}, "template": template, "serviceName": "web"});
    let job =
        json!({"template": {"spec": {"containers": pods["containers"], "restartPolicy": "Never"}}});
    let ready = |status: &str| json!([{"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let counts = |all: i32| json!({"replicas": all, "readyReplicas": all / 2, "observedGeneration": 1, "conditions": ready("True")});
    let scheduled = |all: i32| {
        json!({"currentNumberScheduled": all, "desiredNumberScheduled": 3, "numberReady": 0,
        "numberMisscheduled": 0, "observedGeneration": 1})
    };
    let metric = json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "1"}}}]);
    let scaler = json!({"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}});
    let scaled = |metrics: Value| json!({"currentReplicas": 3, "desiredReplicas": 3, "currentMetrics": metrics, "conditions": ready("True")});
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let volume = json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}});
    let budget = json!({"minAvailable": 1, "selector": {"matchLabels": labels}});
    let allowed = |all: i32| json!({"currentHealthy": all, "desiredHealthy": 1, "disruptionsAllowed": all / 2, "expectedPods": all, "observedGeneration": 1});
    let service = json!({"type": "LoadBalancer", "ports": [{"port": 80}]});
    let address = |ip: &str| json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
    let started = |active: i32| {
        json!({"active": active, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {},
        "startTime": "2026-01-01T00:00:00Z"})
    };
    let node = |kubelet: &str| json!({"capacity": {"cpu": "4"}, "conditions": ready(kubelet), "images": [], "nodeInfo": {"kubeletVersion": "v1.36.3"}});
    let phase = |phase: &str| json!({"phase": phase});
    let running = |ip: &str| json!({"phase": "Running", "podIP": ip, "podIPs": [], "conditions": ready("True"), "containerStatuses": []});
    vec![
        (PODS, pods, [running(""), running("10.0.0.1"), json!({})]),
        (
            "/api/v1/nodes",
            json!({}),
            [node("True"), node("False"), node("True")],
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            workload.clone(),
            [counts(1), counts(3), json!({})],
        ),
        (
            "/apis/apps/v1/namespaces/default/replicasets",
            workload.clone(),
            [counts(1), counts(3), counts(3)],
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            set,
            [counts(1), counts(3), counts(3)],
        ),
        (
            "/apis/apps/v1/namespaces/default/daemonsets",
            workload,
            [scheduled(1), scheduled(3), scheduled(3)],
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            job,
            [started(1), started(2), started(2)],
        ),
        (
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            scaler,
            [scaled(json!([])), scaled(metric), scaled(Value::Null)],
        ),
        (
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
            budget,
            [allowed(1), allowed(3), allowed(3)],
        ),
        (
            "/api/v1/namespaces/default/persistentvolumeclaims",
            claim,
            [phase("Pending"), phase("Bound"), phase("Lost")],
        ),
        (
            "/api/v1/persistentvolumes",
            volume,
            [phase("Available"), phase("Bound"), phase("Released")],
        ),
        (
            "/api/v1/namespaces/default/services",
            service,
            [address("192.0.2.1"), address("192.0.2.2"), json!({})],
        ),
    ]
}

#[test]
fn they_are_the_same_of_each_kind() {
    run(async {
        for (path, spec, statuses) in with_status() {
            let mut answers = Vec::new();
            for way in [Way::Text, Way::Object] {
                let cluster = cluster();
                let object =
                    json!({"metadata": {"name": "a", "labels": {"app": "web"}}, "spec": spec});
                let (code, mut made) = call(&cluster, &format!("POST {path}"), object).await;
                assert_eq!(code, 201, "{path}: {made}");
                let status = format!("{path}/a/status");
                let mut all = Vec::new();
                for (n, said) in statuses.iter().enumerate() {
                    made["status"] = said.clone();
                    made["metadata"]["annotations"] = json!({ "n": n.to_string() });
                    let agent = ["one", "other", "one"][n];
                    // The same once more, which hardly ever is a write.
                    for _ in 0..2 {
                        let done = write(&cluster, way, agent, (Method::PUT, &status), &made).await;
                        assert!(done.code < 300, "{path}: {}", done.message);
                        tokio::time::advance(std::time::Duration::from_secs(3)).await;
                        let (_, now) = call(&cluster, &format!("GET {path}/a"), Value::Null).await;
                        made["metadata"]["resourceVersion"] =
                            now["metadata"]["resourceVersion"].clone();
                        all.push(now);
                    }
                }
                answers.push(all);
            }
            for (told, later) in answers[0].iter().zip(&answers[1]) {
                assert_eq!(told, later, "{path}");
            }
        }
    });
}

#[test]
fn the_last_state_of_what_goes_has_them() {
    run(async {
        let mut last = Vec::new();
        for way in [Way::Text, Way::Object] {
            let mut writers = Writers::new(way).await;
            for n in 0..6 {
                writers.step(n).await;
            }
            for path in [
                format!("{EVENTS}/e5"),
                format!("{PODS}/a?gracePeriodSeconds=0"),
            ] {
                let (code, _) =
                    call(&writers.cluster, &format!("DELETE {path}"), Value::Null).await;
                assert_eq!(code, 200);
            }
            let objects = writers.cluster.objects();
            let gone = [("events", "e5"), ("pods", "a")].map(|(resource, name)| {
                let history = objects.history(resource, name);
                history.last().map(|object| object.value().clone())
            });
            assert_ne!(
                gone[0].as_ref().expect("gone")["metadata"]["managedFields"],
                Value::Null
            );
            last.push(gone);
        }
        assert_eq!(last[0], last[1]);
    });
}

#[test]
fn who_reads_first_changes_nothing() {
    run(async {
        let mut once = Writers::new(Way::Object).await;
        let mut always = Writers::new(Way::Object).await;
        for n in 0..60 {
            once.step(n).await;
            always.step(n).await;
            now(&always.cluster, "a");
        }
        let [last, other] = [&once, &always].map(|one| now(&one.cluster, "a"));
        assert_eq!(last, other);
        // A change of nothing is none, whoever makes it.
        let path = format!("{PODS}/a/status");
        for way in [Way::Text, Way::Object] {
            let to = (Method::PUT, path.as_str());
            let done = write(&once.cluster, way, "other", to, &last).await;
            assert_eq!(done.code, 200);
        }
        assert_eq!(last, now(&once.cluster, "a"));
    });
}

#[test]
fn an_apply_knows_who_owns_what_was_not_asked_for() {
    run(async {
        for way in [Way::Text, Way::Object] {
            let cluster = cluster();
            create_pod(&cluster, "a").await;
            let mut pod = now(&cluster, "a");
            pod["status"]["podIP"] = "10.0.0.1".into();
            let path = format!("{PODS}/a/status");
            let done = write(&cluster, way, "kubelet", (Method::PUT, &path), &pod).await;
            assert_eq!(done.code, 200);
            let patch = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {"podIP": "10.0.0.2"}});
            let request = Request::patch(format!("{path}?fieldManager=me"))
                .header("content-type", "application/apply-patch+yaml")
                .body(Bytes::from(patch.to_string()));
            let response = cluster.call(request.expect("a request")).await;
            assert_eq!(response.status().as_u16(), 409, "{way:?}");
        }
    });
}

#[test]
fn what_is_too_large_is_refused_as_ever() {
    run(async {
        for letters in [
            1_000, 60_000, 90_000, 400_000, 1_500_000, 1_600_000, 2_200_000,
        ] {
            let mut answers = Vec::new();
            for way in [Way::Text, Way::Object] {
                let cluster = cluster();
                create_pod(&cluster, "a").await;
                let mut pod = now(&cluster, "a");
                pod["status"]["message"] = "x".repeat(letters).into();
                let path = format!("{PODS}/a/status");
                let to = (Method::PUT, path.as_str());
                let done = write(&cluster, way, "kubelet", to, &pod).await;
                answers.push((done.code, done.message, now(&cluster, "a")));
            }
            assert_eq!(answers[0], answers[1], "{letters}");
            assert_eq!(
                answers[0].0 == 200,
                letters < 1_570_000,
                "{letters}: {}",
                answers[0].1
            );
        }
    });
}

/// Allows all, and keeps what it was shown.
#[derive(Debug, Default)]
struct Hook(Mutex<Vec<Value>>);

impl WebhookCaller for Hook {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let review: Value = serde_json::from_slice(&call.body).expect("JSON");
        let response = json!({"uid": review["request"]["uid"], "allowed": true});
        let answer = json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response});
        self.0.lock().expect("reviews").push(review);
        Box::pin(async move { Ok(Response::new(answer.to_string().into())) })
    }
}

#[test]
fn webhooks_are_shown_them() {
    run(async {
        let cluster = cluster();
        create_pod(&cluster, "a").await;
        let hook = Arc::new(Hook::default());
        cluster.webhooks().route("hooks/pods", hook.clone());
        let configuration = json!({
            "metadata": {"name": "pods"},
            "webhooks": [{
                "name": "pods.kmock.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "hooks", "name": "pods"}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods/status"]}],
            }],
        });
        let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        let (code, made) = call(&cluster, &format!("POST {path}"), configuration).await;
        assert_eq!(code, 201, "{made}");
        let mut pod = now(&cluster, "a");
        pod["status"]["podIP"] = "10.0.0.1".into();
        let path = format!("{PODS}/a/status");
        let done = write(&cluster, Way::Object, "kubelet", (Method::PUT, &path), &pod).await;
        assert_eq!(done.code, 200, "{}", done.message);
        let reviews = hook.0.lock().expect("reviews");
        let managers = &reviews[0]["request"]["object"]["metadata"]["managedFields"];
        let managers = managers.as_array().into_iter().flatten();
        let names: Vec<&Value> = managers.map(|one| &one["manager"]).collect();
        assert_eq!(names, ["kubelet", "unknown"]);
    });
}
