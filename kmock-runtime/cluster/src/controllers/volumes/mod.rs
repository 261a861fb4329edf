//! Claims and volumes: binding, provisioning, release; and the finalizers that protect both while they are used.

mod protection;

use std::sync::Arc;

pub(crate) use self::protection::Protection;
use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::glob::glob;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan};
use crate::shared::Shared;

const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// The node that the scheduler has chosen for the first Pod that uses a claim.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Binds claims to volumes, and provisions those that the test asked for.
#[derive(Debug)]
pub(crate) struct Volumes {
    shared: Arc<Shared>,
}

impl Volumes {
    pub(crate) fn new(shared: &Arc<Shared>) -> Volumes {
        Volumes {
            shared: Arc::clone(shared),
        }
    }

    /// Whether the test provisions volumes of a class.
    fn provisions(&self, class: &Json) -> bool {
        let state = self.shared.state();
        state.provisioners.iter().any(|pattern| {
            glob(pattern, object::name(class)) || glob(pattern, text(&class["provisioner"]))
        })
    }

    fn claim(&self, claim: &Json, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let name = text(&claim["spec"]["volumeName"]);
        let volume = cache.get(Kind::PersistentVolumes, name);
        if !claim["metadata"]["annotations"][BIND_COMPLETED].is_null() {
            let lost = |reason: &str, why: &str, plan: &mut Plan| {
                if text(&claim["status"]["phase"]) != "Lost" {
                    plan.status(Kind::Claims, claim, json!({"phase": "Lost"}));
                    plan.tell(Note::warning(Kind::Claims, claim, reason, why));
                }
            };
            match volume {
                _ if name.is_empty() => {
                    let why = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
                    lost("ClaimLost", why, &mut plan);
                }
                None => {
                    let why =
                        "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
                    lost("ClaimLost", why, &mut plan);
                }
                Some(volume) if !volume["spec"]["claimRef"].is_object() => {
                    reserve(claim, volume, &mut plan);
                }
                Some(volume) if text(&volume["spec"]["claimRef"]["uid"]) == object::uid(claim) => {
                    settle(claim, volume, &mut plan);
                }
                Some(_) => {
                    let why =
                        "Two claims are bound to the same volume, this one is bound incorrectly";
                    lost("ClaimMisbound", why, &mut plan);
                }
            }
            return plan;
        }
        if !name.is_empty() {
            let Some(volume) = volume else {
                pending(claim, &mut plan);
                return plan;
            };
            let unsuitable = match &volume["spec"]["claimRef"] {
                reference if !reference.is_object() => mismatch(volume, claim).map(|why| {
                    let why = format!("Cannot bind to requested volume {name:?}: {why}");
                    ("VolumeMismatch", why)
                }),
                reference if is_of(reference, claim) => None,
                _ => Some((
                    "FailedBinding",
                    format!("volume {name:?} already bound to a different claim."),
                )),
            };
            match unsuitable {
                Some((reason, why)) => {
                    plan.tell(Note::warning(Kind::Claims, claim, reason, why));
                    pending(claim, &mut plan);
                }
                None => bind(claim, volume, false, &mut plan),
            }
            return plan;
        }
        let waits = crate::scheduler::waits_for_consumer(claim, cache);
        let chosen = !object::annotation(claim, SELECTED_NODE).is_empty();
        if waits && !chosen && !has_volume_of_its_own(claim, cache) {
            let (reason, why) = match consumers(claim, cache) {
                pods if pods.is_empty() => (
                    "WaitForFirstConsumer",
                    "waiting for first consumer to be created before binding".to_owned(),
                ),
                pods if pods.len() == 1 => (
                    "WaitForPodScheduled",
                    format!("waiting for pod {} to be scheduled", pods[0]),
                ),
                pods => (
                    "WaitForPodScheduled",
                    format!("waiting for pods {} to be scheduled", pods.join(",")),
                ),
            };
            plan.tell(Note::normal(Kind::Claims, claim, reason, why));
            pending(claim, &mut plan);
            return plan;
        }
        if let Some(volume) = smallest(claim, cache.all(Kind::PersistentVolumes), None) {
            bind(claim, volume, true, &mut plan);
            return plan;
        }
        let name = text(&claim["spec"]["storageClassName"]);
        if name.is_empty() {
            let why = "no persistent volumes available for this claim and no storage class is set";
            plan.tell(Note::normal(Kind::Claims, claim, "FailedBinding", why));
            pending(claim, &mut plan);
            return plan;
        }
        let Some(class) = cache.get(Kind::StorageClasses, name) else {
            let why = format!("storageclass.storage.k8s.io \"{name}\" not found");
            plan.tell(Note::warning(
                Kind::Claims,
                claim,
                "ProvisioningFailed",
                why,
            ));
            pending(claim, &mut plan);
            return plan;
        };
        if self.provisions(class) {
            provision(claim, class, cache, &mut plan);
        } else {
            let why = format!(
                "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system \
                 administrator. If volume creation is delayed, please verify that the provisioner is running and \
                 correctly registered.",
                text(&class["provisioner"])
            );
            plan.tell(Note::normal(
                Kind::Claims,
                claim,
                "ExternalProvisioning",
                why,
            ));
        }
        pending(claim, &mut plan);
        plan
    }

    fn volume(&self, volume: &Json, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let reference = &volume["spec"]["claimRef"];
        if text(&reference["uid"]).is_empty() {
            phase(volume, "Available", "", cache, &mut plan);
            return plan;
        }
        let claim = cache
            .find(
                Kind::Claims,
                text(&reference["namespace"]),
                text(&reference["name"]),
            )
            .filter(|claim| object::uid(claim) == text(&reference["uid"]));
        let Some(claim) = claim else {
            self.released(volume, cache, &mut plan);
            return plan;
        };
        let bound = text(&claim["spec"]["volumeName"]);
        if bound == object::name(volume) {
            phase(volume, "Bound", "", cache, &mut plan);
        } else if bound.is_empty() {
            if mode(volume) != mode(claim) {
                let why = format!(
                    "Cannot bind PersistentVolume to requested PersistentVolumeClaim {:?} due to incompatible volumeMode.",
                    object::name(claim)
                );
                let of = Kind::PersistentVolumes;
                plan.tell(Note::warning(of, volume, "VolumeMismatch", why));
                let why = format!(
                    "Cannot bind PersistentVolume {:?} to requested PersistentVolumeClaim due to incompatible volumeMode.",
                    object::name(volume)
                );
                plan.tell(Note::warning(Kind::Claims, claim, "VolumeMismatch", why));
            }
            // Otherwise the claim is bound next.
        } else if !object::annotation(volume, PROVISIONED_BY).is_empty()
            && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        {
            self.released(volume, cache, &mut plan);
        } else {
            // The claim has got another volume: this one is free again, or waits for its claim as whoever made it said.
            let by_controller = !volume["metadata"]["annotations"][BOUND_BY_CONTROLLER].is_null();
            let patch = match by_controller {
                true => {
                    json!({"metadata": {"annotations": {BOUND_BY_CONTROLLER: null}}, "spec": {"claimRef": null}})
                }
                false => json!({"spec": {"claimRef": {"uid": null}}}),
            };
            plan.add(Action::Patch {
                kind: Kind::PersistentVolumes,
                key: object::name(volume).to_owned(),
                subresource: "",
                patch,
            });
        }
        plan
    }

    /// A volume whose claim is gone: it stays, or it is deleted by whoever can.
    fn released(&self, volume: &Json, cache: &Cache, plan: &mut Plan) {
        if !matches!(text(&volume["status"]["phase"]), "Released" | "Failed") {
            phase(volume, "Released", "", cache, plan);
        }
        if volume["spec"]["persistentVolumeReclaimPolicy"] != "Delete"
            || object::is_deleting(volume)
        {
            return;
        }
        let by = object::annotation(volume, PROVISIONED_BY);
        let ours = self.shared.state().provisioners.iter().any(|pattern| {
            glob(pattern, by) || glob(pattern, text(&volume["spec"]["storageClassName"]))
        });
        match deleter(volume) {
            _ if ours => plan.delete(Kind::PersistentVolumes, volume),
            Ok(true) => plan.delete(Kind::PersistentVolumes, volume),
            Ok(false) => {}
            Err(why) => {
                if text(&volume["status"]["phase"]) != "Failed" {
                    phase(volume, "Failed", &why, cache, plan);
                    let of = Kind::PersistentVolumes;
                    plan.tell(Note::warning(of, volume, "VolumeFailedDelete", why));
                }
            }
        }
    }
}

/// Shows the phase of a volume.
fn phase(volume: &Json, phase: &str, message: &str, cache: &Cache, plan: &mut Plan) {
    if text(&volume["status"]["phase"]) == phase {
        return;
    }
    let mut status = match volume["status"].is_object() {
        true => volume["status"].clone(),
        false => json!({}),
    };
    status["phase"] = phase.into();
    if let Some(status) = status.as_object_mut() {
        status.remove("message");
        if !message.is_empty() {
            status.insert("message".to_owned(), message.into());
        }
    }
    status["lastPhaseTransitionTime"] = object::time(cache.now());
    plan.status(Kind::PersistentVolumes, volume, status);
}

/// Whether the controller itself deletes what a volume stands for; drivers do it otherwise, and what nobody can is said.
fn deleter(volume: &Json) -> Result<bool, String> {
    let by = object::annotation(volume, PROVISIONED_BY);
    let spec = &volume["spec"];
    if !by.is_empty() && !by.starts_with("kubernetes.io/") || spec["csi"].is_object() {
        return Ok(false);
    }
    if let Some(path) = spec["hostPath"]["path"].as_str() {
        if path
            .split_once("/tmp/")
            .is_some_and(|(_, rest)| !rest.is_empty())
        {
            return Ok(true);
        }
        return Err(format!(
            "host_path deleter only supports /tmp/.+ but received provided {path}"
        ));
    }
    // That of NFS is known for it recycles; others are not known at all.
    let why = match spec["nfs"].is_object() {
        true => "deletable volume",
        false => "volume",
    };
    Err(format!(
        "error getting deleter volume plugin for volume {:?}: no {why} plugin matched",
        object::name(volume)
    ))
}

impl Controller for Volumes {
    fn name(&self) -> &'static str {
        "persistentvolumes"
    }

    fn component(&self) -> &'static str {
        "persistentvolume-controller"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        let unbound = |keys: &mut Vec<String>| {
            for claim in cache
                .all(Kind::Claims)
                .filter(|claim| text(&claim["status"]["phase"]) != "Bound")
            {
                keys.push(format!("claim {}", object::key(claim)));
            }
        };
        match change.kind {
            Kind::Claims => {
                keys.push(format!("claim {}", change.key));
                let volume = text(&change.object()["spec"]["volumeName"]);
                if !volume.is_empty() {
                    keys.push(format!("volume {volume}"));
                }
            }
            Kind::PersistentVolumes => {
                keys.push(format!("volume {}", change.key));
                let reference = &change.object()["spec"]["claimRef"];
                if reference.is_object() {
                    keys.push(format!(
                        "claim {}/{}",
                        text(&reference["namespace"]),
                        text(&reference["name"])
                    ));
                }
                if change.new.is_some() {
                    unbound(keys);
                }
            }
            Kind::StorageClasses => unbound(keys),
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let Some((what, key)) = key.split_once(' ') else {
            for claim in cache.all(Kind::Claims) {
                self.shared.touch(
                    "persistentvolumes",
                    &format!("claim {}", object::key(claim)),
                );
            }
            return Plan::nothing();
        };
        match what {
            "claim" => match cache
                .get(Kind::Claims, key)
                .filter(|claim| !object::is_deleting(claim))
            {
                Some(claim) => self.claim(claim, cache),
                None => Plan::nothing(),
            },
            _ => match cache.get(Kind::PersistentVolumes, key) {
                Some(volume) => self.volume(volume, cache),
                None => Plan::nothing(),
            },
        }
    }
}

fn pending(claim: &Json, plan: &mut Plan) {
    if text(&claim["status"]["phase"]).is_empty() {
        plan.status(Kind::Claims, claim, json!({"phase": "Pending"}));
    }
}

/// Whether a volume is not another claim's.
fn is_free_for(volume: &Json, claim: &Json) -> bool {
    let reference = &volume["spec"]["claimRef"];
    if object::is_deleting(volume) {
        return false;
    }
    if !reference.is_object() {
        return matches!(
            text(&volume["status"]["phase"]),
            "Available" | "Pending" | ""
        );
    }
    is_of(reference, claim)
}

/// Whether a reference is to a claim, by its name, or for good.
fn is_of(reference: &Json, claim: &Json) -> bool {
    reference["name"] == object::name(claim)
        && reference["namespace"] == object::namespace(claim)
        && matches!(text(&reference["uid"]), uid if uid.is_empty() || uid == object::uid(claim))
}

/// Why a volume that a claim asks for by name is not for it.
fn mismatch(volume: &Json, claim: &Json) -> Option<String> {
    if object::is_deleting(volume) {
        let name = object::name(volume);
        return Some(format!("the volume is marked for deletion {name:?}"));
    }
    let size = amounts::of("storage", &volume["spec"]["capacity"]["storage"]);
    let modes: Vec<&str> = items(&volume["spec"]["accessModes"]).map(text).collect();
    let same = |field: &str| text(&volume["spec"][field]) == text(&claim["spec"][field]);
    let why = if size < wanted(claim) {
        "requested PV is too small"
    } else if !same("storageClassName") {
        "storageClassName does not match"
    } else if !same("volumeAttributesClassName") {
        "volumeAttributesClassName does not match"
    } else if mode(volume) != mode(claim) {
        "incompatible volumeMode"
    } else if !items(&claim["spec"]["accessModes"]).all(|mode| modes.contains(&text(mode))) {
        "incompatible accessMode"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// `Filesystem` or `Block`.
fn mode(object: &Json) -> &str {
    match text(&object["spec"]["volumeMode"]) {
        "" => "Filesystem",
        mode => mode,
    }
}

/// The Pods that use a claim and have no node.
fn consumers(claim: &Json, cache: &Cache) -> Vec<String> {
    let uses = |pod: &&Arc<Json>| {
        object::namespace(pod) == object::namespace(claim)
            && object::node_of(pod).is_empty()
            && object::is_active(pod)
            && items(&pod["spec"]["volumes"])
                .any(|volume| volume["persistentVolumeClaim"]["claimName"] == object::name(claim))
    };
    cache
        .all(Kind::Pods)
        .filter(uses)
        .map(|pod| object::name(pod).to_owned())
        .collect()
}

fn has_volume_of_its_own(claim: &Json, cache: &Cache) -> bool {
    cache
        .all(Kind::PersistentVolumes)
        .any(|volume| volume["spec"]["claimRef"].is_object() && is_free_for(volume, claim))
}

/// Whether a claim has got its volume, and both know.
pub(crate) fn is_bound(claim: &Json) -> bool {
    !text(&claim["spec"]["volumeName"]).is_empty()
        && object::annotation(claim, BIND_COMPLETED) == "yes"
}

/// How much a claim asks for, in bytes.
pub(crate) fn wanted(claim: &Json) -> i64 {
    amounts::of(
        "storage",
        &claim["spec"]["resources"]["requests"]["storage"],
    )
}

/// The volume that is a claim's already, or else the smallest one that is large enough; on a node, if it matters.
pub(crate) fn smallest<'a>(
    claim: &Json,
    volumes: impl Iterator<Item = &'a Arc<Json>>,
    node: Option<&Json>,
) -> Option<&'a Arc<Json>> {
    let size = |volume: &Json| amounts::of("storage", &volume["spec"]["capacity"]["storage"]);
    let wanted = wanted(claim);
    let selector = object::selector(&claim["spec"]["selector"]);
    let fits = |volume: &&Arc<Json>| {
        let modes: Vec<&str> = items(&volume["spec"]["accessModes"]).map(text).collect();
        let same = |field: &str| text(&volume["spec"][field]) == text(&claim["spec"][field]);
        let own = volume["spec"]["claimRef"].is_object();
        is_free_for(volume, claim)
            && size(volume) >= wanted
            && mode(volume) == mode(claim)
            && items(&claim["spec"]["accessModes"]).all(|mode| modes.contains(&text(mode)))
            && same("storageClassName")
            && same("volumeAttributesClassName")
            && (own
                || selector
                    .as_ref()
                    .is_none_or(|selector| selector.matches(object::labels(volume))))
            && node.is_none_or(|node| crate::scheduler::volume_suits(volume, node))
    };
    volumes.filter(fits).min_by_key(|volume| {
        (
            !volume["spec"]["claimRef"].is_object(),
            size(volume),
            object::name(volume).to_owned(),
        )
    })
}

/// Gives a volume its claim, if it has not got it.
pub(crate) fn reserve(claim: &Json, volume: &Json, plan: &mut Plan) {
    if text(&volume["spec"]["claimRef"]["uid"]) == object::uid(claim) {
        return;
    }
    let mut patch = json!({"spec": {"claimRef": {
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": object::namespace(claim),
        "name": object::name(claim), "uid": object::uid(claim), "resourceVersion": claim["metadata"]["resourceVersion"],
    }}});
    if !volume["spec"]["claimRef"].is_object() {
        patch["metadata"]["annotations"][BOUND_BY_CONTROLLER] = "yes".into();
    }
    plan.add(Action::Patch {
        kind: Kind::PersistentVolumes,
        key: object::name(volume).to_owned(),
        subresource: "",
        patch,
    });
}

/// Binds both to each other, the volume first.
fn bind(claim: &Json, volume: &Json, by_controller: bool, plan: &mut Plan) {
    reserve(claim, volume, plan);
    let mut annotations = json!({BIND_COMPLETED: "yes"});
    if by_controller {
        annotations[BOUND_BY_CONTROLLER] = "yes".into();
    }
    plan.add(Action::Patch {
        kind: Kind::Claims,
        key: object::key(claim),
        subresource: "",
        patch: json!({"metadata": {"annotations": annotations}, "spec": {"volumeName": object::name(volume)}}),
    });
}

/// Shows in a bound claim's status what it got.
fn settle(claim: &Json, volume: &Json, plan: &mut Plan) {
    if text(&volume["spec"]["claimRef"]["uid"]) != object::uid(claim) {
        return;
    }
    let mut status = claim["status"].clone();
    // Afterwards it is the resizer's.
    if status["phase"] == "Pending" {
        let class = volume["spec"]["volumeAttributesClassName"].clone();
        object::set(&mut status, "currentVolumeAttributesClassName", class);
    }
    status["phase"] = "Bound".into();
    status["accessModes"] = volume["spec"]["accessModes"].clone();
    status["capacity"] = volume["spec"]["capacity"].clone();
    plan.status(Kind::Claims, claim, status);
}

/// Makes a volume for a claim.
fn provision(claim: &Json, class: &Json, cache: &Cache, plan: &mut Plan) {
    let name = format!("pvc-{}", object::uid(claim));
    if cache.get(Kind::PersistentVolumes, &name).is_some() {
        return;
    }
    let provisioner = text(&class["provisioner"]);
    let policy = match text(&class["reclaimPolicy"]) {
        "" => "Delete",
        policy => policy,
    };
    let mut spec = json!({
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "accessModes": claim["spec"]["accessModes"],
        "persistentVolumeReclaimPolicy": policy,
        "storageClassName": object::name(class),
        "claimRef": {
            "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": object::namespace(claim),
            "name": object::name(claim), "uid": object::uid(claim), "resourceVersion": claim["metadata"]["resourceVersion"],
        },
    });
    // Only drivers have names without a slash.
    if provisioner.contains('/') {
        spec["hostPath"] =
            json!({"path": format!("/var/lib/kmock/{name}"), "type": "DirectoryOrCreate"});
    } else {
        spec["csi"] = json!({"driver": provisioner, "volumeHandle": name});
    }
    for kept in ["volumeMode"] {
        if !claim["spec"][kept].is_null() {
            spec[kept] = claim["spec"][kept].clone();
        }
    }
    if !class["mountOptions"].is_null() {
        spec["mountOptions"] = class["mountOptions"].clone();
    }
    plan.tell(Note::normal(
        Kind::Claims,
        claim,
        "Provisioning",
        format!(
            "External provisioner is provisioning volume for claim \"{}\"",
            object::key(claim)
        ),
    ));
    plan.add(Action::Create {
        kind: Kind::PersistentVolumes,
        object: json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: provisioner}}, "spec": spec,
        }),
        told: Some(Note::normal(
            Kind::Claims,
            claim,
            "ProvisioningSucceeded",
            "Successfully provisioned volume {}",
        )),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(size: &str, class: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "uid": "c"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": class}})
    }

    fn volume(name: &str, size: &str, more: Json) -> Json {
        let mut volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "storageClassName": ""}, "status": {"phase": "Available"}});
        for (key, value) in more.as_object().expect("an object") {
            volume["spec"][key] = value.clone();
        }
        volume
    }

    /// Rows of `TestMatchVolume`.
    #[test]
    fn the_smallest_volume_that_is_large_enough() {
        let of = |claim: &Json, volumes: &[Json]| {
            let cache = Cache::of(volumes.to_vec());
            let found = smallest(claim, cache.all(Kind::PersistentVolumes), None);
            found.map(|volume| object::name(volume).to_owned())
        };
        let sizes = [
            volume("small", "1Gi", json!({})),
            volume("middle", "5Gi", json!({})),
            volume("large", "10Gi", json!({})),
        ];
        assert_eq!(of(&claim("2Gi", ""), &sizes).as_deref(), Some("middle"));
        assert_eq!(of(&claim("20Gi", ""), &sizes), None);
        assert_eq!(of(&claim("1Gi", "fast"), &sizes), None);
        let own = volume(
            "own",
            "10Gi",
            json!({"claimRef": {"namespace": "shop", "name": "data"}}),
        );
        let other = volume(
            "other",
            "1Gi",
            json!({"claimRef": {"namespace": "shop", "name": "else"}}),
        );
        assert_eq!(
            of(&claim("1Gi", ""), &[sizes[0].clone(), own, other.clone()]).as_deref(),
            Some("own")
        );
        assert_eq!(of(&claim("1Gi", ""), &[other]), None);
        let mut many = claim("1Gi", "");
        many["spec"]["accessModes"] = json!(["ReadWriteMany"]);
        assert_eq!(of(&many, &sizes), None);
    }

    fn bound(claim: &Json, volumes: &[Json]) -> Plan {
        let shared = Arc::new(Shared::default());
        let cache = Cache::of(volumes.iter().cloned().chain([claim.clone()]));
        Volumes::new(&shared).look("claim shop/data", &cache)
    }

    /// What a plan tells, and the phase that it writes.
    fn outcome(plan: &Plan) -> String {
        let parts = plan.actions.iter().map(|action| match action {
            Action::Tell(note) => format!("{} {}", note.reason, note.message),
            Action::Status { object, .. } => text(&object["status"]["phase"]).to_owned(),
            Action::Patch { kind, patch, .. } => format!("{kind} {patch}"),
            Action::Delete { key, .. } => format!("delete {key}"),
            other => format!("{other:?}"),
        });
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Rows of the test sets 2 and 3 of `binder_test.go`: claims that name their volume, claims that were bound before.
    #[test]
    fn claims_that_name_their_volume() {
        let mut asks = claim("1Gi", "");
        asks["spec"]["volumeName"] = "disk".into();
        let with = |more: Json| volume("disk", "1Gi", more);
        let other = json!({"claimRef": {"namespace": "shop", "name": "else", "uid": "e"}});
        assert_eq!(outcome(&bound(&asks, &[])), "Pending");
        assert!(outcome(&bound(&asks, &[with(json!({}))])).contains("\"volumeName\":\"disk\""));
        let too_small = with(json!({"capacity": {"storage": "1Mi"}}));
        assert_eq!(
            outcome(&bound(&asks, &[too_small])),
            "VolumeMismatch Cannot bind to requested volume \"disk\": requested PV is too small; Pending"
        );
        let block = with(json!({"volumeMode": "Block"}));
        assert_eq!(
            outcome(&bound(&asks, &[block])),
            "VolumeMismatch Cannot bind to requested volume \"disk\": incompatible volumeMode; Pending"
        );
        assert_eq!(
            outcome(&bound(&asks, &[with(other.clone())])),
            "FailedBinding volume \"disk\" already bound to a different claim.; Pending"
        );
        let mut was = asks.clone();
        was["metadata"]["annotations"] = json!({BIND_COMPLETED: "yes"});
        was["status"] = json!({"phase": "Bound"});
        assert_eq!(
            outcome(&bound(&was, &[])),
            "Lost; ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        );
        assert_eq!(
            outcome(&bound(&was, &[with(other)])),
            "Lost; ClaimMisbound Two claims are bound to the same volume, this one is bound incorrectly"
        );
        was["spec"]["volumeName"] = Json::Null;
        assert_eq!(
            outcome(&bound(&was, &[])),
            "Lost; ClaimLost Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        );
    }

    /// Rows of the test sets 4 and 8 of `binder_test.go` and `delete_test.go`: volumes whose claim is elsewhere or gone.
    #[test]
    fn volumes_whose_claim_is_elsewhere_or_gone() {
        let shared = Arc::new(Shared::default());
        let of = |volume: Json, claims: &[Json]| {
            let cache = Cache::of(claims.iter().cloned().chain([volume]));
            outcome(&Volumes::new(&shared).look("volume disk", &cache))
        };
        let reference = json!({"namespace": "shop", "name": "data", "uid": "c"});
        let with = |policy: &str, source: Json| {
            let mut one = volume(
                "disk",
                "1Gi",
                json!({"claimRef": reference, "persistentVolumeReclaimPolicy": policy}),
            );
            for (key, value) in source.as_object().expect("an object") {
                one["spec"][key] = value.clone();
            }
            one["status"]["phase"] = "Released".into();
            one
        };
        let path = |path: &str| json!({"hostPath": {"path": path}});
        assert_eq!(of(with("Retain", path("/tmp/a")), &[]), "");
        assert_eq!(of(with("Delete", path("/tmp/a")), &[]), "delete disk");
        assert_eq!(
            of(with("Delete", path("/var/a")), &[]),
            "Failed; VolumeFailedDelete host_path deleter only supports /tmp/.+ but received provided /var/a"
        );
        assert_eq!(
            of(with("Delete", json!({"local": {"path": "/a"}})), &[]),
            "Failed; VolumeFailedDelete error getting deleter volume plugin for volume \"disk\": no volume plugin matched"
        );
        assert_eq!(
            of(
                with("Delete", json!({"nfs": {"server": "s", "path": "/a"}})),
                &[]
            ),
            "Failed; VolumeFailedDelete error getting deleter volume plugin for volume \"disk\": no deletable volume plugin matched"
        );
        assert_eq!(of(with("Delete", json!({"csi": {"driver": "d"}})), &[]), "");
        // The claim has got another volume.
        let mut elsewhere = claim("1Gi", "");
        elsewhere["spec"]["volumeName"] = "other".into();
        let mut ours = with("Retain", path("/tmp/a"));
        assert_eq!(
            of(ours.clone(), &[elsewhere.clone()]),
            "PersistentVolume {\"spec\":{\"claimRef\":{\"uid\":null}}}"
        );
        ours["metadata"]["annotations"] = json!({BOUND_BY_CONTROLLER: "yes"});
        assert_eq!(
            of(ours, &[elsewhere]),
            "PersistentVolume {\"metadata\":{\"annotations\":{\"pv.kubernetes.io/bound-by-controller\":null}},\"spec\":{\"claimRef\":null}}"
        );
    }
}
