//! The review that a webhook is sent: `AdmissionReview` of `admission.k8s.io`.

use bytes::Bytes;
use serde_json::Value;

use super::hooks::ReviewVersion;
use crate::api::admission::{Attributes, rules};
use crate::model::resource::Resource;
use crate::state::registry::Served;
use crate::wire::json::print_object;

/// Writes the review of a request, in the order of the server's fields.
pub(super) fn write(
    asked: &Attributes<'_>,
    served: &Served,
    version: ReviewVersion,
    uid: &str,
    object: &Value,
) -> Bytes {
    let version = match version {
        ReviewVersion::V1 => "v1",
        ReviewVersion::V1Beta1 => "v1beta1",
    };
    let mut out = Vec::with_capacity(2048);
    let mut put = |key: &str, value: &[u8]| {
        if out.is_empty() {
            let head = format!(
                "{{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/{version}\",\"request\":{{"
            );
            out.extend_from_slice(head.as_bytes());
        } else {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    };
    let text = |text: &str| Value::from(text).to_string().into_bytes();
    put("uid", &text(uid));
    put("kind", &kind(asked, &served.resource));
    put("resource", &resource(&served.resource));
    let sub = asked.subresource();
    if !sub.is_empty() {
        put("subResource", &text(sub));
    }
    put("requestKind", &kind(asked, asked.resource()));
    put("requestResource", &resource(asked.resource()));
    if !sub.is_empty() {
        put("requestSubResource", &text(sub));
    }
    if !asked.name.is_empty() {
        put("name", &text(asked.name));
    }
    if !asked.namespace().is_empty() {
        put("namespace", &text(asked.namespace()));
    }
    put("operation", &text(asked.operation.as_str()));
    put("userInfo", asked.user().to_string().as_bytes());
    put("object", &printed(object));
    let old = asked.old.map(|old| rules::converted(asked, served, old));
    put("oldObject", &printed(&old.unwrap_or_default()));
    put("dryRun", asked.dry_run.to_string().as_bytes());
    put("options", &printed(&asked.options()));
    out.extend_from_slice(b"}}\n");
    out.into()
}

fn printed(object: &Value) -> Vec<u8> {
    if object.is_null() {
        b"null".to_vec()
    } else {
        print_object(object)
    }
}

/// The kind as `group`, `version`, `kind`: that of the resource in this version, or of what a subresource takes.
fn kind(asked: &Attributes<'_>, resource: &Resource) -> Vec<u8> {
    let (group, version, kind) = asked.kind_in(resource);
    named(group, version, "kind", kind)
}

fn resource(resource: &Resource) -> Vec<u8> {
    named(
        &resource.group,
        &resource.version,
        "resource",
        &resource.plural,
    )
}

/// Names of the API hold nothing that JSON escapes.
fn named(group: &str, version: &str, what: &str, name: &str) -> Vec<u8> {
    format!("{{\"group\":{group:?},\"version\":{version:?},\"{what}\":{name:?}}}").into_bytes()
}
