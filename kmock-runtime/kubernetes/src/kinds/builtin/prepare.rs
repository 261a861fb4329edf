//! What the server makes of an object before it validates it: reset fields, generations, things it sets itself.
//!
//! Rules of the create and update strategies in `pkg/registry/*/*/strategy.go`, v1.36.

use serde_json::{Value, json};

use super::decode::zero_struct;
use super::gotypes::Struct;
use super::row::Kind;
use super::values::{JsonObject, at, copy, int, is_set, section, text};
use super::{certificates, pods};
use crate::model::strategy::Context;

/// Replaces the status by an empty one.
pub(super) fn reset_status(root: &Struct, object: &mut Value) {
    let Value::Object(map) = object else { return };
    match root
        .field("status")
        .and_then(|field| field.ty.element_struct())
    {
        Some(status) => map.insert("status".into(), zero_struct(status).clone()),
        None => map.remove("status"),
    };
}

pub(in crate::kinds::builtin) fn prepare_limit_range(context: &Context<'_>, object: &mut Value) {
    if text(object, &["metadata", "name"]).is_empty() {
        let name = context.cluster.next_uid();
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.insert("name".into(), name.into());
        }
    }
}

pub(in crate::kinds::builtin) fn prepare_namespace(_context: &Context<'_>, object: &mut Value) {
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
        section(metadata, "labels").insert("kubernetes.io/metadata.name".into(), name.into());
    }
}

pub(in crate::kinds::builtin) fn prepare_persistent_volume(
    context: &Context<'_>,
    object: &mut Value,
) {
    let now = super::times::seconds(context.now);
    object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": now});
}

pub(in crate::kinds::builtin) fn prepare_certificate_signing_request(
    context: &Context<'_>,
    object: &mut Value,
) {
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

pub(in crate::kinds::builtin) fn prepare_api_service(context: &Context<'_>, object: &mut Value) {
    if !is_set(object, &["spec", "service"]) {
        object["status"] = json!({"conditions": [{
            "type": "Available", "status": "True", "lastTransitionTime": super::times::seconds(context.now),
            "reason": "Local", "message": "Local APIServices are always available",
        }]});
    }
}

/// What a create strategy does beyond resetting the status.
pub(super) fn create(kind: &Kind, context: &Context<'_>, object: &mut Value) {
    (kind.prepare.gated)(object, None);
    (kind.prepare.create)(context, object);
}

/// Taints of devices are as old as the write that brings them.
pub(super) fn new_taints(context: &Context<'_>, object: &mut Value) {
    let now = super::times::seconds(context.now);
    for device in super::values::each(section(object, "spec"), "devices") {
        for taint in super::values::each(device, "taints") {
            super::values::fill(taint, "timeAdded", now.as_str());
        }
    }
}

/// Of the secrets of a service account only the names count.
pub(in crate::kinds::builtin) fn only_names_of_secrets(object: &mut Value) {
    let Value::Object(object) = object else {
        return;
    };
    for secret in super::values::each(object, "secrets") {
        secret.retain(|key, _| key == "name");
    }
}

/// The topology of endpoints cannot be written through v1; the name of a known node moves to where it belongs.
pub(in crate::kinds::builtin) fn forget_topology(new: &mut Value, old: Option<&Value>) {
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

/// Whether a job has its labels from its template: the defaults leave a mark.
pub(in crate::kinds::builtin) fn takes_template_labels(object: &mut Value) -> bool {
    object
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("labels"))
        .and_then(Value::as_object_mut)
        .is_some_and(|labels| labels.remove(super::defaults::SHARED_LABELS).is_some())
}

/// A job without a selector of its own selects its pods by its uid.
pub(in crate::kinds::builtin) fn job_labels(object: &mut Value) {
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

pub(in crate::kinds::builtin) fn set_template_generation(object: &mut Value, generation: i64) {
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
    kind: &Kind,
    has_status: bool,
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    match context.subresource {
        "" => {
            if has_status {
                copy(new, old, "status");
            }
            (kind.prepare.gated)(new, Some(old));
            (kind.prepare.update)(context, new, old);
        }
        "status" => {
            copy(new, old, "spec");
            (kind.prepare.status)(context, new, old);
        }
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
pub(in crate::kinds::builtin) fn without_election(new: &mut Value, old: Option<&Value>) {
    for key in ["strategy", "preferredHolder"] {
        if !old.is_some_and(|old| is_set(old, &["spec", key])) && is_set(new, &["spec", key]) {
            section(new, "spec").remove(key);
        }
    }
}

fn set_or_remove(object: &mut JsonObject, key: &str, value: Value) {
    if value.is_null() {
        object.remove(key);
    } else {
        object.insert(key.into(), value);
    }
}

pub(in crate::kinds::builtin) fn change_csi_driver(
    _context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    if at(new, &["spec"]) != at(old, &["spec"]) {
        let generation = int(old, &["metadata", "generation"]) + 1;
        section(new, "metadata").insert("generation".into(), generation.into());
    }
}

pub(in crate::kinds::builtin) fn change_namespace(
    _context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    let finalizers = at(old, &["spec", "finalizers"]).clone();
    set_or_remove(section(new, "spec"), "finalizers", finalizers);
}

pub(in crate::kinds::builtin) fn change_secret(
    _context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    // A type once given stays when a write leaves it out: who read it has filled in the default.
    let kind = text(old, &["type"]);
    if text(new, &["type"]).is_empty() && !kind.is_empty() {
        new["type"] = kind.into();
    }
}

pub(in crate::kinds::builtin) fn change_daemon_set(
    _context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    let changed = at(new, &["spec", "template"]) != at(old, &["spec", "template"]);
    set_template_generation(new, template_generation(old) + i64::from(changed));
}

pub(in crate::kinds::builtin) fn change_status_persistent_volume(
    context: &Context<'_>,
    new: &mut Value,
    old: &Value,
) {
    if text(new, &["status", "phase"]) != text(old, &["status", "phase"])
            // The moment of a change of phase is the server's, unless the client tells one.
            && int(new, &["status", "lastPhaseTransitionTime"]) == 0
                && !is_set(new, &["status", "lastPhaseTransitionTime"])
    {
        let now = super::times::seconds(context.now);
        section(new, "status").insert("lastPhaseTransitionTime".into(), now.into());
    }
}

/// Takes metadata fields from the stored object.
pub(in crate::kinds::builtin) fn keep_metadata(new: &mut Value, old: &Value, keys: &[&str]) {
    let old = at(old, &["metadata"]);
    if let Some(metadata) = new.get_mut("metadata") {
        for key in keys {
            copy(metadata, old, key);
        }
    }
}
