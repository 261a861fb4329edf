//! The short tests of docs/cluster.md, as they stand there; and what else the server does with a cluster that lives.

use std::time::Duration;

use kmock::prelude::*;
use serde_json::Value;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const PODS: &str = "/api/v1/namespaces/default/pods";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
    })
}

fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": image}], "restartPolicy": "Never"},
    })
}

#[kmock::test(start_paused, nodes = 3)]
async fn a_deployment_becomes_available(k: KMock) {
    k.post(DEPLOYMENTS).json(&deployment(3, "web")).await;
    k.settle().await;
    let web = k.objects().get("deployments", "web").expect("it is there");
    assert_eq!(web["status"]["availableReplicas"], 3);
}

#[kmock::test(start_paused, cluster)]
async fn pods_wait_for_a_node_that_fits(k: KMock) {
    k.post(DEPLOYMENTS).json(&deployment(1, "web")).await;
    k.settle().await;
    assert!(
        k.explain("deployments", "web")
            .contains("no nodes available to schedule pods")
    );
    k.node("worker-{1..=2}").cpu(8).memory("32Gi").zone("a");
    k.settle().await;
    assert_eq!(
        k.explain("deployments", "web"),
        "Deployment web is as it should be"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_slow_database(k: KMock) {
    k.image("postgres:*")
        .log("accepting connections\n")
        .ready_after(Duration::from_secs(5));
    k.post(PODS).json(&pod("db", "postgres:16")).await;
    k.settle().await;
    let db = k.objects().get("pods", "db").expect("it is there");
    assert!(db >= json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
    assert_eq!(
        k.life().log("default/db", "main", false).as_deref(),
        Some("accepting connections\n")
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_migration_runs_for_half_a_minute(k: KMock) {
    k.image("migrate").exit(0).after(Duration::from_secs(30));
    let mut spec = template("migrate");
    spec["spec"]["restartPolicy"] = json!("Never");
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": {"template": spec}});
    k.post(JOBS).json(&job).await;
    k.settle().await;
    let job = k.objects().get("jobs", "migrate").expect("it is there");
    assert!(
        job >= json!({"status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}})
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_flaky_container_comes_up_in_the_end(k: KMock) {
    let flaky = k.image("flaky").runs(..2).log("no database\n").exit(1);
    k.post(DEPLOYMENTS).json(&deployment(1, "flaky")).await;
    k.settle().await;
    let pod = &k.objects().list("pods", None)[0];
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 2);
    assert_eq!(flaky.count(), 2);
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_crash_loop_is_explained(k: KMock) {
    k.image("bad").log("no license\n").exit(3);
    k.post(DEPLOYMENTS).json(&deployment(1, "bad")).await;
    k.settle().await;
    let why = k.explain("deployments", "web");
    assert!(why.contains("0 of 1 available; pod web-"), "{why}");
    assert!(why.ends_with("container web waits in CrashLoopBackOff; its last run ended with 3 (Error); its log ends: no license"), "{why}");
}

/// What a test waits for and does not get is told from the workload down to the log, also by the panic of the wait.
#[kmock::test(start_paused, nodes = 1)]
async fn two_of_three_are_available_and_why(k: KMock) {
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
    k.image("web").runs(..2);
    k.image("web").log("starting\nno license left\n").exit(1);
    let path = DEPLOYMENTS.replace("default", "shop");
    k.post(path).json(&deployment(3, "web")).await;
    k.settle().await;
    let pods = k.objects().list("pods", Some("shop"));
    let waiting = pods
        .iter()
        .find(|pod| pod["status"]["containerStatuses"][0]["ready"] == false);
    let name = waiting.expect("one waits")["metadata"]["name"].clone();
    let expected = format!(
        "Deployment shop/web: 2 of 3 available; pod {}: container web waits in CrashLoopBackOff; its last run ended with 1 (Error); its log ends: no license left",
        name.as_str().expect("a name")
    );
    assert_eq!(k.explain("deployments", "shop/web"), expected);
    assert!(
        k.life().unsettled().contains(&expected),
        "{:?}",
        k.life().unsettled()
    );
    // Who holds a controller is told that it is held.
    let hold = k.hold("deployments");
    let other = k.post(DEPLOYMENTS).json(&deployment(1, "other"));
    other.await;
    k.settle().await;
    assert_eq!(
        k.explain("deployments", "web"),
        "Deployment default/web: 0 of 1 available"
    );
    hold.step();
    k.settle().await;
    assert_eq!(k.objects().list("replicasets", Some("default")).len(), 1);
    hold.release();
    k.settle().await;
    assert_eq!(
        k.explain("deployments", "web"),
        "Deployment web is as it should be"
    );
}

/// Each of the five types of metrics, as the test sets them.
#[kmock::test(start_paused, nodes = 3, timeout = 120s)]
async fn autoscalers_know_every_type_of_metric(k: KMock) {
    let scalers = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    let mut body = deployment(2, "web");
    body["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "100m"}});
    k.post(DEPLOYMENTS).json(&body).await;
    let metrics = json!([
        {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "web", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "Pods", "pods": {"metric": {"name": "packets"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
        {"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"}, "target": {"type": "Value", "value": "10"}}},
        {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "30"}}},
    ]);
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 20, "metrics": metrics},
    });
    k.post(scalers).json(&scaler).await;
    k.settle().await;
    let replicas =
        || k.objects().get("deployments", "web").expect("it is there")["spec"]["replicas"].clone();
    let condition = |sort: &str| {
        let scaler = k
            .objects()
            .get("horizontalpodautoscalers", "web")
            .expect("it is there");
        let all = scaler["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.into_iter()
            .find(|one| one["type"] == sort)
            .unwrap_or_default()
    };
    let active = condition("ScalingActive");
    assert_eq!(
        (&active["status"], &active["reason"]),
        (&json!("False"), &json!("FailedGetContainerResourceMetric"))
    );
    let why = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API";
    assert_eq!(active["message"], why);
    // One that is known is enough to go up.
    k.life().metric("queue", 150);
    k.settle().await;
    assert_eq!(replicas(), 5);
    assert_eq!(
        condition("ScalingActive")["message"],
        "the HPA was able to successfully calculate a replica count from external metric queue(nil)"
    );
    // It grows by four Pods in a quarter of a minute at most.
    tokio::time::sleep(Duration::from_secs(20)).await;
    k.life().metric("Ingress/main/hits", "12");
    k.life().usage("default/web-*", "packets", "1500");
    k.life().usage("default/web-*", "cpu", "50m");
    k.settle().await;
    // The metrics stay as they are, so it goes on to the most; the first step was to 8.
    assert_eq!(replicas(), 20);
    let scaler = k
        .objects()
        .get("horizontalpodautoscalers", "web")
        .expect("it is there");
    let shown = scaler["status"]["currentMetrics"].clone();
    assert_eq!(
        shown[0]["containerResource"]["current"],
        json!({"averageUtilization": 50, "averageValue": "50m"})
    );
    assert_eq!(shown[1]["pods"]["current"]["averageValue"], "1500");
    assert_eq!(shown[2]["object"]["current"]["value"], "12");
    let events = k.objects().list("events", Some("default"));
    let said: Vec<&str> = events
        .iter()
        .filter_map(|event| event["message"].as_str())
        .filter(|text| text.starts_with("New size"))
        .collect();
    assert!(
        said.contains(&"New size: 5; reason: external metric queue(nil) above target"),
        "{said:?}"
    );
    // Metrics that fail are told so often that the next steps are not, as by the real one.
    let mut sizes: Vec<_> = (k.objects().history("deployments", "web").iter())
        .map(|web| web["spec"]["replicas"].clone())
        .collect();
    sizes.dedup();
    assert_eq!(
        sizes[..4],
        [2, 4, 5, 8].map(|size| json!(size)),
        "{sizes:?}"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_container_is_a_closure(k: KMock) {
    k.image("greeter").run(async |c| {
        let name = c.env("NAME").unwrap_or("nobody");
        c.log(format!("hello {name}\n"));
        if name == "nobody" { 1 } else { 0 }
    });
    let mut greeter = pod("greeter", "greeter");
    greeter["spec"]["containers"][0]["env"] = json!([{"name": "NAME", "value": "john"}]);
    k.post(PODS).json(&greeter).await;
    k.settle().await;
    assert_eq!(
        k.objects().get("pods", "greeter").expect("it is there")["status"]["phase"],
        "Succeeded"
    );
    assert_eq!(
        k.life().log("default/greeter", "main", false).as_deref(),
        Some("hello john\n")
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn nothing_is_scheduled_while_the_scheduler_is_held(k: KMock) {
    let hold = k.hold("scheduler");
    k.post(PODS).json(&pod("a", "web")).await;
    k.settle().await;
    assert_eq!(
        k.objects().get("pods", "a").expect("it is there")["status"]["phase"],
        "Pending"
    );
    hold.release();
    k.settle().await;
    assert_eq!(
        k.objects().get("pods", "a").expect("it is there")["status"]["phase"],
        "Running"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn a_rollout_that_takes_too_long(k: KMock) {
    k.image("web").never_ready();
    k.post(DEPLOYMENTS).json(&deployment(1, "web")).await;
    k.settle().await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    k.settle().await;
    let web = k.objects().get("deployments", "web").expect("it is there");
    assert!(
        web >= json!({"status": {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}})
    );
}

#[kmock::test(start_paused, cluster)]
async fn certificates_are_issued_after_two_seconds(k: KMock) {
    k.resources().declare("cert-manager.io/v1/certificates");
    k.stage("certificates.cert-manager.io")
        .after(Duration::from_secs(2))
        .status(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
    let body = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web"}});
    k.post("/apis/cert-manager.io/v1/namespaces/default/certificates")
        .json(&body)
        .await;
    k.settle().await;
    let web = k
        .objects()
        .get("certificates.cert-manager.io", "web")
        .expect("it is there");
    assert_eq!(web["status"]["conditions"][0]["type"], "Ready");
}

#[kmock::test(start_paused)]
async fn a_bare_server_runs_nothing(k: KMock) {
    k.post(DEPLOYMENTS).json(&deployment(1, "web")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(k.objects().list("replicasets", None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn some_parts_only() {
    let k = KMock::builder()
        .controllers(["deployments", "replicasets"])
        .start()
        .await
        .expect("a server");
    k.post(DEPLOYMENTS).json(&deployment(2, "web")).await;
    k.settle().await;
    let pods = k.objects().list("pods", None);
    assert_eq!(pods.len(), 2);
    assert!(
        pods.iter()
            .all(|pod| pod["spec"]["nodeName"].is_null() && pod["status"]["phase"] == "Pending")
    );
    let wrong =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(k.hold("deployment"))))
            .expect_err("a mistake");
    let text = wrong.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("kmock: there is no controller \"deployment\" to hold; there are deployments, replicasets"), "{text}");
}

#[kmock::test]
async fn in_real_time_it_is_as_quick_as_the_loop(k: KMock) {
    let begun = std::time::Instant::now();
    let alive = KMock::builder().nodes(1).start().await.expect("a server");
    alive.post(DEPLOYMENTS).json(&deployment(2, "web")).await;
    alive.settle().await;
    assert_eq!(
        alive
            .objects()
            .get("deployments", "web")
            .expect("it is there")["status"]["availableReplicas"],
        2
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
    drop(k);
}

#[kmock::test(nodes = 1)]
fn tests_that_are_not_async_have_a_cluster_too(k: KMock) {
    k.objects().seed(deployment(1, "web"));
    for _ in 0..500 {
        if k.objects()
            .get("deployments", "web")
            .is_some_and(|web| web["status"]["availableReplicas"] == 1)
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{}", k.explain("deployments", "web"));
}

#[kmock::test(start_paused, nodes = 2)]
async fn services_budgets_and_quotas_follow(k: KMock) {
    k.image("slow").never_ready();
    for (path, body) in [
        (
            "services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
        ),
        (
            "resourcequotas",
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "3", "count/deployments.apps": "5"}}}),
        ),
    ] {
        let answer = k
            .post(format!("/api/v1/namespaces/default/{path}"))
            .json(&body)
            .await;
        assert_eq!(answer.status(), 201, "{}", answer.text());
    }
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    k.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets")
        .json(&budget)
        .await;
    k.settle().await;
    k.post(DEPLOYMENTS).json(&deployment(2, "web")).await;
    k.settle().await;
    let objects = k.objects();
    let slices = objects.list("endpointslices", Some("default"));
    // The server's own Service has one, too.
    let slice = slices.iter().find(|slice| slice.name() != "kubernetes");
    let slice = slice.expect("a slice");
    assert_eq!(
        (
            slice["endpoints"].as_array().map(Vec::len),
            &slice["ports"][0]["port"]
        ),
        (Some(2), &json!(8080))
    );
    let endpoints = objects.get("v1/endpoints", "web").expect("it is there");
    assert_eq!(
        endpoints["subsets"][0]["addresses"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert!(
        objects.get("services", "web").expect("it is there")["status"]["loadBalancer"]["ingress"]
            [0]["ip"]
            .is_string()
    );
    assert_eq!(
        objects
            .get("poddisruptionbudgets", "web")
            .expect("it is there")["status"]["disruptionsAllowed"],
        1
    );
    let used = |name: &str| {
        objects.get("resourcequotas", "few").expect("it is there")["status"]["used"][name].clone()
    };
    assert_eq!(
        (used("pods"), used("count/deployments.apps")),
        (json!("2"), json!("1"))
    );
    // What the quota forbids is told, and tried again when there is room.
    k.patch(format!("{DEPLOYMENTS}/web"))
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"spec": {"replicas": 5}}"#)
        .await;
    k.settle().await;
    assert_eq!(objects.list("pods", None).len(), 3);
    let why = k.explain("deployments", "web");
    assert!(why.contains("exceeded quota: few"), "{why}");
}

#[kmock::test(start_paused, nodes = 1)]
async fn autoscalers_go_by_the_metrics_of_the_test(k: KMock) {
    let mut body = deployment(1, "web");
    body["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "100m"}});
    k.post(DEPLOYMENTS).json(&body).await;
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 4,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]},
    });
    k.post("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers")
        .json(&scaler)
        .await;
    k.settle().await;
    k.life().usage("default/web-*", "cpu", "150m");
    k.settle().await;
    let replicas =
        || k.objects().get("deployments", "web").expect("it is there")["spec"]["replicas"].clone();
    // The metrics stay as they are, so it goes on to the most.
    assert_eq!(replicas(), 4);
    k.life().usage("default/web-*", "cpu", "10m");
    tokio::time::sleep(Duration::from_secs(600)).await;
    k.settle().await;
    assert_eq!(replicas(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_cleans_up_lets_claims_and_volumes_go() {
    let k = KMock::builder()
        .controllers(true)
        .start()
        .await
        .expect("a server");
    let objects = k.objects();
    objects.seed(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "pv"}}));
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"},
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}});
    k.post("/api/v1/namespaces/pv/persistentvolumeclaims")
        .json(&claim)
        .await;
    k.post("/api/v1/persistentvolumes").json(&volume).await;
    k.delete("/api/v1/persistentvolumes/v").await;
    k.delete("/api/v1/namespaces/pv").await;
    objects.wait_gone("persistentvolumes", "v").await;
    objects.wait_gone("namespaces", "pv").await;
}

#[kmock::test(start_paused, cluster)]
async fn the_words_of_the_language(k: KMock) {
    kmock! { k,
        node "worker-{1..=3}" { cpu: 4, memory: "8Gi", zone: "a", label: { "disk": "ssd" } };
        image "postgres:*" => ready after 5s, log "accepting connections\n";
        image "migrate" => exit(0) after 30s;
        let flaky = image "flaky" [..2] => exit(1), log "no database\n";
        image "web" => async |c| {
            c.log("listening\n");
            c.ready();
            c.stopped().await;
        }, exec |command, io| {
            io.write(command.join("+")).await;
        };
        stage "certificates.cert-manager.io" after 2s => status { "ready": true };
    }
    k.resources().declare("cert-manager.io/v1/certificates");
    let body = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "a"}});
    k.post("/apis/cert-manager.io/v1/namespaces/default/certificates")
        .json(&body)
        .await;
    for (name, image) in [("db", "postgres:16"), ("once", "migrate"), ("web", "web")] {
        k.post(PODS).json(&pod(name, image)).await;
    }
    k.post(DEPLOYMENTS).json(&deployment(1, "flaky")).await;
    k.settle().await;
    assert_eq!(flaky.count(), 2);
    assert_eq!(k.objects().list("nodes", None).len(), 3);
    let phase =
        |name: &str| k.objects().get("pods", name).expect("it is there")["status"]["phase"].clone();
    assert_eq!(
        (phase("db"), phase("once"), phase("web")),
        (json!("Running"), json!("Succeeded"), json!("Running"))
    );
    let certificate = k
        .objects()
        .get("certificates.cert-manager.io", "a")
        .expect("it is there");
    assert_eq!(certificate["status"]["ready"], true);
}

#[kmock::test(start_paused, nodes = 1)]
async fn proxies_lead_to_what_containers_serve(k: KMock) {
    k.image("web").run(async |c| {
        let served = axum::Router::new()
            .route("/", axum::routing::get(async || "root"))
            .route(
                "/echo",
                axum::routing::post(async |uri: axum::http::Uri, body: String| {
                    format!("{uri} {body}")
                }),
            );
        c.serve(8080, served).await;
    });
    k.post(PODS).json(&pod("web", "web")).await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    k.post("/api/v1/namespaces/default/services")
        .json(&service)
        .await;
    k.post(DEPLOYMENTS).json(&deployment(1, "web")).await;
    k.settle().await;
    let at = |path: &str| format!("/api/v1/namespaces/default/{path}");
    let moved = k.get(&at("pods/web:8080/proxy")).await;
    assert_eq!(
        (moved.status(), moved.header("location")),
        (301, Some("/api/v1/namespaces/default/pods/web:8080/proxy/"))
    );
    assert_eq!(k.get(&at("pods/web:8080/proxy/")).await.text(), "root");
    assert_eq!(
        k.post(&at("services/web:80/proxy/echo?a=b%20c"))
            .body("hi")
            .await
            .text(),
        "/echo?a=b%20c hi"
    );
    assert_eq!(
        k.get(&at("services/http:web:http/proxy/")).await.text(),
        "root"
    );
    assert_eq!(
        k.get("/api/v1/nodes/node-1/proxy/healthz").await.text(),
        "ok"
    );
    for (path, code, message) in [
        (
            "pods/web:81/proxy/",
            503,
            "error trying to reach service: dial tcp 10.244.",
        ),
        (
            "services/web:81/proxy/",
            503,
            "no service port 81 found for service \"web\"",
        ),
        (
            "services/web:other/proxy/",
            503,
            "no endpoints available for service \"web:other\"",
        ),
        (
            "pods/a:b:c:d/proxy/",
            400,
            "invalid pod request \"a:b:c:d\"",
        ),
        ("pods/nobody/proxy/", 404, "pods \"nobody\" not found"),
        ("pods/web/exec?command=ls", 400, "Upgrade request required"),
    ] {
        let refused = k.get(&at(path)).await;
        assert_eq!(refused.status(), code, "{path}");
        let said = refused.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(said.starts_with(message), "{path}: {said}");
    }
}

/// What a kubelet serves at its own port, by the proxy of its Node.
#[kmock::test(start_paused, nodes = 2)]
async fn kubelets_answer_behind_the_proxies_of_their_nodes(k: KMock) {
    k.image("web")
        .log("ready\n")
        .uses("cpu", "250m")
        .uses("memory", "64Mi")
        .exec(async |command, io| match command.join(" ").as_str() {
            "cat /etc/hostname" => {
                io.write("web\n").await;
                Ok(())
            }
            other => Err(format!("what is {other}?")),
        });
    let mut one = pod("web", "web");
    one["spec"]["nodeName"] = "node-1".into();
    k.post(PODS).json(&one).await;
    k.settle().await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let at = |node: &str, path: &str| format!("/api/v1/nodes/{node}/proxy/{path}");
    let pods = k.get(&at("node-1", "pods")).await.json();
    assert_eq!(
        (&pods["kind"], &pods["items"][0]["metadata"]["name"]),
        (&json!("PodList"), &json!("web"))
    );
    assert_eq!(
        pods["items"][0]["metadata"]["annotations"]["kubernetes.io/config.source"],
        "api"
    );
    assert_eq!(
        k.get(&at("node-2:10250", "pods/")).await.json()["items"],
        json!([])
    );
    let running = k
        .get(&at("https:node-1:10250", "runningpods/"))
        .await
        .json();
    assert_eq!(running["items"][0]["spec"]["containers"][0]["name"], "main");
    assert_eq!(
        k.get(&at("node-1", "containerLogs/default/web/main"))
            .await
            .text(),
        "ready\n"
    );
    assert_eq!(
        k.get(&at("node-1", "containerLogs/default/web/main?tail=0"))
            .await
            .text(),
        ""
    );
    let ran = k
        .post(&at(
            "node-1",
            "run/default/web/main?cmd=cat%20/etc/hostname",
        ))
        .await;
    assert_eq!((ran.status(), ran.text().as_str()), (200, "web\n"));
    let stats = k.get(&at("node-1", "stats/summary")).await.json();
    assert_eq!(stats["node"]["nodeName"], "node-1");
    assert_eq!(stats["pods"][0]["podRef"]["name"], "web");
    let container = &stats["pods"][0]["containers"][0];
    assert_eq!(container["cpu"]["usageNanoCores"], 250_000_000);
    assert_eq!(container["memory"]["workingSetBytes"], 64 << 20);
    let metrics = k.get(&at("node-1", "metrics/resource")).await.text();
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {metrics}"));
        line.split(' ').nth(1).map(str::to_owned)
    };
    let labels = "{container=\"main\",namespace=\"default\",pod=\"web\"}";
    let seconds = value(&format!("container_cpu_usage_seconds_total{labels}"));
    let seconds: f64 = seconds.expect("a value").parse().expect("a number");
    assert!((25.0..27.0).contains(&seconds), "{seconds}");
    let memory = value(&format!("container_memory_working_set_bytes{labels}"));
    assert_eq!(memory.as_deref(), Some("6.7108864e+07"));
    assert_eq!(value("resource_scrape_error").as_deref(), Some("0"));
    for (path, text) in [
        ("healthz", "ok"),
        ("healthz/syncloop", "ok"),
        (
            "healthz?verbose",
            "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n",
        ),
        (
            "statusz",
            "\nkubelet statusz\nWarning: This endpoint is not meant",
        ),
        (
            "flagz",
            "\nkubelet flagz\nWarning: This endpoint is not meant",
        ),
        (
            "metrics/probes",
            "# HELP prober_probe_total [BETA] Cumulative",
        ),
        ("metrics/slis", "# HELP kubernetes_healthcheck [STABLE]"),
        (
            "metrics/cadvisor",
            "# HELP container_cpu_usage_seconds_total Cumulative",
        ),
        ("metrics", "# HELP kubelet_node_name [ALPHA]"),
        ("configz", "{\"kubeletconfig\":"),
    ] {
        let answer = k.get(&at("node-1", path)).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().starts_with(text), "{path}: {}", answer.text());
    }
    for (method, path, code, said) in [
        (
            "GET",
            "containerLogs/default/nobody/main",
            404,
            "pod \"nobody\" does not exist",
        ),
        (
            "GET",
            "containerLogs/default/web/other",
            404,
            "container \"other\" not found in pod \"web\"",
        ),
        (
            "GET",
            "containerLogs/default/web/main?tailLines=-1",
            422,
            "{\"message\": \"Invalid request.\"}",
        ),
        (
            "GET",
            "exec/default/web/main",
            400,
            "you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            "GET",
            "exec/default/web/main?output=1",
            500,
            "Upgrade request required\n",
        ),
        (
            "GET",
            "exec/default/nobody/main?output=1",
            404,
            "pod does not exist",
        ),
        (
            "GET",
            "exec/default/web/another-uid/main?output=1",
            500,
            "container not found (\"main\")\n",
        ),
        (
            "GET",
            "run/default/web/main?cmd=ls",
            405,
            "405: Method Not Allowed",
        ),
        (
            "POST",
            "run/default/web/other?cmd=ls",
            500,
            "container not found (\"other\")",
        ),
        (
            "POST",
            "run/default/web/main?cmd=rm%20-r",
            500,
            "command 'rm -r' exited with 1: Error: what is rm -r?\n",
        ),
        (
            "GET",
            "portForward/default/web",
            500,
            "Upgrade request required\n",
        ),
        ("GET", "stats", 404, "404: Page Not Found"),
        ("GET", "logs/kubelet.log", 404, "404 page not found\n"),
        (
            "GET",
            "debug/pprof/heap",
            405,
            "profiling endpoint is disabled.\n",
        ),
        ("GET", "debug/flags/v", 405, "flags endpoint is disabled.\n"),
        ("GET", "nothing", 404, "404 page not found\n"),
        ("GET", "healthz/etcd", 404, "404 page not found\n"),
        (
            "GET",
            "checkpoint/default/web/main",
            405,
            "405: Method Not Allowed",
        ),
        (
            "POST",
            "checkpoint/default/nobody/main",
            404,
            "pod does not exist",
        ),
        (
            "POST",
            "checkpoint/default/web/other",
            404,
            "container other does not exist",
        ),
        (
            "POST",
            "checkpoint/default/web/main?timeout=soon",
            404,
            "cannot parse value of timeout parameter",
        ),
        (
            "POST",
            "checkpoint/default/web/main",
            500,
            "checkpointing of default/web/main failed (rpc error: code = Unimplemented desc = containers of kmock are no processes, of which there are no checkpoints)",
        ),
    ] {
        let answer = match method {
            "POST" => k.post(&at("node-1", path)).await,
            _ => k.get(&at("node-1", path)).await,
        };
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (code, said),
            "{path}"
        );
    }
    // The other node's kubelet knows nothing of the Pod.
    let other = k.get(&at("node-2", "containerLogs/default/web/main")).await;
    assert_eq!(other.status(), 404);
}

/// What containers write: in statistics, and as those who ship logs read it; and what probes found.
#[kmock::test(start_paused, nodes = 1)]
async fn kubelets_tell_what_was_written_and_how_probes_went(k: KMock) {
    k.image("web").runs(..1).run(async |c| {
        c.log("hello\nyou");
        c.write_file("/tmp/a", "12345");
        c.write_file("/data/b", "123");
        c.ready();
        tokio::time::sleep(Duration::from_secs(35)).await;
        1
    });
    let mut web = pod("web", "web");
    web["spec"]["restartPolicy"] = "Always".into();
    web["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    web["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    web["spec"]["containers"][0]["readinessProbe"] =
        json!({"tcpSocket": {"port": 80}, "periodSeconds": 10});
    k.post(PODS).json(&web).await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    let at = |path: &str| format!("/api/v1/nodes/node-1/proxy/{path}");
    let stats = k.get(&at("stats/summary")).await.json();
    let told = &stats["pods"][0];
    assert_eq!(
        (
            &told["containers"][0]["rootfs"]["usedBytes"],
            &told["containers"][0]["logs"]["usedBytes"],
            &told["volume"][0]["usedBytes"],
            &told["ephemeral-storage"]["usedBytes"],
            &stats["node"]["fs"]["usedBytes"],
        ),
        (&json!(5), &json!(9), &json!(3), &json!(17), &json!(17))
    );
    let less = k
        .get(&at("stats/summary?only_cpu_and_memory=true"))
        .await
        .json();
    assert!(less["node"]["fs"].is_null() && less["pods"][0]["volume"].is_null());
    let probes = k.get(&at("metrics/probes")).await.text();
    let uid = k.objects().get("pods", "web").expect("it is there")["metadata"]["uid"].clone();
    let uid = uid.as_str().expect("a text");
    let line = format!(
        "prober_probe_total{{container=\"main\",namespace=\"default\",pod=\"web\",pod_uid=\"{uid}\",probe_type=\"Readiness\",result=\"successful\"}} 3\n"
    );
    assert!(probes.contains(&line), "{probes}");
    k.node("node-1")
        .pods(20)
        .evicts_softly_below("nodefs.available<15%", Duration::from_secs(90));
    let config = k.get(&at("configz")).await.json();
    let config = &config["kubeletconfig"];
    assert_eq!(
        (
            &config["maxPods"],
            &config["evictionHard"],
            &config["evictionSoft"],
            &config["evictionSoftGracePeriod"],
        ),
        (
            &json!(20),
            &json!({"memory.available": "100Mi", "nodefs.available": "10%"}),
            &json!({"nodefs.available": "15%"}),
            &json!({"nodefs.available": "90s"}),
        )
    );
    // It starts again.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let list = async |path: &str| k.get(&at(path)).await.text();
    assert!(list("logs/").await.ends_with(
        "<pre>\n<a href=\"containers/\">containers/</a>\n<a href=\"pods/\">pods/</a>\n</pre>\n"
    ));
    let folder = format!("logs/pods/default_web_{uid}/main");
    let runs = list(&folder).await;
    assert!(
        runs.contains("<a href=\"0.log\">0.log</a>\n<a href=\"1.log\">"),
        "{runs}"
    );
    let first = list(&format!("{folder}/0.log")).await;
    let lines: Vec<&str> = first.lines().map(|line| &line[30..]).collect();
    assert_eq!(lines, [" stdout F hello", " stdout P you"], "{first}");
    assert!(
        list("logs/containers")
            .await
            .contains("\">web_default_main-")
    );
}

/// The port of kubelets, for whom the API server is a detour.
#[kmock::test(start_paused, nodes = 2, rbac)]
async fn kubelets_have_a_port_and_ask_who_may(k: KMock) {
    use futures::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
    k.image("shell").log("hi\n");
    k.objects().seed(pod("web", "shell"));
    k.settle().await;
    let node = k.objects().get("pods", "web").expect("it is there")["spec"]["nodeName"].clone();
    let node = node.as_str().expect("a node");
    let other = if node == "node-1" { "node-2" } else { "node-1" };
    let role = |name: &str, rule: Value| {
        let user = name.to_owned();
        k.objects().seed(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": [rule]}));
        k.objects().seed(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
        }));
        k.cluster()
            .access()
            .put_token(name, kmock::kubernetes::User::new(name));
    };
    role(
        "debugger",
        json!({"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get", "create"]}),
    );
    role(
        "lister",
        json!({"apiGroups": [""], "resources": ["nodes/pods"], "verbs": ["get"]}),
    );
    role(
        "scraper",
        json!({"apiGroups": [""], "resources": ["nodes/metrics", "nodes/stats"], "verbs": ["get"]}),
    );
    role(
        "of-one-node",
        json!({"apiGroups": [""], "resources": ["nodes/proxy"], "resourceNames": [node], "verbs": ["get"]}),
    );
    let kubelets = KMock::builder()
        .kubelets_of(&k)
        .start()
        .await
        .expect("a server");
    let ask = async |token: &str, host: &str, path: &str| {
        let mut request = kubelets.get(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !host.is_empty() {
            request = request.header("host", format!("{host}:10250"));
        }
        let answer = request.await;
        (answer.status(), answer.text())
    };
    let log = "/containerLogs/default/web/main";
    let unauthorized = (401, "Unauthorized".to_owned());
    assert_eq!(ask("", "", "/healthz").await, unauthorized);
    assert_eq!(ask("nobody", "", "/healthz").await, unauthorized);
    assert_eq!(
        ask("debugger", "", "/healthz").await,
        (200, "ok".to_owned())
    );
    assert_eq!(ask("debugger", "", log).await, (200, "hi\n".to_owned()));
    assert_eq!(ask("debugger", node, log).await, (200, "hi\n".to_owned()));
    assert_eq!(ask("of-one-node", "", log).await, (200, "hi\n".to_owned()));
    assert_eq!(ask("debugger", other, log).await.0, 404);
    assert_eq!(ask("lister", "", "/pods").await.0, 200);
    assert_eq!(ask("scraper", node, "/metrics/resource").await.0, 200);
    let forbidden = |user: &str, of: &str| {
        (
            403,
            format!("Forbidden (user={user}, verb=get, resource=nodes, subresource(s)=[{of}])\n"),
        )
    };
    assert_eq!(ask("lister", "", log).await, forbidden("lister", "proxy"));
    assert_eq!(
        ask("scraper", "", "/pods").await,
        forbidden("scraper", "pods proxy")
    );
    assert_eq!(
        ask("debugger", node, "/metrics").await,
        forbidden("debugger", "metrics")
    );
    assert_eq!(
        ask("of-one-node", other, "/healthz").await,
        forbidden("of-one-node", "healthz proxy")
    );

    // A shell, over a WebSocket: at the port, and through the proxy of the Node.
    let own = format!("{}/exec/default/web/main", kubelets.url());
    let proxied = format!(
        "{}/api/v1/nodes/{node}:10250/proxy/exec/default/web/main",
        k.url()
    );
    for url in [own, proxied] {
        let url = url.replacen("http", "ws", 1) + "?command=sh&input=1&output=1";
        let mut request = url.into_client_request().expect("a request");
        let headers = request.headers_mut();
        headers.insert("authorization", "Bearer debugger".parse().expect("a value"));
        headers.insert(
            "sec-websocket-protocol",
            "v4.channel.k8s.io".parse().expect("a value"),
        );
        let (mut socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("a socket");
        let input = Message::binary(b"\0echo hello\nexit 3\n".to_vec());
        socket.send(input).await.expect("sent");
        let mut said = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Binary(data) if data.len() > 1 => {
                    said.push(String::from_utf8_lossy(&data).into_owned());
                }
                Message::Close(_) => break,
                _ => {}
            }
        }
        let said = said.concat();
        assert!(said.starts_with("\u{1}hello\n"), "{said}");
        assert!(said.contains("NonZeroExitCode"), "{said}");
    }
    // Of two nodes, one has to be named for what tells of one.
    let (code, told) = ask("scraper", "", "/stats/summary").await;
    assert_eq!(code, 421);
    assert!(told.contains("(node-1, node-2)"), "{told}");
    let (code, told) = ask("scraper", other, "/stats/summary").await;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((code, &told["node"]["nodeName"]), (200, &json!(other)));
    let (_, told) = ask("scraper", "", "/metrics/resource").await;
    assert!(told.contains("# kmock: this port stands for the kubelets of several nodes"));
    assert!(!told.contains("node_memory_working_set_bytes"), "{told}");
    // Rules stand above them.
    kubelets.on("get /stats/summary").status(503);
    assert_eq!(ask("debugger", "", "/stats/summary").await.0, 503);
}

/// The protocols of before version 5, by hand: an empty message first, a `Status` or a text at the end.
#[kmock::test(start_paused, nodes = 1)]
async fn older_protocols_of_commands(k: KMock) {
    use futures::StreamExt;
    use tokio_tungstenite::tungstenite::Message;
    k.image("postgres:*")
        .exec(async |command, io| match command.join(" ").as_str() {
            "pg_dump shop" => {
                io.write("-- dump\n").await;
                Ok(())
            }
            other => Err(format!("what is {other}?")),
        });
    k.post(PODS).json(&pod("db", "postgres:16")).await;
    k.settle().await;
    let failed =
        "command terminated with non-zero exit code: error executing command [psql], exit code 1";
    let status = json!({
        "metadata": {}, "status": "Failure", "message": failed, "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "1"}]},
    });
    for (protocol, command, expected) in [
        (
            "v4.channel.k8s.io",
            "command=pg_dump&command=shop",
            vec![
                "\u{1}",
                "\u{1}-- dump\n",
                "\u{3}{\"metadata\":{},\"status\":\"Success\"}",
            ],
        ),
        (
            "v4.base64.channel.k8s.io",
            "command=pg_dump&command=shop",
            vec![
                "1",
                "1LS0gZHVtcAo=",
                "3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ==",
            ],
        ),
        (
            "channel.k8s.io",
            "command=psql",
            vec![
                "\u{1}",
                "\u{2}Error: what is psql?\n",
                &format!("\u{3}{failed}"),
            ],
        ),
        (
            "v4.channel.k8s.io",
            "command=psql",
            vec![
                "\u{1}",
                "\u{2}Error: what is psql?\n",
                &format!("\u{3}{status}"),
            ],
        ),
    ] {
        let mut socket = dial(&k, &format!("{PODS}/db/exec?{command}"), protocol).await;
        let mut came = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Close(_) => break,
                other => came.push(String::from_utf8_lossy(&other.into_data()).into_owned()),
            }
        }
        assert_eq!(came, expected, "{protocol}");
    }
}

/// A WebSocket to a command, which speaks the protocol that is asked for.
async fn dial(
    k: &KMock,
    path: &str,
    protocol: &str,
) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let url = format!("ws://{}{path}", k.address());
    let mut request = url.into_client_request().expect("a URL");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol.parse().expect("a value"));
    let stream = tokio::net::TcpStream::connect(k.address()).await;
    let (socket, response) = tokio_tungstenite::client_async(request, stream.expect("it listens"))
        .await
        .expect("upgraded");
    assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
    socket
}

/// What a client of a command gets over a WebSocket: the texts of the channels, and how it ended.
async fn spoken(k: &KMock, path: &str, input: &[&str]) -> (Vec<String>, Value) {
    use futures::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;

    let mut socket = dial(k, path, "v5.channel.k8s.io").await;
    for text in input {
        let message = [b"\0", text.as_bytes()].concat();
        socket.send(Message::binary(message)).await.expect("sent");
    }
    if !input.is_empty() {
        // The end of the input, as of version 5.
        socket
            .send(Message::binary(vec![255, 0]))
            .await
            .expect("sent");
    }
    let (mut said, mut status) = (Vec::new(), Value::Null);
    while let Some(Ok(message)) = socket.next().await {
        let bytes = match message {
            Message::Close(_) => break,
            other => other.into_data(),
        };
        match bytes.split_first() {
            Some((3, rest)) => status = serde_json::from_slice(rest).expect("a Status"),
            Some((channel, rest)) => {
                said.push(format!("{channel}{}", String::from_utf8_lossy(rest)));
            }
            None => {}
        }
    }
    (said, status)
}

#[kmock::test]
async fn a_rule_answers_commands_where_nothing_runs(k: KMock) {
    kmock! { k,
        let dumps = exec "v1/pods" named "db-*" => |command, io| {
            io.write("-- dump\n").await;
            if command[0] == "pg_dump" { 0 } else { 127 }
        };
    }
    let (said, _) = spoken(&k, &format!("{PODS}/db-0/exec?command=pg_dump"), &[]).await;
    assert_eq!((said.concat(), dumps.count()), ("1-- dump\n".to_owned(), 1));
}

/// Without a cluster that lives, and without a Pod: rules say what commands do.
#[kmock::test]
async fn commands_are_answered_by_rules(k: KMock) {
    kmock! { k,
        let psql = exec "v1/pods" named "db-*" => |command, io| {
            if command[0] != "psql" {
                io.write_error("no such command\n").await;
                return 127;
            }
            io.write(format!("hello from {}\n", io.container().pod()["metadata"]["name"])).await;
            0
        };
        let joined = attach "v1/pods" => async |_command, mut io| {
            let all = io.rest().await;
            io.write(all).await;
        };
        get|create "v1/pods/exec" => exec (async |_: Vec<String>, _: kmock::life::Io| 3);
    }
    let path = |name: &str, rest: &str| format!("{PODS}/{name}/{rest}");
    let (said, status) = spoken(&k, &path("db-0", "exec?command=psql"), &[]).await;
    assert_eq!(
        (said, &status["status"]),
        (vec!["1hello from \"db-0\"\n".to_owned()], &json!("Success"))
    );
    let (said, status) = spoken(&k, &path("db-0", "exec?command=sh"), &[]).await;
    assert_eq!(
        (said, &status["details"]["causes"][0]["message"]),
        (vec!["2no such command\n".to_owned()], &json!("127"))
    );
    // Names may be words of the path.
    let odd = "/api/v1/namespaces/pods/pods/db-1/exec?command=psql";
    let (said, _) = spoken(&k, odd, &[]).await;
    assert_eq!(said, ["1hello from \"db-1\"\n"]);
    let (said, _) = spoken(&k, &path("web", "attach?stdin=true"), &["a", "b"]).await;
    assert_eq!(said.concat().replace('1', ""), "ab");
    let (_, status) = spoken(&k, &path("web", "exec?command=sh"), &[]).await;
    assert_eq!(status["details"]["causes"][0]["message"], "3");
    assert_eq!((psql.count(), joined.count()), (3, 1));
    // Whoever asks in no way to speak is told so, as by a server.
    let answer = k.get(&path("db-0", "exec?command=psql")).await;
    assert_eq!(
        (answer.status(), answer.json()["message"].clone()),
        (400, json!("Upgrade request required"))
    );
}

#[kmock::test]
async fn a_rule_for_commands_is_a_call_too(k: KMock) {
    let shells = k
        .on(Filter::resource("v1/pods/exec") & Filter::query("command", "sh"))
        .exec(async |command, _| {
            assert_ne!(command, ["sh"], "no shell today");
        });
    let (said, status) = spoken(&k, &format!("{PODS}/a/exec?command=sh"), &[]).await;
    let said = said.concat();
    assert!(
        said.starts_with("2panicked: ") && said.contains("no shell today"),
        "{said}"
    );
    assert_eq!(status["details"]["causes"][0]["message"], "134");
    assert_eq!(shells.count(), 1);
}

#[kmock::test(start_paused, nodes = 1)]
async fn the_usage_that_the_test_sets_is_served(k: KMock) {
    let top = "/apis/metrics.k8s.io/v1beta1";
    assert_eq!(k.get(&format!("{top}/nodes")).await.status(), 404);
    k.post(PODS).json(&pod("web", "web")).await;
    k.life().usage("default/web", "cpu", "250m");
    k.life().usage("default/*", "memory", "64Mi");
    k.settle().await;
    let pods = k
        .get(&format!("{top}/namespaces/default/pods"))
        .await
        .json();
    assert_eq!(pods["kind"], "PodMetricsList");
    let usage = json!({"cpu": "250m", "memory": "67108864"});
    assert_eq!(
        pods["items"][0]["containers"],
        json!([{"name": "main", "usage": usage}])
    );
    let nodes = k.get(&format!("{top}/nodes/node-1")).await.json();
    assert_eq!(nodes["usage"], usage);
    k.life().usage("default/web", "cpu", "1");
    k.settle().await;
    assert_eq!(
        k.get(&format!("{top}/nodes/node-1")).await.json()["usage"]["cpu"],
        "1"
    );
    k.delete(&format!("{PODS}/web")).await;
    k.settle().await;
    assert_eq!(
        k.get(&format!("{top}/nodes/node-1")).await.json()["usage"]["cpu"],
        "0"
    );
}

#[kmock::test(start_paused, nodes = 1)]
async fn who_looks_at_a_status_that_is_written_sees_the_whole_pod(k: KMock) {
    let api = "admissionregistration.k8s.io/v1";
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/status"], "operations": ["UPDATE"]}]);
    let whole = "object.spec == oldObject.spec && object.spec.containers[0].image != 'bad'";
    k.objects().seed_all(json!([
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "whole"},
            "spec": {"matchConstraints": {"resourceRules": rules}, "validations": [{"expression": whole}]}},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "whole"},
            "spec": {"policyName": "whole", "validationActions": ["Deny"]}},
    ]));
    k.post(PODS).json(&pod("good", "good")).await;
    k.post(PODS).json(&pod("bad", "bad")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let phase =
        |name: &str| k.objects().get("pods", name).expect("there")["status"]["phase"].clone();
    assert_eq!(
        (phase("good"), phase("bad")),
        (json!("Running"), json!("Pending"))
    );
    // Whoever manages which fields is told as before: the spec by who made it, the status by the kubelet.
    let good = k.objects().get("pods", "good").expect("there");
    let managers = good["metadata"]["managedFields"]
        .as_array()
        .expect("managers");
    let mut owned: Vec<_> = managers
        .iter()
        .map(|one| one["fieldsV1"].as_object().map(|all| all.keys()))
        .map(|keys| keys.into_iter().flatten().cloned().collect::<Vec<_>>())
        .collect();
    owned.sort();
    assert_eq!(owned, [["f:spec"], ["f:status"]]);
}
