//! What exists in a fresh cluster: what an API server itself makes when it starts.

use serde_json::{Value, json};

use crate::api::authn::accounts;
use crate::kinds::builtin::services::SERVICE_RANGE;
use crate::model::resource::ResourceKey;
use crate::state::access::rbac::{self, policy, policy::Entry};
use crate::state::cluster::Cluster;
use crate::state::store::Write;
use crate::text::digest;

/// The first address of the default range of cluster addresses, `10.0.0.0/24`.
const KUBERNETES_ADDRESS: &str = "10.0.0.1";

/// Creates the four namespaces, the Service of the API itself, the two priority classes of the system, the roles and
/// bindings of the bootstrap policy, and the statuses of the components (always healthy: there are none that could fail).
pub fn bootstrap(cluster: &Cluster) {
    let created = cluster.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let create = |resource: ResourceKey, key: String, mut value: Value| {
        value["metadata"]["uid"] = cluster.next_uid().into();
        value["metadata"]["creationTimestamp"] = created.as_str().into();
        // The store is empty: the keys are free.
        let _ = cluster.commit(&resource, Write::Create { key, value });
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
    let range = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes", "generation": 1},
        "spec": {"cidrs": [SERVICE_RANGE]},
        "status": {"conditions": [{
            "type": "Ready", "status": "True", "reason": "", "lastTransitionTime": created,
            "message": "Kubernetes default Service CIDR is ready",
        }]},
    });
    let ranges = ResourceKey::new("networking.k8s.io", "servicecidrs");
    create(ranges, "kubernetes".into(), range);
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
    for plural in [
        "clusterroles",
        "clusterrolebindings",
        "roles",
        "rolebindings",
    ] {
        let options = cluster.options();
        let (created, seed) = (created.clone(), options.seed);
        let aggregated = options.controllers || options.rbac;
        let make = move || {
            let entries = policy::entries(plural, aggregated);
            let objects = entries.into_iter().map(|Entry { key, mut value }| {
                value["metadata"]["uid"] = uid_of(seed, plural, &key).into();
                value["metadata"]["creationTimestamp"] = created.as_str().into();
                (key, value)
            });
            objects.collect()
        };
        let place = ResourceKey::new(rbac::GROUP, plural);
        cluster
            .store()
            .put_dormant(place, policy::count(plural), make);
    }
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
    if cluster.options().controllers {
        accounts::start(cluster);
    }
}

/// The uid of what is not made in its turn: a version 4 UUID that the seed and the key determine.
fn uid_of(seed: u64, plural: &str, key: &str) -> String {
    let digest = digest::hex(format!("{seed} {plural} {key}").as_bytes()).to_lowercase();
    let part = |range: std::ops::Range<usize>| digest.get(range).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0..8),
        part(8..12),
        part(12..15),
        part(15..18),
        part(18..30)
    )
}
