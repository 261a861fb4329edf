//! Field labels: what field selectors can ask of the built-in kinds, and how they refuse the rest.
//!
//! Kinds that declare labels of their own (`AddFieldLabelConversionFunc`) have one wording, Jobs another, all
//! remaining kinds the default one.

use serde_json::Value;

use super::values::{at, items, text, truth};
use crate::model::status::quoted;

/// The labels that a kind declares, besides the object's name and namespace.
fn declared(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "core.v1.Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
            "spec.host",
        ],
        "core.v1.Node" => &["spec.unschedulable"],
        "core.v1.ReplicationController" => &["status.replicas"],
        "core.v1.Event" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "events.v1.Event" => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        "core.v1.Namespace" => &["status.phase"],
        "core.v1.Secret" => &["type"],
        "core.v1.Service" => &["spec.clusterIP", "spec.type"],
        "batch.v1.Job" => &["status.successful"],
        "certificates.v1.CertificateSigningRequest" => &["spec.signerName"],
        "resource.v1.ResourceSlice" => &["spec.nodeName", "spec.driver"],
        _ => return None,
    })
}

/// The text of the 400 for a label that the kind does not know.
pub(super) fn unsupported(name: &str, label: &str) -> Option<String> {
    let common = match label {
        "metadata.name" => true,
        // Kinds that list their labels list this one only if they live in namespaces.
        "metadata.namespace" => !matches!(
            name,
            "core.v1.Node"
                | "core.v1.Namespace"
                | "certificates.v1.CertificateSigningRequest"
                | "resource.v1.ResourceSlice"
        ),
        _ => false,
    };
    let known = declared(name);
    if common || known.is_some_and(|labels| labels.contains(&label)) {
        return None;
    }
    Some(match (name, known) {
        ("batch.v1.Job", _) => format!("field label \"{label}\" not supported for Job"),
        ("resource.v1.ResourceSlice", _) => {
            format!("field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}")
        }
        (_, Some(_)) => format!("field label not supported: {label}"),
        (_, None) => format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quoted(label)
        ),
    })
}

/// The name under which a label's value is told.
pub(super) fn canonical<'a>(name: &str, label: &'a str) -> &'a str {
    match (name, label) {
        ("core.v1.Pod", "spec.host") => "spec.nodeName",
        _ => label,
    }
}

/// The labels of an object.
pub(super) fn selectable(name: &str, object: &Value) -> Vec<(String, String)> {
    let Some(labels) = declared(name) else {
        return Vec::new();
    };
    labels
        .iter()
        .filter(|label| **label != "spec.host")
        .map(|label| ((*label).to_owned(), value(name, object, label)))
        .collect()
}

fn value(name: &str, object: &Value, label: &str) -> String {
    match (name, label) {
        ("core.v1.Pod", "spec.hostNetwork") => truth(object, &["spec", "hostNetwork"]).to_string(),
        // The label is known, but nothing fills it in.
        ("core.v1.Pod", "status.podIPs") => String::new(),
        ("core.v1.Pod", "status.podIP") => {
            let first = items(object, &["status", "podIPs"])
                .first()
                .map(|ip| text(ip, &["ip"]));
            first
                .unwrap_or_else(|| text(object, &["status", "podIP"]))
                .to_owned()
        }
        ("core.v1.Event", "source") => {
            let source = text(object, &["source", "component"]);
            if source.is_empty() {
                text(object, &["reportingComponent"])
            } else {
                source
            }
            .to_owned()
        }
        ("batch.v1.Job", "status.successful") => at(object, &["status", "succeeded"])
            .as_i64()
            .unwrap_or_default()
            .to_string(),
        _ => {
            let path: Vec<&str> = label.split('.').collect();
            match at(object, &path) {
                Value::String(text) => text.clone(),
                Value::Null if matches!(label, "spec.unschedulable") => "false".into(),
                Value::Null if matches!(label, "status.replicas") => "0".into(),
                Value::Null => String::new(),
                other => other.to_string(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn three_ways_to_refuse() {
        assert_eq!(
            unsupported("core.v1.Pod", "spec.foo").as_deref(),
            Some("field label not supported: spec.foo")
        );
        assert_eq!(
            unsupported("batch.v1.Job", "spec.x").as_deref(),
            Some("field label \"spec.x\" not supported for Job")
        );
        assert!(
            unsupported("apps.v1.ReplicaSet", "status.replicas")
                .is_some_and(|t| t.contains("is not a known field selector"))
        );
        assert_eq!(unsupported("core.v1.Pod", "spec.host"), None);
    }

    #[test]
    fn labels_of_a_pod() {
        let pod = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        let labels = selectable("core.v1.Pod", &pod);
        assert!(labels.contains(&("spec.nodeName".into(), "n".into())));
        assert!(labels.contains(&("spec.hostNetwork".into(), "false".into())));
        assert!(labels.contains(&("status.podIP".into(), String::new())));
    }
}
