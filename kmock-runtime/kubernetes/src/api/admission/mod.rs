//! Admission: what is let in, and what is filled in on the way.
//!
//! Every write goes through one chain, in the server's order ([`PLUGINS`]): first all plugins may change the object,
//! then, when it is known to be valid, all of them may still refuse it.
//!
//! ```text
//! body ─► mutate ─► prepared, validated ─► validate ─► stored
//! ```
//!
//! One file a plugin, named as Kubernetes names it. Order and defaults: `pkg/kubeapiserver/options/plugins.go` of v1.36.

pub mod attributes;
mod certificates;
#[cfg(feature = "cel")]
mod conditions;
mod default_class;
mod default_tolerations;
mod in_use_protection;
mod limit_ranger;
mod namespace_lifecycle;
mod node_declared_features;
mod node_restriction;
mod plugin;
mod pod_resize;
mod pod_security;
mod pod_topology_labels;
#[cfg(feature = "cel")]
mod policies;
mod priority;
mod quota;
mod resize;
mod rules;
mod runtime_class;
mod service_account;
mod taint_nodes;
mod webhooks;
#[cfg(not(feature = "cel"))]
mod without_cel;

use std::sync::Arc;

use serde_json::Value;

pub use attributes::{Attributes, Operation};
#[cfg(feature = "cel")]
use conditions::Conditions;
use plugin::Plugin;
#[cfg(feature = "cel")]
pub use policies::PolicyStatuses;
#[cfg(not(feature = "cel"))]
use without_cel::{self as policies, Conditions};

use crate::model::resource::ResourceKey;
use crate::model::status::ApiError;
use crate::state::change::Reactor;
use crate::state::cluster::Cluster;
use crate::state::store::Event;

/// The plugins that a server runs unless it is told otherwise, in its order, but for those of webhooks and quotas, which
/// come last.
static PLUGINS: [&dyn Plugin; 19] = [
    &namespace_lifecycle::NamespaceLifecycle,
    &limit_ranger::LimitRanger,
    &service_account::ServiceAccount,
    &node_restriction::NodeRestriction,
    &taint_nodes::TaintNodesByCondition,
    &pod_security::PodSecurity,
    &priority::Priority,
    &default_tolerations::DefaultTolerationSeconds,
    &default_class::DefaultStorageClass,
    &in_use_protection::StorageObjectInUseProtection,
    &resize::PersistentVolumeClaimResize,
    &runtime_class::RuntimeClass,
    &certificates::CertificateApproval,
    &certificates::CertificateSigning,
    &certificates::CertificateSubjectRestriction,
    &default_class::DefaultIngressClass,
    &pod_topology_labels::PodTopologyLabels,
    &node_declared_features::NodeDeclaredFeatureValidator,
    &pod_resize::PodResizeValidator,
];

/// The plugins that run in any case, by their names.
const ALWAYS: [&str; 22] = [
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "LimitRanger",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "NamespaceLifecycle",
    "NodeDeclaredFeatureValidator",
    "PersistentVolumeClaimResize",
    "PodResizeValidator",
    "PodSecurity",
    "PodTopologyLabels",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
];

impl Cluster {
    /// Lets an admission plugin run from now on, by its name: `ServiceAccount`, `NodeRestriction`. The others that there are
    /// run in any case.
    ///
    /// ```
    /// # use kmock_kubernetes::Cluster;
    /// let cluster = Cluster::default();
    /// assert_eq!(cluster.enable_admission_plugin("ServiceAccount"), Ok(()));
    /// assert!(cluster.enable_admission_plugin("EventRateLimit").is_err());
    /// ```
    ///
    /// # Errors
    /// That there is no such plugin, and which there are.
    pub fn enable_admission_plugin(&self, name: &str) -> Result<(), String> {
        match name {
            "ServiceAccount" => self.enforce_service_accounts(),
            "NodeRestriction" => self.access().restrict_nodes(),
            name if ALWAYS.contains(&name) => {}
            _ => {
                return Err(format!(
                    "kmock has no admission plugin {name}: ServiceAccount and NodeRestriction can be enabled, and these run in \
                     any case: {}",
                    ALWAYS.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// Whether nobody but the server's own plugins is asked: no webhook, and no policy.
pub fn is_plain(cluster: &Cluster) -> bool {
    webhooks::are_none(cluster) && policies::are_none(cluster)
}

/// Lets all plugins change an object that is about to be written.
pub async fn mutate(
    asked: &Attributes<'_>,
    object: &mut Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let mut rounds = (policies::Rounds::default(), webhooks::Rounds::default());
    mutate_once(asked, object, warnings, &mut rounds).await?;
    if rounds.0.wanted || rounds.1.wanted {
        // What was changed late is shown to all once more.
        rounds.0.begin_again();
        rounds.1.begin_again(object);
        mutate_once(asked, object, warnings, &mut rounds).await?;
    }
    Ok(())
}

async fn mutate_once(
    asked: &Attributes<'_>,
    object: &mut Value,
    warnings: &mut Vec<String>,
    rounds: &mut (policies::Rounds, webhooks::Rounds),
) -> Result<(), ApiError> {
    for plugin in PLUGINS {
        plugin.admit(asked, object, warnings)?;
    }
    policies::mutate(asked, object, &mut rounds.0).await?;
    webhooks::mutate(asked, object, warnings, &mut rounds.1).await
}

/// Lets all plugins refuse an object that is valid.
pub async fn validate(
    asked: &Attributes<'_>,
    object: &Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    for plugin in PLUGINS {
        plugin.validate(asked, object, warnings)?;
    }
    policies::validate(asked, object, warnings).await?;
    webhooks::validate(asked, object, warnings).await?;
    quota::ResourceQuota.validate(asked, object, warnings)
}

/// Both at once: of deletions, and of what is not stored.
pub async fn admit(
    asked: &Attributes<'_>,
    object: &mut Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    mutate(asked, object, warnings).await?;
    validate(asked, object, warnings).await
}

/// Takes note of changes of the configurations of admission.
#[derive(Debug, Clone, Copy)]
pub struct Configurations;

impl Reactor for Configurations {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, _event: &Arc<Event>) {
        if &*place.group == "admissionregistration.k8s.io" {
            webhooks::forget(cluster);
            policies::forget(cluster);
        }
    }
}
