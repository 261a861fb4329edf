//! PodTopologyLabels: a Pod that gets a node gets the labels of the node's place.
//!
//! Rules: `plugin/pkg/admission/podtopologylabels`.

use serde_json::Value;

use super::{Attributes, Operation, Plugin};
use crate::kinds::builtin::values::{at, child, section, text};
use crate::model::status::ApiError;

const COPIED: [&str; 2] = [
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
];

pub(super) struct PodTopologyLabels;

impl Plugin for PodTopologyLabels {
    fn admit(
        &self,
        asked: &Attributes<'_>,
        object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if asked.operation != Operation::Create || !asked.is_core("pods") {
            return Ok(());
        }
        let node = match asked.subresource() {
            "" => text(object, &["spec", "nodeName"]),
            "binding" => text(object, &["target", "name"]),
            _ => "",
        };
        // An unknown node is none of this plugin's business.
        let Some(node) = Some(node)
            .filter(|name| !name.is_empty())
            .and_then(|name| asked.find("", "nodes", name))
        else {
            return Ok(());
        };
        for key in COPIED {
            let label = at(&node, &["metadata", "labels", key]);
            if label.is_string() {
                child(section(object, "metadata"), "labels").insert(key.into(), label.clone());
            }
        }
        Ok(())
    }
}
