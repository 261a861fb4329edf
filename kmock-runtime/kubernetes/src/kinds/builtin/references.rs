//! Which other objects a Pod or a volume names: whoever runs the Pod has to read them.
//!
//! Rules: `VisitPodSecretNames` and `VisitPodConfigmapNames` of `pkg/api/v1/pod`, `VisitPVSecretNames` of
//! `pkg/api/v1/persistentvolume`.

use serde_json::Value;

use super::values::{at, is_set, items, text};

/// All containers of a Pod.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    kinds
        .into_iter()
        .flat_map(|kind| items(pod, &["spec", kind]))
}

/// What the environments of the containers name: by `secretKeyRef` and `secretRef`, or those of ConfigMaps.
fn of_environments<'a>(pod: &'a Value, key: &'a str, all: &'a str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for container in containers(pod) {
        let single = items(container, &["env"]).iter();
        found.extend(single.map(|env| text(env, &["valueFrom", key, "name"])));
        let whole = items(container, &["envFrom"]).iter();
        found.extend(whole.map(|from| text(from, &[all, "name"])));
    }
    found
}

fn projected<'a>(volume: &'a Value, key: &'a str) -> impl Iterator<Item = &'a str> {
    let sources = items(volume, &["projected", "sources"]).iter();
    sources.map(move |source| text(source, &[key, "name"]))
}

fn without_empty(mut names: Vec<&str>) -> Vec<&str> {
    names.retain(|name| !name.is_empty());
    names
}

/// The Secrets that a Pod names.
pub fn secrets(pod: &Value) -> Vec<&str> {
    let mut found = of_environments(pod, "secretKeyRef", "secretRef");
    let pulled = items(pod, &["spec", "imagePullSecrets"]).iter();
    found.extend(pulled.map(|one| text(one, &["name"])));
    for volume in items(pod, &["spec", "volumes"]) {
        found.push(text(volume, &["secret", "secretName"]));
        found.push(text(volume, &["azureFile", "secretName"]));
        found.push(text(volume, &["csi", "nodePublishSecretRef", "name"]));
        for kind in [
            "cephfs",
            "cinder",
            "flexVolume",
            "iscsi",
            "rbd",
            "scaleIO",
            "storageos",
        ] {
            found.push(text(volume, &[kind, "secretRef", "name"]));
        }
        found.extend(projected(volume, "secret"));
    }
    without_empty(found)
}

/// The ConfigMaps that a Pod names.
pub fn config_maps(pod: &Value) -> Vec<&str> {
    let mut found = of_environments(pod, "configMapKeyRef", "configMapRef");
    for volume in items(pod, &["spec", "volumes"]) {
        found.push(text(volume, &["configMap", "name"]));
        found.extend(projected(volume, "configMap"));
    }
    without_empty(found)
}

/// The PersistentVolumeClaims that a Pod mounts, those that are made for it among them.
pub fn claims(pod: &Value) -> Vec<String> {
    let name = text(pod, &["metadata", "name"]);
    let claim = |volume: &Value| match text(volume, &["persistentVolumeClaim", "claimName"]) {
        "" if is_set(volume, &["ephemeral"]) => Some(format!("{name}-{}", text(volume, &["name"]))),
        "" => None,
        claim => Some(claim.to_owned()),
    };
    let volumes = items(pod, &["spec", "volumes"]).iter();
    volumes.filter_map(claim).collect()
}

/// The ResourceClaims that a Pod uses.
pub fn resource_claims(pod: &Value) -> Vec<&str> {
    let named = items(pod, &["spec", "resourceClaims"]).iter();
    let made = items(pod, &["status", "resourceClaimStatuses"]).iter();
    let mut found: Vec<&str> = named
        .chain(made)
        .map(|claim| text(claim, &["resourceClaimName"]))
        .collect();
    found.push(text(
        pod,
        &["status", "extendedResourceClaimStatus", "resourceClaimName"],
    ));
    without_empty(found)
}

/// The Secrets that a kubelet needs for a PersistentVolume, by namespace and name.
pub fn secrets_of_volume(volume: &Value) -> Vec<(&str, &str)> {
    let claimed = text(volume, &["spec", "claimRef", "namespace"]);
    let in_namespace = |reference: &'static [&'static str]| {
        let reference = at(at(volume, &["spec"]), reference);
        let namespace = match text(reference, &["namespace"]) {
            "" => claimed,
            namespace => namespace,
        };
        (namespace, text(reference, &["name"]))
    };
    let file = at(volume, &["spec", "azureFile"]);
    let of_file = match text(file, &["secretNamespace"]) {
        "" => claimed,
        namespace => namespace,
    };
    let mut found = vec![(of_file, text(file, &["secretName"]))];
    let references: [&'static [&'static str]; 10] = [
        &["cephfs", "secretRef"],
        &["cinder", "secretRef"],
        &["flexVolume", "secretRef"],
        &["rbd", "secretRef"],
        &["scaleIO", "secretRef"],
        &["iscsi", "secretRef"],
        &["storageos", "secretRef"],
        &["csi", "nodePublishSecretRef"],
        &["csi", "nodeStageSecretRef"],
        &["csi", "nodeExpandSecretRef"],
    ];
    found.extend(references.map(in_namespace));
    found.retain(|(_, name)| !name.is_empty());
    found
}

/// The first kind of objects that a Pod names, in the words of the plugin NodeRestriction.
pub fn first_kind(pod: &Value) -> Option<&'static str> {
    if !text(pod, &["spec", "serviceAccountName"]).is_empty() {
        return Some("serviceaccounts");
    }
    if !secrets(pod).is_empty() {
        return Some("secrets");
    }
    if !config_maps(pod).is_empty() {
        return Some("configmaps");
    }
    if !items(pod, &["spec", "resourceClaims"]).is_empty() {
        return Some("resourceclaims");
    }
    let of_volume = |volume: &Value| {
        let kinds = [
            ("csi", "csidrivers (via CSI volumes)"),
            ("glusterfs", "endpoints (via glusterFS volumes)"),
            ("persistentVolumeClaim", "persistentvolumeclaims"),
            (
                "ephemeral",
                "persistentvolumeclaims (via ephemeral volumes)",
            ),
        ];
        let own = kinds.into_iter().find(|(key, _)| is_set(volume, &[key]));
        own.map(|(_, kind)| kind).or_else(|| {
            let projected = [
                (
                    "serviceAccountToken",
                    "serviceaccounts (via projected volumes)",
                ),
                ("clusterTrustBundle", "clustertrustbundles"),
                ("podCertificate", "podcertificates"),
            ];
            let sources = items(volume, &["projected", "sources"]).iter();
            sources
                .flat_map(|source| projected.iter().filter(|(key, _)| is_set(source, &[key])))
                .map(|(_, kind)| *kind)
                .next()
        })
    };
    items(pod, &["spec", "volumes"]).iter().find_map(of_volume)
}
