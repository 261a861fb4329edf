//! What exists in a fresh cluster: what an API server itself makes when it starts.

use serde_json::{Value, json};

use crate::model::resource::ResourceKey;
use crate::state::cluster::Cluster;
use crate::state::store::Write;

/// The first address of the default range of cluster addresses, `10.0.0.0/24`.
const KUBERNETES_ADDRESS: &str = "10.0.0.1";

/// Creates the four namespaces, the Service of the API itself, the two priority classes of the system, the role
/// `cluster-admin` with its binding, and the statuses of the components (always healthy: there are none that could fail).
pub fn bootstrap(cluster: &Cluster) {
    let created = cluster.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let create = |resource: ResourceKey, key: String, mut value: Value| {
        value["metadata"]["uid"] = cluster.next_uid().into();
        value["metadata"]["creationTimestamp"] = created.as_str().into();
        // The store is empty: the keys are free.
        let _ = cluster
            .store()
            .commit(&resource, Write::Create { key, value });
    };
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        create(ResourceKey::new("", "namespaces"), name.into(), namespace);
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": KUBERNETES_ADDRESS, "clusterIPs": [KUBERNETES_ADDRESS],
            "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
            "sessionAffinity": "None", "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    });
    let services = ResourceKey::new("", "services");
    create(services, "default/kubernetes".into(), service);
    for (name, value, description) in [
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
    ] {
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name, "generation": 1},
            "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority",
        });
        let classes = ResourceKey::new("scheduling.k8s.io", "priorityclasses");
        create(classes, name.into(), class);
    }
    let rbac = "rbac.authorization.k8s.io";
    let bootstrapped = json!({
        "name": "cluster-admin",
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": bootstrapped,
        "rules": [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["*"]},
        ],
    });
    let roles = ResourceKey::new(rbac, "clusterroles");
    create(roles, "cluster-admin".into(), role);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": bootstrapped,
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "system:masters"}],
    });
    let bindings = ResourceKey::new(rbac, "clusterrolebindings");
    create(bindings, "cluster-admin".into(), binding);
    for name in ["scheduler", "controller-manager", "etcd-0"] {
        let status = json!({
            "apiVersion": "v1", "kind": "ComponentStatus",
            "metadata": {"name": name},
            "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
        });
        create(
            ResourceKey::new("", "componentstatuses"),
            name.into(),
            status,
        );
    }
}
