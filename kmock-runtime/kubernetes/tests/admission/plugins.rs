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

#[test]
fn a_pod_on_a_node_grows_as_far_as_the_node_goes() {
    let server = Server::new();
    let node = |name: &str, os: &str| {
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/os": os}},
            "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}},
        })
    };
    server.done("POST /api/v1/nodes", node("n", "linux"));
    server.done("POST /api/v1/nodes", node("w", "windows"));
    for (name, node) in [("p", "n"), ("q", "w"), ("r", "gone")] {
        let small = json!({"requests": {"cpu": "100m", "memory": "10Mi"}});
        let containers = json!([{"name": "c", "image": "i", "resources": small}]);
        let spec = json!({"nodeName": node, "containers": containers});
        server.done(&format!("POST {PODS}"), pod(name, spec));
    }
    let resize = |name: &str, cpu: &str, memory: &str| {
        let requests = json!({"cpu": cpu, "memory": memory});
        let containers = json!([{"name": "c", "image": "i", "resources": {"requests": requests}}]);
        server.call(
            &format!("PATCH {PODS}/{name}/resize"),
            json!({"spec": {"containers": containers}}),
        )
    };
    let refused = |(code, answer): (u16, Value), why: &str, reason: &str| {
        assert_eq!(code, 403, "{answer}");
        let message = answer["message"].as_str().expect("a message");
        assert!(message.ends_with(why), "{message}");
        let causes = &answer["details"]["causes"];
        assert_eq!(causes[0]["reason"].as_str().unwrap_or_default(), reason);
    };
    let why = "pods \"p\" is forbidden: node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: \
               2000; memory, requested: 2147483648, allocatable: 1073741824";
    refused(resize("p", "2500m", "2Gi"), why, "NodeCapacity");
    let why = "pod resize is only supported on linux nodes, node \"w\" is \"windows\"";
    refused(resize("q", "1", "1Gi"), why, "UnsupportedPlatform");
    refused(resize("r", "1", "1Gi"), "node \"gone\" not found", "");
}

#[test]
fn a_pod_on_a_node_changes_as_far_as_its_kubelet_can_follow() {
    let server = Server::new();
    let init = "InPlacePodVerticalScalingInitContainers";
    let of_pod = "InPlacePodLevelResourcesVerticalScaling";
    for (name, declared) in [("able", json!([of_pod, init])), ("old", json!([]))] {
        let status =
            json!({"allocatable": {"cpu": "4", "memory": "4Gi"}, "declaredFeatures": declared});
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status});
        server.done("POST /api/v1/nodes", node);
    }
    let sized = |cpu: &str| json!({"requests": {"cpu": cpu}});
    let spec = |cpu: &str, of_init: &str, of_pod: &str| {
        json!({
            "containers": [{"name": "c", "image": "i", "resources": sized(cpu)}],
            "initContainers": [{"name": "first", "image": "i", "resources": sized(of_init)}],
            "resources": sized(of_pod),
        })
    };
    for node in ["able", "old"] {
        let mut made = spec("1", "1", "2");
        made["nodeName"] = json!(node);
        server.done(&format!("POST {PODS}"), pod(node, made));
    }
    let resize = |name: &str, spec: Value| {
        let (code, answer) = server.call(
            &format!("PATCH {PODS}/{name}/resize"),
            json!({ "spec": spec }),
        );
        (
            code,
            answer["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let why = |what: &str| {
        format!(
            "pods \"old\" is forbidden: pod update requires features {what} which are not available on node \"old\""
        )
    };
    // Containers are no feature: every kubelet can.
    assert_eq!(resize("old", spec("1500m", "1", "2")).0, 200);
    assert_eq!(resize("old", spec("1500m", "1", "3")), (403, why(of_pod)));
    assert_eq!(resize("old", spec("1500m", "1500m", "2")), (403, why(init)));
    let both = format!("{of_pod}, {init}");
    assert_eq!(resize("old", spec("1500m", "2", "3")), (403, why(&both)));
    let (code, message) = resize("able", spec("1500m", "2", "3"));
    assert_eq!(code, 200, "{message}");
}

const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[test]
fn pods_run_as_accounts_that_are_there_where_that_is_asked_for() {
    let server = Server::new();
    let create = format!("POST {PODS}");
    let bare = server.done(&create, pod("bare", json!({})));
    assert!(bare["spec"]["serviceAccountName"].is_null() && bare["spec"]["volumes"].is_null());
    server.0.enforce_service_accounts();
    let why = "pods \"a\" is forbidden: error looking up service account default/default: serviceaccount \"default\" not \
               found";
    let refused = server.refused(&create, pod("a", json!({})));
    assert_eq!(refused, (403, why.to_owned()));
    let accounts = "POST /api/v1/namespaces/default/serviceaccounts";
    let account = |name: &str, more: Value| {
        let mut account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        for (key, value) in more.as_object().expect("an object") {
            account[key] = value.clone();
        }
        account
    };
    let pulls = json!({"imagePullSecrets": [{"name": "registry"}]});
    server.done(accounts, account("default", pulls));
    let made = server.done(&create, pod("a", json!({})));
    let spec = &made["spec"];
    assert_eq!(
        (&spec["serviceAccountName"], &spec["serviceAccount"]),
        (&json!("default"), &json!("default"))
    );
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
    let volume = spec["volumes"][0]["name"].as_str().expect("a volume");
    assert!(volume.starts_with("kube-api-access-") && volume.len() == "kube-api-access-".len() + 5);
    assert_eq!(
        spec["containers"][0]["volumeMounts"],
        json!([{"name": volume, "readOnly": true, "mountPath": TOKEN}])
    );
    assert_eq!(
        spec["volumes"][0]["projected"],
        json!({"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            ]}},
        ]})
    );
    // The Pod's wish comes before the account's.
    let quiet = json!({"automountServiceAccountToken": false});
    server.done(accounts, account("quiet", quiet.clone()));
    for (name, spec, mounts) in [
        ("b", json!({"serviceAccountName": "quiet"}), false),
        (
            "c",
            json!({"serviceAccountName": "quiet", "automountServiceAccountToken": true}),
            true,
        ),
        ("d", quiet, false),
    ] {
        let made = server.done(&create, pod(name, spec));
        assert_eq!(made["spec"]["volumes"].is_array(), mounts, "{name}");
    }
    // Something else at the token's place stays.
    let own = json!({
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": TOKEN}]}],
    });
    let made = server.done(&create, pod("e", own));
    assert_eq!(made["spec"]["volumes"].as_array().map(Vec::len), Some(1));
    // Accounts may name the only secrets that their Pods use.
    let strict = json!({
        "metadata": {"name": "strict", "annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}},
        "secrets": [{"name": "mine"}],
    });
    server.done(accounts, account("strict", strict));
    let uses = |secret: &str| {
        let env =
            json!([{"name": "E", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}}]);
        json!({"serviceAccountName": "strict", "containers": [{"name": "c", "image": "i", "env": env}]})
    };
    server.done(&create, pod("f", uses("mine")));
    let (code, message) = server.refused(&create, pod("g", uses("other")));
    assert_eq!(code, 403);
    assert!(
        message.ends_with(
            "container c with envVar E referencing secret.secretName=\"other\" is not allowed because service account \
             strict does not reference that secret"
        ),
        "{message}"
    );
    let mirror = |spec: Value| {
        let mut pod = pod("m", spec);
        pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        pod["metadata"]["ownerReferences"] = Value::Null;
        pod
    };
    let refused = server.refused(
        &create,
        mirror(json!({"serviceAccountName": "default", "nodeName": "n"})),
    );
    assert!(
        refused
            .1
            .ends_with("a mirror pod may not reference service accounts"),
        "{}",
        refused.1
    );
    // Each way in which a Pod names a Secret; a volume that may have one and has none is no reference.
    let container = json!([{"name": "c", "image": "i"}]);
    let volumes = [
        (json!({"secret": {"secretName": "s"}}), true),
        (
            json!({"cinder": {"volumeID": "v", "secretRef": {"name": "s"}}}),
            true,
        ),
        (json!({"cinder": {"volumeID": "v"}}), false),
        (
            json!({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "s"}}}),
            true,
        ),
        (json!({"csi": {"driver": "d"}}), false),
        (
            json!({"projected": {"sources": [{"secret": {"name": "s"}}]}}),
            true,
        ),
        (
            json!({"projected": {"sources": [{"configMap": {"name": "s"}}]}}),
            false,
        ),
        (
            json!({"azureFile": {"secretName": "s", "shareName": "x"}}),
            true,
        ),
    ];
    for (at, (volume, is_one)) in volumes.into_iter().enumerate() {
        let name = format!("m-{at}");
        let mut named = volume.clone();
        named["name"] = "v".into();
        let mut pod = mirror(json!({"nodeName": "n", "containers": container, "volumes": [named]}));
        pod["metadata"]["name"] = name.into();
        let (code, answer) = server.call(&create, pod);
        let said = answer["message"].as_str().unwrap_or_default();
        match is_one {
            true => assert!(
                said.ends_with("a mirror pod may not reference secrets"),
                "{volume}: {answer}"
            ),
            false => assert_eq!(code, 201, "{volume}: {answer}"),
        }
    }
}
