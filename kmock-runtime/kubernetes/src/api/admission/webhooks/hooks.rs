//! The webhooks of all configurations, read once after each change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::super::Attributes;
use super::super::Conditions;
use super::super::rules::{self, Rule};
use crate::api::webhook_call::WebhookTarget;
use crate::kinds::builtin::values::{at, int, items, text};
use crate::model::resource::ResourceKey;
use crate::model::selectors::LabelSelector;
use crate::model::status::ApiError;
use crate::state::cluster::Cluster;
use crate::state::registry::Served;

/// A version of reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReviewVersion {
    V1,
    V1Beta1,
}

/// One webhook of a configuration.
#[derive(Debug)]
pub(super) struct Hook {
    /// Tells it apart from all others.
    pub(super) uid: String,
    pub(super) configuration: String,
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
    /// `matchPolicy: Equivalent`.
    pub(super) equivalent: bool,
    pub(super) namespaces: Option<LabelSelector>,
    pub(super) objects: Option<LabelSelector>,
    conditions: Conditions,
    /// `failurePolicy: Ignore`.
    pub(super) ignores_failures: bool,
    /// `reinvocationPolicy: IfNeeded`.
    pub(super) asked_again: bool,
    /// It has no side effects when nothing is to be stored.
    pub(super) dry_run: bool,
    /// The first one that both sides know.
    pub(super) review_version: Option<ReviewVersion>,
    pub(super) target: WebhookTarget,
}

impl Hook {
    fn read(configuration: &str, index: usize, hook: &Value) -> Hook {
        let name = text(hook, &["name"]).to_owned();
        let versions = items(hook, &["admissionReviewVersions"]);
        let ignores_failures = text(hook, &["failurePolicy"]) == "Ignore";
        let seconds = match int(hook, &["timeoutSeconds"]) {
            0 => 10,
            seconds => seconds.unsigned_abs(),
        };
        Hook {
            uid: format!("{configuration}/{name}/{index}"),
            configuration: configuration.to_owned(),
            rules: Rule::parse_all(at(hook, &["rules"])),
            equivalent: text(hook, &["matchPolicy"]) != "Exact",
            namespaces: rules::selector(at(hook, &["namespaceSelector"])),
            objects: rules::selector(at(hook, &["objectSelector"])),
            conditions: Conditions::compile(
                at(hook, &["matchConditions"]),
                false,
                ignores_failures,
            ),
            ignores_failures,
            asked_again: text(hook, &["reinvocationPolicy"]) == "IfNeeded",
            dry_run: matches!(text(hook, &["sideEffects"]), "None" | "NoneOnDryRun"),
            review_version: versions.iter().find_map(|version| match version.as_str() {
                Some("v1") => Some(ReviewVersion::V1),
                Some("v1beta1") => Some(ReviewVersion::V1Beta1),
                _ => None,
            }),
            target: WebhookTarget::of(at(hook, &["clientConfig"]), Duration::from_secs(seconds)),
            name,
        }
    }

    /// Whether all of its conditions hold for a request.
    pub(super) fn conditions_hold(
        &self,
        asked: &Attributes<'_>,
        served: &Served,
        object: &Value,
    ) -> Result<bool, ApiError> {
        self.conditions.hold(asked, served, object)
    }
}

/// All webhooks, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    pub(super) mutating: Vec<Hook>,
    pub(super) validating: Vec<Hook>,
}

#[derive(Default)]
struct Room(Mutex<Option<Arc<Hooks>>>);

/// Whether there are no webhooks.
pub(in super::super) fn are_none(cluster: &Cluster) -> bool {
    let hooks = of(cluster);
    hooks.mutating.is_empty() && hooks.validating.is_empty()
}

/// The webhooks as they are now.
pub(super) fn of(cluster: &Cluster) -> Arc<Hooks> {
    let room = cluster.room::<Room>();
    let mut kept = room.0.lock().unwrap_or_else(PoisonError::into_inner);
    let hooks = kept.get_or_insert_with(|| {
        Arc::new(Hooks {
            mutating: read(cluster, "mutatingwebhookconfigurations"),
            validating: read(cluster, "validatingwebhookconfigurations"),
        })
    });
    Arc::clone(hooks)
}

/// A configuration has changed.
pub(in super::super) fn forget(cluster: &Cluster) {
    let room = cluster.room::<Room>();
    *room.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn read(cluster: &Cluster, plural: &str) -> Vec<Hook> {
    let place = ResourceKey::new("admissionregistration.k8s.io", plural);
    let configurations = cluster.store().list(&place, "").objects;
    let hooks = configurations.iter().flat_map(|configuration| {
        let hooks = items(&configuration.value, &["webhooks"])
            .iter()
            .enumerate();
        hooks.map(|(index, hook)| Hook::read(configuration.name(), index, hook))
    });
    hooks.collect()
}
