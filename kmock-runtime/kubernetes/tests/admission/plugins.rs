//! The plugins that a server runs by default.

use serde_json::{Value, json};

use super::Server;

const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";
const PODS: &str = "/api/v1/namespaces/default/pods";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

fn priority_class(name: &str, value: i64, default: bool) -> Value {
    json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": name}, "value": value, "globalDefault": default,
    })
}

fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    for (key, value) in spec.as_object().expect("an object") {
        pod["spec"][key] = value.clone();
    }
    pod
}

#[test]
fn at_most_one_priority_class_is_the_default() {
    let server = Server::new();
    let create = format!("POST {CLASSES}");
    server.done(&create, priority_class("dflt", 10, true));
    let why = "priorityclasses.scheduling.k8s.io \"second\" is forbidden: PriorityClass dflt is already marked as \
               default. Only one default can exist";
    let refused = server.refused(&create, priority_class("second", 20, true));
    assert_eq!(refused, (403, why.to_owned()));
    server.done(&create, priority_class("second", 20, false));
    let patch = format!("PATCH {CLASSES}/second");
    assert_eq!(
        server.refused(&patch, json!({"globalDefault": true})).0,
        403
    );
    server.done(
        &format!("PATCH {CLASSES}/dflt"),
        json!({"description": "x"}),
    );
    let made = server.done(&format!("POST {PODS}"), pod("p", json!({})));
    assert_eq!(made["spec"]["priorityClassName"], "dflt");
    assert_eq!(made["spec"]["priority"], 10);
}

#[test]
fn the_system_s_priority_classes_are_its_own() {
    let server = Server::new();
    let why = "priorityclasses.scheduling.k8s.io \"system-node-critical\" is forbidden: this is a system priority \
               class and cannot be deleted";
    let refused = server.refused(
        &format!("DELETE {CLASSES}/system-node-critical"),
        Value::Null,
    );
    assert_eq!(refused, (403, why.to_owned()));
    let reserved =
        "priority class names with 'system-' prefix are reserved for system use only. error: ";
    for (name, value, why) in [
        (
            "system-x",
            5,
            "system-x is not a known system priority class",
        ),
        (
            "system-node-critical",
            5,
            "value of system-node-critical PriorityClass must be 2000001000",
        ),
    ] {
        let (code, message) = server.refused(
            &format!("POST {CLASSES}"),
            priority_class(name, value, false),
        );
        assert_eq!(code, 422);
        let wanted = format!(
            "PriorityClass.scheduling.k8s.io \"{name}\" is invalid: metadata.name: Forbidden: {reserved}{why}"
        );
        assert_eq!(message, wanted);
    }
}

#[test]
fn a_runtime_class_places_its_pods_and_never_overrules_them() {
    let server = Server::new();
    let class = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "rc"}, "handler": "h",
        "overhead": {"podFixed": {"cpu": "100m"}},
        "scheduling": {"nodeSelector": {"x": "y"}, "tolerations": [{"key": "rc", "operator": "Exists"}]},
    });
    server.done("POST /apis/node.k8s.io/v1/runtimeclasses", class);
    let create = format!("POST {PODS}");
    let made = server.done(&create, pod("p", json!({"runtimeClassName": "rc"})));
    assert_eq!(made["spec"]["nodeSelector"], json!({"x": "y"}));
    assert_eq!(made["spec"]["overhead"], json!({"cpu": "100m"}));
    let tolerations = made["spec"]["tolerations"].as_array().expect("tolerations");
    let keys: Vec<&str> = tolerations
        .iter()
        .filter_map(|t| t["key"].as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
            "rc"
        ]
    );
    let other = json!({"runtimeClassName": "rc", "nodeSelector": {"x": "z"}});
    let why = "pods \"q\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[x] = y; pod.spec.nodeSelector[x] = z";
    assert_eq!(
        server.refused(&create, pod("q", other)),
        (403, why.to_owned())
    );
    let other = json!({"runtimeClassName": "rc", "overhead": {"cpu": "200m"}});
    let why = "pods \"q\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    assert_eq!(
        server.refused(&create, pod("q", other)),
        (403, why.to_owned())
    );
    let other = json!({"overhead": {"cpu": "200m"}});
    let why = "pods \"q\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    assert_eq!(
        server.refused(&create, pod("q", other)),
        (403, why.to_owned())
    );
}

#[test]
fn a_claim_grows_only_if_its_class_lets_it() {
    let server = Server::new();
    for (name, grows) in [("fixed", false), ("elastic", true)] {
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
            "provisioner": "p.example.com", "allowVolumeExpansion": grows,
        });
        server.done("POST /apis/storage.k8s.io/v1/storageclasses", class);
        server.0.objects().seed(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"storageClassName": name, "accessModes": ["ReadWriteOnce"], "volumeName": "v",
                     "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
        }));
    }
    let grow = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    let why = "persistentvolumeclaims \"fixed\" is forbidden: only dynamically provisioned pvc can be resized and the \
               storageclass that provisions the pvc must support resize";
    let refused = server.refused(&format!("PATCH {CLAIMS}/fixed"), grow.clone());
    assert_eq!(refused, (403, why.to_owned()));
    let grown = server.done(&format!("PATCH {CLAIMS}/elastic"), grow);
    assert_eq!(grown["spec"]["resources"]["requests"]["storage"], "2Gi");
}

#[test]
fn a_storage_class_stays_what_it_was() {
    let server = Server::new();
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "c"}, "provisioner": "a.example.com",
    });
    server.done("POST /apis/storage.k8s.io/v1/storageclasses", class);
    let patch = "PATCH /apis/storage.k8s.io/v1/storageclasses/c";
    let (code, message) = server.refused(patch, json!({"provisioner": "b.example.com"}));
    let wanted = "StorageClass.storage.k8s.io \"c\" is invalid: provisioner: Invalid value: \"b.example.com\": field is immutable";
    assert_eq!((code, message.as_str()), (422, wanted));
}

#[test]
fn a_pod_on_a_node_has_the_labels_of_its_place() {
    let server = Server::new();
    server.0.objects().seed(json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "n", "labels": {
            "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "other": "o",
        }},
    }));
    let labels = json!({"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r"});
    let made = server.done(
        &format!("POST {PODS}"),
        pod("direct", json!({"nodeName": "n"})),
    );
    assert_eq!(made["metadata"]["labels"], labels);
    server.done(&format!("POST {PODS}"), pod("bound", json!({})));
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "bound"}, "target": {"kind": "Node", "name": "n"},
    });
    server.done(&format!("POST {PODS}/bound/binding"), binding);
    let bound = server.done(&format!("GET {PODS}/bound"), Value::Null);
    assert_eq!(bound["metadata"]["labels"], labels);
    server.done(
        &format!("POST {PODS}"),
        pod("nowhere", json!({"nodeName": "unknown"})),
    );
}

#[test]
fn nothing_new_comes_into_a_namespace_that_goes() {
    let server = Server::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}});
    server.done("POST /api/v1/namespaces", namespace);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}});
    server.done("POST /api/v1/namespaces/going/serviceaccounts", account);
    server.done("DELETE /api/v1/namespaces/going", Value::Null);
    let why = "serviceaccounts \"sa\" is forbidden: unable to create new content in namespace going because it is being terminated";
    let token = "POST /api/v1/namespaces/going/serviceaccounts/sa/token";
    assert_eq!(server.refused(token, json!({})), (403, why.to_owned()));
    // Changes are let in, deletions too.
    let patch = "PATCH /api/v1/namespaces/going/serviceaccounts/sa";
    server.done(patch, json!({"metadata": {"labels": {"a": "b"}}}));
    server.done(
        "DELETE /api/v1/namespaces/going/serviceaccounts/sa",
        Value::Null,
    );
    let why = "namespaces \"default\" is forbidden: this namespace may not be deleted";
    let refused = server.refused("DELETE /api/v1/namespaces/default", Value::Null);
    assert_eq!(refused, (403, why.to_owned()));
}
