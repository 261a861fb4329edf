//! Nodes that run out of something.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{PODS, World, condition, live, pod};

fn asking(name: &str, memory: Option<&str>, priority: &str) -> Value {
    let mut pod = pod(name, "web");
    if let Some(memory) = memory {
        pod["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": memory}});
    }
    if !priority.is_empty() {
        pod["spec"]["priorityClassName"] = json!(priority);
    }
    pod
}

fn evicted(w: &World) -> Vec<String> {
    let mut all: Vec<String> = w
        .list("pods")
        .iter()
        .filter(|pod| pod["status"]["reason"] == "Evicted")
        .map(|pod| {
            pod["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    all.sort();
    all
}

#[test]
fn pods_go_until_there_is_enough_memory_again() {
    live(0, |w| async move {
        w.life.node("n1").memory("1Gi");
        w.settle().await;
        for (name, memory) in [
            ("within", Some("400Mi")),
            ("above", Some("100Mi")),
            ("greedy", None),
        ] {
            w.ask(&format!("POST {PODS}"), asking(name, memory, ""))
                .await;
        }
        w.settle().await;
        w.life.usage("default/within", "memory", "400Mi");
        w.life.usage("default/above", "memory", "200Mi");
        w.settle().await;
        assert!(evicted(&w).is_empty());
        w.life.usage("default/greedy", "memory", "384Mi");
        w.settle().await;
        // It uses the most above what it asked for; without it there is enough.
        assert_eq!(evicted(&w), ["greedy"]);
        let greedy = w.get("pods", "greedy");
        let why = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 40Mi. \
                   Container c was using 384Mi, request is 0, has larger consumption of memory. ";
        assert_eq!(
            (&greedy["status"]["phase"], &greedy["status"]["message"]),
            (&json!("Failed"), &json!(why))
        );
        assert_eq!(
            condition(&greedy, "DisruptionTarget"),
            "True TerminationByKubelet"
        );
        assert!(w.events("Pod").contains(&format!("Evicted {why}")));
        let node = w.get("nodes", "n1");
        assert_eq!(
            condition(&node, "MemoryPressure"),
            "True KubeletHasInsufficientMemory"
        );
        assert_eq!(
            node["spec"]["taints"][0]["key"],
            "node.kubernetes.io/memory-pressure"
        );
        let events = w.events("Node");
        for expected in [
            "NodeHasInsufficientMemory Node n1 status is now: NodeHasInsufficientMemory",
            "EvictionThresholdMet Attempting to reclaim memory",
        ] {
            assert!(events.contains(&expected.to_owned()), "{events:#?}");
        }
        // Five minutes later the condition is over, and the taint with it.
        tokio::time::sleep(Duration::from_secs(301)).await;
        w.settle().await;
        let node = w.get("nodes", "n1");
        assert_eq!(
            condition(&node, "MemoryPressure"),
            "False KubeletHasSufficientMemory"
        );
        assert!(node["spec"]["taints"].is_null());
        assert_eq!(evicted(&w), ["greedy"]);
    });
}

#[test]
fn a_node_may_say_so_and_evicts_one_pod_after_the_other() {
    live(1, |w| async move {
        let class = json!({"metadata": {"name": "high"}, "value": 1000});
        w.ask("POST /apis/scheduling.k8s.io/v1/priorityclasses", class)
            .await;
        for (name, priority) in [
            ("a", "high"),
            ("b", ""),
            ("c", ""),
            ("critical", "system-node-critical"),
        ] {
            let mut pod = asking(name, None, priority);
            if name == "critical" {
                pod["metadata"]["namespace"] = json!("kube-system");
                w.ask("POST /api/v1/namespaces/kube-system/pods", pod).await;
            } else {
                w.ask(&format!("POST {PODS}"), pod).await;
            }
        }
        w.settle().await;
        let node = w.life.node("n1");
        node.disk_pressure();
        w.settle().await;
        assert_eq!(evicted(&w), ["b"]);
        assert_eq!(
            condition(&w.get("nodes", "n1"), "DiskPressure"),
            "True KubeletHasDiskPressure"
        );
        tokio::time::sleep(Duration::from_secs(11)).await;
        w.settle().await;
        assert_eq!(evicted(&w), ["b", "c"]);
        assert_eq!(
            w.get("pods", "c")["status"]["message"],
            "The node was low on resource: ephemeral-storage. "
        );
        node.relieved();
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.settle().await;
        assert_eq!(evicted(&w), ["b", "c"]);
        assert_eq!(
            condition(&w.get("nodes", "n1"), "DiskPressure"),
            "False KubeletHasNoDiskPressure"
        );
        // Only what may never go is left.
        node.pid_pressure();
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.settle().await;
        assert_eq!(evicted(&w), ["a", "b", "c"]);
        assert_eq!(
            w.get("pods", "kube-system/critical")["status"]["phase"],
            "Running"
        );
    });
}
