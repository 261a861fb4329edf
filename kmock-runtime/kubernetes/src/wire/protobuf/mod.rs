//! Objects in Protocol Buffers, as Go clients (kubectl's own commands, client-go, controller-runtime) send and prefer
//! them for built-in kinds.
//!
//! An object travels in an envelope: four bytes of magic, then a message with kind and version and the object's own
//! message. The fields' numbers are a table beside the Go types; the types decide the rest. Custom resources have no
//! protobuf form; their definitions have one, with the JSON of their schemas as `unions` of messages.

mod decode;
mod encode;
mod message;
mod unions;
pub(crate) mod wire;

use serde_json::{Value, json};

use self::message::Message;
use self::wire::{Fields, put_bytes};
use crate::kinds::builtin::gotypes::Struct;
use crate::wire::json::order_of;

/// The content type of single objects and lists.
pub const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// The content type of watches.
pub const STREAM_TYPE: &str = "application/vnd.kubernetes.protobuf;stream=watch";

const MAGIC: &[u8; 4] = b"k8s\0";

/// The Go type of a kind, if objects of it have a protobuf form here.
pub fn type_of(group: &str, version: &str, kind: &str) -> Option<&'static Struct> {
    Struct::of_kind(group, version, kind).filter(|of| Message::of(of).is_some())
}

/// Whether a body begins as the server's protobuf messages do.
pub fn is_message(body: &[u8]) -> bool {
    body.starts_with(MAGIC)
}

/// Reads an object from its envelope: JSON with kind and apiVersion.
pub fn read(body: &[u8]) -> Result<Value, String> {
    let body = body
        .strip_prefix(MAGIC)
        .ok_or("provided data does not appear to be a protobuf message")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut fields = Fields(body);
    while let Some((number, wire)) = fields.next()? {
        let bytes = wire.bytes().unwrap_or_default();
        match number {
            1 => {
                let mut meta = Fields(bytes);
                while let Some((number, wire)) = meta.next()? {
                    let text =
                        String::from_utf8_lossy(wire.bytes().unwrap_or_default()).into_owned();
                    match number {
                        1 => api_version = text,
                        2 => kind = text,
                        _ => {}
                    }
                }
            }
            2 => raw = bytes,
            _ => {}
        }
    }
    let type_meta = json!({"apiVersion": api_version, "kind": kind});
    let of = order_of(&type_meta).or_else(|| Struct::named(&format!("meta.v1.{kind}")));
    let of = of
        .ok_or_else(|| format!("no kind \"{kind}\" is registered for version \"{api_version}\""))?;
    let mut object = decode::decode(raw, of, 0)?;
    if let (Some(object), Value::Object(type_meta)) = (object.as_object_mut(), type_meta) {
        object.extend(type_meta);
    }
    Ok(object)
}

/// Writes an object in its envelope; `None` if it has no protobuf form.
pub fn print(object: &Value) -> Option<Vec<u8>> {
    let kind = object["kind"].as_str()?;
    // The documents of the core group's discovery name no version, in the envelope neither.
    let Some(api_version) = object.get("apiVersion") else {
        let of = Struct::named(&format!("meta.v1.{kind}"))?;
        return Some(envelope("", kind, &message(object, of)?));
    };
    let raw = message(object, order_of(object)?)?;
    Some(envelope(api_version.as_str()?, kind, &raw))
}

/// The message of an object, without the envelope.
pub fn message(object: &Value, of: &'static Struct) -> Option<Vec<u8>> {
    encode::encode(object, of)
}

/// Puts a message into its envelope.
pub fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut meta = Vec::with_capacity(64);
    put_bytes(&mut meta, 1, api_version.as_bytes());
    put_bytes(&mut meta, 2, kind.as_bytes());
    let mut out = Vec::with_capacity(raw.len() + meta.len() + 16);
    out.extend_from_slice(MAGIC);
    put_bytes(&mut out, 1, &meta);
    put_bytes(&mut out, 2, raw);
    // Neither an encoding nor a content type.
    put_bytes(&mut out, 3, b"");
    put_bytes(&mut out, 4, b"");
    out
}

/// A list in its envelope, from its metadata and the messages of its items.
pub fn list<T: AsRef<[u8]>>(
    api_version: &str,
    kind: &str,
    metadata: &Value,
    items: &[T],
) -> Option<Vec<u8>> {
    let metadata = message(metadata, Struct::named("meta.v1.ListMeta")?)?;
    let size: usize = items.iter().map(|item| item.as_ref().len() + 6).sum();
    let mut raw = Vec::with_capacity(size + metadata.len() + 8);
    put_bytes(&mut raw, 1, &metadata);
    for item in items {
        put_bytes(&mut raw, 2, item.as_ref());
    }
    Some(envelope(api_version, kind, &raw))
}

/// The message of an object's metadata alone (`PartialObjectMetadata`).
pub fn partial(object: &Value) -> Option<Vec<u8>> {
    let metadata = message(
        object.get("metadata")?,
        Struct::named("meta.v1.ObjectMeta")?,
    )?;
    let mut out = Vec::with_capacity(metadata.len() + 6);
    put_bytes(&mut out, 1, &metadata);
    Some(out)
}

/// A frame of a watch: the event's length, its type and its object in an envelope.
pub fn frame(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut extension = Vec::with_capacity(object.len() + 6);
    put_bytes(&mut extension, 1, object);
    let mut event = Vec::with_capacity(extension.len() + 24);
    put_bytes(&mut event, 1, kind.as_bytes());
    put_bytes(&mut event, 2, &extension);
    let length = u32::try_from(event.len()).unwrap_or_default();
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(&event);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_as_kubectl_sends_it() {
        let body = b"k8s\0\n\x0f\n\x02v1\x12\tNamespace\x12\x1b\n\x13\n\x03foo\x12\0\x1a\0\"\0*\x002\08\0B\0\x12\0\x1a\x02\n\0\x1a\0\"\0";
        let object = read(body).expect("an object");
        assert_eq!(
            object,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foo"}, "spec": {}, "status": {}})
        );
    }

    /// `Verbs` of `meta/v1/generated.proto`: clients that scale by discovery read them so.
    #[test]
    fn verbs_of_discovery_are_a_message() {
        let resource = json!({"name": "p", "singularName": "", "namespaced": true, "kind": "P", "verbs": ["get", "list"]});
        let of = Struct::named("meta.v1.APIResource").expect("a struct");
        let bytes = encode::encode(&resource, of).expect("it has a form");
        assert_eq!(
            bytes,
            b"\n\x01p\x10\x01\x1a\x01P\x22\x0b\n\x03get\n\x04list\x32\0"
        );
        assert_eq!(decode::decode(&bytes, of, 0), Ok(resource));
    }

    #[test]
    fn discovery_of_the_core_group_names_no_version() {
        let document =
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []});
        let bytes = print(&document).expect("it has a form");
        assert!(bytes.starts_with(b"k8s\0\n\x0f\n\0\x12\x0bAPIVersions\x12\x04\n\x02v1"));
    }

    #[test]
    fn objects_go_both_ways() {
        let objects = [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}, "generation": 3,
                "creationTimestamp": "2026-01-02T03:04:05Z", "managedFields": [{"manager": "m", "operation": "Update",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {".": {}}}}]},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "500m"}},
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 10}}],
                    "volumes": [{"name": "v", "secret": {"secretName": "s", "defaultMode": 420}}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null,
                    "lastTransitionTime": "2026-01-02T03:04:05Z"}]}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "AAEC"}, "type": "Opaque"}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 0,
                "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {}, "spec": {"containers": null}},
                "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}}, "status": {}}),
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
                "spec": {"renewTime": "2026-01-02T03:04:05.678901Z", "leaseDurationSeconds": -15}}),
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
                "spec": {"user": "u", "extra": {"scopes": ["a", "b"]}}, "status": {"allowed": false}}),
            json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 404,
                "details": {"name": "x", "causes": [{"reason": "r", "field": "f"}]}}),
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.com"},
                "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "list": {"type": "array", "items": {"type": "string", "enum": ["a", "b"], "default": "a"}},
                    "open": {"type": "object", "additionalProperties": true},
                    "shut": {"type": "object", "additionalProperties": false},
                    "map": {"type": "object", "additionalProperties": {"type": "number", "maximum": 1.5}},
                    "any": {"x-kubernetes-preserve-unknown-fields": true, "default": {"a": [1, null]}},
                    "tuple": {"items": [{"type": "string"}, {"type": "integer"}],
                        "dependencies": {"a": ["b", "c"], "d": {"type": "object"}}}}}}}]},
                "status": {"conditions": null, "acceptedNames": {"plural": "foos", "kind": "Foo"}, "storedVersions": ["v1"]}}),
        ];
        for object in objects {
            let mut back = read(&print(&object).expect("a message")).expect("an object");
            // Nulls are left out on the wire.
            let mut want = object.clone();
            for value in [&mut back, &mut want] {
                prune(value);
            }
            assert_eq!(back, want);
        }
    }

    fn prune(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.values_mut().for_each(prune);
                map.retain(|_, value| !value.is_null());
            }
            Value::Array(items) => items.iter_mut().for_each(prune),
            _ => {}
        }
    }

    #[test]
    fn garbage_is_refused() {
        for body in [
            &b""[..],
            b"{}",
            b"k8s\0\n\xff\xff\xff\xff\x0f",
            b"k8s\0\n\x0f\n\x02v1\x12\tNamespace\x12\x02\n\x7f",
        ] {
            assert!(read(body).is_err(), "{body:?}");
        }
        assert!(print(&json!({"apiVersion": "example.com/v1", "kind": "Foo"})).is_none());
        assert!(type_of("example.com", "v1", "Foo").is_none());
    }
}
