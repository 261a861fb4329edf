//! How many replicas a metric asks for, of each of the five types, as `replica_calculator.go` computes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Autoscalers;
use crate::amounts;
use crate::json::{Json, json};
use crate::object::{self, int, items, text};
use crate::usage;

/// A CPU that is used right after the start says little: for so many seconds only ready Pods count.
const INITIALIZATION: i64 = 5 * 60;
/// And a Pod that is not ready from the first seconds on was never.
const FIRST_READINESS: i64 = 30;

/// What is scaled, and when it is looked at.
pub(super) struct Target<'a> {
    pub(super) namespace: &'a str,
    /// How many replicas it is told to have, and how many it has.
    pub(super) wanted: i64,
    pub(super) present: i64,
    /// The Pods that its selector selects.
    pub(super) pods: Vec<&'a Arc<Json>>,
    pub(super) tolerance: (f64, f64),
    pub(super) now: Timestamp,
}

/// What a metric amounts to.
pub(super) struct Measured {
    pub(super) replicas: i64,
    /// What it is called in messages.
    pub(super) name: String,
    /// Its entry in `currentMetrics`.
    pub(super) status: Json,
}

/// A metric that could not be had.
#[derive(Debug)]
pub(super) struct Unmeasured {
    /// The reason of the condition and of the event.
    pub(super) reason: &'static str,
    /// Its message.
    pub(super) why: String,
    /// What comes before that in the message about all metrics.
    pub(super) head: String,
}

/// An amount in thousandths as Kubernetes shows it in decimal units.
fn decimal(milli: i64) -> String {
    if milli % 1000 != 0 {
        return format!("{milli}m");
    }
    let mut number = milli / 1000;
    for unit in ["", "k", "M", "G", "T", "P"] {
        if number % 1000 != 0 || number == 0 {
            return format!("{number}{unit}");
        }
        number /= 1000;
    }
    format!("{number}E")
}

fn shown(resource: &str, milli: i64) -> String {
    match resource {
        "memory" => amounts::bytes(milli / 1000),
        _ => decimal(milli),
    }
}

/// The Pods, by how they count.
#[derive(Debug, Default)]
struct Groups {
    ready: i64,
    unready: BTreeSet<String>,
    missing: BTreeSet<String>,
}

fn up(ratio: f64, count: f64) -> i64 {
    (ratio * count).ceil() as i64
}

impl Target<'_> {
    fn is_within(&self, ratio: f64) -> bool {
        1.0 - self.tolerance.0 <= ratio && ratio <= 1.0 + self.tolerance.1
    }

    /// Sorts the Pods, and leaves the metrics of those that count only.
    fn groups(&self, used: &mut BTreeMap<String, i64>, resource: &str) -> Groups {
        let mut groups = Groups::default();
        for pod in &self.pods {
            let name = object::name(pod).to_owned();
            if object::is_deleting(pod) || object::phase(pod) == "Failed" {
                used.remove(&name);
                continue;
            }
            if object::phase(pod) == "Pending" {
                used.remove(&name);
                groups.unready.insert(name);
                continue;
            }
            if !used.contains_key(&name) {
                groups.missing.insert(name);
                continue;
            }
            if resource == "cpu" && self.is_new_and_unready(pod) {
                used.remove(&name);
                groups.unready.insert(name);
                continue;
            }
            groups.ready += 1;
        }
        groups
    }

    fn is_new_and_unready(&self, pod: &Json) -> bool {
        let ready = object::condition(pod, "Ready");
        let (Some(ready), Some(started)) = (ready, object::moment(&pod["status"]["startTime"]))
        else {
            return true;
        };
        let is_unready = ready["status"] == "False";
        if object::after(started, INITIALIZATION) > self.now {
            return is_unready;
        }
        let since = object::moment(&ready["lastTransitionTime"]).unwrap_or(started);
        is_unready && object::after(started, FIRST_READINESS) > since
    }

    /// The replicas for what Pods use: `ratio` says how much of what it should be some usages are, and `fill` what a Pod of
    /// which nothing is known counts where the others use less.
    fn replicas(
        &self,
        used: &BTreeMap<String, i64>,
        groups: &Groups,
        ratio: impl Fn(&BTreeMap<String, i64>) -> Option<f64>,
        fill: impl Fn(&str) -> i64,
    ) -> Option<i64> {
        let first = ratio(used)?;
        let grows_with_unready = !groups.unready.is_empty() && first > 1.0;
        if !grows_with_unready && groups.missing.is_empty() {
            return Some(match self.is_within(first) {
                true => self.wanted,
                false => up(first, groups.ready as f64),
            });
        }
        let mut used = used.clone();
        for name in &groups.missing {
            if first < 1.0 {
                used.insert(name.clone(), fill(name));
            } else if first > 1.0 {
                used.insert(name.clone(), 0);
            }
        }
        if grows_with_unready {
            used.extend(groups.unready.iter().map(|name| (name.clone(), 0)));
        }
        let second = ratio(&used)?;
        if self.is_within(second) || (first < 1.0) != (second < 1.0) {
            return Some(self.wanted);
        }
        let replicas = up(second, used.len() as f64);
        let turns =
            (second < 1.0 && replicas > self.wanted) || (second > 1.0 && replicas < self.wanted);
        Some(if turns { self.wanted } else { replicas })
    }

    /// The replicas for an amount each, and what it is on average.
    fn plain(
        &self,
        mut used: BTreeMap<String, i64>,
        wanted: i64,
        resource: &str,
    ) -> Result<(i64, i64), String> {
        if self.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".to_owned());
        }
        let groups = self.groups(&mut used, resource);
        if used.is_empty() {
            return Err(
                "did not receive metrics for targeted pods (pods might be unready)".to_owned(),
            );
        }
        let average =
            |used: &BTreeMap<String, i64>| used.values().sum::<i64>() / used.len().max(1) as i64;
        let ratio =
            |used: &BTreeMap<String, i64>| Some(average(used) as f64 / wanted.max(1) as f64);
        let replicas = self.replicas(&used, &groups, ratio, |_| wanted);
        Ok((replicas.unwrap_or(self.wanted), average(&used)))
    }

    /// The replicas for a share of what the Pods ask for; the share, and the amount on average.
    fn utilization(
        &self,
        mut used: BTreeMap<String, i64>,
        percent: i64,
        resource: &str,
        container: &str,
    ) -> Result<(i64, i64, i64), String> {
        if self.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".to_owned());
        }
        let groups = self.groups(&mut used, resource);
        if used.is_empty() {
            return Err(
                "did not receive metrics for targeted pods (pods might be unready)".to_owned(),
            );
        }
        let mut asked: BTreeMap<String, i64> = BTreeMap::new();
        for pod in &self.pods {
            let sum = asked.entry(object::name(pod).to_owned()).or_default();
            for one in items(&pod["spec"]["containers"]) {
                if !container.is_empty() && one["name"] != container {
                    continue;
                }
                let amount = &one["resources"]["requests"][resource];
                if amount.is_null() {
                    return Err(format!(
                        "missing request for {resource} in container {} of Pod {}",
                        text(&one["name"]),
                        object::name(pod)
                    ));
                }
                *sum += amounts::milli(amount.as_str().unwrap_or(&amount.to_string()));
            }
        }
        let share = |used: &BTreeMap<String, i64>| {
            let total: i64 = used.values().sum();
            let wanted: i64 = used.keys().filter_map(|name| asked.get(name)).sum();
            (wanted > 0).then(|| total * 100 / wanted)
        };
        let ratio =
            |used: &BTreeMap<String, i64>| Some(share(used)? as f64 / percent.max(1) as f64);
        let now = share(&used).ok_or("no metrics returned matched known pods")?;
        let fill =
            |name: &str| asked.get(name).copied().unwrap_or_default() * percent.max(100) / 100;
        let replicas = self
            .replicas(&used, &groups, ratio, fill)
            .unwrap_or(self.wanted);
        let average = used.values().sum::<i64>() / used.len().max(1) as i64;
        Ok((replicas, now, average))
    }

    /// The replicas for one amount that all of them share.
    fn shared(&self, value: i64, wanted: i64) -> i64 {
        let ratio = value as f64 / wanted.max(1) as f64;
        if self.is_within(ratio) {
            return self.wanted;
        }
        let ready = self
            .pods
            .iter()
            .filter(|pod| object::phase(pod) == "Running" && object::is_ready(pod));
        up(ratio, ready.count() as f64)
    }

    /// The replicas for an amount of which each takes a part, and that part now.
    fn divided(&self, value: i64, wanted: i64) -> (i64, i64) {
        let wanted = wanted.max(1) as f64;
        let ratio = value as f64 / (wanted * self.present as f64);
        let replicas = match self.is_within(ratio) {
            true => self.present,
            false => (value as f64 / wanted).ceil() as i64,
        };
        (
            replicas,
            (value as f64 / self.present.max(1) as f64).ceil() as i64,
        )
    }
}

/// A metric's name with its selector, where it has one, as Go shows them.
fn identity(metric: &Json) -> Json {
    let mut identity = json!({"name": metric["name"]});
    if !metric["selector"].is_null() {
        identity["selector"] = metric["selector"].clone();
    }
    identity
}

fn amount(target: &Json, part: &str) -> Option<i64> {
    let value = &target[part];
    (!value.is_null()).then(|| amounts::milli(value.as_str().unwrap_or(&value.to_string())))
}

impl Autoscalers {
    /// What each Pod uses of a resource, or of one of the test's own metrics; of one of its containers, if it is named.
    fn used(&self, target: &Target<'_>, resource: &str, container: &str) -> BTreeMap<String, i64> {
        let running = target
            .pods
            .iter()
            .filter(|pod| object::phase(pod) == "Running");
        running
            .filter_map(|pod| {
                let of_pod = usage::of_containers(&self.shared, pod).into_iter();
                let amounts: Vec<i64> = of_pod
                    .filter(|(name, _)| container.is_empty() || name == container)
                    .filter_map(|(_, used)| used.get(resource).copied())
                    .collect();
                (!amounts.is_empty()).then(|| (object::name(pod).to_owned(), amounts.iter().sum()))
            })
            .collect()
    }

    /// A metric of an object, or of something outside; the more precise name counts.
    fn measured(&self, names: &[String]) -> Option<i64> {
        let state = self.shared.state();
        let amount = names.iter().find_map(|name| state.metrics.get(name))?;
        Some(amounts::milli(amount))
    }

    /// How many replicas one metric asks for, and how it stands.
    pub(super) fn measure(
        &self,
        metric: &Json,
        target: &Target<'_>,
    ) -> Result<Measured, Unmeasured> {
        let sort = text(&metric["type"]);
        match sort {
            "Resource" => self
                .resource(&metric["resource"], "", target)
                .map_err(|why| Unmeasured {
                    reason: "FailedGetResourceMetric",
                    why,
                    head: format!(
                        "failed to get {} resource metric value",
                        text(&metric["resource"]["name"])
                    ),
                }),
            "ContainerResource" => {
                let of = &metric["containerResource"];
                let container = text(&of["container"]);
                self.resource(of, container, target)
                    .map_err(|why| Unmeasured {
                        reason: "FailedGetContainerResourceMetric",
                        why,
                        head: format!("failed to get {container} container metric value"),
                    })
            }
            "Pods" => self
                .pods(&metric["pods"], target)
                .map_err(|why| Unmeasured {
                    reason: "FailedGetPodsMetric",
                    why,
                    head: "failed to get pods metric value".to_owned(),
                }),
            "Object" => self
                .object(&metric["object"], target)
                .map_err(|why| Unmeasured {
                    reason: "FailedGetObjectMetric",
                    why,
                    head: "failed to get object metric value".to_owned(),
                }),
            _ => {
                let of = &metric["external"];
                self.external(of, target).map_err(|why| Unmeasured {
                    reason: "FailedGetExternalMetric",
                    why,
                    head: format!(
                        "failed to get {} external metric value",
                        text(&of["metric"]["name"])
                    ),
                })
            }
        }
    }

    fn resource(
        &self,
        of: &Json,
        container: &str,
        target: &Target<'_>,
    ) -> Result<Measured, String> {
        let resource = text(&of["name"]);
        let wanted = &of["target"];
        let used = self.used(target, resource, container);
        let average = amount(wanted, "averageValue");
        let sort = if average.is_some() {
            "usage"
        } else {
            "utilization"
        };
        let failed = |why: String| format!("failed to get {resource} {sort}: {why}");
        if used.is_empty() {
            return Err(failed(format!(
                "unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            )));
        }
        let (replicas, name, current) = match average {
            Some(average) => {
                let (replicas, now) = target.plain(used, average, resource).map_err(failed)?;
                let current = json!({"averageValue": shown(resource, now)});
                (replicas, format!("{resource} resource"), current)
            }
            None => {
                let percent = int(&wanted["averageUtilization"]);
                let measured = target.utilization(used, percent, resource, container);
                let (replicas, now, average) = measured.map_err(failed)?;
                let of = if container.is_empty() {
                    "resource"
                } else {
                    "container resource"
                };
                let current =
                    json!({"averageUtilization": now, "averageValue": shown(resource, average)});
                (
                    replicas,
                    format!("{resource} {of} utilization (percentage of request)"),
                    current,
                )
            }
        };
        let status = match container {
            "" => json!({"type": "Resource", "resource": {"name": resource, "current": current}}),
            _ => json!({
                "type": "ContainerResource",
                "containerResource": {"name": resource, "container": container, "current": current},
            }),
        };
        Ok(Measured {
            replicas,
            name,
            status,
        })
    }

    fn pods(&self, of: &Json, target: &Target<'_>) -> Result<Measured, String> {
        let name = text(&of["metric"]["name"]);
        let used = self.used(target, name, "");
        if used.is_empty() {
            return Err(format!(
                "unable to get metric {name}: unable to fetch metrics from custom metrics API: the test set no usage of it"
            ));
        }
        let wanted = amount(&of["target"], "averageValue").unwrap_or_default();
        let (replicas, now) = target.plain(used, wanted, "")?;
        Ok(Measured {
            replicas,
            name: format!("pods metric {name}"),
            status: json!({"type": "Pods", "pods": {"metric": identity(&of["metric"]), "current": {"averageValue": decimal(now)}}}),
        })
    }

    fn object(&self, of: &Json, target: &Target<'_>) -> Result<Measured, String> {
        let (name, object) = (text(&of["metric"]["name"]), &of["describedObject"]);
        let (kind, key) = (text(&object["kind"]), text(&object["name"]));
        let value = self.measured(&[format!("{kind}/{key}/{name}"), name.to_owned()]);
        let value = value.ok_or_else(|| {
            format!(
                "unable to get metric {name}: unable to fetch metrics from custom metrics API: the test set no such metric on {kind} {}/{key}",
                target.namespace
            )
        })?;
        let wanted = &of["target"];
        let mut status = json!({"type": "Object", "object": {"metric": identity(&of["metric"]), "describedObject": object, "current": {}}});
        if let Some(whole) = amount(wanted, "value") {
            status["object"]["current"]["value"] = decimal(value).into();
            return Ok(Measured {
                replicas: target.shared(value, whole),
                name: format!("{kind} metric {name}"),
                status,
            });
        }
        let (replicas, now) =
            target.divided(value, amount(wanted, "averageValue").unwrap_or_default());
        status["object"]["current"]["averageValue"] = decimal(now).into();
        Ok(Measured {
            replicas,
            name: format!("external metric {name}(nil)"),
            status,
        })
    }

    fn external(&self, of: &Json, target: &Target<'_>) -> Result<Measured, String> {
        let name = text(&of["metric"]["name"]);
        let wanted = &of["target"];
        let average = amount(wanted, "averageValue");
        let value = self.measured(&[name.to_owned()]).ok_or_else(|| {
            let why = format!(
                "unable to get external metric {}/{name}/nil: unable to fetch metrics from external metrics API: the test set no such metric",
                target.namespace
            );
            match average {
                Some(_) => format!("failed to get {name} external metric: {why}"),
                None => format!("failed to get external metric {name}: {why}"),
            }
        })?;
        let mut status = json!({"type": "External", "external": {"metric": identity(&of["metric"]), "current": {}}});
        let replicas = match average {
            Some(average) => {
                let (replicas, now) = target.divided(value, average);
                status["external"]["current"]["averageValue"] = decimal(now).into();
                replicas
            }
            None => {
                status["external"]["current"]["value"] = decimal(value).into();
                target.shared(value, amount(wanted, "value").unwrap_or_default())
            }
        };
        Ok(Measured {
            replicas,
            name: format!("external metric {name}(nil)"),
            status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, phase: &str, ready: bool, request: &str) -> Arc<Json> {
        Arc::new(json!({
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": request}}}]},
            "status": {"phase": phase, "startTime": "2026-01-01T00:00:00Z",
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }))
    }

    /// Some Pods of 1 cpu each: those that run and are ready, and some that are not; what each is told to use.
    fn target(pods: &[Arc<Json>], wanted: i64) -> Target<'_> {
        Target {
            namespace: "shop",
            wanted,
            present: wanted,
            pods: pods.iter().collect(),
            tolerance: (0.1, 0.1),
            now: "2026-01-01T01:00:00Z".parse().expect("a time"),
        }
    }

    fn used(amounts: &[i64]) -> BTreeMap<String, i64> {
        amounts
            .iter()
            .enumerate()
            .map(|(nth, amount)| (nth.to_string(), *amount))
            .collect()
    }

    /// Rows of `replica_calculator_test.go`: what Pods use, of how many of them it is known, and what comes of it.
    #[test]
    fn shares_of_what_is_asked_for() {
        let ready = |count: usize| -> Vec<Arc<Json>> {
            (0..count)
                .map(|nth| pod(&nth.to_string(), "Running", true, "1"))
                .collect()
        };
        for (name, count, amounts, percent, expected) in [
            ("disjoint resources", 1, vec![], 100, Err(())),
            ("scale up", 3, vec![300, 500, 700], 30, Ok((5, 50))),
            (
                "scale down",
                5,
                vec![100, 300, 500, 250, 250],
                50,
                Ok((3, 28)),
            ),
            (
                "within the tolerance",
                3,
                vec![1010, 1030, 1020],
                100,
                Ok((3, 102)),
            ),
            (
                "a missing one on the way down",
                4,
                vec![100, 100, 100],
                50,
                Ok((3, 10)),
            ),
            (
                "a missing one on the way up",
                4,
                vec![900, 900, 900],
                30,
                Ok((9, 90)),
            ),
            (
                "a missing one keeps what it is",
                3,
                vec![120, 120],
                20,
                Ok((3, 12)),
            ),
        ] {
            let pods = ready(count);
            let got = target(&pods, count as i64).utilization(used(&amounts), percent, "cpu", "");
            assert_eq!(
                got.map(|(replicas, now, _)| (replicas, now))
                    .map_err(|_| ()),
                expected,
                "{name}"
            );
        }
        // Unready Pods count nothing on the way up, and are left out otherwise.
        let mut pods = ready(2);
        pods.push(pod("2", "Running", false, "1"));
        let got = target(&pods, 3).utilization(used(&[650, 650, 700]), 30, "cpu", "");
        assert_eq!(got.map(|(replicas, now, _)| (replicas, now)), Ok((5, 65)));
        let mut pods = ready(2);
        pods.push(pod("2", "Pending", false, "1"));
        let got = target(&pods, 3).utilization(used(&[100, 100]), 50, "cpu", "");
        assert_eq!(got.map(|(replicas, now, _)| (replicas, now)), Ok((1, 10)));
        let lacking = vec![Arc::new(
            json!({"metadata": {"name": "0"}, "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Running"}}),
        )];
        let why = target(&lacking, 1)
            .utilization(used(&[1]), 50, "memory", "")
            .expect_err("no request");
        assert_eq!(why, "missing request for memory in container c of Pod 0");
    }

    #[test]
    fn plain_amounts_and_shared_ones() {
        let pods: Vec<Arc<Json>> = (0..3)
            .map(|nth| pod(&nth.to_string(), "Running", true, "1"))
            .collect();
        let of = target(&pods, 3);
        assert_eq!(
            of.plain(used(&[20_000, 10_000, 30_000]), 15_000, ""),
            Ok((4, 20_000))
        );
        assert_eq!(
            of.plain(used(&[12_000, 12_000, 12_000]), 20_000, ""),
            Ok((2, 12_000))
        );
        assert_eq!(
            of.plain(used(&[20_000, 20_000, 20_000]), 20_000, ""),
            Ok((3, 20_000))
        );
        assert_eq!(
            (
                of.shared(20_000, 15_000),
                of.shared(15_500, 15_000),
                of.shared(5_000, 15_000)
            ),
            (4, 3, 1)
        );
        assert_eq!(
            (of.divided(20_000, 5_000), of.divided(15_000, 5_000)),
            ((4, 6_667), (3, 5_000))
        );
        assert_eq!(
            [decimal(250), decimal(1000), decimal(2_000_000), decimal(0)],
            ["250m", "1", "2k", "0"]
        );
    }
}
