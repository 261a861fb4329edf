//! The strategy of a built-in kind: puts the rooms of this directory behind the seam that the verbs use.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::gotypes::Struct;
use super::{
    convert, decode, defaults, fields, pods, prepare, printers, unstructured, validate, warnings,
};
use crate::model::resource::Resource;
use crate::model::status::FieldError;
use crate::model::strategy::{
    Check, Column, Context, Decoded, Generation, Grace, NameRule, Neutral, Strategy,
};
use kmock_apply::ordered::Node;
use kmock_apply::schema::{Schema, SchemaRef};

/// The rules of a built-in resource in one version.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its Go type.
    root: &'static Struct,
    /// It has a `status` subresource.
    has_status: bool,
}

/// The strategy of a built-in resource.
pub fn of(resource: &Resource) -> Arc<dyn Strategy> {
    match Struct::of_kind(&resource.group, &resource.version, &resource.kind) {
        Some(root) => Arc::new(BuiltIn {
            root,
            has_status: resource.subresource("status").is_some(),
        }),
        None => Arc::new(Neutral),
    }
}

impl BuiltIn {
    /// The type of what is written to a subresource that takes the object itself.
    fn decoded(&self, context: &Context<'_>, decoded: decode::Decoded) -> Decoded {
        let mut object = decoded.object;
        // A decoder of the API server fills in the defaults as it goes.
        self.default(context, &mut object);
        Decoded {
            object,
            complaints: decoded.complaints,
        }
    }
}

impl Strategy for BuiltIn {
    fn schema(&self, resource: &Resource) -> Option<SchemaRef> {
        Schema::of_kind(&resource.group, &resource.version, &resource.kind).map(SchemaRef::from)
    }

    fn read(&self, context: &Context<'_>, body: &Node, _text: &[u8]) -> Result<Decoded, String> {
        decode::decode(self.root, body).map(|decoded| self.decoded(context, decoded))
    }

    fn read_merged(&self, context: &Context<'_>, object: &Value) -> Result<Decoded, String> {
        unstructured::decode(self.root, object).map(|decoded| self.decoded(context, decoded))
    }

    fn empty(&self, _context: &Context<'_>) -> Value {
        decode::zero_struct(self.root)
    }

    fn before_store(&self, resource: &Resource, object: &mut Value) {
        // The object is in the storage version, which may be another type than that of the request.
        let root = Struct::of_kind(
            &resource.storage.group,
            &resource.storage_version,
            &resource.kind,
        )
        .unwrap_or(self.root);
        decode::stored(root, object);
        // What is read back from the storage gets its defaults again.
        defaults::fill(root, object);
        prepare::takes_template_labels(object);
        decode::stored(root, object);
    }

    fn default(&self, _context: &Context<'_>, object: &mut Value) {
        convert::aliases(self.root.name, object);
        defaults::fill(self.root, object);
        decode::omitted(self.root, object);
    }

    fn convert(&self, object: &mut Value, from: &str, to: &str) {
        convert::between(object, from, to);
    }

    fn reset_fields(
        &self,
        _resource: &Resource,
        subresource: &str,
    ) -> &'static [&'static [&'static str]] {
        prepare::reset_fields(self.root.name, self.has_status, subresource)
    }

    fn prepare_for_create(&self, context: &Context<'_>, object: &mut Value) {
        if self.has_status && self.root.name != "core.v1.Node" {
            prepare::reset_status(self.root, object);
        }
        prepare::create(self.root.name, context, object);
    }

    fn validate(&self, context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        validate::create(self.root.name, context, object)
    }

    fn warnings(&self, _context: &Context<'_>, object: &Value) -> Vec<String> {
        warnings::of(self.root.name, object)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        prepare::update(self.root.name, self.has_status, context, new, old);
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Vec<FieldError> {
        validate::update(self.root.name, context, new, old)
    }

    fn update_warnings(&self, context: &Context<'_>, new: &Value, old: &Value) -> Vec<String> {
        match context.subresource {
            "" => warnings::of_update(self.root.name, new, old),
            "status" => warnings::of_status(self.root.name, new),
            _ => Vec::new(),
        }
    }

    fn allow_create_on_update(&self) -> bool {
        matches!(
            self.root.name,
            "coordination.v1.Lease"
                | "rbac.v1.Role"
                | "rbac.v1.RoleBinding"
                | "rbac.v1.ClusterRole"
                | "rbac.v1.ClusterRoleBinding"
                | "core.v1.LimitRange"
                | "core.v1.Endpoints"
                | "core.v1.Service"
                | "core.v1.Event"
                | "events.v1.Event"
                | "node.v1.RuntimeClass"
        )
    }

    fn allow_unconditional_update(&self) -> bool {
        !matches!(
            self.root.name,
            "coordination.v1.Lease"
                | "policy.v1.PodDisruptionBudget"
                | "apiregistration.v1.APIService"
                | "admissionregistration.v1.ValidatingWebhookConfiguration"
                | "admissionregistration.v1.MutatingWebhookConfiguration"
                | "admissionregistration.v1.ValidatingAdmissionPolicy"
                | "admissionregistration.v1.ValidatingAdmissionPolicyBinding"
                | "admissionregistration.v1.MutatingAdmissionPolicy"
                | "admissionregistration.v1.MutatingAdmissionPolicyBinding"
                | "storage.v1.VolumeAttachment"
                | "storage.v1.CSIDriver"
                | "storage.v1.CSINode"
                | "storage.v1.CSIStorageCapacity"
                | "node.v1.RuntimeClass"
        )
    }

    fn name_rule(&self) -> NameRule {
        match self.root.name {
            "core.v1.Namespace" | "core.v1.Service" | "apps.v1.StatefulSet" => NameRule::Label,
            "rbac.v1.Role"
            | "rbac.v1.RoleBinding"
            | "rbac.v1.ClusterRole"
            | "rbac.v1.ClusterRoleBinding" => NameRule::PathSegment,
            // Their names are checked with the rest of the object, or not at all.
            "networking.v1.IPAddress"
            | "apiregistration.v1.APIService"
            | "policy.v1.PodDisruptionBudget"
            | "core.v1.Event" => NameRule::PathSegment,
            "core.v1.ReplicationController" | "resource.v1.DeviceClass" => NameRule::LongName,
            _ => NameRule::Subdomain,
        }
    }

    fn generation(&self) -> Generation {
        if self.root.name == "storage.v1.CSIDriver" {
            Generation::ManagedFromZero
        } else if prepare::has_generation(self.root.name) {
            Generation::Managed
        } else {
            Generation::Unmanaged
        }
    }

    fn bumps_generation(&self, new: &Value, old: &Value) -> bool {
        prepare::bumps_generation(self.root.name, new, old)
    }

    fn checks_on_create(&self) -> &'static [Check] {
        match self.root.name {
            "core.v1.Event" | "events.v1.Event" | "policy.v1.PodDisruptionBudget" => &[Check::Own],
            _ => &[Check::Metadata, Check::Own],
        }
    }

    fn checks_on_update(&self, subresource: &str) -> &'static [Check] {
        use Check::{Metadata, MetadataUpdate, Own};
        let name = self.root.name;
        if !subresource.is_empty() {
            return match name {
                "policy.v1.PodDisruptionBudget" | "batch.v1.CronJob" => &[Own],
                "storage.v1.VolumeAttachment"
                | "flowcontrol.v1.FlowSchema"
                | "flowcontrol.v1.PriorityLevelConfiguration" => &[Metadata, Own],
                "certificates.v1.CertificateSigningRequest" => &[Metadata, Own, MetadataUpdate],
                "core.v1.Pod" if subresource != "status" => &[MetadataUpdate, Metadata, Own],
                _ => &[MetadataUpdate, Own],
            };
        }
        match name {
            "core.v1.Event" | "events.v1.Event" | "policy.v1.PodDisruptionBudget" => &[Own],
            "core.v1.LimitRange"
            | "discovery.v1.EndpointSlice"
            | "storage.v1.CSINode"
            | "storage.v1.VolumeAttachment"
            | "flowcontrol.v1.FlowSchema"
            | "flowcontrol.v1.PriorityLevelConfiguration" => &[Metadata, Own],
            "core.v1.PersistentVolume" => &[Metadata, Metadata, Own],
            "core.v1.Namespace"
            | "rbac.v1.Role"
            | "rbac.v1.ClusterRole"
            | "rbac.v1.RoleBinding"
            | "rbac.v1.ClusterRoleBinding"
            | "batch.v1.Job"
            | "storage.v1.StorageClass"
            | "storage.v1.CSIStorageCapacity"
            | "node.v1.RuntimeClass"
            | "networking.v1.IPAddress"
            | "resource.v1.ResourceClaimTemplate"
            | "certificates.v1.CertificateSigningRequest" => &[Metadata, Own, MetadataUpdate],
            "core.v1.Node" | "resource.v1.ResourceClaim" | "resource.v1.DeviceClass" => {
                &[Metadata, MetadataUpdate, Own]
            }
            "core.v1.PersistentVolumeClaim"
            | "core.v1.ServiceAccount"
            | "core.v1.Endpoints"
            | "core.v1.Pod"
            | "apps.v1.ControllerRevision"
            | "networking.v1.Ingress" => &[MetadataUpdate, Metadata, Own],
            "core.v1.ConfigMap" | "core.v1.Secret" | "networking.v1.IngressClass" => {
                &[MetadataUpdate, Own, Metadata]
            }
            _ if name.starts_with("admissionregistration.") => &[Metadata, Own],
            _ => &[MetadataUpdate, Own],
        }
    }

    fn qualified_finalizers(&self) -> bool {
        let name = self.root.name;
        !matches!(
            name,
            "coordination.v1.Lease"
                | "policy.v1.PodDisruptionBudget"
                | "core.v1.Event"
                | "node.v1.RuntimeClass"
        ) && !name.starts_with("admissionregistration.")
            && !name.starts_with("apiregistration.")
    }

    fn propagates(&self) -> bool {
        !matches!(self.root.name, "core.v1.Event" | "events.v1.Event")
    }

    fn undeletable(&self, name: &str) -> Option<&'static str> {
        let of_system = matches!(name, "system-node-critical" | "system-cluster-critical");
        (self.root.name == "scheduling.v1.PriorityClass" && of_system)
            .then_some("this is a system priority class and cannot be deleted")
    }

    fn delete_returns_object(&self) -> bool {
        matches!(
            self.root.name,
            "core.v1.Service"
                | "core.v1.ServiceAccount"
                | "core.v1.ResourceQuota"
                | "core.v1.PodTemplate"
                | "core.v1.Pod"
                | "core.v1.Namespace"
                | "core.v1.PersistentVolume"
                | "core.v1.PersistentVolumeClaim"
                | "storage.v1.StorageClass"
                | "storage.v1.VolumeAttachment"
                | "storage.v1.CSINode"
                | "storage.v1.CSIDriver"
                | "storage.v1.VolumeAttributesClass"
        ) || self.root.name.starts_with("resource.v1.")
    }

    fn orphans_by_default(&self) -> bool {
        matches!(
            self.root.name,
            "batch.v1.Job" | "core.v1.ReplicationController"
        )
    }

    fn delete_warnings(&self, policy_given: bool) -> Vec<String> {
        if policy_given || self.root.name != "batch.v1.Job" {
            return Vec::new();
        }
        vec![
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them \
             or set propagationPolicy=Orphan to suppress this warning"
                .to_owned(),
        ]
    }

    fn grace(&self, object: &Value, requested: Option<i64>) -> Grace {
        match self.root.name {
            "core.v1.Pod" => pods::grace(object, requested),
            _ => Grace::None,
        }
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        fields::selectable(self.root.name, object)
    }

    fn unsupported_field(&self, _resource: &Resource, label: &str) -> Option<String> {
        fields::unsupported(self.root.name, label)
    }

    fn canonical_field<'a>(&self, _resource: &Resource, label: &'a str) -> &'a str {
        fields::canonical(self.root.name, label)
    }

    fn columns(&self, _resource: &Resource) -> Option<Vec<Column<'_>>> {
        printers::columns(self.root.name)
    }

    fn cells(&self, _resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
        printers::cells(self.root.name, object, now)
    }

    fn row_conditions(&self, _resource: &Resource, object: &Value) -> Option<Value> {
        printers::row_conditions(self.root.name, object)
    }
}
