//! CronJobs over virtual hours.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, live, text};

const CRONS: &str = "/apis/batch/v1/namespaces/default/cronjobs";

async fn cron(w: &World, image: &str, more: Value) {
    let mut cron = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}}}},
    });
    for (key, value) in more.as_object().expect("an object") {
        cron["spec"][key] = value.clone();
    }
    w.ask(&format!("POST {CRONS}"), cron).await;
}

#[test]
fn jobs_come_by_the_schedule_and_are_kept_as_the_history_says() {
    live(1, |w| async move {
        w.life.image("quick").exit(0);
        cron(&w, "quick", json!({})).await;
        w.settle().await;
        assert!(w.list("jobs").is_empty());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        w.settle().await;
        let jobs = w.list("jobs");
        assert_eq!(jobs.len(), 3);
        let tick = w.get("cronjobs", "tick");
        let last = text(&tick["status"]["lastScheduleTime"])
            .parse::<jiff::Timestamp>()
            .expect("a time");
        assert_eq!(last.as_second() % 600, 0);
        assert_eq!(
            jobs[2]["metadata"]["name"],
            format!("tick-{}", last.as_second() / 60)
        );
        assert!(
            tick["status"]["active"].is_null() && tick["status"]["lastSuccessfulTime"].is_string()
        );
        let reasons: Vec<String> = w
            .events("CronJob")
            .iter()
            .map(|event| event.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            reasons
                .iter()
                .filter(|reason| *reason == "SuccessfulCreate")
                .count(),
            6
        );
        assert_eq!(
            reasons
                .iter()
                .filter(|reason| *reason == "SuccessfulDelete")
                .count(),
            3
        );
    });
}

#[test]
fn concurrency_policies() {
    for (policy, running, created) in [("Allow", 6, 6), ("Forbid", 1, 1), ("Replace", 1, 6)] {
        live(1, |w| async move {
            cron(&w, "long", json!({"concurrencyPolicy": policy})).await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            w.settle().await;
            let active = w.get("cronjobs", "tick")["status"]["active"]
                .as_array()
                .map_or(0, Vec::len);
            let made = w
                .events("CronJob")
                .iter()
                .filter(|event| event.starts_with("SuccessfulCreate"))
                .count();
            assert_eq!((active, made), (running, created), "{policy}");
        });
    }
}
