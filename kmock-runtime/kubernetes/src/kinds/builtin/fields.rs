//! Field labels: what field selectors can ask of the built-in kinds, and how they refuse the rest.
//!
//! Kinds that declare labels of their own (`AddFieldLabelConversionFunc`) have one wording, Jobs another, all
//! remaining kinds the default one.

use serde_json::Value;

use super::row::Kind;
use super::values::{at, items, text, truth};
use crate::model::status::quoted;

/// The text of the 400 for a label that the kind does not know.
pub(super) fn unsupported(kind: &Kind, label: &str) -> Option<String> {
    let labels = &kind.labels;
    let is_known = match label {
        "metadata.name" => true,
        "metadata.namespace" if labels.namespace => true,
        other => labels.own.contains(&other),
    };
    (!is_known).then(|| (labels.refusal)(label))
}

/// How kinds refuse that declare labels of their own.
pub(super) fn not_supported(label: &str) -> String {
    format!("field label not supported: {label}")
}

/// How all others do.
pub(super) fn not_known(label: &str) -> String {
    format!(
        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        quoted(label)
    )
}

/// The name under which a label's value is told.
pub(super) fn canonical<'a>(kind: &Kind, label: &'a str) -> &'a str {
    match label {
        "spec.host" if kind.labels.own.contains(&label) => "spec.nodeName",
        _ => label,
    }
}

/// The labels of an object.
pub(super) fn selectable(kind: &Kind, object: &Value) -> Vec<(String, String)> {
    let labels = kind.labels.own.iter();
    labels
        .filter(|label| **label != "spec.host")
        .map(|label| ((*label).to_owned(), value(object, label)))
        .collect()
}

fn value(object: &Value, label: &str) -> String {
    match label {
        "spec.hostNetwork" => truth(object, &["spec", "hostNetwork"]).to_string(),
        // The label is known, but nothing fills it in.
        "status.podIPs" => String::new(),
        "status.podIP" => {
            let first = items(object, &["status", "podIPs"])
                .first()
                .map(|ip| text(ip, &["ip"]));
            first
                .unwrap_or_else(|| text(object, &["status", "podIP"]))
                .to_owned()
        }
        "source" => {
            let source = text(object, &["source", "component"]);
            if source.is_empty() {
                text(object, &["reportingComponent"])
            } else {
                source
            }
            .to_owned()
        }
        "status.successful" => at(object, &["status", "succeeded"])
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
    use crate::kinds::builtin::rows;

    fn row(name: &str) -> &'static Kind {
        rows::named(name).expect("a row")
    }

    #[test]
    fn three_ways_to_refuse() {
        assert_eq!(
            unsupported(row("core.v1.Pod"), "spec.foo").as_deref(),
            Some("field label not supported: spec.foo")
        );
        assert_eq!(
            unsupported(row("batch.v1.Job"), "spec.x").as_deref(),
            Some("field label \"spec.x\" not supported for Job")
        );
        assert!(
            unsupported(row("apps.v1.ReplicaSet"), "status.replicas")
                .is_some_and(|t| t.contains("is not a known field selector"))
        );
        assert_eq!(unsupported(row("core.v1.Pod"), "spec.host"), None);
    }

    #[test]
    fn labels_of_a_pod() {
        let pod = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        let labels = selectable(row("core.v1.Pod"), &pod);
        assert!(labels.contains(&("spec.nodeName".into(), "n".into())));
        assert!(labels.contains(&("spec.hostNetwork".into(), "false".into())));
        assert!(labels.contains(&("status.podIP".into(), String::new())));
    }
}
