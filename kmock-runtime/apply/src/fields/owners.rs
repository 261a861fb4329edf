//! Who owns which fields, for people: `op: spec.replicas, spec.template…`.

use serde_json::Value;

use super::element::PathElement;
use super::managers::{ManagedFields, Operation};
use super::set::Set;

/// How many fields a line names before it leaves the rest out.
const MOST: usize = 8;

/// One line for each manager of an object, e.g. `owned by op: spec.replicas, spec.template…`.
///
/// Operations other than a plain apply are told, and so are subresources: `owned by ctl (update of status): status.phase`.
/// Where a manager owns much below one field, the field stands for it, with `…`.
pub fn owners(object: &Value) -> Vec<String> {
    let said = object
        .get("metadata")
        .and_then(|metadata| metadata.get("managedFields"));
    let Ok(managed) = ManagedFields::decode(said) else {
        return Vec::new();
    };
    let mut entries: Vec<_> = managed.entries().iter().collect();
    entries.sort_by(|a, b| {
        (a.manager.operation, &a.manager.name).cmp(&(b.manager.operation, &b.manager.name))
    });
    entries
        .into_iter()
        .map(|entry| {
            let manager = &entry.manager;
            let how = match (manager.operation, manager.subresource.as_str()) {
                (Operation::Apply, "") => String::new(),
                (Operation::Apply, subresource) => format!(" (apply of {subresource})"),
                (Operation::Update, "") => " (update)".into(),
                (Operation::Update, subresource) => format!(" (update of {subresource})"),
            };
            let mut fields = Vec::new();
            name_fields(&entry.fields, "", 0, &mut fields);
            if fields.len() > MOST {
                fields.truncate(MOST);
                fields.push("…".into());
            }
            format!("owned by {}{how}: {}", manager.name, fields.join(", "))
        })
        .collect()
}

fn name_fields(set: &Set, prefix: &str, depth: usize, out: &mut Vec<String>) {
    for step in set.members() {
        if set.below(step).is_none() {
            out.push(join(prefix, step));
        }
    }
    for (step, below) in set.children() {
        let path = join(prefix, step);
        // A few fields are named one by one, a whole subtree by its root.
        if depth >= 1 && below.len() > 3 {
            out.push(format!("{path}…"));
        } else {
            name_fields(below, &path, depth + 1, out);
        }
    }
    out.sort();
}

fn join(prefix: &str, step: &PathElement) -> String {
    let step = step.to_string();
    if prefix.is_empty() {
        step.trim_start_matches('.').to_owned()
    } else {
        format!("{prefix}{step}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_for_each_manager() {
        let entry = |manager: &str, operation: &str, subresource: &str, fields: Value| {
            json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                   "subresource": subresource, "fieldsV1": fields})
        };
        let object = json!({"metadata": {"managedFields": [
            entry("op", "Apply", "", json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"c\"}": {".": {}, "f:name": {}, "f:image": {}}}, "f:priority": {}}}}})),
            entry("ctl", "Update", "status", json!({"f:status": {"f:conditions": {"k:{\"type\":\"Ready\"}": {"f:status": {}}}}})),
        ]}});
        assert_eq!(
            owners(&object),
            [
                "owned by op: spec.replicas, spec.template…",
                r#"owned by ctl (update of status): status.conditions[type="Ready"].status"#,
            ]
        );
    }
}
