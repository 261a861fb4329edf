//! ReplicationControllers: what ReplicaSets are, with plain selectors.

use serde_json::json;

use crate::world::{live, template};

const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";

#[test]
fn they_keep_their_pods() {
    live(2, |w| async move {
        let body = json!({
            "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
            "spec": {"replicas": 2, "template": template("web")},
        });
        w.ask(&format!("POST {CONTROLLERS}"), body).await;
        w.settle().await;
        let web = w.get("replicationcontrollers", "web");
        let status = json!({
            "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1,
        });
        assert_eq!(web["status"], status);
        let pods = w.list("pods");
        let owner = &pods[0]["metadata"]["ownerReferences"][0];
        assert_eq!(
            (&owner["apiVersion"], &owner["kind"], &owner["controller"]),
            (&json!("v1"), &json!("ReplicationController"), &json!(true))
        );
        let name = pods[0]["metadata"]["name"].as_str().expect("a name");
        assert!(
            name.starts_with("web-") && name.len() == "web-".len() + 5,
            "{name}"
        );
        // One that goes is replaced; one that is let go by its labels is, too, and stays.
        w.ask(
            &format!("DELETE /api/v1/namespaces/default/pods/{name}"),
            json!({}),
        )
        .await;
        let other = pods[1]["metadata"]["name"].as_str().expect("a name");
        let relabeled = json!({"metadata": {"labels": {"app": "other"}}});
        w.ask(
            &format!("PATCH /api/v1/namespaces/default/pods/{other}"),
            relabeled,
        )
        .await;
        w.settle().await;
        let pods = w.list("pods");
        assert_eq!(pods.len(), 3);
        let free = pods
            .iter()
            .find(|pod| pod["metadata"]["name"] == other)
            .expect("it stays");
        assert!(free["metadata"]["ownerReferences"].is_null());
        w.ask(
            &format!("PATCH {CONTROLLERS}/web"),
            json!({"spec": {"replicas": 0}}),
        )
        .await;
        w.settle().await;
        assert_eq!(w.list("pods").len(), 1);
        assert_eq!(
            w.get("replicationcontrollers", "web")["status"]["replicas"],
            0
        );
        let told = w.events("ReplicationController");
        assert!(told.iter().any(|line| line.contains("SuccessfulCreate") && line.contains("Created pod: web-")), "{told:?}");
        assert!(told.iter().any(|line| line.contains("SuccessfulDelete") && line.contains("Deleted pod: web-")), "{told:?}");
    });
}
