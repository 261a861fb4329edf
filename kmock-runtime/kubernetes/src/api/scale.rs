//! The subresource `scale`: an object's replicas as an `autoscaling/v1` `Scale`, for built-in and custom resources.

use serde_json::{Map, Value, json};

use super::body::{self, BodyShape, Target};
use super::call::Call;
use super::reply::{Body, Reply};
use super::write_options::{WriteOptions, write_options};
use super::{managed, patch as patches, write};
use crate::model::meta;
use crate::model::status::{ApiError, FieldError, quoted};
use crate::model::strategy::ScalePaths;
use kmock_apply::fields::{PathElement, scale_to_object, scale_to_scale};

static SHAPE: BodyShape = BodyShape("autoscaling.v1.Scale");

fn target() -> Target<'static> {
    Target {
        group: "autoscaling",
        version: "v1",
        kind: "Scale",
        built_in: true,
        codec: &SHAPE,
    }
}

/// Where the values are; of built-in kinds it is always the same.
fn paths(call: &Call) -> ScalePaths {
    call.strategy()
        .scale(call.resource())
        .unwrap_or_else(|| ScalePaths {
            spec_replicas: ".spec.replicas".into(),
            status_replicas: ".status.replicas".into(),
            label_selector: Some(".spec.selector".into()),
        })
}

fn put(object: &mut Value, path: &str, new: Value) {
    let steps: Vec<&str> = ScalePaths::steps(path).collect();
    let Some((last, parents)) = steps.split_last() else {
        return;
    };
    let mut place = object;
    for step in parents {
        let Some(map) = place.as_object_mut() else {
            return;
        };
        place = map
            .entry(*step)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if let Some(map) = place.as_object_mut() {
        map.insert((*last).to_owned(), new);
    }
}

fn selector_text(selector: &Value) -> String {
    match selector {
        Value::String(text) => text.clone(),
        // The selector of a ReplicationController is a plain map.
        Value::Object(map)
            if !map.contains_key("matchLabels") && !map.contains_key("matchExpressions") =>
        {
            let mut pairs: Vec<String> = map
                .iter()
                .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
                .collect();
            pairs.sort();
            pairs.join(",")
        }
        other => {
            let mut terms: Vec<(String, String)> = Vec::new();
            for (key, value) in other["matchLabels"].as_object().into_iter().flatten() {
                terms.push((
                    key.clone(),
                    format!("{key}={}", value.as_str().unwrap_or_default()),
                ));
            }
            for expression in other["matchExpressions"].as_array().into_iter().flatten() {
                let key = expression["key"].as_str().unwrap_or_default();
                let values = expression["values"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                let mut values: Vec<&str> = values.collect();
                values.sort_unstable();
                let values = values.join(",");
                let text = match expression["operator"].as_str().unwrap_or_default() {
                    "In" => format!("{key} in ({values})"),
                    "NotIn" => format!("{key} notin ({values})"),
                    "DoesNotExist" => format!("!{key}"),
                    _ => key.to_owned(),
                };
                terms.push((key.to_owned(), text));
            }
            terms.sort_by(|a, b| a.0.cmp(&b.0));
            terms
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
                .join(",")
        }
    }
}

/// The Scale of an object. `strict`: replicas that are not set are a failure (of custom resources).
fn scale_of(call: &Call, object: &Value, strict: bool) -> Result<Value, ApiError> {
    let paths = paths(call);
    let replicas = paths.wanted(object).as_i64();
    if strict && replicas.is_none() && !call.resource().is_built_in() {
        return Err(ApiError::internal(format!(
            "the spec replicas field {} does not exist",
            quoted(&paths.spec_replicas)
        )));
    }
    let metadata = &object["metadata"];
    let mut own = Map::new();
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        meta::set(&mut own, key, metadata[key].clone());
    }
    let mut spec = Map::new();
    if let Some(replicas) = replicas.filter(|n| *n != 0) {
        spec.insert("replicas".into(), replicas.into());
    }
    let mut status = Map::new();
    status.insert(
        "replicas".into(),
        paths.present(object).as_i64().unwrap_or_default().into(),
    );
    if let Some(selector) = paths.selector(object) {
        let text = selector_text(selector);
        if !text.is_empty() {
            status.insert("selector".into(), text.into());
        }
    }
    Ok(
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": own, "spec": spec, "status": status}),
    )
}

/// GET of the Scale.
pub async fn get(call: &Call) -> Result<Reply, ApiError> {
    let object = call.find(call.request.name())?;
    let scale = scale_of(call, &call.shown(&object.value).await?, true)?;
    Ok(answer(call, scale))
}

fn answer(call: &Call, scale: Value) -> Reply {
    Reply::new(200, Body::Scale(call.served.clone(), scale))
}

/// A body that is no Scale. Of custom resources the server fails already at telling what it should have been.
fn unread(call: &Call, error: ApiError) -> ApiError {
    if call.resource().is_built_in() || error.code != 400 {
        return error;
    }
    ApiError::bad_request(
        "no kind is registered for the type v1.Scale in scheme \
         \"k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go:781\"",
    )
}

/// PUT of a Scale.
pub async fn update(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    body::check_media_type(call)?;
    let options = write_options(call, "UpdateOptions", None)?;
    let mut scale =
        body::read(call, target(), &options, warnings).map_err(|error| unread(call, error))?;
    write::ensure_namespace(call, &mut scale)?;
    body::check_name(&scale, call.request.name())?;
    let uid = scale["metadata"]["uid"]
        .as_str()
        .filter(|uid| !uid.is_empty())
        .map(str::to_owned);
    change(call, uid, &options, warnings, |live, _| {
        let mut scale = scale.clone();
        note_manager(call, live, &mut scale, &options);
        Ok(scale)
    })
    .await
}

/// PATCH of a Scale.
pub async fn patch(
    call: &Call,
    media_type: &str,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Reply, ApiError> {
    let name = call.request.name();
    change(call, None, options, warnings, |live, warnings| {
        let patch = patches::read(call, media_type, options.validation)?;
        let mut scale =
            patches::apply_patch(call, target(), &patch, options, Some(live), warnings)?;
        write::ensure_namespace(call, &mut scale)?;
        body::check_name(&scale, name)?;
        if !matches!(patch, patches::Patch::Apply(_)) {
            note_manager(call, live, &mut scale, options);
        }
        Ok(scale)
    })
    .await
}

/// Writes down who changes the replicas.
fn note_manager(call: &Call, live: &Value, scale: &mut Value, options: &WriteOptions) {
    managed::update_target(&call.scope(), target(), Some(live), scale, &options.manager);
}

/// What admission sees of an object whose replicas change.
#[derive(Debug)]
struct Shown<'a>(&'a Call);

impl write::Lens for Shown<'_> {
    fn target(&self) -> Target<'_> {
        target()
    }

    fn show(&self, object: &Value) -> Value {
        scale_of(self.0, object, false).unwrap_or_default()
    }

    fn put_back(&self, object: &mut Value, shown: Value) {
        let replicas = shown["spec"]["replicas"].as_i64().unwrap_or_default();
        put(object, &paths(self.0).spec_replicas, replicas.into());
    }
}

/// Changes the object's replicas to those of the Scale that `make` returns for the present one.
async fn change(
    call: &Call,
    uid: Option<String>,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
    mut make: impl FnMut(&Value, &mut Vec<String>) -> Result<Value, ApiError>,
) -> Result<Reply, ApiError> {
    let (name, paths) = (call.request.name(), paths(call));
    let path: Vec<PathElement> = ScalePaths::steps(&paths.spec_replicas)
        .map(PathElement::field)
        .collect();
    let replicas_path = |_: &str| Some(path.clone());
    let plan = write::Update {
        uid,
        never_create: true,
        force_create: false,
        lens: Some(&Shown(call)),
    };
    let outcome = write::update(call, name, &plan, options, warnings, |live, told| {
        let Some(live) = live else {
            return Err(ApiError::not_found(
                &call.resource().group,
                &call.resource().plural,
                name,
            ));
        };
        let managers = &live["metadata"]["managedFields"];
        let mut scale = scale_of(call, live, false)?;
        let of_scale =
            scale_to_scale(Some(managers), &replicas_path).map_err(ApiError::unreasoned)?;
        meta::edit(&mut scale, |metadata| {
            meta::set(metadata, "managedFields", of_scale.unwrap_or_default());
        });
        let new = make(&scale, told)?;
        let replicas = new["spec"]["replicas"].as_i64().unwrap_or_default();
        if call.resource().is_built_in() && replicas < 0 {
            let fault = FieldError::invalid(
                "spec.replicas",
                &replicas.into(),
                "must be greater than or equal to 0",
            );
            return Err(ApiError::invalid("autoscaling", "Scale", name, &[fault]));
        }
        let mut object = live.clone();
        let after = scale_to_object(
            Some(managers),
            Some(&new["metadata"]["managedFields"]),
            &call.resource().api_version(),
            &replicas_path,
        );
        let after = after.map_err(ApiError::unreasoned)?.unwrap_or_default();
        put(&mut object, &paths.spec_replicas, replicas.into());
        meta::edit(&mut object, |metadata| {
            meta::set(metadata, "managedFields", after);
            // The version that the client said, or none: then the write does not mind.
            let version = new["metadata"]["resourceVersion"]
                .as_str()
                .filter(|x| !x.is_empty() && *x != "0");
            let present = live["metadata"]["resourceVersion"].as_str();
            meta::set(
                metadata,
                "resourceVersion",
                version.or(present).map_or(Value::Null, Value::from),
            );
        });
        Ok(object)
    })
    .await?;
    let scale = scale_of(call, &outcome.shown(call).await?, false)?;
    Ok(answer(call, scale))
}
