//! DaemonSets on their nodes.

use serde_json::json;

use crate::world::{live, text};

const SETS: &str = "/apis/apps/v1/namespaces/default/daemonsets";

#[test]
fn each_node_gets_its_pod_and_a_new_template_goes_round() {
    live(3, |w| async move {
        w.life.node("tainted").taint("only=me:NoSchedule");
        w.settle().await;
        let body = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}},
                "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [{"name": "c", "image": "agent:1"}]}}},
        });
        w.ask(&format!("POST {SETS}"), body).await;
        w.settle().await;
        let status = |name: &str| w.get("daemonsets", "agent")["status"][name].as_i64();
        assert_eq!(
            (
                status("desiredNumberScheduled"),
                status("numberReady"),
                status("numberAvailable")
            ),
            (Some(3), Some(3), Some(3))
        );
        let mut nodes: Vec<String> = w
            .list("pods")
            .iter()
            .map(|pod| text(&pod["spec"]["nodeName"]).to_owned())
            .collect();
        nodes.sort();
        assert_eq!(nodes, ["n1", "n2", "n3"]);
        w.ask(&format!("PATCH {SETS}/agent"), json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "agent:2"}]}}}})).await;
        w.settle().await;
        assert_eq!(
            (status("updatedNumberScheduled"), status("numberAvailable")),
            (Some(3), Some(3))
        );
        assert!(
            w.list("pods")
                .iter()
                .all(|pod| pod["spec"]["containers"][0]["image"] == "agent:2")
        );
        w.life.node("n4");
        w.settle().await;
        assert_eq!(status("numberReady"), Some(4));
    });
}
