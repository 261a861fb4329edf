//! What quotas say is used.

use serde_json::{Value, json};

use crate::world::live;

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const CLAIMS: &str = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn counts_are_of_any_kind() {
    live(0, |w| async move {
        let widgets = "/apis/example.com/v1/namespaces/default/widgets";
        w.cluster.resources().declare("example.com/v1/widgets");
        let counted = [
            (
                "count/widgets.example.com",
                widgets,
                "example.com/v1",
                "Widget",
            ),
            (
                "count/resourceclaims.resource.k8s.io",
                CLAIMS,
                "resource.k8s.io/v1",
                "ResourceClaim",
            ),
            ("count/configmaps", MAPS, "v1", "ConfigMap"),
        ];
        let hard: Value = counted
            .iter()
            .map(|(name, ..)| ((*name).to_owned(), json!("5")))
            .collect();
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}});
        w.ask(&format!("POST {QUOTAS}"), quota).await;
        w.settle().await;
        let used = |name: &str| w.get("resourcequotas", "q")["status"]["used"][name].clone();
        for (name, path, api_version, kind) in counted {
            let before = used(name);
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": {}});
            w.ask(&format!("POST {path}"), object).await;
            w.settle().await;
            assert_ne!(used(name), before, "{name}");
            w.ask(&format!("DELETE {path}/a"), Value::Null).await;
            w.settle().await;
            assert_eq!(used(name), before, "{name}");
        }
        assert_eq!(used("count/widgets.example.com"), "0");
    });
}

/// As Kubernetes' own end-to-end suite asks it: a claim counts for the class that it wants, and for the one that it has.
#[test]
fn claims_count_for_the_classes_of_attributes_that_they_want_and_have() {
    live(0, |w| async move {
        let quota = |class: &str| {
            json!({"metadata": {"name": class}, "spec": {
                "hard": {"persistentvolumeclaims": "1", "requests.storage": "5Gi"},
                "scopeSelector": {"matchExpressions": [
                    {"scopeName": "VolumeAttributesClass", "operator": "In", "values": [class]}]}}})
        };
        for class in ["gold", "silver"] {
            w.ask(&format!("POST {QUOTAS}"), quota(class)).await;
        }
        w.settle().await;
        let volume = |name: &str, class: Value| {
            json!({"metadata": {"name": name}, "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "volumeAttributesClassName": class,
                "csi": {"driver": "example.com", "volumeHandle": name}}})
        };
        // One of another class, or of none, is not for the claim.
        for (name, class) in [
            ("other", json!("silver")),
            ("plain", Value::Null),
            ("own", json!("gold")),
        ] {
            w.ask("POST /api/v1/persistentvolumes", volume(name, class))
                .await;
        }
        let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        let claim = json!({"metadata": {"name": "c"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeAttributesClassName": "gold",
            "resources": {"requests": {"storage": "1Gi"}}}});
        w.ask(&format!("POST {claims}"), claim).await;
        w.settle().await;
        let bound = w.get("persistentvolumeclaims", "c");
        assert_eq!(bound["spec"]["volumeName"], "own");
        assert_eq!(bound["status"]["currentVolumeAttributesClassName"], "gold");
        let wish = json!({"spec": {"volumeAttributesClassName": "silver"}});
        w.ask(&format!("PATCH {claims}/c"), wish).await;
        w.settle().await;
        for class in ["gold", "silver"] {
            let used = &w.get("resourcequotas", class)["status"]["used"];
            assert_eq!(
                *used,
                json!({"persistentvolumeclaims": "1", "requests.storage": "1Gi"}),
                "{class}"
            );
        }
    });
}

#[test]
fn devices_count_by_their_classes() {
    live(0, |w| async move {
        let devices = "gold.deviceclass.resource.k8s.io/devices";
        let claims = "count/resourceclaims.resource.k8s.io";
        let quota =
            json!({"metadata": {"name": "q"}, "spec": {"hard": {(devices): "1", (claims): "2"}}});
        w.ask(&format!("POST {QUOTAS}"), quota).await;
        w.settle().await;
        let claim = |name: &str| {
            json!({"metadata": {"name": name}, "spec": {"devices": {"requests": [
                {"name": "req-0", "exactly": {"deviceClassName": "gold"}}]}}})
        };
        w.ask(&format!("POST {CLAIMS}"), claim("a")).await;
        w.settle().await;
        let used = || w.get("resourcequotas", "q")["status"]["used"].clone();
        assert_eq!(used(), json!({(devices): "1", (claims): "1"}));
        let (code, answer) = w.call(&format!("POST {CLAIMS}"), claim("b")).await;
        assert_eq!(code, 403, "{answer}");
        w.ask(&format!("DELETE {CLAIMS}/a"), Value::Null).await;
        w.settle().await;
        assert_eq!(used(), json!({(devices): "0", (claims): "0"}));
    });
}
