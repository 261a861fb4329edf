//! DefaultTolerationSeconds: Pods stay on failing nodes for a while, unless they say otherwise.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::{items, section, text};
use crate::model::status::ApiError;

pub(super) struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !(asked.creates() || asked.updates()) || !asked.is_core("pods") {
            return Ok(());
        }
        for key in [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ] {
            let covers = |toleration: &Value| {
                let (own, effect) = (text(toleration, &["key"]), text(toleration, &["effect"]));
                (own.is_empty() || own == key) && (effect.is_empty() || effect == "NoExecute")
            };
            if items(object, &["spec", "tolerations"]).iter().any(covers) {
                continue;
            }
            let list = section(object, "spec")
                .entry("tolerations")
                .or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
        Ok(())
    }
}
