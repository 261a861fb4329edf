//! Requests for certificates: approved, signed, refused, and gone in time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kmock_cluster::ToSign;
use serde_json::{Value, json};

use crate::world::{World, condition, live};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// `O=system:nodes, CN=system:node:n1`.
const OF_NODE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIcU1JR1NBZ0VBTURBeEZUQVRCZ05WQkFvTURITjVjM1JsYlRwdWIyUmxjekVYTUJVR0ExVUVBd3dPYzNsegpkR1Z0T201dlpHVTZiakV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVNkb0M1YWlMMjlDRHd2CmN2U3dTUHZFWVFhSWdwdDRnMDduSDh0WFhxZjZkMzMzS3NJQlFpUlZzZFl6aVRiR1lPTUJTdFljd25FbkdnOGUKSVhHUTVkK0VvQUF3Q2dZSUtvWkl6ajBFQXdJRFJ3QXdSQUlnZXo3d09WNGlwd2VJeHZ3a2FjcnM5a2FKL25jWgpvQlVIMVk3eTNoUU1hMllDSUI0UW1rVWVPcndmOFVvK3NHSmR2R3lVZnNGVGxqNE1YdVQrclRKd3k0SXAKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";
/// `O=devs, CN=jane`.
const OF_JANE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERUQUxCZ05WQkFvTUJHUmxkbk14RFRBTEJnTlZCQU1NQkdwaGJtVXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFaaVZXOERqeXl1UkJWNUhNbkJ2d2Z4cDFBcG8rdkVzRXNmWVdkClpjUHNWNEo0NUpZTUxGRGQzRHBGdlppM3pycitpWHU5a2w1Qk10bHRONlRxaDZ3ZG9BQXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUlnVVBVaGYxbHgyaDlMcHVYUjVxamMzMFcvMlA4M3Vndyt2aFdOWG52MDVBc0NJUURHYkNDTgpML1NsclFMclY4Z3NkOFllSFV5eGZCZW4yWGZkSlRrSmR6NGRIUT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

fn request(name: &str, signer: &str, csr: &str, usages: Value) -> Value {
    json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"signerName": format!("kubernetes.io/{signer}"), "request": csr, "usages": usages, "expirationSeconds": 7200},
    })
}

async fn approve(w: &World, name: &str) {
    let mut object = w.get("certificatesigningrequests", name);
    object["status"]["conditions"] =
        json!([{"type": "Approved", "status": "True", "reason": "Test"}]);
    w.ask(&format!("PUT {REQUESTS}/{name}/approval"), object)
        .await;
    w.settle().await;
}

/// What a signer gave, where what is signed does not matter.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAcwADAAAwEA\n-----END CERTIFICATE-----\n";

/// Signs by noting it.
fn signer(w: &World) -> Arc<Mutex<Vec<ToSign>>> {
    let signed = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&signed);
    w.life.sign_with(move |to_sign| {
        to.lock().expect("no panics").push(to_sign.clone());
        Ok(CERTIFICATE.to_owned())
    });
    signed
}

fn issued(w: &World, name: &str) -> bool {
    w.get("certificatesigningrequests", name)["status"]["certificate"].is_string()
}

#[test]
fn certificates_of_kubelets_come_by_themselves_and_others_when_they_are_approved() {
    live(0, |w| async move {
        let signed = signer(&w);
        let client = json!(["digital signature", "client auth"]);
        let kubelet = request(
            "node",
            "kube-apiserver-client-kubelet",
            OF_NODE,
            client.clone(),
        );
        w.ask(&format!("POST {REQUESTS}"), kubelet).await;
        w.ask(
            &format!("POST {REQUESTS}"),
            request("jane", "kube-apiserver-client", OF_JANE, client.clone()),
        )
        .await;
        let mut foreign = request("foreign", "kube-apiserver-client", OF_JANE, client);
        foreign["spec"]["signerName"] = json!("example.com/own");
        w.ask(&format!("POST {REQUESTS}"), foreign).await;
        w.settle().await;
        let node = w.get("certificatesigningrequests", "node");
        assert_eq!(condition(&node, "Approved"), "True AutoApproved");
        assert_eq!(
            node["status"]["conditions"][0]["message"],
            "Auto approving kubelet client certificate after SubjectAccessReview."
        );
        assert!(issued(&w, "node") && !issued(&w, "jane"));
        approve(&w, "jane").await;
        approve(&w, "foreign").await;
        assert!(issued(&w, "jane") && !issued(&w, "foreign"));
        let signed = signed.lock().expect("no panics").clone();
        assert_eq!(signed.len(), 2);
        assert_eq!(
            (signed[1].usages.as_slice(), signed[1].lifetime),
            (
                ["digital signature".to_owned(), "client auth".to_owned()].as_slice(),
                Duration::from_secs(7200)
            )
        );
        assert!(
            signed[1]
                .request
                .starts_with("-----BEGIN CERTIFICATE REQUEST-----")
        );
        // What was signed goes after an hour.
        tokio::time::sleep(Duration::from_secs(3601)).await;
        w.settle().await;
        let left: Vec<_> = w
            .list("certificatesigningrequests")
            .iter()
            .map(|one| one["metadata"]["name"].clone())
            .collect();
        assert_eq!(left, ["foreign"]);
    });
}

#[test]
fn what_cannot_be_signed_fails_by_name() {
    live(0, |w| async move {
        let server = json!(["digital signature", "server auth"]);
        for (name, signer, csr, usages, reason, message) in [
            (
                "usage",
                "kube-apiserver-client",
                OF_JANE,
                &server,
                "True SignerValidationFailure",
                "invalid usage for client certificate: server auth",
            ),
            (
                "serving",
                "kubelet-serving",
                OF_NODE,
                &server,
                "True SignerValidationFailure",
                "DNS or IP subjectAltName is required",
            ),
            (
                "nobody",
                "legacy-unknown",
                OF_JANE,
                &server,
                "True SignerNotAvailable",
                "kmock signs certificates only with its feature `tls`, or by `life.sign_with(…)`",
            ),
        ] {
            let (code, answer) = w
                .call(
                    &format!("POST {REQUESTS}"),
                    request(name, signer, csr, usages.clone()),
                )
                .await;
            if name == "nobody" && code == 422 {
                // The API itself takes none of that signer any more.
                assert!(
                    answer["message"]
                        .as_str()
                        .is_some_and(|why| why.contains("legacy-unknown")),
                    "{answer}"
                );
                continue;
            }
            assert_eq!(code, 201, "{answer}");
            approve(&w, name).await;
            let object = w.get("certificatesigningrequests", name);
            assert_eq!(condition(&object, "Failed"), reason, "{object}");
            assert_eq!(object["status"]["conditions"][1]["message"], message);
        }
    });
}
