//! What controllers give namespaces and ServiceAccounts: the account `default`, the ConfigMap with the root
//! certificate, and the tokens in Secrets.
//!
//! Rules of the serviceaccount, root-ca-cert-publisher and serviceaccount-token controllers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::tokens;
use crate::kinds::builtin::base64;
use crate::kinds::builtin::values::{section, text};
use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::{Change, Event, StoredObject, Write};

const DEFAULT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                           endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                           guaranteed across distributions of Kubernetes clusters.";

/// The certificate of nobody, for clusters that are not talked to by TLS: clients want to read some.
const NO_CA: &str = include_str!("../../data/ca.crt");

fn place(plural: &str) -> ResourceKey {
    ResourceKey::new("", plural)
}

/// Gives a fresh cluster's namespaces what they have.
pub fn start(cluster: &Cluster) {
    for namespace in cluster.store().list(&place("namespaces"), "").objects {
        furnish(cluster, namespace.name());
    }
}

/// The controllers of accounts and certificates, if the cluster has controllers.
#[derive(Debug, Clone, Copy)]
pub struct Accounts;

impl Reactor for Accounts {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
        if cluster.options().controllers && place.group.is_empty() {
            react(cluster, place, event);
        }
    }
}

fn react(cluster: &Cluster, place: &ResourceKey, event: &Arc<Event>) {
    let object = &event.object;
    match &*place.plural {
        "namespaces" if event.change != Change::Deleted => furnish(cluster, object.name()),
        "serviceaccounts" => {
            if event.change == Change::Deleted {
                forget_tokens(cluster, object);
                if object.name() == DEFAULT {
                    furnish(cluster, object.namespace());
                }
            } else if event.change == Change::Added {
                let prefix = format!("{}/", object.namespace());
                for secret in cluster
                    .store()
                    .list(&self::place("secrets"), &prefix)
                    .objects
                {
                    fill_token(cluster, &secret);
                }
            }
        }
        "configmaps" if object.name() == ROOT_CA => furnish(cluster, object.namespace()),
        "secrets" if event.change != Change::Deleted => fill_token(cluster, object),
        _ => {}
    }
}

/// The certificate of the authority that signs the server's.
pub fn root_certificate(cluster: &Cluster) -> String {
    let own = cluster.access().root_certificate();
    own.unwrap_or_else(|| NO_CA.to_owned())
}

/// Makes what a living namespace lacks.
fn furnish(cluster: &Cluster, namespace: &str) {
    let store = cluster.store();
    let lives = store
        .get(&place("namespaces"), namespace)
        .is_some_and(|found| !found.is_terminating());
    if !lives {
        return;
    }
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}});
    create(cluster, "serviceaccounts", namespace, DEFAULT, account);
    let data = json!({"ca.crt": root_certificate(cluster)});
    let key = format!("{namespace}/{ROOT_CA}");
    let Some(current) = store.get(&place("configmaps"), &key) else {
        let time = meta::rfc3339(cluster.now());
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {
                "annotations": {"kubernetes.io/description": DESCRIPTION},
                "managedFields": [{
                    "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": time,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {
                        "f:data": {".": {}, "f:ca.crt": {}},
                        "f:metadata": {"f:annotations": {".": {}, "f:kubernetes.io/description": {}}},
                    },
                }],
            },
        });
        create(cluster, "configmaps", namespace, ROOT_CA, map);
        return;
    };
    // Whoever writes into it writes in vain.
    if current.value["data"] != data {
        let mut value = (*current.value).clone();
        value["data"] = data;
        let _ = cluster.commit(&place("configmaps"), Write::Update { current, value });
    }
}

fn create(cluster: &Cluster, plural: &str, namespace: &str, name: &str, mut value: Value) {
    let key = format!("{namespace}/{name}");
    let store = cluster.store();
    if store.get(&place(plural), &key).is_some() {
        return;
    }
    meta::edit(&mut value, |metadata| {
        metadata.insert("name".into(), name.into());
        metadata.insert("namespace".into(), namespace.into());
        metadata.insert("uid".into(), cluster.next_uid().into());
        metadata.insert(
            "creationTimestamp".into(),
            meta::rfc3339(cluster.now()).into(),
        );
    });
    // If somebody was faster, it is there.
    let _ = cluster.commit(&place(plural), Write::Create { key, value });
}

/// Fills a Secret that wants to hold the token of a ServiceAccount; one whose account is another is removed.
fn fill_token(cluster: &Cluster, secret: &Arc<StoredObject>) {
    if secret.value["type"] != TOKEN_TYPE || secret.is_terminating() {
        return;
    }
    let annotation = |key: &str| text(&secret.value, &["metadata", "annotations", key]);
    let (name, uid) = (annotation(ACCOUNT_NAME), annotation(ACCOUNT_UID));
    let namespace = secret.namespace();
    let key = format!("{namespace}/{name}");
    let account = cluster.store().get(&place("serviceaccounts"), &key);
    let Some(account) = account.filter(|account| uid.is_empty() || account.uid() == uid) else {
        let current = Arc::clone(secret);
        let _ = cluster.commit(&place("secrets"), Write::Delete { current });
        return;
    };
    let mut value = (*secret.value).clone();
    let certificate = root_certificate(cluster);
    let token = || {
        let claim = |key: &str| format!("kubernetes.io/serviceaccount/{key}");
        let claims = json!({
            "iss": tokens::SECRET_ISSUER, claim("namespace"): namespace, claim("secret.name"): secret.name(),
            claim("service-account.name"): name, claim("service-account.uid"): account.uid(),
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
        });
        tokens::sign(cluster, &claims)
    };
    let data = section(&mut value, "data");
    let mut fill = |key: &str, text: &dyn Fn() -> String| {
        let is_there = data
            .get(key)
            .and_then(Value::as_str)
            .is_some_and(|x| !x.is_empty());
        if !is_there {
            data.insert(key.into(), base64::encode(text().as_bytes()).into());
        }
    };
    fill("ca.crt", &|| certificate.clone());
    fill("namespace", &|| namespace.to_owned());
    fill("token", &token);
    value["metadata"]["annotations"][ACCOUNT_UID] = account.uid().into();
    if value != *secret.value {
        let current = Arc::clone(secret);
        // Whoever was faster is reacted to in their turn.
        let _ = cluster.commit(&place("secrets"), Write::Update { current, value });
    }
}

/// The tokens of an account go with it.
fn forget_tokens(cluster: &Cluster, account: &StoredObject) {
    let prefix = format!("{}/", account.namespace());
    for secret in cluster.store().list(&place("secrets"), &prefix).objects {
        let annotation = |key: &str| text(&secret.value, &["metadata", "annotations", key]);
        let is_own = annotation(ACCOUNT_NAME) == account.name()
            && ["", account.uid()].contains(&annotation(ACCOUNT_UID));
        if secret.value["type"] == TOKEN_TYPE && is_own {
            let _ = cluster.commit(&place("secrets"), Write::Delete { current: secret });
        }
    }
}
