//! `Warning` texts: what the server accepts but advises against.
//!
//! Rules of `WarningsOnCreate` and `WarningsOnUpdate` in `pkg/registry` and `pkg/api/*/warnings.go`, v1.36.
//! (Deprecated versions warn with every request: that is the registry's business.)

pub(super) mod addresses;
pub(super) mod other;
mod pods;
mod volumes;

use std::fmt;

use serde_json::Value;

use super::quantity::Quantity;
use super::row::Kind;
use super::values::at;
use crate::model::meta::label_faults;

/// The warnings of an answer have at most so many characters in all: there is no use for more of them.
const MOST: usize = 4096;

/// The warnings of a new object.
pub(super) fn of(kind: &Kind, object: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if kind.template.as_ref().is_some_and(|t| t.names_hosts) {
        host_name(&mut out, object, "Pod names and hostnames");
    }
    written(&mut out, kind, object);
    out
}

/// The warnings of a changed object: those of a pod template only come with a new generation.
pub(super) fn of_update(kind: &Kind, new: &Value, old: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if kind.template.is_none() || (kind.life.new_generation)(new, old) {
        written(&mut out, kind, new);
    } else {
        (kind.warn.object)(&mut out, new);
    }
    (kind.warn.update)(&mut out, new);
    out
}

/// The warnings of a changed status.
pub(super) fn of_status(kind: &Kind, new: &Value) -> Vec<String> {
    let mut out = Vec::new();
    (kind.warn.status)(&mut out, new);
    out
}

/// Of a pod.
pub(super) fn pod(out: &mut Vec<String>, object: &Value) {
    host_name(out, object, "the Pod's hostname");
    pods::warn(out, object, "");
}

/// Of a changed cron job.
pub(super) fn cron_job_update(out: &mut Vec<String>, new: &Value) {
    if super::values::text(new, &["spec", "schedule"]).contains("TZ") {
        out.push(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                .into(),
        );
    }
}

fn written(out: &mut Vec<String>, kind: &Kind, object: &Value) {
    if let Some(template) = &kind.template {
        pods::warn(
            out,
            at(object, template.keys),
            &format!("{}.", template.path),
        );
    }
    (kind.warn.object)(out, object);
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
fn fractional(out: &mut Vec<String>, path: fmt::Arguments<'_>, value: &Value) {
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
    use crate::kinds::builtin::rows;

    #[test]
    fn what_kubectl_prints_as_warnings() {
        let pod = json!({"metadata": {"name": "a.b"}, "spec": {"containers": [{
            "env": [{"name": "A"}, {"name": "A"}], "resources": {"limits": {"memory": "100m"}}}]}});
        assert_eq!(
            of(rows::named("core.v1.Pod").expect("a row"), &pod),
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
        assert!(
            of_update(
                rows::named("apps.v1.Deployment").expect("a row"),
                &set(true),
                &set(true)
            )
            .is_empty()
        );
        assert_eq!(
            of_update(
                rows::named("apps.v1.Deployment").expect("a row"),
                &set(true),
                &set(false)
            ),
            [
                "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
            ]
        );
    }
}
