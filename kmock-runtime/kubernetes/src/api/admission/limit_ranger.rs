//! LimitRanger: containers get the defaults of their namespace, and nothing may be beyond its limits.
//!
//! Rules: `plugin/pkg/admission/limitranger`. What is refused is told by [`limit_ranges`].

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::kinds::builtin::limit_ranges;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::{
    JsonObject, child, each, is_set, items, members, section, text,
};
use crate::model::status::ApiError;

pub(super) struct LimitRanger;

impl Plugin for LimitRanger {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if (asked.creates() || resizes(asked)) && asked.is_core("pods") {
            fill_in(asked, object);
        }
        Ok(())
    }

    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let old = asked.old.unwrap_or(&Value::Null);
        let is_going = old["metadata"]["deletionTimestamp"].is_string();
        let limited = (asked.creates() || resizes(asked) && !is_going) && asked.is_core("pods")
            || (asked.creates() || asked.updates())
                && asked.is_core("persistentvolumeclaims")
                && !is_going;
        if !limited {
            return Ok(());
        }
        for range in asked.all("", "limitranges", asked.namespace()) {
            if let Some(why) = limit_ranges::refusal(&range, asked.kind, object) {
                return Err(asked.forbidden(Some(object), why));
            }
        }
        Ok(())
    }
}

/// Whether a Pod is resized in place.
fn resizes(asked: &Attributes<'_>) -> bool {
    asked.operation == Operation::Update && asked.subresource() == "resize"
}

/// Containers get the requests and limits of their namespace's limit ranges, and an annotation tells so.
fn fill_in(asked: &Attributes<'_>, object: &mut Value) {
    let ranges = asked.all("", "limitranges", asked.namespace());
    if ranges.is_empty() {
        return;
    }
    let (mut limits, mut requests) = (JsonObject::new(), JsonObject::new());
    for range in &ranges {
        for item in items(range, &["spec", "limits"])
            .iter()
            .filter(|item| text(item, &["type"]) == "Container")
        {
            for (target, from) in [(&mut limits, "default"), (&mut requests, "defaultRequest")] {
                for (key, value) in members(item, &[from]) {
                    target.insert(key.to_owned(), value.clone());
                }
            }
        }
    }
    let mut told = Vec::new();
    let spec = section(object, "spec");
    for (list, word) in [
        ("containers", "container"),
        ("initContainers", "init container"),
    ] {
        for container in each(spec, list) {
            let name = container
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let resources = child(container, "resources");
            for (what, defaults, noun) in [
                ("requests", &requests, "request"),
                ("limits", &limits, "limit"),
            ] {
                let mut set: Vec<&str> = Vec::new();
                for (key, value) in defaults
                    .iter()
                    .filter(|(_, v)| v.as_str().is_some_and(|q| Quantity::parse(q).is_ok()))
                {
                    let given = resources.get(what).is_some_and(|map| is_set(map, &[key]));
                    if !given {
                        child(resources, what).insert(key.clone(), value.clone());
                        set.push(key);
                    }
                }
                if !set.is_empty() {
                    set.sort_unstable();
                    told.push(format!("{} {noun} for {word} {name}", set.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        let metadata = section(object, "metadata");
        let note = format!("LimitRanger plugin set: {}", told.join("; "));
        child(metadata, "annotations").insert("kubernetes.io/limit-ranger".into(), note.into());
    }
}
