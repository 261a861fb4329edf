//! What failures and successes mean: `podFailurePolicy`, `successPolicy`, and how long a retry waits.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::indexes;
use crate::json::Json;
use crate::object::{self, int, items, text};

/// What a rule makes of a failed Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It counts.
    Counts,
    /// It does not count.
    Ignored,
    /// Its index is given up.
    FailsIndex,
    /// The Job is given up, and why.
    FailsJob(String),
}

/// What the policy makes of a failed Pod: the first rule that fits decides.
pub(super) fn failure(policy: &Json, pod: &Json) -> Failure {
    for (number, rule) in items(&policy["rules"]).enumerate() {
        let action = text(&rule["action"]);
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        let why = if rule["onExitCodes"].is_object() {
            exit_code(&rule["onExitCodes"], pod).map(|(container, code)| {
                format!("Container {container} for pod {namespace}/{name} failed with exit code {code} matching {action} rule at index {number}")
            })
        } else {
            condition(&rule["onPodConditions"], pod)
                .map(|sort| format!("Pod {namespace}/{name} has condition {sort} matching {action} rule at index {number}"))
        };
        let Some(why) = why else {
            continue;
        };
        return match action {
            "Ignore" => Failure::Ignored,
            "FailIndex" => Failure::FailsIndex,
            "FailJob" => Failure::FailsJob(why),
            _ => Failure::Counts,
        };
    }
    Failure::Counts
}

fn exit_code<'a>(rule: &Json, pod: &'a Json) -> Option<(&'a str, i64)> {
    let all = ["containerStatuses", "initContainerStatuses"]
        .iter()
        .flat_map(|part| items(&pod["status"][*part]));
    for status in all {
        let ended = &status["state"]["terminated"];
        let code = int(&ended["exitCode"]);
        let named = rule["containerName"]
            .as_str()
            .is_none_or(|name| status["name"] == name);
        if !ended.is_object() || code == 0 || !named {
            continue;
        }
        let listed = items(&rule["values"]).any(|value| int(value) == code);
        if listed == (rule["operator"] == "In") {
            return Some((text(&status["name"]), code));
        }
    }
    None
}

fn condition<'a>(patterns: &Json, pod: &'a Json) -> Option<&'a str> {
    items(&pod["status"]["conditions"])
        .find(|condition| {
            items(patterns).any(|pattern| {
                pattern["type"] == condition["type"] && pattern["status"] == condition["status"]
            })
        })
        .map(|condition| text(&condition["type"]))
}

/// Which rule says that enough indexes succeeded.
pub(super) fn success(
    policy: &Json,
    completions: i64,
    succeeded: &BTreeSet<i64>,
) -> Option<String> {
    if succeeded.is_empty() {
        return None;
    }
    let fits = |rule: &Json| {
        let count = rule["succeededCount"].as_i64();
        match rule["succeededIndexes"].as_str() {
            Some(listed) => {
                let listed = indexes::read(listed, completions);
                let done = listed.intersection(succeeded).count() as i64;
                !listed.is_empty()
                    && (done == listed.len() as i64 || count.is_some_and(|count| done >= count))
            }
            None => count.is_some_and(|count| succeeded.len() as i64 >= count),
        }
    };
    items(&policy["rules"])
        .position(fits)
        .map(|number| format!("Matched rules at index {number}"))
}

/// Whether a Pod counts as failed: one that is being deleted does, unless only failed ones are replaced.
pub(super) fn is_failed(pod: &Json, job: &Json) -> bool {
    if object::phase(pod) == "Failed" {
        return true;
    }
    if only_failed_are_replaced(job) {
        return false;
    }
    object::is_deleting(pod) && object::phase(pod) != "Succeeded"
}

pub(super) fn only_failed_are_replaced(job: &Json) -> bool {
    job["spec"]["podReplacementPolicy"] == "Failed" || job["spec"]["podFailurePolicy"].is_object()
}

/// When a Pod came to its end.
pub(super) fn finished(pod: &Json) -> Timestamp {
    let ended = items(&pod["status"]["containerStatuses"])
        .map(|status| object::moment(&status["state"]["terminated"]["finishedAt"]))
        .collect::<Option<Vec<_>>>();
    let unready = || {
        object::condition(pod, "Ready")
            .filter(|ready| ready["status"] == "False")
            .and_then(|ready| object::moment(&ready["lastTransitionTime"]))
    };
    let deleted = || {
        let when = object::moment(&pod["metadata"]["deletionTimestamp"])?;
        Some(object::after(
            when,
            -int(&pod["metadata"]["deletionGracePeriodSeconds"]),
        ))
    };
    ended
        .and_then(|all| all.into_iter().max())
        .or_else(unready)
        .or_else(deleted)
        .unwrap_or_else(|| object::created(pod))
}

/// How long a retry waits yet: ten seconds after the first failure, twice as long each time, ten minutes at most.
pub(super) fn backoff(failures: i64, last: Option<Timestamp>, now: Timestamp) -> Duration {
    let (Some(last), true) = (last, failures > 0) else {
        return Duration::ZERO;
    };
    let wait = Duration::from_secs(10)
        .saturating_mul(1 << (failures - 1).clamp(0, 10))
        .min(Duration::from_secs(600));
    wait.saturating_sub(object::until(now, last))
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    /// Rows of `TestMatchPodFailurePolicy`.
    #[test]
    fn rules_about_failures() {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "default"},
            "status": {"containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 2}}}, {"name": "fine", "state": {"terminated": {"exitCode": 0}}}],
                "conditions": [{"type": "DisruptionTarget", "status": "True"}]},
        });
        let codes = |operator: &str, values: Json, name: Json| json!({"operator": operator, "values": values, "containerName": name});
        let rule = |action: &str, codes: Json| json!({"rules": [{"action": action, "onExitCodes": codes}]});
        for (policy, expected) in [
            (Json::Null, Failure::Counts),
            (rule("Ignore", codes("In", json!([1, 2, 3]), Json::Null)), Failure::Ignored),
            (rule("FailIndex", codes("In", json!([2]), Json::Null)), Failure::FailsIndex),
            (
                rule("FailJob", codes("In", json!([2]), json!("main"))),
                Failure::FailsJob("Container main for pod default/p failed with exit code 2 matching FailJob rule at index 0".into()),
            ),
            (rule("FailJob", codes("In", json!([2]), json!("other"))), Failure::Counts),
            (rule("FailJob", codes("NotIn", json!([2]), Json::Null)), Failure::Counts),
            (rule("Ignore", codes("NotIn", json!([5]), Json::Null)), Failure::Ignored),
            (
                json!({"rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}),
                Failure::FailsJob("Pod default/p has condition DisruptionTarget matching FailJob rule at index 0".into()),
            ),
        ] {
            assert_eq!(failure(&policy, &pod), expected, "{policy}");
        }
    }

    /// Rows of `TestMatchSuccessPolicy`.
    #[test]
    fn rules_about_successes() {
        let done = |text: &str| indexes::read(text, 10);
        for (rules, succeeded, expected) in [
            (json!([{"succeededIndexes": "0-2"}]), "0,2", None),
            (
                json!([{"succeededIndexes": "0-2"}]),
                "0-2",
                Some("Matched rules at index 0"),
            ),
            (
                json!([{"succeededIndexes": "0-5", "succeededCount": 2}]),
                "1,5",
                Some("Matched rules at index 0"),
            ),
            (
                json!([{"succeededIndexes": "7"}, {"succeededCount": 2}]),
                "1,5",
                Some("Matched rules at index 1"),
            ),
            (json!([{"succeededCount": 2}]), "1", None),
        ] {
            assert_eq!(
                success(&json!({ "rules": rules }), 10, &done(succeeded)).as_deref(),
                expected,
                "{rules}"
            );
        }
    }

    #[test]
    fn retries_wait_longer_and_longer() {
        let now: Timestamp = "2026-01-01T00:00:05Z".parse().expect("a time");
        let last: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let of = |failures| backoff(failures, Some(last), now).as_secs();
        assert_eq!([0, 1, 2, 3, 20].map(of), [0, 5, 15, 35, 595]);
        assert_eq!(backoff(3, None, now), Duration::ZERO);
    }
}
