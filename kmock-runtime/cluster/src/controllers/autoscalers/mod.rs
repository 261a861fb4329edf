//! HorizontalPodAutoscalers: as many replicas as the metrics that the test sets ask for.

mod behavior;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::behavior::{Count, Past};
use super::conditions;
use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::Controller;
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};
use crate::shared::Shared;
use crate::usage;

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

    /// The usage of a resource of a Pod, as the test set it.
    fn usage(&self, pod: &Value, resource: &str) -> Option<i64> {
        let used = usage::of_pod(&self.shared, pod);
        let milli = *used.get(resource)?;
        Some(if resource == "cpu" {
            milli
        } else {
            milli.saturating_add(999) / 1000
        })
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
        let pods: Vec<&Arc<Value>> = cache
            .within(Kind::Pods, object::namespace(scaler))
            .filter(|pod| {
                object::is_active(pod)
                    && selector
                        .as_ref()
                        .is_some_and(|selector| selector.matches(object::labels(pod)))
            })
            .collect();
        let ready: Vec<&Arc<Value>> = pods
            .iter()
            .copied()
            .filter(|pod| object::is_ready(pod))
            .collect();
        let mut wanted: Option<i64> = None;
        let mut shown = Vec::new();
        let mut failed = None;
        for metric in items(&spec["metrics"]) {
            let resource = text(&metric["resource"]["name"]);
            if text(&metric["type"]) != "Resource" {
                failed = Some(format!(
                    "unable to fetch metrics of type {}: this cluster has resource metrics only",
                    text(&metric["type"])
                ));
                continue;
            }
            match self.proposal(metric, resource, current, &ready) {
                Ok((count, status)) => {
                    shown.push(status);
                    wanted = Some(wanted.map_or(count, |known| known.max(count)));
                }
                Err(why) => failed = Some(why),
            }
        }
        let desired = match wanted {
            Some(wanted) => {
                let message = "the HPA was able to successfully calculate a replica count from a resource metric";
                conditions::set(
                    &mut all,
                    conditions::new("ScalingActive", "True", "ValidMetricFound", message, now),
                );
                let count = Count {
                    current,
                    least,
                    most: most.max(least),
                };
                let past = self.past.entry(key.to_owned()).or_default();
                let decision = past.decide(&spec["behavior"], count, wanted, now);
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
                decision.replicas
            }
            None => {
                let why = failed.unwrap_or_else(|| "no metrics".to_owned());
                let why = format!("the HPA was unable to compute the replica count: {why}");
                conditions::set(
                    &mut all,
                    conditions::new(
                        "ScalingActive",
                        "False",
                        "FailedGetResourceMetric",
                        &why,
                        now,
                    ),
                );
                plan.tell(Note::warning(
                    Kind::Autoscalers,
                    scaler,
                    "FailedGetResourceMetric",
                    why,
                ));
                current.clamp(least, most.max(least))
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
            let why = if limited > current {
                "resource utilization (percentage of request) above target"
            } else {
                "All metrics below target"
            };
            let why = if limited > current {
                format!(
                    "{} {why}",
                    items(&spec["metrics"])
                        .next()
                        .map_or("", |metric| text(&metric["resource"]["name"]))
                )
            } else {
                why.to_owned()
            };
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

impl Autoscalers {
    /// How many replicas one metric asks for, and how it stands.
    fn proposal(
        &self,
        metric: &Value,
        resource: &str,
        current: i64,
        ready: &[&Arc<Value>],
    ) -> Result<(i64, Value), String> {
        let target = &metric["resource"]["target"];
        let used: Vec<(i64, i64)> = ready
            .iter()
            .filter_map(|pod| {
                let usage = self.usage(pod, resource)?;
                Some((
                    usage,
                    amounts::requests(pod)
                        .get(resource)
                        .copied()
                        .unwrap_or_default(),
                ))
            })
            .collect();
        if used.is_empty() {
            return Err(format!(
                "unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            ));
        }
        let sum: i64 = used.iter().map(|(usage, _)| usage).sum();
        let average = sum / used.len() as i64;
        let shown_average = if resource == "cpu" {
            format!("{average}m")
        } else {
            average.to_string()
        };
        let (ratio, utilization) = if let Some(percent) = target["averageUtilization"].as_i64() {
            let asked: i64 = used.iter().map(|(_, asked)| asked).sum();
            if asked == 0 {
                return Err(format!(
                    "failed to get {resource} utilization: missing request for {resource} in container"
                ));
            }
            let now = sum * 100 / asked;
            (now as f64 / percent as f64, Some(now))
        } else {
            let wanted = amounts::of(resource, &target["averageValue"]).max(1);
            (average as f64 / wanted as f64, None)
        };
        let mut shown = json!({"type": "Resource", "resource": {"name": resource, "current": {"averageValue": shown_average}}});
        if let Some(utilization) = utilization {
            shown["resource"]["current"]["averageUtilization"] = utilization.into();
        }
        let count = if (ratio - 1.0).abs() <= TOLERANCE {
            current
        } else {
            (ratio * used.len() as f64).ceil() as i64
        };
        Ok((count, shown))
    }
}
