//! Values against their schema, with the server's own messages, causes and order.
//!
//! The checks, their order and their words are those of `kube-openapi/pkg/validation/validate`:
//! type, then junctors (anyOf, oneOf, allOf, not), string, format, number, list, enum, object. Where
//! the server iterates over a Go map, in no order, this goes by name.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::correlate::Pair;
use super::node::{Additional, Limits, Node, NodeKind};
use super::numbers::{self, Num};
use crate::model::status::FieldError;

/// The value of faults that show none.
const NO_VALUE: Value = Value::Null;

/// A fault of a value, before it is put into the terms of a `Status`.
#[derive(Clone, Debug)]
struct Fault {
    /// `None`: not about one field.
    name: Option<String>,
    what: What,
    message: String,
}

#[derive(Clone, Debug)]
enum What {
    Required,
    Enum(Value, Vec<String>),
    TooLong(i64),
    TooMany(i64, i64),
    Type(Value),
    /// A number as Go prints a double.
    Double(f64),
    Other(Value),
}

#[derive(Debug, Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, fault: Fault) {
        if !self.0.iter().any(|known| known.message == fault.message) {
            self.0.push(fault);
        }
    }

    fn extend(&mut self, others: Faults) {
        others.0.into_iter().for_each(|fault| self.add(fault));
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread has checked a whole value.
    pub(super) static RUNS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Checks a whole value: an object, a status (below `prefix`), a default.
///
/// With `old`, faults of values that did not change are forgiven.
pub(crate) fn validate(
    node: &Node,
    value: &Value,
    old: Option<Pair<'_>>,
    prefix: Option<&str>,
) -> Vec<FieldError> {
    #[cfg(test)]
    RUNS.set(RUNS.get() + 1);
    let mut faults = Faults::default();
    let mut path = String::new();
    field(node, value, &mut path, old, &mut faults);
    faults
        .0
        .into_iter()
        .map(|fault| to_field_error(fault, prefix))
        .collect()
}

fn to_field_error(mut fault: Fault, prefix: Option<&str>) -> FieldError {
    if let What::Enum(value, _) | What::Other(value) = &mut fault.what {
        numbers::canonicalise(value);
    }
    let name = fault
        .name
        .as_deref()
        .map(|name| name.strip_prefix('.').unwrap_or(name))
        .unwrap_or_default();
    let field = match (prefix, name.is_empty()) {
        (None, true) => "<nil>".to_owned(),
        (Some(prefix), true) => prefix.to_owned(),
        (None, false) => name.to_owned(),
        (Some(prefix), false) => format!("{prefix}.{name}"),
    };
    match fault.what {
        What::Required => FieldError::required(field, ""),
        What::Enum(value, values) => {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            FieldError::not_supported(field, &value, &values)
        }
        What::TooLong(limit) => match usize::try_from(limit) {
            Ok(limit) => FieldError::too_long(field, limit),
            Err(_) => FieldError::new("FieldValueTooLong", field, "Too long: value is too long"),
        },
        What::TooMany(actual, limit) => {
            FieldError::too_many(field, actual.max(0) as usize, limit.max(0) as usize)
        }
        What::Type(value) => FieldError::type_invalid(field, &value, fault.message),
        What::Double(double) => {
            let text = format!(
                "Invalid value: {}: {}",
                numbers::shown(double),
                fault.message
            );
            FieldError::new("FieldValueInvalid", field, text)
        }
        What::Other(Value::Null) => FieldError::invalid_text(field, "", fault.message),
        What::Other(value) => FieldError::invalid(field, &value, fault.message),
    }
}

/// Checks a value that may correspond to an old one; gives the number of checks that held, by which
/// the best of failed alternatives is chosen.
fn field(
    node: &Node,
    value: &Value,
    path: &mut String,
    old: Option<Pair<'_>>,
    faults: &mut Faults,
) -> usize {
    let before = faults.0.len();
    let held = check(node, value, path, old, faults);
    if faults.0.len() > before && old.is_some_and(|pair| pair.unchanged()) {
        faults.0.truncate(before);
    }
    held
}

fn check(
    node: &Node,
    value: &Value,
    path: &mut String,
    old: Option<Pair<'_>>,
    faults: &mut Faults,
) -> usize {
    let limits = node.limits.as_deref();
    if value.is_null() {
        let held = check_type(node, value, path, faults);
        if let Some(limits) = limits {
            check_enum(limits, value, path, faults);
        }
        return held;
    }
    let mut held = 1;
    if node.kind != NodeKind::Any || node.format.is_some() {
        held += 1 + check_type(node, value, path, faults);
    }
    held += 1;
    match limits {
        Some(limits) => held += check_junctors(limits, value, path, old, faults),
        None => held += 1,
    }
    match value {
        Value::String(text) => {
            held += 1;
            if let Some(limits) = limits {
                check_string(limits, text, path, faults);
            }
            if let Some(format) = node.text_format {
                held += 1;
                if !format.accepts(text) {
                    faults.add(type_fault(
                        path,
                        node.format.as_deref().unwrap_or_default(),
                        text,
                    ));
                }
            }
        }
        Value::Number(number) => {
            held += 2;
            check_number(node, limits, Num::of(number), value, path, faults);
        }
        Value::Array(items) => {
            held += 2 + check_list(node, limits, items, path, old, faults);
        }
        _ => {}
    }
    held += 1;
    if let Some(limits) = limits {
        check_enum(limits, value, path, faults);
    }
    if let Value::Object(map) = value {
        held += 1 + check_object(node, limits, map, path, old, faults);
    }
    held
}

fn other(path: &str, value: Value, message: String) -> Fault {
    Fault {
        name: Some(path.to_owned()),
        what: What::Other(value),
        message,
    }
}

fn nowhere(message: String) -> Fault {
    Fault {
        name: None,
        what: What::Other(NO_VALUE),
        message,
    }
}

fn type_fault(path: &str, wanted: &str, got: &str) -> Fault {
    Fault {
        name: Some(path.to_owned()),
        what: What::Type(got.into()),
        message: format!(
            "{path} in body must be of type {wanted}: {}",
            crate::model::status::quoted(got)
        ),
    }
}

/// The type and the format of a value, as JSON schema names them.
fn kind_of(value: &Value) -> (&'static str, &'static str) {
    match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
        Value::Number(number) => match Num::of(number) {
            Num::Int(_) => ("integer", "int64"),
            Num::Double(_) => ("number", "float64"),
        },
    }
}

fn check_type(node: &Node, value: &Value, path: &str, faults: &mut Faults) -> usize {
    if value.is_null() {
        if node.kind != NodeKind::Any && !node.nullable {
            faults.add(type_fault(path, node.kind.name(), "null"));
            return 0;
        }
        return 1;
    }
    let (kind, kind_format) = kind_of(value);
    let takes_integer = matches!(node.kind, NodeKind::Integer | NodeKind::IntOrString);
    let float_as_int = match value {
        Value::Number(number) => match Num::of(number) {
            Num::Double(double) => takes_integer && numbers::is_json_integer(double),
            Num::Int(_) => false,
        },
        _ => false,
    };
    let int_as_float = kind == "integer" && node.kind == NodeKind::Number;
    let contained = node.kind.name() == kind
        || (node.kind == NodeKind::IntOrString && matches!(kind, "integer" | "string"));
    let plain = matches!(value, Value::String(_) | Value::Array(_));
    if let Some(format) = node.format.as_deref() {
        if !(plain || contained || kind_format == format || float_as_int || int_as_float) {
            faults.add(type_fault(path, format, kind_format));
            return 0;
        }
        if plain
            && !matches!(
                node.kind,
                NodeKind::Number | NodeKind::Integer | NodeKind::IntOrString
            )
        {
            return 1;
        }
    }
    if !(contained || float_as_int || int_as_float) {
        faults.add(type_fault(path, node.kind.name(), kind));
        return 0;
    }
    1
}

fn check_enum(limits: &Limits, value: &Value, path: &str, faults: &mut Faults) {
    if limits.values.is_empty() || limits.values.iter().any(|allowed| same(allowed, value)) {
        return;
    }
    let values = limits
        .values
        .iter()
        .map(|allowed| match allowed {
            Value::String(text) => text.clone(),
            other => {
                let mut other = other.clone();
                numbers::canonicalise(&mut other);
                other.to_string()
            }
        })
        .collect();
    faults.add(Fault {
        name: Some(path.to_owned()),
        what: What::Enum(value.clone(), values),
        message: format!("{path} in body should be one of {value}"),
    });
}

/// Whether a value is one of an enum; null never is.
fn same(allowed: &Value, value: &Value) -> bool {
    match (allowed, value) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(allowed), Value::Number(value)) => {
            match (Num::of(allowed), Num::of(value)) {
                (Num::Int(allowed), Num::Int(value)) => allowed == value,
                // The server converts the value to the type of the allowed one.
                (Num::Int(allowed), Num::Double(value)) => value as i64 == allowed,
                (Num::Double(allowed), value) => allowed == value.double(),
            }
        }
        (allowed, value) => allowed == value,
    }
}

fn check_string(limits: &Limits, text: &str, path: &str, faults: &mut Faults) {
    let length = if limits.max_length.is_some() || limits.min_length.is_some() {
        text.chars().count() as i64
    } else {
        0
    };
    if let Some(most) = limits.max_length.filter(|most| length > *most) {
        faults.add(Fault {
            name: Some(path.to_owned()),
            what: What::TooLong(most),
            message: format!("{path} in body should be at most {most} chars long"),
        });
    } else if let Some(least) = limits.min_length.filter(|least| length < *least) {
        faults.add(other(
            path,
            text.into(),
            format!("{path} in body should be at least {least} chars long"),
        ));
    } else if let Some((pattern, compiled)) = &limits.pattern {
        match compiled {
            Ok(compiled) if compiled.is_match(text) => {}
            Ok(_) => faults.add(other(
                path,
                text.into(),
                format!("{path} in body should match '{pattern}'"),
            )),
            Err(error) => faults.add(other(
                path,
                text.into(),
                format!("{path} in body should match '{pattern}, but pattern is invalid: {error}'"),
            )),
        }
    }
}

fn check_number(
    node: &Node,
    limits: Option<&Limits>,
    num: Num,
    value: &Value,
    path: &str,
    faults: &mut Faults,
) {
    let range = Range::of(node);
    if let Some(fault) = range.refuses(num, "Checked", path) {
        faults.add(nowhere(fault));
    }
    let Some(limits) = limits else { return };
    if let Some(factor) = limits.multiple_of {
        let refused = range.refuses(Num::Double(factor), "MultipleOf", path);
        let fits = refused.is_none();
        if let Some(fault) = refused {
            faults.add(nowhere(fault));
        }
        if let Some(fault) = not_multiple(num, value, factor, fits, path) {
            faults.add(fault);
        }
    }
    let bounds = [
        (limits.minimum, limits.exclusive_minimum, "Minimum boundary"),
        (limits.maximum, limits.exclusive_maximum, "Maximum boundary"),
    ];
    for (place, (bound, exclusive, prefix)) in bounds.into_iter().enumerate() {
        let Some(bound) = bound else { continue };
        let refused = range.refuses(Num::Double(bound), prefix, path);
        let fits = refused.is_none();
        if let Some(fault) = refused {
            faults.add(nowhere(fault));
        }
        // An integer is compared with the bound cut to an integer.
        let (order, bound) = match num {
            Num::Int(int) if fits => (int.cmp(&(bound as i64)), (bound as i64).to_string()),
            _ => (
                num.double().partial_cmp(&bound).unwrap_or(Ordering::Equal),
                numbers::shown(bound),
            ),
        };
        let (wrong, words) = match (place, exclusive) {
            (0, false) => (order.is_lt(), "greater than or equal to"),
            (0, true) => (order.is_le(), "greater than"),
            (_, false) => (order.is_gt(), "less than or equal to"),
            (_, true) => (order.is_ge(), "less than"),
        };
        if wrong {
            let message = format!("{path} in body should be {words} {bound}");
            faults.add(compared(num, value, fits, path, message));
        }
    }
}

/// The fault of a number: an integer that was compared with a double is shown as one.
fn compared(num: Num, value: &Value, fits: bool, path: &str, message: String) -> Fault {
    Fault {
        name: Some(path.to_owned()),
        what: match num {
            Num::Int(int) if !fits => What::Double(int as f64),
            _ => What::Other(value.clone()),
        },
        message,
    }
}

fn not_multiple(num: Num, value: &Value, factor: f64, fits: bool, path: &str) -> Option<Fault> {
    let must_be_positive = |factor: f64| {
        let shown = numbers::shown(factor);
        Some(Fault {
            name: Some(path.to_owned()),
            what: What::Double(factor),
            message: format!("factor MultipleOf declared for {path} must be positive: {shown}"),
        })
    };
    let fails = |factor: String| {
        let message = format!("{path} in body should be a multiple of {factor}");
        Some(compared(num, value, fits, path, message))
    };
    match num {
        Num::Int(int) if fits => match factor as i64 {
            factor if factor <= 0 => must_be_positive(factor as f64),
            factor if int % factor != 0 => fails(factor.to_string()),
            _ => None,
        },
        _ if factor <= 0.0 => must_be_positive(factor),
        num => {
            let times = if factor < 1.0 {
                1.0 / factor * num.double()
            } else {
                num.double() / factor
            };
            if numbers::is_json_integer(times) {
                None
            } else {
                fails(numbers::shown(factor))
            }
        }
    }
}

/// The numbers that a type and its format can hold.
#[derive(Clone, Copy)]
enum Range {
    Any,
    Float,
    Int(Option<&'static str>),
}

impl Range {
    fn of(node: &Node) -> Range {
        match (node.kind, node.format.as_deref()) {
            (NodeKind::Integer, Some("int32")) => Range::Int(Some("int32")),
            (NodeKind::Integer, Some("int64")) => Range::Int(Some("int64")),
            (NodeKind::Integer, _) => Range::Int(None),
            (NodeKind::Number, Some("float")) => Range::Float,
            _ => Range::Any,
        }
    }

    fn refuses(self, num: Num, prefix: &str, path: &str) -> Option<String> {
        match self {
            Range::Any => None,
            Range::Float => (num.double().abs() > f64::from(f32::MAX)).then(|| {
                format!("{prefix} value must be of type number with format float in {path}")
            }),
            Range::Int(format) => {
                let fits = match num {
                    Num::Int(int) => format != Some("int32") || i32::try_from(int).is_ok(),
                    // It is judged by its written form, in which only the telling digits stand.
                    Num::Double(double) => {
                        let text = double.to_string();
                        if format == Some("int32") {
                            text.parse::<i32>().is_ok()
                        } else {
                            text.parse::<i64>().is_ok()
                        }
                    }
                };
                if fits {
                    return None;
                }
                Some(match format {
                    Some(format) => format!(
                        "{prefix} value must be of type integer with format {format} in {path}"
                    ),
                    None => {
                        format!("{prefix} value must be of type integer (default format) in {path}")
                    }
                })
            }
        }
    }
}

fn check_list(
    node: &Node,
    limits: Option<&Limits>,
    items: &[Value],
    path: &mut String,
    old: Option<Pair<'_>>,
    faults: &mut Faults,
) -> usize {
    let mut held = 0;
    if let Some(schema) = node.items.as_deref() {
        let length = path.len();
        let before = old.map(|pair| (pair, pair.items()));
        for (index, item) in items.iter().enumerate() {
            let _ = write!(path, "[{index}]");
            let old = before.as_ref();
            let old = old.and_then(|(pair, items)| pair.item(index, items));
            held += field(schema, item, path, old, faults);
            path.truncate(length);
        }
    }
    if let Some(limits) = limits {
        let size = items.len() as i64;
        if let Some(least) = limits.min_items.filter(|least| size < *least) {
            faults.add(other(
                path,
                size.into(),
                format!("{path} in body should have at least {least} items"),
            ));
        }
        if let Some(most) = limits.max_items.filter(|most| size > *most) {
            faults.add(Fault {
                name: Some(path.clone()),
                what: What::TooMany(size, most),
                message: format!("{path} in body should have at most {most} items"),
            });
        }
        let repeats = |(place, item): (usize, &Value)| {
            items.iter().take(place).any(|earlier| earlier == item)
        };
        if limits.unique_items && items.iter().enumerate().any(repeats) {
            faults.add(other(
                path,
                NO_VALUE,
                format!("{path} in body shouldn't contain duplicates"),
            ));
        }
    }
    held
}

fn check_object(
    node: &Node,
    limits: Option<&Limits>,
    map: &Map<String, Value>,
    path: &mut String,
    old: Option<Pair<'_>>,
    faults: &mut Faults,
) -> usize {
    let mut held = 0;
    let length = path.len();
    if let Some(limits) = limits {
        let size = map.len() as i64;
        if let Some(least) = limits.min_properties.filter(|least| size < *least) {
            faults.add(other(
                path,
                size.into(),
                format!("{path} in body should have at least {least} properties"),
            ));
        }
        if let Some(most) = limits.max_properties.filter(|most| size > *most) {
            faults.add(Fault {
                name: Some(path.clone()),
                what: What::TooMany(size, most),
                message: format!("{path} in body should have at most {most} properties"),
            });
        }
    }
    match &node.additional {
        Additional::Denied => {
            for key in sorted(map).filter(|key| !node.properties.contains_key(*key)) {
                let message = format!("{path}.{key} in body is a forbidden property");
                faults.add(other(path, key.into(), message));
            }
        }
        Additional::Of(schema) => {
            for key in sorted(map).filter(|key| !node.properties.contains_key(*key)) {
                let Some(value) = map.get(key) else { continue };
                let _ = write!(path, ".{key}");
                held += field(
                    schema,
                    value,
                    path,
                    old.and_then(|pair| pair.key(key)),
                    faults,
                );
                path.truncate(length);
            }
        }
        Additional::Any | Additional::Unsaid => {}
    }
    for (key, schema) in &node.properties {
        let Some(value) = map.get(key) else { continue };
        let at_root = length == 0;
        if !at_root {
            path.push('.');
        }
        path.push_str(key);
        // Changes of these two are never seen: both objects are of the same type.
        let old = old.filter(|_| !(at_root && matches!(key.as_str(), "kind" | "apiVersion")));
        held += field(
            schema,
            value,
            path,
            old.and_then(|pair| pair.key(key)),
            faults,
        );
        path.truncate(length);
    }
    for key in node.required.iter().filter(|key| !map.contains_key(*key)) {
        faults.add(Fault {
            name: Some(format!("{path}.{key}")),
            what: What::Required,
            message: format!("{path}.{key} in body is required"),
        });
    }
    held
}

fn sorted(map: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.into_iter()
}

fn check_junctors(
    limits: &Limits,
    value: &Value,
    path: &mut String,
    old: Option<Pair<'_>>,
    faults: &mut Faults,
) -> usize {
    let mut held = 1;
    let alternative = |node: &Node, path: &mut String| {
        let mut faults = Faults::default();
        let held = check(node, value, path, old, &mut faults);
        (faults, held)
    };
    if !limits.any_of.is_empty() {
        let mut best: Option<(Faults, usize)> = None;
        let mut success = None;
        for node in &limits.any_of {
            let (wrong, matched) = alternative(node, path);
            if wrong.0.is_empty() {
                success = Some(matched);
                break;
            }
            if best.as_ref().is_none_or(|(_, most)| matched > *most) {
                best = Some((wrong, matched));
            }
        }
        match (success, best) {
            (Some(matched), _) => held += matched,
            (None, best) => {
                faults.add(nowhere(format!(
                    "\"{path}\" must validate at least one schema (anyOf)"
                )));
                if let Some((wrong, matched)) = best {
                    faults.extend(wrong);
                    held += matched;
                }
            }
        }
    }
    if !limits.one_of.is_empty() {
        let mut best: Option<(Faults, usize)> = None;
        let mut first = None;
        let mut valid = 0;
        for node in &limits.one_of {
            let (wrong, matched) = alternative(node, path);
            if wrong.0.is_empty() {
                valid += 1;
                best = None;
                first.get_or_insert(matched);
            } else if valid == 0 && best.as_ref().is_none_or(|(_, most)| matched > *most) {
                best = Some((wrong, matched));
            }
        }
        if valid == 1 {
            held += first.unwrap_or_default();
        } else {
            let found = match valid {
                0 => "Found none valid".to_owned(),
                many => format!("Found {many} valid alternatives"),
            };
            faults.add(nowhere(format!(
                "\"{path}\" must validate one and only one schema (oneOf). {found}"
            )));
            if let Some((wrong, matched)) = best {
                faults.extend(wrong);
                held += matched;
            }
        }
    }
    if !limits.all_of.is_empty() {
        let mut valid = 0;
        for node in &limits.all_of {
            let (wrong, matched) = alternative(node, path);
            if wrong.0.is_empty() {
                valid += 1;
            }
            held += matched;
            faults.extend(wrong);
        }
        if valid != limits.all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            faults.add(nowhere(format!(
                "\"{path}\" must validate all the schemas (allOf){none}"
            )));
        }
    }
    if let Some(node) = limits.not.as_deref()
        && alternative(node, path).0.0.is_empty()
    {
        faults.add(nowhere(format!(
            "\"{path}\" must not validate the schema (not)"
        )));
    }
    held
}
