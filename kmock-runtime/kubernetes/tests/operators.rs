//! Definitions of real operators load; good objects of theirs are taken, broken ones refused.
//!
//! `operators/*.json` are the definitions, with their origins in `operators/README.md`. With `CRDS=dir`, all
//! definitions of that directory are loaded too, each alone.
#![allow(clippy::unwrap_used, reason = "a test")]

mod api;

use std::path::{Path, PathBuf};

use kmock_kubernetes::{Cluster, ClusterOptions};
use serde_json::{Value, json};

use crate::api::run;

fn definitions(home: &Path) -> Vec<(PathBuf, Value)> {
    let mut paths: Vec<_> = std::fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let crd = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            (path, crd)
        })
        .collect()
}

/// Whether rules in CEL are needed, and not built in.
fn beyond(crd: &Value) -> bool {
    !cfg!(feature = "cel") && crd.to_string().contains("x-kubernetes-validations")
}

/// A cluster with all definitions that can be loaded.
fn cluster() -> Cluster {
    let cluster = Cluster::new(ClusterOptions::default());
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
    for (path, crd) in definitions(&home) {
        let outcome = cluster.define(&crd);
        if beyond(&crd) {
            let refusal = format!("{:?}", outcome.unwrap_err());
            assert!(refusal.contains("cel"), "{refusal}");
        } else {
            outcome.unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        }
    }
    cluster
}

/// Posts an object to the first version that serves it: the status code and the message or the object.
async fn post(cluster: &Cluster, plural: &str, object: &Value) -> (u16, Value) {
    let version = object["apiVersion"].as_str().unwrap();
    let mut uri = format!("/apis/{version}/{plural}?fieldValidation=Strict");
    if !matches!(plural, "gatewayclasses" | "nodepools") {
        uri = format!("/apis/{version}/namespaces/default/{plural}?fieldValidation=Strict");
    }
    api::call(cluster, &format!("POST {uri}"), object.clone()).await
}

#[derive(Default)]
struct Tally {
    good: usize,
    bad: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// The object is taken; every change of it, `(pointer, value, what the refusal says)`, is not.
    async fn check(
        &mut self,
        cluster: &Cluster,
        plural: &str,
        object: &Value,
        breaks: &[(&str, Value, &str)],
    ) {
        let (status, answer) = post(cluster, plural, object).await;
        self.good += 1;
        if status != 201 {
            self.wrong
                .push(format!("{plural}: {status} {}", answer["message"]));
        }
        for (pointer, value, says) in breaks {
            let mut broken = object.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let parent = broken.pointer_mut(parent).unwrap();
            match (parent, value) {
                (Value::Object(map), Value::Null) => drop(map.remove(key)),
                (Value::Object(map), value) => drop(map.insert(key.to_owned(), value.clone())),
                (other, _) => panic!("{pointer}: {other}"),
            }
            broken["metadata"]["name"] = "broken".into();
            let (status, answer) = post(cluster, plural, &broken).await;
            self.bad += 1;
            let message = answer["message"].as_str().unwrap_or_default();
            if !matches!(status, 400 | 422) || !message.contains(says) {
                self.wrong
                    .push(format!("{plural} {pointer}: {status} {message}"));
            }
        }
    }
}

#[test]
fn plain_schemas_of_operators() {
    run(async {
        let cluster = cluster();
        let mut tally = Tally::default();
        tally
        .check(
            &cluster,
            "certificates",
            &json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web"},
                "spec": {"secretName": "web-tls", "dnsNames": ["web.example"], "duration": "2160h",
                    "issuerRef": {"name": "ca", "kind": "Issuer"},
                    "privateKey": {"algorithm": "ECDSA", "size": 256}, "usages": ["server auth"]}}),
            &[
                ("/spec/secretName", Value::Null, "spec.secretName: Required value"),
                ("/spec/privateKey/algorithm", json!("DSA"), "supported values: \"RSA\", \"ECDSA\", \"Ed25519\""),
                ("/spec/dnsNames", json!("web.example"), "must be of type array"),
                ("/spec/usages", json!(["serving"]), "spec.usages[0]: Unsupported value: \"serving\""),
                ("/spec/secretname", json!("x"), "unknown field \"spec.secretname\""),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "prometheusrules",
            &json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "up"},
                "spec": {"groups": [{"name": "up", "interval": "30s",
                    "rules": [{"alert": "Down", "expr": "up == 0", "for": "5m"}, {"record": "one", "expr": 1}]}]}}),
            &[
                ("/spec/groups", json!([{"name": "a"}, {"name": "a"}]), "Duplicate value: {\"name\":\"a\"}"),
                ("/spec/groups", json!([{"name": "a", "interval": "soon"}]), "spec.groups[0].interval: Invalid value: \"soon\""),
                ("/spec/groups", json!([{"name": "a", "rules": [{"alert": "A"}]}]), "spec.groups[0].rules[0].expr: Required value"),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "servicemonitors",
            &json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "web"},
                "spec": {"selector": {"matchLabels": {"app": "web"}}, "endpoints": [{"port": "http", "interval": "15s"}]}}),
            &[
                ("/spec/selector", Value::Null, "spec.selector: Required value"),
                ("/spec/endpoints", json!([{"scheme": "ftp"}]), "spec.endpoints[0].scheme: Unsupported value: \"ftp\""),
                ("/spec/endpoints", json!([{"interval": "1 minute"}]), "spec.endpoints[0].interval"),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "helmrepositories",
            &json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository", "metadata": {"name": "charts"},
                "spec": {"url": "https://charts.example", "interval": "1h"}}),
            &[
                ("/spec/url", json!("ftp://charts.example"), "spec.url: Invalid value: \"ftp://charts.example\""),
                ("/spec/type", json!("git"), "supported values: \"default\", \"oci\""),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "referencegrants",
            &json!({"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": "g"},
                "spec": {"from": [{"group": "g.example", "kind": "Route", "namespace": "n"}], "to": [{"group": "", "kind": "Service"}]}}),
            &[
                ("/spec/from", json!([]), "spec.from in body should have at least 1 items"),
                ("/spec/to", Value::Null, "spec.to: Required value"),
            ],
        )
        .await;
        assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
        println!("{} good, {} bad", tally.good, tally.bad);
    });
}

#[cfg(feature = "cel")]
#[test]
fn rules_of_operators() {
    run(async {
        let cluster = cluster();
        let mut tally = Tally::default();
        tally
        .check(
            &cluster,
            "gatewayclasses",
            &json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "gw"},
                "spec": {"controllerName": "example.com/controller"}}),
            &[("/spec/controllerName", json!("controller"), "spec.controllerName: Invalid value: \"controller\"")],
        )
        .await;
        tally
        .check(
            &cluster,
            "gitrepositories",
            &json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "repo"},
                "spec": {"url": "https://git.example/repo", "interval": "1m", "ref": {"branch": "main"}}}),
            &[
                ("/spec/interval", json!("weekly"), "spec.interval"),
                ("/spec/serviceAccountName", json!("sa"), "serviceAccountName"),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "databases",
            &json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Database", "metadata": {"name": "app"},
                "spec": {"name": "app", "owner": "app", "cluster": {"name": "pg"}}}),
            &[
                ("/spec/name", json!("postgres"), "the name postgres is reserved"),
                ("/spec/owner", Value::Null, "spec.owner: Required value"),
            ],
        )
        .await;
        tally
        .check(
            &cluster,
            "nodepools",
            &json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "pool"},
                "spec": {"template": {"spec": {
                    "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
                    "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}}}}),
            &[
                ("/spec/template/spec/requirements",
                    json!([{"key": "kubernetes.io/arch", "operator": "In"}]), "must have a value defined"),
                ("/spec/template/spec/requirements",
                    json!([{"key": "kubernetes.io/arch", "operator": "Is"}]), "Unsupported value: \"Is\""),
                ("/spec/template/spec/nodeClassRef", json!({"group": "", "kind": "K", "name": "n"}), "may not be empty"),
            ],
        )
        .await;
        assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
        println!("{} good, {} bad", tally.good, tally.bad);
    });
}

#[test]
fn all_of_a_directory() {
    let Some(home) = std::env::var_os("CRDS") else {
        return;
    };
    let (mut loaded, mut refused) = (0, Vec::new());
    for (path, crd) in definitions(Path::new(&home)) {
        match Cluster::new(ClusterOptions::default()).define(&crd) {
            Ok(_) => loaded += 1,
            Err(error) => refused.push(format!("{}: {error:?}", path.display())),
        }
    }
    println!("{loaded} definitions loaded");
    assert!(refused.is_empty(), "{refused:#?}");
}
