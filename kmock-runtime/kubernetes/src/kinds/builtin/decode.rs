//! Reading a body into a Go struct, and printing the struct: what a built-in kind keeps of what it is sent.
//!
//! The API server decodes JSON strictly typed, then prints what its structs hold: unknown fields are
//! gone (and reported under `fieldValidation`), `null` means zero, zero values are printed or left out
//! as the struct says, quantities and times take their canonical form. Errors are those of Go's
//! `encoding/json` (`sigs.k8s.io/json`): a wrong type is remembered and decoding goes on, so that the
//! first one in body order is reported, but a failing `UnmarshalJSON` ends it at once.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::base64;
use super::gotypes::{Field, GoType, Struct, Zero};
use super::quantity;
use super::times;
use kmock_apply::ordered::Node;

/// A decoded object.
#[derive(Debug)]
pub struct DecodedStruct {
    /// The object, as its struct prints it. Lists that are printed even if they are empty are still told from `null`:
    /// see [`stored`].
    pub object: Value,
    /// What strict decoding complains about, in body order: `unknown field "spec.x"`, `duplicate field "data"`.
    pub complaints: Vec<String>,
}

/// The most complaints that strict decoding collects.
const MOST_COMPLAINTS: usize = 100;

/// Reads a body into a type; the error is what follows `cannot be handled as a …: `.
pub fn decode(root: &'static Struct, body: Node) -> Result<DecodedStruct, String> {
    let mut decoder = Decoder::default();
    let object = decoder.structure(root, body, root.short_name())?;
    match decoder.first_error {
        Some(error) => Err(error),
        None => Ok(DecodedStruct {
            object: object.unwrap_or_else(|| zero_struct(root).clone()),
            complaints: decoder.complaints,
        }),
    }
}

/// The object that a struct prints when nothing was set.
pub fn zero_struct(root: &Struct) -> &Value {
    root.zero.get_or_init(|| {
        let mut map = Map::new();
        complete(root, &mut map);
        Value::Object(map)
    })
}

#[derive(Default)]
struct Decoder {
    complaints: Vec<String>,
    first_error: Option<String>,
    /// The struct at hand and the JSON names from the root, for type errors.
    within: &'static str,
    names: Vec<&'static str>,
    /// The path with map keys and indices, for complaints.
    path: String,
}

impl Decoder {
    fn complain(&mut self, what: &str, key: &str) {
        let dot = if self.path.is_empty() { "" } else { "." };
        let text = format!("{what} field \"{}{dot}{key}\"", self.path);
        if self.complaints.len() < MOST_COMPLAINTS && !self.complaints.contains(&text) {
            self.complaints.push(text);
        }
    }

    /// The text of a type error at the place at hand.
    fn mismatch(&self, found: &str, ty: &str) -> String {
        if self.names.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {ty}");
        }
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {ty}",
            self.within,
            self.names.join(".")
        )
    }

    fn note(&mut self, error: String) {
        self.first_error.get_or_insert(error);
    }

    /// Goes to a member; the length of the path where it was. Whoever fails goes nowhere any more.
    fn enter(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if !self.path.is_empty() && !key.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }

    /// The same for an item of a list.
    fn enter_item(&mut self, index: usize) -> usize {
        let length = self.path.len();
        // Writing to a string does not fail.
        let _ = write!(self.path, "[{index}]");
        length
    }

    /// A struct's members; `None` for `null` and for what does not fit.
    fn structure(
        &mut self,
        root: &'static Struct,
        node: Node,
        shown: &str,
    ) -> Result<Option<Value>, String> {
        let members = match node {
            Node::Object(members) => members,
            Node::Null => return Ok(None),
            other => {
                let package = root.name.split_once('.').map_or(shown, |(_, rest)| rest);
                self.note(self.mismatch(other.sort(), package));
                return Ok(None);
            }
        };
        let mut map = Map::new();
        let mut seen: Vec<&str> = Vec::with_capacity(members.len().min(root.fields.len()));
        let short_name = root.short_name();
        for (key, node) in members {
            let Some(field) = root.field(&key) else {
                self.complain("unknown", &key);
                continue;
            };
            let repeated = seen.contains(&field.name);
            if repeated {
                self.complain("duplicate", &key);
            }
            seen.push(field.name);
            let outer = std::mem::replace(&mut self.within, short_name);
            self.names.push(field.name);
            let is_null = matches!(node, Node::Null);
            let length = self.enter(&key);
            let value = self.typed(&field.ty, &field.ty, node)?;
            self.path.truncate(length);
            self.names.pop();
            self.within = outer;
            match value {
                Some(value) if repeated => {
                    merge(map.entry(field.name).or_insert(Value::Null), value);
                }
                Some(value) => {
                    map.insert(key, value);
                }
                None if is_null && nullable(&field.ty) => {
                    map.remove(field.name);
                }
                None => {}
            }
        }
        complete(root, &mut map);
        Ok(Some(Value::Object(map)))
    }

    /// `shown` is the type as errors name it, `ty` what it stands for. What holds others is read by itself: a deep
    /// document shall not need much of the stack.
    fn typed(&mut self, ty: &GoType, shown: &GoType, node: Node) -> Result<Option<Value>, String> {
        match ty {
            GoType::Named(under, _) => self.typed(under, shown, node),
            _ if matches!(node, Node::Null) => Ok(None),
            GoType::Pointer(inner) => self.typed(inner, inner, node),
            GoType::Struct(name) => match name.get() {
                Some(target) => self.structure(target, node, target.short_name()),
                None => Ok(Some(node.into_value())),
            },
            GoType::Slice(inner) => match node {
                Node::Array(items) => self.items(inner, items),
                other => Ok(self.wrong(other.sort(), shown)),
            },
            GoType::Map(_, inner) => match node {
                Node::Object(members) => self.members(inner, members),
                other => Ok(self.wrong(other.sort(), shown)),
            },
            _ => self.plain(ty, shown, node),
        }
    }

    fn items(&mut self, ty: &GoType, items: Vec<Node>) -> Result<Option<Value>, String> {
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let length = self.enter_item(index);
            let value = self.typed(ty, ty, item)?;
            self.path.truncate(length);
            out.push(value.unwrap_or_else(|| zero(ty)));
        }
        Ok(Some(Value::Array(out)))
    }

    fn members(
        &mut self,
        ty: &GoType,
        members: Vec<(String, Node)>,
    ) -> Result<Option<Value>, String> {
        let mut out = Map::new();
        for (key, item) in members {
            if out.contains_key(&key) {
                self.complain("duplicate", &key);
            }
            let length = self.enter(&key);
            let value = self.typed(ty, ty, item)?;
            self.path.truncate(length);
            out.insert(key, value.unwrap_or_else(|| zero(ty)));
        }
        Ok(Some(Value::Object(out)))
    }

    /// What holds no others.
    fn plain(&mut self, ty: &GoType, shown: &GoType, node: Node) -> Result<Option<Value>, String> {
        Ok(match ty {
            GoType::Raw => Some(node.into_value()),
            GoType::Time => Some(self.text(&node).and_then(times::time)?.into()),
            GoType::MicroTime => Some(self.text(&node).and_then(times::micro_time)?.into()),
            GoType::Duration => Some(
                self.text(&node)
                    .and_then(|text| times::duration(text).map(times::print_duration))?
                    .into(),
            ),
            GoType::Quantity => Some(quantity(&node)?),
            GoType::IntOrString => Some(self.int_or_string(node)?),
            GoType::Bool => match node {
                Node::Bool(x) => Some(Value::Bool(x)),
                other => self.wrong(other.sort(), shown),
            },
            GoType::String => match node {
                Node::String(x) => Some(Value::String(x)),
                other => self.wrong(other.sort(), shown),
            },
            GoType::Int(bits) => match node {
                Node::Number(text) => match integer(&text, *bits) {
                    Some(n) => Some(n.into()),
                    None => self.wrong(&format!("number {text}"), shown),
                },
                other => self.wrong(other.sort(), shown),
            },
            GoType::Float => match &node {
                Node::Number(text) => match text.parse::<f64>().ok().and_then(Number::from_f64) {
                    Some(_) => Some(node.to_value()),
                    None => self.wrong(&format!("number {text}"), shown),
                },
                other => self.wrong(other.sort(), shown),
            },
            GoType::Bytes => match node {
                Node::String(text) => match base64::decode(&text) {
                    Ok(bytes) => Some(base64::encode(&bytes).into()),
                    Err(at) => {
                        self.note(format!("illegal base64 data at input byte {at}"));
                        None
                    }
                },
                Node::Array(_) => Some(Value::String(String::new())),
                other => self.wrong(other.sort(), shown),
            },
            GoType::Named(..)
            | GoType::Pointer(_)
            | GoType::Struct(_)
            | GoType::Slice(_)
            | GoType::Map(..) => None,
        })
    }

    fn wrong(&mut self, found: &str, ty: &GoType) -> Option<Value> {
        let error = self.mismatch(found, &ty.to_string());
        self.note(error);
        None
    }

    /// What `UnmarshalJSON` of a text-like type takes.
    fn text<'n>(&self, node: &'n Node) -> Result<&'n str, String> {
        match node {
            Node::String(text) => Ok(text),
            other => Err(self.mismatch(other.sort(), "string")),
        }
    }

    fn int_or_string(&self, node: Node) -> Result<Value, String> {
        match node {
            Node::String(text) => Ok(text.into()),
            Node::Number(text) => integer(&text, 32)
                .map(Value::from)
                .ok_or_else(|| self.mismatch(&format!("number {text}"), "int32")),
            other => Err(self.mismatch(other.sort(), "int32")),
        }
    }
}

/// A quantity's canonical text from a string or a number.
pub(super) fn quantity(node: &Node) -> Result<Value, String> {
    let text = match node {
        Node::String(text) | Node::Number(text) => text.trim().to_owned(),
        other => other.to_value().to_string(),
    };
    quantity::stored(&text)
        .map(Value::from)
        .map_err(str::to_owned)
}

pub(super) fn integer(text: &str, bits: u8) -> Option<i64> {
    let n: i64 = text.parse().ok()?;
    let fits = match bits {
        8 => (0..=255).contains(&n),
        32 => i32::try_from(n).is_ok(),
        _ => true,
    };
    fits.then_some(n)
}

/// Whether `null` in a body resets what a repeated member had set.
fn nullable(ty: &GoType) -> bool {
    matches!(
        ty.underlying(),
        GoType::Pointer(_) | GoType::Slice(_) | GoType::Map(..) | GoType::Bytes
    )
}

/// A repeated member: objects are filled on, everything else is replaced.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                old.insert(key, value);
            }
        }
        (old, new) => *old = new,
    }
}

/// What a field, list item or map value of that type prints when it was not set.
pub(super) fn zero(ty: &GoType) -> Value {
    match ty.underlying() {
        GoType::Bool => Value::Bool(false),
        GoType::Int(_) | GoType::IntOrString => 0.into(),
        GoType::Float => 0.into(),
        GoType::String | GoType::Bytes => "".into(),
        GoType::Quantity => "0".into(),
        GoType::Duration => "0s".into(),
        GoType::Struct(name) => name.get().map(zero_struct).cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

fn is_zero(ty: &GoType, value: &Value) -> bool {
    match ty.underlying() {
        GoType::Slice(_) => value.as_array().is_none_or(Vec::is_empty),
        GoType::Map(..) => value.as_object().is_none_or(Map::is_empty),
        GoType::Pointer(_) | GoType::Raw => value.is_null(),
        GoType::Bytes => value.as_str().is_none_or(str::is_empty),
        GoType::Bool => value == &Value::Bool(false),
        GoType::Int(_) => value.as_i64() == Some(0),
        GoType::Float => value.as_f64() == Some(0.0),
        GoType::String => value.as_str() == Some(""),
        _ => false,
    }
}

/// Prints what a struct prints of its zero fields, and drops what it leaves out.
pub(super) fn complete(root: &Struct, map: &mut Map<String, Value>) {
    let left_out = |name: &str, value: &Value| {
        root.field(name)
            .is_some_and(|field| is_left_out(field, value))
    };
    if map.iter().any(|(name, value)| left_out(name, value)) {
        map.retain(|name, value| !left_out(name, value));
    }
    print_unset(root, map);
}

/// Whether a struct prints nothing of a field, since it is zero.
pub(super) fn is_left_out(field: &Field, value: &Value) -> bool {
    // An empty list of managers says something: it clears them.
    field.zero == Zero::Omitted && field.name != "managedFields" && is_zero(&field.ty, value)
}

/// Prints what a struct prints of the fields that are not there.
pub(super) fn print_unset(root: &Struct, map: &mut Map<String, Value>) {
    for field in root.printed() {
        if !map.contains_key(field.name) {
            map.insert(field.name.into(), unset(field));
        }
    }
}

/// What a field prints that is printed even if it is unset.
fn unset(field: &Field) -> Value {
    match field.ty.underlying() {
        GoType::Bytes => Value::Null,
        ty => zero(ty),
    }
}

/// Drops what the storage's encoding cannot tell from absence: empty lists and maps, also those that are printed. In
/// members that are `kept` there are none.
pub fn stored(root: &Struct, value: &mut Value, kept: &[&str]) {
    tidy(root, value, true, kept);
}

/// Drops empty lists and maps that the struct leaves out, as defaults may have made some. In members that are `kept` there
/// are none.
pub fn omitted(root: &Struct, value: &mut Value, kept: &[&str]) {
    tidy(root, value, false, kept);
}

fn tidy(root: &Struct, value: &mut Value, printed_too: bool, kept: &[&str]) {
    let Value::Object(map) = value else { return };
    let mut gone = Vec::new();
    for (name, value) in map.iter_mut() {
        let empty = match value {
            Value::Array(items) => items.is_empty() && (printed_too || name != "managedFields"),
            Value::Object(inner) => inner.is_empty(),
            _ => continue,
        };
        if kept.contains(&name.as_str()) {
            continue;
        }
        let Some(field) = root.field(name) else {
            continue;
        };
        let can_go = match &field.ty {
            GoType::Raw | GoType::Pointer(_) => false,
            ty => value.is_array() || matches!(ty.underlying(), GoType::Map(..)),
        };
        if !(empty && can_go) {
            tidy_of(&field.ty, value, printed_too);
        } else if field.zero != Zero::Printed {
            gone.push(field.name);
        } else if printed_too {
            *value = Value::Null;
        }
    }
    for name in gone {
        map.remove(name);
    }
}

fn tidy_of(ty: &GoType, value: &mut Value, printed_too: bool) {
    match (ty.underlying(), value) {
        (GoType::Struct(name), value) => {
            if let Some(target) = name.get() {
                tidy(target, value, printed_too, &[]);
            }
        }
        (GoType::Pointer(inner), value) => tidy_of(inner, value, printed_too),
        (GoType::Slice(inner), Value::Array(items)) if inner.element_struct().is_some() => {
            items
                .iter_mut()
                .for_each(|item| tidy_of(inner, item, printed_too));
        }
        (GoType::Map(_, inner), Value::Object(map)) => map
            .values_mut()
            .for_each(|item| tidy_of(inner, item, printed_too)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: &str, text: &str) -> Result<DecodedStruct, String> {
        decode(
            Struct::named(kind).expect("known"),
            Node::parse(text.as_bytes()).expect("JSON"),
        )
    }

    fn object(kind: &str, text: &str) -> Value {
        read(kind, text).expect("decodes").object
    }

    #[test]
    fn type_errors_are_gos() {
        for (kind, body, error) in [
            (
                "core.v1.ConfigMap",
                r#"{"data":{"x":1}}"#,
                "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
            ),
            (
                "core.v1.ConfigMap",
                r#"{"data":"x"}"#,
                "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
            ),
            (
                "core.v1.ConfigMap",
                r#"{"metadata":{"name":5}}"#,
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
            ),
            (
                "core.v1.ConfigMap",
                r#"{"metadata":"a"}"#,
                "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
            ),
            (
                "core.v1.Secret",
                r#"{"data":{"u":"not base64!"}}"#,
                "illegal base64 data at input byte 3",
            ),
            (
                "core.v1.Secret",
                r#"{"data":{"u":5}}"#,
                "json: cannot unmarshal number into Go struct field Secret.data of type []uint8",
            ),
            (
                "apps.v1.Deployment",
                r#"{"spec":{"replicas":"3"}}"#,
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                "apps.v1.Deployment",
                r#"{"spec":{"replicas":1.5}}"#,
                "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                "apps.v1.Deployment",
                r#"{"spec":{"template":{"spec":{"containers":{"name":"c"}}}}}"#,
                "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
            ),
            (
                "core.v1.Pod",
                r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}}"#,
                super::super::quantity::WRONG_FORMAT,
            ),
            (
                "core.v1.Pod",
                r#"{"spec":{"containers":[{"resources":{"limits":[]}}]}}"#,
                "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
            ),
        ] {
            assert_eq!(read(kind, body).err().as_deref(), Some(error), "{body}");
        }
    }

    #[test]
    fn complaints_come_in_body_order() {
        let body = r#"{"metadata":{"name":"a","labelz":{"x":"y"}},"data":{"k":"v","k":"w"},"dataa":{},"data":{"z":"z"}}"#;
        let decoded = read("core.v1.ConfigMap", body).expect("decodes");
        assert_eq!(
            decoded.complaints,
            [
                "unknown field \"metadata.labelz\"",
                "duplicate field \"data.k\"",
                "unknown field \"dataa\"",
                "duplicate field \"data\""
            ]
        );
        assert_eq!(decoded.object["data"], json!({"k": "w", "z": "z"}));
        let pod = read(
            "core.v1.Pod",
            r#"{"spec":{"containers":[{"name":"a"},{"nam":"b"}]}}"#,
        )
        .expect("decodes");
        assert_eq!(pod.complaints, ["unknown field \"spec.containers[1].nam\""]);
    }

    #[test]
    fn structs_print_their_zeros() {
        assert_eq!(
            object(
                "core.v1.Event",
                r#"{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod"}}"#
            ),
            json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "source": {}, "firstTimestamp": null,
                "lastTimestamp": null, "eventTime": null, "reportingComponent": "", "reportingInstance": ""})
        );
        assert_eq!(
            object("rbac.v1.Role", "{}"),
            json!({"metadata": {}, "rules": null})
        );
        assert_eq!(
            object("apps.v1.Deployment", "{}")["spec"]["strategy"],
            json!({})
        );
        assert_eq!(
            object(
                "core.v1.ConfigMap",
                r#"{"data":{"a":null},"immutable":null}"#
            ),
            json!({"metadata": {}, "data": {"a": ""}})
        );
        let pod = object(
            "core.v1.Pod",
            r#"{"spec":{"hostNetwork":false,"containers":[{"resources":{"limits":{"cpu":0.5,"memory":"1024Mi"}}}]}}"#,
        );
        assert_eq!(
            pod["spec"],
            json!({"containers": [{"name": "", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}]})
        );
    }

    #[test]
    fn empty_lists_and_maps_are_not_stored() {
        let role = Struct::named("rbac.v1.Role").expect("known");
        let mut value = object("rbac.v1.Role", r#"{"metadata":{"labels":{}},"rules":[]}"#);
        assert_eq!(value, json!({"metadata": {}, "rules": []}));
        stored(role, &mut value, &[]);
        assert_eq!(value, json!({"metadata": {}, "rules": null}));
        let policy = Struct::named("networking.v1.NetworkPolicy").expect("known");
        let mut value = object(
            "networking.v1.NetworkPolicy",
            r#"{"spec":{"podSelector":{"matchLabels":{}},"ingress":[{}],"egress":[]}}"#,
        );
        stored(policy, &mut value, &[]);
        assert_eq!(value["spec"], json!({"podSelector": {}, "ingress": [{}]}));
    }
}
