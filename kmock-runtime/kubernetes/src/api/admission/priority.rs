//! Priority: the class of a Pod becomes its number, and at most one class is the default.
//!
//! Rules: `plugin/pkg/admission/priority`.

use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::{at, fill, int, is_set, section, text, truth};
use crate::model::status::ApiError;

const GROUP: &str = "scheduling.k8s.io";
const PREEMPTS: &str = "PreemptLowerPriority";

pub(super) struct Priority;

impl Plugin for Priority {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.is_core("pods") {
            return Ok(());
        }
        if asked.creates() {
            return compute(asked, object);
        }
        if let (true, Some(old)) = (asked.updates(), asked.old) {
            // A writer that never knew the computed priority keeps it.
            let spec = section(object, "spec");
            for key in ["priority", "preemptionPolicy"] {
                if is_set(old, &["spec", key]) {
                    fill(spec, key, at(old, &["spec", key]).clone());
                }
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
        let writes = asked.creates() || asked.updates();
        if !writes || !asked.is(GROUP, "priorityclasses") || !truth(object, &["globalDefault"]) {
            return Ok(());
        }
        let Some(default) = default_class(asked) else {
            return Ok(());
        };
        let name = text(&default, &["metadata", "name"]);
        if asked.updates() && name == text(object, &["metadata", "name"]) {
            return Ok(());
        }
        let why = format!(
            "PriorityClass {name} is already marked as default. Only one default can exist"
        );
        Err(asked.forbidden(Some(object), why))
    }
}

/// The class that is the default; of several the one with the lowest value.
fn default_class(asked: &Attributes<'_>) -> Option<Arc<Value>> {
    let classes = asked.all(GROUP, "priorityclasses", "").into_iter();
    classes
        .filter(|class| truth(class, &["globalDefault"]))
        .min_by_key(|class| int(class, &["value"]))
}

fn compute(asked: &Attributes<'_>, object: &mut Value) -> Result<(), ApiError> {
    let name = text(object, &["spec", "priorityClassName"]).to_owned();
    let class = match name.as_str() {
        "" => default_class(asked),
        name => asked.find(GROUP, "priorityclasses", name),
    };
    let (value, preemption) = match (&class, name.as_str()) {
        (Some(class), _) => (
            int(class, &["value"]),
            text(class, &["preemptionPolicy"]).to_owned(),
        ),
        (None, "") => (0, PREEMPTS.to_owned()),
        (None, "system-node-critical") => (2_000_001_000, PREEMPTS.to_owned()),
        (None, "system-cluster-critical") => (2_000_000_000, PREEMPTS.to_owned()),
        (None, name) => {
            let why = format!("no PriorityClass with name {name} was found");
            return Err(asked.forbidden(Some(object), why));
        }
    };
    let given = at(object, &["spec", "priority"]).as_i64();
    if let Some(given) = given.filter(|given| *given != value) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {value} from the given PriorityClass name"
        );
        return Err(asked.forbidden(Some(object), why));
    }
    let given = text(object, &["spec", "preemptionPolicy"]);
    if !given.is_empty() && !preemption.is_empty() && given != preemption {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
             controller computed {preemption} from the given PriorityClass name"
        );
        return Err(asked.forbidden(Some(object), why));
    }
    let spec = section(object, "spec");
    if let Some(class) = class.filter(|_| name.is_empty()) {
        spec.insert(
            "priorityClassName".into(),
            at(&class, &["metadata", "name"]).clone(),
        );
    }
    spec.insert("priority".into(), value.into());
    let preemption = if preemption.is_empty() {
        PREEMPTS
    } else {
        &preemption
    };
    fill(spec, "preemptionPolicy", preemption);
    Ok(())
}
