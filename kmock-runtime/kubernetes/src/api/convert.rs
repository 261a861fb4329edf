//! Conversions of custom objects by the webhook of their definition: one `ConversionReview` for all that a step lacks.
//!
//! What comes back may differ in labels and annotations; the rest of the metadata is the server's.
//! Rules: `apiextensions-apiserver/pkg/apiserver/conversion`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::webhook_call::WebhookTarget;
use crate::model::conversion::{self, Conversion, Question};
use crate::model::meta;
use crate::model::status::{ApiError, aggregate, go_type, quoted};
use crate::state::cluster::Cluster;
use crate::state::registry::Served;
use crate::state::store::StoredObject;

/// How long a webhook may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a step lacks depends on what it knows, through a chain of versions at most.
const MOST_ROUNDS: usize = 20;

/// Whether what is known is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// What the webhook said before holds: as in the caches behind lists and watches.
    Counts,
    /// It is asked again, as for each object that is read from the storage.
    Not,
}

/// Runs a step that shows or stores objects, as often as it takes until all conversions that it needs are known. It must
/// change nothing.
pub async fn settle<T>(
    cluster: &Cluster,
    known: Known,
    mut step: impl FnMut() -> T,
) -> Result<T, ApiError> {
    let mut fresh = known == Known::Not;
    for _ in 0..MOST_ROUNDS {
        let missing = match conversion::round(fresh, &mut step) {
            Ok(made) => return Ok(made),
            Err(missing) => missing,
        };
        fresh = false;
        ask_all(cluster, missing).await?;
    }
    Err(ApiError::internal(
        "a conversion webhook was asked again and again",
    ))
}

/// Has objects converted that are about to be shown in this version.
pub async fn prepare(
    cluster: &Cluster,
    served: &Served,
    known: Known,
    objects: &[Arc<StoredObject>],
) -> Result<(), ApiError> {
    if served.strategy.conversion().is_none() {
        return Ok(());
    }
    settle(cluster, known, || {
        for object in objects {
            drop(served.shown(&object.value));
        }
    })
    .await
}

/// Asks for all that is missing, in one review for each version.
async fn ask_all(cluster: &Cluster, missing: Vec<Question>) -> Result<(), ApiError> {
    let mut reviews: Vec<(Arc<Conversion>, String, Vec<Value>)> = Vec::new();
    for question in missing {
        let known = reviews.iter_mut().find(|(conversion, wanted, _)| {
            Arc::ptr_eq(conversion, &question.conversion) && *wanted == question.wanted
        });
        match known {
            Some((.., objects)) if objects.contains(&question.object) => {}
            Some((.., objects)) => objects.push(question.object),
            None => reviews.push((question.conversion, question.wanted, vec![question.object])),
        }
    }
    for (conversion, wanted, objects) in reviews {
        let answers = ask(cluster, &conversion, &wanted, &objects)
            .await
            .map_err(ApiError::unreasoned)?;
        conversion.learn(&wanted, objects.into_iter().zip(answers).collect());
    }
    Ok(())
}

/// Sends one review.
async fn ask(
    cluster: &Cluster,
    conversion: &Conversion,
    wanted: &str,
    objects: &[Value],
) -> Result<Vec<Value>, String> {
    let version = conversion
        .review_versions
        .iter()
        .find(|version| matches!(version.as_str(), "v1" | "v1beta1"))
        .ok_or("no supported conversion review versions")?;
    let api_version = format!("apiextensions.k8s.io/{version}");
    let uid = cluster.next_uid();
    let review = json!({
        "kind": "ConversionReview", "apiVersion": api_version,
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": objects},
    });
    let target = WebhookTarget::of(&conversion.client_config, PATIENCE);
    let of = match objects {
        [one] => gvk(one),
        // Several are the items of a list in the version that is wanted.
        many => format!("{wanted}, Kind={}List", text(many.first(), "kind")),
    };
    let failed = |why: String| format!("conversion webhook for {of} failed: {why}");
    let body = review.to_string().into();
    let answer = target.post(cluster, body).await.map_err(failed)?;
    let converted = read(&answer, &uid, version).map_err(failed)?;
    if converted.len() != objects.len() {
        return Err(format!(
            "conversion webhook for {of} returned {} objects, expected {}",
            converted.len(),
            objects.len()
        ));
    }
    let single = objects.len() == 1;
    let mut all = Vec::with_capacity(objects.len());
    for (index, (object, converted)) in objects.iter().zip(converted).enumerate() {
        let checked = check(object, converted, wanted);
        all.push(checked.map_err(|fault| match fault {
            Fault::Type(why) if single => {
                format!("conversion webhook for {of} returned invalid object at index 0: {why}")
            }
            Fault::Object(why) if single => {
                format!("conversion webhook for {of} returned invalid object: {why}")
            }
            Fault::Metadata(why) if single => {
                format!("conversion webhook for {of} returned invalid metadata: {why}")
            }
            Fault::Metadata(why) => format!(
                "conversion webhook for {of} returned invalid metadata in object at index {index}: {why}"
            ),
            Fault::Type(why) | Fault::Object(why) => format!(
                "conversion webhook for {of} returned invalid converted object at index {index}: {why}"
            ),
        })?);
    }
    Ok(all)
}

/// The objects of an answer.
fn read(answer: &Value, uid: &str, version: &str) -> Result<Vec<Value>, String> {
    let response = &answer["response"];
    // The old version asked for neither type nor uid.
    if version == "v1" {
        let expected = "apiextensions.k8s.io/v1, Kind=ConversionReview";
        let got = gvk(answer);
        if got != expected {
            return Err(format!(
                "expected webhook response of {expected}, got {got}"
            ));
        }
    }
    if !response.is_object() {
        return Err("no response provided".into());
    }
    if version == "v1" {
        let got = text(Some(response), "uid");
        if got != uid {
            return Err(format!(
                "expected response.uid={}, got {}",
                quoted(uid),
                quoted(got)
            ));
        }
    }
    let result = &response["result"];
    let status = text(Some(result), "status");
    if status != "Success" {
        return Err(match text(Some(result), "message") {
            "" => format!("response.result.status was '{status}', not 'Success'"),
            message => message.to_owned(),
        });
    }
    Ok(response["convertedObjects"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

/// What is wrong with a converted object.
enum Fault {
    Type(String),
    Object(String),
    Metadata(String),
}

/// A converted object with the metadata that it must have.
fn check(object: &Value, mut converted: Value, wanted: &str) -> Result<Value, Fault> {
    let got = text(Some(&converted), "apiVersion");
    if got != wanted {
        return Err(Fault::Type(format!(
            "invalid groupVersion (expected {wanted}, received {got})"
        )));
    }
    let (expected, got) = (text(Some(object), "kind"), text(Some(&converted), "kind"));
    if got != expected {
        return Err(Fault::Type(format!(
            "invalid kind (expected {expected}, received {got})"
        )));
    }
    for (key, told) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
        let before = text(object.get("metadata"), key);
        let after = text(converted.get("metadata"), key);
        if before != after {
            return Err(Fault::Object(format!(
                "must have the same {told}: {before} != {after}"
            )));
        }
    }
    let metadata = restored(object, converted.get("metadata")).map_err(Fault::Metadata)?;
    converted["metadata"] = metadata;
    Ok(converted)
}

/// The metadata of an object with the labels and annotations of the converted one.
fn restored(object: &Value, converted: Option<&Value>) -> Result<Value, String> {
    let converted = match converted {
        None => return Err("missing metadata in converted object".into()),
        Some(Value::Object(metadata)) => metadata,
        Some(other) => {
            return Err(format!(
                "invalid metadata of type {} in converted object",
                go_type(other)
            ));
        }
    };
    let mut metadata = match &object["metadata"] {
        Value::Object(metadata) => metadata.clone(),
        _ => Map::new(),
    };
    for field in ["labels", "annotations"] {
        let new = match converted.get(field) {
            None | Some(Value::Null) => {
                metadata.remove(field);
                continue;
            }
            Some(Value::Object(new)) => new,
            Some(other) => {
                return Err(format!(
                    "invalid metadata.{field} of type {} in converted object",
                    go_type(other)
                ));
            }
        };
        if let Some((key, value)) = new.iter().find(|(_, value)| !value.is_string()) {
            return Err(format!(
                "metadata.{field}[{key}] must be a string, but is {} in converted object",
                go_type(value)
            ));
        }
        if metadata.get(field) != converted.get(field) {
            // Sic: the server says `annotation`.
            let faults = match field {
                "labels" => meta::validate_labels(&json!({field: new}), "metadata.labels"),
                _ => meta::validate_annotations(&json!({field: new}), "metadata.annotation"),
            };
            if !faults.is_empty() {
                return Err(aggregate(&faults, ""));
            }
        }
        metadata.insert(field.into(), Value::Object(new.clone()));
    }
    Ok(Value::Object(metadata))
}

fn text<'a>(object: Option<&'a Value>, key: &str) -> &'a str {
    let found = object.and_then(|object| object.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// `group/version, Kind=kind`.
fn gvk(object: &Value) -> String {
    format!(
        "{}, Kind={}",
        text(Some(object), "apiVersion"),
        text(Some(object), "kind")
    )
}
