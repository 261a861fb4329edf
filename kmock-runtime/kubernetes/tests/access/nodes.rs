//! Kubelets: what the authorizer Node allows, and what the plugin NodeRestriction refuses.

use kmock_kubernetes::{Cluster, ClusterOptions, User};
use serde_json::{Value, json};

use crate::{ask, cluster};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// Two nodes, and a Pod on each that names what its kubelet has to read.
fn two_nodes() -> Cluster {
    let cluster = cluster(ClusterOptions::default());
    cluster.restrict_nodes();
    for node in ["n1", "n2"] {
        cluster.access().put_token(node, User::node(node));
    }
    cluster
        .access()
        .put_token("odd", User::new("n1").group("system:nodes"));
    let objects = cluster.objects();
    let pod = |name: &str, node: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "nodeName": node, "serviceAccountName": format!("account-{node}"),
                "imagePullSecrets": [{"name": format!("pull-{node}")}],
                "containers": [{
                    "name": "c", "image": "i",
                    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": format!("env-{node}"), "key": "k"}}}],
                    "envFrom": [{"configMapRef": {"name": format!("from-{node}")}}],
                }],
                "volumes": [
                    {"name": "a", "secret": {"secretName": format!("mounted-{node}")}},
                    {"name": "b", "projected": {"sources": [
                        {"configMap": {"name": format!("projected-{node}")}},
                        {"serviceAccountToken": {"path": "t", "audience": "vault"}},
                    ]}},
                    {"name": "c", "persistentVolumeClaim": {"claimName": format!("claim-{node}")}},
                    {"name": "d", "ephemeral": {"volumeClaimTemplate": {"spec": {
                        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                    }}}},
                ],
            },
        })
    };
    for node in ["n1", "n2"] {
        objects.seed(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node, "labels": {"kubernetes.io/hostname": node, "team": "a"}},
        }));
        objects.seed(json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": format!("account-{node}"), "namespace": "default"},
        }));
        objects.seed(pod(&format!("pod-{node}"), node));
        objects.seed(json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("volume-{node}")},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": "default", "name": format!("claim-{node}")},
                "csi": {
                    "driver": "csi.example.com", "volumeHandle": "h",
                    "nodeStageSecretRef": {"namespace": "store", "name": format!("stage-{node}")},
                },
            },
        }));
    }
    cluster
}

fn by(node: &str, cluster: &Cluster, line: &str, body: Value) -> (u16, String) {
    let (method, path) = line.split_once(' ').expect("a line");
    let token = format!("Bearer {node}");
    let (code, answer) = ask(cluster, method, path, &[("authorization", &token)], body);
    let message = answer["message"].as_str().unwrap_or_default().to_owned();
    (code, message)
}

#[test]
fn kubelets_read_what_their_pods_name() {
    let cluster = two_nodes();
    let read = |path: &str| by("n1", &cluster, &format!("GET {path}"), Value::Null);
    // 404: they may, and there is none.
    for path in [
        "/api/v1/namespaces/default/secrets/pull-n1",
        "/api/v1/namespaces/default/secrets/env-n1",
        "/api/v1/namespaces/default/secrets/mounted-n1",
        "/api/v1/namespaces/store/secrets/stage-n1",
        "/api/v1/namespaces/default/configmaps/from-n1",
        "/api/v1/namespaces/default/configmaps/projected-n1",
        "/api/v1/namespaces/default/persistentvolumeclaims/claim-n1",
        "/api/v1/namespaces/default/persistentvolumeclaims/pod-n1-d",
    ] {
        assert_eq!(read(path).0, 404, "{path}: {}", read(path).1);
        let (code, message) = read(&path.replace("n1", "n2"));
        assert_eq!(code, 403, "{path}");
        let why = ": no relationship found between node 'n1' and this object";
        assert!(message.ends_with(why), "{message}");
    }
    for path in [
        "/api/v1/persistentvolumes/volume-n1",
        "/api/v1/namespaces/default/pods/pod-n1",
        "/api/v1/namespaces/default/serviceaccounts/account-n1",
        "/api/v1/nodes/n1",
        "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1",
        "/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dfrom-n1",
        "/api/v1/services",
        "/apis/storage.k8s.io/v1/csidrivers",
    ] {
        assert_eq!(read(path).0, 200, "{path}: {}", read(path).1);
    }
    for (path, why) in [
        (
            "/api/v1/namespaces/default/secrets",
            "secrets is forbidden: User \"system:node:n1\" cannot list resource \"secrets\" in API group \"\" in the \
             namespace \"default\": No Object name found",
        ),
        (
            "/api/v1/secrets",
            "can only read namespaced object of this type",
        ),
        (
            "/api/v1/pods",
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (
            "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2",
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (
            "/api/v1/nodes",
            "node 'n1' cannot read all nodes, only its own Node object",
        ),
        (
            "/api/v1/nodes/n2",
            "node 'n1' cannot read 'n2', only its own Node object",
        ),
        (
            "/api/v1/persistentvolumes",
            "can only get individual resources of this type",
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2",
            "can only access node lease with the same name as the requesting node",
        ),
        (
            "/apis/coordination.k8s.io/v1/namespaces/default/leases/n1",
            "can only access leases in the \"kube-node-lease\" system namespace",
        ),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            "cannot list resource \"deployments\" in API group \"apps\" in the namespace \"default\"",
        ),
    ] {
        let (code, message) = read(path);
        assert!(
            code == 403 && message.ends_with(why),
            "{path}: {code} {message}"
        );
    }
    // A user of the group who is no node has the rights of RBAC, which are none.
    assert_eq!(
        by("odd", &cluster, "GET /api/v1/nodes/n1", Value::Null).0,
        403
    );
}

#[test]
fn kubelets_write_what_is_theirs() {
    let cluster = two_nodes();
    let write = |line: &str, body: Value| by("n1", &cluster, line, body);
    let pod =
        |labels: Value| json!({"metadata": {"labels": labels}, "status": {"phase": "Running"}});
    let lease = |name: &str| json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}});
    let leases = "POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let label = |key: &str| json!({"metadata": {"labels": {key: "x"}}});
    let evict = |pod: &str| json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}});
    for (line, body) in [
        (
            "PATCH /api/v1/namespaces/default/pods/pod-n1/status",
            pod(json!({})),
        ),
        (
            "PATCH /api/v1/nodes/n1/status",
            json!({"status": {"phase": "Running"}}),
        ),
        (
            "PATCH /api/v1/nodes/n1",
            label("node.kubernetes.io/instance-type"),
        ),
        ("PATCH /api/v1/nodes/n1", label("team")),
        ("PATCH /api/v1/nodes/n1", label("a.kubelet.kubernetes.io/b")),
        (leases, lease("n1")),
    ] {
        let (code, message) = write(line, body);
        assert!(code < 300, "{line}: {code} {message}");
    }
    for (line, body, why) in [
        (
            "PATCH /api/v1/namespaces/default/pods/pod-n2/status",
            pod(json!({})),
            "pods \"pod-n2\" is forbidden: node \"n1\" can only update pod status for pods with spec.nodeName set to itself",
        ),
        (
            "PATCH /api/v1/namespaces/default/pods/pod-n1/status",
            pod(json!({"a": "b"})),
            "node \"n1\" cannot update labels through pod status",
        ),
        (
            "PATCH /api/v1/nodes/n2/status",
            json!({"status": {"phase": "Running"}}),
            "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"",
        ),
        (
            "PATCH /api/v1/nodes/n1",
            json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
            "node \"n1\" is not allowed to modify taints",
        ),
        (
            "PATCH /api/v1/nodes/n1",
            json!({"metadata": {"labels": {"x.node-restriction.kubernetes.io/y": "z", "k8s.io/other": "z", "fine": "z"}}}),
            "is not allowed to modify labels: k8s.io/other, x.node-restriction.kubernetes.io/y",
        ),
        (
            "POST /api/v1/nodes",
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n3"}}),
            "node \"n1\" is not allowed to modify node \"n3\"",
        ),
        (
            leases,
            lease("n2"),
            "can only access node lease with the same name as the requesting node",
        ),
        (
            "POST /api/v1/namespaces/default/pods/pod-n2/eviction",
            evict("pod-n2"),
            "node n1 can only evict pods with spec.nodeName set to itself",
        ),
        (
            "DELETE /api/v1/namespaces/default/pods/pod-n2",
            Value::Null,
            "node \"n1\" can only delete pods with spec.nodeName set to itself",
        ),
        (
            "POST /apis/storage.k8s.io/v1/csinodes",
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n2"}, "spec": {"drivers": []}}),
            "can only access CSINode with the same name as the requesting node",
        ),
    ] {
        let (code, message) = write(line, body);
        assert!(
            code == 403 && message.ends_with(why),
            "{line}: {code} {message}"
        );
    }
    let (code, _) = write(
        "DELETE /api/v1/namespaces/default/pods/pod-n1",
        json!({"gracePeriodSeconds": 0}),
    );
    assert_eq!(code, 200);
}

#[test]
fn kubelets_create_static_pods_only() {
    let cluster = two_nodes();
    let node = cluster.objects().get("nodes", "n1").expect("the node");
    let uid = node.value()["metadata"]["uid"].clone();
    let owner =
        json!({"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": true});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "static", "annotations": {"kubernetes.io/config.mirror": "h"}, "ownerReferences": [owner],
        },
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
    });
    let create = |patch: Value| {
        let mut pod = pod.clone();
        for (pointer, value) in patch.as_object().expect("an object") {
            *pod.pointer_mut(pointer).expect(pointer) = value.clone();
        }
        by("n1", &cluster, &format!("POST {PODS}?dryRun=All"), pod)
    };
    assert_eq!(create(json!({})), (201, String::new()));
    let other = |change: &[(&str, Value)]| {
        let mut owner = owner.clone();
        for (key, value) in change {
            owner[*key] = value.clone();
        }
        json!({"/metadata/ownerReferences": [owner]})
    };
    for (patch, why) in [
        (
            json!({"/metadata/annotations": {}}),
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"n1\" can only create mirror pods",
        ),
        (
            json!({"/spec/nodeName": "n2"}),
            "node \"n1\" can only create pods with spec.nodeName set to itself",
        ),
        (
            json!({"/metadata/ownerReferences": []}),
            "node \"n1\" can only create pods with an owner reference set to itself",
        ),
        (
            other(&[("controller", json!(false))]),
            "node \"n1\" can only create pods with a controller owner reference set to itself",
        ),
        (
            other(&[("blockOwnerDeletion", json!(true))]),
            "node \"n1\" must not set blockOwnerDeletion on an owner reference",
        ),
        (
            json!({"/spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "volumes": [
                {"name": "v", "configMap": {"name": "m"}},
            ]}}),
            "node \"n1\" can not create pods that reference configmaps",
        ),
    ] {
        let (code, message) = create(patch);
        assert!(code == 403 && message.ends_with(why), "{code} {message}");
    }
}

#[test]
fn kubelets_ask_for_the_tokens_of_their_pods() {
    let cluster = two_nodes();
    let pod = |name: &str| cluster.objects().get("pods", &format!("default/{name}"));
    let uid = |name: &str| pod(name).expect("a pod").value()["metadata"]["uid"].clone();
    let ask = |node: &str, spec: Value| {
        let path = format!("POST /api/v1/namespaces/default/serviceaccounts/account-{node}/token");
        let review =
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        by("n1", &cluster, &path, review)
    };
    let bound = |name: &str, audience: &str| {
        json!({
            "audiences": [audience],
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid(name)},
        })
    };
    assert_eq!(ask("n1", bound("pod-n1", "vault")).0, 201);
    for (node, spec, why) in [
        (
            "n2",
            bound("pod-n2", "vault"),
            "no relationship found between node 'n1' and this object",
        ),
        ("n1", json!({}), "node requested token not bound to a pod"),
        (
            "n1",
            json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "pod-n1"}}),
            "node requested token with a pod binding without a uid",
        ),
        (
            "n1",
            bound("pod-n1", "other"),
            "audience \"other\" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this \
             audience",
        ),
    ] {
        let (code, message) = ask(node, spec);
        assert!(code == 403 && message.ends_with(why), "{code} {message}");
    }
}

#[test]
fn without_the_option_kubelets_are_users_like_others() {
    let cluster = cluster(ClusterOptions {
        rbac: true,
        ..ClusterOptions::default()
    });
    cluster.access().put_token("n1", User::node("n1"));
    let (code, message) = by("n1", &cluster, "GET /api/v1/nodes/n1", Value::Null);
    assert_eq!(code, 403);
    assert!(
        message.ends_with("cannot get resource \"nodes\" in API group \"\" at the cluster scope"),
        "{message}"
    );
}
