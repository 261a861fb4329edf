//! What rules and bindings allow: the table of cases of Kubernetes' own tests of its authorizer, as facts.

use kmock_kubernetes::internals::api::authz;
use kmock_kubernetes::internals::state::access::rbac::{Rule, cover};
use kmock_kubernetes::internals::state::access::{Attributes, ResourceAttributes, What};
use kmock_kubernetes::{Cluster, ClusterOptions, User};
use serde_json::{Value, json};

use crate::cluster;

/// `verbs|groups|resources|names`, or `verbs|paths` where they begin with a slash or a star.
fn rule(text: &str) -> Rule {
    let list = |text: &str| -> Vec<String> {
        let items = text.split(',').filter(|item| !item.is_empty());
        items.map(|item| item.replace("core", "")).collect()
    };
    match text.split('|').collect::<Vec<_>>().as_slice() {
        [verbs, urls] => Rule {
            verbs: list(verbs),
            urls: list(urls),
            ..Rule::default()
        },
        [verbs, groups, resources] => Rule {
            verbs: list(verbs),
            groups: list(groups),
            resources: list(resources),
            ..Rule::default()
        },
        [verbs, groups, resources, names] => Rule {
            verbs: list(verbs),
            groups: list(groups),
            resources: list(resources),
            names: list(names),
            ..Rule::default()
        },
        _ => panic!("no rule: {text}"),
    }
}

/// `verb group resource[/subresource] [name]`, or `verb /path`; `core` is the group without a name.
fn asked(text: &str) -> Attributes<'static> {
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    match words.as_slice() {
        [verb, path] => Attributes {
            verb: verb.clone().into(),
            what: What::Path(path.clone().into()),
        },
        [verb, group, resource, rest @ ..] => {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let resource = ResourceAttributes {
                group: group.replace("core", "").into(),
                resource: resource.to_owned().into(),
                subresource: subresource.to_owned().into(),
                name: rest.first().cloned().unwrap_or_default().into(),
                ..ResourceAttributes::default()
            };
            Attributes::resource(verb.clone(), resource)
        }
        _ => panic!("nothing is asked: {text}"),
    }
}

#[test]
fn rules_allow_what_they_name_and_stars_allow_all() {
    for (text, allowed, refused) in [
        (
            "*|g1|r1",
            &["v1 g1 r1", "v2 g1 r1"][..],
            &["v1 g2 r1", "v1 g1 r2", "v1 /r1"][..],
        ),
        (
            "v1|*|r1",
            &["v1 g1 r1", "v1 g2 r1"],
            &["v2 g1 r1", "v1 g1 r2"],
        ),
        (
            "v1|g1|*",
            &["v1 g1 r1", "v1 g1 r2", "v1 g1 r2/status"],
            &["v2 g1 r1", "v1 g2 r1"],
        ),
        (
            "v1,v2|g1,g2|r1,r2",
            &["v1 g1 r1", "v2 g2 r2", "v1 g2 r1"],
            &["v3 g1 r1", "v1 g3 r1", "v1 g1 r3", "v1 g1 r1/status"],
        ),
        (
            "*|*|r1/s1",
            &["v1 g1 r1/s1", "v2 g2 r1/s1"],
            &["v1 g1 r1", "v1 g1 r1/s2", "v1 g1 r2/s1"],
        ),
        (
            "*|*|*/scale",
            &["get apps deployments/scale", "get core pods/scale"],
            &[
                "get apps deployments",
                "get core pods/status",
                "get core scale",
            ],
        ),
        // A name is asked for, or there is none: then nothing with names fits.
        (
            "get,list|core|configmaps|a,b",
            &["get core configmaps a", "list core configmaps b"],
            &["get core configmaps c", "list core configmaps"],
        ),
        (
            "v1|*",
            &["v1 /foo", "v1 /foo/bar/one"],
            &["v2 /foo", "v1 core pods"],
        ),
        (
            "v1|/foo/*",
            &["v1 /foo/bar", "v1 /foo/bar/one"],
            &["v1 /foo", "v1 /notfoo/bar", "v2 /foo/bar"],
        ),
        (
            "*|/foo,/foo/bar/one",
            &["v1 /foo", "v2 /foo/bar/one"],
            &["v1 /foo/bar", "v1 /foo/"],
        ),
        (
            "get|core|pods",
            &[],
            &["GET core pods", "get core Pods", "get apps pods"],
        ),
    ] {
        let rule = rule(text);
        for case in allowed {
            assert!(rule.allows(&asked(case)), "{text} allows {case}");
        }
        for case in refused {
            assert!(!rule.allows(&asked(case)), "{text} refuses {case}");
        }
    }
}

#[test]
fn rules_cover_rules() {
    // The rules of the one who grants, those that are granted, and what is missing.
    for (own, granted, missing) in [
        (&["get|g|pods"][..], &["get|g|pods"][..], &[][..]),
        (&["get,list|g|pods"], &["list|g|pods"], &[]),
        (&["get|g|pods", "list|g|pods"], &["get,list|g|pods"], &[]),
        (&["*|g|pods"], &["get,escalate|g|pods"], &[]),
        (&["get|*|pods"], &["get|g,h|pods"], &[]),
        (&["get|g|*"], &["get|g|pods,nodes/status"], &[]),
        (&["get|g|pods"], &["get|g|*"], &["get|g|*"]),
        (&["get|g|pods"], &["*|g|pods"], &["*|g|pods"]),
        (&["get|g|pods"], &["get|*|pods"], &["get|*|pods"]),
        (
            &["get|g|pods"],
            &["get,list|g,h|pods"],
            &["list|g|pods", "get|h|pods", "list|h|pods"],
        ),
        (&["get|g|*/scale"], &["get|g|pods/scale,nodes/scale"], &[]),
        (&["get|g|*/scale"], &["get|g|*/scale"], &[]),
        (
            &["get|g|*/scale"],
            &["get|g|pods/status"],
            &["get|g|pods/status"],
        ),
        (
            &["get|g|pods/scale"],
            &["get|g|*/scale"],
            &["get|g|*/scale"],
        ),
        // Names: whoever has all has each, and whoever has some does not have all.
        (&["get|g|pods"], &["get|g|pods|a,b"], &[]),
        (&["get|g|pods|a"], &["get|g|pods"], &["get|g|pods"]),
        (
            &["get|g|pods|a,c"],
            &["get|g|pods|a,b,c"],
            &["get|g|pods|b"],
        ),
        (&["get|g|pods|a", "get|g|pods|b"], &["get|g|pods|a,b"], &[]),
        (&["get|/apis"], &["get|/apis"], &[]),
        (&["get|/apis/*"], &["get|/apis/v1,/apis/*"], &[]),
        (&["get|/apis/*"], &["get|/apis"], &["get|/apis"]),
        (&["get|*"], &["get|/apis,/version"], &[]),
        (
            &["get|/apis"],
            &["get,post|/apis,/api"],
            &["post|/apis", "get|/api", "post|/api"],
        ),
        (&["get|/apis"], &["get|g|apis"], &["get|g|apis"]),
        (&["*|*|*"], &["get|/apis"], &["get|/apis"]),
        (&[], &["get|g|pods"], &["get|g|pods"]),
        (&["get|g|pods"], &[], &[]),
    ] {
        let all = |texts: &[&str]| texts.iter().map(|text| rule(text)).collect::<Vec<_>>();
        let found = cover::missing(&all(own), &all(granted));
        assert_eq!(found, all(missing), "{own:?} grants {granted:?}");
    }
}

#[test]
fn missing_rights_are_told_together() {
    let missing = |texts: &[&str]| {
        let rules: Vec<Rule> = texts.iter().map(|text| rule(text)).collect();
        cover::describe(cover::missing(&[], &rules))
    };
    assert_eq!(
        missing(&[
            "list,get|apps|deployments",
            "get,watch|apps|deployments",
            "get|core|pods|b,a",
            "get|/x,/a"
        ]),
        r#"{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}
{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}
{APIGroups:["apps"], Resources:["deployments"], Verbs:["list" "get" "watch"]}
{NonResourceURLs:["/a"], Verbs:["get"]}
{NonResourceURLs:["/x"], Verbs:["get"]}"#
    );
}

/// A cluster under RBAC with some objects of the RBAC group.
fn under(objects: &[Value]) -> Cluster {
    let cluster = cluster(ClusterOptions {
        rbac: true,
        ..ClusterOptions::default()
    });
    for object in objects {
        let mut object = object.clone();
        object["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
        cluster.objects().seed(object);
    }
    cluster
}

fn role(kind: &str, place: &str, rules: Value) -> Value {
    let (namespace, name) = place.rsplit_once('/').unwrap_or(("", place));
    let mut role = json!({"kind": kind, "metadata": {"name": name}, "rules": rules});
    if !namespace.is_empty() {
        role["metadata"]["namespace"] = namespace.into();
    }
    role
}

/// A binding of `Kind/name` to `Kind:name` (or `ServiceAccount:namespace/name`).
fn binding(place: &str, role: &str, subjects: &[&str]) -> Value {
    let (namespace, name) = place.rsplit_once('/').unwrap_or(("", place));
    let (kind, role) = role.split_once('/').expect("a kind and a name");
    let group = "rbac.authorization.k8s.io";
    let subjects = subjects.iter().map(|subject| {
        let (kind, name) = subject.split_once(':').expect("a kind and a name");
        match name.split_once('/') {
            Some((namespace, name)) => json!({"kind": kind, "namespace": namespace, "name": name}),
            None => json!({"kind": kind, "name": name, "apiGroup": group}),
        }
    });
    let mut binding = json!({
        "kind": if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" },
        "metadata": {"name": name}, "subjects": subjects.collect::<Value>(),
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
    });
    if !namespace.is_empty() {
        binding["metadata"]["namespace"] = namespace.into();
    }
    binding
}

fn may(cluster: &Cluster, user: &User, text: &str, namespace: &str) -> (bool, String) {
    let mut attributes = asked(text);
    if let What::Resource(resource) = &mut attributes.what {
        resource.namespace = namespace.to_owned().into();
    }
    let decision = authz::authorize(cluster, user, &attributes);
    (decision.allowed, decision.reason)
}

#[test]
fn bindings_hold_where_they_are() {
    let any = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let pods = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let cluster = under(&[
        role("ClusterRole", "any", any),
        role("Role", "ns1/pods", pods),
        binding(
            "ns1/admins",
            "ClusterRole/any",
            &["User:admin", "Group:admins"],
        ),
        binding("ns2/pods", "Role/pods", &["User:jane"]),
        binding(
            "ns1/pods",
            "Role/pods",
            &["User:nobody", "User:jane", "ServiceAccount:ns2/bot"],
        ),
        binding("ops", "ClusterRole/any", &["Group:ops", "User:*"]),
    ]);
    let (admin, jane) = (User::new("admin"), User::new("jane"));
    let allowed = |user: &User, text: &str, namespace: &str| may(&cluster, user, text, namespace).0;
    // A role binding gives a cluster role in its namespace only, and no paths.
    assert!(allowed(&admin, "get core pods", "ns1") && allowed(&admin, "watch x.io foos", "ns1"));
    for (text, namespace) in [
        ("get core pods", "ns2"),
        ("get core nodes", ""),
        ("get /metrics", ""),
    ] {
        assert!(!allowed(&admin, text, namespace), "{text} in {namespace}");
    }
    assert!(allowed(
        &User::new("joe").group("admins"),
        "get core pods",
        "ns1"
    ));
    assert!(allowed(
        &User::new("joe").group("ops"),
        "delete core nodes",
        ""
    ));
    // A star is no wildcard for subjects.
    assert!(!allowed(&User::new("joe"), "get core pods", "ns1"));
    assert_eq!(
        may(&cluster, &jane, "get core pods", "ns1"),
        (
            true,
            r#"RBAC: allowed by RoleBinding "pods/ns1" of Role "pods" to User "jane""#.into()
        )
    );
    let bot = User::service_account("ns2", "bot");
    assert_eq!(
        may(&cluster, &bot, "get core pods", "ns1").1,
        r#"RBAC: allowed by RoleBinding "pods/ns1" of Role "pods" to ServiceAccount "bot/ns2""#
    );
    assert!(!allowed(
        &User::service_account("ns1", "bot"),
        "get core pods",
        "ns1"
    ));
    // A role that is not there gives nothing, and is told where nothing else allows.
    let lost = r#"RBAC: role.rbac.authorization.k8s.io "pods" not found"#;
    assert_eq!(
        may(&cluster, &jane, "get core pods", "ns2"),
        (false, lost.into())
    );
    // Everybody may look around, and whoever has all rights needs no binding.
    assert!(allowed(&jane, "get /apis/apps/v1", "") && !allowed(&jane, "post /apis/apps/v1", ""));
    assert!(
        !allowed(&User::anonymous(), "get /apis", "")
            && allowed(&User::anonymous(), "get /healthz", "")
    );
    assert!(allowed(&User::admin(), "delete core nodes n1", ""));
}

#[test]
fn changes_count_at_once() {
    let read = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let cluster = under(&[
        role("ClusterRole", "reader", read),
        binding("readers", "ClusterRole/reader", &["User:jane"]),
    ]);
    let jane = User::new("jane");
    let allowed = |text: &str| may(&cluster, &jane, text, "default").0;
    assert!(allowed("get core pods") && !allowed("list core pods"));
    let more = json!({"rules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]});
    cluster.objects().patch("clusterroles", "reader", more);
    assert!(!allowed("get core pods") && allowed("list core pods"));
    cluster.objects().delete("clusterrolebindings", "readers");
    assert!(!allowed("list core pods"));
}

#[test]
fn cluster_roles_gather_others() {
    let rule = |resource: &str| json!([{"verbs": ["get"], "apiGroups": ["x.io"], "resources": [resource]}]);
    let mut own = role("ClusterRole", "foo-viewer", rule("foos"));
    own["metadata"]["labels"] = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let cluster = under(&[
        binding("ns/view", "ClusterRole/view", &["User:jane"]),
        binding("ns/adm", "ClusterRole/admin", &["User:eve"]),
    ]);
    let (jane, eve) = (User::new("jane"), User::new("eve"));
    let allowed = |user: &User, text: &str| may(&cluster, user, text, "ns").0;
    assert!(allowed(&jane, "list core pods") && !allowed(&jane, "list core secrets"));
    assert!(allowed(&eve, "list core secrets") && allowed(&eve, "create core pods/eviction"));
    assert!(!allowed(&jane, "get x.io foos"));
    own["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
    cluster.objects().seed(own);
    assert!(allowed(&jane, "get x.io foos"));
    // What `view` gathers is gathered by `edit`, and by `admin` in turn.
    assert!(allowed(&eve, "get x.io foos"));
    cluster.objects().delete("clusterroles", "foo-viewer");
    assert!(!allowed(&jane, "get x.io foos") && !allowed(&eve, "get x.io foos"));
}

#[test]
fn every_cluster_has_the_bootstrap_policy() {
    let cluster = cluster(ClusterOptions::default());
    let objects = cluster.objects();
    let counts = [
        "clusterroles",
        "clusterrolebindings",
        "roles",
        "rolebindings",
    ]
    .map(|plural| objects.list(plural, None).len());
    assert_eq!(counts, [69, 50, 7, 7]);
    let view = objects.get("clusterroles", "view").expect("a role");
    // Nobody has gathered anything yet: that is a controller's work.
    assert_eq!(view["rules"], Value::Null);
    assert_eq!(
        view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"],
        "true"
    );
    let binding = objects.get("clusterrolebindings", "system:public-info-viewer");
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    let groups = json!([
        group("system:authenticated"),
        group("system:unauthenticated")
    ]);
    assert_eq!(binding.expect("a binding")["subjects"], groups);
}
