//! Endpoints that nobody but their author makes are mirrored into EndpointSlices, where clients look for addresses.
//!
//! Rules: `pkg/controller/endpointslicemirroring`.

use std::net::IpAddr;
use std::sync::Arc;

use super::{MANAGED_BY, OF_SERVICE, is_managed_by, service_key, slices_of};
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::{Json, Members, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan};

const NAME: &str = "endpointslicemirroring-controller.k8s.io";
/// So many addresses of a subset are mirrored.
const MOST: usize = 1000;
/// Annotations that are about the Endpoints themselves.
const OWN_ANNOTATIONS: [&str; 2] = [
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// What goes into one slice: the addresses of one family behind the same ports.
struct Group {
    family: &'static str,
    ports: Json,
    endpoints: Vec<Json>,
}

/// Mirrors Endpoints of Services without a selector.
#[derive(Debug)]
pub(crate) struct Mirroring;

impl Controller for Mirroring {
    fn name(&self) -> &'static str {
        "endpointslicemirroring"
    }

    fn component(&self) -> &'static str {
        "endpoint-slice-mirroring-controller"
    }

    fn touched(&mut self, change: &Change, _cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Services | Kind::Endpoints => keys.push(change.key.to_string()),
            Kind::EndpointSlices if is_managed_by(change.object(), NAME) => {
                keys.push(service_key(change.object()));
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let mut known = slices_of(key, NAME, cache);
        let is_served = cache
            .get(Kind::Services, key)
            .is_some_and(|service| service["spec"]["selector"].is_null());
        let endpoints = cache.get(Kind::Endpoints, key);
        let Some(endpoints) = endpoints.filter(|one| is_served && is_mirrored(one)) else {
            for slice in known {
                plan.delete(Kind::EndpointSlices, &slice);
            }
            return plan;
        };
        let (groups, strange, over) = groups(endpoints);
        if strange > 0 {
            plan.tell(Note::warning(
                Kind::Endpoints,
                endpoints,
                "InvalidIPAddress",
                format!("Skipped {strange} invalid IP addresses when mirroring to EndpointSlices"),
            ));
        }
        if over > 0 {
            plan.tell(Note::warning(
                Kind::Endpoints,
                endpoints,
                "TooManyAddressesToMirror",
                format!("A max of {MOST} addresses can be mirrored to EndpointSlices per Endpoints subset. {} addresses were skipped", over + strange),
            ));
        }
        // Each group has the slice of its ports; what is left over is used again for the groups that have none.
        let mut places: Vec<(Group, Option<Arc<Json>>)> = Vec::new();
        for group in groups {
            let own = known.iter().position(|slice| {
                slice["addressType"] == group.family && same_ports(&slice["ports"], &group.ports)
            });
            let own = own.map(|at| known.remove(at));
            places.push((group, own));
        }
        for (group, own) in places {
            let wanted = slice(endpoints, &group);
            let left_over = || {
                let mut known = known.iter();
                known.position(|slice| slice["addressType"] == group.family)
            };
            let own = match own {
                Some(own) => Some(own),
                None => left_over().map(|at| known.remove(at)),
            };
            let Some(slice) = own else {
                if !object::is_deleting(endpoints) {
                    plan.add(Action::Create {
                        kind: Kind::EndpointSlices,
                        object: wanted,
                        told: None,
                    });
                }
                continue;
            };
            let mut changed = (*slice).clone();
            changed["endpoints"] = wanted["endpoints"].clone();
            if !same_ports(&slice["ports"], &group.ports) {
                changed["ports"] = wanted["ports"].clone();
            }
            for field in ["labels", "annotations", "ownerReferences"] {
                let metadata = &mut changed["metadata"];
                object::set(metadata, field, wanted["metadata"][field].clone());
            }
            if changed != *slice {
                plan.add(Action::Update {
                    kind: Kind::EndpointSlices,
                    object: changed,
                });
            }
        }
        for slice in known {
            plan.delete(Kind::EndpointSlices, &slice);
        }
        plan
    }
}

/// Whether ports are the same; none may be written in two ways.
fn same_ports(a: &Json, b: &Json) -> bool {
    let is_empty = |ports: &Json| items(ports).len() == 0;
    a == b || (is_empty(a) && is_empty(b))
}

/// Whether Endpoints are to be mirrored: they do not say no, and are no lock of an election.
fn is_mirrored(endpoints: &Json) -> bool {
    let metadata = &endpoints["metadata"];
    metadata["labels"]["endpointslice.kubernetes.io/skip-mirror"] != "true"
        && metadata["annotations"]["control-plane.alpha.kubernetes.io/leader"].is_null()
}

/// What is to be in slices, how many addresses are none, and how many are too many.
fn groups(endpoints: &Json) -> (Vec<Group>, usize, usize) {
    let mut groups: Vec<Group> = Vec::new();
    let (mut strange, mut over) = (0, 0);
    for subset in items(&endpoints["subsets"]) {
        let ports: Json = items(&subset["ports"]).map(port).collect();
        let ready = items(&subset["addresses"]).map(|one| (one, true));
        let all = ready.chain(items(&subset["notReadyAddresses"]).map(|one| (one, false)));
        let mut taken = 0;
        for (address, ready) in all {
            let Ok(ip) = text(&address["ip"]).parse::<IpAddr>() else {
                strange += 1;
                continue;
            };
            if taken == MOST {
                over += 1;
                continue;
            }
            taken += 1;
            let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            let mut endpoint =
                json!({"addresses": [ip.to_string()], "conditions": {"ready": ready}});
            for field in ["hostname", "nodeName", "targetRef"] {
                object::set(&mut endpoint, field, address[field].clone());
            }
            let known = groups
                .iter_mut()
                .find(|group| group.family == family && group.ports == ports);
            match known {
                Some(group) => group.endpoints.push(endpoint),
                None => groups.push(Group {
                    family,
                    ports: ports.clone(),
                    endpoints: vec![endpoint],
                }),
            }
        }
    }
    (groups, strange, over)
}

/// A port as slices have it: its name is always there.
fn port(port: &Json) -> Json {
    let mut out = json!({"name": text(&port["name"]), "port": port["port"]});
    for field in ["protocol", "appProtocol"] {
        object::set(&mut out, field, port[field].clone());
    }
    out
}

fn slice(endpoints: &Json, group: &Group) -> Json {
    let metadata = &endpoints["metadata"];
    let map = |field: &str| metadata[field].as_object().cloned().unwrap_or_default();
    let mut labels = map("labels");
    labels.insert(OF_SERVICE, object::name(endpoints).into());
    labels.insert(MANAGED_BY, NAME.into());
    let annotations: Members = map("annotations")
        .into_iter()
        .filter(|(name, _)| !OWN_ANNOTATIONS.contains(&name.as_str()))
        .collect();
    let mut slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": group.family,
        "metadata": {
            "generateName": format!("{}-", object::name(endpoints)), "namespace": object::namespace(endpoints),
            "labels": labels, "ownerReferences": [object::reference(Kind::Endpoints, endpoints)],
        },
        "endpoints": group.endpoints, "ports": group.ports,
    });
    if !annotations.is_empty() {
        slice["metadata"]["annotations"] = annotations.into();
    }
    slice
}
