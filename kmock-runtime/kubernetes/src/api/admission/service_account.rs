//! ServiceAccount: Pods run as an account that is there, and get its token. Where the option is on: without controllers nobody
//! makes accounts.
//!
//! Rules: `plugin/pkg/admission/serviceaccount`.

use serde_json::{Value, json};

use super::{Attributes, Operation, Plugin};
use crate::kinds::builtin::{
    references,
    values::{at, is_set, items, section, text},
};
use crate::model::meta;
use crate::model::status::ApiError;
use crate::state::cluster::Cluster;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN_VOLUME: &str = "kube-api-access-";
const MIRROR: &str = "kubernetes.io/config.mirror";
const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";

pub(super) struct ServiceAccount;

impl Cluster {
    /// From now on Pods run as a ServiceAccount that is there – `default` if they name none, which controllers make for each
    /// namespace – and get a volume with its token and its `imagePullSecrets`: the admission plugin ServiceAccount, which a
    /// server has by default and a bare cluster would be in the way of.
    ///
    /// ```
    /// # use kmock_kubernetes::Cluster;
    /// let cluster = Cluster::default();
    /// cluster.enforce_service_accounts();
    /// ```
    pub fn enforce_service_accounts(&self) {
        self.access().enforce_service_accounts();
    }
}

/// Whether the plugin has a say.
fn concerns(asked: &Attributes<'_>) -> bool {
    asked.cluster().access().has_service_accounts() && asked.is_core("pods")
}

impl Plugin for ServiceAccount {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !concerns(asked) || !asked.creates() || is_mirror(object) {
            return Ok(());
        }
        if text(object, &["spec", "serviceAccountName"]).is_empty() {
            section(object, "spec").insert("serviceAccountName".into(), "default".into());
        }
        // The older name of the same field.
        let name = object["spec"]["serviceAccountName"].clone();
        section(object, "spec").insert("serviceAccount".into(), name);
        let account = account_of(asked, object)?;
        let wanted = [
            object.pointer("/spec/automountServiceAccountToken"),
            account.get("automountServiceAccountToken"),
        ];
        let mounts = wanted.into_iter().flatten().find_map(Value::as_bool);
        if mounts.unwrap_or(true) {
            mount_token(asked, object);
        }
        let own = items(&account, &["imagePullSecrets"]);
        if items(object, &["spec", "imagePullSecrets"]).is_empty() && !own.is_empty() {
            let own = own.iter().map(|one| json!({"name": one["name"]})).collect();
            section(object, "spec").insert("imagePullSecrets".into(), own);
        }
        Ok(())
    }

    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !concerns(asked) {
            return Ok(());
        }
        let refuse = |why: String| Err(asked.forbidden(Some(object), why));
        let debugs =
            asked.operation == Operation::Update && asked.subresource() == "ephemeralcontainers";
        if !debugs && !asked.creates() {
            return Ok(());
        }
        if is_mirror(object) && !debugs {
            return match what_mirrors_may_not(object) {
                Some(why) => refuse(format!("a mirror pod may not {why}")),
                None => Ok(()),
            };
        }
        if text(object, &["spec", "serviceAccountName"]).is_empty() {
            let name = text(object, &["metadata", "name"]);
            let of = format!("{}/{name}", asked.namespace());
            return refuse(format!("no service account specified for pod {of}"));
        }
        let account = account_of(asked, object)?;
        let enforced = text(&account, &["metadata", "annotations", ENFORCE]);
        if !matches!(enforced, "1" | "t" | "T" | "true" | "TRUE" | "True") {
            return Ok(());
        }
        match secret_beyond(&account, object, debugs) {
            Some(why) => refuse(why),
            None => Ok(()),
        }
    }
}

/// Static pods of a kubelet.
fn is_mirror(pod: &Value) -> bool {
    is_set(pod, &["metadata", "annotations", MIRROR])
}

fn account_of(asked: &Attributes<'_>, pod: &Value) -> Result<std::sync::Arc<Value>, ApiError> {
    let (namespace, name) = (
        asked.namespace(),
        text(pod, &["spec", "serviceAccountName"]),
    );
    let key = format!("{namespace}/{name}");
    asked.find("", "serviceaccounts", &key).ok_or_else(|| {
        let why =
            format!("error looking up service account {key}: serviceaccount \"{name}\" not found");
        asked.forbidden(Some(pod), why)
    })
}

/// The secrets of a container: whence they come in its environment, and their names.
fn secrets_of(container: &Value) -> Vec<(String, &str)> {
    let mut all = Vec::new();
    for env in items(container, &["env"]) {
        let reference = at(env, &["valueFrom", "secretKeyRef"]);
        if reference.is_object() {
            all.push((
                format!("envVar {}", text(env, &["name"])),
                text(reference, &["name"]),
            ));
        }
    }
    for from in items(container, &["envFrom"]) {
        let reference = at(from, &["secretRef"]);
        if reference.is_object() {
            all.push(("envFrom".to_owned(), text(reference, &["name"])));
        }
    }
    all
}

fn what_mirrors_may_not(pod: &Value) -> Option<&'static str> {
    if !text(pod, &["spec", "serviceAccountName"]).is_empty() {
        return Some("reference service accounts");
    }
    if !references::secrets(pod).is_empty() {
        return Some("reference secrets");
    }
    let projected = items(pod, &["spec", "volumes"]).iter().any(|volume| {
        let mut sources = items(volume, &["projected", "sources"]).iter();
        sources.any(|source| is_set(source, &["serviceAccountToken"]))
    });
    projected.then_some("use ServiceAccountToken volume projections")
}

/// The first secret of a pod that its account does not name.
fn secret_beyond(account: &Value, pod: &Value, only_ephemeral: bool) -> Option<String> {
    let named =
        |key: &str, name: &str| items(account, &[key]).iter().any(|one| one["name"] == name);
    let by = text(account, &["metadata", "name"]);
    let not = format!("is not allowed because service account {by} does not reference that");
    if !only_ephemeral {
        for volume in items(pod, &["spec", "volumes"]) {
            let name = text(volume, &["secret", "secretName"]);
            if is_set(volume, &["secret"]) && !named("secrets", name) {
                return Some(format!(
                    "volume with secret.secretName=\"{name}\" {not} secret"
                ));
            }
        }
    }
    let kinds: &[(&str, &str)] = match only_ephemeral {
        true => &[("ephemeralContainers", "ephemeral container")],
        false => &[
            ("initContainers", "init container"),
            ("containers", "container"),
        ],
    };
    for (key, kind) in kinds {
        for container in items(pod, &["spec", key]) {
            for (whence, name) in secrets_of(container) {
                if !named("secrets", name) {
                    let container = text(container, &["name"]);
                    return Some(format!(
                        "{kind} {container} with {whence} referencing secret.secretName=\"{name}\" {not} secret"
                    ));
                }
            }
        }
    }
    if only_ephemeral {
        return None;
    }
    let pulled = items(pod, &["spec", "imagePullSecrets"]).iter().enumerate();
    let mut beyond = pulled.filter(|(_, one)| !named("imagePullSecrets", text(one, &["name"])));
    let (index, one) = beyond.next()?;
    let name = text(one, &["name"]);
    Some(format!(
        "imagePullSecrets[{index}].name=\"{name}\" {not} imagePullSecret"
    ))
}

/// Gives each container that has nothing at the token's place the volume with token, CA and namespace.
fn mount_token(asked: &Attributes<'_>, pod: &mut Value) {
    let volumes = items(pod, &["spec", "volumes"]).iter();
    let known = volumes
        .map(|volume| text(volume, &["name"]))
        .find(|name| name.starts_with(TOKEN_VOLUME))
        .map(str::to_owned);
    let is_there = known.is_some();
    let name = known.unwrap_or_else(|| meta::generate_name(asked.cluster().random(), TOKEN_VOLUME));
    let mut is_needed = false;
    for key in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(key).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mut mounts = items(container, &["volumeMounts"]).iter();
            if mounts.any(|mount| text(mount, &["mountPath"]) == TOKEN_PATH) {
                continue;
            }
            is_needed = true;
            let mount = json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH});
            push(container, "volumeMounts", mount);
        }
    }
    if is_there || !is_needed {
        return;
    }
    let volume = json!({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
        ]}},
    ]}});
    if let Some(spec) = pod.get_mut("spec") {
        push(spec, "volumes", volume);
    }
}

fn push(object: &mut Value, key: &str, value: Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    let list = map.entry(key).or_insert(Value::Null);
    match list {
        Value::Array(list) => list.push(value),
        other => *other = json!([value]),
    }
}
