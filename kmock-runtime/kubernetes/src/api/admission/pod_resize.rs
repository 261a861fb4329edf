//! PodResizeValidator: a Pod on a node grows as far as the node goes.
//!
//! Rules: `plugin/pkg/admission/podresize`.

use serde_json::Value;

use super::{Attributes, Plugin};
use crate::kinds::builtin::amounts;
use crate::kinds::builtin::quantity::Quantity;
use crate::kinds::builtin::values::text;
use crate::model::status::{ApiError, Cause, quoted};

pub(super) struct PodResizeValidator;

impl Plugin for PodResizeValidator {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let node = asked.changed_on_node(object);
        let Some(node) = node.filter(|_| asked.subresource() == "resize") else {
            return Ok(());
        };
        let Some(found) = asked.find("", "nodes", node) else {
            return Err(asked.forbidden(Some(object), format!("node {} not found", quoted(node))));
        };
        let refuse = |why: String, reason: &str| {
            let mut error = asked.forbidden(Some(object), why);
            if let Some(details) = &mut error.details {
                details.causes.push(Cause {
                    reason: reason.to_owned(),
                    ..Cause::default()
                });
            }
            Err(error)
        };
        let system = text(&found, &["metadata", "labels", "kubernetes.io/os"]);
        if !matches!(system, "" | "linux") {
            let name = quoted(node);
            let why = format!(
                "pod resize is only supported on linux nodes, node {name} is {}",
                quoted(system)
            );
            return refuse(why, "UnsupportedPlatform");
        }
        let wanted = amounts::requests_with_overhead(object);
        let there = amounts::read(&found, &["status", "allocatable"]);
        let nothing = Quantity::whole(0);
        type Shown = fn(&Quantity) -> Option<i64>;
        let resources: [(&str, Shown); 2] =
            [("cpu", Quantity::milli_value), ("memory", Quantity::value)];
        let beyond = resources.iter().filter_map(|(name, shown)| {
            let wanted = wanted.get(*name).unwrap_or(&nothing);
            let there = there.get(*name).unwrap_or(&nothing);
            let shown = |amount: &Quantity| shown(amount).unwrap_or(i64::MAX);
            wanted.compare(there).is_gt().then(|| {
                format!(
                    "{name}, requested: {}, allocatable: {}",
                    shown(wanted),
                    shown(there)
                )
            })
        });
        let beyond: Vec<String> = beyond.collect();
        if beyond.is_empty() {
            return Ok(());
        }
        let why = format!(
            "node didn't have enough allocatable resources: {}",
            beyond.join("; ")
        );
        refuse(why, "NodeCapacity")
    }
}
