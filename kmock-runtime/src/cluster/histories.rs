//! What became of the objects of a cluster, for reports.

use kmock_kubernetes::{
    Cluster,
    apply::fields::owners,
    internals::state::store::{Change, Event},
};
use serde_json::Value;

use crate::{
    brief::cut,
    journal::{FieldChange, ObjectHistory, ObjectVersion},
};

/// How many objects, versions of each and fields of each version are told.
const OBJECTS: usize = 500;
const VERSIONS: usize = 200;
const FIELDS: usize = 200;

/// The histories of the objects that changed after a revision.
pub(super) fn histories(cluster: &Cluster, after: u64) -> Vec<ObjectHistory> {
    let store = cluster.store();
    let mut all: Vec<ObjectHistory> = Vec::new();
    for resource in store.resources() {
        let first = all.len();
        for event in store.log(&resource) {
            if event.revision <= after {
                continue;
            }
            let name = event.object.key();
            let known = all.iter().skip(first).position(|one| one.name == name);
            let at = match known {
                Some(at) => first + at,
                None if all.len() >= OBJECTS => break,
                None => {
                    all.push(ObjectHistory {
                        resource: resource.to_string(),
                        name: name.to_owned(),
                        versions: Vec::new(),
                        owners: Vec::new(),
                    });
                    all.len() - 1
                }
            };
            if let Some(object) = all.get_mut(at)
                && object.versions.len() < VERSIONS
            {
                object.versions.push(version(&event));
                object.owners = owners(&event.object.value);
            }
        }
    }
    all
}

fn version(event: &Event) -> ObjectVersion {
    let before = event.previous.as_ref().map(|object| &*object.value);
    let after = Some(&*event.object.value);
    let mut fields = Vec::new();
    let (change, fields) = match event.change {
        Change::Added => {
            compare(None, after, &mut Vec::new(), &mut fields);
            ("created", fields)
        }
        Change::Modified => {
            compare(before, after, &mut Vec::new(), &mut fields);
            ("changed", fields)
        }
        Change::Deleted => ("deleted", fields),
    };
    ObjectVersion {
        revision: event.revision,
        change: change.to_owned(),
        request: event.cause,
        by: String::new(),
        manager: manager(before, after),
        fields,
    }
}

/// The manager whose entry in managedFields is new or different.
fn manager(before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let managed = |object: Option<&Value>| -> Vec<Value> {
        object
            .and_then(|object| object.pointer("/metadata/managedFields")?.as_array())
            .cloned()
            .unwrap_or_default()
    };
    let former = managed(before);
    let changed: Vec<Value> = managed(after)
        .into_iter()
        .filter(|entry| !former.contains(entry))
        .collect();
    // Whoever loses fields to another has a different entry, too, but not a later one.
    let later = |entry: &&Value| {
        let same = |key: &str, other: &Value| other.get(key) == entry.get(key);
        !former
            .iter()
            .any(|other| same("manager", other) && same("operation", other) && same("time", other))
    };
    let entry = changed.iter().find(later).or_else(|| changed.first())?;
    Some(entry.get("manager")?.as_str()?.to_owned())
}

/// What nobody wants to see change.
const SILENT: &[&str] = &[".metadata.resourceVersion", ".metadata.managedFields"];

fn compare(
    before: Option<&Value>,
    after: Option<&Value>,
    path: &mut Vec<String>,
    out: &mut Vec<FieldChange>,
) {
    if before == after || out.len() >= FIELDS {
        return;
    }
    let here = path.concat();
    if SILENT.contains(&here.as_str()) {
        return;
    }
    let is_map = |value: Option<&Value>| value.is_none_or(|value| value.is_object());
    let is_list = |value: Option<&Value>| value.is_none_or(|value| value.is_array());
    let filled = |value: Option<&Value>| match value {
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    };
    if is_map(before) && is_map(after) && (filled(before) || filled(after)) {
        let keys = |value: Option<&Value>| -> Vec<String> {
            let map = value.and_then(Value::as_object);
            map.map(|map| map.keys().cloned().collect())
                .unwrap_or_default()
        };
        let mut names = keys(before);
        names.extend(keys(after));
        names.sort();
        names.dedup();
        for name in names {
            let get = |value: Option<&'_ Value>| value.and_then(|value| value.get(&name)).cloned();
            let (b, a) = (get(before), get(after));
            path.push(member(&name));
            compare(b.as_ref(), a.as_ref(), path, out);
            path.pop();
        }
    } else if is_list(before) && is_list(after) && (filled(before) || filled(after)) {
        let length = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
        for index in 0..length(before).max(length(after)) {
            let get = |value: Option<&'_ Value>| value.and_then(|value| value.get(index)).cloned();
            let (b, a) = (get(before), get(after));
            path.push(format!("[{index}]"));
            compare(b.as_ref(), a.as_ref(), path, out);
            path.pop();
        }
    } else {
        let shown = |value: Option<&Value>| value.map(|value| cut(&value.to_string(), 400));
        out.push(FieldChange {
            path: here,
            before: shown(before),
            after: shown(after),
        });
    }
}

fn member(name: &str) -> String {
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain {
        format!(".{name}")
    } else {
        format!("[{name:?}]")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_change_are_named_as_kubectl_does() {
        let before = json!({
            "metadata": {"resourceVersion": "1", "labels": {"a/b": "x"}},
            "spec": {"replicas": 1, "containers": [{"image": "a"}], "gone": {}},
        });
        let after = json!({
            "metadata": {"resourceVersion": "2", "labels": {"a/b": "y"}},
            "spec": {"replicas": 2, "containers": [{"image": "b"}, {"image": "c"}]},
        });
        let mut out = Vec::new();
        compare(Some(&before), Some(&after), &mut Vec::new(), &mut out);
        let lines: Vec<String> = out
            .iter()
            .map(|change| {
                let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                format!(
                    "{}: {} → {}",
                    change.path,
                    or(&change.before),
                    or(&change.after)
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                ".metadata.labels[\"a/b\"]: \"x\" → \"y\"",
                ".spec.containers[0].image: \"a\" → \"b\"",
                ".spec.containers[1].image: - → \"c\"",
                ".spec.gone: {} → -",
                ".spec.replicas: 1 → 2",
            ]
        );
    }
}
