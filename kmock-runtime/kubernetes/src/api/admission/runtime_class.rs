//! RuntimeClass: the overhead and the scheduling of a Pod's runtime become the Pod's.
//!
//! Rules: `plugin/pkg/admission/runtimeclass`, `pkg/util/tolerations`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::{at, child, int, is_set, items, members, section, text};
use crate::model::status::{ApiError, quoted};

const NO_MATCH: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

pub(super) struct RuntimeClass;

impl Plugin for RuntimeClass {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let Some(class) = class_of(asked, object)? else {
            return Ok(());
        };
        let overhead = at(&class, &["overhead", "podFixed"]);
        if !members(overhead, &[]).is_empty() {
            let own = at(object, &["spec", "overhead"]);
            if !members(own, &[]).is_empty() && own != overhead {
                return Err(asked.forbidden(Some(object), NO_MATCH));
            }
            section(object, "spec").insert("overhead".into(), overhead.clone());
        }
        for (key, value) in members(&class, &["scheduling", "nodeSelector"]) {
            let wanted = value.as_str().unwrap_or_default();
            let own = at(object, &["spec", "nodeSelector", key]).as_str();
            if let Some(own) = own.filter(|own| *own != wanted) {
                let why = format!(
                    "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {own}"
                );
                return Err(asked.forbidden(Some(object), why));
            }
            child(section(object, "spec"), "nodeSelector").insert(key.to_owned(), value.clone());
        }
        if at(&class, &["scheduling"]).is_object() {
            let own = items(object, &["spec", "tolerations"]);
            let merged = merged(own, items(&class, &["scheduling", "tolerations"]));
            if !merged.is_empty() {
                section(object, "spec").insert("tolerations".into(), json!(merged));
            }
        }
        Ok(())
    }

    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.creates() || !asked.is_core("pods") {
            return Ok(());
        }
        let class = class_of(asked, object)?.unwrap_or_default();
        let own = at(object, &["spec", "overhead"]);
        let overhead = at(&class, &["overhead", "podFixed"]);
        if is_set(&class, &["overhead"]) {
            let same = own == overhead || members(own, &[]) == members(overhead, &[]);
            return if same {
                Ok(())
            } else {
                Err(asked.forbidden(Some(object), NO_MATCH))
            };
        }
        if members(own, &[]).is_empty() {
            return Ok(());
        }
        let why =
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
        Err(asked.forbidden(Some(object), why))
    }
}

fn class_of(asked: &Attributes<'_>, object: &Value) -> Result<Option<Arc<Value>>, ApiError> {
    let named = asked.creates() && asked.is_core("pods");
    let Some(name) = at(object, &["spec", "runtimeClassName"])
        .as_str()
        .filter(|_| named)
    else {
        return Ok(None);
    };
    match asked.find("node.k8s.io", "runtimeclasses", name) {
        Some(class) => Ok(Some(class)),
        None => {
            let why = format!("pod rejected: RuntimeClass {} not found", quoted(name));
            Err(asked.forbidden(Some(object), why))
        }
    }
}

/// Both lists, without what the rest tolerates anyway.
fn merged(first: &[Value], second: &[Value]) -> Vec<Value> {
    let all: Vec<&Value> = first.iter().chain(second).collect();
    let mut out: Vec<Value> = Vec::new();
    for (index, toleration) in all.iter().enumerate() {
        let later = all.get(index + 1..).unwrap_or_default();
        let redundant = out.iter().any(|known| covers(known, toleration))
            || later
                .iter()
                .any(|other| other != toleration && covers(other, toleration));
        if !redundant {
            out.push((*toleration).clone());
        }
    }
    out
}

/// Whether one toleration tolerates all that another one does.
fn covers(wide: &Value, narrow: &Value) -> bool {
    if wide == narrow {
        return true;
    }
    let operator = |toleration| match text(toleration, &["operator"]) {
        "" => "Equal",
        operator => operator,
    };
    let key = |toleration| text(toleration, &["key"]);
    let effect = |toleration| text(toleration, &["effect"]);
    let any_key = key(wide).is_empty() && operator(wide) == "Exists";
    if key(wide) != key(narrow) && !any_key {
        return false;
    }
    if effect(wide) != effect(narrow) && !effect(wide).is_empty() {
        return false;
    }
    let bound = ["tolerationSeconds"];
    if effect(wide) == "NoExecute"
        && is_set(wide, &bound)
        && (!is_set(narrow, &bound) || int(narrow, &bound) > int(wide, &bound))
    {
        return false;
    }
    match operator(wide) {
        "Equal" => {
            operator(narrow) == "Equal" && text(narrow, &["value"]) == text(wide, &["value"])
        }
        "Exists" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_of_both_sides_are_merged_without_what_is_covered() {
        let exists = json!({"key": "a", "operator": "Exists"});
        let equal = json!({"key": "a", "operator": "Equal", "value": "x"});
        let other = json!({"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5});
        let longer = json!({"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9});
        let list = |items: &[&Value]| items.iter().map(|x| (*x).clone()).collect::<Vec<_>>();
        assert_eq!(
            merged(&list(&[&equal]), &list(&[&exists])),
            list(&[&exists])
        );
        assert_eq!(
            merged(&list(&[&exists]), &list(&[&equal])),
            list(&[&exists])
        );
        assert_eq!(
            merged(&list(&[&other]), &list(&[&longer])),
            list(&[&longer])
        );
        assert_eq!(
            merged(&list(&[&other]), &list(&[&exists])),
            list(&[&other, &exists])
        );
    }
}
