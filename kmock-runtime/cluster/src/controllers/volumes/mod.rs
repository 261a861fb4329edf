//! Claims and volumes: binding, provisioning, release; and the finalizers that protect both while they are used.

mod protection;

use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use self::protection::Protection;
use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::glob::glob;
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
    fn provisions(&self, class: &Value) -> bool {
        let state = self.shared.state();
        state.provisioners.iter().any(|pattern| {
            glob(pattern, object::name(class)) || glob(pattern, text(&class["provisioner"]))
        })
    }

    fn claim(&self, claim: &Value, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let volume = text(&claim["spec"]["volumeName"]);
        if object::annotation(claim, BIND_COMPLETED) == "yes" {
            // Bound for good: only a volume that is gone changes that.
            match cache.get(Kind::PersistentVolumes, volume) {
                Some(volume) => settle(claim, volume, &mut plan),
                None if text(&claim["status"]["phase"]) == "Bound" => {
                    let mut status = claim["status"].clone();
                    status["phase"] = "Lost".into();
                    plan.status(Kind::Claims, claim, status);
                    let why =
                        "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
                    plan.tell(Note::warning(Kind::Claims, claim, "ClaimLost", why));
                }
                None => {}
            }
            return plan;
        }
        if !volume.is_empty() {
            if let Some(volume) = cache.get(Kind::PersistentVolumes, volume)
                && is_free_for(volume, claim)
            {
                bind(claim, volume, false, &mut plan);
            }
            return plan;
        }
        let waits = crate::scheduler::waits_for_consumer(claim, cache);
        let chosen = !object::annotation(claim, SELECTED_NODE).is_empty();
        if waits && !chosen && !has_volume_of_its_own(claim, cache) {
            let why = "waiting for first consumer to be created before binding";
            plan.tell(Note::normal(
                Kind::Claims,
                claim,
                "WaitForFirstConsumer",
                why,
            ));
            pending(claim, &mut plan);
            return plan;
        }
        if let Some(volume) = best(claim, cache) {
            bind(claim, &volume, true, &mut plan);
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

    fn volume(&self, volume: &Value, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let reference = &volume["spec"]["claimRef"];
        let phase = |phase: &str, plan: &mut Plan| {
            if text(&volume["status"]["phase"]) != phase {
                let mut status = if volume["status"].is_object() {
                    volume["status"].clone()
                } else {
                    json!({})
                };
                status["phase"] = phase.into();
                status["lastPhaseTransitionTime"] = object::time(cache.now());
                plan.status(Kind::PersistentVolumes, volume, status);
            }
        };
        if !reference.is_object() || text(&reference["uid"]).is_empty() {
            phase("Available", &mut plan);
            return plan;
        }
        let claim = cache
            .find(
                Kind::Claims,
                text(&reference["namespace"]),
                text(&reference["name"]),
            )
            .filter(|claim| object::uid(claim) == text(&reference["uid"]));
        if claim.is_some() {
            phase("Bound", &mut plan);
            return plan;
        }
        phase("Released", &mut plan);
        if text(&volume["spec"]["persistentVolumeReclaimPolicy"]) == "Delete"
            && !object::is_deleting(volume)
        {
            let by = object::annotation(volume, PROVISIONED_BY);
            let ours = self.shared.state().provisioners.iter().any(|pattern| {
                glob(pattern, by) || glob(pattern, text(&volume["spec"]["storageClassName"]))
            });
            if ours {
                plan.delete(Kind::PersistentVolumes, volume);
            }
        }
        plan
    }
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

fn pending(claim: &Value, plan: &mut Plan) {
    if text(&claim["status"]["phase"]).is_empty() {
        plan.status(Kind::Claims, claim, json!({"phase": "Pending"}));
    }
}

/// Whether a volume is not another claim's.
fn is_free_for(volume: &Value, claim: &Value) -> bool {
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
    reference["name"] == object::name(claim)
        && reference["namespace"] == object::namespace(claim)
        && matches!(text(&reference["uid"]), uid if uid.is_empty() || uid == object::uid(claim))
}

fn has_volume_of_its_own(claim: &Value, cache: &Cache) -> bool {
    cache
        .all(Kind::PersistentVolumes)
        .any(|volume| volume["spec"]["claimRef"].is_object() && is_free_for(volume, claim))
}

/// The volume that is a claim's already, or else the smallest one that is large enough.
fn best(claim: &Value, cache: &Cache) -> Option<Arc<Value>> {
    let size = |object: &Value| amounts::of("storage", &object["storage"]);
    let wanted = size(&claim["spec"]["resources"]["requests"]);
    let selector = object::selector(&claim["spec"]["selector"]);
    let mode = |object: &Value| match text(&object["spec"]["volumeMode"]) {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    let fits = |volume: &&Arc<Value>| {
        let modes: Vec<&str> = items(&volume["spec"]["accessModes"]).map(text).collect();
        let own = volume["spec"]["claimRef"].is_object();
        is_free_for(volume, claim)
            && size(&volume["spec"]["capacity"]) >= wanted
            && mode(volume) == mode(claim)
            && items(&claim["spec"]["accessModes"]).all(|mode| modes.contains(&text(mode)))
            && text(&volume["spec"]["storageClassName"]) == text(&claim["spec"]["storageClassName"])
            && (own
                || selector
                    .as_ref()
                    .is_none_or(|selector| selector.matches(object::labels(volume))))
    };
    cache
        .all(Kind::PersistentVolumes)
        .filter(fits)
        .min_by_key(|volume| {
            (
                !volume["spec"]["claimRef"].is_object(),
                size(&volume["spec"]["capacity"]),
                object::name(volume).to_owned(),
            )
        })
        .cloned()
}

/// Binds both to each other, the volume first.
fn bind(claim: &Value, volume: &Value, by_controller: bool, plan: &mut Plan) {
    if text(&volume["spec"]["claimRef"]["uid"]) != object::uid(claim) {
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
fn settle(claim: &Value, volume: &Value, plan: &mut Plan) {
    if text(&volume["spec"]["claimRef"]["uid"]) != object::uid(claim) {
        return;
    }
    let mut status = claim["status"].clone();
    status["phase"] = "Bound".into();
    status["accessModes"] = volume["spec"]["accessModes"].clone();
    status["capacity"] = volume["spec"]["capacity"].clone();
    plan.status(Kind::Claims, claim, status);
}

/// Makes a volume for a claim.
fn provision(claim: &Value, class: &Value, cache: &Cache, plan: &mut Plan) {
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

    fn claim(size: &str, class: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "uid": "c"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": class}})
    }

    fn volume(name: &str, size: &str, more: Value) -> Value {
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
        let of = |claim: &Value, volumes: &[Value]| {
            best(claim, &Cache::of(volumes.to_vec())).map(|volume| object::name(&volume).to_owned())
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
}
