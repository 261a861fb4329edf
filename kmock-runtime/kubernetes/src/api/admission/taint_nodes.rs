//! TaintNodesByCondition: a new node is not ready until somebody says so.

use serde_json::{Value, json};

use super::{Attributes, Plugin};
use crate::kinds::builtin::values::{section, text};
use crate::model::status::ApiError;

const NOT_READY: &str = "node.kubernetes.io/not-ready";

pub(super) struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !asked.creates() || !asked.is_core("nodes") {
            return Ok(());
        }
        let taints = section(object, "spec")
            .entry("taints")
            .or_insert_with(|| json!([]));
        let is_there = |taint: &Value| {
            text(taint, &["key"]) == NOT_READY && text(taint, &["effect"]) == "NoSchedule"
        };
        if let Value::Array(taints) = taints
            && !taints.iter().any(is_there)
        {
            taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
        }
        Ok(())
    }
}
