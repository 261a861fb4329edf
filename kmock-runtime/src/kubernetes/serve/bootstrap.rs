//! What exists in a fresh cluster.

use serde_json::json;

use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::resource::ResourceKey;
use crate::kubernetes::store::Write;

/// Creates the four namespaces that each cluster has.
pub fn bootstrap(cluster: &Cluster) {
    let created = cluster.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let value = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name, "uid": cluster.next_uid(), "creationTimestamp": created,
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        // The store is empty: the keys are free.
        let _ = cluster.store().commit(
            &ResourceKey::new("", "namespaces"),
            Write::Create {
                key: name.into(),
                value,
            },
        );
    }
}
