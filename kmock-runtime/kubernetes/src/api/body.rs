//! From the bytes of a body to an object of the resource: media types, JSON and YAML, kind and version,
//! `fieldValidation`. Rules of `k8s.io/apiserver/pkg/endpoints/handlers` and its serialisers.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::call::Call;
use super::scheme;
use super::write_options::{FieldValidation, WriteOptions};
use crate::kinds::builtin::gotypes::Struct;
use crate::kinds::builtin::{decode, retype, values};
use crate::model::meta::split_api_version;
use crate::model::status::{ApiError, quoted};
use crate::model::strategy::{Codec, Context, Decoded, EMPTY};
use crate::state::registry::Served;
use crate::wire::protobuf;
use kmock_apply::ordered::Node;

/// The media types that bodies of writes may have.
const ACCEPTED: [&str; 3] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
];

/// Why a body has no kind and version.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for a moment, and only when a request is refused"
)]
pub enum ParseError {
    /// The request is refused.
    Refused(ApiError),
    /// The text is no JSON or YAML: Go's words.
    Text(String),
}

/// The media type of the request's body without its parameters.
pub fn media_type(call: &Call) -> &str {
    call.header("content-type")
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
}

/// Refuses media types that no body can have, before anything else is looked at.
pub fn check_media_type(call: &Call) -> Result<(), ApiError> {
    let media_type = media_type(call);
    // Patches are picked by the very text of their type; bodies are not.
    let accepted = |known: &&str| known.eq_ignore_ascii_case(media_type);
    if media_type.is_empty() || ACCEPTED.iter().any(accepted) {
        return Ok(());
    }
    Err(ApiError::unsupported_media_type(&ACCEPTED))
}

/// The most bytes of a request's body: those of the storage's largest object, and as much again.
pub const MOST_BYTES: usize = 3 * 1024 * 1024;

/// Refuses a body that is too large to be read.
pub fn check_size(body: &[u8]) -> Result<(), ApiError> {
    if body.len() <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("Request entity too large: limit is {MOST_BYTES}");
    Err(ApiError::new(413, "RequestEntityTooLarge", message))
}

/// A parsed body.
#[derive(Debug)]
pub struct Parsed {
    /// The body.
    pub node: Node,
    /// What a strict reader of YAML says of repeated keys: a line for each below a headline.
    pub repeated: Option<String>,
}

/// Parses a body as its media type says.
pub fn parse(call: &Call) -> Result<Parsed, ParseError> {
    match media_type(call).to_ascii_lowercase().as_str() {
        "" | "application/json" => {}
        "application/yaml" => return parse_yaml(&call.body),
        "application/vnd.kubernetes.protobuf" => return parse_protobuf(&call.body),
        _ => {
            return Err(ParseError::Refused(ApiError::unsupported_media_type(
                &ACCEPTED,
            )));
        }
    }
    let node = Node::parse(&call.body).map_err(json_error)?;
    check_type_meta(node).map(|node| Parsed {
        node,
        repeated: None,
    })
}

fn json_error(why: String) -> ParseError {
    ParseError::Text(format!(
        "couldn't get version/kind; json parse error: {why}"
    ))
}

/// The server looks for kind and version before anything else.
fn check_type_meta(node: Node) -> Result<Node, ParseError> {
    const TYPE_META: &str = "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
    if !matches!(node, Node::Object(_) | Node::Null) {
        let sort = node.sort();
        return Err(json_error(format!(
            "json: cannot unmarshal {sort} into Go value of type {TYPE_META}"
        )));
    }
    for key in ["apiVersion", "kind"] {
        if let Some(found) = node
            .get(key)
            .filter(|x| !matches!(x, Node::String(_) | Node::Null))
        {
            let sort = found.sort();
            return Err(json_error(format!(
                "json: cannot unmarshal {sort} into Go struct field .{key} of type string"
            )));
        }
    }
    match node.get("apiVersion").and_then(Node::as_str) {
        Some(version) if version.matches('/').count() > 1 => Err(ParseError::Text(format!(
            "unexpected GroupVersion string: {version}"
        ))),
        _ => Ok(node),
    }
}

fn parse_protobuf(body: &[u8]) -> Result<Parsed, ParseError> {
    if !protobuf::is_message(body) {
        let why = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
        return Err(ParseError::Text(why.to_owned()));
    }
    let value =
        protobuf::read(body).map_err(|why| ParseError::Refused(ApiError::bad_request(why)))?;
    Ok(Parsed {
        node: Node::from_value(&value),
        repeated: None,
    })
}

#[cfg(feature = "yaml")]
fn parse_yaml(body: &[u8]) -> Result<Parsed, ParseError> {
    let document = crate::text::yaml::parse_bytes(body)
        .map_err(|error| ParseError::Text(error.to_string()))?;
    let repeated = document.strict_error();
    let value = document.value;
    // The server turns YAML into JSON through a map: fields come in sorted order.
    let node = Node::from_value(&value);
    check_type_meta(node).map(|node| Parsed { node, repeated })
}

#[cfg(not(feature = "yaml"))]
fn parse_yaml(_body: &[u8]) -> Result<Parsed, ParseError> {
    Err(ParseError::Refused(ApiError::not_implemented(
        "YAML bodies (enable kmock's feature \"yaml\")",
    )))
}

/// The beginning of a body, as messages show it.
fn summary(body: &[u8]) -> String {
    const MOST: usize = 30;
    let (head, rest) = body.split_at(body.len().min(MOST));
    let more = if rest.is_empty() { "" } else { " ..." };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(head)),
        Some(_) => head
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .chain([more.to_owned()])
            .collect(),
    }
}

/// What a body has to be: the resource's kind, or that of a subresource with a kind of its own.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Group of the kind.
    pub group: &'a str,
    /// Version of the kind.
    pub version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// A type of the server's own, whose kind and version may be left out.
    pub built_in: bool,
    /// How it is read.
    pub codec: &'a dyn Codec,
}

impl<'a> Target<'a> {
    /// The call's own kind.
    pub fn own(call: &'a Call) -> Self {
        Self::of(&call.served)
    }

    /// The kind of a resource.
    pub fn of(served: &'a Served) -> Self {
        let resource = &served.resource;
        Self {
            group: &resource.group,
            version: &resource.version,
            kind: &resource.kind,
            built_in: resource.is_built_in(),
            codec: &*served.strategy,
        }
    }

    /// `group/version`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// How to read a kind that is only a subresource's body.
#[derive(Debug, Clone, Copy)]
pub struct BodyShape(pub &'static str);

impl Codec for BodyShape {
    fn read(&self, _context: &Context<'_>, body: Node) -> Result<Decoded, String> {
        let Some(root) = Struct::named(self.0) else {
            return Ok(Decoded {
                object: body.into_value(),
                complaints: Vec::new(),
            });
        };
        decode::decode(root, body).map(Decoded::from)
    }

    fn read_value(&self, context: &Context<'_>, object: Value) -> Result<Decoded, String> {
        match Struct::named(self.0) {
            Some(root) => retype::read(root, object).map(Decoded::from),
            None => self.read(context, Node::from_value(&object)),
        }
    }

    fn empty(&self) -> &'static Value {
        Struct::named(self.0).map_or(&EMPTY, decode::zero_struct)
    }
}

/// Complaints of `fieldValidation`: warnings, nothing, or (`Err`) what a strict reader says.
pub fn complain(
    complaints: Vec<String>,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    match validation {
        _ if complaints.is_empty() => Ok(()),
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            warnings.extend(complaints);
            Ok(())
        }
        FieldValidation::Strict => Err(format!("strict decoding error: {}", complaints.join(", "))),
    }
}

/// Reads the body as an object of the resource, with defaults. Complaints of `fieldValidation` become warnings.
pub fn read(
    call: &Call,
    target: Target<'_>,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    if let Some(sent) = &call.sent {
        return read_sent(call, target, sent);
    }
    let kind = target.kind;
    let unrecognized = |why: &str| {
        let summary = summary(&call.body);
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why} ({summary})"
        ))
    };
    let Parsed { node, repeated } = parse(call).map_err(|error| match error {
        ParseError::Refused(error) => error,
        ParseError::Text(why) => unrecognized(&why),
    })?;
    let sent = |key: &str| {
        let found = if target.built_in {
            // Go's own decoder, which looks for the type only, does not mind the case of keys.
            node.get_ignoring_case(key)
        } else {
            node.get(key)
        };
        found.and_then(Node::as_str).unwrap_or_default().to_owned()
    };
    let (mut sent_kind, mut sent_version) = (sent("kind"), sent("apiVersion"));
    if target.built_in {
        if sent_kind.is_empty() {
            sent_kind = kind.to_owned();
        }
        if sent_version.is_empty() {
            sent_version = target.api_version();
        }
        check_registered(call, target, &node, &sent_kind, &sent_version)?;
    } else {
        if sent_kind.is_empty() {
            let body = String::from_utf8_lossy(&call.body);
            return Err(unrecognized(&format!(
                "Object 'Kind' is missing in '{body}'"
            )));
        }
        if let Err(error) = expect_version(&sent_version, &target.api_version()) {
            let sent = (sent_kind.as_str(), sent_version.as_str());
            return Err(refuse_version(
                call, target, &node, sent, options, error, warnings,
            ));
        }
    }
    let context = call.context("", options.dry_run);
    let version = split_api_version(&sent_version).1.to_owned();
    let refused = |why: String| {
        ApiError::bad_request(format!(
            "{sent_kind} in version {} cannot be handled as a {kind}: {why}",
            quoted(&version)
        ))
    };
    let Decoded {
        mut object,
        complaints,
    } = target.codec.read(&context, node).map_err(refused)?;
    let strict = options.validation == FieldValidation::Strict;
    let mut told: Vec<String> = match repeated {
        Some(text) if strict => vec![text],
        Some(text) => text
            .lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .collect(),
        None => Vec::new(),
    };
    told.extend(complaints);
    complain(told, options.validation, warnings).map_err(refused)?;
    target.codec.default(&context, &mut object, &[]);
    set_type_meta(&mut object, &target.api_version(), &sent_kind);
    Ok(object)
}

/// The object of a request that carries one instead of a body: an extension of the requests of the cluster's own parts,
/// which make their objects of what the types have, as typed clients do. It is read once.
#[derive(Debug, Clone)]
pub struct Sent {
    object: Arc<Mutex<Option<Value>>>,
    /// Members that are not sent, because they stay as they are.
    unsent: &'static [&'static str],
}

impl Sent {
    /// For a create or an update of such an object.
    pub fn new(object: Value) -> Self {
        Self::without(&[], object)
    }

    /// The same of an update without some members: they are as in the version that the object names.
    pub fn without(unsent: &'static [&'static str], object: Value) -> Self {
        Self {
            object: Arc::new(Mutex::new(Some(object))),
            unsent,
        }
    }

    /// The members that are not sent.
    pub fn unsent(&self) -> &'static [&'static str] {
        self.unsent
    }

    fn take(&self) -> Option<Value> {
        let mut object = self.object.lock().unwrap_or_else(PoisonError::into_inner);
        object.take()
    }

    /// Gives an object that was read the members that were not sent, and its defaults, which may go by them.
    pub fn complete(
        &self,
        call: &Call,
        live: Option<&Value>,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let version = &object["metadata"]["resourceVersion"];
        let Some(live) = live.filter(|live| live["metadata"]["resourceVersion"] == *version) else {
            return Err(modified(call));
        };
        for key in self.unsent {
            values::copy(object, live, key);
        }
        let target = Target::own(call);
        let context = call.context("", false);
        target.codec.default(&context, object, self.unsent);
        Ok(())
    }
}

fn modified(call: &Call) -> ApiError {
    let resource = call.resource();
    ApiError::modified(&resource.group, &resource.plural, call.request.name())
}

fn read_sent(call: &Call, target: Target<'_>, sent: &Sent) -> Result<Value, ApiError> {
    // Was it read before, somebody else was faster meanwhile.
    let object = sent.take().ok_or_else(|| modified(call))?;
    let expected = [("kind", target.kind), ("apiVersion", &target.api_version())];
    for (key, expected) in expected {
        if let Some(said) = object[key].as_str().filter(|said| *said != expected) {
            return Err(ApiError::bad_request(format!(
                "the object sent has the {key} {}, not {}",
                quoted(said),
                quoted(expected)
            )));
        }
    }
    let context = call.context("", false);
    let decoded = target.codec.read_value(&context, object);
    let mut object = decoded.map_err(ApiError::bad_request)?.object;
    if sent.unsent.is_empty() {
        target.codec.default(&context, &mut object, &[]);
    }
    set_type_meta(&mut object, &target.api_version(), target.kind);
    Ok(object)
}

/// Sets kind and apiVersion.
pub fn set_type_meta(object: &mut Value, api_version: &str, kind: &str) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    for (key, text) in [("kind", kind), ("apiVersion", api_version)] {
        match object.get_mut(key) {
            Some(Value::String(said)) if said == text => {}
            Some(said) => *said = text.into(),
            None => {
                object.insert(key.into(), text.into());
            }
        }
    }
}

fn expect_version(sent: &str, expected: &str) -> Result<(), ApiError> {
    if sent == expected {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "the API version in the data ({sent}) does not match the expected API version ({expected})"
    )))
}

/// A custom object of another version of its group is pruned by that version's schema before it is refused; what has
/// no schema knows no fields.
fn refuse_version(
    call: &Call,
    target: Target<'_>,
    node: &Node,
    (sent_kind, sent_version): (&str, &str),
    options: &WriteOptions,
    error: ApiError,
    warnings: &mut Vec<String>,
) -> ApiError {
    let (group, version) = split_api_version(sent_version);
    if group != target.group || sent_kind != target.kind {
        return error;
    }
    let plural = &call.resource().plural;
    let complaints = match call.cluster.registry().find(group, version, plural) {
        Some(other) => {
            let context = Context {
                resource: &other.resource,
                ..call.context("", options.dry_run)
            };
            let read = other.strategy.read(&context, node.clone());
            read.map(|read| read.complaints).unwrap_or_default()
        }
        None => {
            let known = ["apiVersion", "kind", "metadata"];
            let mut keys: Vec<&str> = node.members().map(|(key, _)| key).collect();
            keys.retain(|key| !known.contains(key));
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter()
                .map(|key| format!("unknown field {}", quoted(key)))
                .collect()
        }
    };
    match complain(complaints, options.validation, warnings) {
        Ok(()) => error,
        Err(why) => ApiError::bad_request(format!(
            "{sent_kind} in version {} cannot be handled as a {}: {why}",
            quoted(version),
            target.kind
        )),
    }
}

/// A built-in body's kind must be one that the server knows, and then the right one.
fn check_registered(
    call: &Call,
    target: Target<'_>,
    node: &Node,
    sent_kind: &str,
    sent_version: &str,
) -> Result<(), ApiError> {
    let kind = target.kind;
    let (group, version) = split_api_version(sent_version);
    let refused = |why: String| {
        ApiError::bad_request(format!(
            "{sent_kind} in version {} cannot be handled as a {kind}: {why}",
            quoted(version)
        ))
    };
    if sent_kind == kind && group == target.group && version == target.version {
        return Ok(());
    }
    let item_kind = sent_kind.strip_suffix("List").unwrap_or(sent_kind);
    let registry = call.cluster.registry();
    let served = registry.find_kind(group, version, item_kind);
    let known = served.is_some_and(|found| found.resource.is_built_in())
        || scheme::knows(registry, group, version, sent_kind);
    if !known {
        return Err(refused(format!(
            "no kind {} is registered for version {} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            quoted(sent_kind),
            quoted(sent_version)
        )));
    }
    // It is read as what it says it is, before it is told that it should be something else.
    if let Some(root) = Struct::of_kind(group, version, sent_kind) {
        decode::decode(root, node.clone()).map_err(refused)?;
    }
    if sent_kind != kind {
        let internal = internal_package(target.group);
        return Err(refused(format!(
            "converting ({version}.{sent_kind}) to ({internal}.{kind}): unknown conversion"
        )));
    }
    expect_version(sent_version, &target.api_version())
}

/// The Go package of a group's internal types.
fn internal_package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        "flowcontrol.apiserver.k8s.io" => "flowcontrol",
        other => other.split('.').next().unwrap_or(other),
    }
}

/// The body's name must be the path's.
pub fn check_name(object: &Value, name: &str) -> Result<(), ApiError> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        "" => Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        sent if sent != name => Err(ApiError::bad_request(format!(
            "the name of the object ({sent}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}
