//! A value seen through its schema: does it conform, and which fields does it mention?
//!
//! The rules and texts are those of `structured-merge-diff/typed` (validate, tofieldset, helpers).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::element::PathElement;
use super::set::Set;
use crate::gofmt;
use crate::schema::{ListType, MapType, Schema, Type};

/// What does not conform to the schema: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedErrors(pub Vec<(String, String)>);

impl TypedErrors {
    pub(crate) fn one(path: impl Into<String>, message: impl Into<String>) -> TypedErrors {
        TypedErrors(vec![(path.into(), message.into())])
    }

    /// Puts a step in front of every path.
    pub(crate) fn below(mut self, step: &dyn fmt::Display) -> TypedErrors {
        for (path, _) in &mut self.0 {
            *path = format!("{step}{path}");
        }
        self
    }
}

impl fmt::Display for TypedErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |(path, message): &(String, String)| match path.as_str() {
            "" => message.clone(),
            path => format!("{path}: {message}"),
        };
        match self.0.as_slice() {
            [only] => f.write_str(&line(only)),
            errors => {
                f.write_str("errors:")?;
                errors
                    .iter()
                    .try_for_each(|error| write!(f, "\n  {}", line(error)))
            }
        }
    }
}

impl std::error::Error for TypedErrors {}

/// How a value is to be treated: its schema may leave that open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar(Scalar),
    List,
    Map,
    /// Open: null, or nothing that would decide it. Treated as an object.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Numeric,
    String,
    Boolean,
    Untyped,
}

/// The shape that the schema gives to the value; without a value, that of the schema alone.
pub(crate) fn shape(schema: &Schema, value: Option<&Value>) -> Shape {
    match schema.kind() {
        Type::Object => Shape::Map,
        Type::Array => Shape::List,
        Type::Integer | Type::Number => Shape::Scalar(Scalar::Numeric),
        Type::Boolean => Shape::Scalar(Scalar::Boolean),
        // Only bytes are checked to be strings; dates, quantities and the like are not.
        Type::String => match schema.format() {
            None | Some("" | "byte") => Shape::Scalar(Scalar::String),
            Some(_) => Shape::Scalar(Scalar::Untyped),
        },
        Type::Any => match value {
            Some(Value::Object(_)) => Shape::Map,
            Some(Value::Array(_)) => Shape::List,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                Shape::Scalar(Scalar::Untyped)
            }
            Some(Value::Null) | None => Shape::Open,
        },
    }
}

pub(crate) fn check_scalar(scalar: Scalar, value: &Value) -> Result<(), String> {
    let fits = match (scalar, value) {
        (_, Value::Null) => true,
        (Scalar::Numeric, value) => value.is_number(),
        (Scalar::String, value) => value.is_string(),
        (Scalar::Boolean, value) => value.is_boolean(),
        (Scalar::Untyped, value) => !value.is_array() && !value.is_object(),
    };
    if fits {
        return Ok(());
    }
    Err(match scalar {
        Scalar::Numeric => format!(
            "expected numeric (int or float), got {}",
            gofmt::type_name(value)
        ),
        Scalar::String => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            gofmt::syntax(value)
        ),
        Scalar::Boolean => format!("expected boolean, got &{{{}}}", gofmt::plain(value)),
        Scalar::Untyped => format!("expected any scalar, got &{{{}}}", gofmt::plain(value)),
    })
}

/// The step that names an item of a list of type set or map.
pub(crate) fn item_step(schema: &Schema, item: &Value) -> Result<PathElement, String> {
    if schema.list_type() == ListType::Atomic {
        return Err("invalid indexing of non-associative list".into());
    }
    if schema.map_keys().is_empty() {
        return match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".into())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".into())
            }
            scalar => Ok(PathElement::Value(scalar.clone())),
        };
    }
    let item = match item {
        Value::Object(item) => item,
        Value::Null => return Err("associative list with keys may not have a null element".into()),
        _ => return Err("associative list with keys may not have non-map elements".into()),
    };
    let key_of = |name: &Arc<str>| {
        let default = || {
            schema
                .items()
                .property(name)
                .and_then(Schema::default_value)
        };
        item.get(&**name)
            .or_else(default)
            .map(|value| (name.clone(), value.clone()))
    };
    if let [only] = schema.map_keys()
        && let Some(key) = key_of(only)
    {
        return Ok(PathElement::Key(Arc::new([key])));
    }
    let keys: Vec<(Arc<str>, Value)> = schema.map_keys().iter().filter_map(key_of).collect();
    if keys.is_empty() {
        let names: Vec<String> = schema
            .map_keys()
            .iter()
            .map(|name| gofmt::quote(name))
            .collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    Ok(PathElement::key(keys))
}

/// Checks that a value conforms to its schema. An object that was applied may not repeat a list item.
pub fn validate(schema: &Schema, value: &Value, allow_duplicates: bool) -> Result<(), TypedErrors> {
    let mut errors = Vec::new();
    check(schema, value, allow_duplicates, &mut errors);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(TypedErrors(errors))
    }
}

type Errors = Vec<(String, String)>;

fn check(schema: &Schema, value: &Value, allow_duplicates: bool, errors: &mut Errors) {
    let mut report = |message: String| errors.push((String::new(), message));
    match (shape(schema, Some(value)), value) {
        (Shape::Scalar(scalar), value) => check_scalar(scalar, value).unwrap_or_else(report),
        (_, Value::Null) => {}
        (Shape::List, Value::Array(items)) => check_items(schema, items, allow_duplicates, errors),
        (Shape::List, value) => report(format!("expected list, got &{{{}}}", gofmt::plain(value))),
        (Shape::Map | Shape::Open, Value::Object(map)) => {
            for (name, value) in map {
                let Some(of_field) = schema.field(name) else {
                    errors.push((format!(".{name}"), "field not declared in schema".into()));
                    return;
                };
                check_below(
                    of_field,
                    value,
                    allow_duplicates,
                    errors,
                    &format_args!(".{name}"),
                );
            }
        }
        (Shape::Map | Shape::Open, value) => {
            report(format!("expected map, got &{{{}}}", gofmt::plain(value)));
        }
    }
}

/// Checks what lies below a step, which is named only when there is an error.
fn check_below(
    schema: &Schema,
    value: &Value,
    allow_duplicates: bool,
    errors: &mut Errors,
    step: &dyn fmt::Display,
) {
    let known = errors.len();
    check(schema, value, allow_duplicates, errors);
    for (path, _) in errors.iter_mut().skip(known) {
        *path = format!("{step}{path}");
    }
}

fn check_items(schema: &Schema, items: &[Value], allow_duplicates: bool, errors: &mut Errors) {
    if schema.list_type() == ListType::Atomic {
        for (index, item) in items.iter().enumerate() {
            let step = PathElement::Index(index as i64);
            check_below(schema.items(), item, allow_duplicates, errors, &step);
        }
        return;
    }
    let mut steps = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item_step(schema, item) {
            Ok(step) => steps.push(step),
            Err(message) => {
                check_steps(schema, &steps, items, allow_duplicates, errors);
                errors.push((String::new(), format!("element {index}: {message}")));
                return;
            }
        }
    }
    check_steps(schema, &steps, items, allow_duplicates, errors);
}

fn check_steps(
    schema: &Schema,
    steps: &[PathElement],
    items: &[Value],
    allow_duplicates: bool,
    errors: &mut Errors,
) {
    let repeats = !allow_duplicates && !are_unique(steps);
    let mut known = BTreeSet::new();
    for (step, item) in steps.iter().zip(items) {
        if repeats && !known.insert(step) {
            errors.push((String::new(), format!("duplicate entries for key {step}")));
        }
        check_below(schema.items(), item, allow_duplicates, errors, step);
    }
}

/// Whether no step stands twice.
pub(crate) fn are_unique(steps: &[PathElement]) -> bool {
    if steps.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
        return true;
    }
    let mut sorted: Vec<&PathElement> = steps.iter().collect();
    sorted.sort_unstable();
    sorted
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a < b))
}

/// The set of all fields that a value mentions.
pub fn to_set(schema: &Schema, value: &Value) -> Set {
    let mut set = Set::new();
    collect(schema, value, &mut set);
    set
}

/// Collects what lies below a value, and says whether the value itself is a member.
fn collect(schema: &Schema, value: &Value, below: &mut Set) -> bool {
    match (shape(schema, Some(value)), value) {
        (Shape::Scalar(_), _) => true,
        (Shape::List, value) => {
            if schema.list_type() == ListType::Atomic {
                return true;
            }
            if let Value::Array(items) = value {
                collect_items(schema, items, below);
            }
            false
        }
        (Shape::Map | Shape::Open, value) => {
            if schema.map_type() == MapType::Atomic {
                return true;
            }
            let Value::Object(map) = value else {
                return false;
            };
            for (name, value) in map {
                let (step, declared) = match schema.named_property(name) {
                    Some((name, declared)) => (PathElement::Field(name.clone()), Some(declared)),
                    None => (PathElement::field(name), None),
                };
                let mut inner = Set::new();
                let of_field = declared
                    .or_else(|| schema.additional())
                    .unwrap_or_else(|| Schema::any());
                let is_member = collect(of_field, value, &mut inner);
                let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if is_member || is_empty || declared.is_none() {
                    below.insert_member(step.clone());
                }
                below.insert_child(step, inner);
            }
            false
        }
    }
}

fn collect_items(schema: &Schema, items: &[Value], below: &mut Set) {
    let named = items
        .iter()
        .filter_map(|item| Some((item_step(schema, item).ok()?, item)));
    let (steps, items): (Vec<PathElement>, Vec<&Value>) = named.unzip();
    let is_unique = are_unique(&steps);
    let repeated: Vec<bool> = match is_unique {
        true => Vec::new(),
        false => steps
            .iter()
            .map(|step| steps.iter().filter(|other| *other == step).count() > 1)
            .collect(),
    };
    for (index, (step, item)) in steps.into_iter().zip(items).enumerate() {
        below.insert_member(step.clone());
        // What is repeated is owned as a whole.
        if is_unique || repeated.get(index) == Some(&false) {
            let mut inner = Set::new();
            collect(schema.items(), item, &mut inner);
            below.insert_child(step, inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment() -> &'static Schema {
        Schema::of_kind("apps", "v1", "Deployment").expect("Deployment")
    }

    #[test]
    fn mentions() {
        let value = json!({
            "metadata": {"labels": {"a": "1"}, "finalizers": ["x/y"]},
            "spec": {"selector": {"matchLabels": {"a": "1"}}, "replicas": 1, "template": {"spec": {
                "nodeSelector": {"disk": "ssd"},
                "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
            }}},
        });
        assert!(validate(deployment(), &value, false).is_ok());
        assert_eq!(
            to_set(deployment(), &value).to_fields_v1(),
            json!({
                "f:metadata": {"f:finalizers": {"v:\"x/y\"": {}}, "f:labels": {"f:a": {}}},
                "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {"f:spec": {
                    "f:nodeSelector": {},
                    "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:ports": {
                        "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
                    }}},
                }}},
            })
        );
    }

    #[test]
    fn texts_of_what_does_not_conform() {
        let text = |value: Value| {
            validate(deployment(), &value, false)
                .expect_err("invalid")
                .to_string()
        };
        assert_eq!(
            text(json!({"spec": {"replicas": "1"}})),
            ".spec.replicas: expected numeric (int or float), got string"
        );
        assert_eq!(
            text(json!({"specs": 1})),
            ".specs: field not declared in schema"
        );
        assert_eq!(
            text(json!({"metadata": {"labels": {"a": 1}}})),
            ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}"
        );
        assert_eq!(
            text(json!({"metadata": {"labels": ["k"]}})),
            ".metadata.labels: expected map, got &{[k]}"
        );
        assert_eq!(
            text(json!({"metadata": {"finalizers": ["a/a", "a/a"]}})),
            ".metadata.finalizers: duplicate entries for key [=\"a/a\"]"
        );
    }
}
