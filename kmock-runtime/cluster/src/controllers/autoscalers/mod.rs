//! HorizontalPodAutoscalers: as many replicas as the metrics that the test sets ask for.

mod behavior;
mod measure;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::behavior::{Count, Past};
use self::measure::{Target, Unmeasured};
use super::conditions;
use crate::amounts;
use crate::cache::{Cache, Change};
use crate::controller::{Controller, Refusal};
use crate::emulator::Cluster;
use crate::emulator::selectors::LabelSelector;
use crate::json::{Json, json};
use crate::kind::Kind;
use crate::object::{self, int, items, text};
use crate::plan::{Action, Note, Plan, Wait};
use crate::scales::{Lack, Scale, Scales};
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
    scales: Scales,
    /// What each is about to do, and why: for what is said when it is refused.
    intents: std::collections::BTreeMap<String, (i64, String)>,
}

impl Autoscalers {
    pub(crate) fn new(shared: &Arc<Shared>) -> Autoscalers {
        Autoscalers {
            shared: Arc::clone(shared),
            past: std::collections::BTreeMap::new(),
            scales: Scales::default(),
            intents: std::collections::BTreeMap::new(),
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

    fn poll(&mut self, cluster: &Cluster, keys: &mut Vec<String>) {
        if self.scales.poll(cluster) {
            keys.push("*".to_owned());
        }
    }

    fn look(&mut self, key: &str, cache: &Cache) -> Plan {
        if key == "*" {
            for one in cache.all(Kind::Autoscalers) {
                self.shared
                    .touch("horizontalpodautoscalers", &object::key(one));
            }
            return Plan::nothing();
        }
        let Some(scaler) = cache.get(Kind::Autoscalers, key) else {
            self.past.remove(key);
            return Plan::nothing();
        };
        let mut outcome = Outcome::of(scaler, cache.now());
        let target = match self.target(scaler, cache) {
            Ok(found) => found,
            Err(why) => {
                let shown = format!(
                    "the HPA controller was unable to get the target's current scale: {why}"
                );
                outcome.set("AbleToScale", "False", "FailedGetScale", &shown);
                outcome.warn("FailedGetScale", why);
                return outcome.finish();
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        outcome.set("AbleToScale", "True", "SucceededGetScale", message);
        let current = target.wanted;
        if current == 0 {
            let why = "scaling is disabled since the replica count of the target is zero";
            outcome.set("ScalingActive", "False", "ScalingDisabled", why);
            outcome.replicas(0, 0);
            return outcome.finish();
        }
        // Who is out of bounds goes back to them first.
        let (least, most) = bounds(scaler);
        let measured = match (least..=most).contains(&current) {
            true => {
                let scaled = scaled(scaler, &target, cache);
                if let Err((reason, message, why)) = self.sole(scaler, &target, &scaled, cache) {
                    outcome.set("ScalingActive", "False", reason, &message);
                    outcome.warn(
                        if reason == "InvalidSelector" {
                            "SelectorRequired"
                        } else {
                            reason
                        },
                        &*why,
                    );
                    outcome.warn("FailedComputeMetricsReplicas", why);
                    outcome.keeps(current);
                    return outcome.finish();
                }
                self.measure_all(&scaled, &mut outcome)
            }
            false => Metrics::default(),
        };
        let (desired, why) = if current > most {
            (
                most,
                "Current number of replicas above Spec.MaxReplicas".to_owned(),
            )
        } else if current < least {
            (
                least,
                "Current number of replicas below Spec.MinReplicas".to_owned(),
            )
        } else if let Some((wanted, name)) = measured.known(current) {
            let count = Count {
                current,
                least,
                most,
            };
            self.decide(key, count, wanted, name, &mut outcome)
        } else {
            outcome.unmeasured(&measured.failed);
            outcome.keeps(current);
            outcome.shows(measured.shown);
            return outcome.finish();
        };
        if desired != current {
            let past = self.past.entry(key.to_owned()).or_default();
            past.scaled(current, desired, cache.now());
            outcome.scale(&target.path, desired, &why);
            self.intents.insert(key.to_owned(), (desired, why));
        }
        outcome.replicas(current, desired);
        outcome.shows(measured.shown);
        outcome.finish()
    }

    fn refused(&mut self, key: &str, action: &Action, refusal: &Refusal, cache: &Cache) -> Plan {
        let (Action::Request { .. }, Some(scaler)) = (action, cache.get(Kind::Autoscalers, key))
        else {
            return Plan::nothing();
        };
        let (wanted, why) = self.intents.remove(key).unwrap_or_default();
        let error = &refusal.message;
        let mut outcome = Outcome::of(scaler, cache.now());
        outcome.warn(
            "FailedRescale",
            format!("New size: {wanted}; reason: {why}; error: {error}"),
        );
        let shown = format!("the HPA controller was unable to update the target scale: {error}");
        outcome.set("AbleToScale", "False", "FailedUpdateScale", &shown);
        let current = int(&outcome.status["currentReplicas"]);
        outcome.keeps(current);
        outcome.finish()
    }
}

impl Autoscalers {
    /// What an autoscaler scales. `Err`: it is not there, or cannot be scaled.
    fn target(&mut self, scaler: &Json, cache: &Cache) -> Result<Scale, String> {
        let reference = &scaler["spec"]["scaleTargetRef"];
        let found = self.scales.of(reference, object::namespace(scaler), cache);
        found.map_err(|lack| match lack {
            Lack::Kind(why) => why,
            Lack::Object(resource) => {
                format!("{resource} \"{}\" not found", text(&reference["name"]))
            }
            Lack::Scale(_) => "the server could not find the requested resource".to_owned(),
        })
    }

    /// Whether the target says which Pods are meant, and no other autoscaler means them, too. `Err`: the reason, what the
    /// condition says, and what is told.
    fn sole(
        &mut self,
        scaler: &Json,
        target: &Scale,
        scaled: &Target<'_>,
        cache: &Cache,
    ) -> Result<(), (&'static str, String, String)> {
        let Some(selector) = &target.selector else {
            let message = "the HPA target's scale is missing a selector".to_owned();
            let why = "selector is required".to_owned();
            return Err(("InvalidSelector", message, why));
        };
        let mut all: Vec<_> = cache.within(Kind::Autoscalers, scaled.namespace).collect();
        // Most are alone, and then there is nothing to find out.
        if all.len() < 2 {
            return Ok(());
        }
        all.retain(|one| {
            let other = self.target(one, cache);
            let selector = other.ok().and_then(|other| other.selector);
            selector.is_some_and(|selector| {
                let mut labels = scaled.pods.iter().map(|pod| object::labels(pod));
                labels.any(|labels| selector.matches(labels))
            })
        });
        let is_one = all
            .iter()
            .any(|one| object::uid(one) == object::uid(scaler));
        if all.len() < 2 || !is_one {
            return Ok(());
        }
        let names = all
            .iter()
            .map(|one| format!("{{{} {}}}", object::name(one), scaled.namespace));
        let why = format!(
            "pods by selector {} are controlled by multiple HPAs: [{}]",
            shown(selector),
            names.collect::<Vec<_>>().join(" ")
        );
        Err(("AmbiguousSelector", why.clone(), why))
    }

    /// Asks each metric; the one that wants most counts.
    fn measure_all(&self, scaled: &Target<'_>, outcome: &mut Outcome<'_>) -> Metrics {
        let mut all = Metrics::default();
        for metric in items(&outcome.scaler["spec"]["metrics"]) {
            match self.measure(metric, scaled) {
                Ok(measured) => {
                    all.shown.push(measured.status);
                    let most = all.wanted.as_ref().map(|(known, _)| *known);
                    if most.is_none_or(|known| measured.replicas > known) {
                        all.wanted = Some((measured.replicas, measured.name));
                    }
                }
                Err(why) => {
                    outcome.warn(why.reason, &why.why);
                    all.failed.push(why);
                    // Its place is kept, and says nothing.
                    all.shown.push(json!({"type": ""}));
                }
            }
        }
        all
    }

    /// What the behavior makes of the number that the metrics want, and why.
    fn decide(
        &mut self,
        key: &str,
        count: Count,
        wanted: i64,
        name: &str,
        outcome: &mut Outcome<'_>,
    ) -> (i64, String) {
        let current = count.current;
        let message =
            format!("the HPA was able to successfully calculate a replica count from {name}");
        outcome.set("ScalingActive", "True", "ValidMetricFound", &message);
        let past = self.past.entry(key.to_owned()).or_default();
        let behavior = &outcome.scaler["spec"]["behavior"];
        let decision = past.decide(behavior, count, wanted, outcome.now);
        let (reason, message) = decision.able;
        outcome.set("AbleToScale", "True", reason, message);
        let (limited, reason, message) = decision.limited;
        let limited = if limited { "True" } else { "False" };
        outcome.set("ScalingLimited", limited, reason, message);
        if let Some(again) = decision.again {
            outcome.plan.look_after(again, Wait::Appointment);
        }
        let why = match decision.replicas > current {
            true => format!("{name} above target"),
            false => "All metrics below target".to_owned(),
        };
        (decision.replicas, why)
    }
}

/// What the metrics say.
#[derive(Default)]
struct Metrics {
    /// The most replicas that one of them wants, and its name.
    wanted: Option<(i64, String)>,
    shown: Vec<Json>,
    failed: Vec<Unmeasured>,
}

impl Metrics {
    /// What is to be gone by: with some metrics unknown, it may go up by the others, and not down.
    fn known(&self, current: i64) -> Option<(i64, &str)> {
        let (wanted, name) = self.wanted.as_ref()?;
        let is_known = self.failed.is_empty() || *wanted >= current;
        is_known.then_some((*wanted, name.as_str()))
    }
}

/// What is said of an autoscaler, and done.
struct Outcome<'a> {
    scaler: &'a Json,
    conditions: Vec<Json>,
    status: Json,
    now: Timestamp,
    plan: Plan,
}

impl<'a> Outcome<'a> {
    fn of(scaler: &'a Json, now: Timestamp) -> Outcome<'a> {
        let status = match scaler["status"].is_object() {
            true => scaler["status"].clone(),
            false => json!({}),
        };
        let mut plan = Plan::nothing();
        plan.look_after(PERIOD, Wait::Appointment);
        Outcome {
            scaler,
            conditions: conditions::of(scaler),
            status,
            now,
            plan,
        }
    }

    fn set(&mut self, sort: &str, status: &str, reason: &str, message: &str) {
        let condition = conditions::new(sort, status, reason, message, self.now);
        conditions::put(&mut self.conditions, condition);
    }

    fn warn(&mut self, reason: &str, why: impl Into<String>) {
        let note = Note::warning(Kind::Autoscalers, self.scaler, reason, why);
        self.plan.tell(note);
    }

    fn replicas(&mut self, current: i64, desired: i64) {
        self.status["currentReplicas"] = current.into();
        self.status["desiredReplicas"] = desired.into();
    }

    /// What was measured. Where that is nothing there is no list, rather than an empty one.
    fn shows(&mut self, metrics: Vec<Json>) {
        self.status["currentMetrics"] = match metrics.is_empty() {
            true => Json::Null,
            false => metrics.into(),
        };
    }

    /// What was wanted before stays.
    fn keeps(&mut self, current: i64) {
        let former = int(&self.status["desiredReplicas"]);
        self.replicas(current, former);
    }

    /// The metrics say nothing to go by.
    fn unmeasured(&mut self, failed: &[Unmeasured]) {
        let Some(first) = failed.first() else {
            return;
        };
        let why = format!(
            "the HPA was unable to compute the replica count: {}",
            first.why
        );
        self.set("ScalingActive", "False", first.reason, &why);
        let why = format!(
            "invalid metrics ({} invalid out of {}), first error is: {}: {}",
            failed.len(),
            items(&self.scaler["spec"]["metrics"]).len(),
            first.head,
            first.why
        );
        self.warn("FailedComputeMetricsReplicas", why);
    }

    fn scale(&mut self, path: &str, desired: i64, why: &str) {
        self.plan.add(Action::Request {
            method: "PATCH",
            path: path.to_owned(),
            body: json!({"spec": {"replicas": desired}}),
        });
        let told = format!("New size: {desired}; reason: {why}");
        let note = Note::normal(Kind::Autoscalers, self.scaler, "SuccessfulRescale", told);
        self.plan.tell(note);
        self.status["lastScaleTime"] = object::time(self.now);
        let message =
            format!("the HPA controller was able to update the target scale to {desired}");
        self.set("AbleToScale", "True", "SucceededRescale", &message);
    }

    fn finish(mut self) -> Plan {
        self.status["conditions"] = self.conditions.into();
        self.plan
            .status(Kind::Autoscalers, self.scaler, self.status);
        self.plan
    }
}

/// A selector as a scale tells it: labels that have to be as they are with `=`.
fn shown(selector: &LabelSelector) -> String {
    let text = selector.to_string();
    let one_value = |term: &str| {
        let (key, value) = term.strip_suffix(')')?.split_once(" in (")?;
        (!value.contains(',')).then(|| format!("{key}={value}"))
    };
    // Commas within parentheses are between values.
    let mut depth = 0;
    let terms = text.split(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    });
    let terms = terms.map(|term| one_value(term).unwrap_or_else(|| term.to_owned()));
    terms.collect::<Vec<_>>().join(",")
}

/// The least and the most replicas.
fn bounds(scaler: &Json) -> (i64, i64) {
    let spec = &scaler["spec"];
    let least = spec["minReplicas"].as_i64().unwrap_or(1);
    (least, int(&spec["maxReplicas"]).max(least))
}

/// What metrics are asked about.
fn scaled<'a>(scaler: &'a Json, target: &Scale, cache: &'a Cache) -> Target<'a> {
    let selector = &target.selector;
    let pods = cache.within(Kind::Pods, object::namespace(scaler));
    let tolerance = |direction: &str| {
        let own = &scaler["spec"]["behavior"][direction]["tolerance"];
        own.as_str()
            .map_or(TOLERANCE, |text| amounts::milli(text) as f64 / 1000.0)
    };
    Target {
        namespace: object::namespace(scaler),
        wanted: target.wanted,
        present: target.present,
        pods: pods
            .filter(|pod| {
                selector
                    .as_ref()
                    .is_some_and(|selector| selector.matches(object::labels(pod)))
            })
            .collect(),
        tolerance: (tolerance("scaleDown"), tolerance("scaleUp")),
        now: cache.now(),
    }
}
