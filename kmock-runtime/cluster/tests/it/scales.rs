//! Owners of custom kinds: what autoscalers and budgets know of them is their scale.

use serde_json::{Value, json};

use crate::world::{PODS, World, condition, live, pod};

const FLEETS: &str = "/apis/example.com/v1/namespaces/default/fleets";

/// A kind with a scale, and an object of it.
async fn fleet(w: &World, replicas: i64) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.selector"}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "fleets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "fleets", "kind": "Fleet"}, "versions": [version]}});
    w.ask(
        "POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        definition,
    )
    .await;
    let fleet = json!({"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "north"}, "spec": {"size": replicas}});
    w.ask(&format!("POST {FLEETS}"), fleet).await
}

/// A Pod of a fleet.
async fn ship(w: &World, name: &str, fleet: &Value) {
    let mut ship = pod(name, "ship");
    ship["metadata"]["labels"] = json!({"app": "ship"});
    ship["metadata"]["ownerReferences"] = json!([{"apiVersion": "example.com/v1", "kind": "Fleet", "name": "north",
        "uid": fleet["metadata"]["uid"], "controller": true}]);
    w.ask(&format!("POST {PODS}"), ship).await;
}

#[test]
fn budgets_count_what_custom_kinds_want() {
    live(1, |w| async move {
        let fleet = fleet(&w, 4).await;
        for name in ["a", "b", "c"] {
            ship(&w, name, &fleet).await;
        }
        let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "ships"},
            "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "ship"}}}});
        w.ask(
            "POST /apis/policy/v1/namespaces/default/poddisruptionbudgets",
            budget,
        )
        .await;
        w.settle().await;
        let counts = |w: &World| {
            let status = &w.get("poddisruptionbudgets", "ships")["status"];
            ["expectedPods", "desiredHealthy", "disruptionsAllowed"]
                .map(|name| status[name].as_i64().unwrap_or(-1))
        };
        assert_eq!(counts(&w), [4, 2, 1]);
        w.ask(
            &format!("PATCH {FLEETS}/north/scale"),
            json!({"spec": {"replicas": 6}}),
        )
        .await;
        w.settle().await;
        assert_eq!(counts(&w), [6, 3, 0]);
    });
}

/// Makes an autoscaler.
async fn scale(w: &World, name: &str, spec: Value) {
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec});
    let path = "POST /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    w.ask(path, scaler).await;
}

#[test]
fn custom_kinds_are_scaled_by_their_scale() {
    live(1, |w| async move {
        let fleet = fleet(&w, 2).await;
        for name in ["a", "b"] {
            ship(&w, name, &fleet).await;
        }
        let target = json!({"apiVersion": "example.com/v1", "kind": "Fleet", "name": "north"});
        let metric = json!({"type": "Pods", "pods": {"metric": {"name": "load"}, "target": {"type": "AverageValue", "averageValue": "10"}}});
        let spec = json!({"scaleTargetRef": target, "maxReplicas": 5, "metrics": [metric]});
        w.life.usage("default/*", "load", "15");
        scale(&w, "north", spec).await;
        w.settle().await;
        // Whoever does not say which Pods are meant is not scaled.
        let north = w.get("horizontalpodautoscalers", "north");
        assert_eq!(condition(&north, "AbleToScale"), "True SucceededGetScale");
        assert_eq!(condition(&north, "ScalingActive"), "False InvalidSelector");
        assert!(
            w.events("HorizontalPodAutoscaler")
                .contains(&"SelectorRequired selector is required".to_owned())
        );
        let status = json!({"status": {"size": 2, "selector": "app=ship"}});
        w.ask(&format!("PATCH {FLEETS}/north/status"), status).await;
        w.settle().await;
        assert_eq!(w.get("fleets", "north")["spec"]["size"], 3);
        let events = w.events("HorizontalPodAutoscaler");
        let told = "SuccessfulRescale New size: 3; reason: pods metric load above target";
        assert!(events.contains(&told.to_owned()), "{events:?}");
    });
}

#[test]
fn targets_that_have_no_scale_are_told() {
    live(0, |w| async move {
        fleet(&w, 1).await;
        for (name, kind, why) in [
            ("south", "Fleet", "fleets.example.com \"south\" not found"),
            (
                "ships",
                "Ship",
                "no matches for kind \"Ship\" in group \"example.com\"",
            ),
        ] {
            let target = json!({"apiVersion": "example.com/v1", "kind": kind, "name": name});
            scale(
                &w,
                name,
                json!({"scaleTargetRef": target, "maxReplicas": 5}),
            )
            .await;
            w.settle().await;
            let scaler = w.get("horizontalpodautoscalers", name);
            assert_eq!(condition(&scaler, "AbleToScale"), "False FailedGetScale");
            let events = w.events("HorizontalPodAutoscaler");
            assert!(
                events.contains(&format!("FailedGetScale {why}")),
                "{events:?}"
            );
        }
    });
}

/// Rows of `TestConditionAmbiguousSelector…` of `horizontal_test.go`.
#[test]
fn two_autoscalers_of_the_same_pods_do_nothing() {
    live(1, |w| async move {
        for name in ["a", "b"] {
            let mut one = crate::world::deployment(1, "web");
            one["metadata"]["name"] = name.into();
            one["spec"]["selector"] = json!({"matchLabels": {"app": name}});
            one["spec"]["template"]["metadata"]["labels"] = json!({"app": name, "all": "yes"});
            if name == "b" {
                one["spec"]["selector"] = json!({"matchLabels": {"all": "yes"}});
            }
            w.ask(&format!("POST {}", crate::world::DEPLOYMENTS), one)
                .await;
        }
        w.settle().await;
        for name in ["a", "b"] {
            let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
            scale(
                &w,
                name,
                json!({"scaleTargetRef": target, "maxReplicas": 5}),
            )
            .await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(16)).await;
        w.settle().await;
        let a = w.get("horizontalpodautoscalers", "a");
        assert_eq!(condition(&a, "ScalingActive"), "False AmbiguousSelector");
        let events = w.events("HorizontalPodAutoscaler");
        let told = "AmbiguousSelector pods by selector app=a are controlled by multiple HPAs: [{a default} {b default}]";
        assert!(events.contains(&told.to_owned()), "{events:?}");
    });
}
