//! Defaults of the remaining groups: networking, storage, RBAC, webhooks, flow control, devices…

use serde_json::{Value, json};

use super::Rule;
use crate::kinds::builtin::values::{JsonObject, child, each, fill as set, fill_number, fill_text};

const RBAC: &str = "rbac.authorization.k8s.io";

/// How a type fills in its own.
pub(super) fn rule(name: &str) -> Option<Rule> {
    let rule: Rule = match name {
        "networking.v1.NetworkPolicy" => |object| network_policy(child(object, "spec")),
        "networking.v1.NetworkPolicyPort" => |object| set(object, "protocol", "TCP"),
        "networking.v1.IngressClassParametersReference" => |object| set(object, "scope", "Cluster"),
        "rbac.v1.ClusterRoleBinding" | "rbac.v1.RoleBinding" => |object| {
            fill_text(child(object, "roleRef"), "apiGroup", RBAC);
        },
        "rbac.v1.Subject" => |object| {
            if matches!(
                object.get("kind").and_then(Value::as_str),
                Some("User" | "Group")
            ) {
                fill_text(object, "apiGroup", RBAC);
            }
        },
        "storage.v1.StorageClass" => |object| {
            set(object, "reclaimPolicy", "Delete");
            set(object, "volumeBindingMode", "Immediate");
        },
        "storage.v1.CSIDriver" => |object| csi_driver(child(object, "spec")),
        "scheduling.v1.PriorityClass" => {
            |object| set(object, "preemptionPolicy", "PreemptLowerPriority")
        }
        "discovery.v1.EndpointSlice" => |object| {
            for port in each(object, "ports") {
                set(port, "name", "");
                set(port, "protocol", "TCP");
            }
        },
        "admissionregistration.v1.ValidatingWebhook" => webhook,
        "admissionregistration.v1.MutatingWebhook" => |object| {
            webhook(object);
            set(object, "reinvocationPolicy", "Never");
        },
        "admissionregistration.v1.RuleWithOperations"
        | "admissionregistration.v1.NamedRuleWithOperations" => |object| {
            set(object, "scope", "*");
        },
        "admissionregistration.v1.ServiceReference" | "apiregistration.v1.ServiceReference" => {
            |object| {
                set(object, "port", 443);
            }
        }
        "admissionregistration.v1.ValidatingAdmissionPolicySpec"
        | "admissionregistration.v1.MutatingAdmissionPolicySpec" => |object| {
            set(object, "failurePolicy", "Fail");
        },
        "admissionregistration.v1.MatchResources" => |object| {
            set(object, "matchPolicy", "Equivalent");
            set(object, "namespaceSelector", json!({}));
            set(object, "objectSelector", json!({}));
        },
        "flowcontrol.v1.FlowSchemaSpec" => |object| fill_number(object, "matchingPrecedence", 1000),
        "flowcontrol.v1.ExemptPriorityLevelConfiguration" => |object| {
            set(object, "nominalConcurrencyShares", 0);
            set(object, "lendablePercent", 0);
        },
        "flowcontrol.v1.LimitedPriorityLevelConfiguration" => |object| {
            set(object, "nominalConcurrencyShares", 30);
            set(object, "lendablePercent", 0);
        },
        "flowcontrol.v1.QueuingConfiguration" => |object| {
            fill_number(object, "handSize", 8);
            fill_number(object, "queues", 64);
            fill_number(object, "queueLengthLimit", 50);
        },
        "resource.v1.ExactDeviceRequest" | "resource.v1.DeviceSubRequest" => |object| {
            fill_text(object, "allocationMode", "ExactCount");
            if object.get("allocationMode").and_then(Value::as_str) == Some("ExactCount") {
                fill_number(object, "count", 1);
            }
        },
        "resource.v1.DeviceToleration" => |object| fill_text(object, "operator", "Equal"),
        _ => return None,
    };
    Some(rule)
}

fn network_policy(spec: &mut JsonObject) {
    if spec
        .get("policyTypes")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        let mut types = vec!["Ingress"];
        if spec
            .get("egress")
            .and_then(Value::as_array)
            .is_some_and(|rules| !rules.is_empty())
        {
            types.push("Egress");
        }
        spec.insert("policyTypes".into(), json!(types));
    }
}

fn csi_driver(spec: &mut JsonObject) {
    set(spec, "attachRequired", true);
    set(spec, "podInfoOnMount", false);
    set(spec, "storageCapacity", false);
    set(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if spec
        .get("volumeLifecycleModes")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        spec.insert("volumeLifecycleModes".into(), json!(["Persistent"]));
    }
    set(spec, "requiresRepublish", false);
    set(spec, "seLinuxMount", false);
}

fn webhook(object: &mut JsonObject) {
    set(object, "failurePolicy", "Fail");
    set(object, "matchPolicy", "Equivalent");
    set(object, "namespaceSelector", json!({}));
    set(object, "objectSelector", json!({}));
    set(object, "timeoutSeconds", 10);
}
