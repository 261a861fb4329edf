//! Pods that find no node, and how they get one.

use serde_json::{Value, json};

use crate::world::{PODS, condition, live, pod, text};

fn asking(name: &str, cpu: &str, more: Value) -> Value {
    let mut pod = pod(name, "web");
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
    for (key, value) in more.as_object().expect("an object") {
        pod["spec"][key] = value.clone();
    }
    pod
}

#[test]
fn a_pod_waits_until_there_is_room() {
    live(1, |w| async move {
        w.ask(&format!("POST {PODS}"), asking("a", "3", json!({})))
            .await;
        w.ask(&format!("POST {PODS}"), asking("b", "2", json!({})))
            .await;
        w.settle().await;
        let b = w.get("pods", "b");
        assert_eq!(condition(&b, "PodScheduled"), "False Unschedulable");
        let message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
        assert_eq!(
            w.events("Pod")
                .iter()
                .filter(|event| event.starts_with("FailedScheduling"))
                .collect::<Vec<_>>(),
            [&format!("FailedScheduling {message}")]
        );
        w.ask(&format!("DELETE {PODS}/a"), json!({})).await;
        w.settle().await;
        assert_eq!(condition(&w.get("pods", "b"), "Ready"), "True");
    });
}

#[test]
fn an_important_pod_makes_room() {
    live(1, |w| async move {
        w.ask("POST /apis/scheduling.k8s.io/v1/priorityclasses", json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000})).await;
        w.ask(&format!("POST {PODS}"), asking("low", "3", json!({})))
            .await;
        w.settle().await;
        w.ask(
            &format!("POST {PODS}"),
            asking("high", "3", json!({"priorityClassName": "high"})),
        )
        .await;
        w.settle().await;
        let names: Vec<String> = w
            .list("pods")
            .iter()
            .map(|pod| text(&pod["metadata"]["name"]).to_owned())
            .collect();
        assert_eq!(names, ["high"]);
        assert_eq!(condition(&w.get("pods", "high"), "Ready"), "True");
        let marked = w.cluster.objects().history("pods", "low");
        assert!(
            marked
                .iter()
                .any(|one| condition(one.value(), "DisruptionTarget")
                    == "True PreemptionByScheduler")
        );
    });
}
