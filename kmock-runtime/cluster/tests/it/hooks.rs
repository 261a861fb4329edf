//! Hooks of containers, their ends, and what they leave behind.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{PODS, World, live, pod, text};

fn of_status<'a>(pod: &'a Value, part: &str) -> &'a Value {
    &pod["status"]["containerStatuses"][0][part]
}

fn reasons(w: &World) -> Vec<String> {
    let told = w.events("Pod");
    told.iter()
        .map(|event| event.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// Seconds until a Pod that is deleted is gone.
async fn gone(w: &World, name: &str) -> u64 {
    let begun = tokio::time::Instant::now();
    w.ask(&format!("DELETE {PODS}/{name}"), Value::Null).await;
    w.settle().await;
    assert!(w.list("pods").is_empty());
    begun.elapsed().as_secs()
}

#[test]
fn a_container_has_started_when_its_hook_is_over() {
    live(1, |w| async move {
        let mut body = pod("a", "web");
        body["spec"]["containers"][0]["lifecycle"] =
            json!({"postStart": {"sleep": {"seconds": 5}}});
        body["spec"]["containers"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"name": "next", "image": "web"}));
        w.ask(&format!("POST {PODS}"), body).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let a = w.get("pods", "a");
        assert_eq!(text(&a["status"]["phase"]), "Pending");
        assert_eq!(
            of_status(&a, "state")["waiting"]["reason"],
            "ContainerCreating"
        );
        // The next one waits for it.
        assert_eq!(
            reasons(&w).iter().filter(|one| *one == "Started").count(),
            1
        );
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(text(&a["status"]["phase"]), "Running");
        assert_eq!(
            reasons(&w).iter().filter(|one| *one == "Started").count(),
            2
        );
    });
}

#[test]
fn a_container_whose_first_hook_fails_is_killed() {
    live(1, |w| async move {
        let mut body = pod("a", "busybox");
        body["spec"]["restartPolicy"] = json!("Never");
        body["spec"]["containers"][0]["command"] = json!(["sleep", "3600"]);
        body["spec"]["containers"][0]["lifecycle"] =
            json!({"postStart": {"exec": {"command": ["sh", "-c", "exit 3"]}}});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(text(&a["status"]["phase"]), "Failed");
        assert_eq!(of_status(&a, "state")["terminated"]["exitCode"], 137);
        let told = w.events("Pod");
        for event in [
            "FailedPostStartHook PostStartHook failed",
            "Killing FailedPostStartHook",
        ] {
            assert!(told.contains(&event.to_owned()), "{told:?}");
        }
    });
}

#[test]
fn hooks_that_nobody_knows_go_well() {
    live(1, |w| async move {
        let mut body = pod("a", "nginx");
        body["spec"]["containers"][0]["lifecycle"] = json!({
            "postStart": {"exec": {"command": ["/usr/bin/warm-up"]}},
            "preStop": {"httpGet": {"path": "/drain", "port": 8080}},
        });
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        assert_eq!(text(&w.get("pods", "a")["status"]["phase"]), "Running");
        assert_eq!(gone(&w, "a").await, 0);
        assert!(!reasons(&w).iter().any(|one| one.starts_with("Failed")));
    });
}

#[test]
fn the_last_hook_goes_before_the_end_and_has_the_grace_period() {
    live(1, |w| async move {
        for (hook, grace, seconds, fails) in [
            (json!({"sleep": {"seconds": 5}}), 30, 5, false),
            (json!({"sleep": {"seconds": 0}}), 30, 0, false),
            (json!({"exec": {"command": ["sleep", "7"]}}), 30, 7, false),
            (json!({"exec": {"command": ["false"]}}), 30, 0, true),
            // It is given up when the time is over; the container has at least two more seconds.
            (json!({"exec": {"command": ["sleep", "60"]}}), 10, 10, false),
        ] {
            let mut body = pod("a", "web");
            body["spec"]["terminationGracePeriodSeconds"] = grace.into();
            body["spec"]["containers"][0]["lifecycle"] = json!({ "preStop": hook });
            w.ask(&format!("POST {PODS}"), body).await;
            w.settle().await;
            let before = w.events("Pod").len();
            assert_eq!(gone(&w, "a").await, seconds, "{hook}");
            let told = w.events("Pod").split_off(before);
            let failed = told.contains(&"FailedPreStopHook PreStopHook failed".to_owned());
            assert_eq!(failed, fails, "{hook} {told:?}");
        }
    });
}

#[test]
fn a_grace_period_that_is_cut_short_cuts_the_hook_short() {
    live(1, |w| async move {
        let mut body = pod("a", "web");
        body["spec"]["terminationGracePeriodSeconds"] = 100.into();
        body["spec"]["containers"][0]["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 90}}});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        w.ask(&format!("DELETE {PODS}/a"), Value::Null).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let begun = tokio::time::Instant::now();
        w.ask(
            &format!("DELETE {PODS}/a?gracePeriodSeconds=8"),
            Value::Null,
        )
        .await;
        w.settle().await;
        assert!(w.list("pods").is_empty());
        assert!(begun.elapsed().as_secs() <= 8);
    });
}

#[test]
fn sidecars_end_after_the_others_in_the_opposite_order() {
    live(1, |w| async move {
        let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        for name in ["proxy", "logs", "main"] {
            let order = std::sync::Arc::clone(&order);
            w.life.image(name).run(move |c| {
                let order = std::sync::Arc::clone(&order);
                async move {
                    c.ready();
                    c.stopped().await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    order.lock().expect("a lock").push(c.name().to_owned());
                }
            });
        }
        let mut body = pod("a", "main");
        body["spec"]["initContainers"] = json!([
            {"name": "proxy", "image": "proxy", "restartPolicy": "Always"},
            {"name": "logs", "image": "logs", "restartPolicy": "Always"},
        ]);
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        assert_eq!(gone(&w, "a").await, 3);
        assert_eq!(*order.lock().expect("a lock"), ["c", "logs", "proxy"]);
    });
}

#[test]
fn a_sidecar_is_told_to_stop_when_the_work_is_done() {
    live(1, |w| async move {
        w.life.image("work").exit(0).after(Duration::from_secs(5));
        let mut body = pod("a", "work");
        body["spec"]["restartPolicy"] = json!("OnFailure");
        body["spec"]["initContainers"] = json!([{
            "name": "proxy", "image": "proxy", "restartPolicy": "Always",
            "lifecycle": {"preStop": {"sleep": {"seconds": 4}}},
        }]);
        w.ask(&format!("POST {PODS}"), body).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(text(&w.get("pods", "a")["status"]["phase"]), "Running");
        w.settle().await;
        assert_eq!(text(&w.get("pods", "a")["status"]["phase"]), "Succeeded");
        let told = w.events("Pod");
        assert!(
            told.contains(&"Killing Stopping container proxy".to_owned()),
            "{told:?}"
        );
    });
}

#[test]
fn containers_have_policies_and_rules_of_their_own() {
    live(1, |w| async move {
        w.life.image("flaky").runs(..2).exit(42);
        w.life.image("flaky").exit(1);
        let mut body = pod("a", "flaky");
        body["spec"]["restartPolicy"] = json!("Never");
        body["spec"]["containers"][0]["restartPolicy"] = json!("Never");
        body["spec"]["containers"][0]["restartPolicyRules"] =
            json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(text(&a["status"]["phase"]), "Failed");
        assert_eq!(of_status(&a, "restartCount"), 2);
        assert_eq!(of_status(&a, "state")["terminated"]["exitCode"], 1);
    });
}

#[test]
fn what_a_container_leaves_behind() {
    live(1, |w| async move {
        for (script, field, message) in [
            ("echo -n done > /dev/termination-log", json!({}), "done"),
            (
                "echo -n own > /tmp/why; exit 1",
                json!({"terminationMessagePath": "/tmp/why"}),
                "own",
            ),
            ("echo lost; exit 1", json!({}), ""),
            (
                "echo the end; exit 1",
                json!({"terminationMessagePolicy": "FallbackToLogsOnError"}),
                "the end\n",
            ),
            (
                "echo all is well",
                json!({"terminationMessagePolicy": "FallbackToLogsOnError"}),
                "",
            ),
        ] {
            let mut body = pod("a", "busybox");
            body["spec"]["restartPolicy"] = json!("Never");
            let container = &mut body["spec"]["containers"][0];
            container["command"] = json!(["sh", "-c", script]);
            for (key, value) in field.as_object().expect("an object") {
                container[key] = value.clone();
            }
            w.ask(&format!("POST {PODS}"), body).await;
            w.settle().await;
            let a = w.get("pods", "a");
            let left = &of_status(&a, "state")["terminated"]["message"];
            assert_eq!(left.as_str().unwrap_or_default(), message, "{script}");
            gone(&w, "a").await;
        }
    });
}

#[test]
fn volumes_follow_what_they_show_but_for_parts_of_them() {
    live(1, |w| async move {
        w.life.image("web");
        let configs = "/api/v1/namespaces/default/configmaps";
        let config = |mode: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"mode": mode}});
        w.ask(&format!("POST {configs}"), config("light")).await;
        let mut body = pod("a", "web");
        body["metadata"]["labels"] = json!({"tier": "one"});
        body["spec"]["volumes"] = json!([
            {"name": "conf", "configMap": {"name": "conf"}},
            {"name": "later", "secret": {"secretName": "later", "optional": true}},
            {"name": "own", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ]);
        body["spec"]["containers"][0]["volumeMounts"] = json!([
            {"name": "conf", "mountPath": "/conf"},
            {"name": "conf", "mountPath": "/one", "subPath": "mode"},
            {"name": "later", "mountPath": "/later"},
            {"name": "own", "mountPath": "/own"},
        ]);
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let file = |path: &str| {
            let container = w.life.container("default/a", "c").expect("it runs");
            container
                .file(path)
                .map(|content| String::from_utf8_lossy(&content).into_owned())
        };
        assert_eq!(file("/conf/mode").as_deref(), Some("light"));
        assert_eq!(file("/later/key"), None);
        w.ask(&format!("PUT {configs}/conf"), config("dark")).await;
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}, "stringData": {"key": "k"}});
        w.ask("POST /api/v1/namespaces/default/secrets", secret)
            .await;
        let labels = json!({"metadata": {"labels": {"tier": "two"}}});
        w.ask(&format!("PATCH {PODS}/a"), labels).await;
        w.settle().await;
        for (path, content) in [
            ("/conf/mode", "dark"),
            ("/one", "light"),
            ("/later/key", "k"),
            ("/own/labels", "tier=\"two\""),
        ] {
            assert_eq!(file(path).as_deref(), Some(content), "{path}");
        }
    });
}

#[test]
fn what_the_kernel_and_the_kubelet_tell_a_container() {
    live(1, |w| async move {
        w.life.image("web");
        let mut body = pod("web-0", "web");
        body["spec"]["subdomain"] = json!("web");
        body["spec"]["containers"][0]["resources"] =
            json!({"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let file = |path: &str| {
            let container = w.life.container("default/web-0", "c").expect("it runs");
            let content = container.file(path).unwrap_or_else(|| panic!("no {path}"));
            String::from_utf8_lossy(&content).into_owned()
        };
        assert_eq!(file("/sys/fs/cgroup/memory.max"), "134217728\n");
        assert_eq!(file("/sys/fs/cgroup/cpu.max"), "max 100000\n");
        assert_eq!(file("/etc/hostname"), "web-0\n");
        assert!(
            file("/etc/hosts").contains("10.244.0.2\tweb-0.web.default.svc.cluster.local\tweb-0\n")
        );
        let more = json!({"spec": {"containers": [{"name": "c", "image": "web", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}}]}});
        w.ask(&format!("PATCH {PODS}/web-0/resize"), more).await;
        w.settle().await;
        assert_eq!(file("/sys/fs/cgroup/memory.max"), "268435456\n");
        let status = w.get("pods", "web-0")["status"].clone();
        assert_eq!(
            status["allocatedResources"],
            json!({"cpu": "250m", "memory": "64Mi"})
        );
        assert_eq!(
            status["resources"],
            json!({"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}})
        );
    });
}

#[test]
fn what_is_not_safe_is_refused_by_the_node() {
    live(1, |w| async move {
        let mut body = pod("a", "web");
        body["spec"]["securityContext"] =
            json!({"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let status = w.get("pods", "a")["status"].clone();
        assert_eq!(
            (
                text(&status["phase"]),
                text(&status["reason"]),
                text(&status["message"])
            ),
            (
                "Failed",
                "SysctlForbidden",
                "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted"
            )
        );
    });
}

#[test]
fn what_others_say_that_a_node_has_can_be_allocated() {
    live(1, |w| async move {
        w.ask(
            "PATCH /api/v1/nodes/n1/status",
            json!({"status": {"capacity": {"example.com/foo": "5"}}}),
        )
        .await;
        w.settle().await;
        assert_eq!(
            w.get("nodes", "n1")["status"]["allocatable"]["example.com/foo"],
            "5"
        );
        let mut body = pod("a", "web");
        body["spec"]["containers"][0]["resources"] = json!({"limits": {"example.com/foo": "3"}});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        assert_eq!(text(&w.get("pods", "a")["status"]["phase"]), "Running");
    });
}
