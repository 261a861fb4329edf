//! What quotas say is used.

use serde_json::{Value, json};

use crate::world::live;

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const CLAIMS: &str = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn counts_are_of_any_kind() {
    live(0, |w| async move {
        let widgets = "/apis/example.com/v1/namespaces/default/widgets";
        w.cluster.resources().declare("example.com/v1/widgets");
        let counted = [
            (
                "count/widgets.example.com",
                widgets,
                "example.com/v1",
                "Widget",
            ),
            (
                "count/resourceclaims.resource.k8s.io",
                CLAIMS,
                "resource.k8s.io/v1",
                "ResourceClaim",
            ),
            ("count/configmaps", MAPS, "v1", "ConfigMap"),
        ];
        let hard: Value = counted
            .iter()
            .map(|(name, ..)| ((*name).to_owned(), json!("5")))
            .collect();
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}});
        w.ask(&format!("POST {QUOTAS}"), quota).await;
        w.settle().await;
        let used = |name: &str| w.get("resourcequotas", "q")["status"]["used"][name].clone();
        for (name, path, api_version, kind) in counted {
            let before = used(name);
            let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": {}});
            w.ask(&format!("POST {path}"), object).await;
            w.settle().await;
            assert_ne!(used(name), before, "{name}");
            w.ask(&format!("DELETE {path}/a"), Value::Null).await;
            w.settle().await;
            assert_eq!(used(name), before, "{name}");
        }
        assert_eq!(used("count/widgets.example.com"), "0");
    });
}
