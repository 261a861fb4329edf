//! Defaults of the core group: pods and their parts, services, volumes, secrets…

use serde_json::{Value, json};

use super::Rule;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{
    JsonObject, at, child, each, fill as set, fill_number, fill_text, text,
};

/// The mode of files in volumes: 0644.
const FILE_MODE: i64 = 0o644;

/// How a type fills in its own.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let rule: Rule = match name {
        "core.v1.Pod" => pod,
        "core.v1.PodSpec" => pod_spec,
        "core.v1.Container" | "core.v1.EphemeralContainer" => container,
        "core.v1.ContainerPort" => |object| fill_text(object, "protocol", "TCP"),
        "core.v1.Probe" => |object| {
            for (key, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                fill_number(object, key, value);
            }
        },
        "core.v1.GRPCAction" => |object| set(object, "service", ""),
        "core.v1.HTTPGetAction" => |object| {
            fill_text(object, "path", "/");
            fill_text(object, "scheme", "HTTP");
        },
        "core.v1.ObjectFieldSelector" => |object| fill_text(object, "apiVersion", "v1"),
        "core.v1.FileKeySelector" => |object| set(object, "optional", false),
        "core.v1.Service" => service,
        "core.v1.Volume" => volume,
        "core.v1.SecretVolumeSource"
        | "core.v1.ConfigMapVolumeSource"
        | "core.v1.DownwardAPIVolumeSource"
        | "core.v1.ProjectedVolumeSource" => |object| set(object, "defaultMode", FILE_MODE),
        "core.v1.ServiceAccountTokenProjection" => |object| set(object, "expirationSeconds", 3600),
        "core.v1.HostPathVolumeSource" => |object| set(object, "type", ""),
        "core.v1.ISCSIVolumeSource" | "core.v1.ISCSIPersistentVolumeSource" => |object| {
            fill_text(object, "iscsiInterface", "default");
        },
        "core.v1.RBDVolumeSource" | "core.v1.RBDPersistentVolumeSource" => |object| {
            fill_text(object, "pool", "rbd");
            fill_text(object, "user", "admin");
            fill_text(object, "keyring", "/etc/ceph/keyring");
        },
        "core.v1.ScaleIOVolumeSource" | "core.v1.ScaleIOPersistentVolumeSource" => |object| {
            fill_text(object, "storageMode", "ThinProvisioned");
            fill_text(object, "fsType", "xfs");
        },
        "core.v1.AzureDiskVolumeSource" => |object| {
            set(object, "cachingMode", "ReadWrite");
            set(object, "fsType", "ext4");
            set(object, "readOnly", false);
            set(object, "kind", "Shared");
        },
        "core.v1.Secret" => |object| fill_text(object, "type", "Opaque"),
        "core.v1.PersistentVolume" => |object| {
            fill_text(child(object, "status"), "phase", "Pending");
            let spec = child(object, "spec");
            fill_text(spec, "persistentVolumeReclaimPolicy", "Retain");
            set(spec, "volumeMode", "Filesystem");
        },
        "core.v1.PersistentVolumeClaim" => {
            |object| fill_text(child(object, "status"), "phase", "Pending")
        }
        "core.v1.PersistentVolumeClaimSpec" => |object| set(object, "volumeMode", "Filesystem"),
        "core.v1.ReplicationController" => replication_controller,
        "core.v1.EndpointPort" => |object| fill_text(object, "protocol", "TCP"),
        "core.v1.Namespace" => namespace,
        "core.v1.NamespaceStatus" => |object| fill_text(object, "phase", "Active"),
        "core.v1.NodeStatus" => |object| {
            if let (Some(capacity), None) =
                (object.get("capacity").cloned(), object.get("allocatable"))
            {
                object.insert("allocatable".into(), capacity);
            }
        },
        "core.v1.LimitRangeItem" => limit_range_item,
        _ => return None,
    };
    Some(rule)
}

fn pod(object: &mut JsonObject) {
    let spec = child(object, "spec");
    for list in ["containers", "initContainers"] {
        for container in each(spec, list) {
            let Some(resources) = container
                .get_mut("resources")
                .and_then(Value::as_object_mut)
            else {
                continue;
            };
            if let Some(Value::Object(limits)) = resources.get("limits").cloned() {
                let requests = child(resources, "requests");
                for (key, limit) in limits {
                    set(requests, &key, limit);
                }
            }
        }
    }
    pod_level_requests(spec);
    set(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        for list in ["containers", "initContainers"] {
            for container in each(spec, list) {
                for port in each(container, "ports") {
                    let number = port
                        .get("containerPort")
                        .and_then(Value::as_i64)
                        .unwrap_or_default();
                    if number != 0 {
                        fill_number(port, "hostPort", number);
                    }
                }
            }
        }
    }
}

/// Pod-level limits bring pod-level requests: what the containers ask for, or else the limit itself.
fn pod_level_requests(spec: &mut JsonObject) {
    let limits = match spec.get("resources").map(|r| at(r, &["limits"])) {
        Some(Value::Object(limits)) if !limits.is_empty() => limits.clone(),
        _ => return,
    };
    let supported =
        |key: &&String| matches!(key.as_str(), "cpu" | "memory") || key.starts_with("hugepages-");
    let sums: Vec<(String, Option<Quantity>)> = limits
        .keys()
        .filter(supported)
        .map(|key| {
            let asked = spec
                .get("containers")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|container| {
                    Quantity::parse(text(container, &["resources", "requests", key])).ok()
                });
            (key.clone(), asked.reduce(|a, b| a.add(&b)))
        })
        .collect();
    let requests = child(child(spec, "resources"), "requests");
    for (key, sum) in sums {
        let overcommit = !key.starts_with("hugepages-");
        let value = match sum {
            Some(sum) if overcommit => Value::from(sum.to_string()),
            _ => limits.get(&key).cloned().unwrap_or_default(),
        };
        set(requests, &key, value);
    }
}

fn pod_spec(object: &mut JsonObject) {
    fill_text(object, "dnsPolicy", "ClusterFirst");
    fill_text(object, "restartPolicy", "Always");
    set(object, "securityContext", json!({}));
    set(object, "terminationGracePeriodSeconds", 30);
    fill_text(object, "schedulerName", "default-scheduler");
}

fn container(object: &mut JsonObject) {
    let image = object
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let policy = pull_policy(image);
    fill_text(object, "imagePullPolicy", policy);
    fill_text(object, "terminationMessagePath", "/dev/termination-log");
    fill_text(object, "terminationMessagePolicy", "File");
}

/// Images of the tag `latest`, also by default, are always pulled.
fn pull_policy(image: &str) -> &'static str {
    if image_tag(image) == Some("latest") {
        "Always"
    } else {
        "IfNotPresent"
    }
}

/// The tag of an image reference: `latest` if neither a tag nor a digest is given, `None` if it is no reference.
fn image_tag(image: &str) -> Option<&str> {
    // What looks like the hash of an image names no repository.
    if image.len() == 64
        && image
            .bytes()
            .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let (rest, digest) = image
        .split_once('@')
        .map_or((image, None), |(a, b)| (a, Some(b)));
    let name_start = rest.rfind('/').map_or(0, |i| i + 1);
    let (name, tag) = match rest.get(name_start..)?.split_once(':') {
        Some((name, tag)) => (rest.get(..name_start + name.len())?, Some(tag)),
        None => (rest, None),
    };
    let has_host = name.split_once('/').is_some_and(|(host, _)| {
        (host.contains(['.', ':']) || host == "localhost" || host.chars().any(char::is_uppercase))
            && host.starts_with(|c: char| c.is_ascii_alphanumeric())
    });
    let path = if has_host {
        name.split_once('/').map_or(name, |(_, path)| path)
    } else {
        name
    };
    let word = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    if !path.split('/').all(word) {
        return None;
    }
    match (tag, digest) {
        (Some(tag), _) => tag
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            .then_some(tag)
            .filter(|t| !t.is_empty()),
        (None, Some(_)) => Some(""),
        (None, None) => Some("latest"),
    }
}

fn volume(object: &mut JsonObject) {
    if object
        .iter()
        .all(|(key, value)| key == "name" || value.is_null())
    {
        object.insert("emptyDir".into(), json!({}));
    }
    if let Some(Value::Object(image)) = object.get_mut("image") {
        let policy = pull_policy(
            image
                .get("reference")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        fill_text(image, "pullPolicy", policy);
    }
}

fn service(object: &mut JsonObject) {
    let spec = child(object, "spec");
    fill_text(spec, "sessionAffinity", "None");
    match spec.get("sessionAffinity").and_then(Value::as_str) {
        Some("None") => {
            spec.remove("sessionAffinityConfig");
        }
        Some("ClientIP") => {
            let timeout = spec
                .get("sessionAffinityConfig")
                .map(|c| at(c, &["clientIP", "timeoutSeconds"]));
            if timeout.is_none_or(Value::is_null) {
                spec.insert(
                    "sessionAffinityConfig".into(),
                    json!({"clientIP": {"timeoutSeconds": 10_800}}),
                );
            }
        }
        _ => {}
    }
    fill_text(spec, "type", "ClusterIP");
    for port in each(spec, "ports") {
        fill_text(port, "protocol", "TCP");
        let unset = match port.get("targetPort") {
            None | Some(Value::Null) => true,
            Some(Value::String(name)) => name.is_empty(),
            Some(number) => number.as_i64() == Some(0),
        };
        if unset {
            let number = port.get("port").cloned().unwrap_or_else(|| 0.into());
            port.insert("targetPort".into(), number);
        }
    }
    let kind = spec
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let external_ips = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|ips| !ips.is_empty());
    if matches!(kind.as_str(), "LoadBalancer" | "NodePort") || (kind == "ClusterIP" && external_ips)
    {
        fill_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "LoadBalancer" | "NodePort" | "ClusterIP") {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
        let balancer = child(child(object, "status"), "loadBalancer");
        for ingress in each(balancer, "ingress") {
            if ingress
                .get("ip")
                .and_then(Value::as_str)
                .is_some_and(|ip| !ip.is_empty())
            {
                set(ingress, "ipMode", "VIP");
            }
        }
    }
}

fn replication_controller(object: &mut JsonObject) {
    let spec = child(object, "spec");
    set(spec, "replicas", 1);
    let labels = spec
        .get("template")
        .map(|t| at(t, &["metadata", "labels"]))
        .filter(|l| l.is_object())
        .cloned();
    let Some(labels) = labels else { return };
    let is_empty = |map: &JsonObject, key: &str| {
        map.get(key)
            .and_then(Value::as_object)
            .is_none_or(serde_json::Map::is_empty)
    };
    if is_empty(spec, "selector") {
        spec.insert("selector".into(), labels.clone());
    }
    let metadata = child(object, "metadata");
    if is_empty(metadata, "labels") {
        metadata.insert("labels".into(), labels);
    }
}

fn namespace(object: &mut JsonObject) {
    let metadata = child(object, "metadata");
    let name = metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if !name.is_empty() {
        child(metadata, "labels").insert("kubernetes.io/metadata.name".into(), name.into());
    }
}

fn limit_range_item(object: &mut JsonObject) {
    if object.get("type").and_then(Value::as_str) != Some("Container") {
        return;
    }
    child(object, "default");
    child(object, "defaultRequest");
    for (from, to) in [
        ("max", "default"),
        ("default", "defaultRequest"),
        ("min", "defaultRequest"),
    ] {
        if let Some(Value::Object(source)) = object.get(from).cloned() {
            let target = child(object, to);
            for (key, value) in source {
                set(target, &key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_decide_about_pulling() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("localhost:5000/a/b", "Always"),
            ("localhost:5000/a/b:v1", "IfNotPresent"),
            ("nginx@sha256:0123", "IfNotPresent"),
            ("", "IfNotPresent"),
            ("Bad Name", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
