//! ResourceQuota: what an object uses, and what a quota says to it; for admission, and for the controller that counts.
//!
//! Rules: `apiserver/pkg/admission/plugin/resourcequota` and `pkg/quota/v1/evaluator`. A quota is what its status
//! says: `status.hard` limits, `status.used` is counted up here, and only a controller ever counts it down.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::amounts::{self, Amounts};
use super::pods::qos_class;
use super::quantity::Quantity;
use super::values::{at, int, is_set, items, text};

/// A class of storage has its own quotas: `<class>` and this and the resource.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Devices have their quotas by class: its name and this.
pub const DEVICES: &str = ".deviceclass.resource.k8s.io/devices";
/// As many devices a claim gets at most.
const MOST_DEVICES: i64 = 32;
const HUGE_PAGES: [&str; 2] = ["hugepages-", "requests.hugepages-"];
/// Containers must say how much they want of these, if a quota limits them.
const MUST_SPECIFY: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];
const POD_RESOURCES: [&str; 11] = [
    "count/pods",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// The index of a quota, and what its `status.used` says of each resource from now on.
pub(crate) type Charge = (usize, Vec<(String, String)>);

/// A write that quotas are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The resource's group.
    pub group: &'a str,
    /// The resource.
    pub plural: &'a str,
    /// The object as it will be.
    pub object: &'a Value,
    /// The object as it was.
    pub old: Option<&'a Value>,
}

impl Wanted<'_> {
    /// Whether quotas have a say in it. By an update only a claim and a service can use more, and a Pod that is resized or that
    /// gets into other scopes.
    pub(crate) fn counts(&self, subresource: &str) -> bool {
        let reviews = ["authentication.k8s.io", "authorization.k8s.io"];
        if matches!(self.plural, "events" | "bindings") || reviews.contains(&self.group) {
            return false;
        }
        match (self.core(), subresource, self.old) {
            (_, "", None) => true,
            ("services" | "persistentvolumeclaims", "", Some(_)) => true,
            ("", "", Some(_)) if self.is_device_claim() => true,
            ("persistentvolumeclaims", "status", Some(_)) | ("pods", "resize", Some(_)) => true,
            ("pods", "", Some(old)) => has_deadline(old) != has_deadline(self.object),
            _ => false,
        }
    }

    /// The resource's name, if it is of the core.
    fn core(&self) -> &str {
        if self.group.is_empty() {
            self.plural
        } else {
            ""
        }
    }

    fn is_device_claim(&self) -> bool {
        (self.group, self.plural) == ("resource.k8s.io", "resourceclaims")
    }

    fn count_name(&self) -> String {
        if self.group.is_empty() {
            format!("count/{}", self.plural)
        } else {
            format!("count/{}.{}", self.plural, self.group)
        }
    }

    /// Whether a resource of a quota is about this kind of object.
    fn concerns(&self, name: &str) -> bool {
        let counted = name == self.count_name();
        match self.core() {
            "pods" => {
                POD_RESOURCES.contains(&name)
                    || HUGE_PAGES.iter().any(|prefix| name.starts_with(prefix))
                    || name.starts_with("requests.") && is_foreign(name)
            }
            "services" => {
                let own = ["services", "services.loadbalancers", "services.nodeports"];
                counted || own.contains(&name)
            }
            "persistentvolumeclaims" => {
                let own = ["persistentvolumeclaims", "requests.storage"];
                counted
                    || own.iter().any(|own| {
                        name.strip_suffix(own)
                            .is_some_and(|rest| rest.is_empty() || rest.ends_with(OF_CLASS))
                    })
            }
            "configmaps" | "resourcequotas" | "replicationcontrollers" | "secrets" => {
                counted || name == self.plural
            }
            _ => counted || self.is_device_claim() && name.ends_with(DEVICES),
        }
    }

    /// What an object uses of everything.
    fn usage(&self, object: &Value) -> Amounts {
        let mut used = Amounts::from([(self.count_name(), whole(1))]);
        match self.core() {
            "pods" => {
                let mut requests = amounts::of_pod(object, "requests");
                let mut limits = amounts::of_pod(object, "limits");
                let overhead = amounts::read(object, &["spec", "overhead"]);
                amounts::add(&mut requests, &overhead);
                let limited = overhead
                    .into_iter()
                    .filter(|(name, _)| limits.contains_key(name));
                let limited: Amounts = limited.collect();
                amounts::add(&mut limits, &limited);
                used.extend(computed(&requests, &limits));
            }
            "services" => used.extend(of_service(object)),
            "persistentvolumeclaims" => used.extend(of_claim(object)),
            "configmaps" | "resourcequotas" | "replicationcontrollers" | "secrets" => {
                used.insert(self.plural.to_owned(), whole(1));
            }
            _ if self.is_device_claim() => used.extend(of_device_claim(object)),
            _ => {}
        }
        used
    }

    /// Whether a quota is about this object, by its resources and its scopes.
    fn is_covered(&self, quota: &Value, object: &Value) -> bool {
        let hard = amounts::read(quota, &["status", "hard"]);
        hard.keys().any(|name| self.concerns(name)) && self.is_in_scope(quota, object)
    }

    /// Whether an object is in all scopes of a quota.
    fn is_in_scope(&self, quota: &Value, object: &Value) -> bool {
        let scopes = items(quota, &["spec", "scopes"]).iter();
        scopes
            .filter_map(Value::as_str)
            .all(|scope| self.fits(scope, "Exists", &[], object))
            && items(quota, &["spec", "scopeSelector", "matchExpressions"])
                .iter()
                .all(|rule| {
                    let (scope, operator) = (text(rule, &["scopeName"]), text(rule, &["operator"]));
                    self.fits(scope, operator, items(rule, &["values"]), object)
                })
    }

    fn fits(&self, scope: &str, operator: &str, values: &[Value], object: &Value) -> bool {
        let class = |path: &[&str]| {
            let class = text(object, path);
            let listed = values.iter().any(|value| value == class);
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => !class.is_empty() && listed,
                _ => class.is_empty() || !listed,
            }
        };
        let deadline = has_deadline(object);
        match (self.core(), scope) {
            ("pods", "Terminating") => deadline,
            ("pods", "NotTerminating") => !deadline,
            ("pods", "BestEffort") => qos_class(object) == "BestEffort",
            ("pods", "NotBestEffort") => qos_class(object) != "BestEffort",
            ("pods", "PriorityClass") => class(&["spec", "priorityClassName"]),
            ("pods", "CrossNamespacePodAffinity") => looks_across(object),
            // The class that is wanted, that is there, and that is on its way: any of them counts.
            ("persistentvolumeclaims", "VolumeAttributesClass") => {
                let modify = [
                    "status",
                    "modifyVolumeStatus",
                    "targetVolumeAttributesClassName",
                ];
                let named: [&[&str]; 3] = [
                    &["spec", "volumeAttributesClassName"],
                    &["status", "currentVolumeAttributesClassName"],
                    &modify,
                ];
                let mut named = named
                    .into_iter()
                    .filter(|path| is_set(object, path))
                    .peekable();
                match named.peek() {
                    Some(_) => named.any(class),
                    None => class(&["spec", "volumeAttributesClassName"]),
                }
            }
            _ => false,
        }
    }

    /// The new `status.used` of each quota that the object counts for, or why one of them refuses it.
    pub(crate) fn charge(&self, quotas: &[&Value]) -> Result<Vec<Charge>, String> {
        let mut asked = Vec::new();
        for (index, quota) in quotas.iter().enumerate() {
            if !self.is_covered(quota, self.object) {
                continue;
            }
            let name = text(quota, &["metadata", "name"]);
            let hard = amounts::read(quota, &["status", "hard"]);
            let concerned: Vec<&str> = hard
                .keys()
                .map(String::as_str)
                .filter(|resource| self.concerns(resource))
                .collect();
            if self.core() == "pods"
                && let Some(why) = unspecified(self.object, &concerned)
            {
                return Err(format!("failed quota: {name}: {why}"));
            }
            let used = amounts::read(quota, &["status", "used"]);
            if concerned
                .iter()
                .any(|resource| !used.contains_key(*resource))
            {
                let all = concerned.join(",");
                return Err(format!(
                    "status unknown for quota: {name}, resources: {all}"
                ));
            }
            asked.push((index, name, hard, used));
        }
        let usage = self.usage(self.object);
        let negative: Vec<&str> = usage
            .iter()
            .filter(|(_, amount)| amount.sign() < 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if !negative.is_empty() {
            let all = negative.join(",");
            return Err(format!("quota usage is negative for resource(s): {all}"));
        }
        let mut charges = Vec::new();
        for (index, name, hard, used) in asked {
            let mut more = usage.clone();
            // What the object used before is charged already, if the quota was about it.
            if let Some(old) = self.old
                && quotas
                    .get(index)
                    .is_some_and(|quota| self.is_covered(quota, old))
            {
                let before = self.usage(old);
                more = difference(more, &before);
            }
            more.retain(|name, amount| !amount.is_zero() && hard.contains_key(name));
            let mut sums = used.clone();
            amounts::add(&mut sums, &more);
            let exceeded: BTreeSet<&String> = more
                .keys()
                .filter(|name| match (sums.get(*name), hard.get(*name)) {
                    (Some(sum), Some(most)) => sum.compare(most).is_gt(),
                    _ => false,
                })
                .collect();
            if !exceeded.is_empty() {
                let told = |all: &Amounts| -> String {
                    let told: Vec<String> = exceeded
                        .iter()
                        .filter_map(|name| Some(format!("{name}={}", all.get(*name)?)))
                        .collect();
                    told.join(",")
                };
                return Err(format!(
                    "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                    told(&more),
                    told(&used),
                    told(&hard)
                ));
            }
            if !more.is_empty() {
                let sums = more
                    .keys()
                    .filter_map(|name| Some((name.clone(), sums.get(name)?.to_string())));
                charges.push((index, sums.collect()));
            }
        }
        Ok(charges)
    }
}

/// What objects of one resource use of what a quota limits, by its `spec`; `None`: the quota limits nothing of the kind.
pub fn used(
    quota: &Value,
    group: &str,
    plural: &str,
    objects: impl Iterator<Item: Borrow<Value>>,
) -> Option<BTreeMap<String, Quantity>> {
    let wanted = Wanted {
        group,
        plural,
        object: &Value::Null,
        old: None,
    };
    let hard = amounts::read(quota, &["spec", "hard"]);
    let mut sums: Amounts = hard
        .into_keys()
        .filter(|name| wanted.concerns(name))
        .map(|name| (name, whole(0)))
        .collect();
    if sums.is_empty() {
        return None;
    }
    for object in objects {
        let object = object.borrow();
        if !wanted.is_in_scope(quota, object) {
            continue;
        }
        let is_over = wanted.core() == "pods"
            && matches!(text(object, &["status", "phase"]), "Failed" | "Succeeded");
        let mut usage = wanted.usage(object);
        // A Pod that is over is there still, but uses nothing.
        usage.retain(|name, amount| {
            !amount.is_zero() && sums.contains_key(name) && (!is_over || name == "count/pods")
        });
        for (name, amount) in usage {
            let sum = match sums.get(&name).filter(|sum| !sum.is_zero()) {
                Some(sum) => sum.add(&amount),
                None => amount,
            };
            sums.insert(name, sum);
        }
    }
    Some(sums)
}

fn whole(number: usize) -> Quantity {
    Quantity::whole(number)
}

/// The devices that a ResourceClaim may get, by their classes; of alternatives the worst.
fn of_device_claim(claim: &Value) -> Amounts {
    let asked = |request: &Value| -> Amounts {
        let number = match text(request, &["allocationMode"]) {
            "All" => MOST_DEVICES,
            "ExactCount" => int(request, &["count"]),
            _ => 0,
        };
        let class = text(request, &["deviceClassName"]);
        let number = usize::try_from(number).unwrap_or_default();
        Amounts::from([(format!("{class}{DEVICES}"), whole(number))])
    };
    let mut used = Amounts::new();
    for request in items(claim, &["spec", "devices", "requests"]) {
        let mut worst = Amounts::new();
        for one in items(request, &["firstAvailable"]) {
            amounts::raise(&mut worst, &asked(one));
        }
        if let Some(exactly) = request.get("exactly").filter(|_| worst.is_empty()) {
            worst = asked(exactly);
        }
        amounts::add(&mut used, &worst);
    }
    used
}

/// What is left of amounts that were used before in part; nothing is given back.
fn difference(mut amounts: Amounts, before: &Amounts) -> Amounts {
    for (name, amount) in &mut amounts {
        if let Some(old) = before.get(name) {
            *amount = if amount.compare(old).is_gt() {
                amount.subtract(old)
            } else {
                whole(0)
            };
        }
    }
    amounts
}

/// Whether a Pod ends by itself: what the scope `Terminating` means.
fn has_deadline(pod: &Value) -> bool {
    let deadline = ["spec", "activeDeadlineSeconds"];
    is_set(pod, &deadline) && int(pod, &deadline) >= 0
}

/// Whether a resource is of somebody else than Kubernetes.
fn is_foreign(name: &str) -> bool {
    name.contains('/')
        && (!name.contains("kubernetes.io/")
            || name.starts_with("requests.deviceclass.resource.kubernetes.io/"))
}

/// The names under which quotas know the requests and limits of a container or pod.
fn computed(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::from([("pods".to_owned(), whole(1))]);
    for (name, amount) in requests {
        let native = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        if native || name.starts_with("hugepages-") {
            used.insert(name.clone(), amount.clone());
        }
        let foreign = is_foreign(name) && !name.starts_with("requests.");
        if native || name.starts_with("hugepages-") || foreign {
            used.insert(format!("requests.{name}"), amount.clone());
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            used.insert(format!("limits.{name}"), amount.clone());
        }
    }
    used
}

/// What containers should have said.
fn unspecified(pod: &Value, concerned: &[&str]) -> Option<String> {
    if amounts::has_pod_level(pod) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in ["containers", "initContainers"] {
        for container in items(pod, &["spec", list]) {
            let of = |what| amounts::read(container, &["resources", what]);
            let said = computed(&of("requests"), &of("limits"));
            for name in concerned.iter().filter(|name| MUST_SPECIFY.contains(name)) {
                if !said.contains_key(*name) {
                    missing
                        .entry(name)
                        .or_default()
                        .insert(text(container, &["name"]));
                }
            }
        }
    }
    let told: Vec<String> = missing
        .into_iter()
        .map(|(name, containers)| {
            let containers: Vec<&str> = containers.into_iter().collect();
            format!("{name} for: {}", containers.join(","))
        })
        .collect();
    (!told.is_empty()).then(|| format!("must specify {}", told.join("; ")))
}

fn of_service(service: &Value) -> Amounts {
    let ports = items(service, &["spec", "ports"]);
    let (mut balancers, mut node_ports) = (0, 0);
    match text(service, &["spec", "type"]) {
        "NodePort" => node_ports = ports.len(),
        "LoadBalancer" => {
            balancers = 1;
            let allocates = at(service, &["spec", "allocateLoadBalancerNodePorts"]) != false;
            let counts = |port: &&Value| allocates || int(port, &["nodePort"]) != 0;
            node_ports = ports.iter().filter(counts).count();
        }
        _ => {}
    }
    Amounts::from([
        ("services".to_owned(), whole(1)),
        ("services.loadbalancers".to_owned(), whole(balancers)),
        ("services.nodeports".to_owned(), whole(node_ports)),
    ])
}

fn of_claim(claim: &Value) -> Amounts {
    let old_name = "volume.beta.kubernetes.io/storage-class";
    let class = match at(claim, &["metadata", "annotations", old_name]).as_str() {
        Some(class) => class,
        None => text(claim, &["spec", "storageClassName"]),
    };
    let mut used = Amounts::from([("persistentvolumeclaims".to_owned(), whole(1))]);
    let requests = amounts::read(claim, &["spec", "resources", "requests"]);
    if let Some(storage) = requests.get("storage") {
        used.insert("requests.storage".to_owned(), storage.rounded_to_units());
    }
    if !class.is_empty() {
        let of_class: Vec<(String, Quantity)> = used
            .iter()
            .map(|(name, amount)| (format!("{class}{OF_CLASS}{name}"), amount.clone()))
            .collect();
        used.extend(of_class);
    }
    used
}

/// Whether a pod's affinity looks at the pods of other namespaces.
fn looks_across(pod: &Value) -> bool {
    let across = |term: &Value| {
        !items(term, &["namespaces"]).is_empty() || is_set(term, &["namespaceSelector"])
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let rules = at(pod, &["spec", "affinity", kind]);
        items(rules, &["requiredDuringSchedulingIgnoredDuringExecution"])
            .iter()
            .any(across)
            || items(rules, &["preferredDuringSchedulingIgnoredDuringExecution"])
                .iter()
                .any(|weighted| across(at(weighted, &["podAffinityTerm"])))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn updates_count_that_can_use_more() {
        let (plain, ends) = (
            json!({"spec": {}}),
            json!({"spec": {"activeDeadlineSeconds": 5}}),
        );
        for (plural, subresource, old, new, counts) in [
            ("pods", "", None, &plain, true),
            ("pods", "", Some(&plain), &plain, false),
            ("pods", "", Some(&plain), &ends, true),
            ("pods", "status", Some(&plain), &ends, false),
            ("pods", "resize", Some(&plain), &plain, true),
            (
                "persistentvolumeclaims",
                "status",
                Some(&plain),
                &plain,
                true,
            ),
            ("services", "", Some(&plain), &plain, true),
            ("services", "status", Some(&plain), &plain, false),
            ("configmaps", "", Some(&plain), &plain, false),
            ("configmaps", "", None, &plain, true),
        ] {
            let wanted = Wanted {
                group: "",
                plural,
                object: new,
                old,
            };
            assert_eq!(wanted.counts(subresource), counts, "{plural} {subresource}");
        }
    }

    #[test]
    fn devices_count_by_their_classes_and_of_alternatives_the_worst() {
        let one = |class: &str, mode: &str, count: i64| json!({"deviceClassName": class, "allocationMode": mode, "count": count});
        let claim = json!({"spec": {"devices": {"requests": [
            {"name": "a", "exactly": one("gold", "ExactCount", 2)},
            {"name": "b", "firstAvailable": [one("gold", "ExactCount", 3), one("gold", "ExactCount", 1), one("iron", "All", 0)]},
        ]}}});
        let quota = json!({"spec": {"hard": {"gold.deviceclass.resource.k8s.io/devices": "9", "count/resourceclaims.resource.k8s.io": "9",
            "iron.deviceclass.resource.k8s.io/devices": "99", "pods": "1"}}});
        let used = used(
            &quota,
            "resource.k8s.io",
            "resourceclaims",
            [&claim].into_iter(),
        );
        let used = used.expect("it is limited").into_iter();
        let used: Vec<_> = used
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect();
        assert_eq!(
            used,
            [
                "count/resourceclaims.resource.k8s.io=1",
                "gold.deviceclass.resource.k8s.io/devices=5",
                "iron.deviceclass.resource.k8s.io/devices=32"
            ]
        );
    }

    #[test]
    fn a_claim_is_of_each_class_of_attributes_that_it_names() {
        let claim = json!({"spec": {"volumeAttributesClassName": "gold"}, "status": {
            "currentVolumeAttributesClassName": "silver",
            "modifyVolumeStatus": {"targetVolumeAttributesClassName": "bronze"},
        }});
        let fits = |operator: &str, values: &[&str], object: &Value| {
            let quota = json!({"status": {"hard": {"persistentvolumeclaims": "1"}}, "spec": {"scopeSelector": {
                "matchExpressions": [{"scopeName": "VolumeAttributesClass", "operator": operator, "values": values}],
            }}});
            let wanted = Wanted {
                group: "",
                plural: "persistentvolumeclaims",
                object,
                old: None,
            };
            wanted.is_covered(&quota, object)
        };
        for class in ["gold", "silver", "bronze"] {
            assert!(fits("In", &[class], &claim), "{class}");
        }
        assert!(!fits("In", &["iron"], &claim) && fits("NotIn", &["gold"], &claim));
        assert!(fits("Exists", &[], &claim) && !fits("DoesNotExist", &[], &claim));
        let plain = json!({"spec": {}});
        assert!(!fits("Exists", &[], &plain) && fits("DoesNotExist", &[], &plain));
        assert!(fits("NotIn", &["gold"], &plain) && !fits("In", &["gold"], &plain));
    }
}
