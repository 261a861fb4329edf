//! What other people's operators would do.

use std::time::Duration;

use serde_json::json;

use crate::world::live;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

#[test]
fn stages_come_one_after_the_other() {
    live(0, |w| async move {
        w.life
            .stage("certificates.cert-manager.io")
            .after(Duration::from_secs(2))
            .status(json!({"phase": "Issuing"}));
        w.life
            .stage("certificates.cert-manager.io")
            .when(json!({"status": {"phase": "Issuing"}}))
            .after(Duration::from_secs(3))
            .status(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "certificates.cert-manager.io"},
            "spec": {"group": "cert-manager.io", "scope": "Namespaced", "names": {"plural": "certificates", "kind": "Certificate"},
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
        });
        w.ask(&format!("POST {DEFINITIONS}"), definition).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = tokio::time::Instant::now();
        w.ask("POST /apis/cert-manager.io/v1/namespaces/default/certificates", json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web"}})).await;
        w.settle().await;
        assert_eq!(begun.elapsed().as_secs(), 5);
        let web = w.get("certificates.cert-manager.io", "web");
        assert_eq!(
            web["status"],
            json!({"phase": "Issuing", "conditions": [{"type": "Ready", "status": "True"}]})
        );
    });
}
