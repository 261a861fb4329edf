//! Which containers start again: by the rules of the container, by its policy, and by that of its Pod.
//!
//! Rules: `ContainerShouldRestart` of `pkg/api/v1/pod/util.go`.

use super::state::{PodRun, Role, Run};
use crate::json::Json;
use crate::object::{items, spec_of, text};

/// What the first rule of a container says that fits a code.
pub(super) fn action(container: &Json, code: i32) -> Option<&str> {
    let fits = |rule: &Json| {
        let exits = &rule["exitCodes"];
        let is_listed = items(&exits["values"]).any(|one| one.as_i64() == Some(i64::from(code)));
        match text(&exits["operator"]) {
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        }
    };
    let mut rules = items(&container["restartPolicyRules"]);
    Some(text(&rules.find(|rule| fits(rule))?["action"]))
}

/// Whether a container that has ended with a code starts again.
pub(super) fn restarts(pod: &Json, one: &Run, code: i32) -> bool {
    let container = spec_of(pod, &one.name);
    if matches!(
        action(container, code),
        Some("Restart" | "RestartAllContainers")
    ) {
        return true;
    }
    let own = text(&container["restartPolicy"]);
    let policy = if own.is_empty() {
        text(&pod["spec"]["restartPolicy"])
    } else {
        own
    };
    match (one.role, policy) {
        (Role::Ephemeral, _) => false,
        (Role::Sidecar, _) => true,
        (_, "Never") => false,
        // What an init container has done it need not do again.
        (Role::Init, _) | (_, "OnFailure") => code != 0,
        _ => true,
    }
}

/// Whether all that the Pod is for has ended for good.
pub(super) fn is_over(pod: &Json, run: &PodRun) -> bool {
    let is_done = |one: &Run| {
        one.ended()
            .is_some_and(|ended| !restarts(pod, one, ended.code))
    };
    let failed = |one: &Run| is_done(one) && one.ended().is_some_and(|ended| ended.code != 0);
    run.of(&[Role::Init]).any(failed) || run.of(&[Role::Main]).all(is_done)
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    /// Rows of `TestContainerShouldRestart`: the policies of the Pod and the container, its rules, a code.
    #[test]
    fn who_restarts() {
        let rule = |operator: &str| json!([{"action": "Restart", "exitCodes": {"operator": operator, "values": [42]}}]);
        for (of_pod, own, rules, code, expected) in [
            ("Always", "", json!(null), 0, true),
            ("Never", "", json!(null), 1, false),
            ("OnFailure", "", json!(null), 0, false),
            ("OnFailure", "", json!(null), 1, true),
            ("Never", "Always", json!(null), 0, true),
            ("Always", "Never", json!(null), 1, false),
            ("Never", "OnFailure", json!(null), 1, true),
            ("Never", "Never", rule("In"), 42, true),
            ("Never", "Never", rule("In"), 1, false),
            ("Always", "Never", rule("NotIn"), 1, true),
            ("Always", "Never", rule("NotIn"), 42, false),
        ] {
            let mut container = json!({"name": "c", "restartPolicyRules": rules});
            if !own.is_empty() {
                container["restartPolicy"] = own.into();
            }
            let pod = json!({"spec": {"restartPolicy": of_pod, "containers": [container]}});
            let run = Run::new(&"shop/web".into(), "c", Role::Main, "ContainerCreating");
            assert_eq!(restarts(&pod, &run, code), expected, "{pod} {code}");
        }
    }
}
