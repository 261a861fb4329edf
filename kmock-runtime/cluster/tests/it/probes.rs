//! Probes of containers that are code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{PODS, World, live};

fn probed(probes: Value) -> Value {
    let mut container =
        json!({"name": "main", "image": "web", "ports": [{"name": "http", "containerPort": 8080}]});
    for (name, probe) in probes.as_object().expect("probes") {
        container[name.as_str()] = probe.clone();
    }
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
    })
}

/// A container that answers with a status that can be changed, after some seconds.
fn serves(w: &World, after: u64, status: &Arc<AtomicU16>) {
    let status = Arc::clone(status);
    w.life.image("web").run(move |c| {
        let status = Arc::clone(&status);
        async move {
            tokio::time::sleep(Duration::from_secs(after)).await;
            let service = tower::service_fn(move |_: Request<Full<Bytes>>| {
                let code = status.load(Ordering::SeqCst);
                async move {
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = http::StatusCode::from_u16(code).expect("a status");
                    Ok::<_, std::convert::Infallible>(response)
                }
            });
            c.serve(8080, service).await;
        }
    });
}

fn messages(w: &World, reason: &str) -> Vec<String> {
    let all = w.list("events");
    let of = all.iter().filter(|event| event["reason"] == reason);
    of.map(|event| event["message"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn readiness_follows_what_is_served() {
    live(1, |w| async move {
        let status = Arc::new(AtomicU16::new(200));
        serves(&w, 3, &status);
        let probe = json!({"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 2});
        w.ask(
            &format!("POST {PODS}"),
            probed(json!({"readinessProbe": probe})),
        )
        .await;
        w.settle().await;
        let ready =
            |w: &World| w.get("pods", "web")["status"]["containerStatuses"][0]["ready"].clone();
        assert_eq!(ready(&w), true);
        let told = messages(&w, "Unhealthy");
        assert!(
            told[0].starts_with("Readiness probe failed: Get \"http://10.244.")
                && told[0].ends_with(
                    ":8080/ready\": dial tcp 10.244.0.2:8080: connect: connection refused"
                ),
            "{told:?}"
        );
        status.store(503, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(ready(&w), false);
        assert!(messages(&w, "Unhealthy").contains(
            &"Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned()
        ));
        status.store(200, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(3)).await;
        w.settle().await;
        assert_eq!(ready(&w), true);
        assert_eq!(
            w.get("pods", "web")["status"]["containerStatuses"][0]["restartCount"],
            0
        );
    });
}

#[test]
fn what_does_not_live_is_restarted() {
    live(1, |w| async move {
        let status = Arc::new(AtomicU16::new(200));
        serves(&w, 0, &status);
        let probe = json!({"httpGet": {"path": "/live", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2});
        w.ask(
            &format!("POST {PODS}"),
            probed(json!({"livenessProbe": probe})),
        )
        .await;
        w.settle().await;
        status.store(500, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        status.store(200, Ordering::SeqCst);
        w.settle().await;
        let container = w.get("pods", "web")["status"]["containerStatuses"][0].clone();
        assert_eq!(container["restartCount"], 1, "{container}");
        assert_eq!(container["ready"], true);
        assert_eq!(
            messages(&w, "Killing"),
            ["Container main failed liveness probe, will be restarted"]
        );
        assert_eq!(
            messages(&w, "Unhealthy"),
            ["Liveness probe failed: HTTP probe failed with statuscode: 500"]
        );
    });
}

#[test]
fn a_slow_start_has_its_own_probe() {
    live(1, |w| async move {
        let status = Arc::new(AtomicU16::new(200));
        serves(&w, 25, &status);
        let live = json!({"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1});
        let startup =
            json!({"httpGet": {"port": 8080}, "periodSeconds": 10, "failureThreshold": 5});
        w.ask(
            &format!("POST {PODS}"),
            probed(json!({"startupProbe": startup, "livenessProbe": live})),
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        let of = |w: &World, field: &str| {
            w.get("pods", "web")["status"]["containerStatuses"][0][field].clone()
        };
        assert_eq!(
            (of(&w, "started"), of(&w, "ready")),
            (json!(false), json!(false))
        );
        w.settle().await;
        assert_eq!(
            (of(&w, "started"), of(&w, "ready"), of(&w, "restartCount")),
            (json!(true), json!(true), json!(0))
        );
    });
}

#[test]
fn commands_are_asked_too() {
    live(1, |w| async move {
        let count = Arc::new(AtomicU16::new(0));
        let counted = Arc::clone(&count);
        w.life.image("web").exec(move |command, io| {
            let count = Arc::clone(&counted);
            async move {
                assert_eq!(command, ["check", "-q"]);
                if count.fetch_add(1, Ordering::SeqCst) < 2 {
                    io.write("not yet\n").await;
                    return 1;
                }
                0
            }
        });
        let probe = json!({"exec": {"command": ["check", "-q"]}});
        w.ask(
            &format!("POST {PODS}"),
            probed(json!({"readinessProbe": probe})),
        )
        .await;
        w.settle().await;
        assert_eq!(
            w.get("pods", "web")["status"]["containerStatuses"][0]["ready"],
            true
        );
        assert_eq!(count.load(Ordering::SeqCst), 3);
        assert_eq!(
            messages(&w, "Unhealthy"),
            ["Readiness probe failed: not yet"]
        );
    });
}

/// The example of the documentation of probes: a file that is there for half a minute.
#[test]
fn commands_of_probes_see_the_files_of_scripts() {
    live(1, |w| async move {
        let script = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600";
        let probe = json!({"exec": {"command": ["cat", "/tmp/healthy"]}, "initialDelaySeconds": 5, "periodSeconds": 5});
        let mut pod = probed(json!({"livenessProbe": probe.clone(), "readinessProbe": probe}));
        let container = &mut pod["spec"]["containers"][0];
        container["image"] = json!("busybox");
        container["command"] = json!(["/bin/sh", "-c", script]);
        w.ask(&format!("POST {PODS}"), pod).await;
        w.settle().await;
        let of = |w: &World, field: &str| {
            w.get("pods", "web")["status"]["containerStatuses"][0][field].clone()
        };
        assert_eq!(
            (of(&w, "ready"), of(&w, "restartCount")),
            (json!(true), json!(0))
        );
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(
            (of(&w, "ready"), of(&w, "restartCount")),
            (json!(true), json!(0))
        );
        // Three tries in a row fail, and the container has its grace period.
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert_eq!(of(&w, "restartCount"), 1);
        assert_eq!(
            messages(&w, "Killing"),
            ["Container main failed liveness probe, will be restarted"]
        );
        let why = "probe failed: cat: /tmp/healthy: No such file or directory";
        let told = messages(&w, "Unhealthy");
        assert_eq!(
            told,
            [format!("Readiness {why}"), format!("Liveness {why}")]
        );
    });
}
