//! Runtime classes: the handler of their pods, what it costs and where it is.

use serde_json::{Value, json};

use super::pods;
use super::rules::{Faults, labels, named};
use crate::kinds::builtin::internal_form::internal_json;
use crate::kinds::builtin::values::{at, items, text};
use crate::model::meta::label_faults;
use crate::model::status::FieldError;

/// Faults of a new runtime class.
pub(in crate::kinds::builtin) fn runtime_class(faults: &mut Faults, object: &Value) {
    named(faults, "handler", text(object, &["handler"]), label_faults);
    let fixed = at(object, &["overhead", "podFixed"]);
    if fixed.is_object() {
        // It is read as limits of a container, and told as such.
        pods::requirements(faults, &json!({ "limits": fixed }), "overhead", &[]);
    }
    let scheduling = at(object, &["scheduling"]);
    let selector = at(scheduling, &["nodeSelector"]);
    labels(faults, "scheduling.nodeSelector", selector);
    pods::tolerations(faults, scheduling, "scheduling.tolerations");
    let list = items(scheduling, &["tolerations"]);
    let key = |toleration: &Value| {
        ["key", "operator", "value", "effect"].map(|key| text(toleration, &[key]).to_owned())
    };
    for (i, toleration) in list.iter().enumerate() {
        if list
            .iter()
            .take(i)
            .any(|earlier| key(earlier) == key(toleration))
        {
            let shown = internal_json("core.v1.Toleration", toleration);
            faults.push(FieldError::new(
                "FieldValueDuplicate",
                format!("scheduling.tolerations[{i}]"),
                format!("Duplicate value: {shown}"),
            ));
        }
    }
}
