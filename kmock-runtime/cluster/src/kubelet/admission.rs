//! What a kubelet lets in. A Pod that names its node itself has passed no scheduler, and may not fit there: then it has failed.
//!
//! Rules: `pkg/kubelet/lifecycle/predicate.go`, `pkg/scheduler/eventhandlers.go` (`AdmissionCheck`).

use std::sync::Arc;

use crate::amounts;
use crate::json::Json;
use crate::object::{self, items, text};
use crate::scheduler::{PodInfo, node_matches, tolerates};

/// Why a Pod is rejected: the reason and the message.
pub(super) type Rejection = (String, String);

/// What may be set for a Pod without being allowed to: it is seen by the Pod only.
const SAFE: [(&str, &str); 12] = [
    ("kernel.shm_rmid_forced", "ipc"),
    ("net.ipv4.ip_local_port_range", "net"),
    ("net.ipv4.ip_local_reserved_ports", "net"),
    ("net.ipv4.ip_unprivileged_port_start", "net"),
    ("net.ipv4.ping_group_range", "net"),
    ("net.ipv4.tcp_fin_timeout", "net"),
    ("net.ipv4.tcp_keepalive_intvl", "net"),
    ("net.ipv4.tcp_keepalive_probes", "net"),
    ("net.ipv4.tcp_keepalive_time", "net"),
    ("net.ipv4.tcp_rmem", "net"),
    ("net.ipv4.tcp_syncookies", "net"),
    ("net.ipv4.tcp_wmem", "net"),
];

/// What a node does not do for any Pod, whoever put it there: settings of the kernel that are not safe, another system.
///
/// Rules: `pkg/kubelet/sysctl`, `rejectPodAdmissionBasedOnOS…` of `pkg/kubelet/lifecycle/predicate.go`.
pub(super) fn refused(pod: &Json) -> Option<Rejection> {
    let spec = &pod["spec"];
    for sysctl in items(&spec["securityContext"]["sysctls"]) {
        let name = text(&sysctl["name"]).replace('/', ".");
        let why = match SAFE.iter().find(|(safe, _)| *safe == name) {
            None => format!("\"{name}\" not allowlisted"),
            Some((_, "ipc")) if spec["hostIPC"] == true => {
                format!("\"{name}\" not allowed with host ipc enabled")
            }
            Some((_, "net")) if spec["hostNetwork"] == true => {
                format!("\"{name}\" not allowed with host net enabled")
            }
            Some(_) => continue,
        };
        return Some((
            "SysctlForbidden".to_owned(),
            format!("forbidden sysctl: {why}"),
        ));
    }
    let label = pod["metadata"]["labels"]["kubernetes.io/os"].as_str();
    if label.is_some_and(|label| label != "linux") {
        let why = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
        return Some((
            "PodOSSelectorNodeLabelDoesNotMatch".to_owned(),
            why.to_owned(),
        ));
    }
    if spec["os"]["name"]
        .as_str()
        .is_some_and(|name| name != "linux")
    {
        let why = "Failed to admit pod as the OS field doesn't match node OS";
        return Some(("PodOSNotSupported".to_owned(), why.to_owned()));
    }
    None
}

/// Why a Pod does not fit on a node beside others.
pub(super) fn rejected(pod: &Json, node: &Json, others: &[&Arc<Json>]) -> Option<Rejection> {
    let predicate =
        |name: &str, why: &str| Some((name.to_owned(), format!("Predicate {name} failed: {why}")));
    let others: Vec<PodInfo> = others.iter().map(|other| PodInfo::new(other)).collect();
    let own = PodInfo::of(pod);
    if let Some(rejection) = lacks(&own, node, &others) {
        return Some(rejection);
    }
    if !node_matches(pod, node) {
        return predicate(
            "NodeAffinity",
            "node(s) didn't match Pod's node affinity/selector",
        );
    }
    if others.iter().any(|other| own.wants_ports_of(other)) {
        let why = "node(s) didn't have free ports for the requested pod ports";
        return predicate("NodePorts", why);
    }
    let mut taints = items(&node["spec"]["taints"]).filter(|taint| taint["effect"] == "NoExecute");
    if taints.any(|taint| !tolerates(pod, taint)) {
        return predicate(
            "TaintToleration",
            "node(s) had taints that the pod didn't tolerate",
        );
    }
    None
}

/// What a node that runs nothing has too little of.
pub(super) fn never(pod: &Json, node: &Json) -> Option<Rejection> {
    let mut containers = items(&pod["spec"]["containers"]);
    let asks = containers.any(|one| one["resources"]["requests"].is_object());
    asks.then(|| lacks(&PodInfo::of(pod), node, &[]))?
}

/// What there is too little of. Of what a node does not know at all, a kubelet knows nothing either.
fn lacks(own: &PodInfo, node: &Json, others: &[PodInfo]) -> Option<Rejection> {
    let allocatable = amounts::map(&node["status"]["allocatable"]);
    let pods = others.len() as i64;
    let mut wanted = vec![("pods", 1, pods)];
    let first = ["cpu", "memory", "ephemeral-storage"];
    let rest = own.requests.keys().map(String::as_str);
    let names = first
        .into_iter()
        .chain(rest.filter(|name| !first.contains(name)));
    wanted.extend(names.map(|name| {
        let of = |pod: &PodInfo| pod.requests.get(name).copied().unwrap_or_default();
        (name, of(own), others.iter().map(of).sum())
    }));
    wanted.into_iter().find_map(|(name, wanted, used)| {
        let capacity = *allocatable.get(name)?;
        (wanted > 0 && wanted > capacity - used).then(|| {
            let message = format!(
                "Node didn't have enough resource: {name}, requested: {wanted}, used: {used}, capacity: {capacity}"
            );
            (format!("OutOf{name}"), message)
        })
    })
}

/// The status of a Pod that is rejected.
pub(super) fn status(pod: &Json, (reason, message): &Rejection, now: Json) -> Json {
    let mut status = pod["status"].clone();
    status["phase"] = "Failed".into();
    status["reason"] = reason.as_str().into();
    status["message"] = format!("Pod was rejected: {message}").into();
    status["observedGeneration"] = object::generation(pod).into();
    if text(&status["startTime"]).is_empty() {
        status["startTime"] = now;
    }
    status
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn what_is_not_safe_or_of_another_system_is_refused() {
        let sysctl =
            |name: &str| json!({"securityContext": {"sysctls": [{"name": name, "value": "1"}]}});
        let mut of_host = sysctl("net.ipv4.tcp_syncookies");
        of_host["hostNetwork"] = true.into();
        for (spec, expected) in [
            (sysctl("kernel.shm_rmid_forced"), None),
            (
                sysctl("kernel/msgmax"),
                Some((
                    "SysctlForbidden",
                    "forbidden sysctl: \"kernel.msgmax\" not allowlisted",
                )),
            ),
            (
                of_host,
                Some((
                    "SysctlForbidden",
                    "forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host net enabled",
                )),
            ),
            (json!({"os": {"name": "linux"}}), None),
            (
                json!({"os": {"name": "windows"}}),
                Some((
                    "PodOSNotSupported",
                    "Failed to admit pod as the OS field doesn't match node OS",
                )),
            ),
        ] {
            let found = refused(&json!({"spec": spec}));
            let found = found
                .as_ref()
                .map(|(reason, why)| (reason.as_str(), why.as_str()));
            assert_eq!(found, expected, "{spec}");
        }
    }

    #[test]
    fn pods_that_name_their_node_may_not_fit_there() {
        let node = json!({
            "metadata": {"name": "a", "labels": {"disk": "ssd"}},
            "spec": {"taints": [{"key": "gpu", "effect": "NoExecute"}, {"key": "apart", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "2"}},
        });
        let pod = |name: &str, spec: Json| {
            let mut pod = json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {
                "tolerations": [{"key": "gpu", "operator": "Exists"}], "containers": [{"name": "c"}],
            }});
            for (field, value) in spec.as_object().expect("an object") {
                pod["spec"][field] = value.clone();
            }
            pod
        };
        let asks =
            |resource: &str, amount: &str| json!([{"resources": {"requests": {resource: amount}}}]);
        let port = json!([{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]);
        let there = Arc::new(pod(
            "there",
            json!({"containers": [{"ports": [{"hostPort": 80, "hostIP": "127.0.0.1"}], "resources": {"requests": {"cpu": "600m"}}}]}),
        ));
        for (spec, wanted) in [
            (json!({}), None),
            (json!({"nodeSelector": {"disk": "ssd"}}), None),
            (
                json!({"nodeSelector": {"disk": "tape"}}),
                Some((
                    "NodeAffinity",
                    "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
                )),
            ),
            (
                json!({"containers": port}),
                Some((
                    "NodePorts",
                    "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
                )),
            ),
            (
                json!({"containers": asks("cpu", "500m")}),
                Some((
                    "OutOfcpu",
                    "Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000",
                )),
            ),
            (
                json!({"containers": asks("memory", "2Gi")}),
                Some((
                    "OutOfmemory",
                    "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
                )),
            ),
            // What is not of the node is somebody else's affair.
            (json!({"containers": asks("example.com/gpu", "1")}), None),
            (
                json!({"tolerations": []}),
                Some((
                    "TaintToleration",
                    "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
                )),
            ),
        ] {
            let found = rejected(&pod("new", spec.clone()), &node, &[&there]);
            let found = found
                .as_ref()
                .map(|(reason, message)| (reason.as_str(), message.as_str()));
            assert_eq!(found, wanted, "{spec}");
        }
        let alone = json!({"spec": {"containers": asks("cpu", "500m")}});
        assert_eq!(never(&alone, &node), None);
        let huge = json!({"spec": {"containers": asks("cpu", "5")}});
        let why = "Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 1000";
        assert_eq!(never(&huge, &node), Some(("OutOfcpu".into(), why.into())));
        let full = rejected(&pod("new", json!({})), &node, &[&there, &there]);
        let message = "Node didn't have enough resource: pods, requested: 1, used: 2, capacity: 2";
        assert_eq!(full, Some(("OutOfpods".into(), message.into())));
    }
}
