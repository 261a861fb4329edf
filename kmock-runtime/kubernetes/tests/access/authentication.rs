//! Who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use kmock_kubernetes::internals::api::authn::ClientCertificate;
use kmock_kubernetes::{Clock, Cluster, ClusterOptions, User};
use serde_json::{Value, json};

use crate::{answer, ask, cluster};

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

fn strict() -> Cluster {
    cluster(ClusterOptions {
        authentication: true,
        ..ClusterOptions::default()
    })
}

fn who(cluster: &Cluster, headers: &[(&str, &str)]) -> (u16, Value) {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let (code, answer) = ask(cluster, "POST", WHO, headers, review);
    match code {
        201 => (code, answer["status"]["userInfo"].clone()),
        _ => (code, answer),
    }
}

#[test]
fn everybody_is_the_administrator_until_somebody_has_to_be_known() {
    let admin = json!({"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]});
    let open = cluster(ClusterOptions::default());
    assert_eq!(who(&open, &[]), (201, admin.clone()));
    // Tokens that the cluster never heard of do not count as long as nobody has to be known.
    let wrong = [("authorization", "Bearer wrong")];
    assert_eq!(who(&open, &wrong), (201, admin));
    let nobody = json!({"username": "system:anonymous", "groups": ["system:unauthenticated"]});
    assert_eq!(who(&strict(), &[]), (201, nobody.clone()));
    // Neither an empty token nor another scheme is a bearer token.
    for other in ["Bearer ", "Basic YTpi", "Bearer"] {
        let found = who(&strict(), &[("authorization", other)]);
        assert_eq!(found, (201, nobody.clone()), "{other}");
    }
}

#[test]
fn unknown_tokens_are_401() {
    let (code, status) = who(&strict(), &[("authorization", "Bearer wrong")]);
    assert_eq!(code, 401);
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
        })
    );
    // Discovery and health checks are no exception.
    for path in ["/api", "/healthz", "/nowhere"] {
        let headers = [("authorization", "bearer wrong")];
        let (code, _) = ask(&strict(), "GET", path, &headers, Value::Null);
        assert_eq!(code, 401, "{path}");
    }
}

#[test]
fn known_tokens_stand_for_their_users() {
    let cluster = strict();
    let jane = User::new("jane")
        .uid("u-1")
        .group("devs")
        .extra("scopes", "view");
    cluster.access().put_token("secret", jane);
    let info = json!({
        "username": "jane", "uid": "u-1", "groups": ["devs", "system:authenticated"],
        "extra": {"scopes": ["view"]},
    });
    let header = [("authorization", "Bearer secret")];
    assert_eq!(who(&cluster, &header), (201, info.clone()));
    // A browser has no header for it but the WebSocket's protocols.
    let protocol = "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0";
    let header = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-protocol", protocol),
    ];
    assert_eq!(who(&cluster, &header), (201, info.clone()));
    // Elsewhere that header means nothing; it has to be one token, readable, and not the only protocol.
    let elsewhere = who(&cluster, &header[2..]);
    assert_eq!(elsewhere.1["username"], "system:anonymous");
    for refused in [
        "base64url.bearer.authorization.k8s.io.c2VjcmV0",
        "a, base64url.bearer.authorization.k8s.io.c2VjcmV0, base64url.bearer.authorization.k8s.io.c2VjcmV0",
        "a, base64url.bearer.authorization.k8s.io.!",
        "a, base64url.bearer.authorization.k8s.io.b3RoZXI",
    ] {
        let mut headers = header;
        headers[2].1 = refused;
        assert_eq!(who(&cluster, &headers).0, 401, "{refused}");
    }
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "secret"},
    });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let (code, review) = ask(&cluster, "POST", path, &[], review);
    assert_eq!((code, &review["status"]["user"]), (201, &info));
}

#[test]
fn certificates_name_users_and_groups() {
    let certificate = ClientCertificate {
        common_name: "ops".into(),
        organizations: vec!["system:masters".into(), "team".into()],
        uid: String::new(),
        fingerprint: "ab12".into(),
    };
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let request = Request::post(WHO)
        .header("content-type", "application/json")
        .extension(certificate)
        .body(Bytes::from(review.to_string()));
    let (code, found) = answer(&strict(), request.expect("a request"));
    assert_eq!(code, 201);
    assert_eq!(
        found["status"]["userInfo"],
        json!({
            "username": "ops", "groups": ["system:masters", "team", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": ["X509SHA256=ab12"]},
        })
    );
}

#[test]
fn impersonation_brings_all_of_the_user() {
    let open = cluster(ClusterOptions::default());
    let joe = [
        ("impersonate-user", "joe"),
        ("impersonate-group", "g1"),
        ("impersonate-group", "g2"),
        ("impersonate-uid", "uid-7"),
        ("impersonate-extra-scopes", "view"),
        ("impersonate-extra-scopes", "edit"),
        ("impersonate-extra-acme.io%2fteam", "blue"),
    ];
    let info = json!({
        "username": "joe", "uid": "uid-7", "groups": ["g1", "g2", "system:authenticated"],
        "extra": {"acme.io/team": ["blue"], "scopes": ["view", "edit"]},
    });
    assert_eq!(who(&open, &joe), (201, info));
    let groups = |headers: &[(&str, &str)]| who(&open, headers).1["groups"].clone();
    let account = ("impersonate-user", "system:serviceaccount:ns:sa");
    let known = json!([
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated"
    ]);
    assert_eq!(groups(&[account]), known);
    // Groups that are named are all there are.
    let given = groups(&[account, ("impersonate-group", "g")]);
    assert_eq!(given, json!(["g", "system:authenticated"]));
    let nobody = groups(&[("impersonate-user", "system:anonymous")]);
    assert_eq!(nobody, json!(["system:unauthenticated"]));
    let unknown = [
        ("impersonate-user", "x"),
        ("impersonate-group", "system:unauthenticated"),
    ];
    assert_eq!(groups(&unknown), json!(["system:unauthenticated"]));
    let node = groups(&[("impersonate-user", "system:node:n1")]);
    assert_eq!(node, json!(["system:nodes", "system:authenticated"]));
    // That is no ServiceAccount.
    let odd = groups(&[("impersonate-user", "system:serviceaccount:a:b:c")]);
    assert_eq!(odd, json!(["system:authenticated"]));
}

#[test]
fn impersonation_of_nobody_is_refused() {
    let open = cluster(ClusterOptions::default());
    for (header, value, shown) in [
        (
            "impersonate-group",
            "g1",
            r#"UID:"", Groups:[]string{"g1"}, Extra:map[string][]string(nil)"#,
        ),
        (
            "impersonate-uid",
            "7",
            r#"UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)"#,
        ),
        (
            "impersonate-extra-a",
            "b",
            r#"UID:"", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}"#,
        ),
    ] {
        let (code, status) = who(&open, &[(header, value)]);
        assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")));
        let message = format!(
            r#"requested &user.DefaultInfo{{Name:"", {shown}}} without impersonating a user name"#
        );
        assert_eq!(status["message"], message);
    }
}

#[test]
fn signing_requests_tell_who_asks() {
    let open = cluster(ClusterOptions::default());
    let request = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KWVdKagotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
    let csr = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": "joe"},
        "spec": {
            "request": request, "signerName": "example.com/s", "usages": ["client auth"],
            "username": "root", "uid": "0", "groups": ["wheel"], "extra": {"a": ["b"]},
        },
    });
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let joe = [
        ("impersonate-user", "joe"),
        ("impersonate-group", "g1"),
        ("impersonate-uid", "uid-7"),
        ("impersonate-extra-scopes", "view"),
    ];
    let (code, made) = ask(&open, "POST", path, &joe, csr);
    assert_eq!(code, 201, "{made}");
    let spec = &made["spec"];
    assert_eq!(
        json!([spec["username"], spec["uid"], spec["groups"], spec["extra"]]),
        json!(["joe", "uid-7", ["g1", "system:authenticated"], {"scopes": ["view"]}])
    );
}

/// A cluster and its clock, in seconds.
fn timed() -> (Cluster, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(1_700_000_000));
    let clock = Arc::clone(&seconds);
    let now = move || Timestamp::from_second(clock.load(Ordering::Relaxed)).expect("a time");
    let cluster = Cluster::new(ClusterOptions {
        clock: Some(Clock::new(now)),
        authentication: true,
        ..ClusterOptions::default()
    });
    cluster
        .access()
        .put_token("admin", (*User::admin()).clone());
    (cluster, seconds)
}

fn token(cluster: &Cluster, spec: Value) -> String {
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let path = "/api/v1/namespaces/default/serviceaccounts/bot/token";
    let (code, answer) = ask(cluster, "POST", path, &[ADMIN], request);
    assert_eq!(code, 201, "{answer}");
    answer["status"]["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");

fn bearer(cluster: &Cluster, token: &str) -> (u16, Value) {
    let header = format!("Bearer {token}");
    who(cluster, &[("authorization", &header)])
}

#[test]
fn tokens_of_service_accounts_come_back() {
    let (cluster, time) = timed();
    let bot = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}});
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let (_, bot) = ask(&cluster, "POST", accounts, &[ADMIN], bot);
    let plain = token(&cluster, json!({}));
    let (code, info) = bearer(&cluster, &plain);
    assert_eq!(
        (code, &info["username"]),
        (201, &json!("system:serviceaccount:default:bot"))
    );
    assert_eq!(info["uid"], bot["metadata"]["uid"]);
    let groups = [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ];
    assert_eq!(info["groups"], json!(groups));
    let id = &info["extra"]["authentication.kubernetes.io/credential-id"][0];
    assert!(id.as_str().is_some_and(|id| id.starts_with("JTI=")), "{id}");

    // A forged one, one for somebody else, and one of another cluster are no good.
    let forged = format!("{}x", plain.trim_end_matches('x'));
    assert_eq!(bearer(&cluster, &forged).0, 401);
    let foreign = token(&cluster, json!({"audiences": ["vault"]}));
    assert_eq!(bearer(&cluster, &foreign).0, 401);
    let twin = Cluster::new(ClusterOptions {
        seed: 1,
        ..ClusterOptions::default()
    });
    assert_eq!(bearer(&twin, &plain).0, 401, "it claims to be one of ours");

    // It lives for an hour unless something else was asked for.
    time.fetch_add(3599, Ordering::Relaxed);
    assert_eq!(bearer(&cluster, &plain).0, 201);
    time.fetch_add(1, Ordering::Relaxed);
    assert_eq!(bearer(&cluster, &plain).0, 401);
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": plain},
    });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let (_, review) = ask(&cluster, "POST", path, &[ADMIN], review);
    let why = "[invalid bearer token, service account token has expired]";
    assert_eq!(review["status"], json!({"user": {}, "error": why}));

    // And not longer than its account.
    let fresh = token(&cluster, json!({}));
    let path = format!("{accounts}/bot");
    ask(&cluster, "DELETE", &path, &[ADMIN], Value::Null);
    assert_eq!(bearer(&cluster, &fresh).0, 401);
}

#[test]
fn bound_tokens_end_with_what_they_are_bound_to() {
    let (cluster, time) = timed();
    let objects = cluster.objects();
    objects
        .seed(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}));
    objects.seed(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    objects.seed(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "bot", "nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
    }));
    let bound = json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p"}});
    let token = token(&cluster, bound);
    let (code, info) = bearer(&cluster, &token);
    assert_eq!(code, 201);
    let extra = |key: &str| info["extra"][format!("authentication.kubernetes.io/{key}")][0].clone();
    let uid = |path: &str| {
        let (_, object) = ask(&cluster, "GET", path, &[ADMIN], Value::Null);
        object["metadata"]["uid"].clone()
    };
    assert_eq!(
        (extra("pod-name"), extra("node-name")),
        (json!("p"), json!("n1"))
    );
    assert_eq!(extra("pod-uid"), uid("/api/v1/namespaces/default/pods/p"));
    assert_eq!(extra("node-uid"), uid("/api/v1/nodes/n1"));

    // The pod goes gracefully, and takes its token along a minute after its deletion was to begin.
    let path = "/api/v1/namespaces/default/pods/p";
    ask(&cluster, "DELETE", path, &[ADMIN], Value::Null);
    assert_eq!(bearer(&cluster, &token).0, 201);
    time.fetch_add(200, Ordering::Relaxed);
    assert_eq!(bearer(&cluster, &token).0, 401);
}

#[test]
fn bootstrap_tokens_are_those_of_secrets() {
    let cluster = strict();
    let text = |text: &str| json!(text);
    let secret = |data: &[(&str, &str)]| {
        let mut map = json!({
            "token-id": text("abcdef"), "token-secret": text("0123456789abcdef"),
            "usage-bootstrap-authentication": text("true"),
        });
        for (key, value) in data {
            map[*key] = text(value);
        }
        cluster.objects().seed(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"}, "stringData": map,
        }));
        let token = "Bearer abcdef.0123456789abcdef";
        let found = who(&cluster, &[("authorization", token)]);
        assert!(
            cluster
                .objects()
                .delete("secrets", "kube-system/bootstrap-token-abcdef")
        );
        found
    };
    let groups = "system:bootstrappers:b,system:bootstrappers:kubeadm:default-node-token";
    let info = json!({
        "username": "system:bootstrap:abcdef",
        "groups": [
            "system:bootstrappers", "system:bootstrappers:b", "system:bootstrappers:kubeadm:default-node-token",
            "system:authenticated",
        ],
    });
    let later = ("expiration", "2026-01-02T03:04:06Z");
    assert_eq!(secret(&[("auth-extra-groups", groups), later]), (201, info));
    for data in [
        ("expiration", "2026-01-02T03:04:05Z"),
        ("expiration", "tomorrow"),
        ("usage-bootstrap-authentication", "false"),
        ("token-secret", "0123456789abcdeg"),
        ("token-id", "abcdeg"),
        ("auth-extra-groups", "system:masters"),
        ("auth-extra-groups", "system:bootstrappers:a-"),
    ] {
        assert_eq!(secret(&[data]).0, 401, "{data:?}");
    }
    assert_eq!(
        secret(&[]).1["groups"],
        json!(["system:bootstrappers", "system:authenticated"])
    );
}
