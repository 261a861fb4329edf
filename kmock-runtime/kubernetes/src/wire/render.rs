//! From objects to bytes: the forms that a client may accept, serialised once where nothing differs between clients.
//!
//! A stored object keeps its text as an item of a list (for built-in kinds: without kind and apiVersion, as the
//! server's lists have it); an object alone, a list and an event are put together from that text.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::kinds::builtin::gotypes::Struct;
use crate::model::path::Query;
use crate::model::status::ApiError;
use crate::state::registry::Served;
use crate::state::store::{Event, StoredObject};
use crate::wire::accept::{self, Accepted, AcceptedAs, Endpoint, Format};
use crate::wire::json;
use crate::wire::metadata_only;
use crate::wire::protobuf;
use crate::wire::table::{Include, Tables, metadata_of};

/// Writes the objects of a resource in one version.
#[derive(Debug, Clone)]
pub struct Renderer {
    /// The resource.
    pub served: Served,
    forms: Arc<Forms>,
    order: Option<&'static Struct>,
    /// `{"kind":"…","apiVersion":"…"`, where items of lists lack it.
    head: Option<Arc<[u8]>>,
}

/// The names under which serialised forms are kept: one set for each version and state of the rules.
#[derive(Debug)]
struct Forms {
    item: String,
    message: OnceLock<String>,
    added: OnceLock<String>,
    modified: OnceLock<String>,
    deleted: OnceLock<String>,
    left: OnceLock<String>,
}

impl Forms {
    fn new(item: String) -> Self {
        Self {
            item,
            message: OnceLock::new(),
            added: OnceLock::new(),
            modified: OnceLock::new(),
            deleted: OnceLock::new(),
            left: OnceLock::new(),
        }
    }

    /// One of them, named after what it is: few are asked for in the life of a renderer.
    fn named<'a>(&'a self, form: &'a OnceLock<String>, what: &str) -> &'a str {
        form.get_or_init(|| [what, " ", &self.item].concat())
    }
}

impl Renderer {
    /// For a resource.
    pub fn new(served: &Served) -> Self {
        let resource = &served.resource;
        let (order, head) = if resource.is_built_in() {
            let order = Struct::of_kind(&resource.group, &resource.version, &resource.kind);
            let head = format!(
                "{{\"kind\":\"{}\",\"apiVersion\":\"{}\"",
                resource.kind,
                resource.api_version()
            );
            (order, Some(head.into_bytes().into()))
        } else {
            (None, None)
        };
        let form = match served.strategy.rules_revision() {
            0 => resource.api_version(),
            rules => format!("{}#{rules}", resource.api_version()),
        };
        Self {
            served: served.clone(),
            forms: Arc::new(Forms::new(form)),
            order,
            head,
        }
    }

    /// The object as it is shown in the version of the resource.
    pub fn value(&self, object: &StoredObject) -> Value {
        self.complete(self.served.shown(&object.value))
    }

    fn complete(&self, mut value: Value) -> Value {
        if let Some(map) = value.as_object_mut() {
            map.insert("kind".into(), self.served.resource.kind.as_str().into());
            map.insert(
                "apiVersion".into(),
                self.served.resource.api_version().into(),
            );
        }
        value
    }

    /// The text of an item of a list.
    pub fn item(&self, object: &StoredObject) -> Bytes {
        object.rendered.get(&self.forms.item, || {
            let resource = &self.served.resource;
            let text = if self.head.is_some()
                && resource.api_version() == resource.storage_api_version()
            {
                // A built-in kind is shown as it is stored, and its items have no kind to be set.
                self.print_item(&object.value)
            } else {
                self.print_item(&self.value(object))
            };
            // Kept as long as the object: without room to grow.
            Bytes::from(text.into_boxed_slice())
        })
    }

    fn print_item(&self, value: &Value) -> Vec<u8> {
        let Some(map) = value.as_object().filter(|_| self.head.is_some()) else {
            return json::print(value, self.order);
        };
        let mut out = Vec::with_capacity(512);
        out.push(b'{');
        json::write_members(&mut out, map, self.order, &["kind", "apiVersion"]);
        out.push(b'}');
        out
    }

    /// Appends a whole object, made from the text of its item.
    pub fn write_whole(&self, out: &mut Vec<u8>, item: &[u8]) {
        match &self.head {
            Some(head) => {
                out.extend_from_slice(head);
                if item.len() > 2 {
                    out.push(b',');
                }
                out.extend_from_slice(item.get(1..).unwrap_or_default());
            }
            None => out.extend_from_slice(item),
        }
    }

    /// A stored object as a whole.
    pub fn whole(&self, object: &StoredObject) -> Vec<u8> {
        let item = self.item(object);
        let mut out = Vec::with_capacity(item.len() + 96);
        self.write_whole(&mut out, &item);
        out
    }

    /// The protobuf message of an object, if it has one.
    pub fn message(&self, object: &StoredObject) -> Option<Bytes> {
        let of = self.order?;
        // An empty message stands for none: objects have metadata at least.
        let make = || {
            protobuf::message(&self.value(object), of)
                .unwrap_or_default()
                .into()
        };
        let form = self.forms.named(&self.forms.message, "protobuf");
        Some(object.rendered.get(form, make)).filter(|message| !message.is_empty())
    }

    /// The name under which forms of this version are kept.
    pub fn form(&self) -> &str {
        &self.forms.item
    }

    /// A line of a watch about an object: `{"type":"ADDED","object":…}`.
    pub fn frame(&self, kind: &str, object: &StoredObject) -> Bytes {
        let item = self.item(object);
        frame(kind, item.len() + 96, |out| self.write_whole(out, &item))
    }

    /// The line about an event, kept with the event: every watcher gets the same bytes. `kind` is what the watcher
    /// is told; an object that left its selection is DELETED with its former state at the event's version.
    pub fn event_frame(&self, kind: &'static str, event: &Event, left: bool) -> Bytes {
        let forms = &self.forms;
        let form = match (kind, left) {
            (_, true) => forms.named(&forms.left, "left"),
            ("ADDED", _) => forms.named(&forms.added, "ADDED"),
            ("MODIFIED", _) => forms.named(&forms.modified, "MODIFIED"),
            _ => forms.named(&forms.deleted, "DELETED"),
        };
        event.rendered.get(form, || {
            if !left {
                return self.frame(kind, &event.object);
            }
            let item = self.print_item(&self.event_value(event, true));
            frame(kind, item.len() + 96, |out| self.write_whole(out, &item))
        })
    }

    /// The object of an event as a value.
    pub fn event_value(&self, event: &Event, left: bool) -> Value {
        match &event.previous {
            Some(previous) if left => {
                let mut value = self.value(previous);
                if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.insert("resourceVersion".into(), event.revision.to_string().into());
                }
                value
            }
            _ => self.value(&event.object),
        }
    }

    /// The text of a BOOKMARK's object. `zero` is the kind's empty object.
    pub fn bookmark_value(&self, zero: Value, revision: u64, initial_events_end: bool) -> Value {
        let mut map = if let Value::Object(map) = zero {
            map
        } else {
            Map::new()
        };
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        map.insert("metadata".into(), metadata);
        self.complete(Value::Object(map))
    }

    /// A value of this resource as a whole.
    pub fn print_value(&self, value: &Value) -> Vec<u8> {
        json::print(value, self.order)
    }
}

/// A line of a watch.
pub fn frame(kind: &str, size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::with_capacity(size + kind.len() + 28);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    write(&mut out);
    out.extend_from_slice(b"}\n");
    out.into()
}

/// What stands in the metadata of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListHead {
    /// The revision of the state that is listed.
    pub revision: u64,
    /// Where to go on.
    pub continue_token: Option<String>,
    /// How many items are left behind this page.
    pub remaining: Option<u64>,
}

impl ListHead {
    /// The list's metadata; those of custom resources always have `continue`.
    fn to_value(&self, custom: bool) -> Value {
        let mut out = Map::new();
        out.insert("resourceVersion".into(), self.revision.to_string().into());
        match &self.continue_token {
            Some(token) => drop(out.insert("continue".into(), token.as_str().into())),
            None if custom => drop(out.insert("continue".into(), "".into())),
            None => {}
        }
        if let Some(remaining) = self.remaining {
            out.insert("remainingItemCount".into(), remaining.into());
        }
        Value::Object(out)
    }
}

/// What the client accepts, and what else decides about the form of an answer.
#[derive(Debug, Clone)]
pub struct RenderView<'a> {
    /// The outcome of the negotiation.
    pub accepted: Accepted,
    /// The query: `includeObject`.
    pub query: &'a Query,
    /// The time, for ages.
    pub now: jiff::Timestamp,
}

impl<'a> RenderView<'a> {
    /// Negotiates for the endpoint of a resource. Besides the header, `?pretty=true` and the names of clients that
    /// humans use ask for indentation.
    pub fn of_resource(
        headers: &HeaderMap,
        query: &'a Query,
        now: jiff::Timestamp,
        endpoint: Endpoint,
    ) -> Result<Self, ApiError> {
        let mut accepted = accept::negotiate(accept::header(headers), endpoint)?;
        accepted.pretty |= match query.get("pretty").filter(|wish| !wish.is_empty()) {
            Some(wish) => matches!(wish, "1" | "t" | "T" | "true" | "TRUE" | "True"),
            None => headers.get(http::header::USER_AGENT).is_some_and(|agent| {
                [&b"curl"[..], b"Wget", b"Mozilla/5.0"]
                    .iter()
                    .any(|human| agent.as_bytes().starts_with(human))
            }),
        };
        Ok(Self {
            accepted,
            query,
            now,
        })
    }
}

/// A body: its content type and its bytes.
pub type Sendable = (&'static str, Bytes);

/// A list of objects.
pub fn list(
    renderer: &Renderer,
    view: &RenderView<'_>,
    head: &ListHead,
    objects: &[Arc<StoredObject>],
) -> Result<Sendable, ApiError> {
    let resource = &renderer.served.resource;
    let custom = renderer.head.is_none();
    let metadata = head.to_value(custom && view.accepted.target.is_none());
    if view.accepted.format == Format::Protobuf {
        return protobuf_list(renderer, view, &metadata, objects);
    }
    let text = match view.accepted.target {
        None => {
            let items: Vec<Bytes> = objects.iter().map(|object| renderer.item(object)).collect();
            let size = items.iter().map(|item| item.len() + 1).sum::<usize>() + 256;
            let mut out = Vec::with_capacity(size);
            let order = Struct::named("meta.v1.ListMeta").filter(|_| !custom);
            let (kind, version) = (&resource.list_kind, resource.api_version());
            if custom {
                out.extend_from_slice(
                    format!("{{\"apiVersion\":\"{version}\",\"items\":").as_bytes(),
                );
            } else {
                out.extend_from_slice(
                    format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":")
                        .as_bytes(),
                );
                json::write(&mut out, &metadata, order);
                out.extend_from_slice(b",\"items\":");
            }
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(item);
            }
            out.push(b']');
            if custom {
                out.extend_from_slice(format!(",\"kind\":\"{kind}\",\"metadata\":").as_bytes());
                json::write(&mut out, &metadata, None);
            }
            out.push(b'}');
            out
        }
        Some(AcceptedAs::PartialObjectMetadataList(version)) => {
            let mut out = Vec::with_capacity(256 + objects.len() * 512);
            out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"");
            out.extend_from_slice(version.api_version().as_bytes());
            out.extend_from_slice(b"\",\"metadata\":");
            json::write(&mut out, &metadata, Struct::named("meta.v1.ListMeta"));
            out.extend_from_slice(b",\"items\":");
            for (i, object) in objects.iter().enumerate() {
                out.push(if i > 0 { b',' } else { b'[' });
                out.extend_from_slice(&metadata_only::partial(&object.value, version));
            }
            out.extend_from_slice(if objects.is_empty() { b"null}" } else { b"]}" });
            out
        }
        Some(AcceptedAs::Table(version)) => {
            let tables = Tables::new(renderer.served.clone(), version, Include::read(view.query)?);
            let values: Vec<Value> = objects
                .iter()
                .map(|object| renderer.value(object))
                .collect();
            tables.table(&metadata, &values, view.now, true)
        }
        Some(AcceptedAs::PartialObjectMetadata(_)) => {
            return Err(metadata_only::is_a_list(resource));
        }
        Some(AcceptedAs::AggregatedDiscovery) => {
            return Err(ApiError::not_acceptable(&accept::MEDIA_TYPES));
        }
    };
    encode(view.accepted, text)
}

/// The same in protobuf.
fn protobuf_list(
    renderer: &Renderer,
    view: &RenderView<'_>,
    metadata: &Value,
    objects: &[Arc<StoredObject>],
) -> Result<Sendable, ApiError> {
    let resource = &renderer.served.resource;
    let list = match view.accepted.target {
        None => {
            let items: Option<Vec<Bytes>> = objects
                .iter()
                .map(|object| renderer.message(object))
                .collect();
            items.and_then(|items| {
                protobuf::list(
                    &resource.api_version(),
                    &resource.list_kind,
                    metadata,
                    &items,
                )
            })
        }
        Some(AcceptedAs::PartialObjectMetadataList(version)) => {
            let items: Option<Vec<_>> = objects
                .iter()
                .map(|object| protobuf::partial(&object.value))
                .collect();
            items.and_then(|items| {
                protobuf::list(
                    version.api_version(),
                    "PartialObjectMetadataList",
                    metadata,
                    &items,
                )
            })
        }
        Some(AcceptedAs::PartialObjectMetadata(_)) => {
            return Err(metadata_only::is_a_list(resource));
        }
        Some(_) => None,
    };
    Ok((
        Format::Protobuf.content_type(),
        list.ok_or_else(no_protobuf)?.into(),
    ))
}

/// 406 of something that has no protobuf form.
fn no_protobuf() -> ApiError {
    ApiError::new(
        406,
        "NotAcceptable",
        "kmock has no protobuf form of this object; accept application/json too",
    )
}

/// A stored object.
pub fn stored(
    renderer: &Renderer,
    view: &RenderView<'_>,
    object: &StoredObject,
) -> Result<Sendable, ApiError> {
    if view.accepted.target.is_none() && view.accepted.format == Format::Protobuf {
        let resource = &renderer.served.resource;
        let message = renderer.message(object).ok_or_else(no_protobuf)?;
        let bytes = protobuf::envelope(&resource.api_version(), &resource.kind, &message);
        return Ok((Format::Protobuf.content_type(), bytes.into()));
    }
    if view.accepted.target.is_none() {
        return encode(view.accepted, renderer.whole(object));
    }
    if let Some(AcceptedAs::PartialObjectMetadata(version)) = view.accepted.target
        && let Cow::Borrowed(value) = renderer.served.seen(&object.value)
    {
        return encode(view.accepted, metadata_only::partial(value, version));
    }
    value(renderer, view, &renderer.value(object))
}

/// Any object that a resource's endpoint answers: one of the resource, a `Status`, a `Scale`.
pub fn value(
    renderer: &Renderer,
    view: &RenderView<'_>,
    value: &Value,
) -> Result<Sendable, ApiError> {
    let is_status =
        value.get("kind").is_some_and(|kind| kind == "Status") && value["apiVersion"] == "v1";
    let text = match view.accepted.target.filter(|_| !is_status) {
        None => json::print_object(value),
        Some(AcceptedAs::PartialObjectMetadata(version)) => metadata_only::partial(value, version),
        Some(AcceptedAs::PartialObjectMetadataList(_)) => {
            let kind = value["kind"].as_str().unwrap_or_default();
            return Err(metadata_only::is_no_list(&renderer.served.resource, kind));
        }
        Some(AcceptedAs::Table(version)) => {
            let tables = Tables::new(renderer.served.clone(), version, Include::read(view.query)?);
            tables.table(
                &metadata_of(value),
                std::slice::from_ref(value),
                view.now,
                true,
            )
        }
        Some(AcceptedAs::AggregatedDiscovery) => {
            return Err(ApiError::not_acceptable(&accept::MEDIA_TYPES));
        }
    };
    encode(view.accepted, text)
}

/// The `Scale` of an object.
pub fn scale(served: &Served, view: &RenderView<'_>, value: &Value) -> Result<Sendable, ApiError> {
    let custom = !served.resource.is_built_in();
    let text = match view.accepted.target {
        Some(AcceptedAs::Table(version)) => {
            let tables = Tables::of_scales(custom, version, Include::read(view.query)?);
            tables.table(
                &metadata_of(value),
                std::slice::from_ref(value),
                view.now,
                true,
            )
        }
        Some(AcceptedAs::PartialObjectMetadata(version)) => metadata_only::partial(value, version),
        Some(AcceptedAs::PartialObjectMetadataList(_)) => {
            let package = if custom { "v1" } else { "autoscaling" };
            return Err(metadata_only::no_list(package, "Scale"));
        }
        Some(AcceptedAs::AggregatedDiscovery) | None => json::print_object(value),
    };
    encode(view.accepted, text)
}

/// Compact JSON in the form that was asked for, with the line break that the server ends bodies with.
pub fn encode(accepted: Accepted, mut text: Vec<u8>) -> Result<Sendable, ApiError> {
    let kind = accepted.format.content_type();
    match accepted.format {
        #[cfg(feature = "yaml")]
        Format::Yaml => {
            let value: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
            Ok((kind, crate::text::yaml::print(&value).into()))
        }
        #[cfg(not(feature = "yaml"))]
        Format::Yaml => Err(ApiError::not_acceptable(&accept::MEDIA_TYPES)),
        Format::Protobuf => {
            let value: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
            Ok((
                kind,
                protobuf_object(&value).ok_or_else(no_protobuf)?.into(),
            ))
        }
        Format::Json => {
            if accepted.pretty {
                text = json::indent(&text);
            }
            text.push(b'\n');
            Ok((kind, text.into()))
        }
    }
}

/// Any object in protobuf.
pub fn protobuf_object(value: &Value) -> Option<Vec<u8>> {
    if value["kind"] == "PartialObjectMetadata" {
        let message = protobuf::partial(value)?;
        return Some(protobuf::envelope(
            value["apiVersion"].as_str()?,
            "PartialObjectMetadata",
            &message,
        ));
    }
    protobuf::print(value)
}

/// A failure, in the form that the client accepts if it accepts any.
pub fn failure(headers: &HeaderMap, error: &ApiError) -> Sendable {
    if error.plain {
        return ("text/plain; charset=utf-8", error.message.clone().into());
    }
    let accepted =
        accept::negotiate(accept::header(headers), Endpoint::Plain).unwrap_or(Accepted::JSON);
    let text = json::print_object(&error.to_status());
    encode(accepted, text.clone()).unwrap_or_else(|_| ("application/json", text.into()))
}
