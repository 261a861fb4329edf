//! Attacks: what is large, circular, endless or garbage is answered soon, or refused in words, and nothing else suffers.

use std::time::{Duration, Instant};

use kmock::prelude::*;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// As much work may something be, unoptimised.
const SOON: Duration = Duration::from_secs(10);

/// So long is waited for what comes soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much was done since: where the system tells, without what was waited for on a machine that has others to serve.
struct Effort(Instant, Option<u64>);

impl Effort {
    fn begin() -> Effort {
        Effort(Instant::now(), Effort::ticks())
    }

    /// The processor's time of this process, in hundredths of a second.
    fn ticks() -> Option<u64> {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (_, fields) = text.rsplit_once(") ")?;
        let times = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        times.sum::<Result<_, _>>().ok()
    }

    fn so_far(&self) -> Duration {
        let Effort(began, before) = self;
        let worked = before.zip(Effort::ticks());
        let worked = worked.map(|(before, now)| Duration::from_millis(10 * (now - before)));
        let took = began.elapsed();
        worked.map_or(took, |worked| worked.min(took))
    }
}

/// Sends it, and sees that an answer takes little effort.
async fn soon(what: &str, request: kmock::client::ClientRequest) -> kmock::client::Response {
    let effort = Effort::begin();
    let answer = request.await;
    let took = effort.so_far();
    eprintln!("{what}: {} in {took:.1?}", answer.status());
    assert!(took < SOON, "{what} took {took:?}");
    answer
}

fn keyed_lists() -> Value {
    let items = json!({"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "n": {"type": "integer"}}});
    let list = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": items});
    let schema = json!({"type": "object", "properties": {"spec": list}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "lists.attack.dev"},
        "spec": {"group": "attack.dev", "scope": "Namespaced", "names": {"plural": "lists", "kind": "List1"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
    })
}

/// Each item is looked for among the former ones: who does so one by one takes many seconds, and four times as many for twice the items.
#[kmock::test]
async fn keyed_lists_of_thousands_are_changed_soon(k: KMock) {
    let lists = "/apis/attack.dev/v1/namespaces/default/lists";
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    k.post(definitions).json(keyed_lists()).await;
    let list = |by: i64| {
        let items: Vec<Value> = (0..5_000)
            .map(|n| json!({"k": format!("v{n}"), "n": n * by}))
            .collect();
        json!({"apiVersion": "attack.dev/v1", "kind": "List1", "metadata": {"name": "a"}, "spec": items})
    };
    let made = soon("create", k.post(lists).json(list(1))).await;
    assert_eq!(made.status(), 201);
    for (kind, query, by) in [
        (
            "application/apply-patch+yaml",
            "fieldManager=x&force=true",
            1,
        ),
        (
            "application/apply-patch+yaml",
            "fieldManager=x&force=true",
            2,
        ),
        ("application/merge-patch+json", "fieldManager=y", 3),
    ] {
        let patch = k.patch(format!("{lists}/a?{query}"));
        let patch = patch.header("content-type", kind);
        let changed = soon(kind, patch.body(list(by).to_string())).await;
        assert_eq!(changed.status(), 200);
        assert_eq!(changed.json()["spec"][4_999]["n"], 4_999 * by);
    }
}

fn pod(spec: Value) -> Value {
    let mut spec = spec;
    if spec["containers"].is_null() {
        spec["containers"] = json!([{"name": "c", "image": "i"}]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
}

/// The `n` first of something.
fn many(n: usize, one: impl Fn(usize) -> Value) -> Value {
    (0..n).map(one).collect()
}

#[kmock::test]
async fn pods_nodes_and_services_with_many_parts_are_checked_soon(k: KMock) {
    let name = |n: usize| format!("n{n}");
    let container = |key: &str, value: Value| {
        let mut container = json!({"name": "c", "image": "i"});
        container[key] = value;
        json!([container])
    };
    let volume = |n| json!({"name": name(n), "emptyDir": {}});
    let mount = |n| json!({"name": name(n), "mountPath": format!("/{n}")});
    let sources = many(
        20_000,
        |n| json!({"configMap": {"name": "m", "items": [{"key": "k", "path": format!("p{n}")}]}}),
    );
    for (what, spec) in [
        (
            "containers",
            json!({"containers": many(2_000, |n| json!({"name": name(n), "image": "i"}))}),
        ),
        (
            "claims",
            json!({"resourceClaims": many(4_000, |n| json!({"name": name(n), "resourceClaimName": "a"})),
                "containers": container("resources", json!({"claims": many(4_000, |n| json!({"name": name(n)}))}))}),
        ),
        (
            "gates",
            json!({"schedulingGates": many(10_000, |n| json!({"name": name(n)}))}),
        ),
        (
            "ports",
            json!({"containers": container("ports", many(5_000, |n| {
                json!({"containerPort": n + 1, "hostPort": n + 1, "name": name(n)})
            }))}),
        ),
        (
            "one port again and again",
            json!({"containers": container("ports", many(5_000, |_| json!({"containerPort": 80})))}),
        ),
        (
            "mounts",
            json!({"volumes": many(4_000, volume), "containers": container("volumeMounts", many(4_000, mount))}),
        ),
        (
            "projections",
            json!({"volumes": [{"name": "v", "projected": {"sources": sources}}]}),
        ),
        (
            "claims that are made",
            json!({"volumes": many(2_000, |n| {
                json!({"name": name(n), "ephemeral": {"volumeClaimTemplate": {"spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}}})
            })}),
        ),
    ] {
        let answer = soon(what, k.post(PODS).json(pod(spec))).await;
        assert!(matches!(answer.status(), 201 | 422), "{}", answer.status());
        k.delete(format!("{PODS}/p?gracePeriodSeconds=0")).await;
    }
    let tolerations = many(4_000, |n| json!({"key": name(n), "operator": "Exists"}));
    let pod = pod(json!({"tolerations": tolerations}));
    soon("tolerations", k.post(PODS).json(&pod)).await;
    let changed = soon(
        "the same tolerations",
        k.put(format!("{PODS}/p")).json(&pod),
    )
    .await;
    assert_eq!(changed.status(), 200);
    let taints = many(5_000, |n| json!({"key": name(n), "effect": "NoSchedule"}));
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": taints}});
    let answer = soon("taints", k.post("/api/v1/nodes").json(&node)).await;
    assert_eq!(answer.status(), 201);
    let ports = many(2_000, |n| json!({"name": name(n), "port": n + 1}));
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": ports}});
    let services = "/api/v1/namespaces/default/services";
    let answer = soon("node ports", k.post(services).json(&service)).await;
    assert_eq!(answer.status(), 201);
}

#[kmock::test]
async fn yaml_of_every_shape_is_read_or_refused(k: KMock) {
    for (what, text) in [
        ("keys of keys", "? ".repeat(5_000)),
        ("dashes", "- ".repeat(5_000)),
        ("flows", "[".repeat(50_000)),
        ("tags", format!("a: {}x", "!!str ".repeat(5_000))),
        ("documents", "---\n".repeat(50_000)),
        (
            "a block of blanks",
            format!("a: |\n{}", "  \n".repeat(200_000)),
        ),
        (
            "escapes",
            format!("a: \"{}\"", "\\U0001F600".repeat(50_000)),
        ),
        ("bytes that are no text", "\u{0}\u{1}".repeat(100)),
        (
            "anchors that deepen each other",
            (1..200).fold("a0: &a0 x\n".to_owned(), |text, n| {
                format!(
                    "{text}a{n}: &a{n} {}*a{}{}\n",
                    "[".repeat(400),
                    n - 1,
                    "]".repeat(400)
                )
            }),
        ),
        (
            "maps in maps",
            (0..400).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        ),
    ] {
        let post = k.post(MAPS).header("content-type", "application/yaml");
        let answer = soon(what, post.body(text)).await;
        // What can be read is no ConfigMap.
        let text = answer.text();
        assert!(matches!(answer.status(), 400 | 422), "{what}: {text}");
    }
}

/// A webhook for the creation of ConfigMaps, by its address in this process.
fn webhook_file(kind: &str) -> tempfile::NamedTempFile {
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "w"},
        "webhooks": [{
            "name": "w.attack.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": "https://w.attack.dev/"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        }],
    });
    let file = tempfile::Builder::new().suffix(".json").tempfile();
    let file = file.expect("a file");
    std::fs::write(file.path(), configuration.to_string()).expect("written");
    file
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": name}})
}

/// The same by a client that says nothing of where it is: there are no more calls of a webhook at once than a server has writes.
#[kmock::test]
async fn a_webhook_that_asks_by_another_client_ends(k: KMock) {
    let file = webhook_file("ValidatingWebhookConfiguration");
    // What ends it is their number, not the time, however busy the machine is.
    let text = std::fs::read_to_string(file.path()).expect("a file");
    let patient = text.replacen(
        "\"sideEffects\"",
        "\"timeoutSeconds\":30,\"sideEffects\"",
        1,
    );
    std::fs::write(file.path(), patient).expect("written");
    let client = k.reqwest().build().expect("a client");
    let url = format!("{}{MAPS}", k.url());
    k.webhook_fn(file.path(), move |review: Value| {
        let request = client.post(&url).header("content-type", "application/json");
        let sent = request.body(map("inner").to_string()).send();
        async move {
            let allowed = sent.await.is_ok_and(|answer| answer.status().is_success());
            json!({
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "response": {"uid": review["request"]["uid"], "allowed": allowed},
            })
        }
    });
    let answer = k.post(MAPS).json(map("outer")).await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
    let requests = k.requests();
    assert_eq!(requests.len(), 201);
    let last = requests.last().and_then(|seen| seen.status());
    assert_eq!(last, Some(500));
}

/// Each object that the webhook makes calls it again, and no time passes meanwhile.
#[kmock::test(start_paused)]
async fn a_webhook_that_asks_for_what_it_guards_ends(k: KMock) {
    let file = webhook_file("MutatingWebhookConfiguration");
    let again = k.clone();
    k.webhook_fn(file.path(), move |review: Value| {
        let k = again.clone();
        async move {
            let answer = k.post(MAPS).json(map("inner")).await;
            let said = answer.json()["message"].clone();
            json!({
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "response": {"uid": review["request"]["uid"], "allowed": answer.status() < 300, "status": {"message": said}},
            })
        }
    });
    let answer = soon("recursion", k.post(MAPS).json(map("outer"))).await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
    assert_eq!(k.requests().len(), 17);
    let text = answer.json()["message"].to_string();
    assert!(
        text.contains("context deadline exceeded (kmock: 16 calls of webhooks in this process wait for each other"),
        "{text}"
    );
    // Many at once are no recursion.
    k.objects().delete("mutatingwebhookconfigurations", "w");
    let file = webhook_file("ValidatingWebhookConfiguration");
    k.webhook_fn(file.path(), |review: Value| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": review["request"]["uid"], "allowed": true}})
    });
    let map = map("at-once");
    let all = (0..50).map(|_| k.post(MAPS).json(&map));
    for answer in futures::future::join_all(all.map(IntoFuture::into_future)).await {
        assert_eq!(answer.status(), 201);
    }
}

#[kmock::test(start_paused)]
async fn webhooks_that_panic_hang_or_answer_garbage_are_told_in_words(k: KMock) {
    let file = webhook_file("ValidatingWebhookConfiguration");
    let turn = std::sync::atomic::AtomicUsize::new(0);
    k.webhook_fn(file.path(), move |review: Value| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let uid = review["request"]["uid"].clone();
        assert_ne!(turn, 0, "at once");
        async move {
            let review = |response: Value| {
                json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
            };
            match turn {
                1 => panic!("later"),
                2 => std::future::pending().await,
                3 => Value::Null,
                4 => json!("a text"),
                5 => json!([1, 2]),
                6 => json!({"apiVersion": "v1", "kind": "Pod"}),
                7 => review(json!({"uid": "another", "allowed": true})),
                8 => review(json!({"uid": uid, "allowed": "yes"})),
                9 => review(json!({"uid": uid, "allowed": true, "patch": "!!!", "patchType": "JSONPatch"})),
                10 => review(json!({"uid": uid, "allowed": false, "status": {"code": 99_999, "message": "x".repeat(100_000)}})),
                _ => review(json!({"uid": uid, "allowed": true})),
            }
        }
    });
    for (turn, (code, words)) in [
        (500, "panicked: assertion"),
        (500, "panicked: later"),
        (500, "context deadline exceeded"),
        (500, "failed calling webhook"),
        (500, "failed calling webhook"),
        (500, "failed calling webhook"),
        (500, "failed calling webhook"),
        (500, "expected response.uid"),
        (500, "cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool"),
        (500, "response.patch is not base64"),
        (400, "denied the request: xxx"),
        (201, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = soon("webhook", k.post(MAPS).json(map("a"))).await;
        let text: String = answer.text().chars().take(400).collect();
        assert_eq!(answer.status(), code, "{turn}: {text}");
        assert!(text.contains(words), "{turn}: {text}");
    }
}

/// Ten years of minutes have passed: one Job is made, and who made it says that too many were missed.
#[kmock::test(start_paused, nodes = 1)]
async fn schedules_after_a_jump_of_ten_years_are_found_soon(k: KMock) {
    let jobs = "/apis/batch/v1/namespaces/default/cronjobs";
    for (n, schedule) in ["0 0 30 2 *", "* * * * *", "@every 1s", "30 6-16/4 * * 1-5"]
        .iter()
        .enumerate()
    {
        let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
        let spec = json!({"schedule": schedule, "suspend": true, "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"template": template}}});
        let job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": format!("c{n}")}, "spec": spec});
        soon(schedule, k.post(jobs).json(&job)).await;
    }
    k.settle().await;
    let effort = Effort::begin();
    tokio::time::advance(Duration::from_secs(10 * 365 * 86_400)).await;
    for n in 0..4 {
        let go = json!({"spec": {"suspend": false}});
        k.objects()
            .patch("cronjobs", format!("default/c{n}").as_str(), go);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let made = k.objects().list("jobs", Some("default"));
    let took = effort.so_far();
    eprintln!("{} jobs in {took:?}", made.len());
    assert!(took < SOON, "{took:?}");
    let of = |cron: &str| {
        let name = |job: &kmock::kubernetes::Object| {
            job["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        made.iter()
            .filter(|job| name(job).starts_with(cron))
            .count()
    };
    // The last one may be due or not: it depends on the day.
    assert_eq!([of("c0-"), of("c1-"), of("c2-")], [0, 1, 1]);
    let events = k.objects().list("events", Some("default"));
    let too_many = events
        .iter()
        .filter(|event| event["reason"] == "TooManyMissedTimes");
    assert!(too_many.count() >= 2);
}

/// Numbers at the ends of what their fields take.
#[kmock::test(start_paused, nodes = 2)]
async fn the_largest_numbers_overflow_nothing(k: KMock) {
    const INT: i64 = i32::MAX as i64;
    const LONG: i64 = i64::MAX;
    let pod = |extra: Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
        for (key, value) in extra.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    let job = |extra: Value| {
        let mut spec = json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    let deployment = |extra: Value| {
        let mut spec = json!({"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    let probe = json!({"exec": {"command": ["true"]}, "initialDelaySeconds": INT, "periodSeconds": INT, "timeoutSeconds": INT,
        "failureThreshold": INT, "terminationGracePeriodSeconds": LONG});
    let cron = |extra: Value| {
        let mut spec = json!({"schedule": "* * * * *", "jobTemplate": {"spec": job(json!({}))}});
        for (key, value) in extra.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    for (n, (version, plural, kind, spec)) in [
        ("v1", "pods", "Pod", pod(json!({"terminationGracePeriodSeconds": LONG}))),
        ("v1", "pods", "Pod", pod(json!({"activeDeadlineSeconds": INT}))),
        (
            "v1",
            "pods",
            "Pod",
            pod(json!({"containers": [{"name": "c", "image": "i", "livenessProbe": probe, "readinessProbe": probe, "startupProbe": probe}]})),
        ),
        (
            "v1",
            "pods",
            "Pod",
            pod(json!({"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LONG},
                {"key": "l", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": i64::MIN}]})),
        ),
        (
            "v1",
            "pods",
            "Pod",
            pod(json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "9223372036854775807", "memory": "7Ei"}}}]})),
        ),
        (
            "v1",
            "pods",
            "Pod",
            pod(json!({"containers": [{"name": "c", "image": "i", "lifecycle": {"preStop": {"sleep": {"seconds": LONG}}}}],
                "terminationGracePeriodSeconds": LONG})),
        ),
        ("batch/v1", "jobs", "Job", job(json!({"activeDeadlineSeconds": LONG}))),
        ("batch/v1", "jobs", "Job", job(json!({"backoffLimit": INT, "ttlSecondsAfterFinished": INT}))),
        ("batch/v1", "jobs", "Job", job(json!({"completions": INT, "parallelism": 1}))),
        (
            "batch/v1",
            "jobs",
            "Job",
            job(json!({"completions": 100_000, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": INT, "maxFailedIndexes": 10_000})),
        ),
        ("batch/v1", "cronjobs", "CronJob", cron(json!({"startingDeadlineSeconds": LONG}))),
        ("batch/v1", "cronjobs", "CronJob", cron(json!({"successfulJobsHistoryLimit": INT, "failedJobsHistoryLimit": INT}))),
        (
            "apps/v1",
            "deployments",
            "Deployment",
            deployment(json!({"minReadySeconds": INT - 1, "progressDeadlineSeconds": INT, "revisionHistoryLimit": INT,
                "strategy": {"rollingUpdate": {"maxSurge": INT, "maxUnavailable": INT}}})),
        ),
        (
            "apps/v1",
            "deployments",
            "Deployment",
            deployment(json!({"strategy": {"rollingUpdate": {"maxSurge": "2147483647%", "maxUnavailable": "100%"}}})),
        ),
        ("apps/v1", "statefulsets", "StatefulSet", deployment(json!({"serviceName": "s", "ordinals": {"start": INT}, "minReadySeconds": INT}))),
        (
            "autoscaling/v2",
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler",
            json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "missing"}, "minReplicas": INT, "maxReplicas": INT,
                "behavior": {"scaleUp": {"policies": [{"type": "Percent", "value": INT, "periodSeconds": 1800}], "stabilizationWindowSeconds": 3600}}}),
        ),
        (
            "policy/v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
            json!({"minAvailable": INT, "selector": {}}),
        ),
        (
            "coordination.k8s.io/v1",
            "leases",
            "Lease",
            json!({"leaseDurationSeconds": INT, "leaseTransitions": INT, "renewTime": "9998-12-31T23:59:59.999999Z", "acquireTime": "0001-01-01T00:00:00.000000Z"}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": format!("x{n}")}, "spec": spec});
        let root = if version == "v1" { "/api" } else { "/apis" };
        let path = format!("{root}/{version}/namespaces/default/{plural}");
        let answer = soon(plural, k.post(&path).json(&object)).await;
        assert!(matches!(answer.status(), 201 | 422), "{plural} x{n}: {}", answer.text());
        if answer.status() == 422 {
            eprintln!("x{n}: {}", answer.json()["message"]);
        }
    }
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(300)).await;
    for grace in [
        "9223372036854775807",
        "2147483647",
        "-9223372036854775808",
        "0",
    ] {
        let answer = soon(
            grace,
            k.delete(format!("{PODS}/x0?gracePeriodSeconds={grace}")),
        )
        .await;
        assert!(answer.status() < 500, "{}", answer.text());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    eprintln!("six minutes took {:?}", began.elapsed());
    assert_eq!(k.errors(), [""; 0]);
}

/// Options, and what rules take, at their ends.
#[kmock::test]
async fn options_at_their_ends_are_options(_k: KMock) {
    for builder in [
        KMock::builder().history(0),
        KMock::builder().history(usize::MAX),
        KMock::builder().keep(0),
        KMock::builder().keep(usize::MAX),
        KMock::builder().journal_limit(0),
        KMock::builder().journal_limit(usize::MAX),
        KMock::builder().body_limit(0),
        KMock::builder().body_limit(usize::MAX),
        KMock::builder().limit(usize::MAX),
        KMock::builder().requests_per_connection(1),
        KMock::builder().seed(u64::MAX),
        KMock::builder().revision(u64::MAX / 2),
    ] {
        let k = builder.start().await.expect("a server");
        k.on("/rule").text("fine");
        assert_eq!(k.get("/rule").await.status(), 200);
        for _ in 0..3 {
            k.post(MAPS).json(map("a")).await;
        }
        k.get(MAPS).await;
        let _ = (k.report().to_string(), k.requests().len(), k.errors());
    }
}

#[kmock::test(raw, start_paused)]
async fn times_without_an_end_are_no_overflow(k: KMock) {
    kmock! { k,
        GET "/sleeps" => sleep(Duration::MAX), 200;
        GET "/slow" => sleep(Duration::from_secs(u64::MAX / 4)), 200;
    }
    for path in ["/sleeps", "/slow"] {
        let waits = tokio::time::timeout(Duration::from_secs(3600), k.get(path).send());
        assert!(waits.await.is_err(), "{path}");
    }
    let _ = k.report().to_string();
}

/// A client that opens an exec, attach or port-forward and says no more, or is gone: nobody waits for it, and nothing is left.
#[kmock::test(nodes = 1)]
async fn streams_to_containers_that_are_abandoned_leave_nothing(k: KMock) {
    let image = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "main", "image": "web", "stdin": true}]}});
    k.post(PODS).json(&image).await;
    k.settle().await;
    let open = async |way: &str| {
        let mut socket = TcpStream::connect(k.address()).await.expect("it listens");
        let head = format!(
            "GET {PODS}/web/{way} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.expect("sent");
        let mut start = [0; 12];
        socket.read_exact(&mut start).await.expect("a head");
        (socket, String::from_utf8_lossy(&start).into_owned())
    };
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let ways = [
        "exec?command=sleep&command=1000&stdin=true&stdout=true",
        "exec?command=cat&stdin=true&stdout=true&tty=true",
        "attach?stdin=true&stdout=true",
        "portforward?ports=80",
        "log?follow=true",
    ];
    for way in ways {
        eprintln!("{way}: {}", open(way).await.1);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = tasks();
    for _ in 0..10 {
        for way in ways {
            let (mut socket, _) = open(way).await;
            // Garbage, and gone. (Of the log it would be another request, which waits for its turn.)
            if !way.starts_with("log") {
                let _ = socket.write_all(&[0x82, 0xff, 1, 2, 3, 4, 5]).await;
            }
        }
    }
    let since = Instant::now();
    while tasks() > before + 2 {
        assert!(
            since.elapsed() < PATIENCE,
            "{} tasks, {before} before",
            tasks()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Those that stay and say nothing hold up nobody.
    let silent = [
        open(ways[0]).await,
        open(ways[1]).await,
        open(ways[3]).await,
    ];
    let answer = soon("beside them", k.get(PODS)).await;
    assert_eq!(answer.status(), 200);
    let gone = soon(
        "delete",
        k.delete(format!("{PODS}/web?gracePeriodSeconds=0")),
    )
    .await;
    assert_eq!(gone.status(), 200);
    k.settle().await;
    drop(silent);
}

#[kmock::test(raw)]
async fn recordings_that_are_broken_are_refused_in_words(_k: KMock) {
    let entry = |request: Value, response: Value| {
        json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [{"startedDateTime": "2026-01-01T00:00:00Z", "time": 1, "request": request, "response": response}]}}).to_string()
    };
    let request = json!({"method": "GET", "url": "http://x/a", "httpVersion": "HTTP/1.1", "headers": [], "queryString": [], "cookies": []});
    let response = json!({"status": 200, "statusText": "OK", "headers": [], "content": {"size": 1, "mimeType": "text/plain", "text": "a"}});
    let with = |mut value: Value, key: &str, new: Value| {
        value[key] = new;
        value
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (n, (what, expected, text)) in [
        ("nothing", "no HTTP Archive: EOF", String::new()),
        ("no JSON", "no HTTP Archive: EOF", "{\"log\":".into()),
        ("another shape", "no list at /log/entries", "[1, 2]".into()),
        (
            "no entries",
            "no list at /log/entries",
            "{\"log\": {}}".into(),
        ),
        (
            "entries that are none",
            "/log/entries/0/request/url is no text",
            "{\"log\": {\"entries\": [1, null, \"x\"]}}".into(),
        ),
        (
            "a status that is none",
            "read; 404",
            entry(
                request.clone(),
                with(response.clone(), "status", json!(99_999)),
            ),
        ),
        (
            "a negative status",
            "read; 404",
            entry(request.clone(), with(response.clone(), "status", json!(-1))),
        ),
        (
            "a method that is none",
            "read; 404",
            entry(
                with(request.clone(), "method", json!("G E T")),
                response.clone(),
            ),
        ),
        (
            "a URL that is none",
            "read; 404",
            entry(
                with(request.clone(), "url", json!("::::")),
                response.clone(),
            ),
        ),
        (
            "a body that is no base64",
            "is no base64",
            entry(
                request.clone(),
                with(
                    response.clone(),
                    "content",
                    json!({"encoding": "base64", "text": "!!!"}),
                ),
            ),
        ),
        (
            "a header that cannot be sent",
            "read; 200",
            entry(
                request.clone(),
                with(
                    response.clone(),
                    "headers",
                    json!([{"name": "a b", "value": "x\r\ny: z"}]),
                ),
            ),
        ),
        (
            "deep",
            "recursion limit exceeded",
            format!("{{\"log\":{}", "[".repeat(100_000)),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{n}.har"));
        std::fs::write(&path, text).expect("written");
        let one = KMock::builder().raw(true).start().await.expect("a server");
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            kmock! { one, ANY => replay (&path); }
        }));
        let said = match read {
            Ok(()) => format!("read; {}", one.get("/a").await.status()),
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        assert!(said.contains(expected), "{what}: {said}");
    }
}

/// Hellos that stall, and clients that connect and say nothing: others are served, and a test is not held up by them.
#[kmock::test(raw, tls)]
async fn handshakes_that_stall_hold_up_nobody(k: KMock) {
    kmock! { k, GET "/" => "fine"; }
    let mut stalled = Vec::new();
    for bytes in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x40\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xff\xff\xff\xff\xff",
    ] {
        for _ in 0..20 {
            let mut socket = TcpStream::connect(k.address()).await.expect("it listens");
            socket.write_all(bytes).await.expect("sent");
            stalled.push(socket);
        }
    }
    let began = Instant::now();
    for _ in 0..5 {
        assert_eq!(k.get("/").await.status(), 200);
    }
    k.shutdown();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    drop(stalled);
}
