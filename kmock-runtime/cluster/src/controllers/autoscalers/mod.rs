//! HorizontalPodAutoscalers: as many replicas as the metrics that the test sets ask for.

mod behavior;
mod measure;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use self::behavior::{Count, Past};
use self::measure::{Target, Unmeasured};
use super::conditions;
use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};
use crate::shared::Shared;

/// How often metrics are looked at.
const PERIOD: Duration = Duration::from_secs(15);
/// What is so near to its target stays as it is.
const TOLERANCE: f64 = 0.1;

/// Scales by resource metrics (`cpu`, `memory`) of Pods, as averages or as shares of what they ask for.
#[derive(Debug)]
pub(crate) struct Autoscalers {
    shared: Arc<Shared>,
    /// What was recommended and done lately, by autoscaler.
    past: std::collections::BTreeMap<String, Past>,
}

impl Autoscalers {
    pub(crate) fn new(shared: &Arc<Shared>) -> Autoscalers {
        Autoscalers {
            shared: Arc::clone(shared),
            past: std::collections::BTreeMap::new(),
        }
    }
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        "horizontalpodautoscalers"
    }

    fn component(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn touched(&mut self, change: &Change, cache: &Cache, keys: &mut Vec<String>) {
        match change.kind {
            Kind::Autoscalers => keys.push(change.key.to_string()),
            Kind::Deployments
            | Kind::StatefulSets
            | Kind::ReplicaSets
            | Kind::ReplicationControllers => {
                for one in cache.within(Kind::Autoscalers, object::namespace(change.object())) {
                    if one["spec"]["scaleTargetRef"]["name"] == object::name(change.object()) {
                        keys.push(object::key(one));
                    }
                }
            }
            _ => {}
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        let mut plan = Plan::nothing();
        if key == "*" {
            for one in cache.all(Kind::Autoscalers) {
                self.shared
                    .touch("horizontalpodautoscalers", &object::key(one));
            }
            return plan;
        }
        let Some(scaler) = cache.get(Kind::Autoscalers, key) else {
            self.past.remove(key);
            return plan;
        };
        plan.look_after(PERIOD, Wait::Appointment);
        let spec = &scaler["spec"];
        let mut all = conditions::of(scaler);
        let now = cache.now();
        let mut status = if scaler["status"].is_object() {
            scaler["status"].clone()
        } else {
            json!({})
        };
        status["observedGeneration"] = object::generation(scaler).into();
        let reference = &spec["scaleTargetRef"];
        let group = text(&reference["apiVersion"])
            .split_once('/')
            .map_or("", |(group, _)| group);
        let target = Kind::named(group, text(&reference["kind"])).and_then(|kind| {
            Some((
                kind,
                cache.find(kind, object::namespace(scaler), text(&reference["name"]))?,
            ))
        });
        let Some((kind, target)) = target else {
            let plural = Kind::named(group, text(&reference["kind"])).map_or("", Kind::plural);
            let why = format!(
                "the HPA controller was unable to get the target's current scale: {plural}.{group} \"{}\" not found",
                text(&reference["name"])
            );
            conditions::set(
                &mut all,
                conditions::new("AbleToScale", "False", "FailedGetScale", &why, now),
            );
            plan.tell(Note::warning(
                Kind::Autoscalers,
                scaler,
                "FailedGetScale",
                why,
            ));
            status["conditions"] = all.into();
            plan.status(Kind::Autoscalers, scaler, status);
            return plan;
        };
        let current = target["spec"]["replicas"].as_i64().unwrap_or(1);
        let (least, most) = (
            spec["minReplicas"].as_i64().unwrap_or(1),
            int(&spec["maxReplicas"]),
        );
        conditions::set(
            &mut all,
            conditions::new(
                "AbleToScale",
                "True",
                "SucceededGetScale",
                "the HPA controller was able to get the target's current scale",
                now,
            ),
        );
        if current == 0 {
            let why = "scaling is disabled since the replica count of the target is zero";
            conditions::set(
                &mut all,
                conditions::new("ScalingActive", "False", "ScalingDisabled", why, now),
            );
            status["conditions"] = all.into();
            status["currentReplicas"] = 0.into();
            status["desiredReplicas"] = 0.into();
            plan.status(Kind::Autoscalers, scaler, status);
            return plan;
        }
        let selector = object::selector(&target["spec"]["selector"]);
        let bounds = (least, most.max(least));
        let behavior = &spec["behavior"];
        let tolerance = |direction: &str| {
            let own = &behavior[direction]["tolerance"];
            own.as_str()
                .map_or(TOLERANCE, |text| amounts::milli(text) as f64 / 1000.0)
        };
        let scaled = Target {
            namespace: object::namespace(scaler),
            wanted: current,
            present: int(&target["status"]["replicas"]),
            pods: cache
                .within(Kind::Pods, object::namespace(scaler))
                .filter(|pod| {
                    selector
                        .as_ref()
                        .is_some_and(|selector| selector.matches(object::labels(pod)))
                })
                .collect(),
            tolerance: (tolerance("scaleDown"), tolerance("scaleUp")),
            now,
        };
        let mut wanted: Option<(i64, String)> = None;
        let mut shown = Vec::new();
        let mut failed: Vec<Unmeasured> = Vec::new();
        // Who is out of bounds goes back to them first.
        let is_within = current >= bounds.0 && current <= bounds.1;
        for metric in items(&spec["metrics"]).filter(|_| is_within) {
            match self.measure(metric, &scaled) {
                Ok(measured) => {
                    shown.push(measured.status);
                    if wanted
                        .as_ref()
                        .is_none_or(|(known, _)| measured.replicas > *known)
                    {
                        wanted = Some((measured.replicas, measured.name));
                    }
                }
                Err(why) => {
                    plan.tell(Note::warning(
                        Kind::Autoscalers,
                        scaler,
                        why.reason,
                        &why.why,
                    ));
                    failed.push(why);
                }
            }
        }
        // With some metrics unknown, it may go up by the others, and not down.
        let is_known = failed.is_empty()
            || wanted
                .as_ref()
                .is_some_and(|(wanted, _)| *wanted >= current);
        let (desired, why) = match wanted.filter(|_| is_known) {
            _ if current > bounds.1 => (
                bounds.1,
                "Current number of replicas above Spec.MaxReplicas".to_owned(),
            ),
            _ if current < bounds.0 => (
                bounds.0,
                "Current number of replicas below Spec.MinReplicas".to_owned(),
            ),
            Some((wanted, name)) => {
                let message = format!(
                    "the HPA was able to successfully calculate a replica count from {name}"
                );
                conditions::set(
                    &mut all,
                    conditions::new("ScalingActive", "True", "ValidMetricFound", &message, now),
                );
                let count = Count {
                    current,
                    least: bounds.0,
                    most: bounds.1,
                };
                let past = self.past.entry(key.to_owned()).or_default();
                let decision = past.decide(behavior, count, wanted, now);
                let (reason, message) = decision.able;
                conditions::set(
                    &mut all,
                    conditions::new("AbleToScale", "True", reason, message, now),
                );
                let (limits, reason, message) = decision.limited;
                let limits = if limits { "True" } else { "False" };
                conditions::set(
                    &mut all,
                    conditions::new("ScalingLimited", limits, reason, message, now),
                );
                if let Some(again) = decision.again {
                    plan.look_after(again, Wait::Appointment);
                }
                let why = if decision.replicas > current {
                    format!("{name} above target")
                } else {
                    "All metrics below target".to_owned()
                };
                (decision.replicas, why)
            }
            None => {
                if let Some(first) = failed.first() {
                    let why = format!(
                        "the HPA was unable to compute the replica count: {}",
                        first.why
                    );
                    conditions::set(
                        &mut all,
                        conditions::new("ScalingActive", "False", first.reason, &why, now),
                    );
                    let why = format!(
                        "invalid metrics ({} invalid out of {}), first error is: {}: {}",
                        failed.len(),
                        items(&spec["metrics"]).len(),
                        first.head,
                        first.why
                    );
                    plan.tell(Note::warning(
                        Kind::Autoscalers,
                        scaler,
                        "FailedComputeMetricsReplicas",
                        why,
                    ));
                }
                (current, String::new())
            }
        };
        let limited = desired;
        if limited != current {
            let name = object::name(target);
            let (namespace, _) = object::split(key);
            plan.add(Action::Request {
                method: "PATCH",
                path: kind.path(namespace, name, "scale"),
                body: json!({"spec": {"replicas": limited}}),
            });
            plan.tell(Note::normal(
                Kind::Autoscalers,
                scaler,
                "SuccessfulRescale",
                format!("New size: {limited}; reason: {why}"),
            ));
            let past = self.past.entry(key.to_owned()).or_default();
            past.scaled(current, limited, now);
            status["lastScaleTime"] = object::time(now);
            conditions::set(
                &mut all,
                conditions::new(
                    "AbleToScale",
                    "True",
                    "SucceededRescale",
                    &format!("the HPA controller was able to update the target scale to {limited}"),
                    now,
                ),
            );
        }
        status["currentReplicas"] = current.into();
        status["desiredReplicas"] = limited.into();
        status["currentMetrics"] = shown.into();
        status["conditions"] = all.into();
        plan.status(Kind::Autoscalers, scaler, status);
        plan
    }
}
