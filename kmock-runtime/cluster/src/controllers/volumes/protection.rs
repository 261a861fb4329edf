//! Claims that Pods use and volumes that claims use are not deleted before they are free.

use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Plan};

/// One of the two controllers of protection.
#[derive(Debug)]
pub(crate) struct Protection {
    kind: Kind,
}

impl Protection {
    pub(crate) fn of_claims() -> Protection {
        Protection { kind: Kind::Claims }
    }

    pub(crate) fn of_volumes() -> Protection {
        Protection {
            kind: Kind::PersistentVolumes,
        }
    }

    fn finalizer(&self) -> &'static str {
        match self.kind {
            Kind::Claims => "kubernetes.io/pvc-protection",
            _ => "kubernetes.io/pv-protection",
        }
    }

    fn is_used(&self, object: &Json, cache: &Cache) -> bool {
        match self.kind {
            Kind::Claims => cache
                .within(Kind::Pods, object::namespace(object))
                .any(|pod| {
                    !object::is_finished(pod)
                        && !object::node_of(pod).is_empty()
                        && uses(pod, object::name(object))
                }),
            _ => text(&object["status"]["phase"]) == "Bound",
        }
    }
}

fn uses(pod: &Json, claim: &str) -> bool {
    items(&pod["spec"]["volumes"]).any(|volume| {
        volume["persistentVolumeClaim"]["claimName"] == claim
            || (volume["ephemeral"].is_object()
                && format!("{}-{}", object::name(pod), text(&volume["name"])) == claim)
    })
}

impl Controller for Protection {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Claims => "pvc-protection",
            _ => "pv-protection",
        }
    }

    fn component(&self) -> &'static str {
        match self.kind {
            Kind::Claims => "pvc-protection-controller",
            _ => "pv-protection-controller",
        }
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        if change.kind == self.kind && change.new.is_some() {
            keys.push(change.key.to_string());
        }
        if change.kind == Kind::Pods && self.kind == Kind::Claims {
            let pod = change.object();
            for claim in cache.within(Kind::Claims, object::namespace(pod)) {
                if object::is_deleting(claim) && uses(pod, object::name(claim)) {
                    keys.push(object::key(claim));
                }
            }
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some(object) = cache
            .get(self.kind, key)
            .filter(|object| object::is_deleting(object))
        else {
            return plan;
        };
        let finalizer = self.finalizer();
        let held: Vec<&Json> = items(&object["metadata"]["finalizers"]).collect();
        if !held.iter().any(|one| **one == finalizer) || self.is_used(object, cache) {
            return plan;
        }
        let left: Vec<Json> = held
            .into_iter()
            .filter(|one| **one != finalizer)
            .cloned()
            .collect();
        plan.add(Action::Patch {
            kind: self.kind,
            key: key.to_owned(),
            subresource: "",
            patch: json!({"metadata": {"finalizers": if left.is_empty() { Json::Null } else { left.into() }}}),
        });
        plan
    }
}
