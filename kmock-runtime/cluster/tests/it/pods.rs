//! Pods from pending to gone.

use std::time::Duration;

use serde_json::json;

use crate::world::{PODS, condition, live, pod, text};

#[test]
fn a_pod_goes_through_its_phases() {
    live(1, |w| async move {
        w.ask(&format!("POST {PODS}"), pod("a", "web")).await;
        w.settle().await;
        let phases: Vec<_> = w
            .cluster
            .objects()
            .history("pods", "a")
            .iter()
            .map(|one| {
                let state = &one["status"]["containerStatuses"][0]["state"];
                let state = state
                    .as_object()
                    .and_then(|state| state.keys().next().cloned())
                    .unwrap_or_default();
                format!(
                    "{} {} {state}",
                    text(&one["status"]["phase"]),
                    text(&one["spec"]["nodeName"])
                )
            })
            .collect();
        assert_eq!(
            phases,
            [
                "Pending  ",
                "Pending n1 ",
                "Pending n1 waiting",
                "Running n1 running"
            ]
        );
        let a = w.get("pods", "a");
        assert_eq!(
            (&a["status"]["podIP"], &a["status"]["hostIP"]),
            (&json!("10.244.0.2"), &json!("172.18.0.2"))
        );
        let events = w.events("Pod");
        let reasons: Vec<_> = events
            .iter()
            .map(|event| event.split(' ').next().unwrap_or_default())
            .collect();
        assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started"]);
        w.ask(&format!("DELETE {PODS}/a"), json!({})).await;
        w.settle().await;
        assert!(w.list("pods").is_empty());
        assert!(
            w.events("Pod")
                .contains(&"Killing Stopping container c".to_owned())
        );
    });
}

#[test]
fn a_crashing_container_backs_off_until_nobody_waits() {
    live(1, |w| async move {
        w.life.image("crash").log("oh no\n").exit(3);
        let begun = tokio::time::Instant::now();
        w.ask(&format!("POST {PODS}"), pod("a", "crash")).await;
        w.settle().await;
        // 10, 20, 40, 80 and 160 seconds; the next one would be the longest.
        assert_eq!(begun.elapsed().as_secs(), 310);
        let status = w.get("pods", "a")["status"]["containerStatuses"][0].clone();
        assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(
            (
                &status["restartCount"],
                &status["lastState"]["terminated"]["exitCode"]
            ),
            (&json!(6), &json!(3))
        );
        assert!(
            text(&status["state"]["waiting"]["message"])
                .starts_with("back-off 5m0s restarting failed container=c pod=a_default(")
        );
        assert_eq!(
            w.life.log("default/a", "c", false).as_deref(),
            Some("oh no\n")
        );
        let why = w.life.explain("pods", "a");
        assert!(why.contains("container c waits in CrashLoopBackOff; its last run ended with 3 (Error); its log ends: oh no"), "{why}");
    });
}

#[test]
fn scripts_of_images() {
    live(1, |w| async move {
        w.life.image("slow").ready_after(Duration::from_secs(5));
        w.life
            .image("migrate")
            .exit(0)
            .after(Duration::from_secs(30))
            .message("done");
        w.life.image("flaky").runs(..2).exit(1);
        let mut once = pod("once", "migrate");
        once["spec"]["restartPolicy"] = "Never".into();
        for body in [pod("slow", "slow"), once, pod("flaky", "flaky:3")] {
            w.ask(&format!("POST {PODS}"), body).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            condition(&w.get("pods", "slow"), "Ready"),
            "False ContainersNotReady"
        );
        w.settle().await;
        assert_eq!(condition(&w.get("pods", "slow"), "Ready"), "True");
        let once = w.get("pods", "once");
        assert_eq!(
            (
                text(&once["status"]["phase"]),
                condition(&once, "Ready").as_str()
            ),
            ("Succeeded", "False PodCompleted")
        );
        let ended = &once["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!(
            (&ended["message"], &ended["reason"]),
            (&json!("done"), &json!("Completed"))
        );
        let flaky = w.get("pods", "flaky");
        assert_eq!(
            (
                &flaky["status"]["containerStatuses"][0]["restartCount"],
                condition(&flaky, "Ready").as_str()
            ),
            (&json!(2), "True")
        );
    });
}

#[test]
fn containers_are_code() {
    live(1, |w| async move {
        w.ask(
            "POST /api/v1/namespaces/default/configmaps",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"greeting": "hello"}}),
        )
        .await;
        w.life.image("server").run(async |c| {
            c.log(format!(
                "{} {:?}\n",
                c.env("GREETING").unwrap_or_default(),
                c.args()
            ));
            let greeting =
                String::from_utf8_lossy(&c.file("/etc/conf/greeting").unwrap_or_default())
                    .into_owned();
            let service = tower::service_fn(
                move |_: http::Request<http_body_util::Full<bytes::Bytes>>| {
                    let body = http_body_util::Full::new(bytes::Bytes::from(greeting.clone()));
                    async move { Ok::<_, std::convert::Infallible>(http::Response::new(body)) }
                },
            );
            c.serve(8080, service).await;
            c.log("bye\n");
        });
        let mut body = pod("a", "server");
        body["spec"]["volumes"] = json!([{"name": "conf", "configMap": {"name": "conf"}}]);
        let container = &mut body["spec"]["containers"][0];
        container["args"] = json!(["--level=$(LEVEL)"]);
        container["env"] = json!([{"name": "LEVEL", "value": "3"}, {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "greeting"}}}]);
        container["volumeMounts"] = json!([{"name": "conf", "mountPath": "/etc/conf"}]);
        container["readinessProbe"] = json!({"httpGet": {"path": "/", "port": 8080}});
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(condition(&a, "Ready"), "True");
        assert_eq!(
            w.life.log("default/a", "c", false).as_deref(),
            Some("hello [\"--level=3\"]\n")
        );
        let request = http::Request::new(bytes::Bytes::new());
        let answer = w
            .life
            .network()
            .ask(text(&a["status"]["podIP"]), 8080, request)
            .await
            .expect("an open port");
        assert_eq!(answer.into_body(), "hello");
        w.ask(&format!("DELETE {PODS}/a"), json!({})).await;
        w.settle().await;
        assert!(
            w.list("pods").is_empty()
                && !w.life.network().is_open(text(&a["status"]["podIP"]), 8080)
        );
    });
}

#[test]
fn code_may_fail_panic_or_refuse_to_stop() {
    live(1, |w| async move {
        w.life
            .image("fails")
            .run(async |_| Err::<(), _>("no database"));
        w.life
            .image("panics")
            .run(async |_| -> i32 { panic!("oh") });
        w.life.image("stays").run(async |c| {
            c.stopped().await;
            std::future::pending::<()>().await;
        });
        for name in ["fails", "panics", "stays"] {
            let mut body = pod(name, name);
            body["spec"]["restartPolicy"] = "Never".into();
            w.ask(&format!("POST {PODS}"), body).await;
        }
        w.settle().await;
        let code = |name: &str| {
            w.get("pods", name)["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
                .clone()
        };
        assert_eq!((code("fails"), code("panics")), (json!(1), json!(134)));
        assert_eq!(
            w.life.log("default/fails", "c", false).as_deref(),
            Some("Error: no database\n")
        );
        let begun = tokio::time::Instant::now();
        w.ask(&format!("DELETE {PODS}/stays"), json!({})).await;
        w.settle().await;
        assert_eq!(begun.elapsed().as_secs(), 30);
    });
}

#[test]
fn init_containers_go_first_and_sidecars_go_on() {
    live(1, |w| async move {
        w.life.image("init").exit(0).after(Duration::from_secs(2));
        w.life.image("work").exit(0).after(Duration::from_secs(5));
        let mut body = pod("a", "work");
        body["spec"]["restartPolicy"] = "Never".into();
        body["spec"]["initContainers"] = json!([{"name": "side", "image": "proxy", "restartPolicy": "Always"}, {"name": "init", "image": "init"}]);
        w.ask(&format!("POST {PODS}"), body).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let a = w.get("pods", "a");
        assert_eq!(
            condition(&a, "Initialized"),
            "False ContainersNotInitialized"
        );
        assert!(a["status"]["initContainerStatuses"][0]["state"]["running"].is_object());
        assert_eq!(
            a["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
            "PodInitializing"
        );
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(text(&a["status"]["phase"]), "Succeeded");
        assert!(a["status"]["initContainerStatuses"][0]["state"]["terminated"].is_object());
    });
}

#[test]
fn config_that_is_not_there_keeps_a_container_waiting() {
    live(1, |w| async move {
        let mut body = pod("a", "web");
        body["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "conf"}}]);
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let waiting =
            w.get("pods", "a")["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        assert_eq!(
            waiting,
            json!({"reason": "CreateContainerConfigError", "message": "configmap \"conf\" not found"})
        );
        assert!(
            w.events("Pod")
                .contains(&"Failed Error: configmap \"conf\" not found".to_owned())
        );
        w.ask(
            "POST /api/v1/namespaces/default/configmaps",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}}),
        )
        .await;
        w.settle().await;
        assert_eq!(condition(&w.get("pods", "a"), "Ready"), "True");
    });
}

/// Whoever deletes it: a Pod on a node has its time to end.
#[test]
fn pods_that_are_collected_end_gracefully() {
    live(1, |w| async move {
        for name in ["web", "api"] {
            let mut one = crate::world::deployment(1, "web");
            one["metadata"]["name"] = name.into();
            one["spec"]["selector"] = json!({"matchLabels": {"app": name}});
            one["spec"]["template"]["metadata"]["labels"] = json!({"app": name});
            w.ask(&format!("POST {}", crate::world::DEPLOYMENTS), one)
                .await;
        }
        w.settle().await;
        let names: Vec<String> = w
            .list("pods")
            .iter()
            .map(|pod| crate::world::text(&pod["metadata"]["name"]).to_owned())
            .collect();
        assert_eq!(names.len(), 2);
        let policy = json!({"propagationPolicy": "Foreground"});
        w.ask(&format!("DELETE {}/web", crate::world::DEPLOYMENTS), policy)
            .await;
        w.ask(
            &format!("DELETE {}/api", crate::world::DEPLOYMENTS),
            json!({}),
        )
        .await;
        w.settle().await;
        assert!(w.list("pods").is_empty());
        assert!(w.list("deployments").is_empty());
        let killed = w.events("Pod");
        let killed = killed
            .iter()
            .filter(|event| *event == "Killing Stopping container web");
        assert_eq!(killed.count(), 2);
        for name in names {
            let history = w.cluster.objects().history("pods", &name);
            assert!(
                history
                    .iter()
                    .any(|one| one.value()["metadata"]["deletionGracePeriodSeconds"] == 30)
            );
        }
    });
}
