//! What exists in a fresh cluster: what an API server itself makes when it starts.

use serde_json::{Value, json};

use crate::api::aggregator;
use crate::api::authn::accounts;
use crate::api::flow::{self, defaults::uid_of};
use crate::kinds::builtin::services::SERVICE_RANGE;
use crate::model::resource::ResourceKey;
use crate::state::access::rbac::{self, policy, policy::Entry};
use crate::state::cluster::Cluster;
use crate::state::store::Write;

/// The first address of the default range of cluster addresses, `10.0.0.0/24`.
const KUBERNETES_ADDRESS: &str = "10.0.0.1";

/// Where the API server says that it is, for those who look behind its Service: an address of no network.
const SERVER_ADDRESS: &str = "192.0.2.1";

/// Creates the four namespaces, the Service of the API itself and its endpoints, the two priority classes of the system, the roles and
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
    let sleeping = |resource: ResourceKey, key: &str, value: Value| {
        let (created, seed) = (created.clone(), cluster.options().seed);
        let (plural, key) = (resource.plural.clone(), key.to_owned());
        let make = move || {
            let mut value = value.clone();
            value["metadata"]["uid"] = uid_of(seed, &plural, &key).into();
            value["metadata"]["creationTimestamp"] = created.as_str().into();
            vec![(key.clone(), value)]
        };
        cluster.store().put_dormant(resource, 1, make);
    };
    sleeping(
        ResourceKey::new("", "endpoints"),
        "default/kubernetes",
        json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {
                "name": "kubernetes", "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            },
            "subsets": [{
                "addresses": [{"ip": SERVER_ADDRESS}],
                "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
            }],
        }),
    );
    sleeping(
        ResourceKey::new("discovery.k8s.io", "endpointslices"),
        "default/kubernetes",
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes", "namespace": "default", "generation": 1,
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [SERVER_ADDRESS], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        }),
    );
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
    for plural in [flow::SCHEMAS, flow::LEVELS] {
        let (created, seed) = (created.clone(), cluster.options().seed);
        let make = move || flow::defaults::objects(plural, seed, &created);
        let place = ResourceKey::new(flow::GROUP, plural);
        let count = flow::defaults::count(plural);
        cluster.store().put_dormant(place, count, make);
    }
    let (built_ins, seed) = (cluster.registry().built_ins(), cluster.options().seed);
    let since = created.clone();
    let place = ResourceKey::new("apiregistration.k8s.io", "apiservices");
    let count = aggregator::count(built_ins);
    let make = move || aggregator::defaults(built_ins, seed, &since);
    cluster.store().put_dormant(place, count, make);
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
    if let Some(pem) = &cluster.options().root_certificate {
        // By this other servers behind the aggregator know the clients of this one.
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"client-ca-file": pem},
            "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        });
        let key = "kube-system/extension-apiserver-authentication";
        create(ResourceKey::new("", "configmaps"), key.into(), map);
    }
    if cluster.options().controllers {
        accounts::start(cluster);
    }
}
