//! The scheduler: one Pod at a time, the most important first, to the node that fits best.
//!
//! The filters and scores are those of kube-scheduler's default profile; so are the words in which it says why no node
//! fits. Where nodes score alike, the real one draws lots; this one takes the first.

mod affinity;
mod claims;
mod filter;
mod info;
mod preempt;
mod score;
mod spread;
mod tally;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::affinity::{node_matches, volume_suits};
pub(crate) use self::claims::waits_for_consumer;
use self::claims::{Choice, Claims};
use self::filter::Verdict;
pub(crate) use self::filter::{tolerated_by, tolerates};
pub(crate) use self::info::PodInfo;
use self::info::{NodeInfo, Snapshot};
use self::spread::Spread;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::controllers::volumes::{self, SELECTED_NODE};
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, items, text};
use crate::plan::{Action, Note, Plan, Wait};

/// What becomes of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It goes to a node.
    Bind(String),
    /// It goes to a node once its claims are bound for it.
    Bring(String),
    /// It fits nowhere, and why.
    Unschedulable(String),
    /// It fits on a node once these are gone.
    Preempt {
        node: String,
        victims: Vec<String>,
        message: String,
    },
}

/// The Pods that wait, the most important and then the oldest first.
type Turn = (Reverse<i64>, u64, String);

#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    snapshot: Snapshot,
    active: BTreeSet<Turn>,
    turns: BTreeMap<String, Turn>,
    unschedulable: BTreeSet<String>,
    count: u64,
}

impl Scheduler {
    fn queue(&mut self, key: &str, pod: &Json) {
        self.unschedulable.remove(key);
        if self.turns.contains_key(key) {
            return;
        }
        self.count += 1;
        let turn = (
            Reverse(object::int(&pod["spec"]["priority"])),
            self.count,
            key.to_owned(),
        );
        self.turns.insert(key.to_owned(), turn.clone());
        self.active.insert(turn);
    }

    fn forget(&mut self, key: &str) {
        self.unschedulable.remove(key);
        if let Some(turn) = self.turns.remove(key) {
            self.active.remove(&turn);
        }
    }

    /// Something changed that may let a Pod fit.
    fn retry(&mut self, cache: &Cache) {
        for key in std::mem::take(&mut self.unschedulable) {
            if let Some(pod) = cache.get(Kind::Pods, &key) {
                self.queue(&key, pod);
            }
        }
    }
}

fn wants_a_node(pod: &Json) -> bool {
    object::node_of(pod).is_empty()
        && object::is_active(pod)
        && matches!(
            text(&pod["spec"]["schedulerName"]),
            "" | "default-scheduler"
        )
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn agent(&self) -> &'static str {
        "kube-scheduler"
    }

    fn component(&self) -> &'static str {
        "default-scheduler"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Pods => {
                self.snapshot.pod(change);
                let waits = change.new.as_deref().filter(|pod| wants_a_node(pod));
                match waits {
                    Some(pod) => {
                        let is_new = change.old.as_deref().is_none_or(|old| {
                            old["spec"] != pod["spec"]
                                || old["metadata"]["labels"] != pod["metadata"]["labels"]
                                || !wants_a_node(old)
                        });
                        if is_new {
                            self.queue(&change.key, pod);
                        }
                    }
                    None => {
                        self.forget(&change.key);
                        // A Pod that came, went or ended may be what another one waits for.
                        let gone = change.new.as_deref().is_none_or(object::is_finished);
                        if gone
                            || change
                                .old
                                .as_deref()
                                .is_none_or(|old| object::node_of(old).is_empty())
                        {
                            self.retry(cache);
                        }
                    }
                }
            }
            Kind::Nodes => {
                self.snapshot.node(change);
                self.retry(cache);
            }
            Kind::Claims | Kind::PersistentVolumes | Kind::StorageClasses | Kind::Namespaces => {
                self.retry(cache);
            }
            _ => return,
        }
        if !self.active.is_empty() {
            keys.push("cycle".to_owned());
        }
    }

    fn look(&mut self, _: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        let Some((_, _, key)) = self.active.pop_first() else {
            return plan;
        };
        self.turns.remove(&key);
        if !self.active.is_empty() {
            plan.look_after(std::time::Duration::ZERO, Wait::Work);
        }
        let Some(pod) = cache.get(Kind::Pods, &key).filter(|pod| wants_a_node(pod)) else {
            return plan;
        };
        if items(&pod["spec"]["schedulingGates"]).next().is_some() {
            self.unschedulable.insert(key);
            unschedulable(
                &mut plan,
                pod,
                "SchedulingGated",
                "Scheduling is blocked due to non-empty scheduling gates",
                cache,
            );
            return plan;
        }
        match self.decide(pod, cache) {
            // Claims that wait for their first consumer are bound first, and the Pod waits for them.
            Outcome::Bring(node) => {
                self.bring(pod, &node, cache, &mut plan);
                self.unschedulable.insert(key);
            }
            Outcome::Bind(node) => {
                plan.add(Action::Bind {
                    key: key.clone(),
                    uid: object::uid(pod).to_owned(),
                    node: node.clone(),
                });
                plan.tell(Note::normal(
                    Kind::Pods,
                    pod,
                    "Scheduled",
                    format!("Successfully assigned {key} to {node}"),
                ));
            }
            Outcome::Unschedulable(message) => {
                plan.tell(Note::warning(
                    Kind::Pods,
                    pod,
                    "FailedScheduling",
                    message.clone(),
                ));
                unschedulable(&mut plan, pod, "Unschedulable", &message, cache);
                self.unschedulable.insert(key);
            }
            Outcome::Preempt {
                node,
                victims,
                message,
            } => {
                plan.tell(Note::warning(
                    Kind::Pods,
                    pod,
                    "FailedScheduling",
                    message.clone(),
                ));
                for victim in &victims {
                    let Some(victim) = cache.get(Kind::Pods, victim) else {
                        continue;
                    };
                    preempt::disrupt(&mut plan, victim, cache);
                    plan.tell(Note::normal(
                        Kind::Pods,
                        victim,
                        "Preempted",
                        format!("Preempted by pod {} on node {node}", object::uid(pod)),
                    ));
                }
                unschedulable(&mut plan, pod, "Unschedulable", &message, cache);
                // Last, since it needs the version that the condition made.
                plan.add(Action::Patch {
                    kind: Kind::Pods,
                    key: key.clone(),
                    subresource: "status",
                    patch: json!({"status": {"nominatedNodeName": node}}),
                });
                self.snapshot.nominate(&key, pod, &node);
                self.unschedulable.insert(key);
            }
        }
        plan
    }

    fn refused(
        &mut self,
        _: &str,
        action: &Action,
        _: &crate::controller::Refusal,
        cache: &Cache,
    ) -> Plan {
        // The Pod was changed meanwhile: it takes another turn.
        let key = match action {
            Action::Bind { key, .. } | Action::Patch { key, .. } => key.clone(),
            _ => return Plan::nothing(),
        };
        if let Some(pod) = cache.get(Kind::Pods, &key).filter(|pod| wants_a_node(pod)) {
            self.queue(&key, pod);
        }
        Plan::nothing()
    }
}

/// Writes the condition that says why a Pod has no node.
fn unschedulable(plan: &mut Plan, pod: &Json, reason: &str, message: &str, cache: &Cache) {
    let known = object::condition(pod, "PodScheduled");
    let same = known.filter(|known| known["status"] == "False");
    if same.is_some_and(|known| known["reason"] == reason && known["message"] == message) {
        return;
    }
    let since = same.map_or_else(
        || object::time(cache.now()),
        |known| known["lastTransitionTime"].clone(),
    );
    let mut condition = json!({
        "type": "PodScheduled", "status": "False", "lastProbeTime": null, "lastTransitionTime": since,
        "reason": reason, "message": message,
    });
    let generation = object::generation(pod);
    if generation > 0 {
        condition["observedGeneration"] = generation.into();
    }
    let mut conditions: Vec<Json> = items(&pod["status"]["conditions"])
        .filter(|one| one["type"] != "PodScheduled")
        .cloned()
        .collect();
    conditions.push(condition);
    plan.add(Action::Patch {
        kind: Kind::Pods,
        key: object::key(pod),
        subresource: "status",
        patch: json!({"status": {"conditions": conditions}}),
    });
}

impl Scheduler {
    /// Binds the claims of a Pod for a node: volumes that are there get their claim, provisioners are told the node.
    fn bring(&self, pod: &Json, node: &str, cache: &Cache, plan: &mut Plan) {
        let Some(node) = cache.get(Kind::Nodes, node) else {
            return;
        };
        let claims = Claims::of(pod, cache).unwrap_or_default();
        for choice in claims.choose(node).unwrap_or_default() {
            match choice {
                Choice::Bind(claim, volume) => volumes::reserve(&claim, &volume, plan),
                Choice::Provision(claim) => {
                    if object::annotation(&claim, SELECTED_NODE).is_empty() {
                        plan.add(Action::Patch {
                            kind: Kind::Claims,
                            key: object::key(&claim),
                            subresource: "",
                            patch: json!({"metadata": {"annotations": {SELECTED_NODE: object::name(node)}}}),
                        });
                    }
                }
            }
        }
    }

    /// Where a Pod goes.
    fn decide(&mut self, pod: &Json, cache: &Cache) -> Outcome {
        let info = PodInfo::of(pod);
        let nominated = text(&pod["status"]["nominatedNodeName"]);
        if self.snapshot.nodes.is_empty() {
            return Outcome::Unschedulable("no nodes available to schedule pods".to_owned());
        }
        if items(&pod["spec"]["resourceClaims"]).next().is_some() {
            // To bind it all the same would say that it has the devices.
            let all = self.snapshot.nodes.len();
            return Outcome::Unschedulable(format!(
                "0/{all} nodes are available: kmock allocates no devices, which the Pod claims (spec.resourceClaims): bind it yourself"
            ));
        }
        let claims = match Claims::of(pod, cache) {
            Ok(claims) => claims,
            Err(why) => {
                // What comes after the filters finds nothing of theirs, and says no more than that.
                let all = self.snapshot.nodes.len();
                return Outcome::Unschedulable(format!(
                    "0/{all} nodes are available: {why}. not found"
                ));
            }
        };
        let spread = Spread::of(pod, &info, cache);
        for said in &spread.said {
            self.snapshot.tally(&info.namespace, &said.selector);
        }
        let context = filter::Context::new(pod, &info, &self.snapshot, cache, &spread, claims);
        let to = |node: &str| match context.claims.are_bound() {
            true => Outcome::Bind(node.to_owned()),
            false => Outcome::Bring(node.to_owned()),
        };
        let mut fitting: Vec<&NodeInfo> = Vec::new();
        let mut verdicts: Vec<(&NodeInfo, Verdict)> = Vec::new();
        for node in self.snapshot.nodes.values() {
            match context.check(node, &node.requested, node.count()) {
                None => fitting.push(node),
                Some(verdict) => verdicts.push((node, verdict)),
            }
        }
        if let Some(node) = fitting.iter().find(|node| node.name == nominated) {
            return to(&node.name);
        }
        if let Some(best) = score::best(&context, &fitting) {
            return to(best);
        }
        let all = self.snapshot.nodes.len();
        let reasons = filter::summary(&verdicts);
        let (preempted, note) = preempt::look(&context, &verdicts, &self.snapshot, cache);
        let message = format!(
            "0/{all} nodes are available: {reasons}. no new claims to deallocate, preemption: {note}"
        );
        match preempted {
            Some((node, victims)) => Outcome::Preempt {
                node,
                victims,
                message: format!("0/{all} nodes are available: {reasons}."),
            },
            None => Outcome::Unschedulable(message),
        }
    }
}

#[cfg(test)]
mod tests;
