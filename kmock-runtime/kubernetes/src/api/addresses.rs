//! The addresses of Services as objects: one IPAddress for each, as long as its Service has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::state::change::{Edit, Reactor};
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event, StoredObject};

/// Keeps the IPAddresses.
#[derive(Debug, Clone, Copy)]
pub struct Addresses;

impl Reactor for Addresses {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
        if &*place.plural != "services" || !place.group.is_empty() {
            return;
        }
        let before = event.previous.as_deref().map(addresses).unwrap_or_default();
        let after = match event.change {
            Change::Deleted => BTreeSet::new(),
            _ => addresses(&event.object),
        };
        let addresses = ResourceKey::new("networking.k8s.io", "ipaddresses");
        for gone in before.difference(&after) {
            let _ = cluster.change::<()>(&addresses, gone, |_| Ok(Edit::Remove));
        }
        for new in after.difference(&before) {
            let object = object(cluster, &event.object, new);
            let _ = cluster.change::<()>(&addresses, new, |current| match current {
                Some(_) => Ok(Edit::Keep),
                None => Ok(Edit::Put(object.clone())),
            });
        }
    }
}

fn addresses(service: &StoredObject) -> BTreeSet<String> {
    let ips = service.value["spec"]["clusterIPs"]
        .as_array()
        .into_iter()
        .flatten();
    let ips = ips.filter_map(Value::as_str).filter(|ip| *ip != "None");
    ips.map(str::to_owned).collect()
}

fn object(cluster: &Cluster, service: &StoredObject, ip: &str) -> Value {
    let family = if ip.contains(':') { "IPv6" } else { "IPv4" };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
        "metadata": {
            "name": ip, "uid": cluster.next_uid(), "creationTimestamp": meta::rfc3339(cluster.now()), "generation": 1,
            "labels": {
                "ipaddress.kubernetes.io/ip-family": family,
                "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
            },
        },
        "spec": {"parentRef": {"resource": "services", "namespace": service.namespace(), "name": service.name()}},
    })
}
