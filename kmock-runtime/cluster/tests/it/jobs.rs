//! Jobs to their ends.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, condition, live, text};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

fn job(image: &str, more: Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}},
    });
    for (key, value) in more.as_object().expect("an object") {
        job["spec"][key] = value.clone();
    }
    job
}

async fn run(w: &World, image: &str, more: Value) -> Value {
    w.ask(&format!("POST {JOBS}"), job(image, more)).await;
    w.settle().await;
    w.get("jobs", "work")
}

#[test]
fn a_job_completes() {
    live(1, |w| async move {
        w.life.image("done").exit(0).after(Duration::from_secs(30));
        let work = run(&w, "done", json!({"completions": 3, "parallelism": 2})).await;
        assert_eq!(
            (
                condition(&work, "Complete").as_str(),
                condition(&work, "SuccessCriteriaMet").as_str()
            ),
            ("True CompletionsReached", "True CompletionsReached")
        );
        assert_eq!(
            ["succeeded", "failed", "active", "ready", "terminating"]
                .map(|name| work["status"][name].clone()),
            [json!(3), Value::Null, Value::Null, json!(0), json!(0)]
        );
        assert_eq!(work["status"]["uncountedTerminatedPods"], json!({}));
        assert!(
            w.list("pods")
                .iter()
                .all(|pod| pod["metadata"]["finalizers"].is_null()
                    && text(&pod["status"]["phase"]) == "Succeeded")
        );
        assert_eq!(
            w.events("Job").last().map(String::as_str),
            Some("Completed Job completed")
        );
    });
}

#[test]
fn failures_are_retried_up_to_the_limit() {
    live(1, |w| async move {
        w.life.image("bad").exit(2);
        let begun = tokio::time::Instant::now();
        let work = run(&w, "bad", json!({"backoffLimit": 2})).await;
        assert_eq!(condition(&work, "Failed"), "True BackoffLimitExceeded");
        assert_eq!(
            (&work["status"]["failed"], w.list("pods").len()),
            (&json!(3), 3)
        );
        // Ten seconds, then twenty; the times of the ends are whole seconds.
        assert!(
            (28..=30).contains(&begun.elapsed().as_secs()),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(
            w.events("Job").last().map(String::as_str),
            Some("BackoffLimitExceeded Job has reached the specified backoff limit")
        );
    });
}

#[test]
fn a_failure_policy_gives_up_or_ignores() {
    live(1, |w| async move {
        w.life.image("bad").exit(42);
        let rules =
            json!([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]);
        let work = run(&w, "bad", json!({"podFailurePolicy": {"rules": rules}})).await;
        assert_eq!(condition(&work, "Failed"), "True PodFailurePolicy");
        let failed = work["status"]["conditions"]
            .as_array()
            .expect("conditions")
            .iter()
            .find(|one| one["type"] == "Failed")
            .expect("it is there");
        assert!(
            text(&failed["message"]).starts_with("Container c for pod default/work-"),
            "{failed}"
        );
    });
    live(1, |w| async move {
        w.life.image("bad").runs(..3).exit(42);
        w.life.image("bad").exit(0);
        let rules =
            json!([{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]);
        let work = run(
            &w,
            "bad",
            json!({"backoffLimit": 0, "podFailurePolicy": {"rules": rules}}),
        )
        .await;
        assert_eq!(
            (
                condition(&work, "Complete").as_str(),
                &work["status"]["failed"]
            ),
            ("True CompletionsReached", &Value::Null)
        );
        assert_eq!(w.list("pods").len(), 4);
    });
}

#[test]
fn indexes_each_get_their_pod() {
    live(1, |w| async move {
        w.life.image("part").run(async |c| {
            let index: i32 = c
                .env("JOB_COMPLETION_INDEX")
                .and_then(|text| text.parse().ok())
                .unwrap_or(99);
            if index == 1 { 1 } else { 0 }
        });
        let work = run(&w, "part", json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1})).await;
        assert_eq!(
            (
                text(&work["status"]["completedIndexes"]),
                text(&work["status"]["failedIndexes"])
            ),
            ("0,2", "1")
        );
        assert_eq!(condition(&work, "Failed"), "True FailedIndexes");
        let names: Vec<String> = w
            .list("pods")
            .iter()
            .map(|pod| text(&pod["metadata"]["name"])[..7].to_owned())
            .collect();
        assert_eq!(names, ["work-0-", "work-1-", "work-1-", "work-2-"]);
    });
    live(1, |w| async move {
        w.life.image("part").exit(0);
        let policy = json!({"rules": [{"succeededIndexes": "0"}]});
        let work = run(&w, "part", json!({"completionMode": "Indexed", "completions": 5, "parallelism": 1, "successPolicy": policy})).await;
        assert_eq!(
            (
                condition(&work, "Complete").as_str(),
                text(&work["status"]["completedIndexes"])
            ),
            ("True SuccessPolicy", "0")
        );
    });
}

#[test]
fn suspending_deadlines_and_time_to_live() {
    live(1, |w| async move {
        let work = run(&w, "runs", json!({"suspend": true})).await;
        assert_eq!(
            (condition(&work, "Suspended").as_str(), w.list("pods").len()),
            ("True JobSuspended", 0)
        );
        w.ask(
            &format!("PATCH {JOBS}/work"),
            json!({"spec": {"suspend": false, "activeDeadlineSeconds": 60}}),
        )
        .await;
        w.settle().await;
        assert_eq!(
            (
                condition(&w.get("jobs", "work"), "Suspended").as_str(),
                w.list("pods").len()
            ),
            ("False JobResumed", 1)
        );
        w.ask(
            &format!("PATCH {JOBS}/work"),
            json!({"spec": {"ttlSecondsAfterFinished": 100}}),
        )
        .await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        w.settle().await;
        assert_eq!(
            condition(&w.get("jobs", "work"), "Failed"),
            "True DeadlineExceeded"
        );
        tokio::time::sleep(Duration::from_secs(101)).await;
        w.settle().await;
        assert!(w.list("jobs").is_empty() && w.list("pods").is_empty());
    });
}

#[test]
fn deleting_a_job_takes_its_pods_along() {
    live(1, |w| async move {
        run(&w, "runs", json!({"parallelism": 2})).await;
        assert_eq!(w.list("pods").len(), 2);
        w.ask(
            &format!("DELETE {JOBS}/work"),
            json!({"propagationPolicy": "Background"}),
        )
        .await;
        w.settle().await;
        assert!(w.list("pods").is_empty());
    });
}
