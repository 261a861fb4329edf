//! Signing requests: what is decided about them, when, and by whom.

use kmock_kubernetes::{Cluster, ClusterOptions};
use serde_json::{Value, json};

use crate::{ask, cluster};

const PATH: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// PKCS #10 requests with the subjects `O=system:masters,CN=eve` and `O=devs,CN=eve`, as openssl makes them.
const OF_MASTERS: &str = include_str!("masters.csr");
const OF_DEVS: &str = include_str!("devs.csr");
const CERTIFICATE: &str = include_str!("devs.crt");

fn request(name: &str, signer: &str, pem: &str) -> Value {
    json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {"request": encoded(pem), "signerName": signer, "usages": ["client auth"]},
    })
}

fn encoded(text: &str) -> String {
    kmock_kubernetes::internals::kinds::builtin::base64::encode(text.as_bytes())
}

fn create(cluster: &Cluster, name: &str, signer: &str) -> Value {
    let (code, made) = ask(cluster, "POST", PATH, &[], request(name, signer, OF_DEVS));
    assert_eq!(code, 201, "{made}");
    made
}

#[test]
fn nobody_gets_all_rights_by_certificate() {
    let cluster = cluster(ClusterOptions::default());
    let signer = "kubernetes.io/kube-apiserver-client";
    let (code, status) = ask(
        &cluster,
        "POST",
        PATH,
        &[],
        request("a", signer, OF_MASTERS),
    );
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "certificatesigningrequests.certificates.k8s.io \"a\" is forbidden: use of kubernetes.io/kube-apiserver-client \
         signer with system:masters group is not allowed"
    );
    for (name, signer, pem) in [("b", signer, OF_DEVS), ("c", "example.com/s", OF_MASTERS)] {
        let (code, _) = ask(&cluster, "POST", PATH, &[], request(name, signer, pem));
        assert_eq!(code, 201, "{name}");
    }
}

#[test]
fn decisions_have_times() {
    let cluster = cluster(ClusterOptions::default());
    let mut request = create(&cluster, "a", "example.com/s");
    let now = "2026-01-02T03:04:05Z";
    let path = format!("{PATH}/a/approval");
    request["status"]["conditions"] =
        json!([{"type": "Approved", "status": "True", "reason": "R"}]);
    let (code, approved) = ask(&cluster, "PUT", &path, &[], request);
    assert_eq!(code, 200, "{approved}");
    assert_eq!(
        approved["status"]["conditions"],
        json!([{
            "type": "Approved", "status": "True", "reason": "R", "lastUpdateTime": now, "lastTransitionTime": now,
        }])
    );
    // Times that are told count; those of a condition that was there before stay.
    let mut again = approved;
    let told = "2020-01-01T00:00:00Z";
    again["status"]["conditions"] = json!([
        {"type": "Approved", "status": "True", "lastUpdateTime": told},
        {"type": "Other", "status": "False", "lastTransitionTime": told},
    ]);
    let (code, again) = ask(&cluster, "PUT", &path, &[], again);
    assert_eq!(code, 200, "{again}");
    let times = |i: usize| {
        let condition = &again["status"]["conditions"][i];
        json!([condition["lastUpdateTime"], condition["lastTransitionTime"]])
    };
    assert_eq!(
        (times(0), times(1)),
        (json!([told, now]), json!([now, told]))
    );
}

#[test]
fn certificates_are_certificates() {
    let cluster = cluster(ClusterOptions::default());
    let made = create(&cluster, "a", "example.com/s");
    let path = format!("{PATH}/a/status");
    let sign = |text: &str| {
        let mut request = made.clone();
        request["status"] = json!({"certificate": encoded(text)});
        ask(&cluster, "PUT", &path, &[], request)
    };
    let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, why) in [
        ("junk", "must contain at least one CERTIFICATE PEM block"),
        (
            key,
            "only CERTIFICATE PEM blocks are allowed, found \"EC PRIVATE KEY\"",
        ),
        (bad, "x509: malformed certificate"),
        (
            &format!("{CERTIFICATE}{key}"),
            "only CERTIFICATE PEM blocks are allowed, found \"EC PRIVATE KEY\"",
        ),
    ] {
        let (code, status) = sign(text);
        assert_eq!(code, 422, "{text}");
        let message = format!(
            "CertificateSigningRequest.certificates.k8s.io \"a\" is invalid: status.certificate: Invalid value: \
             \"<certificate data>\": {why}"
        );
        assert_eq!(status["message"], message);
    }
    let (code, signed) = sign(&format!("hello\n{CERTIFICATE}"));
    assert_eq!(code, 200, "{signed}");
}

#[test]
fn approvers_and_signers_need_the_right_to_a_signer() {
    let cluster = cluster(ClusterOptions {
        rbac: true,
        ..ClusterOptions::default()
    });
    cluster.access().put_token(
        "admin",
        kmock_kubernetes::User::new("root").group("system:masters"),
    );
    cluster.access().put_token("ops", "ops");
    let admin = [("authorization", "Bearer admin")];
    let ops = [("authorization", "Bearer ops")];
    for name in ["a", "b"] {
        let signer = format!("example.com/{name}");
        let (code, made) = ask(
            &cluster,
            "POST",
            PATH,
            &admin,
            request(name, &signer, OF_DEVS),
        );
        assert_eq!(code, 201, "{made}");
    }
    let rule = |verbs: &[&str], resources: &[&str]| json!({"verbs": verbs, "apiGroups": ["certificates.k8s.io"], "resources": resources});
    let subresources = [
        "certificatesigningrequests/approval",
        "certificatesigningrequests/status",
    ];
    let mut approve = rule(&["approve"], &["signers"]);
    approve["resourceNames"] = json!(["example.com/a"]);
    let mut sign = rule(&["sign"], &["signers"]);
    sign["resourceNames"] = json!(["example.com/*"]);
    let group = "rbac.authorization.k8s.io";
    cluster.objects().seed(json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": {"name": "ops"},
        "rules": [rule(&["update", "patch"], &subresources), approve, sign],
    }));
    cluster.objects().seed(json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": "ops"},
        "subjects": [{"kind": "User", "name": "ops", "apiGroup": group}],
        "roleRef": {"kind": "ClusterRole", "name": "ops", "apiGroup": group},
    }));
    let approval = json!({"status": {"conditions": [{"type": "Approved", "status": "True"}]}});
    let decide = |name: &str, subresource: &str, patch: &Value| {
        let path = format!("{PATH}/{name}/{subresource}");
        ask(&cluster, "PATCH", &path, &ops, patch.clone())
    };
    assert_eq!(decide("a", "approval", &approval).0, 200);
    let (code, status) = decide("b", "approval", &approval);
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "certificatesigningrequests.certificates.k8s.io \"b\" is forbidden: user not permitted to approve requests with \
         signerName \"example.com/b\""
    );
    let signed = json!({"status": {"certificate": encoded(CERTIFICATE)}});
    assert_eq!(decide("b", "status", &signed).0, 200);
}
