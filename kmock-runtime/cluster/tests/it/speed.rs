//! How quick it is: bounds that only a defect goes over. `docs/performance.md` has the figures.

use std::time::Instant;

use crate::world::{DEPLOYMENTS, deployment, live};

#[test]
fn many_pods() {
    let count: i64 = std::env::var("PODS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(30);
    live(5, |w| async move {
        w.life
            .node("n{1..=5}")
            .pods(count as usize)
            .cpu(1000)
            .memory("1000Gi");
        w.settle().await;
        for round in ["first", "many"] {
            let begun = Instant::now();
            let wanted = if round == "first" { 3 } else { count };
            let mut body = deployment(wanted, "web");
            body["metadata"]["name"] = round.into();
            w.ask(&format!("POST {DEPLOYMENTS}"), body).await;
            w.settle().await;
            let revision = w.cluster.store().revision();
            eprintln!(
                "{round}: {wanted} pods in {:?}, revision {revision}",
                begun.elapsed()
            );
            assert_eq!(
                w.get("deployments", round)["status"]["availableReplicas"],
                wanted
            );
            w.ask(
                &format!("DELETE {DEPLOYMENTS}/{round}"),
                serde_json::json!({}),
            )
            .await;
            w.settle().await;
        }
        assert!(w.list("pods").is_empty());
    });
}
