//! NodeDeclaredFeatureValidator: a Pod on a node changes as far as its kubelet says that it can follow.
//!
//! Rules: `plugin/pkg/admission/nodedeclaredfeatures`, `InferForUpdate` of `component-helpers/nodedeclaredfeatures`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::kinds::builtin::values::{at, items, text};
use crate::model::status::{ApiError, quoted};

pub(super) struct NodeDeclaredFeatureValidator;

impl Plugin for NodeDeclaredFeatureValidator {
    fn validate(
        &self,
        asked: &Attributes<'_>,
        object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let changes =
            asked.operation == Operation::Update && matches!(asked.subresource(), "" | "resize");
        let node = text(object, &["spec", "nodeName"]);
        let Some(old) = asked.old.filter(|_| changes && asked.is_core("pods")) else {
            return Ok(());
        };
        let generation = |object: &Value| object["metadata"]["generation"].clone();
        if node.is_empty() || generation(old) == generation(object) {
            return Ok(());
        }
        let wanted = wanted(old, object);
        if wanted.is_empty() {
            return Ok(());
        }
        let refuse = |why: String| Err(asked.forbidden(Some(object), why));
        let Some(found) = asked.find("", "nodes", node) else {
            return refuse(format!("node {} not found", quoted(node)));
        };
        let declared = items(&found, &["status", "declaredFeatures"]);
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|feature| !declared.iter().any(|one| one == feature))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        refuse(format!(
            "pod update requires features {} which are not available on node {}",
            missing.join(", "),
            quoted(node)
        ))
    }
}

/// What a kubelet must be able to do for a change, in the order of names.
fn wanted(old: &Value, new: &Value) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    let of_pod = ["spec", "resources"];
    if at(old, &of_pod) != at(new, &of_pod) {
        wanted.push("InPlacePodLevelResourcesVerticalScaling");
    }
    let init = |pod: &Value| items(pod, &["spec", "initContainers"]).to_vec();
    let grows = init(old).iter().zip(init(new)).any(|(old, new)| {
        text(old, &["restartPolicy"]) != "Always" && old["resources"] != new["resources"]
    });
    if grows {
        wanted.push("InPlacePodVerticalScalingInitContainers");
    }
    wanted
}
