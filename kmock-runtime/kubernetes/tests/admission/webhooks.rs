//! Webhooks: whom they are asked about, what they are sent, what becomes of their answers.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use kmock_kubernetes::{WebhookCall, WebhookCaller};
use serde_json::{Value, json};

use super::{MAPS, Server, api, config_map};

type Answer = dyn Fn(&Value) -> Result<Response<Bytes>, String> + Send + Sync;

/// A webhook that keeps what it was sent.
struct Hook {
    sent: Mutex<Vec<(String, Value)>>,
    answer: Box<Answer>,
    takes: Duration,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl WebhookCaller for Hook {
    fn call(&self, call: WebhookCall) -> BoxFuture<'static, Result<Response<Bytes>, String>> {
        let review: Value = serde_json::from_slice(&call.body).expect("JSON");
        let answer = (self.answer)(&review);
        self.sent.lock().expect("sent").push((call.url, review));
        let takes = self.takes;
        Box::pin(async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            answer
        })
    }
}

impl Hook {
    /// Whose answers have these fields beside their `uid`.
    fn answering(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Arc<Self> {
        Self::raw(move |review| {
            let mut response = answer(&review["request"]);
            if response["uid"].is_null() {
                response["uid"] = review["request"]["uid"].clone();
            }
            let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
            Ok(Response::new(review.to_string().into()))
        })
    }

    fn raw(
        answer: impl Fn(&Value) -> Result<Response<Bytes>, String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            sent: Mutex::default(),
            answer: Box::new(answer),
            takes: Duration::ZERO,
        })
    }

    fn sent(&self) -> Vec<Value> {
        let sent = self.sent.lock().expect("sent");
        sent.iter()
            .map(|(_, review)| review["request"].clone())
            .collect()
    }

    fn urls(&self) -> Vec<String> {
        let sent = self.sent.lock().expect("sent");
        sent.iter().map(|(url, _)| url.clone()).collect()
    }
}

/// A configuration with one webhook for all writes of ConfigMaps, changed by `more`.
fn configuration(kind: &str, name: &str, more: Value) -> Value {
    let mut hook = json!({
        "name": format!("{name}.example.com"),
        "clientConfig": {"service": {"namespace": "hooks", "name": name, "path": "/check"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
        "admissionReviewVersions": ["v1"], "sideEffects": "None",
    });
    for (key, value) in more.as_object().expect("an object") {
        hook[key] = value.clone();
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": format!("{kind}WebhookConfiguration"),
        "metadata": {"name": name}, "webhooks": [hook],
    })
}

impl Server {
    fn plug_in(&self, kind: &str, name: &str, more: Value, hook: &Arc<Hook>) {
        let plural = format!("{}webhookconfigurations", kind.to_lowercase());
        let path = format!("POST /apis/admissionregistration.k8s.io/v1/{plural}");
        self.done(&path, configuration(kind, name, more));
        self.0
            .webhooks()
            .route(&format!("hooks/{name}"), Arc::<Hook>::clone(hook));
    }
}

fn patch(operations: Value) -> Value {
    // Base64 of the operations.
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = operations.to_string();
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or_default());
        }
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at) & 63) as usize;
            out.push(if at <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    json!({"allowed": true, "patchType": "JSONPatch", "patch": out})
}

#[test]
fn a_validating_webhook_is_sent_the_whole_review() {
    let server = Server::new();
    let hook = Hook::answering(|_| json!({"allowed": true}));
    server.plug_in("Validating", "check", json!({}), &hook);
    server.done(
        &format!("POST {MAPS}?fieldManager=me&dryRun=All"),
        config_map("a", json!({"x": "1"})),
    );
    server.done(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
    server.done(&format!("PATCH {MAPS}/a"), json!({"data": {"x": "2"}}));
    server.done(&format!("DELETE {MAPS}/a"), Value::Null);
    let sent = hook.sent();
    let of = |at: usize, key: &str| sent[at][key].clone();
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    for at in 0..4 {
        assert_eq!(of(at, "kind"), kind);
        assert_eq!(of(at, "requestKind"), kind);
        assert_eq!(of(at, "resource"), resource);
        assert_eq!(of(at, "requestResource"), resource);
        assert_eq!(
            (of(at, "name"), of(at, "namespace")),
            (json!("a"), json!("default"))
        );
        assert_eq!(of(at, "userInfo")["username"], "kubernetes-admin");
    }
    let operations: Vec<Value> = sent.iter().map(|x| x["operation"].clone()).collect();
    assert_eq!(operations, ["CREATE", "CREATE", "UPDATE", "DELETE"]);
    let dry: Vec<Value> = sent.iter().map(|x| x["dryRun"].clone()).collect();
    assert_eq!(dry, [true, false, false, false]);
    assert_eq!(
        of(0, "options"),
        json!({"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"], "fieldManager": "me"})
    );
    assert_eq!(of(2, "options")["kind"], "UpdateOptions");
    assert_eq!(of(3, "options")["kind"], "DeleteOptions");
    assert_eq!(
        (of(0, "oldObject"), of(3, "object")),
        (Value::Null, Value::Null)
    );
    assert_eq!(of(2, "object")["data"]["x"], "2");
    assert_eq!(of(2, "oldObject")["data"]["x"], "1");
    assert_eq!(of(3, "oldObject")["data"]["x"], "2");
    assert_eq!(of(1, "object")["apiVersion"], "v1");
    assert_eq!(
        hook.urls()[0],
        "https://check.hooks.svc:443/check?timeout=10s"
    );
}

#[test]
fn a_denial_has_the_server_s_words() {
    for (response, wanted) in [
        (
            json!({"allowed": false, "status": {"message": "no bad"}}),
            (
                400,
                "admission webhook \"check.example.com\" denied the request: no bad",
            ),
        ),
        (
            json!({"allowed": false, "status": {"reason": "NotMine", "code": 403}}),
            (
                403,
                "admission webhook \"check.example.com\" denied the request: NotMine",
            ),
        ),
        (
            json!({"allowed": false}),
            (
                400,
                "admission webhook \"check.example.com\" denied the request without explanation",
            ),
        ),
        (
            json!({"allowed": false, "status": {"code": 200, "status": "Success"}}),
            (
                400,
                "admission webhook \"check.example.com\" denied the request without explanation",
            ),
        ),
    ] {
        let server = Server::new();
        let hook = Hook::answering(move |_| response.clone());
        server.plug_in("Validating", "check", json!({}), &hook);
        let (code, message) = server.refused(&format!("POST {MAPS}"), config_map("a", json!({})));
        assert_eq!((code, message.as_str()), wanted);
        let map = server.0.objects().get("configmaps", "a");
        assert!(map.is_none());
    }
}

#[test]
fn a_webhook_that_cannot_be_asked_fails_the_request_or_is_ignored() {
    let failed = "Internal error occurred: failed calling webhook \"check.example.com\": ";
    let review = |response: Value| json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    let answers: Vec<(Arc<Hook>, &str)> = vec![
        (
            Hook::raw(|_| Err("dial tcp 10.0.0.1:443: connect: connection refused".into())),
            "failed to call webhook: Post \"https://check.hooks.svc:443/check?timeout=10s\": dial tcp 10.0.0.1:443: connect: connection refused",
        ),
        (
            Hook::raw(|_| {
                Ok(Response::builder()
                    .status(500)
                    .body("boom".into())
                    .expect("a response"))
            }),
            "failed to call webhook: an error on the server (\"boom\") has prevented the request from succeeding",
        ),
        (
            Hook::raw(move |_| {
                Ok(Response::new(
                    review(json!({"uid": "x", "allowed": true}))
                        .to_string()
                        .into(),
                ))
            }),
            "received invalid webhook response: expected response.uid=",
        ),
        (
            Hook::raw(|_| Ok(Response::new("{}".into()))),
            "received invalid webhook response: webhook response was absent",
        ),
        (
            Hook::answering(|_| patch(json!([]))),
            "received invalid webhook response: validating webhook may not return response.patch",
        ),
    ];
    for (hook, wanted) in answers {
        let server = Server::new();
        server.plug_in("Validating", "check", json!({}), &hook);
        let (code, message) = server.refused(&format!("POST {MAPS}"), config_map("a", json!({})));
        assert_eq!(code, 500);
        let wanted = format!("{failed}{wanted}");
        assert!(message.starts_with(&wanted), "{message}\nis not\n{wanted}");
        let path =
            "PATCH /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/check";
        let mut changed = configuration("Validating", "check", json!({"failurePolicy": "Ignore"}));
        changed = json!({"webhooks": changed["webhooks"]});
        server.done(path, changed);
        server.done(&format!("POST {MAPS}"), config_map("a", json!({})));
        let kept = server.0.webhooks().audit_annotations();
        let key = "failed-open.validating.webhook.admission.k8s.io/round_0_index_0";
        assert!(
            kept.iter()
                .any(|x| x.key == key && x.value == "check.example.com")
        );
    }
}

#[test]
fn a_place_without_anybody_is_a_failed_call() {
    let server = Server::new();
    let path = "POST /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    server.done(path, configuration("Validating", "check", json!({})));
    let (code, message) = server.refused(&format!("POST {MAPS}"), config_map("a", json!({})));
    assert_eq!(code, 500);
    assert!(message.contains("nobody answers for it"), "{message}");
    // The configurations themselves are never asked about.
    let path = "DELETE /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/check";
    server.done(path, Value::Null);
    server.done(&format!("POST {MAPS}"), config_map("a", json!({})));
}

#[test]
fn a_slow_webhook_runs_out_of_virtual_time() {
    let server = Server::new();
    let mut hook = Hook::answering(|_| json!({"allowed": true}));
    Arc::get_mut(&mut hook).expect("mine").takes = Duration::from_secs(3);
    server.plug_in("Validating", "check", json!({"timeoutSeconds": 2}), &hook);
    let (code, message) = server.refused(&format!("POST {MAPS}"), config_map("a", json!({})));
    let wanted = "Internal error occurred: failed calling webhook \"check.example.com\": failed to call webhook: Post \
                  \"https://check.hooks.svc:443/check?timeout=2s\": context deadline exceeded";
    assert_eq!((code, message.as_str()), (500, wanted));
}

#[test]
fn a_mutating_webhook_patches_what_is_stored() {
    let server = Server::new();
    let hook = Hook::answering(|request| match request["operation"].as_str() {
        Some("CREATE") => patch(json!([
            {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
            {"op": "add", "path": "/data/y", "value": "2"},
        ])),
        _ => json!({"allowed": true}),
    });
    server.plug_in("Mutating", "change", json!({}), &hook);
    let made = server.done(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
    assert_eq!(made["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(made["data"], json!({"x": "1", "y": "2"}));
    let kept = server.0.webhooks().audit_annotations();
    assert_eq!(
        kept[0].key,
        "patch.webhook.admission.k8s.io/round_0_index_0"
    );
    assert_eq!(
        kept[1].key,
        "mutation.webhook.admission.k8s.io/round_0_index_0"
    );
    assert_eq!(kept[1].request, "CREATE configmaps default/a");
    assert!(kept[1].value.contains("\"mutated\":true"));
}

#[test]
fn a_patch_that_cannot_be_followed_fails_the_request() {
    for (operations, wanted) in [
        (
            json!([{"op": "remove", "path": "/data/z"}]),
            "Internal error occurred: error in remove for path: '/data/z': Unable to remove nonexistent key: z: missing value",
        ),
        (
            json!([{"op": "remove", "path": "/spec/z"}]),
            "Internal error occurred: remove operation does not apply: doc is missing path: \"/spec/z\": missing value",
        ),
        (
            json!([{"op": "test", "path": "/data/x", "value": "9"}]),
            "Internal error occurred: testing value /data/x failed: test failed",
        ),
    ] {
        let server = Server::new();
        let hook = Hook::answering(move |_| patch(operations.clone()));
        server.plug_in("Mutating", "change", json!({}), &hook);
        let refused = server.refused(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
        assert_eq!(refused, (500, wanted.to_owned()));
    }
    let server = Server::new();
    let hook = Hook::answering(|_| patch(json!([{"op": "add", "path": "/x", "value": 1}])));
    server.0.objects().seed(config_map("a", json!({})));
    server.plug_in("Mutating", "change", json!({}), &hook);
    let wanted = "Internal error occurred: admission webhook \"change.example.com\" attempted to modify the object, \
                  which is not supported for this operation";
    let refused = server.refused(&format!("DELETE {MAPS}/a"), Value::Null);
    assert_eq!(refused, (500, wanted.to_owned()));
}

#[test]
fn webhooks_are_asked_in_the_order_of_their_names_and_again_if_they_want_to_be() {
    let server = Server::new();
    let count = |request: &Value| {
        let text = request["object"]["data"]["count"]
            .as_str()
            .unwrap_or("0")
            .to_owned();
        text.parse::<u32>().expect("a number")
    };
    let first = Hook::answering(move |request| {
        let next = (count(request) + 1).to_string();
        patch(json!([{"op": "add", "path": "/data/count", "value": next}]))
    });
    let second =
        Hook::answering(|_| patch(json!([{"op": "add", "path": "/data/b", "value": "seen"}])));
    server.plug_in("Mutating", "b", json!({}), &second);
    server.plug_in(
        "Mutating",
        "a",
        json!({"reinvocationPolicy": "IfNeeded"}),
        &first,
    );
    let made = server.done(&format!("POST {MAPS}"), config_map("a", json!({"x": "1"})));
    assert_eq!(made["data"], json!({"x": "1", "count": "2", "b": "seen"}));
    assert_eq!((first.sent().len(), second.sent().len()), (2, 1));
    assert_eq!(first.sent()[1]["object"]["data"]["b"], "seen");
}

#[test]
fn selectors_rules_and_scopes_choose_the_requests() {
    let server = Server::new();
    let labels = json!({"metadata": {"labels": {"hooked": "yes"}}});
    for (name, labelled) in [("in", true), ("out", false)] {
        let mut namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if labelled {
            namespace["metadata"]["labels"] = labels["metadata"]["labels"].clone();
        }
        server.done("POST /api/v1/namespaces", namespace);
    }
    let hook = Hook::answering(|_| json!({"allowed": true}));
    let more = json!({
        "namespaceSelector": {"matchLabels": {"hooked": "yes"}},
        "objectSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
        "rules": [
            {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["configmaps", "nodes", "namespaces"], "operations": ["CREATE"]},
            {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments/scale"], "operations": ["UPDATE"], "scope": "Namespaced"},
        ],
    });
    server.plug_in("Validating", "check", more, &hook);
    let create = |namespace: &str, labels: Value| {
        let mut map = config_map("a", json!({}));
        map["metadata"]["labels"] = labels;
        server.done(
            &format!("POST /api/v1/namespaces/{namespace}/configmaps?dryRun=All"),
            map,
        );
        let count = hook.sent().len();
        hook.sent.lock().expect("sent").clear();
        count
    };
    assert_eq!(create("in", json!({})), 1);
    assert_eq!(create("out", json!({})), 0);
    assert_eq!(create("in", json!({"skip": "x"})), 0);
    // What is in no namespace is always asked about; a namespace by its own labels.
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    server.done("POST /api/v1/nodes", node);
    let mut namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}});
    server.done("POST /api/v1/namespaces", namespace.clone());
    namespace["metadata"] = json!({"name": "third", "labels": {"hooked": "yes"}});
    server.done("POST /api/v1/namespaces", namespace);
    let names: Vec<Value> = hook.sent().iter().map(|x| x["name"].clone()).collect();
    assert_eq!(names, ["n", "third"]);
    hook.sent.lock().expect("sent").clear();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        }},
    });
    server.done("POST /apis/apps/v1/namespaces/in/deployments", deployment);
    server.done(
        "PATCH /apis/apps/v1/namespaces/in/deployments/d/scale",
        json!({"spec": {"replicas": 3}}),
    );
    let sent = hook.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0]["kind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
    assert_eq!(sent[0]["subResource"], "scale");
    assert_eq!(sent[0]["object"]["spec"]["replicas"], 3);
    assert_eq!(sent[0]["oldObject"]["spec"]["replicas"], 1);
}

#[test]
fn equivalent_requests_are_converted_unless_the_policy_is_exact() {
    for (policy, asked) in [("Equivalent", 1), ("Exact", 0)] {
        let server = Server::new();
        let hook = Hook::answering(|_| {
            patch(
                json!([{"op": "replace", "path": "/spec/targetCPUUtilizationPercentage", "value": 33}]),
            )
        });
        let more = json!({"matchPolicy": policy, "rules": [{
            "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "resources": ["horizontalpodautoscalers"], "operations": ["*"],
        }]});
        server.plug_in("Mutating", "change", more, &hook);
        let scaler = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
                     "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]},
        });
        let made = server.done(
            "POST /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            scaler,
        );
        let target = &made["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"];
        assert_eq!(*target, if asked == 1 { 33 } else { 50 });
        let sent = hook.sent();
        assert_eq!(sent.len(), asked);
        if let Some(sent) = sent.first() {
            assert_eq!(sent["kind"]["version"], "v1");
            assert_eq!(sent["requestKind"]["version"], "v2");
            assert_eq!(sent["object"]["apiVersion"], "autoscaling/v1");
        }
    }
}

#[test]
fn side_effects_and_dry_runs_exclude_each_other() {
    let server = Server::new();
    let hook = Hook::answering(|_| json!({"allowed": true}));
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    // The old values can only be there from former times.
    let old = configuration("Validating", "check", json!({"sideEffects": "Some"}));
    server.0.objects().seed(old);
    server
        .0
        .webhooks()
        .route("hooks/check", Arc::<Hook>::clone(&hook));
    let refused = server.refused(
        &format!("POST {MAPS}?dryRun=All"),
        config_map("a", json!({})),
    );
    let wanted = "admission webhook \"check.example.com\" does not support dry run";
    assert_eq!(refused, (400, wanted.to_owned()));
    server.done(&format!("POST {MAPS}"), config_map("a", json!({})));
    let refused = server.refused(
        &format!("POST {path}"),
        configuration("Validating", "x", json!({"sideEffects": "Some"})),
    );
    assert_eq!(refused.0, 422);
}

#[test]
fn warnings_of_webhooks_are_told_to_the_client() {
    let server = Server::new();
    let hook = Hook::answering(|_| {
        json!({
            "allowed": true, "warnings": ["careful"], "auditAnnotations": {"reason": "because"},
        })
    });
    server.plug_in("Validating", "check", json!({}), &hook);
    let request = http::Request::post(MAPS).header("content-type", "application/json");
    let request = request.body(config_map("a", json!({})).to_string().into());
    let response = api::run(server.0.call(request.expect("a request")));
    assert_eq!(response.headers()["warning"], "299 - \"careful\"");
    let kept = server.0.webhooks().audit_annotations();
    assert_eq!(
        (kept[0].key.as_str(), kept[0].value.as_str()),
        ("check.example.com/reason", "because")
    );
}

#[test]
fn collections_evictions_and_bindings_are_asked_about_too() {
    let server = Server::new();
    let hook = Hook::answering(|_| json!({"allowed": true}));
    let more = json!({"rules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["DELETE"]},
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"], "operations": ["CREATE"]},
    ]});
    server.plug_in("Validating", "check", more, &hook);
    server.0.objects().seed(config_map("a", json!({})));
    server.0.objects().seed(config_map("b", json!({})));
    server.done(&format!("DELETE {MAPS}"), Value::Null);
    let sent = hook.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[0]["name"].is_null(), "a collection has no name");
    assert_eq!(sent[1]["oldObject"]["metadata"]["name"], "b");
    hook.sent.lock().expect("sent").clear();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    server.done("POST /api/v1/namespaces/default/pods", pod);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    server.done("POST /api/v1/namespaces/default/pods/p/binding", binding);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}});
    server.done("POST /api/v1/namespaces/default/pods/p/eviction", eviction);
    let kinds: Vec<Value> = hook
        .sent()
        .iter()
        .map(|x| x["kind"]["kind"].clone())
        .collect();
    // A star for the subresource is the resource itself, too.
    assert_eq!(kinds, ["Pod", "Binding", "Eviction"]);
}
