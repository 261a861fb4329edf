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
mod default_class;
mod default_tolerations;
mod in_use_protection;
mod limit_ranger;
mod namespace_lifecycle;
mod pod_topology_labels;
mod priority;
mod quota;
mod resize;
mod runtime_class;
mod taint_nodes;

use serde_json::Value;

pub use attributes::{Attributes, Operation, Options};

use crate::model::status::ApiError;

/// A plugin that needs nobody else's answer.
trait Plugin: Sync {
    /// Fills in what is missing, or refuses. Of deletions the object is null.
    fn admit(
        &self,
        _asked: &Attributes<'_>,
        _object: &mut Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses an object that is valid otherwise. Of deletions the object is null.
    fn validate(
        &self,
        _asked: &Attributes<'_>,
        _object: &Value,
        _warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The plugins that a server runs unless it is told otherwise, in its order.
static PLUGINS: [&dyn Plugin; 15] = [
    &namespace_lifecycle::NamespaceLifecycle,
    &limit_ranger::LimitRanger,
    &taint_nodes::TaintNodesByCondition,
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
    &quota::ResourceQuota,
];

/// Lets all plugins change an object that is about to be written.
pub async fn mutate(
    asked: &Attributes<'_>,
    object: &mut Value,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    for plugin in PLUGINS {
        plugin.admit(asked, object, warnings)?;
    }
    Ok(())
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
    Ok(())
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
