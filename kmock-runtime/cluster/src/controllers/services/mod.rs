//! Services: which Pods are behind them (Endpoints and EndpointSlices), and the addresses of load balancers.

mod mirroring;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::{Json, Members, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan};

pub(crate) use self::mirroring::Mirroring;

/// Ports, and the addresses that are ready and those that are not.
type Subset = (Vec<Json>, Vec<Json>, Vec<Json>);

/// So many addresses go into one slice.
const SLICE: usize = 100;
/// So many addresses go into Endpoints; what is more is left out, and said so.
const MOST: usize = 1000;

fn selects(service: &Json, pod: &Json) -> bool {
    let selector = &service["spec"]["selector"];
    selector.as_object().is_some_and(|map| !map.is_empty())
        && object::map_selects(selector, object::labels(pod))
}

/// The services that a change of a Pod or a Service is about.
fn services_of(change: &Change, cache: &Cache, keys: &mut Vec<String>) {
    match change.kind {
        Kind::Services => keys.push(change.key.to_string()),
        Kind::Pods => {
            for object in [&change.old, &change.new].into_iter().flatten() {
                for service in cache.within(Kind::Services, object::namespace(object)) {
                    let key = object::key(service);
                    if selects(service, object) && !keys.contains(&key) {
                        keys.push(key);
                    }
                }
            }
        }
        _ => {}
    }
}

/// One address behind a Service.
struct Member<'a> {
    pod: &'a Arc<Json>,
    ip: String,
    ready: bool,
    serving: bool,
    terminating: bool,
}

/// The Pods behind a Service that have an address.
fn members<'a>(service: &Json, cache: &'a Cache) -> Vec<Member<'a>> {
    let early = service["spec"]["publishNotReadyAddresses"] == true;
    let mut all: Vec<Member<'a>> = cache
        .within(Kind::Pods, object::namespace(service))
        .filter(|pod| selects(service, pod) && !object::is_finished(pod))
        .filter_map(|pod| {
            let ip = text(&pod["status"]["podIP"]).to_owned();
            let serving = object::is_ready(pod);
            let terminating = object::is_deleting(pod);
            (!ip.is_empty()).then_some(Member {
                pod,
                ip,
                ready: early || (serving && !terminating),
                serving,
                terminating,
            })
        })
        .collect();
    all.sort_by(|a, b| a.ip.cmp(&b.ip));
    all
}

/// The number of the port of a Pod that a port of a Service leads to.
fn target(port: &Json, pod: &Json) -> Option<i64> {
    let target = &port["targetPort"];
    if let Some(name) = target.as_str() {
        return items(&pod["spec"]["containers"])
            .chain(items(&pod["spec"]["initContainers"]))
            .flat_map(|container| items(&container["ports"]))
            .find(|one| {
                one["name"] == name
                    && (one["protocol"].is_null()
                        || port["protocol"].is_null()
                        || one["protocol"] == port["protocol"])
            })
            .map(|one| int(&one["containerPort"]));
    }
    match int(target) {
        0 => Some(int(&port["port"])),
        number => Some(number),
    }
}

/// The ports that a Service has on a Pod.
fn ports(service: &Json, pod: &Json, full: bool) -> Vec<Json> {
    items(&service["spec"]["ports"])
        .filter_map(|port| {
            let number = target(port, pod)?;
            let mut out = Members::new();
            let name = text(&port["name"]);
            if full || !name.is_empty() {
                out.insert("name", name.into());
            }
            out.insert("port", number.into());
            let protocol = match text(&port["protocol"]) {
                "" => "TCP",
                protocol => protocol,
            };
            out.insert("protocol", protocol.into());
            if !port["appProtocol"].is_null() {
                out.insert("appProtocol", port["appProtocol"].clone());
            }
            Some(out.into())
        })
        .collect()
}

/// Whether a Service has Pods of its own; who makes the endpoints of others is not known.
fn has_selector(service: &Json) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| !selector.is_empty())
        && text(&service["spec"]["type"]) != "ExternalName"
}

fn reference(pod: &Json) -> Json {
    json!({"kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod)})
}

/// The host name of a Pod that the headless Service of its subdomain gives it.
fn hostname(service: &Json, pod: &Json) -> Option<Json> {
    let name = &pod["spec"]["hostname"];
    let own = pod["spec"]["subdomain"] == object::name(service);
    (own && !text(name).is_empty()).then(|| name.clone())
}

/// Writes Endpoints, the older form.
#[derive(Debug)]
pub(crate) struct Endpoints;

impl Controller for Endpoints {
    fn name(&self) -> &'static str {
        "endpoints"
    }

    fn component(&self) -> &'static str {
        "endpoint-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        services_of(change, cache, keys);
        if change.kind == Kind::Endpoints && change.new.is_none() {
            keys.push(change.key.to_string());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let known = cache.get(Kind::Endpoints, key);
        let Some(service) = cache.get(Kind::Services, key) else {
            // Those that the test made for a Service without selectors are its own.
            let ours = known.filter(|one| {
                text(&one["metadata"]["labels"]["endpoints.kubernetes.io/managed-by"])
                    == "endpoint-controller"
            });
            if let Some(known) = ours {
                plan.delete(Kind::Endpoints, known);
            }
            return plan;
        };
        if !has_selector(service) {
            return plan;
        }
        // Pods with the same ports share a subset.
        let mut subsets: BTreeMap<String, Subset> = BTreeMap::new();
        let all = members(service, cache);
        let over = all.len() > MOST;
        for member in all
            .into_iter()
            .filter(|member| {
                !member.terminating || service["spec"]["publishNotReadyAddresses"] == true
            })
            .take(MOST)
        {
            let mut ports = ports(service, member.pod, false);
            ports.sort_by_key(|port| (int(&port["port"]), text(&port["name"]).to_owned()));
            let mut address = json!({"ip": member.ip, "nodeName": object::node_of(member.pod), "targetRef": reference(member.pod)});
            if let Some(name) = hostname(service, member.pod) {
                address["hostname"] = name;
            }
            let entry = subsets
                .entry(Json::from(ports.clone()).to_string())
                .or_default();
            entry.0 = ports;
            if member.ready {
                entry.1.push(address);
            } else {
                entry.2.push(address);
            }
        }
        let subsets: Vec<Json> = subsets
            .into_values()
            .map(|(ports, ready, waiting)| {
                let mut subset = json!({});
                for (name, list) in [
                    ("addresses", ready),
                    ("notReadyAddresses", waiting),
                    ("ports", ports),
                ] {
                    if !list.is_empty() {
                        subset[name] = list.into();
                    }
                }
                subset
            })
            .collect();
        let mut labels = service["metadata"]["labels"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        labels.insert(
            "endpoints.kubernetes.io/managed-by",
            "endpoint-controller".into(),
        );
        if text(&service["spec"]["clusterIP"]) == "None" {
            labels.insert("service.kubernetes.io/headless", "".into());
        }
        let mut wanted = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": object::name(service), "namespace": object::namespace(service), "labels": labels},
        });
        if over {
            wanted["metadata"]["annotations"] =
                json!({"endpoints.kubernetes.io/over-capacity": "truncated"});
        }
        if !subsets.is_empty() {
            wanted["subsets"] = subsets.into();
        }
        match known {
            None => plan.add(Action::Create {
                kind: Kind::Endpoints,
                object: wanted,
                told: None,
            }),
            Some(known) => {
                let mut changed = (**known).clone();
                object::set(&mut changed, "subsets", wanted["subsets"].clone());
                changed["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
                if changed != **known {
                    plan.add(Action::Update {
                        kind: Kind::Endpoints,
                        object: changed,
                    });
                }
            }
        }
        plan
    }
}

/// Writes EndpointSlices.
#[derive(Debug)]
pub(crate) struct EndpointSlices;

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const OF_SERVICE: &str = "kubernetes.io/service-name";
/// Who makes slices of Pods.
const SLICES: &str = "endpointslice-controller.k8s.io";

/// The key of the Service that a slice is of.
fn service_key(slice: &Json) -> String {
    let of = text(&slice["metadata"]["labels"][OF_SERVICE]);
    format!("{}/{of}", object::namespace(slice))
}

/// Whether a slice is one of those that a controller makes.
fn is_managed_by(slice: &Json, manager: &str) -> bool {
    slice["metadata"]["labels"][MANAGED_BY] == manager
}

/// The slices of a Service, by its key, that a controller makes.
fn slices_of(service: &str, manager: &str, cache: &Cache) -> Vec<Arc<Json>> {
    let (namespace, name) = object::split(service);
    cache
        .within(Kind::EndpointSlices, namespace)
        .filter(|slice| {
            is_managed_by(slice, manager) && slice["metadata"]["labels"][OF_SERVICE] == name
        })
        .cloned()
        .collect()
}

impl Controller for EndpointSlices {
    fn name(&self) -> &'static str {
        "endpointslices"
    }

    fn component(&self) -> &'static str {
        "endpoint-slice-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        services_of(change, cache, keys);
        match change.kind {
            Kind::EndpointSlices if change.new.is_none() => {
                keys.push(service_key(change.object()));
            }
            // The zones of nodes are in the slices.
            Kind::Nodes => {
                let zone = |node: &Option<Arc<Json>>| {
                    node.as_ref().map(|node| {
                        node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone()
                    })
                };
                if zone(&change.old) != zone(&change.new) {
                    keys.extend(
                        cache
                            .all(Kind::Services)
                            .map(|service| object::key(service)),
                    );
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(service) = cache.get(Kind::Services, key) else {
            return plan;
        };
        if !has_selector(service) {
            return plan;
        }
        let mut known = slices_of(key, SLICES, cache);
        // Pods with the same ports share slices.
        let mut groups: BTreeMap<String, (Vec<Json>, Vec<Json>)> = BTreeMap::new();
        for member in members(service, cache) {
            let ports = ports(service, member.pod, true);
            let mut endpoint = json!({
                "addresses": [member.ip],
                "conditions": {"ready": member.ready, "serving": member.serving, "terminating": member.terminating},
                "nodeName": object::node_of(member.pod), "targetRef": reference(member.pod),
            });
            if let Some(name) = hostname(service, member.pod) {
                endpoint["hostname"] = name;
            }
            let zone = cache
                .get(Kind::Nodes, object::node_of(member.pod))
                .map(|node| node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone());
            if let Some(zone) = zone.filter(|zone| !zone.is_null()) {
                endpoint["zone"] = zone;
            }
            let entry = groups
                .entry(Json::from(ports.clone()).to_string())
                .or_default();
            entry.0 = ports;
            entry.1.push(endpoint);
        }
        if groups.is_empty() {
            // One without addresses says that there are none.
            groups.insert(String::new(), (Vec::new(), Vec::new()));
        }
        let labels = labels(service);
        for (ports, endpoints) in groups.into_values() {
            let chunks: Vec<Vec<Json>> = if endpoints.is_empty() {
                vec![Vec::new()]
            } else {
                endpoints.chunks(SLICE).map(<[Json]>::to_vec).collect()
            };
            for chunk in chunks {
                // A slice of the same ports is used again, or any that is left.
                let at = known
                    .iter()
                    .position(|slice| slice["ports"] == Json::from(ports.clone()))
                    .or(if known.is_empty() { None } else { Some(0) });
                let Some(at) = at else {
                    plan.add(Action::Create {
                        kind: Kind::EndpointSlices,
                        object: json!({
                            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                            "metadata": {
                                "generateName": format!("{}-", object::name(service)), "namespace": object::namespace(service),
                                "labels": labels, "ownerReferences": [object::reference(Kind::Services, service)],
                                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": object::time(cache.now())},
                            },
                            "endpoints": chunk, "ports": ports,
                        }),
                        told: None,
                    });
                    continue;
                };
                let slice = known.remove(at);
                let mut changed = (*slice).clone();
                changed["endpoints"] = chunk.into();
                changed["ports"] = ports.clone().into();
                changed["metadata"]["labels"] = labels.clone();
                let same = |name: &str| {
                    let empty = |value: &Json| {
                        value.is_null() || value.as_array().is_some_and(Vec::is_empty)
                    };
                    changed[name] == slice[name] || (empty(&changed[name]) && empty(&slice[name]))
                };
                if !same("endpoints")
                    || !same("ports")
                    || changed["metadata"]["labels"] != slice["metadata"]["labels"]
                {
                    changed["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"] =
                        object::time(cache.now());
                    plan.add(Action::Update {
                        kind: Kind::EndpointSlices,
                        object: changed,
                    });
                }
            }
        }
        for slice in known {
            plan.delete(Kind::EndpointSlices, &slice);
        }
        plan
    }
}

fn labels(service: &Json) -> Json {
    let mut labels = service["metadata"]["labels"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    labels.insert(OF_SERVICE, object::name(service).into());
    labels.insert(MANAGED_BY, SLICES.into());
    if text(&service["spec"]["clusterIP"]) == "None" {
        labels.insert("service.kubernetes.io/headless", "".into());
    }
    labels.into()
}

/// Gives Services of type LoadBalancer an address, as a cloud's controller does.
#[derive(Debug, Default)]
pub(crate) struct LoadBalancers {
    given: u32,
}

impl Controller for LoadBalancers {
    fn name(&self) -> &'static str {
        "load-balancers"
    }

    fn component(&self) -> &'static str {
        "service-controller"
    }

    fn touched(&mut self, change: &Change, _: &Cache, keys: &mut Vec<String>) {
        if change.kind == Kind::Services && change.new.is_some() {
            keys.push(change.key.to_string());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(service) = cache.get(Kind::Services, key) else {
            return plan;
        };
        let balanced = text(&service["spec"]["type"]) == "LoadBalancer"
            && service["spec"]["loadBalancerClass"].is_null();
        let known = &service["status"]["loadBalancer"]["ingress"];
        if !balanced || object::is_deleting(service) || known.is_array() {
            return plan;
        }
        plan.tell(Note::normal(
            Kind::Services,
            service,
            "EnsuringLoadBalancer",
            "Ensuring load balancer",
        ));
        let asked = text(&service["spec"]["loadBalancerIP"]);
        let ip = if asked.is_empty() {
            self.given += 1;
            format!("203.0.113.{}", (self.given - 1) % 254 + 1)
        } else {
            asked.to_owned()
        };
        plan.status(
            Kind::Services,
            service,
            json!({"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"}]}}),
        );
        plan.tell(Note::normal(
            Kind::Services,
            service,
            "EnsuredLoadBalancer",
            "Ensured load balancer",
        ));
        plan
    }
}
