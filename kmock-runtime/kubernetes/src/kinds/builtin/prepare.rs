//! What the server makes of an object before it validates it: reset fields, generations, things it sets itself.
//!
//! Rules of the create and update strategies in `pkg/registry/*/*/strategy.go`, v1.36.

use serde_json::{Value, json};

use super::decode::zero_struct;
use super::gotypes::Struct;
use super::values::{Object, at, copy, int, is_set, section, text};
use super::{certificates, disabled, pods, services};
use crate::model::strategy::Context;

type Paths = &'static [&'static [&'static str]];

/// The paths that a write cannot set, so that nobody owns them.
pub(super) fn reset_fields(name: &str, has_status: bool, subresource: &str) -> Paths {
    match (name, subresource) {
        ("core.v1.Pod", "") => &[&["status"]],
        ("core.v1.Pod", "status") => &[
            &["spec"],
            &["metadata", "deletionTimestamp"],
            &["metadata", "ownerReferences"],
        ],
        ("certificates.v1.CertificateSigningRequest", "") => &[&["status"]],
        ("certificates.v1.CertificateSigningRequest", "status") => {
            &[&["spec"], &["status", "conditions"]]
        }
        ("certificates.v1.CertificateSigningRequest", "approval") => {
            &[&["spec"], &["status", "certificate"]]
        }
        ("apps.v1.Deployment", "status") => &[&["spec"], &["metadata", "labels"]],
        ("core.v1.Node", "") => &[&["status"]],
        ("core.v1.Namespace", "finalize") => &[&["status"]],
        (
            "networking.v1.ServiceCIDR"
            | "flowcontrol.v1.FlowSchema"
            | "flowcontrol.v1.PriorityLevelConfiguration",
            "status",
        ) => &[&["spec"]],
        (
            "resource.v1.ResourceClaim"
            | "storage.v1.VolumeAttachment"
            | "apiregistration.v1.APIService",
            "status",
        ) => &[&["metadata"], &["spec"]],
        (_, "status") if has_status => &[&["spec"]],
        (_, "") if has_status => &[&["status"]],
        _ => &[],
    }
}

/// Replaces the status by an empty one.
pub(super) fn reset_status(root: &Struct, object: &mut Value) {
    let Value::Object(map) = object else { return };
    match root
        .field("status")
        .and_then(|field| field.ty.element_struct())
    {
        Some(status) => map.insert("status".into(), zero_struct(status)),
        None => map.remove("status"),
    };
}

/// Whether the server counts generations of the kind.
pub(super) fn has_generation(name: &str) -> bool {
    matches!(
        name,
        "core.v1.Pod"
            | "core.v1.ReplicationController"
            | "core.v1.PodTemplate"
            | "apps.v1.Deployment"
            | "apps.v1.ReplicaSet"
            | "apps.v1.StatefulSet"
            | "apps.v1.DaemonSet"
            | "batch.v1.Job"
            | "batch.v1.CronJob"
            | "networking.v1.Ingress"
            | "networking.v1.IngressClass"
            | "networking.v1.NetworkPolicy"
            | "policy.v1.PodDisruptionBudget"
            | "scheduling.v1.PriorityClass"
            | "discovery.v1.EndpointSlice"
            | "admissionregistration.v1.ValidatingWebhookConfiguration"
            | "admissionregistration.v1.MutatingWebhookConfiguration"
            | "admissionregistration.v1.ValidatingAdmissionPolicy"
            | "admissionregistration.v1.ValidatingAdmissionPolicyBinding"
            | "admissionregistration.v1.MutatingAdmissionPolicy"
            | "admissionregistration.v1.MutatingAdmissionPolicyBinding"
            | "flowcontrol.v1.FlowSchema"
            | "flowcontrol.v1.PriorityLevelConfiguration"
            | "resource.v1.ResourceSlice"
            | "resource.v1.DeviceClass"
    )
}

/// Whether a change of the object is a new generation.
pub(super) fn bumps_generation(name: &str, new: &Value, old: &Value) -> bool {
    let differs = |path: &[&str]| at(new, path) != at(old, path);
    match name {
        "apps.v1.Deployment" => differs(&["spec"]) || differs(&["metadata", "annotations"]),
        "discovery.v1.EndpointSlice" => {
            differs(&["metadata", "labels"])
                || differs(&["addressType"])
                || differs(&["endpoints"])
                || differs(&["ports"])
        }
        "core.v1.PodTemplate" => differs(&["template"]),
        "admissionregistration.v1.ValidatingWebhookConfiguration"
        | "admissionregistration.v1.MutatingWebhookConfiguration" => differs(&["webhooks"]),
        "scheduling.v1.PriorityClass" => false,
        _ => differs(&["spec"]),
    }
}

/// What a create strategy does beyond resetting the status.
pub(super) fn create(name: &str, context: &Context<'_>, object: &mut Value) {
    disabled::drop(name, object, None);
    new_taints(name, context, object);
    match name {
        "core.v1.Pod" => pods::prepare_for_create(object, context.now),
        "coordination.v1.Lease" => without_election(object, None),
        "core.v1.LimitRange" if text(object, &["metadata", "name"]).is_empty() => {
            let name = context.cluster.next_uid();
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.insert("name".into(), name.into());
            }
        }
        "core.v1.Namespace" => {
            let spec = section(object, "spec");
            let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
            if let Value::Array(list) = finalizers
                && !list.iter().any(|f| f == "kubernetes")
            {
                list.push("kubernetes".into());
            }
            object["status"] = json!({"phase": "Active"});
            let name = text(object, &["metadata", "name"]).to_owned();
            if !name.is_empty()
                && let Some(metadata) = object.get_mut("metadata")
            {
                section(metadata, "labels")
                    .insert("kubernetes.io/metadata.name".into(), name.into());
            }
        }
        "core.v1.PersistentVolume" => {
            let now = super::times::seconds(context.now);
            object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": now});
        }
        "core.v1.PersistentVolumeClaim" => object["status"] = json!({"phase": "Pending"}),
        "core.v1.Service" => services::prepare_for_create(context, object),
        "apps.v1.DaemonSet" => set_template_generation(object, 1),
        "batch.v1.Job" => job_labels(object),
        "core.v1.ServiceAccount" => only_names_of_secrets(object),
        "discovery.v1.EndpointSlice" => forget_topology(object, None),
        "certificates.v1.CertificateSigningRequest" => {
            let spec = section(object, "spec");
            // Who asks is not for the client to say.
            for key in ["username", "uid", "groups", "extra"] {
                spec.remove(key);
            }
            let Value::Object(mut info) = context.user.to_user_info() else {
                return;
            };
            spec.append(&mut info);
        }
        "apiregistration.v1.APIService" if !is_set(object, &["spec", "service"]) => {
            object["status"] = json!({"conditions": [{
                "type": "Available", "status": "True", "lastTransitionTime": super::times::seconds(context.now),
                "reason": "Local", "message": "Local APIServices are always available",
            }]});
        }
        _ => {}
    }
}

/// Taints of devices are as old as the write that brings them.
fn new_taints(name: &str, context: &Context<'_>, object: &mut Value) {
    if name != "resource.v1.ResourceSlice" {
        return;
    }
    let now = super::times::seconds(context.now);
    for device in super::values::each(section(object, "spec"), "devices") {
        for taint in super::values::each(device, "taints") {
            super::values::fill(taint, "timeAdded", now.as_str());
        }
    }
}

/// Of the secrets of a service account only the names count.
fn only_names_of_secrets(object: &mut Value) {
    let Value::Object(object) = object else {
        return;
    };
    for secret in super::values::each(object, "secrets") {
        secret.retain(|key, _| key == "name");
    }
}

/// The topology of endpoints cannot be written through v1; the name of a known node moves to where it belongs.
fn forget_topology(new: &mut Value, old: Option<&Value>) {
    const HOST_NAME: &str = "kubernetes.io/hostname";
    if old.is_some_and(|old| at(old, &["endpoints"]) == at(new, &["endpoints"])) {
        return;
    }
    let known: Vec<&Value> = old
        .into_iter()
        .flat_map(|old| super::values::items(old, &["endpoints"]))
        .map(|endpoint| at(endpoint, &["deprecatedTopology", HOST_NAME]))
        .collect();
    let Value::Object(new) = new else { return };
    for endpoint in super::values::each(new, "endpoints") {
        let node = endpoint
            .remove("deprecatedTopology")
            .map(|topology| at(&topology, &[HOST_NAME]).clone())
            .unwrap_or_default();
        if node.is_string() && known.contains(&&node) && !endpoint.contains_key("nodeName") {
            endpoint.insert("nodeName".into(), node);
        }
    }
}

/// Whether a job has its labels from its template: the decoder leaves a mark.
pub(super) fn takes_template_labels(object: &mut Value) -> bool {
    object
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("labels"))
        .and_then(Value::as_object_mut)
        .is_some_and(|labels| labels.remove(super::defaults::SHARED_LABELS).is_some())
}

/// A job without a selector of its own selects its pods by its uid.
fn job_labels(object: &mut Value) {
    let shares_labels = takes_template_labels(object);
    if at(object, &["spec", "manualSelector"]) == &Value::Bool(true) {
        return;
    }
    let (name, uid) = (
        text(object, &["metadata", "name"]).to_owned(),
        text(object, &["metadata", "uid"]).to_owned(),
    );
    let spec = section(object, "spec");
    let template = super::values::child(spec, "template");
    let labels = super::values::child(super::values::child(template, "metadata"), "labels");
    for (key, value) in [
        ("job-name", &name),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("batch.kubernetes.io/controller-uid", &uid),
    ] {
        labels.entry(key).or_insert_with(|| value.as_str().into());
    }
    let labels = labels.clone();
    let selector = super::values::child(super::values::child(spec, "selector"), "matchLabels");
    selector
        .entry("batch.kubernetes.io/controller-uid")
        .or_insert_with(|| uid.into());
    // Defaulting has made the job's labels and those of the template one map.
    if shares_labels {
        section(object, "metadata").insert("labels".into(), labels.into());
    }
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn set_template_generation(object: &mut Value, generation: i64) {
    if let Some(metadata) = object.get_mut("metadata") {
        section(metadata, "annotations")
            .insert(TEMPLATE_GENERATION.into(), generation.to_string().into());
    }
}

fn template_generation(object: &Value) -> i64 {
    text(object, &["metadata", "annotations", TEMPLATE_GENERATION])
        .parse()
        .unwrap_or_default()
}

/// What an update strategy does: of the object itself and of its subresources.
pub(super) fn update(
    name: &str,
    has_status: bool,
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    match context.subresource {
        "" => update_object(name, has_status, context, new, old),
        "status" => update_status(name, context, new, old),
        "finalize" => {
            copy(new, old, "status");
        }
        "approval" => certificates::prepare_for_approval(context, new, old),
        "ephemeralcontainers" => pods::only_ephemeral_containers(new, old),
        "resize" => pods::only_resources(new, old),
        _ => {}
    }
}

/// Coordinated leader election is off by default: what belongs to it is dropped unless it was there before.
fn without_election(new: &mut Value, old: Option<&Value>) {
    for key in ["strategy", "preferredHolder"] {
        if !old.is_some_and(|old| is_set(old, &["spec", key])) && is_set(new, &["spec", key]) {
            section(new, "spec").remove(key);
        }
    }
}

fn set_or_remove(object: &mut Object, key: &str, value: Value) {
    if value.is_null() {
        object.remove(key);
    } else {
        object.insert(key.into(), value);
    }
}

fn update_object(
    name: &str,
    has_status: bool,
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    if has_status {
        copy(new, old, "status");
    }
    disabled::drop(name, new, Some(old));
    new_taints(name, context, new);
    match name {
        "core.v1.ServiceAccount" => only_names_of_secrets(new),
        "discovery.v1.EndpointSlice" => forget_topology(new, Some(old)),
        "storage.v1.CSIDriver" if at(new, &["spec"]) != at(old, &["spec"]) => {
            let generation = int(old, &["metadata", "generation"]) + 1;
            section(new, "metadata").insert("generation".into(), generation.into());
        }
        "batch.v1.Job" => {
            takes_template_labels(new);
        }
        "core.v1.Namespace" => {
            let finalizers = at(old, &["spec", "finalizers"]).clone();
            set_or_remove(section(new, "spec"), "finalizers", finalizers);
        }
        "core.v1.Pod" => pods::prepare_for_update(new, old),
        "coordination.v1.Lease" => without_election(new, Some(old)),
        "core.v1.Service" => services::prepare_for_update(context, new, old),
        "core.v1.Secret" => {
            // A type once given stays when a write leaves it out: the decoder has filled in the default.
            let kind = text(old, &["type"]);
            if text(new, &["type"]).is_empty() && !kind.is_empty() {
                new["type"] = kind.into();
            }
        }
        "apps.v1.DaemonSet" => {
            let changed = at(new, &["spec", "template"]) != at(old, &["spec", "template"]);
            set_template_generation(new, template_generation(old) + i64::from(changed));
        }
        "certificates.v1.CertificateSigningRequest" => copy(new, old, "spec"),
        _ => {}
    }
}

fn update_status(name: &str, context: &Context<'_>, new: &mut Value, old: &Value) {
    copy(new, old, "spec");
    match name {
        "batch.v1.Job" => {
            takes_template_labels(new);
        }
        "apps.v1.Deployment" => keep_metadata(new, old, &["labels"]),
        "core.v1.Pod" => pods::prepare_for_status_update(new, old),
        "networking.v1.ServiceCIDR"
        | "flowcontrol.v1.FlowSchema"
        | "flowcontrol.v1.PriorityLevelConfiguration"
        | "admissionregistration.v1.ValidatingAdmissionPolicy"
        | "resource.v1.ResourceClaim"
        | "storage.v1.VolumeAttachment" => {
            keep_metadata(
                new,
                old,
                &[
                    "deletionTimestamp",
                    "generation",
                    "labels",
                    "annotations",
                    "finalizers",
                    "ownerReferences",
                ],
            );
        }
        "apiregistration.v1.APIService" => {
            keep_metadata(
                new,
                old,
                &["labels", "annotations", "finalizers", "ownerReferences"],
            );
        }
        "certificates.v1.CertificateSigningRequest" => {
            certificates::prepare_for_status_update(context, new, old);
        }
        "core.v1.PersistentVolume"
            if text(new, &["status", "phase"]) != text(old, &["status", "phase"])
            // The moment of a change of phase is the server's, unless the client tells one.
            && int(new, &["status", "lastPhaseTransitionTime"]) == 0
                && !is_set(new, &["status", "lastPhaseTransitionTime"]) =>
        {
            let now = super::times::seconds(context.now);
            section(new, "status").insert("lastPhaseTransitionTime".into(), now.into());
        }
        _ => {}
    }
}

/// Takes metadata fields from the stored object.
fn keep_metadata(new: &mut Value, old: &Value, keys: &[&str]) {
    let old = at(old, &["metadata"]);
    if let Some(metadata) = new.get_mut("metadata") {
        for key in keys {
            copy(metadata, old, key);
        }
    }
}
