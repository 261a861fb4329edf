//! Validation of the built-in kinds: the server's faults, in its words and its order.
//!
//! What users meet: required fields, enumerations, names, selectors, ports, amounts, immutable fields. Rules of
//! `pkg/apis/*/validation`, v1.36; metadata is checked by the verbs.

pub(super) mod autoscaling;
pub(super) mod certificates;
pub(super) mod claims;
pub(super) mod core;
pub(super) mod counts;
pub(super) mod cron;
mod difference;
pub(super) mod endpoints;
pub(super) mod events;
#[cfg(feature = "cel")]
mod expressions;
pub(super) mod jobs;
pub(super) mod networking;
pub(super) mod nodes;
pub(super) mod other;
pub(super) mod pods;
pub(super) mod policies;
pub(super) mod quotas;
mod rules;
pub(super) mod runtimes;
pub(super) mod services;
pub(super) mod storage;
pub(super) mod webhooks;
pub(super) mod workloads;

use serde_json::Value;

pub(super) use rules::Faults;
pub(crate) use rules::values_of;

use crate::kinds::builtin::row::{Kind, StatusRule, UpdateRule};
use crate::model::status::FieldError;
use crate::model::strategy::Context;

/// Faults of a new object.
pub(super) fn create(kind: &Kind, context: &Context<'_>, object: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    (kind.validate.create)(&mut faults, context, object);
    faults
}

/// Faults of a changed object: of the object itself, or of what a subresource may change.
pub(super) fn update(
    kind: &Kind,
    context: &Context<'_>,
    new: &Value,
    old: &Value,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let rules = &kind.validate;
    let by = |faults: &mut Faults, update: &UpdateRule| match update {
        UpdateRule::AsCreated => (rules.create)(faults, context, new),
        UpdateRule::Unchecked => {}
        UpdateRule::Own(check) => check(faults, context, new, old),
    };
    match context.subresource {
        "" => by(&mut faults, &rules.update),
        "status" => match rules.status {
            StatusRule::Absent | StatusRule::Free => {}
            StatusRule::Checked(check) => check(&mut faults, context, new, old),
            StatusRule::Counted(counts) => counts.check(&mut faults, new, old),
        },
        _ => by(&mut faults, &rules.other),
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::builtin::{decode, defaults, gotypes::Struct, rows};
    use crate::model::user::User;
    use kmock_apply::ordered::Node;

    /// The faults of an object as its kind decodes, defaults and validates it.
    pub(super) fn faults(name: &str, object: &Value) -> Vec<String> {
        let root = Struct::named(name).expect("known");
        let mut object = decode::decode(root, Node::from_value(object))
            .expect("decodes")
            .object;
        let kind = rows::named(name).expect("a row");
        (kind.prepare.aliases)(&mut object);
        defaults::fill(root, &mut object, &[]);
        let cluster = crate::Cluster::default();
        let served = crate::kinds::built_ins().iter().next().expect("some");
        let user = User::admin();
        let context = Context {
            cluster: &cluster,
            resource: &served.resource,
            namespace: "default",
            name: "x",
            subresource: "",
            user: &user,
            now: jiff::Timestamp::UNIX_EPOCH,
            dry_run: false,
        };
        create(kind, &context, &object)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_deployment_needs_a_selector_that_fits() {
        let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        assert_eq!(
            faults(
                "apps.v1.Deployment",
                &json!({"spec": {"template": template}})
            ),
            [
                "spec.selector: Required value",
                "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template `labels`",
            ]
        );
        let fits = json!({"spec": {"template": template, "selector": {"matchLabels": {"app": "x"}}, "replicas": -1}});
        assert_eq!(
            faults("apps.v1.Deployment", &fits),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
        );
    }

    #[test]
    fn a_pod_needs_containers_with_images() {
        assert_eq!(
            faults("core.v1.Pod", &json!({"spec": {}})),
            ["spec.containers: Required value"]
        );
        let pod = json!({"spec": {"restartPolicy": "Sometimes", "containers": [{"name": "C"}, {"image": "i", "ports": [{"containerPort": 70000}]}]}});
        let found = faults("core.v1.Pod", &pod);
        assert!(
            found[0].starts_with(
                "spec.containers[0].name: Invalid value: \"C\": a lowercase RFC 1123 label"
            ),
            "{found:?}"
        );
        assert_eq!(found[1], "spec.containers[0].image: Required value");
        assert_eq!(found[2], "spec.containers[1].name: Required value");
        assert_eq!(
            found[3],
            "spec.containers[1].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"
        );
        assert_eq!(
            found[4],
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""
        );
    }

    #[test]
    fn a_job_does_not_restart_forever() {
        let job = json!({"spec": {"manualSelector": true, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
        assert_eq!(
            faults("batch.v1.Job", &job),
            [
                "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
            ]
        );
    }

    #[test]
    fn requests_stay_below_limits() {
        let pod = json!({"spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]}});
        assert_eq!(
            faults("core.v1.Pod", &pod),
            [
                "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"
            ]
        );
    }
}
