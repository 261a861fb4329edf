//! PATCH: JSON patches, merge patches, strategic merge patches and applies, of objects and their subresources.
//!
//! The patches themselves are pure functions (`patch/`); here are their media types, their failures' answers, and the
//! reading of their results. Rules of `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::{Map, Value};

use super::body::{self, Target};
use super::call::Call;
use super::config::{self, Config};
use super::reply::Reply;
use super::write_options::{FieldValidation, WriteOptions, write_options};
use super::{managed, scale, write};
use crate::model::meta;
use crate::model::path::Verb;
use crate::model::status::{ApiError, Details, FieldError, quoted};
use crate::model::strategy::Decoded;
use kmock_apply::fields;
use kmock_apply::gofmt;
use kmock_apply::ordered::Node;
use kmock_apply::patch::json::{self, JsonPatchError};
use kmock_apply::patch::strategic::StrategicError;
use kmock_apply::patch::{merge, strategic};
use kmock_apply::schema::Schema;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Why a list is no object: its type is asked for first.
const NO_TYPE_IN_A_LIST: &str = "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of \
     type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";

/// A patch, read from the body as far as it can be without the object.
#[derive(Debug)]
pub enum Patch {
    /// A list of operations.
    Json(Node, Vec<String>),
    /// A merge patch.
    Merge(Value, Vec<String>),
    /// A strategic merge patch.
    Strategic(Map<String, Value>, Vec<String>),
    /// A configuration.
    Apply(Config),
}

/// Built-in resources have routes only for the media types that they read: others never come to the resource.
pub fn check_route(call: &Call) -> Result<(), ApiError> {
    let known = matches!(body::media_type(call), JSON | MERGE | APPLY | STRATEGIC);
    if known || call.request.verb != Verb::Patch || !call.resource().is_built_in() {
        return Ok(());
    }
    let error = ApiError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    Err(error.with_details(Details::default()))
}

fn is_refused(call: &Call, media_type: &str) -> bool {
    media_type == STRATEGIC && !call.resource().is_built_in()
}

/// Changes the object as the body says.
pub async fn patch(call: &Call, warnings: &mut Vec<String>) -> Result<Reply, ApiError> {
    let media_type = body::media_type(call);
    if !matches!(media_type, JSON | MERGE | APPLY | STRATEGIC) || is_refused(call, media_type) {
        return Err(ApiError::unsupported_media_type(&[JSON, MERGE, APPLY]));
    }
    let name = call.request.name();
    if name.is_empty() {
        return Err(ApiError::bad_request("name must be provided"));
    }
    let is_apply = media_type == APPLY;
    let options = write_options(call, "PatchOptions", Some(is_apply))?;
    if call.request.subresource() == "scale" {
        return scale::patch(call, media_type, &options, warnings).await;
    }
    let target = Target::own(call);
    let plan = write::Update {
        uid: None,
        force_create: is_apply,
        // Only an apply to the object itself may create one.
        never_create: !is_apply || !call.request.subresource().is_empty(),
        lens: None,
    };
    let done = write::update(call, name, &plan, &options, warnings, |live, told| {
        make(call, target, media_type, &options, live, told)
    })
    .await?;
    Ok(done.reply(call))
}

/// The patched object, ready to be stored. `warnings` are told even if it fails later.
fn make(
    call: &Call,
    target: Target<'_>,
    media_type: &str,
    options: &WriteOptions,
    live: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let name = call.request.name();
    let patch = read(call, media_type, options.validation)?;
    let mut object = apply_patch(call, target, &patch, options, live, warnings)?;
    if let (None, Some(uid)) = (
        live,
        object["metadata"]["uid"]
            .as_str()
            .filter(|uid| !uid.is_empty()),
    ) {
        let resource = call.resource();
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(ApiError::conflict(
            &resource.group,
            &resource.plural,
            name,
            why,
        ));
    }
    check_name_and_namespace(call, &mut object)?;
    if !matches!(patch, Patch::Apply(_)) {
        managed::update(&call.scope(), live, &mut object, &options.manager);
    }
    write::dedup_owners(&mut object, warnings);
    Ok(object)
}

fn check_name_and_namespace(call: &Call, object: &mut Value) -> Result<(), ApiError> {
    write::ensure_namespace(call, object)?;
    body::check_name(object, call.request.name())
}

fn decoding(why: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(format!("error decoding patch: {why}"))
}

/// Reads the patch of the body.
pub fn read(call: &Call, media_type: &str, validation: FieldValidation) -> Result<Patch, ApiError> {
    let mut complaints = Vec::new();
    // Who does not want to hear of faults gets less of a check, with other words.
    let lenient = validation == FieldValidation::Ignore;
    match media_type {
        JSON if lenient => {
            let node = Node::parse(&call.body).map_err(ApiError::bad_request)?;
            Ok(Patch::Json(node, complaints))
        }
        MERGE if lenient => {
            let node = Node::parse(&call.body)
                .map_err(|_| ApiError::bad_request(merge::NotAPatch.to_string()))?;
            Ok(Patch::Merge(node.to_value(), complaints))
        }
        JSON => {
            let node = parsed(&call.body).map_err(decoding)?;
            let complaints = json::check(&node).map_err(json_error)?;
            Ok(Patch::Json(node, complaints))
        }
        MERGE => {
            let node = parsed(&call.body).map_err(decoding)?;
            if !matches!(node, Node::Object(_) | Node::Null) {
                return Err(decoding(not_a_map(&node)));
            }
            json::repeated_fields(&node, "", "", &mut complaints);
            Ok(Patch::Merge(node.to_value(), complaints))
        }
        STRATEGIC => {
            let node = parsed(&call.body).map_err(ApiError::bad_request)?;
            let map = match (&node, node.to_value()) {
                (_, Value::Object(map)) => map,
                (Node::Null, _) => Map::new(),
                _ => return Err(ApiError::bad_request(not_a_map(&node))),
            };
            json::repeated_fields(&node, "", "", &mut complaints);
            Ok(Patch::Strategic(map, complaints))
        }
        _ => Ok(Patch::Apply(config::read(&call.body)?)),
    }
}

/// A body as plain JSON values: its numbers must have a value.
fn parsed(body: &[u8]) -> Result<Node, String> {
    let node = Node::parse(body)?;
    match too_large(&node) {
        Some(number) => Err(format!(
            "json: cannot unmarshal number {number} into Go value of type float64"
        )),
        None => Ok(node),
    }
}

fn too_large(node: &Node) -> Option<&str> {
    match node {
        Node::Number(text) => text
            .parse::<f64>()
            .is_ok_and(f64::is_infinite)
            .then_some(text),
        Node::Array(items) => items.iter().find_map(too_large),
        Node::Object(members) => members.iter().find_map(|(_, node)| too_large(node)),
        _ => None,
    }
}

fn not_a_map(node: &Node) -> String {
    format!(
        "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
        node.sort()
    )
}

fn json_error(error: JsonPatchError) -> ApiError {
    match error {
        JsonPatchError::Decode(text) => ApiError::bad_request(text),
        JsonPatchError::TooMany(_) => {
            let text = format!("Request entity too large: {error}");
            ApiError::new(413, "RequestEntityTooLarge", text)
        }
        JsonPatchError::TooMuchCopied(_) | JsonPatchError::Failed => ApiError::unprocessable(),
    }
}

/// 422 of a patch whose result is no object of the kind; `shown` is the result or the patch.
fn unreadable(shown: &str, why: String) -> ApiError {
    ApiError::invalid("", "", "", &[FieldError::invalid_text("patch", shown, why)])
}

/// Applies a patch to an object of the target's kind, and reads the result.
pub fn apply_patch(
    call: &Call,
    target: Target<'_>,
    patch: &Patch,
    options: &WriteOptions,
    live: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let context = call.context(call.request.name(), options.dry_run);
    let (patched, mut complaints, merged) = match (patch, live) {
        (Patch::Apply(config), live) => {
            return apply_config(call, target, config, options, live, warnings);
        }
        (_, None) => {
            let resource = call.resource();
            return Err(ApiError::not_found(
                &resource.group,
                &resource.plural,
                call.request.name(),
            ));
        }
        (Patch::Json(operations, complaints), Some(live)) => {
            let patched = json::apply(live, operations).map_err(json_error)?;
            (patched, complaints.clone(), false)
        }
        (Patch::Merge(patch, complaints), Some(live)) => {
            let patched =
                merge::apply(live, patch).map_err(|why| ApiError::bad_request(why.to_string()))?;
            (patched, complaints.clone(), false)
        }
        (Patch::Strategic(patch, complaints), Some(live)) => {
            let schema = Schema::of_kind(target.group, target.version, target.kind)
                .unwrap_or_else(|| Schema::any());
            let no_object = Map::new();
            let live = live.as_object().unwrap_or(&no_object);
            let patched =
                strategic::apply(schema, target.kind, live, patch).map_err(
                    |error| match error {
                        StrategicError::Malformed(text) => ApiError::bad_request(text),
                        StrategicError::Unfit(_) => ApiError::unprocessable(),
                        StrategicError::Failed(text) => ApiError::unreasoned(text),
                    },
                )?;
            (Value::Object(patched), complaints.clone(), true)
        }
    };
    let unreadable = |why: String| {
        let shown = match patch {
            Patch::Strategic(patch, _) => gofmt::plain(&Value::Object(patch.clone())),
            _ => patched.to_string(),
        };
        unreadable(&shown, why)
    };
    let said = |key: &str| patched[key].as_str().filter(|said| !said.is_empty());
    let typeless =
        said("apiVersion").is_none() && said("kind").is_none_or(|kind| kind == target.kind);
    let result = if patched.is_array() {
        Err(NO_TYPE_IN_A_LIST.to_owned())
    } else if target.built_in && !merged && typeless {
        Ok(without_type(&patched))
    } else if merged {
        target.codec.read_merged(&context, &patched)
    } else {
        check_type(target, &patched)
            .and_then(|()| target.codec.read_value(&context, patched.clone()))
    };
    let decoded = result.map_err(&unreadable)?;
    if !target.built_in && patched["apiVersion"].as_str().is_none_or(str::is_empty) {
        return Err(ApiError::internal(
            "Object 'apiVersion' is missing in 'object has no apiVersion field'",
        ));
    }
    complaints.extend(decoded.complaints);
    body::complain(complaints, options.validation, warnings).map_err(&unreadable)?;
    let mut object = decoded.object;
    target.codec.default(&context, &mut object, &[]);
    if target.built_in {
        body::set_type_meta(&mut object, &target.api_version(), target.kind);
    } else if let Some(map) = object.as_object_mut() {
        // A custom object keeps what the patch made of its type: validation has to see it.
        for key in ["kind", "apiVersion"] {
            map.insert(key.into(), patched[key].clone());
        }
    }
    Ok(object)
}

/// An object that lost its version is read as the server's internal type, which has no JSON field
/// that anybody would write: nothing of it is known.
fn without_type(patched: &Value) -> Decoded {
    let mut keys: Vec<&String> = patched
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    keys.sort();
    let complaints = keys
        .into_iter()
        .map(|key| format!("unknown field {}", quoted(key)))
        .collect();
    Decoded {
        object: Value::Object(Map::new()),
        complaints,
    }
}

/// A built-in object cannot be patched into one of another type.
fn check_type(target: Target<'_>, patched: &Value) -> Result<(), String> {
    let text = |key: &str| patched[key].as_str().unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if !target.built_in {
        return if kind.is_empty() {
            Err(format!("Object 'Kind' is missing in '{patched}'"))
        } else {
            Ok(())
        };
    }
    let other = (!kind.is_empty() && kind != target.kind)
        || (!version.is_empty() && version != target.api_version());
    if other {
        return Err(format!(
            "no kind {} is registered for version {} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            quoted(kind),
            quoted(version)
        ));
    }
    Ok(())
}

/// Server-side apply.
fn apply_config(
    call: &Call,
    target: Target<'_>,
    config: &Config,
    options: &WriteOptions,
    live: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let context = call.context(call.request.name(), options.dry_run);
    let reset = managed::reset_set(&call.scope(), target, &config.object);
    let applied = managed::with_write(&call.scope(), target, &options.manager, reset, |write| {
        config.apply(live, target.kind, options.force, write)
    })?;
    if let Some(complaint) = &config.complaint {
        match options.validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => {
                // One line for each key: `line 7: key "k" already set in map`.
                let lines = complaint.lines().filter_map(|line| line.strip_prefix("  "));
                warnings.extend(lines.map(str::to_owned));
            }
            FieldValidation::Strict => {
                return Err(ApiError::bad_request(format!(
                    "error strict decoding YAML: {complaint}"
                )));
            }
        }
    }
    if !target.built_in {
        // A custom object is not read once more: what was applied as null is still null when it is validated.
        let mut object = applied;
        // An apply that changes nothing leaves the object alone.
        if !live.is_some_and(|live| fields::same_but_managers(live, &object)) {
            target.codec.default(&context, &mut object, &[]);
        }
        return Ok(object);
    }
    let managers = applied["metadata"]["managedFields"].clone();
    let decoded = target
        .codec
        .read_merged(&context, &applied)
        .map_err(ApiError::unreasoned)?;
    let mut object = decoded.object;
    target.codec.default(&context, &mut object, &[]);
    body::set_type_meta(&mut object, &target.api_version(), target.kind);
    meta::edit(&mut object, |metadata| {
        meta::set(metadata, "managedFields", managers);
    });
    Ok(object)
}
