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
        let message = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
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
fn devices_are_not_allocated_and_that_is_said() {
    live(1, |w| async move {
        let claims = json!({"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]});
        w.ask(&format!("POST {PODS}"), asking("a", "1", claims))
            .await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(condition(&a, "PodScheduled"), "False Unschedulable");
        let events = w.events("Pod");
        let told = "FailedScheduling 0/1 nodes are available: kmock allocates no devices, which the Pod claims (spec.resourceClaims): bind it yourself";
        assert_eq!(events, [told]);
        let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n1"}});
        w.ask(&format!("POST {PODS}/a/binding"), binding).await;
        w.settle().await;
        assert_eq!(condition(&w.get("pods", "a"), "Ready"), "True");
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

/// Rows of `TestVolumeBinding`: the node of a volume is the node of its Pod, and without a volume there is no node.
#[test]
fn claims_that_wait_are_bound_where_their_volumes_are() {
    live(3, |w| async move {
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"},
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"});
        w.ask("POST /apis/storage.k8s.io/v1/storageclasses", class)
            .await;
        let on = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n2"]}]}]}});
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
            "local": {"path": "/disk"}, "nodeAffinity": on}});
        w.ask("POST /api/v1/persistentvolumes", volume).await;
        for name in ["first", "second"] {
            let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "local", "resources": {"requests": {"storage": "1Gi"}}}});
            w.ask(
                "POST /api/v1/namespaces/default/persistentvolumeclaims",
                claim,
            )
            .await;
            let volumes = json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]});
            w.ask(&format!("POST {PODS}"), asking(name, "1", volumes))
                .await;
            w.settle().await;
        }
        let first = w.get("pods", "first");
        assert_eq!(first["spec"]["nodeName"], "n2");
        let claim = w.get("persistentvolumeclaims", "first");
        assert_eq!(claim["spec"]["volumeName"], "disk");
        // A volume that is there needs no provisioner, and nobody is told a node.
        assert_eq!(
            claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"],
            Value::Null
        );
        let second = w.get("pods", "second");
        let message = "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
        assert_eq!(
            w.events("Pod")
                .iter()
                .filter(|event| event.starts_with("FailedScheduling"))
                .collect::<Vec<_>>(),
            [&format!("FailedScheduling {message}")]
        );
        assert_eq!(condition(&second, "PodScheduled"), "False Unschedulable");
    });
}
