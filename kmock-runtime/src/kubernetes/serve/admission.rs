//! What admission plugins do before an object is stored: the life cycle of namespaces, then the kind's own; when the
//! object is known to be valid, limit ranges and quotas may still refuse it.

use std::sync::Arc;

use serde_json::Value;

use super::call::Call;
use super::{managed, write};
use crate::kubernetes::builtin::{limit_ranges, quota};
use crate::kubernetes::path::{ApiRequest, Query, Verb};
use crate::kubernetes::registry::Served;
use crate::kubernetes::resource::ResourceKey;
use crate::kubernetes::status::{ApiError, Cause};
use crate::kubernetes::store::{StoredObject, Write};

/// Lets an object be created, or refuses it.
pub fn create(call: &Call, name: &str, object: &mut Value, dry_run: bool) -> Result<(), ApiError> {
    namespace_accepts(call, name)?;
    call.strategy()
        .admit_create(&call.context(name, dry_run), object)
}

/// The namespace of new content must exist and live.
pub fn namespace_accepts(call: &Call, name: &str) -> Result<(), ApiError> {
    if !call.resource().namespaced {
        return Ok(());
    }
    let resource = call.resource();
    let namespace = call.request.namespace();
    let Some(found) = call
        .cluster
        .store()
        .get(&ResourceKey::new("", "namespaces"), namespace)
    else {
        return Err(ApiError::not_found("", "namespaces", namespace));
    };
    if !found.is_terminating() && found.value["status"]["phase"] != "Terminating" {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut error = ApiError::forbidden(&resource.group, &resource.plural, name, why);
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        });
    }
    Err(error)
}

/// Asks a namespace's limit ranges and quotas about a valid object, and charges the quotas.
pub fn validate(
    call: &Call,
    object: &Value,
    old: Option<&Value>,
    dry_run: bool,
) -> Result<(), ApiError> {
    let resource = call.resource();
    if !resource.namespaced || !call.request.subresource().is_empty() {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let refuse = |why| ApiError::forbidden(&resource.group, &resource.plural, name, why);
    let is_going = old.is_some_and(|old| old["metadata"]["deletionTimestamp"].is_string());
    let is_limited = match resource.kind.as_str() {
        "Pod" => old.is_none(),
        kind => kind == "PersistentVolumeClaim" && !is_going,
    };
    if resource.is_built_in() && is_limited {
        for range in of_namespace(call, "limitranges") {
            if let Some(why) = limit_ranges::refusal(&range.value, &resource.kind, object) {
                return Err(refuse(why));
            }
        }
    }
    let asked = quota::Asked {
        group: &resource.group,
        plural: &resource.plural,
        object,
        old,
    };
    if !asked.counts() {
        return Ok(());
    }
    loop {
        let quotas = of_namespace(call, "resourcequotas");
        let values: Vec<&Value> = quotas.iter().map(|quota| &*quota.value).collect();
        let charges = asked.charge(&values).map_err(refuse)?;
        let Some(served) = call.cluster.registry().find("", "v1", "resourcequotas") else {
            return Ok(());
        };
        if charges.is_empty() || dry_run {
            return Ok(());
        }
        let place = served.resource.storage.clone();
        let status = quota_status(call, served);
        let writes = charges.into_iter().filter_map(|(index, sums)| {
            let current = Arc::clone(quotas.get(index)?);
            let mut value = (*current.value).clone();
            for (name, sum) in sums {
                value["status"]["used"][name] = sum.into();
            }
            managed::update(&status, Some(&current.value), &mut value, "kube-apiserver");
            Some(Write::Update { current, value })
        });
        // Whoever was faster has changed what is left.
        if let Ok(events) = call.cluster.store().transact(&place, writes.collect()) {
            events
                .iter()
                .for_each(|event| write::after_commit(&status, event));
            return Ok(());
        }
    }
}

fn of_namespace(call: &Call, plural: &str) -> Vec<Arc<StoredObject>> {
    let prefix = format!("{}/", call.request.namespace());
    let key = ResourceKey::new("", plural);
    call.cluster.store().list(&key, &prefix).objects
}

/// The server's own write of a quota's status.
fn quota_status(call: &Call, served: Served) -> Call {
    Call {
        cluster: call.cluster.clone(),
        request: ApiRequest {
            method: http::Method::PUT,
            verb: Verb::Update,
            group: String::new(),
            version: "v1".into(),
            namespace: call.request.namespace.clone(),
            resource: "resourcequotas".into(),
            name: None,
            subresource: Some("status".into()),
            rest: Vec::new(),
            watch_path: false,
            trailing_slash: false,
            query: Query::default(),
        },
        served,
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        now: call.now,
        user: Arc::clone(&call.user),
    }
}
