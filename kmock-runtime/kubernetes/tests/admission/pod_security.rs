//! PodSecurity: which Pods the levels let in, and in which words they refuse the others.

use serde_json::{Value, json};

use super::{Server, api};

impl Server {
    fn namespace(&self, name: &str, labels: Value) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.done("POST /api/v1/namespaces", namespace);
    }

    /// Creates a Pod with a spec beside its container `c`, and a security context of that.
    fn pod(&self, namespace: &str, spec: &Value, context: &Value) -> (u16, String) {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "image": "i"}]}});
        if !context.is_null() {
            pod["spec"]["containers"][0]["securityContext"] = context.clone();
        }
        for (key, value) in spec.as_object().expect("an object") {
            pod["spec"][key] = value.clone();
        }
        let (code, answer) = self.call(
            &format!("POST /api/v1/namespaces/{namespace}/pods?dryRun=All"),
            pod,
        );
        (
            code,
            answer["message"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

fn enforce(level: &str) -> Value {
    json!({"pod-security.kubernetes.io/enforce": level})
}

#[test]
fn the_baseline_level() {
    let server = Server::new();
    server.namespace("n", enforce("baseline"));
    for (spec, context, wanted) in [
        (json!({}), Value::Null, ""),
        (
            json!({"hostNetwork": true, "hostPID": true}),
            Value::Null,
            "host namespaces (hostNetwork=true, hostPID=true)",
        ),
        (
            json!({}),
            json!({"privileged": true}),
            "privileged (container \"c\" must not set securityContext.privileged=true)",
        ),
        (
            json!({}),
            json!({"capabilities": {"add": ["NET_ADMIN", "CHOWN", "BPF"]}}),
            "non-default capabilities (container \"c\" must not include \"BPF\", \"NET_ADMIN\" in securityContext.capabilities.add)",
        ),
        (
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
            Value::Null,
            "hostPath volumes (volume \"v\")",
        ),
        (
            json!({"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 8080}]}]}),
            Value::Null,
            "hostPort (container \"c\" uses hostPort 8080)",
        ),
        (
            json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}, {"name": "kernel.msgmax", "value": "1"}]}}),
            Value::Null,
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            json!({"securityContext": {"seLinuxOptions": {"type": "x_t", "user": "u"}}}),
            Value::Null,
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type \"x_t\"; user may not be set)",
        ),
        (
            json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            json!({"seccompProfile": {"type": "Unconfined"}}),
            "seccompProfile (pod and container \"c\" must not set securityContext.seccompProfile.type to \"Unconfined\")",
        ),
        (
            json!({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}),
            Value::Null,
            "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")",
        ),
        (
            json!({"containers": [{"name": "c", "image": "i", "livenessProbe": {"httpGet": {"port": 80, "host": "h"}}}]}),
            Value::Null,
            "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"h\")",
        ),
    ] {
        let (code, message) = server.pod("n", &spec, &context);
        if wanted.is_empty() {
            assert_eq!(code, 201, "{message}");
        } else {
            let wanted = format!(
                "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": {wanted}"
            );
            assert_eq!((code, message), (403, wanted));
        }
    }
}

#[test]
fn the_restricted_level() {
    let server = Server::new();
    server.namespace("n", enforce("restricted"));
    let by = "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": ";
    let (code, message) = server.pod("n", &json!({}), &Value::Null);
    let wanted = format!(
        "{by}allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false), \
         unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != \
         true (pod or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" \
         must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
    );
    assert_eq!((code, message), (403, wanted));
    let good = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true,
                      "seccompProfile": {"type": "RuntimeDefault"}});
    assert_eq!(server.pod("n", &json!({}), &good), (201, String::new()));
    for (spec, change, wanted) in [
        (
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {"path": "/", "server": "s"}}]}),
            json!({}),
            "restricted volume types (volumes \"v\", \"w\" use restricted volume types \"hostPath\", \"nfs\")",
        ),
        (
            json!({}),
            json!({"runAsUser": 0}),
            "runAsUser=0 (container \"c\" must not set runAsUser=0)",
        ),
        (
            json!({"securityContext": {"runAsNonRoot": false}}),
            json!({}),
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        ),
        (
            json!({}),
            json!({"capabilities": {"drop": ["ALL"], "add": ["CHOWN", "NET_BIND_SERVICE"]}}),
            "unrestricted capabilities (container \"c\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        ),
    ] {
        let mut context = good.clone();
        for (key, value) in change.as_object().expect("an object") {
            context[key] = value.clone();
        }
        assert_eq!(
            server.pod("n", &spec, &context),
            (403, format!("{by}{wanted}"))
        );
    }
}

#[test]
fn versions_pin_the_rules() {
    let server = Server::new();
    let mut labels = enforce("baseline");
    labels["pod-security.kubernetes.io/enforce-version"] = json!("v1.31");
    server.namespace("old", labels);
    let spec =
        json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}});
    let (code, message) = server.pod("old", &spec, &Value::Null);
    let wanted = "pods \"p\" is forbidden: violates PodSecurity \"baseline:v1.31\": forbidden sysctls (net.ipv4.tcp_rmem)";
    assert_eq!((code, message.as_str()), (403, wanted));
    let probed = json!({"containers": [{"name": "c", "image": "i", "livenessProbe": {"httpGet": {"port": 80, "host": "h"}}}]});
    assert_eq!(server.pod("old", &probed, &Value::Null).0, 201);
}

#[test]
fn labels_are_validated_and_pods_that_are_there_are_told_of() {
    let server = Server::new();
    let path = "PATCH /api/v1/namespaces/default";
    let (code, message) = server.refused(path, json!({"metadata": {"labels": enforce("strict")}}));
    let wanted = "Namespace \"default\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \
                  \"strict\": must be one of privileged, baseline, restricted";
    assert_eq!((code, message.as_str()), (422, wanted));
    for name in ["b", "a", "c"] {
        server.0.objects().seed(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"hostNetwork": name != "c", "hostPID": name == "c", "containers": [{"name": "c", "image": "i"}]}}));
    }
    let body = json!({"metadata": {"labels": enforce("baseline")}}).to_string();
    let request = http::Request::patch("/api/v1/namespaces/default")
        .header("content-type", "application/merge-patch+json")
        .body(body.into());
    let response = api::run(server.0.call(request.expect("a request")));
    let warnings: Vec<&str> = response
        .headers()
        .get_all("warning")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    assert_eq!(
        warnings,
        [
            "299 - \"existing pods in namespace \\\"default\\\" violate the new PodSecurity enforce level \\\"baseline:latest\\\"\"",
            "299 - \"a (and 2 other pods): host namespaces\"",
        ]
    );
}

#[test]
fn warnings_and_audit_do_not_refuse() {
    let server = Server::new();
    server.namespace("n", json!({"pod-security.kubernetes.io/warn": "baseline", "pod-security.kubernetes.io/audit": "baseline"}));
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"hostIPC": true, "containers": [{"name": "c", "image": "i"}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let request = http::Request::post("/apis/apps/v1/namespaces/n/deployments")
        .header("content-type", "application/json")
        .body(deployment.to_string().into());
    let response = api::run(server.0.call(request.expect("a request")));
    assert_eq!(response.status(), 201);
    let wanted = "299 - \"would violate PodSecurity \\\"baseline:latest\\\": host namespaces (hostIPC=true)\"";
    assert_eq!(response.headers()["warning"], wanted);
    let kept = server.0.webhooks().audit_annotations();
    assert_eq!(kept[0].key, "pod-security.kubernetes.io/audit-violations");
}
