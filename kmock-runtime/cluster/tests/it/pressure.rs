//! Nodes that run out of something.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{PODS, World, condition, live, pod, text};

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

/// A Pod of busybox with a script; `more` goes into its container.
fn writing(name: &str, script: &str, more: &Value) -> Value {
    let mut pod = pod(name, "busybox");
    let container = &mut pod["spec"]["containers"][0];
    container["command"] = json!(["sh", "-c", script]);
    for (key, value) in more.as_object().into_iter().flatten() {
        container[key] = value.clone();
    }
    pod
}

const THIRTY_BYTES: &str = "for i in 1 2 3; do echo 012345678 >> $FILE; done; sleep 10000";

#[test]
fn pods_that_write_too_much_are_evicted() {
    live(1, |w| async move {
        let limited = json!({"limits": {"ephemeral-storage": "20"}});
        let data = json!([{"name": "data", "mountPath": "/data"}]);
        let file = |path: &str| json!([{"name": "FILE", "value": path}]);
        for (name, more, size, why) in [
            (
                "volume",
                json!({"volumeMounts": data, "env": file("/data/a")}),
                json!("20"),
                "Usage of EmptyDir volume \"data\" exceeds the limit \"20\". ",
            ),
            (
                "files",
                json!({"resources": limited, "env": file("/tmp/a")}),
                Value::Null,
                "Pod ephemeral local storage usage exceeds the total limit of containers 20. ",
            ),
            (
                "log",
                json!({"resources": limited, "env": file("/dev/stdout")}),
                Value::Null,
                "Pod ephemeral local storage usage exceeds the total limit of containers 20. ",
            ),
            (
                "enough",
                json!({"volumeMounts": data, "env": file("/data/a")}),
                json!("30"),
                "",
            ),
        ] {
            let mut body = writing(name, THIRTY_BYTES, &more);
            body["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
            if !size.is_null() {
                body["spec"]["volumes"][0]["emptyDir"]["sizeLimit"] = size;
            }
            w.ask(&format!("POST {PODS}"), body).await;
            w.settle().await;
            let pod = w.get("pods", name);
            let status = &pod["status"];
            if why.is_empty() {
                assert_eq!(status["phase"], "Running", "{name}");
                continue;
            }
            assert_eq!(
                (&status["phase"], &status["reason"], &status["message"]),
                (&json!("Failed"), &json!("Evicted"), &json!(why)),
                "{name}"
            );
            // It is its own fault.
            assert_eq!(condition(&pod, "DisruptionTarget"), "", "{name}");
            assert!(w.events("Pod").contains(&format!("Evicted {why}")));
        }
        // Said by the test, of one of two containers.
        let mut two = pod("said", "web");
        two["spec"]["containers"] = json!([
            {"name": "a", "image": "web", "resources": {"limits": {"ephemeral-storage": "1Gi"}}},
            {"name": "b", "image": "web", "resources": {"limits": {"ephemeral-storage": "4Gi"}}},
        ]);
        w.ask(&format!("POST {PODS}"), two).await;
        w.settle().await;
        w.life.usage("default/said", "ephemeral-storage", "2Gi");
        w.settle().await;
        let why = "Container a exceeded its local ephemeral storage limit \"1Gi\". ";
        assert_eq!(w.get("pods", "said")["status"]["message"], why);
    });
}

#[test]
fn what_ends_or_is_cleaned_up_in_time_is_not_evicted() {
    live(1, |w| async move {
        let data = json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]});
        for (name, script, phase) in [
            ("ends", "echo 0123456789 > /data/a; sleep 5", "Succeeded"),
            (
                "cleans",
                "echo 0123456789 > /data/a; sleep 5; rm /data/a; sleep 10000",
                "Running",
            ),
        ] {
            let mut body = writing(name, script, &data);
            body["spec"]["restartPolicy"] = json!("Never");
            body["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {"sizeLimit": "4"}}]);
            w.ask(&format!("POST {PODS}"), body).await;
            w.settle().await;
            assert_eq!(w.get("pods", name)["status"]["phase"], phase, "{name}");
        }
    });
}

#[test]
fn a_node_that_has_run_out_of_something_lets_nobody_in() {
    live(1, |w| async move {
        let node = w.life.node("n1");
        let ask = |name: &str, more: Value| {
            let mut body = pod(name, "web");
            body["spec"]["nodeName"] = json!("n1");
            for (key, value) in more.as_object().into_iter().flatten() {
                body["spec"][key] = value.clone();
            }
            body
        };
        let burstable = json!({"containers": [{"name": "c", "image": "web", "resources": {"requests": {"memory": "1Mi"}}}]});
        let tolerant = |of: &str| json!({"tolerations": [{"key": format!("node.kubernetes.io/{of}"), "operator": "Exists"}]});
        node.memory_pressure();
        w.settle().await;
        for (name, more, phase) in [
            ("poor", json!({}), "Failed"),
            ("tolerant", tolerant("memory-pressure"), "Running"),
            ("other", tolerant("disk-pressure"), "Failed"),
            ("burstable", burstable.clone(), "Running"),
        ] {
            w.ask(&format!("POST {PODS}"), ask(name, more)).await;
            w.settle().await;
            let status = w.get("pods", name)["status"].clone();
            // What came in may be evicted later.
            let was_rejected = status["message"].as_str().unwrap_or_default()
                == "Pod was rejected: The node had condition: [MemoryPressure]. ";
            assert_eq!(was_rejected, phase == "Failed", "{name}: {status}");
        }
        node.disk_pressure();
        w.settle().await;
        w.ask(&format!("POST {PODS}"), ask("late", burstable)).await;
        w.settle().await;
        let late = w.get("pods", "late");
        assert_eq!(
            (
                text(&late["status"]["reason"]),
                text(&late["status"]["message"])
            ),
            (
                "Evicted",
                "Pod was rejected: The node had condition: [MemoryPressure DiskPressure]. "
            )
        );
    });
}

#[test]
fn soft_thresholds_wait_and_hard_ones_do_not() {
    live(0, |w| async move {
        w.life
            .node("n1")
            .memory("2Gi")
            .evicts_below("memory.available<200Mi")
            .evicts_softly_below("memory.available<1Gi", Duration::from_secs(90));
        w.settle().await;
        for name in ["small", "large"] {
            w.ask(&format!("POST {PODS}"), asking(name, None, "")).await;
        }
        w.settle().await;
        w.life.usage("default/small", "memory", "100Mi");
        w.life.usage("default/large", "memory", "1Gi");
        tokio::time::sleep(Duration::from_secs(60)).await;
        // It says so at once, and nobody has to go yet.
        let node = w.get("nodes", "n1");
        assert_eq!(
            condition(&node, "MemoryPressure"),
            "True KubeletHasInsufficientMemory"
        );
        assert!(evicted(&w).is_empty());
        tokio::time::sleep(Duration::from_secs(40)).await;
        assert_eq!(evicted(&w), ["large"]);
        assert_eq!(
            w.get("pods", "large")["status"]["message"],
            "The node was low on resource: memory. Threshold quantity: 1Gi, available: 924Mi. \
             Container c was using 1Gi, request is 0, has larger consumption of memory. "
        );
        // What came back in time begins anew.
        w.life.usage("default/small", "memory", "1500Mi");
        tokio::time::sleep(Duration::from_secs(60)).await;
        w.life.usage("default/small", "memory", "100Mi");
        tokio::time::sleep(Duration::from_secs(10)).await;
        w.life.usage("default/small", "memory", "1500Mi");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(evicted(&w), ["large"]);
        w.life.usage("default/small", "memory", "1900Mi");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(evicted(&w), ["large", "small"]);
        let small = w.get("pods", "small");
        let why = text(&small["status"]["message"]);
        assert!(
            why.contains("Threshold quantity: 200Mi, available: 148Mi. "),
            "{why}"
        );
    });
}

#[test]
fn processes_run_out_too() {
    live(0, |w| async move {
        w.life.node("n1").evicts_below("pid.available<50%");
        w.settle().await;
        for (name, count) in [("few", "1000"), ("many", "3000000")] {
            w.ask(&format!("POST {PODS}"), asking(name, None, "")).await;
            w.life.usage(&format!("default/{name}"), "pids", count);
        }
        w.settle().await;
        assert_eq!(evicted(&w), ["many"]);
        let why =
            "The node was low on resource: pids. Threshold quantity: 2Mi, available: 1193304. ";
        assert_eq!(w.get("pods", "many")["status"]["message"], why);
    });
}
