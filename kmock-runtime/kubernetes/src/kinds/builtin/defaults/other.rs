//! Defaults of the remaining groups: networking, storage, RBAC, webhooks, flow control, devices…

use serde_json::{Value, json};

use crate::kinds::builtin::values::{JsonObject, child, each, fill as set, fill_number, fill_text};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn fill(name: &str, object: &mut JsonObject) {
    match name {
        "networking.v1.NetworkPolicy" => network_policy(child(object, "spec")),
        "networking.v1.NetworkPolicyPort" => set(object, "protocol", "TCP"),
        "networking.v1.IngressClassParametersReference" => set(object, "scope", "Cluster"),
        "rbac.v1.ClusterRoleBinding" | "rbac.v1.RoleBinding" => {
            fill_text(child(object, "roleRef"), "apiGroup", RBAC);
        }
        "rbac.v1.Subject" => {
            if matches!(
                object.get("kind").and_then(Value::as_str),
                Some("User" | "Group")
            ) {
                fill_text(object, "apiGroup", RBAC);
            }
        }
        "storage.v1.StorageClass" => {
            set(object, "reclaimPolicy", "Delete");
            set(object, "volumeBindingMode", "Immediate");
        }
        "storage.v1.CSIDriver" => csi_driver(child(object, "spec")),
        "scheduling.v1.PriorityClass" => set(object, "preemptionPolicy", "PreemptLowerPriority"),
        "discovery.v1.EndpointSlice" => {
            for port in each(object, "ports") {
                set(port, "name", "");
                set(port, "protocol", "TCP");
            }
        }
        "admissionregistration.v1.ValidatingWebhook" => webhook(object),
        "admissionregistration.v1.MutatingWebhook" => {
            webhook(object);
            set(object, "reinvocationPolicy", "Never");
        }
        "admissionregistration.v1.RuleWithOperations"
        | "admissionregistration.v1.NamedRuleWithOperations" => {
            set(object, "scope", "*");
        }
        "admissionregistration.v1.ServiceReference" | "apiregistration.v1.ServiceReference" => {
            set(object, "port", 443);
        }
        "admissionregistration.v1.ValidatingAdmissionPolicySpec"
        | "admissionregistration.v1.MutatingAdmissionPolicySpec" => {
            set(object, "failurePolicy", "Fail");
        }
        "admissionregistration.v1.MatchResources" => {
            set(object, "matchPolicy", "Equivalent");
            set(object, "namespaceSelector", json!({}));
            set(object, "objectSelector", json!({}));
        }
        "flowcontrol.v1.FlowSchemaSpec" => fill_number(object, "matchingPrecedence", 1000),
        "flowcontrol.v1.ExemptPriorityLevelConfiguration" => {
            set(object, "nominalConcurrencyShares", 0);
            set(object, "lendablePercent", 0);
        }
        "flowcontrol.v1.LimitedPriorityLevelConfiguration" => {
            set(object, "nominalConcurrencyShares", 30);
            set(object, "lendablePercent", 0);
        }
        "flowcontrol.v1.QueuingConfiguration" => {
            fill_number(object, "handSize", 8);
            fill_number(object, "queues", 64);
            fill_number(object, "queueLengthLimit", 50);
        }
        "resource.v1.ExactDeviceRequest" | "resource.v1.DeviceSubRequest" => {
            fill_text(object, "allocationMode", "ExactCount");
            if object.get("allocationMode").and_then(Value::as_str) == Some("ExactCount") {
                fill_number(object, "count", 1);
            }
        }
        "resource.v1.DeviceToleration" => fill_text(object, "operator", "Equal"),
        _ => {}
    }
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
