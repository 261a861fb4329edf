//! Containers that are restarted all together (`RestartAllContainers`).

use serde_json::{Value, json};

use crate::world::{PODS, condition, live, pod, text};

fn rules() -> Value {
    json!([{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}])
}

fn script(name: &str, script: &str) -> Value {
    json!({"name": name, "image": "busybox", "command": ["sh", "-c", script]})
}

/// A container that ends with 42 the first time that it runs, and then goes on.
fn source(name: &str, then: &str) -> Value {
    let script_of_it =
        format!("if [ -f /mnt/done ]; then {then}; else touch /mnt/done; exit 42; fi");
    let mut source = script(name, &script_of_it);
    source["restartPolicy"] = json!("Never");
    source["restartPolicyRules"] = rules();
    source["volumeMounts"] = json!([{"name": "work", "mountPath": "/mnt"}]);
    source
}

fn with(init: Value, containers: Value) -> Value {
    let mut body = pod("a", "busybox");
    body["spec"] = json!({
        "restartPolicy": "Never", "volumes": [{"name": "work", "emptyDir": {}}],
        "initContainers": init, "containers": containers,
    });
    body
}

/// `name: restarts, last end` of all containers.
fn runs(pod: &Value) -> Vec<String> {
    let of = |part: &str| pod["status"][part].as_array().cloned().unwrap_or_default();
    let all = of("initContainerStatuses")
        .into_iter()
        .chain(of("containerStatuses"));
    all.map(|status| {
        let last = &status["lastState"]["terminated"];
        format!(
            "{}: {}, {} {}",
            text(&status["name"]),
            status["restartCount"],
            text(&last["reason"]),
            last["exitCode"]
        )
    })
    .collect()
}

#[test]
fn all_containers_start_again_when_a_rule_of_one_says_so() {
    live(1, |w| async move {
        let mut sidecar = script("sidecar", "sleep 10000");
        sidecar["restartPolicy"] = json!("Always");
        let body = with(
            json!([script("init", "exit 0"), sidecar]),
            json!([
                source("source", "sleep 10000"),
                script("regular", "sleep 10000")
            ]),
        );
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(
            runs(&a),
            [
                "init: 1, RestartingAllContainers 137",
                "sidecar: 1, RestartingAllContainers 137",
                "source: 1, RestartingAllContainers 137",
                "regular: 1, RestartingAllContainers 137",
            ]
        );
        let last = &a["status"]["containerStatuses"][1]["lastState"]["terminated"];
        assert_eq!(
            last["message"],
            "The container is removed because RestartAllContainers in place"
        );
        // Of what was taken away nothing else is known.
        assert_eq!(
            (&last["startedAt"], &last["containerID"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(text(&a["status"]["phase"]), "Running");
        assert_eq!(condition(&a, "AllContainersRestarting"), "False");
        assert_eq!(condition(&a, "Initialized"), "True");
        assert_eq!(condition(&a, "Ready"), "True");
        let told = w.events("Pod");
        let killed = told.iter().filter(|event| *event == "Killing killing");
        assert_eq!(killed.count(), 2, "{told:#?}");
        let path = format!("GET {PODS}/a/log?container=source&previous=true");
        let (code, refused) = w.call(&path, Value::Null).await;
        assert_eq!(
            (code, text(&refused["message"])),
            (
                400,
                "previous terminated container \"source\" in pod \"a\" not found"
            )
        );
    });
}

#[test]
fn that_it_begins_is_reported_before() {
    live(1, |w| async move {
        let body = with(
            json!([]),
            json!([
                source("source", "sleep 10000"),
                script("regular", "sleep 10000")
            ]),
        );
        w.ask(&format!("POST {PODS}"), body).await;
        let mut seen = Vec::new();
        let hold = w.life.hold("kubelets");
        for _ in 0..60 {
            hold.step();
            w.settle().await;
            let a = w.get("pods", "a");
            let step = format!(
                "{} {}",
                text(&a["status"]["phase"]),
                condition(&a, "AllContainersRestarting")
            );
            if seen.last() != Some(&step) {
                seen.push(step);
            }
        }
        hold.release();
        w.settle().await;
        let started = "Running True RestartAllContainersStarted";
        assert_eq!(
            seen.iter().filter(|step| *step == started).count(),
            1,
            "{seen:#?}"
        );
        assert_eq!(
            runs(&w.get("pods", "a")),
            [
                "source: 1, RestartingAllContainers 137",
                "regular: 1, RestartingAllContainers 137",
            ]
        );
    });
}

#[test]
fn an_init_container_restarts_those_before_it() {
    live(1, |w| async move {
        let mut sidecar = script("sidecar", "sleep 10000");
        sidecar["restartPolicy"] = json!("Always");
        let body = with(
            json!([
                sidecar,
                script("init", "exit 0"),
                source("source", "exit 0")
            ]),
            json!([script("regular", "sleep 10000")]),
        );
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        let a = w.get("pods", "a");
        assert_eq!(
            runs(&a),
            [
                "sidecar: 1, RestartingAllContainers 137",
                "init: 1, RestartingAllContainers 137",
                "source: 1, RestartingAllContainers 137",
                "regular: 0,  null",
            ]
        );
        assert_eq!(text(&a["status"]["phase"]), "Running");
    });
}

#[test]
fn a_container_that_was_restarted_before_restarts_all() {
    live(1, |w| async move {
        let mut first = script(
            "source",
            "if [ -f /mnt/two ]; then sleep 10000; elif [ -f /mnt/one ]; then touch /mnt/two; exit 42; else touch /mnt/one; exit 1; fi",
        );
        first["restartPolicy"] = json!("Always");
        first["restartPolicyRules"] = rules();
        first["volumeMounts"] = json!([{"name": "work", "mountPath": "/mnt"}]);
        let body = with(json!([]), json!([first, script("regular", "sleep 10000")]));
        w.ask(&format!("POST {PODS}"), body).await;
        w.settle().await;
        assert_eq!(
            runs(&w.get("pods", "a")),
            [
                "source: 2, RestartingAllContainers 137",
                "regular: 1, RestartingAllContainers 137",
            ]
        );
        // Another code, and nobody is restarted for it.
        let node = w.get("nodes", "n1");
        let declared = node["status"]["declaredFeatures"]
            .as_array()
            .expect("a list");
        assert!(declared.contains(&json!("RestartAllContainersOnContainerExits")));
    });
}
