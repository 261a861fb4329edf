//! StatefulSets in their order.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{PODS, live, pod, text};

const SETS: &str = "/apis/apps/v1/namespaces/default/statefulsets";

#[test]
fn pods_come_in_order_with_claims_and_are_updated_backwards() {
    live(2, |w| async move {
        w.ask("POST /apis/storage.k8s.io/v1/storageclasses", json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "kmock.dev/any"})).await;
        w.life.provision("fast");
        let body = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"serviceName": "db", "replicas": 3, "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "db:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]},
        });
        w.ask(&format!("POST {SETS}"), body).await;
        w.settle().await;
        assert_eq!(
            (w.life.unsettled(), w.life.refusals()),
            (Vec::new(), Vec::new())
        );
        let db = w.get("statefulsets", "db");
        assert_eq!(
            [
                "replicas",
                "readyReplicas",
                "availableReplicas",
                "currentReplicas",
                "updatedReplicas"
            ]
            .map(|name| db["status"][name].as_i64()),
            [Some(3); 5]
        );
        assert_eq!(
            db["status"]["currentRevision"],
            db["status"]["updateRevision"]
        );
        let order: Vec<String> = w
            .events("StatefulSet")
            .into_iter()
            .filter(|event| event.contains("Create Pod"))
            .collect();
        assert_eq!(
            order[0],
            "SuccessfulCreate Create Pod db-0 in StatefulSet db successful"
        );
        assert_eq!(order.len(), 3);
        let claims: Vec<String> = w
            .list("persistentvolumeclaims")
            .iter()
            .map(|claim| {
                format!(
                    "{} {}",
                    text(&claim["metadata"]["name"]),
                    text(&claim["status"]["phase"])
                )
            })
            .collect();
        assert_eq!(
            claims,
            ["data-db-0 Bound", "data-db-1 Bound", "data-db-2 Bound"]
        );
        w.ask(&format!("PATCH {SETS}/db"), json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "db:2"}]}}}})).await;
        w.settle().await;
        let gone: Vec<String> = w
            .events("StatefulSet")
            .into_iter()
            .filter(|event| event.contains("Delete Pod"))
            .collect();
        assert!(
            gone[0].contains("db-2") && gone[2].contains("db-0"),
            "{gone:?}"
        );
        let db = w.get("statefulsets", "db");
        assert_eq!(
            (
                db["status"]["updatedReplicas"].as_i64(),
                &db["status"]["currentRevision"]
            ),
            (Some(3), &db["status"]["updateRevision"])
        );
        assert_eq!(w.list("controllerrevisions").len(), 2);
        w.ask(
            &format!("PATCH {SETS}/db/scale"),
            json!({"spec": {"replicas": 1}}),
        )
        .await;
        w.settle().await;
        let names: Vec<String> = w
            .list("pods")
            .iter()
            .map(|pod| text(&pod["metadata"]["name"]).to_owned())
            .collect();
        assert_eq!(
            (names, w.list("persistentvolumeclaims").len()),
            (vec!["db-0".to_owned()], 3)
        );
    });
}

#[test]
fn pods_that_their_node_rejects_are_made_again_until_they_fit() {
    live(1, |w| async move {
        let ports = json!([{"containerPort": 80, "hostPort": 80}]);
        let mut first = pod("first", "web:1");
        first["spec"]["nodeName"] = json!("n1");
        first["spec"]["containers"][0]["ports"] = ports.clone();
        w.ask(&format!("POST {PODS}"), first).await;
        let body = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"serviceName": "db", "replicas": 1, "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {
                    "nodeName": "n1", "containers": [{"name": "c", "image": "db:1", "ports": ports}],
                }}},
        });
        w.settle().await;
        w.ask(&format!("POST {SETS}"), body).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let told = w.events("Pod");
        let why = "NodePorts Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
        assert!(told.iter().any(|event| event == why), "{told:?}");
        w.ask(
            &format!("DELETE {PODS}/first?gracePeriodSeconds=0"),
            Value::Null,
        )
        .await;
        w.settle().await;
        assert_eq!(w.get("pods", "db-0")["status"]["phase"], "Running");
    });
}
