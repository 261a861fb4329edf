//! Pods that nobody looks after any more: those of nodes that are gone, and those that were deleted before they had one.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::controllers::pods;
use crate::kind::Kind;
use crate::object;
use crate::plan::{Deletion, Plan, Wait};

/// How long a node may be missing.
const QUARANTINE: Duration = Duration::from_secs(40);

/// The collector of such Pods.
#[derive(Debug, Default)]
pub(crate) struct PodGarbage {
    missing: BTreeMap<String, Timestamp>,
}

impl Controller for PodGarbage {
    fn name(&self) -> &'static str {
        "pod-garbage"
    }

    fn component(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Nodes if change.new.is_none() => keys.push(change.key.to_string()),
            Kind::Pods => {
                let node = object::node_of(change.object());
                if node.is_empty() && change.new.as_deref().is_some_and(object::is_deleting) {
                    keys.push(format!("/{}", change.key));
                } else if !node.is_empty()
                    && change.new.is_some()
                    && cache.get(Kind::Nodes, node).is_none()
                {
                    keys.push(node.to_owned());
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let at_once = Deletion {
            grace: Some(0),
            propagation: None,
        };
        if let Some(key) = key.strip_prefix('/') {
            if let Some(pod) = cache
                .get(Kind::Pods, key)
                .filter(|pod| object::is_deleting(pod))
            {
                plan.delete_so(Kind::Pods, pod, at_once);
            }
            return plan;
        }
        if cache.get(Kind::Nodes, key).is_some() {
            self.missing.remove(key);
            return plan;
        }
        let since = *self.missing.entry(key.to_owned()).or_insert(cache.now());
        let gone = object::until(cache.now(), since);
        if gone < QUARANTINE {
            plan.look_after(QUARANTINE - gone, Wait::Appointment);
            return plan;
        }
        for pod in cache.on_node(key) {
            let phase = (!object::is_finished(pod)).then_some("Failed");
            pods::mark_disrupted(
                &mut plan,
                pod,
                phase,
                "DeletionByPodGC",
                "PodGC: node no longer exists",
                cache.now(),
            );
            plan.delete_so(Kind::Pods, pod, at_once);
        }
        plan
    }
}
