//! Who asks, and may they: what docs/access.md shows.

use kmock::kubernetes::User;
use kmock::prelude::*;

/// What an operator ships.
const MANIFEST: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: prod}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator, namespace: prod}
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: ["*"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator, namespace: prod}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects:
- {kind: ServiceAccount, name: operator, namespace: prod}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: prod}
"#;

const OPERATOR: &str = "system:serviceaccount:prod:operator";
const CONFIGMAPS: &str = "/api/v1/namespaces/prod/configmaps";

async fn who(request: kmock::client::ClientRequest) -> serde_json::Value {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = request.json(review).await;
    answer.json()["status"]["userInfo"].clone()
}

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

#[kmock::test]
async fn an_operator_runs_under_the_role_that_it_ships(k: KMock) {
    k.rbac(MANIFEST);
    let operator = k.as_user(OPERATOR);
    assert_eq!(operator.get(CONFIGMAPS).await.status(), 200);
    let refused = operator.get("/api/v1/namespaces/prod/pods").await;
    assert_eq!(refused.status(), 403);
    let status: serde_json::Value = refused.json();
    assert_eq!(
        status["message"],
        r#"pods is forbidden: User "system:serviceaccount:prod:operator" cannot list resource "pods" in API group "" in the namespace "prod""#
    );
    // Whoever has no credentials may only look around; the test's own hand may do anything.
    assert_eq!(k.get(CONFIGMAPS).await.status(), 403);
    assert_eq!(k.get("/version").await.status(), 200);
    k.objects().seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "prod"}}));
    assert_eq!(operator.get(format!("{CONFIGMAPS}/a")).await.status(), 200);
    assert!(
        k.objects()
            .get("deployments.apps", "prod/operator")
            .is_none()
    );
}

#[kmock::test(rbac)]
async fn the_option_does_it_from_the_start(k: KMock) {
    assert_eq!(k.get("/api/v1/pods").await.status(), 403);
    let admin = k.as_user(User::new("root").group("system:masters"));
    assert_eq!(admin.get("/api/v1/pods").await.status(), 200);
    let viewer = k.as_user("jane");
    k.rbac(r#"{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "v"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]}"#);
    assert_eq!(viewer.get("/api/v1/pods").await.status(), 200);
    assert_eq!(viewer.get("/api/v1/secrets").await.status(), 403);
}

#[kmock::test]
async fn users_are_known_without_rules_about_them(k: KMock) {
    let jane = k.as_user(
        User::new("jane")
            .uid("u-1")
            .group("devs")
            .extra("scopes", "view"),
    );
    assert_eq!(
        who(jane.post(WHO)).await,
        json!({
            "username": "jane", "uid": "u-1", "groups": ["devs", "system:authenticated"],
            "extra": {"scopes": ["view"]},
        })
    );
    assert_eq!(who(k.post(WHO)).await["username"], "kubernetes-admin");
    assert!(jane.kubeconfig().contains(jane.token()));
}

#[kmock::test]
async fn a_refusal_says_which_rule_is_missing(k: KMock) {
    k.rbac(MANIFEST);
    let operator = k.as_user(OPERATOR);
    operator
        .get("/apis/apps/v1/namespaces/prod/deployments/web/scale")
        .await;
    operator.delete("/api/v1/namespaces/prod").await;
    let text = k.report().text().to_string();
    for lines in [
        "as system:serviceaccount:prod:operator",
        r#"
            system:serviceaccount:prod:operator may not get deployments/scale: it takes a rule in a Role of the namespace prod (or a ClusterRole):
                - apiGroups: ["apps"]
                  resources: ["deployments/scale"]
                  verbs: ["get"]
"#,
        r#"
            system:serviceaccount:prod:operator may not delete namespaces: it takes a rule in a ClusterRole:
                - apiGroups: [""]
                  resources: ["namespaces"]
                  verbs: ["delete"]
"#,
    ] {
        assert!(text.contains(lines), "{lines}\n---\n{text}");
    }
    let report = k.report();
    assert_eq!(report.entries[0].user.as_deref(), Some(OPERATOR));
}

#[kmock::test]
async fn the_smallest_role_is_what_was_needed(k: KMock) {
    k.rbac(MANIFEST);
    kmock! { k,
        get "v1/pods/log" => text "hello";
    }
    let operator = k.as_user(OPERATOR);
    operator.get(CONFIGMAPS).await;
    operator
        .get(format!(
            "{CONFIGMAPS}?watch=true&timeoutSeconds=0&resourceVersion=1"
        ))
        .await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let applied = operator.patch(format!("{CONFIGMAPS}/a?fieldManager=op"));
    let applied = applied
        .header("content-type", "application/apply-patch+yaml")
        .json(map)
        .await;
    assert_eq!(applied.status(), 201);
    // Rules are not asked for rights; a server would ask.
    operator.get("/api/v1/namespaces/prod/pods/p/log").await;
    operator.get("/api/v1/nodes").await;
    // Everybody may do this.
    operator.get("/apis").await;
    k.get("/api/v1/secrets").await;
    let role = operator.minimal_role().named("operator");
    assert_eq!(
        role.to_string(),
        r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: operator
rules:
- apiGroups: [""]
  resources: ["nodes"]
  verbs: ["list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: operator
  namespace: prod
rules:
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["list", "watch", "create", "patch"]
- apiGroups: [""]
  resources: ["pods/log"]
  verbs: ["get"]
# Role prod/operator allows too much; not used:
#   {APIGroups:[""], Resources:["configmaps"], Verbs:["get"]}
#   {APIGroups:[""], Resources:["secrets"], Verbs:["*"]}
# Role prod/operator allows more than can be told, by a star: {APIGroups:[""], Resources:["secrets"], Verbs:["*"]}
# asked for, and not allowed:
#   {APIGroups:[""], Resources:["nodes"], Verbs:["list"]}
#   {APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}
"#
    );
    // The role that was found is enough.
    let again = kmock::KMock::start().await;
    again.rbac(format!(
        "{}---\n{}",
        role,
        MANIFEST.replace(
            "name: operator, namespace: prod}\nrules",
            "name: old, namespace: prod}\nrules"
        )
    ));
    assert_eq!(again.as_user(OPERATOR).get(CONFIGMAPS).await.status(), 200);
    assert_eq!(
        again
            .as_user(OPERATOR)
            .get("/api/v1/namespaces/prod/secrets")
            .await
            .status(),
        403
    );
}

#[kmock::test]
async fn without_rbac_the_smallest_role_is_everybodys(k: KMock) {
    k.get("/api/v1/namespaces/default/pods").await;
    k.get("/api/v1/namespaces/default/pods/p").await;
    k.get("/api/v1/namespaces/default/services/s").await;
    let role = k.minimal_role();
    assert_eq!(
        role.roles(),
        [json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "minimal", "namespace": "default"},
            "rules": [
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
                {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
            ],
        })]
    );
    let names = role.with_names().roles();
    assert_eq!(
        names[0]["rules"],
        json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["services"], "resourceNames": ["s"], "verbs": ["get"]},
        ])
    );
}

#[kmock::test]
async fn tokens_of_service_accounts_are_known_when_they_come_back(k: KMock) {
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}));
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/bot/token";
    let issued: serde_json::Value = k.post(path).json(request).await.json();
    let token = issued["status"]["token"].as_str().expect("a token");
    let bearer = format!("Bearer {token}");
    let info = who(k.post(WHO).header("authorization", &bearer)).await;
    assert_eq!(info["username"], "system:serviceaccount:default:bot");
    k.objects().delete("serviceaccounts", "bot");
    let refused = k.get("/api").header("authorization", &bearer).await;
    assert_eq!(refused.status(), 401);
}

#[kmock::test]
async fn impersonation_is_seen_by_everything(k: KMock) {
    let request = k
        .post(WHO)
        .header("impersonate-user", "joe")
        .header("impersonate-group", "devs");
    let info = who(request).await;
    assert_eq!(info["groups"], json!(["devs", "system:authenticated"]));
    assert_eq!(k.report().entries[0].user.as_deref(), Some("joe"));
}

#[kmock::test]
async fn unknown_tokens_are_refused_where_everybody_must_be_known(_k: KMock) {
    let k = KMock::builder()
        .authentication(true)
        .start()
        .await
        .expect("it starts");
    k.cluster()
        .load_tokens("s3cret,jane,u-1,\"devs\"\n")
        .expect("good");
    assert_eq!(
        k.get("/api")
            .header("authorization", "Bearer wrong")
            .await
            .status(),
        401
    );
    let info = who(k.post(WHO).header("authorization", "Bearer s3cret")).await;
    assert_eq!(info["username"], "jane");
    // Nothing is refused but what nobody is known by: RBAC is another matter.
    assert_eq!(k.get("/api/v1/secrets").await.status(), 200);
    assert!(k.kubeconfig().contains("token: "));
}

#[kmock::test]
async fn a_program_runs_as_in_its_pod(k: KMock) {
    let directory = std::env::temp_dir().join(format!("kmock-pod-{}", k.address().port()));
    let variables = k.in_cluster("prod/bot", &directory).expect("written");
    assert_eq!(
        variables[1],
        ("KUBERNETES_SERVICE_PORT", k.address().port().to_string())
    );
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).expect("a file");
    assert_eq!(read("namespace"), "prod");
    assert!(read("ca.crt").starts_with("-----BEGIN CERTIFICATE-----"));
    let bearer = format!("Bearer {}", read("token"));
    let info = who(k.post(WHO).header("authorization", bearer)).await;
    assert_eq!(info["username"], "system:serviceaccount:prod:bot");
    std::fs::remove_dir_all(directory).expect("removed");
}

#[kmock::test]
async fn reviews_tell_who_may_what(k: KMock) {
    k.rbac(MANIFEST);
    let may = async |verb: &str, resource: &str| {
        let asked = json!({"namespace": "prod", "verb": verb, "resource": resource});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked}});
        let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = k.as_user(OPERATOR).post(reviews).json(review).await;
        answer.json()["status"]["allowed"] == true
    };
    assert!(may("patch", "configmaps").await);
    assert!(!may("delete", "configmaps").await);
}

#[kmock::test]
async fn nobody_grants_what_they_do_not_have(k: KMock) {
    k.rbac(MANIFEST);
    k.rbac(include_str!("grants.yaml"));
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "more"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/prod/roles";
    let refused = k.as_user(OPERATOR).post(roles).json(role).await;
    assert_eq!(refused.status(), 403);
    let text = refused.text();
    assert!(
        text.contains("attempting to grant RBAC permissions not currently held"),
        "{text}"
    );
}

#[kmock::test]
async fn tokens_name_the_key_that_is_published(k: KMock) {
    let keys = k.get("/openid/v1/jwks").await.json();
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    let configuration = k.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        configuration["id_token_signing_alg_values_supported"],
        json!(["RS256"])
    );
    k.objects()
        .seed(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}));
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/bot/token";
    let issued = k.post(path).json(request).await.json();
    let token = issued["status"]["token"].as_str().expect("a token");
    let head = token.split('.').next().expect("a head");
    let head = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, head);
    let head: serde_json::Value = serde_json::from_slice(&head.expect("base64")).expect("JSON");
    assert_eq!(
        (&head["alg"], &head["kid"]),
        (&json!("RS256"), &keys["keys"][0]["kid"])
    );
    let info = who(k
        .post(WHO)
        .header("authorization", format!("Bearer {token}")))
    .await;
    assert_eq!(info["username"], "system:serviceaccount:default:bot");
    // One letter less is another signature.
    let forged = format!("Bearer {}", &token[..token.len() - 1]);
    let refused = k.get("/api").header("authorization", forged).await;
    assert_eq!(refused.status(), 401);
}
