//! Warnings about the other kinds: services, volumes, secrets, nodes, networking, devices.

use serde_json::Value;

use super::{addresses, old_node_label, pods, volumes};
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::{at, int, is_set, items, members, text};

const OLD_STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const OLD_MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";

pub(in crate::kinds::builtin) fn warn_secret(out: &mut Vec<String>, object: &Value) {
    if text(object, &["type"]) == "kubernetes.io/tls" {
        tls(out, object);
    }
}

pub(in crate::kinds::builtin) fn warn_persistent_volume_claim(
    out: &mut Vec<String>,
    object: &Value,
) {
    let spec = at(object, &["spec"]);
    if annotated(object, OLD_STORAGE_CLASS) {
        out.push(storage_class_note());
    }
    volumes::claim(out, spec, "spec");
}

pub(in crate::kinds::builtin) fn warn_endpoints(out: &mut Vec<String>, object: &Value) {
    for (i, subset) in items(object, &["subsets"]).iter().enumerate() {
        for list in ["addresses", "notReadyAddresses"] {
            addresses::each_ip(out, &format!("subsets[{i}].{list}"), items(subset, &[list]));
        }
    }
}

pub(in crate::kinds::builtin) fn warn_stateful_set(out: &mut Vec<String>, object: &Value) {
    let spec = at(object, &["spec"]);
    for (i, claim) in items(spec, &["volumeClaimTemplates"]).iter().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{i}]");
        volumes::claim(out, at(claim, &["spec"]), &path);
    }
    if int(spec, &["revisionHistoryLimit"]) < 0 {
        out.push("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended".into());
    }
}

pub(in crate::kinds::builtin) fn warn_ingress(out: &mut Vec<String>, object: &Value) {
    if annotated(object, "kubernetes.io/ingress.class") {
        out.push("annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead".into());
    }
}

pub(in crate::kinds::builtin) fn warn_endpoint_slice(out: &mut Vec<String>, object: &Value) {
    if text(object, &["addressType"]) == "FQDN" {
        out.push("spec.addressType: FQDN endpoints are deprecated".into());
    }
    for (i, endpoint) in items(object, &["endpoints"]).iter().enumerate() {
        let path = format!("endpoints[{i}].addresses");
        addresses::each(out, &path, at(endpoint, &["addresses"]));
    }
}

pub(in crate::kinds::builtin) fn warn_storage_class(out: &mut Vec<String>, object: &Value) {
    for (i, term) in items(object, &["allowedTopologies"]).iter().enumerate() {
        for (j, rule) in items(term, &["matchLabelExpressions"]).iter().enumerate() {
            if let Some(instead) = old_node_label(text(rule, &["key"])) {
                out.push(format!(
                    "allowedTopologies[{i}].matchLabelExpressions[{j}].key: {instead}"
                ));
            }
        }
    }
}

pub(in crate::kinds::builtin) fn warn_runtime_class(out: &mut Vec<String>, object: &Value) {
    for (key, _) in members(object, &["scheduling", "nodeSelector"]) {
        if let Some(instead) = old_node_label(key) {
            out.push(format!("scheduling.nodeSelector: {instead}"));
        }
    }
}

pub(in crate::kinds::builtin) fn warn_csi_driver(out: &mut Vec<String>, object: &Value) {
    let spec = at(object, &["spec"]);
    if !items(spec, &["tokenRequests"]).is_empty()
        && !is_set(spec, &["serviceAccountTokenInSecrets"])
    {
        out.push("spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes".into());
    }
}

pub(in crate::kinds::builtin) fn warn_resource_slice(out: &mut Vec<String>, object: &Value) {
    let spec = at(object, &["spec"]);
    let driver = text(spec, &["driver"]);
    if driver.chars().any(char::is_uppercase) {
        out.push(format!(
                    "spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters"
                ));
    }
}

fn annotated(object: &Value, key: &str) -> bool {
    is_set(object, &["metadata", "annotations", key])
}

fn storage_class_note() -> String {
    format!(
        "metadata.annotations[{OLD_STORAGE_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
    )
}

pub(in crate::kinds::builtin) fn persistent_volume(
    out: &mut Vec<String>,
    object: &Value,
    spec: &Value,
) {
    if annotated(object, OLD_STORAGE_CLASS) {
        out.push(storage_class_note());
    }
    if annotated(object, OLD_MOUNT_OPTIONS) {
        out.push(format!(
            "metadata.annotations[{OLD_MOUNT_OPTIONS}]: deprecated since v1.31; use \"mountOptions\" attribute instead"
        ));
    }
    if text(spec, &["persistentVolumeReclaimPolicy"]) == "Recycle" {
        out.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
                .into(),
        );
    }
    for (i, term) in items(spec, &["nodeAffinity", "required", "nodeSelectorTerms"])
        .iter()
        .enumerate()
    {
        let path = format!("spec.nodeAffinity.required.nodeSelectorTerms[{i}]");
        pods::node_term(out, term, &path, false);
    }
    volumes::of_persistent(out, spec);
}

pub(in crate::kinds::builtin) fn node(out: &mut Vec<String>, spec: &Value) {
    if !text(spec, &["externalID"]).is_empty() {
        out.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".into());
    }
    for (i, range) in items(spec, &["podCIDRs"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        addresses::range(out, &format!("spec.podCIDRs[{i}]"), range);
    }
}

pub(in crate::kinds::builtin) fn network_policy(out: &mut Vec<String>, spec: &Value) {
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in items(spec, &[direction]).iter().enumerate() {
            for (j, peer) in items(rule, &[peers]).iter().enumerate() {
                let path = format!("spec.{direction}[{i}].{peers}[{j}].ipBlock");
                let block = at(peer, &["ipBlock"]);
                addresses::range(out, &format!("{path}.cidr"), text(block, &["cidr"]));
                for (k, except) in items(block, &["except"])
                    .iter()
                    .filter_map(Value::as_str)
                    .enumerate()
                {
                    addresses::range(out, &format!("{path}.except[{k}]"), except);
                }
            }
        }
    }
}

pub(in crate::kinds::builtin) fn indexed_job(out: &mut Vec<String>, spec: &Value, path: &str) {
    if text(spec, &["completionMode"]) == "Indexed"
        && int(spec, &["completions"]) > 100_000
        && int(spec, &["parallelism"]) > 10_000
    {
        out.push(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ));
    }
}

/// A certificate that is none.
fn tls(out: &mut Vec<String>, object: &Value) {
    let is_pem = |key: &str| {
        let bytes = base64::decode(text(object, &["data", key])).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains("-----BEGIN")
    };
    if !is_pem("tls.crt") {
        out.push("tls: failed to find any PEM data in certificate input".into());
    } else if !is_pem("tls.key") {
        out.push("tls: failed to find any PEM data in key input".into());
    }
}

pub(in crate::kinds::builtin) fn service(out: &mut Vec<String>, object: &Value, spec: &Value) {
    let old_hints = "service.kubernetes.io/topology-aware-hints";
    if annotated(object, old_hints) {
        out.push(format!(
            "annotation {old_hints} is deprecated, please use service.kubernetes.io/topology-mode instead"
        ));
    }
    let kind = text(spec, &["type"]);
    let external_ips = !items(spec, &["externalIPs"]).is_empty();
    let is_headless = kind == "ClusterIP" && text(spec, &["clusterIP"]) == "None";
    if !is_headless {
        addresses::each(out, "spec.clusterIPs", at(spec, &["clusterIPs"]));
    } else {
        if !text(spec, &["loadBalancerIP"]).is_empty() {
            out.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if external_ips {
            out.push("spec.externalIPs is ignored for headless services".into());
        }
        if text(spec, &["sessionAffinity"]) != "None" {
            out.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    addresses::each(out, "spec.externalIPs", at(spec, &["externalIPs"]));
    if external_ips && !is_headless && kind != "ExternalName" {
        out.push(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
                .into(),
        );
    }
    let balancer_ip = text(spec, &["loadBalancerIP"]);
    if !balancer_ip.is_empty() {
        addresses::address(out, "spec.loadBalancerIP", balancer_ip);
    }
    for (i, range) in items(spec, &["loadBalancerSourceRanges"])
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        addresses::range(out, &format!("spec.loadBalancerSourceRanges[{i}]"), range);
    }
    if kind == "ExternalName" && external_ips {
        out.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if kind != "ExternalName" && !text(spec, &["externalName"]).is_empty() {
        out.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if text(spec, &["trafficDistribution"]) == "PreferClose" {
        out.push(
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""
                .into(),
        );
    }
}
