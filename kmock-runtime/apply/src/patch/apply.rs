//! Server-side apply: what the API server checks around the merge of field sets, and the upgrade of objects that
//! kubectl applied from its own side.

use std::fmt;

use serde_json::Value;

use crate::fields::{self, ApplyError, Conflict, Set, Write};

/// Where kubectl keeps what it applied from its own side.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// All annotations of an object together may not be larger.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The manager whose applies continue what kubectl applied from its own side.
const KUBECTL: &str = "kubectl";

/// Why a configuration was not applied; its text is the API server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyFault {
    /// The configuration is not one that may be applied to an object of the kind.
    Refused(String),
    /// Others own fields with other values, and the apply was not forced.
    Conflicts(Vec<Conflict>),
    /// The configuration, the object or what it says about its managers does not conform to the schema.
    Failed(String),
}

impl fmt::Display for ApplyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyFault::Refused(why) | ApplyFault::Failed(why) => f.write_str(why),
            ApplyFault::Conflicts(conflicts) => f.write_str(&conflict_text(conflicts)),
        }
    }
}

impl std::error::Error for ApplyFault {}

/// Applies a configuration to an object of that kind: the object with its new managers, before defaults.
///
/// `live` is the object as it is, `None` to create it; `force` takes fields from others.
///
/// ```
/// use kmock_apply::Schema;
/// use kmock_apply::fields::Write;
/// use kmock_apply::patch::apply::apply;
/// use serde_json::json;
///
/// let schema = Schema::of_kind("", "v1", "ConfigMap").expect("a built-in kind").into();
/// let config = |value: &str| json!({
///     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"key": value},
/// });
/// let write = |manager| Write::new(manager, "v1", &schema, "2026-01-01T00:00:00Z");
///
/// let live = apply(None, &config("1"), "ConfigMap", false, &write("first"))?;
/// let fault = apply(Some(&live), &config("2"), "ConfigMap", false, &write("second")).unwrap_err();
/// assert_eq!(fault.to_string(), r#"Apply failed with 1 conflict: conflict with "first": .data.key"#);
///
/// let live = apply(Some(&live), &config("2"), "ConfigMap", true, &write("second"))?;
/// assert_eq!(live["data"]["key"], "2");
/// # Ok::<(), kmock_apply::patch::apply::ApplyFault>(())
/// ```
pub fn apply(
    live: Option<&Value>,
    config: &Value,
    kind: &str,
    force: bool,
    write: &Write<'_>,
) -> Result<Value, ApplyFault> {
    let sent = GroupVersionKind::of(config);
    let expected = GroupVersionKind::new(write.version, kind);
    // Managers that cannot be read come first, but objects with such cannot be stored.
    if sent != expected {
        return Err(ApplyFault::Refused(format!("invalid object type: {sent}")));
    }
    if config
        .get("metadata")
        .and_then(|metadata| metadata.get("managedFields"))
        .is_some_and(Value::is_array)
    {
        return Err(ApplyFault::Refused(
            "metadata.managedFields must be nil".into(),
        ));
    }
    let failed = |error: ApplyError| failure(error, config, live, &sent);
    let applied = match fields::apply(live, config, force, write) {
        Err(ApplyError::Conflicts(conflicts)) if write.manager == KUBECTL => {
            let allowed = live
                .and_then(|live| last_applied_fields(live, write))
                .unwrap_or_default();
            let left: Vec<Conflict> = conflicts
                .into_iter()
                .filter(|conflict| !allowed.has(&conflict.path))
                .collect();
            if !left.is_empty() {
                return Err(ApplyFault::Conflicts(left));
            }
            fields::apply(live, config, true, write)
        }
        result => result,
    };
    let mut applied = applied.map_err(failed)?;
    if write.manager == KUBECTL {
        keep_last_applied(&mut applied, config);
    }
    Ok(applied)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

impl GroupVersionKind {
    fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    fn of(object: &Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").matches('/').count() > 1 {
            return Self::new("", "");
        }
        Self::new(text("apiVersion"), text("kind"))
    }
}

impl fmt::Display for GroupVersionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

fn failure(
    error: ApplyError,
    config: &Value,
    live: Option<&Value>,
    kind: &GroupVersionKind,
) -> ApplyFault {
    let named = |object: &Value| {
        let text = |name: &str| {
            object
                .get("metadata")
                .and_then(|m| m.get(name))
                .and_then(Value::as_str)
        };
        format!(
            "{}/{}; {kind}",
            text("namespace").unwrap_or_default(),
            text("name").unwrap_or_default()
        )
    };
    ApplyFault::Failed(match error {
        ApplyError::Conflicts(conflicts) => return ApplyFault::Conflicts(conflicts),
        ApplyError::Managers(why) => format!("failed to decode managed fields: {why}"),
        ApplyError::Config(why) => format!(
            "failed to create typed patch object ({}): {why}",
            named(config)
        ),
        ApplyError::Live(why) => {
            format!(
                "failed to create typed live object ({}): {why}",
                named(live.unwrap_or(&Value::Null))
            )
        }
        ApplyError::Version(why) => why,
        ApplyError::Merge(why) => format!("failed to merge config: {why}"),
    })
}

/// It names fields and managers, never the object.
fn conflict_text(conflicts: &[Conflict]) -> String {
    match conflicts {
        [only] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            only.manager,
            only.field()
        ),
        many => {
            let mut lines = Vec::new();
            let mut last = None;
            // The conflicts of one manager stand together.
            for conflict in many {
                if last != Some(&conflict.manager) {
                    lines.push(format!("conflicts with {}:", conflict.manager));
                    last = Some(&conflict.manager);
                }
                lines.push(format!("- {}", conflict.field()));
            }
            format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                lines.join("\n")
            )
        }
    }
}

fn last_applied(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(LAST_APPLIED)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// The fields that kubectl applied from its own side and that still are as it left them: those it may take over.
fn last_applied_fields(live: &Value, write: &Write<'_>) -> Option<Set> {
    let last: Value = serde_json::from_str(last_applied(live)?).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(write.version) {
        return None;
    }
    fields::validate(write.schema, live, false).ok()?;
    fields::validate(write.schema, &last, false).ok()?;
    let changed = fields::compare(write.schema, &last, live).ok()?;
    let mentioned = fields::to_set(write.schema, &last);
    Some(
        mentioned
            .difference(&changed.modified)
            .difference(&changed.added)
            .difference(&changed.removed),
    )
}

/// Keeps the annotation of kubectl's own side in step, where there is one.
fn keep_last_applied(applied: &mut Value, config: &Value) {
    if last_applied(applied).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config
        .get_mut("metadata")
        .and_then(|m| m.get_mut("annotations"))
    {
        annotations.remove(LAST_APPLIED);
    }
    let text = format!("{}\n", sorted_json(&config));
    let Some(Value::Object(annotations)) = applied
        .get_mut("metadata")
        .and_then(|m| m.get_mut("annotations"))
    else {
        return;
    };
    annotations.insert(LAST_APPLIED.into(), text.into());
    let size = annotations
        .iter()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum::<usize>();
    if size > MAX_ANNOTATIONS {
        annotations.remove(LAST_APPLIED);
    }
}

/// JSON with sorted keys and without markup, as Go writes it.
fn sorted_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| {
                    format!(
                        "{}:{}",
                        sorted_json(&key.as_str().into()),
                        sorted_json(value)
                    )
                })
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(sorted_json).collect::<Vec<_>>().join(",")
        ),
        scalar => scalar
            .to_string()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{Schema, SchemaRef};

    fn config(metadata: Value, data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    }

    fn applied(live: Option<&Value>, config: &Value, manager: &str) -> Result<Value, ApplyFault> {
        let schema: SchemaRef = Schema::of_kind("", "v1", "ConfigMap")
            .expect("ConfigMap")
            .into();
        let write = Write::new(manager, "v1", &schema, "2026-01-01T00:00:00Z");
        apply(live, config, "ConfigMap", false, &write)
    }

    #[test]
    fn conflicts_are_told_in_groups() {
        let name = json!({"name": "m"});
        let live = applied(
            None,
            &config(name.clone(), json!({"a": "1", "b": "1"})),
            "op",
        )
        .expect("applied");
        let error = applied(Some(&live), &config(name.clone(), json!({"a": "2"})), "two")
            .expect_err("conflict");
        assert_eq!(
            error.to_string(),
            "Apply failed with 1 conflict: conflict with \"op\": .data.a"
        );
        let error = applied(
            Some(&live),
            &config(name, json!({"a": "2", "b": "2"})),
            "two",
        )
        .expect_err("conflict");
        assert_eq!(
            error.to_string(),
            "Apply failed with 2 conflicts: conflicts with \"op\":\n- .data.a\n- .data.b"
        );
    }

    #[test]
    fn what_is_refused() {
        let message = |config: Value| {
            applied(None, &config, "op")
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            message(json!({"kind": "ConfigMap"})),
            "invalid object type: /, Kind=ConfigMap"
        );
        assert_eq!(
            message(json!({"apiVersion": "v1", "kind": "Secret"})),
            "invalid object type: /v1, Kind=Secret"
        );
        let managed = config(json!({"name": "m", "managedFields": []}), json!({}));
        assert_eq!(message(managed), "metadata.managedFields must be nil");
        assert_eq!(
            message(config(json!({"name": "m"}), json!({"k": 1}))),
            "failed to create typed patch object (/m; /v1, Kind=ConfigMap): .data.k: expected string, got &value.valueUnstructured{Value:1}"
        );
    }

    #[test]
    fn kubectl_takes_over_what_it_applied_from_its_own_side() {
        let name = json!({"name": "m", "namespace": "n"});
        let last = config(name.clone(), json!({"a": "1"})).to_string();
        let mut live = config(
            json!({"name": "m", "namespace": "n", "annotations": {LAST_APPLIED: last}}),
            json!({"a": "1"}),
        );
        live["metadata"]["managedFields"] = json!([{
            "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
        }]);
        let new = config(name, json!({"a": "2"}));
        assert!(applied(Some(&live), &new, "op").is_err());
        let got = applied(Some(&live), &new, KUBECTL).expect("taken over");
        assert_eq!(got["data"], json!({"a": "2"}));
        let text = "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"2\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\",\"namespace\":\"n\"}}\n";
        assert_eq!(got["metadata"]["annotations"][LAST_APPLIED], text);
    }
}
