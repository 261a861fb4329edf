//! The claims of a Pod, as its node matters to them: volumes that are bound already, volumes that would be bound, and
//! volumes that a provisioner would make there.
//!
//! Rules: `pkg/scheduler/framework/plugins/volumebinding`.

use std::sync::Arc;

use super::affinity;
use crate::cache::Cache;
use crate::controllers::volumes::{self, SELECTED_NODE};
use crate::json::Json;
use crate::kind::Kind;
use crate::object::{self, items, text};

/// The provisioner of classes whose volumes are made by hand.
const BY_HAND: &str = "kubernetes.io/no-provisioner";

/// All that the claims of a Pod want of its node.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The volumes that are bound; nothing stands for one that is gone.
    bound: Vec<Option<Arc<Json>>>,
    /// The claims that wait for their first consumer, the smallest first, with their classes.
    waiting: Vec<(Arc<Json>, Arc<Json>)>,
    /// The volumes that they could have.
    free: Vec<Arc<Json>>,
}

/// What is done about the claims that wait, once a node is chosen.
pub(crate) enum Choice {
    /// The claim gets a volume that is there.
    Bind(Arc<Json>, Arc<Json>),
    /// Its provisioner is told the node.
    Provision(Arc<Json>),
}

impl Claims {
    /// Those of a Pod; an error names one that is nothing to wait for.
    pub(crate) fn of(pod: &Json, cache: &Cache) -> Result<Claims, String> {
        let mut claims = Claims::default();
        for volume in items(&pod["spec"]["volumes"]) {
            let name = match volume["persistentVolumeClaim"]["claimName"].as_str() {
                Some(name) => name.to_owned(),
                None if volume["ephemeral"].is_object() => {
                    format!("{}-{}", object::name(pod), text(&volume["name"]))
                }
                None => continue,
            };
            let Some(claim) = cache.find(Kind::Claims, object::namespace(pod), &name) else {
                return Err(format!("persistentvolumeclaim \"{name}\" not found"));
            };
            if object::is_deleting(claim) {
                return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
            }
            if volumes::is_bound(claim) {
                let volume = cache.get(Kind::PersistentVolumes, text(&claim["spec"]["volumeName"]));
                claims.bound.push(volume.cloned());
                continue;
            }
            match class_that_waits(claim, cache) {
                Some(class) if text(&claim["spec"]["volumeName"]).is_empty() => {
                    claims.waiting.push((Arc::clone(claim), class));
                }
                _ => return Err("pod has unbound immediate PersistentVolumeClaims".to_owned()),
            }
        }
        if !claims.waiting.is_empty() {
            claims
                .waiting
                .sort_by_key(|(claim, _)| volumes::wanted(claim));
            claims.free = cache.all(Kind::PersistentVolumes).cloned().collect();
        }
        Ok(claims)
    }

    /// Whether all are bound.
    pub(crate) fn are_bound(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Why a node does not do.
    pub(crate) fn check(&self, node: &Json) -> Vec<String> {
        let mut reasons = Vec::new();
        let suits = |volume: &&Arc<Json>| affinity::volume_suits(volume, node);
        if !self.bound.iter().flatten().all(|volume| suits(&volume)) {
            reasons.push("node(s) didn't match PersistentVolume's node affinity".to_owned());
        }
        if self.choose(node).is_none() {
            reasons.push("node(s) didn't find available persistent volumes to bind".to_owned());
        }
        if self.bound.iter().any(Option::is_none) {
            reasons.push(
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
                    .to_owned(),
            );
        }
        reasons
    }

    /// What becomes of the claims that wait, if the Pod goes to a node; nothing, if there is no way.
    pub(crate) fn choose(&self, node: &Json) -> Option<Vec<Choice>> {
        let mut choices = Vec::new();
        let mut taken: Vec<&str> = Vec::new();
        for (claim, class) in &self.waiting {
            let selected = object::annotation(claim, SELECTED_NODE);
            if selected.is_empty() {
                let free = self
                    .free
                    .iter()
                    .filter(|volume| !taken.contains(&object::name(volume)));
                if let Some(volume) = volumes::smallest(claim, free, Some(node)) {
                    taken.push(object::name(volume));
                    choices.push(Choice::Bind(Arc::clone(claim), Arc::clone(volume)));
                    continue;
                }
            } else if selected != object::name(node) {
                return None;
            }
            let provisioner = text(&class["provisioner"]);
            if matches!(provisioner, "" | BY_HAND) || !allows(class, node) {
                return None;
            }
            choices.push(Choice::Provision(Arc::clone(claim)));
        }
        Some(choices)
    }
}

/// Whether a class makes volumes for a node, by its `allowedTopologies`.
fn allows(class: &Json, node: &Json) -> bool {
    let mut terms = items(&class["allowedTopologies"]).peekable();
    let holds = |term: &Json| {
        items(&term["matchLabelExpressions"]).all(|expression| {
            let label = &node["metadata"]["labels"][text(&expression["key"])];
            items(&expression["values"]).any(|value| value == label)
        })
    };
    terms.peek().is_none() || terms.any(holds)
}

/// The class of a claim that is bound only once a Pod that uses it has a node.
fn class_that_waits(claim: &Json, cache: &Cache) -> Option<Arc<Json>> {
    let class = text(&claim["spec"]["storageClassName"]);
    let class = cache.get(Kind::StorageClasses, class)?;
    (class["volumeBindingMode"] == "WaitForFirstConsumer").then(|| Arc::clone(class))
}

/// Whether a claim is bound only once a Pod that uses it has a node.
pub(crate) fn waits_for_consumer(claim: &Json, cache: &Cache) -> bool {
    class_that_waits(claim, cache).is_some()
}
