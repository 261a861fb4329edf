//! A write to `/status` is checked by the rules of its kind: a kind that has such rules may not be forgotten.

mod api;

use kmock_kubernetes::Cluster;
use serde_json::{Value, json};

/// The message of a refused merge patch of the status.
fn refusal(kind: &str, plural: &str, spec: Value, status: Value) -> String {
    api::run(async {
        let cluster = Cluster::default();
        let path = format!("/api/v1/namespaces/default/{plural}");
        let object =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        let (code, created) = api::call(&cluster, &format!("POST {path}"), object).await;
        assert_eq!(code, 201, "{created}");
        let (code, answer) = api::call(
            &cluster,
            &format!("PATCH {path}/x/status"),
            json!({"status": status}),
        )
        .await;
        assert_eq!(code, 422, "{answer}");
        answer["message"].as_str().unwrap_or_default().to_owned()
    })
}

#[test]
fn what_a_quota_has_counted() {
    assert_eq!(
        refusal(
            "ResourceQuota",
            "resourcequotas",
            json!({"hard": {"pods": "5"}}),
            json!({"hard": {"pods": "-5"}, "used": {"pods": "1500m", "moons": "1"}}),
        ),
        "ResourceQuota \"x\" is invalid: [\
         status.hard[pods]: Invalid value: \"-5\": must be greater than or equal to 0, \
         status.used[moons]: Invalid value: \"moons\": must be a standard resource type or fully qualified, \
         status.used[moons]: Invalid value: \"moons\": must be a standard resource for quota, \
         status.used[pods]: Invalid value: \"1500m\": must be an integer]"
    );
}

#[test]
fn what_a_claim_was_given() {
    let spec =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    assert_eq!(
        refusal(
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            spec,
            json!({"allocatedResources": {"storage": "-1"}}),
        ),
        "PersistentVolumeClaim \"x\" is invalid: status.allocatedResources[storage]: Invalid value: -1: \
         must be a valid resource quantity"
    );
}
