//! The review that a webhook is sent: `AdmissionReview` of `admission.k8s.io`.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::hooks::ReviewVersion;
use crate::api::admission::{Attributes, rules};
use crate::model::resource::Resource;
use crate::model::status::ApiError;
use crate::state::registry::Served;
use crate::wire::json;

/// The reviews of one request. But for the webhook's own number they are the same for all that are asked in one version: they are
/// written once, until the object changes.
#[derive(Debug, Default)]
pub(super) struct Reviews(Vec<(Arc<Resource>, Vec<u8>)>);

impl Reviews {
    /// The object has changed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// The review with a number; `shown`: the object in that version.
    pub(super) async fn of(
        &mut self,
        asked: &Attributes<'_>,
        served: &Served,
        version: ReviewVersion,
        uid: &str,
        shown: &Value,
    ) -> Result<Bytes, ApiError> {
        let is_written =
            |(resource, _): &(Arc<Resource>, _)| Arc::ptr_eq(resource, &served.resource);
        let at = match self.0.iter().position(is_written) {
            Some(at) => at,
            None => {
                let written = asked.call.settled(|| written(asked, served, shown));
                self.0.push((Arc::clone(&served.resource), written.await?));
                self.0.len() - 1
            }
        };
        let rest = self.0.get(at).map_or(&[][..], |(_, written)| written);
        let version = match version {
            ReviewVersion::V1 => "v1",
            ReviewVersion::V1Beta1 => "v1beta1",
        };
        let mut out = Vec::with_capacity(128 + rest.len());
        out.extend_from_slice(b"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/");
        out.extend_from_slice(version.as_bytes());
        out.extend_from_slice(b"\",\"request\":{\"uid\":");
        json::write_string(&mut out, uid);
        out.extend_from_slice(rest);
        Ok(out.into())
    }
}

/// What follows the number in the review of a request, in the order of the server's fields.
fn written(asked: &Attributes<'_>, served: &Served, shown: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    let sub = asked.subresource();
    kind(&mut out, "kind", asked, &served.resource);
    resource(&mut out, "resource", &served.resource);
    text(&mut out, "subResource", sub);
    kind(&mut out, "requestKind", asked, asked.resource());
    resource(&mut out, "requestResource", asked.resource());
    text(&mut out, "requestSubResource", sub);
    text(&mut out, "name", asked.name);
    text(&mut out, "namespace", asked.namespace());
    text(&mut out, "operation", asked.operation.as_str());
    member(&mut out, "userInfo");
    json::write(&mut out, &asked.user(), None);
    member(&mut out, "object");
    json::write(&mut out, shown, json::order_of(shown));
    member(&mut out, "oldObject");
    match asked.old.map(|old| rules::converted(asked, served, old)) {
        Some(old) => json::write(&mut out, &old, json::order_of(&old)),
        None => out.extend_from_slice(b"null"),
    }
    member(&mut out, "dryRun");
    out.extend_from_slice(if asked.dry_run { b"true" } else { b"false" });
    member(&mut out, "options");
    let options = asked.options();
    json::write(&mut out, &options, json::order_of(&options));
    out.extend_from_slice(b"}}\n");
    out
}

/// Names of the API hold nothing that JSON escapes.
fn member(out: &mut Vec<u8>, key: &str) {
    for part in [",\"", key, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A text, where there is one.
fn text(out: &mut Vec<u8>, key: &str, text: &str) {
    if !text.is_empty() {
        member(out, key);
        json::write_string(out, text);
    }
}

/// The kind as `group`, `version`, `kind`: that of the resource in this version, or of what a subresource takes.
fn kind(out: &mut Vec<u8>, key: &str, asked: &Attributes<'_>, resource: &Resource) {
    let (group, version, kind) = asked.kind_in(resource);
    named(out, key, [group, version, "kind", kind]);
}

fn resource(out: &mut Vec<u8>, key: &str, resource: &Resource) {
    let (group, version, plural) = (&resource.group, &resource.version, &resource.plural);
    named(out, key, [group, version, "resource", plural]);
}

fn named(out: &mut Vec<u8>, key: &str, [group, version, what, name]: [&str; 4]) {
    member(out, key);
    for part in [
        "{\"group\":\"",
        group,
        "\",\"version\":\"",
        version,
        "\",\"",
        what,
        "\":\"",
        name,
        "\"}",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
}
