//! Pods that are resized in place.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{PODS, World, condition, live, pod};

fn asking(name: &str, cpu: &str, policy: &str) -> Value {
    let mut pod = pod(name, "web");
    let container = &mut pod["spec"]["containers"][0];
    container["resources"] = json!({"requests": {"cpu": cpu, "memory": "64Mi"}});
    container["resizePolicy"] = json!([{"resourceName": "cpu", "restartPolicy": policy}]);
    pod
}

async fn resize(w: &World, name: &str, cpu: &str) {
    let patch = json!({"spec": {"containers": [{"name": "c", "image": "web", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}},
        "resizePolicy": w.get("pods", name)["spec"]["containers"][0]["resizePolicy"]}]}});
    w.ask(&format!("PATCH {PODS}/{name}/resize"), patch).await;
}

/// What it has, and what was allocated to it.
fn cpus(w: &World, name: &str) -> (Value, Value) {
    let status = w.get("pods", name)["status"]["containerStatuses"][0].clone();
    (
        status["resources"]["requests"]["cpu"].clone(),
        status["allocatedResources"]["cpu"].clone(),
    )
}

#[test]
fn what_the_node_has_is_allocated_and_done() {
    live(1, |w| async move {
        w.ask(&format!("POST {PODS}"), asking("a", "1", "NotRequired"))
            .await;
        w.settle().await;
        assert_eq!(cpus(&w, "a"), (json!("1"), json!("1")));
        let id = w.get("pods", "a")["status"]["containerStatuses"][0]["containerID"].clone();
        resize(&w, "a", "2").await;
        w.settle().await;
        assert_eq!(cpus(&w, "a"), (json!("2"), json!("2")));
        let a = w.get("pods", "a");
        assert_eq!(
            (
                condition(&a, "PodResizeInProgress"),
                condition(&a, "PodResizePending")
            ),
            (String::new(), String::new())
        );
        let status = &a["status"]["containerStatuses"][0];
        assert_eq!(
            (&status["restartCount"], &status["containerID"]),
            (&json!(0), &id)
        );
        // On the way it was allocated, and said to be in progress.
        let history = w.cluster.objects().history("pods", "a");
        let between = history
            .iter()
            .find(|one| condition(one.value(), "PodResizeInProgress") == "True")
            .expect("it was told");
        let status = &between["status"]["containerStatuses"][0];
        assert_eq!(
            (
                &status["resources"]["requests"]["cpu"],
                &status["allocatedResources"]["cpu"]
            ),
            (&json!("1"), &json!("2"))
        );
        let events = w.events("Pod");
        let resource = "{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"2\",\"memory\":\"64Mi\"}}}],\"generation\":2}";
        assert!(
            events.contains(&format!("ResizeStarted Pod resize started: {resource}")),
            "{events:#?}"
        );
        assert!(
            events.contains(&format!("ResizeCompleted Pod resize completed: {resource}")),
            "{events:#?}"
        );
    });
}

#[test]
fn a_policy_may_want_a_restart() {
    live(1, |w| async move {
        w.ask(
            &format!("POST {PODS}"),
            asking("a", "1", "RestartContainer"),
        )
        .await;
        w.settle().await;
        resize(&w, "a", "2").await;
        w.settle().await;
        assert_eq!(cpus(&w, "a"), (json!("2"), json!("2")));
        let status = w.get("pods", "a")["status"]["containerStatuses"][0].clone();
        assert_eq!(
            (&status["restartCount"], &status["ready"]),
            (&json!(1), &json!(true))
        );
        assert!(
            w.events("Pod")
                .contains(&"Killing Container c resize requires restart".to_owned())
        );
    });
}

#[test]
fn without_room_it_waits_until_another_pod_goes() {
    live(1, |w| async move {
        w.ask(&format!("POST {PODS}"), asking("a", "1", "NotRequired"))
            .await;
        w.ask(&format!("POST {PODS}"), asking("b", "2", "NotRequired"))
            .await;
        w.settle().await;
        resize(&w, "a", "3").await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(condition(&a, "PodResizePending"), "True Deferred");
        let pending = a["status"]["conditions"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["type"] == "PodResizePending"))
            .expect("there");
        let why =
            "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000";
        assert_eq!(
            (&pending["message"], &pending["observedGeneration"]),
            (&json!(why), &json!(2))
        );
        assert_eq!(cpus(&w, "a"), (json!("1"), json!("1")));
        let events = w.events("Pod");
        assert!(
            events.iter().any(
                |event| event.starts_with("ResizeDeferred Pod resize Deferred: ")
                    && event.contains(why)
            ),
            "{events:#?}"
        );
        w.ask(&format!("DELETE {PODS}/b"), json!({})).await;
        w.settle().await;
        assert_eq!(cpus(&w, "a"), (json!("3"), json!("3")));
        assert_eq!(condition(&w.get("pods", "a"), "PodResizePending"), "");
        // To ask for less is always possible.
        resize(&w, "a", "500m").await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        w.settle().await;
        assert_eq!(cpus(&w, "a"), (json!("500m"), json!("500m")));
    });
}

#[test]
fn what_a_limit_range_allows_holds_for_a_resize_too() {
    live(1, |w| async move {
        let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "most"}, "spec": {"limits": [
            {"type": "Container", "max": {"cpu": "500m"}},
        ]}});
        w.ask("POST /api/v1/namespaces/default/limitranges", range)
            .await;
        let asks = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
        let mut body = pod("a", "web");
        body["spec"]["containers"][0]["resources"] = asks("250m");
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let patch = |cpu: &str| json!({"spec": {"containers": [{"name": "c", "image": "web", "resources": asks(cpu)}]}});
        let (code, answer) = w
            .call(&format!("PATCH {PODS}/a/resize"), patch("600m"))
            .await;
        let why = "maximum cpu usage per Container is 500m, but limit is 600m";
        assert!(
            code == 403 && answer.to_string().contains(why),
            "{code} {answer}"
        );
        w.ask(&format!("PATCH {PODS}/a/resize"), patch("400m"))
            .await;
    });
}
