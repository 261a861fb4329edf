//! `metadata`: what is valid in it, what the server owns of it, how names are made.
//!
//! Rules and texts as in `k8s.io/apimachinery/pkg/api/validation` and `…/util/validation`.

use std::collections::{BTreeSet, HashSet};

use jiff::{Timestamp, tz::Offset};
use serde_json::{Map, Value};

pub use crate::model::names::{
    NameRule, label_1035_faults, label_faults, label_value_faults, name_faults,
    path_segment_faults, qualified_name_faults, subdomain_faults,
};
use crate::model::status::{FieldError, quoted};
use kmock_apply::gofmt;

/// The longest name of a manager.
pub const MAX_MANAGER: usize = 128;

/// The longest name of a subresource in `managedFields`.
const MAX_SUBRESOURCE: usize = 256;

/// All annotations of an object together may not be larger.
const MAX_ANNOTATIONS: usize = 256 * 1024;

fn text<'a>(metadata: &'a Value, key: &str) -> &'a str {
    metadata[key].as_str().unwrap_or_default()
}

fn entries<'a>(metadata: &'a Value, key: &str) -> Vec<(&'a String, &'a Value)> {
    let mut all: Vec<_> = metadata[key].as_object().into_iter().flatten().collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

fn items<'a>(metadata: &'a Value, key: &str) -> &'a [Value] {
    metadata[key]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The rules that a kind has for its metadata.
#[derive(Debug, Clone, Copy)]
pub struct MetadataRules {
    /// Which names are valid.
    pub name: NameRule,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// Finalizers need a domain.
    pub qualified_finalizers: bool,
}

/// Faults of metadata as such.
pub fn validate(metadata: &Value, rules: MetadataRules) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut invalid = |field: &str, value: &str, why: Vec<String>| {
        faults.extend(
            why.into_iter()
                .map(|why| FieldError::invalid_text(format!("metadata.{field}"), value, why)),
        );
    };
    let (name, generate_name, namespace) = (
        text(metadata, "name"),
        text(metadata, "generateName"),
        text(metadata, "namespace"),
    );
    if !generate_name.is_empty() {
        invalid(
            "generateName",
            generate_name,
            name_faults(rules.name, generate_name, true),
        );
    }
    if name.is_empty() {
        faults.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        invalid("name", name, name_faults(rules.name, name, false));
    }
    if rules.namespaced && namespace.is_empty() {
        faults.push(FieldError::required("metadata.namespace", ""));
    } else if rules.namespaced {
        let why = label_faults(namespace);
        faults.extend(
            why.into_iter()
                .map(|why| FieldError::invalid_text("metadata.namespace", namespace, why)),
        );
    } else if !namespace.is_empty() {
        faults.push(FieldError::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        ));
    }
    if metadata["generation"].as_i64().is_some_and(|n| n < 0) {
        let why = "must be greater than or equal to 0";
        faults.push(FieldError::invalid(
            "metadata.generation",
            &metadata["generation"],
            why,
        ));
    }
    faults.extend(validate_maps(metadata));
    faults.extend(validate_finalizers(metadata));
    if rules.qualified_finalizers {
        faults.extend(unqualified_finalizers(metadata));
    }
    faults
}

/// Whether a finalizer has a domain or is one of the server's own.
pub fn is_qualified_finalizer(name: &str) -> bool {
    name.contains('/') || matches!(name, "kubernetes" | "orphan" | "foregroundDeletion")
}

/// Finalizers without a domain that are not the server's own: the core group's check.
pub fn unqualified_finalizers(metadata: &Value) -> Vec<FieldError> {
    let names = items(metadata, "finalizers").iter().enumerate();
    names
        .map(|(i, finalizer)| (i, finalizer.as_str().unwrap_or_default()))
        .filter(|(_, name)| !is_qualified_finalizer(name))
        .map(|(i, name)| {
            FieldError::invalid_text(
                format!("metadata.finalizers[{i}]"),
                name,
                "name is neither a standard finalizer name nor is it fully qualified",
            )
        })
        .collect()
}

/// Faults of labels; `path` is where they stand.
pub fn validate_labels(metadata: &Value, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (key, value) in entries(metadata, "labels") {
        let value = value.as_str().unwrap_or_default();
        let of_key = qualified_name_faults(key).into_iter();
        faults.extend(of_key.map(|why| FieldError::invalid_text(path, key, why)));
        let of_value = label_value_faults(value).into_iter();
        faults.extend(of_value.map(|why| FieldError::invalid_text(path, value, why)));
    }
    faults
}

/// Faults of annotations; `path` is where they stand.
pub fn validate_annotations(metadata: &Value, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut size = 0;
    for (key, value) in entries(metadata, "annotations") {
        // The key may have upper case letters in its prefix, for history's sake.
        let why = qualified_name_faults(&key.to_lowercase()).into_iter();
        faults.extend(why.map(|why| FieldError::invalid_text(path, key, why)));
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > MAX_ANNOTATIONS {
        faults.push(FieldError::too_long(path, MAX_ANNOTATIONS));
    }
    faults
}

/// Faults of labels, annotations and owners.
fn validate_maps(metadata: &Value) -> Vec<FieldError> {
    let mut faults = validate_labels(metadata, "metadata.labels");
    faults.extend(validate_annotations(metadata, "metadata.annotations"));
    faults.extend(validate_owners(metadata));
    faults.extend(validate_managers(metadata));
    faults
}

/// The names in `managedFields`; entries that cannot be read at all were dropped before.
fn validate_managers(metadata: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, entry) in items(metadata, "managedFields").iter().enumerate() {
        let field = |name: &str| format!("metadata.managedFields[{index}].{name}");
        let (manager, subresource) = (text(entry, "manager"), text(entry, "subresource"));
        if manager.len() > MAX_MANAGER {
            faults.push(FieldError::too_long(field("manager"), MAX_MANAGER));
        }
        if !manager.chars().all(gofmt::is_print) {
            faults.extend(unprintable(&field("manager"), manager));
        }
        if subresource.len() > MAX_SUBRESOURCE {
            faults.push(FieldError::too_long(field("subresource"), MAX_SUBRESOURCE));
        }
    }
    faults
}

/// The characters of a manager's name that cannot be printed.
pub fn unprintable(field: &str, manager: &str) -> Vec<FieldError> {
    let wrong = manager.char_indices().filter(|(_, c)| !gofmt::is_print(*c));
    wrong
        .map(|(at, c)| {
            let why = format!("invalid character U+{:04X} (at position {at})", c as u32);
            FieldError::invalid_text(field, manager, why)
        })
        .collect()
}

fn owner_text(owner: &Value) -> String {
    // As a struct prints: its own order, unset optional fields left out.
    let mut parts = Vec::new();
    for key in ["apiVersion", "kind", "name", "uid"] {
        parts.push(format!("\"{key}\":{}", Value::from(text(owner, key))));
    }
    for key in ["controller", "blockOwnerDeletion"] {
        if let Some(flag) = owner[key].as_bool() {
            parts.push(format!("\"{key}\":{flag}"));
        }
    }
    format!("{{{}}}", parts.join(","))
}

fn validate_owners(metadata: &Value) -> Vec<FieldError> {
    const FIELD: &str = "metadata.ownerReferences";
    let mut faults = Vec::new();
    let mut controller: Option<&Value> = None;
    let owners = items(metadata, "ownerReferences");
    for owner in owners {
        let (group, version) = split_api_version(text(owner, "apiVersion"));
        let mut empty = |field: &str, value: &str, why: &str| {
            faults.push(FieldError::invalid_text(
                format!("{FIELD}.{field}"),
                value,
                why,
            ));
        };
        if version.is_empty() {
            empty(
                "apiVersion",
                text(owner, "apiVersion"),
                "version must not be empty",
            );
        }
        for key in ["kind", "name", "uid"] {
            if text(owner, key).is_empty() {
                empty(key, "", "must not be empty");
            }
        }
        if version == "v1" && group.is_empty() && text(owner, "kind") == "Event" {
            let message = format!(
                "Invalid value: {}: {group}/{version}, Kind=Event is disallowed from being an owner",
                owner_text(owner)
            );
            faults.push(FieldError::new("FieldValueInvalid", FIELD, message));
        }
        if owner["controller"] == true {
            match controller {
                Some(first) => {
                    let list: Vec<String> = owners.iter().map(owner_text).collect();
                    let message = format!(
                        "Invalid value: [{}]: Only one reference can have Controller set to true. Found \"true\" in \
                         references for {}/{} and {}/{}",
                        list.join(","),
                        text(first, "kind"),
                        text(first, "name"),
                        text(owner, "kind"),
                        text(owner, "name"),
                    );
                    faults.push(FieldError::new("FieldValueInvalid", FIELD, message));
                }
                None => controller = Some(owner),
            }
        }
    }
    faults
}

/// Group and version of an `apiVersion`; both empty if it is malformed.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    match api_version.split_once('/') {
        None => ("", api_version),
        Some((group, version)) if !version.contains('/') => (group, version),
        Some(_) => ("", ""),
    }
}

fn validate_finalizers(metadata: &Value) -> Vec<FieldError> {
    const FIELD: &str = "metadata.finalizers";
    let mut faults = Vec::new();
    let (mut orphan, mut foreground) = (false, false);
    for finalizer in items(metadata, "finalizers") {
        let name = finalizer.as_str().unwrap_or_default();
        let why = qualified_name_faults(name);
        faults.extend(
            why.into_iter()
                .map(|why| FieldError::invalid_text(FIELD, name, why)),
        );
        orphan |= name == "orphan";
        foreground |= name == "foregroundDeletion";
    }
    if orphan && foreground {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        let list: Vec<String> = items(metadata, "finalizers")
            .iter()
            .map(Value::to_string)
            .collect();
        let message = format!("Invalid value: [{}]: {why}", list.join(","));
        faults.push(FieldError::new("FieldValueInvalid", FIELD, message));
    }
    faults
}

/// Faults of a change of metadata.
pub fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if old["deletionTimestamp"].is_string() {
        let known: BTreeSet<&str> = items(old, "finalizers")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut added: Vec<&str> = items(new, "finalizers")
            .iter()
            .filter_map(Value::as_str)
            .filter(|x| !known.contains(x))
            .collect();
        added.sort_unstable();
        added.dedup();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|x| quoted(x)).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            faults.push(FieldError::forbidden("metadata.finalizers", why));
        }
    }
    if text(new, "resourceVersion").is_empty() {
        faults.push(FieldError::invalid_text(
            "metadata.resourceVersion",
            "",
            "must be specified for an update",
        ));
    }
    if new["generation"].as_i64().unwrap_or_default()
        < old["generation"].as_i64().unwrap_or_default()
    {
        faults.push(FieldError::invalid(
            "metadata.generation",
            &new["generation"],
            "must not be decremented",
        ));
    }
    for key in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        if new[key] != old[key] {
            faults.push(FieldError::invalid(
                format!("metadata.{key}"),
                &new[key],
                "field is immutable",
            ));
        }
    }
    faults.extend(validate_maps(new));
    faults
}

/// Changes the `metadata` of an object; it is made if it is absent.
pub fn edit<R: Default>(
    object: &mut Value,
    change: impl FnOnce(&mut Map<String, Value>) -> R,
) -> R {
    let Some(object) = object.as_object_mut() else {
        return R::default();
    };
    // Nearly always there: then its name need not be made.
    if !object.get("metadata").is_some_and(Value::is_object) {
        object.insert("metadata".to_owned(), Value::Object(Map::new()));
    }
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    metadata.map(change).unwrap_or_default()
}

/// Drops what typed metadata does not print: nulls, empty maps and lists. An empty list of managers stays: it tells
/// the server to forget them.
pub fn drop_empty(object: &mut Value) {
    edit(object, |metadata| {
        metadata.retain(|key, value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty() || key == "managedFields",
            Value::Object(map) => !map.is_empty(),
            _ => true,
        });
    });
}

/// Sets a text of the `metadata`; an empty one removes it.
pub fn set_text(object: &mut Value, key: &str, text: &str) {
    let value = if text.is_empty() {
        Value::Null
    } else {
        text.into()
    };
    edit(object, |metadata| set(metadata, key, value));
}

/// Sets or removes a key: `Null` removes.
pub fn set(metadata: &mut Map<String, Value>, key: &str, value: Value) {
    if value.is_null() {
        metadata.remove(key);
    } else {
        metadata.insert(key.to_owned(), value);
    }
}

/// A time as `metadata` shows it: whole seconds, UTC.
pub fn rfc3339(time: Timestamp) -> String {
    let time = Offset::UTC.to_datetime(time);
    let (date, clock) = (time.date(), time.time());
    // It is written with each write, several times: digit by digit is a tenth of the work of a format.
    let mut text = String::with_capacity(20);
    let year = date.year();
    if year < 0 {
        text.push('-');
    }
    let pair = |number: i16| i8::try_from(number).unwrap_or_default();
    let parts = [
        (pair(year / 100), None),
        (pair(year % 100), Some('-')),
        (date.month(), Some('-')),
        (date.day(), Some('T')),
        (clock.hour(), Some(':')),
        (clock.minute(), Some(':')),
        (clock.second(), Some('Z')),
    ];
    for (number, after) in parts {
        let number = number.unsigned_abs();
        text.push(char::from(b'0' + number / 10));
        text.push(char::from(b'0' + number % 10));
        text.extend(after);
    }
    text
}

/// A time with microseconds, as leases and events show it.
pub fn rfc3339_micro(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The letters of generated names: no vowels and nothing that looks alike.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name from a prefix: cut so that the whole has at most 63 characters, five letters of a random number behind it.
pub fn generate_name(mut random: u64, prefix: &str) -> String {
    let mut name: String = prefix.chars().take(58).collect();
    for _ in 0..5 {
        let at = usize::try_from(random % LETTERS.len() as u64).unwrap_or_default();
        name.push(LETTERS.get(at).copied().map_or('x', char::from));
        random /= LETTERS.len() as u64;
    }
    name
}

/// Drops repeated owners; the uids of those that were repeated.
pub fn dedup_owners(object: &mut Value) -> Vec<String> {
    let Some(owners) = object["metadata"]
        .get_mut("ownerReferences")
        .and_then(Value::as_array_mut)
    else {
        return Vec::new();
    };
    if owners.len() < 2 {
        return Vec::new();
    }
    let (mut known, mut repeated) = (HashSet::new(), Vec::new());
    owners.retain(|owner| {
        let fresh = known.insert(owner.to_string());
        if !fresh {
            repeated.push(text(owner, "uid").to_owned());
        }
        fresh
    });
    repeated.sort();
    repeated.dedup();
    repeated
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONFIG_MAP: MetadataRules = MetadataRules {
        name: NameRule::Subdomain,
        namespaced: true,
        qualified_finalizers: true,
    };

    fn messages(metadata: &Value) -> Vec<String> {
        validate(metadata, CONFIG_MAP)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn times_are_written_in_whole_seconds() {
        for text in [
            "0001-02-03T04:05:06Z",
            "1970-01-01T00:00:00Z",
            "2036-12-31T23:59:59Z",
            "9999-12-30T10:20:30Z",
        ] {
            assert_eq!(rfc3339(text.parse().expect("a time")), text);
        }
    }

    #[test]
    fn names() {
        assert!(messages(&json!({"name": "0.ok.1", "namespace": "n"})).is_empty());
        for bad in ["Bad_Name", "-x", "a..b", "a/b", "ünicode", "x-"] {
            assert_eq!(
                messages(&json!({"name": bad, "namespace": "n"})).len(),
                1,
                "{bad}"
            );
        }
        assert!(messages(&json!({"name": "a", "generateName": "a-", "namespace": "n"})).is_empty());
    }

    #[test]
    fn finalizers() {
        let plain = json!({"name": "a", "namespace": "n", "finalizers": ["plain"]});
        assert_eq!(
            messages(&plain),
            [
                "metadata.finalizers[0]: Invalid value: \"plain\": name is neither a standard finalizer name nor is it fully qualified"
            ]
        );
    }

    #[test]
    fn owners() {
        let owner = json!({"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u1"});
        assert_eq!(
            messages(&json!({"name": "a", "namespace": "n", "ownerReferences": [owner]})),
            [
                "metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"e\",\"uid\":\"u1\"}: /v1, Kind=Event is disallowed from being an owner"
            ]
        );
    }
}
