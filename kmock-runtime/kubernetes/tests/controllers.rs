//! The optional controllers: garbage collection and the end of namespaces; and a bare server without them.

mod api;

use kmock_kubernetes::{Cluster, ClusterOptions, Objects};
use serde_json::{Value, json};

fn cluster(controllers: bool) -> Cluster {
    Cluster::new(ClusterOptions {
        controllers,
        ..ClusterOptions::default()
    })
}

/// Runs a request that is answered at once.
fn call(cluster: &Cluster, line: &str, body: Value) -> (u16, Value) {
    api::run(api::call(cluster, line, body))
}

fn seed(objects: &Objects, name: &str, metadata: Value) -> String {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    for (key, value) in metadata.as_object().expect("an object") {
        object["metadata"][key] = value.clone();
    }
    objects.seed(object)["metadata"]["uid"]
        .as_str()
        .expect("a uid")
        .to_owned()
}

fn owned_by(name: &str, uid: &str) -> Value {
    json!({"ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": true,
    }]})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn background_deletion_takes_dependents_of_dependents() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let root = seed(&objects, "root", json!({}));
    let child = seed(&objects, "child", owned_by("root", &root));
    seed(&objects, "grandchild", owned_by("child", &child));
    seed(&objects, "stranger", json!({}));
    assert_eq!(
        call(&cluster, &format!("DELETE {MAPS}/root"), Value::Null).0,
        200
    );
    let left: Vec<_> = objects
        .list("configmaps", None)
        .iter()
        .map(|x| x.name().to_owned())
        .filter(|name| name != "kube-root-ca.crt")
        .collect();
    assert_eq!(left, ["stranger"]);
}

#[test]
fn foreground_deletion_waits_for_held_dependents() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let root = seed(&objects, "root", json!({}));
    let mut held = owned_by("root", &root);
    held["finalizers"] = json!(["x.io/hold"]);
    seed(&objects, "held", held);
    seed(&objects, "free", owned_by("root", &root));
    let (code, answer) = call(
        &cluster,
        &format!("DELETE {MAPS}/root?propagationPolicy=Foreground"),
        Value::Null,
    );
    assert_eq!(
        (code, &answer["metadata"]["finalizers"]),
        (200, &json!(["foregroundDeletion"]))
    );
    assert!(
        objects.get("configmaps", "root").is_some() && objects.get("configmaps", "free").is_none()
    );
    let answer = call(
        &cluster,
        &format!("PATCH {MAPS}/held"),
        json!({"metadata": {"finalizers": null}}),
    );
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert!(
        objects.get("configmaps", "held").is_none() && objects.get("configmaps", "root").is_none()
    );
}

#[test]
fn orphans_lose_their_owner_only() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let root = seed(&objects, "root", json!({}));
    seed(&objects, "child", owned_by("root", &root));
    call(
        &cluster,
        &format!("DELETE {MAPS}/root"),
        json!({"propagationPolicy": "Orphan"}),
    );
    assert!(objects.get("configmaps", "root").is_none());
    let child = objects.get("configmaps", "child").expect("an orphan");
    assert!(child["metadata"]["ownerReferences"].is_null());
}

#[test]
fn an_object_of_a_gone_owner_goes_too() {
    let cluster = cluster(true);
    seed(
        &cluster.objects(),
        "late",
        owned_by("gone", "11111111-1111-4111-8111-111111111111"),
    );
    assert!(cluster.objects().get("configmaps", "late").is_none());
}

#[test]
fn a_namespace_is_emptied_and_goes() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    seed(&objects, "a", json!({"namespace": "shop"}));
    seed(
        &objects,
        "b",
        json!({"namespace": "shop", "finalizers": ["x.io/hold"]}),
    );
    let (_, answer) = call(&cluster, "DELETE /api/v1/namespaces/shop", Value::Null);
    assert_eq!(answer["status"]["phase"], "Terminating");
    assert!(
        objects.get("configmaps", "shop/a").is_none()
            && objects.get("namespaces", "shop").is_some()
    );
    let patch = json!({"metadata": {"finalizers": null}});
    call(
        &cluster,
        "PATCH /api/v1/namespaces/shop/configmaps/b",
        patch,
    );
    assert!(objects.get("namespaces", "shop").is_none());
}

#[test]
fn a_bare_server_does_none_of_it() {
    let cluster = cluster(false);
    let objects = cluster.objects();
    let root = seed(&objects, "root", json!({"namespace": "shop"}));
    let mut child = owned_by("root", &root);
    child["namespace"] = json!("shop");
    seed(&objects, "child", child);
    call(
        &cluster,
        "DELETE /api/v1/namespaces/shop/configmaps/root",
        Value::Null,
    );
    call(&cluster, "DELETE /api/v1/namespaces/shop", Value::Null);
    assert!(objects.get("configmaps", "shop/child").is_some());
    assert!(objects.get("namespaces", "shop").is_some());
}

#[test]
fn a_definition_that_goes_takes_its_objects_and_their_dependents() {
    let cluster = cluster(true);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "roots.x.io"},
        "spec": {
            "group": "x.io", "scope": "Namespaced", "names": {"plural": "roots", "kind": "Root"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    });
    cluster.define(&crd).expect("defined");
    let objects = cluster.objects();
    for name in ["a", "b", "c"] {
        let root = json!({"apiVersion": "x.io/v1", "kind": "Root", "metadata": {"name": name}});
        let uid = objects.seed(root)["metadata"]["uid"].clone();
        seed(&objects, name, owned_by(name, uid.as_str().expect("a uid")));
    }
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/roots.x.io";
    let (code, answer) = call(&cluster, &format!("DELETE {path}"), Value::Null);
    assert_eq!(code, 200, "{answer}");
    assert_eq!(call(&cluster, &format!("GET {path}"), Value::Null).0, 404);
    // But for those that each namespace has.
    let left = objects.list("configmaps", None);
    assert!(left.iter().all(|map| map.name() == "kube-root-ca.crt"));
}

fn map_in(namespace: &str, name: &str, owner: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "namespace": namespace, "name": name, "ownerReferences": [owner],
    }})
}

#[test]
fn an_owner_is_told_by_all_its_coordinates() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let uid = seed(&objects, "root", json!({}));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "root", "uid": uid});
    let changed = |key: &str, value: &str| {
        let mut owner = owner.clone();
        owner[key] = value.into();
        owner
    };
    objects.seed(map_in("default", "right", &owner));
    objects.seed(map_in("default", "other-name", &changed("name", "other")));
    objects.seed(map_in("default", "other-kind", &changed("kind", "Secret")));
    objects.seed(map_in("elsewhere", "other-namespace", &owner));
    // Nobody knows such a kind: whether its object is there cannot be told.
    objects.seed(map_in("default", "unknown", &changed("kind", "Nonsense")));
    assert_eq!(own_maps(&objects), ["right", "root", "unknown"]);
    let told = objects.list("events", Some("elsewhere"));
    assert_eq!(told[0]["reason"], "OwnerRefInvalidNamespace");
    let wanted = format!(
        "ownerRef [v1/ConfigMap, namespace: elsewhere, name: root, uid: {uid}] does not exist in namespace \"elsewhere\""
    );
    assert_eq!(told[0]["message"], wanted.as_str());
}

#[test]
fn a_circle_of_owners_goes_in_the_foreground_too() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let first = seed(&objects, "first", json!({}));
    let second = seed(&objects, "second", owned_by("first", &first));
    objects.patch(
        "configmaps",
        "default/first",
        json!({"metadata": owned_by("second", &second)}),
    );
    let delete = format!("DELETE {MAPS}/first?propagationPolicy=Foreground");
    assert_eq!(call(&cluster, &delete, Value::Null).0, 200);
    assert_eq!(own_maps(&objects), Vec::<String>::new());
}

/// The ConfigMaps of a test: each namespace has one of its own, with the certificates that its Pods trust.
fn own_maps(objects: &Objects) -> Vec<String> {
    let all = objects.list("configmaps", None);
    let names = all.iter().map(|object| object.name().to_owned());
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

#[test]
fn the_pods_of_a_namespace_go_before_the_rest() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    objects.seed(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {
        "namespace": "held", "name": "a", "finalizers": ["x.io/y"],
    }, "spec": {"containers": [{"name": "c", "image": "i"}]}}));
    objects.seed(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "held", "name": "a"}}));
    let path = "DELETE /api/v1/namespaces/held";
    assert_eq!(call(&cluster, path, Value::Null).0, 200);
    let pod = objects.get("pods", "held/a").expect("it is held");
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    let map = objects.get("configmaps", "held/a").expect("it waits");
    assert_eq!(map["metadata"]["deletionTimestamp"], Value::Null);
    // Meanwhile nobody has looked at the rest.
    let held = objects.get("namespaces", "held").expect("held");
    let conditions = held["status"]["conditions"].as_array().expect("conditions");
    assert_eq!(conditions.len(), 5);
    assert!(conditions.iter().all(|one| one["status"] == "False"));
    let free = json!({"metadata": {"finalizers": null}});
    let path = "PATCH /api/v1/namespaces/held/pods/a";
    assert_eq!(call(&cluster, path, free).0, 200);
    assert!(objects.get("configmaps", "held/a").is_none());
    assert!(objects.get("namespaces", "held").is_none());
}

#[test]
fn thousands_of_objects_go_with_their_namespace_or_owner() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    let root = seed(&objects, "root", json!({}));
    // A chain of owners, as deep as the namespace is wide.
    let mut owner = ("root".to_owned(), root);
    for number in 0..1000 {
        let name = format!("link-{number}");
        let uid = seed(&objects, &name, owned_by(&owner.0, &owner.1));
        owner = (name, uid);
        objects.seed(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "namespace": "wide", "name": format!("map-{number}"),
            }}),
        );
    }
    let path = format!("DELETE {MAPS}/root");
    assert_eq!(call(&cluster, &path, Value::Null).0, 200);
    assert!(objects.list("configmaps", Some("default")).len() <= 1);
    let path = "DELETE /api/v1/namespaces/wide";
    assert_eq!(call(&cluster, path, Value::Null).0, 200);
    assert!(objects.get("namespaces", "wide").is_none());
    assert!(objects.list("configmaps", Some("wide")).is_empty());
}

#[test]
fn a_namespace_says_what_holds_it() {
    let cluster = cluster(true);
    let objects = cluster.objects();
    objects.seed(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "namespace": "held", "name": "a", "finalizers": ["x.io/y"],
        }}),
    );
    assert_eq!(
        call(&cluster, "DELETE /api/v1/namespaces/held", Value::Null).0,
        200
    );
    let held = objects.get("namespaces", "held").expect("held");
    let conditions = held["status"]["conditions"]
        .as_array()
        .expect("conditions")
        .clone();
    let of = |kind: &str| {
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == kind)
            .expect(kind);
        (found["status"].clone(), found["message"].clone())
    };
    assert_eq!(
        of("NamespaceContentRemaining"),
        (
            json!("True"),
            json!("Some resources are remaining: configmaps. has 1 resource instances")
        )
    );
    assert_eq!(
        of("NamespaceFinalizersRemaining"),
        (
            json!("True"),
            json!(
                "Some content in the namespace has finalizers remaining: x.io/y in 1 resource instances"
            )
        )
    );
    assert_eq!(conditions.len(), 5);
    objects.patch(
        "configmaps",
        "held/a",
        json!({"metadata": {"finalizers": null}}),
    );
    let _ = call(&cluster, "GET /api/v1/namespaces/held", Value::Null);
}
