//! Policies and match conditions in a build without CEL: they cannot be created, and what got in through a side door
//! refuses every request, rather than none.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Attributes, rules};
use crate::kinds::builtin::values::items;
use crate::model::resource::ResourceKey;
use crate::model::status::ApiError;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;

const FEATURE: &str = "enable the cargo feature \"cel\" of kmock-kubernetes";

fn refused(what: &str) -> ApiError {
    ApiError::not_implemented(format!("{what} without CEL: {FEATURE}"))
}

/// What a policy remembers from one round for the next.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) wanted: bool,
}

impl Rounds {
    pub(super) fn begin_again(&mut self) {}
}

pub(super) fn forget(_cluster: &Cluster) {}

static MUTATING: LazyLock<ResourceKey> = LazyLock::new(|| bindings("mutating"));
static VALIDATING: LazyLock<ResourceKey> = LazyLock::new(|| bindings("validating"));

fn bindings(of: &str) -> ResourceKey {
    let plural = format!("{of}admissionpolicybindings");
    ResourceKey::new("admissionregistration.k8s.io", plural)
}

/// Whether there are no policies.
pub(super) fn are_none(cluster: &Cluster) -> bool {
    cluster.store().count(&MUTATING) == 0 && cluster.store().count(&VALIDATING) == 0
}

fn check(asked: &Attributes<'_>, bindings: &ResourceKey) -> Result<(), ApiError> {
    if asked.cluster().store().count(bindings) == 0 || rules::is_exempt(asked) {
        return Ok(());
    }
    Err(refused("admission policies"))
}

pub(super) async fn mutate(
    asked: &Attributes<'_>,
    object: &mut Value,
    _rounds: &mut Rounds,
) -> Result<(), ApiError> {
    let is_policy = asked.kind.starts_with("ValidatingAdmissionPolicy")
        || asked.kind.starts_with("MutatingAdmissionPolicy");
    if rules::is_exempt(asked) && is_policy && object.is_object() {
        return Err(refused("admission policies"));
    }
    let has_conditions = |hook: &Value| !items(hook, &["matchConditions"]).is_empty();
    if rules::is_exempt(asked) && items(object, &["webhooks"]).iter().any(has_conditions) {
        return Err(refused("matchConditions"));
    }
    check(asked, &MUTATING)
}

pub(super) async fn validate(
    asked: &Attributes<'_>,
    _object: &Value,
    _warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    check(asked, &VALIDATING)
}

/// Conditions that cannot be run.
#[derive(Debug)]
pub(super) struct Conditions {
    any: bool,
}

impl Conditions {
    pub(super) fn compile(conditions: &Value, _params: bool, _ignores_failures: bool) -> Self {
        Self {
            any: !items(conditions, &[]).is_empty(),
        }
    }

    pub(super) fn hold(
        &self,
        _asked: &Attributes<'_>,
        _served: &Served,
        _object: &Value,
    ) -> Result<bool, ApiError> {
        match self.any {
            true => Err(refused("matchConditions")),
            false => Ok(true),
        }
    }
}
