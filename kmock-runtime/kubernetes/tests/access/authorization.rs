//! May they: what RBAC refuses, and in which words.

use kmock_kubernetes::{Cluster, ClusterOptions, User};
use serde_json::{Value, json};

use crate::{ask, cluster};

const GROUP: &str = "rbac.authorization.k8s.io";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// A cluster under RBAC, where `jane` and a ServiceAccount `bot` have tokens that are their names.
fn under(rules: Value) -> Cluster {
    let cluster = cluster(ClusterOptions {
        rbac: true,
        ..ClusterOptions::default()
    });
    let access = cluster.access();
    access.put_token("root", User::new("root").group("system:masters"));
    access.put_token("jane", "jane");
    access.put_token("bot", User::service_account("default", "bot"));
    let api = format!("{GROUP}/v1");
    let objects = cluster.objects();
    objects.seed(json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}));
    objects.seed(json!({
        "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": GROUP}],
        "roleRef": {"kind": "ClusterRole", "name": "r", "apiGroup": GROUP},
    }));
    cluster
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn by(user: &str, cluster: &Cluster, method: &str, path: &str, body: Value) -> (u16, Value) {
    let token = format!("Bearer {user}");
    ask(cluster, method, path, &[("authorization", &token)], body)
}

fn refused(user: &str, cluster: &Cluster, method: &str, path: &str, body: Value) -> String {
    let (code, status) = by(user, cluster, method, path, body);
    assert_eq!(
        (code, &status["reason"]),
        (403, &json!("Forbidden")),
        "{path}: {status}"
    );
    status["message"].as_str().expect("a message").to_owned()
}

#[test]
fn refusals_tell_who_what_and_where() {
    let cluster = under(json!([]));
    for (method, path, message) in [
        (
            "GET",
            "/api/v1/namespaces/y/pods",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "y""#,
        ),
        (
            "GET",
            "/api/v1/pods",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "GET",
            "/api/v1/pods?watch=1",
            r#"pods is forbidden: User "jane" cannot watch resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "GET",
            "/api/v1/namespaces/y/pods/p/log",
            r#"pods "p" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "y""#,
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/y/deployments",
            r#"deployments.apps is forbidden: User "jane" cannot deletecollection resource "deployments" in API group "apps" in the namespace "y""#,
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/y/deployments/d/scale",
            r#"deployments.apps "d" is forbidden: User "jane" cannot patch resource "deployments/scale" in API group "apps" in the namespace "y""#,
        ),
        // A namespace is in itself.
        (
            "GET",
            "/api/v1/namespaces/y",
            r#"namespaces "y" is forbidden: User "jane" cannot get resource "namespaces" in API group "" in the namespace "y""#,
        ),
        (
            "PUT",
            "/api/v1/namespaces/y/finalize",
            r#"namespaces "y" is forbidden: User "jane" cannot update resource "namespaces/finalize" in API group "" in the namespace "y""#,
        ),
        (
            "POST",
            "/api/v1/namespaces",
            r#"namespaces is forbidden: User "jane" cannot create resource "namespaces" in API group "" at the cluster scope"#,
        ),
        // What nobody serves is refused before it is looked for.
        (
            "GET",
            "/apis/x.io/v1/namespaces/y/foos/f",
            r#"foos.x.io "f" is forbidden: User "jane" cannot get resource "foos" in API group "x.io" in the namespace "y""#,
        ),
        // One name, by a field selector.
        (
            "GET",
            "/api/v1/nodes?fieldSelector=metadata.name%3Dn1",
            r#"nodes "n1" is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#,
        ),
        (
            "GET",
            "/metrics",
            r#"forbidden: User "jane" cannot get path "/metrics""#,
        ),
        (
            "POST",
            "/api",
            r#"forbidden: User "jane" cannot post path "/api""#,
        ),
    ] {
        assert_eq!(
            refused("jane", &cluster, method, path, Value::Null),
            message
        );
    }
    let (_, status) = by(
        "jane",
        &cluster,
        "GET",
        "/api/v1/namespaces/y/pods/p",
        Value::Null,
    );
    assert_eq!(status["details"], json!({"name": "p", "kind": "pods"}));
    let (code, status) = ask(&cluster, "GET", "/api/v1/pods", &[], Value::Null);
    let nobody = r#"pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope"#;
    assert_eq!((code, status["message"].as_str()), (403, Some(nobody)));
    // Everybody may look around.
    for path in [
        "/api",
        "/apis/apps/v1",
        "/openapi/v3",
        "/version",
        "/healthz",
    ] {
        assert_eq!(
            by("jane", &cluster, "GET", path, Value::Null).0,
            200,
            "{path}"
        );
    }
}

#[test]
fn roles_that_are_not_there_are_told() {
    let cluster = under(json!([]));
    for (name, kind) in [("x", "ClusterRole"), ("y", "Role")] {
        cluster.objects().seed(json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding", "metadata": {"name": name, "namespace": "default"},
            "subjects": [{"kind": "Group", "name": "system:authenticated", "apiGroup": GROUP}],
            "roleRef": {"kind": kind, "name": "gone", "apiGroup": GROUP},
        }));
    }
    let message = refused(
        "jane",
        &cluster,
        "GET",
        "/api/v1/namespaces/default/pods",
        Value::Null,
    );
    assert_eq!(
        message,
        "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\": \
         RBAC: [clusterrole.rbac.authorization.k8s.io \"gone\" not found, role.rbac.authorization.k8s.io \"gone\" not found]"
    );
}

#[test]
fn names_and_selectors_go_together() {
    let mut one = rule(&["get", "list", "watch", "update"], "", &["configmaps"]);
    one["resourceNames"] = json!(["a"]);
    let cluster = under(json!([one]));
    let path = "/api/v1/namespaces/default/configmaps";
    cluster
        .objects()
        .seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
    let code = |query: &str| {
        by(
            "jane",
            &cluster,
            "GET",
            &format!("{path}{query}"),
            Value::Null,
        )
        .0
    };
    assert_eq!((code("/a"), code("/b"), code("")), (200, 403, 403));
    assert_eq!(code("?fieldSelector=metadata.name=a"), 200);
    assert_eq!(code("?fieldSelector=metadata.name=b"), 403);
    assert_eq!(code("?fieldSelector=metadata.namespace=default"), 403);
}

#[test]
fn who_updates_need_not_be_allowed_to_create() {
    let cluster = under(json!([rule(
        &["get", "update", "patch"],
        "coordination.k8s.io",
        &["leases"]
    )]));
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease =
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}});
    let message = refused("jane", &cluster, "PUT", path, lease.clone());
    assert_eq!(
        message,
        "leases.coordination.k8s.io \"l\" is forbidden: User \"jane\" cannot create resource \"leases\" in API group \
         \"coordination.k8s.io\" in the namespace \"default\""
    );
    cluster.objects().seed(lease.clone());
    assert_eq!(
        by("jane", &cluster, "PUT", path, lease).0,
        422,
        "a Lease wants its version"
    );
}

fn role(rules: Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": {"name": "new"}, "rules": rules})
}

fn binding(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding", "metadata": {"name": "new"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": GROUP}],
        "roleRef": {"kind": kind, "name": name, "apiGroup": GROUP},
    })
}

const ALL: [&str; 6] = ["create", "update", "patch", "get", "list", "delete"];

#[test]
fn nobody_grants_what_they_do_not_have() {
    let roles = ["roles", "rolebindings", "clusterroles"];
    let pods = rule(&["get", "list"], "", &["pods"]);
    let cluster = under(json!([rule(&ALL, GROUP, &roles), pods]));
    let path = format!("{RBAC}/namespaces/default/roles");
    let (code, made) = by("jane", &cluster, "POST", &path, role(json!([pods])));
    assert_eq!(code, 201, "{made}");
    let more = json!([rule(&["get", "watch"], "", &["pods", "secrets"])]);
    let held = r#"user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#;
    let missing = r#"{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}
{APIGroups:[""], Resources:["secrets"], Verbs:["get" "watch"]}"#;
    let message = refused("jane", &cluster, "POST", &path, role(more.clone()));
    assert_eq!(
        message,
        format!("roles.{GROUP} \"new\" is forbidden: {held}\n{missing}")
    );
    // The same of a change; one that leaves the rules alone is none.
    let patched = refused(
        "jane",
        &cluster,
        "PATCH",
        &format!("{path}/new"),
        json!({"rules": more}),
    );
    assert_eq!(patched, message);
    let owned = json!({"metadata": {"finalizers": ["x.io/f"]}});
    assert_eq!(
        by("jane", &cluster, "PATCH", &format!("{path}/new"), owned).0,
        200
    );
    // Only who has everything gathers.
    let gathers = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": {"name": "g"}, "rules": [],
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
    });
    let message = refused(
        "jane",
        &cluster,
        "POST",
        &format!("{RBAC}/clusterroles"),
        gathers.clone(),
    );
    let why = "must have cluster-admin privileges to use the aggregationRule";
    assert_eq!(
        message,
        format!("clusterroles.{GROUP} \"g\" is forbidden: {why}")
    );
    assert_eq!(
        by(
            "root",
            &cluster,
            "POST",
            &format!("{RBAC}/clusterroles"),
            gathers
        )
        .0,
        201
    );
    // Bindings give what their role gives.
    let path = format!("{RBAC}/namespaces/default/rolebindings");
    assert_eq!(
        by("jane", &cluster, "POST", &path, binding("Role", "new")).0,
        201
    );
    let message = refused(
        "jane",
        &cluster,
        "POST",
        &path,
        binding("ClusterRole", "system:monitoring"),
    );
    assert!(
        message.starts_with(&format!(
            "rolebindings.{GROUP} \"new\" is forbidden: {held}\n{{APIGroups:[\"\"], Resources:[\"nodes/metrics\"]"
        )),
        "{message}"
    );
    let (code, status) = by(
        "jane",
        &cluster,
        "POST",
        &path,
        binding("ClusterRole", "gone"),
    );
    let lost = format!("clusterrole.{GROUP} \"gone\" not found");
    assert_eq!(
        (code, status["message"].as_str()),
        (404, Some(lost.as_str()))
    );
}

#[test]
fn escalate_and_bind_are_verbs() {
    let mut bind = rule(&["bind"], GROUP, &["clusterroles"]);
    bind["resourceNames"] = json!(["admin"]);
    let all = rule(&ALL, GROUP, &["roles", "rolebindings"]);
    let cluster = under(json!([all, rule(&["escalate"], GROUP, &["roles"]), bind]));
    let secrets = role(json!([rule(&["*"], "", &["secrets"])]));
    let path = format!("{RBAC}/namespaces/default");
    assert_eq!(
        by("jane", &cluster, "POST", &format!("{path}/roles"), secrets).0,
        201
    );
    let bindings = format!("{path}/rolebindings");
    assert_eq!(
        by(
            "jane",
            &cluster,
            "POST",
            &bindings,
            binding("ClusterRole", "edit")
        )
        .0,
        403
    );
    assert_eq!(
        by(
            "jane",
            &cluster,
            "POST",
            &bindings,
            binding("ClusterRole", "admin")
        )
        .0,
        201
    );
}

#[test]
fn impersonation_is_a_right() {
    let mut users = rule(&["impersonate"], "", &["users"]);
    users["resourceNames"] = json!(["bob"]);
    let cluster = under(json!([
        users,
        rule(&["impersonate"], "", &["serviceaccounts"])
    ]));
    let who = |headers: &[(&str, &str)]| {
        let mut all = vec![("authorization", "Bearer jane")];
        all.extend(headers);
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        ask(&cluster, "POST", path, &all, review)
    };
    let (code, review) = who(&[("impersonate-user", "bob")]);
    assert_eq!(
        (code, &review["status"]["userInfo"]["username"]),
        (201, &json!("bob"))
    );
    assert_eq!(
        who(&[("impersonate-user", "system:serviceaccount:a:b")]).0,
        201
    );
    // Of the ways to impersonate the first one that applies tells why not: since 1.36 that is the right to do so while
    // the request is made.
    for (headers, message) in [
        (
            &[("impersonate-user", "eve")][..],
            r#"selfsubjectreviews.authentication.k8s.io is forbidden: User "jane" cannot impersonate-on:user-info:create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        (
            &[("impersonate-user", "system:node:n")],
            r#"selfsubjectreviews.authentication.k8s.io is forbidden: User "jane" cannot impersonate-on:arbitrary-node:create resource "selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope"#,
        ),
        (
            &[
                ("impersonate-user", "system:serviceaccount:a:b"),
                ("impersonate-group", "g"),
            ],
            r#"groups "g" is forbidden: User "jane" cannot impersonate resource "groups" in API group "" at the cluster scope"#,
        ),
    ] {
        let (code, status) = who(headers);
        assert_eq!(
            (code, status["message"].as_str()),
            (403, Some(message)),
            "{headers:?}"
        );
    }
    let narrow = under(json!([
        rule(
            &["impersonate-on:user-info:create"],
            "authentication.k8s.io",
            &["selfsubjectreviews"]
        ),
        rule(
            &["impersonate:user-info"],
            "authentication.k8s.io",
            &["users"]
        ),
    ]));
    let headers = [
        ("authorization", "Bearer jane"),
        ("impersonate-user", "eve"),
    ];
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    assert_eq!(ask(&narrow, "POST", path, &headers, review).0, 201);
    assert_eq!(ask(&narrow, "GET", "/api", &headers, Value::Null).0, 403);
}

#[test]
fn reviews_tell_the_truth() {
    let cluster = under(json!([
        rule(&["get"], "", &["pods"]),
        json!({"verbs": ["get"], "nonResourceURLs": ["/x"]})
    ]));
    let review = |user: &str, kind: &str, namespace: &str, spec: Value| {
        let plural = format!("{}s", kind.to_lowercase());
        let path = match namespace {
            "" => format!("/apis/authorization.k8s.io/v1/{plural}"),
            namespace => format!("/apis/authorization.k8s.io/v1/namespaces/{namespace}/{plural}"),
        };
        let mut body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
        if !namespace.is_empty() {
            body["metadata"]["namespace"] = namespace.into();
        }
        let (code, answer) = by(user, &cluster, "POST", &path, body);
        assert_eq!(code, 201, "{answer}");
        answer["status"].clone()
    };
    let asked = |verb: &str| json!({"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "default"}});
    let reason = r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane""#;
    let allowed = json!({"allowed": true, "reason": reason});
    assert_eq!(
        review("jane", "SelfSubjectAccessReview", "", asked("get")),
        allowed
    );
    assert_eq!(
        review("jane", "SelfSubjectAccessReview", "", asked("list")),
        json!({"allowed": false})
    );
    let mut of_jane = asked("get");
    of_jane["user"] = "jane".into();
    assert_eq!(
        review("root", "SubjectAccessReview", "", of_jane.clone()),
        allowed
    );
    assert_eq!(
        review("root", "LocalSubjectAccessReview", "default", of_jane),
        allowed
    );
    let path = json!({"user": "jane", "nonResourceAttributes": {"verb": "get", "path": "/x"}});
    assert_eq!(review("root", "SubjectAccessReview", "", path), allowed);
    // Groups are those that the review names.
    let mut masters = asked("delete");
    masters["groups"] = json!(["system:masters"]);
    assert_eq!(
        review("root", "SubjectAccessReview", "", masters),
        json!({"allowed": true})
    );
    let rules = review(
        "jane",
        "SelfSubjectRulesReview",
        "",
        json!({"namespace": "default"}),
    );
    assert_eq!(rules["resourceRules"][0], rule(&["get"], "", &["pods"]));
    assert_eq!(
        rules["nonResourceRules"][0],
        json!({"verbs": ["get"], "nonResourceURLs": ["/x"]})
    );
    assert_eq!(rules["incomplete"], false);
    // They may ask for themselves, not for others.
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "x"}});
    let others = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    assert_eq!(by("jane", &cluster, "POST", others, body).0, 403);
}
