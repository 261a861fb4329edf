//! NodeDeclaredFeatureValidator: a Pod on a node changes as far as its kubelet says that it can follow.
//!
//! Rules: `plugin/pkg/admission/nodedeclaredfeatures`, `InferForUpdate` of `component-helpers/nodedeclaredfeatures`.

use serde_json::Value;

use super::{Attributes, Plugin};
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
        let node = asked.changed_on_node(object);
        let node = node.filter(|_| matches!(asked.subresource(), "" | "resize"));
        let (Some(node), Some(old)) = (node, asked.old) else {
            return Ok(());
        };
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
    let init = ["spec", "initContainers"];
    let mut both = items(old, &init).iter().zip(items(new, &init));
    let grows = both.any(|(old, new)| {
        text(old, &["restartPolicy"]) != "Always" && old["resources"] != new["resources"]
    });
    if grows {
        wanted.push("InPlacePodVerticalScalingInitContainers");
    }
    wanted
}
