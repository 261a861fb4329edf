//! `Warning` texts: what the server accepts but advises against.
//!
//! Rules of `WarningsOnCreate` and `WarningsOnUpdate` in `pkg/registry` and `pkg/api/*/warnings.go`, v1.36.
//! (Deprecated versions warn with every request: that is the registry's business.)

use serde_json::Value;

use super::base64;
use super::quantity::Quantity;
use super::values::{at, int, is_set, items, members, text};
use crate::kubernetes::meta::label_faults;

/// The warnings of an object that is written.
pub(super) fn of(name: &str, object: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let object_name = text(object, &["metadata", "name"]);
    match name {
        "core.v1.Pod" => {
            host_name(&mut out, object_name, "the Pod's hostname");
            pod(&mut out, at(object, &["spec"]), "spec");
        }
        "core.v1.PodTemplate" => pod(&mut out, at(object, &["template", "spec"]), "template.spec"),
        "apps.v1.Deployment"
        | "apps.v1.ReplicaSet"
        | "core.v1.ReplicationController"
        | "batch.v1.Job" => {
            host_name(&mut out, object_name, "Pod names and hostnames");
            pod(
                &mut out,
                at(object, &["spec", "template", "spec"]),
                "spec.template.spec",
            );
        }
        "apps.v1.StatefulSet" | "apps.v1.DaemonSet" => {
            pod(
                &mut out,
                at(object, &["spec", "template", "spec"]),
                "spec.template.spec",
            );
        }
        "batch.v1.CronJob" => {
            host_name(&mut out, object_name, "Pod names and hostnames");
            let spec = at(object, &["spec", "jobTemplate", "spec", "template", "spec"]);
            pod(&mut out, spec, "spec.jobTemplate.spec.template.spec");
        }
        "core.v1.Secret" if text(object, &["type"]) == "kubernetes.io/tls" => tls(&mut out, object),
        "core.v1.Service" => service(&mut out, at(object, &["spec"])),
        "core.v1.PersistentVolume" => {
            if text(object, &["spec", "persistentVolumeReclaimPolicy"]) == "Recycle" {
                out.push(
                    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
                        .into(),
                );
            }
            storage_class_annotation(&mut out, object);
        }
        "core.v1.PersistentVolumeClaim" => {
            storage_class_annotation(&mut out, object);
            let storage = at(object, &["spec", "resources", "requests", "storage"]);
            fractional(&mut out, "spec.resources.requests[storage]", storage);
        }
        "networking.v1.Ingress"
            if is_set(
                object,
                &["metadata", "annotations", "kubernetes.io/ingress.class"],
            ) =>
        {
            out.push("annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead".into());
        }
        _ => {}
    }
    out
}

/// Names that end up as host names had better be labels.
fn host_name(out: &mut Vec<String>, name: &str, use_as: &str) {
    let faults = label_faults(name);
    if !name.is_empty() && !faults.is_empty() {
        out.push(format!(
            "metadata.name: this is used in {use_as}, which can result in surprising behavior; a DNS label is recommended: [{}]",
            faults.join(" ")
        ));
    }
}

fn storage_class_annotation(out: &mut Vec<String>, object: &Value) {
    if is_set(
        object,
        &[
            "metadata",
            "annotations",
            "volume.beta.kubernetes.io/storage-class",
        ],
    ) {
        out.push(
            "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" attribute instead"
                .into(),
        );
    }
}

/// Bytes come whole.
fn fractional(out: &mut Vec<String>, path: &str, value: &Value) {
    let Some(shown) = value.as_str() else { return };
    if Quantity::parse(shown).is_ok_and(|amount| !amount.is_whole()) {
        out.push(format!(
            "{path}: fractional byte value \"{shown}\" is invalid, must be an integer"
        ));
    }
}

/// Node labels that have another name today.
const OLD_NODE_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "v1.17",
        "topology.kubernetes.io/region",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "v1.17",
        "topology.kubernetes.io/zone",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "v1.17",
        "node.kubernetes.io/instance-type",
    ),
];

fn pod(out: &mut Vec<String>, spec: &Value, path: &str) {
    for (key, _) in members(spec, &["nodeSelector"]) {
        if let Some((_, since, instead)) = OLD_NODE_LABELS.iter().find(|(old, ..)| *old == key) {
            out.push(format!(
                "{path}.nodeSelector[{key}]: deprecated since {since}; use \"{instead}\" instead"
            ));
        }
    }
    for (i, volume) in items(spec, &["volumes"]).iter().enumerate() {
        if is_set(volume, &["gitRepo"]) {
            out.push(format!("{path}.volumes[{i}].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"));
        }
    }
    for list in ["initContainers", "containers"] {
        for (i, container) in items(spec, &[list]).iter().enumerate() {
            let path = format!("{path}.{list}[{i}]");
            for what in ["limits", "requests"] {
                for key in ["memory", "ephemeral-storage"] {
                    fractional(
                        out,
                        &format!("{path}.resources.{what}[{key}]"),
                        at(container, &["resources", what, key]),
                    );
                }
            }
            let env = items(container, &["env"]);
            for (j, entry) in env.iter().enumerate() {
                let name = text(entry, &["name"]);
                if env
                    .iter()
                    .take(j)
                    .any(|before| text(before, &["name"]) == name)
                {
                    out.push(format!(
                        "{path}.env[{j}]: hides previous definition of \"{name}\", which may be dropped when using apply"
                    ));
                }
            }
            let ports = items(container, &["ports"]);
            let key = |port: &Value| {
                (
                    int(port, &["containerPort"]),
                    text(port, &["protocol"]).to_owned(),
                )
            };
            for (j, port) in ports.iter().enumerate() {
                if let Some(before) = ports
                    .iter()
                    .take(j)
                    .position(|before| key(before) == key(port))
                {
                    out.push(format!(
                        "{path}.ports[{j}]: duplicate port definition with {path}.ports[{before}]"
                    ));
                }
            }
        }
    }
    if int(spec, &["terminationGracePeriodSeconds"]) < 0 {
        out.push(format!(
            "{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
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

fn service(out: &mut Vec<String>, spec: &Value) {
    if text(spec, &["clusterIP"]) == "None" {
        if !text(spec, &["loadBalancerIP"]).is_empty() {
            out.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if !items(spec, &["externalIPs"]).is_empty() {
            out.push("spec.externalIPs is ignored for headless services".into());
        }
        if text(spec, &["sessionAffinity"]) == "ClientIP" {
            out.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    if !text(spec, &["externalName"]).is_empty() && text(spec, &["type"]) != "ExternalName" {
        out.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubectl_prints_as_warnings() {
        let pod = json!({"metadata": {"name": "a.b"}, "spec": {"containers": [{
            "env": [{"name": "A"}, {"name": "A"}], "resources": {"limits": {"memory": "100m"}}}]}});
        assert_eq!(
            of("core.v1.Pod", &pod),
            [
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
                "spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, must be an integer",
                "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
            ]
        );
    }
}
