//! Deployments to their steady states.

use std::time::Duration;

use serde_json::json;

use crate::world::{DEPLOYMENTS, condition, deployment, live, text};

#[test]
fn three_replicas_become_available() {
    live(3, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(3, "web:1"))
            .await;
        w.settle().await;
        let web = w.get("deployments", "web");
        assert_eq!(
            [
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas"
            ]
            .map(|name| web["status"][name].clone()),
            [json!(3), json!(3), json!(3), json!(3)]
        );
        assert_eq!(
            condition(&web, "Available"),
            "True MinimumReplicasAvailable"
        );
        assert_eq!(
            condition(&web, "Progressing"),
            "True NewReplicaSetAvailable"
        );
        assert_eq!(
            (
                &web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
                &web["metadata"]["generation"]
            ),
            (&json!("1"), &json!(1))
        );
        let sets = w.list("replicasets");
        let hash = text(&sets[0]["metadata"]["labels"]["pod-template-hash"]).to_owned();
        assert_eq!(sets[0]["metadata"]["name"], format!("web-{hash}"));
        let pods = w.list("pods");
        assert_eq!(pods.len(), 3);
        let mut nodes: Vec<&str> = pods
            .iter()
            .map(|pod| text(&pod["spec"]["nodeName"]))
            .collect();
        nodes.sort_unstable();
        assert_eq!(nodes, ["n1", "n2", "n3"]);
        for pod in &pods {
            assert!(text(&pod["metadata"]["name"]).starts_with(&format!("web-{hash}-")));
            assert_eq!(
                (
                    text(&pod["status"]["phase"]),
                    condition(pod, "Ready").as_str()
                ),
                ("Running", "True")
            );
        }
        assert_eq!(
            w.events("Deployment"),
            [format!(
                "ScalingReplicaSet Scaled up replica set web-{hash} from 0 to 3"
            )]
        );
        assert_eq!(w.events("ReplicaSet").len(), 3);
        assert_eq!(w.life.unsettled(), Vec::<String>::new());
    });
}

#[test]
fn a_new_template_rolls_and_a_bad_one_stops() {
    live(2, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(4, "web:1"))
            .await;
        w.settle().await;
        let image = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        w.ask(&format!("PATCH {DEPLOYMENTS}/web"), image("web:2"))
            .await;
        w.settle().await;
        let web = w.get("deployments", "web");
        assert_eq!(
            web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "2"
        );
        assert_eq!(web["status"]["updatedReplicas"], 4);
        let images: Vec<_> = w
            .list("pods")
            .iter()
            .map(|pod| text(&pod["spec"]["containers"][0]["image"]).to_owned())
            .collect();
        assert_eq!(images, ["web:2"; 4]);
        // Never more than five, never less than three.
        let history = w.cluster.objects().history("deployments", "web");
        for one in history {
            assert!(
                one["status"]["replicas"].as_i64().unwrap_or_default() <= 5,
                "{}",
                one["status"]
            );
        }
        w.life.image("bad").pull_fails("no such image");
        w.ask(&format!("PATCH {DEPLOYMENTS}/web"), image("bad"))
            .await;
        w.settle().await;
        let web = w.get("deployments", "web");
        assert_eq!(
            (
                web["status"]["availableReplicas"].as_i64(),
                web["status"]["updatedReplicas"].as_i64()
            ),
            (Some(3), Some(2))
        );
        let why = w.life.explain("deployments", "web");
        assert!(why.contains("container web waits in ImagePullBackOff: Back-off pulling image \"bad\": ErrImagePull: no such image"), "{why}");
        tokio::time::sleep(Duration::from_secs(700)).await;
        w.settle().await;
        assert_eq!(
            condition(&w.get("deployments", "web"), "Progressing"),
            "False ProgressDeadlineExceeded"
        );
        // And back.
        w.ask(&format!("PATCH {DEPLOYMENTS}/web"), image("web:2"))
            .await;
        w.settle().await;
        let web = w.get("deployments", "web");
        assert_eq!(
            (
                web["status"]["availableReplicas"].as_i64(),
                condition(&web, "Progressing").as_str()
            ),
            (Some(4), "True NewReplicaSetAvailable")
        );
        assert_eq!(
            web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "4"
        );
    });
}

#[test]
fn scaling_and_deleting() {
    live(1, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(1, "web:1"))
            .await;
        w.settle().await;
        w.ask(
            &format!("PATCH {DEPLOYMENTS}/web/scale"),
            json!({"spec": {"replicas": 5}}),
        )
        .await;
        w.settle().await;
        assert_eq!(
            w.get("deployments", "web")["status"]["availableReplicas"],
            5
        );
        w.ask(
            &format!("PATCH {DEPLOYMENTS}/web/scale"),
            json!({"spec": {"replicas": 2}}),
        )
        .await;
        w.settle().await;
        assert_eq!(
            (
                w.list("pods").len(),
                &w.get("deployments", "web")["status"]["replicas"]
            ),
            (2, &json!(2))
        );
        w.ask(&format!("DELETE {DEPLOYMENTS}/web"), json!({})).await;
        w.settle().await;
        assert_eq!((w.list("replicasets").len(), w.list("pods").len()), (0, 0));
    });
}

#[test]
fn without_nodes_pods_stay_pending() {
    live(0, |w| async move {
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(1, "web:1"))
            .await;
        w.settle().await;
        let pod = &w.list("pods")[0];
        assert_eq!(
            (
                text(&pod["status"]["phase"]),
                condition(pod, "PodScheduled").as_str()
            ),
            ("Pending", "False Unschedulable")
        );
        assert!(
            w.events("Pod")[0].starts_with("FailedScheduling no nodes available to schedule pods")
        );
        let why = w.life.unsettled().join("\n");
        assert!(
            why.contains("Deployment default/web: 0 of 1 available; pod web-")
                && why.contains("there are no nodes"),
            "{why}"
        );
        w.life.node("late");
        w.settle().await;
        assert_eq!(
            w.get("deployments", "web")["status"]["availableReplicas"],
            1
        );
    });
}

#[test]
fn a_held_controller_waits() {
    live(1, |w| async move {
        let hold = w.life.hold("deployments");
        w.ask(&format!("POST {DEPLOYMENTS}"), deployment(1, "web:1"))
            .await;
        w.settle().await;
        assert!(w.list("replicasets").is_empty());
        hold.step();
        w.settle().await;
        assert_eq!(w.list("replicasets").len(), 1);
        assert!(w.get("deployments", "web")["status"]["availableReplicas"].is_null());
        drop(hold);
        w.settle().await;
        assert_eq!(
            w.get("deployments", "web")["status"]["availableReplicas"],
            1
        );
    });
}
