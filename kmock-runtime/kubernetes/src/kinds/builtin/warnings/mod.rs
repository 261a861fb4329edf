//! `Warning` texts: what the server accepts but advises against.
//!
//! Rules of `WarningsOnCreate` and `WarningsOnUpdate` in `pkg/registry` and `pkg/api/*/warnings.go`, v1.36.
//! (Deprecated versions warn with every request: that is the registry's business.)

mod addresses;
mod other;
mod pods;
mod volumes;

use serde_json::Value;

use super::prepare;
use super::quantity::Quantity;
use super::values::at;
use crate::model::meta::label_faults;

/// The warnings of a new object.
pub(super) fn of(name: &str, object: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if let Some((_, _, is_host_name)) = template(name)
        && is_host_name
    {
        host_name(&mut out, object, "Pod names and hostnames");
    }
    written(&mut out, name, object);
    out
}

/// The warnings of a changed object: those of a pod template only come with a new generation.
pub(super) fn of_update(name: &str, new: &Value, old: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if template(name).is_none() || prepare::bumps_generation(name, new, old) {
        written(&mut out, name, new);
    } else {
        other::warn(&mut out, name, new);
    }
    if name == "batch.v1.CronJob" && super::values::text(new, &["spec", "schedule"]).contains("TZ")
    {
        out.push(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                .into(),
        );
    }
    out
}

/// The warnings of a changed status.
pub(super) fn of_status(name: &str, new: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if matches!(name, "core.v1.Service" | "networking.v1.Ingress") {
        addresses::balancer(&mut out, new);
    }
    out
}

/// Where a workload has its pod template, and whether its own name becomes part of host names.
fn template(name: &str) -> Option<(&'static [&'static str], &'static str, bool)> {
    Some(match name {
        "core.v1.PodTemplate" => (&["template"], "template", false),
        "apps.v1.Deployment"
        | "apps.v1.ReplicaSet"
        | "core.v1.ReplicationController"
        | "batch.v1.Job" => (&["spec", "template"], "spec.template", true),
        "apps.v1.StatefulSet" | "apps.v1.DaemonSet" => {
            (&["spec", "template"], "spec.template", false)
        }
        "batch.v1.CronJob" => (
            &["spec", "jobTemplate", "spec", "template"],
            "spec.jobTemplate.spec.template",
            true,
        ),
        _ => return None,
    })
}

fn written(out: &mut Vec<String>, name: &str, object: &Value) {
    if name == "core.v1.Pod" {
        host_name(out, object, "the Pod's hostname");
        pods::warn(out, object, "");
    }
    if let Some((keys, path, _)) = template(name) {
        pods::warn(out, at(object, keys), &format!("{path}."));
    }
    other::warn(out, name, object);
}

/// Names that end up as host names had better be labels.
fn host_name(out: &mut Vec<String>, object: &Value, use_as: &str) {
    let name = super::values::text(object, &["metadata", "name"]);
    let faults = label_faults(name);
    if !name.is_empty() && !faults.is_empty() {
        out.push(format!(
            "metadata.name: this is used in {use_as}, which can result in surprising behavior; a DNS label is recommended: [{}]",
            faults.join(" ")
        ));
    }
}

/// Bytes come whole.
fn fractional(out: &mut Vec<String>, path: &str, value: &Value) {
    let Some(shown) = value.as_str() else { return };
    if Quantity::parse(shown).is_ok_and(|amount| amount.is_fractional()) {
        out.push(format!(
            "{path}: fractional byte value \"{shown}\" is invalid, must be an integer"
        ));
    }
}

/// What is said about labels of nodes that have another name today.
fn old_node_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubectl_prints_as_warnings() {
        let pod = json!({"metadata": {"name": "a.b"}, "spec": {"containers": [{
            "env": [{"name": "A"}, {"name": "A"}], "resources": {"limits": {"memory": "100m"}}}]}});
        assert_eq!(
            of("core.v1.Pod", &pod),
            [
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
                "spec.containers[0].resources.limits[memory]: fractional byte value \"100m\" is invalid, must be an integer",
                "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
            ]
        );
    }

    #[test]
    fn a_template_only_warns_when_it_changes() {
        let set = |paused: bool| json!({"spec": {"paused": paused, "template": {"spec": {"terminationGracePeriodSeconds": -1}}}});
        assert!(of_update("apps.v1.Deployment", &set(true), &set(true)).is_empty());
        assert_eq!(
            of_update("apps.v1.Deployment", &set(true), &set(false)),
            [
                "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
            ]
        );
    }
}
