//! What controllers give namespaces and ServiceAccounts.

use kmock_kubernetes::{Cluster, ClusterOptions};
use serde_json::{Value, json};

use crate::{ask, cluster};

fn controlled() -> Cluster {
    cluster(ClusterOptions {
        controllers: true,
        ..ClusterOptions::default()
    })
}

fn get(cluster: &Cluster, path: &str) -> (u16, Value) {
    ask(cluster, "GET", path, &[], Value::Null)
}

#[test]
fn namespaces_have_an_account_and_a_certificate() {
    let cluster = controlled();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}});
    assert_eq!(
        ask(&cluster, "POST", "/api/v1/namespaces", &[], namespace).0,
        201
    );
    for namespace in [
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "new",
    ] {
        let path = format!("/api/v1/namespaces/{namespace}");
        let (code, account) = get(&cluster, &format!("{path}/serviceaccounts/default"));
        assert_eq!(
            (code, account["metadata"]["namespace"].as_str()),
            (200, Some(namespace))
        );
        let (code, map) = get(&cluster, &format!("{path}/configmaps/kube-root-ca.crt"));
        assert_eq!(code, 200);
        let certificate = map["data"]["ca.crt"].as_str().expect("a certificate");
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(map["metadata"]["annotations"]["kubernetes.io/description"].is_string());
    }
    // Both come back, and the certificate stays what it is.
    let path = "/api/v1/namespaces/new";
    let uid =
        get(&cluster, &format!("{path}/serviceaccounts/default")).1["metadata"]["uid"].clone();
    ask(
        &cluster,
        "DELETE",
        &format!("{path}/serviceaccounts/default"),
        &[],
        Value::Null,
    );
    let again = get(&cluster, &format!("{path}/serviceaccounts/default"));
    assert!(again.0 == 200 && again.1["metadata"]["uid"] != uid);
    let map = format!("{path}/configmaps/kube-root-ca.crt");
    ask(
        &cluster,
        "PATCH",
        &map,
        &[],
        json!({"data": {"ca.crt": "x", "more": "y"}}),
    );
    assert_eq!(
        get(&cluster, &map).1["data"]
            .as_object()
            .expect("data")
            .len(),
        1
    );
    // But a namespace that goes is not furnished again.
    assert_eq!(ask(&cluster, "DELETE", path, &[], Value::Null).0, 200);
    assert_eq!(get(&cluster, path).0, 404);
    assert_eq!(
        get(&cluster, &format!("{path}/serviceaccounts")).1["items"],
        json!([])
    );
    // A bare server has none of it.
    let bare = crate::cluster(ClusterOptions::default());
    assert_eq!(
        get(&bare, "/api/v1/namespaces/default/serviceaccounts/default").0,
        404
    );
}

#[test]
fn secrets_get_the_tokens_of_their_accounts() {
    let cluster = controlled();
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = |name: &str, account: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": account}},
        })
    };
    ask(&cluster, "POST", secrets, &[], secret("t", "default"));
    let (code, filled) = get(&cluster, &format!("{secrets}/t"));
    assert_eq!(code, 200);
    let keys: Vec<&String> = filled["data"].as_object().expect("data").keys().collect();
    assert_eq!(keys, ["ca.crt", "namespace", "token"]);
    let (_, account) = get(
        &cluster,
        "/api/v1/namespaces/default/serviceaccounts/default",
    );
    let annotation = &filled["metadata"]["annotations"]["kubernetes.io/service-account.uid"];
    assert_eq!(annotation, &account["metadata"]["uid"]);
    // The token is known when it comes back.
    let token = filled["data"]["token"].as_str().expect("a token");
    let token = kmock_kubernetes::internals::kinds::builtin::base64::decode(token).expect("base64");
    let header = format!("Bearer {}", String::from_utf8(token).expect("text"));
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let who = || {
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        ask(
            &cluster,
            "POST",
            path,
            &[("authorization", &header)],
            review.clone(),
        )
    };
    let (code, info) = who();
    assert_eq!(
        (code, &info["status"]["userInfo"]["username"]),
        (201, &json!("system:serviceaccount:default:default"))
    );
    // One of an account that is not there goes away, and so do those of an account that goes.
    ask(&cluster, "POST", secrets, &[], secret("gone", "nobody"));
    assert_eq!(get(&cluster, &format!("{secrets}/gone")).0, 404);
    ask(
        &cluster,
        "DELETE",
        "/api/v1/namespaces/default/serviceaccounts/default",
        &[],
        Value::Null,
    );
    assert_eq!(get(&cluster, &format!("{secrets}/t")).0, 404);
    assert_eq!(who().0, 401);
}
