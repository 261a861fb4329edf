//! Managers of `/scale`: the replicas of an object under another name.
//!
//! `/scale` is an object of its own kind with one field that belongs to another object. Before a write through it
//! the managers of the object's replicas become managers of `.spec.replicas` of the Scale; after it they go back.
//! Entries that come back are new entries of the object, and so have no time.

use serde_json::Value;

use super::element::PathElement;
use super::managers::{Entry, ManagedFields, Origin};
use super::set::Set;

const SCALE_VERSION: &str = "autoscaling/v1";

fn in_scale() -> Set {
    Set::of_names(&[&["spec", "replicas"]])
}

/// The managers that a Scale has: those that own the object's replicas.
///
/// `replicas` gives the path of the replicas in a version of the object.
pub fn scale_to_scale(
    managed_fields: Option<&Value>,
    replicas: &dyn Fn(&str) -> Option<Vec<PathElement>>,
) -> Result<Option<Value>, String> {
    let mut out = ManagedFields::default();
    for entry in ManagedFields::decode(managed_fields)?.entries() {
        if replicas(&entry.version).is_some_and(|path| entry.fields.has(&path)) {
            out.put(Entry {
                version: SCALE_VERSION.into(),
                fields: in_scale(),
                ..entry.clone()
            });
        }
    }
    Ok(out.encode())
}

/// The managers of the object after its Scale was written; `version` is the object's.
pub fn scale_to_object(
    managed_fields: Option<&Value>,
    of_scale: Option<&Value>,
    version: &str,
    replicas: &dyn Fn(&str) -> Option<Vec<PathElement>>,
) -> Result<Option<Value>, String> {
    let mut scale = ManagedFields::decode(of_scale)?;
    let mut out = ManagedFields::default();
    let step = [PathElement::field("spec"), PathElement::field("replicas")];
    for entry in ManagedFields::decode(managed_fields)?.entries() {
        let path = replicas(&entry.version);
        let owned = path.filter(|path| entry.fields.has(path));
        match owned {
            None => out.entries.push(entry.clone()),
            // Untouched: the entry stays as it is. An updater never matches, since the version is part of who
            // it is: its replicas move to an entry of their own.
            Some(_) if scale.take(&entry.manager).is_some() => out.entries.push(entry.clone()),
            Some(path) => {
                let mut stolen = Set::new();
                stolen.insert(&path);
                let fields = entry.fields.difference(&stolen);
                if !fields.is_empty() {
                    out.entries.push(Entry {
                        fields,
                        ..entry.clone()
                    });
                }
            }
        }
    }
    for entry in scale.entries() {
        if !entry.fields.has(&step) {
            continue;
        }
        let mut fields = Set::new();
        fields.insert(&replicas(version).unwrap_or_default());
        let mut manager = entry.manager.clone();
        if !manager.version.is_empty() {
            manager.version = version.into();
        }
        out.entries.push(Entry {
            manager,
            version: version.into(),
            time: None,
            fields,
            origin: Origin::default(),
        });
    }
    Ok(out.encode())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_change_hands() {
        let path = |_: &str| {
            Some(vec![
                PathElement::field("spec"),
                PathElement::field("replicas"),
            ])
        };
        let entry = |manager: &str, version: &str, fields: Value| {
            json!({"manager": manager, "operation": "Update", "apiVersion": version, "time": "2026-01-01T00:00:00Z",
                   "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let object = json!([entry(
            "a",
            "apps/v1",
            json!({"f:spec": {"f:paused": {}, "f:replicas": {}}})
        )]);
        let scale = scale_to_scale(Some(&object), &path)
            .expect("valid")
            .expect("one");
        assert_eq!(scale[0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(scale[0]["apiVersion"], "autoscaling/v1");
        let written = json!([entry(
            "b",
            "autoscaling/v1",
            json!({"f:spec": {"f:replicas": {}}})
        )]);
        let back = scale_to_object(Some(&object), Some(&written), "apps/v1", &path)
            .expect("valid")
            .expect("two");
        assert_eq!(back[0]["manager"], "b");
        assert_eq!(back[0].get("time"), None);
        assert_eq!(back[1]["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
    }
}
