//! Nodes that fail.

use std::time::Duration;

use serde_json::json;

use crate::world::{DEPLOYMENTS, PODS, World, condition, deployment, live, pod, text};

#[test]
fn nodes_register_and_report() {
    live(0, |w| async move {
        w.life
            .node("worker-{1..=2}")
            .cpu(8)
            .memory("8Gi")
            .zone("a")
            .label("disk", "ssd");
        w.settle().await;
        let node = w.get("nodes", "worker-2");
        assert_eq!(condition(&node, "Ready"), "True KubeletReady");
        assert_eq!(
            (
                &node["status"]["allocatable"]["cpu"],
                text(&node["metadata"]["labels"]["topology.kubernetes.io/zone"])
            ),
            (&json!("8"), "a")
        );
        assert!(node["spec"]["taints"].is_null());
        assert_eq!(
            w.get("leases.coordination.k8s.io", "kube-node-lease/worker-2")["spec"]["holderIdentity"],
            "worker-2"
        );
        assert!(
            w.events("Node").contains(
                &"RegisteredNode Node worker-1 event: Registered Node worker-1 in Controller"
                    .to_owned()
            )
        );
    });
}

#[test]
fn pods_leave_a_node_that_is_not_ready_after_a_while() {
    live(2, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(4, "web"))
            .await;
        w.settle().await;
        w.life.node("n1").not_ready();
        w.settle().await;
        let taints = w.get("nodes", "n1")["spec"]["taints"].clone();
        assert_eq!(taints.as_array().map(Vec::len), Some(2));
        assert!(
            w.list("pods")
                .iter()
                .any(|pod| pod["spec"]["nodeName"] == "n1")
        );
        tokio::time::sleep(Duration::from_secs(301)).await;
        w.settle().await;
        assert_eq!(
            w.get("deployments", "web")["status"]["availableReplicas"],
            4
        );
        assert!(
            w.list("pods")
                .iter()
                .all(|pod| pod["spec"]["nodeName"] == "n2")
        );
    });
}

#[test]
fn a_node_that_is_cut_off_becomes_unknown_and_comes_back() {
    live(2, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(2, "web"))
            .await;
        w.settle().await;
        let node = w.life.node("n1");
        node.cut_off();
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.settle().await;
        assert_eq!(
            condition(&w.get("nodes", "n1"), "Ready"),
            "Unknown NodeStatusUnknown"
        );
        tokio::time::sleep(Duration::from_secs(310)).await;
        w.settle().await;
        // Its Pod is told to go, and nobody there hears it.
        let going: Vec<_> = w
            .list("pods")
            .into_iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_string())
            .collect();
        assert_eq!(
            (
                going.len(),
                w.get("deployments", "web")["status"]["availableReplicas"].as_i64()
            ),
            (1, Some(2))
        );
        node.back();
        w.settle().await;
        assert_eq!(
            (
                w.list("pods").len(),
                condition(&w.get("nodes", "n1"), "Ready").as_str()
            ),
            (2, "True KubeletReady")
        );
    });
}

/// A controller that hears of no node any more has lost the network rather than all nodes.
#[test]
fn no_pod_goes_where_nothing_is_ready_any_more() {
    live(2, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(4, "web"))
            .await;
        w.settle().await;
        w.life.node("n{1..=2}").cut_off();
        tokio::time::sleep(Duration::from_secs(400)).await;
        w.settle().await;
        let effects = |w: &World, name: &str| -> Vec<String> {
            let taints = w.get("nodes", name)["spec"]["taints"].clone();
            let taints = taints.as_array().cloned().unwrap_or_default();
            taints
                .iter()
                .map(|taint| text(&taint["effect"]).to_owned())
                .collect()
        };
        assert_eq!(
            (effects(&w, "n1"), effects(&w, "n2")),
            (vec!["NoSchedule".into()], vec!["NoSchedule".into()])
        );
        let going = |w: &World| {
            let pods = w.list("pods");
            pods.iter()
                .filter(|pod| pod["metadata"]["deletionTimestamp"].is_string())
                .count()
        };
        assert_eq!(going(&w), 0);
        // One that comes back tells that the others are lost.
        w.life.node("n2").back();
        w.settle().await;
        assert_eq!(effects(&w, "n1"), ["NoSchedule", "NoExecute"]);
        assert!(effects(&w, "n2").is_empty());
        tokio::time::sleep(Duration::from_secs(301)).await;
        w.settle().await;
        assert_eq!(going(&w), 2);
    });
}

#[test]
fn nodes_of_a_zone_are_given_up_one_after_the_other() {
    live(6, |w| async move {
        w.life.node("n{1..=2}").not_ready();
        w.settle().await;
        let given_up = |w: &World| {
            let nodes = w.list("nodes");
            let taints = nodes
                .iter()
                .flat_map(|node| node["spec"]["taints"].as_array().into_iter().flatten());
            taints
                .filter(|taint| taint["effect"] == "NoExecute")
                .count()
        };
        assert_eq!(given_up(&w), 1);
        tokio::time::sleep(Duration::from_secs(11)).await;
        w.settle().await;
        assert_eq!(given_up(&w), 2);
        // Most of a small zone: nobody else is given up, and who is remains so.
        w.life.node("n{3..=4}").not_ready();
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.settle().await;
        assert_eq!(given_up(&w), 2);
        w.life.node("n1").back();
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.settle().await;
        assert_eq!(given_up(&w), 3);
    });
}

#[test]
fn pods_of_a_removed_node_are_collected() {
    live(1, |w| async move {
        w.ask(&format!("POST {PODS}"), pod("a", "web")).await;
        w.settle().await;
        w.life.node("n1").remove();
        w.settle().await;
        assert!(w.list("nodes").is_empty());
        tokio::time::sleep(Duration::from_secs(41)).await;
        w.settle().await;
        assert!(w.list("pods").is_empty());
    });
}

/// A taint that a user writes says nothing of its age, and the time counts all the same.
#[test]
fn taints_of_users_drive_pods_out_in_time() {
    live(1, |w| async move {
        for (name, seconds) in [("patient", json!(60)), ("stays", json!(null))] {
            let mut pod = pod(name, "web");
            let mut toleration =
                json!({"key": "broken", "operator": "Exists", "effect": "NoExecute"});
            if !seconds.is_null() {
                toleration["tolerationSeconds"] = seconds;
            }
            pod["spec"]["tolerations"] = json!([toleration]);
            w.ask(&format!("POST {PODS}"), pod).await;
        }
        w.ask(&format!("POST {PODS}"), pod("goes", "web")).await;
        w.settle().await;
        let taints = json!({"spec": {"taints": [{"key": "broken", "effect": "NoExecute"}]}});
        w.ask("PATCH /api/v1/nodes/n1", taints).await;
        w.settle().await;
        let names = |w: &World| {
            let pods = w.list("pods");
            let mut names: Vec<String> = pods
                .iter()
                .map(|pod| text(&pod["metadata"]["name"]).to_owned())
                .collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(names(&w), "patient stays");
        tokio::time::sleep(Duration::from_secs(40)).await;
        // Whatever happens meanwhile does not begin it anew.
        w.ask(
            &format!("PATCH {PODS}/patient"),
            json!({"metadata": {"labels": {"a": "b"}}}),
        )
        .await;
        w.settle().await;
        assert_eq!(names(&w), "patient stays");
        tokio::time::sleep(Duration::from_secs(21)).await;
        w.settle().await;
        assert_eq!(names(&w), "stays");
        assert!(
            w.events("Pod").contains(
                &"TaintManagerEviction Marking for deletion Pod default/patient".to_owned()
            )
        );
    });
}

#[test]
fn whoever_may_stay_after_all_stays() {
    live(1, |w| async move {
        let mut patient = pod("patient", "web");
        patient["spec"]["tolerations"] =
            json!([{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]);
        w.ask(&format!("POST {PODS}"), patient).await;
        w.settle().await;
        let taints = json!({"spec": {"taints": [{"key": "broken", "effect": "NoExecute"}]}});
        w.ask("PATCH /api/v1/nodes/n1", taints).await;
        w.settle().await;
        w.ask("PATCH /api/v1/nodes/n1", json!({"spec": {"taints": null}}))
            .await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        w.settle().await;
        assert_eq!(condition(&w.get("pods", "patient"), "Ready"), "True");
        assert!(w.events("Pod").contains(
            &"TaintManagerEviction Cancelling deletion of Pod default/patient".to_owned()
        ));
    });
}
